//! Hearing a word as it sounds, and looking a grammar over: what names need beside listening.
//!
//! Owns: the word that is learnt, what is found out about a grammar. Does not own: the microphone or
//! the loaded model. Invariant: what is answered fits into one message, however large the grammar is.

use std::path::Path;

use ahoy_core::voice::{Engine, Grammar, Phrase, Piece, Spoken, VoiceEvent, Way, alike};

use super::{ListenError, Listening, Purpose, Worker, WorkerError, models::Plan};
use crate::{
    endpoint::{Endpointer, Heard, Utterance},
    pocketsphinx::PhoneEar,
    recogniser::{self, RecogniserError, Scribe},
};

/// Pairs that are told of; more nobody reads.
const MOST_PAIRS: usize = 100;
/// Bytes of names that cannot be heard; the rest is only counted by who asked.
const MOST_DEAF: usize = 64 * 1024;

/// What hears a word, whatever it is.
pub(super) enum Ear {
    Phones(PhoneEar),
    Words(Box<dyn Scribe>),
}

impl Ear {
    pub(super) fn load(engine: Engine, model: &Path) -> Result<Self, RecogniserError> {
        Ok(match engine {
            Engine::PocketSphinx => Self::Phones(PhoneEar::load(model)?),
            Engine::Vosk => Self::Words(recogniser::load_scribe(engine, model)?),
        })
    }

    pub(super) const fn engine(&self) -> Engine {
        match self {
            Self::Phones(_) => Engine::PocketSphinx,
            Self::Words(_) => Engine::Vosk,
        }
    }

    fn hear(&mut self, utterance: &Utterance) -> Result<Way, RecogniserError> {
        match self {
            Self::Phones(ear) => Ok(Way::Phones(ear.hear(utterance)?)),
            Self::Words(scribe) => {
                let heard = scribe.read(&utterance.samples)?;
                Ok(Way::of_words(&heard.map(|heard| heard.text).unwrap_or_default()))
            }
        }
    }
}

impl Worker {
    /// Loads what hears a word.
    pub(super) fn learn(
        &mut self,
        engine: Engine,
        model: &str,
        timeout_ms: u32,
    ) -> Result<Purpose, ListenError> {
        let model = self.allowed(model)?;
        self.commands.load_ear(engine, &model)?;
        let (endpointer, timeout_ms) = (Endpointer::new(), u64::from(timeout_ms));
        Ok(Purpose::Name { engine, endpointer, timeout_ms })
    }

    /// Looks for a word, whatever it is.
    pub(super) fn hear_name(&mut self, samples: &[i16]) -> Result<(), WorkerError> {
        let Some(Listening { purpose: Purpose::Name { endpointer, timeout_ms, .. }, .. }) =
            &mut self.listening
        else {
            return Ok(());
        };
        for step in samples.chunks(super::STEP) {
            match endpointer.feed(step) {
                Heard::Quiet | Heard::Began(_) | Heard::Speaking(_) => {}
                Heard::Over(utterance) => {
                    let lost = RecogniserError::Engine("what hears words is gone");
                    let ear = self.commands.ear().ok_or(lost);
                    let heard = ear.and_then(|ear| ear.hear(&utterance));
                    return self.sounded(heard);
                }
            }
        }
        if !endpointer.speaking() && endpointer.heard_ms() >= *timeout_ms {
            self.close_microphone();
            return self.send(&VoiceEvent::Nothing);
        }
        Ok(())
    }

    fn sounded(&mut self, heard: Result<Way, RecogniserError>) -> Result<(), WorkerError> {
        self.close_microphone();
        match heard {
            Ok(way) => self.send(&VoiceEvent::Sounded { way: way.to_string() }),
            Err(error) => self.fail(&error.into()),
        }
    }

    /// Says what of a grammar cannot be heard, and what sounds alike.
    pub(super) fn inspect(
        &mut self,
        engine: Engine,
        model: &str,
        grammar: Grammar,
    ) -> Result<(), WorkerError> {
        let event = match self.look_over(engine, model, grammar) {
            Ok(event) => event,
            Err(error) => {
                let why = error.to_string();
                VoiceEvent::Inspected { deaf: Vec::new(), alike: Vec::new(), why }
            }
        };
        self.send(&event)
    }

    fn look_over(
        &mut self,
        engine: Engine,
        model: &str,
        grammar: Grammar,
    ) -> Result<VoiceEvent, ListenError> {
        let model = self.allowed(model)?;
        self.commands.load(Plan { engine, model, grammar: grammar.clone() })?;
        let Some(recogniser) = self.commands.loaded() else {
            return Err(RecogniserError::Engine("it did not load").into());
        };
        let mut deaf = recogniser.prepare(&grammar)?;
        let spoken =
            |text: &String| Spoken { text: text.clone(), ways: recogniser.ways(text, &grammar) };
        let names = grammar.slots.get("name").map_or(&[][..], Vec::as_slice);
        let heard = names.iter().filter(|name| !deaf.contains(name));
        let names: Vec<Spoken> = heard.map(spoken).collect();
        let commands: Vec<Spoken> =
            grammar.phrases.iter().filter_map(bare).map(|text| spoken(&text)).collect();
        let alike = alike(&names, &commands, MOST_PAIRS);
        let mut room = MOST_DEAF;
        deaf.sort();
        deaf.dedup();
        deaf.retain(|text| {
            room = room.saturating_sub(text.len());
            room > 0
        });
        Ok(VoiceEvent::Inspected { deaf, alike, why: String::new() })
    }
}

/// The words of a command without places.
fn bare(phrase: &Phrase) -> Option<String> {
    let word =
        |piece: &Piece| if let Piece::Word(word) = piece { Some(word.clone()) } else { None };
    let words: Option<Vec<String>> = phrase.0.iter().map(word).collect();
    words.map(|words| words.join(" "))
}
