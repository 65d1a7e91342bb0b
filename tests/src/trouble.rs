//! What can go wrong with a trial itself.
//!
//! Owns: the one error of this package. Does not own: failures of what is tried, which are claims
//! of tests. Invariant: the message says what was being done.

use std::time::Duration;

/// A trial cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// Nothing happened in time.
    #[error("waited {waited:?} in vain for {what}")]
    Late {
        /// What was waited for.
        what: String,
        /// How long.
        waited: Duration,
    },
    /// A program is not there or failed.
    #[error("{program}: {why}")]
    Program {
        /// Its name.
        program: String,
        /// What it said, or what the system said.
        why: String,
    },
    /// A file or a pipe.
    #[error("{what}: {source}")]
    Io {
        /// What was done with what.
        what: String,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The bus or the daemon refused.
    #[error("{what}: {source}")]
    Bus {
        /// The method or property.
        what: String,
        /// The error that came back.
        source: zbus::Error,
    },
    /// What came out is not what was to come out.
    #[error("{0}")]
    Wrong(String),
}

/// What everything here gives.
pub type Result<T> = std::result::Result<T, Trouble>;

impl Trouble {
    /// For `map_err` on file operations.
    pub fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        |source| Self::Io { what, source }
    }

    /// For `map_err` on the bus.
    pub fn bus(what: impl Into<String>) -> impl FnOnce(zbus::Error) -> Self {
        let what = what.into();
        |source| Self::Bus { what, source }
    }

    /// A program that is missing or failed.
    pub fn program(program: &str, why: impl Into<String>) -> Self {
        Self::Program { program: program.to_owned(), why: why.into() }
    }
}
