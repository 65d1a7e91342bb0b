//! `doctor` says what is missing and how to get it, and changes nothing.

use serde_json::Value;

use crate::harness::{Session, bus, command, run};

fn check<'v>(report: &'v Value, name: &str) -> &'v Value {
    let all = report["checks"].as_array().unwrap();
    all.iter().find(|c| c["name"] == name).unwrap_or_else(|| panic!("no {name} in {report}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_daemon_and_sound_it_names_a_fix_for_each() {
    let (dir, _bus, address) = bus().await;
    let mut doctor = command(&dir.0);
    doctor.env("DBUS_SESSION_BUS_ADDRESS", &address).args(["doctor", "--json"]);
    let run = run(doctor).await;
    assert_eq!(run.code, 1);
    let report = run.json();
    assert_eq!(report["ok"], false);
    for (name, state) in [
        ("session bus", "ok"),
        ("call service", "missing"),
        ("PipeWire", "missing"),
        ("notifications", "warn"),
        ("voice models", "warn"),
        ("systemd unit", "warn"),
    ] {
        assert_eq!(check(&report, name)["state"], state, "{name}: {report}");
    }
    for row in report["checks"].as_array().unwrap() {
        let fine = row["state"] == "ok";
        assert_eq!(row["fix"] == "", fine, "only what is not fine has a fix: {row}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_daemons_own_rows_stand_beside_ours() {
    let session = Session::new().await;
    // A sound server and an installed unit, as they look from outside.
    let home = &session.dir.0;
    std::fs::create_dir_all(home.join("run")).unwrap();
    let _pipewire = std::os::unix::net::UnixListener::bind(home.join("run/pipewire-0")).unwrap();
    let units = home.join("config/systemd/user");
    std::fs::create_dir_all(&units).unwrap();
    std::fs::write(units.join("ahoyd.service"), "").unwrap();
    let report = session.ctl(&["doctor", "--json"]).await.json();
    for name in ["call service", "PipeWire", "systemd unit"] {
        assert_eq!(check(&report, name)["state"], "ok", "{report}");
    }
    let row = check(&report, "ahoyd: microphone");
    assert_eq!((row["state"].as_str(), row["fix"].as_str()), (Some("warn"), Some("Plug one in")));
    let people = session.ctl(&["doctor"]).await;
    assert!(people.out.contains("! ahoyd: microphone: none\n    Plug one in\n"), "{people:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_bus_it_still_looks_at_the_rest() {
    let (dir, _bus, _) = bus().await;
    let mut doctor = command(&dir.0);
    doctor.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere").args(["doctor", "--json"]);
    let run = run(doctor).await;
    assert_eq!(run.code, 1);
    assert_eq!(check(&run.json(), "session bus")["state"], "missing");
    assert!(run.json()["checks"].as_array().unwrap().len() > 8);
}
