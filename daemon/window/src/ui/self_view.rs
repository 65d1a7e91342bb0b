//! The small picture in a corner of a call: oneself, or the other side after a swap.
//!
//! Owns: where it is, and dragging, flicking and moving it by keys. Does not own: the pictures.
//! Invariant: it always comes to rest in a corner, wherever it is let go.

use std::{cell::Cell, rc::Rc};

use adw::prelude::*;

use super::pane::Pane;

/// Its longer side, pixels.
pub(crate) const SIDE: i32 = 168;
/// Room around it.
const MARGIN: i32 = 12;
/// How far a flick carries, seconds of its speed.
const CARRY: f64 = 0.15;

/// Where it rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Corner {
    pub(crate) right: bool,
    pub(crate) bottom: bool,
}

impl Corner {
    /// The one nearest to a point of a room.
    fn nearest((x, y): (f64, f64), (width, height): (f64, f64)) -> Self {
        Self { right: x > width / 2.0, bottom: y > height / 2.0 }
    }

    /// One step by an arrow key.
    fn step(self, key: gtk::gdk::Key) -> Option<Self> {
        use gtk::gdk::Key;
        Some(match key {
            Key::Left => Self { right: false, ..self },
            Key::Right => Self { right: true, ..self },
            Key::Up => Self { bottom: false, ..self },
            Key::Down => Self { bottom: true, ..self },
            _ => return None,
        })
    }
}

/// The small picture.
#[derive(Clone)]
pub(crate) struct SelfView {
    pub(crate) pane: Pane,
    corner: Rc<Cell<Corner>>,
}

impl SelfView {
    pub(crate) fn new() -> Self {
        let pane = Pane::new(true, true);
        pane.set_size_request(SIDE, SIDE * 9 / 16);
        pane.add_css_class("self-view");
        pane.set_cursor_from_name(Some("grab"));
        let own = Self { pane, corner: Rc::new(Cell::new(Corner { right: true, bottom: false })) };
        own.rest(own.corner.get());
        own.listen();
        own
    }

    /// Puts it into a corner.
    fn rest(&self, corner: Corner) {
        let align = |end| if end { gtk::Align::End } else { gtk::Align::Start };
        self.corner.set(corner);
        self.pane.set_halign(align(corner.right));
        self.pane.set_valign(align(corner.bottom));
        self.pane.set_margin_start(MARGIN);
        self.pane.set_margin_end(MARGIN);
        // Clear of the title above and of the buttons below.
        self.pane.set_margin_top(MARGIN + 46);
        self.pane.set_margin_bottom(MARGIN + 84);
    }

    /// Moves it by an arrow key; false: it was none.
    pub(crate) fn step(&self, key: gtk::gdk::Key) -> bool {
        let next = self.corner.get().step(key);
        if let Some(corner) = next {
            self.rest(corner);
        }
        next.is_some()
    }

    fn listen(&self) {
        let drag = gtk::GestureDrag::new();
        let from = Rc::new(Cell::new((0.0, 0.0)));
        let (own, start) = (self.clone(), from.clone());
        drag.connect_drag_begin(move |_, _, _| start.set(own.at()));
        let (own, start) = (self.clone(), from);
        drag.connect_drag_update(move |_, x, y| {
            let (from_x, from_y) = start.get();
            own.put((from_x + x, from_y + y));
        });
        let own = self.clone();
        let flick = gtk::GestureSwipe::new();
        drag.connect_drag_end(move |_, x, y| own.let_go((x, y), (0.0, 0.0)));
        let own = self.clone();
        flick.connect_swipe(move |_, x, y| own.let_go((0.0, 0.0), (x, y)));
        flick.group_with(&drag);
        self.pane.add_controller(drag);
        self.pane.add_controller(flick);
    }

    /// Where its corner is within the window.
    fn at(&self) -> (f64, f64) {
        let parent = self.pane.parent();
        let at = parent.and_then(|parent| self.pane.translate_coordinates(&parent, 0.0, 0.0));
        at.unwrap_or_default()
    }

    fn put(&self, (x, y): (f64, f64)) {
        self.pane.set_halign(gtk::Align::Start);
        self.pane.set_valign(gtk::Align::Start);
        self.pane.set_margin_start((x as i32).max(0));
        self.pane.set_margin_top((y as i32).max(0));
    }

    /// Lets it go, with a speed in pixels a second.
    fn let_go(&self, moved: (f64, f64), speed: (f64, f64)) {
        if moved == (0.0, 0.0) && speed == (0.0, 0.0) {
            return;
        }
        let Some(room) = self.pane.parent() else { return };
        let (x, y) = self.at();
        let middle = (
            x + f64::from(self.pane.width()) / 2.0 + speed.0 * CARRY,
            y + f64::from(self.pane.height()) / 2.0 + speed.1 * CARRY,
        );
        let room = (f64::from(room.width()), f64::from(room.height()));
        self.rest(Corner::nearest(middle, room));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_comes_to_rest_in_the_nearest_corner() {
        let nearest = |x, y| Corner::nearest((x, y), (100.0, 100.0));
        assert_eq!(nearest(10.0, 90.0), Corner { right: false, bottom: true });
        assert_eq!(nearest(-500.0, -500.0), Corner { right: false, bottom: false });
        assert_eq!(nearest(500.0, 51.0), Corner { right: true, bottom: true });
    }

    #[test]
    fn arrow_keys_move_it_and_no_other() {
        use gtk::gdk::Key;
        let corner = Corner { right: false, bottom: false };
        assert_eq!(corner.step(Key::Right), Some(Corner { right: true, bottom: false }));
        assert_eq!(corner.step(Key::Down), Some(Corner { right: false, bottom: true }));
        assert_eq!(corner.step(Key::Left), Some(corner));
        assert_eq!(corner.step(Key::a), None);
    }
}
