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
        let shown = self.shown.iter().any(|refusal| refusal.call == call.id());
        if call.direction() != Direction::Outgoing || !unanswered || shown || !written.is_last() {
            return;
        }
        let said = self.said.entry(call.id()).or_default();
        // A long one comes in pieces; more than is shown is not kept.
        if !said.is_empty() {
            said.push(' ');
        }
        let room = LONGEST.saturating_sub(said.chars().count());
        if room > 0 {
            said.push_str(&written.line(room));
        }
        said.truncate(said.trim_end().len());
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ahoy_core::{
        call::{Marks, NameSource, Party},
        engine::Registration,
        id::{Entropy, Handle, Now, ProviderId},
        provider::{Capability, Encryption, NewCall, Progress, Report},
    };

    use super::*;

    struct Same;

    impl Entropy for Same {
        fn fill(&mut self, bytes: &mut [u8]) {
            bytes.fill(7);
        }
    }

    const NOW: Now = Now { mono: Duration::from_secs(9), unix_us: 1_800_000_000_000_000 };
    const CALL: CallId = CallId([7; 16]);

    fn app() -> ProviderId {
        "org.example.App".parse().expect("an id")
    }

    fn tell(engine: &mut Engine, report: Report) {
        engine.handle_report(NOW, &app(), report).expect("taken");
    }

    /// The user calls Bob.
    fn calling() -> Engine {
        let mut engine = Engine::new(Box::new(Same));
        let registration =
            Registration { schemes: vec!["app".to_owned()], ..Registration::new(app()) };
        engine.register(NOW, registration).expect("registered");
        let party = Party {
            handle: Handle::new("app", "bob").expect("a handle"),
            name: "Bob".to_owned(),
            source: NameSource::Provider,
            contact: None,
            marks: Marks::default(),
        };
        let new = NewCall {
            call: CALL,
            party,
            video: false,
            capabilities: [Capability::Text].into(),
            encryption: Encryption::None,
            log: true,
            resume: None,
        };
        tell(&mut engine, Report::Outgoing(new));
        engine
    }

    fn ends(engine: &mut Engine, reason: EndReason) {
        tell(engine, Report::Ended { call: CALL, reason, text: String::new(), at: 0 });
    }

    fn hears(refusals: &mut Refusals, engine: &Engine, text: &str, last: bool) {
        let written = Written::new(text.to_owned(), last).expect("a text");
        refusals.heard(engine.call(CALL).expect("the call"), &written);
    }

    #[test]
    fn one_notification_a_call_has_what_was_said_before_the_refusal_cut_and_on_one_line() {
        let (mut engine, mut refusals) = (calling(), Refusals::default());
        hears(&mut refusals, &engine, "Platypus", false);
        hears(&mut refusals, &engine, "In a\nmeeting", true);
        hears(&mut refusals, &engine, &"x".repeat(4000), true);
        hears(&mut refusals, &engine, "and more", true);
        assert!(refusals.declined(&engine).is_empty(), "it still rings");
        ends(&mut engine, EndReason::Declined);
        let declined = refusals.declined(&engine);
        let [one] = declined.as_slice() else { panic!("{}", declined.len()) };
        assert!(one.name == "Bob" && one.text.starts_with("In a meeting xxx"), "{}", one.text);
        assert!(one.text.chars().count() <= LONGEST && one.text.ends_with('…'), "{}", one.text);
        refusals.shown.extend(declined);
        hears(&mut refusals, &engine, "once more", true);
        assert!(refusals.declined(&engine).is_empty(), "one a call");
    }

    #[test]
    fn what_was_said_in_a_call_that_is_answered_or_ends_otherwise_is_not_shown() {
        let (mut engine, mut refusals) = (calling(), Refusals::default());
        hears(&mut refusals, &engine, "Wait", true);
        let progress = Progress::Active;
        tell(&mut engine, Report::Progress { call: CALL, progress, at: 0 });
        assert!(refusals.declined(&engine).is_empty() && refusals.said.is_empty());
        hears(&mut refusals, &engine, "Hello", true);
        ends(&mut engine, EndReason::RemoteHangup);
        assert!(refusals.declined(&engine).is_empty() && refusals.said.is_empty());
        let (mut engine, mut refusals) = (calling(), Refusals::default());
        hears(&mut refusals, &engine, "Wait", true);
        ends(&mut engine, EndReason::Unanswered);
        assert!(refusals.declined(&engine).is_empty() && refusals.said.is_empty());
    }

    #[test]
    fn a_locked_screen_shows_no_words_and_keeps_none() {
        let refusal = Refusal { call: CALL, name: "Bob".to_owned(), text: "Secret".to_owned() };
        let shown = |caller, words| Shown { caller, when_locked: true, camera: words, words };
        let open = notification(&refusal, shown(true, true));
        assert_eq!((open.summary.as_str(), open.body.as_str()), ("Bob", "Declined: Secret"));
        assert!(!open.shown_when_locked, "the words are not for the lock screen");
        for (caller, summary) in [(true, "Bob"), (false, "Ahoy")] {
            let locked = notification(&refusal, shown(caller, false));
            assert_eq!(locked.summary, summary);
            assert!(!locked.body.contains("Secret") && locked.shown_when_locked);
        }
    }
}
