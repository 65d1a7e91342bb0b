//! A python-dbusmock: the program before a telephone that is not there. The test is the network.

use std::{
    collections::HashMap,
    process::{Child, Command, Stdio},
};

use tokio::time::{Duration, Instant};
use zbus::{Connection, ObjectPath, Proxy, Variant, connection::Builder, fdo};

use super::common::calls::{Options, PATIENCE};

const MOCK: &str = "org.freedesktop.DBus.Mock";
const OBJECTS: &str = "org.freedesktop.DBus.ObjectManager";
/// The one whose modules Debian's python3-dbusmock is among.
const PYTHON: &str = "/usr/bin/python3";

/// Methods of a mock: name, arguments, result, what it does in Python.
pub(crate) type Methods<'a> = &'a [(&'a str, &'a str, &'a str, &'a str)];

/// A mock; ends with the test.
pub(crate) struct Mock {
    process: Child,
    bus: Connection,
    name: String,
}

impl Drop for Mock {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Mock {
    /// Starts one on the bus of this address; `None` where it is not installed.
    pub(crate) async fn start(address: &str, name: &str, arguments: &[&str]) -> Option<Self> {
        let imports = ["-c", "import dbusmock"];
        let able = Command::new(PYTHON).args(imports).stderr(Stdio::null()).status();
        if !able.is_ok_and(|status| status.success()) {
            println!("SKIPPED: python3-dbusmock is not installed");
            assert!(
                std::env::var_os("AHOY_REQUIRE").is_none_or(|groups| groups.is_empty()),
                "python3-dbusmock is required"
            );
            return None;
        }
        let process = Command::new(PYTHON)
            .args(["-m", "dbusmock"])
            .args(arguments)
            .env("DBUS_SYSTEM_BUS_ADDRESS", address)
            .env("DBUS_SESSION_BUS_ADDRESS", address)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let bus = Builder::address(address).build().await.unwrap();
        let mock = Self { process, bus, name: name.to_owned() };
        let names = fdo::DBusProxy::new(&mock.bus).await.unwrap();
        let deadline = Instant::now() + PATIENCE;
        while !names.name_has_owner(name.try_into().unwrap()).await.unwrap() {
            assert!(Instant::now() < deadline, "{name} is there");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Some(mock)
    }

    async fn at(&self, path: &str) -> Proxy<'_> {
        Proxy::new(&self.bus, self.name.clone(), path.to_owned(), MOCK).await.unwrap()
    }

    /// Puts an object there.
    pub(crate) async fn add(
        &self,
        root: &str,
        (path, interface): (&str, &str),
        properties: Options<'_>,
        methods: Methods<'_>,
    ) {
        let body = (path, interface, properties, methods);
        self.at(root).await.call::<_, _, ()>("AddObject", &body).await.unwrap();
    }

    /// Puts an object there, and tells (a mock by itself does not).
    pub(crate) async fn appears(
        &self,
        root: &str,
        (path, interface): (&str, &str),
        properties: Options<'_>,
        methods: Methods<'_>,
    ) {
        let told = properties.iter().map(|(key, value)| (*key, value.try_clone().unwrap()));
        let interfaces = HashMap::from([(interface, told.collect::<Options<'_>>())]);
        self.add(root, (path, interface), properties, methods).await;
        let told = vec![ObjectPath::try_from(path).unwrap().into(), interfaces.into()];
        self.emit(root, (OBJECTS, "InterfacesAdded"), "oa{sa{sv}}", told).await;
    }

    /// Takes an object away, and tells.
    pub(crate) async fn vanishes(&self, root: &str, (path, interface): (&str, &str)) {
        self.at(root).await.call::<_, _, ()>("RemoveObject", &(path,)).await.unwrap();
        let told = vec![ObjectPath::try_from(path).unwrap().into(), vec![interface].into()];
        self.emit(root, (OBJECTS, "InterfacesRemoved"), "oas", told).await;
    }

    /// Gives an object another interface with properties.
    pub(crate) async fn extend(&self, path: &str, interface: &str, properties: Options<'_>) {
        let body = (interface, properties);
        self.at(path).await.call::<_, _, ()>("AddProperties", &body).await.unwrap();
    }

    /// Changes properties, and tells.
    pub(crate) async fn change(&self, path: &str, interface: &str, properties: Options<'_>) {
        let body = (interface, properties);
        self.at(path).await.call::<_, _, ()>("UpdateProperties", &body).await.unwrap();
    }

    /// Sends a signal.
    pub(crate) async fn emit(
        &self,
        path: &str,
        (interface, member): (&str, &str),
        signature: &str,
        arguments: Vec<Variant<'_>>,
    ) {
        let body = (interface, member, signature, arguments);
        self.at(path).await.call::<_, _, ()>("EmitSignal", &body).await.unwrap();
    }

    /// Waits until a method was called this often, and gives the first argument of the last time.
    pub(crate) async fn was_asked(&self, path: &str, method: &str, times: usize) -> String {
        let proxy = self.at(path).await;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let calls: Vec<(u64, Vec<zbus::OwnedVariant>)> =
                proxy.call("GetMethodCalls", &(method,)).await.unwrap();
            if calls.len() >= times {
                let first = calls.last().and_then(|(_, arguments)| arguments.first());
                return first.map(|value| super::word(value)).unwrap_or_default();
            }
            assert!(Instant::now() < deadline, "{method} was to be called {times} times");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Properties of a mock.
pub(crate) fn options<'a, const N: usize>(of: [(&'a str, Variant<'a>); N]) -> Options<'a> {
    HashMap::from(of)
}
