//! Writes `docs/bus.md`, the page made of the contract's comments.
//!
//! Owns: the file. Does not own: its text (`dbus/*.xml`). Invariant: run twice, it changes nothing.
#![expect(clippy::print_stderr, reason = "a program that tells what it does")]

use std::process::ExitCode;

use ahoy_trial::{Result, Trouble, contract};

fn write() -> Result<()> {
    let path = contract::repository().join("docs/bus.md");
    let page = contract::page::page(&contract::read()?);
    std::fs::write(&path, page).map_err(Trouble::io("docs/bus.md"))
}

fn main() -> ExitCode {
    match write() {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => {
            eprintln!("{trouble}");
            ExitCode::FAILURE
        }
    }
}
