//! The network: how other people's Ahoy is found and reached.
//!
//! Owns: sockets. Does not own: keys, or the meaning of a byte on them. Invariant: whatever comes
//! from the network costs bounded memory and no handshake before the engine has seen it.

pub mod lan;
pub mod mdns;
pub mod udp;
