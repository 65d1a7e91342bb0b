//! Voice as data: what may be said now, what was said, what it means.
//!
//! Owns: locale packs, the address book's spoken names, the grammar handed to a recogniser, the
//! meaning of a phrase, the dialogue around it, when a ring is listened to, and the words spoken with `ahoy-voice`. Does not
//! own: a microphone or a recogniser. Invariant: a grammar holds only what is legal in the present
//! state, and nothing ambiguous is ever acted upon.

mod book;
mod dialogue;
mod effect;
mod grammar;
mod intent;
mod pack;
mod protocol;
mod slots;
#[cfg(test)]
mod tests;
mod window;

pub use book::{Book, Person};
pub use dialogue::{Dialogue, SURE};
pub use effect::{Effect, History, Other, is_short_number};
pub use grammar::{Grammar, Phrase, Piece};
pub use intent::{Bare, Intent, Kind, Meaning, Situation, normalise};
pub use pack::{Pack, PackError};
pub use protocol::{Engine, Hypothesis, VoiceCommand, VoiceEvent, WOKEN_MS};
pub use slots::By;
pub use window::{RingWindow, WINDOW_MS, WindowStep, WindowWish};
