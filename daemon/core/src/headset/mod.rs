//! The buttons and lamps of a headset: what its descriptor says, what its reports mean.
//!
//! Owns: reading report descriptors ([`Layout`]), reports in both directions, and what a press asks
//! for ([`Buttons`]). Does not own: devices, files, or carrying a wish out. Invariant: whatever a
//! device sends, reading it is total, in one pass and bounded memory, and one report asks for at most
//! two things.

mod buttons;
mod descriptor;
mod items;
#[cfg(test)]
mod tests;

pub use buttons::{Buttons, Calls, Scene, Wish};
pub use descriptor::{DescriptorError, Field, Key, Layout, Manner, Means, Pressed};

/// Bytes of a descriptor at most (`HID_MAX_DESCRIPTOR_SIZE` of linux/hid.h).
pub const MAX_DESCRIPTOR: usize = 4096;
/// Bytes of a report at most, its id among them. Those of headsets have less than a hundred; Linux's
/// own limit is 16 KiB.
pub const MAX_REPORT: usize = 4096;
