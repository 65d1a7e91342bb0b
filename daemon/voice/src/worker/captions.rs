//! Writing along with what the other side says.
//!
//! Owns: where its sentences begin and end, and their recogniser. Does not own: the stream they come
//! from. Invariant: nothing of it is kept once a sentence is told.

use ahoy_core::voice::VoiceEvent;

use super::STEP;
use crate::{
    endpoint::{Endpointer, Heard},
    recogniser::{RecogniserError, Scribe},
};

/// One side's captions.
pub(super) struct Captions {
    endpointer: Endpointer,
    scribe: Box<dyn Scribe>,
}

impl Captions {
    pub(super) fn new(scribe: Box<dyn Scribe>) -> Self {
        Self { endpointer: Endpointer::of_sentences(), scribe }
    }

    /// Takes in sound; answers with what there is to read of it.
    pub(super) fn hear(&mut self, samples: &[i16]) -> Result<Vec<VoiceEvent>, RecogniserError> {
        let mut told = Vec::new();
        let mut partial = None;
        // In steps in which no sentence can begin and end.
        for step in samples.chunks(STEP) {
            let new = match self.endpointer.feed(step) {
                Heard::Quiet => None,
                Heard::Began(samples) => {
                    self.scribe.begin();
                    self.scribe.feed(&samples)?
                }
                Heard::Speaking(samples) => self.scribe.feed(&samples)?,
                Heard::Over(_) => {
                    partial = None;
                    let said = self.scribe.finish()?;
                    told.extend(said.map(|said| VoiceEvent::Said { text: said.text }));
                    None
                }
            };
            partial = new.or(partial);
        }
        told.extend(partial.map(|text| VoiceEvent::Partial { text }));
        Ok(told)
    }
}
