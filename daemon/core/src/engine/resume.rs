//! Calls that go on: their app lost its connection, or the daemon itself was started again.
//!
//! Owns: taking such a call up. Does not own: the grace (`provider`, `timer`). Invariant: nothing
//! that is taken up rings; a call is taken up only by the provider it was of, and goes no step back.

use super::{CommandError, Engine, Reply, transaction::Order};
use crate::{
    call::{Call, Direction, EndReason, State, Step},
    id::{CallId, Now, ProviderId, check_text},
    provider::{Action, NewCall, Progress, Resume},
};

impl Engine {
    pub(super) fn resume(
        &mut self,
        now: Now,
        provider: &ProviderId,
        new: NewCall,
        direction: Direction,
        resume: Resume,
    ) -> Result<CallId, CommandError> {
        check_text("name", &new.party.name)?;
        match (direction, resume) {
            (Direction::Incoming, Resume::Ringing | Resume::Under(Progress::Active, _))
            | (Direction::Outgoing, Resume::Under(..)) => {}
            (Direction::Incoming, Resume::Under(..)) | (Direction::Outgoing, Resume::Ringing) => {
                let why = "state: not one of a call in this direction";
                return Err(CommandError::InvalidArgument(why.to_owned()));
            }
        }
        match self.calls.get(&new.call) {
            Some(call) => {
                let theirs = call.owner.provider == *provider && call.direction == direction;
                let gone = call.is_orphan() && !call.state.is_ended();
                if !theirs || !gone || self.is_unheard_of(call) {
                    return Err(CommandError::UuidExists);
                }
                self.take_up(now, new.call, resume)?;
                Ok(new.call)
            }
            None => self.continue_call(now, provider, new, direction, resume),
        }
    }

    /// A call that the engine knows.
    fn take_up(&mut self, now: Now, id: CallId, resume: Resume) -> Result<(), CommandError> {
        let call = self.find(id)?;
        let state = call.state.clone();
        let again = match resume {
            // The user's answer was lost with the connection: the app is asked again.
            Resume::Ringing if matches!(state, State::Answering) => true,
            Resume::Ringing if matches!(state, State::Ringing) => false,
            Resume::Ringing => return Err(CommandError::InvalidState),
            Resume::Under(progress, at) => {
                let step = Self::step(call, now, progress, at);
                if !Self::is_at(&state, progress) && state.after(step.clone()).is_none() {
                    return Err(CommandError::InvalidState);
                }
                self.adopted(id);
                self.advance_if_new(now, id, progress, step);
                return Ok(());
            }
        };
        self.adopted(id);
        if again {
            self.answer_again(now, id);
        }
        Ok(())
    }

    fn adopted(&mut self, id: CallId) {
        if let Some(call) = self.calls.get_mut(&id) {
            call.orphan_until = None;
        }
        self.emit(super::Output::Changed(id));
    }

    const fn is_at(state: &State, progress: Progress) -> bool {
        matches!(
            (state, progress),
            (State::Dialing, Progress::Dialing)
                | (State::RemoteRinging, Progress::RemoteRinging)
                | (State::Connecting, Progress::Connecting)
                | (State::Active { .. }, Progress::Active)
        )
    }

    fn advance_if_new(&mut self, now: Now, id: CallId, progress: Progress, step: Step) {
        let there = self.calls.get(&id).is_some_and(|call| Self::is_at(&call.state, progress));
        if !there {
            self.advance(now, id, step);
        }
    }

    fn answer_again(&mut self, now: Now, id: CallId) {
        let Some(video) = self.calls.get(&id).map(|call| call.flags.video) else {
            return;
        };
        // Who answered somebody else meanwhile talks to them now.
        let free = self.in_the_way(&[id]).is_empty();
        let end = Action::End(EndReason::LocalHangup);
        let action = if free { Action::Answer { video } } else { end };
        let order = Order { call: id, action };
        self.begin(now, None, Reply::Done, vec![vec![order]]);
    }

    /// A call that only its app knows.
    fn continue_call(
        &mut self,
        now: Now,
        provider: &ProviderId,
        new: NewCall,
        direction: Direction,
        resume: Resume,
    ) -> Result<CallId, CommandError> {
        let id = new.call;
        self.admit(now, provider, &new)?;
        let state = match resume {
            Resume::Ringing => State::Ringing,
            Resume::Under(Progress::Dialing, _) => State::Dialing,
            Resume::Under(Progress::RemoteRinging, _) => State::RemoteRinging,
            Resume::Under(Progress::Connecting, _) => State::Connecting,
            Resume::Under(Progress::Active, at) => {
                State::Active { since: if at == 0 { now.unix_us } else { at.min(now.unix_us) } }
            }
        };
        let connected_at = state.connected_at();
        let mut call = self.described(now, provider, new, direction, state)?;
        call.continued = true;
        call.flags.silenced = call.is_ringing();
        call.ring_until = now.mono + self.ring_time;
        if connected_at != 0 {
            call.created_at = connected_at;
        }
        self.add(call);
        Ok(id)
    }
}

impl Call {
    /// Whether the daemon learned of it while it was on already.
    #[must_use]
    pub const fn is_continued(&self) -> bool {
        self.continued
    }
}
