//! What is written in a call, beside its pictures.
//!
//! Owns: the list of lines and the field to write in. Does not own: the lines of the other side, which the
//! state has. Invariant: what the other side wrote is shown as plain text, whatever is in it; one's own line is
//! shown once the call service has taken it.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use adw::prelude::*;
use gtk::glib;

use super::super::{
    accessible,
    parts::{self, Shared},
};
use crate::{
    service::Wish,
    state::Call,
    talk::{Outgoing, Piece, Written},
};

/// Bytes of a line that the call service takes.
const LONGEST: i32 = 4096;

/// The panel.
#[derive(Clone)]
pub(crate) struct TextPanel {
    pub(crate) panel: gtk::Box,
    /// Takes it away.
    pub(crate) close: gtk::Button,
    lines: gtk::Box,
    scrolled: gtk::ScrolledWindow,
    typing: gtk::Label,
    entry: gtk::Entry,
    /// Lines of the other side that are shown already.
    shown: Rc<Cell<usize>>,
    outgoing: Rc<RefCell<Outgoing>>,
    shared: Shared,
    path: Rc<str>,
}

impl TextPanel {
    pub(crate) fn new(shared: &Shared, path: &str) -> Self {
        let words = &shared.words;
        let lines = gtk::Box::new(gtk::Orientation::Vertical, 6);
        lines.set_valign(gtk::Align::End);
        lines.set_vexpand(true);
        let scrolled = gtk::ScrolledWindow::builder().child(&lines).vexpand(true);
        let scrolled = scrolled.hscrollbar_policy(gtk::PolicyType::Never).build();
        let typing = bubble("", "typing", gtk::Align::Start);
        typing.set_visible(false);
        let entry = gtk::Entry::builder().hexpand(true).max_length(LONGEST / 4).build();
        entry.set_placeholder_text(Some(&words.say("write")));
        accessible::label(&entry, &words.say("write"));
        let send = parts::round("mail-send-symbolic", &words.say("send"), "suggested-action");
        let row = gtk::Box::new(gtk::Orientation::Horizontal, 6);
        row.append(&entry);
        row.append(&send);
        let close = parts::round("window-close-symbolic", &words.say("close-text"), "flat");
        close.set_halign(gtk::Align::End);
        let panel = gtk::Box::new(gtk::Orientation::Vertical, 6);
        panel.add_css_class("background");
        panel.add_css_class("text");
        panel.set_size_request(300, -1);
        // The field in it takes what it can get otherwise, and the pictures nothing.
        panel.set_hexpand(false);
        for part in [close.upcast_ref::<gtk::Widget>(), scrolled.upcast_ref(), typing.upcast_ref()]
        {
            panel.append(part);
        }
        panel.append(&row);
        let (shown, outgoing) = (Rc::default(), Rc::default());
        let (shared, path) = (shared.clone(), Rc::from(path));
        let own =
            Self { panel, close, lines, scrolled, typing, entry, shown, outgoing, shared, path };
        own.listen(&send);
        own
    }

    fn listen(&self, send: &gtk::Button) {
        let own = self.clone();
        self.entry.connect_changed(move |entry| {
            own.outgoing.borrow_mut().typed(entry.text().to_string());
            own.write();
        });
        let own = self.clone();
        self.entry.connect_activate(move |_| own.send());
        let own = self.clone();
        send.connect_clicked(move |_| own.send());
        // The newest is what is read.
        self.scrolled.vadjustment().connect_changed(|place| {
            place.set_value(place.upper() - place.page_size());
        });
    }

    fn send(&self) {
        let text = self.entry.text().to_string();
        if text.trim().is_empty() {
            return;
        }
        self.entry.set_text("");
        self.outgoing.borrow_mut().line(text);
        self.write();
    }

    /// Lets go what waits, one after the other.
    fn write(&self) {
        let own = self.clone();
        glib::spawn_future_local(async move {
            let next = || own.outgoing.borrow_mut().next();
            while let Some(piece) = next() {
                own.utter(piece).await;
                own.outgoing.borrow_mut().done();
            }
        });
    }

    async fn utter(&self, piece: Piece) {
        let path = self.path.to_string();
        match piece {
            // The next letter says it again.
            Piece::Typed(text) => {
                if let Err(why) = self.shared.service.ask(Wish::Type(path, text)).await {
                    tracing::debug!(why, "what is typed was not told");
                }
            }
            Piece::Line(text) => {
                match self.shared.service.ask(Wish::Send(path, text.clone())).await {
                    Ok(()) => self.lines.append(&bubble(&text, "mine", gtk::Align::End)),
                    Err(why) => self.give_back(&text, &why),
                }
            }
        }
    }

    /// Nothing that was written is lost: it stands before what is being written now.
    fn give_back(&self, text: &str, why: &str) {
        self.shared.complain(why);
        let now = self.entry.text();
        self.entry.set_text(format!("{text} {now}").trim_end());
        self.entry.set_position(-1);
    }

    /// Shows what the other side has written; the newest line that was not shown before.
    pub(crate) fn show(&self, call: &Call) -> Option<String> {
        let empty = Written::default();
        let written = call.text.as_ref().unwrap_or(&empty);
        self.typing.set_visible(!written.typing.is_empty());
        self.typing.set_text(&written.typing);
        self.entry.set_sensitive(call.text.is_some());
        let mut newest = None;
        for line in written.after(self.shown.get()) {
            self.lines.append(&bubble(line, "theirs", gtk::Align::Start));
            newest = Some(line.to_owned());
        }
        self.shown.set(written.count());
        newest
    }

    /// The next key goes into the field.
    pub(crate) fn focus(&self) {
        self.entry.grab_focus();
    }
}

fn bubble(text: &str, class: &str, side: gtk::Align) -> gtk::Label {
    let label = gtk::Label::builder()
        .wrap(true)
        .wrap_mode(gtk::pango::WrapMode::WordChar)
        .xalign(0.0)
        .halign(side)
        .selectable(true)
        .max_width_chars(32)
        .css_classes(["bubble", class])
        .build();
    label.set_text(text);
    label
}
