//! A sandboxed dialler on the controllers' name, through a real proxy in a real sandbox: it is asked
//! about once, and sees, hears and controls its own calls and nothing else.

#![expect(clippy::unwrap_used, clippy::unwrap_in_result, reason = "a failed step fails the test")]

mod common;

use std::{
    collections::HashMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use common::{
    Daemon, NAME, QUIET,
    caller::{Calling, uuid},
    calls::{Options, ROOT, error_name, property, proxy},
    connect,
    sandbox::{Running, Sandbox},
    start,
};
use futures_util::StreamExt as _;
use zbus::{
    Connection, MatchRule, Message, MessageStream, OwnedObjectPath, OwnedVariant, Proxy, Structure,
    Variant, connection::Builder, fdo, interface, message::Type,
};

const PATIENCE: Duration = Duration::from_secs(25);
const APP: &str = "org.example.Dialler";
const STORE: &str = "org.freedesktop.impl.portal.PermissionStore";

fn info(policy: &str) -> String {
    format!("[Application]\nname={APP}\nruntime=runtime/x\n{policy}")
}

/// The permission store: what apps may, by their ids.
#[derive(Clone, Default)]
struct Store(Arc<Mutex<HashMap<String, String>>>);

#[derive(Debug, zbus::DBusError)]
#[zbus(prefix = "org.freedesktop.portal.Error")]
enum StoreError {
    #[zbus(error)]
    Bus(zbus::Error),
    NotFound(String),
}

#[interface(name = "org.freedesktop.impl.portal.PermissionStore")]
impl Store {
    fn lookup(
        &self,
        table: String,
        id: String,
    ) -> Result<(HashMap<String, Vec<String>>, Variant<'static>), StoreError> {
        assert_eq!(table, "calls");
        let words = self.0.lock().unwrap().get(&id).cloned();
        let word = words.ok_or_else(|| StoreError::NotFound(id.clone()))?;
        Ok((HashMap::from([(id, vec![word])]), 0u8.into()))
    }

    fn set_permission(
        &self,
        table: String,
        create: bool,
        id: String,
        app: String,
        permissions: Vec<String>,
    ) {
        assert!(table == "calls" && create && id == app);
        self.0.lock().unwrap().insert(id, permissions[0].clone());
    }
}

/// The notification server: what is shown, by id.
#[derive(Clone, Default)]
struct Notices(Arc<Mutex<Vec<Notice>>>);

/// Id, summary, actions.
type Notice = (u32, String, Vec<String>);

#[interface(name = "org.freedesktop.Notifications")]
impl Notices {
    fn get_capabilities(&self) -> Vec<String> {
        vec!["actions".to_owned()]
    }
    fn get_server_information(&self) -> (String, String, String, String) {
        ("test".to_owned(), "x".to_owned(), "1".to_owned(), "1.2".to_owned())
    }
    #[expect(clippy::too_many_arguments, reason = "the specification has them")]
    fn notify(
        &self,
        _name: String,
        _replaces: u32,
        _icon: String,
        summary: String,
        _body: String,
        actions: Vec<String>,
        _hints: HashMap<String, OwnedVariant>,
        _expire: i32,
    ) -> u32 {
        let mut shown = self.0.lock().unwrap();
        let id = u32::try_from(shown.len()).unwrap() + 1;
        shown.push((id, summary, actions));
        id
    }
    fn close_notification(&self, _id: u32) {}
}

/// The desktop's side of a question.
struct Desktop {
    connection: Connection,
    notices: Notices,
    store: Store,
}

impl Desktop {
    async fn new(daemon: &Daemon, with_store: bool) -> Self {
        let (notices, store) = (Notices::default(), Store::default());
        let mut builder = Builder::address(daemon.bus.address.as_str())
            .serve_at("/org/freedesktop/Notifications", notices.clone())
            .name("org.freedesktop.Notifications");
        if with_store {
            let path = "/org/freedesktop/impl/portal/PermissionStore";
            builder = builder.serve_at(path, store.clone()).name(STORE);
        }
        Self { connection: builder.build().await.unwrap(), notices, store }
    }

    fn questions(&self) -> usize {
        self.notices.0.lock().unwrap().iter().filter(|(_, text, _)| text.contains(APP)).count()
    }

    /// Presses a button of the question, once it is shown.
    async fn press(&self, action: &str, question: usize) {
        let deadline = Instant::now() + PATIENCE;
        let id = loop {
            let shown = self.notices.0.lock().unwrap().clone();
            let asked: Vec<_> = shown.iter().filter(|(_, text, _)| text.contains(APP)).collect();
            if let Some((id, _, actions)) = asked.get(question) {
                assert!(actions.iter().any(|one| one == action), "{actions:?}");
                break *id;
            }
            assert!(Instant::now() < deadline, "the user is asked: {shown:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        let (path, interface) = ("/org/freedesktop/Notifications", "org.freedesktop.Notifications");
        let body = (id, action);
        self.connection
            .emit_signal(None::<&str>, path, interface, "ActionInvoked", &body)
            .await
            .unwrap();
    }
}

/// The dialler in its sandbox.
struct App {
    _sandbox: Sandbox,
    connection: Connection,
}

impl App {
    async fn new(daemon: &Daemon, policy: &str) -> Option<Self> {
        let sandbox = Sandbox::start(&daemon.bus, &info(policy), &[NAME])?;
        let connection = Builder::address(sandbox.paced.as_str()).build().await.unwrap();
        Some(Self { _sandbox: sandbox, connection })
    }

    async fn dials(&self, value: &str) -> Result<OwnedObjectPath, zbus::Error> {
        dial(&self.connection, value, Options::new()).await
    }

    /// The last part of the error's name that a method gives.
    async fn error<B>(&self, path: &str, interface: &str, method: &str, body: &B) -> String
    where
        B: serde::Serialize + zbus::zvariant::DynamicType,
    {
        let proxy = raw(&self.connection, path, interface).await;
        error_name(proxy.call_method(method, body).await.unwrap_err())
    }
}

async fn raw(connection: &Connection, path: &str, interface: &str) -> Proxy<'static> {
    Proxy::new(connection, NAME, path.to_owned(), interface.to_owned()).await.unwrap()
}

async fn dial(
    connection: &Connection,
    value: &str,
    options: Options<'_>,
) -> Result<OwnedObjectPath, zbus::Error> {
    let manager = proxy(connection, ROOT, "Manager").await;
    manager.call("StartCall", &("", vec![("tel", value)], options)).await
}

#[tokio::test]
async fn the_user_is_asked_once_and_what_they_said_is_kept_in_the_permission_store() {
    let Some(daemon) = start(QUIET) else { return };
    let _controller = connect(&daemon).await;
    let desktop = Desktop::new(&daemon, true).await;
    let _calling = Calling::register(&daemon).await;
    let Some(app) = App::new(&daemon, "").await else { return };
    let (denied, ()) = tokio::join!(app.dials("+491"), desktop.press("deny", 0));
    let denied = denied.unwrap_err();
    assert!(denied.to_string().contains("flatpak permission-set calls"), "{denied}");
    assert_eq!(error_name(denied), "NotAuthorized");
    let kept = || desktop.store.0.lock().unwrap().get(APP).cloned();
    assert_eq!(kept().as_deref(), Some("no"));
    assert_eq!(error_name(app.dials("+491").await.unwrap_err()), "NotAuthorized");
    assert_eq!(desktop.questions(), 1, "it was asked once");
    // The store is the user's to change, too.
    desktop.store.0.lock().unwrap().insert(APP.to_owned(), "yes".to_owned());
    let placed = app.dials("+491").await.unwrap();
    let ended = proxy(&app.connection, placed.as_str(), "Call").await;
    ended.call::<_, _, ()>("HangUp", &(Options::new(),)).await.unwrap();
    desktop.store.0.lock().unwrap().clear();
    let (allowed, again, ()) =
        tokio::join!(app.dials("+492"), app.dials("+493"), desktop.press("allow", 1));
    // One question for both; two at once are too many, and the words name no call.
    let (placed, refused): (Vec<_>, Vec<_>) = [allowed, again].into_iter().partition(Result::is_ok);
    assert_eq!((placed.len(), refused.len()), (1, 1));
    let refused = refused.into_iter().next().unwrap().unwrap_err();
    assert!(refused.to_string().ends_with("a call cannot be placed now"), "{refused}");
    assert_eq!(error_name(refused), "InvalidState");
    assert_eq!(kept().as_deref(), Some("yes"));
    assert_eq!(desktop.questions(), 2);
}

#[tokio::test]
async fn without_a_permission_store_the_answer_is_kept_in_a_file_of_the_user_s_alone() {
    let Some(mut daemon) = start(QUIET) else { return };
    let _controller = connect(&daemon).await;
    let desktop = Desktop::new(&daemon, false).await;
    let _calling = Calling::register(&daemon).await;
    let Some(app) = App::new(&daemon, "").await else { return };
    let (allowed, ()) = tokio::join!(app.dials("+491"), desktop.press("allow", 0));
    allowed.unwrap();
    daemon.restart();
    let _controller = connect(&daemon).await;
    let _calling = Calling::register(&daemon).await;
    app.dials("+491").await.unwrap();
    assert_eq!(desktop.questions(), 1);
    let file = daemon.bus.home.path().join("data/ahoy/may-dial");
    assert_eq!(fs::read_to_string(&file).unwrap(), format!("{APP} yes\n"));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn a_question_that_nobody_answers_ends_before_common_clients_give_up() {
    let Some(daemon) = start(QUIET) else { return };
    let _controller = connect(&daemon).await;
    let desktop = Desktop::new(&daemon, true).await;
    let _calling = Calling::register(&daemon).await;
    let Some(app) = App::new(&daemon, "").await else { return };
    let begin = Instant::now();
    let refused = app.dials("+491").await.unwrap_err();
    assert!(refused.to_string().contains("choose Allow"), "{refused}");
    assert_eq!(error_name(refused), "NotAuthorized");
    let waited = begin.elapsed();
    assert!((15..25).contains(&waited.as_secs()), "{waited:?}");
    // It is not asked again at once: nobody is to be worn down.
    assert_eq!(error_name(app.dials("+491").await.unwrap_err()), "NotAuthorized");
    assert_eq!(desktop.questions(), 1);
}

/// A daemon whose user lets the dialler call.
async fn allowed(daemon: &Daemon, policy: &str) -> Option<(Desktop, Calling, App)> {
    let desktop = Desktop::new(daemon, true).await;
    desktop.store.0.lock().unwrap().insert(APP.to_owned(), "yes".to_owned());
    let calling = Calling::register(daemon).await;
    Some((desktop, calling, App::new(daemon, policy).await?))
}

#[tokio::test]
async fn it_sees_and_controls_what_it_dialled_and_nothing_else() {
    let Some(daemon) = start(QUIET) else { return };
    let controller = connect(&daemon).await;
    let Some((_desktop, calling, app)) = allowed(&daemon, "").await else { return };
    let (other, _) = calling.rings("tel", "+4930").await.unwrap();
    let own = app.dials("+491").await.unwrap();
    let connection = &app.connection;

    let objects = fdo::ObjectManagerProxy::new(connection, NAME, ROOT).await.unwrap();
    let seen: Vec<_> = objects.get_managed_objects().await.unwrap().into_keys().collect();
    assert_eq!(seen, std::slice::from_ref(&own));
    let manager = raw(connection, ROOT, "org.freedesktop.DBus.Properties").await;
    let all: HashMap<String, OwnedVariant> =
        manager.call("GetAll", &("org.ahoycall.Calls1.Manager",)).await.unwrap();
    let shown = |name: &str| all[name].to_string();
    assert!(
        shown("RingingCall").contains("\"/\"") && shown("State").contains("in-call"),
        "{all:?}"
    );
    assert!(!all.contains_key("DoNotDisturb"));
    let tree = raw(connection, ROOT, "org.freedesktop.DBus.Introspectable").await;
    let xml: String = tree.call("Introspect", &()).await.unwrap();
    assert!(xml.contains("StartCall") && !xml.contains("<node name"), "{xml}");

    // What is another's and what is nobody's give one answer.
    let nobody = format!("{ROOT}/call/00000000_0000_4000_8000_000000004711");
    let call = "org.ahoycall.Calls1.Call";
    let mut said = Vec::new();
    for path in [other.as_str(), &nobody] {
        let object = raw(connection, path, call).await;
        said.push(object.call_method("HangUp", &(Options::new(),)).await.unwrap_err().to_string());
        let properties = raw(connection, path, "org.freedesktop.DBus.Properties").await;
        let refused = properties.call_method("Get", &(call, "Remote")).await.unwrap_err();
        said.push(refused.to_string());
        let tree = raw(connection, path, "org.freedesktop.DBus.Introspectable").await;
        said.push(tree.call_method("Introspect", &()).await.unwrap_err().to_string());
    }
    assert!(said.iter().all(|one| one == &said[0] && one.contains("NotAuthorized")), "{said:?}");
    assert_eq!(app.error(&own, call, "Merge", &(&other,)).await, "NotAuthorized");
    assert_eq!(error_name(app.dials("+4930").await.unwrap_err()), "InvalidState", "it rings here");
    assert_eq!(property(&controller, &other, "State").await.as_deref(), Some("ringing"));

    // Its own it may end, and read.
    assert_eq!(property(connection, &own, "Remote").await.as_deref(), Some("tel"));
    let object = proxy(connection, &own, "Call").await;
    object.call::<_, _, ()>("HangUp", &(Options::new(),)).await.unwrap();
}

#[tokio::test]
async fn everything_but_dialling_is_closed_to_it() {
    let Some(daemon) = start(QUIET) else { return };
    let _controller = connect(&daemon).await;
    let Some((_desktop, _calling, app)) = allowed(&daemon, "").await else { return };
    let closed = [
        ("History", "Query"),
        ("History", "Clear"),
        ("Contacts", "Search"),
        ("Contacts", "Put"),
        ("Filter", "List"),
        ("Filter", "Block"),
        ("Settings", "List"),
        ("Settings", "Set"),
        ("Identity", "Devices"),
        ("Identity", "Invite"),
        ("Audio", "SetPreferred"),
        ("Voice", "Listen"),
        ("Voice", "Interpret"),
        ("Manager", "EndAll"),
        ("Manager", "PressPrimary"),
        ("Manager", "SilenceRinger"),
        ("Manager", "SetDoNotDisturb"),
        ("Manager", "Doctor"),
        ("Nothing", "Nothing"),
    ];
    for (interface, method) in closed {
        let name = format!("org.ahoycall.Calls1.{interface}");
        assert_eq!(
            app.error(ROOT, &name, method, &()).await,
            "NotAuthorized",
            "{interface}.{method}"
        );
        let properties = "org.freedesktop.DBus.Properties";
        if interface != "Manager" {
            let read = app.error(ROOT, properties, "GetAll", &(name,)).await;
            assert_eq!(read, "NotAuthorized", "{interface}");
        }
    }
    let manager = ("org.ahoycall.Calls1.Manager", "DoNotDisturb");
    let read = app.error(ROOT, "org.freedesktop.DBus.Properties", "Get", &manager).await;
    assert_eq!(read, "NotAuthorized");
    for (key, value) in [("contact-id", "1"), ("display-name", "Ann")] {
        let body = ("", Vec::<(&str, &str)>::new(), Options::from([(key, value.into())]));
        let dialled = app.error(ROOT, "org.ahoycall.Calls1.Manager", "StartCall", &body).await;
        assert_eq!(dialled, "NotAuthorized", "{key}");
    }
}

/// Every signal of the daemon that comes to a connection which asks for nothing.
async fn signals(connection: &Connection) -> MessageStream {
    let rule = MatchRule::builder().msg_type(Type::Signal).sender(NAME).build().unwrap();
    MessageStream::for_match_rule(rule, connection, std::num::NonZero::new(4096)).await.unwrap()
}

/// The object that a signal is about.
fn about(message: &Message) -> String {
    let header = message.header();
    let body = message.body();
    let arguments: Structure<'_> = body.deserialize().unwrap();
    match (header.member().unwrap().as_str(), arguments.fields()) {
        ("InterfacesAdded" | "InterfacesRemoved", [Variant::ObjectPath(path), ..])
        | ("ActionFinished", [_, Variant::ObjectPath(path), ..]) => path.to_string(),
        _ => header.path().unwrap().to_string(),
    }
}

/// What is told until an object is gone, as (object, member).
async fn until_removed(signals: &mut MessageStream, object: &str) -> Vec<(String, String)> {
    let mut told = Vec::new();
    loop {
        let next = tokio::time::timeout(PATIENCE, signals.next()).await;
        let message = next.unwrap_or_else(|_| panic!("only {told:?}")).unwrap().unwrap();
        let member = message.header().member().unwrap().to_string();
        let of = about(&message);
        let over = of == object && member == "InterfacesRemoved";
        told.push((of, member));
        if over {
            return told;
        }
    }
}

#[tokio::test]
async fn it_hears_of_its_own_calls_alone_and_who_only_listens_on_the_host_of_all() {
    for policy in ["", "\n[Session Bus Policy]\norg.ahoycall.Calls1=talk\n"] {
        let Some(daemon) = start(QUIET) else { return };
        let _controller = connect(&daemon).await;
        let Some((_desktop, calling, app)) = allowed(&daemon, policy).await else { return };
        // One that never says a word, as a listener in a sandbox would.
        let Some(silent) = App::new(&daemon, policy).await else { return };
        let host = Builder::address(daemon.bus.address.as_str()).build().await.unwrap();
        let mut on_host = signals(&host).await;
        let mut by_app = signals(&app.connection).await;
        let mut by_silent = signals(&silent.connection).await;
        let (other, _) = calling.rings("tel", "+4930").await.unwrap();
        calling.ends(&other).await;
        let on_host_other = until_removed(&mut on_host, &other).await;
        let heard = |told: &[(String, String)], object: &str, member: &str| {
            told.iter().any(|(of, what)| of == object && what == member)
        };
        for member in ["InterfacesAdded", "PropertiesChanged", "InterfacesRemoved"] {
            assert!(heard(&on_host_other, &other, member), "{member}: {on_host_other:?}");
        }
        let own = app.dials("+491").await.unwrap();
        let object = proxy(&app.connection, &own, "Call").await;
        object.call::<_, _, ()>("HangUp", &(Options::new(),)).await.unwrap();
        for told in
            [until_removed(&mut by_app, &own).await, until_removed(&mut by_silent, &own).await]
        {
            assert!(told.iter().all(|(of, _)| *of == own.as_str()), "{told:?}");
            for member in ["InterfacesAdded", "PropertiesChanged", "ActionFinished"] {
                assert!(heard(&told, &own, member), "{member}: {told:?}");
            }
        }
        let told = until_removed(&mut on_host, &own).await;
        assert!(heard(&told, &own, "ActionFinished") && heard(&told, ROOT, "PropertiesChanged"));
    }
}

#[tokio::test]
async fn a_monitor_in_another_sandbox_hears_nothing_of_a_whole_call() {
    let Some(mut daemon) = start(QUIET) else { return };
    let controller = connect(&daemon).await;
    let calling = Calling::register(&daemon).await;
    let named = "[Application]\nname=org.example.Spy\nruntime=x\n";
    let Some(sandbox) = Sandbox::start(&daemon.bus, named, &[NAME]) else { return };
    let heard = daemon.bus.home.path().join("heard");
    let spy = Command::new("gdbus")
        .args(["monitor", "--address", &sandbox.address, "--dest", NAME])
        .stdout(Stdio::from(fs::File::create(&heard).unwrap()))
        .spawn();
    let Ok(spy) = spy else {
        println!("SKIPPED: a monitor in a sandbox: gdbus is not installed");
        return;
    };
    let _spy = Running(spy);
    let text = || fs::read_to_string(&heard).unwrap();
    let deadline = Instant::now() + PATIENCE;
    while !text().contains("owned by") {
        assert!(Instant::now() < deadline, "the monitor listens: {}", text());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let mut told = signals(&controller).await;
    let (call, _) = calling.rings("tel", "+4930").await.unwrap();
    calling.ends(&call).await;
    until_removed(&mut told, &call).await;
    // The last thing that it can hear: the name goes, and with it whatever came before.
    daemon.end();
    while !text().contains("does not have an owner") {
        assert!(Instant::now() < deadline, "the monitor hears the end: {}", text());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let lines = text();
    assert!(!lines.contains("/org/ahoycall"), "{lines}");
}

#[tokio::test]
async fn ten_thousand_calls_of_one_sender_are_refused_and_another_is_served() {
    let Some(daemon) = start(QUIET) else { return };
    let flood = connect(&daemon).await;
    let other = Builder::address(daemon.bus.address.as_str()).build().await.unwrap();
    let _calling = Calling::register(&daemon).await;
    let before = daemon.memory();
    let begin = Instant::now();
    let wishes = futures_util::stream::iter(0..10_000).map(|number| {
        let flood = flood.clone();
        async move {
            // Of a scheme that nobody calls: an app's own cap on calls is another limit.
            let body = ("", vec![("x", number.to_string())], Options::new());
            let interface = Some("org.ahoycall.Calls1.Manager");
            flood.call_method(Some(NAME), ROOT, interface, "StartCall", &body).await.map(drop)
        }
    });
    let flooding = wishes.buffer_unordered(2000).map(|one| one.map_err(error_name)).collect();
    let served = async {
        let options = Options::from([("uuid", uuid().into())]);
        let begin = Instant::now();
        let call = dial(&other, "+4930", options).await;
        (call, begin.elapsed())
    };
    let (ends, (call, waited)): (Vec<Result<(), String>>, _) = tokio::join!(flooding, served);
    let spent = begin.elapsed();
    let limited = ends.iter().filter(|end| **end == Err("LimitReached".to_owned())).count();
    let budget = 50 + 20 * (usize::try_from(spent.as_secs()).unwrap() + 1);
    assert!(limited >= 10_000 - budget, "{limited} in {spent:?}");
    let call = call.map_err(error_name);
    assert!(waited < Duration::from_secs(5), "{waited:?}");
    assert!(call.is_ok(), "{call:?}");
    let grown = daemon.memory().saturating_sub(before);
    assert!(grown < 32 * 1024, "{grown} KiB");
    println!("10,000 in {spent:?}; {limited} refused; another served in {waited:?}; +{grown} KiB");
}
