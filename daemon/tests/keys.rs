//! Backups and restoring, through the running daemon.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

mod common;

use std::{
    collections::HashMap,
    fs::{self, File},
    os::fd::AsFd as _,
    time::{Duration, Instant},
};

use common::{NAME, QUIET, connect, start};
use zbus::{Connection, Fd, Proxy, Variant};

const LIMIT: Duration = Duration::from_secs(20);

async fn proxy(connection: &Connection, interface: &str) -> Proxy<'static> {
    let interface = format!("{NAME}.{interface}");
    let builder = zbus::proxy::Builder::new(connection).destination(NAME);
    // A restored identity comes with a restart: what was read before counts no more.
    let builder = builder.path("/org/ahoycall/Calls1").interface(interface);
    builder.cache_properties(zbus::proxy::CacheProperties::No).build().await.unwrap()
}

#[tokio::test]
async fn a_backup_makes_a_fresh_device_the_same_person_and_an_old_one_is_left_alone() {
    let Some(old) = start(QUIET) else { return };
    let Some(fresh) = start(QUIET) else { return };
    let (here, there) = (connect(&old).await, connect(&fresh).await);
    let (ours, theirs) = (proxy(&here, "Identity").await, proxy(&there, "Identity").await);
    let contact = HashMap::from([("name", Variant::from("Alice"))]);
    let _: String = proxy(&here, "Contacts").await.call("Put", &(contact,)).await.unwrap();
    // After a method: properties of a daemon that is still starting are empty.
    let address: String = ours.get_property("Address").await.unwrap();
    let path = old.bus.home.path().join("backup");
    let file = File::create_new(&path).unwrap();
    let () = ours.call("Backup", &(Fd::from(file.as_fd()), "right")).await.unwrap();
    drop(file);

    let file = File::open(&path).unwrap();
    let wrong = theirs.call_method("Restore", &(Fd::from(file.as_fd()), "wrong")).await;
    assert!(wrong.is_err());
    let other: String = theirs.get_property("Address").await.unwrap();
    assert_ne!(other, address);
    let file = File::open(&path).unwrap();
    let () = theirs.call("Restore", &(Fd::from(file.as_fd()), "right")).await.unwrap();
    let begin = Instant::now();
    // It starts afresh with the keys, and its name is away meanwhile.
    loop {
        let now = theirs.get_property::<String>("Address").await;
        if now.as_ref().is_ok_and(|now| *now == address) {
            break;
        }
        if begin.elapsed() > LIMIT {
            panic!("{now:?} is not {address}: {}", fresh.log());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let contacts = proxy(&there, "Contacts").await;
    let found: Vec<HashMap<String, zbus::OwnedVariant>> =
        contacts.call("Search", &("alice", 10u32)).await.unwrap();
    assert_eq!(found.len(), 1);
    let keys = |home: &tempfile::TempDir| fs::read(home.path().join("data/ahoy/keys/device"));
    assert_eq!(keys(&fresh.bus.home).unwrap(), keys(&old.bus.home).unwrap());
}
