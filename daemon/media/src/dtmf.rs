//! Digits as sound: dual-tone multi-frequency (ITU-T Q.23), for whoever listens to the voice.
//!
//! Owns: what a digit sounds like and how long. Does not own: where it is sent. Invariant: a digit
//! starts and ends at silence; what waits is bounded, whoever asks for it.

use std::{collections::VecDeque, f64::consts::TAU};

use crate::sound::RATE;

/// Of a tone, samples: 100 ms, of which Q.24 wants 40 to be recognised; Opus is given more.
const TONE: u32 = RATE / 10;
/// Between two tones, samples: 70 ms, of which Q.24 wants 40.
const GAP: u32 = RATE / 100 * 7;
/// Of a comma, samples: two seconds.
const PAUSE: u32 = RATE * 2;
/// Fade at both ends, samples: shorter clicks.
const EDGE: u32 = RATE / 250;
/// Loudness of each of the two pitches, of full scale.
const LEVEL: f64 = 0.2;
/// Digits that wait.
const MOST: usize = 128;

/// The two pitches of a digit, Hz.
fn pitches(digit: char) -> Option<(f64, f64)> {
    const LOW: [f64; 4] = [697.0, 770.0, 852.0, 941.0];
    const HIGH: [f64; 4] = [1209.0, 1336.0, 1477.0, 1633.0];
    let at = "123A456B789C*0#D".find(digit)?;
    Some((LOW[at / 4], HIGH[at % 4]))
}

/// Digits that are being sent.
#[derive(Default)]
pub(crate) struct Digits {
    waiting: VecDeque<char>,
    /// Samples of the first that were sent.
    at: u32,
}

impl Digits {
    /// Adds digits; what is none is left out.
    pub(crate) fn add(&mut self, tones: &str) {
        let known = tones.chars().filter(|tone| *tone == ',' || pitches(*tone).is_some());
        let room = MOST.saturating_sub(self.waiting.len());
        let before = self.waiting.len();
        self.waiting.extend(known.take(room));
        if self.waiting.len() - before < tones.chars().count() {
            tracing::warn!("digits were left out: too many wait");
        }
    }

    /// Whether all were sent.
    pub(crate) fn is_over(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Adds their sound to what is about to be sent.
    pub(crate) fn add_to(&mut self, own: &mut [i16]) {
        for sample in own {
            let Some(digit) = self.waiting.front() else { return };
            *sample = sample.saturating_add(sound(*digit, self.at));
            self.at += 1;
            if self.at == length(*digit) {
                self.waiting.pop_front();
                self.at = 0;
            }
        }
    }
}

/// Samples that a digit takes, with the gap behind it.
const fn length(digit: char) -> u32 {
    if digit == ',' { PAUSE } else { TONE + GAP }
}

fn sound(digit: char, at: u32) -> i16 {
    let Some((low, high)) = pitches(digit).filter(|_| at < TONE) else { return 0 };
    let edge = f64::from(at.min(TONE - at).min(EDGE)) / f64::from(EDGE);
    let time = f64::from(at) / f64::from(RATE);
    let wave = (TAU * low * time).sin() + (TAU * high * time).sin();
    (wave * edge * LEVEL * f64::from(i16::MAX)) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(digits: &mut Digits, count: u32) -> Vec<i16> {
        let mut samples = vec![0; count as usize];
        digits.add_to(&mut samples);
        samples
    }

    /// How much of this pitch there is (Goertzel).
    fn share(samples: &[i16], hertz: f64) -> f64 {
        let step = TAU * hertz / f64::from(RATE);
        let (mut real, mut imaginary, mut energy) = (0.0, 0.0, 0.0);
        for (at, sample) in samples.iter().enumerate() {
            let (sine, cosine) = (step * at as f64).sin_cos();
            let value = f64::from(*sample);
            real += value * cosine;
            imaginary += value * sine;
            energy += value * value;
        }
        2.0 * (real * real + imaginary * imaginary) / (samples.len() as f64 * energy)
    }

    #[test]
    fn a_digit_is_its_two_pitches_and_then_silence() {
        for (digit, low, high) in [("1", 697.0, 1209.0), ("0", 941.0, 1336.0), ("D", 941.0, 1633.0)]
        {
            let mut digits = Digits::default();
            digits.add(digit);
            let tone = sent(&mut digits, TONE);
            assert!(share(&tone, low) > 0.4 && share(&tone, high) > 0.4, "{digit}");
            assert_eq!(sent(&mut digits, GAP), vec![0; GAP as usize]);
            assert!(digits.is_over());
        }
    }

    #[test]
    fn a_comma_is_a_pause_of_two_seconds() {
        let mut digits = Digits::default();
        digits.add(",5");
        assert!(sent(&mut digits, PAUSE).iter().all(|sample| *sample == 0));
        assert!(!digits.is_over());
        assert!(share(&sent(&mut digits, TONE), 770.0) > 0.4);
    }

    #[test]
    fn what_waits_is_bounded_and_never_clips() {
        let mut digits = Digits::default();
        for _ in 0..10 {
            digits.add(&"9x".repeat(64));
        }
        assert_eq!(digits.waiting.len(), MOST);
        let loudest = sent(&mut digits, TONE).into_iter().map(i16::saturating_abs).max();
        assert!(loudest < Some(i16::MAX / 2));
    }
}
