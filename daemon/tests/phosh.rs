//! Calls on Phosh's lock screen, by a client that looks for them as Phosh does: it follows the owner of
//! `org.gnome.Calls`, asks for its objects, and hears of those that come and go.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

mod common;

use std::{collections::HashMap, time::Duration};

use common::{
    Bus, Daemon, QUIET, bus,
    caller::Calling,
    calls::{PATIENCE, control, error_name, until},
    connect,
    sandbox::{Sandbox, until_now},
    saver::Saver,
    start,
};
use futures_util::StreamExt as _;
use tokio::time::Instant;
use zbus::{
    Connection, MatchRule, MessageStream, OwnedVariant, Proxy,
    connection::Builder,
    fdo::{self, DBusProxy, ObjectManagerProxy, RequestNameFlags},
    message::Type,
};

const CALLS: &str = "org.gnome.Calls";
const ROOT: &str = "/org/gnome/Calls";
const CALL: &str = "org.gnome.Calls.Call";

/// A call as Phosh knows it.
#[derive(Clone, Debug, Default, PartialEq)]
struct Seen {
    path: String,
    inbound: bool,
    state: u32,
    id: String,
    name: String,
    protocol: String,
    encrypted: bool,
}

/// What Phosh does with the name: nobody is started, the owner is followed.
struct Phosh {
    connection: Connection,
    bus: DBusProxy<'static>,
}

fn seen(path: &str, of: &HashMap<String, OwnedVariant>) -> Seen {
    let text = |name: &str| <&str>::try_from(&*of[name]).unwrap().to_owned();
    let flag = |name: &str| bool::try_from(&*of[name]).unwrap();
    // All that Phosh's own interface file has.
    assert!(of.contains_key("ImagePath") && of.contains_key("CanDtmf") && of.contains_key("Hints"));
    Seen {
        path: path.to_owned(),
        inbound: flag("Inbound"),
        state: u32::try_from(&*of["State"]).unwrap(),
        id: text("Id"),
        name: text("DisplayName"),
        protocol: text("Protocol"),
        encrypted: flag("Encrypted"),
    }
}

impl Phosh {
    async fn on(address: &str) -> Self {
        let connection = Builder::address(address).build().await.unwrap();
        let bus = DBusProxy::new(&connection).await.unwrap();
        Self { connection, bus }
    }

    async fn owner(&self) -> Option<String> {
        let owner = self.bus.get_name_owner(CALLS.try_into().unwrap()).await;
        owner.ok().map(|name| name.to_string())
    }

    /// The calls there are; none where the name has no owner.
    async fn calls(&self) -> Option<Vec<Seen>> {
        self.owner().await?;
        let objects = ObjectManagerProxy::new(&self.connection, CALLS, ROOT).await.unwrap();
        let objects = objects.get_managed_objects().await.ok()?;
        let mut calls: Vec<Seen> = objects
            .iter()
            .filter(|(path, _)| path.starts_with("/org/gnome/Calls/Call/"))
            .map(|(path, of)| {
                let call = of.iter().find(|(name, _)| name.as_str() == CALL).unwrap().1;
                let call =
                    call.iter().map(|(name, value)| (name.to_string(), value.try_clone().unwrap()));
                seen(path, &call.collect())
            })
            .collect();
        calls.sort_by(|one, other| one.path.cmp(&other.path));
        Some(calls)
    }

    async fn until(&self, what: &str, fits: impl Fn(Option<&[Seen]>) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let now = self.calls().await;
            if fits(now.as_deref()) {
                return;
            }
            assert!(Instant::now() < deadline, "{what}, not {now:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits for one call that is so.
    async fn shows(&self, what: &str, fits: impl Fn(&Seen) -> bool) {
        self.until(what, |calls| calls.is_some_and(|all| all.len() == 1 && fits(&all[0]))).await;
    }

    async fn press(&self, path: &str, method: &str) {
        let call = Proxy::new(&self.connection, CALLS, path.to_owned(), CALL).await.unwrap();
        call.call::<_, _, ()>(method, &()).await.unwrap();
    }

    async fn heard(&self) -> MessageStream {
        let rule = MatchRule::builder().msg_type(Type::Signal).sender(CALLS).path_namespace(ROOT);
        MessageStream::for_match_rule(rule.build().unwrap(), &self.connection, None).await.unwrap()
    }
}

/// The next signal of this name.
async fn signal(heard: &mut MessageStream, member: &str) -> zbus::Message {
    let next = async {
        loop {
            let message = heard.next().await.unwrap().unwrap();
            if message.header().member().is_some_and(|name| name.as_str() == member) {
                return message;
            }
        }
    };
    tokio::time::timeout(PATIENCE, next).await.unwrap()
}

fn can_be_started(bus: &Bus) {
    let text = format!("[D-BUS Service]\nName={CALLS}\nExec=/bin/false\n");
    let file = bus.home.path().join("services").join(format!("{CALLS}.service"));
    std::fs::write(file, text).unwrap();
}

fn talkative(bus: Bus) -> Daemon {
    Daemon::with(bus, |command| {
        command.env("AHOY_LOG", "debug");
    })
}

/// Waits for a line of the log, beside what this test runs.
async fn said(mut daemon: Daemon, words: &'static str) -> Daemon {
    let wait = move || {
        daemon.until_logged(words);
        daemon
    };
    tokio::task::spawn_blocking(wait).await.unwrap()
}

#[tokio::test]
async fn a_call_is_shown_answered_and_ended_on_the_page_and_the_name_goes_with_the_last() {
    let Some(daemon) = start(QUIET) else { return };
    let controller = connect(&daemon).await;
    let phosh = Phosh::on(&daemon.bus.address).await;
    let app = Calling::register(&daemon).await;
    assert_eq!(phosh.owner().await, None, "no calls, no name");
    let (call, _) = app.rings("tel", "+49305678").await.unwrap();
    let wanted = Seen {
        path: format!("{ROOT}/Call/1"),
        inbound: true,
        state: 5,
        id: "+49305678".to_owned(),
        name: "Said by the app".to_owned(),
        protocol: "tel".to_owned(),
        encrypted: false,
    };
    phosh.shows("it rings", |call| *call == wanted).await;
    let mut heard = phosh.heard().await;
    phosh.press(&wanted.path, "Accept").await;
    until(&controller, call.as_str(), "State", "active").await;
    let told = signal(&mut heard, "PropertiesChanged").await;
    let (of, changed, _): (String, HashMap<String, OwnedVariant>, Vec<String>) =
        told.body().deserialize().unwrap();
    assert_eq!((of.as_str(), u32::try_from(&*changed["State"])), (CALL, Ok(1)));

    // A second one waits, by a number of its own.
    let (other, _) = app.rings("tel", "+49301").await.unwrap();
    let added = signal(&mut heard, "InterfacesAdded").await;
    let (path, of): (zbus::OwnedObjectPath, HashMap<String, HashMap<String, OwnedVariant>>) =
        added.body().deserialize().unwrap();
    let waiting = seen(&path, &of[CALL]);
    assert_eq!((waiting.path.as_str(), waiting.state), ("/org/gnome/Calls/Call/2", 5));
    phosh.press(&waiting.path, "Hangup").await;
    until(&controller, other.as_str(), "State", "ended").await;
    phosh.press(&wanted.path, "Hangup").await;
    until(&controller, call.as_str(), "State", "ended").await;
    phosh.until("the name is let go", |calls| calls.is_none()).await;
}

#[tokio::test]
async fn the_name_is_left_to_who_could_be_started_under_it() {
    let Some(bus) = bus() else { return };
    bus.configure(QUIET);
    can_be_started(&bus);
    let daemon = talkative(bus);
    let _controller = connect(&daemon).await;
    let phosh = Phosh::on(&daemon.bus.address).await;
    let app = Calling::register(&daemon).await;
    app.rings("tel", "+49305678").await.unwrap();
    let _daemon = said(daemon, "org.gnome.Calls is somebody else's").await;
    assert_eq!(phosh.owner().await, None);
}

#[tokio::test]
async fn the_name_is_left_to_who_has_it() {
    let Some(bus) = bus() else { return };
    bus.configure(QUIET);
    let other = Builder::address(bus.address.as_str()).name(CALLS).build().await.unwrap();
    let daemon = talkative(bus);
    let _controller = connect(&daemon).await;
    let phosh = Phosh::on(&daemon.bus.address).await;
    let app = Calling::register(&daemon).await;
    app.rings("tel", "+49305678").await.unwrap();
    let own = other.unique_name().map(ToString::to_string);
    let _daemon = said(daemon, "org.gnome.Calls is somebody else's").await;
    assert_eq!(phosh.owner().await, own);
}

#[tokio::test]
async fn in_a_call_the_name_goes_to_who_insists_or_can_be_started_from_now_on() {
    let Some(daemon) = start(QUIET) else { return };
    let controller = connect(&daemon).await;
    let phosh = Phosh::on(&daemon.bus.address).await;
    let app = Calling::register(&daemon).await;
    let (call, _) = app.rings("tel", "+49305678").await.unwrap();
    phosh.shows("it rings", |call| call.state == 5).await;
    let other = Builder::address(daemon.bus.address.as_str()).build().await.unwrap();
    other.object_server().at("/", fdo::ObjectManager).await.unwrap();
    let flags = RequestNameFlags::REPLACE_EXISTING | RequestNameFlags::DO_NOT_QUEUE;
    other.request_name_with_flags(CALLS, flags).await.unwrap();
    assert_eq!(phosh.owner().await, other.unique_name().map(ToString::to_string));
    app.ends(&call).await;
    until(&controller, call.as_str(), "State", "ended").await;
    other.release_name(CALLS).await.unwrap();

    let (call, _) = app.rings("tel", "+49305678").await.unwrap();
    phosh.shows("it rings again", |call| call.state == 5).await;
    can_be_started(&daemon.bus);
    phosh.bus.reload_config().await.unwrap();
    phosh.until("the name is let go", |calls| calls.is_none()).await;
    until(&controller, call.as_str(), "State", "ringing").await;
}

#[tokio::test]
async fn a_locked_session_shows_neither_name_nor_number_without_leave() {
    let Some(bus) = bus() else { return };
    bus.configure(QUIET);
    let saver = Saver::on(&bus.address).await;
    let daemon = Daemon::on(bus);
    let controller = connect(&daemon).await;
    saver.lock(true, &controller).await;
    let phosh = Phosh::on(&daemon.bus.address).await;
    let app = Calling::register(&daemon).await;
    let (call, _) = app.rings("tel", "+49305678").await.unwrap();
    let unnamed = |call: &Seen| call.state == 5 && call.name.is_empty() && call.id.is_empty();
    phosh.shows("somebody rings", unnamed).await;
    let mut heard = phosh.heard().await;
    saver.lock(false, &controller).await;
    let told = signal(&mut heard, "PropertiesChanged").await;
    let (_, changed, _): (String, HashMap<String, OwnedVariant>, Vec<String>) =
        told.body().deserialize().unwrap();
    let name = <&str>::try_from(&*changed["DisplayName"]).unwrap();
    assert_eq!((name, changed.contains_key("Id")), ("Said by the app", true));
    saver.lock(true, &controller).await;
    phosh.shows("nobody is named again", unnamed).await;
    // What may be done on a lock may be done here.
    phosh.press("/org/gnome/Calls/Call/1", "Accept").await;
    until(&controller, call.as_str(), "State", "active").await;
    phosh.shows("it is on", |call| call.state == 1 && call.name.is_empty()).await;
}

#[tokio::test]
async fn a_ring_that_makes_no_sound_lights_no_screen_until_it_is_answered() {
    let Some(daemon) = start(&format!("do-not-disturb = \"on\"\n{QUIET}")) else { return };
    let controller = connect(&daemon).await;
    let phosh = Phosh::on(&daemon.bus.address).await;
    let app = Calling::register(&daemon).await;
    let (silent, how) = app.rings("tel", "+49301").await.unwrap();
    assert_eq!(how, "silent");
    app.ends(&silent).await;
    let (silent, _) = app.rings("tel", "+49302").await.unwrap();
    control(&controller, silent.as_str(), "Answer", true).await.unwrap();
    // The first that ever was there: a ring would have had a number.
    let first = |call: &Seen| call.path.ends_with("/1") && call.state == 1 && call.id == "+49302";
    phosh.shows("the one that was answered", first).await;
}

#[tokio::test]
async fn an_app_in_a_sandbox_sees_and_hears_nothing_by_this_name_either() {
    let Some(daemon) = start(QUIET) else { return };
    let _controller = connect(&daemon).await;
    let phosh = Phosh::on(&daemon.bus.address).await;
    let app = Calling::register(&daemon).await;
    let info =
        format!("[Application]\nname=org.example.Curious\n[Session Bus Policy]\n{CALLS}=talk\n");
    let Some(sandbox) = Sandbox::start(&daemon.bus, &info, &[CALLS]) else { return };
    let curious = Builder::address(sandbox.paced.as_str()).build().await.unwrap();
    let mut hears = MessageStream::from(&curious);
    let rule = MatchRule::builder().msg_type(Type::Signal);
    let add = DBusProxy::new(&curious).await.unwrap();
    add.add_match_rule(rule.build().unwrap()).await.unwrap();
    let (call, _) = app.rings("tel", "+49305678").await.unwrap();
    phosh.shows("it rings", |call| call.state == 5).await;
    let mut heard = phosh.heard().await;
    let objects = ObjectManagerProxy::new(&curious, CALLS, ROOT).await.unwrap();
    let refused = objects.get_managed_objects().await.unwrap_err();
    assert!(refused.to_string().contains("a sandboxed app may dial"), "{refused}");
    let object = Proxy::new(&curious, CALLS, "/org/gnome/Calls/Call/1", CALL).await.unwrap();
    let refused = object.call_method("Accept", &()).await.unwrap_err();
    assert_eq!(error_name(refused), "NotAuthorized");
    app.ends(&call).await;
    // A program of the host hears it after that, so what was to come has come.
    signal(&mut heard, "InterfacesRemoved").await;
    phosh.until("the name is let go", |calls| calls.is_none()).await;
    let of_ours = |message: &zbus::Message| {
        let path = message.header().path().map(ToString::to_string).unwrap_or_default();
        message.message_type() == Type::Signal
            && (path.starts_with(ROOT) || path.starts_with("/org/ahoycall"))
    };
    for message in until_now(&curious, &mut hears).await {
        assert!(!of_ours(&message), "{message}");
    }
}
