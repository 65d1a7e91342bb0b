//! Voice as data: what may be said now, what was said, what it means.
//!
//! Owns: the grammar handed to a recogniser and the words spoken with `ahoy-voice`. Does not own: a
//! microphone or a recogniser. Invariant: a grammar holds only what is legal in the present state.

mod grammar;
mod protocol;

pub use grammar::{Grammar, Phrase, Piece};
pub use protocol::{Engine, Hypothesis, VoiceCommand, VoiceEvent};
