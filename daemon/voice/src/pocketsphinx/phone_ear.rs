//! Any word as the phones that it is made of, whatever it is: how a name is learnt.
//!
//! Owns: a decoder of phones with the model's own idea of which follows which. Does not own: what is
//! done with them. Invariant: knows no word and no command.

use std::path::Path;

use ahoy_core::voice::{Phone, Sound};

use super::{
    ModelFiles,
    ffi::{DEFAULT_SEARCH, Decoder},
};
use crate::{endpoint::Utterance, recogniser::RecogniserError};

/// Hears phones.
pub(crate) struct PhoneEar(Decoder);

impl PhoneEar {
    /// Loads what hears phones of the model in a directory.
    pub(crate) fn load(model: &Path) -> Result<Self, RecogniserError> {
        let unusable = |why: &str| RecogniserError::Model {
            dir: model.display().to_string(),
            why: why.to_owned(),
        };
        let files = ModelFiles::find(model).map_err(unusable)?;
        let order = files.phone_order.ok_or_else(|| {
            unusable("it does not know which phones follow which (a file \"*-phone.lm.bin\")")
        })?;
        let decoder = Decoder::of_phones(&files.acoustic, &order);
        decoder.map(Self).ok_or_else(|| unusable("PocketSphinx cannot read it"))
    }

    /// The phones of an utterance.
    pub(crate) fn hear(&mut self, utterance: &Utterance) -> Result<Sound, RecogniserError> {
        let ear = &mut self.0;
        if !(ear.start(DEFAULT_SEARCH) && ear.process(&utterance.samples, true) && ear.end()) {
            return Err(RecogniserError::Engine("it could not decode the utterance"));
        }
        let path = ear.path();
        // Silence and noise are no phones.
        Ok(path.segments.iter().filter_map(|segment| Phone::named(&segment.word)).collect())
    }
}
