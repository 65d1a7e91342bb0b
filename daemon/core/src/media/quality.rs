//! How good a call's media is now, from counters that only grow.
//!
//! Owns: rates over the last seconds. Does not own: the counters. Invariant: what is not known is
//! `None`, never a zero; counters that went back (a new worker) begin a new measurement.

use std::time::Duration;

use super::MediaStats;

/// Over how long rates are taken: shorter ones jump with every key frame.
const WINDOW: Duration = Duration::from_secs(3);

/// What the bus shows of it (design/dbus.md, `Quality`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quality {
    /// Received, bit/s.
    pub bitrate_in: Option<u32>,
    /// Sent, bit/s.
    pub bitrate_out: Option<u32>,
    /// Voice packets lost of a thousand.
    pub loss_permille: Option<u32>,
    /// How much arrival varies, ms.
    pub jitter_ms: Option<u32>,
    /// There and back, ms.
    pub round_trip_ms: Option<u32>,
    /// Decoded voice that waits, ms.
    pub playout_ms: Option<u32>,
    /// The remote picture, pixels.
    pub picture: Option<(u32, u32)>,
    /// `opus`, `opus+vp8`.
    pub codec: Option<String>,
    /// `host`, `reflexive` or `relay`.
    pub path: Option<String>,
}

/// Turns counters into [`Quality`].
#[derive(Clone, Debug, Default)]
pub struct Meter {
    /// Oldest first; the first is about [`WINDOW`] old.
    marks: Vec<(Duration, MediaStats)>,
}

impl Meter {
    /// The counters as of `now`.
    pub fn update(&mut self, now: Duration, stats: MediaStats) -> Quality {
        if self.marks.last().is_some_and(|(_, last)| went_back(last, &stats)) {
            self.marks.clear();
        }
        self.marks.push((now, stats));
        let since = now.saturating_sub(WINDOW);
        // The newest mark that is old enough becomes the first.
        let old = self.marks.iter().rposition(|(at, _)| *at <= since).unwrap_or(0);
        self.marks.drain(..old);
        self.quality()
    }

    fn quality(&self) -> Quality {
        let ((from, old), (to, new)) = match self.marks.as_slice() {
            [] => return Quality::default(),
            [only] => (only, only),
            [first, .., last] => (first, last),
        };
        let seconds = to.saturating_sub(*from).as_secs_f64();
        let rate = |old: u64, new: u64| {
            let bits = new.saturating_sub(old) as f64 * 8.0 / seconds;
            (seconds > 0.0).then_some(bits as u32)
        };
        let lost = new.audio_lost.saturating_sub(old.audio_lost);
        let came = new.audio_received.saturating_sub(old.audio_received);
        let heard = new.audio_received > 0;
        let picture = (new.video_width, new.video_height);
        let seen = picture.0 > 0;
        Quality {
            bitrate_in: rate(old.bytes_received, new.bytes_received),
            bitrate_out: rate(old.bytes_sent, new.bytes_sent),
            loss_permille: (lost * 1000).checked_div(lost + came).map(|share| share as u32),
            jitter_ms: heard.then_some(new.jitter_ms),
            round_trip_ms: None,
            playout_ms: heard.then_some(new.playout_ms),
            picture: seen.then_some(picture),
            codec: heard.then(|| if seen { "opus+vp8" } else { "opus" }.to_owned()),
            path: None,
        }
    }
}

const fn went_back(old: &MediaStats, new: &MediaStats) -> bool {
    new.bytes_received < old.bytes_received || new.bytes_sent < old.bytes_sent
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats(seconds: u64, lost_in: u64) -> MediaStats {
        MediaStats {
            audio_received: 100 * seconds - lost_in,
            audio_lost: lost_in,
            bytes_sent: 5_000 * seconds,
            bytes_received: 10_000 * seconds,
            jitter_ms: 2,
            playout_ms: 20,
            ..MediaStats::default()
        }
    }

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn nothing_is_known_of_rates_after_one_look() {
        let quality = Meter::default().update(at(1), stats(1, 0));
        assert_eq!((quality.bitrate_in, quality.loss_permille), (None, None));
        assert_eq!((quality.jitter_ms, quality.playout_ms), (Some(2), Some(20)));
        assert_eq!(quality.picture, None);
    }

    #[test]
    fn rates_are_those_of_the_last_seconds() {
        let mut meter = Meter::default();
        let mut quality = Quality::default();
        for second in 1..=20 {
            // Packets are lost in the fifth second alone.
            quality = meter.update(at(second), stats(second, if second < 5 { 0 } else { 50 }));
            if second == 6 {
                assert_eq!(quality.loss_permille, Some(166));
            }
        }
        assert_eq!(quality.bitrate_in, Some(80_000));
        assert_eq!(quality.bitrate_out, Some(40_000));
        assert_eq!(quality.loss_permille, Some(0));
    }

    #[test]
    fn a_new_worker_begins_a_new_measurement() {
        let mut meter = Meter::default();
        meter.update(at(1), stats(10, 0));
        meter.update(at(2), stats(11, 0));
        assert_eq!(meter.update(at(3), stats(1, 0)).bitrate_in, None);
        assert_eq!(meter.update(at(4), stats(2, 0)).bitrate_in, Some(80_000));
    }

    #[test]
    fn marks_do_not_pile_up() {
        let mut meter = Meter::default();
        for second in 1..1_000 {
            meter.update(at(second), stats(second, 0));
        }
        assert!(meter.marks.len() <= 4, "{}", meter.marks.len());
    }
}
