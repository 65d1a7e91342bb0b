//! Free speech: messages that are dictated, and captions of the other side.
//!
//! Owns: what is written of it, and from which stream it comes. Invariant: the sound takes the whole way,
//! from a synthetic voice through PipeWire.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::wildcard_enum_match_arm,
    reason = "a test ends where something is not as it should be"
)]

mod common;

use std::path::Path;

use ahoy_core::voice::{Engine, Grammar, VoiceCommand, VoiceEvent};
use common::{ENGLISH, MICROPHONE, Sound, Voice, Worker, english, grammar, skipped};

const VOICE: Voice = Voice::Flite("rms");
const REMOTE: &str = "ahoy.remote-audio.00000001";

/// A sound server, a worker, and a voice; `None`: there is no voice.
fn start(name: &str) -> Option<(Sound, Worker)> {
    let sound = Sound::start(name);
    if !VOICE.speak("test", &sound.file("test.wav")) {
        skipped("flite is not installed");
        return None;
    }
    let (worker, _) = Worker::start(Path::new(ENGLISH));
    Some((sound, worker))
}

/// What is heard of a sentence; said twice where sound on a busy machine stuttered.
fn hears(sound: &Sound, worker: &mut Worker, grammar: &Grammar, text: &str, expected: &str) {
    let file = sound.file("speech.wav");
    assert!(VOICE.speak(text, &file), "{text}");
    let heard: Vec<String> = (0..2)
        .map_while(|_| {
            worker.listen(sound, english(grammar));
            assert_eq!(worker.event(), VoiceEvent::Listening { engine: Engine::PocketSphinx });
            sound.play(&file);
            let event = worker.event();
            assert!(sound.captures().is_empty(), "no capture once it has heard");
            match event {
                VoiceEvent::Heard { hypotheses, .. } if hypotheses[0].text == expected => None,
                VoiceEvent::Heard { hypotheses, .. } => Some(hypotheses[0].text.clone()),
                other => Some(format!("{other:?}")),
            }
        })
        .collect();
    println!("{text:?}: {heard:?} before it was right");
    assert!(heard.len() < 2, "{text:?} was heard as {heard:?}");
}

#[test]
fn a_message_in_one_breath_is_heard_where_no_command_fits() {
    let Some((sound, mut worker)) = start("breath") else { return };
    let commands = grammar(
        &["answer", "decline", "who is it", "tell her …", "tell him …", "tell <name> …"],
        &[("name", &["alice", "bob"])],
    );
    hears(&sound, &mut worker, &commands, "tell her I am late", "tell her i am late");
    for said in ["tell Bob to wait for me", "tell Alice I will call you tomorrow"] {
        hears(&sound, &mut worker, &commands, said, &said.to_lowercase());
    }
    hears(&sound, &mut worker, &commands, "decline", "decline");
}

#[test]
fn a_message_is_dictated_with_a_pause_in_it_and_cancel_is_still_a_command() {
    let Some((sound, mut worker)) = start("dictation") else { return };
    let message = grammar(&["…", "cancel"], &[]);
    hears(
        &sound,
        &mut worker,
        &message,
        "I am driving now, I will call you back in ten minutes",
        "i am driving now i will call you back in ten minutes",
    );
    hears(&sound, &mut worker, &message, "cancel", "cancel");
}

#[test]
fn what_is_no_message_and_no_command_is_nothing() {
    let Some((sound, mut worker)) = start("neither") else { return };
    let commands = grammar(&["answer", "decline", "tell her …"], &[]);
    let file = sound.file("speech.wav");
    assert!(VOICE.speak("the weather will be better tomorrow", &file));
    worker.listen(&sound, english(&commands));
    assert_eq!(worker.event(), VoiceEvent::Listening { engine: Engine::PocketSphinx });
    sound.play(&file);
    assert_eq!(worker.event(), VoiceEvent::Nothing);
}

/// Asks for captions of the stream.
fn caption(sound: &Sound, worker: &mut Worker) {
    worker.send(&VoiceCommand::PipeWire, Some(sound.socket()));
    let (engine, model) = (Engine::PocketSphinx, ENGLISH.to_owned());
    worker.send(&VoiceCommand::Caption { engine, model, source: REMOTE.to_owned() }, None);
}

#[test]
fn captions_are_what_a_stream_plays_and_never_what_a_microphone_hears() {
    let Some((sound, mut worker)) = start("captions") else { return };
    let far = sound.file("far.wav");
    assert!(VOICE.speak("I will call you back in ten minutes", &far));
    common::add_silence(&far, 4_000).expect("a sound file");
    let playing = sound.play_as(REMOTE, &far);
    caption(&sound, &mut worker);
    assert_eq!(worker.event(), VoiceEvent::Listening { engine: Engine::PocketSphinx });
    let captures = sound.captures();
    assert!(matches!(&captures[..], [one] if one.title == "Ahoy captions"), "{captures:?}");
    assert_eq!(sound.heard_by("ahoy-captions"), [REMOTE], "and not {MICROPHONE}");
    let mut partial = false;
    let said = loop {
        match worker.any_event() {
            VoiceEvent::Partial { .. } => partial = true,
            VoiceEvent::Said { text } => break text,
            other => panic!("{other:?}"),
        }
    };
    println!("{said:?}");
    assert!(partial, "it is read while it is said");
    // Free speech of a synthetic voice on a busy machine: most of it.
    let right = said.split(' ').filter(|word| "i will call you back in ten minutes".contains(word));
    assert!(right.count() >= 5, "{said}");
    drop(playing);
    assert!(matches!(worker.event(), VoiceEvent::Failed { .. }), "the stream is gone");
    assert!(sound.captures().is_empty(), "no capture after it");
}

#[test]
fn captions_of_a_stream_that_is_not_there_fail_and_hear_nothing_else() {
    let Some((sound, mut worker)) = start("no-stream") else { return };
    caption(&sound, &mut worker);
    match worker.event() {
        VoiceEvent::Failed { why } => println!("{why}"),
        other => panic!("{other:?}"),
    }
    assert!(sound.captures().is_empty());
}
