//! Samples: test signals, WAV files, finding signals again.
//!
//! Owns: plain arithmetic on sound. Does not own: devices. Invariant: everything is one channel at
//! 48 kHz, in -1 to 1.

use std::{fs, path::Path};

use crate::{Result, Trouble};

/// Samples in a second.
pub const RATE: usize = 48_000;
const CHIRP: usize = RATE / 25;
/// From chirp to chirp.
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

/// `count` chirps, with silence before so that everything is linked when the first one comes.
#[must_use]
pub fn chirps(count: usize) -> Vec<f32> {
    let lead = 3 * RATE / 2;
    let mut samples = vec![0.0; lead + (count + 1) * EVERY];
    for number in 0..count {
        for (at, value) in chirp().into_iter().enumerate() {
            samples[lead + number * EVERY + at] = value;
        }
    }
    samples
}

/// A steady tone.
#[must_use]
pub fn tone(hertz: f32, seconds: usize) -> Vec<f32> {
    let turn = std::f32::consts::TAU * hertz / RATE as f32;
    (0..seconds * RATE).map(|at| 0.3 * (turn * at as f32).sin()).collect()
}

/// Where chirps are, by a matched filter.
#[must_use]
pub fn arrivals(samples: &[f32]) -> Vec<usize> {
    let template = chirp();
    let score = |at: usize| -> f32 {
        let window = &samples[at..at + CHIRP];
        template.iter().zip(window).map(|(a, b)| a * b).sum::<f32>().abs()
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

/// The delay of every chirp that is in both, ms.
#[must_use]
pub fn delays(sent: &[f32], heard: &[f32]) -> Vec<f64> {
    let heard = arrivals(heard);
    let delay = |from: usize| {
        let arrived = heard.iter().find(|at| **at >= from && **at < from + EVERY)?;
        Some((arrived - from) as f64 * 1000.0 / RATE as f64)
    };
    arrivals(sent).into_iter().filter_map(delay).collect()
}

/// The middle one.
#[must_use]
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// How loud: the root of the mean square.
#[must_use]
pub fn loudness(samples: &[f32]) -> f32 {
    let square: f32 = samples.iter().map(|it| it * it).sum();
    (square / samples.len().max(1) as f32).sqrt()
}

/// Which part of the sound is this tone, 0 to 1 (Goertzel). 0 for silence.
#[must_use]
pub fn share(samples: &[f32], hertz: f32) -> f32 {
    let energy: f32 = samples.iter().map(|it| it * it).sum();
    if loudness(samples) < 0.003 {
        return 0.0;
    }
    let factor = 2.0 * (std::f32::consts::TAU * hertz / RATE as f32).cos();
    let (mut one, mut two) = (0.0_f32, 0.0_f32);
    for sample in samples {
        (one, two) = (sample + factor * one - two, one);
    }
    let power = one * one + two * two - factor * one * two;
    (2.0 * power / (samples.len() as f32 * energy)).min(1.0)
}

/// Writes a WAV file of 16 bits.
///
/// # Errors
/// The file cannot be written.
pub fn write(path: &Path, samples: &[f32]) -> Result<()> {
    let data: Vec<u8> = samples
        .iter()
        .flat_map(|sample| ((sample.clamp(-1.0, 1.0) * 32_767.0) as i16).to_le_bytes())
        .collect();
    let size = data.len() as u32;
    let mut file = b"RIFF".to_vec();
    file.extend((36 + size).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    file.extend((RATE as u32).to_le_bytes());
    file.extend((RATE as u32 * 2).to_le_bytes());
    file.extend(b"\x02\0\x10\0data");
    file.extend(size.to_le_bytes());
    file.extend(data);
    fs::write(path, file).map_err(Trouble::io(path.display().to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_that_was_put_in_is_found() {
        let sent = chirps(4);
        let mut heard = vec![0.0; 480 * 5];
        heard.extend(sent.iter().map(|it| it * 0.4));
        let found = delays(&sent, &heard);
        assert_eq!(found.len(), 4);
        assert!(found.iter().all(|it| (it - 50.0).abs() < 0.1), "{found:?}");
    }

    #[test]
    fn a_tone_is_told_from_another_and_from_silence() {
        let tone = tone(700.0, 1);
        assert!(share(&tone[..960], 700.0) > 0.9);
        assert!(share(&tone[..960], 1_100.0) < 0.1);
        assert_eq!(share(&[0.0; 960], 700.0), 0.0);
    }
}
