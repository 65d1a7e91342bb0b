//! A locked session: what the running daemon refuses, what it still does, and what it shows.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

mod common;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use common::{
    Daemon, QUIET, bus,
    calls::{self, Options, ROOT, proxy},
    connect,
    pair::{call, pair},
};
use futures_util::StreamExt as _;
use zbus::{Connection, OwnedObjectPath, OwnedVariant, Proxy, connection::Builder, interface};

const LIMIT: Duration = Duration::from_secs(20);

/// A screen saver that covers the screen when the test says so.
struct Saver(Arc<Mutex<bool>>);

#[interface(name = "org.freedesktop.ScreenSaver")]
impl Saver {
    fn get_active(&self) -> bool {
        *self.0.lock().unwrap()
    }

    #[zbus(signal)]
    async fn active_changed(
        emitter: &zbus::object_server::SignalEmitter<'_>,
        active: bool,
    ) -> zbus::Result<()>;
}

/// What a notification server was told to show: summary, body and actions, newest last.
type One = (String, String, Vec<String>);
type Shown = Arc<Mutex<Vec<One>>>;

/// A notification server that draws nothing.
struct Notifications(Shown);

#[interface(name = "org.freedesktop.Notifications")]
impl Notifications {
    #[expect(clippy::too_many_arguments, reason = "the specification's")]
    fn notify(
        &self,
        app: String,
        replaces: u32,
        icon: String,
        summary: String,
        body: String,
        actions: Vec<String>,
        hints: HashMap<String, OwnedVariant>,
        expires: i32,
    ) -> u32 {
        drop((app, icon, hints, expires));
        self.0.lock().unwrap().push((summary, body, actions));
        replaces.max(1)
    }

    fn close_notification(&self, id: u32) {
        let _ = id;
    }

    fn get_capabilities(&self) -> Vec<String> {
        vec!["actions".to_owned()]
    }

    fn get_server_information(&self) -> (String, String, String, String) {
        let text = |text: &str| text.to_owned();
        (text("test"), text("test"), text("1"), text("1.2"))
    }
}

/// The desktop of a daemon: its screen saver and its notification server.
struct Desktop {
    connection: Connection,
    active: Arc<Mutex<bool>>,
    shown: Shown,
}

impl Desktop {
    async fn on(address: &str, active: bool) -> Self {
        let (active, shown) = (Arc::new(Mutex::new(active)), Shown::default());
        let saver = Saver(Arc::clone(&active));
        let connection = Builder::address(address)
            .serve_at("/org/freedesktop/ScreenSaver", saver)
            .serve_at("/org/freedesktop/Notifications", Notifications(Arc::clone(&shown)))
            .name("org.freedesktop.ScreenSaver")
            .name("org.freedesktop.Notifications")
            .build()
            .await
            .unwrap();
        Self { connection, active, shown }
    }

    async fn lock(&self, active: bool) {
        *self.active.lock().unwrap() = active;
        let server = self.connection.object_server();
        let path = "/org/freedesktop/ScreenSaver";
        let saver = server.interface::<_, Saver>(path).await.unwrap();
        Saver::active_changed(saver.signal_emitter(), active).await.unwrap();
    }

    /// Waits until the last notification is one that fits.
    async fn until_shown(&self, fits: impl Fn(&One) -> bool) {
        let begin = Instant::now();
        while !self.shown.lock().unwrap().last().is_some_and(&fits) {
            assert!(begin.elapsed() < LIMIT, "{:?}", self.shown.lock().unwrap());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Waits for a value of a property, told by PropertiesChanged.
async fn until(manager: &Proxy<'static>, locked: bool) {
    let mut changes = manager.receive_property_changed::<bool>("SessionLocked").await;
    let told = async {
        while let Some(change) = changes.next().await {
            if change.get().await.unwrap() == locked {
                return;
            }
        }
        panic!("the bus is gone");
    };
    tokio::time::timeout(LIMIT, told).await.unwrap();
}

/// The last part of an error's name.
async fn error<B>(proxy: &Proxy<'static>, method: &str, body: &B) -> String
where
    B: serde::Serialize + zbus::zvariant::DynamicType,
{
    match proxy.call_method(method, body).await {
        Err(zbus::Error::MethodError(name, ..)) => {
            name.as_str().rsplit('.').next().unwrap().to_owned()
        }
        Err(other) => panic!("{method}: {other}"),
        Ok(_) => String::new(),
    }
}

#[tokio::test]
async fn a_locked_session_dials_and_shows_nothing_until_it_is_unlocked() {
    let Some(bus) = bus() else { return };
    bus.configure(QUIET);
    let desktop = Desktop::on(&bus.address, true).await;
    let daemon = Daemon::on(bus);
    let connection = connect(&daemon).await;
    let manager = proxy(&connection, ROOT, "Manager").await;
    let handles = vec![("tel", "+49301")];
    let start = ("", handles, Options::new());
    // Locked before it started: refused from the first request on.
    assert_eq!(error(&manager, "StartCall", &start).await, "SessionLocked");
    assert!(manager.get_property::<bool>("SessionLocked").await.unwrap());
    let history = proxy(&connection, ROOT, "History").await;
    let query = (Options::new(), 10u32, "");
    assert_eq!(error(&history, "Query", &query).await, "SessionLocked");
    let contacts = proxy(&connection, ROOT, "Contacts").await;
    assert_eq!(error(&contacts, "Search", &("", 10u32)).await, "SessionLocked");
    let settings = proxy(&connection, ROOT, "Settings").await;
    assert_eq!(error(&settings, "Get", &("lan.name",)).await, "SessionLocked");
    // The buttons work: there is only nothing to answer.
    assert_eq!(error(&manager, "PressPrimary", &()).await, "InvalidState");
    assert_eq!(error(&manager, "EndAll", &()).await, "");

    let voice = proxy(&connection, ROOT, "Voice").await;
    let mut prompts = voice.receive_signal("Prompt").await.unwrap();
    let said = Options::from([("text", "who called".into())]);
    assert_eq!(error(&voice, "Listen", &(said,)).await, "");
    let prompt = tokio::time::timeout(LIMIT, prompts.next()).await.unwrap().unwrap();
    let (text, names): (String, Vec<String>) = prompt.body().deserialize().unwrap();
    assert!(text.contains("unlock it first") && names.is_empty(), "{text}");

    desktop.lock(false).await;
    until(&manager, false).await;
    assert_eq!(error(&history, "Query", &query).await, "");
    assert_eq!(error(&manager, "StartCall", &start).await, "NoProviderForScheme");
    desktop.lock(true).await;
    until(&manager, true).await;
    assert_eq!(error(&history, "Query", &query).await, "SessionLocked");
}

#[tokio::test]
async fn who_rings_is_named_after_the_unlock_and_not_before() {
    let (Some(ours), Some(theirs)) = (bus(), bus()) else { return };
    ours.configure(QUIET);
    theirs.configure(&format!("{QUIET}[lan]\nname = \"Needle\"\n"));
    let desktop = Desktop::on(&ours.address, false).await;
    let (ours, theirs) = (Daemon::on(ours), Daemon::on(theirs));
    let (here, there) = (connect(&ours).await, connect(&theirs).await);
    let contact = pair(&here, &there).await;
    let manager = proxy(&here, ROOT, "Manager").await;
    desktop.lock(true).await;
    until(&manager, true).await;
    call(&there, &contact).await;
    let has = |actions: &[String], id: &str| actions.iter().any(|one| one == id);
    desktop
        .until_shown(|(summary, _, actions)| {
            !summary.contains("Needle") && has(actions, "answer") && !has(actions, "answer-video")
        })
        .await;
    let ringing: OwnedObjectPath = manager.get_property("RingingCall").await.unwrap();
    let ringing = proxy(&here, ringing.as_str(), "Call").await;
    let named = || async { ringing.get_property::<String>("DisplayName").await.unwrap() };
    assert_eq!(named().await, "");
    desktop.lock(false).await;
    until(&manager, false).await;
    assert_eq!(named().await, "Needle");
    desktop
        .until_shown(|(summary, _, actions)| summary == "Needle" && has(actions, "answer-video"))
        .await;
}

#[tokio::test]
async fn what_somebody_declined_with_is_read_after_the_unlock_and_not_before() {
    let (Some(ours), Some(theirs)) = (bus(), bus()) else { return };
    ours.configure(&format!("{QUIET}[lock]\nshow-caller = true\n"));
    theirs.configure(QUIET);
    let desktop = Desktop::on(&ours.address, false).await;
    let (ours, theirs) = (Daemon::on(ours), Daemon::on(theirs));
    let (here, there) = (connect(&ours).await, connect(&theirs).await);
    let contact = pair(&there, &here).await;
    let manager = proxy(&here, ROOT, "Manager").await;
    let outgoing = call(&here, &contact).await;
    desktop.lock(true).await;
    until(&manager, true).await;
    // It rings there, too, by then.
    calls::until(&here, &outgoing, "State", "remote-ringing").await;
    let theirs = proxy(&there, ROOT, "Manager").await;
    let ringing: OwnedObjectPath = theirs.get_property("RingingCall").await.unwrap();
    let why = Options::from([("message", "In <b>a</b>\nmeeting".into())]);
    let incoming = proxy(&there, ringing.as_str(), "Call").await;
    incoming.call::<_, _, ()>("Decline", &(why,)).await.unwrap();
    // Named, as the user wanted it; but what was written is for the one it was written to.
    desktop
        .until_shown(|(summary, body, _)| summary == "Us" && body == "Declined, with a message")
        .await;
    desktop.lock(false).await;
    desktop.until_shown(|(_, body, _)| body == "Declined: In <b>a</b> meeting").await;
}
