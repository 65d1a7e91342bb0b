//! The layer on Wayland, by wlr-layer-shell: KDE Plasma, Phosh, sway and others of wlroots.
//!
//! Owns: the connection it is made on, and reading it. Does not own: the surfaces (`screen`). Invariant: where there is no
//! such layer (GNOME) it is said so.
//!
//! GTK 4.8 makes windows only, and its connection cannot be shared: it would take events of surfaces that it did
//! not make for its own.

mod events;
mod screen;
mod store;

use std::{
    io,
    os::fd::{AsRawFd as _, RawFd},
};

use wayland_client::{Connection, EventQueue, backend::WaylandError, globals::registry_queue_init};

use self::screen::Screen;
use super::{Above, LayerError, Pixels};

impl From<WaylandError> for LayerError {
    fn from(error: WaylandError) -> Self {
        Self::Lost(error.into())
    }
}

/// The connection and what is on it.
pub(super) struct Line {
    screen: Screen,
    queue: EventQueue<Screen>,
    connection: Connection,
}

impl Line {
    pub(super) fn open() -> Result<Self, LayerError> {
        let connection = Connection::connect_to_env()?;
        let (globals, queue) = registry_queue_init(&connection)?;
        let screen = Screen::new(&connection, &globals, &queue.handle())?;
        connection.flush()?;
        Ok(Self { screen, queue, connection })
    }

    fn flush(&self) -> Result<(), LayerError> {
        match self.connection.flush() {
            // A compositor that is slow gets it later.
            Err(WaylandError::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            flushed => Ok(flushed?),
        }
    }
}

impl Above for Line {
    fn socket(&self) -> RawFd {
        self.connection.backend().poll_fd().as_raw_fd()
    }

    fn read(&mut self) -> Result<bool, LayerError> {
        if let Some(guard) = self.queue.prepare_read() {
            match guard.read() {
                Err(WaylandError::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => drop(read?),
            }
        }
        self.queue.dispatch_pending(&mut self.screen)?;
        self.flush()?;
        Ok(self.screen.is_over)
    }

    fn show(&mut self, pixels: Option<Pixels>) -> Result<(), LayerError> {
        match pixels {
            Some(pixels) => self.screen.show(pixels)?,
            None => self.screen.blank()?,
        }
        self.flush()
    }
}
