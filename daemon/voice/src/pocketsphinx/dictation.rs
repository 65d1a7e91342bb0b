//! English in free words: PocketSphinx with the language model beside its dictionary.
//!
//! Owns: a decoder of its own. Does not own: commands, or believing what was heard: whoever uses it
//! reads it back. Invariant: what leaves here is in small letters, single-spaced, without fillers.

use std::path::Path;

use ahoy_core::voice::Hypothesis;

use super::{ModelFiles, ffi::Decoder};
use crate::recogniser::{RecogniserError, Scribe};

/// What is understood so far is worth a look this often, samples.
const PARTIAL_EVERY: usize = 4_800;
/// Its score says nothing: bare phones, which commands must beat, beat free words never.
const SCORE: f64 = 0.5;

/// Free speech.
pub(crate) struct Dictation {
    decoder: Decoder,
    live: bool,
    since_partial: usize,
    partial: Option<String>,
}

impl Dictation {
    /// Loads the model in a directory: as for commands, and a language model.
    pub(crate) fn load(model: &Path) -> Result<Self, RecogniserError> {
        let dir = || model.display().to_string();
        let unusable = |why: &str| RecogniserError::Model { dir: dir(), why: why.to_owned() };
        let files = ModelFiles::find(model).map_err(unusable)?;
        let language = files.language.ok_or_else(|| RecogniserError::NoDictation(dir()))?;
        let decoder = Decoder::of_free_speech(&files.acoustic, &files.dictionary, &language)
            .ok_or_else(|| unusable("PocketSphinx cannot read its language model"))?;
        Ok(Self { decoder, live: false, since_partial: 0, partial: None })
    }

    fn end(&mut self) {
        if std::mem::take(&mut self.live) {
            self.decoder.end();
        }
        self.since_partial = 0;
        self.partial = None;
    }
}

impl Scribe for Dictation {
    fn begin(&mut self) {
        self.end();
    }

    fn feed(&mut self, samples: &[i16]) -> Result<Option<String>, RecogniserError> {
        if !self.live {
            self.live = self.decoder.start_default();
        }
        if !self.live || !self.decoder.process(samples, false) {
            return Err(RecogniserError::Engine("it takes no sound"));
        }
        self.since_partial += samples.len();
        if self.since_partial < PARTIAL_EVERY {
            return Ok(None);
        }
        self.since_partial = 0;
        let text = self.decoder.hypothesis().0.map(|text| plain(&text));
        if text == self.partial {
            return Ok(None);
        }
        self.partial.clone_from(&text);
        Ok(text)
    }

    fn finish(&mut self) -> Result<Option<Hypothesis>, RecogniserError> {
        if !self.live {
            return Ok(None);
        }
        self.end();
        let text = self.decoder.hypothesis().0.map(|text| plain(&text));
        let said = text.filter(|text| !text.is_empty());
        Ok(said.map(|text| Hypothesis { text, score: SCORE }))
    }

    fn read(&mut self, samples: &[i16]) -> Result<Option<Hypothesis>, RecogniserError> {
        // Whole: the means of its sound are then those of this utterance.
        self.end();
        if !self.decoder.start_default() || !self.decoder.process(samples, true) {
            return Err(RecogniserError::Engine("it takes no sound"));
        }
        self.live = true;
        self.finish()
    }
}

/// Words as the dictionary says them in more than one way ("the(2)"), without that number.
fn plain(text: &str) -> String {
    let words = text.split_whitespace();
    words.map(|word| word.split('(').next().unwrap_or(word)).collect::<Vec<_>>().join(" ")
}
