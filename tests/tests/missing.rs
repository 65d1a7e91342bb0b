//! Calls on machines where a part is missing.
//!
//! Owns: PipeWire, microphone and camera that are not there. Invariant: what is missing is said in
//! one clear line, and the rest of the call works.

use std::time::Instant;

use ahoy_trial::{Person, Setup, need::Need, until};

use crate::scene::{Two, hears, on_silent_stage, on_stage};

/// Waits for a warning with these words.
fn says(person: &Person<'_>, since: Instant, words: &str) -> String {
    until(&format!("a line with {words:?} at {}", person.name), || {
        person.logged(since, words)?;
        person.log().into_iter().find(|line| line.contains(words) && line.contains("WARN"))
    })
    .expect("it is said")
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
            let log = person.log();
            let lines = log.iter().filter(|it| it.contains("PipeWire does not answer")).count();
            assert_eq!(lines, 1, "{log:#?}");
        }
        two.are_active(&outgoing, &incoming);
    });
}

#[test]
fn without_her_microphone_she_still_hears_and_one_line_names_it() {
    on_stage(&[Need::Media], |stage| {
        let since = Instant::now();
        let two =
            Two::meet_with(stage, Setup { microphone: false, ..Setup::VOICE }, Setup::VOICE);
        let (outgoing, incoming) = two.talk(false);
        hears(&two.bob, &two.alice, 1_100.0);
        says(&two.alice, since, "alice.microphone");
        two.are_active(&outgoing, &incoming);
    });
}

#[test]
fn without_a_camera_a_video_call_is_heard_and_one_line_names_it() {
    on_stage(&[Need::Media], |stage| {
        let since = Instant::now();
        let two = Two::meet(stage, Setup::VOICE);
        let (outgoing, incoming) = two.talk(true);
        two.hear_each_other();
        says(&two.bob, since, "bob.camera");
        two.are_active(&outgoing, &incoming);
    });
}
