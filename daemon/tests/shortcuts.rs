//! Keys of the desktop, by a portal that the test plays.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

mod common;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use common::{Bus, Daemon, QUIET, bus, caller::Calling, calls::proxy, connect};
use tokio::time::Instant;
use zbus::{
    Connection, ObjectPath, OwnedObjectPath, Variant, connection::Builder, interface,
    message::Header, object_server::SignalEmitter,
};

const LIMIT: Duration = Duration::from_secs(20);
const PATH: &str = "/org/freedesktop/portal/desktop";
const KEYS: &str = "org.freedesktop.portal.GlobalShortcuts";

type Options = HashMap<String, zbus::OwnedVariant>;
/// Ids of the shortcuts that were bound.
type Bound = Arc<Mutex<Vec<String>>>;

/// A portal whose user agrees to everything, or to nothing.
struct Portal {
    bound: Bound,
    asked: Arc<AtomicUsize>,
    agrees: bool,
}

/// Answers a request as portals do: by a signal of an object whose path the caller foresees.
async fn respond(
    header: &Header<'_>,
    emitter: &SignalEmitter<'_>,
    options: &Options,
    (code, results): (u32, HashMap<&str, Variant<'_>>),
) -> OwnedObjectPath {
    let sender = header.sender().unwrap().trim_start_matches(':').replace('.', "_");
    let token = <&str>::try_from(&*options["handle_token"]).unwrap();
    let path = ObjectPath::try_from(format!("{PATH}/request/{sender}/{token}")).unwrap();
    let to = header.sender().unwrap().to_owned();
    let interface = "org.freedesktop.portal.Request";
    let bus = emitter.connection();
    bus.emit_signal(Some(to), &path, interface, "Response", &(code, results)).await.unwrap();
    path.into()
}

#[interface(name = "org.freedesktop.portal.GlobalShortcuts")]
impl Portal {
    async fn create_session(
        &self,
        options: Options,
        #[zbus(header)] header: Header<'_>,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> OwnedObjectPath {
        let session = HashMap::from([("session_handle", Variant::from(session()))]);
        respond(&header, &emitter, &options, (0, session)).await
    }

    async fn bind_shortcuts(
        &self,
        _session: OwnedObjectPath,
        shortcuts: Vec<(String, Options)>,
        _window: String,
        options: Options,
        #[zbus(header)] header: Header<'_>,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> OwnedObjectPath {
        let ids = shortcuts.into_iter().map(|(id, about)| {
            assert!(about.contains_key("description"), "{id}");
            id
        });
        self.asked.fetch_add(1, Ordering::Relaxed);
        if self.agrees {
            self.bound.lock().unwrap().extend(ids);
        }
        respond(&header, &emitter, &options, (u32::from(!self.agrees), HashMap::new())).await
    }
}

fn session() -> String {
    format!("{PATH}/session/1_1/ahoy")
}

/// Takes the portal's name on a bus.
async fn portal(bus: &Bus, agrees: bool) -> (Connection, Bound) {
    let (connection, bound, _) = counting_portal(bus, agrees).await;
    (connection, bound)
}

/// The same, with how often it was asked for keys.
async fn counting_portal(bus: &Bus, agrees: bool) -> (Connection, Bound, Arc<AtomicUsize>) {
    let (bound, asked) = (Bound::default(), Arc::<AtomicUsize>::default());
    let portal = Portal { bound: Arc::clone(&bound), asked: Arc::clone(&asked), agrees };
    let connection = Builder::address(bus.address.as_str())
        .serve_at(PATH, portal)
        .name("org.freedesktop.portal.Desktop")
        .build()
        .await
        .unwrap();
    (connection, bound, asked)
}

async fn press(from: &Connection, to: &str, id: &str) {
    let session = ObjectPath::try_from(session()).unwrap();
    let body = (session, id, 0u64, HashMap::<&str, Variant<'_>>::new());
    from.emit_signal(Some(to), PATH, KEYS, "Activated", &body).await.unwrap();
}

/// The unique name of the daemon.
async fn daemon_name(controller: &Connection) -> String {
    let bus = zbus::fdo::DBusProxy::new(controller).await.unwrap();
    let name = common::NAME.try_into().unwrap();
    bus.get_name_owner(name).await.unwrap().to_string()
}

async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut holds: impl FnMut() -> F) -> T {
    let begin = Instant::now();
    loop {
        if let Some(held) = holds().await {
            return held;
        }
        assert!(begin.elapsed() < LIMIT, "{what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn state(controller: &Connection, call: &OwnedObjectPath) -> String {
    let call = proxy(controller, call.as_str(), "Call").await;
    call.get_property("State").await.unwrap_or_default()
}

async fn until_state(controller: &Connection, call: &OwnedObjectPath, wanted: &str) {
    until(wanted, || async { (state(controller, call).await == wanted).then_some(()) }).await;
}

async fn until_bound(bound: &Bound) {
    until("the keys", || async { (bound.lock().unwrap().len() == 4).then_some(()) }).await;
}

const WANTED: &str = "[shortcuts]\nglobal = true\n";

#[tokio::test]
async fn keys_of_the_desktop_answer_and_hang_up_and_only_the_portal_presses_them() {
    let Some(bus) = bus() else { return };
    bus.configure(&format!("{WANTED}{QUIET}"));
    let (portal, bound) = portal(&bus, true).await;
    let daemon = Daemon::on(bus);
    let controller = connect(&daemon).await;
    let name = daemon_name(&controller).await;
    until_bound(&bound).await;
    let app = Calling::register(&daemon).await;
    let (call, _) = app.rings("tel", "+49305678").await.unwrap();
    // A program that is not the portal says that a key was pressed.
    press(&controller, &name, "answer-or-hang-up").await;
    let manager = proxy(&controller, common::calls::ROOT, "Manager").await;
    let _: String = manager.get_property("State").await.unwrap();
    assert_eq!(state(&controller, &call).await, "ringing");
    press(&portal, &name, "unknown").await;
    press(&portal, &name, "answer-or-hang-up").await;
    until_state(&controller, &call, "active").await;
    press(&portal, &name, "answer-or-hang-up").await;
    until_state(&controller, &call, "ended").await;
    let (call, _) = app.rings("tel", "+49305678").await.unwrap();
    press(&portal, &name, "decline").await;
    until_state(&controller, &call, "ended").await;
}

#[tokio::test]
async fn the_key_to_talk_opens_the_ears_or_says_why_not() {
    let Some(bus) = bus() else { return };
    bus.configure(&format!("{WANTED}{QUIET}"));
    let (portal, bound) = portal(&bus, true).await;
    let daemon = Daemon::on(bus);
    let controller = connect(&daemon).await;
    let name = daemon_name(&controller).await;
    until_bound(&bound).await;
    let voice = proxy(&controller, common::calls::ROOT, "Voice").await;
    let mut said = voice.receive_signal("Prompt").await.unwrap();
    press(&portal, &name, "talk").await;
    // There is no PipeWire here: it is said, as to any controller.
    let text = futures_util::StreamExt::next(&mut said);
    let signal = tokio::time::timeout(LIMIT, text).await.unwrap().unwrap();
    let (text, _): (String, Vec<String>) = signal.body().deserialize().unwrap();
    assert!(text.contains("PipeWire"), "{text}");
}

#[tokio::test]
async fn a_portal_that_comes_late_is_found_and_one_that_refuses_costs_the_keys_alone() {
    let Some(bus) = bus() else { return };
    bus.configure(&format!("{WANTED}{QUIET}"));
    let daemon = Daemon::on(bus);
    let controller = connect(&daemon).await;
    let (refusing, _, asked) = counting_portal(&daemon.bus, false).await;
    until("a question", || async { (asked.load(Ordering::Relaxed) > 0).then_some(()) }).await;
    refusing.close().await.unwrap();
    let (_portal, bound) = portal(&daemon.bus, true).await;
    until_bound(&bound).await;
    let app = Calling::register(&daemon).await;
    let (call, how) = app.rings("tel", "+49305678").await.unwrap();
    assert_eq!((how.as_str(), state(&controller, &call).await.as_str()), ("ring", "ringing"));
    app.ends(&call).await;
    assert_eq!(daemon.log().matches("no keys of the desktop").count(), 1, "one warning");
}

#[tokio::test]
async fn nothing_is_asked_of_the_portal_before_the_user_wants_keys() {
    let Some(bus) = bus() else { return };
    bus.configure(QUIET);
    let (_portal, bound) = portal(&bus, true).await;
    let daemon = Daemon::on(bus);
    let controller = connect(&daemon).await;
    let app = Calling::register(&daemon).await;
    let (call, _) = app.rings("tel", "+49305678").await.unwrap();
    assert_eq!(state(&controller, &call).await, "ringing");
    assert!(bound.lock().unwrap().is_empty());
    let settings = proxy(&controller, common::calls::ROOT, "Settings").await;
    let on = ("shortcuts.global", Variant::from(true));
    settings.call::<_, _, ()>("Set", &on).await.unwrap();
    until_bound(&bound).await;
}
