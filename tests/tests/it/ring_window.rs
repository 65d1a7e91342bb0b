//! Answering a ring by a word, and hearing who calls.
//!
//! Owns: what is heard and open in which order. Does not own: how long each takes.

use ahoy_trial::{
    Person, Setup, Stage,
    bus::Options,
    need::Need,
    sound::{Recording, ear},
    speech, until, wave,
};

use crate::scene::{Two, on_stage};

const NEEDS: [Need; 3] = [Need::Media, Need::Voice, Need::Speech];
const HEARD: f32 = 0.01;

fn set(person: &Person<'_>, key: &str, value: zbus::Variant<'_>) {
    person.bus.call::<_, ()>("Settings", "Set", &(key, value)).expect("a setting");
}

fn ears_are_open(stage: &Stage) -> bool {
    stage.node("ahoy-voice").is_some_and(|node| node.state == "running")
}

fn is_loud(ears: &Recording) -> bool {
    wave::loudness(&ears.latest(0, 500)) > HEARD
}

fn says(person: &Person<'_>, seen: usize, words: &str) {
    person
        .bus
        .signal(seen, words, |one| {
            let (text, _): (String, Vec<String>) =
                if one.member == "Prompt" { one.body()? } else { return None };
            (text == words).then_some(())
        })
        .expect("it says so");
}

#[test]
fn who_calls_is_said_aloud_and_answer_is_understood_while_nothing_rings() {
    on_stage(&NEEDS, |stage| {
        stage.start_pulse().expect("PulseAudio");
        let two = Two::meet(stage, Setup::VOICE);
        set(&two.alice, "voice.announce", "on".into());
        set(&two.alice, "voice.ring-window", true.into());
        let ears = Recording::start(stage, &[&ear(&two.alice)]).expect("a recording");
        let seen = two.alice.bus.seen();
        let (outgoing, incoming) = two.ring(false);
        until("the ringtone", || is_loud(&ears).then_some(())).expect("it rings first");
        says(&two.alice, seen, "Bob is calling.");
        assert!(!ears_are_open(stage), "it hears itself");
        let answer = speech::sentence(stage, "answer").expect("a voice");
        until("open ears", || ears_are_open(stage).then_some(())).expect("it listens then");
        until("silence", || (!is_loud(&ears)).then_some(())).expect("nothing rings meanwhile");
        let heard = speech::say(&two.alice, &answer).expect("it listens");
        assert_eq!(heard.as_deref(), Some("answer"));
        two.are_active(&outgoing, &incoming);
        until("closed ears", || (!ears_are_open(stage)).then_some(())).expect("in the call");
    });
}

#[test]
fn other_words_are_passed_over_in_silence_and_it_rings_on() {
    on_stage(&NEEDS, |stage| {
        let two = Two::meet(stage, Setup::VOICE);
        set(&two.alice, "voice.ring-window", true.into());
        let ears = Recording::start(stage, &[&ear(&two.alice)]).expect("a recording");
        let seen = two.alice.bus.seen();
        let (_, incoming) = two.ring(false);
        until("open ears", || ears_are_open(stage).then_some(())).expect("it listens");
        let other = speech::sentence(stage, "the weather is very fine today").expect("a voice");
        let _playing = ahoy_trial::sound::speak(&two.alice, &other).expect("spoken");
        until("closed ears", || (!ears_are_open(stage)).then_some(())).expect("it has heard");
        until("the ringtone", || is_loud(&ears).then_some(())).expect("it rings on");
        let signals = two.alice.bus.signals(seen);
        assert!(signals.iter().all(|one| one.member != "Prompt"), "nothing is said of it");
        assert_eq!(two.alice.bus.text(&incoming, "Call", "State"), "ringing");
    });
}

#[test]
fn no_microphone_opens_by_itself_while_it_rings() {
    on_stage(&NEEDS, |stage| {
        let two = Two::meet(stage, Setup::VOICE);
        let ears = Recording::start(stage, &[&ear(&two.alice)]).expect("a recording");
        let _ringing = two.ring(false);
        // Longer than a window would take to open, on the clock of what is heard.
        until("five seconds", || {
            assert!(stage.node("ahoy-voice").is_none(), "nobody asked it to listen");
            (ears.channel(0).len() > 5 * wave::RATE).then_some(())
        })
        .expect("a recording");
        let options = Options::from([("text", "who is it".into())]);
        let seen = two.alice.bus.seen();
        two.alice.bus.call::<_, ()>("Voice", "Listen", &(options,)).expect("understood");
        says(&two.alice, seen, "Bob is calling.");
    });
}
