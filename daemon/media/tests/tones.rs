//! Tones on real PipeWire, without any call.

mod common;

use ahoy_core::media::{MediaCommand, MediaEvent, MediaPart, Tone};
use common::{SoundSystem, Worker, machine_is_able, sound, wait_for};

const NODE: &str = "ahoy-tone";

fn play(worker: &Worker, tone: Tone, device: Option<&str>) {
    worker.tell(&MediaCommand::PlayTone { tone, device: device.map(str::to_owned) });
}

fn ended(tone: Tone) -> impl FnMut(&MediaEvent) -> Option<()> {
    move |event| matches!(event, MediaEvent::ToneEnded { tone: it } if *it == tone).then_some(())
}

#[test]
fn a_ring_plays_on_its_device_as_a_notification_until_stopped() {
    if !machine_is_able() {
        return;
    }
    let system = SoundSystem::start();
    system.add_device("Audio/Sink", "speaker-a");
    system.add_device("Audio/Sink", "ringer");
    let worker = Worker::connected(&system);
    play(&worker, Tone::Ring, Some("ringer"));
    wait_for("the tone", || system.has_node(NODE).then_some(()));
    assert!(system.list("Node").contains("media.role = \"Notification\""));
    let heard = sound::loudest(&system, "ringer:monitor_MONO");
    assert!(heard > 0.02, "{heard}");
    worker.tell(&MediaCommand::StopTone);
    wait_for("silence", || (!system.has_node(NODE)).then_some(()));
}

#[test]
fn a_tone_that_ends_says_so_and_closes_its_stream() {
    if !machine_is_able() {
        return;
    }
    let system = SoundSystem::start();
    system.add_device("Audio/Sink", "speaker-a");
    let worker = Worker::connected(&system);
    for tone in [Tone::Listening, Tone::Busy, Tone::Ended, Tone::Waiting] {
        let before = worker.seen();
        play(&worker, tone, None);
        worker.wait_after(before, "the end of a tone", ended(tone));
        wait_for("silence", || (!system.has_node(NODE)).then_some(()));
    }
}

#[test]
fn the_next_tone_takes_the_place_of_the_one_that_plays() {
    if !machine_is_able() {
        return;
    }
    let system = SoundSystem::start();
    system.add_device("Audio/Sink", "speaker-a");
    let worker = Worker::connected(&system);
    play(&worker, Tone::Ringback, None);
    wait_for("ringback", || system.has_node(NODE).then_some(()));
    play(&worker, Tone::Busy, None);
    worker.wait("the end of busy", ended(Tone::Busy));
    wait_for("silence", || (!system.has_node(NODE)).then_some(()));
    assert!(!worker.events().iter().any(|event| ended(Tone::Ringback)(event).is_some()));
}

#[test]
fn without_a_speaker_a_tone_is_missing_and_still_ends() {
    if !machine_is_able() {
        return;
    }
    let system = SoundSystem::start();
    let worker = Worker::connected(&system);
    play(&worker, Tone::Ended, None);
    let missing = |event: &MediaEvent| {
        let tone = MediaPart::Tone;
        matches!(event, MediaEvent::Missing { session: None, part, .. } if *part == tone)
            .then_some(())
    };
    worker.wait("a missing tone", missing);
    worker.wait("the end all the same", ended(Tone::Ended));
}
