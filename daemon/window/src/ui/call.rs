//! The window of a call.
//!
//! Owns: its pictures, its title and its buttons. Does not own: when it is there (`app`). Invariant: it
//! shows what the service says, never what was pressed; closing the window does not end the call.

mod controls;
mod pictures;
mod pip;

use std::rc::Rc;

use adw::prelude::*;
use gtk::{gdk, glib};

use self::{controls::Controls, pictures::Pictures, pip::Pip};
use super::parts::{self, Shared};
use crate::{
    service::{Service, Wish},
    state::{Call, Phase},
    words::Words,
};

/// The window.
pub(crate) struct CallWindow {
    pub(crate) path: String,
    window: adw::Window,
    title: adw::WindowTitle,
    face: adw::Avatar,
    name: gtk::Label,
    doing: gtk::Label,
    nobody: gtk::Box,
    pictures: Rc<Pictures>,
    controls: Controls,
    pip: Rc<Pip>,
    shared: Shared,
}

impl CallWindow {
    /// Shows a call.
    pub(crate) fn open(
        app: &adw::Application,
        (words, service): (&Rc<Words>, &Service),
        path: &str,
        call: &Call,
    ) -> Self {
        let shared = Shared::new(words, service);
        let title = adw::WindowTitle::new("", "");
        let header = adw::HeaderBar::builder().title_widget(&title).css_classes(["flat", "osd"]);
        let header = header.valign(gtk::Align::Start).build();
        let who = parts::who(words, call);
        let face = parts::face(128, &who, &call.picture);
        let (name, doing) = (gtk::Label::new(None), gtk::Label::new(None));
        let nobody = nobody(&face, &name, &doing);
        let pictures = Rc::new(Pictures::new());
        let controls = Controls::new(&shared, path);
        let overlay = gtk::Overlay::new();
        overlay.set_child(Some(&pictures.large));
        for above in [nobody.upcast_ref(), pictures.small.pane.upcast_ref::<gtk::Widget>()] {
            overlay.add_overlay(above);
        }
        overlay.add_overlay(&controls.bar);
        overlay.add_overlay(&header);
        shared.toasts.set_child(Some(&overlay));
        let window = adw::Window::builder()
            .application(app)
            .default_width(960)
            .default_height(600)
            .width_request(360)
            .height_request(360)
            .content(&shared.toasts)
            .build();
        window.add_css_class("call");
        let path = path.to_owned();
        let pip = Rc::new(Pip::new(&shared, &window, &pictures.aside));
        let own = Self {
            path,
            window,
            title,
            face,
            name,
            doing,
            nobody,
            pictures,
            controls,
            pip,
            shared,
        };
        own.listen();
        own.show(call);
        own.window.present();
        own
    }

    /// Shows what has become of the call.
    pub(crate) fn show(&self, call: &Call) {
        let words = &self.shared.words;
        let who = parts::who(words, call);
        self.face.set_text(Some(&who));
        self.name.set_text(&who);
        self.window.set_title(Some(&who));
        self.title.set_title(&who);
        self.controls.show(call);
        self.pictures.show(call, words);
        self.tick(call);
    }

    /// What changes by itself.
    pub(crate) fn tick(&self, call: &Call) {
        let words = &self.shared.words;
        let doing = parts::doing(words, call, parts::now());
        self.doing.set_text(&doing);
        let protection = parts::protection(words, call);
        let line = [Some(doing), protection].into_iter().flatten().collect::<Vec<_>>().join(" · ");
        self.title.set_subtitle(&line);
        self.nobody.set_visible(!self.pictures.has_picture());
    }

    /// Brings it forward.
    pub(crate) fn present(&self) {
        if !self.pip.is_shown() {
            self.window.present();
        }
    }

    fn listen(&self) {
        let keys = gtk::EventControllerKey::new();
        keys.set_propagation_phase(gtk::PropagationPhase::Capture);
        let (pictures, controls) = (self.pictures.clone(), self.controls.clone());
        let (shared, path) = (self.shared.clone(), self.path.clone());
        let aside = self.aside();
        keys.connect_key_pressed(move |_, key, _, modifiers| {
            let done = if modifiers.contains(gdk::ModifierType::CONTROL_MASK) {
                match key {
                    gdk::Key::w => {
                        shared.ask(Wish::HangUp(path.clone()));
                        true
                    }
                    gdk::Key::h => pictures.toggle_small(),
                    other => pictures.small.step(other),
                }
            } else if matches!(key, gdk::Key::p | gdk::Key::P | gdk::Key::Escape) {
                aside();
                true
            } else {
                controls.key(key)
            };
            if done { glib::Propagation::Stop } else { glib::Propagation::Proceed }
        });
        self.window.add_controller(keys);
        let aside = self.aside();
        self.controls.pip.connect_clicked(move |_| aside());
        let double = gtk::GestureClick::new();
        let pictures = self.pictures.clone();
        double.connect_pressed(move |_, presses, _, _| {
            if presses == 2 {
                pictures.swap();
            }
        });
        self.pictures.small.pane.add_controller(double);
        // The window goes, the call stays: it is ended by its red button only.
        self.window.set_hide_on_close(true);
    }

    /// Puts the call aside, into a small window; without a picture there is nothing to put there.
    fn aside(&self) -> impl Fn() + use<> {
        let (pip, pictures) = (self.pip.clone(), self.pictures.clone());
        let window = self.window.downgrade();
        move || {
            if let Some(window) = window.upgrade().filter(|_| pictures.has_picture()) {
                pip.show(&window);
            }
        }
    }

    /// Whether it still has something to say of a call.
    pub(crate) const fn keeps(call: &Call) -> bool {
        matches!(call.phase, Phase::Ended)
    }
}

impl Drop for CallWindow {
    fn drop(&mut self) {
        self.pip.destroy();
        self.window.destroy();
    }
}

/// What is shown where there is no picture.
fn nobody(face: &adw::Avatar, name: &gtk::Label, doing: &gtk::Label) -> gtk::Box {
    name.add_css_class("title-1");
    name.set_ellipsize(gtk::pango::EllipsizeMode::End);
    name.set_max_width_chars(24);
    doing.add_css_class("doing");
    let column = gtk::Box::new(gtk::Orientation::Vertical, 12);
    column.append(face);
    column.append(name);
    column.append(doing);
    column.set_halign(gtk::Align::Center);
    column.set_valign(gtk::Align::Center);
    column.set_can_target(false);
    column
}
