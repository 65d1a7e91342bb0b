//! Ahoy's rules, as values: what calls are, who may do what to them, what goes over the wire.
//!
//! Owns: the call engine and its state machine, provider contracts, the Noise session, wire codecs,
//! peers and invites, media plans, voice phrases and intents, reports of headsets. Does not own:
//! sockets, the clock, files, threads, tasks or anything else that can block; those are adapters
//! around it.
//!
//! Invariant: the same inputs at the same times give the same outputs. Time is an argument.
#![forbid(unsafe_code)]

mod budget;
pub mod builtin;
pub mod call;
pub mod engine;
pub mod filter;
pub mod headset;
pub mod id;
pub mod media;
pub mod peer;
pub mod provider;
pub mod service;
pub mod session;
pub mod voice;
pub mod wire;
pub mod worker;
pub mod written;

#[cfg(test)]
mod tests;
