//! The buffer between the decoder and the speaker.
//!
//! Owns: how much voice waits before it is played, and what is played when there is none. Does not
//! own: ordering and loss (the jitter buffer in front). Invariant: after [`Playout::push`] never
//! more than [`CEILING`] waits, so a stalled speaker cannot become lasting delay.

use std::collections::VecDeque;

use crate::sound::{RATE, Sound};

/// The most that may wait, samples: past a quarter of a second talk becomes hard anyway.
const CEILING: usize = RATE as usize / 4;
/// Over how many samples the least fill is watched before waiting voice is cut: one second.
const WINDOW: usize = RATE as usize;
/// Length of the cross-fade that hides a cut, samples (5 ms).
const FADE: usize = RATE as usize / 200;

/// Voice waiting to be played.
pub(crate) struct Playout {
    waiting: VecDeque<i16>,
    target: usize,
    playing: bool,
    least: usize,
    watched: usize,
}

impl Playout {
    /// A playout that starts once `target_ms` of voice wait.
    pub(crate) fn new(target_ms: u32) -> Self {
        let target = (target_ms as usize * RATE as usize / 1000).min(CEILING / 2);
        Self {
            waiting: VecDeque::with_capacity(CEILING),
            target,
            playing: false,
            least: usize::MAX,
            watched: 0,
        }
    }

    /// Adds decoded voice.
    pub(crate) fn push(&mut self, samples: impl IntoIterator<Item = i16>) {
        self.waiting.extend(samples);
        if self.waiting.len() > CEILING {
            let excess = self.waiting.len() - self.target;
            self.cut(excess);
        }
    }

    /// How much waits, ms.
    pub(crate) fn waiting_ms(&self) -> u32 {
        (self.waiting.len() * 1000 / RATE as usize) as u32
    }

    /// Forgets what waits: what was said before a hold is not played after it.
    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
        self.playing = false;
    }

    /// Cuts the surplus when even the emptiest moment of the last second had more than the target:
    /// that much delay buys nothing, it is what a late start or a faster sender's clock left.
    fn watch(&mut self, pulled: usize) {
        self.least = self.least.min(self.waiting.len());
        self.watched += pulled;
        if self.watched < WINDOW {
            return;
        }
        let surplus = self.least.saturating_sub(self.target);
        if surplus > FADE {
            self.cut(surplus);
        }
        self.least = usize::MAX;
        self.watched = 0;
    }

    /// Drops `count` samples, fading from what would have been played to what comes after the cut.
    fn cut(&mut self, count: usize) {
        let fade = FADE.min(self.waiting.len().saturating_sub(count));
        let head: Vec<i16> = self.waiting.iter().take(fade).copied().collect();
        self.waiting.drain(..count.min(self.waiting.len()));
        for (at, (old, new)) in head.iter().zip(self.waiting.iter_mut()).enumerate() {
            let mixed = i32::from(*old) * (fade - at) as i32 + i32::from(*new) * at as i32;
            *new = (mixed / fade.max(1) as i32) as i16;
        }
    }
}

impl Sound for Playout {
    fn pull(&mut self, out: &mut [i16]) {
        if !self.playing && self.waiting.len() >= self.target.max(out.len()) {
            self.playing = true;
        }
        let ready = if self.playing { self.waiting.len().min(out.len()) } else { 0 };
        for (slot, sample) in out.iter_mut().zip(self.waiting.drain(..ready)) {
            *slot = sample;
        }
        out[ready..].fill(0);
        if self.playing {
            self.playing = ready == out.len();
            self.watch(out.len());
        }
    }

    fn is_over(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pulled(playout: &mut Playout, count: usize) -> Vec<i16> {
        let mut out = vec![99; count];
        playout.pull(&mut out);
        out
    }

    #[test]
    fn nothing_plays_before_the_target_waits() {
        let mut playout = Playout::new(20);
        playout.push(vec![5; 959]);
        assert_eq!(pulled(&mut playout, 240), vec![0; 240]);
        playout.push(vec![5; 1]);
        assert_eq!(pulled(&mut playout, 240), vec![5; 240]);
    }

    #[test]
    fn an_empty_buffer_plays_silence_and_fills_up_again() {
        let mut playout = Playout::new(10);
        playout.push(vec![5; 480]);
        assert_eq!(pulled(&mut playout, 400), vec![5; 400]);
        let end = pulled(&mut playout, 100);
        assert_eq!((end[79], end[80]), (5, 0));
        playout.push(vec![5; 100]);
        assert_eq!(pulled(&mut playout, 50), vec![0; 50]);
    }

    #[test]
    fn a_stalled_speaker_leaves_no_lasting_delay() {
        let mut playout = Playout::new(20);
        for _ in 0..1000 {
            playout.push(vec![1; 480]);
            assert!(playout.waiting.len() <= CEILING);
        }
    }

    #[test]
    fn standing_surplus_is_cut_within_two_seconds() {
        let mut playout = Playout::new(20);
        playout.push(vec![1; 960 + 4800]);
        for _ in 0..200 {
            pulled(&mut playout, 480);
            playout.push(vec![1; 480]);
        }
        assert!(playout.waiting.len() <= 960 + 480, "{} wait", playout.waiting.len());
    }

    #[test]
    fn ordinary_jitter_is_not_cut() {
        let mut playout = Playout::new(20);
        playout.push(vec![1; 1440]);
        for _ in 0..300 {
            pulled(&mut playout, 480);
            pulled(&mut playout, 480);
            playout.push(vec![1; 960]);
        }
        assert_eq!(playout.waiting.len(), 1440);
    }

    #[test]
    fn a_cut_is_a_fade_not_a_click() {
        let mut playout = Playout::new(0);
        playout.push((0..4800).map(|at| if at < 2400 { 0 } else { 10_000 }));
        playout.cut(2400);
        let steps: Vec<i16> = playout.waiting.iter().copied().collect();
        let largest = steps.windows(2).map(|pair| (pair[1] - pair[0]).abs()).max();
        assert!(largest < Some(100), "{largest:?}");
    }
}
