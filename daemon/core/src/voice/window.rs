//! The ring window: while it rings, the caller is announced and a word may answer.
//!
//! Owns: when in a ring to speak and when to listen. Does not own: speaking, listening, or what is
//! heard. Invariant: at most one of ringtone, announcement and ears at a time, in rounds that end
//! with the ring; a ring is heard before anything is said.

use std::time::Duration;

use crate::id::{CallId, Now};

/// The ringtone alone, first: people look up before they listen.
const FIRST: Duration = Duration::from_millis(2500);
/// The ringtone alone, between rounds.
const BETWEEN: Duration = Duration::from_secs(6);
/// The ears are open for this long in each round, ms.
pub const WINDOW_MS: u32 = 5000;

/// What the user lets it do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WindowWish {
    /// Say who calls.
    pub announce: bool,
    /// Listen for "answer" and the like.
    pub listen: bool,
}

/// What is to be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowStep {
    /// Say who calls.
    Announce(CallId),
    /// Open the ears for [`WINDOW_MS`].
    Listen,
    /// Close them, and say no more: it rings no longer.
    Close,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Off,
    /// Until then.
    Ringing(CallId, Duration),
    Announcing(CallId),
    Listening(CallId),
}

/// One ring's rounds.
#[derive(Clone, Copy, Debug, Default)]
pub struct RingWindow {
    stage: Stage,
}

impl RingWindow {
    /// What rings now, and time.
    pub fn reconcile(
        &mut self,
        now: Now,
        ringing: Option<CallId>,
        wish: WindowWish,
    ) -> Option<WindowStep> {
        let ringing = ringing.filter(|_| wish != WindowWish::default());
        match (self.stage, ringing) {
            (Stage::Off, None) => None,
            (Stage::Ringing(call, until), Some(same)) if call == same => {
                if now.mono < until {
                    return None;
                }
                let (stage, step) = match wish {
                    WindowWish { announce: true, .. } => {
                        (Stage::Announcing(call), WindowStep::Announce(call))
                    }
                    WindowWish { announce: false, .. } => {
                        (Stage::Listening(call), WindowStep::Listen)
                    }
                };
                self.stage = stage;
                Some(step)
            }
            (Stage::Announcing(call) | Stage::Listening(call), Some(same)) if call == same => None,
            (before, ringing) => {
                let first = |call| Stage::Ringing(call, now.mono + FIRST);
                self.stage = ringing.map_or(Stage::Off, first);
                let open = matches!(before, Stage::Announcing(_) | Stage::Listening(_));
                open.then_some(WindowStep::Close)
            }
        }
    }

    /// What was said has been spoken.
    pub fn handle_spoken(&mut self, now: Now, wish: WindowWish) -> Option<WindowStep> {
        let Stage::Announcing(call) = self.stage else { return None };
        if wish.listen {
            self.stage = Stage::Listening(call);
            return Some(WindowStep::Listen);
        }
        self.stage = Stage::Ringing(call, now.mono + BETWEEN);
        None
    }

    /// The ears have closed, whatever was heard.
    pub fn handle_closed(&mut self, now: Now) {
        if let Stage::Listening(call) = self.stage {
            self.stage = Stage::Ringing(call, now.mono + BETWEEN);
        }
    }

    /// Whether the ears are open by it: what means nothing is passed over in silence.
    #[must_use]
    pub const fn is_listening(&self) -> bool {
        matches!(self.stage, Stage::Listening(_))
    }

    /// When [`Self::reconcile`] is due.
    #[must_use]
    pub const fn next_timeout(&self) -> Option<Duration> {
        match self.stage {
            Stage::Ringing(_, until) => Some(until),
            Stage::Off | Stage::Announcing(_) | Stage::Listening(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: WindowWish = WindowWish { announce: true, listen: true };

    fn at(ms: u64) -> Now {
        Now { mono: Duration::from_millis(ms), unix_us: 0 }
    }

    fn call(byte: u8) -> CallId {
        CallId([byte; 16])
    }

    #[test]
    fn a_ring_is_announced_and_listened_to_in_rounds() {
        let (mut window, one) = (RingWindow::default(), Some(call(1)));
        assert_eq!(window.reconcile(at(0), one, BOTH), None, "it rings first");
        assert_eq!(window.next_timeout(), Some(FIRST));
        let announce = Some(WindowStep::Announce(call(1)));
        assert_eq!(window.reconcile(at(2500), one, BOTH), announce);
        assert_eq!(window.reconcile(at(3000), one, BOTH), None, "once");
        assert_eq!(window.handle_spoken(at(4000), BOTH), Some(WindowStep::Listen));
        assert!(window.is_listening());
        window.handle_closed(at(9000));
        assert!(!window.is_listening());
        assert_eq!(window.reconcile(at(14_999), one, BOTH), None, "it rings between");
        assert_eq!(window.reconcile(at(15_000), one, BOTH), announce);
    }

    #[test]
    fn the_end_of_the_ring_closes_what_is_open_at_once() {
        let (mut window, one) = (RingWindow::default(), Some(call(1)));
        assert_eq!(window.reconcile(at(0), one, BOTH), None);
        assert_eq!(window.reconcile(at(100), None, BOTH), None, "nothing was open");
        assert_eq!(window.reconcile(at(200), one, BOTH), None);
        assert!(window.reconcile(at(3000), one, BOTH).is_some());
        assert_eq!(window.reconcile(at(3100), None, BOTH), Some(WindowStep::Close));
        assert_eq!(window.handle_spoken(at(3200), BOTH), None, "what was said of it is no matter");
        assert_eq!(window.next_timeout(), None);
    }

    #[test]
    fn another_call_begins_anew_and_a_setting_that_is_taken_back_ends_it() {
        let listen = WindowWish { announce: false, listen: true };
        let mut window = RingWindow::default();
        assert_eq!(window.reconcile(at(0), Some(call(1)), listen), None);
        let opened = window.reconcile(at(2500), Some(call(1)), listen);
        assert_eq!(opened, Some(WindowStep::Listen), "nothing is announced");
        let other = window.reconcile(at(2600), Some(call(2)), listen);
        assert_eq!(other, Some(WindowStep::Close));
        assert_eq!(window.next_timeout(), Some(at(5100).mono));
        assert_eq!(window.reconcile(at(6000), Some(call(2)), WindowWish::default()), None);
        assert_eq!(window.next_timeout(), None);
    }

    #[test]
    fn who_only_wants_to_hear_who_calls_is_told_again_and_not_listened_to() {
        let announce = WindowWish { announce: true, listen: false };
        let (mut window, one) = (RingWindow::default(), Some(call(1)));
        assert_eq!(window.reconcile(at(0), one, announce), None);
        assert!(window.reconcile(at(2500), one, announce).is_some());
        assert_eq!(window.handle_spoken(at(4000), announce), None);
        assert!(!window.is_listening());
        assert!(window.reconcile(at(10_000), one, announce).is_some());
    }
}
