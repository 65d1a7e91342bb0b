//! `ahoyctl provider check` from outside: apps that break a rule, through the real service.
//!
//! Owns: which faults a controller can see. Does not own: the deep suite (the client's own tests have
//! every fault). Invariant: each fault is found by the point meant for it, and by no other.

use std::{path::Path, process::Stdio};

use ahoy_trial::{
    Person, Setup, contract::repository, need::Need, person::built, process::Running, until,
};
use serde_json::Value;

use crate::scene::on_stage;

/// Each fault of `broken.py` that shows from outside, and the point that finds it.
const FAULTS: [(&str, &[&str]); 7] = [
    ("none", &[]),
    ("refuses-start", &["start"]),
    ("stands-still", &["start-goes-on"]),
    ("refuses-set-held", &["hold"]),
    ("refuses-set-muted", &["mute"]),
    ("refuses-again", &["again"]),
    ("silent-end", &["end"]),
];

fn app(person: &Person<'_>, fault: &str) -> Running {
    let script = repository().join("daemon/ctl/tests/it/broken.py");
    let mut python = person.command(Path::new("/usr/bin/python3"));
    let running = Running::start("/usr/bin/python3", python.arg(script).arg(fault));
    let running = running.expect("the app");
    let there = || person.ahoyctl(&["provider", "list"]).ok()?.contains("Broken").then_some(());
    until("the app in the list", there).expect("it registers");
    running
}

/// The points that are broken.
fn broken(person: &Person<'_>) -> Vec<String> {
    let mut check = person.command(&built("ahoyctl").expect("ahoyctl"));
    let arguments = ["provider", "check", "--json", "--wait", "2", "--remote", "tel:+12025550123"];
    check.args(arguments).arg("org.example.Broken");
    let output = check.stdout(Stdio::piped()).output().expect("ahoyctl");
    let result: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let rows = result["checks"].as_array().expect("points").iter();
    let broken = rows.filter(|row| row["result"] == "broken");
    let broken: Vec<String> = broken.map(|row| format!("{}", row["check"])).collect();
    assert_eq!(output.status.success(), broken.is_empty(), "{result}");
    broken
}

#[test]
fn what_an_app_breaks_is_seen_through_the_real_service_by_the_point_meant_for_it() {
    on_stage(&[Need::Media, Need::Links], |stage| {
        for (fault, points) in FAULTS {
            // One each: an app that left comes back within its grace, with what it had.
            let person = Person::start(stage, &format!("Ann-{fault}"), Setup::BARE).expect("Ann");
            let _app = app(&person, fault);
            let points: Vec<String> = points.iter().map(|point| format!("\"{point}\"")).collect();
            assert_eq!(broken(&person), points, "{fault}");
        }
    });
}
