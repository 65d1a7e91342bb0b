//! Names that are taught by voice, and those that are told to be heard badly.
//!
//! Owns: what is said into a virtual microphone, and what comes of it. Invariant: as in `voice`: what
//! was refused may be said again, a wrong reading fails at once.

use ahoy_trial::{
    Person, Setup,
    bus::{Dict, Options, Signal, word},
    need::Need,
    speech, until,
};

use crate::scene::{Two, on_stage};

const NEEDS: [Need; 2] = [Need::Media, Need::Voice];
/// Written so, and said otherwise.
const WRITTEN: &str = "Tadhg";
const SAID: &str = "bambalina";
/// A lesson asks so often at most.
const MOST_ASKED: usize = 4;

fn is_called(two: &Two<'_>, name: &str) {
    let id = two.alice_id.as_str();
    let contact = Options::from([("id", id.into()), ("name", name.into())]);
    let _: String = two.bob.bus.call("Contacts", "Put", &(contact,)).expect("renamed");
}

/// What was taught after the first `seen` signals: the word, and whether it was kept.
fn taught(person: &Person<'_>, seen: usize) -> Option<(String, bool)> {
    let signals = person.bus.signals(seen).into_iter();
    let bodies = signals.filter(|one| one.member == "Taught");
    bodies.filter_map(|one| one.body::<(String, String, bool)>()).map(|(_, w, k)| (w, k)).next()
}

fn has_closed_ears(person: &Person<'_>) {
    until("closed ears", || (!speech::listening(person)).then_some(())).expect("it ends");
}

/// Has Bob's Ahoy listen once; nothing where it did not understand.
fn listens_to(two: &Two<'_>, sentence: &[f32]) -> Option<String> {
    has_closed_ears(&two.bob);
    two.bob.bus.call::<_, ()>("Voice", "Listen", &(Options::new(),)).expect("it listens");
    let heard = speech::say(&two.bob, sentence).expect("it answers");
    two.bob.bus.call::<_, ()>("Voice", "Stop", &()).expect("it stops");
    heard
}

#[test]
fn a_name_that_was_not_understood_is_once_it_was_taught() {
    on_stage(&NEEDS, |stage| {
        let two = Two::meet(stage, Setup::VOICE);
        is_called(&two, WRITTEN);
        let call = speech::sentence(stage, &format!("call {SAID}")).expect("a voice");
        // Digits may be heard in it, doubtfully; not the name.
        assert_ne!(listens_to(&two, &call).as_deref(), Some("call tadhg"), "nobody could know");
        has_closed_ears(&two.bob);

        let alone = speech::sentence(stage, SAID).expect("a voice");
        let seen = two.bob.bus.seen();
        let lesson = (two.alice_id.as_str(), Options::new());
        two.bob.bus.call::<_, ()>("Voice", "Teach", &lesson).expect("a lesson");
        let asked = |signal: &Signal| signal.body::<(String, Vec<String>)>();
        let first = two.bob.bus.signal(seen, "what to say", |signal| {
            if signal.member == "Prompt" { asked(signal) } else { None }
        });
        assert_eq!(first.expect("it asks").0, "Say: tadhg.");
        for _ in 0..MOST_ASKED {
            if taught(&two.bob, seen).is_none() {
                speech::say(&two.bob, &alone).expect("it listens and answers");
            }
        }
        assert_eq!(taught(&two.bob, seen), Some(("tadhg".to_owned(), true)));

        has_closed_ears(&two.bob);
        let heard = speech::command(&two.bob, &format!("call {SAID}")).expect("understood");
        assert_eq!(heard, "call tadhg");
        let row = until("a call", || two.bob.recents().ok()?.into_iter().next()).expect("placed");
        assert_eq!(word(&row, "name"), WRITTEN);
        let forget = |two: &Two<'_>| -> Vec<String> {
            two.bob.bus.call("Voice", "Forget", &(two.alice_id.as_str(),)).expect("forgotten")
        };
        assert_eq!(forget(&two), ["tadhg"]);
        assert!(forget(&two).is_empty());
    });
}

#[test]
fn names_that_cannot_be_heard_or_are_taken_for_others_are_told_with_what_to_do() {
    on_stage(&NEEDS, |stage| {
        let two = Two::meet(stage, Setup::VOICE);
        is_called(&two, "Shawn");
        for name in ["Sean", "Mute", "Roberta"] {
            let handles = vec![("tel", "+4930123456", "")];
            let contact = Options::from([("name", name.into()), ("handles", handles.into())]);
            let _: String = two.bob.bus.call("Contacts", "Put", &(contact,)).expect("added");
        }
        let rows: Vec<Dict> = two.bob.bus.call("Voice", "Doctor", &()).expect("it looks");
        let mut found: Vec<(String, String, String)> = rows
            .iter()
            .map(|row| (word(row, "name"), word(row, "problem"), word(row, "other")))
            .collect();
        found.sort();
        let expected = [("Mute", "like-command", "mute"), ("Sean", "like-name", "Shawn")];
        let expected = expected.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned()));
        assert_eq!(found, expected);
        assert!(rows.iter().all(|row| word(row, "fix").starts_with("ahoyctl ")));
        assert!(stage.node("ahoy-voice").is_none(), "the microphone stays closed");
    });
}
