//! What we know of a contact of the built-in provider.
//!
//! Owns: the record's shape. Does not own: its storage or the address book's view of the person.
//! Invariant: `secret` is the one that both sides hold for this pair, never an old one.

use std::net::SocketAddr;

use super::identity::{IdentityKey, SignedDevices};
use crate::{id::ContactId, provider::Encryption, session::Secret};

/// How far the pairing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PairState {
    /// We accepted an invite and its issuer has not answered yet.
    Pending {
        /// Seconds since the epoch: after this the invite is void.
        expires_at: u64,
    },
    /// Both sides know each other.
    Joined,
}

/// One contact as the built-in provider needs it. No `Debug`: it holds a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct PeerRecord {
    /// The person.
    pub identity: IdentityKey,
    /// The person in the address book.
    pub contact: ContactId,
    /// How they are shown.
    pub name: String,
    /// Their devices; the first is tried first.
    pub devices: SignedDevices,
    /// The pair's secret.
    pub secret: Secret,
    /// How far the pairing is.
    pub state: PairState,
    /// Where they were reached last, newest first; at most four.
    pub hints: Vec<SocketAddr>,
    /// Blocked by the user: refused before any state.
    pub blocked: bool,
    /// The user compared the safety number, which is made of both identity keys. A person whose key
    /// changes is another record, not verified.
    pub verified: bool,
}

impl PeerRecord {
    /// How well calls with them are protected.
    #[must_use]
    pub const fn encryption(&self) -> Encryption {
        if self.verified { Encryption::Verified } else { Encryption::EndToEnd }
    }

    /// Puts an address where they were reached in front.
    pub fn remember(&mut self, address: SocketAddr) {
        self.hints.retain(|hint| *hint != address);
        self.hints.insert(0, address);
        self.hints.truncate(4);
    }
}
