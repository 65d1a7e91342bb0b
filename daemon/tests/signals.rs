//! A ring for those who do not hear it: feedbackd on phones, the keyboard's light, a notification that
//! blinks. Each service is played by the test, on a bus of its own.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

mod common;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI32, Ordering},
    },
    time::Duration,
};

use common::{
    Bus, Daemon, QUIET, bus,
    caller::Calling,
    calls::{ROOT, control, proxy},
    connect,
};
use tokio::time::Instant;
use zbus::{Connection, OwnedVariant, connection::Builder, interface};

const LIMIT: Duration = Duration::from_secs(20);
const FLASH: &str = "[ring]\nflash = true\n";

/// Waits until it holds.
async fn until(what: &str, holds: impl Fn() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < LIMIT, "{what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Has it end while the services of this test go on, and gives what it wrote to its log.
async fn ended(daemon: Daemon) -> String {
    tokio::task::spawn_blocking(|| daemon.log()).await.unwrap()
}

/// What runs, and all that ever ran: app, event, profile, timeout.
#[derive(Clone, Default)]
struct Felt {
    running: Arc<Mutex<HashMap<u32, String>>>,
    begun: Arc<Mutex<Vec<String>>>,
}

impl Felt {
    fn runs(&self, events: &[&str]) -> bool {
        let running = self.running.lock().unwrap();
        let mut now: Vec<&str> = running.values().map(String::as_str).collect();
        now.sort_unstable();
        now == events
    }
}

#[interface(name = "org.sigxcpu.Feedback")]
impl Felt {
    fn trigger_feedback(
        &self,
        app: String,
        event: String,
        hints: HashMap<String, OwnedVariant>,
        timeout: i32,
    ) -> u32 {
        let profile = <&str>::try_from(&*hints["profile"]).unwrap();
        let mut begun = self.begun.lock().unwrap();
        begun.push(format!("{app} {event} {profile} {timeout}"));
        let id = u32::try_from(begun.len()).unwrap();
        self.running.lock().unwrap().insert(id, event);
        id
    }

    fn end_feedback(&self, id: u32) {
        self.running.lock().unwrap().remove(&id).unwrap();
    }
}

async fn feedbackd(bus: &Bus) -> (Connection, Felt) {
    let felt = Felt::default();
    let connection = Builder::address(bus.address.as_str())
        .serve_at("/org/sigxcpu/Feedback", felt.clone())
        .name("org.sigxcpu.Feedback")
        .build()
        .await
        .unwrap();
    (connection, felt)
}

#[tokio::test]
async fn a_phone_vibrates_while_it_rings_and_not_a_moment_longer() {
    let Some(bus) = bus() else { return };
    bus.configure(QUIET);
    let (_feedbackd, felt) = feedbackd(&bus).await;
    let daemon = Daemon::on(bus);
    let controller = connect(&daemon).await;
    let app = Calling::register(&daemon).await;
    let (call, _) = app.rings("tel", "+49305678").await.unwrap();
    until("it vibrates", || felt.runs(&["phone-incoming-call"])).await;
    assert_eq!(*felt.begun.lock().unwrap(), ["org.ahoycall.Ahoy phone-incoming-call quiet 0"]);
    // The other side gives up; an answer; silence; the daemon's own end.
    app.ends(&call).await;
    until("it rests", || felt.runs(&[])).await;
    let (call, _) = app.rings("tel", "+49305678").await.unwrap();
    until("it vibrates", || felt.runs(&["phone-incoming-call"])).await;
    control(&controller, call.as_str(), "Answer", true).await.unwrap();
    until("it rests", || felt.runs(&[])).await;
    app.ends(&call).await;
    let (call, _) = app.rings("tel", "+49305678").await.unwrap();
    until("it vibrates", || felt.runs(&["phone-incoming-call"])).await;
    control(&controller, call.as_str(), "Silence", false).await.unwrap();
    until("it rests", || felt.runs(&[])).await;
    app.ends(&call).await;
    app.rings("tel", "+49305678").await.unwrap();
    until("it vibrates", || felt.runs(&["phone-incoming-call"])).await;
    ended(daemon).await;
    assert!(felt.runs(&[]), "it rests");
}

#[tokio::test]
async fn a_silent_ring_moves_and_lights_nothing() {
    let (Some(bus), Some(system)) = (bus(), bus()) else { return };
    bus.configure(&format!("do-not-disturb = \"on\"\n{FLASH}{QUIET}"));
    let (_feedbackd, felt) = feedbackd(&bus).await;
    let (_upower, light) = upower(&system).await;
    let daemon = Daemon::with_system(bus, &system.address);
    let _controller = connect(&daemon).await;
    let app = Calling::register(&daemon).await;
    let (call, how) = app.rings("tel", "+49305678").await.unwrap();
    assert_eq!(how, "silent");
    app.ends(&call).await;
    // Whatever was to begin has by the time the next call is through.
    let (call, _) = app.rings("tel", "+49305679").await.unwrap();
    app.ends(&call).await;
    ended(daemon).await;
    assert!(felt.begun.lock().unwrap().is_empty());
    assert!(light.set.lock().unwrap().is_empty());
}

#[tokio::test]
async fn feedbackd_that_comes_back_vibrates_again_and_none_costs_one_line() {
    let Some(bus) = bus() else { return };
    bus.configure(QUIET);
    let daemon = Daemon::on(bus);
    let _controller = connect(&daemon).await;
    let app = Calling::register(&daemon).await;
    let (call, how) = app.rings("tel", "+49305678").await.unwrap();
    assert_eq!(how, "ring");
    app.ends(&call).await;
    let (_call, _) = app.rings("tel", "+49305678").await.unwrap();
    let (first, felt) = feedbackd(&daemon.bus).await;
    until("one that comes late", || felt.runs(&["phone-incoming-call"])).await;
    first.close().await.unwrap();
    let (_second, felt) = feedbackd(&daemon.bus).await;
    until("one that comes back", || felt.runs(&["phone-incoming-call"])).await;
    let log = ended(daemon).await;
    assert_eq!(log.matches("feedbackd is not here").count(), 1, "{log}");
    assert!(felt.runs(&[]), "it ends with the daemon");
}

/// A keyboard with a light of three steps.
#[derive(Clone)]
struct Light {
    now: Arc<AtomicI32>,
    set: Arc<Mutex<Vec<i32>>>,
}

#[interface(name = "org.freedesktop.UPower.KbdBacklight")]
impl Light {
    fn get_brightness(&self) -> i32 {
        self.now.load(Ordering::Relaxed)
    }

    fn get_max_brightness(&self) -> i32 {
        3
    }

    fn set_brightness(&self, value: i32) {
        self.now.store(value, Ordering::Relaxed);
        self.set.lock().unwrap().push(value);
    }
}

/// On a system bus, at the second of its steps.
async fn upower(bus: &Bus) -> (Connection, Light) {
    let light = Light { now: Arc::new(AtomicI32::new(2)), set: Arc::default() };
    let connection = Builder::address(bus.address.as_str())
        .serve_at("/org/freedesktop/UPower/KbdBacklight", light.clone())
        .name("org.freedesktop.UPower")
        .build()
        .await
        .unwrap();
    (connection, light)
}

#[tokio::test]
async fn the_keyboard_blinks_while_it_rings_and_is_as_bright_as_before_after_it() {
    let (Some(bus), Some(system)) = (bus(), bus()) else { return };
    bus.configure(&format!("{FLASH}{QUIET}"));
    let (_upower, light) = upower(&system).await;
    let (_feedbackd, felt) = feedbackd(&bus).await;
    let daemon = Daemon::with_system(bus, &system.address);
    let _controller = connect(&daemon).await;
    let app = Calling::register(&daemon).await;
    let (call, _) = app.rings("tel", "+49305678").await.unwrap();
    until("it blinks", || light.set.lock().unwrap().len() >= 4).await;
    assert_eq!(light.set.lock().unwrap()[..4], [3, 0, 3, 0]);
    assert!(felt.runs(&["phone-incoming-call", "phone-missed-call"]), "a phone's lamp, too");
    app.ends(&call).await;
    until("it is as before", || light.now.load(Ordering::Relaxed) == 2).await;
    // Told to end while it rings, it leaves it as it was, too.
    app.rings("tel", "+49305678").await.unwrap();
    until("it blinks", || light.now.load(Ordering::Relaxed) != 2).await;
    ended(daemon).await;
    assert_eq!(light.now.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a_crash_while_it_blinks_is_made_good_at_the_next_start() {
    let (Some(bus), Some(system)) = (bus(), bus()) else { return };
    bus.configure(&format!("{FLASH}{QUIET}"));
    let (_upower, light) = upower(&system).await;
    let mut daemon = Daemon::with_system(bus, &system.address);
    let _controller = connect(&daemon).await;
    let app = Calling::register(&daemon).await;
    app.rings("tel", "+49305678").await.unwrap();
    until("it blinks", || light.set.lock().unwrap().len() >= 2).await;
    daemon.crash_with_system(&system.address);
    let note = daemon.bus.home.path().join("data/ahoy/keyboard-light");
    until("the note is gone", || !note.exists()).await;
    assert_eq!(light.now.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn nothing_blinks_that_the_user_did_not_ask_for() {
    let (Some(bus), Some(system)) = (bus(), bus()) else { return };
    bus.configure(QUIET);
    let (_upower, light) = upower(&system).await;
    let (_feedbackd, felt) = feedbackd(&bus).await;
    let daemon = Daemon::with_system(bus, &system.address);
    let controller = connect(&daemon).await;
    let app = Calling::register(&daemon).await;
    app.rings("tel", "+49305678").await.unwrap();
    until("it vibrates", || felt.runs(&["phone-incoming-call"])).await;
    assert!(light.set.lock().unwrap().is_empty());
    // Asked for while it rings, it begins.
    let settings = proxy(&controller, ROOT, "Settings").await;
    let on = ("ring.flash", zbus::Variant::from(true));
    settings.call::<_, _, ()>("Set", &on).await.unwrap();
    until("it blinks", || !light.set.lock().unwrap().is_empty()).await;
    until("so does a phone's lamp", || felt.runs(&["phone-incoming-call", "phone-missed-call"]))
        .await;
}

/// Texts of the notifications, and which one each replaced.
#[derive(Clone, Default)]
struct Notices(Arc<Mutex<Vec<(u32, String)>>>);

#[interface(name = "org.freedesktop.Notifications")]
impl Notices {
    fn get_capabilities(&self) -> Vec<String> {
        vec!["actions".to_owned(), "body".to_owned()]
    }

    fn get_server_information(&self) -> (String, String, String, String) {
        ["test", "test", "1", "1.2"].map(str::to_owned).into()
    }

    #[expect(clippy::too_many_arguments, reason = "the specification's")]
    fn notify(
        &self,
        _app: String,
        replaces: u32,
        _icon: String,
        _summary: String,
        body: String,
        _actions: Vec<String>,
        _hints: HashMap<String, OwnedVariant>,
        _expires: i32,
    ) -> u32 {
        self.0.lock().unwrap().push((replaces, body));
        7
    }

    fn close_notification(&self, _id: u32) {}
}

#[tokio::test]
async fn the_notification_of_a_ring_blinks_in_place_where_that_is_wanted() {
    let Some(bus) = bus() else { return };
    bus.configure(&format!("{FLASH}{QUIET}"));
    let notices = Notices::default();
    let _server = Builder::address(bus.address.as_str())
        .serve_at("/org/freedesktop/Notifications", notices.clone())
        .name("org.freedesktop.Notifications")
        .build()
        .await
        .unwrap();
    let daemon = Daemon::on(bus);
    let controller = connect(&daemon).await;
    let app = Calling::register(&daemon).await;
    let (call, _) = app.rings("tel", "+49305678").await.unwrap();
    until("it blinks", || notices.0.lock().unwrap().len() >= 3).await;
    let shown = notices.0.lock().unwrap()[..3].to_vec();
    let marked: Vec<bool> = shown.iter().map(|(_, body)| body.starts_with('◆')).collect();
    assert_eq!(marked, [false, true, false], "{shown:?}");
    assert_eq!((shown[0].0, shown[1].0, shown[2].0), (0, 7, 7));
    // Silenced, it stays as it is.
    control(&controller, call.as_str(), "Silence", false).await.unwrap();
    until("it rests", || {
        notices.0.lock().unwrap().last().is_some_and(|(_, body)| !body.starts_with('◆'))
    })
    .await;
}
