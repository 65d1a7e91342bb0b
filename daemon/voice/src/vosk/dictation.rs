//! Free speech in any language with a model: Vosk without a grammar.
//!
//! Owns: a decoder over the whole of the model. Does not own: the model, or believing what was heard.
//! Invariant: what leaves here is in small letters, single-spaced.

use ahoy_core::voice::{Hypothesis, normalise};

use super::{Answer, ffi::Decoder, so_far};
use crate::{
    legal::HeardWord,
    partial::Partial,
    recogniser::{RecogniserError, Scribe},
};

/// Free speech.
pub(crate) struct Dictation {
    decoder: Decoder,
    heard: Vec<HeardWord>,
    partial: Partial,
}

impl Dictation {
    pub(super) fn new(decoder: Decoder) -> Self {
        Self { decoder, heard: Vec::new(), partial: Partial::default() }
    }

    fn take(&mut self, json: &str) {
        self.heard.extend(Answer::words(json));
    }
}

impl Scribe for Dictation {
    fn begin(&mut self) {
        self.decoder.last();
        self.heard.clear();
        self.partial = Partial::default();
    }

    fn feed(&mut self, samples: &[i16]) -> Result<Option<String>, RecogniserError> {
        let ended = self.decoder.accept(samples);
        // Its own idea of an end is a pause to us.
        if ended.ok_or(RecogniserError::Engine("it takes no sound"))? {
            let result = self.decoder.result();
            self.take(&result);
        }
        let Self { decoder, heard, partial } = self;
        let understood = || {
            let text = normalise(&format!("{} {}", written(heard), so_far(decoder)));
            Some(text).filter(|text| !text.is_empty())
        };
        Ok(partial.hear(samples.len(), understood))
    }

    fn finish(&mut self) -> Result<Option<Hypothesis>, RecogniserError> {
        let last = self.decoder.last();
        self.take(&last);
        let text = written(&self.heard);
        let sure: f64 = self.heard.iter().map(|word| word.sure).sum();
        let score = sure / self.heard.len().max(1) as f64;
        self.heard.clear();
        self.partial = Partial::default();
        Ok((!text.is_empty()).then_some(Hypothesis { text, score }))
    }
}

/// Words as a text.
fn written(heard: &[HeardWord]) -> String {
    let words: Vec<&str> = heard.iter().map(|word| word.text.as_str()).collect();
    normalise(&words.join(" "))
}
