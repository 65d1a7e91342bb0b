//! The window that asks about a call that rings.
//!
//! Owns: what it shows and its buttons. Does not own: when it is there (`app`). Invariant: opening it or
//! closing it answers nothing; only its buttons do.

use adw::prelude::*;
use gtk::glib;

use super::{
    locked,
    parts::{self, Shared},
};
use crate::{
    service::{Service, Wish},
    state::Call,
    words::Words,
};

/// The window.
pub(crate) struct Incoming {
    pub(crate) path: String,
    window: adw::Window,
    name: gtk::Label,
    kind: gtk::Label,
    face: adw::Avatar,
    video: gtk::Box,
    shared: Shared,
}

impl Incoming {
    /// Shows a call.
    pub(crate) fn open(
        app: &adw::Application,
        (words, service): (&std::rc::Rc<Words>, &Service),
        path: &str,
        (call, locked): (&Call, bool),
    ) -> Self {
        let shared = Shared::new(words, service);
        let who = who(words, call, locked);
        let face = parts::face(96, &who, &call.picture);
        let name = label("title-1");
        let kind = label("dim-label");
        let (buttons, video) = buttons(&shared, path);
        let column = gtk::Box::new(gtk::Orientation::Vertical, 12);
        for side in [&face.clone().upcast::<gtk::Widget>(), name.upcast_ref(), kind.upcast_ref()] {
            column.append(side);
        }
        column.append(&buttons);
        buttons.set_margin_top(18);
        column.set_valign(gtk::Align::Center);
        for margin in ["margin-top", "margin-bottom", "margin-start", "margin-end"] {
            column.set_property(margin, 24);
        }
        let header = adw::HeaderBar::builder().css_classes(["flat"]).build();
        header.set_title_widget(Some(&gtk::Label::new(None)));
        let all = gtk::Box::new(gtk::Orientation::Vertical, 0);
        all.append(&header);
        all.append(&column);
        shared.toasts.set_child(Some(&all));
        let window = adw::Window::builder()
            .application(app)
            .default_width(360)
            .content(&shared.toasts)
            .resizable(false)
            .build();
        locked::show_above(&window);
        let own = Self { path: path.to_owned(), window, name, kind, face, video, shared };
        own.show(call, locked);
        own.window.present();
        own
    }

    /// Shows what has become of the call.
    pub(crate) fn show(&self, call: &Call, locked: bool) {
        let words = &self.shared.words;
        let who = who(words, call, locked);
        self.name.set_text(&who);
        self.face.set_text(Some(&who));
        let mut kind = parts::doing(words, call, parts::now());
        if let Some(protection) = parts::protection(words, call) {
            kind = format!("{kind} · {protection}");
        }
        self.kind.set_text(&kind);
        self.window.set_title(Some(&format!("{kind}: {who}")));
        self.video.set_visible(call.remote_video && call.can("video"));
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        self.window.destroy();
    }
}

/// Who rings; a locked session, above which this may be seen, says no address, as it says no name without leave.
fn who(words: &Words, call: &Call, locked: bool) -> String {
    if locked && !call.named { words.say("somebody") } else { parts::who(words, call) }
}

fn label(class: &str) -> gtk::Label {
    let label = gtk::Label::builder()
        .wrap(true)
        .wrap_mode(gtk::pango::WrapMode::WordChar)
        .lines(3)
        .ellipsize(gtk::pango::EllipsizeMode::End)
        .justify(gtk::Justification::Center)
        .max_width_chars(24)
        .build();
    label.add_css_class(class);
    label
}

/// The row of buttons, and the one that answers with video.
fn buttons(shared: &Shared, path: &str) -> (gtk::Box, gtk::Box) {
    let row = gtk::Box::new(gtk::Orientation::Horizontal, 24);
    row.set_halign(gtk::Align::Center);
    let answer = |video| Wish::Answer { call: path.to_owned(), video };
    let decline = Wish::Decline(path.to_owned());
    let decline = choice(shared, ("call-stop-symbolic", "decline", "hang-up"), decline);
    let video = choice(shared, ("camera-web-symbolic", "answer-video", "answer"), answer(true));
    let voice = choice(shared, ("call-start-symbolic", "answer", "answer"), answer(false));
    for one in [&decline, &video, &voice] {
        row.append(one);
    }
    (row, video)
}

/// A large round button with its words below.
fn choice(shared: &Shared, (icon, message, class): (&str, &str, &str), wish: Wish) -> gtk::Box {
    let text = shared.words.say(message);
    let button = parts::round(icon, &text, class);
    button.add_css_class("large");
    let asked = shared.clone();
    button.connect_clicked(move |_| asked.ask(wish.clone()));
    let below = gtk::Label::builder()
        .label(glib::markup_escape_text(&text))
        .wrap(true)
        .justify(gtk::Justification::Center)
        .max_width_chars(10)
        .css_classes(["caption"])
        .build();
    // The button is read with its own name.
    below.set_can_target(false);
    let column = gtk::Box::new(gtk::Orientation::Vertical, 6);
    column.append(&button);
    column.append(&below);
    button.set_halign(gtk::Align::Center);
    column
}
