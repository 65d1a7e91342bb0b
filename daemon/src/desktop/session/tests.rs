//! Claims about the lock, against python-dbusmock's logind and screen saver on buses of the test's
//! own.
#![expect(clippy::unwrap_in_result, reason = "`None` is a skip; all else is a failed test")]

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    time::Instant as Time,
};

use tokio::task::JoinHandle;
use zbus::{DynamicType, OwnedObjectPath, Variant, connection::Builder, interface};

use super::*;
use crate::bus::{Remote, owner};

const LIMIT: Duration = Duration::from_secs(20);
const LOGIND: &str = "org.freedesktop.login1";
const MOCK: &str = "org.freedesktop.DBus.Mock";
/// The one whose modules Debian's python3-dbusmock is among.
const PYTHON: &str = "/usr/bin/python3";

/// A child that is killed with the value.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A bus with nothing on it.
fn bus() -> Option<(Killed, String)> {
    let mut command = Command::new("dbus-daemon");
    command.args(["--session", "--nofork", "--print-address", "--address=unix:tmpdir=/tmp"]);
    let started = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let Ok(mut child) = started else {
        println!("SKIPPED: dbus-daemon is not installed");
        return None;
    };
    let output = child.stdout.take().expect("piped");
    let killed = Killed(child);
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line).expect("an address");
    Some((killed, line.trim().to_owned()))
}

fn has_dbusmock() -> bool {
    let found = Command::new(PYTHON).args(["-c", "import dbusmock"]).stderr(Stdio::null()).status();
    let found = found.is_ok_and(|status| status.success());
    if !found {
        println!("SKIPPED: python-dbusmock is not installed (Debian: python3-dbusmock)");
    }
    found
}

async fn connect(address: &str) -> Connection {
    Builder::address(address).build().await.expect("connected")
}

/// Two buses, a task that follows the lock, and what it tells.
struct Desk {
    system: String,
    session: String,
    on_system: Connection,
    on_session: Connection,
    locked: watch::Receiver<Option<bool>>,
    token: CancellationToken,
    run: JoinHandle<()>,
    _buses: [Killed; 2],
}

impl Desk {
    async fn new(id: Option<&str>) -> Option<Self> {
        if !has_dbusmock() {
            return None;
        }
        let ((one, system), (two, session)) = (bus()?, bus()?);
        let place = Place { system_bus: Some(system.clone()), id: id.map(str::to_owned) };
        let token = CancellationToken::new();
        let (task, locked) = SessionTask::new(connect(&session).await, place);
        Some(Self {
            on_system: connect(&system).await,
            on_session: connect(&session).await,
            run: tokio::spawn(task.run(token.clone())),
            system,
            session,
            locked,
            token,
            _buses: [one, two],
        })
    }

    /// Starts a mock and waits until it owns its name.
    async fn mock(&self, template: &str, name: &str, on_system: bool) -> Killed {
        let mut command = Command::new(PYTHON);
        command.args(["-m", "dbusmock", "--template", template]);
        command.env("DBUS_SYSTEM_BUS_ADDRESS", &self.system);
        command.env("DBUS_SESSION_BUS_ADDRESS", &self.session);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let killed = Killed(child.expect("python starts"));
        let bus = if on_system { &self.on_system } else { &self.on_session };
        let begin = Time::now();
        while owner(bus, name).await.is_none() {
            assert!(begin.elapsed() < LIMIT, "{name} appears");
        }
        killed
    }

    /// A logind that knows these sessions of these users.
    async fn logind(&self, sessions: &[(&str, u32)]) -> Killed {
        let mock = self.mock("logind", LOGIND, true).await;
        // The template's own adds a text to a number and fails (python-dbusmock 0.28).
        let code = "ret = dbus.ObjectPath('/org/freedesktop/login1/user/%d' % args[0])";
        let method = ("org.freedesktop.login1.Manager", "GetUser", "u", "o", code);
        self.tell("/org/freedesktop/login1", MOCK, "AddMethod", &method).await;
        for (id, uid) in sessions {
            let session = (*id, "seat0", *uid, "somebody", true);
            let path = "/org/freedesktop/login1";
            self.tell(path, MOCK, "AddSession", &session).await;
        }
        mock
    }

    async fn tell<B>(&self, path: &str, interface: &str, method: &str, body: &B)
    where
        B: serde::Serialize + DynamicType,
    {
        Remote::new(&self.on_system, LOGIND, path, interface)
            .call(method, body)
            .await
            .expect(method);
    }

    async fn hint(&self, session: &str, locked: bool) {
        let path = format!("/org/freedesktop/login1/session/{session}");
        let interface = "org.freedesktop.login1.Session";
        self.tell(&path, interface, "SetLockedHint", &(locked,)).await;
    }

    /// What logind sends when a person asks for it.
    async fn ask(&self, session: &str, method: &str) {
        let path = format!("/org/freedesktop/login1/session/{session}");
        self.tell(&path, "org.freedesktop.login1.Session", method, &()).await;
    }

    async fn until(&mut self, locked: bool) {
        let wanted = self.locked.wait_for(|now| *now == Some(locked));
        let told = tokio::time::timeout(LIMIT, wanted).await;
        assert!(told.is_ok_and(|told| told.is_ok()), "locked becomes {locked} in time");
    }

    async fn end(self) {
        self.token.cancel();
        tokio::time::timeout(LIMIT, self.run).await.expect("in time").expect("no panic");
    }
}

fn uid() -> u32 {
    rustix::process::getuid().as_raw()
}

#[tokio::test]
async fn the_hint_of_the_session_in_the_environment_is_followed() {
    let Some(mut desk) = Desk::new(Some("c1")).await else { return };
    desk.until(false).await;
    // It starts after us, and the sessions after it.
    let _logind = desk.logind(&[("c1", uid()), ("other", uid())]).await;
    desk.hint("c1", true).await;
    desk.until(true).await;
    desk.hint("other", true).await;
    desk.hint("c1", false).await;
    desk.until(false).await;
    desk.end().await;
}

#[tokio::test]
async fn without_an_id_it_is_the_session_that_the_user_looks_at() {
    let Some(mut desk) = Desk::new(None).await else { return };
    let _logind = desk.logind(&[("c1", uid()), ("c2", uid()), ("theirs", uid() + 1)]).await;
    desk.hint("c2", true).await;
    desk.hint("theirs", true).await;
    desk.until(false).await;
    let session = OwnedObjectPath::try_from("/org/freedesktop/login1/session/c2").expect("a path");
    let display = ("org.freedesktop.login1.User", "Display", Variant::from(("c2", session)));
    let user = format!("/org/freedesktop/login1/user/{}", uid());
    desk.tell(&user, "org.freedesktop.DBus.Properties", "Set", &display).await;
    desk.until(true).await;
    desk.hint("c2", false).await;
    desk.until(false).await;
    desk.end().await;
}

#[tokio::test]
async fn a_request_to_lock_counts_at_once_and_only_until_it_is_clear_that_nobody_carries_it_out() {
    let Some(mut desk) = Desk::new(Some("c1")).await else { return };
    let logind = desk.logind(&[("c1", uid())]).await;
    // Looked at once, so that the session is known.
    desk.hint("c1", true).await;
    desk.until(true).await;
    desk.hint("c1", false).await;
    desk.until(false).await;
    desk.ask("c1", "Lock").await;
    desk.until(true).await;
    desk.ask("c1", "Unlock").await;
    desk.until(false).await;
    let begin = Instant::now();
    desk.ask("c1", "Lock").await;
    desk.until(true).await;
    desk.until(false).await;
    assert!(begin.elapsed() >= CONFIRMED);
    // A locker that tells of it is believed, and its end too.
    desk.ask("c1", "Lock").await;
    desk.hint("c1", true).await;
    desk.until(true).await;
    desk.ask("c1", "Unlock").await;
    desk.hint("c1", false).await;
    desk.until(false).await;
    // A logind that is gone says nothing.
    desk.hint("c1", true).await;
    desk.until(true).await;
    drop(logind);
    desk.until(false).await;
    desk.end().await;
}

#[test]
fn a_request_to_lock_that_logind_did_not_send_is_ignored() {
    let asked = |sender: &str, session: &str| Heard::Asked {
        sender: sender.to_owned(),
        session: session.to_owned(),
        lock: true,
    };
    let mut lock = Lock {
        logind: Some(logind::Answer {
            owner: ":1.1".to_owned(),
            session: "/s/c1".to_owned(),
            locked: false,
        }),
        ..Lock::default()
    };
    for heard in [asked(":1.9", "/s/c1"), asked(":1.1", "/s/theirs"), Heard::Changed] {
        lock.hear(heard, Instant::now());
        assert!(!lock.is_locked());
    }
    lock.hear(asked(":1.1", "/s/c1"), Instant::now());
    assert!(lock.is_locked());
}

#[tokio::test]
async fn a_screen_saver_that_comes_later_is_followed_without_logind() {
    let Some(mut desk) = Desk::new(None).await else { return };
    desk.until(false).await;
    let name = "org.gnome.ScreenSaver";
    let saver = desk.mock("gnome_screensaver", name, false).await;
    let bus = desk.on_session.clone();
    let set = |active: bool| {
        let bus = bus.clone();
        async move {
            let path = "/org/gnome/ScreenSaver";
            Remote::new(&bus, name, path, name).call("SetActive", &(active,)).await.expect("set");
        }
    };
    set(true).await;
    desk.until(true).await;
    set(false).await;
    desk.until(false).await;
    set(true).await;
    desk.until(true).await;
    drop(saver);
    desk.until(false).await;
    desk.end().await;
}

/// The name that KDE and others own.
struct Saver(bool);

#[interface(name = "org.freedesktop.ScreenSaver")]
impl Saver {
    fn get_active(&self) -> bool {
        self.0
    }
}

#[tokio::test]
async fn a_machine_without_a_system_bus_has_its_screen_saver_still() {
    let Some((_bus, address)) = bus() else { return };
    let place = Place { system_bus: Some("unix:path=/nonexistent/bus".to_owned()), id: None };
    let saver = connect(&address).await;
    let path = "/org/freedesktop/ScreenSaver";
    saver.object_server().at(path, Saver(true)).await.expect("served");
    saver.request_name("org.freedesktop.ScreenSaver").await.expect("the name");
    let (task, mut locked) = SessionTask::new(connect(&address).await, place);
    let token = CancellationToken::new();
    let run = tokio::spawn(task.run(token.clone()));
    let wanted = tokio::time::timeout(LIMIT, locked.wait_for(|now| *now == Some(true))).await;
    assert!(wanted.is_ok_and(|told| told.is_ok()));
    saver.close().await.expect("gone");
    let wanted = tokio::time::timeout(LIMIT, locked.wait_for(|now| *now == Some(false))).await;
    assert!(wanted.is_ok_and(|told| told.is_ok()));
    token.cancel();
    run.await.expect("no panic");
}
