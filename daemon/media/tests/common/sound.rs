//! Chirps in, chirps out: how long sound takes from a microphone to a speaker.
//!
//! Owns: the test signal and the matched filter. Does not own: the path. Invariant: both ends are
//! recorded by one program, so one clock counts.

use std::{fs, path::Path};

use super::{Running, SoundSystem, wait_for};

pub const RATE: usize = 48_000;
const CHIRP: usize = RATE / 25;
/// Before the first chirp: the time it takes to link everything.
const LEAD: usize = 2 * RATE;
const EVERY: usize = RATE * 6 / 10;

/// A chirp of 40 ms from 400 to 4000 Hz, where Opus keeps everything at 32 kbit/s.
fn chirp() -> Vec<f32> {
    let shape = |at: usize| {
        let time = at as f32 / RATE as f32;
        let phase = 400.0 * time + (3600.0 / 0.04) * time * time / 2.0;
        let window = (std::f32::consts::PI * at as f32 / CHIRP as f32).sin().powi(2);
        0.3 * window * (std::f32::consts::TAU * phase).sin()
    };
    (0..CHIRP).map(shape).collect()
}

/// Writes `count` chirps as a WAV file.
fn write_chirps(path: &Path, count: usize) {
    let mut samples = vec![0_i16; LEAD + (count + 2) * EVERY];
    for number in 0..count {
        for (at, value) in chirp().into_iter().enumerate() {
            samples[LEAD + number * EVERY + at] = (value * 32767.0) as i16;
        }
    }
    write(path, &samples);
}

/// Hums this pitch into a microphone until dropped, for a minute at most.
pub fn hum(system: &SoundSystem, microphone: &str, hertz: f32) -> Running {
    let step = std::f32::consts::TAU * hertz / RATE as f32;
    let wave = |at: usize| ((step * at as f32).sin() * 9000.0) as i16;
    let (path, name) = (system.dir.join(format!("{microphone}.wav")), format!("hum-{microphone}"));
    write(&path, &(0..RATE * 60).map(wave).collect::<Vec<_>>());
    let player = system
        .command("pw-cat")
        .args(["-p", "--target", "0", "-P", &format!("{{ node.name = {name} }}")])
        .arg(&path)
        .spawn();
    let player = Running(player.expect("pw-cat"));
    link(system, &format!("{name}:output_MONO"), &format!("{microphone}:input_MONO"));
    player
}

/// Writes a WAV file of one channel.
fn write(path: &Path, samples: &[i16]) {
    let data: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let size = data.len() as u32;
    let mut file = b"RIFF".to_vec();
    file.extend((36 + size).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    file.extend((RATE as u32).to_le_bytes());
    file.extend((RATE as u32 * 2).to_le_bytes());
    file.extend(b"\x02\0\x10\0data");
    file.extend(size.to_le_bytes());
    file.extend(data);
    fs::write(path, file).expect("a file");
}

/// Plays chirps into `microphone` and records them beside what `speaker` plays.
/// Gives the delay of each chirp that arrived, ms.
pub fn mouth_to_ear(
    system: &SoundSystem,
    microphone: &str,
    speaker: &str,
    count: usize,
) -> Vec<f64> {
    let (source, record) = (system.dir.join("chirps.wav"), system.dir.join("record.raw"));
    write_chirps(&source, count);
    let recorder = system
        .command("pw-cat")
        .args(["-r", "--target", "0", "--channels", "2", "--format", "f32", "--latency", "256"])
        .args(["-P", "{ node.name = chirp-recorder }"])
        .arg(&record)
        .spawn();
    let mut recorder = Running(recorder.expect("pw-cat"));
    link(system, &format!("{speaker}:monitor_MONO"), "chirp-recorder:input_FR");
    let player = system
        .command("pw-cat")
        .args(["-p", "--target", "0", "--latency", "256", "-P", "{ node.name = chirp-player }"])
        .arg(&source)
        .spawn();
    let mut player = Running(player.expect("pw-cat"));
    link(system, "chirp-player:output_MONO", &format!("{microphone}:input_MONO"));
    link(system, "chirp-player:output_MONO", "chirp-recorder:input_FL");
    player.0.wait().expect("the player's end");
    recorder.kill();
    delays(&fs::read(&record).expect("a recording"))
}

/// Links two ports as soon as both exist.
pub fn link(system: &SoundSystem, from: &str, to: &str) {
    wait_for(&format!("{from} -> {to}"), || system.run("pw-link", &[from, to]));
}

fn delays(bytes: &[u8]) -> Vec<f64> {
    // pw-cat writes a container when it knows the suffix and bare samples otherwise; a header, if
    // any, shifts both channels alike.
    let value = |it: &[u8]| f32::from_le_bytes([it[0], it[1], it[2], it[3]]);
    let start = bytes.len() % 8;
    let frames: Vec<[f32; 2]> =
        bytes[start..].chunks_exact(8).map(|it| [value(&it[..4]), value(&it[4..])]).collect();
    let sent = arrivals(&frames.iter().map(|frame| frame[0]).collect::<Vec<_>>());
    let heard = arrivals(&frames.iter().map(|frame| frame[1]).collect::<Vec<_>>());
    let delay = |from: &usize| {
        let arrived = heard.iter().find(|at| **at >= *from && **at < *from + EVERY)?;
        Some((arrived - from) as f64 * 1000.0 / RATE as f64)
    };
    sent.iter().filter_map(delay).collect()
}

/// Where chirps are, by a matched filter: the best place of each stretch that has one.
fn arrivals(samples: &[f32]) -> Vec<usize> {
    let template = chirp();
    let score = |at: usize| -> f32 {
        let window = &samples[at..at + CHIRP];
        let product: f32 = template.iter().zip(window).map(|(a, b)| a * b).sum();
        product.abs()
    };
    let energy = |at: usize| -> f32 { samples[at..at + CHIRP].iter().map(|it| it * it).sum() };
    let own: f32 = template.iter().map(|it| it * it).sum();
    let mut found = Vec::new();
    let mut at = 0;
    while at + 3 * CHIRP < samples.len() {
        if energy(at) < own * 0.02 {
            at += CHIRP / 8;
            continue;
        }
        let best = (at.saturating_sub(CHIRP)..at + 2 * CHIRP)
            .max_by(|a, b| score(*a).total_cmp(&score(*b)))
            .unwrap_or(at);
        let likeness = score(best) / (own * energy(best)).sqrt().max(f32::EPSILON);
        if likeness > 0.5 {
            found.push(best);
        }
        at = best + EVERY / 2;
    }
    found
}

/// The middle one.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The loudest sample of about two seconds that a port gives.
pub fn loudest(system: &SoundSystem, port: &str) -> f32 {
    heard(system, port).into_iter().map(f32::abs).fold(0.0, f32::max)
}

/// How much of what is heard is a tone of this pitch, 0 to 1 (Goertzel).
pub fn share(samples: &[f32], hertz: f32) -> f32 {
    let step = std::f32::consts::TAU * hertz / RATE as f32;
    // A little at a time: over a longer one the phase of what is repeated does not stay.
    let part = |samples: &[f32]| {
        let (mut real, mut imaginary) = (0.0, 0.0);
        for (at, value) in samples.iter().enumerate() {
            let (sine, cosine) = (step * at as f32).sin_cos();
            real += value * cosine;
            imaginary += value * sine;
        }
        2.0 * (real * real + imaginary * imaginary) / samples.len() as f32
    };
    let energy: f32 = samples.iter().map(|value| value * value).sum();
    samples.chunks(RATE / 50).map(part).sum::<f32>() / energy.max(f32::EPSILON)
}

/// About two seconds of what a port gives.
pub fn heard(system: &SoundSystem, port: &str) -> Vec<f32> {
    let record = system.dir.join("loudest.raw");
    let recorder = system
        .command("pw-cat")
        .args(["-r", "--target", "0", "--channels", "1", "--format", "f32"])
        .args(["-P", "{ node.name = listener }"])
        .arg(&record)
        .spawn();
    let mut recorder = Running(recorder.expect("pw-cat"));
    link(system, port, "listener:input_MONO");
    let enough = (RATE * 4) as u64;
    wait_for("a recording", || {
        let length = fs::metadata(&record).map_or(0, |it| it.len());
        (length > 2 * enough).then_some(())
    });
    recorder.kill();
    let bytes = fs::read(&record).expect("a recording");
    let samples = bytes[bytes.len() % 4..].chunks_exact(4);
    samples.map(|it| f32::from_le_bytes([it[0], it[1], it[2], it[3]])).collect()
}
