//! The window of a call.
//!
//! Owns: its pictures, its title and its buttons. Does not own: when it is there (`app`). Invariant: it
//! shows what the service says, never what was pressed; closing the window does not end the call.

mod choosing;
mod controls;
mod gauge;
mod layer;
mod more;
mod pictures;
mod pip;
mod receding;
mod safety;
mod text;

use std::{cell::RefCell, rc::Rc};

use adw::prelude::*;
use gtk::{gdk, glib};

use self::{
    controls::Controls, gauge::Gauge, pictures::Pictures, pip::Pip, receding::Receding,
    text::TextPanel,
};
use super::parts::{self, Shared};
use crate::{
    service::{Service, Wish},
    state::{Call, Endpoint, Phase},
    talk::Captions,
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
    captions: gtk::Label,
    pictures: Rc<Pictures>,
    controls: Controls,
    lock: gtk::Button,
    gauge: Gauge,
    text: TextPanel,
    /// What is written beside the pictures, or above them where there is no room.
    flap: adw::Flap,
    pip: Rc<Pip>,
    receding: Receding,
    now: Rc<RefCell<Call>>,
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
        let (lock, gauge) =
            (gtk::Button::from_icon_name("channel-secure-symbolic"), Gauge::new(&shared));
        parts::name(&lock, &words.say("safety-number"));
        let header = adw::HeaderBar::builder().title_widget(&title).css_classes(["flat", "osd"]);
        let header = header.valign(gtk::Align::Start).build();
        header.pack_start(&lock);
        header.pack_end(&gauge.button);
        let who = parts::who(words, call);
        let face = parts::face(128, &who, &call.picture);
        let (name, doing) = (gtk::Label::new(None), gtk::Label::new(None));
        let nobody = nobody(&face, &name, &doing);
        let pictures = Rc::new(Pictures::new());
        let controls = Controls::new(&shared, path);
        let overlay = gtk::Overlay::new();
        overlay.set_child(Some(&pictures.large));
        let captions = captions();
        let above = [nobody.upcast_ref::<gtk::Widget>(), pictures.small.pane.upcast_ref()];
        above.into_iter().for_each(|above| overlay.add_overlay(above));
        overlay.add_overlay(&captions);
        overlay.add_overlay(&controls.bar);
        overlay.add_overlay(&header);
        shared.toasts.set_child(Some(&overlay));
        shared.toasts.set_hexpand(true);
        let text = TextPanel::new(&shared, path);
        let flap = adw::Flap::builder().content(&shared.toasts).flap(&text.panel);
        let flap = flap.flap_position(gtk::PackType::End).reveal_flap(false).build();
        let window = adw::Window::builder()
            .application(app)
            .default_width(960)
            .default_height(600)
            .width_request(360)
            .height_request(360)
            .content(&flap)
            .build();
        window.add_css_class("call");
        let receding = Receding::new(&window, vec![header.upcast(), controls.bar.clone().upcast()]);
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
            captions,
            pictures,
            controls,
            lock,
            gauge,
            text,
            flap,
            pip,
            receding,
            now: Rc::default(),
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
        self.gauge.show(&call.quality);
        self.lock.set_visible(!call.safety_number.is_empty());
        let said = call.captions.as_ref().map(Captions::shown).unwrap_or_default();
        self.captions.set_visible(!said.is_empty());
        self.captions.set_text(&said);
        self.show_text(call);
        let before = self.now.replace(call.clone());
        let looks = |call: &Call| (call.phase, call.muted, call.camera, call.remote_video);
        if looks(&before) != looks(call) {
            self.receding.wake();
        }
        self.tick(call);
    }

    /// Shows where calls can be heard.
    pub(crate) fn show_endpoints(&self, endpoints: &[Endpoint]) {
        self.controls.show_endpoints(endpoints, &self.now.borrow().endpoint);
    }

    fn show_text(&self, call: &Call) {
        let newest = self.text.show(call);
        let is_open = self.flap.reveals_flap();
        if let Some(line) = newest.filter(|_| !is_open) {
            self.controls.text.add_css_class("news");
            self.shared.tell(&line);
        }
        if is_open {
            self.controls.text.remove_css_class("news");
        }
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
        self.receding.tick(self.keeps_controls(call));
    }

    /// Whether something has to be seen of them, or is being used.
    fn keeps_controls(&self, call: &Call) -> bool {
        let is_held = call.held || call.held_there;
        let is_plain = call.phase == Phase::Active && !call.muted && !is_held;
        !is_plain
            || !self.pictures.has_picture()
            || self.flap.reveals_flap()
            || self.controls.is_used()
            || is_open(&self.gauge.button)
            || self.window.gets_focus_visible()
    }

    /// Brings it forward.
    pub(crate) fn present(&self) {
        if self.pip.make_way() {
            self.window.present();
        }
    }

    /// Not every locker of screens covers what is above everything: there it is no longer once the session is locked.
    pub(crate) fn show_locked(&self, locked: bool) {
        if locked && self.pip.is_layer() {
            self.present();
        }
    }

    fn listen(&self) {
        let keys = gtk::EventControllerKey::new();
        keys.set_propagation_phase(gtk::PropagationPhase::Capture);
        let (pictures, controls) = (self.pictures.clone(), self.controls.clone());
        let (shared, path) = (self.shared.clone(), self.path.clone());
        let (aside, flap) = (self.aside(), self.flap.clone());
        keys.connect_key_pressed(move |keys, key, _, modifiers| {
            // Who writes wants letters.
            let writes = keys.widget().and_then(|window| window.root()?.focus());
            let writes = writes.is_some_and(|focus| focus.is::<gtk::Text>());
            let done = if modifiers.contains(gdk::ModifierType::CONTROL_MASK) {
                match key {
                    gdk::Key::w => {
                        shared.ask(Wish::HangUp(path.clone()));
                        true
                    }
                    gdk::Key::h => pictures.toggle_small(),
                    other => pictures.small.step(other),
                }
            } else if writes {
                let leaves = key == gdk::Key::Escape;
                flap.set_reveal_flap(!leaves);
                leaves
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
        self.listen_beside();
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

    /// The safety number, and what is written.
    fn listen_beside(&self) {
        let (shared, path, now) = (self.shared.clone(), self.path.clone(), self.now.clone());
        let window = self.window.downgrade();
        self.lock.connect_clicked(move |_| {
            let Some(window) = window.upgrade() else { return };
            let call = now.borrow();
            let who = parts::who(&shared.words, &call);
            safety::compare(&window, &shared, &path, &who, &call.safety_number);
        });
        let (flap, text) = (self.flap.clone(), self.text.clone());
        self.controls.text.connect_clicked(move |button| {
            flap.set_reveal_flap(!flap.reveals_flap());
            if flap.reveals_flap() {
                button.remove_css_class("news");
                text.focus();
            }
        });
        let flap = self.flap.clone();
        self.text.close.connect_clicked(move |_| flap.set_reveal_flap(false));
        // To a screen reader what is closed is not there either: GTK 4.8 would have it write into a closed panel, whose
        // buttons do nothing.
        let panel = self.text.panel.clone();
        let show = move |flap: &adw::Flap| {
            panel.set_visible(flap.reveals_flap() || flap.reveal_progress() > 0.0);
        };
        show(&self.flap);
        self.flap.connect_reveal_flap_notify(show.clone());
        self.flap.connect_reveal_progress_notify(show);
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
        self.pictures.stop();
        // What is in it knows where failures are told, and that is what it is in.
        self.shared.toasts.set_child(None::<&gtk::Widget>);
        self.window.destroy();
    }
}

/// Whether its popover is.
fn is_open(button: &gtk::MenuButton) -> bool {
    button.popover().is_some_and(|popover| popover.is_visible())
}

/// Where the other side's words stand, above the buttons.
fn captions() -> gtk::Label {
    let label = gtk::Label::builder()
        .wrap(true)
        .justify(gtk::Justification::Center)
        .max_width_chars(46)
        .halign(gtk::Align::Center)
        .valign(gtk::Align::End)
        .margin_bottom(96)
        .can_target(false)
        .visible(false)
        .build();
    label.add_css_class("captions");
    label
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
