//! Mute that does not depend on the app.
//!
//! Owns: that an app which says it muted, and captures on, hears nothing. Does not own: what the
//! engine makes of an app's answers. Invariant: the app is a whole one (contrib/examples) with a real
//! recorder as its child; another program that captures from the same microphone stays as it is.

use std::path::Path;

use ahoy_trial::{
    Person, Setup, Stage,
    contract::repository,
    need::Need,
    process::Running,
    sound::{Recording, speak},
    until, wave,
};

use crate::scene::on_stage;

const HERTZ: f32 = 700.0;
const SPAN_MS: usize = 60;

/// An app that is called, and records all the while.
fn stubborn(stage: &Stage, person: &Person<'_>, port: &str) -> Recording {
    let example = repository().join("contrib/examples/provider.py").display().to_string();
    let run = |words: &[&str]| {
        // The recorder is the child of what then becomes the app.
        let script =
            "example=$1; shift; pw-cat \"$@\" & exec /usr/bin/python3 \"$example\" +49301234";
        let mut shell = person.command(Path::new("/bin/sh"));
        shell.args(["-c", script, "sh", &example]).args(words);
        Running::start("/bin/sh", &mut shell)
    };
    Recording::run_by(stage, &[port], run).expect("an app that records")
}

fn hears(recording: &Recording) -> bool {
    wave::share(&recording.latest(0, SPAN_MS), HERTZ) > 0.7
}

fn until_heard(what: &str, recording: &Recording, heard: bool) {
    until(what, || {
        let silent = wave::loudness(&recording.latest(0, SPAN_MS)) == 0.0;
        (if heard { hears(recording) } else { silent }).then_some(())
    })
    .expect(what);
}

#[test]
fn an_app_that_says_it_muted_and_records_on_hears_nothing_until_it_is_opened() {
    on_stage(&[Need::Media, Need::Links], |stage| {
        let alice = Person::start(stage, "Alice", Setup::VOICE).expect("Alice");
        let port = format!("{}:capture_MONO", alice.device("microphone"));
        let _voice = speak(&alice, &wave::tone(HERTZ, 60)).expect("a voice");
        let other = Recording::start(stage, &[&port]).expect("another program");
        let app = stubborn(stage, &alice, &port);
        let call = alice.rings().expect("it rings");
        alice.answer(&call, false).expect("answered");
        alice.until_state(&call, "active").expect("active");
        until_heard("the app hears", &app, true);
        let mute = |muted: bool| alice.bus.on_call(&call, "SetMuted", &(muted,)).expect("mute");
        mute(true);
        until_heard("the app hears nothing", &app, false);
        assert!(hears(&other), "a program that has no call is left alone");
        mute(false);
        until_heard("it hears again", &app, true);
        mute(true);
        until_heard("and nothing again", &app, false);
        alice.hang_up(&call).expect("hung up");
        until_heard("the microphone is its own after the call", &app, true);
    });
}
