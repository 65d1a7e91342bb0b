//! A call from the invite to the log.

use std::time::Duration;

use ahoy_trial::{
    Person, Setup, Stage,
    bus::word,
    need::{Need, met},
    sound::{Recording, ear, mouth_to_ear, speak},
    until, wave,
};

#[test]
fn a_call_rings_is_answered_by_its_notification_heard_seen_and_logged() {
    if !met(&[Need::Media, Need::Notify]) {
        return;
    }
    let stage = Stage::start().expect("a stage");
    let alice = Person::start(&stage, "Alice", Setup::ALL).expect("Alice");
    let bob = Person::start(&stage, "Bob", Setup { camera: Some(0xa0_40_20), ..Setup::ALL })
        .expect("Bob");
    let contact = bob.accept(&alice.invite().expect("an invite")).expect("Alice is a contact");
    let ring = Recording::start(&stage, &[&ear(&alice)]).expect("her speaker");
    let out = bob.call(&contact, true).expect("a call");
    let incoming = alice.rings().expect("it rings");
    until("the ringtone", || (wave::loudness(&ring.latest(0, 100)) > 0.01).then_some(()))
        .expect("it is heard");
    let desk = alice.notifications.as_ref().expect("dunst");
    desk.until_shown(1).expect("a notification");
    desk.press("answer-video").expect("pressed");
    for (person, call) in [(&alice, &incoming), (&bob, &out)] {
        person.until_state(call, "active").expect("active");
    }
    desk.until_shown(0).expect("the notification goes");
    for (from, to, hertz, call) in [(&alice, &bob, 700.0, &out), (&bob, &alice, 1_100.0, &incoming)]
    {
        let listening = Recording::start(&stage, &[&ear(to)]).expect("a speaker");
        let voice = speak(from, &wave::tone(hertz, 10)).expect("a voice");
        until("a voice", || (wave::share(&listening.latest(0, 60), hertz) > 0.7).then_some(()))
            .expect("it is heard");
        drop(voice);
        let viewer = to.watch(call, "RemoteVideoNode").expect("a window");
        let rate = viewer.measure(Duration::from_secs(1)).expect("pictures");
        assert!(rate.fps > 10.0 && rate.different > 5, "{rate:?}");
    }
    let seen = alice.bus.seen();
    bob.hang_up(&out).expect("hung up");
    let (_, why) = alice.ended(seen, &incoming, Duration::from_secs(5)).expect("it ends");
    assert_eq!(why, "remote-hangup");
    for (person, direction) in [(&alice, "incoming"), (&bob, "outgoing")] {
        let row = until("a row", || person.recents().ok()?.into_iter().next());
        let row = row.expect("in the log");
        assert_eq!(word(&row, "direction"), direction);
        assert_eq!(word(&row, "outcome"), "answered");
    }
}

/// What a call on loopback promises, ms.
const PROMISE: f64 = 90.0;

#[test]
fn a_voice_takes_at_most_90_ms_from_mouth_to_ear_both_ways() {
    if !met(&[Need::Media]) {
        return;
    }
    let stage = Stage::start().expect("a stage");
    let alice = Person::start(&stage, "Alice", Setup::VOICE).expect("Alice");
    let bob = Person::start(&stage, "Bob", Setup::VOICE).expect("Bob");
    let contact = bob.accept(&alice.invite().expect("an invite")).expect("Alice is a contact");
    let out = bob.call(&contact, false).expect("a call");
    let incoming = alice.rings().expect("it rings");
    alice.answer(&incoming, false).expect("answered");
    bob.until_state(&out, "active").expect("active");
    for (from, to) in [(&alice, &bob), (&bob, &alice)] {
        let (delays, _) = mouth_to_ear(from, to, 8).expect("chirps");
        println!("MEASURED mouth_to_ear {} -> {} ms: {delays:.1?}", from.name, to.name);
        assert!(delays.len() >= 6, "{delays:?}");
        let middle = wave::median(delays).expect("a delay");
        assert!(middle <= PROMISE, "{middle:.1} ms from {} to {}", from.name, to.name);
    }
}
