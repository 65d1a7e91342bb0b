//! Staying above other windows, where the session lets a window ask for that: on X11.
//!
//! Owns: the messages to the window manager (EWMH 1.5, `_NET_WM_STATE` and `_NET_WM_DESKTOP`). Does not own: Wayland, where no window can
//! ask: GNOME's extension does it there. Invariant: where it cannot be asked, the window is as any other.

use adw::prelude::*;
use gdk4_x11::{X11Display, X11Surface};
use x11rb::{
    connection::Connection as _,
    errors::{ConnectError, ReplyError},
    protocol::xproto::{ClientMessageEvent, ConnectionExt as _, EventMask},
    wrapper::ConnectionExt as _,
};

/// `_NET_WM_STATE_ADD`.
const ADD: u32 = 1;
/// The number of all of them.
const EVERY_DESKTOP: u32 = u32::MAX;
/// An application asks, not a pager.
const FROM_APPLICATION: u32 = 1;

/// Why the window manager was not asked.
#[derive(Debug, thiserror::Error)]
enum AskError {
    #[error("no connection to the X server: {0}")]
    Connect(#[from] ConnectError),
    #[error("the X server: {0}")]
    Reply(#[from] ReplyError),
}

impl From<x11rb::errors::ConnectionError> for AskError {
    fn from(error: x11rb::errors::ConnectionError) -> Self {
        Self::Reply(error.into())
    }
}

/// Asks for it each time the window is shown.
pub(super) fn keep(window: &adw::Window) {
    window.connect_map(|window| {
        let Some(surface) = window.surface().and_downcast::<X11Surface>() else { return };
        let display = surface.display();
        // The manager must have been told of the window before it is asked about it.
        display.sync();
        let name = display.downcast_ref::<X11Display>().map(|display| display.name());
        let Ok(id) = u32::try_from(surface.xid()) else { return };
        if let Err(error) = ask(name.as_deref(), id) {
            tracing::warn!(%error, "picture-in-picture does not stay above other windows");
        }
    });
}

/// Above all others, and on every workspace.
fn ask(display: Option<&str>, window: u32) -> Result<(), AskError> {
    let (connection, screen) = x11rb::connect(display)?;
    let Some(root) = connection.setup().roots.get(screen).map(|screen| screen.root) else {
        return Ok(());
    };
    let atom = |name: &str| -> Result<u32, AskError> {
        Ok(connection.intern_atom(false, name.as_bytes())?.reply()?.atom)
    };
    let asked = [
        ("_NET_WM_STATE", [ADD, atom("_NET_WM_STATE_ABOVE")?, 0, FROM_APPLICATION, 0]),
        ("_NET_WM_DESKTOP", [EVERY_DESKTOP, FROM_APPLICATION, 0, 0, 0]),
    ];
    let to = EventMask::SUBSTRUCTURE_REDIRECT | EventMask::SUBSTRUCTURE_NOTIFY;
    for (name, data) in asked {
        let message = ClientMessageEvent::new(32, window, atom(name)?, data);
        connection.send_event(false, root, to, message)?;
    }
    connection.sync()?;
    Ok(())
}
