//! Who calls: told from outside, through a real proxy in a real sandbox.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a failed step fails the test")]

mod common;

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use ahoy::dbus::caller::{Caller, CallerError, Callers, Identified};
use common::{
    Bus, bus,
    sandbox::{Running, Sandbox},
};
use zbus::{Connection, connection::Builder, fdo::DBusProxy, names::OwnedUniqueName};

/// An app as Flatpak starts it, as far as the bus sees it: connected through a proxy in a sandbox
/// whose root names the app. `None` where that cannot be had.
struct App {
    _sandbox: Sandbox,
    _client: Running,
    name: OwnedUniqueName,
}

impl App {
    async fn start(bus: &Bus, info: &str) -> Option<Self> {
        // One connection asks each time: one of its own that is just closing is nobody's app.
        let asks = connect(&bus.address).await;
        let before = names(&asks).await;
        let sandbox = Sandbox::start(bus, info, &["org.ahoycall.Provider1"])?;
        let client = Command::new("gdbus")
            .args(["monitor", "--address", &sandbox.address, "--dest", "org.ahoycall.Provider1"])
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
            let new = names(&asks).await.into_iter().find(|name| !before.contains(name));
            if let Some(name) = new {
                return Some(Self { _sandbox: sandbox, _client: client, name });
            }
            assert!(Instant::now() < deadline, "the app is on the bus");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// All connections but the one that asks.
async fn names(asks: &Connection) -> Vec<OwnedUniqueName> {
    let own = asks.unique_name().unwrap().to_string();
    let all = DBusProxy::new(asks).await.unwrap().list_names().await.unwrap();
    let unique = all.iter().filter(|name| name.starts_with(':') && name.as_str() != own);
    unique.map(|name| OwnedUniqueName::try_from(name.to_string()).unwrap()).collect()
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
