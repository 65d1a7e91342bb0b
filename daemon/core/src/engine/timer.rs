//! What happens by itself.
//!
//! Owns: the table of deadlines and what each one does. Does not own: the clock. Invariant: after
//! [`Engine::handle_timeout`] nothing is due at that time any more.

use std::time::Duration;

use super::{Engine, Output, action::Ending, transaction::Order};
use crate::{
    call::{Call, EndReason, State},
    id::{CallId, Now},
    provider::Action,
};

/// A ring ends after this long whatever the provider says, so a dead one never rings for ever.
pub const RING_CAP: Duration = Duration::from_secs(60);
/// An ended call stays visible this long, so that everyone reads why it ended.
pub const LINGER: Duration = Duration::from_secs(2);
/// A provider whose connection is gone has this long to come back.
pub const GRACE: Duration = Duration::from_secs(5);

/// Everything about a call that has a time.
enum Timer {
    /// Its action has not ended.
    Action,
    /// Nobody answered.
    Ring,
    /// Its provider came back without it, or not at all.
    Orphan,
    /// Everyone has read why it ended.
    Remove,
}

impl Engine {
    /// When [`Self::handle_timeout`] is due.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Duration> {
        let calls = self.calls.values().flat_map(|call| self.timers(call));
        let providers = self.providers.values().filter_map(super::provider::Provider::gone_at);
        calls.map(|(_, at)| at).chain(providers).min()
    }

    /// The timers that run for a call.
    fn timers(&self, call: &Call) -> impl Iterator<Item = (Timer, Duration)> {
        let action = call.pending.as_ref().map(|out| (Timer::Action, out.deadline));
        let orphan = call.orphan_until.map(|until| (Timer::Orphan, until));
        let state = match &call.state {
            State::Ended { .. } => Some((Timer::Remove, call.remove_at)),
            // Who has pressed "answer" waits for the call before to be held.
            State::Ringing if call.pending.is_none() && !self.is_planned(call.id) => {
                Some((Timer::Ring, call.ring_until))
            }
            State::Reported
            | State::Ringing
            | State::Answering
            | State::Requested
            | State::Dialing
            | State::RemoteRinging
            | State::Connecting
            | State::Active { .. } => None,
        };
        action.into_iter().chain(orphan).chain(state)
    }

    pub(super) fn expire(&mut self, now: Now) {
        // What one call's timer does may make another call's due: the end of a step whose
        // transaction fails lets the ring go on that waited for it.
        while self.next_timeout().is_some_and(|at| at <= now.mono) {
            self.expire_calls(now);
            let due = |at: Duration| at <= now.mono;
            let gone = self.providers.iter().filter(|(_, known)| known.gone_at().is_some_and(due));
            for id in gone.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
                self.provider_gone(now, &id);
            }
        }
    }

    fn expire_calls(&mut self, now: Now) {
        let due = |(_, at): &(Timer, Duration)| *at <= now.mono;
        let ids: Vec<CallId> = self.calls.keys().copied().collect();
        for id in ids {
            // What one timer does may stop another.
            while let Some(timer) =
                self.calls.get(&id).and_then(|call| self.timers(call).find(due)).map(|(t, _)| t)
            {
                self.fire(now, id, &timer);
            }
        }
    }

    fn fire(&mut self, now: Now, id: CallId, timer: &Timer) {
        match timer {
            Timer::Action => self.time_out(now, id),
            Timer::Ring => {
                let order = Order { call: id, action: Action::End(EndReason::Unanswered) };
                self.begin(now, None, super::Reply::Done, vec![vec![order]]);
            }
            Timer::Orphan => self.end_now(now, id, EndReason::ProviderGone, ""),
            Timer::Remove => {
                self.calls.remove(&id);
                self.emit(Output::Removed(id));
            }
        }
    }

    fn time_out(&mut self, now: Now, id: CallId) {
        let Some(call) = self.calls.get(&id) else {
            return;
        };
        let Some(out) = &call.pending else {
            return;
        };
        let output = Output::TimedOut(call.owner.provider.clone(), out.serial);
        self.emit(output);
        self.end_out(now, id, Ending::TimedOut);
    }
}
