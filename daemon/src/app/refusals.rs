//! What those who were called wrote instead of answering.
//!
//! Owns: their words until the call has ended, and the notification made of them. Does not own: the
//! signal on the bus, which whoever shows the call hears at once. Invariant: at most one
//! notification a call; on a locked screen none shows what was written.

use std::collections::{BTreeMap, VecDeque};

use ahoy_core::{
    call::{Call, Direction, EndReason, State},
    engine::Engine,
    id::CallId,
    written::Written,
};

use super::desk::{Shown, button, shown_name};
use crate::desktop::notify::{Expiry, Key, Notification, Notifier, Urgency};

/// Characters of a message that are shown; all of it is on the bus.
const LONGEST: usize = 240;
/// Notifications that are up at once; the oldest one goes first.
const MOST: usize = 20;
const DECLINED: &str = "declined:";

/// One that is shown.
struct Refusal {
    call: CallId,
    name: String,
    text: String,
}

/// All of them.
#[derive(Default)]
pub(super) struct Refusals {
    /// What was written in calls of ours that nobody has answered yet.
    said: BTreeMap<CallId, String>,
    shown: VecDeque<Refusal>,
    /// What was allowed when they were shown.
    shown_as: Option<Shown>,
}

fn key(call: CallId) -> Key {
    Key(format!("{DECLINED}{call}"))
}

fn notification(refusal: &Refusal, shown: Shown) -> Notification {
    let body = if shown.words {
        format!("Declined: {}", refusal.text)
    } else {
        "Declined, with a message".to_owned()
    };
    Notification {
        summary: if shown.caller { refusal.name.clone() } else { "Ahoy".to_owned() },
        body,
        urgency: Urgency::Normal,
        category: "call.declined".to_owned(),
        actions: vec![button("default", "Show")],
        expiry: Expiry::Default,
        image: None,
        silent: true,
        // A screen that is locked later must not keep the words: it gets this one without them.
        shown_when_locked: shown.when_locked && !shown.words,
    }
}

impl Refusals {
    /// Whether a notification is one of these.
    pub(super) fn is_one(key: &Key) -> bool {
        key.0.starts_with(DECLINED)
    }

    /// Somebody wrote.
    pub(super) fn heard(&mut self, call: &Call, written: &Written) {
        let unanswered = call.state().connected_at() == 0;
        if call.direction() != Direction::Outgoing || !unanswered || !written.is_last() {
            return;
        }
        let said = self.said.entry(call.id()).or_default();
        // A long one comes in pieces; more than is shown is not kept.
        if said.chars().count() < LONGEST {
            said.push_str(if said.is_empty() { "" } else { " " });
            said.push_str(&written.line(LONGEST));
        }
    }

    /// Shows what was said once its call is declined, as far as the lock lets it.
    pub(super) fn reconcile(&mut self, engine: &Engine, shown: Shown, notifier: &Notifier) {
        let changed = self.shown_as.replace(shown).is_some_and(|before| before != shown);
        for refusal in self.shown.iter().filter(|_| changed) {
            notifier.show(key(refusal.call), notification(refusal, shown));
        }
        for refusal in self.declined(engine) {
            notifier.show(key(refusal.call), notification(&refusal, shown));
            self.shown.push_back(refusal);
        }
        while self.shown.len() > MOST {
            let oldest = self.shown.pop_front();
            oldest.iter().for_each(|oldest| notifier.close(&key(oldest.call)));
        }
    }

    /// The calls that are over by now, and were declined with a message; of the others it is kept
    /// until they are.
    fn declined(&mut self, engine: &Engine) -> Vec<Refusal> {
        let mut declined = Vec::new();
        self.said.retain(|id, text| {
            let Some(call) = engine.call(*id) else { return false };
            let answered = call.state().connected_at() != 0;
            let over = matches!(call.state(), State::Ended { reason: EndReason::Declined, .. });
            if over && !answered {
                let text = std::mem::take(text);
                declined.push(Refusal { call: *id, name: shown_name(call), text });
            }
            !answered && !call.state().is_ended()
        });
        declined
    }

    /// The log was looked at.
    pub(super) fn clear(&mut self, notifier: &Notifier) {
        for refusal in self.shown.drain(..) {
            notifier.close(&key(refusal.call));
        }
    }

    /// One was looked at or closed: it has had its day.
    pub(super) fn seen(&mut self, gone: &Key, notifier: &Notifier) {
        self.shown.retain(|refusal| key(refusal.call) != *gone);
        notifier.close(gone);
    }
}
