//! The secure session between two devices: Noise handshakes, epochs, sealed packets.
//!
//! Owns: the one suite (`Noise_IKpsk1+psk2_25519_ChaChaPoly_BLAKE2s` with ML-KEM-768 in psk2), the
//! chain of epochs and the replay windows. Does not own: sockets, retries, what the plaintext
//! means. snow is wrapped here and never re-exported.
//! Invariant: a (key, counter) pair seals at most one packet, and opens at most one.

mod epoch;
mod handshake;
mod kem;
pub mod media;
mod replay;
#[cfg(test)]
mod tests;

pub use epoch::{EpochInitiator, EpochKeys, respond_epoch};
pub use handshake::{Chain, Established, Initiator, Opened, Responder};
pub use kem::{CT_LEN, EK_LEN};
pub use replay::ReplayWindow;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Bytes that sealing adds to a plaintext.
pub const TAG_LEN: usize = 16;

/// Why a handshake or packet was refused. A peer never learns which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// Not authentic: tampered with, truncated, foreign, or under another key.
    #[error("not authentic")]
    Authentication,
    /// The counter was seen before or is too old.
    #[error("replayed")]
    Replay,
    /// The ML-KEM share is malformed, or the system gives no randomness.
    #[error("bad ML-KEM share")]
    Kem,
    /// 2^32 packets under one key: a new epoch is due first.
    #[error("epoch is used up")]
    Exhausted,
    /// Shorter than its header or longer than a message may be.
    #[error("bad length")]
    Length,
}

/// A device's long-term X25519 secret, or a secret shared by a pair. Wiped on drop, never printed.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Secret(pub [u8; 32]);

/// A device's long-term X25519 public key.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct DeviceKey(pub [u8; 32]);

impl std::fmt::Debug for DeviceKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "device {:02x}{:02x}…", self.0[0], self.0[1])
    }
}

impl Secret {
    /// The public key of an X25519 secret.
    #[must_use]
    pub fn device_key(&self) -> DeviceKey {
        let secret = x25519_dalek::StaticSecret::from(self.0);
        DeviceKey(x25519_dalek::PublicKey::from(&secret).to_bytes())
    }
}

/// HKDF-SHA-256 (RFC 5869) to one 32-byte secret. 32 bytes are always within its limit.
fn derive(salt: &[u8], input: &[u8], info: &[u8]) -> Secret {
    let mut out = Secret([0; 32]);
    let done = hkdf::Hkdf::<sha2::Sha256>::new(Some(salt), input).expand(info, &mut out.0);
    debug_assert!(done.is_ok(), "32 bytes are below HKDF's limit of 8,160");
    out
}

/// A short public tag under a secret: who holds the secret can recognise it, nobody else learns
/// anything from it. `context` separates uses and hours.
#[must_use]
pub fn tag(secret: &Secret, context: &[u8]) -> [u8; 8] {
    let full = derive(b"ahoy tag", &secret.0, context);
    let mut tag = [0; 8];
    tag.copy_from_slice(&full.0[..8]);
    tag
}
