//! Spoken commands through a real sound server into the worker.
//!
//! Owns: what is heard, and when there is a capture stream. Invariant: the sound takes the whole way,
//! from a synthetic voice through PipeWire.

#![allow(
    clippy::expect_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test ends where something is not as it should be"
)]

mod common;

use std::path::Path;

use ahoy_core::voice::{Engine, VoiceEvent};
use common::{ENGLISH, Sound, Voice, Worker, commands, english, skipped};

const SPOKEN: [&str; 9] = [
    "call alice video",
    "call bob",
    "answer",
    "decline",
    "hang up",
    "mute",
    "unmute",
    "redial",
    "who called",
];

/// Speaks every command in one voice and counts.
fn hear_all(name: &str, voice: Voice) {
    let sound = Sound::start(name);
    let (mut worker, engines) = Worker::start(Path::new(ENGLISH));
    assert!(engines.contains(&Engine::PocketSphinx));
    assert!(sound.captures().is_empty(), "no capture before it listens");
    let grammar = commands();
    let mut wrong = Vec::new();
    for text in SPOKEN {
        let file = sound.file("speech.wav");
        if !voice.speak(text, &file) {
            skipped(&format!("the program for {voice:?} is not installed"));
            return;
        }
        worker.listen(&sound, english(&grammar));
        assert_eq!(
            worker.event(),
            VoiceEvent::Listening {
                engine: Engine::PocketSphinx
            }
        );
        let captures = sound.captures();
        assert!(
            matches!(&captures[..], [one] if one.title == "Ahoy voice commands"
                && one.role == "Communication"),
            "one stream that says what it is for: {captures:?}"
        );
        sound.play(&file);
        let event = worker.event();
        assert!(sound.captures().is_empty(), "no capture once it has heard");
        println!("{voice:?} {text:?}: {event:?}");
        match event {
            VoiceEvent::Heard {
                hypotheses,
                latency_ms,
            } => {
                assert!((450..2_000).contains(&latency_ms), "{latency_ms} ms");
                if hypotheses[0].text != text {
                    wrong.push((text, hypotheses[0].text.clone()));
                }
            }
            other => wrong.push((text, format!("{other:?}"))),
        }
    }
    assert!(wrong.is_empty(), "{voice:?}: {wrong:?}");
    assert!(worker.leave(), "it ends when its parent is gone");
}

#[test]
fn a_recorded_voice_is_heard_in_every_command() {
    hear_all("flite", Voice::Flite("rms"));
}

#[test]
fn a_formant_voice_is_heard_in_every_command() {
    hear_all("espeak", Voice::Espeak("en-us+f2", "140", "50"));
}
