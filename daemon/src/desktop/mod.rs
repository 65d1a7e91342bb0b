//! What the desktop shows and hears of a call.
//!
//! Owns: one adapter per desktop service. Does not own: when to ring or what to say. Invariant: a
//! service that is missing costs its feature and one warning, nothing else.

pub mod awake;
pub mod backlight;
pub mod feedback;
pub mod headset;
pub mod media_keys;
pub mod notify;
pub mod permissions;
pub mod phonemes;
pub mod phosh;
pub mod players;
pub mod power;
pub mod quiet;
pub mod search;
pub mod secrets;
pub mod session;
pub mod shortcuts;
pub mod speech;
pub mod tray;
pub mod windows;
