//! Telephones on a mobile network: a modem, or a phone paired over Bluetooth.
//!
//! Owns: their rules (`rules`) and words (`words`), shared by three programs that say the same in
//! different ways. Does not own: those programs (`modem`, `ofono`, `phone`).

mod rules;
#[cfg(test)]
mod tests;
mod words;

pub(super) use rules::{Cell, Kind};
pub(super) use words::{Command, Event, Path, Seen, State, Ticket, What, Why};
