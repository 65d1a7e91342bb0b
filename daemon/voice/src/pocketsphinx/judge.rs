//! Whether a match of the strict grammar is to be believed.
//!
//! Owns: the limits, and the score made from them. Does not own: decoding. Invariant: pure; the same
//! paths always get the same verdict.
//!
//! The grammar finds the nearest command for any sound. Two things tell a command from other speech:
//! bare phones, free in order, fit other speech better than a wrong command does; and a wrong command
//! leaves most of the voice unexplained (as silence or breath around a short word).

use super::ffi::Path;

/// Log score per frame that commands may lose against bare phones. Measured over 54 spoken commands
/// and 96 other sentences in six synthetic voices (`super::tests`): of 47 commands matched right this
/// refuses two, the median of other sentences is -10.
const LEAST_RATIO: f64 = -4.0;
/// Share of the voiced frames that the command's words must cover; of 47 commands matched right one
/// lies below, the median of other sentences is 0.57.
const LEAST_COVER: f64 = 0.85;
/// How fast the score goes from doubt to certainty, log score per frame.
const SLOPE: f64 = 5.0;

/// How a match compares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Verdict {
    /// Log score per frame that the command wins by.
    ratio: f64,
    /// Frames in words over frames with voice.
    cover: f64,
}

impl Verdict {
    /// Whether this was the command.
    pub(super) fn believed(self) -> bool {
        self.ratio >= LEAST_RATIO && self.cover >= LEAST_COVER
    }

    /// Whether words win by so much against bare phones, log score per frame, whatever else was said.
    pub(super) fn wins_by(self, least: f64) -> bool {
        self.ratio >= least
    }

    /// 0.5 at the limit, towards 1 the clearer the command wins.
    pub(super) fn score(self) -> f64 {
        1.0 / (1.0 + (-(self.ratio - LEAST_RATIO) / SLOPE).exp())
    }
}

/// Compares the commands' best path with that of bare phones.
pub(super) fn judge(commands: &Path, phones: &Path, voiced: usize) -> Verdict {
    let frames: usize = commands.segments.iter().map(|segment| segment.frames).sum();
    let in_words: usize = commands
        .segments
        .iter()
        .filter(|segment| !is_filler(&segment.word))
        .map(|segment| segment.frames)
        .sum();
    let sum = |path: &Path| path.segments.iter().map(|s| s.acoustic).sum::<i64>() as f64;
    Verdict {
        ratio: (sum(commands) - sum(phones)) / frames.max(1) as f64,
        cover: in_words as f64 / voiced.max(1) as f64,
    }
}

/// `<sil>`, `[NOISE]`, `(NULL)`.
pub(super) fn is_filler(word: &str) -> bool {
    word.starts_with(['<', '[', '('])
}

#[cfg(test)]
mod tests {
    use super::{super::ffi::Segment, *};

    fn path(segments: &[(&str, usize, i64)]) -> Path {
        Path {
            text: None,
            score: 0,
            segments: segments
                .iter()
                .map(|(word, frames, acoustic)| Segment {
                    word: (*word).to_owned(),
                    frames: *frames,
                    until: 0,
                    acoustic: *acoustic,
                    score: 0,
                })
                .collect(),
        }
    }

    #[test]
    fn a_command_that_beats_the_phones_and_covers_the_voice_is_believed() {
        let commands = path(&[("<sil>", 20, -50), ("call", 30, -900), ("bob", 40, -900)]);
        let phones = path(&[("<sil>", 20, -50), ("phone-k", 70, -2500)]);
        let verdict = judge(&commands, &phones, 68);
        assert!(verdict.believed() && verdict.score() > 0.8, "{verdict:?}");
    }

    #[test]
    fn a_command_far_worse_than_the_phones_is_not() {
        let commands = path(&[("call", 30, -4000), ("bob", 40, -4000)]);
        let phones = path(&[("phone-k", 70, -2500)]);
        assert!(!judge(&commands, &phones, 68).believed());
    }

    #[test]
    fn a_short_word_in_a_long_sentence_is_not() {
        let commands = path(&[("[NOISE]", 150, -900), ("mute", 30, -300)]);
        let phones = path(&[("phone-k", 180, -2500)]);
        assert!(!judge(&commands, &phones, 160).believed());
    }

    #[test]
    fn nothing_at_all_is_not() {
        assert!(!judge(&Path::default(), &Path::default(), 0).believed());
    }
}
