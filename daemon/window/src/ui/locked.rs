//! Being seen while the session is locked, where a window can ask for that: on KDE Plasma.
//!
//! Owns: the question (kde-lockscreen-overlay-v1). Does not own: what may be done there, which the call service
//! decides, or other desktops' lock screens. Invariant: where it cannot be asked, the window is as any other.
//!
//! KWin answers only programs whose desktop entry has their path and names the protocol
//! (`contrib/desktop/org.ahoycall.Ahoy.Lock.desktop.in`).

use std::cell::OnceCell;

use adw::prelude::*;
use gdk4_wayland::{WaylandDisplay, WaylandSurface, prelude::*};
use gtk::gdk;
use wayland_client::{
    Connection, Dispatch, EventQueue, Proxy as _, QueueHandle,
    backend::WaylandError,
    globals::{BindError, GlobalError, GlobalListContents, registry_queue_init},
    protocol::wl_registry::{self, WlRegistry},
};
use wayland_protocols_plasma::lockscreen_overlay::v1::client::kde_lockscreen_overlay_v1::{
    self, KdeLockscreenOverlayV1,
};

/// Why the compositor was not asked.
#[derive(Debug, thiserror::Error)]
enum AskError {
    #[error("no registry of the compositor: {0}")]
    Registry(#[from] GlobalError),
    #[error("its lock screen shows no windows: {0}")]
    Overlay(#[from] BindError),
}

/// Asks that a window be shown above the lock screen, too. Called before it is shown.
pub(super) fn show_above(window: &adw::Window) {
    // KWin knows it as a window by then, and it has no picture yet: that comes with the next frame. Before, KWin
    // would not find it; after, it would end the connection (invalid_surface_state).
    window.connect_map(|window| {
        let Some(surface) = window.surface().and_downcast::<WaylandSurface>() else { return };
        if let Err(error) = ask(&surface) {
            tracing::debug!(%error, "not above a lock screen");
        }
    });
}

/// What asks, on the connection of all windows. Made once: a registry is never given back.
struct Overlay {
    connection: Connection,
    _queue: EventQueue<Asking>,
    overlay: KdeLockscreenOverlayV1,
}

thread_local! {
    /// Of the only display there is; none: its compositor has no such lock screen.
    static OVERLAY: OnceCell<Option<Overlay>> = const { OnceCell::new() };
}

impl Overlay {
    /// None: not on Wayland.
    fn of(display: &gdk::Display) -> Result<Option<Self>, AskError> {
        let known = display.downcast_ref::<WaylandDisplay>().and_then(WaylandDisplay::wl_display);
        let Some(backend) = known.and_then(|display| display.backend().upgrade()) else {
            return Ok(None);
        };
        let connection = Connection::from_backend(backend);
        let (globals, queue) = registry_queue_init::<Asking>(&connection)?;
        let overlay = globals.bind(&queue.handle(), 1..=1, ())?;
        Ok(Some(Self { connection, _queue: queue, overlay }))
    }

    /// The one there is of a display.
    fn with<T>(display: &gdk::Display, use_it: impl FnOnce(&Self) -> T) -> Option<T> {
        let none = |error: AskError| {
            tracing::debug!(%error, "not above a lock screen");
            None
        };
        OVERLAY.with(|known| {
            let known = known.get_or_init(|| Self::of(display).unwrap_or_else(none));
            known.as_ref().map(use_it)
        })
    }
}

/// Whether the lock screen that there is shows windows that ask for it.
pub(super) fn is_there() -> bool {
    gdk::Display::default().is_some_and(|display| Overlay::with(&display, |_| ()).is_some())
}

fn ask(surface: &WaylandSurface) -> Result<(), WaylandError> {
    let asked = Overlay::with(&surface.display(), |known| {
        let Some(surface) = surface.wl_surface() else { return Ok(()) };
        known.overlay.allow(&surface);
        known.connection.flush()
    });
    asked.unwrap_or(Ok(()))
}

/// Nothing is answered that matters.
struct Asking;

impl Dispatch<WlRegistry, GlobalListContents> for Asking {
    fn event(
        _: &mut Self,
        _: &WlRegistry,
        _: wl_registry::Event,
        _: &GlobalListContents,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
    }
}

impl Dispatch<KdeLockscreenOverlayV1, ()> for Asking {
    fn event(
        _: &mut Self,
        _: &KdeLockscreenOverlayV1,
        _: kde_lockscreen_overlay_v1::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
    }
}
