//! Ringtones that apps bring along.
//!
//! Owns: a copy of the file in memory. Does not own: what is in it, beyond its first bytes (the
//! media worker decodes it). Invariant: nobody changes or cuts the copy, not even the worker that
//! is handed it.

use std::{
    io::{self, Read as _, Write as _},
    os::fd::OwnedFd,
    sync::Arc,
    time::Duration,
};

use ahoy_core::media::{MAX_RINGTONE, RingtoneFormat};
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

use crate::handed::{Handed, Patience};

/// An app that registers waits for this, and so may others with files of theirs.
const PATIENCE: Patience = Patience { piece: Duration::from_secs(1), all: Duration::from_secs(3) };

/// A ringtone: clones are the same one.
#[derive(Clone, Debug)]
pub struct Ringtone {
    file: Arc<OwnedFd>,
    len: usize,
}

impl PartialEq for Ringtone {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.file, &other.file)
    }
}

/// Why a file is no ringtone.
#[derive(Debug, thiserror::Error)]
pub enum RingtoneError {
    /// Nobody wants to wait for the decoder while it rings.
    #[error("it is larger than {MAX_RINGTONE} bytes: a short one is repeated")]
    TooLarge,
    /// Nothing that the worker plays.
    #[error("it is neither Ogg Vorbis, Ogg Opus nor WAV")]
    Unknown,
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Read(#[source] io::Error),
    /// There is no room for it.
    #[error("it cannot be kept: {0}")]
    Keep(#[source] io::Error),
}

impl Ringtone {
    /// Reads a file to its end. Takes a bounded time; not for an event loop.
    ///
    /// # Errors
    /// See [`RingtoneError`].
    pub fn read(file: OwnedFd) -> Result<Self, RingtoneError> {
        let handed = Handed::new(file, PATIENCE).map_err(RingtoneError::Read)?;
        let mut bytes = Vec::new();
        let most = MAX_RINGTONE as u64 + 1;
        handed.take(most).read_to_end(&mut bytes).map_err(RingtoneError::Read)?;
        if bytes.len() > MAX_RINGTONE {
            return Err(RingtoneError::TooLarge);
        }
        RingtoneFormat::of(&bytes).ok_or(RingtoneError::Unknown)?;
        let file = sealed(&bytes).map_err(RingtoneError::Keep)?;
        Ok(Self { file: Arc::new(file), len: bytes.len() })
    }

    /// Bytes that it takes.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is nothing in it; none of those that were read.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// A descriptor to hand on.
    ///
    /// # Errors
    /// Too many descriptors are open.
    pub fn descriptor(&self) -> io::Result<OwnedFd> {
        self.file.try_clone()
    }
}

fn sealed(bytes: &[u8]) -> io::Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let mut file = std::fs::File::from(memfd_create("ahoy-ringtone", flags)?);
    file.write_all(bytes)?;
    fcntl_add_seals(
        &file,
        SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL,
    )?;
    Ok(file.into())
}

#[cfg(test)]
mod tests {
    use std::{fs::File, os::unix::fs::FileExt as _};

    use super::*;

    fn file(bytes: &[u8]) -> OwnedFd {
        sealed(bytes).unwrap()
    }

    fn read(bytes: &[u8]) -> Result<Ringtone, RingtoneError> {
        let (reader, mut writer) = io::pipe().map_err(RingtoneError::Read)?;
        std::thread::scope(|scope| {
            // It may be given up halfway.
            scope.spawn(move || drop(writer.write_all(bytes)));
            Ringtone::read(reader.into())
        })
    }

    #[test]
    fn a_copy_is_kept_that_nobody_can_change() {
        let bytes = b"RIFF\x04\0\0\0WAVE";
        let ringtone = read(bytes).unwrap();
        assert_eq!(ringtone.len(), bytes.len());
        let copy = File::from(ringtone.descriptor().unwrap());
        assert!(copy.write_at(b"x", 0).is_err() && copy.set_len(0).is_err());
        let mut kept = [0; 12];
        copy.read_exact_at(&mut kept, 0).unwrap();
        assert_eq!(&kept, bytes);
    }

    #[test]
    fn what_is_too_large_or_unknown_or_never_comes_is_refused_by_name() {
        let mut large = b"RIFF\x04\0\0\0WAVE".to_vec();
        large.resize(MAX_RINGTONE + 1, 0);
        assert!(matches!(read(&large), Err(RingtoneError::TooLarge)));
        assert!(matches!(read(b"no sound"), Err(RingtoneError::Unknown)));
        assert!(matches!(Ringtone::read(file(b"")), Err(RingtoneError::Unknown)));
        let (reader, _writer) = io::pipe().unwrap();
        let error = Ringtone::read(reader.into()).unwrap_err();
        assert!(matches!(error, RingtoneError::Read(why) if why.kind() == io::ErrorKind::TimedOut));
    }
}
