//! The icon in the tray, as a watcher and its host see it: what it says, and what its menu does.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

mod common;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use common::{
    Daemon, QUIET, bus,
    caller::Calling,
    calls::{Options, PATIENCE, ROOT, control, error_name, proxy, until},
    connect,
    sandbox::{Sandbox, until_now},
    saver::Saver,
};
use futures_util::StreamExt as _;
use tokio::time::Instant;
use zbus::{
    Connection, MessageStream, OwnedObjectPath, OwnedVariant, Proxy, Variant, connection::Builder,
    fdo::DBusProxy, interface,
};

const WATCHER: &str = "org.kde.StatusNotifierWatcher";
const ITEM: &str = "org.kde.StatusNotifierItem";
const MENU: &str = "com.canonical.dbusmenu";

/// Who keeps the list of icons.
#[derive(Clone, Default)]
struct Watcher(Arc<Mutex<Vec<String>>>);

#[interface(name = "org.kde.StatusNotifierWatcher")]
impl Watcher {
    fn register_status_notifier_item(&self, service: String) {
        self.0.lock().unwrap().push(service);
    }
}

/// A desktop's tray: watcher and host.
struct Tray {
    connection: Connection,
    watcher: Watcher,
}

type Properties = HashMap<String, OwnedVariant>;
type Node = (i32, Properties, Vec<OwnedVariant>);

/// An entry as the host draws it.
#[derive(Clone, Debug, PartialEq)]
struct Entry {
    id: i32,
    label: String,
    /// Checked or not, where it can be.
    state: Option<i32>,
}

fn entry(child: &OwnedVariant) -> Entry {
    let node: (i32, Properties, Vec<OwnedVariant>) =
        Variant::from(child.try_clone().unwrap()).try_into().unwrap();
    let text = |key| node.1.get(key).map(|value| <&str>::try_from(&**value).unwrap().to_owned());
    let label = text("label").unwrap_or_else(|| text("type").unwrap());
    let state = node.1.get("toggle-state").map(|value| i32::try_from(&**value).unwrap());
    assert!(node.2.is_empty(), "no entry has entries of its own");
    Entry { id: node.0, label, state }
}

impl Tray {
    async fn on(address: &str) -> Self {
        let watcher = Watcher::default();
        let connection = Builder::address(address)
            .serve_at("/StatusNotifierWatcher", watcher.clone())
            .name(WATCHER)
            .build()
            .await
            .unwrap();
        Self { connection, watcher }
    }

    /// Waits until so many icons have registered; the last one's name.
    async fn registered(&self, count: usize) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let all = self.watcher.0.lock().unwrap().clone();
            if all.len() >= count {
                return all[count - 1].clone();
            }
            assert!(Instant::now() < deadline, "an icon: {all:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn item(&self, name: &str) -> Proxy<'static> {
        // As hosts do: read anew after each signal.
        zbus::proxy::Builder::<Proxy<'static>>::new(&self.connection)
            .destination(name.to_owned())
            .path("/StatusNotifierItem")
            .interface(ITEM)
            .cache_properties(zbus::proxy::CacheProperties::No)
            .build()
            .await
            .unwrap()
    }

    async fn menu(&self, name: &str) -> Proxy<'static> {
        let item = self.item(name).await;
        let path: OwnedObjectPath = item.get_property("Menu").await.unwrap();
        Proxy::new(&self.connection, name.to_owned(), path, MENU).await.unwrap()
    }
}

async fn entries(menu: &Proxy<'static>) -> Vec<Entry> {
    let none: Vec<String> = Vec::new();
    let (_, (root, of, children)): (u32, Node) =
        menu.call("GetLayout", &(0i32, -1i32, none)).await.unwrap();
    assert_eq!((root, <&str>::try_from(&*of["children-display"])), (0, Ok("submenu")));
    children.iter().map(entry).collect()
}

fn labels(entries: &[Entry]) -> Vec<&str> {
    entries.iter().map(|one| one.label.as_str()).collect()
}

/// Waits until the menu has these words.
async fn reads(menu: &Proxy<'static>, wanted: &[&str]) -> Vec<Entry> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let now = entries(menu).await;
        if labels(&now) == wanted {
            return now;
        }
        assert!(Instant::now() < deadline, "{wanted:?}, not {now:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn id(entries: &[Entry], label: &str) -> i32 {
    entries.iter().find(|one| one.label == label).unwrap().id
}

async fn click(menu: &Proxy<'static>, id: i32) {
    menu.call::<_, _, ()>("Event", &(id, "clicked", Variant::from(0), 1u32)).await.unwrap();
}

/// Icon, pictures, title, words.
type Tip = (String, Vec<(i32, i32, Vec<u8>)>, String, String);

/// Waits until a property of the icon is this.
async fn says(item: &Proxy<'static>, name: &str, wanted: &str) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let now: String = item.get_property(name).await.unwrap();
        if now == wanted {
            return;
        }
        assert!(Instant::now() < deadline, "{name}: {wanted}, not {now}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

const IDLE: [&str; 3] = ["Open Ahoy", "separator", "Do not disturb"];
const RINGS: [&str; 5] =
    ["Incoming call: Said by the app", "Answer", "Answer with video", "Decline", "separator"];
const TALKS: [&str; 4] = ["Call: Said by the app", "Mute", "Hang up", "separator"];

fn with_idle(calls: &[&'static str]) -> Vec<&'static str> {
    calls.iter().chain(&IDLE).copied().collect()
}

#[tokio::test]
async fn calls_are_answered_muted_and_ended_by_the_menu_and_missed_ones_are_counted() {
    let Some(bus) = bus() else { return };
    bus.configure(QUIET);
    let tray = Tray::on(&bus.address).await;
    let daemon = Daemon::on(bus);
    let controller = connect(&daemon).await;
    let app = Calling::register(&daemon).await;
    let name = tray.registered(1).await;
    let (item, menu) = (tray.item(&name).await, tray.menu(&name).await);
    says(&item, "Status", "Passive").await;
    reads(&menu, &IDLE).await;

    let mut updates = menu.receive_signal("LayoutUpdated").await.unwrap();
    let mut statuses = item.receive_signal("NewStatus").await.unwrap();
    let (call, _) = app.rings("tel", "+49301").await.unwrap();
    let rings = reads(&menu, &with_idle(&RINGS)).await;
    let told = tokio::time::timeout(PATIENCE, statuses.next()).await.unwrap().unwrap();
    assert_eq!(told.body().deserialize::<&str>().unwrap(), "NeedsAttention");
    tokio::time::timeout(PATIENCE, updates.next()).await.unwrap().unwrap();
    says(&item, "Status", "NeedsAttention").await;
    click(&menu, id(&rings, "Answer")).await;
    until(&controller, call.as_str(), "State", "active").await;
    let talks = reads(&menu, &with_idle(&TALKS)).await;
    click(&menu, id(&talks, "Mute")).await;
    until(&controller, call.as_str(), "Muted", "true").await;
    let deadline = Instant::now() + PATIENCE;
    while reads(&menu, &with_idle(&TALKS)).await[1].state != Some(1) {
        assert!(Instant::now() < deadline, "a mark");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // Nothing that was meant for the ring happens to what is on.
    click(&menu, id(&rings, "Decline")).await;
    let talks = entries(&menu).await;
    click(&menu, id(&talks, "Hang up")).await;
    until(&controller, call.as_str(), "State", "ended").await;
    reads(&menu, &IDLE).await;

    for missed in 1..=2 {
        let (call, _) = app.rings("tel", "+49301").await.unwrap();
        app.ends(&call).await;
        says(&item, "XAyatanaLabel", &missed.to_string()).await;
    }
    says(&item, "Status", "Active").await;
    let tip: Tip = item.get_property("ToolTip").await.unwrap();
    assert_eq!(tip.3, "2 missed calls");
    let history = proxy(&controller, ROOT, "History").await;
    history.call::<_, _, ()>("MarkSeen", &(Vec::<String>::new(),)).await.unwrap();
}

#[tokio::test]
async fn a_number_of_an_entry_is_never_another_s() {
    let Some(bus) = bus() else { return };
    bus.configure(QUIET);
    let tray = Tray::on(&bus.address).await;
    let daemon = Daemon::on(bus);
    let controller = connect(&daemon).await;
    let app = Calling::register(&daemon).await;
    let name = tray.registered(1).await;
    let menu = tray.menu(&name).await;
    let (first, _) = app.rings("tel", "+49301").await.unwrap();
    let before = reads(&menu, &with_idle(&RINGS)).await;
    app.ends(&first).await;
    reads(&menu, &IDLE).await;
    let (second, _) = app.rings("tel", "+49302").await.unwrap();
    let now = reads(&menu, &with_idle(&RINGS)).await;
    // A click that was on its way when the first call ended.
    click(&menu, id(&before, "Answer")).await;
    let unknown: Vec<i32> = menu
        .call("EventGroup", &(vec![(id(&before, "Decline"), "clicked", Variant::from(0), 1u32)],))
        .await
        .unwrap();
    assert_eq!(unknown, [id(&before, "Decline")]);
    click(&menu, id(&now, "Decline")).await;
    until(&controller, second.as_str(), "State", "ended").await;
    until(&controller, second.as_str(), "EndReason", "declined").await;
    assert_eq!(id(&before, "Open Ahoy"), id(&now, "Open Ahoy"));
}

#[tokio::test]
async fn favourites_are_called_and_do_not_disturb_is_switched_by_the_menu() {
    let Some(bus) = bus() else { return };
    bus.configure(QUIET);
    let tray = Tray::on(&bus.address).await;
    let daemon = Daemon::on(bus);
    let controller = connect(&daemon).await;
    let _app = Calling::register(&daemon).await;
    let contacts = proxy(&controller, ROOT, "Contacts").await;
    let contact = Options::from([
        ("name", Variant::from("Ann_Abel")),
        ("handles", vec![("tel", "+49301", "")].into()),
        ("favourite", true.into()),
    ]);
    let _id: String = contacts.call("Put", &(contact,)).await.unwrap();
    let name = tray.registered(1).await;
    let menu = tray.menu(&name).await;
    // An underline means the letter after it; two are one.
    let wanted = ["Open Ahoy", "separator", "Call Ann__Abel", "separator", "Do not disturb"];
    let all = reads(&menu, &wanted).await;
    click(&menu, id(&all, "Do not disturb")).await;
    let manager = proxy(&controller, ROOT, "Manager").await;
    let deadline = Instant::now() + PATIENCE;
    while manager.get_property::<String>("DoNotDisturb").await.unwrap() != "on" {
        assert!(Instant::now() < deadline, "it is on");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    while entries(&menu).await.last().unwrap().state != Some(1) {
        assert!(Instant::now() < deadline, "a mark");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let all = entries(&menu).await;
    click(&menu, id(&all, "Do not disturb")).await;
    click(&menu, id(&all, "Call Ann__Abel")).await;
    let call = loop {
        let call: OwnedObjectPath = manager.get_property("ActiveCall").await.unwrap();
        if call.as_str() != "/" {
            break call;
        }
        assert!(Instant::now() < deadline, "a call");
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    until(&controller, call.as_str(), "DisplayName", "Ann_Abel").await;
    assert_eq!(manager.get_property::<String>("DoNotDisturb").await.unwrap(), "off");
}

#[tokio::test]
async fn a_locked_session_has_the_calls_in_the_menu_without_names_and_nothing_else() {
    let Some(bus) = bus() else { return };
    bus.configure(QUIET);
    let saver = Saver::on(&bus.address).await;
    let tray = Tray::on(&bus.address).await;
    let daemon = Daemon::on(bus);
    let controller = connect(&daemon).await;
    let app = Calling::register(&daemon).await;
    let name = tray.registered(1).await;
    let menu = tray.menu(&name).await;
    let idle = reads(&menu, &IDLE).await;
    saver.lock(true, &controller).await;
    reads(&menu, &[]).await;
    click(&menu, id(&idle, "Do not disturb")).await;
    let (call, _) = app.rings("tel", "+49301").await.unwrap();
    let rings = reads(&menu, &["Incoming call", "Answer", "Decline", "separator"]).await;
    let manager = proxy(&controller, ROOT, "Manager").await;
    assert_eq!(manager.get_property::<String>("DoNotDisturb").await.unwrap(), "off");
    click(&menu, id(&rings, "Answer")).await;
    until(&controller, call.as_str(), "State", "active").await;
    reads(&menu, &["Call", "Mute", "Hang up", "separator"]).await;
}

#[tokio::test]
async fn it_comes_with_the_tray_and_the_setting_and_goes_with_either() {
    let Some(bus) = bus() else { return };
    bus.configure(QUIET);
    let daemon = Daemon::on(bus);
    let controller = connect(&daemon).await;
    let names = DBusProxy::new(&controller).await.unwrap();
    let has_icon = async || {
        let all = names.list_names().await.unwrap();
        all.iter().any(|name| name.starts_with("org.kde.StatusNotifierItem-"))
    };
    assert!(!has_icon().await, "nobody shows it");
    let tray = Tray::on(&daemon.bus.address).await;
    let name = tray.registered(1).await;
    let settings = proxy(&controller, ROOT, "Settings").await;
    settings.call::<_, _, ()>("Set", &("tray.show", Variant::from(false))).await.unwrap();
    let deadline = Instant::now() + PATIENCE;
    while has_icon().await {
        assert!(Instant::now() < deadline, "it goes");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    settings.call::<_, _, ()>("Set", &("tray.show", Variant::from(true))).await.unwrap();
    assert_eq!(tray.registered(2).await, name);
    // Another tray takes over.
    drop(tray);
    let deadline = Instant::now() + PATIENCE;
    while has_icon().await {
        assert!(Instant::now() < deadline, "it goes with the tray");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let tray = Tray::on(&daemon.bus.address).await;
    assert_eq!(tray.registered(1).await, name);
}

#[tokio::test]
async fn an_app_in_a_sandbox_that_may_own_such_icons_reads_none_of_it() {
    let Some(bus) = bus() else { return };
    bus.configure(QUIET);
    let tray = Tray::on(&bus.address).await;
    let daemon = Daemon::on(bus);
    let controller = connect(&daemon).await;
    let app = Calling::register(&daemon).await;
    let name = tray.registered(1).await;
    // As older apps with an icon have it.
    let info = "[Application]\nname=org.example.Chat\n[Session Bus Policy]\norg.kde.*=own\n";
    let Some(sandbox) = Sandbox::start(&daemon.bus, info, &["org.kde.*"]) else { return };
    let chat = Builder::address(sandbox.paced.as_str()).build().await.unwrap();
    let mut hears = MessageStream::from(&chat);
    let rule = zbus::MatchRule::builder().msg_type(zbus::message::Type::Signal).build().unwrap();
    DBusProxy::new(&chat).await.unwrap().add_match_rule(rule).await.unwrap();
    let menu = Proxy::new(&chat, name.clone(), "/org/ahoycall/Ahoy/Menu", MENU).await.unwrap();
    let none: Vec<String> = Vec::new();
    let refused = menu.call_method("GetLayout", &(0i32, -1i32, none)).await;
    assert_eq!(error_name(refused.unwrap_err()), "NotAuthorized");
    let (call, _) = app.rings("tel", "+49301").await.unwrap();
    let drawn = tray.menu(&name).await;
    reads(&drawn, &with_idle(&RINGS)).await;
    control(&controller, call.as_str(), "Decline", true).await.unwrap();
    reads(&drawn, &IDLE).await;
    for message in until_now(&chat, &mut hears).await {
        let path = message.header().path().map(ToString::to_string).unwrap_or_default();
        let is_signal = message.message_type() == zbus::message::Type::Signal;
        assert!(!is_signal || path == "/org/freedesktop/DBus", "{message}");
    }
}
