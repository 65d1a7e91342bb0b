//! Every way in which listening ends without a command.
//!
//! Owns: silence, noise, other words, stopping, and everything that may be missing. Invariant: after
//! each of them there is no capture stream, and the worker is still of use.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::wildcard_enum_match_arm,
    reason = "a test ends where something is not as it should be"
)]

mod common;

use std::path::Path;

use ahoy_core::voice::{Engine, VoiceCommand, VoiceEvent};
use common::{
    ENGLISH, MICROPHONE, Request, Sound, Voice, Worker, commands, english, noise_file, read,
    skipped, wait_for,
};

const LISTENING: VoiceEvent = VoiceEvent::Listening { engine: Engine::PocketSphinx };

fn failed(event: VoiceEvent) -> String {
    match event {
        VoiceEvent::Failed { why } => why,
        other => panic!("not a failure: {other:?}"),
    }
}

#[test]
fn silence_ends_at_the_time_asked_for() {
    let sound = Sound::start("silence");
    let (mut worker, _) = Worker::start(Path::new(ENGLISH));
    let grammar = commands();
    worker.listen(&sound, Request { timeout_ms: 600, ..english(&grammar) });
    assert_eq!(worker.event(), LISTENING);
    assert_eq!(worker.event(), VoiceEvent::Nothing);
    assert!(sound.captures().is_empty());
}

#[test]
fn the_default_microphone_is_used_when_none_is_named() {
    let sound = Sound::start("default");
    let (mut worker, _) = Worker::start(Path::new(ENGLISH));
    let grammar = commands();
    worker.listen(&sound, Request { microphone: None, timeout_ms: 300, ..english(&grammar) });
    assert_eq!(worker.event(), LISTENING);
    assert_eq!(worker.event(), VoiceEvent::Nothing);
}

#[test]
fn other_words_are_no_command() {
    let sound = Sound::start("other-words");
    let (mut worker, _) = Worker::start(Path::new(ENGLISH));
    let grammar = commands();
    for text in ["the weather is nice today", "what time is it in london", "tell me a story"] {
        let file = sound.file("speech.wav");
        if !Voice::Flite("rms").speak(text, &file) {
            skipped("flite is not installed");
            return;
        }
        worker.listen(&sound, english(&grammar));
        assert_eq!(worker.event(), LISTENING);
        sound.play(&file);
        assert_eq!(worker.event(), VoiceEvent::Nothing, "{text}");
        assert!(sound.captures().is_empty());
    }
}

#[test]
fn a_burst_of_noise_is_no_command() {
    let sound = Sound::start("noise");
    let (mut worker, _) = Worker::start(Path::new(ENGLISH));
    let grammar = commands();
    let file = sound.file("noise.wav");
    noise_file(&file, 700, 6_000.0).expect("a file");
    worker.listen(&sound, english(&grammar));
    assert_eq!(worker.event(), LISTENING);
    sound.play(&file);
    assert_eq!(worker.event(), VoiceEvent::Nothing);
}

#[test]
fn stop_closes_the_microphone_at_once() {
    let sound = Sound::start("stop");
    let (mut worker, _) = Worker::start(Path::new(ENGLISH));
    let grammar = commands();
    worker.listen(&sound, english(&grammar));
    assert_eq!(worker.event(), LISTENING);
    assert_eq!(sound.captures().len(), 1);
    worker.send(&VoiceCommand::Stop, None);
    assert_eq!(worker.event(), VoiceEvent::Stopped);
    assert!(sound.captures().is_empty());
}

#[test]
fn listening_anew_ends_the_old_listening_first() {
    let sound = Sound::start("anew");
    let (mut worker, _) = Worker::start(Path::new(ENGLISH));
    let grammar = commands();
    worker.listen(&sound, english(&grammar));
    assert_eq!(worker.event(), LISTENING);
    worker.listen(&sound, english(&grammar));
    assert_eq!(worker.event(), VoiceEvent::Stopped);
    assert_eq!(worker.event(), LISTENING);
    assert_eq!(sound.captures().len(), 1);
}

#[test]
fn a_parent_that_goes_takes_the_microphone_along() {
    let sound = Sound::start("parent");
    let (mut worker, _) = Worker::start(Path::new(ENGLISH));
    let grammar = commands();
    worker.listen(&sound, english(&grammar));
    assert_eq!(worker.event(), LISTENING);
    assert!(worker.leave());
    wait_for("the end of the stream", || sound.captures().is_empty());
}

#[test]
fn a_microphone_that_is_not_there_is_named() {
    let sound = Sound::start("missing");
    let (mut worker, _) = Worker::start(Path::new(ENGLISH));
    let grammar = commands();
    worker.listen(&sound, Request { microphone: Some("no-such-microphone"), ..english(&grammar) });
    let why = failed(worker.event());
    assert!(why.contains("no-such-microphone") && why.contains("not available"), "{why}");
    assert!(sound.captures().is_empty());
}

#[test]
fn a_microphone_that_is_unplugged_is_noticed_and_the_next_one_works() {
    let mut sound = Sound::start("unplugged");
    let (mut worker, _) = Worker::start(Path::new(ENGLISH));
    let grammar = commands();
    worker.listen(&sound, english(&grammar));
    assert_eq!(worker.event(), LISTENING);
    sound.remove_microphone();
    let why = failed(worker.event());
    assert!(why.contains(MICROPHONE), "{why}");
    assert!(sound.captures().is_empty());
    sound.plug_microphone();
    worker.listen(&sound, english(&grammar));
    assert_eq!(worker.event(), LISTENING);
}

#[test]
fn a_sound_server_that_ends_is_noticed() {
    let mut sound = Sound::start("server-gone");
    let (mut worker, _) = Worker::start(Path::new(ENGLISH));
    let grammar = commands();
    worker.listen(&sound, english(&grammar));
    assert_eq!(worker.event(), LISTENING);
    sound.end_server();
    let why = failed(worker.event());
    assert!(why.contains("PipeWire") || why.contains("not available"), "{why}");
}

#[test]
fn what_is_missing_is_said() {
    let (mut worker, _) = Worker::start(Path::new(ENGLISH));
    let grammar = commands();
    let empty = common::grammar(&[], &[]);
    let request = english(&grammar);
    worker.send(&request.command(), None);
    assert!(failed(worker.event()).contains("PipeWire"));
    for (model, grammar, says) in [
        ("/etc", &grammar, "not in a folder for voice models"),
        ("/usr/share/pocketsphinx/model/en-us/../../..", &grammar, "not in a folder"),
        ("/no/such/model", &grammar, "not in a folder"),
        (ENGLISH, &empty, "none of the commands"),
    ] {
        worker.send(&Request { model, grammar, ..request }.command(), None);
        let why = failed(worker.event());
        assert!(why.contains(says), "{model}: {why}");
    }
    worker.send(&VoiceCommand::Stop, None);
    assert_eq!(worker.event(), VoiceEvent::Stopped, "it is still there");
}

#[test]
fn the_worker_is_locked_in_while_it_listens() {
    let sound = Sound::start("locked");
    let (mut worker, _) = Worker::start(Path::new(ENGLISH));
    let grammar = commands();
    worker.listen(&sound, english(&grammar));
    assert_eq!(worker.event(), LISTENING);
    let status = read(Path::new(&format!("/proc/{}/status", worker.id())));
    println!("{:?}", status.lines().find(|line| line.starts_with("VmRSS")));
    for line in ["NoNewPrivs:\t1", "Seccomp:\t2", "CapEff:\t0000000000000000"] {
        assert!(status.contains(line), "{line:?} in {status}");
    }
}
