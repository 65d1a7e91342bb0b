//! What a recogniser does for this worker, whichever it is.
//!
//! Owns: the traits and the choice of engine by name. Does not own: sound, or which commands exist.
//! Invariant: what a recogniser answers with is a sentence that the grammar allows.

use std::path::Path;

use ahoy_core::voice::{Engine, Grammar, Hypothesis, Sound, Way};

use crate::{
    endpoint::Utterance,
    open::Open,
    pocketsphinx::{self, PocketSphinx},
    spelling,
    vosk::{Library, Vosk},
};

/// The most readings reported of one utterance: no more are ever asked about (voice.md, policy).
pub(crate) const MOST_READINGS: usize = 3;

/// Why a recogniser cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecogniserError {
    /// No library for this engine.
    #[error("the Vosk library is not installed: {0}. Run `ahoyctl voice install`")]
    NoLibrary(String),
    /// The model does not load.
    #[error("the voice model in {dir} cannot be used: {why}. Run `ahoyctl voice doctor`")]
    Model {
        /// Where.
        dir: String,
        /// What is wrong.
        why: String,
    },
    /// Nothing is left to listen for.
    #[error(
        "none of the commands can be heard with this voice model; it may be for another language"
    )]
    NothingHearable,
    /// The model has no words but those of commands.
    #[error(
        "the voice model in {0} cannot take dictation: it has no language model. Install another: \
         `ahoyctl voice install`"
    )]
    NoDictation(String),
    /// The recogniser refused what it should have taken.
    #[error("the recogniser stopped working: {0}")]
    Engine(&'static str),
}

/// The beginning of a command, and where what follows it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Opening {
    /// As the grammar has it.
    pub(crate) text: String,
    /// The first sample after it.
    pub(crate) at: usize,
}

/// One loaded model. `Send`: it is loaded beside the sound, which would be lost meanwhile.
pub(crate) trait Recogniser: Send {
    /// Takes the commands for the next utterance; answers with what of them cannot be heard.
    fn prepare(&mut self, grammar: &Grammar) -> Result<Vec<String>, RecogniserError>;

    /// Forgets what it was fed: a new utterance begins.
    fn begin(&mut self);

    /// Takes in sound of an utterance as it is spoken; answers with what is understood so far.
    fn feed(&mut self, samples: &[i16]) -> Result<Option<String>, RecogniserError>;

    /// Ends the utterance. Empty if it was none of the commands.
    fn finish(&mut self, utterance: &Utterance) -> Result<Vec<Hypothesis>, RecogniserError>;

    /// The beginning of a command that ends in free speech, where this engine tells beginnings.
    fn opening(&mut self, _utterance: &Utterance) -> Result<Option<Opening>, RecogniserError> {
        Ok(None)
    }

    /// Reads an utterance that was not fed while it was spoken.
    fn read(&mut self, utterance: &Utterance) -> Result<Vec<Hypothesis>, RecogniserError> {
        self.begin();
        self.feed(&utterance.samples)?;
        self.finish(utterance)
    }

    /// The ways in which a text of a grammar is said.
    fn ways(&self, text: &str, grammar: &Grammar) -> Vec<Sound> {
        spelling::ways(text, |word| {
            let brought = grammar.sounds.get(word).into_iter().flatten();
            let ruled = spelling::pronounce(word);
            ruled.iter().chain(brought).filter_map(|way| Way::parse(way).phones()).collect()
        })
    }
}

/// Free speech of one loaded model.
pub(crate) trait Scribe: Send {
    /// Forgets what it was fed: a new utterance begins.
    fn begin(&mut self);

    /// Takes in sound as it is spoken; answers with what is understood so far, where that is new.
    fn feed(&mut self, samples: &[i16]) -> Result<Option<String>, RecogniserError>;

    /// Ends the utterance. `None`: no word was in it.
    fn finish(&mut self) -> Result<Option<Hypothesis>, RecogniserError>;

    /// Reads an utterance that was not fed while it was spoken.
    fn read(&mut self, samples: &[i16]) -> Result<Option<Hypothesis>, RecogniserError> {
        self.begin();
        self.feed(samples)?;
        self.finish()
    }
}

/// Loads a model for commands, and for the dictation that some of them hold.
pub(crate) fn load(engine: Engine, model: &Path) -> Result<Box<dyn Recogniser>, RecogniserError> {
    Ok(match engine {
        Engine::PocketSphinx => {
            let (commands, model) = (PocketSphinx::load(model)?, model.to_owned());
            Box::new(Open::new(commands, move |_| {
                Ok(Box::new(pocketsphinx::Dictation::load(&model)?))
            }))
        }
        Engine::Vosk => {
            Box::new(Open::new(Vosk::load(model)?, |vosk| Ok(Box::new(vosk.dictation()?))))
        }
    })
}

/// Loads a model for free speech alone.
pub(crate) fn load_scribe(
    engine: Engine,
    model: &Path,
) -> Result<Box<dyn Scribe>, RecogniserError> {
    Ok(match engine {
        Engine::PocketSphinx => Box::new(pocketsphinx::Dictation::load(model)?),
        Engine::Vosk => Box::new(Vosk::load(model)?.dictation()?),
    })
}

/// The engines whose libraries are there.
pub(crate) fn available() -> Vec<Engine> {
    let mut engines = vec![Engine::PocketSphinx];
    match Library::open() {
        Ok(_) => engines.push(Engine::Vosk),
        Err(error) => tracing::info!("{error}"),
    }
    engines
}
