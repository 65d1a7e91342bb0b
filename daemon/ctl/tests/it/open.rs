//! Links: nothing is dialled and nothing is taken up before a click, and only the notification
//! server's clicks count.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use serde_json::json;
use tokio::sync::mpsc;
use zbus::{Connection, OwnedVariant, interface, names::BusName, object_server::SignalEmitter};

use crate::{
    harness::{DEADLINE, Run, Session, run},
    service::dict,
};

const NAME: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";

/// What was shown.
#[derive(Debug)]
struct Shown {
    id: u32,
    title: String,
    text: String,
    actions: Vec<String>,
}

/// A notification server that says what it was asked to show.
struct Notifications {
    shown: mpsc::UnboundedSender<Shown>,
    closed: Arc<Mutex<Vec<u32>>>,
    last: u32,
}

#[interface(name = "org.freedesktop.Notifications")]
impl Notifications {
    fn get_capabilities(&self) -> Vec<String> {
        ["actions", "body", "body-markup"].map(str::to_owned).into()
    }

    #[expect(clippy::too_many_arguments, reason = "the specification's")]
    fn notify(
        &mut self,
        _app: String,
        _replaces: u32,
        _icon: String,
        title: String,
        text: String,
        actions: Vec<String>,
        _hints: BTreeMap<String, OwnedVariant>,
        _expires: i32,
    ) -> u32 {
        self.last += 1;
        self.shown.send(Shown { id: self.last, title, text, actions }).unwrap();
        self.last
    }

    fn close_notification(&self, id: u32) {
        self.closed.lock().unwrap().push(id);
    }

    #[zbus(signal)]
    async fn action_invoked(emitter: &SignalEmitter<'_>, id: u32, key: &str) -> zbus::Result<()>;

    #[zbus(signal)]
    async fn notification_closed(
        emitter: &SignalEmitter<'_>,
        id: u32,
        reason: u32,
    ) -> zbus::Result<()>;
}

/// A session with a notification server.
struct Desk {
    session: Session,
    server: Connection,
    shown: mpsc::UnboundedReceiver<Shown>,
    closed: Arc<Mutex<Vec<u32>>>,
}

impl Desk {
    async fn new() -> Self {
        let session = Session::new().await;
        let (tell, shown) = mpsc::unbounded_channel();
        let closed = Arc::default();
        let notifications = Notifications { shown: tell, closed: Arc::clone(&closed), last: 0 };
        let server = zbus::connection::Builder::address(session.address.as_str())
            .serve_at(PATH, notifications)
            .name(NAME)
            .build()
            .await
            .unwrap();
        Self { session, server, shown, closed }
    }

    fn open(&self, link: &str) -> tokio::task::JoinHandle<Run> {
        tokio::spawn(run(self.session.command(&["open", "--", link])))
    }

    async fn shown(&mut self) -> Shown {
        tokio::time::timeout(DEADLINE, self.shown.recv()).await.unwrap().unwrap()
    }

    fn emitter(connection: &Connection) -> SignalEmitter<'static> {
        SignalEmitter::new(connection, PATH).unwrap().to_owned()
    }

    async fn press(&self, id: u32, key: &str) {
        Notifications::action_invoked(&Self::emitter(&self.server), id, key).await.unwrap();
    }
}

/// Everybody on the bus.
async fn names(connection: &Connection) -> Vec<BusName<'static>> {
    let bus = "org.freedesktop.DBus";
    let asked = connection.call_method(Some(bus), "/", Some(bus), "ListNames", &()).await.unwrap();
    let all: Vec<String> = asked.body().deserialize().unwrap();
    let unique = all.into_iter().filter(|name| name.starts_with(':'));
    unique.map(|name| BusName::try_from(name).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_is_dialled_after_the_click_and_not_before() {
    let mut desk = Desk::new().await;
    let opened = desk.open("tel:+49-30-<b>123</b>");
    let refused = desk.shown().await;
    assert_eq!((refused.title.as_str(), refused.actions.len()), ("This link did not work", 0));
    assert_eq!(opened.await.unwrap().code, 2);
    let opened = desk.open("tel:+49-30-123456");
    let asked = desk.shown().await;
    assert_eq!(asked.title, "Call tel:+4930123456?");
    assert_eq!(asked.actions, ["call", "Call", "video", "Call with video"]);
    let asked_so_far = desk.session.service.asked();
    assert!(!asked_so_far.iter().any(|one| one.starts_with("StartCall")), "{asked_so_far:?}");
    // Neither another program's word nor a click on something else is a yes.
    let stranger = zbus::connection::Builder::address(desk.session.address.as_str());
    let stranger = stranger.build().await.unwrap();
    Notifications::action_invoked(&Desk::emitter(&stranger), asked.id, "call").await.unwrap();
    for name in names(&stranger).await {
        let to_one = Desk::emitter(&stranger).set_destination(name);
        Notifications::action_invoked(&to_one, asked.id, "call").await.unwrap();
    }
    desk.press(asked.id + 7, "call").await;
    desk.press(asked.id, "default").await;
    desk.press(asked.id, "video").await;
    let done = opened.await.unwrap();
    assert!(done.ok().starts_with("Calling tel:+4930123456, video."), "{done:?}");
    let calls = desk.session.service.asked();
    let expected = r#"StartCall "" [("tel", "+4930123456")] video=true name="" contact="""#;
    assert_eq!(calls, [expected]);
    assert_eq!(*desk.closed.lock().unwrap(), [asked.id]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_question_is_a_no() {
    let mut desk = Desk::new().await;
    for link in ["sip:bob@example.org", "ahoy:key#v1.abc"] {
        let opened = desk.open(link);
        let asked = desk.shown().await;
        let emitter = Desk::emitter(&desk.server);
        Notifications::notification_closed(&emitter, asked.id, 2).await.unwrap();
        assert_eq!(opened.await.unwrap().ok(), "Nothing was done.\n", "{link}");
    }
    let asked = desk.session.service.asked();
    assert!(!asked.iter().any(|one| one.starts_with("StartCall") || one.starts_with("Accept")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invite_is_taken_up_after_the_click() {
    let mut desk = Desk::new().await;
    let opened = desk.open("ahoy:key#v1.abc");
    let asked = desk.shown().await;
    assert!(asked.text.contains("only if you know who gave you this link"), "{asked:?}");
    assert!(desk.session.service.asked().is_empty());
    desk.press(asked.id, "accept").await;
    opened.await.unwrap().ok();
    assert_eq!(desk.session.service.asked(), ["Accept ahoy:key#v1.abc \"\""]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nobody_can_be_asked_nothing_is_dialled() {
    let session = Session::new().await;
    let run = session.ctl(&["--json", "open", "tel:+4930123456"]).await;
    assert_eq!((run.code, &run.error()["name"]), (1, &json!("NotSupported")));
    let asked = session.service.asked();
    assert!(!asked.iter().any(|one| one.starts_with("StartCall")), "{asked:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_terminal_the_choice_is_typed() {
    let session = Session::new().await;
    let alice = [("id", "c1".into()), ("name", "Alice".into())];
    session.service.world.lock().unwrap().contacts.push(dict(alice));
    for (typed, dials) in [("call", true), ("", false), ("yes", false)] {
        let program = env!("CARGO_BIN_EXE_ahoyctl");
        let line = format!("{program} open tel:+4930123456");
        let mut terminal = tokio::process::Command::new("sh");
        // util-linux's script gives the program a terminal of its own.
        let shell = format!("echo '{typed}' | script -qec '{line}' /dev/null");
        terminal
            .args(["-c", &shell])
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("SHELL", "/bin/sh")
            .env("DBUS_SESSION_BUS_ADDRESS", &session.address);
        let output = run(terminal).await;
        assert!(output.out.contains("Call tel:+4930123456?"), "{output:?}");
        let asked = session.service.asked();
        let dialled = asked.iter().any(|one| one.starts_with("StartCall"));
        assert_eq!(dialled, dials, "{typed:?}: {output:?}");
        if dials {
            session.service.remove_call("/org/ahoycall/Calls1/call/new1").await;
        }
    }
}
