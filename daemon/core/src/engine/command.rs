//! What controllers may want, and when they may.
//!
//! Owns: commands, their errors, and the check before an action goes out. Does not own: the
//! action's way to its end (`action`). Invariant: a command that is refused changes nothing.

use std::{collections::BTreeSet, time::Duration};

use super::{CommandId, Engine, MAX_CALLS, Output};
use crate::{
    call::{Call, Direction, EndReason, Flags, Follow, Nodes, Party, State, Step},
    id::{CallId, Now, ProviderId},
    media::Quality,
    provider::{Action, Capability, Encryption},
};

/// What a controller wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Call someone. Answered with [`Reply::Call`] once the provider took it on.
    Start {
        /// With which provider; `None`: the one for the handle's scheme.
        provider: Option<ProviderId>,
        /// Whom.
        party: Party,
        /// Whether to offer pictures.
        video: bool,
        /// The id to give it; `None`: a new one.
        id: Option<CallId>,
    },
    /// Take a call.
    Answer {
        /// Which.
        call: CallId,
        /// Whether to send pictures.
        video: bool,
    },
    /// Refuse a call.
    Decline(CallId),
    /// End a call, whatever it is doing.
    HangUp(CallId),
    /// Hold or resume.
    SetHeld(CallId, bool),
    /// Close or open the microphone.
    SetMuted(CallId, bool),
    /// Open or close the camera.
    SetVideo(CallId, bool),
    /// Send digits.
    SendDtmf(CallId, String),
    /// Ring on without sound.
    Silence(CallId),
    /// Silence whatever rings.
    SilenceRinger,
    /// The one button: answer what rings, else hang up what is on.
    PressPrimary,
    /// The other button: decline what rings.
    PressSecondary,
    /// End everything.
    EndAll,
}

/// What a command gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// It is done.
    Done,
    /// The call that was started.
    Call(CallId),
}

/// Why a command is refused or failed. Names as on the bus, under `.Error`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// No such call.
    #[error("there is no such call")]
    UnknownCall,
    /// No such provider.
    #[error("there is no such provider")]
    UnknownProvider,
    /// The id belongs to a call that is or was.
    #[error("this uuid belongs to another call")]
    UuidExists,
    /// Not now: another action is out, or the call is in another state.
    #[error("the call is not in a state for this")]
    InvalidState,
    /// This call cannot do that.
    #[error("this call cannot do that")]
    NotSupported,
    /// The provider did not answer in time.
    #[error("the provider did not answer in time")]
    Timeout,
    /// The provider said no.
    #[error("the provider could not do it: {0}")]
    ProviderFailed(String),
    /// Too many calls.
    #[error("there are {MAX_CALLS} calls already")]
    LimitReached,
    /// No provider calls this scheme.
    #[error("no provider calls \"{0}\" addresses")]
    NoProviderForScheme(String),
    /// Another controller was faster, or an end came before.
    #[error("something else came first")]
    Superseded,
    /// An argument is wrong.
    #[error("{0}")]
    InvalidArgument(String),
}

impl Engine {
    pub(super) fn command(&mut self, now: Now, id: CommandId, command: Command) {
        let done = match command {
            Command::Start { provider, party, video, id: call } => {
                self.start(now, id, provider, party, video, call)
            }
            Command::Answer { call, video } => self.command_answer(now, Some(id), call, video),
            Command::Decline(call) => self.decline(now, id, call),
            Command::HangUp(call) => self.hang_up(now, id, call),
            Command::SetHeld(call, held) => {
                self.act(now, id, call, Some(Capability::Hold), Action::SetHeld(held))
            }
            Command::SetMuted(call, muted) => {
                self.act(now, id, call, Some(Capability::Mute), Action::SetMuted(muted))
            }
            Command::SetVideo(call, video) => {
                self.act(now, id, call, Some(Capability::Video), Action::SetVideo(video))
            }
            Command::SendDtmf(call, digits) => self.dtmf(now, id, call, digits),
            Command::Silence(call) => self.silence(id, call),
            Command::SilenceRinger => self.silence_ringer(id),
            Command::PressPrimary => self.press_primary(now, id),
            Command::PressSecondary => self.press_secondary(now, id),
            Command::EndAll => self.end_all(now, id),
        };
        if let Err(error) = done {
            self.reply(Some(id), Err(error));
        }
    }

    fn start(
        &mut self,
        now: Now,
        waiter: CommandId,
        provider: Option<ProviderId>,
        party: Party,
        video: bool,
        id: Option<CallId>,
    ) -> Result<(), CommandError> {
        let provider = self.choose(provider, party.handle.scheme())?;
        // Whoever calls someone who rings here means to talk to them: that call is the one.
        if let Some(ringing) = self.ringing_from(&provider, &party) {
            self.command_answer(now, None, ringing, video)?;
            self.reply(Some(waiter), Ok(Reply::Call(ringing)));
            return Ok(());
        }
        if self.calls.values().filter(|call| !call.state.is_ended()).count() >= MAX_CALLS {
            return Err(CommandError::LimitReached);
        }
        let id = id.unwrap_or_else(|| CallId::random(self.entropy.as_mut()));
        if self.used.contains(&id) {
            return Err(CommandError::UuidExists);
        }
        let logged = self.providers.get(&provider).is_some_and(|known| known.log);
        let remote = party.handle.clone();
        self.add(Call {
            id,
            provider,
            direction: Direction::Outgoing,
            party,
            state: State::Requested,
            flags: Flags { video, ..Flags::default() },
            capabilities: BTreeSet::new(),
            encryption: Encryption::None,
            created_at: now.unix_us,
            pending: None,
            nodes: Nodes::default(),
            quality: Quality::default(),
            logged,
            ring_until: Duration::MAX,
            remove_at: Duration::MAX,
        });
        self.perform(now, id, Action::Start { remote, video }, Some(waiter), None);
        Ok(())
    }

    fn ringing_from(&self, provider: &ProviderId, party: &Party) -> Option<CallId> {
        let theirs = |call: &&Call| {
            call.is_ringing()
                && call.pending.is_none()
                && call.provider == *provider
                && call.party.handle == party.handle
        };
        self.calls.values().find(theirs).map(Call::id)
    }

    fn choose(
        &self,
        provider: Option<ProviderId>,
        scheme: &str,
    ) -> Result<ProviderId, CommandError> {
        if let Some(provider) = provider {
            let known = self.providers.contains_key(&provider);
            return known.then_some(provider).ok_or(CommandError::UnknownProvider);
        }
        let calls = |one: &&super::Registration| one.schemes.iter().any(|has| has == scheme);
        let found = self.providers.values().find(calls).map(|one| one.id.clone());
        found.ok_or_else(|| CommandError::NoProviderForScheme(scheme.to_owned()))
    }

    fn find(&self, call: CallId) -> Result<&Call, CommandError> {
        self.calls.get(&call).ok_or(CommandError::UnknownCall)
    }

    fn command_answer(
        &mut self,
        now: Now,
        waiter: Option<CommandId>,
        id: CallId,
        video: bool,
    ) -> Result<(), CommandError> {
        let call = self.find(id)?;
        if matches!(call.state, State::Answering) {
            return Err(CommandError::Superseded);
        }
        if !call.is_ringing() || call.pending.is_some() {
            return Err(CommandError::InvalidState);
        }
        let in_the_way = self.active().filter(|other| !other.flags.held).map(Call::id);
        let Some(other) = in_the_way else {
            self.answer(now, id, video, waiter);
            return Ok(());
        };
        let follow = Follow { call: id, video, waiter };
        let is_active = matches!(self.find(other)?.state, State::Active { .. });
        if is_active && self.has(other, Capability::Hold) && self.find(other)?.pending.is_none() {
            self.perform(now, other, Action::SetHeld(true), None, Some(follow));
        } else {
            let reason = Self::hang_up_reason(self.find(other)?);
            self.perform(now, other, Action::End(reason), None, Some(follow));
        }
        Ok(())
    }

    /// Answers a ringing call.
    pub(super) fn answer(&mut self, now: Now, id: CallId, video: bool, waiter: Option<CommandId>) {
        self.flag(id, |flags| {
            flags.video = video;
            flags.waiting = false;
        });
        if self.advance(now, id, Step::Answer) {
            self.perform(now, id, Action::Answer { video }, waiter, None);
        } else {
            self.reply(waiter, Err(CommandError::InvalidState));
        }
    }

    fn decline(&mut self, now: Now, waiter: CommandId, id: CallId) -> Result<(), CommandError> {
        if !self.find(id)?.is_ringing() {
            return Err(CommandError::InvalidState);
        }
        self.end(now, id, EndReason::Declined, Some(waiter))
    }

    fn hang_up(&mut self, now: Now, waiter: CommandId, id: CallId) -> Result<(), CommandError> {
        let reason = Self::hang_up_reason(self.find(id)?);
        self.end(now, id, reason, Some(waiter))
    }

    fn end(
        &mut self,
        now: Now,
        id: CallId,
        reason: EndReason,
        waiter: Option<CommandId>,
    ) -> Result<(), CommandError> {
        let call = self.find(id)?;
        let ending = call.pending.as_ref().is_some_and(|out| matches!(out.action, Action::End(_)));
        if call.state.is_ended() || ending {
            return Err(CommandError::InvalidState);
        }
        self.perform(now, id, Action::End(reason), waiter, None);
        Ok(())
    }

    const fn hang_up_reason(call: &Call) -> EndReason {
        match call.state {
            State::Reported | State::Ringing => EndReason::Declined,
            State::Requested | State::Dialing | State::RemoteRinging => EndReason::Cancelled,
            State::Answering | State::Connecting | State::Active { .. } | State::Ended { .. } => {
                EndReason::LocalHangup
            }
        }
    }

    /// An action on a call that is on.
    fn act(
        &mut self,
        now: Now,
        waiter: CommandId,
        id: CallId,
        needs: Option<Capability>,
        action: Action,
    ) -> Result<(), CommandError> {
        let call = self.find(id)?;
        if needs.is_some_and(|capability| !call.capabilities.contains(&capability)) {
            return Err(CommandError::NotSupported);
        }
        if !call.is_engaged() || call.pending.is_some() {
            return Err(CommandError::InvalidState);
        }
        self.perform(now, id, action, Some(waiter), None);
        Ok(())
    }

    fn dtmf(
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
        self.act(now, waiter, id, Some(Capability::Dtmf), Action::PlayDtmf(digits))
    }

    fn silence(&mut self, waiter: CommandId, id: CallId) -> Result<(), CommandError> {
        if !self.find(id)?.is_ringing() {
            return Err(CommandError::InvalidState);
        }
        self.flag(id, |flags| flags.silenced = true);
        self.reply(Some(waiter), Ok(Reply::Done));
        Ok(())
    }

    fn silence_ringer(&mut self, waiter: CommandId) -> Result<(), CommandError> {
        let ringing = self.calls.values().filter(|call| call.is_ringing()).map(Call::id);
        for id in ringing.collect::<Vec<_>>() {
            self.flag(id, |flags| flags.silenced = true);
        }
        self.reply(Some(waiter), Ok(Reply::Done));
        Ok(())
    }

    fn press_primary(&mut self, now: Now, waiter: CommandId) -> Result<(), CommandError> {
        if let Some(id) = self.ringing().map(Call::id) {
            return self.command_answer(now, Some(waiter), id, false);
        }
        let id = self.active().map(Call::id).ok_or(CommandError::InvalidState)?;
        self.hang_up(now, waiter, id)
    }

    fn press_secondary(&mut self, now: Now, waiter: CommandId) -> Result<(), CommandError> {
        let id = self.ringing().map(Call::id).ok_or(CommandError::InvalidState)?;
        self.decline(now, waiter, id)
    }

    fn end_all(&mut self, now: Now, waiter: CommandId) -> Result<(), CommandError> {
        let ids: Vec<(CallId, EndReason)> =
            self.calls.values().map(|call| (call.id, Self::hang_up_reason(call))).collect();
        for (id, reason) in ids {
            // One that has ended or is ending needs nothing more.
            let _ = self.end(now, id, reason, None);
        }
        self.emit(Output::Reply(waiter, Ok(Reply::Done)));
        Ok(())
    }
}
