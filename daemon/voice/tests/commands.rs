//! Spoken commands through a real sound server into the worker.
//!
//! Owns: what is heard, and when there is a capture stream. Invariant: the sound takes the whole way,
//! from a synthetic voice through PipeWire.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::wildcard_enum_match_arm,
    reason = "a test ends where something is not as it should be"
)]

mod common;

use std::{path::Path, time::Instant};

use ahoy_core::{
    id::ContactId,
    voice::{Book, Engine, Grammar, Pack, Person, Situation, VoiceCommand, VoiceEvent},
};
use common::{ENGLISH, MICROPHONE, Sound, Voice, Worker, commands, english, skipped};

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

/// Says something once, listened to with one stream that says what it is for.
fn say(
    sound: &Sound,
    worker: &mut Worker,
    grammar: &Grammar,
    voice: Voice,
    text: &str,
) -> VoiceEvent {
    let file = sound.file("speech.wav");
    assert!(voice.speak(text, &file), "{voice:?} speaks");
    worker.listen(sound, english(grammar));
    assert_eq!(worker.event(), VoiceEvent::Listening { engine: Engine::PocketSphinx });
    let captures = sound.captures();
    assert!(
        matches!(&captures[..], [one] if one.title == "Ahoy voice commands"
            && one.role == "Communication"),
        "{captures:?}"
    );
    sound.play(&file);
    let event = worker.event();
    assert!(sound.captures().is_empty(), "no capture once it has heard");
    println!("{voice:?} {text:?}: {event:?}");
    event
}

/// Says something, and again if it was not understood, as people do: sound on a busy machine
/// stutters. A wrong reading fails at once.
fn is_heard(
    sound: &Sound,
    worker: &mut Worker,
    grammar: &Grammar,
    voice: Voice,
    text: &str,
) -> bool {
    (0..2).any(|_| match say(sound, worker, grammar, voice, text) {
        VoiceEvent::Heard { hypotheses, latency_ms } => {
            assert_eq!(hypotheses[0].text, text, "a wrong command");
            assert!((450..2_000).contains(&latency_ms), "{latency_ms} ms");
            true
        }
        VoiceEvent::Nothing => false,
        other => panic!("{text}: {other:?}"),
    })
}

/// Speaks every command in one voice.
fn hear_all(name: &str, voice: Voice) {
    let sound = Sound::start(name);
    if !voice.speak("test", &sound.file("test.wav")) {
        skipped(&format!("the program for {voice:?} is not installed"));
        return;
    }
    let (mut worker, engines) = Worker::start(Path::new(ENGLISH));
    assert!(engines.contains(&Engine::PocketSphinx));
    assert!(sound.captures().is_empty(), "no capture before it listens");
    let grammar = commands();
    for text in SPOKEN {
        let heard = is_heard(&sound, &mut worker, &grammar, voice, text);
        assert!(heard, "{voice:?}: {text} was refused twice");
    }
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

#[test]
fn the_english_locale_pack_is_heard_in_every_situation() {
    let voice = Voice::Flite("rms");
    let sound = Sound::start("pack");
    if !voice.speak("test", &sound.file("test.wav")) {
        skipped("flite is not installed");
        return;
    }
    let (mut worker, _) = Worker::start(Path::new(ENGLISH));
    let pack = Pack::built_in("en").expect("the English pack");
    let people = ["Alice Smith", "Bob Brown", "Siobhan Murphy", "Grzegorz Brzęczyszczykiewicz"];
    let people = people.map(|name| Person {
        contact: ContactId(name.to_owned()),
        name: name.to_owned(),
        aliases: Vec::new(),
    });
    let book = Book::new(people.into());
    for (situation, text) in [
        (Situation::Idle, "call alice video"),
        (Situation::Idle, "call bob"),
        (Situation::Idle, "redial"),
        (Situation::Idle, "who called"),
        (Situation::Ringing, "answer"),
        (Situation::Ringing, "decline"),
        (Situation::InCall, "mute"),
        (Situation::InCall, "unmute"),
        (Situation::InCall, "hang up"),
        (Situation::Question, "cancel"),
    ] {
        let grammar = pack.grammar(situation, &book);
        let heard = is_heard(&sound, &mut worker, &grammar, voice, text);
        assert!(heard, "{text} was refused twice");
    }
}

#[test]
fn a_name_in_another_script_is_heard_as_it_is_said() {
    let voice = Voice::Flite("rms");
    let sound = Sound::start("scripts");
    if !voice.speak("test", &sound.file("test.wav")) {
        skipped("flite is not installed");
        return;
    }
    let (mut worker, _) = Worker::start(Path::new(ENGLISH));
    let pack = Pack::built_in("en").expect("the English pack");
    let people = ["Игорь", "Ελένη", "さくら"].map(|name| Person {
        contact: ContactId(name.to_owned()),
        name: name.to_owned(),
        aliases: Vec::new(),
    });
    let grammar = pack.grammar(Situation::Idle, &Book::new(people.into()));
    for (said, wanted) in [("call igor", "call игорь"), ("call sakura", "call さくら")] {
        let heard = (0..2).find_map(|_| match say(&sound, &mut worker, &grammar, voice, said) {
            VoiceEvent::Heard { hypotheses, .. } => Some(hypotheses[0].text.clone()),
            _ => None,
        });
        assert_eq!(heard.as_deref(), Some(wanted), "{said}");
    }
}

/// Says a word that is learnt, and again where nothing was heard; its phones.
fn learn(sound: &Sound, worker: &mut Worker, text: &str) -> Option<String> {
    let file = sound.file("word.wav");
    assert!(Voice::Flite("rms").speak(text, &file), "flite speaks");
    (0..2).find_map(|_| {
        worker.send(&VoiceCommand::PipeWire, Some(sound.socket()));
        let (engine, model) = (Engine::PocketSphinx, ENGLISH.to_owned());
        let microphone = Some(MICROPHONE.to_owned());
        let learn = VoiceCommand::Learn { engine, model, microphone, timeout_ms: 8_000 };
        worker.send(&learn, None);
        assert_eq!(worker.event(), VoiceEvent::Listening { engine: Engine::PocketSphinx });
        assert_eq!(sound.captures().len(), 1);
        sound.play(&file);
        let event = worker.event();
        assert!(sound.captures().is_empty(), "no capture once it has heard");
        println!("{text}: {event:?}");
        match event {
            VoiceEvent::Sounded { way } => Some(way),
            _ => None,
        }
    })
}

#[test]
fn a_word_is_learnt_and_heard_in_the_place_of_the_name_that_it_is() {
    let sound = Sound::start("learn");
    if !Voice::Flite("rms").speak("test", &sound.file("test.wav")) {
        skipped("flite is not installed");
        return;
    }
    let (mut worker, _) = Worker::start(Path::new(ENGLISH));
    let way = learn(&sound, &mut worker, "bambalina").expect("phones");
    let mut grammar = commands();
    let names = grammar.slots.get_mut("name").expect("names");
    names.push("tadhg".to_owned());
    grammar.sounds.insert("tadhg".to_owned(), vec![way]);
    let heard = (0..2).find_map(|_| {
        match say(&sound, &mut worker, &grammar, Voice::Flite("rms"), "call bambalina") {
            VoiceEvent::Heard { hypotheses, .. } => Some(hypotheses[0].text.clone()),
            _ => None,
        }
    });
    assert_eq!(heard.as_deref(), Some("call tadhg"));
}

/// The aim is two seconds where nothing else runs; the deadline of an event is what is claimed.
#[test]
fn two_thousand_names_are_looked_over_and_the_alike_among_them_found() {
    let syllables = ["ba", "ke", "li", "mo", "nu", "ra", "so", "ti", "va", "ze", "do", "fi"];
    let syllable = |at: usize| syllables[at % syllables.len()];
    let mut names: Vec<String> = (0..2_000)
        .map(|at| {
            let first = format!("{}{}n", syllable(at), syllable(at / 12));
            format!("{first} {}{}{}s", syllable(at / 144), syllable(at + 5), syllable(at / 7))
        })
        .collect();
    names.extend(["sean".to_owned(), "shawn".to_owned(), "mute".to_owned(), "🙏".to_owned()]);
    let mut grammar = commands();
    grammar.slots.insert("name".to_owned(), names);
    let (mut worker, _) = Worker::start(Path::new(ENGLISH));
    let began = Instant::now();
    let (engine, model) = (Engine::PocketSphinx, ENGLISH.to_owned());
    worker.send(&VoiceCommand::Inspect { engine, model, grammar }, None);
    let VoiceEvent::Inspected { deaf, alike, why } = worker.event() else {
        panic!("it looks");
    };
    println!("looked over in {:?}, {} pairs", began.elapsed(), alike.len());
    assert_eq!((deaf.as_slice(), why.as_str()), (&["🙏".to_owned()][..], ""));
    assert!(alike.len() <= 100, "bounded");
    let has = |name: &str, other: &str, command: bool| {
        alike.iter().any(|one| one.name == name && one.other == other && one.command == command)
    };
    assert!(has("sean", "shawn", false), "{alike:?}");
}
