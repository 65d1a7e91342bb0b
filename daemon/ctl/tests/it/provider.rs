//! The suite for calling apps: a right app breaks nothing, and each fault of a wrong one is found by
//! the point that is meant for it, and by no other.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
};

use crate::harness::{DEADLINE, Dir, Run, command, run};

const PYTHON: &str = "/usr/bin/python3";

/// Each fault of `broken.py`, and the point that finds it.
const FAULTS: [(&str, &str); 37] = [
    ("never-registers", "registers"),
    ("odd-option", "registration-keys"),
    ("one-uuid", "fresh-ids"),
    ("odd-state", "reports"),
    ("answers-anybody", "unknown-call"),
    ("does-anything", "unknown-action"),
    ("refuses-answer", "answer"),
    ("silent-answer", "answer"),
    ("refuses-declined", "decline"),
    ("refuses-start", "start"),
    ("stands-still", "start-goes-on"),
    ("refuses-set-held", "hold"),
    ("silent-set-held", "hold"),
    ("refuses-set-muted", "mute"),
    ("refuses-play-dtmf", "digits"),
    ("refuses-set-video", "video"),
    ("refuses-switch-camera", "camera"),
    ("silent-set-local-silence", "local-silence"),
    ("refuses-set-endpoint", "endpoint"),
    ("refuses-set-screen-share", "screen"),
    ("refuses-send-text", "text"),
    ("writes-only-when-on", "text"),
    ("refuses-set-group", "group"),
    ("refuses-transfer", "transfer"),
    ("refuses-local-hangup", "end"),
    ("refuses-again", "again"),
    ("does-unclaimed", "unclaimed"),
    ("reports-early", "replies-first"),
    ("contradicts", "reports-agree"),
    ("speaks-of-the-dead", "after-the-end"),
    ("no-audio", "audio"),
    ("audio-ends", "audio-keeps-calls"),
    ("no-time-out", "timed-out"),
    ("no-call-back", "call-back"),
    ("forgets-nothing", "reset"),
    ("registers-once", "registers-again"),
    ("deaf-again", "answers-again"),
];

fn able() -> bool {
    let imports = ["-c", "import dbus, dbus.mainloop.glib, gi.repository.GLib"];
    let tried = std::process::Command::new(PYTHON).args(imports).output();
    if tried.is_ok_and(|tried| tried.status.success()) {
        return true;
    }
    println!("SKIPPED: apps under check: python3-dbus and python3-gi are not installed");
    false
}

fn broken_py() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/broken.py")
}

/// Runs the deep suite on an app.
async fn check(app: &[&str], more: &[&str]) -> Run {
    let dir = Dir::new();
    let mut check: Command = command(&dir.0);
    check.args(["provider", "check", "--json", "--wait", "3"]).args(more);
    check.arg("--").arg(PYTHON).args(app);
    run(check).await
}

fn checks(run: &Run, result: &str) -> BTreeSet<String> {
    let json = run.json();
    let rows = json["checks"].as_array().unwrap().iter();
    let fits = rows.filter(|row| row["result"] == result);
    fits.map(|row| row["check"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_example_of_an_app_breaks_nothing() {
    if !able() {
        return;
    }
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../../contrib/examples/provider.py");
    let run = check(&[example, "+49301", "+49302"], &[]).await;
    run.ok();
    let json = run.json();
    assert_eq!((&json["broken"], &json["not_tried"]), (&json!(0), &json!(0)), "{run:?}");
    let unclaimed =
        ["camera", "digits", "endpoint", "group", "screen", "text", "transfer", "video"];
    assert_eq!(checks(&run, "not claimed"), unclaimed.map(str::to_owned).into());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_that_can_everything_is_asked_for_everything() {
    if !able() {
        return;
    }
    let app = broken_py();
    for fault in ["none", "takes-up"] {
        let run = check(&[app.to_str().unwrap(), fault, "+49301", "+49302"], &[]).await;
        run.ok();
        let json = run.json();
        assert_eq!((&json["ok"], &json["not_claimed"]), (&json!(34), &json!(0)), "{run:?}");
        // Nothing is left that it does not claim.
        assert_eq!(checks(&run, "not tried"), BTreeSet::from(["unclaimed".to_owned()]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_fault_is_found_by_the_point_meant_for_it_and_by_no_other() {
    if !able() {
        return;
    }
    let mut wrong = Vec::new();
    let mut running = tokio::task::JoinSet::new();
    let all = FAULTS.iter().chain(&[("dies", "stays")]);
    for (nr, (fault, point)) in all.enumerate() {
        // The silent ones wait for their deadlines; four at once keep a small machine in time.
        if nr >= 4 {
            wrong.extend(running.join_next().await.unwrap().unwrap());
        }
        running.spawn(async move {
            let app = broken_py();
            let run = check(&[app.to_str().unwrap(), fault, "+49301", "+49302"], &[]).await;
            let found = checks(&run, "broken");
            let fits = found.iter().eq([point]) && run.code == 1;
            (!fits).then(|| format!("{fault}: {point} was to find it, and {found:?} did"))
        });
    }
    while let Some(one) = running.join_next().await {
        wrong.extend(one.unwrap());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_point_has_a_fault_that_it_finds() {
    if !able() {
        return;
    }
    let run = check(&[broken_py().to_str().unwrap(), "none"], &[]).await;
    let json = run.json();
    let points = json["checks"].as_array().unwrap().iter();
    let points: BTreeSet<&str> = points.map(|row| row["check"].as_str().unwrap()).collect();
    let mut tried: BTreeSet<&str> = FAULTS.iter().map(|(_, point)| *point).collect();
    tried.insert("stays");
    assert_eq!(points, tried);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_could_not_be_looked_at_is_not_called_right() {
    if !able() {
        return;
    }
    // Nobody calls it, and it does not start calls: there is little to see.
    let run = check(&[broken_py().to_str().unwrap(), "refuses-start"], &[]).await;
    assert_eq!(checks(&run, "broken"), BTreeSet::from(["start".to_owned()]));
    let untried = checks(&run, "not tried");
    for point in ["fresh-ids", "reports", "answer", "decline", "hold", "end", "reset", "unclaimed"]
    {
        assert!(untried.contains(point), "{point}: {run:?}");
    }
    let nowhere = ["replies-first", "reports-agree", "after-the-end", "audio-keeps-calls"];
    assert!(nowhere.iter().all(|point| untried.contains(*point)), "{run:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_names_what_was_expected_what_came_and_the_place_in_the_contract() {
    if !able() {
        return;
    }
    let dir = Dir::new();
    let mut check: Command = command(&dir.0);
    check.env("TMPDIR", &dir.0);
    check.args(["provider", "check", "--", PYTHON]).arg(broken_py()).arg("refuses-set-held");
    let run = run(check).await;
    assert_eq!(run.code, 1);
    let line = run.out.lines().find(|line| line.starts_with("broken")).unwrap();
    for part in ["hold", "within 5 s", "does not want to", "[ProviderApp.Perform]"] {
        assert!(line.contains(part), "{line}");
    }
    assert!(run.err.contains("1 of 35 points"), "{run:?}");
    assert!(left(&dir).is_empty(), "{:?}", left(&dir));
}

/// What a check has left of its own.
fn left(dir: &Dir) -> Vec<String> {
    let names = std::fs::read_dir(&dir.0).unwrap().flatten().map(|one| one.file_name());
    let names = names.map(|name| name.to_string_lossy().into_owned());
    names.filter(|name| name.starts_with("ahoyctl-check-")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_that_is_ended_leaves_no_bus_and_no_app() {
    let dir = Dir::new();
    let mut check: Command = command(&dir.0);
    check.env("TMPDIR", &dir.0).args(["provider", "check", "--output", "--wait", "100", "--"]);
    check.args(["sh", "-c", "echo $$ started >&2; exec sleep 1000"]);
    let mut running = check.spawn().unwrap();
    let mut lines = BufReader::new(running.stderr.take().unwrap()).lines();
    let line = tokio::time::timeout(DEADLINE, lines.next_line()).await.unwrap().unwrap().unwrap();
    let app: i32 = line.split_once(' ').unwrap().0.parse().unwrap();
    assert_eq!(left(&dir).len(), 1, "the bus is there");
    let pid = |id: i32| rustix::process::Pid::from_raw(id).unwrap();
    let own = pid(running.id().unwrap().try_into().unwrap());
    rustix::process::kill_process(own, rustix::process::Signal::TERM).unwrap();
    let status = tokio::time::timeout(DEADLINE, running.wait()).await.unwrap().unwrap();
    assert_eq!(status.code(), Some(130));
    assert!(left(&dir).is_empty(), "{:?}", left(&dir));
    // Whoever inherits the app may take a moment to see that it has ended; its pipe tells it.
    let end = tokio::time::timeout(DEADLINE, lines.next_line()).await.unwrap().unwrap();
    assert_eq!(end, None, "the app {app} has ended");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_is_not_there_is_said() {
    let dir = Dir::new();
    let mut check: Command = command(&dir.0);
    check.args(["provider", "check", "--json", "--", "/nowhere/app"]);
    let run = run(check).await;
    assert_eq!((run.code, &run.error()["name"]), (1, &json!("System")));
}
