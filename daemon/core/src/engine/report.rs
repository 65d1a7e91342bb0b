//! What providers report, and what the engine makes of it.
//!
//! Owns: new calls, progress, changes, ends, and what is wrong with a report. Does not own: calls
//! that are taken up again (`resume`), who may ring (`filter`). Invariant: a provider moves only its
//! own calls, and only forwards; a report that is refused changes nothing.

use std::{
    collections::{HashSet, VecDeque},
    time::Duration,
};

use super::{CommandError, Engine, Output, action::Ending};
use crate::{
    call::{Call, Capture, Direction, EndReason, Flags, NameSource, State, Step},
    filter::{Ringing, Verdict},
    id::{CallId, Now, ProviderId, check_text},
    media::Tone,
    provider::{Action, Capability, NewCall, Progress, Report, Update},
    written::Written,
};

/// Ids of calls that are remembered, so that none is used twice.
pub const REMEMBERED: usize = 4096;

/// How an incoming call is brought to the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// It rings aloud.
    Ring,
    /// It rings without sound.
    Silent,
    /// It waits beside another call.
    Waiting,
}

impl Disposition {
    /// As on the bus.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ring => "ring",
            Self::Silent => "silent",
            Self::Waiting => "waiting",
        }
    }
}

/// What a report came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reported {
    /// It is taken in.
    Done,
    /// The call that the app placed.
    Call(CallId),
    /// The call that comes in.
    Incoming {
        /// Which.
        call: CallId,
        /// How the user learns of it.
        disposition: Disposition,
    },
}

/// Ids that are or were a call's.
#[derive(Default)]
pub(super) struct UsedIds {
    ids: HashSet<CallId>,
    order: VecDeque<CallId>,
}

impl UsedIds {
    pub(super) fn add(&mut self, id: CallId) {
        if !self.ids.insert(id) {
            return;
        }
        self.order.push_back(id);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
    }

    pub(super) fn contains(&self, id: CallId) -> bool {
        self.ids.contains(&id)
    }
}

impl Engine {
    pub(super) fn report(
        &mut self,
        now: Now,
        provider: &ProviderId,
        report: Report,
    ) -> Result<Reported, CommandError> {
        self.here(provider)?;
        match report {
            Report::Incoming { new, expires_at } => self.incoming(now, provider, new, expires_at),
            Report::Outgoing(new) => self.outgoing(now, provider, new),
            Report::Progress { call, progress, at } => {
                self.progress(now, provider, call, progress, at)
            }
            Report::Update { call, update } => self.update(provider, call, update),
            Report::Text { call, written } => self.text(provider, call, written),
            Report::Ended { call, reason, text, at } => {
                self.ended_there(now, provider, call, reason, text, at)
            }
        }
    }

    /// A call of this provider's own that it was told of.
    fn own(&self, provider: &ProviderId, call: CallId) -> Result<&Call, CommandError> {
        let known = self.find(call)?;
        let told = known.owner.provider == *provider && !self.is_unheard_of(known);
        if told { Ok(known) } else { Err(CommandError::UnknownCall) }
    }

    /// Checks what every new call needs, and takes one from the provider's budget.
    pub(super) fn admit(
        &mut self,
        now: Now,
        provider: &ProviderId,
        new: &NewCall,
    ) -> Result<(), CommandError> {
        check_text("name", &new.party.name)?;
        if self.used.contains(new.call) {
            return Err(CommandError::UuidExists);
        }
        let known = self.providers.get_mut(provider).ok_or(CommandError::UnknownProvider)?;
        if !known.budget.take(now.mono) {
            return Err(CommandError::LimitReached("calls reported, 20 a second"));
        }
        Ok(())
    }

    /// The call that a report describes. Its name comes from the most trusted of those who know one.
    pub(super) fn described(
        &self,
        now: Now,
        provider: &ProviderId,
        new: NewCall,
        direction: Direction,
        state: State,
    ) -> Result<Call, CommandError> {
        let known = self.here(provider)?;
        self.room_for_call(known)?;
        let mut party = new.party;
        if party.source != NameSource::Contact {
            let label = self.filter.label(&party.handle).map(str::to_owned);
            party.source = match (&label, party.name.is_empty()) {
                (Some(_), _) => NameSource::Directory,
                (None, false) => NameSource::Provider,
                (None, true) => NameSource::None,
            };
            party.name = label.unwrap_or(party.name);
        }
        let flags = match direction {
            Direction::Incoming => Flags { remote_video: new.video, ..Flags::default() },
            Direction::Outgoing => Flags { video: new.video, ..Flags::default() },
        };
        Ok(Call {
            flags,
            capabilities: new.capabilities,
            encryption: new.encryption,
            logged: known.registration.log && new.log,
            ..Call::new(new.call, known.owner(), direction, party, state, now)
        })
    }

    fn incoming(
        &mut self,
        now: Now,
        provider: &ProviderId,
        new: NewCall,
        expires_at: u64,
    ) -> Result<Reported, CommandError> {
        if let Some(resume) = new.resume {
            let call = self.resume(now, provider, new, Direction::Incoming, resume)?;
            return Ok(Reported::Incoming { call, disposition: Disposition::Silent });
        }
        self.admit(now, provider, &new)?;
        let verdict = self.filter.judge(now, &new.party);
        let mut call = self.described(now, provider, new, Direction::Incoming, State::Reported)?;
        self.filter.note_caller(now, &call.party.handle);
        let silent = match verdict {
            Verdict::Blocked => return Err(CommandError::FilteredBlocked),
            Verdict::DoNotDisturb => return Err(CommandError::FilteredDoNotDisturb),
            Verdict::Ring(Ringing::Aloud) => false,
            Verdict::Ring(Ringing::Silently) => true,
        };
        let left = Duration::from_micros(expires_at.saturating_sub(now.unix_us));
        let ring = if expires_at == 0 { self.ring_time } else { left.min(self.ring_time) };
        call.ring_until = now.mono + ring;
        call.flags.silenced = silent;
        Ok(self.ring(now, call))
    }

    fn ring(&mut self, now: Now, call: Call) -> Reported {
        let (id, silent, over) = (call.id, call.flags.silenced, call.ring_until <= now.mono);
        let alone = self.active().is_none() && self.ringing().is_none();
        self.add(call);
        let silently = Reported::Incoming { call: id, disposition: Disposition::Silent };
        if over {
            // Too late to ring: a missed row and nothing else.
            self.end_now(now, id, EndReason::Unanswered, "");
            return silently;
        }
        if !alone {
            self.flag(id, |flags| flags.waiting = true);
            if !silent {
                self.emit(Output::Cue(Tone::Waiting));
            }
        }
        self.advance(now, id, Step::Ring);
        match (silent, alone) {
            (true, _) => silently,
            (false, true) => Reported::Incoming { call: id, disposition: Disposition::Ring },
            (false, false) => Reported::Incoming { call: id, disposition: Disposition::Waiting },
        }
    }

    fn outgoing(
        &mut self,
        now: Now,
        provider: &ProviderId,
        new: NewCall,
    ) -> Result<Reported, CommandError> {
        if let Some(resume) = new.resume {
            let call = self.resume(now, provider, new, Direction::Outgoing, resume)?;
            return Ok(Reported::Call(call));
        }
        self.admit(now, provider, &new)?;
        let call = self.described(now, provider, new, Direction::Outgoing, State::Dialing)?;
        let id = call.id;
        self.filter.note_called(now, &call.party.handle);
        self.add(call);
        Ok(Reported::Call(id))
    }

    fn progress(
        &mut self,
        now: Now,
        provider: &ProviderId,
        id: CallId,
        progress: Progress,
        at: u64,
    ) -> Result<Reported, CommandError> {
        let call = self.own(provider, id)?;
        let step = Self::step(call, now, progress, at);
        if call.is_orphan() || !self.advance(now, id, step) {
            return Err(CommandError::InvalidState);
        }
        self.flag(id, |flags| flags.waiting = false);
        let out = self.calls.get(&id).and_then(|call| call.pending.as_ref());
        let answers = out.is_some_and(|out| matches!(out.action, Action::Answer { .. }));
        if answers {
            // Answered in the app itself, or there while our answer was out: either way it is done.
            self.end_out(now, id, Ending::Fulfilled);
        }
        Ok(Reported::Done)
    }

    /// What a provider's word does to a call.
    pub(super) fn step(call: &Call, now: Now, progress: Progress, at: u64) -> Step {
        match progress {
            Progress::Dialing => Step::Dialing,
            Progress::RemoteRinging => Step::RemoteRinging,
            Progress::Connecting => Step::Connecting,
            Progress::Active => Step::Active(Self::when(call, now, at)),
        }
    }

    /// A provider's time: 0 is now, and nothing happens in the future or before the call.
    fn when(call: &Call, now: Now, at: u64) -> u64 {
        let earliest = call.created_at.max(call.state.connected_at());
        if at == 0 { now.unix_us } else { at.min(now.unix_us).max(earliest) }
    }

    fn text(
        &mut self,
        provider: &ProviderId,
        id: CallId,
        written: Written,
    ) -> Result<Reported, CommandError> {
        let call = self.own(provider, id)?;
        written.check()?;
        if !call.can(Capability::Text) {
            return Err(CommandError::NotSupported);
        }
        // Whom the user calls may say why they do not answer. The other way round nobody writes before
        // the answer: a ring must not be a way to write to somebody.
        let called = call.direction == Direction::Outgoing && call.is_engaged();
        if !call.is_active() && !called {
            return Err(CommandError::InvalidState);
        }
        self.emit(Output::Text(id, written));
        Ok(Reported::Done)
    }

    fn update(
        &mut self,
        provider: &ProviderId,
        id: CallId,
        update: Update,
    ) -> Result<Reported, CommandError> {
        let call = self.own(provider, id)?;
        if call.state.is_ended() || call.is_orphan() {
            return Err(CommandError::InvalidState);
        }
        if update.held.is_some() && !call.is_active() {
            return Err(CommandError::InvalidState);
        }
        if let Some(name) = &update.name {
            check_text("name", name)?;
        }
        let Some(call) = self.calls.get_mut(&id) else {
            return Err(CommandError::UnknownCall);
        };
        let before = call.clone();
        call.change(update);
        if *call != before {
            self.emit(Output::Changed(id));
        }
        Ok(Reported::Done)
    }

    fn ended_there(
        &mut self,
        now: Now,
        provider: &ProviderId,
        id: CallId,
        reason: EndReason,
        text: String,
        at: u64,
    ) -> Result<Reported, CommandError> {
        let call = self.own(provider, id)?;
        check_text("text", &text)?;
        if !reason.is_reportable() {
            let why = format!("reason: \"{}\" is not for providers to say", reason.as_str());
            return Err(CommandError::InvalidArgument(why));
        }
        let at = Self::when(call, now, at);
        if self.advance(now, id, Step::End { reason, text, at }) {
            Ok(Reported::Done)
        } else {
            Err(CommandError::InvalidState)
        }
    }
}

impl Call {
    fn change(&mut self, update: Update) {
        let flags = &mut self.flags;
        if let Some(muted) = update.muted
            && self.capture != Capture::Alone
        {
            flags.muted = muted;
            // Muted in the app's own window is muted, and opened there is open.
            self.capture = if muted { Capture::Beside } else { Capture::Open };
        }
        flags.held = update.held.unwrap_or(flags.held);
        flags.remote_held = update.remote_held.unwrap_or(flags.remote_held);
        flags.remote_video = update.remote_video.unwrap_or(flags.remote_video);
        flags.video = update.video.unwrap_or(flags.video);
        flags.reconnecting = update.reconnecting.unwrap_or(flags.reconnecting);
        self.encryption = update.encryption.unwrap_or(self.encryption);
        if let Some(nodes) = update.nodes {
            self.nodes = nodes;
        }
        if let Some(capabilities) = update.capabilities {
            self.capabilities = capabilities;
        }
        if let Some(endpoint) = update.endpoint {
            self.endpoint = endpoint;
        }
        if let Some(quality) = update.quality {
            self.quality = quality;
        }
        if let Some(name) = update.name {
            self.party.rename(name);
        }
    }
}

impl crate::call::Party {
    /// The provider calls them so; whoever the user trusts more goes before.
    fn rename(&mut self, name: String) {
        match self.source {
            NameSource::Contact | NameSource::Directory => {}
            NameSource::Provider | NameSource::None => {
                let empty = name.is_empty();
                self.source = if empty { NameSource::None } else { NameSource::Provider };
                self.name = name;
            }
        }
    }
}
