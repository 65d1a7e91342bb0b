//! What the desktop shows and sounds for the calls there are: reconciled from state, never counted.
//!
//! Owns: which notifications and tones the calls ask for, and what a click means. Does not own:
//! the notification server or the sound. Invariant: a ringing notification exists if and only if
//! its call rings, so every end of a ring closes it by one path.

use std::collections::{BTreeMap, BTreeSet};

use ahoy_core::{
    call::{Call, Direction},
    engine::{Attention, Command, Engine},
    id::CallId,
    media::Tone,
};

use crate::desktop::notify::{Action, Expiry, Key, Notification, Notifier, Urgency};

/// What a click asks for.
pub(super) enum Click {
    /// A command on a call that rings.
    Command(Command),
    /// Call the other side of this missed call back.
    CallBack(CallId),
    /// A missed call was looked at.
    Seen(CallId),
}

/// What may be shown of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    /// Who it is.
    pub(super) caller: bool,
    /// Who it is, on a lock screen too.
    pub(super) when_locked: bool,
    /// A button that switches the camera on.
    pub(super) camera: bool,
    /// What people write.
    pub(super) words: bool,
}

/// Which notifications are up.
#[derive(Default)]
pub(super) struct Desk {
    ringing: BTreeSet<CallId>,
    /// Missed calls that are shown, with the caller's name.
    missed: BTreeMap<CallId, String>,
    /// What was allowed when they were shown.
    missed_as: Option<Shown>,
}

const MISSED: &str = "missed:";

fn ring_key(call: CallId) -> Key {
    Key(call.to_string())
}

fn missed_key(call: CallId) -> Key {
    Key(format!("{MISSED}{call}"))
}

pub(super) fn button(id: &str, label: &str) -> Action {
    Action { id: id.to_owned(), label: label.to_owned() }
}

/// Who is on the other side, for people.
pub(super) fn shown_name(call: &Call) -> String {
    let party = call.party();
    if party.name.is_empty() { party.handle.value().to_owned() } else { party.name.clone() }
}

fn ringing(call: &Call, shown: Shown, out: bool) -> Notification {
    let view = call.view();
    let kind = if call.flags().remote_video { "video call" } else { "call" };
    let sealed = if view.encryption.starts_with("e2e") { " · encrypted" } else { "" };
    let waiting = if call.flags().waiting { " · waiting" } else { "" };
    // Another text: servers show it anew, also where they have folded it away.
    let mark = if out { "◆ " } else { "" };
    // `default` is first and never answers: a stray click must not open a microphone.
    let mut actions = vec![button("default", "Show"), button("answer", "Answer")];
    if shown.camera {
        actions.push(button("answer-video", "Answer with video"));
    }
    actions.push(button("decline", "Decline"));
    Notification {
        summary: if shown.caller { shown_name(call) } else { "Ahoy".to_owned() },
        body: format!("{mark}Incoming {kind}{sealed}{waiting}"),
        // Silenced: the server's own Do Not Disturb decides whether it shows.
        urgency: if call.flags().silenced { Urgency::Normal } else { Urgency::Critical },
        category: "call.incoming".to_owned(),
        actions,
        expiry: Expiry::Never,
        image: None,
        silent: true,
        shown_when_locked: shown.when_locked,
    }
}

fn missed(name: &str, shown: Shown) -> Notification {
    Notification {
        summary: if shown.caller { name.to_owned() } else { "Ahoy".to_owned() },
        body: "Missed call".to_owned(),
        urgency: Urgency::Normal,
        category: "call.unanswered".to_owned(),
        actions: vec![button("default", "Show"), button("call-back", "Call back")],
        expiry: Expiry::Default,
        image: None,
        silent: true,
        shown_when_locked: shown.when_locked,
    }
}

impl Desk {
    /// Makes the notifications as the calls want them and the lock lets them; that of the call `out`
    /// stands out.
    pub(super) fn reconcile(
        &mut self,
        engine: &Engine,
        wanted: &Attention,
        (shown, out): (Shown, Option<CallId>),
        notifier: &Notifier,
    ) {
        let now: BTreeSet<CallId> = wanted.unanswered.iter().copied().collect();
        for gone in self.ringing.difference(&now) {
            notifier.close(&ring_key(*gone));
        }
        for id in &now {
            if let Some(call) = engine.call(*id) {
                notifier.show(ring_key(*id), ringing(call, shown, out == Some(*id)));
            }
        }
        self.ringing = now;
        if self.missed_as.replace(shown).is_some_and(|before| before != shown) {
            for (call, name) in &self.missed {
                notifier.show(missed_key(*call), missed(name, shown));
            }
        }
    }

    /// Tells of a missed call.
    pub(super) fn missed(&mut self, call: &Call, shown: Shown, notifier: &Notifier) {
        let name = shown_name(call);
        notifier.show(missed_key(call.id()), missed(&name, shown));
        self.missed.insert(call.id(), name);
    }

    /// One was closed on the desktop. A missed one has had its day; one that rings stays wanted.
    pub(super) fn closed(&mut self, key: &Key, notifier: &Notifier) {
        if let Some(call) = key.0.strip_prefix(MISSED).and_then(|id| id.parse().ok()) {
            self.forget_missed(call, notifier);
        }
    }

    /// What a click on a notification means; closes the missed one it was on.
    pub(super) fn click(&mut self, key: &Key, action: &str, notifier: &Notifier) -> Option<Click> {
        if let Some(id) = key.0.strip_prefix(MISSED) {
            let call: CallId = id.parse().ok()?;
            self.forget_missed(call, notifier);
            return Some(match action {
                "call-back" => Click::CallBack(call),
                _ => Click::Seen(call),
            });
        }
        let call: CallId = key.0.parse().ok()?;
        let command = match action {
            "answer" => Command::Answer { call, video: false },
            "answer-video" => Command::Answer { call, video: true },
            "decline" => Command::Decline(call, None),
            // Show: the windows of others listen on the bus for that.
            _ => return None,
        };
        Some(Click::Command(command))
    }

    /// A missed notification needs no more showing.
    pub(super) fn forget_missed(&mut self, call: CallId, notifier: &Notifier) {
        self.missed.remove(&call);
        notifier.close(&missed_key(call));
    }
}

/// The tone that the calls ask for, if any.
pub(super) fn tone(engine: &Engine, wanted: &Attention) -> Option<Tone> {
    if wanted.ring.is_some() {
        return Some(Tone::Ring);
    }
    let ours =
        |call: &Call| call.direction() == Direction::Outgoing && call.provider().as_str() == "ahoy";
    (wanted.ringback && engine.calls().any(ours)).then_some(Tone::Ringback)
}
