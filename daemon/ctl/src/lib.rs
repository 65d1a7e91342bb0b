//! `ahoyctl`: calls for people at a terminal and for scripts, over the bus contract
//! `org.ahoycall.Calls1`.
//!
//! Owns: the command line, what is printed, and the voice models on disk (`voice`). Does not own:
//! calls, contacts, keys: the daemon does, and this program keeps no state beside it. Invariant:
//! every error names its cause and a next step, and the exit code tells whose turn it is.
//!
//! One file per command group; `bus` is the way to the daemon, `out` the way to the reader.

mod ask;
pub mod backup;
pub mod calls;
pub mod cli;
pub mod complete;
pub mod contacts;
pub mod dnd;
pub mod doctor;
pub mod endpoints;
pub mod error;
pub mod favourites;
pub mod filter;
pub mod generate;
pub mod identity;
pub mod invite;
pub mod listen;
pub mod names;
pub mod open;
pub mod out;
pub mod pick;
pub mod provider;
pub mod recents;
pub mod secret;
pub mod settings;
pub mod status;
pub mod time;
pub mod together;
pub mod value;
pub mod vcard;
pub mod voice;
pub mod watch;

pub use ahoy_client as bus;
