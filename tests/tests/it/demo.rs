//! The demo still plays.
//!
//! Owns: one run of it, as `contrib/run --demo` makes it. Does not own: the story. Invariant: what it
//! reports and leaves is looked at, not only how it ends.

use std::{fs, process::Command};

use ahoy_trial::{
    bus::json,
    need::{Need, met},
    person::built,
};

#[test]
fn the_demo_plays_a_call_by_voice_to_its_end_and_leaves_report_picture_and_sound() {
    if !met(&[Need::Media, Need::Voice, Need::Notify]) {
        return;
    }
    let _turn = crate::scene::turn();
    let out = tempfile::tempdir().expect("a directory");
    let mut demo = Command::new(built("demo").expect("the demo"));
    let output = demo.args(["--json", "--out"]).arg(out.path()).output().expect("a run");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let report = json(&output.stdout);
    assert_eq!(report["ok"], true, "{report:#}");
    assert_eq!(report["voice"]["heard"], serde_json::json!(["call alice video", "hang up"]));
    for name in ["report.json", "call.png", "heard.wav"] {
        let size = fs::metadata(out.path().join(name)).map(|file| file.len());
        assert!(size.is_ok_and(|size| size > 1_000), "{name}");
    }
}
