//! The buttons of a call, and the keys that press them.
//!
//! Owns: which there are for what a call can do. Does not own: what becomes of a press. Invariant: a
//! switch shows what the service says; pressing it asks, and it moves when the service has.

use adw::prelude::*;
use gtk::gdk;

use super::super::parts::{self, Shared};
use crate::{
    service::Wish,
    state::{Call, Phase},
};

/// What a keypad has, row by row.
const KEYS: [&str; 12] = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"];

/// The bar.
#[derive(Clone)]
pub(crate) struct Controls {
    pub(crate) bar: gtk::Box,
    mute: gtk::Button,
    camera: gtk::Button,
    switch: gtk::Button,
    hold: gtk::Button,
    keypad: gtk::MenuButton,
    /// Puts the call aside.
    pub(crate) pip: gtk::Button,
    hang_up: gtk::Button,
    now: std::rc::Rc<std::cell::RefCell<Call>>,
    shared: Shared,
}

impl Controls {
    pub(crate) fn new(shared: &Shared, path: &str) -> Self {
        let button =
            |icon, message: &str, class| parts::round(icon, &shared.words.say(message), class);
        let own = Self {
            bar: gtk::Box::new(gtk::Orientation::Horizontal, 12),
            mute: button("audio-input-microphone-symbolic", "mute", "osd"),
            camera: button("camera-web-symbolic", "camera-on", "osd"),
            switch: button("camera-switch-symbolic", "switch-camera", "osd"),
            hold: button("media-playback-pause-symbolic", "hold", "osd"),
            keypad: keypad(shared, path),
            pip: button("view-restore-symbolic", "pip", "osd"),
            hang_up: button("call-stop-symbolic", "hang-up", "hang-up"),
            now: std::rc::Rc::default(),
            shared: shared.clone(),
        };
        own.bar.add_css_class("controls");
        own.bar.set_halign(gtk::Align::Center);
        own.bar.set_valign(gtk::Align::End);
        own.bar.set_margin_bottom(18);
        let buttons = [&own.mute, &own.camera, &own.switch, &own.hold];
        buttons.into_iter().for_each(|button| own.bar.append(button));
        own.bar.append(&own.keypad);
        own.bar.append(&own.pip);
        own.bar.append(&own.hang_up);
        own.listen(path);
        own
    }

    fn listen(&self, path: &str) {
        let connect = |button: &gtk::Button, wish: fn(String, &Call) -> Wish| {
            let (shared, now, path) = (self.shared.clone(), self.now.clone(), path.to_owned());
            button.connect_clicked(move |_| shared.ask(wish(path.clone(), &now.borrow())));
        };
        connect(&self.mute, |path, call| Wish::SetMuted(path, !call.muted));
        connect(&self.camera, |path, call| Wish::SetVideo(path, !call.camera));
        connect(&self.switch, |path, _| Wish::SwitchCamera(path));
        connect(&self.hold, |path, call| Wish::SetHeld(path, !call.held));
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
        let hold = if call.held {
            ("media-playback-start-symbolic", "resume")
        } else {
            ("media-playback-pause-symbolic", "hold")
        };
        look(&self.hold, hold, call.held);
        let ended = call.phase == Phase::Ended;
        self.mute.set_sensitive(!ended);
        self.camera.set_visible(call.can("video"));
        self.camera.set_sensitive(active);
        self.switch.set_visible(call.can("video") && call.camera);
        self.hold.set_visible(call.can("hold"));
        self.hold.set_sensitive(active && !call.busy);
        self.keypad.set_visible(call.can("dtmf"));
        self.keypad.set_sensitive(active);
        self.pip.set_visible(call.remote_video && active);
        self.hang_up.set_sensitive(!ended);
        self.now.replace(call.clone());
    }

    /// Presses the button of a key; false: it has none.
    pub(crate) fn key(&self, key: gdk::Key) -> bool {
        let button = match key {
            gdk::Key::m | gdk::Key::M => &self.mute,
            gdk::Key::v | gdk::Key::V => &self.camera,
            gdk::Key::c | gdk::Key::C => &self.switch,
            _ => return false,
        };
        let can = button.is_visible() && button.is_sensitive();
        if can {
            button.emit_clicked();
        }
        can
    }
}

fn keypad(shared: &Shared, path: &str) -> gtk::MenuButton {
    let grid = gtk::Grid::builder().row_spacing(6).column_spacing(6).build();
    for (at, key) in (0_i32..).zip(KEYS) {
        let button = gtk::Button::with_label(key);
        button.add_css_class("circular");
        button.add_css_class("key");
        let (shared, path) = (shared.clone(), path.to_owned());
        button.connect_clicked(move |_| shared.ask(Wish::Press(path.clone(), key.to_owned())));
        grid.attach(&button, at % 3, at / 3, 1, 1);
    }
    let popover = gtk::Popover::builder().child(&grid).build();
    let button = gtk::MenuButton::builder().icon_name("input-dialpad-symbolic").popover(&popover);
    let button = button.direction(gtk::ArrowType::Up).css_classes(["circular", "osd"]).build();
    parts::name(&button, &shared.words.say("keypad"));
    button
}
