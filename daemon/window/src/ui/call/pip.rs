//! Picture-in-picture: the call in a small window, while something else is done.
//!
//! Owns: that window. Does not own: its pictures, or the call's window, which it stands for. Invariant: one
//! of the two is shown, never both; closing this one brings the other back and ends no call.
//!
//! Where the session lets it, the picture alone is above all windows (`layer`). On GNOME, where no window can ask for that, an
//! extension does it for this one (`contrib/gnome-shell`), which it knows by the beginning of its title.

use std::{cell::RefCell, rc::Rc};

use adw::prelude::*;
use gtk::glib;

use super::{
    super::{
        pane::Pane,
        parts::{self, Shared},
    },
    layer::LayerPicture,
};

/// What its title begins with: a contract with the extension, the same in every language.
const TITLE: &str = "Ahoy picture-in-picture";

/// The small window, and what stands for it where there are layers.
pub(crate) struct Pip {
    window: adw::Window,
    pane: Pane,
    layer: Rc<RefCell<Option<LayerPicture>>>,
}

impl Pip {
    /// Hidden at first. `call`: the window it stands for.
    pub(crate) fn new(shared: &Shared, call: &adw::Window, pane: &Pane) -> Self {
        let back = parts::round("view-restore-symbolic", &shared.words.say("pip-back"), "osd");
        back.set_halign(gtk::Align::End);
        back.set_valign(gtk::Align::Start);
        for margin in ["margin-top", "margin-end"] {
            back.set_property(margin, 6);
        }
        let overlay = gtk::Overlay::new();
        overlay.set_child(Some(pane));
        overlay.add_overlay(&back);
        // Dragged by any place of it.
        let handle = gtk::WindowHandle::builder().child(&overlay).build();
        let window = adw::Window::builder()
            .title(TITLE)
            .default_width(320)
            .default_height(180)
            .width_request(160)
            .height_request(90)
            .content(&handle)
            .build();
        window.set_application(call.application().as_ref());
        window.add_css_class("call");
        let layer: Rc<RefCell<Option<LayerPicture>>> = Rc::default();
        let follower = layer.clone();
        pane.follow(move |picture, mirrored| {
            if let Some(layer) = &*follower.borrow() {
                layer.show(picture, mirrored);
            }
        });
        let own = Self { window, pane: pane.clone(), layer };
        own.listen(&back, call, &overlay);
        own
    }

    fn listen(&self, back: &gtk::Button, call: &adw::Window, picture: &gtk::Overlay) {
        let (small, large) = (self.window.downgrade(), call.downgrade());
        let return_to_call = move || {
            if let (Some(small), Some(large)) = (small.upgrade(), large.upgrade()) {
                small.set_visible(false);
                large.present();
            }
        };
        let returns = return_to_call.clone();
        back.connect_clicked(move |_| returns());
        let returns = return_to_call.clone();
        self.window.connect_close_request(move |_| {
            returns();
            glib::Propagation::Stop
        });
        let double = gtk::GestureClick::new();
        // Before the handle, which makes a window large by a double click.
        double.set_propagation_phase(gtk::PropagationPhase::Capture);
        double.connect_pressed(move |gesture, presses, _, _| {
            if presses == 2 {
                gesture.set_state(gtk::EventSequenceState::Claimed);
                return_to_call();
            }
        });
        picture.add_controller(double);
    }

    /// Shows it in the place of the call's window.
    pub(crate) fn show(&self, call: &adw::Window) {
        if !self.show_layer(call) {
            self.window.present();
        }
        call.set_visible(false);
    }

    /// False: nothing can be above everything here.
    fn show_layer(&self, call: &adw::Window) -> bool {
        let (layer, large) = (Rc::downgrade(&self.layer), call.downgrade());
        let over = move || {
            if let Some(layer) = layer.upgrade() {
                layer.replace(None);
            }
            if let Some(large) = large.upgrade() {
                large.present();
            }
        };
        match LayerPicture::open(call, over) {
            Ok(layer) => {
                self.layer.replace(Some(layer));
                self.pane.tell();
                true
            }
            Err(error) => {
                tracing::debug!(%error, "picture-in-picture is a window");
                false
            }
        }
    }

    /// Takes it away for good.
    pub(crate) fn destroy(&self) {
        self.layer.replace(None);
        self.window.destroy();
    }

    pub(crate) fn is_layer(&self) -> bool {
        self.layer.borrow().is_some()
    }

    /// Makes way for the call's window, if it can: a window stays in its place and has a way back; a layer, which no key
    /// reaches, goes. True: there is way.
    pub(crate) fn make_way(&self) -> bool {
        self.layer.replace(None);
        !self.window.is_visible()
    }
}
