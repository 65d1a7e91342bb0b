//! A small window that says who it is, what it is doing, and has a row of large buttons below: also above a lock screen.
//!
//! Owns: what it shows of a call. Does not own: its buttons. Invariant: while the session is locked it names nobody without
//! leave.

use adw::prelude::*;
use gtk::glib;

use super::{
    locked,
    parts::{self, Shared},
};
use crate::{service::Wish, state::Call};

/// The window.
pub(super) struct Card {
    window: adw::Window,
    name: gtk::Label,
    kind: gtk::Label,
    face: adw::Avatar,
    shared: Shared,
}

impl Card {
    /// Of a call, not shown yet.
    pub(super) fn new(
        app: &adw::Application,
        shared: &Shared,
        (call, locked): (&Call, bool),
        buttons: &gtk::Box,
    ) -> Self {
        let face = parts::face(96, "", &call.picture);
        let name = label("title-1");
        let kind = label("dim-label");
        let column = gtk::Box::new(gtk::Orientation::Vertical, 12);
        for side in [&face.clone().upcast::<gtk::Widget>(), name.upcast_ref(), kind.upcast_ref()] {
            column.append(side);
        }
        column.append(buttons);
        buttons.set_halign(gtk::Align::Center);
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
        let own = Self { window, name, kind, face, shared: shared.clone() };
        own.show(call, locked);
        own
    }

    /// Shows what has become of the call.
    pub(super) fn show(&self, call: &Call, locked: bool) {
        let words = &self.shared.words;
        let on_lock = locked.then(|| call.on_lock());
        let call = on_lock.as_ref().unwrap_or(call);
        let who = parts::who(words, call);
        self.name.set_text(&who);
        self.face.set_text(Some(&who));
        let mut kind = parts::doing(words, call, parts::now());
        if let Some(protection) = parts::protection(words, call) {
            kind = format!("{kind} · {protection}");
        }
        self.kind.set_text(&kind);
        self.window.set_title(Some(&format!("{kind}: {who}")));
    }

    /// Brings it forward.
    pub(super) fn present(&self) {
        self.window.present();
    }
}

impl Drop for Card {
    fn drop(&mut self) {
        // What is in it knows where failures are told, and that is what it is in.
        self.shared.toasts.set_child(None::<&gtk::Widget>);
        self.window.destroy();
    }
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

/// A large round button with its words below.
pub(super) fn choice(
    shared: &Shared,
    (icon, message, class): (&str, &str, &str),
    wish: Wish,
) -> gtk::Box {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{state::Phase, words::Words};

    #[test]
    fn above_a_lock_there_is_a_name_but_never_an_address() {
        let words = Words::new(["en"]);
        for (name, named) in [("+49 30 1234567", false), ("Alice", true)] {
            let phase = Phase::Active;
            let call =
                Call { phase, name: name.to_owned(), named, held_there: true, ..Call::default() };
            let shown = call.on_lock();
            let said = parts::doing(&words, &shown, 0);
            assert_eq!((shown.name == name, said.contains(name)), (named, named), "{said}");
        }
    }
}
