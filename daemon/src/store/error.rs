//! What can go wrong with the store, by what the caller can do about it.
//!
//! Owns: the error and warning types of the database. Does not own: key files and backups, which
//! have their own. Invariant: no variant carries a row's contents.

use std::path::PathBuf;

/// Why the store did not do it. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// No room left. Free some space and try again; everything already stored is intact.
    #[error("the disk is full: nothing was changed; free some space and try again")]
    Full,
    /// The file is damaged. The next start sets it aside and begins a fresh one.
    #[error("the database is damaged ({0}); it is set aside at the next start")]
    Corrupt(String),
    /// A newer Ahoy wrote the file. It was not touched.
    #[error("{path} has schema {found}, this version knows up to {known}: start a newer Ahoy")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema version.
        found: u32,
        /// The newest this program knows.
        known: u32,
    },
    /// Another process holds the file for longer than the busy timeout.
    #[error("the database is in use by another program; stop it and try again")]
    Busy,
    /// The file cannot be read or written.
    #[error("{path}: {cause}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// There is no such contact.
    #[error("no contact has this id")]
    UnknownContact,
    /// A value breaks a rule of the schema, such as an identity that another contact has.
    #[error("the value is not allowed here: {0}")]
    Conflict(String),
    /// The store has been stopped.
    #[error("the store has been stopped")]
    Stopped,
    /// The statement failed for another reason: a bug of ours.
    #[error("database: {0}")]
    Database(rusqlite::Error),
    /// The kernel gave no random bytes for an id.
    #[error("no random bytes from the kernel: {0}")]
    Random(#[from] getrandom::Error),
}

/// Something the person should know although the store works.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreWarning {
    /// The database was damaged. It lies at `kept`, a fresh one was begun.
    SetAside {
        /// Where the damaged file is now.
        kept: PathBuf,
        /// What was wrong.
        why: String,
    },
    /// Calls that were on when the program died were closed.
    ClosedOngoing {
        /// How many.
        calls: usize,
    },
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        let code = error.sqlite_error_code();
        if code == Some(ErrorCode::DiskFull) {
            Self::Full
        } else if matches!(
            code,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
        ) {
            Self::Corrupt(error.to_string())
        } else if matches!(
            code,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
        ) {
            Self::Busy
        } else if code == Some(ErrorCode::ConstraintViolation) {
            Self::Conflict(error.to_string())
        } else {
            Self::Database(error)
        }
    }
}
