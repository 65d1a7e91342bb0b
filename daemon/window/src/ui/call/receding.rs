//! Controls that recede while nobody does anything, so that the picture is seen whole.
//!
//! Owns: when they are seen. Does not own: what they are, or what keeps them there. Invariant: what is not seen takes no
//! press: the first touch only brings it back.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::{Duration, Instant},
};

use adw::prelude::*;
use gtk::{gdk, glib};

/// As long as it takes to find the button that was looked for.
const WAIT: Duration = Duration::from_secs(4);

/// The controls of a window.
#[derive(Clone)]
pub(super) struct Receding(Rc<Inner>);

struct Inner {
    window: glib::WeakRef<adw::Window>,
    controls: Vec<gtk::Widget>,
    /// When somebody did something last.
    last: Cell<Instant>,
    pointer: RefCell<(f64, f64)>,
    seen: Cell<bool>,
}

impl Receding {
    /// Seen at first.
    pub(super) fn new(window: &adw::Window, controls: Vec<gtk::Widget>) -> Self {
        for control in &controls {
            control.add_css_class("receding");
        }
        let inner = Inner {
            window: window.downgrade(),
            controls,
            last: Cell::new(Instant::now()),
            pointer: RefCell::default(),
            seen: Cell::new(true),
        };
        let own = Self(Rc::new(inner));
        own.listen(window);
        own
    }

    fn listen(&self, window: &adw::Window) {
        let motion = gtk::EventControllerMotion::new();
        motion.set_propagation_phase(gtk::PropagationPhase::Capture);
        let own = self.clone();
        motion.connect_motion(move |_, x, y| {
            // GTK tells of one that is still, too, when something changes below it.
            if own.0.pointer.replace((x, y)) != (x, y) {
                own.wake();
            }
        });
        window.add_controller(motion);
        let touch = gtk::GestureClick::builder().button(0).build();
        touch.set_propagation_phase(gtk::PropagationPhase::Capture);
        let own = self.clone();
        touch.connect_pressed(move |_, _, _, _| own.wake());
        window.add_controller(touch);
        let keys = gtk::EventControllerKey::new();
        keys.set_propagation_phase(gtk::PropagationPhase::Capture);
        let own = self.clone();
        keys.connect_key_pressed(move |_, key, _, _| {
            let presses =
                [gdk::Key::space, gdk::Key::Return, gdk::Key::KP_Enter, gdk::Key::KP_Space];
            let is_unseen_press = !own.0.seen.get() && presses.contains(&key);
            own.wake();
            if is_unseen_press { glib::Propagation::Stop } else { glib::Propagation::Proceed }
        });
        window.add_controller(keys);
        let own = self.clone();
        window.connect_map(move |_| own.wake());
    }

    /// Somebody did something, or something is to be seen.
    pub(super) fn wake(&self) {
        self.0.last.set(Instant::now());
        self.show(true);
    }

    /// Called now and then. `kept`: something has to be seen.
    pub(super) fn tick(&self, kept: bool) {
        if kept {
            self.wake();
        } else if self.0.last.get().elapsed() > WAIT {
            self.show(false);
        }
    }

    fn show(&self, seen: bool) {
        if self.0.seen.replace(seen) == seen {
            return;
        }
        for control in &self.0.controls {
            control.set_can_target(seen);
            if seen {
                control.remove_css_class("receded");
            } else {
                control.add_css_class("receded");
            }
        }
        if let Some(window) = self.0.window.upgrade() {
            window.set_cursor_from_name((!seen).then_some("none"));
        }
    }
}
