//! Voice as data: what may be said now, what was said, what it means.
//!
//! Owns: locale packs, the address book's spoken names, the grammar handed to a recogniser, the
//! meaning of a phrase, the dialogue around it, how names sound and are taught, when a ring is listened to, and the words spoken with `ahoy-voice`. Does not
//! own: a microphone or a recogniser. Invariant: a grammar holds only what is legal in the present
//! state, and nothing ambiguous is ever acted upon.

mod book;
mod confusion;
mod dialogue;
mod effect;
mod findings;
mod grammar;
mod intent;
mod ipa;
mod pack;
mod phones;
mod protocol;
mod slots;
mod sounds;
mod teaching;
#[cfg(test)]
mod tests;
mod way;
mod window;

pub use book::{Book, Person};
pub use confusion::{Alike, Spoken, alike};
pub use dialogue::{Dialogue, SURE};
pub use effect::{Effect, History, Other, is_short_number};
pub use findings::{Finding, Problem};
pub use grammar::{Grammar, Phrase, Piece};
pub use intent::{Bare, Intent, Kind, Meaning, Situation, normalise};
pub use ipa::from_ipa;
pub use pack::{Pack, PackError};
pub use phones::{MOST_PHONES, Phone, Sound};
pub use protocol::{Engine, Hypothesis, VoiceCommand, VoiceEvent, WOKEN_MS};
pub use slots::By;
pub use sounds::{MOST_WAYS, Sounds, Ways, keep};
pub use teaching::{Lesson, Teaching};
pub use way::{MOST_ALIKE, Way};
pub use window::{RingWindow, WINDOW_MS, WindowStep, WindowWish};
