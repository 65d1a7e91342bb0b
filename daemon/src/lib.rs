//! `ahoyd` without its entry point: the adapters between [`ahoy_core`] and the outside world.
//!
//! Owns: sockets, files, the bus, child processes. Does not own: any rule about calls; that is the
//! engine. Invariant: adapters never import each other; each turns one part of the world into
//! events and carries out commands on it.

pub mod app;
pub mod bridge;
pub mod bus;
pub mod dbus;
pub mod desktop;
pub mod handed;
pub mod installed;
pub mod link;
pub mod paths;
pub mod ringtone;
pub mod service;
pub mod settings;
pub mod store;
pub mod tasks;
pub mod worker;
