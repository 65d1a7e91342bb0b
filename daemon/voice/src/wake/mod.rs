//! From the wake word to one command: samples in, events out.
//!
//! Owns: the order of things, and all time, counted in samples. Does not own: a microphone, a clock,
//! spotting the word ([`Ear`]), or reading a command. Invariant: pure; the same samples and readings
//! give the same outputs, whether they come live or from a file.
//!
//! ```text
//!             word                    utterance              a command
//!  Waiting ----------> Woken(window) -----------> Reading ---------------> Over
//!     ^                  | ^  nothing in time       | ^ no command, time left
//!     +------------------+ +------------------------+ |
//!     +-----------------------------------------------+ no command, no time left
//! ```
//! A doubtful word opens a window, too, but a silent and short one: nothing is told unless a command
//! follows in the same breath, which is what makes the word certain.

mod candidate;
mod reading;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use ahoy_core::voice::{Hypothesis, WOKEN_MS};

use self::candidate::Trust;
pub(crate) use self::{
    candidate::{Candidate, Ear},
    reading::{Address, Said},
};
use crate::{
    endpoint::{Endpointer, Heard, ms},
    recogniser::RecogniserError,
};

/// Samples looked at in one go: 20 ms, in which no utterance can begin and end.
const STEP: usize = ms(20);
/// What is remembered: the longest word, the pause before it, and the background.
const RECENT: usize = ms(3_500);
/// The background of a command is found in this much before the word's end.
const BACKGROUND: usize = ms(2_000);
/// After a doubtful word a command begins within this: the same breath.
const BREATH: usize = ms(700);
/// Kept from before the word: a match is often shorter than what it matches.
const LEAD: usize = ms(250);

/// What comes out.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Output {
    /// A command may come: load what reads it.
    Prepare,
    /// The word was heard.
    Woken,
    /// To be read; [`Wake::handle_reading`] takes the answer. Until then sound is kept.
    Said(Said),
    /// This was a command. Nothing comes after it.
    Command(Vec<Hypothesis>),
    /// No command followed `Woken`: waiting for the word again.
    Waiting,
}

#[derive(Debug)]
enum State {
    Waiting,
    Woken(Window),
    Reading(Window),
    Over,
}

/// The time after a word in which a command may come.
#[derive(Debug)]
struct Window {
    trust: Trust,
    endpointer: Endpointer,
    /// Samples since the word.
    open: usize,
    /// The word and all since, while it may be one breath with a command.
    breath: Option<Vec<i16>>,
}

impl Window {
    fn is_over(&self) -> bool {
        let limit = match self.trust {
            Trust::Sure => ms(WOKEN_MS),
            Trust::Doubtful => BREATH,
        };
        self.open >= limit
    }

    /// Takes in sound; answers with an utterance once it is over.
    fn feed(&mut self, step: &[i16]) -> Option<Said> {
        self.open += step.len();
        if let Some(breath) = &mut self.breath {
            breath.extend_from_slice(step);
        }
        match self.endpointer.feed(step) {
            Heard::Over(after) => {
                let whole = self.breath.take().map(|breath| after.with_before(breath));
                Some(Said { after, whole, sure: self.trust == Trust::Sure })
            }
            Heard::Quiet => {
                self.breath.take_if(|_| self.open >= BREATH);
                None
            }
            Heard::Began(_) | Heard::Speaking(_) => None,
        }
    }
}

/// Waits for the word and the command.
#[derive(Debug)]
pub(crate) struct Wake {
    state: State,
    /// Not looked at yet.
    queue: VecDeque<i16>,
    recent: VecDeque<i16>,
    outputs: VecDeque<Output>,
}

impl Wake {
    /// One that has heard nothing yet.
    pub(crate) fn new() -> Self {
        Self {
            state: State::Waiting,
            queue: VecDeque::new(),
            recent: VecDeque::new(),
            outputs: VecDeque::new(),
        }
    }

    /// Takes in sound; [`Wake::poll`] looks at it.
    pub(crate) fn handle_sound(&mut self, samples: &[i16]) {
        self.queue.extend(samples);
    }

    /// What comes of the sound so far; `None`: it needs more, or the answer to an utterance.
    pub(crate) fn poll(&mut self, ear: &mut dyn Ear) -> Result<Option<Output>, RecogniserError> {
        loop {
            if let Some(output) = self.outputs.pop_front() {
                return Ok(Some(output));
            }
            let ready = match self.state {
                State::Waiting | State::Woken(_) => self.queue.len() >= STEP,
                State::Reading(_) | State::Over => false,
            };
            if !ready {
                return Ok(None);
            }
            let step: Vec<i16> = self.queue.drain(..STEP).collect();
            self.step(ear, &step)?;
        }
    }

    /// Takes in what an utterance reads as; nothing: it was no command.
    pub(crate) fn handle_reading(&mut self, hypotheses: Vec<Hypothesis>) {
        let State::Reading(window) = std::mem::replace(&mut self.state, State::Over) else {
            tracing::error!("a reading that nobody asked for");
            return;
        };
        let doubtful = window.trust == Trust::Doubtful;
        if !hypotheses.is_empty() {
            self.outputs.extend(doubtful.then_some(Output::Woken));
            self.outputs.push_back(Output::Command(hypotheses));
        } else if doubtful || window.is_over() {
            self.close(&window);
        } else {
            self.state = State::Woken(window);
        }
    }

    fn step(&mut self, ear: &mut dyn Ear, step: &[i16]) -> Result<(), RecogniserError> {
        self.recent.extend(step);
        let excess = self.recent.len().saturating_sub(RECENT);
        self.recent.drain(..excess);
        if let Some(candidate) = ear.feed(step)?
            && let Some(trust) = candidate.judge(self.recent.make_contiguous(), ear)?
            && self.open(&candidate, trust)
        {
            return Ok(());
        }
        self.follow(step);
        Ok(())
    }

    /// Opens a window where the word ended; false if a better one is open.
    fn open(&mut self, candidate: &Candidate, trust: Trust) -> bool {
        let told = match &self.state {
            State::Woken(window) => window.trust == Trust::Sure,
            State::Waiting | State::Reading(_) | State::Over => false,
        };
        if told && trust == Trust::Doubtful {
            return false;
        }
        self.outputs.push_back(Output::Prepare);
        if trust == Trust::Sure && !told {
            self.outputs.push_back(Output::Woken);
        }
        let recent = self.recent.make_contiguous();
        let (before, after) = recent.split_at(recent.len().saturating_sub(candidate.ago));
        let background = &before[before.len().saturating_sub(BACKGROUND)..];
        let (endpointer, after) = (Endpointer::after(background), after.to_vec());
        let word = &before[before.len().saturating_sub(candidate.usual + LEAD)..];
        let breath = Some(word.to_vec());
        self.state = State::Woken(Window { trust, endpointer, open: 0, breath });
        after.chunks(STEP).for_each(|step| self.follow(step));
        true
    }

    /// Looks for the command.
    fn follow(&mut self, step: &[i16]) {
        let State::Woken(mut window) = std::mem::replace(&mut self.state, State::Waiting) else {
            return;
        };
        if let Some(said) = window.feed(step) {
            self.outputs.push_back(Output::Said(said));
            self.state = State::Reading(window);
        } else if window.is_over() && !window.endpointer.speaking() {
            self.close(&window);
        } else {
            self.state = State::Woken(window);
        }
    }

    fn close(&mut self, window: &Window) {
        self.state = State::Waiting;
        self.outputs.extend((window.trust == Trust::Sure).then_some(Output::Waiting));
    }
}
