//! Free speech in any language with a model: Vosk without a grammar.
//!
//! Owns: a decoder over the whole of the model. Does not own: the model, or believing what was heard.
//! Invariant: what leaves here is in small letters, single-spaced.

use ahoy_core::voice::{Hypothesis, normalise};

use super::{Answer, Partial, ffi::Decoder};
use crate::{
    legal::HeardWord,
    recogniser::{RecogniserError, Scribe},
};

/// What is understood so far is worth a look this often, samples.
const PARTIAL_EVERY: usize = 4_800;

/// Free speech.
pub(crate) struct Dictation {
    decoder: Decoder,
    heard: Vec<HeardWord>,
    since_partial: usize,
    partial: String,
}

impl Dictation {
    pub(super) const fn new(decoder: Decoder) -> Self {
        Self { decoder, heard: Vec::new(), since_partial: 0, partial: String::new() }
    }

    fn take(&mut self, json: &str) {
        self.heard.extend(Answer::words(json));
    }

    /// The words so far, and how sure they are.
    fn text(&self) -> String {
        let words: Vec<&str> = self.heard.iter().map(|word| word.text.as_str()).collect();
        normalise(&words.join(" "))
    }
}

impl Scribe for Dictation {
    fn begin(&mut self) {
        self.decoder.last();
        self.heard.clear();
        self.partial.clear();
        self.since_partial = 0;
    }

    fn feed(&mut self, samples: &[i16]) -> Result<Option<String>, RecogniserError> {
        let ended = self.decoder.accept(samples);
        // Its own idea of an end is a pause to us.
        if ended.ok_or(RecogniserError::Engine("it takes no sound"))? {
            let result = self.decoder.result();
            self.take(&result);
        }
        self.since_partial += samples.len();
        if self.since_partial < PARTIAL_EVERY {
            return Ok(None);
        }
        self.since_partial = 0;
        let partial: Partial = serde_json::from_str(&self.decoder.partial()).unwrap_or_default();
        let text = normalise(&format!("{} {}", self.text(), partial.partial));
        if text.is_empty() || text == self.partial {
            return Ok(None);
        }
        self.partial.clone_from(&text);
        Ok(Some(text))
    }

    fn finish(&mut self) -> Result<Option<Hypothesis>, RecogniserError> {
        let last = self.decoder.last();
        self.take(&last);
        let text = self.text();
        let sure: f64 = self.heard.iter().map(|word| word.sure).sum();
        let score = sure / self.heard.len().max(1) as f64;
        self.heard.clear();
        self.partial.clear();
        Ok((!text.is_empty()).then_some(Hypothesis { text, score }))
    }
}
