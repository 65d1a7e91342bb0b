//! One word in sound that goes on: keyword spotting without a dictionary in memory.
//!
//! Owns: how the word is said, whether it is one that can be told from other speech, and a decoder
//! that knows nothing else. Does not own: what a match leads to ([`crate::wake`]). Invariant: between
//! two calls the decoder is in an utterance of the key phrase search.

use std::{
    ffi::{CStr, CString},
    fs::File,
    io::{BufRead as _, BufReader},
    path::Path,
};

use super::{ModelFiles, PHONES, add_phones, ffi::Decoder};
use crate::{
    endpoint::{RATE, ms},
    recogniser::RecogniserError,
    spelling,
    wake::{Candidate, Ear},
};

const SPOTTING: &CStr = c"spotting";
const WORD: &CStr = c"word";
/// The word's name in the decoder, whatever it is: it may be several in one.
const NAME: &CStr = c"wake";
const WORD_GRAMMAR: &str = "FSG_BEGIN word\nN 2\nS 0\nF 1\nT 0 1 1 wake\nFSG_END\n";

/// Decades of likelihood per phone that a match may be worse than bare phones. Loose, as what is
/// found is looked at again (`crate::wake`), and missed words never are. `tests/bench wake` measures
/// both together.
const DECADES_PER_PHONE: f64 = 8.4;
/// Fewer sounds are in every third sentence. A diphthong is two: "ahoy" has four.
const LEAST_SOUNDS: usize = 4;
const LEAST_SYLLABLES: usize = 2;
/// Words in a wake word: "hey computer".
const MOST_WORDS: usize = 3;
/// The features of a frame look at as many frames after it.
const LOOK_AHEAD: usize = 3;
/// What the phones of a word usually take, and the first one, which is drawn out, more: "ahoy" 0.45 s.
const PHONE: usize = ms(85);
const FIRST_PHONE: usize = ms(195);
/// Phones of "ahoy", for which the limits are measured.
const OF_AHOY: f64 = 3.0;
/// What the library takes off every score; found by trying thresholds.
const NO_BETTER: f64 = 1_500.0;
/// Samples in a frame.
const FRAME: usize = RATE as usize / 100;

/// Why a word cannot wake.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WordError {
    /// Nothing that English can say.
    #[error(
        "nobody can say how the wake word \"{0}\" sounds in English. Choose another, such as \"ahoy\""
    )]
    Unsaid(String),
    /// Too easily heard in other speech.
    #[error(
        "the wake word \"{0}\" is too short to be told from other speech. Choose one of at least two \
         syllables and four sounds, such as \"ahoy\""
    )]
    Short(String),
    /// A whole sentence.
    #[error("the wake word \"{0}\" is too long. Choose at most three words")]
    Long(String),
}

/// A word, listened for.
pub(crate) struct Keyword {
    decoder: Decoder,
    /// How many it has: scores grow with the length of a word.
    phones: usize,
}

impl Keyword {
    /// Listens for a word with the acoustic model in a directory.
    pub(crate) fn new(model: &Path, word: &str) -> Result<Self, KeywordError> {
        let files = ModelFiles::find(model).map_err(|why| unusable(model, why))?;
        let phones = pronunciation(&files.dictionary, word)?;
        let count = phones.split(' ').count();
        let threshold = format!("1e-{:.0}", DECADES_PER_PHONE * count as f64);
        let mut decoder = CString::new(threshold)
            .ok()
            .and_then(|threshold| Decoder::of_key_phrases(&files.acoustic, &threshold))
            .ok_or_else(|| unusable(model, "PocketSphinx cannot read it"))?;
        let phone_grammar = add_phones(&mut decoder);
        let set = CString::new(phones).is_ok_and(|phones| decoder.add_word(NAME, &phones))
            && phone_grammar.is_some_and(|grammar| decoder.set_grammar(PHONES, &grammar))
            && decoder.set_grammar(WORD, WORD_GRAMMAR)
            && decoder.set_key_phrase(SPOTTING, NAME)
            && decoder.start(SPOTTING);
        if !set {
            return Err(unusable(model, "its phones are not those of English"));
        }
        Ok(Self { decoder, phones: count })
    }

    fn sum(&mut self, search: &CStr, samples: &[i16]) -> Option<(i64, usize)> {
        let decoded =
            self.decoder.start(search) && self.decoder.process(samples, true) && self.decoder.end();
        let path = decoded.then(|| self.decoder.path())?;
        path.text?;
        let frames = path.segments.iter().map(|segment| segment.frames).sum();
        Some((path.segments.iter().map(|segment| segment.acoustic).sum(), frames))
    }
}

impl Ear for Keyword {
    fn feed(&mut self, samples: &[i16]) -> Result<Option<Candidate>, RecogniserError> {
        if !self.decoder.process(samples, false) {
            return Err(RecogniserError::Engine("it takes no sound"));
        }
        let Some(spotted) = self.decoder.spotted() else {
            return Ok(None);
        };
        // Anew, or it would be found again. The next word begins after this one in any case.
        if !(self.decoder.end() && self.decoder.start(SPOTTING)) {
            return Err(RecogniserError::Engine("it does not start anew"));
        }
        Ok(Some(Candidate {
            length: spotted.frames * FRAME,
            ago: (spotted.ago + LOOK_AHEAD) * FRAME,
            usual: FIRST_PHONE + self.phones * PHONE,
            score: (f64::from(spotted.score) + NO_BETTER) * OF_AHOY / self.phones as f64,
        }))
    }

    fn likeness(&mut self, samples: &[i16]) -> Result<Option<f64>, RecogniserError> {
        let ended = self.decoder.end();
        let word = self.sum(WORD, samples);
        let phones = self.sum(PHONES, samples);
        if !(ended && self.decoder.start(SPOTTING)) {
            return Err(RecogniserError::Engine("it does not start anew"));
        }
        let likeness = word
            .zip(phones)
            .map(|((word, frames), (phones, _))| (word - phones) as f64 / frames.max(1) as f64);
        Ok(likeness)
    }
}

/// Why a word cannot be listened for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeywordError {
    /// The word.
    #[error(transparent)]
    Word(#[from] WordError),
    /// The model.
    #[error(transparent)]
    Model(#[from] RecogniserError),
}

fn unusable(model: &Path, why: &str) -> KeywordError {
    let dir = model.display().to_string();
    KeywordError::Model(RecogniserError::Model { dir, why: why.to_owned() })
}

/// The phones of a wake word: those of the dictionary, or as English would spell it.
fn pronunciation(dictionary: &CStr, word: &str) -> Result<String, KeywordError> {
    let said = word.trim().to_lowercase();
    let words: Vec<&str> = said.split_whitespace().collect();
    if words.len() > MOST_WORDS {
        return Err(WordError::Long(said).into());
    }
    let mut phones = Vec::new();
    for word in words {
        let known = look_up(dictionary, word).or_else(|| spelling::pronounce(word));
        phones.push(known.ok_or_else(|| WordError::Unsaid(said.clone()))?);
    }
    let phones = phones.join(" ");
    if phones.is_empty() {
        return Err(WordError::Unsaid(said).into());
    }
    if is_short(&phones) {
        return Err(WordError::Short(said).into());
    }
    Ok(phones)
}

/// Read line by line: in memory it would be more than all the rest.
fn look_up(dictionary: &CStr, word: &str) -> Option<String> {
    let path = dictionary.to_str().ok()?;
    let lines = BufReader::new(File::open(path).ok()?).lines();
    lines.map_while(Result::ok).find_map(|line| {
        let phones = line.strip_prefix(word)?.strip_prefix(' ')?;
        Some(phones.split_whitespace().collect::<Vec<_>>().join(" "))
    })
}

fn is_short(phones: &str) -> bool {
    let is_vowel = |phone: &&str| phone.starts_with(['A', 'E', 'I', 'O', 'U']);
    let is_diphthong = |phone: &&str| matches!(*phone, "AW" | "AY" | "EY" | "OW" | "OY");
    let phones = || phones.split(' ');
    let sounds = phones().count() + phones().filter(is_diphthong).count();
    sounds < LEAST_SOUNDS || phones().filter(is_vowel).count() < LEAST_SYLLABLES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_word_cannot_wake() {
        for short in ["B AA B", "EH M AH", "HH EY", "M AY K", "S T AA R T"] {
            assert!(is_short(short), "{short}");
        }
        for long in ["AH HH OY", "OW K EY", "JH AA R V AH S", "HH AH L OW"] {
            assert!(!is_short(long), "{long}");
        }
    }

    #[test]
    fn a_word_that_english_cannot_say_is_refused_and_so_is_a_sentence() {
        let word = |text: &str| match pronunciation(c"/nonexistent", text) {
            Err(KeywordError::Word(error)) => Err(error),
            Err(KeywordError::Model(error)) => panic!("{error}"),
            Ok(phones) => Ok(phones),
        };
        assert_eq!(word("🙏"), Err(WordError::Unsaid("🙏".into())));
        assert_eq!(word("  "), Err(WordError::Unsaid(String::new())));
        assert_eq!(word("Bob"), Err(WordError::Short("bob".into())));
        assert!(matches!(word("wake up my dear computer"), Err(WordError::Long(_))));
        assert_eq!(word(" Ahoy").as_deref(), Ok("AE HH OY"));
        assert_eq!(word("kim bobby").as_deref(), Ok("K IH M B AA B IY"));
    }
}
