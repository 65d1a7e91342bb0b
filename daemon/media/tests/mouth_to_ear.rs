//! How long a voice takes from one side's microphone to the other side's speaker.
#![expect(clippy::print_stdout, reason = "it tells figures")]

mod common;

use ahoy_core::media::{MediaCommand, MediaEvent, SessionId};
use common::{
    CALL, SoundSystem, Worker, call, machine_is_able,
    sound::{median, mouth_to_ear},
    voice_plan, wait_for,
};

/// What the first call promises on loopback with 10 ms frames.
const PROMISE_MS: f64 = 90.0;

/// The middle delay of some chirps, ms.
fn measure(system: &SoundSystem, from: &str, to: &str, count: usize) -> f64 {
    let delays = mouth_to_ear(system, &format!("mic-{from}"), &format!("speaker-{to}"), count);
    println!("MEASURED mouth_to_ear {from}->{to} ms: {delays:.1?}");
    assert!(delays.len() >= count * 3 / 4, "only {} of {count} chirps arrived", delays.len());
    median(delays)
}

fn playing(event: &MediaEvent) -> Option<()> {
    matches!(event, MediaEvent::AudioPlaying { .. }).then_some(())
}

fn system() -> SoundSystem {
    let system = SoundSystem::start();
    for who in ["a", "b"] {
        system.add_device("Audio/Source/Virtual", &format!("mic-{who}"));
        system.add_device("Audio/Sink", &format!("speaker-{who}"));
    }
    system
}

#[test]
fn mouth_to_ear_stays_under_90_ms_both_ways() {
    if !machine_is_able() {
        return;
    }
    let system = system();
    let (a, b) = call(&system, voice_plan);
    a.wait("voice", playing);
    b.wait("voice", playing);
    for (from, to) in [("a", "b"), ("b", "a")] {
        let middle = measure(&system, from, to, 12);
        assert!(middle <= PROMISE_MS, "{middle:.1} ms from {from} to {to}");
    }
}

#[test]
fn mute_hold_and_a_new_worker_leave_no_delay_behind() {
    if !machine_is_able() {
        return;
    }
    let system = system();
    let (mut a, b) = call(&system, voice_plan);
    b.wait("voice", playing);
    for on in [true, false] {
        a.tell(&MediaCommand::SetMuted { session: CALL, muted: on });
        b.tell(&MediaCommand::SetHeld { session: CALL, held: on });
        wait_for("the change", || (system.has_node("voice-b") != on).then_some(()));
    }
    let middle = measure(&system, "a", "b", 6);
    assert!(middle <= PROMISE_MS, "{middle:.1} ms after mute and hold");
    a.process.kill();
    let a = Worker::connected(&system);
    a.send_to(&b);
    b.send_to(&a);
    a.tell(&MediaCommand::Start { session: CALL, plan: voice_plan("a") });
    a.wait("voice", playing);
    let middle = measure(&system, "a", "b", 6);
    assert!(middle <= PROMISE_MS, "{middle:.1} ms with a new worker");
}

/// Chirps from Ann, who is in call 7 with us, that Ben hears, who is in call 8 with us.
fn from_ann_to_ben(system: &SoundSystem) -> Vec<f64> {
    mouth_to_ear(system, "mic-ann", "speaker-ben", 6)
}

#[test]
fn calls_that_are_one_hear_each_other_also_while_we_are_muted_and_no_longer_once_split() {
    if !machine_is_able() {
        return;
    }
    let system = SoundSystem::start();
    for who in ["we", "ann", "ben"] {
        system.add_device("Audio/Source/Virtual", &format!("mic-{who}"));
        system.add_device("Audio/Sink", &format!("speaker-{who}"));
    }
    let [we, ann, ben] = ["we", "ann", "ben"].map(|_| Worker::connected(&system));
    let calls = [(CALL, &ann, "ann"), (SessionId(CALL.0 + 1), &ben, "ben")];
    for (session, worker, who) in calls {
        we.send_call_to(session, worker);
        worker.send_to(&we);
        let mut ours = voice_plan("we");
        ours.names = voice_plan(&format!("we-{who}")).names;
        we.tell(&MediaCommand::Start { session, plan: ours });
        worker.tell(&MediaCommand::Start { session, plan: voice_plan(who) });
        worker.wait("our voice", |event| {
            matches!(event, MediaEvent::AudioPlaying { session: it } if *it == session)
                .then_some(())
        });
    }
    assert_eq!(from_ann_to_ben(&system).len(), 0, "two calls are two");
    we.tell(&MediaCommand::SetMix { sessions: calls.map(|(session, ..)| session).to_vec() });
    let open = from_ann_to_ben(&system);
    // Two ways of a call, and what waits in between: said, since nothing was promised of it.
    println!("MEASURED mouth to ear through a mix, ms: {open:.1?}");
    assert!(open.len() >= 5, "{open:?}");
    for (session, ..) in calls {
        we.tell(&MediaCommand::SetMuted { session, muted: true });
    }
    // Ben has a microphone of this name, too.
    let open = || system.list("Node").matches("node.name = \"ahoy-microphone-8\"").count();
    wait_for("our closed microphone", || (open() == 1).then_some(()));
    let muted = from_ann_to_ben(&system);
    println!("MEASURED the same while we are muted, ms: {muted:.1?}");
    assert!(muted.len() >= 5, "{muted:?}");
    let ours = mouth_to_ear(&system, "mic-we", "speaker-ann", 3);
    assert_eq!(ours.len(), 0, "muted, and yet heard");
    we.tell(&MediaCommand::SetMix { sessions: Vec::new() });
    let seen = we.seen();
    we.wait_after(seen, "a tick", |event| matches!(event, MediaEvent::Stats { .. }).then_some(()));
    assert_eq!(from_ann_to_ben(&system).len(), 0, "split");
}
