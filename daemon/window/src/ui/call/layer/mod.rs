//! Picture-in-picture above all windows, over those that fill the screen, too.
//!
//! Owns: waiting for what the session says of it. Does not own: what is shown, or the call's window. Invariant: where the
//! session has no way for it (GNOME on Wayland) nothing is shown, and it is said so; its end is no end of a call.

mod place;
mod wayland;
mod x11;

use std::{cell::RefCell, io, os::fd::RawFd, rc::Rc};

use adw::prelude::*;
use gdk4_x11::X11Display;
use gtk::{
    gdk,
    glib::{self, Bytes},
};
use wayland_client::{
    ConnectError, DispatchError,
    globals::{BindError, GlobalError},
};
use x11rb::errors::{ConnectError as X11ConnectError, ReplyOrIdError};

use super::super::pane::Picture;

/// Why it is not shown so.
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
    #[error("no memory for pictures: {0}")]
    Memory(#[from] io::Error),
    #[error("no connection to the X server: {0}")]
    X11Connect(#[from] X11ConnectError),
    #[error("the X server: {0}")]
    X11(#[from] ReplyOrIdError),
    #[error("the X server draws no pictures of {0}")]
    Format(&'static str),
}

/// Rows of BGRA without gaps.
#[derive(Clone)]
struct Pixels {
    bytes: Bytes,
    size: (i32, i32),
    mirrored: bool,
}

/// What shows it: one for each kind of session.
trait Above {
    /// Where what the session says of it arrives.
    fn socket(&self) -> RawFd;

    /// Takes what has come. True: it is to go.
    fn read(&mut self) -> Result<bool, LayerError>;

    /// Shows a picture, or that there is none.
    fn show(&mut self, pixels: Option<Pixels>) -> Result<(), LayerError>;
}

/// What shows it, and what is to be done once it is to go.
struct Shown {
    above: Box<dyn Above>,
    over: Option<Box<dyn FnOnce()>>,
}

impl Shown {
    fn read(&mut self) {
        let read = self.above.read();
        let is_over = !matches!(read, Ok(false));
        let Some(over) = self.over.take_if(|_| is_over) else { return };
        if let Err(error) = read {
            tracing::warn!(%error, "picture-in-picture");
        }
        // Afterwards: it ends this very value. Not when there is nothing else to do: a connection that is gone has
        // something to read for ever.
        glib::spawn_future_local(async move { over() });
    }

    fn show(&mut self, pixels: Option<Pixels>) {
        if let Err(error) = self.above.show(pixels) {
            tracing::debug!(%error, "a picture was not shown aside");
        }
        // Sending takes in what has come meanwhile, and the socket says nothing of that any more.
        self.read();
    }
}

/// The small picture, while it is shown.
pub(super) struct LayerPicture {
    shown: Rc<RefCell<Shown>>,
    source: Option<glib::SourceId>,
}

impl LayerPicture {
    /// Shows it on the screen of a window, without a picture yet. `over`: once it is to go.
    pub(super) fn open(
        window: &adw::Window,
        over: impl FnOnce() + 'static,
    ) -> Result<Self, LayerError> {
        let display = WidgetExt::display(window);
        let above: Box<dyn Above> = match display.downcast_ref::<X11Display>() {
            Some(display) => {
                let scale = f64::from(window.scale_factor());
                Box::new(x11::Raised::open(&display.name(), scale, monitor(window).as_ref())?)
            }
            None => Box::new(wayland::Line::open()?),
        };
        let socket = above.socket();
        let shown = Rc::new(RefCell::new(Shown { above, over: Some(Box::new(over)) }));
        let read = shown.clone();
        let source = glib_unix::unix_fd_add_local(socket, glib::IOCondition::IN, move |_, _| {
            read.borrow_mut().read();
            glib::ControlFlow::Continue
        });
        Ok(Self { shown, source: Some(source) })
    }

    /// Shows a picture, or that there is none.
    pub(super) fn show(&self, picture: Option<&Picture>, mirrored: bool) {
        let pixels = picture.map(|picture| {
            let (bytes, size) = picture.pixels();
            Pixels { bytes: bytes.clone(), size, mirrored }
        });
        self.shown.borrow_mut().show(pixels);
    }
}

impl Drop for LayerPicture {
    fn drop(&mut self) {
        if let Some(source) = self.source.take() {
            source.remove();
        }
    }
}

/// Where the monitor is that a window is on, in logical pixels.
fn monitor(window: &adw::Window) -> Option<gdk::Rectangle> {
    let monitor = WidgetExt::display(window).monitor_at_surface(&window.surface()?)?;
    Some(monitor.geometry())
}
