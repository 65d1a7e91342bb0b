//! End to end: real daemons on private buses with virtual devices.
//!
//! Owns: the claims about whole calls between people. Does not own: starting and driving what they
//! use, which is this package's library. Invariant: one trial at a time (each takes its turn, and
//! `tests/run` gives `--test-threads=1`): two that play and hear sound make each other late, and
//! what a trial starts ends with the thread that it ran on.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod bench;
mod beside;
mod captions;
mod capture;
mod checks;
mod contract;
mod declining;
mod demo;
mod devices;
mod finding;
mod first_call;
mod gnome;
mod gnome_search;
mod installing;
mod invites;
mod kwin;
mod layer;
mod links;
mod loss;
mod mako;
mod media_keys;
mod missing;
mod muting;
mod names;
mod packages;
mod phosh;
mod prompts;
mod ring_window;
mod ringing;
mod ringtones;
mod scene;
mod text;
mod unit;
mod voice;
mod wake;
mod window;
mod wlroots;
