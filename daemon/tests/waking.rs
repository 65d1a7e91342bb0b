//! Calling apps that rest: a call, or calling back, has the bus start them.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a failed step fails the test")]

mod common;

use std::{
    collections::HashMap,
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use common::{Bus, Daemon, NAME, QUIET, bus, connect};
use tokio::{sync::mpsc, time::Instant};
use zbus::{
    Connection, OwnedObjectPath, OwnedVariant, Proxy, Variant, connection::Builder, interface,
    object_server::SignalEmitter,
};

const ROOT: &str = "/org/ahoycall/Calls1";
const APP: &str = "org.example.Sleeper";
const PATIENCE: Duration = Duration::from_secs(20);

/// An app that registers, and writes down what it is asked.
const SLEEPER: &str = r#"
import sys, dbus, dbus.mainloop.glib, dbus.service
from gi.repository import GLib
DAEMON, ROOT, APP = "org.ahoycall.Calls1", "/org/ahoycall/Calls1", "org.ahoycall.Calls1.ProviderApp"
def note(text):
    with open(sys.argv[1], "a") as notes:
        notes.write(text + "\n")
class App(dbus.service.Object):
    @dbus.service.method(APP, in_signature="ussoa{sv}")
    def Perform(self, serial, txn, action, call, args):
        note(f"{action} {args['remote'][1]}" if action == "start" else action)
    @dbus.service.method(APP, in_signature="s(ss)b")
    def CallBack(self, row, remote, video):
        note(f"call back {remote[1]} {bool(row)} {bool(video)}")
dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
bus = dbus.SessionBus()
name = dbus.service.BusName("org.example.Sleeper", bus)
app = App(bus, "/app")
registry = dbus.Interface(bus.get_object(DAEMON, ROOT), DAEMON + ".Registry")
options = dbus.Dictionary({"name": "Sleeper", "schemes": dbus.Array(["tel"], "s")}, "sv")
path = registry.Register("org.example.Sleeper", dbus.ObjectPath("/app"), options)
if len(sys.argv) > 2:
    us = dbus.Interface(bus.get_object(DAEMON, path), DAEMON + ".Provider")
    who = dbus.Dictionary({"remote": ("tel", sys.argv[2])}, "sv")
    call, _ = us.ReportIncoming("0b5cbf0c-21a7-4b1b-9b64-53a1a1a1a1a1", who)
    us.ReportEnded(call, "unanswered", "", dbus.UInt64(0))
    sys.exit()
GLib.MainLoop().run()
"#;

fn has_python() -> bool {
    let imports = ["-c", "import dbus, dbus.mainloop.glib, gi.repository.GLib"];
    let able = Command::new("/usr/bin/python3").args(imports).stderr(Stdio::null()).status();
    let able = able.is_ok_and(|status| status.success());
    if !able {
        println!("SKIPPED: apps that are started: python3-dbus and python3-gi are not installed");
    }
    able
}

/// Installs the app, or one that only says it is one.
fn install(bus: &Bus, runs: &str) {
    let home = bus.home.path();
    let providers = home.join("data/ahoy/providers");
    fs::create_dir_all(&providers).unwrap();
    let file = format!("bus-name = \"{APP}\"\nschemes = [\"tel\"]\n");
    fs::write(providers.join(format!("{APP}.provider")), file).unwrap();
    fs::write(home.join("sleeper.py"), SLEEPER).unwrap();
    let service = format!("[D-BUS Service]\nName={APP}\nExec={runs}\n");
    fs::write(home.join(format!("services/{APP}.service")), service).unwrap();
}

fn command(home: &Path) -> String {
    format!("/usr/bin/python3 {0}/sleeper.py {0}/notes", home.display())
}

async fn notes(bus: &Bus, wanted: &str) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let notes = fs::read_to_string(bus.home.path().join("notes")).unwrap_or_default();
        if notes.lines().any(|line| line == wanted) {
            return;
        }
        assert!(Instant::now() < deadline, "{wanted} was to come, and came: {notes}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn call(controller: &Connection, provider: &str) -> zbus::Result<OwnedObjectPath> {
    let manager = Proxy::new(controller, NAME, ROOT, format!("{NAME}.Manager")).await.unwrap();
    let options: HashMap<&str, Variant<'_>> = HashMap::new();
    manager.call("StartCall", &(provider, vec![("tel", "+49305678")], options)).await
}

#[tokio::test]
async fn a_call_starts_the_app_that_is_installed_for_its_scheme_and_is_placed_by_it() {
    let Some(bus) = bus().filter(|_| has_python()) else { return };
    bus.configure(QUIET);
    install(&bus, &command(bus.home.path()));
    let daemon = Daemon::on(bus);
    let controller = connect(&daemon).await;
    let placed = call(&controller, "").await.unwrap();
    notes(&daemon.bus, "start +49305678").await;
    let properties = Proxy::new(&controller, NAME, placed, format!("{NAME}.Call")).await.unwrap();
    let by: OwnedObjectPath = properties.get_property("Provider").await.unwrap();
    assert!(by.as_str().ends_with("org_2eexample_2eSleeper"), "{by}");
}

#[tokio::test]
async fn an_app_that_cannot_be_started_is_named_at_once() {
    let Some(bus) = bus() else { return };
    bus.configure(QUIET);
    install(&bus, "/nonexistent/program");
    let daemon = Daemon::on(bus);
    let controller = connect(&daemon).await;
    let before = Instant::now();
    let error = call(&controller, APP).await.unwrap_err();
    let name = format!("{error:?}");
    assert!(name.contains("Error.ProviderFailed"), "{name}");
    assert!(error.to_string().contains(APP), "{error}");
    assert!(before.elapsed() < Duration::from_secs(5));
    // What nothing is installed for stays as it was.
    let error = format!("{:?}", call(&controller, "org.example.Nobody").await.unwrap_err());
    assert!(error.contains("Error.UnknownProvider"), "{error}");
}

#[tokio::test]
async fn an_app_that_starts_and_does_not_register_is_waited_for_and_named() {
    let Some(bus) = bus() else { return };
    bus.configure(QUIET);
    install(&bus, "/bin/sleep 60");
    let daemon = Daemon::on(bus);
    let controller = connect(&daemon).await;
    let error = call(&controller, APP).await.unwrap_err();
    assert!(format!("{error:?}").contains("Error.Timeout"), "{error:?}");
    assert!(error.to_string().contains(APP), "{error}");
}

/// A notification server on which somebody clicks "call back" as soon as it is offered.
struct Clicker(mpsc::UnboundedSender<u32>);

#[interface(name = "org.freedesktop.Notifications")]
impl Clicker {
    #[expect(clippy::too_many_arguments, reason = "the specification's")]
    fn notify(
        &self,
        _app: String,
        _replaces: u32,
        _icon: String,
        _summary: String,
        _body: String,
        actions: Vec<String>,
        _hints: HashMap<String, OwnedVariant>,
        _expires: i32,
    ) -> u32 {
        if actions.iter().any(|action| action == "call-back") {
            self.0.send(7).unwrap();
        }
        7
    }

    fn close_notification(&self, _id: u32) {}

    fn get_capabilities(&self) -> Vec<String> {
        vec!["actions".to_owned()]
    }

    fn get_server_information(&self) -> (&str, &str, &str, &str) {
        ("clicker", "test", "1", "1.2")
    }

    #[zbus(signal)]
    async fn action_invoked(emitter: &SignalEmitter<'_>, id: u32, action: &str)
    -> zbus::Result<()>;
}

#[tokio::test]
async fn calling_back_starts_the_app_that_missed_the_call_and_leaves_it_to_it() {
    let Some(bus) = bus().filter(|_| has_python()) else { return };
    bus.configure(QUIET);
    install(&bus, &command(bus.home.path()));
    let (told, mut shown) = mpsc::unbounded_channel();
    let path = "/org/freedesktop/Notifications";
    let server = Builder::address(bus.address.as_str())
        .name("org.freedesktop.Notifications")
        .serve_at(path, Clicker(told))
        .build()
        .await
        .unwrap();
    let daemon = Daemon::on(bus);
    let _there = connect(&daemon).await;
    let home = daemon.bus.home.path();
    let missed = Command::new("/usr/bin/python3")
        .arg(home.join("sleeper.py"))
        .arg(home.join("notes"))
        .arg("+49301234")
        .env("DBUS_SESSION_BUS_ADDRESS", &daemon.bus.address)
        .status()
        .unwrap();
    assert!(missed.success());
    let id = tokio::time::timeout(PATIENCE, shown.recv()).await.unwrap().unwrap();
    let emitter = SignalEmitter::new(&server, path).unwrap();
    Clicker::action_invoked(&emitter, id, "call-back").await.unwrap();
    notes(&daemon.bus, "call back +49301234 True False").await;
}
