//! What may have been the wake word, and whether it is to be believed.
//!
//! Owns: the limits. Does not own: spotting, or what follows. Invariant: pure but for what the
//! [`Ear`] answers; the same sound always gets the same verdict.
//!
//! Bare matches of so short a word come many times an hour in talk. Two things tell the word from
//! talk: it fits its own sound better than free phones do, and people pause before they address
//! somebody, while a match in talk lies in the middle of a sentence.

use crate::{
    endpoint::{level_db, ms},
    recogniser::RecogniserError,
};

/// Hears the word, and nothing else.
pub(crate) trait Ear {
    /// Takes in sound; answers with what may have been the word.
    fn feed(&mut self, samples: &[i16]) -> Result<Option<Candidate>, RecogniserError>;

    /// How much better the word fits this sound than free phones do, log per frame; `None`: it does
    /// not fit at all. What was fed before is forgotten.
    fn likeness(&mut self, samples: &[i16]) -> Result<Option<f64>, RecogniserError>;
}

/// A match in the sound that goes on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Candidate {
    /// Samples since its end.
    pub(crate) ago: usize,
    /// Samples from its beginning to its end, as far as the match tells.
    pub(crate) length: usize,
    /// Samples that the word usually takes.
    pub(crate) usual: usize,
    /// How much worse than free phones it matches, as if it had the length of "ahoy": log, 0 and
    /// above is good.
    pub(crate) score: f64,
}

/// How far a candidate is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// It was the word.
    Sure,
    /// It was if a command follows at once.
    Doubtful,
}

// What is looked at is loose, as a command read in the same breath makes it certain; what is sure by
// itself is strict, as it is told at once. `tests/bench wake` measures both: in hours of talk and
// music `wake_looked_at_per_hour` and `wake_false_per_hour`, and what is left of words that were said.
/// Log score per frame by which the word must beat free phones: to be looked at, to be sure.
const LEAST_LIKENESS: f64 = -3.0;
const SURE_LIKENESS: f64 = 3.0;
/// How much quieter the pause before the word is, dB. With 10 a sentence was taken for a command.
const LEAST_PAUSE_DB: f32 = 15.0;
/// Score of a sure match, likeness and pause counted in: a clear pause and a good fit of the whole
/// make up for a poor match.
const SURE_SCORE: f64 = 92.0;
const PER_LIKENESS: f64 = 12.0;
const MOST_LIKENESS: f64 = 16.0;
const PER_DB: f64 = 4.0;
const MOST_DB: f32 = 40.0;
/// A pause: longer than any inside of words, and than most between words of a sentence.
const PAUSE: usize = ms(350);
/// The pause lies within this much before the word, as its beginning is not known well.
const BEFORE: usize = ms(550);
/// That much of the word may seem to be pause: its first sound is soft.
const SOFT: usize = ms(200);
/// The loudest part of a word.
const LOUD: usize = ms(100);
/// Sound on both sides of the match that is looked at again.
const MARGIN: usize = ms(100);
const STEP: usize = ms(10);

impl Candidate {
    /// Looks at it again, in the sound up to now; `None`: it was something else.
    pub(super) fn judge(
        &self,
        recent: &[i16],
        ear: &mut dyn Ear,
    ) -> Result<Option<Trust>, RecogniserError> {
        let end = recent.len().saturating_sub(self.ago);
        let pause_db = self.pause_db(&recent[..end]);
        if pause_db < LEAST_PAUSE_DB {
            return Ok(None);
        }
        let from = end.saturating_sub(self.length + MARGIN);
        let likeness = ear.likeness(&recent[from..recent.len().min(end + MARGIN)])?;
        tracing::debug!(?likeness, pause_db, score = self.score, "perhaps the wake word");
        let Some(likeness) = likeness.filter(|likeness| *likeness >= LEAST_LIKENESS) else {
            return Ok(None);
        };
        let score = self.score
            + PER_LIKENESS * likeness.min(MOST_LIKENESS)
            + PER_DB * f64::from(pause_db.min(MOST_DB));
        let sure = score >= SURE_SCORE && likeness >= SURE_LIKENESS;
        Ok(Some(if sure { Trust::Sure } else { Trust::Doubtful }))
    }

    /// How far the word stands out from the quietest moment before it.
    fn pause_db(&self, up_to_end: &[i16]) -> f32 {
        let end = up_to_end.len();
        let word = &up_to_end[end.saturating_sub(self.usual)..];
        let loudest = windows(word, LOUD).fold(f32::MIN, f32::max);
        let before = end.saturating_sub(self.usual + BEFORE)
            ..end.saturating_sub(self.usual.saturating_sub(SOFT));
        // Before the microphone was open there was a pause.
        let quietest = windows(&up_to_end[before], PAUSE).reduce(f32::min);
        loudest - quietest.unwrap_or_else(|| level_db(&[]))
    }
}

/// Levels of all stretches of this length, dB.
fn windows(samples: &[i16], length: usize) -> impl Iterator<Item = f32> {
    samples.windows(length).step_by(STEP).map(level_db)
}
