//! Where a call is heard, while it is on.
//!
//! Owns: the user's choice for one call and for all. Does not own: moving streams (`daemon/media`).
//! Invariant: what is heard is what a speaker gives.

use ahoy_trial::{
    Person, Setup, Stage,
    need::Need,
    sound::{Recording, speak},
    until, wave,
};

use crate::scene::{Two, on_stage};

const HERTZ: f32 = 900.0;

/// Waits until this speaker, and this alone of the two, gives the voice.
fn until_heard_at(ears: &[(&str, &Recording)], speaker: &str) {
    until(speaker, || {
        let right = ears.iter().all(|(name, ear)| {
            let sound = ear.latest(0, 100);
            let silent = wave::loudness(&sound) == 0.0;
            if *name == speaker { wave::share(&sound, HERTZ) > 0.7 } else { silent }
        });
        right.then_some(())
    })
    .expect(speaker);
}

fn endpoint(person: &Person<'_>, call: &str) -> String {
    person.bus.text(call, "Call", "Endpoint")
}

fn ear(stage: &Stage, speaker: &str) -> Recording {
    Recording::start(stage, &[&format!("{speaker}:monitor_MONO")]).expect("an ear")
}

#[test]
fn a_call_is_heard_where_the_user_says_and_falls_back_when_that_device_goes() {
    on_stage(&[Need::Media], |stage| {
        stage.add_device("Audio/Sink", "headset").expect("a headset");
        let two = Two::meet(stage, Setup::VOICE);
        let (_, call) = two.talk(false);
        let own = two.alice.device("speaker");
        let (at_speaker, at_headset) = (ear(stage, &own), ear(stage, "headset"));
        let ears = [(own.as_str(), &at_speaker), ("headset", &at_headset)];
        let _voice = speak(&two.bob, &wave::tone(HERTZ, 60)).expect("a voice");
        until_heard_at(&ears, &own);
        assert_eq!(endpoint(&two.alice, &call), own);
        let seen = two.alice.bus.seen();
        two.alice.ahoyctl(&["endpoints", "use", "headset", "--call", "bob"]).expect("chosen");
        until_heard_at(&ears, "headset");
        assert_eq!(endpoint(&two.alice, &call), "headset");
        two.alice
            .bus
            .signal(seen, "the property", |it| it.changes(&call, "Endpoint").then_some(()))
            .expect("told");
        let refused = two.alice.bus.on_call(&call, "SetEndpoint", &("nowhere",));
        let refused = refused.expect_err("there is no such device").to_string();
        assert!(refused.contains("nowhere"), "{refused}");
        stage.remove_device("headset").expect("unplugged");
        until("the old endpoint", || (endpoint(&two.alice, &call) == own).then_some(()))
            .expect("it falls back");
        until_heard_at(&ears[..1], &own);
        // And for all calls.
        stage.add_device("Audio/Sink", "other").expect("another");
        until("the other", || {
            let listed = two.alice.ahoyctl(&["endpoints", "list"]).ok()?;
            listed.contains("other").then_some(())
        })
        .expect("it is listed");
        let at_other = ear(stage, "other");
        two.alice.ahoyctl(&["endpoints", "use", "other"]).expect("chosen");
        until_heard_at(&[(own.as_str(), &at_speaker), ("other", &at_other)], "other");
        assert_eq!(endpoint(&two.alice, &call), "other");
    });
}
