//! Ringtones of apps on real PipeWire, made by a real encoder.

#![expect(clippy::expect_used, reason = "a step that fails fails the test")]

mod common;

use std::{
    fs::{self, File},
    os::fd::AsFd as _,
};

use ahoy_core::media::MediaCommand;
use common::{SoundSystem, Worker, machine_is_able, sound, wait_for};

const HERTZ: f32 = 1500.0;

/// Two thirds of a second of a tone, stereo, as the encoder makes it.
fn made(system: &SoundSystem, encoder: &str) -> Vec<u8> {
    let path = system.dir.join("ringtone");
    let _ = fs::remove_file(&path);
    let text = format!(
        "audiotestsrc num-buffers=32 samplesperbuffer=1024 wave=sine freq={HERTZ} volume=0.8 \
         ! audio/x-raw,rate=48000,channels=2 ! audioconvert ! {encoder} ! filesink location={}",
        path.display()
    );
    let arguments: Vec<&str> = text.split_whitespace().collect();
    system.run("gst-launch-1.0", &arguments).expect("an encoder");
    fs::read(&path).expect("a file")
}

/// What is heard when this is the ringtone.
fn rings(system: &SoundSystem, worker: &Worker, file: &[u8]) -> Vec<f32> {
    let path = system.dir.join("brought");
    fs::write(&path, file).expect("a file");
    let file = File::open(&path).expect("a file");
    let command = MediaCommand::PlayRingtone { device: Some("ringer".into()) };
    worker.tell_with(&command, &[file.as_fd()]);
    wait_for("the ringtone", || system.has_node("ahoy-tone").then_some(()));
    let heard = sound::heard(system, "ringer:monitor_MONO");
    worker.tell(&MediaCommand::StopTone);
    wait_for("silence", || (!system.has_node("ahoy-tone")).then_some(()));
    heard
}

fn loudest(samples: &[f32]) -> f32 {
    samples.iter().fold(0.0, |most, sample| most.max(sample.abs()))
}

#[test]
fn an_apps_ringtone_is_repeated_whatever_it_is_encoded_with() {
    if !machine_is_able() {
        return;
    }
    let system = SoundSystem::start();
    system.add_device("Audio/Sink", "ringer");
    let worker = Worker::connected(&system);
    for encoder in ["vorbisenc ! oggmux", "opusenc ! oggmux", "wavenc"] {
        let heard = rings(&system, &worker, &made(&system, encoder));
        let late = &heard[heard.len() / 2..];
        let share = sound::share(late, HERTZ);
        assert!(share > 0.8 && loudest(late) > 0.05, "{encoder}: {share} of {}", loudest(late));
    }
}

#[test]
fn what_cannot_be_decoded_rings_as_our_own_and_harms_nothing() {
    if !machine_is_able() {
        return;
    }
    let system = SoundSystem::start();
    system.add_device("Audio/Sink", "ringer");
    let worker = Worker::connected(&system);
    let whole = made(&system, "vorbisenc ! oggmux");
    let mut damaged = whole.clone();
    damaged[200..].fill(0x5a);
    let header_only = b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0";
    for file in [&damaged, &whole[..100], b"no sound at all", header_only, b""] {
        let heard = rings(&system, &worker, file);
        let share = sound::share(&heard, HERTZ);
        assert!(share < 0.1 && loudest(&heard) > 0.02, "{share} of {}", loudest(&heard));
    }
    let heard = rings(&system, &worker, &whole);
    assert!(sound::share(&heard, HERTZ) > 0.8, "the worker is as good as before");
}
