//! The desktop's own Do Not Disturb: what a call does while it is on.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

mod common;

use std::{
    path::Path,
    process::Command,
    sync::{Arc, Mutex},
};

use common::{
    Bus, Daemon, QUIET, bus,
    caller::Calling,
    calls::{Options, PATIENCE, ROOT, proxy},
    connect,
};
use tokio::time::Instant;
use zbus::{Connection, connection::Builder, interface};

const PATH: &str = "/org/freedesktop/Notifications";
const SCHEMA: [&str; 2] = ["org.gnome.desktop.notifications", "show-banners"];

/// A notification server as KDE's, or of another name.
struct Server {
    name: &'static str,
    quiet: Arc<Mutex<bool>>,
}

#[interface(name = "org.freedesktop.Notifications")]
impl Server {
    fn get_server_information(&self) -> (&str, &str, &str, &str) {
        (self.name, "test", "1", "1.2")
    }

    fn get_capabilities(&self) -> Vec<String> {
        Vec::new()
    }

    #[zbus(property)]
    fn inhibited(&self) -> bool {
        *self.quiet.lock().unwrap()
    }
}

async fn server(address: &str, name: &'static str, quiet: &Arc<Mutex<bool>>) -> Connection {
    let server = Server { name, quiet: Arc::clone(quiet) };
    let builder = Builder::address(address).serve_at(PATH, server);
    builder.name("org.freedesktop.Notifications").build().await.unwrap()
}

/// A daemon's configuration in which who calls again does not ring as favourites do.
fn configure(bus: &Bus) {
    bus.configure(&format!("{QUIET}[filter]\nrepeated = false\n"));
}

/// Calls until the call is shown in this way.
async fn becomes(app: &Calling, disposition: &str) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (call, shown) = app.rings("tel", "+49301").await.unwrap();
        app.ends(&call).await;
        if shown == disposition {
            return;
        }
        assert!(Instant::now() < deadline, "it never is {disposition}, but {shown}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn calls_are_silent_while_plasma_is_not_to_disturb_and_no_longer() {
    let Some(bus) = bus() else { return };
    configure(&bus);
    let quiet = Arc::new(Mutex::new(true));
    let plasma = server(&bus.address, "Plasma", &quiet).await;
    let daemon = Daemon::on(bus);
    let controller = connect(&daemon).await;
    let app = Calling::register(&daemon).await;
    becomes(&app, "silent").await;
    *quiet.lock().unwrap() = false;
    let object = plasma.object_server().interface::<_, Server>(PATH).await.unwrap();
    object.get().await.inhibited_changed(object.signal_emitter()).await.unwrap();
    becomes(&app, "ring").await;
    *quiet.lock().unwrap() = true;
    object.get().await.inhibited_changed(object.signal_emitter()).await.unwrap();
    becomes(&app, "silent").await;
    // Off: the desktop does not count.
    let settings = proxy(&controller, ROOT, "Settings").await;
    let off = ("filter.desktop", zbus::Variant::from("off"));
    settings.call::<_, _, ()>("Set", &off).await.unwrap();
    becomes(&app, "ring").await;
    let on = ("filter.desktop", zbus::Variant::from("on"));
    settings.call::<_, _, ()>("Set", &on).await.unwrap();
    becomes(&app, "silent").await;
    // A server that is gone says nothing any more.
    plasma.close().await.unwrap();
    becomes(&app, "ring").await;
}

#[tokio::test]
async fn what_another_server_says_by_plasmas_name_is_not_asked_for() {
    let Some(bus) = bus() else { return };
    configure(&bus);
    let _other = server(&bus.address, "another", &Arc::new(Mutex::new(true))).await;
    let daemon = Daemon::on(bus);
    let _controller = connect(&daemon).await;
    let app = Calling::register(&daemon).await;
    becomes(&app, "ring").await;
}

#[tokio::test]
async fn favourites_ring_while_the_desktop_is_not_to_disturb_unless_nobody_may() {
    let Some(bus) = bus() else { return };
    configure(&bus);
    let _plasma = server(&bus.address, "Plasma", &Arc::new(Mutex::new(true))).await;
    let daemon = Daemon::on(bus);
    let controller = connect(&daemon).await;
    let app = Calling::register(&daemon).await;
    becomes(&app, "silent").await;
    let contacts = proxy(&controller, ROOT, "Contacts").await;
    let handles = vec![("tel", "+49111", "")];
    let contact = Options::from([
        ("name", "Ann".into()),
        ("handles", handles.into()),
        ("favourite", true.into()),
    ]);
    contacts.call::<_, _, String>("Put", &(contact,)).await.unwrap();
    let (call, shown) = app.rings("tel", "+49111").await.unwrap();
    assert_eq!(shown, "ring");
    app.ends(&call).await;
    let settings = proxy(&controller, ROOT, "Settings").await;
    let on = ("filter.desktop", zbus::Variant::from("on"));
    settings.call::<_, _, ()>("Set", &on).await.unwrap();
    let (_, shown) = app.rings("tel", "+49111").await.unwrap();
    assert_eq!(shown, "silent");
}

/// The program, with settings of the test's own in a file.
fn gsettings(home: &Path) -> Command {
    let mut command = Command::new("gsettings");
    own_settings(&mut command, home);
    command
}

fn own_settings(command: &mut Command, home: &Path) {
    command.env("GSETTINGS_BACKEND", "keyfile").env("XDG_CONFIG_HOME", home.join("config"));
}

#[tokio::test]
async fn calls_are_silent_while_gnome_shows_no_banners_and_no_longer() {
    let Some(bus) = bus() else { return };
    configure(&bus);
    let home = bus.home.path().to_owned();
    let set = |shown: &str| {
        let done = gsettings(&home).arg("set").args(SCHEMA).arg(shown).output();
        done.is_ok_and(|done| done.status.success())
    };
    if !set("false") {
        println!("SKIPPED: not installed: gsettings with GNOME's schemas");
        return;
    }
    let _shell = server(&bus.address, "gnome-shell", &Arc::default()).await;
    let daemon = Daemon::with(bus, |command| own_settings(command, &home));
    let _controller = connect(&daemon).await;
    let app = Calling::register(&daemon).await;
    becomes(&app, "silent").await;
    assert!(set("true"));
    becomes(&app, "ring").await;
    assert!(set("false"));
    becomes(&app, "silent").await;
}
