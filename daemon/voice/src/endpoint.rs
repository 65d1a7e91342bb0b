//! Where an utterance begins and ends.
//!
//! Owns: the level of the background, and the decision that somebody speaks or has stopped. Does
//! not own: a microphone, a clock (time is counted in samples), or what was said. Invariant: what is
//! handed out as it is spoken holds everything from [`PRE_ROLL_MS`] before the first sound.

use std::collections::VecDeque;

/// Samples per second, everywhere in this worker: what both recognisers' models are trained on.
pub(crate) const RATE: u32 = 16_000;

/// Samples in one step of the detector: 10 ms, the frame of both recognisers.
const FRAME: usize = RATE as usize / 100;
/// Kept from before the first loud frame: soft onsets ("h", "wh") are below the threshold.
const PRE_ROLL_MS: u32 = 300;
/// Silence that ends an utterance. Shorter cuts "call ... bob" in two, longer feels slow.
const HANG_MS: u32 = 450;
/// Kept after the last loud frame; the rest of the silence would only cost time to decode.
const POST_ROLL_MS: u32 = 200;
/// The same of a whole utterance in noise: what others say is no silence to a recogniser, and no word
/// of any command. With 300 ms and 200 ms of it around commands (babble at 20 dB, two recorded voices)
/// the best path was right for 47 of 80, with this for 66. In a quiet room a voice made by formants
/// loses by it: of 120 commands 77 instead of 90 were believed and right.
const NOISY_PRE_ROLL_MS: u32 = 100;
const NOISY_POST_ROLL_MS: u32 = 50;
/// Noise is a background that speech stands out from by less than this, dB. The loudest tenth of the
/// frames, some dB above the mean that is meant here, stood 22 to 31 dB above babble at 20 dB in most
/// sentences, and 70 and more above the silence of a file.
const NOISY_DB: f32 = 30.0;
/// How much of what came before an utterance is its background ...
const NOISE_MS: u32 = 1_000;
/// ... up to this before its first loud frame, which a soft sound may precede.
const SOFT_MS: u32 = 50;
/// Loud time within [`START_WINDOW`] that makes a beginning: a key click is shorter.
const START_FRAMES: usize = 8;
const START_WINDOW: usize = 20;
/// Less loud time than this in a whole utterance was a knock on the table, not a word.
const LEAST_VOICED: usize = 14;
/// Nobody gives a command this long; it is music or a conversation.
const LONGEST_MS: u32 = 8_000;
/// Of a text that is dictated: people think between its parts ...
const TEXT_HANG_MS: u32 = 1_200;
/// ... and may say more.
const LONGEST_TEXT_MS: u32 = 30_000;
/// Between sentences people breathe ...
const SENTENCE_HANG_MS: u32 = 600;
/// ... and captions that never end are not read.
const LONGEST_SENTENCE_MS: u32 = 15_000;
/// How far above the background speech begins, dB.
const MARGIN_DB: f32 = 9.0;
/// The background is never taken to be quieter than this, dB of full scale: digital silence and
/// the noise of the converter alike.
const QUIETEST_DB: f32 = -60.0;
/// The background is found in the smoothed levels of this many frames (2 s) ...
const FLOOR_FRAMES: usize = 200;
/// ... as the level that one in so many of them stays below.
const BACKGROUND: usize = 5;
/// A background that rises and falls (talk, music) has crests, above which one in so many frames is ...
const CRESTS: usize = 10;
/// ... and speech begins above them, dB. With babble 20 dB below the voice for seconds before and after
/// it, of 70 commands in a recorded voice 52 instead of 42 were right by this (10 dB: 41 instead of 33).
const ABOVE_CRESTS_DB: f32 = 4.0;
/// Before its crests are known (350 ms), what begins stands out by more: as speech does in a quiet room.
const CLEAR_DB: f32 = 20.0;
/// Of the last frames so many are loud while somebody speaks: single ones are crests of the background.
const SPOKEN_FRAMES: usize = 3;
const SPOKEN_WINDOW: usize = 10;
/// Nothing begins before the background is known (150 ms).
const LEARN_FRAMES: usize = 15;
/// How far below its loudest frame an utterance still counts as voice, dB.
const VOICE_SPAN_DB: f32 = 32.0;

/// One utterance, cut out of the stream.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Utterance {
    /// With a little silence on both sides, in noise with next to none.
    pub(crate) samples: Vec<i16>,
    /// Frames of 10 ms in which there is voice.
    pub(crate) voiced: usize,
    /// Silence waited for since the last loud frame, ms.
    pub(crate) waited_ms: u32,
}

impl Utterance {
    /// The same, with all that was heard from an earlier moment on up to now.
    pub(crate) fn with_before(&self, mut samples: Vec<i16>) -> Self {
        let silence = ms(self.waited_ms).saturating_sub(ms(POST_ROLL_MS));
        samples.truncate(samples.len().saturating_sub(silence));
        Self { voiced: voiced_frames(&samples), waited_ms: self.waited_ms, samples }
    }
}

/// What a block of samples brought about.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Heard {
    /// Nobody speaks.
    Quiet,
    /// Somebody began to speak: the samples of it so far.
    Began(Vec<i16>),
    /// Somebody is speaking: the new samples.
    Speaking(Vec<i16>),
    /// The utterance is over.
    Over(Utterance),
}

#[derive(Debug)]
enum State {
    Waiting,
    /// `first` sample of the first loud frame, in what is kept; `limit`: what the background stays
    /// below, dB, where that was known.
    Speaking {
        first: usize,
        since_loud: usize,
        loud: usize,
        limit: Option<f32>,
    },
}

/// Finds the utterance in a stream of samples.
#[derive(Debug)]
pub(crate) struct Endpointer {
    state: State,
    /// How long a silence ends an utterance, and how long one may be, ms.
    hang_ms: u32,
    longest_ms: u32,
    /// Whether what went before is background: nobody spoke then, so its crests are no speech.
    knows_crests: bool,
    /// Samples that do not yet fill a frame.
    rest: Vec<i16>,
    /// The utterance while it lasts, and what came before it.
    kept: VecDeque<i16>,
    /// Smoothed levels of the last frames, dB.
    levels: VecDeque<f32>,
    smooth: Option<f32>,
    /// Which of the last frames were loud.
    recent: VecDeque<bool>,
    frames: u64,
}

impl Endpointer {
    /// One that has heard nothing yet.
    pub(crate) fn new() -> Self {
        Self {
            state: State::Waiting,
            hang_ms: HANG_MS,
            longest_ms: LONGEST_MS,
            knows_crests: true,
            rest: Vec::new(),
            kept: VecDeque::new(),
            levels: VecDeque::new(),
            smooth: None,
            recent: VecDeque::new(),
            frames: 0,
        }
    }

    /// One that waits longer, for who thinks of what to write.
    pub(crate) fn of_texts() -> Self {
        Self { hang_ms: TEXT_HANG_MS, longest_ms: LONGEST_TEXT_MS, ..Self::new() }
    }

    /// One that cuts what goes on and on into sentences.
    pub(crate) fn of_sentences() -> Self {
        let (hang_ms, longest_ms) = (SENTENCE_HANG_MS, LONGEST_SENTENCE_MS);
        Self { hang_ms, longest_ms, knows_crests: false, ..Self::new() }
    }

    /// One that knows the background from sound that went before, the wake word among it.
    pub(crate) fn after(before: &[i16]) -> Self {
        let mut endpointer = Self { knows_crests: false, ..Self::new() };
        for frame in before.chunks_exact(FRAME) {
            endpointer.is_loud(level_db(frame));
        }
        endpointer
    }

    /// Time listened to so far, ms.
    pub(crate) fn heard_ms(&self) -> u64 {
        self.frames * 10
    }

    /// Whether somebody is speaking now.
    pub(crate) fn speaking(&self) -> bool {
        matches!(self.state, State::Speaking { .. })
    }

    /// Takes in samples. After [`Heard::Over`] the rest of them is dropped.
    pub(crate) fn feed(&mut self, samples: &[i16]) -> Heard {
        let spoke = self.speaking();
        let mut fresh = Vec::new();
        self.rest.extend_from_slice(samples);
        let pending = std::mem::take(&mut self.rest);
        let mut frames = pending.chunks_exact(FRAME);
        for frame in &mut frames {
            if let Some(over) = self.step(frame, &mut fresh) {
                return Heard::Over(over);
            }
        }
        self.rest.extend_from_slice(frames.remainder());
        match (spoke, self.speaking()) {
            (false, true) => Heard::Began(self.begun()),
            (true, true) => Heard::Speaking(fresh),
            (_, false) => Heard::Quiet,
        }
    }

    /// What was said so far.
    fn begun(&self) -> Vec<i16> {
        match self.state {
            State::Speaking { first, .. } => {
                self.kept.iter().skip(first.saturating_sub(ms(PRE_ROLL_MS))).copied().collect()
            }
            State::Waiting => Vec::new(),
        }
    }

    fn step(&mut self, frame: &[i16], fresh: &mut Vec<i16>) -> Option<Utterance> {
        self.frames += 1;
        let loud = self.is_loud(level_db(frame));
        self.kept.extend(frame);
        self.recent.push_back(loud);
        if self.recent.len() > START_WINDOW {
            self.recent.pop_front();
        }
        match &mut self.state {
            State::Waiting => {
                let count = self.recent.iter().filter(|loud| **loud).count();
                if loud && count >= START_FRAMES {
                    let quiet = self.recent.iter().take_while(|loud| !**loud).count();
                    let first = self.kept.len() - (self.recent.len() - quiet) * FRAME;
                    let limit = self.crests();
                    self.state = State::Speaking { first, since_loud: 0, loud: count, limit };
                } else {
                    let keep = ms(NOISE_MS) + self.recent.len() * FRAME;
                    self.kept.drain(..self.kept.len().saturating_sub(keep));
                }
                None
            }
            State::Speaking { first, since_loud, loud: total, .. } => {
                fresh.extend_from_slice(frame);
                let spoken = self.recent.iter().rev().take(SPOKEN_WINDOW).filter(|loud| **loud);
                let spoken = loud && spoken.count() >= SPOKEN_FRAMES;
                *since_loud = if spoken { 0 } else { *since_loud + 1 };
                *total += usize::from(loud);
                let silence = *since_loud * FRAME;
                let length = self.kept.len() - first.saturating_sub(ms(PRE_ROLL_MS));
                if silence >= ms(self.hang_ms) || length >= ms(self.longest_ms) {
                    let (first, loud) = (*first, *total);
                    self.finish(first, loud, silence)
                } else {
                    None
                }
            }
        }
    }

    fn finish(&mut self, first: usize, loud: usize, silence: usize) -> Option<Utterance> {
        self.state = State::Waiting;
        self.recent.clear();
        let kept: Vec<i16> = self.kept.drain(..).collect();
        if loud < LEAST_VOICED {
            return None;
        }
        let around = |before: u32, after: u32| {
            let until = kept.len() - silence.saturating_sub(ms(after));
            &kept[first.saturating_sub(ms(before))..until]
        };
        let noise = first.saturating_sub(ms(SOFT_MS + NOISE_MS))..first.saturating_sub(ms(SOFT_MS));
        let in_noise = around(NOISY_PRE_ROLL_MS, NOISY_POST_ROLL_MS);
        let whole = around(PRE_ROLL_MS, POST_ROLL_MS);
        let samples = if is_noisy(in_noise, &kept[noise]) { in_noise } else { whole };
        Some(Utterance {
            samples: samples.to_vec(),
            // Of the whole: what is no voice is told by what is quiet around it.
            voiced: voiced_frames(whole),
            waited_ms: u32::try_from(silence * 1000 / RATE as usize).unwrap_or(u32::MAX),
        })
    }

    /// Whether a frame stands out from the background, which this frame becomes part of.
    fn is_loud(&mut self, level: f32) -> bool {
        // About 50 ms: single quiet frames between two voiced ones must not lower the floor.
        let smooth = self.smooth.map_or(level, |old| old + 0.2 * (level - old));
        self.smooth = Some(smooth);
        self.levels.push_back(smooth);
        if self.levels.len() > FLOOR_FRAMES {
            self.levels.pop_front();
        }
        let floor = background(self.levels.iter().copied()).max(QUIETEST_DB);
        let crests = match self.state {
            State::Waiting if !self.knows_crests => None,
            State::Waiting => Some(self.crests().unwrap_or(floor + CLEAR_DB)),
            // What is said is no background.
            State::Speaking { limit, .. } => limit,
        };
        let limit = (floor + MARGIN_DB).max(crests.unwrap_or(f32::MIN));
        self.levels.len() >= LEARN_FRAMES && level > limit
    }

    /// What a background that rises and falls stays below, dB; `None` where not much of it was heard.
    /// The last frames may be somebody who begins to speak.
    fn crests(&self) -> Option<f32> {
        let before = self.levels.iter().rev().skip(START_WINDOW).copied();
        let mut before: Vec<f32> = before.filter(|_| self.knows_crests).collect();
        if before.len() < LEARN_FRAMES {
            return None;
        }
        let at = before.len() - 1 - before.len() / CRESTS;
        Some(*before.select_nth_unstable_by(at, f32::total_cmp).1 + ABOVE_CRESTS_DB)
    }
}

/// What nobody speaks above: the level that a part of the frames stay below. Not the quietest frame:
/// people who talk nearby pause, too.
fn background(levels: impl Iterator<Item = f32>) -> f32 {
    let mut levels: Vec<f32> = levels.collect();
    let at = levels.len() / BACKGROUND;
    if levels.is_empty() {
        return f32::MAX;
    }
    *levels.select_nth_unstable_by(at, f32::total_cmp).1
}

/// Whether speech hardly stands out from what was heard before it.
fn is_noisy(speech: &[i16], before: &[i16]) -> bool {
    level_db(speech) - background(before.chunks_exact(FRAME).map(level_db)) < NOISY_DB
}

/// How many frames of an utterance hold voice, judged by its own loudest.
fn voiced_frames(samples: &[i16]) -> usize {
    let levels: Vec<f32> = samples.chunks_exact(FRAME).map(level_db).collect();
    let loudest = levels.iter().copied().fold(f32::MIN, f32::max);
    let quiet = background(levels.iter().copied());
    let limit = (loudest - VOICE_SPAN_DB).max(quiet + MARGIN_DB);
    levels.iter().filter(|level| **level > limit).count()
}

/// Mean level of a frame, dB of full scale.
pub(crate) fn level_db(frame: &[i16]) -> f32 {
    let sum: f64 = frame.iter().map(|s| f64::from(*s) * f64::from(*s)).sum();
    let mean = sum / frame.len().max(1) as f64;
    // One step of the converter, squared, is the least there is.
    (10.0 * (mean.max(1.0) / f64::from(i16::MAX).powi(2)).log10()) as f32
}

pub(crate) const fn ms(milliseconds: u32) -> usize {
    (milliseconds * (RATE / 1000)) as usize
}

#[cfg(test)]
mod tests;
