//! Starting with damaged, newer or foreign files, and with parts missing.

mod common;

use std::{fs, os::unix::fs::PermissionsExt as _};

use common::{Daemon, QUIET, ahoyd, bus, connect, start};
use zbus::Proxy;

#[tokio::test]
async fn a_damaged_database_is_kept_aside_and_a_fresh_one_begun() {
    let Some(bus) = bus() else { return };
    bus.configure(QUIET);
    let data = bus.home.path().join("data/ahoy");
    fs::create_dir_all(&data).unwrap();
    fs::write(data.join("ahoy.db"), "this was a database once".repeat(400)).unwrap();
    let daemon = Daemon::on(bus);
    let connection = connect(&daemon).await;
    drop(connection);
    let kept = || {
        let names = fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_string_lossy().contains("corrupt")).count()
    };
    let log = daemon_log_after(daemon, kept).await;
    assert!(log.contains("the database was damaged: it is kept"), "{log}");
}

/// The daemon's whole log, once `found` has counted one.
async fn daemon_log_after(daemon: Daemon, found: impl Fn() -> usize) -> String {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while found() == 0 {
        assert!(std::time::Instant::now() < deadline, "nothing was kept aside");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    // It listens for signals from before it opens anything.
    daemon.log()
}

#[tokio::test]
async fn a_newer_database_is_never_touched_and_named() {
    let Some(bus) = bus() else { return };
    bus.configure(QUIET);
    let daemon = Daemon::on(bus);
    let connection = connect(&daemon).await;
    let settings = Proxy::new(
        &connection,
        common::NAME,
        "/org/ahoycall/Calls1",
        "org.ahoycall.Calls1.History",
    )
    .await
    .unwrap();
    let unseen: u32 = settings.get_property("Unseen").await.unwrap();
    assert_eq!(unseen, 0);
    let Some(fresh) = common::bus() else { return };
    fresh.configure(QUIET);
    let data = fresh.home.path().join("data/ahoy");
    fs::create_dir_all(&data).unwrap();
    let file = data.join("ahoy.db");
    // The header of an SQLite file with user_version 4,000,000 (offset 60, big-endian).
    fs::copy(daemon.bus.home.path().join("data/ahoy/ahoy.db"), &file).unwrap();
    let mut bytes = fs::read(&file).unwrap();
    bytes[60..64].copy_from_slice(&4_000_000u32.to_be_bytes());
    fs::write(&file, &bytes).unwrap();
    let said = fresh.refused();
    assert!(said.contains("4000000") && said.contains("start a newer Ahoy"), "{said}");
    assert_eq!(fs::read(&file).unwrap(), bytes, "not a byte of it has changed");
}

#[test]
fn a_key_file_that_others_can_read_is_refused() {
    let Some(bus) = bus() else { return };
    bus.configure(QUIET);
    let keys = bus.home.path().join("data/ahoy/keys");
    fs::create_dir_all(&keys).unwrap();
    fs::set_permissions(&keys, fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(keys.join("device"), [7; 64]).unwrap();
    fs::set_permissions(keys.join("device"), fs::Permissions::from_mode(0o644)).unwrap();
    let said = bus.refused();
    assert!(said.contains("keys/device"), "{said}");
}

#[test]
fn keys_that_are_in_a_secret_service_which_is_not_there_are_not_made_anew() {
    let Some(bus) = bus() else { return };
    bus.configure(QUIET);
    let keys = bus.home.path().join("data/ahoy/keys");
    fs::create_dir_all(&keys).unwrap();
    fs::set_permissions(&keys, fs::Permissions::from_mode(0o700)).unwrap();
    let marker = "ahoy-keys 1 are in the Secret Service\nybndrfg8\n";
    fs::write(keys.join("in-secret-service"), marker).unwrap();
    // Not started again by systemd: it would ask for the password again and again.
    let said = bus.refused_with(77);
    assert!(said.contains("unlock your keyring"), "{said}");
    assert!(!keys.join("device").exists());
    assert_eq!(fs::read_to_string(keys.join("in-secret-service")).unwrap(), marker);
    let unit = concat!(env!("CARGO_MANIFEST_DIR"), "/../systemd/ahoyd.service.in");
    assert!(fs::read_to_string(unit).unwrap().contains("RestartPreventExitStatus=77\n"));
}

#[tokio::test]
async fn a_bad_setting_costs_one_line_and_its_default_is_used() {
    let config = format!("{QUIET}[ring]\ntimeout-s = \"for ever\"\n[no]\nsuch = 1\n");
    let Some(daemon) = start(&config) else { return };
    let connection = connect(&daemon).await;
    let settings = Proxy::new(
        &connection,
        common::NAME,
        "/org/ahoycall/Calls1",
        "org.ahoycall.Calls1.Settings",
    )
    .await
    .unwrap();
    let value: zbus::OwnedVariant = settings.call("Get", &("ring.timeout-s",)).await.unwrap();
    assert_eq!(i64::try_from(value).unwrap(), 60);
    let log = daemon.log();
    assert!(log.contains("ring.timeout-s"), "{log}");
    assert!(log.contains("no.such") || log.contains("no"), "{log}");
}

/// It once waited for whatever was still being read, a dictionary for seconds, an odd file for ever.
#[tokio::test]
async fn a_file_that_is_never_read_to_its_end_holds_up_no_end() {
    let Some(bus) = bus() else { return };
    bus.configure(QUIET);
    let apps = bus.home.path().join("data/ahoy/providers");
    fs::create_dir_all(&apps).unwrap();
    let pipe = apps.join("org.example.Pipe.provider");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    let kind = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, kind, mode, 0).unwrap();
    let daemon = Daemon::on(bus);
    let connection = connect(&daemon).await;
    let path = "/org/ahoycall/Calls1";
    let manager = Proxy::new(&connection, common::NAME, path, "org.ahoycall.Calls1.Manager");
    let options = std::collections::HashMap::<&str, zbus::Variant<'_>>::new();
    let body = ("", vec![("tel", "+49301234567")], options);
    // The app that could call is looked for in that file, too.
    manager.await.unwrap().call::<_, _, zbus::OwnedObjectPath>("StartCall", &body).await.ok();
    drop(connection);
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || tell.send(daemon.log()));
    let log = told.recv_timeout(std::time::Duration::from_secs(20)).expect("it ends");
    assert!(log.contains("cannot be read in time"), "{log}");
}

#[test]
fn without_a_session_bus_it_says_what_to_do() {
    let home = tempfile::tempdir().unwrap();
    let output = ahoyd(home.path(), "unix:path=/nonexistent/bus").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("no session bus") && said.contains("dbus-run-session"), "{said}");
}

/// One of its parts once asked a closed bus for its next signal without an end, at half of a core.
#[tokio::test]
async fn a_session_bus_that_goes_ends_it() {
    let Some(daemon) = start(QUIET) else { return };
    drop(connect(&daemon).await);
    let (status, log) = tokio::task::spawn_blocking(|| daemon.without_bus()).await.unwrap();
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(log.contains("the session bus has gone"), "{log}");
}
