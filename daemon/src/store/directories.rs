//! Directories of callers on disk, and reading them from whatever a controller hands over.
//!
//! Owns: one file each, `<id>.csv` in a folder of their own. Does not own: their format (core) or
//! who may add one. Invariant: what is at hand is a whole directory, the old one or the new; a
//! descriptor that never ends costs its thread a bounded time and memory and nobody else anything.
//!
//! Files and not rows of the database: a directory is replaced as a whole, is looked up in memory
//! only, and a million rows would take the database seconds and grow every copy of it.

use std::{
    fs::{self, File},
    io::{self, BufRead as _, BufReader, BufWriter, Read as _, Write as _},
    os::{
        fd::OwnedFd,
        unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    },
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use ahoy_core::filter::{Directory, DirectoryReader, Loaded};

use crate::handed::{Handed, Patience};

/// A million lines of 128 bytes.
const MAX_BYTES: u64 = 128 * 1024 * 1024;
/// The longest id, bytes: escaped it is three times as long and still a file's name.
pub const MAX_ID: usize = 64;
const PIECE: usize = 64 * 1024;
const SUFFIX: &str = ".csv";
const PART: &str = ".part";

/// Why a descriptor gives no directory.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// It is no file, the system refuses, or it does not end.
    #[error("it cannot be read: {0}")]
    Read(io::Error),
    /// It is too long.
    #[error("it is longer than {} MiB", MAX_BYTES / 1024 / 1024)]
    Long,
    /// It has too many addresses.
    #[error("it has more than 1,000,000 addresses or more than 40 MB of them")]
    Full,
    /// Something is in it, but no line can be used.
    #[error("none of its lines can be used: in line {line} {why}")]
    Unusable {
        /// Which, from 1.
        line: u64,
        /// What is wrong with it.
        why: &'static str,
    },
    /// It cannot be kept.
    #[error("{path}: {cause}")]
    Keep {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
}

/// Reads a directory to its end; for a thread of its own. An empty one is one that goes.
///
/// # Errors
/// [`DirectoryError`], all but the last.
pub fn read(file: OwnedFd, patience: Patience) -> Result<Directory, DirectoryError> {
    let mut file = Handed::new(file, patience).map_err(DirectoryError::Read)?;
    let mut reader = DirectoryReader::default();
    let mut piece = vec![0; PIECE];
    let mut length = 0;
    loop {
        let count = match file.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(DirectoryError::Read(error)),
        };
        length += count as u64;
        if length > MAX_BYTES {
            return Err(DirectoryError::Long);
        }
        reader.feed(piece.get(..count).unwrap_or_default());
        if reader.is_full() {
            return Err(DirectoryError::Full);
        }
    }
    usable(reader.finish())
}

fn usable(loaded: Loaded) -> Result<Directory, DirectoryError> {
    let Loaded { directory, bad, bad_lines, is_full } = loaded;
    if is_full {
        return Err(DirectoryError::Full);
    }
    if let Some(first) = bad_lines.first() {
        if directory.is_empty() {
            return Err(DirectoryError::Unusable { line: first.line, why: first.why });
        }
        // What the lines hold is nobody's business but the user's.
        let (line, why) = (first.line, first.why);
        tracing::warn!(bad, line, why, "lines of a directory of callers were left out");
    }
    Ok(directory)
}

/// The folder.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
    /// Numbers what is being written, as the same one may come twice at once.
    parts: Arc<AtomicU64>,
}

/// A directory that is written, and takes its place once it is told to.
#[derive(Debug)]
pub struct Part {
    written: PathBuf,
    place: PathBuf,
}

impl Folder {
    /// The folder at `path`; it is made when the first directory comes.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path, parts: Arc::default() }
    }

    /// Everything that is kept, by id. What cannot be read is told and left where it is; what was
    /// not finished goes.
    #[must_use]
    pub fn all(&self) -> Vec<(String, Directory)> {
        // None was added yet.
        let Ok(entries) = fs::read_dir(&self.path) else { return Vec::new() };
        let mut all = Vec::new();
        for path in entries.flatten().map(|entry| entry.path()) {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.ends_with(PART) {
                // One that stays is replaced by the next.
                let _ = fs::remove_file(&path);
            } else if let Some(id) = name.strip_suffix(SUFFIX).and_then(unescaped) {
                match again(&path) {
                    Ok(directory) => all.push((id, directory)),
                    Err(error) => tracing::warn!(%error, "a directory of callers is left out"),
                }
            }
        }
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        all
    }

    /// Writes a directory beside its place.
    ///
    /// # Errors
    /// [`DirectoryError::Keep`].
    pub fn write(&self, id: &str, directory: &Directory) -> Result<Part, DirectoryError> {
        let place = self.place(id);
        let number = self.parts.fetch_add(1, Ordering::Relaxed);
        let written = self.path.join(format!("{}.{number}{PART}", escaped(id)));
        let write = || -> io::Result<()> {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.path)?;
            let mut options = fs::OpenOptions::new();
            options.write(true).create(true).truncate(true).mode(0o600);
            let mut out = BufWriter::new(options.open(&written)?);
            directory.lines().try_for_each(|line| out.write_all(line.as_bytes()))?;
            out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
        };
        match write() {
            Ok(()) => Ok(Part { written, place }),
            Err(cause) => Err(DirectoryError::Keep { path: written, cause }),
        }
    }

    /// Removes a directory; one that was not there is no error.
    ///
    /// # Errors
    /// [`DirectoryError::Keep`].
    pub fn remove(&self, id: &str) -> Result<(), DirectoryError> {
        let path = self.place(id);
        match fs::remove_file(&path) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                Err(DirectoryError::Keep { path, cause })
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn place(&self, id: &str) -> PathBuf {
        self.path.join(format!("{}{SUFFIX}", escaped(id)))
    }
}

impl Part {
    /// Takes the place of the one before, in one step.
    ///
    /// # Errors
    /// [`DirectoryError::Keep`].
    pub fn keep(self) -> Result<(), DirectoryError> {
        let Self { written, place } = self;
        fs::rename(&written, &place).map_err(|cause| DirectoryError::Keep { path: place, cause })
    }

    /// Is not wanted after all.
    pub fn discard(self) {
        // One that stays is removed at the next start.
        let _ = fs::remove_file(self.written);
    }
}

/// Reads what was kept.
fn again(path: &Path) -> Result<Directory, DirectoryError> {
    let failed = |cause| DirectoryError::Keep { path: path.to_owned(), cause };
    let mut file = BufReader::with_capacity(PIECE, File::open(path).map_err(failed)?);
    let mut reader = DirectoryReader::default();
    loop {
        let piece = file.fill_buf().map_err(failed)?;
        let length = piece.len();
        if length == 0 || reader.is_full() {
            return usable(reader.finish());
        }
        reader.feed(piece);
        file.consume(length);
    }
}

/// An id as a file's name: all but letters and digits escaped.
fn escaped(id: &str) -> String {
    id.bytes().fold(String::new(), |mut name, byte| {
        if byte.is_ascii_alphanumeric() || byte == b'-' {
            name.push(char::from(byte));
        } else {
            name.push_str(&format!("_{byte:02x}"));
        }
        name
    })
}

fn unescaped(name: &str) -> Option<String> {
    let mut parts = name.split('_');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}
