//! Hearing a word as bare phones, and looking a grammar over: what names need beside listening.
//!
//! Owns: the word that is learnt, what is found out about a grammar. Does not own: the microphone or
//! the loaded model. Invariant: what is answered fits into one message, however large the grammar is.

use ahoy_core::voice::{Engine, Grammar, Phrase, Piece, Sound, Spoken, VoiceEvent, alike};

use super::{ListenError, Listening, Purpose, Worker, WorkerError, models::Plan};
use crate::{
    endpoint::{Endpointer, Heard},
    pocketsphinx::PhoneEar,
    recogniser::RecogniserError,
};

/// Pairs that are told of; more nobody reads.
const MOST_PAIRS: usize = 100;
/// Bytes of names that cannot be heard; the rest is only counted by who asked.
const MOST_DEAF: usize = 64 * 1024;

impl Worker {
    /// Loads what hears phones.
    pub(super) fn learn(&self, model: &str, timeout_ms: u32) -> Result<Purpose, ListenError> {
        let ear = Box::new(PhoneEar::load(&self.allowed(model)?)?);
        let timeout_ms = u64::from(timeout_ms);
        Ok(Purpose::Name { ear, endpointer: Endpointer::new(), timeout_ms })
    }

    /// Looks for a word, whatever it is.
    pub(super) fn hear_name(&mut self, samples: &[i16]) -> Result<(), WorkerError> {
        let Some(Listening { purpose: Purpose::Name { ear, endpointer, timeout_ms }, .. }) =
            &mut self.listening
        else {
            return Ok(());
        };
        for step in samples.chunks(super::STEP) {
            match endpointer.feed(step) {
                Heard::Quiet | Heard::Began(_) | Heard::Speaking(_) => {}
                Heard::Over(utterance) => {
                    let heard = ear.hear(&utterance);
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

    fn sounded(&mut self, heard: Result<Sound, RecogniserError>) -> Result<(), WorkerError> {
        self.close_microphone();
        match heard {
            Ok(sound) => self.send(&VoiceEvent::Sounded { phones: sound.to_string() }),
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
