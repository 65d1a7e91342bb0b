//! What goes over the signalling connection: frames, handshake payloads, signals.
//!
//! Owns: the byte formats and their total parsers. Does not own: encryption (`session`) or meaning.
//! Invariant: parsing never panics, never allocates more than the message is long, and a version
//! this code does not know is an error, not a guess.

mod frame;
mod signal;
#[cfg(test)]
mod tests;

pub use frame::{Frame, MAX_FRAME, Purpose};
pub use signal::{
    Candidate, DeclineReason, Envelope, HangUpReason, Join, MediaWish, Offer, Ringing, Signal,
    Welcome,
};

/// Why bytes are not a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// Too short for its header, or longer than any message may be.
    #[error("bad length")]
    Length,
    /// A version or kind this code does not know.
    #[error("unknown version or kind")]
    Kind,
    /// The content does not decode.
    #[error("malformed content")]
    Content,
}
