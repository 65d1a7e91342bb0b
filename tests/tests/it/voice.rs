//! Calls by voice, spoken into virtual microphones.
//!
//! Owns: what is said and what comes of it. Invariant: a sentence may be said twice, as people do
//! where it was refused (sound on a busy machine stutters); a wrong reading fails at once.

use ahoy_trial::{
    PATIENCE, Person, Setup,
    bus::{Options, word},
    need::Need,
    speech, until,
};

use crate::scene::{Two, on_stage};

const NEEDS: [Need; 2] = [Need::Media, Need::Voice];

/// Says a sentence, and again where it was refused.
fn say(person: &Person<'_>, text: &str) {
    assert_eq!(speech::command(person, text).expect("understood"), text, "a wrong command");
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
        // At the level of debugging a log has what kind of thing was said, and nobody's name.
        let log = two.bob.log().join("\n").to_lowercase();
        assert!(log.contains("call <name> video"), "what was said");
        assert!(!log.contains("call alice"), "whom he called");
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
        let second = speech::sentence(stage, "second").expect("a voice");
        let heard = speech::say(&two.bob, &second).expect("it listens");
        assert_eq!(heard.as_deref(), Some("second"));
        let row = until("a call", || two.bob.recents().ok()?.into_iter().next()).expect("placed");
        assert_eq!(word(&row, "name"), choices[1]);
    });
}
