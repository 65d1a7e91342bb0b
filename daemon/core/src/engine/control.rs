//! Carrying out what controllers want: the checks, and the stages of each wish.
//!
//! Owns: starting, answering, ending, and what is done with one call. Does not own: which calls are
//! in the way of which (`way`), groups (`group`), how stages run (`transaction`). Invariant: a
//! command that is refused changes nothing.

use super::{
    CommandError, CommandId, Engine, Lock, Reply,
    transaction::{Order, Stage},
    way::Way,
};
use crate::{
    call::{Call, Direction, EndReason, Flags, Owner, Party, State},
    id::{CallId, Now, ProviderId, check_text},
    provider::{Action, Capability},
    written::Written,
};

impl Engine {
    pub(super) fn start(
        &mut self,
        now: Now,
        waiter: CommandId,
        provider: Option<ProviderId>,
        party: Party,
        video: bool,
        id: Option<CallId>,
    ) -> Result<(), CommandError> {
        let provider = self.choose(provider, party.handle.scheme())?;
        check_text("display-name", &party.name)?;
        // Whoever calls someone who rings here means to talk to them: that call is the one.
        if let Some(ringing) = self.ringing_from(&provider, &party) {
            self.take_call(now, None, ringing, video, Way::Hold)?;
            self.reply(Some(waiter), Ok(Reply::Call(ringing)));
            return Ok(());
        }
        let known = self.here(&provider)?;
        self.room_for_call(known)?;
        let way = self.make_way(&[], Way::Hold)?;
        let video = video && known.registration.video;
        let (owner, logged): (Owner, bool) = (known.owner(), known.registration.log);
        let capabilities = known.first_capabilities().collect();
        let id = id.unwrap_or_else(|| CallId::random(self.entropy.as_mut()));
        if self.used.contains(id) {
            return Err(CommandError::UuidExists);
        }
        let (remote, name) = (party.handle.clone(), party.name.clone());
        self.filter.note_called(now, &remote);
        let requested = State::Requested;
        self.add(Call {
            flags: Flags { video, ..Flags::default() },
            capabilities,
            logged,
            ..Call::new(id, owner, Direction::Outgoing, party, requested, now)
        });
        let order = Order { call: id, action: Action::Start { remote, video, name } };
        self.begin(now, Some(waiter), Reply::Call(id), vec![way, vec![order]]);
        Ok(())
    }

    fn ringing_from(&self, provider: &ProviderId, party: &Party) -> Option<CallId> {
        let theirs = |call: &&Call| {
            call.is_ringing()
                && call.pending.is_none()
                && call.owner.provider == *provider
                && call.party.handle == party.handle
        };
        self.calls.values().find(theirs).map(Call::id)
    }

    /// The named provider, else the one that the user chose for the scheme, else the only one that
    /// has it.
    pub(super) fn choose(
        &self,
        provider: Option<ProviderId>,
        scheme: &str,
    ) -> Result<ProviderId, CommandError> {
        if let Some(provider) = provider {
            return self.here(&provider).map(|_| provider);
        }
        let calls = |id: &ProviderId| {
            self.here(id).is_ok_and(|one| one.registration.schemes.iter().any(|has| has == scheme))
        };
        if let Some(chosen) = self.defaults.get(scheme).filter(|chosen| calls(chosen)) {
            return Ok(chosen.clone());
        }
        let mut found = self.providers.keys().filter(|id| calls(id));
        match (found.next(), found.next()) {
            (Some(only), None) => Ok(only.clone()),
            (None | Some(_), _) => Err(CommandError::NoProviderForScheme(scheme.to_owned())),
        }
    }

    pub(super) fn command_answer(
        &mut self,
        now: Now,
        waiter: Option<CommandId>,
        id: CallId,
        video: bool,
    ) -> Result<(), CommandError> {
        self.take_call(now, waiter, id, video, Way::HoldOrEnd)
    }

    fn take_call(
        &mut self,
        now: Now,
        waiter: Option<CommandId>,
        id: CallId,
        video: bool,
        way: Way,
    ) -> Result<(), CommandError> {
        let call = self.find(id)?;
        if matches!(call.state, State::Answering) || self.is_planned(id) {
            return Err(CommandError::Superseded);
        }
        if !call.is_ringing() || call.pending.is_some() {
            return Err(CommandError::InvalidState);
        }
        if call.is_orphan() {
            return Err(CommandError::ProviderGone);
        }
        let way = self.make_way(&[id], way)?;
        // A camera that opens on a locked screen shows the room to whoever holds the machine.
        let video = video
            && match self.lock {
                Lock::Open => true,
                Lock::Locked { video } => video,
            };
        let answer = Order { call: id, action: Action::Answer { video } };
        self.begin(now, waiter, Reply::Done, vec![way, vec![answer]]);
        Ok(())
    }

    pub(super) fn decline(
        &mut self,
        now: Now,
        waiter: CommandId,
        id: CallId,
    ) -> Result<(), CommandError> {
        if !self.find(id)?.is_ringing() {
            return Err(CommandError::InvalidState);
        }
        self.end(now, id, EndReason::Declined, waiter)
    }

    /// Says why first. The call is declined also where that could not be said: whoever asks for this
    /// wants to be rid of it, and hears of the failure.
    pub(super) fn decline_with(
        &mut self,
        now: Now,
        waiter: CommandId,
        id: CallId,
        written: Written,
    ) -> Result<(), CommandError> {
        let call = self.find(id)?;
        written.check()?;
        if !written.is_last() {
            let why = "message: a whole text is expected, not one that is being typed";
            return Err(CommandError::InvalidArgument(why.to_owned()));
        }
        if !call.is_ringing() || call.pending.is_some() {
            return Err(CommandError::InvalidState);
        }
        if !call.can(Capability::Text) {
            return Err(CommandError::NotSupported);
        }
        // Whatever was to come of it, such as an answer once another call is held, will not.
        self.drop_plans(id, &CommandError::Superseded);
        self.flag(id, |flags| flags.silenced = true);
        let order = |action| vec![Order { call: id, action }];
        let stages = [Action::SendText(written), Action::End(EndReason::Declined)].map(order);
        self.begin(now, Some(waiter), Reply::Done, stages.into());
        Ok(())
    }

    pub(super) fn hang_up(
        &mut self,
        now: Now,
        waiter: CommandId,
        id: CallId,
    ) -> Result<(), CommandError> {
        let reason = Self::hang_up_reason(self.find(id)?);
        self.end(now, id, reason, waiter)
    }

    fn end(
        &mut self,
        now: Now,
        id: CallId,
        reason: EndReason,
        waiter: CommandId,
    ) -> Result<(), CommandError> {
        let call = self.find(id)?;
        if call.state.is_ended() || call.is_ending() {
            return Err(CommandError::InvalidState);
        }
        let order = Order { call: id, action: Action::End(reason) };
        self.begin(now, Some(waiter), Reply::Done, vec![vec![order]]);
        Ok(())
    }

    /// Ends calls together; done when all of them have ended, those too that were ending already.
    pub(super) fn end_calls(
        &mut self,
        now: Now,
        waiter: Option<CommandId>,
        calls: Vec<CallId>,
        reason: Option<EndReason>,
    ) {
        let on = |id: &CallId| self.calls.get(id).filter(|call| !call.state.is_ended());
        let order = |call: &Call| {
            let reason = reason.unwrap_or_else(|| Self::hang_up_reason(call));
            Order { call: call.id, action: Action::End(reason) }
        };
        let mut stage: Stage = calls.iter().filter_map(on).map(order).collect();
        // What is planned goes first: the end of what it waits for would set it going.
        stage.sort_by_key(|order| !self.is_planned(order.call));
        if waiter.is_some() || !stage.is_empty() {
            self.begin(now, waiter, Reply::Done, vec![stage]);
        }
    }

    pub(super) const fn hang_up_reason(call: &Call) -> EndReason {
        match call.state {
            State::Reported | State::Ringing => EndReason::Declined,
            State::Requested | State::Dialing | State::RemoteRinging => EndReason::Cancelled,
            State::Answering | State::Connecting | State::Active { .. } | State::Ended { .. } => {
                EndReason::LocalHangup
            }
        }
    }

    /// An action on a call that is on.
    pub(super) fn act(
        &mut self,
        now: Now,
        waiter: CommandId,
        id: CallId,
        action: Action,
    ) -> Result<(), CommandError> {
        let call = self.find(id)?;
        if action.needs().is_some_and(|capability| !call.can(capability)) {
            return Err(CommandError::NotSupported);
        }
        if !call.is_engaged() {
            return Err(CommandError::InvalidState);
        }
        self.single(now, Some(waiter), id, action)
    }

    /// A transaction of one action.
    pub(super) fn single(
        &mut self,
        now: Now,
        waiter: Option<CommandId>,
        id: CallId,
        action: Action,
    ) -> Result<(), CommandError> {
        if self.find(id)?.pending.is_some() || self.is_planned(id) {
            return Err(CommandError::InvalidState);
        }
        let order = Order { call: id, action };
        self.begin(now, waiter, Reply::Done, vec![vec![order]]);
        Ok(())
    }

    pub(super) fn dtmf(
        &mut self,
        now: Now,
        waiter: CommandId,
        id: CallId,
        digits: String,
    ) -> Result<(), CommandError> {
        let legal = |c: char| c.is_ascii_digit() || matches!(c, '*' | '#' | 'A'..='D' | ',');
        if digits.is_empty() || digits.len() > 64 || !digits.chars().all(legal) {
            let why = "tones: 1 to 64 of 0-9, *, #, A-D and ',' are expected";
            return Err(CommandError::InvalidArgument(why.to_owned()));
        }
        self.act(now, waiter, id, Action::PlayDtmf(digits))
    }

    pub(super) fn send_text(
        &mut self,
        now: Now,
        waiter: CommandId,
        id: CallId,
        written: Written,
    ) -> Result<(), CommandError> {
        let call = self.find(id)?;
        if call.can(Capability::Text) && !call.is_active() {
            return Err(CommandError::InvalidState);
        }
        self.act(now, waiter, id, Action::SendText(written))
    }

    pub(super) fn switch_camera(
        &mut self,
        now: Now,
        waiter: CommandId,
        id: CallId,
        name: String,
    ) -> Result<(), CommandError> {
        check_text("id", &name)?;
        let call = self.find(id)?;
        if call.can(Capability::Video) && !call.flags.video {
            return Err(CommandError::InvalidState);
        }
        self.act(now, waiter, id, Action::SwitchCamera(name))
    }

    pub(super) fn set_endpoint(
        &mut self,
        now: Now,
        waiter: CommandId,
        id: CallId,
        name: String,
    ) -> Result<(), CommandError> {
        check_text("id", &name)?;
        self.act(now, waiter, id, Action::SetEndpoint(name))
    }

    pub(super) fn silence(&mut self, waiter: CommandId, id: CallId) -> Result<(), CommandError> {
        if !self.find(id)?.is_ringing() {
            return Err(CommandError::InvalidState);
        }
        self.flag(id, |flags| flags.silenced = true);
        self.reply(Some(waiter), Ok(Reply::Done));
        Ok(())
    }

    pub(super) fn silence_ringer(&mut self, waiter: CommandId) -> Result<(), CommandError> {
        let ringing = self.calls.values().filter(|call| call.is_ringing()).map(Call::id);
        for id in ringing.collect::<Vec<_>>() {
            self.flag(id, |flags| flags.silenced = true);
        }
        self.reply(Some(waiter), Ok(Reply::Done));
        Ok(())
    }

    /// The ringing call that a button is about: none that is ending already, and one that can be
    /// answered before one whose app is gone.
    #[must_use]
    pub fn first_ringing(&self) -> Option<CallId> {
        let stays =
            |call: &&Call| call.is_ringing() && !call.is_ending() && !self.is_declined(call);
        let ringing = self.calls.values().filter(stays);
        let first = |call: &&Call| (call.is_orphan(), call.flags.waiting, call.created_at);
        ringing.min_by_key(first).map(Call::id)
    }

    pub(super) fn press_primary(
        &mut self,
        now: Now,
        waiter: CommandId,
    ) -> Result<(), CommandError> {
        if let Some(id) = self.first_ringing() {
            return self.command_answer(now, Some(waiter), id, false);
        }
        let call = self.active().ok_or(CommandError::InvalidState)?;
        // Who hangs up a conference hangs up all of it.
        match call.group {
            Some(group) => self.group_hang_up(now, waiter, group),
            None => self.hang_up(now, waiter, call.id),
        }
    }

    pub(super) fn press_secondary(
        &mut self,
        now: Now,
        waiter: CommandId,
    ) -> Result<(), CommandError> {
        let id = self.first_ringing().ok_or(CommandError::InvalidState)?;
        self.decline(now, waiter, id)
    }
}
