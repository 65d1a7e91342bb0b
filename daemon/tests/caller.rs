//! Who calls: told from outside, through a real proxy in a real sandbox.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a failed step fails the test")]

mod common;

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use ahoy::dbus::caller::{Caller, CallerError, Callers, Identified};
use common::{Bus, bus};
use zbus::{Connection, connection::Builder, fdo::DBusProxy, names::OwnedUniqueName};

/// A program that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An app as Flatpak starts it, as far as the bus sees it: connected through a proxy in a sandbox
/// whose root names the app. `None` where that cannot be had.
struct App {
    _proxy: Running,
    _client: Running,
    name: OwnedUniqueName,
}

impl App {
    async fn start(bus: &Bus, info: &str) -> Option<Self> {
        let before = names(bus).await;
        let (proxy, address) = proxy(&bus.address, bus.home.path(), info)?;
        let client = Command::new("gdbus")
            .args(["monitor", "--address", &address, "--dest", "org.ahoycall.Provider1"])
            .args(["--object-path", "/"])
            .stdout(Stdio::null())
            .spawn();
        let Ok(client) = client else {
            println!("SKIPPED: an app in a sandbox: gdbus is not installed");
            return None;
        };
        let client = Running(client);
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let new = names(bus).await.into_iter().find(|name| !before.contains(name));
            if let Some(name) = new {
                return Some(Self { _proxy: proxy, _client: client, name });
            }
            assert!(Instant::now() < deadline, "the app is on the bus");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// All connections but the one that asks.
async fn names(bus: &Bus) -> Vec<OwnedUniqueName> {
    let connection = connect(&bus.address).await;
    let own = connection.unique_name().unwrap().to_string();
    let all = DBusProxy::new(&connection).await.unwrap().list_names().await.unwrap();
    let unique = all.iter().filter(|name| name.starts_with(':') && name.as_str() != own);
    unique.map(|name| OwnedUniqueName::try_from(name.to_string()).unwrap()).collect()
}

/// The proxy, and where the app would find the bus.
fn proxy(bus: &str, home: &Path, info: &str) -> Option<(Running, String)> {
    let (socket, named) = (home.join("proxied"), home.join("flatpak-info"));
    fs::write(&named, info).ok()?;
    let sandbox = Command::new("bwrap")
        .args(["--ro-bind", "/usr", "/usr", "--symlink", "usr/lib", "/lib"])
        .args(["--symlink", "usr/lib64", "/lib64", "--symlink", "usr/bin", "/bin"])
        .args(["--proc", "/proc", "--dev", "/dev", "--unshare-pid", "--die-with-parent"])
        .arg("--bind")
        .args([home, home])
        .arg("--ro-bind")
        .args([&named, Path::new("/.flatpak-info")])
        .args(["--", "xdg-dbus-proxy", bus])
        .arg(&socket)
        .args(["--filter", "--talk=org.ahoycall.Provider1"])
        .spawn();
    let mut running = match sandbox {
        Ok(child) => Running(child),
        Err(error) => {
            println!("SKIPPED: an app in a sandbox: bwrap: {error}");
            return None;
        }
    };
    let deadline = Instant::now() + Duration::from_secs(10);
    while !socket.exists() {
        if let Ok(Some(status)) = running.0.try_wait() {
            println!("SKIPPED: an app in a sandbox: it does not start here: {status}");
            return None;
        }
        assert!(Instant::now() < deadline, "the proxy listens");
        std::thread::park_timeout(Duration::from_millis(10));
    }
    Some((running, format!("unix:path={}", socket.display())))
}

async fn connect(address: &str) -> Connection {
    Builder::address(address).build().await.unwrap()
}

#[tokio::test]
async fn a_program_of_the_host_is_one() {
    let Some(bus) = bus() else { return };
    let (daemon, program) = (connect(&bus.address).await, connect(&bus.address).await);
    let callers = Callers::default();
    let name = program.unique_name().unwrap();
    let found = callers.identify(&daemon, name).await.unwrap();
    assert_eq!(
        found,
        Identified { caller: Caller::Host, process: std::process::id(), hears: true }
    );
}

#[tokio::test]
async fn an_app_behind_its_proxy_is_the_one_its_sandbox_names() {
    let Some(bus) = bus() else { return };
    let info = "[Application]\nname=org.example.Caller\nruntime=runtime/x\n\n[Instance]\nname=no\n";
    let Some(app) = App::start(&bus, info).await else { return };
    let daemon = connect(&bus.address).await;
    let caller = Callers::default().identify(&daemon, &app.name).await.unwrap().caller;
    assert_eq!(caller, Caller::Sandboxed("org.example.Caller".to_owned()));
}

#[tokio::test]
async fn a_sandbox_that_names_no_app_is_nobody_and_not_the_host() {
    let Some(bus) = bus() else { return };
    let Some(app) = App::start(&bus, "[Application]\nruntime=runtime/x\n").await else { return };
    let daemon = connect(&bus.address).await;
    let caller = Callers::default().identify(&daemon, &app.name).await;
    assert!(matches!(caller, Err(CallerError::Info)), "{caller:?}");
}

#[tokio::test]
async fn a_name_that_nobody_has_is_an_error() {
    let Some(bus) = bus() else { return };
    let daemon = connect(&bus.address).await;
    let nobody = zbus::names::UniqueName::try_from(":1.4711").unwrap();
    assert!(Callers::default().identify(&daemon, &nobody).await.is_err());
}
