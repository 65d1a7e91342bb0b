//! Ahoy's own sounds, synthesised.
//!
//! Owns: what each [`Tone`] sounds like. Does not own: when and where it plays. Invariant: a tone
//! is a pure function of the sample's number, starts and ends at silence, and never clips.

use std::f64::consts::TAU;

use ahoy_core::media::Tone;

use crate::sound::{RATE, Sound};

/// Fade at both ends of each beep, seconds: shorter clicks, longer blurs.
const EDGE: f64 = 0.008;
/// Loudness of a tone at its loudest, of full scale: leaves room for a voice beside it.
const LEVEL: f64 = 0.35;
/// How long the ring takes from soft to full, seconds: wakes nobody with a blow.
const RING_GROWS: f64 = 9.0;
/// The ring starts at this share of full loudness: still heard across a desk.
const RING_STARTS: f64 = 0.15;

/// One beep of a tone.
#[derive(Clone, Copy)]
struct Beep {
    /// Seconds from the start of the (repeated) pattern.
    from: f64,
    length: f64,
    /// Hz at the start and at the end.
    pitch: (f64, f64),
}

const fn beep(from: f64, length: f64, low: f64, high: f64) -> Beep {
    Beep { from, length, pitch: (low, high) }
}

/// A tone's beeps and the length of its pattern, seconds.
struct Score {
    beeps: &'static [Beep],
    length: f64,
    repeats: bool,
}

/// A small rising figure, twice, then a rest of the usual 4 s ringing rhythm.
const RING: [Beep; 6] = [
    beep(0.00, 0.16, 659.3, 659.3),
    beep(0.17, 0.16, 784.0, 784.0),
    beep(0.34, 0.30, 987.8, 987.8),
    beep(0.80, 0.16, 659.3, 659.3),
    beep(0.97, 0.16, 784.0, 784.0),
    beep(1.14, 0.30, 987.8, 987.8),
];
/// ITU-T E.180, as in most of Europe: 425 Hz, one second on, four off.
const RINGBACK: [Beep; 1] = [beep(0.0, 1.0, 425.0, 425.0)];
const BUSY: [Beep; 3] =
    [beep(0.0, 0.25, 425.0, 425.0), beep(0.5, 0.25, 425.0, 425.0), beep(1.0, 0.25, 425.0, 425.0)];
const ENDED: [Beep; 1] = [beep(0.0, 0.28, 660.0, 330.0)];
const WAITING: [Beep; 1] = [beep(0.0, 0.20, 425.0, 425.0)];
const LISTENING: [Beep; 1] = [beep(0.0, 0.14, 520.0, 880.0)];

const fn score(tone: Tone) -> Score {
    let (beeps, length, repeats): (&[Beep], f64, bool) = match tone {
        Tone::Ring => (&RING, 3.0, true),
        Tone::Ringback => (&RINGBACK, 5.0, true),
        Tone::Busy => (&BUSY, 1.25, false),
        Tone::Ended => (&ENDED, 0.28, false),
        Tone::Waiting => (&WAITING, 0.20, false),
        Tone::Listening => (&LISTENING, 0.14, false),
    };
    Score { beeps, length, repeats }
}

/// Samples until a tone is over; `None` when it repeats.
pub(crate) fn length(tone: Tone) -> Option<u64> {
    let score = score(tone);
    (!score.repeats).then(|| (score.length * f64::from(RATE)).round() as u64)
}

/// One sample of a tone.
pub(crate) fn sample(tone: Tone, number: u64) -> i16 {
    let score = score(tone);
    let time = number as f64 / f64::from(RATE);
    if !score.repeats && time >= score.length {
        return 0;
    }
    let within = time % score.length;
    let wave: f64 = score.beeps.iter().map(|beep| wave(beep, within)).sum();
    (wave * LEVEL * loudness(tone, time) * f64::from(i16::MAX)) as i16
}

/// Loudness of whatever rings, so many seconds after it began.
pub(crate) fn growth(time: f64) -> f64 {
    (RING_STARTS + (1.0 - RING_STARTS) * time / RING_GROWS).min(1.0)
}

/// The ring grows with time; everything else is as loud as it is.
fn loudness(tone: Tone, time: f64) -> f64 {
    match tone {
        Tone::Ring => growth(time),
        Tone::Ringback | Tone::Busy | Tone::Ended | Tone::Waiting | Tone::Listening => 1.0,
    }
}

fn wave(beep: &Beep, time: f64) -> f64 {
    let at = time - beep.from;
    if !(0.0..beep.length).contains(&at) {
        return 0.0;
    }
    let edge = (at / EDGE).min((beep.length - at) / EDGE).min(1.0);
    let (start, end) = beep.pitch;
    // The phase of a pitch that glides evenly is the integral of the pitch over time.
    let phase = start * at + (end - start) * at * at / (2.0 * beep.length);
    edge * (TAU * phase).sin()
}

/// A tone being played.
pub(crate) struct TonePlayer {
    tone: Tone,
    at: u64,
}

impl TonePlayer {
    /// Starts a tone at its beginning.
    pub(crate) const fn new(tone: Tone) -> Self {
        Self { tone, at: 0 }
    }
}

impl Sound for TonePlayer {
    fn pull(&mut self, out: &mut [i16]) {
        for slot in out {
            *slot = sample(self.tone, self.at);
            self.at += 1;
        }
    }

    fn is_over(&self) -> bool {
        length(self.tone).is_some_and(|length| self.at >= length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Tone; 6] =
        [Tone::Ring, Tone::Ringback, Tone::Busy, Tone::Ended, Tone::Waiting, Tone::Listening];

    fn seconds(tone: Tone, from: f64, length: f64) -> Vec<i16> {
        let first = (from * f64::from(RATE)) as u64;
        let count = (length * f64::from(RATE)) as u64;
        (first..first + count).map(|number| sample(tone, number)).collect()
    }

    fn peak(samples: &[i16]) -> i16 {
        samples.iter().map(|sample| sample.saturating_abs()).max().unwrap_or(0)
    }

    fn crossings(samples: &[i16]) -> usize {
        samples.windows(2).filter(|pair| pair[0] < 0 && pair[1] >= 0).count()
    }

    #[test]
    fn every_tone_sounds_within_its_level_and_without_clicks() {
        for tone in ALL {
            let samples = seconds(tone, 0.0, 13.0);
            let limit = (LEVEL * f64::from(i16::MAX)) as i16;
            assert!(peak(&samples) > limit / 2, "{tone:?} is silent");
            assert!(peak(&samples) <= limit, "{tone:?} clips");
            let step = samples.windows(2).map(|pair| (pair[1] - pair[0]).abs()).max();
            assert!(step < Some(2000), "{tone:?} steps by {step:?}");
        }
    }

    #[test]
    fn ringback_is_425_hz_one_second_in_five() {
        assert_eq!(crossings(&seconds(Tone::Ringback, 0.1, 0.8)), 340);
        assert_eq!(peak(&seconds(Tone::Ringback, 1.0, 4.0)), 0);
        assert!(peak(&seconds(Tone::Ringback, 5.0, 1.0)) > 0);
        assert_eq!(length(Tone::Ringback), None);
    }

    #[test]
    fn busy_is_three_beeps_and_over() {
        for beep in [0.0, 0.5, 1.0] {
            assert!(peak(&seconds(Tone::Busy, beep, 0.25)) > 0);
            assert_eq!(peak(&seconds(Tone::Busy, beep + 0.26, 0.2)), 0);
        }
        assert_eq!(peak(&seconds(Tone::Busy, 1.25, 3.0)), 0);
    }

    #[test]
    fn the_ring_grows_louder_and_does_not_end() {
        let first = peak(&seconds(Tone::Ring, 0.0, 3.0));
        let third = peak(&seconds(Tone::Ring, 6.0, 3.0));
        let late = peak(&seconds(Tone::Ring, 30.0, 3.0));
        assert!(first < third / 2 && third < late, "{first} {third} {late}");
        assert_eq!(length(Tone::Ring), None);
    }

    #[test]
    fn listening_rises_and_ended_falls() {
        let halves = |tone, length: f64| {
            let half = length / 2.0;
            (crossings(&seconds(tone, 0.0, half)), crossings(&seconds(tone, half, half)))
        };
        let (before, after) = halves(Tone::Listening, 0.14);
        assert!(before < after, "{before} {after}");
        let (before, after) = halves(Tone::Ended, 0.28);
        assert!(before > after, "{before} {after}");
    }

    #[test]
    fn a_player_is_over_exactly_when_a_short_tone_is() {
        let mut player = TonePlayer::new(Tone::Waiting);
        let mut out = [0; 480];
        for _ in 0..19 {
            player.pull(&mut out);
            assert!(!player.is_over());
        }
        player.pull(&mut out);
        assert!(player.is_over());
    }
}
