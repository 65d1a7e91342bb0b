//! A widget that shows the pictures of a call.
//!
//! Owns: fitting a picture into the room there is, and mirroring it. Does not own: where pictures come
//! from. Invariant: only what is shown to oneself is ever mirrored; the shape of a picture is kept.

use std::{cell::OnceCell, rc::Rc};

use adw::{prelude::*, subclass::prelude::*};
use gtk::{cairo, gdk, glib, graphene, gsk};

use crate::{pixels, video::Frame};

mod imp {
    use std::cell::{Cell, RefCell};

    use super::*;

    /// Told of each picture, and whether it is mirrored.
    pub(super) type Follower = Box<dyn Fn(Option<&Picture>, bool)>;

    #[derive(Default)]
    pub struct Pane {
        pub(super) picture: RefCell<Option<Picture>>,
        pub(super) mirrored: Cell<bool>,
        /// Fills all of the room and cuts what is too much, in place of leaving some free.
        pub(super) fills: Cell<bool>,
        /// Who shows the same elsewhere.
        pub(super) follower: RefCell<Option<Follower>>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Pane {
        const NAME: &'static str = "AhoyPane";
        type Type = super::Pane;
        type ParentType = gtk::Widget;

        fn class_init(class: &mut Self::Class) {
            class.set_css_name("picture");
            class.set_accessible_role(gtk::AccessibleRole::Img);
        }
    }

    impl ObjectImpl for Pane {
        fn constructed(&self) {
            self.parent_constructed();
            self.obj().set_overflow(gtk::Overflow::Hidden);
        }
    }

    impl WidgetImpl for Pane {
        fn snapshot(&self, snapshot: &gtk::Snapshot) {
            let picture = self.picture.borrow();
            let Some(picture) = picture.as_ref() else { return };
            let (width, height) = (self.obj().width() as f32, self.obj().height() as f32);
            let size = (picture.0.size.0 as f32, picture.0.size.1 as f32);
            let (x, y, wide, high) = placed((width, height), size, self.fills.get());
            if self.mirrored.get() {
                snapshot.translate(&graphene::Point::new(width, 0.0));
                snapshot.scale(-1.0, 1.0);
            }
            let place = graphene::Rect::new(x, y, wide, high);
            if self.is_drawn_by_cairo() {
                draw(snapshot, picture, &place);
            } else {
                snapshot.append_texture(picture.texture(), &place);
            }
        }
    }

    impl Pane {
        /// GTK 4.8 turns every texture to floating point and back before cairo has it, at every frame: two thirds
        /// of what a call's window cost (measured).
        fn is_drawn_by_cairo(&self) -> bool {
            let renderer = self.obj().native().and_then(|native| native.renderer());
            renderer.is_some_and(|renderer| renderer.is::<gsk::CairoRenderer>())
        }
    }

    fn draw(snapshot: &gtk::Snapshot, picture: &Picture, place: &graphene::Rect) {
        let Some(surface) = picture.surface() else { return };
        let context = snapshot.append_cairo(place);
        let (x, y) = (f64::from(place.x()), f64::from(place.y()));
        let (width, height) = (f64::from(picture.0.size.0), f64::from(picture.0.size.1));
        context.translate(x, y);
        context.scale(f64::from(place.width()) / width, f64::from(place.height()) / height);
        let drawn = context.set_source_surface(surface, 0.0, 0.0).and_then(|()| {
            let source = context.source();
            // Both have short ways in pixman; the edges of others are computed pixel by pixel.
            source.set_filter(cairo::Filter::Bilinear);
            source.set_extend(cairo::Extend::Pad);
            context.rectangle(0.0, 0.0, width, height);
            context.fill()
        });
        if let Err(error) = drawn {
            tracing::debug!(%error, "a picture was not drawn");
        }
    }
}

glib::wrapper! {
    /// Shows pictures.
    pub struct Pane(ObjectSubclass<imp::Pane>)
        @extends gtk::Widget, @implements gtk::Buildable, gtk::ConstraintTarget;
}

impl Pane {
    pub(crate) fn new(mirrored: bool, fills: bool) -> Self {
        let pane: Self = glib::Object::new();
        pane.imp().mirrored.set(mirrored);
        pane.imp().fills.set(fills);
        pane
    }

    /// Whether it is shown as in a mirror.
    pub(crate) fn set_mirrored(&self, mirrored: bool) {
        if self.imp().mirrored.replace(mirrored) != mirrored {
            self.queue_draw();
        }
    }

    /// Shows a picture, or none.
    pub(crate) fn show_picture(&self, picture: Option<&Picture>) {
        let before = self.imp().picture.replace(picture.cloned());
        let which = |picture: &Picture| Rc::as_ptr(&picture.0);
        if before.as_ref().map(which) != picture.map(which) {
            self.queue_draw();
            self.tell();
        }
    }

    /// Has somebody told of each picture from now on.
    pub(crate) fn follow(&self, follower: impl Fn(Option<&Picture>, bool) + 'static) {
        self.imp().follower.replace(Some(Box::new(follower)));
    }

    /// Tells whoever follows of the picture there is.
    pub(crate) fn tell(&self) {
        if let Some(follower) = &*self.imp().follower.borrow() {
            follower(self.imp().picture.borrow().as_ref(), self.imp().mirrored.get());
        }
    }

    pub(crate) fn has_picture(&self) -> bool {
        self.imp().picture.borrow().is_some()
    }
}

/// A frame as GTK draws it: made once, in the form that the renderer wants, however often it is drawn.
#[derive(Clone, Debug)]
pub(crate) struct Picture(Rc<Made>);

#[derive(Debug)]
struct Made {
    /// Rows of BGRA without gaps.
    pixels: glib::Bytes,
    size: (i32, i32),
    texture: OnceCell<gdk::Texture>,
    surface: OnceCell<Option<cairo::ImageSurface>>,
}

impl Picture {
    /// Of a frame. Its pixels are not copied.
    pub(crate) fn new(frame: &Frame) -> Option<Self> {
        Self::of(frame.pixels.clone(), (frame.width, frame.height))
    }

    /// The same for a place so many pixels wide or wider.
    pub(crate) fn small(frame: &Frame, wide: usize) -> Option<Self> {
        let (width, height) = (frame.width as usize, frame.height as usize);
        let by = (width / wide.max(1)).min(height);
        if by < 2 {
            return Self::new(frame);
        }
        let (pixels, wide, high) = pixels::shrunk(&frame.pixels, (width, height), by)?;
        let size = (u32::try_from(wide).ok()?, u32::try_from(high).ok()?);
        Self::of(glib::Bytes::from_owned(pixels), size)
    }

    fn of(pixels: glib::Bytes, (width, height): (u32, u32)) -> Option<Self> {
        let size = (i32::try_from(width).ok()?, i32::try_from(height).ok()?);
        let fits = usize::try_from(width).ok()?.checked_mul(4)?.checked_mul(height as usize)?;
        let (texture, surface) = Default::default();
        (pixels.len() == fits).then(|| Self(Rc::new(Made { pixels, size, texture, surface })))
    }

    /// Rows of BGRA without gaps, and width and height.
    pub(crate) fn pixels(&self) -> (&glib::Bytes, (i32, i32)) {
        (&self.0.pixels, self.0.size)
    }

    fn texture(&self) -> &gdk::Texture {
        let Made { pixels, size: (width, height), texture, .. } = &*self.0;
        texture.get_or_init(|| {
            let (format, row) = (gdk::MemoryFormat::B8g8r8a8Premultiplied, *width as usize * 4);
            gdk::MemoryTexture::new(*width, *height, format, pixels, row).upcast()
        })
    }

    fn surface(&self) -> Option<&cairo::ImageSurface> {
        let Made { pixels, size: (width, height), surface, .. } = &*self.0;
        let made = surface.get_or_init(|| {
            // Cairo's pixels are words of the machine; PipeWire's and ours are bytes.
            let pixels = if cfg!(target_endian = "little") {
                pixels.to_vec()
            } else {
                pixels.chunks_exact(4).flat_map(|p| [p[3], p[2], p[1], p[0]]).collect()
            };
            let format = cairo::Format::Rgb24;
            cairo::ImageSurface::create_for_data(pixels, format, *width, *height, width * 4).ok()
        });
        made.as_ref()
    }
}

/// Where a picture of a size stands in a room, and how large: x, y, width, height.
fn placed((width, height): (f32, f32), size: (f32, f32), fills: bool) -> (f32, f32, f32, f32) {
    let (across, down) = (width / size.0, height / size.1);
    let scale = if fills { across.max(down) } else { across.min(down) };
    let (wide, high) = (size.0 * scale, size.1 * scale);
    ((width - wide) / 2.0, (height - high) / 2.0, wide, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_keeps_its_shape() {
        assert_eq!(placed((200.0, 200.0), (100.0, 50.0), false), (0.0, 50.0, 200.0, 100.0));
        assert_eq!(placed((200.0, 200.0), (100.0, 50.0), true), (-100.0, 0.0, 400.0, 200.0));
    }
}
