//! Calls by voice, spoken into virtual microphones.
//!
//! Owns: what is said and what comes of it. Invariant: a sentence may be said twice, as people do
//! where it was refused (sound on a busy machine stutters); a wrong reading fails at once.

use std::{fs, process::Command};

use ahoy_trial::{
    PATIENCE, Person, Setup,
    bus::{Options, word},
    need::{Need, find},
    sound::speak,
    until, wave,
};

use crate::scene::{Two, on_stage};

const NEEDS: [Need; 2] = [Need::Media, Need::Voice];

/// A sentence in a recorded voice: 48 kHz, with silence around it.
fn sentence(person: &Person<'_>, text: &str) -> Vec<f32> {
    let file = person.path("sentence.wav");
    let mut flite = Command::new(find("flite").expect("flite, from the packages of tests"));
    let spoken = flite.args(["-voice", "rms", "-t", text, "-o"]).arg(&file).status();
    assert!(spoken.is_ok_and(|status| status.success()), "flite speaks");
    let bytes = fs::read(&file).expect("its file");
    // 16 kHz, 16 bits, one channel, after a header of 44 bytes.
    let samples: Vec<f32> = bytes[44..]
        .as_chunks::<2>()
        .0
        .iter()
        .map(|it| f32::from(i16::from_le_bytes(*it)) / 32_768.0)
        .collect();
    let mut all = vec![0.0; wave::RATE / 4];
    for pair in samples.windows(2) {
        all.extend([0.0, 1.0 / 3.0, 2.0 / 3.0].map(|part| pair[0] + part * (pair[1] - pair[0])));
    }
    all.extend(vec![0.0; wave::RATE]);
    all
}

/// Waits until the ears are open, and says something. What was heard; nothing where it was not
/// understood.
fn say_once(person: &Person<'_>, samples: &[f32]) -> Option<String> {
    let seen = person.bus.seen();
    until("the open microphone", || {
        let node = person.stage().node("ahoy-voice")?;
        (node.state == "running").then_some(())
    })
    .expect("it listens");
    let _playing = speak(person, samples).expect("spoken");
    person
        .bus
        .signal(seen, "something heard", |signal| match &*signal.member {
            "Heard" => {
                let (text, done): (String, bool) = signal.body()?;
                done.then_some(Some(text))
            }
            "Prompt" => Some(None),
            _ => None,
        })
        .expect("an answer")
}

/// Says a sentence, and again where it was refused.
fn say(person: &Person<'_>, text: &str) {
    let samples = sentence(person, text);
    for _ in 0..2 {
        listen(person);
        if let Some(heard) = say_once(person, &samples) {
            assert_eq!(heard, text, "a wrong command");
            return;
        }
    }
    assert_eq!("refused twice", text);
}

/// Opens the ears, if they are not open already for an answer.
fn listen(person: &Person<'_>) {
    until("closed ears", || {
        let open = person.bus.property(ahoy_trial::bus::ROOT, "Voice", "Listening").ok()?;
        (!bool::try_from(&*open).ok()?).then_some(())
    })
    .expect("it stops listening");
    person.bus.call::<_, ()>("Voice", "Listen", &(Options::new(),)).expect("it listens");
}

/// What it says after the first `seen` signals, with the choices.
fn prompt(person: &Person<'_>, seen: usize) -> (String, Vec<String>) {
    person
        .bus
        .signal(
            seen,
            "a prompt",
            |signal| {
                if signal.member == "Prompt" { signal.body() } else { None }
            },
        )
        .expect("it says something")
}

#[test]
fn a_spoken_sentence_places_a_video_call_that_words_answer_mute_and_end() {
    on_stage(&NEEDS, |stage| {
        let two = Two::meet(stage, Setup { notifications: false, ..Setup::ALL });
        say(&two.bob, "call alice video");
        let incoming = two.alice.rings().expect("it rings");
        let outgoing = two.bob.current("ActiveCall").expect("his call");
        assert_eq!(two.bob.bus.text(&outgoing, "Call", "ContactId"), two.alice_id);
        let video = two.bob.bus.property(&outgoing, "Call", "HasVideo").expect("a property");
        assert_eq!(bool::try_from(&*video), Ok(true), "with video");
        say(&two.alice, "answer");
        two.are_active(&outgoing, &incoming);
        say(&two.bob, "mute");
        until("his muted microphone", || {
            let muted = two.bob.bus.property(&outgoing, "Call", "Muted").ok()?;
            bool::try_from(&*muted).ok()?.then_some(())
        })
        .expect("muted");
        let seen = two.alice.bus.seen();
        say(&two.bob, "hang up");
        let (_, why) = two.alice.ended(seen, &incoming, PATIENCE).expect("it ends");
        assert_eq!(why, "remote-hangup");
    });
}

#[test]
fn a_ringing_call_is_declined_by_voice() {
    on_stage(&NEEDS, |stage| {
        let two = Two::meet(stage, Setup::VOICE);
        let (outgoing, _) = two.ring(false);
        let seen = two.bob.bus.seen();
        say(&two.alice, "decline");
        let (_, why) = two.bob.ended(seen, &outgoing, PATIENCE).expect("it ends");
        assert_eq!(why, "declined");
    });
}

#[test]
fn an_unknown_name_is_refused_by_name_and_calls_nobody() {
    on_stage(&NEEDS, |stage| {
        let two = Two::meet(stage, Setup::VOICE);
        let seen = two.bob.bus.seen();
        let options = Options::from([("text", "call zebulon video".into())]);
        two.bob.bus.call::<_, ()>("Voice", "Listen", &(options,)).expect("understood");
        let (text, _) = prompt(&two.bob, seen);
        assert!(text.to_lowercase().contains("zebulon"), "it names whom: {text}");
        assert!(two.bob.recents().expect("a log").is_empty(), "nobody was called");
        assert_eq!(two.bob.current("ActiveCall"), None);
    });
}

#[test]
fn of_two_alices_it_asks_which_and_calls_the_second() {
    on_stage(&NEEDS, |stage| {
        let two = Two::meet(stage, Setup::VOICE);
        let carol = Person::start(stage, "Carol", Setup::BARE).expect("Carol");
        let carol_id = two.bob.accept(&carol.invite().expect("an invite")).expect("they meet");
        for (id, name) in [(&two.alice_id, "Alice Smith"), (&carol_id, "Alice Jones")] {
            let contact = Options::from([("id", id.as_str().into()), ("name", name.into())]);
            let _: String = two.bob.bus.call("Contacts", "Put", &(contact,)).expect("renamed");
        }
        let seen = two.bob.bus.seen();
        say(&two.bob, "call alice");
        let (question, choices) = prompt(&two.bob, seen);
        assert_eq!(choices.len(), 2, "{question}: {choices:?}");
        assert!(two.bob.recents().expect("a log").is_empty(), "it has not guessed");
        // It listens for the answer by itself.
        let heard = say_once(&two.bob, &sentence(&two.bob, "second"));
        assert_eq!(heard.as_deref(), Some("second"));
        let row = until("a call", || two.bob.recents().ok()?.into_iter().next()).expect("placed");
        assert_eq!(word(&row, "name"), choices[1]);
    });
}
