//! Tells when somebody else has changed the config file.
//!
//! Owns: the kernel watch. Does not own: reading the file. Invariant: directories are watched, not
//! the file, because editors replace files; a change is told once it is complete.

use std::{ffi::OsString, io, path::Path};

use futures_util::StreamExt as _;
use inotify::{EventStream, Inotify, WatchMask};

/// Room for a burst of events of an editor that writes and renames.
const BUFFER: usize = 4096;

/// A watch on the config file.
pub struct Watch {
    events: EventStream<[u8; BUFFER]>,
    names: Vec<OsString>,
}

impl Watch {
    pub(super) fn new(path: &Path) -> io::Result<Self> {
        let inotify = Inotify::init()?;
        let mut names = Vec::new();
        // Where the path is a link, the file it leads to is what changes.
        let target = std::fs::canonicalize(path).ok();
        for file in std::iter::once(path).chain(target.as_deref()) {
            let (Some(directory), Some(name)) = (file.parent(), file.file_name()) else {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidInput,
                    format!("{} is not a file's path", file.display()),
                ));
            };
            let mask = WatchMask::CLOSE_WRITE | WatchMask::MOVED_TO | WatchMask::DELETE;
            inotify.watches().add(directory, mask)?;
            names.push(name.to_owned());
        }
        Ok(Self {
            events: inotify.into_event_stream([0; BUFFER])?,
            names,
        })
    }

    /// Waits until the file was written, replaced or removed. Cancel safe.
    ///
    /// # Errors
    /// The watch broke; make a new one.
    pub async fn changed(&mut self) -> io::Result<()> {
        while let Some(event) = self.events.next().await {
            // No name: the queue ran over, and anything may have changed.
            if event?.name.is_none_or(|name| self.names.contains(&name)) {
                return Ok(());
            }
        }
        Err(io::Error::from(io::ErrorKind::UnexpectedEof))
    }
}
