//! Calls on machines where a part is missing.
//!
//! Owns: PipeWire, microphone and camera that are not there. Invariant: what is missing is said in
//! one clear line, and the rest of the call works.

use std::time::Instant;

use ahoy_trial::{Person, Setup, bus::Options, need::Need, until};

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

#[test]
fn without_a_recogniser_listening_says_what_to_install_opens_no_microphone_and_calls_work() {
    on_stage(&[Need::Media], |stage| {
        let two = Two::meet(stage, Setup::VOICE);
        let bus = &two.bob.bus;
        let set = |key: &str, value: &str| {
            let value = zbus::Variant::from(value);
            bus.call::<_, ()>("Settings", "Set", &(key, value)).expect("a setting");
        };
        // No recogniser has a model of Welsh here; nor is there a Vosk model of English.
        for (key, value, words) in [
            ("voice.locale", "cy", "ahoyctl voice install cy"),
            ("voice.engine", "vosk", "ahoyctl voice install cy"),
        ] {
            set(key, value);
            let seen = bus.seen();
            let refused = bus.call::<_, ()>("Voice", "Listen", &(Options::new(),));
            let said = match refused {
                Err(error) => error.to_string(),
                Ok(()) => bus
                    .signal(seen, "a word about it", |signal| {
                        let (text, _): (String, Vec<String>) =
                            (signal.member == "Prompt").then(|| signal.body())??;
                        Some(text)
                    })
                    .expect("it is said"),
            };
            assert!(said.contains(words), "{said}");
            assert!(stage.node("ahoy-voice").is_none(), "nobody listens");
        }
        two.talk(false);
        two.hear_each_other();
    });
}
