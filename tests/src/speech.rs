//! Spoken sentences.
//!
//! Owns: the synthetic voice. Does not own: who hears it. Invariant: one voice, the one the
//! recogniser is tested with.

use std::{fs, process::Command};

use crate::{Result, Stage, Trouble, process::output, process::program, wave};

/// A sentence as samples, with a little silence around it, as a person leaves it.
///
/// # Errors
/// The synthesizer is missing or fails.
pub fn sentence(stage: &Stage, text: &str) -> Result<Vec<f32>> {
    let file = stage.path("speech.wav");
    let mut command: Command = program("espeak-ng");
    command.args(["-v", "en-us+f2", "-s", "140", "-p", "50", "-w"]).arg(&file).arg(text);
    output("espeak-ng", &mut command)?;
    let bytes = fs::read(&file).map_err(Trouble::io("speech.wav"))?;
    let (rate, spoken) = read(&bytes)
        .ok_or_else(|| Trouble::program("espeak-ng", "it wrote no WAV file of one channel"))?;
    let mut samples = vec![0.0; wave::RATE / 4];
    samples.extend(resample(&spoken, rate));
    samples.extend(vec![0.0; wave::RATE]);
    Ok(samples)
}

/// The rate and the samples of a WAV file of 16 bits and one channel.
fn read(bytes: &[u8]) -> Option<(usize, Vec<f32>)> {
    let rate = u32::from_le_bytes(*bytes.get(24..)?.first_chunk::<4>()?);
    let data = bytes.windows(4).position(|it| it == b"data")? + 8;
    let samples = bytes.get(data..)?.as_chunks::<2>().0;
    let samples = samples.iter().map(|it| f32::from(i16::from_le_bytes(*it)) / 32_768.0);
    Some((rate as usize, samples.collect()))
}

/// Straight lines between samples: speech of a synthesizer has nothing near half its rate.
fn resample(samples: &[f32], rate: usize) -> Vec<f32> {
    let length = samples.len() * wave::RATE / rate.max(1);
    let at = |index: usize| samples.get(index).copied().unwrap_or(0.0);
    (0..length)
        .map(|index| {
            let place = index as f32 * rate as f32 / wave::RATE as f32;
            let part = place.fract();
            at(place as usize) * (1.0 - part) + at(place as usize + 1) * part
        })
        .collect()
}
