//! What may be said: phrases of words and slots, and the words that fill each slot.
//!
//! Owns: the shape of a grammar. Does not own: its compilation for a recogniser (the worker), or
//! the meaning of a phrase (intent). Invariant: all text is lower case, single-spaced, without
//! punctuation; every slot a phrase names is present, possibly empty.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// All that a recogniser may hear now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grammar {
    /// The commands, each a sequence of words and slots.
    pub phrases: Vec<Phrase>,
    /// What may stand in a slot, e.g. `name` -> ["alice", "alice smith"].
    pub slots: BTreeMap<String, Vec<String>>,
    /// How words of names are said beside what spelling tells: phones of the CMU set, "K IH M".
    #[serde(default)]
    pub sounds: BTreeMap<String, Vec<String>>,
}

/// One way to say one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phrase(pub Vec<Piece>);

/// A part of a phrase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Piece {
    /// Said as it stands.
    Word(String),
    /// One entry of the slot of this name.
    Slot(String),
    /// So many entries or more, in any order: digits.
    Several(String, usize),
    /// Whatever is said from here on, one word or more: dictation. The last of its phrase.
    Rest,
}

impl Phrase {
    /// Whether it ends in words of no grammar.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.0.last() == Some(&Piece::Rest)
    }
}

impl Grammar {
    /// Whether nothing but the end of an utterance tells when it is over: a text is dictated.
    #[must_use]
    pub fn is_dictation(&self) -> bool {
        self.phrases.iter().any(|phrase| phrase.0 == [Piece::Rest])
    }

    /// Whether some of it can be heard by a recogniser of free speech only.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.phrases.iter().any(Phrase::is_open)
    }

    /// What of it a grammar can say.
    #[must_use]
    pub fn closed(&self) -> Self {
        let phrases = self.phrases.iter().filter(|phrase| !phrase.is_open()).cloned().collect();
        Self { phrases, ..self.clone() }
    }
}
