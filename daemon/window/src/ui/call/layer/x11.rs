//! The small picture on X11: a window that no manager manages, above those that one does.
//!
//! Owns: that window, drawing, and hands on it. Does not own: where it is (`place`). Invariant: it never raises itself, so
//! whatever comes later and covers it, as lockers of screens do, covers it.
//!
//! What managers keep "above" goes below a window that fills the screen and has the focus (EWMH 1.5, "Stacking order").

use std::{
    borrow::Cow,
    os::fd::{AsRawFd as _, RawFd},
};

use gtk::gdk;
use x11rb::{
    COPY_FROM_PARENT, NONE,
    connection::Connection as _,
    cursor::Handle,
    errors::{ConnectionError, ReplyError, ReplyOrIdError},
    image::{BitsPerPixel, Image, ImageOrder, ScanlinePad},
    protocol::{
        Event,
        render::{
            ConnectionExt as _, CreatePictureAux, PictOp, Pictformat, Pictforminfo,
            QueryPictFormatsReply, Transform,
        },
        xproto::{
            AtomEnum, ChangeWindowAttributesAux, ConfigureWindowAux, ConnectionExt as _,
            CreateGCAux, CreateWindowAux, EventMask, PropMode, Screen, Window, WindowClass,
        },
    },
    resource_manager,
    rust_connection::RustConnection,
    wrapper::ConnectionExt as _,
};

use super::{
    Above, LayerError, Pixels,
    place::{Look, Place, Small},
};

/// What other programs read of it.
const NAME: &str = "Ahoy picture-in-picture";
/// Bits of a pixel that count: 8 of each colour.
const DEPTH: u8 = 24;
/// The button under the first finger.
const FIRST: u8 = 1;

impl From<ConnectionError> for LayerError {
    fn from(error: ConnectionError) -> Self {
        ReplyOrIdError::from(error).into()
    }
}

impl From<ReplyError> for LayerError {
    fn from(error: ReplyError) -> Self {
        ReplyOrIdError::from(error).into()
    }
}

/// A picture as the server has it.
struct Source {
    pixmap: u32,
    picture: u32,
    size: (u16, u16),
}

/// What the server knows each look by.
struct Pointers {
    whole: u32,
    falling: u32,
    rising: u32,
}

/// The window.
pub(super) struct Raised {
    connection: RustConnection,
    root: Window,
    window: Window,
    /// What is drawn on it.
    picture: u32,
    format: Pictformat,
    /// Pixels of the screen for one of `small`.
    scale: f64,
    small: Small,
    source: Option<(Source, bool)>,
    pointers: Option<Pointers>,
    pointer: u32,
}

impl Raised {
    /// `monitor`: where it is to be at first, in logical pixels.
    pub(super) fn open(
        display: &str,
        scale: f64,
        monitor: Option<&gdk::Rectangle>,
    ) -> Result<Self, LayerError> {
        let (connection, number) = x11rb::connect(Some(display))?;
        let gone = || LayerError::Format("a screen that there is not");
        let screen = connection.setup().roots.get(number).cloned().ok_or_else(gone)?;
        let formats = connection.render_query_pict_formats()?.reply()?;
        let format = of_pixels(&formats).ok_or(LayerError::Format("24 bits"))?;
        let onto =
            of_visual(&formats, screen.root_visual).ok_or(LayerError::Format("this screen"))?;
        let small = small(&screen, scale, monitor);
        let window = window(&connection, &screen, scaled(small.place(), scale))?;
        // Monitors come and go.
        let told = ChangeWindowAttributesAux::new().event_mask(EventMask::STRUCTURE_NOTIFY);
        connection.change_window_attributes(screen.root, &told)?;
        let picture = connection.generate_id()?;
        connection.render_create_picture(picture, window, onto, &CreatePictureAux::new())?;
        let pointers = pointers(&connection, number).ok();
        connection.map_window(window)?;
        connection.flush()?;
        let (source, pointer) = (None, NONE);
        let root = screen.root;
        Ok(Self {
            connection,
            root,
            window,
            picture,
            format,
            scale,
            small,
            source,
            pointers,
            pointer,
        })
    }

    /// What hands do. True: it is to go.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "of a hundred kinds of events others do not come"
    )]
    fn handle(&mut self, event: &Event) -> Result<bool, LayerError> {
        let logical = |x: i16, y: i16| (f64::from(x) / self.scale, f64::from(y) / self.scale);
        match event {
            Event::ButtonPress(press) if press.detail == FIRST => {
                let at = logical(press.root_x, press.root_y);
                return Ok(self.small.press(press.time, at));
            }
            Event::ButtonRelease(release) if release.detail == FIRST => self.small.release(),
            Event::MotionNotify(motion) => {
                let at = logical(motion.root_x, motion.root_y);
                if self.small.drag(at) {
                    self.put()?;
                }
                self.point(at)?;
            }
            Event::ConfigureNotify(changed) if changed.window == self.root => {
                self.small.set_screen(logical_size((changed.width, changed.height), self.scale));
                self.put()?;
            }
            Event::Expose(expose) if expose.count == 0 => self.draw()?,
            Event::Error(error) => tracing::debug!(?error, "the X server did not do something"),
            _ => {}
        }
        Ok(false)
    }

    /// Has it where it is now.
    fn put(&self) -> Result<(), LayerError> {
        let Place { x, y, width, height } = scaled(self.small.place(), self.scale);
        let side = |side: i32| u32::try_from(side).unwrap_or(1);
        let place = ConfigureWindowAux::new().x(x).y(y).width(side(width)).height(side(height));
        self.connection.configure_window(self.window, &place)?;
        self.draw()
    }

    /// Has the pointer look like what it would do where it is.
    fn point(&mut self, at: (f64, f64)) -> Result<(), LayerError> {
        let Some(pointers) = &self.pointers else { return Ok(()) };
        let pointer = match self.small.look(at) {
            Look::Whole => pointers.whole,
            Look::Falling => pointers.falling,
            Look::Rising => pointers.rising,
        };
        if self.pointer != pointer && !self.small.is_held() {
            self.pointer = pointer;
            let look = ChangeWindowAttributesAux::new().cursor(pointer);
            self.connection.change_window_attributes(self.window, &look)?;
        }
        Ok(())
    }

    /// Gives the server a picture.
    fn load(&mut self, pixels: &Pixels) -> Result<(), LayerError> {
        // Of those that the server counts in, 16 bits with a sign.
        let side = |side: i32| {
            let side = i16::try_from(side).ok().and_then(|side| u16::try_from(side).ok());
            side.ok_or(LayerError::Format("that size"))
        };
        let size = (side(pixels.size.0)?, side(pixels.size.1)?);
        let source = match self.source.take() {
            Some((source, _)) if source.size == size => source,
            other => {
                self.source = other;
                self.unload()?;
                self.source(size)?
            }
        };
        let lies = (ScanlinePad::Pad32, BitsPerPixel::B32, ImageOrder::LsbFirst);
        let rows = Cow::Borrowed(&*pixels.bytes);
        let image = Image::new(size.0, size.1, lies.0, DEPTH, lies.1, lies.2, rows);
        let image = image.map_err(ConnectionError::from)?;
        let context = self.connection.generate_id()?;
        self.connection.create_gc(context, source.pixmap, &CreateGCAux::new())?;
        image.put(&self.connection, source.pixmap, context, 0, 0)?;
        self.connection.free_gc(context)?;
        self.source = Some((source, pixels.mirrored));
        Ok(())
    }

    /// Takes the picture away from the server.
    fn unload(&mut self) -> Result<(), LayerError> {
        if let Some((source, _)) = self.source.take() {
            self.connection.render_free_picture(source.picture)?;
            self.connection.free_pixmap(source.pixmap)?;
        }
        Ok(())
    }

    fn source(&self, size: (u16, u16)) -> Result<Source, LayerError> {
        let (pixmap, picture) = (self.connection.generate_id()?, self.connection.generate_id()?);
        self.connection.create_pixmap(DEPTH, pixmap, self.window, size.0, size.1)?;
        let aux = CreatePictureAux::new();
        self.connection.render_create_picture(picture, pixmap, self.format, &aux)?;
        self.connection.render_set_picture_filter(picture, b"bilinear", &[])?;
        Ok(Source { pixmap, picture, size })
    }

    /// Draws the picture there is, as large as the window.
    fn draw(&self) -> Result<(), LayerError> {
        let Some((source, mirrored)) = &self.source else {
            self.connection.clear_area(false, self.window, 0, 0, 0, 0)?;
            return Ok(());
        };
        let place = scaled(self.small.place(), self.scale);
        let onto = (place.width, place.height);
        self.connection.render_set_picture_transform(
            source.picture,
            transform(source.size, onto, *mirrored),
        )?;
        let side = |side: i32| u16::try_from(side).unwrap_or(u16::MAX);
        self.connection.render_composite(
            PictOp::SRC,
            source.picture,
            NONE,
            self.picture,
            0,
            0,
            0,
            0,
            0,
            0,
            side(onto.0),
            side(onto.1),
        )?;
        Ok(())
    }
}

impl Above for Raised {
    fn socket(&self) -> RawFd {
        self.connection.stream().as_raw_fd()
    }

    fn read(&mut self) -> Result<bool, LayerError> {
        let mut is_over = false;
        while let Some(event) = self.connection.poll_for_event()? {
            is_over |= self.handle(&event)?;
        }
        self.connection.flush()?;
        Ok(is_over)
    }

    fn show(&mut self, pixels: Option<Pixels>) -> Result<(), LayerError> {
        match pixels {
            Some(pixels) => {
                self.load(&pixels)?;
                if self.small.set_picture(pixels.size) { self.put()? } else { self.draw()? }
            }
            None => {
                self.unload()?;
                self.draw()?;
            }
        }
        Ok(self.connection.flush()?)
    }
}

/// A window that managers leave alone.
fn window(
    connection: &RustConnection,
    screen: &Screen,
    Place { x, y, width, height }: Place,
) -> Result<Window, LayerError> {
    let hands = EventMask::BUTTON_PRESS | EventMask::BUTTON_RELEASE | EventMask::POINTER_MOTION;
    let is = CreateWindowAux::new()
        .override_redirect(1)
        .background_pixel(screen.black_pixel)
        .event_mask(hands | EventMask::EXPOSURE);
    let window = connection.generate_id()?;
    let at = |at: i32| i16::try_from(at).unwrap_or_default();
    let side = |side: i32| u16::try_from(side).unwrap_or(1);
    connection.create_window(
        screen.root_depth,
        window,
        screen.root,
        at(x),
        at(y),
        side(width),
        side(height),
        0,
        WindowClass::INPUT_OUTPUT,
        COPY_FROM_PARENT,
        &is,
    )?;
    let (name, text) = (AtomEnum::WM_NAME, AtomEnum::STRING);
    connection.change_property8(PropMode::REPLACE, window, name, text, NAME.as_bytes())?;
    Ok(window)
}

fn small(screen: &Screen, scale: f64, monitor: Option<&gdk::Rectangle>) -> Small {
    let all = logical_size((screen.width_in_pixels, screen.height_in_pixels), scale);
    let place = |monitor: &gdk::Rectangle| Place {
        x: monitor.x(),
        y: monitor.y(),
        width: monitor.width(),
        height: monitor.height(),
    };
    monitor.map_or_else(|| Small::new(all), |monitor| Small::on(place(monitor), all))
}

fn logical_size((width, height): (u16, u16), scale: f64) -> (u32, u32) {
    let side = |side: u16| (f64::from(side) / scale) as u32;
    (side(width), side(height))
}

fn pointers(connection: &RustConnection, screen: usize) -> Result<Pointers, ReplyOrIdError> {
    let settings = resource_manager::new_from_default(connection)?;
    let theme = Handle::new(connection, screen, &settings)?.reply()?;
    let load = |look: Look| theme.load_cursor(connection, look.name());
    let (whole, falling, rising) = (load(Look::Whole)?, load(Look::Falling)?, load(Look::Rising)?);
    Ok(Pointers { whole, falling, rising })
}

/// In pixels of the screen.
fn scaled(place: Place, scale: f64) -> Place {
    let pixels = |side: i32| (f64::from(side) * scale).round() as i32;
    Place {
        x: pixels(place.x),
        y: pixels(place.y),
        width: pixels(place.width),
        height: pixels(place.height),
    }
}

/// The format of our pixels: blue, green, red and one that means nothing, from the lowest byte.
fn of_pixels(formats: &QueryPictFormatsReply) -> Option<Pictformat> {
    let is_ours = |format: &&Pictforminfo| {
        let lies = &format.direct;
        format.depth == DEPTH
            && (lies.red_shift, lies.green_shift, lies.blue_shift) == (16, 8, 0)
            && (lies.red_mask, lies.green_mask, lies.blue_mask) == (0xff, 0xff, 0xff)
    };
    formats.formats.iter().find(is_ours).map(|format| format.id)
}

fn of_visual(formats: &QueryPictFormatsReply, visual: u32) -> Option<Pictformat> {
    let depths = formats.screens.iter().flat_map(|screen| &screen.depths);
    let mut visuals = depths.flat_map(|depth| &depth.visuals);
    visuals.find(|one| one.visual == visual).map(|one| one.format)
}

/// From a point of the window to one of the picture, in 1/65536 of a pixel.
fn transform(size: (u16, u16), onto: (i32, i32), mirrored: bool) -> Transform {
    const ONE: f64 = 65536.0;
    let by = |size: u16, onto: i32| (f64::from(size) / f64::from(onto.max(1)) * ONE) as i32;
    let (across, down) = (by(size.0, onto.0), by(size.1, onto.1));
    Transform {
        matrix11: if mirrored { -across } else { across },
        matrix12: 0,
        matrix13: if mirrored { i32::from(size.0) << 16 } else { 0 },
        matrix21: 0,
        matrix22: down,
        matrix23: 0,
        matrix31: 0,
        matrix32: 0,
        matrix33: 1 << 16,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirrored_picture_begins_at_its_right_edge() {
        let plain = transform((640, 360), (320, 180), false);
        assert_eq!((plain.matrix11, plain.matrix13, plain.matrix22), (2 << 16, 0, 2 << 16));
        let mirrored = transform((640, 360), (320, 180), true);
        assert_eq!((mirrored.matrix11, mirrored.matrix13), (-(2 << 16), 640 << 16));
        assert_eq!(transform((1, 1), (0, 0), false).matrix11, 1 << 16);
    }

    #[test]
    fn a_screen_of_twice_the_pixels_has_it_twice_as_large() {
        let place = Place { x: 10, y: -3, width: 320, height: 180 };
        let twice = Place { x: 20, y: -6, width: 640, height: 360 };
        assert_eq!(scaled(place, 2.0), twice);
    }
}
