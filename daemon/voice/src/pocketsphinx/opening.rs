//! The beginnings of commands that end in free speech: "tell Alice …".
//!
//! Owns: finding which of them was said, and where in the sound it ends. Does not own: what comes
//! after it. Invariant: as with commands, a beginning is believed only where its words win clearly
//! against bare phones in the sound that they take.

use std::ffi::CStr;

use super::{PocketSphinx, base, ffi::Path, judge};
use crate::{
    endpoint::{RATE, Utterance},
    recogniser::{Opening, RecogniserError},
};

const OPENINGS: &CStr = c"openings";
/// What a beginning wins by at least, log score per frame: more than a command, as it has the whole of a
/// sentence to be found in. Measured over 72 sentences with one in six synthetic voices, of which 62 beginnings
/// are found right: 51 win by this, and of 114 sentences that only sound like one ("television …", "till
/// then …") 19 do. Counting words' frames alone, or asking free speech for the first word, tells them apart
/// no better. What is heard is read back, and nothing is sent before a yes.
const LEAST_RATIO: f64 = 6.0;
/// Samples in a frame of the decoder.
const FRAME: usize = RATE as usize / 100;
/// What the words of bare phones begin with.
pub(super) const PHONE: &str = "phone-";

impl PocketSphinx {
    /// Which beginning an utterance has.
    pub(super) fn find_opening(
        &mut self,
        utterance: &Utterance,
    ) -> Result<Option<Opening>, RecogniserError> {
        let Some(grammar) = &self.openings else { return Ok(None) };
        let stopped = || RecogniserError::Engine("it could not decode the utterance");
        // Set now: few utterances need it.
        if !self.decoder.set_grammar(OPENINGS, grammar) {
            return Err(RecogniserError::Engine("it refuses the grammar"));
        }
        let whole = self.decode_whole(OPENINGS, &utterance.samples).ok_or_else(stopped)?;
        let decoded = self.decoder.decoded();
        let phones = self.decode_whole(super::PHONES, &utterance.samples).ok_or_else(stopped)?;
        let Some(begin) = beginning(&whole) else { return Ok(None) };
        let until = begin.segments.last().map_or(0, |segment| segment.until);
        let verdict = judge::judge(&begin, &until_frame(&phones, until), 0);
        tracing::debug!(?verdict, "a beginning");
        // Counted from the end: silence at the start is left out of the frames.
        let rest = decoded.saturating_sub(until + 1) * FRAME;
        let at = utterance.samples.len().saturating_sub(rest);
        let text = begin.text.filter(|_| verdict.wins_by(LEAST_RATIO));
        Ok(text.map(|text| Opening { text, at }))
    }
}

/// The part of a path before the bare phones; `None`: there is no word in it, or nothing after it.
fn beginning(whole: &Path) -> Option<Path> {
    let end = whole.segments.iter().position(|segment| segment.word.starts_with(PHONE))?;
    let segments = whole.segments[..end].to_vec();
    let words: Vec<&str> = segments
        .iter()
        .map(|segment| segment.word.as_str())
        .filter(|word| !judge::is_filler(word))
        .map(base)
        .collect();
    let text = (!words.is_empty()).then(|| words.join(" "))?;
    Some(Path { text: Some(text), score: 0, segments })
}

/// The part of a path up to a frame; of a segment across it, its share.
fn until_frame(path: &Path, until: usize) -> Path {
    let mut part = Path::default();
    for segment in &path.segments {
        let first = (segment.until + 1).saturating_sub(segment.frames);
        if first > until {
            break;
        }
        let frames = segment.frames.min(until + 1 - first);
        let share = frames as f64 / segment.frames.max(1) as f64;
        let acoustic = (segment.acoustic as f64 * share) as i64;
        part.segments.push(super::ffi::Segment { frames, acoustic, ..segment.clone() });
    }
    part
}

#[cfg(test)]
mod tests {
    use super::{super::ffi::Segment, *};

    fn path(segments: &[(&str, usize, i64)]) -> Path {
        let mut until = 0;
        let segments = segments.iter().map(|(word, frames, acoustic)| {
            until += frames;
            let (word, frames) = ((*word).to_owned(), *frames);
            Segment { word, frames, until: until - 1, acoustic: *acoustic, score: 0 }
        });
        Path { text: None, score: 0, segments: segments.collect() }
    }

    #[test]
    fn the_beginning_ends_where_bare_phones_begin() {
        let whole =
            path(&[("<sil>", 5, 0), ("tell(2)", 20, -50), ("alice", 40, -90), ("phone-ay", 9, -9)]);
        let begin = beginning(&whole).expect("a beginning");
        assert_eq!(begin.text.as_deref(), Some("tell alice"));
        assert_eq!(begin.segments.last().map(|last| last.until), Some(64));
        assert!(beginning(&path(&[("tell", 20, -50)])).is_none(), "nothing follows");
        assert!(beginning(&path(&[("<sil>", 5, 0), ("phone-ay", 9, -9)])).is_none());
    }

    #[test]
    fn phones_are_compared_up_to_the_same_frame() {
        let phones = path(&[("phone-t", 10, -100), ("phone-eh", 20, -200), ("phone-l", 10, -7)]);
        let part = until_frame(&phones, 19);
        let frames: Vec<usize> = part.segments.iter().map(|segment| segment.frames).collect();
        assert_eq!(frames, [10, 10]);
        assert_eq!(part.segments[1].acoustic, -100);
    }
}
