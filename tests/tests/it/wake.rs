//! "Ahoy, call Alice": commands without a key, where the user wants that.
//!
//! Owns: what a whole Ahoy makes of the word. Does not own: hearing it (`ahoy-voice`).

use ahoy_trial::{Person, Setup, Stage, need::Need, sound::speak, speech, until};

use crate::scene::{Two, on_stage};

const NEEDS: [Need; 2] = [Need::Media, Need::Voice];

fn waits_for(person: &Person<'_>, word: &str) {
    let on = ("voice.wake-word", zbus::Variant::from(word));
    person.bus.call::<_, ()>("Settings", "Set", &on).expect("a setting");
}

fn until_waiting(stage: &Stage) {
    until("the open microphone", || (stage.node("ahoy-voice")?.state == "running").then_some(()))
        .expect("it waits for the word");
}

/// Says something until it is understood, as people do: sound on a busy machine stutters. A wrong
/// reading fails at once.
fn says(person: &Person<'_>, text: &str, meant: &str) {
    let samples = speech::sentence(person.stage(), text).expect("a voice");
    for _ in 0..2 {
        until_waiting(person.stage());
        let seen = person.bus.seen();
        speak(person, &samples).expect("spoken").finish().expect("to its end");
        let heard = person.bus.signal(seen, "a command", |one| {
            let (text, done): (String, bool) =
                if one.member == "Heard" { one.body()? } else { return None };
            done.then_some(text)
        });
        if let Ok(heard) = heard {
            assert_eq!(heard, meant, "a wrong command");
            return;
        }
    }
    assert_eq!("not understood, said twice", text);
}

/// Says the word alone, until it listens.
fn wakes(person: &Person<'_>) {
    let samples = speech::sentence(person.stage(), "ahoy").expect("a voice");
    for _ in 0..2 {
        until_waiting(person.stage());
        let _playing = speak(person, &samples).expect("spoken");
        if until("it listens", || speech::listening(person).then_some(())).is_ok() {
            return;
        }
    }
    assert_eq!("not woken, called twice", person.name);
}

#[test]
fn the_wake_word_calls_and_hangs_up_without_a_key() {
    on_stage(&NEEDS, |stage| {
        let two = Two::meet(stage, Setup::VOICE);
        waits_for(&two.bob, "ahoy");
        says(&two.bob, "ahoy, call Alice video", "call alice video");
        let incoming = two.alice.rings().expect("it rings");
        let outgoing = two.bob.current("ActiveCall").expect("his call");
        two.alice.answer(&incoming, false).expect("answered");
        two.are_active(&outgoing, &incoming);
        wakes(&two.bob);
        let words = speech::sentence(stage, "hang up").expect("a voice");
        let heard = speech::say(&two.bob, &words).expect("it listens");
        assert_eq!(heard.as_deref(), Some("hang up"));
        let seen = two.alice.bus.seen();
        let _ = two.alice.ended(seen, &incoming, ahoy_trial::PATIENCE);
        until("the end", || two.bob.current("ActiveCall").is_none().then_some(())).expect("ended");
    });
}

#[test]
fn without_the_word_nothing_is_understood_and_without_the_wish_nothing_listens() {
    on_stage(&NEEDS, |stage| {
        let two = Two::meet(stage, Setup::VOICE);
        assert!(stage.node("ahoy-voice").is_none(), "nobody wants it");
        waits_for(&two.bob, "ahoy");
        until_waiting(stage);
        let seen = two.bob.bus.seen();
        let samples = speech::sentence(stage, "call Alice video").expect("a voice");
        speak(&two.bob, &samples).expect("spoken").finish().expect("to its end");
        // What was said before the word is no command: this one is the first that is heard.
        says(&two.bob, "ahoy, who called", "who called");
        let finals = two.bob.bus.signals(seen).into_iter().filter(|one| one.member == "Heard");
        let texts: Vec<String> = finals
            .filter_map(|one| one.body())
            .filter(|(_, done)| *done)
            .map(|(text, _): (String, bool)| text)
            .collect();
        assert_eq!(texts, ["who called"]);
        assert!(two.bob.recents().expect("a log").is_empty(), "nobody was called");
        waits_for(&two.bob, "");
        until("the closed microphone", || stage.node("ahoy-voice").is_none().then_some(()))
            .expect("it waits no more");
    });
}
