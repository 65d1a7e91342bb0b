//! English in free words: PocketSphinx with the language model beside its dictionary.
//!
//! Owns: a decoder of its own. Does not own: commands, or believing what was heard: whoever uses it
//! reads it back. Invariant: what leaves here is in small letters, single-spaced, without fillers.

use std::path::Path;

use ahoy_core::voice::Hypothesis;

use super::{
    ModelFiles, base,
    ffi::{DEFAULT_SEARCH, Decoder},
};
use crate::{
    partial::Partial,
    recogniser::{RecogniserError, Scribe},
};

/// Its score says nothing: bare phones, which commands must beat, beat free words never.
const SCORE: f64 = 0.5;

/// Free speech.
pub(crate) struct Dictation {
    decoder: Decoder,
    live: bool,
    partial: Partial,
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
        Ok(Self { decoder, live: false, partial: Partial::default() })
    }

    fn end(&mut self) {
        if std::mem::take(&mut self.live) {
            self.decoder.end();
        }
        self.partial = Partial::default();
    }
}

impl Scribe for Dictation {
    fn begin(&mut self) {
        self.end();
    }

    fn feed(&mut self, samples: &[i16]) -> Result<Option<String>, RecogniserError> {
        if !self.live {
            self.live = self.decoder.start(DEFAULT_SEARCH);
        }
        if !self.live || !self.decoder.process(samples, false) {
            return Err(RecogniserError::Engine("it takes no sound"));
        }
        let decoder = &mut self.decoder;
        Ok(self.partial.hear(samples.len(), || decoder.hypothesis().0.map(|text| plain(&text))))
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
        if !self.decoder.start(DEFAULT_SEARCH) || !self.decoder.process(samples, true) {
            return Err(RecogniserError::Engine("it takes no sound"));
        }
        self.live = true;
        self.finish()
    }
}

/// Words, single-spaced, without the dictionary's numbers.
fn plain(text: &str) -> String {
    let words = text.split_whitespace();
    words.map(base).collect::<Vec<_>>().join(" ")
}
