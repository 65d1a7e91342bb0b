//! The window that asks about a call that rings.
//!
//! Owns: what it shows and its buttons. Does not own: when it is there (`app`). Invariant: opening it or
//! closing it answers nothing; only its buttons do.

use adw::prelude::*;

use super::{
    card::{Card, choice},
    parts::Shared,
};
use crate::{
    service::{Service, Wish},
    state::Call,
    words::Words,
};

/// The window.
pub(crate) struct Incoming {
    pub(crate) path: String,
    card: Card,
    video: gtk::Box,
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
        let (buttons, video) = buttons(&shared, path);
        let card = Card::new(app, &shared, (call, locked), &buttons);
        let own = Self { path: path.to_owned(), card, video };
        own.show(call, locked);
        own.card.present();
        own
    }

    /// Shows what has become of the call.
    pub(crate) fn show(&self, call: &Call, locked: bool) {
        self.card.show(call, locked);
        self.video.set_visible(call.remote_video && call.can("video"));
    }
}

/// The row of buttons, and the one that answers with video.
fn buttons(shared: &Shared, path: &str) -> (gtk::Box, gtk::Box) {
    let row = gtk::Box::new(gtk::Orientation::Horizontal, 24);
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
