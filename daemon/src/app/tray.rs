//! The icon in the tray: what it says, what its menu has, and what a click there does.
//!
//! Owns: these. Does not own: the tray (`desktop/tray`). Invariant: on a locked session it has the
//! calls that there are, without a name unless the user allowed it, and nothing else.

use ahoy_core::{
    engine::Command,
    id::{CallId, Now},
};

use super::{App, Waiter, request::Snapshot};
use crate::{
    desktop::tray::{Entry, Look, Shown, Wish},
    settings::Key,
};

/// Favourites in the menu: as many as are seen at once.
const FAVOURITES: usize = 8;

fn look(view: &Snapshot) -> Look {
    match (view.ringing, view.active, view.unseen) {
        (Some(_), _, _) => Look::Ringing,
        (None, Some(_), _) => Look::Talking,
        (None, None, 0) => Look::Idle,
        (None, None, missed) => Look::Missed(missed),
    }
}

fn words(look: Look, quiet: bool) -> String {
    match look {
        Look::Idle if quiet => "Do not disturb".to_owned(),
        Look::Idle => "No calls".to_owned(),
        Look::Missed(1) => "1 missed call".to_owned(),
        Look::Missed(number) => format!("{number} missed calls"),
        Look::Talking => "In a call".to_owned(),
        Look::Ringing => "Incoming call".to_owned(),
    }
}

/// A call's entries; who it is stands above them.
fn about(view: &Snapshot, call: CallId, what: &str, buttons: Vec<Entry>) -> Vec<Entry> {
    let known = view.calls.get(&call);
    let name = known.map(|call| call.display_name.as_str()).filter(|name| !name.is_empty());
    let note = name.map_or_else(|| what.to_owned(), |name| format!("{what}: {name}"));
    std::iter::once(Entry::Note(note)).chain(buttons).chain([Entry::Line]).collect()
}

fn ringing(view: &Snapshot, call: CallId, camera: bool) -> Vec<Entry> {
    let button = |label: &str, wish| Entry::Button(label.to_owned(), wish);
    let mut buttons = vec![button("Answer", Wish::Answer(call, false))];
    if camera {
        buttons.push(button("Answer with video", Wish::Answer(call, true)));
    }
    buttons.push(button("Decline", Wish::Decline(call)));
    about(view, call, "Incoming call", buttons)
}

fn talking(view: &Snapshot, call: CallId) -> Vec<Entry> {
    let muted = view.calls.get(&call).is_some_and(|call| call.flags.muted);
    let buttons = vec![
        Entry::Check("Mute".to_owned(), muted, Wish::Mute(call, !muted)),
        Entry::Button("Hang up".to_owned(), Wish::HangUp(call)),
    ];
    about(view, call, "Call", buttons)
}

impl App {
    /// What stands in the tray now.
    pub(super) fn in_tray(&self) -> Shown {
        if !self.settings.flag(Key::TRAY_SHOW) {
            return Shown::default();
        }
        let view = self.view.borrow();
        let (look, quiet) = (look(&view), view.do_not_disturb != "off");
        let mut menu = Vec::new();
        let camera = self.lock.shown(&self.settings).camera;
        menu.extend(view.ringing.into_iter().flat_map(|call| ringing(&view, call, camera)));
        menu.extend(view.active.into_iter().flat_map(|call| talking(&view, call)));
        if !view.locked {
            menu.push(Entry::Button("Open Ahoy".to_owned(), Wish::Open));
            menu.extend(self.favourites_in_tray());
            menu.push(Entry::Line);
            menu.push(Entry::Check("Do not disturb".to_owned(), quiet, Wish::Quiet(!quiet)));
        }
        Shown { is_wanted: true, look, words: words(look, quiet), menu }
    }

    fn favourites_in_tray(&self) -> Vec<Entry> {
        let call_words = self.call_words();
        let favourites = self.recent.favourites.iter().take(FAVOURITES);
        let button = |(id, name, video): &(ahoy_core::id::ContactId, String, bool)| {
            Entry::Button(call_words.title(name, *video), Wish::Call(id.0.clone(), *video))
        };
        let mut entries: Vec<Entry> = favourites.map(button).collect();
        if !entries.is_empty() {
            entries.insert(0, Entry::Line);
        }
        entries
    }

    /// Something of the tray was clicked.
    pub(super) async fn clicked_in_tray(&mut self, now: Now, wish: Wish) {
        let command = match wish {
            Wish::Open => return self.places.open_windows(),
            Wish::Call(contact, video) => return self.call_chosen(now, &contact, video).await,
            Wish::Quiet(on) => return self.quiet_by_click(on).await,
            Wish::Answer(call, video) => Command::Answer { call, video },
            Wish::Decline(call) => Command::Decline(call, None),
            Wish::HangUp(call) => Command::HangUp(call),
            Wish::Mute(call, muted) => {
                // The conference's microphone is the call's.
                let is_on = self.service.engine().active().is_some_and(|on| on.id() == call);
                let Some(command) = self.mute(Some(muted)).filter(|_| is_on) else { return };
                command
            }
        };
        self.carry_out(now, Waiter::Desktop, command).await;
    }

    async fn quiet_by_click(&mut self, on: bool) {
        if self.lock.is_locked {
            return tracing::info!("a locked session keeps Do Not Disturb as it is");
        }
        let mode = if on { "on" } else { "off" };
        if let Err(fault) = self.set_do_not_disturb(mode, 0).await {
            self.tell_waiter(Waiter::Desktop, Err(fault)).await;
        }
    }
}
