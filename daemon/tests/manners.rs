//! Players, and the machine that stays awake: what calls ask of the desktop, of any app's calls.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

mod common;

use std::{
    io::Read as _,
    os::{fd::OwnedFd, unix::net::UnixStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use common::{Bus, Daemon, NAME, QUIET, bus, caller::Calling, calls::proxy, connect};
use tokio::time::Instant;
use zbus::{Connection, OwnedObjectPath, connection::Builder, interface};

const LIMIT: Duration = Duration::from_secs(20);

/// Waits until it holds.
async fn until(what: &str, holds: impl Fn() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < LIMIT, "{what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

type Status = Arc<Mutex<String>>;

struct Player {
    status: Status,
    pauses: Arc<AtomicUsize>,
    /// It never answers.
    hangs: bool,
}

#[interface(name = "org.mpris.MediaPlayer2.Player")]
impl Player {
    #[zbus(property)]
    async fn playback_status(&self) -> String {
        if self.hangs {
            std::future::pending::<()>().await;
        }
        self.status.lock().unwrap().clone()
    }

    fn pause(&self) {
        self.pauses.fetch_add(1, Ordering::Relaxed);
        "Paused".clone_into(&mut self.status.lock().unwrap());
    }

    fn play(&self) {
        "Playing".clone_into(&mut self.status.lock().unwrap());
    }
}

/// A player on the session bus.
struct Music {
    connection: Connection,
    status: Status,
    pauses: Arc<AtomicUsize>,
}

const PLAYER: &str = "/org/mpris/MediaPlayer2";

impl Music {
    async fn on(bus: &Bus, name: &str, status: &str, hangs: bool) -> Self {
        let status = Arc::new(Mutex::new(status.to_owned()));
        let pauses = Arc::<AtomicUsize>::default();
        let player = Player { status: Arc::clone(&status), pauses: Arc::clone(&pauses), hangs };
        let connection = Builder::address(bus.address.as_str())
            .serve_at(PLAYER, player)
            .name(format!("org.mpris.MediaPlayer2.{name}"))
            .build()
            .await
            .unwrap();
        Self { connection, status, pauses }
    }

    fn does(&self, status: &str) -> bool {
        *self.status.lock().unwrap() == status
    }

    /// The user presses a button of the player's own.
    async fn turns_to(&self, status: &str) {
        status.clone_into(&mut self.status.lock().unwrap());
        let server = self.connection.object_server();
        let player = server.interface::<_, Player>(PLAYER).await.unwrap();
        player.get().await.playback_status_changed(player.signal_emitter()).await.unwrap();
    }
}

/// Keeps the other ends of what it gave.
struct Logind(Arc<Mutex<Vec<(String, UnixStream)>>>);

#[interface(name = "org.freedesktop.login1.Manager")]
impl Logind {
    fn inhibit(&self, what: String, _who: String, _why: String, mode: String) -> zbus::OwnedFd {
        let (given, kept) = UnixStream::pair().unwrap();
        kept.set_nonblocking(true).unwrap();
        self.0.lock().unwrap().push((format!("{what} {mode}"), kept));
        OwnedFd::from(given).into()
    }
}

/// Cookies in force.
struct Saver(Arc<Mutex<Vec<u32>>>);

#[interface(name = "org.freedesktop.ScreenSaver")]
impl Saver {
    fn get_active(&self) -> bool {
        false
    }

    fn inhibit(&self, _app: String, _reason: String) -> u32 {
        self.0.lock().unwrap().push(7);
        7
    }

    fn un_inhibit(&self, cookie: u32) {
        self.0.lock().unwrap().retain(|one| *one != cookie);
    }
}

async fn answer(controller: &Connection, call: &OwnedObjectPath) {
    let call = proxy(controller, call.as_str(), "Call").await;
    let options = std::collections::HashMap::<&str, zbus::Variant<'_>>::new();
    call.call::<_, _, ()>("Answer", &(options,)).await.unwrap();
}

#[tokio::test]
async fn what_plays_is_paused_while_it_rings_and_in_the_call_and_goes_on_after_it() {
    let Some(bus) = bus() else { return };
    bus.configure(QUIET);
    let playing = Music::on(&bus, "one", "Playing", false).await;
    let resting = Music::on(&bus, "two", "Paused", false).await;
    let stopped = Music::on(&bus, "three", "Playing", false).await;
    let _hangs = Music::on(&bus, "four", "Playing", true).await;
    let daemon = Daemon::on(bus);
    let controller = connect(&daemon).await;
    let app = Calling::register(&daemon).await;
    let (call, how) = app.rings("tel", "+49305678").await.unwrap();
    assert_eq!(how, "ring");
    until("both pause", || playing.does("Paused") && stopped.does("Paused")).await;
    answer(&controller, &call).await;
    stopped.turns_to("Stopped").await;
    assert!(playing.does("Paused"), "the answered call goes on where the ring ended");
    // A player that the user starts in the call is the user's.
    resting.turns_to("Playing").await;
    app.ends(&call).await;
    until("it goes on", || playing.does("Playing")).await;
    assert!(stopped.does("Stopped"), "who stopped it meant it");
    assert!(resting.does("Playing"));
}

#[tokio::test]
async fn a_silent_ring_and_a_user_who_does_not_want_it_leave_the_music_on() {
    for config in ["do-not-disturb = \"on\"\n", "[call]\npause-players = false\n"] {
        let Some(bus) = bus() else { return };
        bus.configure(&format!("{config}{QUIET}"));
        let playing = Music::on(&bus, "one", "Playing", false).await;
        let daemon = Daemon::on(bus);
        let _controller = connect(&daemon).await;
        let app = Calling::register(&daemon).await;
        let (call, _) = app.rings("tel", "+49305678").await.unwrap();
        app.ends(&call).await;
        // Whatever was to be paused is by the time the next call is through.
        let (call, _) = app.rings("tel", "+49305679").await.unwrap();
        app.ends(&call).await;
        drop(daemon.log());
        assert_eq!(playing.pauses.load(Ordering::Relaxed), 0, "{config}");
    }
}

#[tokio::test]
async fn the_machine_stays_awake_in_a_call_and_not_a_moment_longer() {
    let (Some(bus), Some(system)) = (bus(), bus()) else { return };
    bus.configure(QUIET);
    let (held, cookies) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
    let _logind = Builder::address(system.address.as_str())
        .serve_at("/org/freedesktop/login1", Logind(Arc::clone(&held)))
        .name("org.freedesktop.login1")
        .build()
        .await
        .unwrap();
    let _saver = Builder::address(bus.address.as_str())
        .serve_at("/org/freedesktop/ScreenSaver", Saver(Arc::clone(&cookies)))
        .name("org.freedesktop.ScreenSaver")
        .build()
        .await
        .unwrap();
    let daemon = Daemon::with_system(bus, &system.address);
    let controller = connect(&daemon).await;
    let app = Calling::register(&daemon).await;
    let (call, _) = app.rings("tel", "+49305678").await.unwrap();
    assert!(held.lock().unwrap().is_empty(), "{NAME} only rings");
    answer(&controller, &call).await;
    until("both are told", || {
        held.lock().unwrap().len() == 1 && cookies.lock().unwrap().len() == 1
    })
    .await;
    assert_eq!(held.lock().unwrap()[0].0, "idle:sleep block");
    let end = |byte: &mut [u8]| held.lock().unwrap()[0].1.read(byte);
    assert!(end(&mut [0]).is_err(), "it is held");
    app.ends(&call).await;
    until("it is given back", || end(&mut [0]).is_ok_and(|read| read == 0)).await;
    until("the saver may come", || cookies.lock().unwrap().is_empty()).await;
}
