//! The menu of a call: what is not needed all the time.
//!
//! Owns: hold, keypad, switching the camera, captions, sharing the screen, where the call is heard. Does not
//! own: which microphones and cameras there are (`choosing`), or what becomes of a press. Invariant: what the call cannot do is not in it.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use adw::prelude::*;

use super::{
    super::{
        accessible,
        parts::{self, Shared},
    },
    choosing::{self, Choosing},
};
use crate::{
    service::Wish,
    state::{Call, Endpoint, Phase},
};

/// What a keypad has, row by row.
const KEYS: [&str; 12] = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"];

/// The menu, and the button that opens it.
#[derive(Clone)]
pub(crate) struct More {
    pub(crate) button: gtk::MenuButton,
    hold: Entry,
    switch: Entry,
    captions: Entry,
    share: Entry,
    keypad: gtk::Expander,
    heard: gtk::Box,
    choosing: Choosing,
    shown: Rc<RefCell<(Vec<Endpoint>, String)>>,
    /// No property says whether they are on: what was asked for here last, or that some came.
    captioned: Rc<Cell<bool>>,
    shared_screen: Rc<Cell<bool>>,
    now: Rc<RefCell<Call>>,
    shared: Shared,
    path: Rc<str>,
}

/// A line with an icon and words.
#[derive(Clone)]
struct Entry {
    button: gtk::Button,
    content: adw::ButtonContent,
}

impl Entry {
    fn new(icon: &str, into: &gtk::Box) -> Self {
        let content = adw::ButtonContent::builder().icon_name(icon).halign(gtk::Align::Start);
        let content = content.build();
        let button = gtk::Button::builder().child(&content).css_classes(["flat"]).build();
        into.append(&button);
        Self { button, content }
    }

    fn say(&self, text: &str) {
        self.content.set_label(text);
        accessible::label(&self.button, text);
    }
}

impl More {
    pub(crate) fn new(shared: &Shared, path: &str, now: &Rc<RefCell<Call>>) -> Self {
        let menu = gtk::Box::new(gtk::Orientation::Vertical, 3);
        let entry = |icon| Entry::new(icon, &menu);
        let (hold, switch, captions, share) = (
            entry("media-playback-pause-symbolic"),
            entry("camera-switch-symbolic"),
            entry("media-view-subtitles-symbolic"),
            entry("video-display-symbolic"),
        );
        switch.say(&shared.words.say("switch-camera"));
        let keypad = gtk::Expander::builder().label(shared.words.say("keypad"));
        let keypad = keypad.child(&keys(shared, path)).build();
        menu.append(&keypad);
        let heard = gtk::Box::new(gtk::Orientation::Vertical, 0);
        menu.append(&heard);
        let choosing = Choosing::new(shared, path);
        menu.append(&choosing.column);
        let scrolled = gtk::ScrolledWindow::builder().child(&menu).max_content_height(420);
        let scrolled = scrolled.propagate_natural_height(true).propagate_natural_width(true);
        let scrolled = scrolled.hscrollbar_policy(gtk::PolicyType::Never).build();
        let popover = gtk::Popover::builder().child(&scrolled).build();
        let button = gtk::MenuButton::builder().icon_name("view-more-symbolic").popover(&popover);
        let button = button.direction(gtk::ArrowType::Up).css_classes(["circular", "osd"]);
        let button = button.build();
        parts::name(&button, &shared.words.say("more"));
        let (shown, captioned, shared_screen) = Default::default();
        let (now, shared, path) = (now.clone(), shared.clone(), Rc::from(path));
        let own = Self {
            button,
            hold,
            switch,
            captions,
            share,
            keypad,
            heard,
            choosing,
            shown,
            captioned,
            shared_screen,
            now,
            shared,
            path,
        };
        own.listen(&popover);
        own
    }

    fn listen(&self, popover: &gtk::Popover) {
        let connect = |entry: &Entry, wish: fn(&Self) -> Wish| {
            let (own, popover) = (self.clone(), popover.downgrade());
            entry.button.connect_clicked(move |_| {
                own.shared.ask(wish(&own));
                own.show(&own.now.borrow());
                if let Some(popover) = popover.upgrade() {
                    popover.popdown();
                }
            });
        };
        let own = self.clone();
        popover.connect_show(move |_| own.choosing.look(&own.now.borrow()));
        connect(&self.hold, |own| Wish::SetHeld(own.path(), !own.now.borrow().held));
        connect(&self.switch, |own| {
            own.choosing.switched();
            Wish::SwitchCamera(own.path(), String::new())
        });
        connect(&self.captions, |own| Wish::SetCaptions(own.path(), turned(&own.captioned)));
        connect(&self.share, |own| Wish::SetScreenShare(own.path(), turned(&own.shared_screen)));
    }

    fn path(&self) -> String {
        self.path.to_string()
    }

    /// The button that a key presses, too.
    pub(crate) const fn switch_camera(&self) -> &gtk::Button {
        &self.switch.button
    }

    /// Shows what the call is, and what it can.
    pub(crate) fn show(&self, call: &Call) {
        let active = call.phase == Phase::Active;
        let say = |message: &str| self.shared.words.say(message);
        if call.captions.as_ref().is_some_and(|captions| !captions.shown().is_empty()) {
            self.captioned.set(true);
        }
        let either =
            |on: bool, [off_word, on_word]: [&str; 2]| say(if on { on_word } else { off_word });
        self.hold.say(&either(call.held, ["hold", "resume"]));
        self.captions.say(&either(self.captioned.get(), ["captions-on", "captions-off"]));
        self.share.say(&either(self.shared_screen.get(), ["share-screen", "stop-sharing"]));
        self.hold.button.set_visible(call.can("hold"));
        self.hold.button.set_sensitive(active && !call.busy);
        self.switch.button.set_visible(call.can("video") && call.camera);
        self.captions.button.set_visible(call.captions.is_some());
        self.share.button.set_visible(call.can("screen-share"));
        self.keypad.set_visible(call.can("dtmf"));
        self.keypad.set_sensitive(active);
        self.button.set_sensitive(call.phase != Phase::Ended);
    }

    /// Shows where the call is heard, and where it could be.
    pub(crate) fn show_endpoints(&self, endpoints: &[Endpoint], current: &str) {
        let now = (endpoints.to_vec(), current.to_owned());
        if *self.shown.borrow() == now {
            return;
        }
        self.shown.replace(now);
        while let Some(row) = self.heard.first_child() {
            self.heard.remove(&row);
        }
        // One is no choice.
        self.heard.set_visible(endpoints.len() > 1);
        self.heard.append(&choosing::heading(&self.shared.words.say("heard-by")));
        for endpoint in endpoints {
            let is_now = endpoint.id == current;
            let row = choosing::choice(&self.shared.words, &endpoint.name, is_now);
            row.set_sensitive(endpoint.is_there);
            let (shared, path, id) = (self.shared.clone(), self.path(), endpoint.id.clone());
            row.connect_clicked(move |row| {
                shared.ask(Wish::SetEndpoint(path.clone(), id.clone()));
                choosing::close(row);
            });
            self.heard.append(&row);
        }
    }
}

/// Turns a switch over; what it is now.
fn turned(switch: &Cell<bool>) -> bool {
    switch.set(!switch.get());
    switch.get()
}

fn keys(shared: &Shared, path: &str) -> gtk::Grid {
    let grid = gtk::Grid::builder().row_spacing(6).column_spacing(6).build();
    grid.set_halign(gtk::Align::Center);
    for (at, key) in (0_i32..).zip(KEYS) {
        let button = gtk::Button::with_label(key);
        button.add_css_class("circular");
        button.add_css_class("key");
        let (shared, path) = (shared.clone(), path.to_owned());
        button.connect_clicked(move |_| shared.ask(Wish::Press(path.clone(), key.to_owned())));
        grid.attach(&button, at % 3, at / 3, 1, 1);
    }
    grid
}
