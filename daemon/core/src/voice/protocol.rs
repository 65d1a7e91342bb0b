//! The words between `ahoyd` and `ahoy-voice`.
//!
//! Owns: the control messages. Does not own: their framing ([`crate::worker`]). Invariant: between
//! `Listening` or `Waiting` and the next `Heard`, `Sounded`, `Nothing`, `Failed` or `Stopped` there is a
//! capture stream; at no other time. In it `Woken` and `Waiting` take turns. What captions are made of
//! is no microphone: the sound of the other side, on its way to the speaker.

use serde::{Deserialize, Serialize};

use super::{confusion::Alike, grammar::Grammar};

/// Which recogniser to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Engine {
    /// PocketSphinx with a strict grammar (English).
    PocketSphinx,
    /// Vosk with a run-time grammar (any installed dynamic-graph model).
    Vosk,
}

/// How long after the wake word a command may begin, ms. Whoever has begun by then is heard out.
pub const WOKEN_MS: u32 = 4_000;

/// What `ahoyd` asks of the voice worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum VoiceCommand {
    /// A connected PipeWire socket travels with this message; sent before each `Listen` and `Wait`.
    PipeWire,
    /// Loads the recogniser if need be, opens the microphone and listens for one utterance.
    Listen {
        /// Which recogniser.
        engine: Engine,
        /// Directory of the model; must lie in a directory the worker was started with.
        model: String,
        /// What may be said.
        grammar: Grammar,
        /// PipeWire node name of the microphone; `None`: the default.
        microphone: Option<String>,
        /// Gives up after this long without an utterance, ms.
        timeout_ms: u32,
    },
    /// Opens the microphone and waits for the wake word, then for one command; goes on until a
    /// command is heard, or until `Stop` or another of these.
    Wait {
        /// What to be woken by, in any case: "ahoy".
        word: String,
        /// Directory of an English PocketSphinx model, whatever the language of the commands; must
        /// lie in a directory the worker was started with.
        wake_model: String,
        /// Which recogniser for the command after the word.
        engine: Engine,
        /// Directory of its model; must lie in a directory the worker was started with. Loaded once
        /// the word may have been heard, so a broken one shows only then.
        model: String,
        /// What may be said after the word.
        grammar: Grammar,
        /// PipeWire node name of the microphone; `None`: the default.
        microphone: Option<String>,
    },
    /// Writes along with what is heard of the other side; goes on until `Stop` or another of these.
    Caption {
        /// Which recogniser.
        engine: Engine,
        /// Directory of the model; must lie in a directory the worker was started with.
        model: String,
        /// PipeWire node name of the stream that plays the other side's voice.
        source: String,
    },
    /// Opens the microphone and hears one word, whatever it is, as it sounds to this recogniser: a name is
    /// taught.
    Learn {
        /// Which recogniser: PocketSphinx hears bare phones, Vosk words of its model.
        engine: Engine,
        /// Directory of its model; must lie in a directory the worker was started with.
        model: String,
        /// PipeWire node name of the microphone; `None`: the default.
        microphone: Option<String>,
        /// Gives up after this long without a word, ms.
        timeout_ms: u32,
    },
    /// Says what of a grammar cannot be heard, and which entries sound alike. The microphone stays as
    /// it is.
    Inspect {
        /// Which recogniser.
        engine: Engine,
        /// Directory of its model; must lie in a directory the worker was started with.
        model: String,
        /// What may be said in any situation.
        grammar: Grammar,
    },
    /// Closes the microphone.
    Stop,
}

/// One reading of what was said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hypothesis {
    /// Lower case, single-spaced.
    pub text: String,
    /// The recogniser's own confidence, 0 (none) to 1 (sure).
    pub score: f64,
}

/// What the voice worker reports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum VoiceEvent {
    /// The worker is up and locked in.
    Ready {
        /// The recognisers whose libraries are there.
        engines: Vec<Engine>,
        /// How it is locked in, for people.
        lock: String,
        /// What the lock lacks on this machine, and what to do; empty: nothing.
        lock_warning: String,
    },
    /// The microphone is open: speak now.
    Listening {
        /// Which recogniser.
        engine: Engine,
    },
    /// The microphone is open for the wake word only: at first, and again where no command followed
    /// `Woken`.
    Waiting,
    /// The wake word was heard: a command may begin within [`WOKEN_MS`]. `Heard` or `Waiting` follows.
    Woken,
    /// A sentence of the other side is over and reads so; the next one may follow.
    Said {
        /// Lower case, single-spaced.
        text: String,
    },
    /// What has been understood so far, for the eye only. None while waiting for the wake word.
    Partial {
        /// Lower case, single-spaced.
        text: String,
    },
    /// The utterance is over and this is how it reads, best first. The microphone is closed.
    Heard {
        /// Never empty.
        hypotheses: Vec<Hypothesis>,
        /// From the end of speech to this event, ms, the endpointer's wait included.
        latency_ms: u32,
    },
    /// The word to be learnt is over. The microphone is closed.
    Sounded {
        /// How it sounds, as [`Way`](super::Way) writes it; one of nothing: it could not be told.
        way: String,
    },
    /// What was found about a grammar.
    Inspected {
        /// Names and commands that this model cannot hear.
        deaf: Vec<String>,
        /// What is easily taken for another, nearest first.
        alike: Vec<Alike>,
        /// Why nothing was found out; empty where it was.
        why: String,
    },
    /// Nobody spoke, or nothing that could be read. The microphone is closed.
    Nothing,
    /// Stopped as asked. The microphone is closed.
    Stopped,
    /// Cannot listen. The microphone is closed.
    Failed {
        /// Why, for people: names the cause and the next step.
        why: String,
    },
}
