//! The small picture in the compositor's layer above all windows.
//!
//! Owns: the surfaces, and the hands on them. Does not own: the connection, or where the picture is (`place`).
//! Invariant: of the screen it takes only hands on the picture; everything else goes to what is below.
//!
//! The layer's surface is the whole screen, clear and still, and the picture a part of it. A surface as small as the
//! picture would have to be moved under the hand that drags it, and compositors do not agree what its place is meanwhile:
//! sway tells it from where the surface was, KWin from where it is.

use std::io;

use gtk::glib::Bytes;
use wayland_client::{
    Connection, Proxy as _, QueueHandle,
    globals::{BindError, GlobalList},
    protocol::{
        wl_compositor::WlCompositor,
        wl_output::Transform,
        wl_pointer::{self, WlPointer},
        wl_seat::WlSeat,
        wl_shm::{Format, WlShm},
        wl_subcompositor::WlSubcompositor,
        wl_subsurface::WlSubsurface,
        wl_surface::WlSurface,
        wl_touch::{self, WlTouch},
    },
};
use wayland_cursor::CursorTheme;
use wayland_protocols::wp::viewporter::client::{
    wp_viewport::WpViewport, wp_viewporter::WpViewporter,
};
use wayland_protocols_wlr::layer_shell::v1::client::{
    zwlr_layer_shell_v1::{Layer, ZwlrLayerShellV1},
    zwlr_layer_surface_v1::{Anchor, ZwlrLayerSurfaceV1},
};

use super::{
    super::{
        Pixels,
        place::{Look, Small},
    },
    store::Store,
};

/// What compositors are told it is; rules may name it.
const NAMESPACE: &str = "ahoy-picture-in-picture";
/// Pixels of a pointer, where the session does not say another.
const POINTER: u32 = 24;

/// A surface and its size on the screen, whatever its picture's is.
struct Scaled {
    surface: WlSurface,
    viewport: WpViewport,
}

impl Scaled {
    fn new(globals: &Globals, queue: &QueueHandle<Screen>) -> Self {
        let surface = globals.compositor.create_surface(queue, ());
        let viewport = globals.viewporter.get_viewport(&surface, queue, ());
        Self { surface, viewport }
    }
}

impl Drop for Scaled {
    fn drop(&mut self) {
        self.viewport.destroy();
        self.surface.destroy();
    }
}

/// What is asked of the compositor.
struct Globals {
    compositor: WlCompositor,
    shm: WlShm,
    viewporter: WpViewporter,
    subcompositor: WlSubcompositor,
    layers: ZwlrLayerShellV1,
}

/// What points: it has a picture of its own, which a client has to name.
struct Pointing {
    surface: WlSurface,
    theme: CursorTheme,
    look: Look,
}

/// What the picture needs to be seen; made once the screen's size is known.
struct Shown {
    small: Small,
    /// One clear pixel, for the rest of the screen.
    _clear: Store,
}

/// All of it.
pub(super) struct Screen {
    // What is in it goes before the whole.
    part: WlSubsurface,
    picture: Scaled,
    layer: ZwlrLayerSurfaceV1,
    whole: Scaled,
    globals: Globals,
    queue: QueueHandle<Self>,
    pixels: Option<Store>,
    /// A picture that came before the screen's size, or while the compositor read both there is room for.
    waits: Option<Pixels>,
    shown: Option<Shown>,
    pub(super) pointer: Option<WlPointer>,
    pub(super) touch: Option<WlTouch>,
    pointing: Option<Pointing>,
    /// Where the pointer is.
    pub(super) at: (f64, f64),
    /// The event by which it came there.
    pub(super) entered: u32,
    /// The finger that holds it.
    pub(super) finger: Option<i32>,
    /// It is to go: the call's window is wanted again, or the compositor took the layer away.
    pub(super) is_over: bool,
}

impl Screen {
    /// On the screen that the compositor chooses.
    ///
    /// # Errors
    /// The compositor lacks a protocol that is needed.
    pub(super) fn new(
        connection: &Connection,
        globals: &GlobalList,
        queue: &QueueHandle<Self>,
    ) -> Result<Self, BindError> {
        // Without hands it would be there for good.
        let _: WlSeat = globals.bind(queue, 1..=5, ())?;
        let globals = Globals {
            // From version 4 damage is counted in the picture's own pixels.
            compositor: globals.bind(queue, 4..=6, ())?,
            shm: globals.bind(queue, 1..=1, ())?,
            viewporter: globals.bind(queue, 1..=1, ())?,
            subcompositor: globals.bind(queue, 1..=1, ())?,
            layers: globals.bind(queue, 1..=4, ())?,
        };
        let whole = Scaled::new(&globals, queue);
        let picture = Scaled::new(&globals, queue);
        let part =
            globals.subcompositor.get_subsurface(&picture.surface, &whole.surface, queue, ());
        // A new picture does not wait for anything of the whole.
        part.set_desync();
        let nothing = globals.compositor.create_region(queue, ());
        // Hands are the whole's, whose place never changes.
        picture.surface.set_input_region(Some(&nothing));
        whole.surface.set_input_region(Some(&nothing));
        nothing.destroy();
        let name = NAMESPACE.to_owned();
        let layer =
            globals.layers.get_layer_surface(&whole.surface, None, Layer::Overlay, name, queue, ());
        layer.set_anchor(Anchor::all());
        layer.set_size(0, 0);
        // Below no panel, and taking no room of its own.
        layer.set_exclusive_zone(-1);
        whole.surface.commit();
        let theme = CursorTheme::load(connection, globals.shm.clone(), POINTER).ok();
        let surface = || globals.compositor.create_surface(queue, ());
        let look = Look::Whole;
        let pointing = theme.map(|theme| Pointing { surface: surface(), theme, look });
        Ok(Self {
            part,
            picture,
            layer,
            whole,
            globals,
            queue: queue.clone(),
            pixels: None,
            waits: None,
            shown: None,
            pointer: None,
            touch: None,
            pointing,
            at: (0.0, 0.0),
            entered: 0,
            finger: None,
            is_over: false,
        })
    }

    /// Shows a picture. One that comes too soon after another waits, and is left out if one more comes.
    pub(super) fn show(&mut self, pixels: Pixels) -> io::Result<()> {
        let Some(shown) = self.shown.as_mut() else {
            self.waits = Some(pixels);
            return Ok(());
        };
        self.waits = None;
        let is_new = shown.small.set_picture(pixels.size);
        self.draw(&pixels)?;
        if is_new {
            self.put();
        }
        Ok(())
    }

    /// There is no picture any more: the place of it is black.
    pub(super) fn blank(&mut self) -> io::Result<()> {
        self.waits = None;
        let black = Pixels { bytes: Bytes::from_static(&[0; 4]), size: (1, 1), mirrored: false };
        if self.shown.is_some() { self.draw(&black) } else { Ok(()) }
    }

    fn draw(&mut self, pixels: &Pixels) -> io::Result<()> {
        let store = match self.pixels.take().filter(|store| store.is_of(pixels.size)) {
            Some(store) => store,
            None => Store::new(&self.globals.shm, &self.queue, pixels.size, Format::Xrgb8888)?,
        };
        if let Some(buffer) = store.write(&pixels.bytes)? {
            let turned = if pixels.mirrored { Transform::Flipped } else { Transform::Normal };
            let surface = &self.picture.surface;
            surface.set_buffer_transform(turned);
            surface.attach(Some(buffer), 0, 0);
            surface.damage_buffer(0, 0, pixels.size.0, pixels.size.1);
            surface.commit();
        } else {
            self.waits = Some(pixels.clone());
        }
        self.pixels = Some(store);
        Ok(())
    }

    /// The compositor says how large the screen is.
    pub(super) fn configure(&mut self, serial: u32, size: (u32, u32)) -> io::Result<()> {
        self.layer.ack_configure(serial);
        match self.shown.as_mut() {
            Some(shown) => shown.small.set_screen(size),
            None => {
                let clear = Store::new(&self.globals.shm, &self.queue, (1, 1), Format::Argb8888)?;
                self.whole.surface.attach(clear.write(&[0; 4])?, 0, 0);
                self.shown = Some(Shown { small: Small::new(size), _clear: clear });
            }
        }
        let side = |side: u32| i32::try_from(side.max(1)).unwrap_or(i32::MAX);
        self.whole.viewport.set_destination(side(size.0), side(size.1));
        self.put();
        self.show_waiting()
    }

    /// Shows the picture that waits.
    pub(super) fn show_waiting(&mut self) -> io::Result<()> {
        self.waits.take().map_or(Ok(()), |pixels| self.show(pixels))
    }

    /// It is pressed where it is.
    pub(super) fn press(&mut self, at_ms: u32, at: (f64, f64)) {
        if let Some(shown) = self.shown.as_mut() {
            self.is_over |= shown.small.press(at_ms, at);
        }
        self.put();
    }

    /// What may hold it is there now.
    pub(super) fn drag(&mut self, at: (f64, f64)) {
        if self.shown.as_mut().is_some_and(|shown| shown.small.drag(at)) {
            self.put();
        }
    }

    /// It is let go of.
    pub(super) fn release(&mut self) {
        if let Some(shown) = self.shown.as_mut() {
            shown.small.release();
        }
        self.put();
    }

    /// There is no pointer any more.
    pub(super) fn lose_pointer(&mut self) {
        if let Some(pointer) = self.pointer.take() {
            if pointer.version() >= wl_pointer::REQ_RELEASE_SINCE {
                pointer.release();
            }
            if self.finger.is_none() {
                self.release();
            }
        }
    }

    /// There is no touch any more.
    pub(super) fn lose_touch(&mut self) {
        if let Some(touch) = self.touch.take() {
            if touch.version() >= wl_touch::REQ_RELEASE_SINCE {
                touch.release();
            }
            if self.finger.take().is_some() {
                self.release();
            }
        }
    }

    /// Has the pointer look like what it would do where it is. `new`: it has come just now, with any look.
    pub(super) fn point(&mut self, new: bool) {
        let small = self.shown.as_ref().map(|shown| &shown.small);
        let look = small.map_or(Look::Whole, |small| small.look(self.at));
        let is_held = small.is_some_and(Small::is_held);
        let (Some(pointing), Some(pointer)) = (self.pointing.as_mut(), &self.pointer) else {
            return;
        };
        if !new && (is_held || pointing.look == look) {
            return;
        }
        pointing.look = look;
        // Not every theme has them all.
        let names = [look.name(), "default", "left_ptr"];
        let found = names.into_iter().find(|name| pointing.theme.get_cursor(name).is_some());
        let Some(cursor) = found.and_then(|name| pointing.theme.get_cursor(name)) else { return };
        let serial = self.entered;
        let image = &cursor[0];
        let (size, spot) = (image.dimensions(), image.hotspot());
        let side = |side: u32| i32::try_from(side).unwrap_or(i32::MAX);
        pointing.surface.attach(Some(image), 0, 0);
        pointing.surface.damage_buffer(0, 0, side(size.0), side(size.1));
        pointing.surface.commit();
        pointer.set_cursor(serial, Some(&pointing.surface), side(spot.0), side(spot.1));
    }

    /// Has the compositor show it where it is, and give us hands there alone; the one that holds it, everywhere.
    fn put(&self) {
        let Some(shown) = &self.shown else { return };
        let place = shown.small.place();
        if shown.small.is_held() {
            // Not every compositor leaves a pointer that is pressed to whom it was pressed on.
            self.whole.surface.set_input_region(None);
        } else {
            let region = self.globals.compositor.create_region(&self.queue, ());
            region.add(place.x, place.y, place.width, place.height);
            self.whole.surface.set_input_region(Some(&region));
            region.destroy();
        }
        self.part.set_position(place.x, place.y);
        self.picture.viewport.set_destination(place.width, place.height);
        self.picture.surface.commit();
        self.whole.surface.commit();
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if let Some(pointing) = &self.pointing {
            pointing.surface.destroy();
        }
        self.part.destroy();
        self.layer.destroy();
    }
}
