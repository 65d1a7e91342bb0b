//! The buttons of a call that are always at hand, and the keys that press them.
//!
//! Owns: which there are for what a call can do. Does not own: the others (`more`), or what becomes of a press.
//! Invariant: a switch shows what the service says; pressing it asks, and it moves when the service has.

use std::{cell::RefCell, rc::Rc};

use adw::prelude::*;
use gtk::gdk;

use super::{
    super::parts::{self, Shared},
    more::More,
};
use crate::{
    service::Wish,
    state::{Call, Endpoint, Phase},
};

/// What a button asks of a call as it is now.
type Press = fn(String, &Call) -> Wish;

/// The bar. Six buttons fit beside each other on a phone of 360 pixels.
#[derive(Clone)]
pub(crate) struct Controls {
    pub(crate) bar: gtk::Box,
    mute: gtk::Button,
    camera: gtk::Button,
    /// Shows what is written.
    pub(crate) text: gtk::Button,
    /// Puts the call aside.
    pub(crate) pip: gtk::Button,
    more: More,
    hang_up: gtk::Button,
    now: Rc<RefCell<Call>>,
    shared: Shared,
}

impl Controls {
    pub(crate) fn new(shared: &Shared, path: &str) -> Self {
        let button =
            |icon, message: &str, class| parts::round(icon, &shared.words.say(message), class);
        let now: Rc<RefCell<Call>> = Rc::default();
        let own = Self {
            bar: gtk::Box::new(gtk::Orientation::Horizontal, 8),
            mute: button("audio-input-microphone-symbolic", "mute", "osd"),
            camera: button("camera-web-symbolic", "camera-on", "osd"),
            text: button("chat-message-new-symbolic", "text", "osd"),
            pip: button("view-restore-symbolic", "pip", "osd"),
            more: More::new(shared, path, &now),
            hang_up: button("call-stop-symbolic", "hang-up", "hang-up"),
            now,
            shared: shared.clone(),
        };
        own.bar.add_css_class("controls");
        own.bar.set_halign(gtk::Align::Center);
        own.bar.set_valign(gtk::Align::End);
        own.bar.set_margin_bottom(18);
        for button in [&own.mute, &own.camera, &own.text, &own.pip] {
            own.bar.append(button);
        }
        own.bar.append(&own.more.button);
        own.bar.append(&own.hang_up);
        own.listen(path);
        own
    }

    fn listen(&self, path: &str) {
        let connect = |button: &gtk::Button, wish: Press| {
            let (shared, now, path) = (self.shared.clone(), self.now.clone(), path.to_owned());
            button.connect_clicked(move |_| shared.ask(wish(path.clone(), &now.borrow())));
        };
        connect(&self.mute, |path, call| Wish::SetMuted(path, !call.muted));
        connect(&self.camera, |path, call| Wish::SetVideo(path, !call.camera));
        connect(&self.hang_up, |path, _| Wish::HangUp(path));
    }

    /// Shows what the call is, and what it can.
    pub(crate) fn show(&self, call: &Call) {
        let say = |message: &str| self.shared.words.say(message);
        let active = call.phase == Phase::Active;
        let look = |button: &gtk::Button, (icon, message): (&str, &str), on: bool| {
            button.set_icon_name(icon);
            parts::name(button, &say(message));
            if on { button.add_css_class("on") } else { button.remove_css_class("on") }
        };
        let mute = if call.muted {
            ("microphone-disabled-symbolic", "unmute")
        } else {
            ("audio-input-microphone-symbolic", "mute")
        };
        look(&self.mute, mute, call.muted);
        let camera = if call.camera {
            ("camera-web-symbolic", "camera-off")
        } else {
            ("camera-disabled-symbolic", "camera-on")
        };
        look(&self.camera, camera, !call.camera);
        let ended = call.phase == Phase::Ended;
        self.mute.set_sensitive(!ended);
        self.camera.set_visible(call.can("video"));
        self.camera.set_sensitive(active);
        self.text.set_visible(call.text.is_some());
        self.pip.set_visible(call.remote_video && active);
        self.hang_up.set_sensitive(!ended);
        self.more.show(call);
        self.now.replace(call.clone());
    }

    /// Whether its menu is open, or somebody has written what was not read.
    pub(crate) fn is_used(&self) -> bool {
        super::is_open(&self.more.button) || self.text.has_css_class("news")
    }

    /// Shows where calls can be heard.
    pub(crate) fn show_endpoints(&self, endpoints: &[Endpoint], current: &str) {
        self.more.show_endpoints(endpoints, current);
    }

    /// Presses the button of a key; false: it has none.
    pub(crate) fn key(&self, key: gdk::Key) -> bool {
        let button = match key {
            gdk::Key::m | gdk::Key::M => &self.mute,
            gdk::Key::v | gdk::Key::V => &self.camera,
            gdk::Key::t | gdk::Key::T => &self.text,
            gdk::Key::c | gdk::Key::C => self.more.switch_camera(),
            _ => return false,
        };
        let can = button.is_visible() && button.is_sensitive();
        if can {
            button.emit_clicked();
        }
        can
    }
}
