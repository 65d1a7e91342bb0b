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
}
