//! Voice as data: what may be said now, what was said, what it means.
//!
//! Owns: locale packs, the address book's spoken names, the grammar handed to a recogniser, the
//! meaning of a phrase, the dialogue around it, and the words spoken with `ahoy-voice`. Does not
//! own: a microphone or a recogniser. Invariant: a grammar holds only what is legal in the present
//! state, and nothing ambiguous is ever acted upon.

mod book;
mod dialogue;
mod grammar;
mod intent;
mod pack;
mod protocol;
#[cfg(test)]
mod tests;

pub use book::{Book, Person};
pub use dialogue::{Dialogue, Effect, History};
pub use grammar::{Grammar, Phrase, Piece};
pub use intent::{Intent, Kind, Meaning, Situation, normalise};
pub use pack::{Pack, PackError};
pub use protocol::{Engine, Hypothesis, VoiceCommand, VoiceEvent};
