//! How long a voice takes from one side's microphone to the other side's speaker.

mod common;

use ahoy_core::media::MediaEvent;
use common::{
    SoundSystem, call, machine_is_able,
    sound::{median, mouth_to_ear},
    voice_plan,
};

/// What the first call promises on loopback with 10 ms frames.
const PROMISE_MS: f64 = 90.0;
const CHIRPS: usize = 12;

#[test]
fn mouth_to_ear_stays_under_90_ms_both_ways() {
    if !machine_is_able() {
        return;
    }
    let system = SoundSystem::start();
    for who in ["a", "b"] {
        system.add_device("Audio/Source/Virtual", &format!("mic-{who}"));
        system.add_device("Audio/Sink", &format!("speaker-{who}"));
    }
    let (a, b) = call(&system, voice_plan);
    for worker in [&a, &b] {
        worker.wait("voice", |event| {
            matches!(event, MediaEvent::AudioPlaying { .. }).then_some(())
        });
    }
    for (from, to) in [("a", "b"), ("b", "a")] {
        let delays = mouth_to_ear(
            &system,
            &format!("mic-{from}"),
            &format!("speaker-{to}"),
            CHIRPS,
        );
        println!("MEASURED mouth_to_ear {from}->{to} ms: {delays:.1?}");
        assert!(
            delays.len() >= CHIRPS * 3 / 4,
            "only {} of {CHIRPS} chirps arrived",
            delays.len()
        );
        let middle = median(delays);
        println!("MEASURED mouth_to_ear_median {from}->{to} {middle:.1} ms");
        assert!(middle <= PROMISE_MS, "{middle:.1} ms from {from} to {to}");
    }
}
