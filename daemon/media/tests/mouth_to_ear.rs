//! How long a voice takes from one side's microphone to the other side's speaker.
#![expect(clippy::print_stdout, reason = "it tells figures")]

mod common;

use ahoy_core::media::{MediaCommand, MediaEvent};
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
