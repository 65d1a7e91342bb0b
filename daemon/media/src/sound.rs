//! Sound as samples: the one format used between PipeWire, codecs and tones.
//!
//! Owns: the rate and the [`Sound`] contract. Does not own: where samples come from.
//! Invariant: 48 kHz, mono, 16 bit everywhere; PipeWire converts at the device.

/// Samples per second.
pub(crate) const RATE: u32 = 48_000;

/// Something that can be played.
pub(crate) trait Sound: Send {
    /// Fills all of `out`, with silence where there is nothing to play. Called by the speaker.
    fn pull(&mut self, out: &mut [i16]);

    /// Whether nothing will ever follow.
    fn is_over(&self) -> bool;
}
