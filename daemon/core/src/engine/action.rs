//! Actions: asking a provider, and the three ways it ends.
//!
//! Owns: serials, deadlines, what fulfilment, failure and time-out do to a call and to the
//! controller that waits. Does not own: whether an action is legal (`command`). Invariant: a serial
//! leaves `serials` exactly when its action ends.

use super::{CommandError, CommandId, Engine, Output, PerformError, Reply};
use crate::{
    call::{EndReason, Follow, Pending, State, Step},
    id::{CallId, Now, Serial},
    provider::Action,
};

/// How an action ended.
enum Ending {
    Fulfilled,
    Failed(String),
    TimedOut,
}

impl Engine {
    /// Sends an action out. An end pre-empts whatever is out; anything else must find nothing out.
    pub(super) fn perform(
        &mut self,
        now: Now,
        id: CallId,
        action: Action,
        waiter: Option<CommandId>,
        then: Option<Follow>,
    ) {
        self.supersede(id);
        let serial = Serial(self.next_serial);
        self.next_serial = self.next_serial.wrapping_add(1);
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        let deadline = now.mono + action.deadline();
        let provider = call.provider.clone();
        call.pending = Some(Pending { serial, action: action.clone(), deadline, waiter, then });
        self.serials.insert(serial, id);
        self.emit(Output::Changed(id));
        self.emit(Output::Perform { provider, serial, call: id, action });
    }

    /// Takes back what is out on a call because an end comes before it.
    fn supersede(&mut self, id: CallId) {
        let Some(pending) = self.calls.get_mut(&id).and_then(|call| call.pending.take()) else {
            return;
        };
        self.serials.remove(&pending.serial);
        self.finished(id, &pending, "superseded", String::new());
        self.answer_waiters(pending, &Err(CommandError::Superseded));
    }

    /// The call ended by itself while an action was out.
    pub(super) fn retire(&mut self, id: CallId) {
        let Some(pending) = self.calls.get_mut(&id).and_then(|call| call.pending.take()) else {
            return;
        };
        self.serials.remove(&pending.serial);
        let done = matches!(pending.action, Action::End(_));
        let result = if done { Ok(Reply::Done) } else { Err(CommandError::InvalidState) };
        self.finished(id, &pending, if done { "done" } else { "superseded" }, String::new());
        self.answer_waiters(pending, &result);
    }

    pub(super) fn performed(&mut self, now: Now, serial: Serial, result: Result<(), PerformError>) {
        let ending = match result {
            Ok(()) => Ending::Fulfilled,
            Err(PerformError(text)) => Ending::Failed(text),
        };
        self.end_action(now, serial, ending);
    }

    fn end_action(&mut self, now: Now, serial: Serial, ending: Ending) {
        let Some(id) = self.serials.remove(&serial) else {
            return;
        };
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        let Some(mut pending) = call.pending.take() else {
            return;
        };
        self.emit(Output::Changed(id));
        let is_end = matches!(pending.action, Action::End(_));
        let (word, error, result) = match ending {
            Ending::Fulfilled => {
                self.fulfilled(now, id, &pending.action);
                ("done", String::new(), Ok(Self::reply_for(id, &pending.action)))
            }
            // The user must be rid of a call whatever its provider says.
            Ending::Failed(text) if is_end => {
                self.fulfilled(now, id, &pending.action);
                ("failed", text, Ok(Reply::Done))
            }
            Ending::TimedOut if is_end => {
                self.fulfilled(now, id, &pending.action);
                ("timed-out", String::new(), Ok(Reply::Done))
            }
            Ending::Failed(text) => {
                self.unfulfilled(now, id, &pending.action, &text);
                ("failed", text.clone(), Err(CommandError::ProviderFailed(text)))
            }
            Ending::TimedOut => {
                self.unfulfilled(now, id, &pending.action, "the provider did not answer in time");
                ("timed-out", String::new(), Err(CommandError::Timeout))
            }
        };
        self.finished(id, &pending, word, error);
        match (pending.then.take(), &result) {
            (Some(follow), Ok(_)) => self.follow(now, follow),
            (Some(follow), Err(error)) => self.reply(follow.waiter, Err(error.clone())),
            (None, _) => {}
        }
        self.answer_waiters(pending, &result);
    }

    const fn reply_for(id: CallId, action: &Action) -> Reply {
        match action {
            Action::Start { .. } => Reply::Call(id),
            Action::Answer { .. }
            | Action::End(_)
            | Action::SetHeld(_)
            | Action::SetMuted(_)
            | Action::SetVideo(_)
            | Action::PlayDtmf(_) => Reply::Done,
        }
    }

    /// What fulfilment changes.
    fn fulfilled(&mut self, now: Now, id: CallId, action: &Action) {
        match action {
            // How far an outgoing call is, its provider reports.
            Action::Start { .. } | Action::PlayDtmf(_) => {}
            Action::Answer { .. } => {
                self.advance(now, id, Step::Active(now.unix_us));
            }
            Action::End(reason) => {
                let text = String::new();
                self.advance(now, id, Step::End { reason: *reason, text, at: now.unix_us });
            }
            Action::SetHeld(held) => self.flag(id, |flags| flags.held = *held),
            Action::SetMuted(muted) => self.flag(id, |flags| flags.muted = *muted),
            Action::SetVideo(video) => self.flag(id, |flags| flags.video = *video),
        }
    }

    /// What failure or time-out changes: start and answer end the call, the rest keeps its state.
    fn unfulfilled(&mut self, now: Now, id: CallId, action: &Action, text: &str) {
        match action {
            Action::Start { .. } | Action::Answer { .. } => {
                let text = text.to_owned();
                let reason = EndReason::Failed;
                self.advance(now, id, Step::End { reason, text, at: now.unix_us });
            }
            Action::End(_)
            | Action::SetHeld(_)
            | Action::SetMuted(_)
            | Action::SetVideo(_)
            | Action::PlayDtmf(_) => {}
        }
    }

    /// The second step of a transaction. It may have become impossible meanwhile.
    fn follow(&mut self, now: Now, follow: Follow) {
        let ringing = self.calls.get(&follow.call).is_some_and(|call| call.is_ringing());
        if ringing {
            self.answer(now, follow.call, follow.video, follow.waiter);
        } else {
            self.reply(follow.waiter, Err(CommandError::InvalidState));
        }
    }

    pub(super) fn flag(&mut self, id: CallId, change: impl FnOnce(&mut crate::call::Flags)) {
        if let Some(call) = self.calls.get_mut(&id) {
            let before = call.flags;
            change(&mut call.flags);
            if call.flags != before {
                self.emit(Output::Changed(id));
            }
        }
    }

    fn finished(&mut self, call: CallId, pending: &Pending, result: &'static str, error: String) {
        let (serial, action) = (pending.serial, pending.action.name());
        self.emit(Output::ActionFinished { serial, call, action, result, error });
    }

    fn answer_waiters(&mut self, pending: Pending, result: &Result<Reply, CommandError>) {
        self.reply(pending.waiter, result.clone());
        if let Some(follow) = pending.then {
            self.reply(follow.waiter, result.clone().and(Err(CommandError::Superseded)));
        }
    }

    pub(super) fn reply(&mut self, to: Option<CommandId>, result: Result<Reply, CommandError>) {
        if let Some(id) = to {
            self.emit(Output::Reply(id, result));
        }
    }

    /// Deadlines, ring caps and objects whose time is over.
    pub(super) fn expire(&mut self, now: Now) {
        let ids: Vec<CallId> = self.calls.keys().copied().collect();
        for id in ids {
            let Some(call) = self.calls.get(&id) else {
                continue;
            };
            if let Some(pending) = &call.pending
                && pending.deadline <= now.mono
            {
                let (provider, serial) = (call.provider.clone(), pending.serial);
                self.emit(Output::TimedOut(provider, serial));
                self.end_action(now, serial, Ending::TimedOut);
            }
            self.expire_state(now, id);
        }
    }

    fn expire_state(&mut self, now: Now, id: CallId) {
        let Some(call) = self.calls.get(&id) else {
            return;
        };
        match call.state {
            State::Ended { .. } if call.remove_at <= now.mono => {
                self.calls.remove(&id);
                self.emit(Output::Removed(id));
            }
            State::Ringing if call.ring_until <= now.mono && call.pending.is_none() => {
                self.perform(now, id, Action::End(EndReason::Unanswered), None, None);
            }
            State::Reported
            | State::Ringing
            | State::Answering
            | State::Requested
            | State::Dialing
            | State::RemoteRinging
            | State::Connecting
            | State::Active { .. }
            | State::Ended { .. } => {}
        }
    }
}
