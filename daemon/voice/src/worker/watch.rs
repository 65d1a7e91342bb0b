//! Waiting for the wake word with an open microphone.
//!
//! Owns: when the recogniser of commands is wanted, and what is told. Does not own: the order of
//! things ([`Wake`]), the microphone, or the recogniser. Invariant: while only the word is waited
//! for, only the keyword's small decoder is used; sound that comes while the recogniser is loaded
//! is kept.

use std::time::Instant;

use ahoy_core::voice::{Hypothesis, VoiceEvent};

use super::models::{Models, Plan};
use crate::{
    pocketsphinx::Keyword,
    recogniser::RecogniserError,
    wake::{Address, Output, Said, Wake},
};

/// What is waited for.
pub(super) struct Watch {
    machine: Wake,
    keyword: Keyword,
    address: Address,
    plan: Plan,
    /// To be read once the recogniser is there, and since when.
    said: Option<(Said, Instant)>,
    /// Of the utterance that was read last, ms.
    latency_ms: u32,
}

/// What comes of sound.
pub(super) enum Step {
    Tell(VoiceEvent),
    /// The command; nothing comes after it.
    Heard {
        hypotheses: Vec<Hypothesis>,
        latency_ms: u32,
    },
}

impl Watch {
    pub(super) fn new(keyword: Keyword, word: &str, plan: Plan) -> Self {
        let address = Address::new(word, plan.engine);
        let grammar = address.grammar(&plan.grammar);
        Self {
            machine: Wake::new(),
            keyword,
            address,
            plan: Plan { grammar, ..plan },
            said: None,
            latency_ms: 0,
        }
    }

    /// Takes in sound; [`Watch::poll`] tells what comes of it.
    pub(super) fn handle_sound(&mut self, samples: &[i16]) {
        self.machine.handle_sound(samples);
    }

    /// The next thing to tell; `None`: it needs more sound, or the recogniser.
    pub(super) fn poll(&mut self, models: &mut Models) -> Result<Option<Step>, RecogniserError> {
        loop {
            if self.said.is_some() && !self.read(models)? {
                return Ok(None);
            }
            match self.machine.poll(&mut self.keyword)? {
                None => return Ok(None),
                Some(Output::Prepare) => models.load_soon(&self.plan)?,
                Some(Output::Woken) => return Ok(Some(Step::Tell(VoiceEvent::Woken))),
                Some(Output::Waiting) => return Ok(Some(Step::Tell(VoiceEvent::Waiting))),
                Some(Output::Said(said)) => self.said = Some((said, Instant::now())),
                Some(Output::Command(hypotheses)) => {
                    let latency_ms = self.latency_ms;
                    return Ok(Some(Step::Heard { hypotheses, latency_ms }));
                }
            }
        }
    }

    /// Reads what was said; false while the recogniser is on its way.
    fn read(&mut self, models: &mut Models) -> Result<bool, RecogniserError> {
        let Some(recogniser) = models.ready(&self.plan)? else {
            return Ok(false);
        };
        let Some((said, since)) = self.said.take() else {
            return Ok(true);
        };
        let hypotheses = self.address.read(recogniser, &said)?;
        let reading = u32::try_from(since.elapsed().as_millis()).unwrap_or(u32::MAX);
        self.latency_ms = said.after.waited_ms.saturating_add(reading);
        self.machine.handle_reading(hypotheses);
        Ok(true)
    }
}
