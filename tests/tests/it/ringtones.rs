//! Apps that bring their own ringtone along.
//!
//! Owns: that it is heard, and that it rings all the same where it cannot be. Does not own: decoding
//! (`daemon/media`). Invariant: what is heard is what the speaker of a person gives.

use std::{collections::HashMap, fs::File, os::fd::AsFd as _};

use ahoy_trial::{Person, Setup, Stage, need::Need, sound::Recording, until, wave};
use zbus::{Fd, ObjectPath, OwnedObjectPath, Variant};

use crate::scene::on_stage;

type Options<'a> = HashMap<&'a str, Variant<'a>>;

const HERTZ: f32 = 1300.0;
const ID: &str = "3f6b8c1e-0d5a-4c39-9a57-2f8e5b6f7a10";

/// Somebody of this app rings; the app has a ringtone.
fn rings(stage: &Stage, alice: &Person<'_>) -> String {
    let file = stage.path("ringtone.wav");
    wave::write(&file, &wave::tone(HERTZ, 1)).expect("a ringtone");
    let file = File::open(file).expect("a ringtone");
    let app = ObjectPath::try_from("/app").expect("a path");
    let options = Options::from([
        ("schemes", vec!["tel"].into()),
        ("ringtone-fd", Variant::Fd(Fd::from(file.as_fd()))),
    ]);
    let provider: OwnedObjectPath = alice
        .bus
        .call("Registry", "Register", &("org.example.Rings", app, options))
        .expect("registered");
    let from = Options::from([("remote", Variant::from(("tel", "+4930123")))]);
    let interface = "org.ahoycall.Calls1.Provider";
    let address = ("org.ahoycall.Calls1", provider.as_str(), interface);
    let (call, how): (OwnedObjectPath, String) =
        alice.bus.ask(address, "ReportIncoming", &(ID, from)).expect("it rings");
    assert_eq!(how, "ring");
    call.to_string()
}

#[test]
fn an_apps_ringtone_is_heard_and_one_that_takes_the_worker_down_is_not_tried_again() {
    on_stage(&[Need::Media], |stage| {
        let alice = Person::start(stage, "Alice", Setup::VOICE).expect("Alice");
        let port = format!("{}:monitor_MONO", alice.device("speaker"));
        let ear = Recording::start(stage, &[&port]).expect("an ear");
        let share = || wave::share(&ear.latest(0, 100), HERTZ);
        rings(stage, &alice);
        until("the app's ringtone", || (share() > 0.9).then_some(())).expect("it is heard");
        // As a decoder does that the file is too much for.
        alice.kill_worker("ahoy-media").expect("killed");
        until("our own ring", || {
            let sound = ear.latest(0, 100);
            (wave::loudness(&sound) > 0.01 && wave::share(&sound, HERTZ) < 0.1).then_some(())
        })
        .expect("it rings all the same");
        alice.bus.call::<_, ()>("Manager", "EndAll", &()).expect("over");
        until("silence", || (wave::loudness(&ear.latest(0, 100)) == 0.0).then_some(()))
            .expect("silence");
    });
}
