//! Opening the database: permissions, damage, newer versions, calls left over from a crash.
//!
//! Owns: [`Store`] itself and its life. Does not own: the statements, which lie beside their
//! tables. Invariant: a file that cannot be used is never overwritten: damaged ones are renamed,
//! newer ones are left alone.

use std::{
    ffi::OsString,
    fs, io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::Connection;

use super::{
    error::{StoreError, StoreWarning},
    marks, schema,
    types::Micros,
};

/// How long a statement waits for another process. `ahoyctl` never opens the file, so only a
/// person's own sqlite3 shell can hold it.
const BUSY: Duration = Duration::from_secs(2);

/// The database on one thread.
pub struct Store {
    pub(super) db: Connection,
}

/// A store, and what the person should know about how it was opened.
pub struct Opened {
    /// Ready for use.
    pub store: Store,
    /// In the order found; usually empty.
    pub warnings: Vec<StoreWarning>,
}

impl Store {
    /// Opens the database at `path`, or begins one. `now` closes calls that a crash left open and
    /// names a damaged file that is set aside.
    ///
    /// # Errors
    /// [`StoreError::Newer`] leaves the file as it is; all others name their cause.
    pub fn open(path: &Path, now: Micros) -> Result<Opened, StoreError> {
        let mut warnings = Vec::new();
        let mut store = match Self::open_sound(path) {
            Ok(store) => store,
            Err(StoreError::Corrupt(why)) => {
                let kept = set_aside(path, now)?;
                warnings.push(StoreWarning::SetAside { kept, why });
                Self::open_sound(path)?
            }
            Err(error) => return Err(error),
        };
        let calls = store.close_ongoing(now)?;
        if calls > 0 {
            warnings.push(StoreWarning::ClosedOngoing { calls });
        }
        Ok(Opened { store, warnings })
    }

    fn open_sound(path: &Path) -> Result<Self, StoreError> {
        create_private(path)?;
        let mut db = Connection::open(path)?;
        db.busy_timeout(BUSY)?;
        marks::install(&db)?;
        let found = schema::version(&db)?;
        if found > schema::VERSION {
            return Err(StoreError::Newer { path: path.to_owned(), found, known: schema::VERSION });
        }
        let sound: String = db.pragma_query_value(None, "quick_check", |row| row.get(0))?;
        if sound != "ok" {
            return Err(StoreError::Corrupt(sound));
        }
        // WAL: readers never wait, and with synchronous=NORMAL a power cut can lose the last
        // transactions but never damages the file.
        db.pragma_update(None, "journal_mode", "wal")?;
        db.pragma_update(None, "synchronous", "normal")?;
        db.pragma_update(None, "foreign_keys", true)?;
        schema::migrate(&mut db)?;
        Ok(Self { db })
    }
}

/// Pair secrets lie in this file, so it is made 0600; SQLite gives its side files the same mode.
fn create_private(path: &Path) -> Result<(), StoreError> {
    fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map(drop)
        .map_err(|cause| io_error(path, cause))
}

/// Renames the file and its side files, so that nothing of them is read into the fresh one.
fn set_aside(path: &Path, now: Micros) -> Result<PathBuf, StoreError> {
    let kept = with_suffix(path, &format!(".corrupt-{}", now.0));
    for side in ["", "-wal", "-shm"] {
        let from = with_suffix(path, side);
        match fs::rename(&from, with_suffix(&kept, side)) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                return Err(io_error(&from, cause));
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(kept)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

fn io_error(path: &Path, cause: io::Error) -> StoreError {
    StoreError::Io { path: path.to_owned(), cause }
}
