//! The bench still measures.
//!
//! Owns: a run of its smallest size. Does not own: what its figures are on this machine. Invariant:
//! no claim here is about speed.

use std::process::Command;

use ahoy_trial::{
    bus::json,
    need::{Need, met},
    person::built,
};
use serde_json::Value;

/// Figures that people look for, and those that must be nothing on any machine.
const FIGURES: [&str; 18] = [
    "directory_load",
    "directory_memory",
    "directory_look_up",
    "directory_look_up_ratio",
    "bus_three_hops_p50",
    "bus_three_hops_p99",
    "action_to_change_p50",
    "action_to_change_p99",
    "action_cost_ratio_p50",
    "memory_per_app",
    "memory_per_call",
    "load_cpu_ahoyd",
    "load_rate",
    "load_actions_late",
    "load_action_to_reply_p99",
    "load_pss_growth",
    "start_to_name",
    "start_to_first_page",
];

/// Runs a part of the bench in its smallest size: the figures, and what it said beside them.
fn figures(part: &str) -> (Vec<Value>, String) {
    let mut bench = Command::new(built("bench").expect("the bench"));
    let output = bench.args(["--quick", part]).output().expect("a run");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    (output.stdout.split(|byte| *byte == b'\n').map(json).collect(), said)
}

fn value(figures: &[Value], name: &str) -> Option<f64> {
    figures.iter().find(|figure| figure["name"] == name)?["value"].as_f64()
}

#[test]
fn the_bench_of_the_service_counts_every_action_once_at_both_ends() {
    let (figures, said) = figures("service");
    let value = |name: &str| value(&figures, name);
    for name in FIGURES {
        assert!(value(name).is_some_and(f64::is_finite), "{name}: {figures:?}");
    }
    assert_eq!(value("load_actions_refused"), Some(0.0), "{said}");
    assert_eq!(value("load_actions_lost"), Some(0.0), "{said}");
    assert_eq!(value("load_actions_doubled"), Some(0.0), "{said}");
    let actions = value("load_actions");
    assert!(actions > Some(0.0) && actions == value("load_actions_performed"));
}

#[test]
fn of_all_commands_in_a_recorded_voice_none_calls_whoever_was_not_asked_for() {
    if !met(&[Need::Voice]) {
        return;
    }
    let (figures, said) = figures("hearing");
    let value = |name: &str| value(&figures, name);
    assert_eq!(value("hearing_wrong_calls"), Some(0.0), "{said}");
    assert!(value("hearing_clean_right") > Some(85.0), "{figures:?}");
    assert!(value("hearing_other_speech_refused") > Some(90.0), "{figures:?}");
}
