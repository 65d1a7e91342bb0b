//! The call that is on, above a lock screen: to mute it and to end it there.
//!
//! Owns: what it shows and its buttons. Does not own: when it is there (`app`), or other desktops' lock screens, which have
//! their own places for it. Invariant: it has nothing that a locked session may not do.

use adw::prelude::*;

use super::{
    card::{Card, choice},
    locked,
    parts::Shared,
};
use crate::{
    service::{Service, Wish},
    state::Call,
    words::Words,
};

/// The window.
pub(crate) struct OnLock {
    pub(crate) path: String,
    card: Card,
    mute: gtk::Box,
    unmute: gtk::Box,
}

impl OnLock {
    /// Whether windows are seen above the lock screen that there is.
    pub(crate) fn is_seen() -> bool {
        locked::is_there()
    }

    /// Shows a call.
    pub(crate) fn open(
        app: &adw::Application,
        (words, service): (&std::rc::Rc<Words>, &Service),
        path: &str,
        call: &Call,
    ) -> Self {
        let shared = Shared::new(words, service);
        let row = gtk::Box::new(gtk::Orientation::Horizontal, 24);
        let muted = |muted| Wish::SetMuted(path.to_owned(), muted);
        let mute =
            choice(&shared, ("audio-input-microphone-symbolic", "mute", "plain"), muted(true));
        let unmute =
            choice(&shared, ("microphone-disabled-symbolic", "unmute", "on"), muted(false));
        let end = Wish::HangUp(path.to_owned());
        let end = choice(&shared, ("call-stop-symbolic", "hang-up", "hang-up"), end);
        for one in [&end, &mute, &unmute] {
            row.append(one);
        }
        let card = Card::new(app, &shared, (call, true), &row);
        let own = Self { path: path.to_owned(), card, mute, unmute };
        own.show(call);
        own.card.present();
        own
    }

    /// Shows what has become of the call.
    pub(crate) fn show(&self, call: &Call) {
        self.card.show(call, true);
        self.mute.set_visible(!call.muted);
        self.unmute.set_visible(call.muted);
    }
}
