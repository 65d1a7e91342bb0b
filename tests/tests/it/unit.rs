//! A call with `ahoyd` in its own unit: the real systemd, every switch of it, activation by the bus.
//!
//! Owns: what the unit must not take from a call. Does not own: what each switch forbids (the tests
//! of `ahoy-sandbox`). Invariant: the unit and the activation file are those that are installed.

use std::{fs, path::Path, time::Duration};

use ahoy_trial::{Person, Setup, need::Need, person::built, systemd::Manager, until};

use crate::scene::{hears, on_stage};

fn installed(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    let bin = built("ahoyd").expect("ahoyd");
    let text = fs::read_to_string(path).expect("a file of this repository");
    text.replace("@bindir@", &bin.parent().expect("a directory").display().to_string())
}

/// Puts the unit and the activation file where a user's systemd and bus look for them.
fn install(manager: &Manager, person: &Person<'_>) {
    let units = manager.dir.join(".config/systemd/user");
    let services = manager.dir.join(".local/share/dbus-1/services");
    let drop_in = units.join("ahoyd.service.d");
    for directory in [&services, &drop_in] {
        fs::create_dir_all(directory).expect("a directory");
    }
    let log = person.path("ahoyd.log");
    let mut text = format!("[Service]\nStandardError=append:{}\n", log.display());
    for (variable, value) in person.environment() {
        text += &format!("Environment={variable}={}\n", value.display());
    }
    let unit = installed("systemd/ahoyd.service.in");
    let service = installed("dbus/org.ahoycall.Calls1.service.in");
    for (path, text) in [
        (units.join("ahoyd.service"), unit),
        (drop_in.join("trial.conf"), text),
        (services.join("org.ahoycall.Calls1.service"), service),
    ] {
        fs::write(path, text).expect("a file");
    }
    manager.run("systemctl", &["--user", "daemon-reload"]).expect("the unit is read");
    // A bus sees directories that came later only when told, as contrib/run does.
    let bus = ["org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus"];
    let words = [&["--user", "call"], bus.as_slice(), &["ReloadConfig"]].concat();
    manager.run("busctl", &words).expect("the activation file is read");
}

fn shows(manager: &Manager, property: &str) -> String {
    let words = ["--user", "show", "ahoyd", "--value", "-p", property];
    manager.run("systemctl", &words).expect("systemctl")
}

#[test]
fn in_its_unit_it_is_started_by_the_bus_carries_a_call_comes_back_from_a_crash_and_says_goodbye() {
    on_stage(&[Need::Media], |stage| {
        let manager = match Manager::private() {
            Ok(manager) => manager,
            Err(why) => {
                println!("SKIPPED: a call with ahoyd in its unit: {why}");
                return;
            }
        };
        let alice =
            Person::prepare(stage, "Alice", Setup::VOICE, manager.bus()).expect("Alice's things");
        install(&manager, &alice);
        let bob = Person::start(stage, "Bob", Setup::VOICE).expect("Bob");
        assert_eq!(shows(&manager, "ActiveState"), "inactive");
        // The first message to the name starts it.
        let invite = alice.invite().expect("an invite");
        assert_eq!(shows(&manager, "ActiveState"), "active");
        let id = bob.accept(&invite).expect("they meet");
        let call = bob.call(&id, false).expect("a call");
        let incoming = alice.rings().expect("it rings");
        alice.answer(&incoming, false).expect("answered");
        bob.until_state(&call, "active").expect("active");
        hears(&alice, &bob, 700.0);
        hears(&bob, &alice, 1_100.0);
        let first = shows(&manager, "MainPID");
        manager.run("systemctl", &["--user", "kill", "-s", "KILL", "ahoyd"]).expect("killed");
        until("a new ahoyd", || {
            let pid = shows(&manager, "MainPID");
            let active = shows(&manager, "ActiveState") == "active";
            (active && pid != "0" && pid != first).then_some(())
        })
        .expect("it is back");
        bob.until_state(&call, "ended").expect("the call of the crash ends");
        let call = bob.call(&id, false).expect("another call");
        let incoming = alice.rings().expect("it rings");
        alice.answer(&incoming, false).expect("answered");
        bob.until_state(&call, "active").expect("active");
        let seen = bob.bus.seen();
        manager.run("systemctl", &["--user", "stop", "ahoyd"]).expect("stopped");
        let (_, why) = bob.ended(seen, &call, Duration::from_secs(5)).expect("it ends");
        assert_eq!(why, "remote-hangup");
        assert_eq!(shows(&manager, "Result"), "success");
    });
}
