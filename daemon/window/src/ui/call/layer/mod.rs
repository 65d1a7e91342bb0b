//! Picture-in-picture as a layer of the compositor: above all windows and over those that fill the screen.
//!
//! Owns: the connection it is made on, and reading it. Does not own: what is shown, or the call's window. Invariant:
//! where there is no such layer (GNOME, X11) nothing is shown, and it is said so; the compositor's end is no
//! end of a call.
//!
//! GTK 4.8 makes windows only, and its connection cannot be shared: it would take events of surfaces that it did
//! not make for its own.

mod events;
mod place;
mod screen;
mod store;

use std::{cell::RefCell, io, os::fd::AsRawFd as _, rc::Rc};

use gtk::glib;
use wayland_client::{
    ConnectError, Connection, DispatchError, EventQueue,
    backend::WaylandError,
    globals::{BindError, GlobalError, registry_queue_init},
};

use self::screen::{Pixels, Screen};
use super::super::pane::Picture;

/// Why it is not shown as a layer.
#[derive(Debug, thiserror::Error)]
pub(super) enum LayerError {
    #[error("no connection to the compositor: {0}")]
    Connect(#[from] ConnectError),
    #[error("no registry of the compositor: {0}")]
    Registry(#[from] GlobalError),
    #[error("the compositor has no layers: {0}")]
    Missing(#[from] BindError),
    #[error("the compositor: {0}")]
    Lost(#[from] DispatchError),
}

impl From<WaylandError> for LayerError {
    fn from(error: WaylandError) -> Self {
        Self::Lost(error.into())
    }
}

/// The connection and what is on it.
struct Line {
    screen: Screen,
    queue: EventQueue<Screen>,
    connection: Connection,
}

impl Line {
    fn open() -> Result<Self, LayerError> {
        let connection = Connection::connect_to_env()?;
        let (globals, queue) = registry_queue_init(&connection)?;
        let screen = Screen::new(&connection, &globals, &queue.handle())?;
        connection.flush()?;
        Ok(Self { screen, queue, connection })
    }

    /// Takes what has come.
    fn read(&mut self) -> Result<(), LayerError> {
        if let Some(guard) = self.queue.prepare_read() {
            match guard.read() {
                Err(WaylandError::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => drop(read?),
            }
        }
        self.queue.dispatch_pending(&mut self.screen)?;
        Ok(self.connection.flush()?)
    }

    /// The same; whether it is over.
    fn is_over(&mut self) -> bool {
        if let Err(error) = self.read() {
            tracing::warn!(%error, "picture-in-picture");
            self.screen.is_over = true;
        }
        self.screen.is_over
    }
}

/// The small picture, while it is shown.
pub(super) struct LayerPicture {
    line: Rc<RefCell<Line>>,
    source: Option<glib::SourceId>,
}

impl LayerPicture {
    /// Shows it, without a picture yet. `over`: once it is to go.
    pub(super) fn open(over: impl FnOnce() + 'static) -> Result<Self, LayerError> {
        let line = Line::open()?;
        let socket = line.connection.backend().poll_fd().as_raw_fd();
        let line = Rc::new(RefCell::new(line));
        let (read, mut over) = (line.clone(), Some(over));
        let source = glib_unix::unix_fd_add_local(socket, glib::IOCondition::IN, move |_, _| {
            if read.borrow_mut().is_over()
                && let Some(over) = over.take()
            {
                // Afterwards: it ends this very source.
                glib::idle_add_local_once(over);
            }
            glib::ControlFlow::Continue
        });
        Ok(Self { line, source: Some(source) })
    }

    /// Shows a picture, or that there is none.
    pub(super) fn show(&self, picture: Option<&Picture>, mirrored: bool) {
        let mut line = self.line.borrow_mut();
        let shown = match picture {
            Some(picture) => {
                let (bytes, size) = picture.pixels();
                line.screen.show(Pixels { bytes: bytes.clone(), size, mirrored })
            }
            None => line.screen.blank(),
        };
        let shown = shown.and_then(|()| line.connection.flush().map_err(io::Error::other));
        if let Err(error) = shown {
            tracing::debug!(%error, "a picture was not shown aside");
        }
    }
}

impl Drop for LayerPicture {
    fn drop(&mut self) {
        if let Some(source) = self.source.take() {
            source.remove();
        }
    }
}
