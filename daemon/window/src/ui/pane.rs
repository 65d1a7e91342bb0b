//! A widget that shows the pictures of a call.
//!
//! Owns: fitting a picture into the room there is, and mirroring it. Does not own: where pictures come
//! from. Invariant: only what is shown to oneself is ever mirrored; the shape of a picture is kept.

use adw::{prelude::*, subclass::prelude::*};
use gtk::{gdk, glib, graphene};

use crate::video::Frame;

mod imp {
    use std::cell::{Cell, RefCell};

    use super::*;

    #[derive(Default)]
    pub struct Pane {
        pub(super) texture: RefCell<Option<gdk::Texture>>,
        pub(super) mirrored: Cell<bool>,
        /// Fills all of the room and cuts what is too much, in place of leaving some free.
        pub(super) fills: Cell<bool>,
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
            let texture = self.texture.borrow();
            let Some(texture) = texture.as_ref() else { return };
            let (width, height) = (self.obj().width() as f32, self.obj().height() as f32);
            let size = (texture.width() as f32, texture.height() as f32);
            let (x, y, wide, high) = placed((width, height), size, self.fills.get());
            if self.mirrored.get() {
                snapshot.translate(&graphene::Point::new(width, 0.0));
                snapshot.scale(-1.0, 1.0);
            }
            snapshot.append_texture(texture, &graphene::Rect::new(x, y, wide, high));
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
    pub(crate) fn show_picture(&self, texture: Option<&gdk::Texture>) {
        if self.imp().texture.borrow().as_ref() != texture {
            self.imp().texture.replace(texture.cloned());
            self.queue_draw();
        }
    }

    pub(crate) fn has_picture(&self) -> bool {
        self.imp().texture.borrow().is_some()
    }
}

/// A frame as GTK draws it. Its pixels are not copied.
pub(crate) fn texture(frame: &Frame) -> Option<gdk::Texture> {
    let (width, height) = (frame.width.try_into().ok()?, frame.height.try_into().ok()?);
    let stride = usize::try_from(frame.width).ok()?.checked_mul(4)?;
    let format = gdk::MemoryFormat::R8g8b8a8Premultiplied;
    Some(gdk::MemoryTexture::new(width, height, format, &frame.pixels, stride).upcast())
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
