//! Runs the real `ahoyctl` against a private bus and a service built from the contract, and
//! against a local HTTP server. Nothing leaves the machine.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::unwrap_in_result,
    reason = "all of this crate is test code; clippy knows only the functions marked as tests"
)]

mod beside;
mod calls;
mod contract;
mod doctor;
mod harness;
mod manners;
mod open;
mod people;
mod provider;
mod service;
mod setup;
mod surroundings;
mod voice;
mod voice_install;
mod web;
