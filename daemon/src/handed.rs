//! Descriptors that somebody on the bus hands over.
//!
//! Owns: reading and writing them with an end in sight. Does not own: what is in them. Invariant: a
//! pipe that nobody fills or empties costs its thread a bounded time. (A file on a file system that
//! hangs is not helped by that: it belongs on a thread of its own, of which there are few.)

use std::{
    fs::File,
    io::{self, Read, Write},
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::fs::FileTypeExt as _,
    },
    time::{Duration, Instant},
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// How long it may take. Common D-Bus clients give up after 25 s.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Until the next piece comes, or goes.
    pub piece: Duration,
    /// In all.
    pub all: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { piece: Duration::from_secs(5), all: Duration::from_secs(20) }
    }
}

/// A descriptor that is used with patience, and no more. Out of patience is
/// [`io::ErrorKind::TimedOut`].
#[derive(Debug)]
pub struct Handed {
    file: File,
    patience: Patience,
    begin: Instant,
}

/// What was handed over is no file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is a {0}: give a file or a pipe")]
pub struct NoFile(pub &'static str);

impl Handed {
    /// Takes it; the time runs from now on.
    ///
    /// # Errors
    /// [`NoFile`], or what the system says.
    pub fn new(file: OwnedFd, patience: Patience) -> io::Result<Self> {
        let file = File::from(file);
        let kind = file.metadata()?.file_type();
        let no_file = if kind.is_dir() {
            Some("directory")
        } else if kind.is_socket() {
            Some("socket")
        } else if kind.is_block_device() {
            Some("block device")
        } else {
            None
        };
        match no_file {
            Some(kind) => Err(io::Error::new(io::ErrorKind::InvalidInput, NoFile(kind))),
            None => Ok(Self { file, patience, begin: Instant::now() }),
        }
    }

    /// Waits until something can be done with it: a piece, an end or an error.
    fn wait(&self, wanted: PollFlags) -> io::Result<()> {
        let left = self.patience.all.saturating_sub(self.begin.elapsed()).min(self.patience.piece);
        let time = Timespec::try_from(left).map_err(|_| io::ErrorKind::InvalidInput)?;
        let file = self.file.as_fd();
        let mut wanted = [PollFd::new(&file, wanted)];
        loop {
            match poll(&mut wanted, Some(&time)) {
                Ok(0) => return Err(self.slow()),
                Ok(_) if left.is_zero() => return Err(self.slow()),
                Ok(_) => return Ok(()),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn slow(&self) -> io::Error {
        let waited = self.begin.elapsed();
        let why =
            format!("it did not end in time: after {waited:?} without an end it was given up");
        io::Error::new(io::ErrorKind::TimedOut, why)
    }
}

impl Read for Handed {
    fn read(&mut self, piece: &mut [u8]) -> io::Result<usize> {
        self.wait(PollFlags::IN)?;
        self.file.read(piece)
    }
}

impl Write for Handed {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.wait(PollFlags::OUT)?;
        // A pipe that is ready takes this much without waiting (pipe(7), PIPE_BUF).
        self.file.write(piece.get(..4096).unwrap_or(piece))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Patience =
        Patience { piece: Duration::from_millis(50), all: Duration::from_millis(200) };

    #[test]
    fn a_pipe_that_nobody_fills_or_empties_is_given_up() {
        let (reader, writer) = io::pipe().unwrap();
        let mut handed = Handed::new(reader.try_clone().unwrap().into(), SHORT).unwrap();
        let error = handed.read(&mut [0; 8]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        let mut handed = Handed::new(writer.into(), SHORT).unwrap();
        let error = handed.write_all(&vec![0; 1024 * 1024]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn one_that_drips_for_ever_is_given_up_in_all() {
        let (reader, mut writer) = io::pipe().unwrap();
        let mut handed = Handed::new(reader.into(), SHORT).unwrap();
        let error = std::iter::repeat_with(|| {
            writer.write_all(b"x").unwrap();
            handed.read(&mut [0; 8])
        });
        let error = error.filter_map(Result::err).next().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn what_is_no_file_is_named() {
        let directory = File::open("/").unwrap();
        let error = Handed::new(directory.into(), SHORT).unwrap_err();
        assert_eq!(error.to_string(), "it is a directory: give a file or a pipe");
        let (one, _other) = std::os::unix::net::UnixStream::pair().unwrap();
        assert!(Handed::new(one.into(), SHORT).unwrap_err().to_string().contains("socket"));
    }
}
