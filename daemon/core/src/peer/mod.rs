//! People and their devices: identity keys, device lists, invites, what we know of a contact.
//!
//! Owns: signatures over device lists and invites, addresses, safety numbers. Does not own: where
//! keys and contacts are kept. Invariant: a device speaks for a person only with a device list that
//! the person's identity key signed.

mod identity;
mod invite;
mod record;
#[cfg(test)]
mod tests;

pub use identity::{Identity, IdentityKey, MAX_DEVICES, SignedDevices, safety_number};
pub use invite::{Invite, InviteError, IssuedInvite};
pub use record::{PairState, PeerRecord};
