//! The two secrets of this device: the person's identity and the device's own key.
//!
//! Owns: the key file, its format and its permissions, and the marker that stands in its place
//! where the keys are in the Secret Service. Does not own: what the keys sign or agree on, or which
//! of the two places it is. Invariant: the file is written whole or not at all, is never readable
//! by others, and is never replaced by a fresh one because it could not be read.

use std::{
    fs::{self, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use rustix::fs::OFlags;
use zeroize::Zeroizing;

use super::types::Secret;

/// What the file begins with; the digit is the version of the format.
const MAGIC: &[u8; 12] = b"ahoy-keys 1\n";
const LENGTH: usize = MAGIC.len() + 64;

/// The secrets of this device.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    /// Seed of the Ed25519 identity key: the person.
    pub identity_seed: Secret<32>,
    /// X25519 static secret: this device.
    pub device_secret: Secret<32>,
}

/// Why there are no keys. A fresh pair is never made in place of one that exists.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeysError {
    /// Others may read or write the file or its directory.
    #[error("{path} has mode {mode:o}, so other users can reach it: run `chmod {wanted:o}` on it")]
    Exposed {
        /// The file or directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
        /// What they should be.
        wanted: u32,
    },
    /// Another user owns the file or its directory.
    #[error("{path} belongs to user {owner}, not to you")]
    Foreign {
        /// The file or directory.
        path: PathBuf,
        /// The owner's uid.
        owner: u32,
    },
    /// The file is not a key file of a version this program knows.
    #[error("{path} is not a key file this version can read; restore it from a backup")]
    Format {
        /// The file.
        path: PathBuf,
    },
    /// There are keys already, and restoring would replace them.
    #[error("{path} exists already: move it away first")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The system refused.
    #[error("{path}: {cause}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What it said.
        cause: io::Error,
    },
    /// The kernel gave no random bytes.
    #[error("no random bytes from the kernel: {0}")]
    Random(#[from] getrandom::Error),
}

impl Keys {
    /// Two fresh keys.
    ///
    /// # Errors
    /// [`KeysError::Random`].
    pub fn generate() -> Result<Self, KeysError> {
        Ok(Self { identity_seed: Secret::random()?, device_secret: Secret::random()? })
    }

    /// Reads the keys at `path`, or makes and stores fresh ones when there is no file.
    ///
    /// # Errors
    /// See [`KeysError`].
    pub fn load_or_create(path: &Path) -> Result<Self, KeysError> {
        if let Some(keys) = Self::load(path)? {
            return Ok(keys);
        }
        let keys = Self::generate()?;
        keys.store(path)?;
        Ok(keys)
    }

    /// Reads the keys at `path`. `None`: there is no such file.
    ///
    /// # Errors
    /// See [`KeysError`].
    pub fn load(path: &Path) -> Result<Option<Self>, KeysError> {
        let no_links = OFlags::NOFOLLOW.bits().cast_signed();
        let mut file = match OpenOptions::new().read(true).custom_flags(no_links).open(path) {
            Ok(file) => file,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(cause) => return Err(io_error(path, cause)),
        };
        check_directory(parent(path))?;
        // Asked of the open file, so that it cannot be exchanged in between.
        let metadata = file.metadata().map_err(|cause| io_error(path, cause))?;
        check(path, &metadata, 0o600)?;
        let mut bytes = Zeroizing::new(Vec::with_capacity(LENGTH + 1));
        (&mut file)
            .take(LENGTH as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(|cause| io_error(path, cause))?;
        let keys =
            Self::from_bytes(&bytes).ok_or_else(|| KeysError::Format { path: path.to_owned() })?;
        Ok(Some(keys))
    }

    /// Writes the keys to `path`, which must not exist yet.
    ///
    /// # Errors
    /// [`KeysError::Exists`] and others.
    pub fn store(&self, path: &Path) -> Result<(), KeysError> {
        make_directory(path)?;
        let part = path.with_extension("part");
        let written = write_private(&part, &self.to_bytes()).and_then(|()| {
            // A hard link, unlike a rename, never replaces a file that is there.
            fs::hard_link(&part, path)
        });
        let removed = fs::remove_file(&part);
        match written {
            Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists && path.exists() => {
                return Err(KeysError::Exists { path: path.to_owned() });
            }
            Err(cause) => return Err(io_error(path, cause)),
            Ok(()) => {}
        }
        removed.map_err(|cause| io_error(&part, cause))?;
        sync_directory(path)
    }

    /// Writes the keys to `path`, in place of those that are there: only for an identity that
    /// nobody knows yet.
    ///
    /// # Errors
    /// See [`KeysError`]; the older keys are still there.
    pub fn replace(&self, path: &Path) -> Result<(), KeysError> {
        replace(path, &self.to_bytes())
    }

    /// Removes the keys at `path` for good, once they are kept elsewhere. Overwritten first; a file
    /// system that copies on write may keep the old blocks all the same.
    ///
    /// # Errors
    /// See [`KeysError`].
    pub fn erase(path: &Path) -> Result<(), KeysError> {
        let erased = OpenOptions::new().write(true).open(path).and_then(|mut file| {
            file.write_all(&[0; LENGTH])?;
            file.sync_all()?;
            fs::remove_file(path)
        });
        erased.map_err(|cause| io_error(path, cause))?;
        sync_directory(path)
    }

    /// The keys as they are kept, in a file or elsewhere.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(LENGTH));
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(self.identity_seed.expose());
        bytes.extend_from_slice(self.device_secret.expose());
        bytes
    }

    /// Reads what [`Self::to_bytes`] gave; `None` for anything else.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let secrets: &[u8; 64] = bytes.strip_prefix(MAGIC)?.try_into().ok()?;
        let (identity, device) = secrets.split_first_chunk::<32>()?;
        Some(Self {
            identity_seed: Secret::new(*identity),
            device_secret: Secret::new(device.try_into().ok()?),
        })
    }
}

/// Says that the keys are in the Secret Service, and whose they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker {
    /// The address that belongs to them.
    pub identity: String,
}

/// What the marker begins with.
const MARKER: &str = "ahoy-keys 1 are in the Secret Service";
/// More than any marker has.
const MARKER_LENGTH: u64 = 1024;

impl Marker {
    /// Reads the marker at `path`. `None`: there is none.
    ///
    /// # Errors
    /// See [`KeysError`].
    pub fn load(path: &Path) -> Result<Option<Self>, KeysError> {
        let mut text = String::new();
        let read = fs::File::open(path)
            .and_then(|file| file.take(MARKER_LENGTH).read_to_string(&mut text));
        match read {
            Ok(_) => {}
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(cause) => return Err(io_error(path, cause)),
        }
        let identity = text.strip_prefix(MARKER).map(str::trim).filter(|rest| !rest.is_empty());
        let wrong = || KeysError::Format { path: path.to_owned() };
        Ok(Some(Self { identity: identity.ok_or_else(wrong)?.to_owned() }))
    }

    /// Writes the marker, in place of one that is there.
    ///
    /// # Errors
    /// See [`KeysError`].
    pub fn store(&self, path: &Path) -> Result<(), KeysError> {
        make_directory(path)?;
        replace(path, format!("{MARKER}\n{}\n", self.identity).as_bytes())
    }

    /// Takes the marker away; none is no error.
    ///
    /// # Errors
    /// See [`KeysError`].
    pub fn remove(path: &Path) -> Result<(), KeysError> {
        match fs::remove_file(path) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(io_error(path, cause)),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

fn make_directory(path: &Path) -> Result<(), KeysError> {
    let directory = parent(path);
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
    made.map_err(|cause| io_error(directory, cause))?;
    check_directory(directory)
}

fn replace(path: &Path, bytes: &[u8]) -> Result<(), KeysError> {
    let part = path.with_extension("part");
    let written = write_private(&part, bytes).and_then(|()| fs::rename(&part, path));
    written.map_err(|cause| io_error(path, cause))?;
    sync_directory(path)
}

fn sync_directory(path: &Path) -> Result<(), KeysError> {
    let directory = parent(path);
    let synced = fs::File::open(directory).and_then(|directory| directory.sync_all());
    synced.map_err(|cause| io_error(directory, cause))
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // What an interrupted write left behind is worthless.
    if let Err(cause) = fs::remove_file(path)
        && cause.kind() != io::ErrorKind::NotFound
    {
        return Err(cause);
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn check_directory(path: &Path) -> Result<(), KeysError> {
    let metadata = fs::metadata(path).map_err(|cause| io_error(path, cause))?;
    check(path, &metadata, 0o700)
}

fn check(path: &Path, metadata: &fs::Metadata, wanted: u32) -> Result<(), KeysError> {
    let mode = metadata.mode() & 0o777;
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(KeysError::Foreign { path: path.to_owned(), owner: metadata.uid() });
    }
    if mode & 0o077 != 0 {
        return Err(KeysError::Exposed { path: path.to_owned(), mode, wanted });
    }
    Ok(())
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    }
}

fn io_error(path: &Path, cause: io::Error) -> KeysError {
    KeysError::Io { path: path.to_owned(), cause }
}
