//! Calls on machines where a part is missing.
//!
//! Owns: PipeWire, microphone and camera that are not there. Invariant: what is missing is said in
//! one clear line, and the rest of the call works.

use std::time::Instant;

use ahoy_trial::{Person, Setup, need::Need, until};

use crate::scene::{Two, on_silent_stage, on_stage};

/// Waits for a warning with these words, and sees that it is the only one.
fn says(person: &Person<'_>, since: Instant, words: &str) -> String {
    until(&format!("a line with {words:?} at {}", person.name), || person.logged(since, words))
        .expect("it is said");
    let log = person.log();
    let lines: Vec<&String> =
        log.iter().filter(|line| line.contains(words) && line.contains("WARN")).collect();
    assert_eq!(lines.len(), 1, "{log:#?}");
    lines[0].clone()
}

#[test]
fn without_pipewire_a_call_connects_and_one_line_says_what_is_missing() {
    on_silent_stage(|stage| {
        let since = Instant::now();
        let two = Two::meet(stage, Setup::BARE);
        let (outgoing, incoming) = two.talk(true);
        for person in [&two.alice, &two.bob] {
            let line = says(person, since, "PipeWire does not answer");
            assert!(line.contains("systemctl --user start pipewire"), "the next step: {line}");
        }
        two.are_active(&outgoing, &incoming);
    });
}

#[test]
fn without_microphones_a_call_is_seen_and_one_line_says_what_is_missing() {
    on_stage(&[Need::Media], |stage| {
        let since = Instant::now();
        let setup = Setup { microphone: false, notifications: false, ..Setup::ALL };
        let two = Two::meet(stage, setup);
        let (outgoing, incoming) = two.talk(true);
        for (person, call) in [(&two.alice, &incoming), (&two.bob, &outgoing)] {
            let viewer = person.watch(call, "RemoteVideoNode").expect("a window");
            viewer.first().expect("pictures");
            says(person, since, "no microphone is connected: ");
        }
        two.are_active(&outgoing, &incoming);
    });
}

#[test]
fn without_cameras_a_video_call_is_heard_and_one_line_says_what_is_missing() {
    on_stage(&[Need::Media], |stage| {
        let since = Instant::now();
        let two = Two::meet(stage, Setup::VOICE);
        let (outgoing, incoming) = two.talk(true);
        two.hear_each_other();
        for person in [&two.alice, &two.bob] {
            says(person, since, "no camera is connected: ");
        }
        two.are_active(&outgoing, &incoming);
    });
}
