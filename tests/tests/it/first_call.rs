//! A call from the invite to the log.
//!
//! Owns: what a call is when all goes well. Invariant: every step is seen from outside: on the
//! speaker, on the screen, in PipeWire's list of nodes, on the bus.

use std::time::Duration;

use ahoy_trial::{
    Person, Setup,
    bus::{Dict, word},
    need::Need,
    sound::{PROMISE_MS, Recording, ear, mouth_to_ear},
    until, wave,
};

use crate::scene::{Two, captures, on_stage};

/// Chirps in each direction.
const CHIRPS: usize = 8;

/// The call's quality, once every key is known and plausible for a call on one machine.
fn quality(person: &Person<'_>, call: &str) -> Option<()> {
    let value = person.bus.property(call, "Call", "Quality").ok()?;
    let all: Dict = value.try_into().ok()?;
    let number = |key: &str| u32::try_from(all.get(key)?.try_clone().ok()?).ok();
    let loss = f64::try_from(all.get("loss")?.try_clone().ok()?).ok()?;
    let rates = number("bitrate-in")? > 32_000 && number("bitrate-out")? > 32_000;
    let delays =
        number("jitter")? < 100 && number("round-trip")? < 100 && number("playout-delay")? < 200;
    let picture = number("width")? == 640 && number("height")? == 360;
    let words = word(&all, "codec") == "opus+vp8" && word(&all, "path") == "host";
    (rates && delays && picture && words && (0.0..0.2).contains(&loss)).then_some(())
}

#[test]
fn a_call_rings_is_answered_by_its_notification_heard_seen_and_logged() {
    on_stage(&[Need::Media, Need::Notify], |stage| {
        let two = Two::meet(stage, Setup::ALL);
        let ring = Recording::start(stage, &[&ear(&two.alice)]).expect("her speaker");
        let (outgoing, incoming) = two.ring(true);
        until("the ringtone", || (wave::loudness(&ring.latest(0, 100)) > 0.01).then_some(()))
            .expect("it is heard");
        let desk = two.alice.notifications.as_ref().expect("dunst");
        desk.until_shown(1).expect("a notification");
        for what in ["microphone", "camera"] {
            assert_eq!(captures(stage, what), 0, "no open {what} before the answer");
        }
        desk.press("answer-video").expect("pressed");
        two.are_active(&outgoing, &incoming);
        desk.until_shown(0).expect("the notification goes");
        two.hear_each_other();
        for (person, call) in [(&two.alice, &incoming), (&two.bob, &outgoing)] {
            let viewer = person.watch(call, "RemoteVideoNode").expect("a window");
            let rate = viewer.measure(Duration::from_secs(1)).expect("pictures");
            assert!(rate.fps > 10.0 && rate.different > 5, "{rate:?}");
        }
        assert_eq!(captures(stage, "microphone"), 2);
        assert_eq!(captures(stage, "camera"), 2);
        for (person, call) in [(&two.alice, &incoming), (&two.bob, &outgoing)] {
            until("the quality of the call", || quality(person, call)).expect("all of it is known");
        }
        let numbers = [(&two.alice, &incoming), (&two.bob, &outgoing)]
            .map(|(person, call)| person.bus.text(call, "Call.Verification", "SafetyNumber"));
        assert!(numbers[0].len() > 20, "a safety number: {numbers:?}");
        assert_eq!(numbers[0], numbers[1]);
        let interface = "org.ahoycall.Calls1.Call.Verification";
        two.alice.bus.on_object(&incoming, interface, "Confirm", &(true,)).expect("kept");
        until("a verified call", || {
            let shown = two.alice.bus.text(&incoming, "Call", "Encryption");
            (shown == "e2e-verified").then_some(())
        })
        .expect("it shows");
        let seen = two.alice.bus.seen();
        two.bob.hang_up(&outgoing).expect("hung up");
        let (_, why) = two.alice.ended(seen, &incoming, Duration::from_secs(5)).expect("it ends");
        assert_eq!(why, "remote-hangup");
        for what in ["microphone", "camera"] {
            until("closed devices", || (captures(stage, what) == 0).then_some(()))
                .expect("no capture after the end");
        }
        for (person, direction) in [(&two.alice, "incoming"), (&two.bob, "outgoing")] {
            let row = until("a closed row", || {
                let row = person.recents().ok()?.into_iter().next()?;
                (word(&row, "outcome") != "ongoing").then_some(row)
            });
            let row = row.expect("in the log");
            assert_eq!(word(&row, "direction"), direction);
            assert_eq!(word(&row, "outcome"), "answered");
        }
    });
}

/// The ringtone and the pictures matter: sound that was handled beside pictures once kept a queue of
/// buffers, and a speaker that had played the tone kept the tone's pace (48 ms and 30 ms more).
#[test]
fn a_video_call_that_rang_aloud_is_heard_within_90_ms_both_ways() {
    on_stage(&[Need::Media], |stage| {
        let two = Two::meet(stage, Setup { notifications: false, ..Setup::ALL });
        let ring = Recording::start(stage, &[&ear(&two.alice)]).expect("her speaker");
        let (outgoing, incoming) = two.ring(true);
        until("the ringtone", || (wave::loudness(&ring.latest(0, 100)) > 0.01).then_some(()))
            .expect("it is heard");
        drop(ring);
        two.alice.answer(&incoming, true).expect("answered");
        two.are_active(&outgoing, &incoming);
        two.hear_each_other();
        for (from, to) in [(&two.alice, &two.bob), (&two.bob, &two.alice)] {
            let (delays, _) = mouth_to_ear(from, to, CHIRPS).expect("chirps");
            assert!(delays.len() >= CHIRPS * 3 / 4, "{} of {CHIRPS} arrived", delays.len());
            let middle = wave::median(delays).expect("a delay");
            assert!(middle <= PROMISE_MS, "{middle:.1} ms from {} to {}", from.name, to.name);
        }
    });
}

#[test]
fn a_muted_side_has_no_open_microphone_and_is_heard_again_when_it_speaks() {
    on_stage(&[Need::Media], |stage| {
        let two = Two::meet(stage, Setup::VOICE);
        let (outgoing, _) = two.talk(false);
        until("two microphones", || (captures(stage, "microphone") == 2).then_some(()))
            .expect("both speak");
        two.bob.bus.on_call(&outgoing, "SetMuted", &(true,)).expect("muted");
        until("one microphone", || (captures(stage, "microphone") == 1).then_some(()))
            .expect("his is closed");
        two.bob.bus.on_call(&outgoing, "SetMuted", &(false,)).expect("unmuted");
        two.hear_each_other();
        assert_eq!(captures(stage, "microphone"), 2);
    });
}
