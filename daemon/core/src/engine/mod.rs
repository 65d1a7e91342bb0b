//! The engine: every call of every provider, and who may do what to it.
//!
//! Owns: the calls, their actions and timers, arbitration between calls. Does not own: sockets,
//! media, the bus, the log's storage; it says what they should do. Use: after every
//! `handle_*`, drain [`Engine::poll_output`] to `None`, then sleep until [`Engine::next_timeout`].
//! Invariant: a state changes only by fulfilment or by a report; every action and every command
//! ends exactly once; at most one call rings aloud; what the engine asks for opens one microphone at
//! a time.

mod action;
mod audio;
mod command;
mod control;
mod error;
mod group;
mod output;
mod provider;
mod report;
mod resume;
#[cfg(test)]
mod tests;
mod timer;
mod transaction;
mod way;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    time::Duration,
};

pub use command::{Command, Lock, Reply};
pub use error::CommandError;
pub use group::GroupView;
pub use output::{Attention, Output};
pub use provider::{MAX_CALLS_PER_PROVIDER, MAX_PROVIDERS, Registration};
pub use report::{Disposition, REMEMBERED, Reported};
pub use timer::{GRACE, LINGER, RING_CAP};

use crate::{
    call::{Call, Capture, Direction, EndReason, Outcome, State, Step},
    engine::{
        command::Senders, group::Groups, provider::Provider, report::UsedIds,
        transaction::Transaction,
    },
    filter::Filter,
    id::{CallId, ContactId, Entropy, Now, ProviderId, Serial, TxnId},
    media::Tone,
    provider::Report,
};

/// Which command a [`Output::Reply`] answers. Chosen by the caller of [`Engine::handle_command`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommandId(pub u64);

/// Calls that may be on at once, of all providers: twice the 500 that 200 providers are to have
/// without trouble, so that what is refused is never an honest call.
pub const MAX_CALLS: usize = 1024;

/// How a failed action ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PerformError(pub String);

/// All calls and their rules.
pub struct Engine {
    entropy: Box<dyn Entropy>,
    calls: BTreeMap<CallId, Call>,
    providers: BTreeMap<ProviderId, Provider>,
    used: UsedIds,
    /// Actions that are out.
    serials: HashMap<Serial, CallId>,
    next_serial: u32,
    transactions: BTreeMap<TxnId, Transaction>,
    next_txn: u64,
    groups: Groups,
    senders: Senders,
    /// Scheme to provider, as the user set it.
    defaults: BTreeMap<String, ProviderId>,
    filter: Filter,
    lock: Lock,
    ring_time: Duration,
    outputs: VecDeque<Output>,
}

impl Engine {
    /// An engine without calls.
    #[must_use]
    pub fn new(entropy: Box<dyn Entropy>) -> Self {
        Self {
            entropy,
            calls: BTreeMap::new(),
            providers: BTreeMap::new(),
            used: UsedIds::default(),
            serials: HashMap::new(),
            next_serial: 1,
            transactions: BTreeMap::new(),
            next_txn: 1,
            groups: Groups::default(),
            senders: Senders::default(),
            defaults: BTreeMap::new(),
            filter: Filter::default(),
            lock: Lock::default(),
            ring_time: RING_CAP,
            outputs: VecDeque::new(),
        }
    }

    /// How long calls to come ring; at most [`RING_CAP`].
    pub fn set_ring_time(&mut self, time: Duration) {
        self.ring_time = time.min(RING_CAP);
    }

    /// Which provider calls a scheme where a command names none.
    pub fn set_default_providers(&mut self, defaults: BTreeMap<String, ProviderId>) {
        self.defaults = defaults;
    }

    /// Whether a provider is there: registered, and its connection not lost.
    #[must_use]
    pub fn is_registered(&self, provider: &ProviderId) -> bool {
        self.here(provider).is_ok()
    }

    /// Whether a call by this scheme finds a provider: the named one, else as the user chose.
    #[must_use]
    pub fn can_call(&self, provider: Option<&ProviderId>, scheme: &str) -> bool {
        self.choose(provider.cloned(), scheme).is_ok()
    }

    /// Whether the session is locked, and what the user allows then.
    pub const fn set_lock(&mut self, lock: Lock) {
        self.lock = lock;
    }

    /// An id of a call that the log knows: nobody may use it again.
    pub fn remember_used(&mut self, call: CallId) {
        self.used.add(call);
    }

    /// Who rings, and who does not.
    #[must_use]
    pub const fn filter(&self) -> &Filter {
        &self.filter
    }

    /// Changes the filter. Whatever is on and blocked by it now ends as `blocked`.
    pub fn change_filter<T>(&mut self, now: Now, change: impl FnOnce(&mut Filter) -> T) -> T {
        let result = change(&mut self.filter);
        let blocked = |call: &&Call| self.filter.is_blocked(&call.party.handle);
        let calls = self.calls.values().filter(blocked).map(Call::id).collect();
        self.end_blocked(now, calls);
        result
    }

    /// The user blocked a contact: their calls end as `blocked`.
    pub fn contact_blocked(&mut self, now: Now, contact: &ContactId) {
        let theirs = |call: &&Call| call.party.contact.as_ref() == Some(contact);
        let calls = self.calls.values().filter(theirs).map(Call::id).collect();
        self.end_blocked(now, calls);
    }

    fn end_blocked(&mut self, now: Now, calls: Vec<CallId>) {
        self.end_calls(now, None, calls, Some(EndReason::Blocked));
        self.focus_audio();
    }

    /// A controller wants something.
    pub fn handle_command(&mut self, now: Now, id: CommandId, command: Command) {
        self.command(now, id, command);
        self.focus_audio();
    }

    /// A provider tells something.
    ///
    /// # Errors
    /// As the bus contract says of `Provider`'s methods; nothing has changed then.
    pub fn handle_report(
        &mut self,
        now: Now,
        provider: &ProviderId,
        report: Report,
    ) -> Result<Reported, CommandError> {
        let reported = self.report(now, provider, report);
        self.focus_audio();
        reported
    }

    /// A provider ended an action. A reply to an unknown or retired serial is ignored.
    pub fn handle_performed(&mut self, now: Now, serial: Serial, result: Result<(), PerformError>) {
        self.performed(now, serial, result);
        self.focus_audio();
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Now) {
        self.expire(now);
        self.focus_audio();
    }

    /// The next thing to do, until `None`.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// A call, while its object exists.
    #[must_use]
    pub fn call(&self, id: CallId) -> Option<&Call> {
        self.calls.get(&id)
    }

    /// All calls, ended ones included while they linger.
    pub fn calls(&self) -> impl Iterator<Item = &Call> {
        self.calls.values()
    }

    /// The call that rings first, waiting ones last.
    #[must_use]
    pub fn ringing(&self) -> Option<&Call> {
        let ringing = self.calls.values().filter(|call| call.is_ringing());
        ringing.min_by_key(|call| (call.flags.waiting, call.created_at))
    }

    /// The call that is on: talked in before being set up before held.
    #[must_use]
    pub fn active(&self) -> Option<&Call> {
        let engaged = self.calls.values().filter(|call| call.is_engaged());
        engaged.min_by_key(|call| (call.flags.held, !call.is_active(), call.created_at))
    }

    /// The call that is talked in: active and not held.
    #[must_use]
    pub fn talking(&self) -> Option<&Call> {
        self.active().filter(|call| call.is_active() && !call.flags.held)
    }

    /// `idle`, `ringing` or `in-call`.
    #[must_use]
    pub fn summary(&self) -> &'static str {
        if self.active().is_some() {
            "in-call"
        } else if self.ringing().is_some() {
            "ringing"
        } else {
            "idle"
        }
    }

    /// What the desktop is to show and sound now.
    #[must_use]
    pub fn attention(&self) -> Attention {
        let aloud = |call: &&Call| call.is_ringing() && !call.flags.waiting && !call.flags.silenced;
        Attention {
            ring: self.calls.values().find(aloud).map(Call::id),
            unanswered: self.calls.values().filter(|c| c.is_ringing()).map(Call::id).collect(),
            ringback: self
                .calls
                .values()
                .any(|call| matches!(call.state, State::RemoteRinging) && call.pending.is_none()),
            in_call: self.active().is_some(),
            shut: self.shut(),
        }
    }

    /// Apps have one microphone for all their calls: it is shut where a call of theirs is muted and
    /// no other is talked in.
    fn shut(&self) -> BTreeSet<ProviderId> {
        let engaged = || self.calls.values().filter(|call| call.is_engaged());
        let muted = |call: &&Call| call.capture != Capture::Open && self.mutes_here(call);
        let talks = |call: &Call| call.capture == Capture::Open && !call.flags.held;
        let mut shut: BTreeSet<ProviderId> =
            engaged().filter(muted).map(|call| call.owner.provider.clone()).collect();
        for call in engaged().filter(|call| talks(call)) {
            shut.remove(&call.owner.provider);
        }
        shut
    }

    fn emit(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    fn find(&self, call: CallId) -> Result<&Call, CommandError> {
        self.calls.get(&call).ok_or(CommandError::UnknownCall)
    }

    fn live(&self) -> impl Iterator<Item = &Call> {
        self.calls.values().filter(|call| !call.state.is_ended())
    }

    /// Takes a call one step, says so, and does what every arrival in a state brings with it.
    /// A step that the diagram does not have is ignored here and nowhere else.
    fn advance(&mut self, now: Now, id: CallId, step: Step) -> bool {
        let Some(call) = self.calls.get_mut(&id) else {
            return false;
        };
        let Some(next) = call.state.after(step) else {
            return false;
        };
        call.state = next;
        match &call.state {
            State::Ended { .. } => self.ended(now, id),
            State::Active { .. } => {
                self.log(id);
                self.emit(Output::Changed(id));
            }
            State::Reported
            | State::Ringing
            | State::Answering
            | State::Requested
            | State::Dialing
            | State::RemoteRinging
            | State::Connecting => self.emit(Output::Changed(id)),
        }
        true
    }

    /// Ends a call now, and with it whatever waits for it.
    fn end_now(&mut self, now: Now, id: CallId, reason: EndReason, text: &str) {
        let step = Step::End { reason, text: text.to_owned(), at: now.unix_us };
        self.advance(now, id, step);
    }

    fn ended(&mut self, now: Now, id: CallId) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        call.remove_at = now.mono + LINGER;
        call.flags.reconnecting = false;
        call.orphan_until = None;
        call.group = None;
        call.capture = Capture::Open;
        let row = call.log_row();
        let was_active = row.connected_at != 0;
        let busy = row.end_reason == EndReason::Busy.as_str();
        let outgoing = call.direction == Direction::Outgoing;
        self.log(id);
        self.emit(Output::Changed(id));
        if row.outcome == Outcome::Missed {
            self.emit(Output::Missed(id));
        }
        if outgoing && busy {
            self.emit(Output::Cue(Tone::Busy));
        } else if was_active || outgoing {
            self.emit(Output::Cue(Tone::Ended));
        }
        self.show_groups();
        self.promote_waiting();
        self.retire(now, id);
        self.drop_plans(id, &CommandError::InvalidState);
    }

    /// A call that waited beside another one rings aloud once it is alone.
    fn promote_waiting(&mut self) {
        if self.active().is_some()
            || self.calls.values().any(|c| c.is_ringing() && !c.flags.waiting)
        {
            return;
        }
        if let Some(id) = self.ringing().map(Call::id)
            && let Some(call) = self.calls.get_mut(&id)
        {
            call.flags.waiting = false;
            self.emit(Output::Changed(id));
        }
    }

    fn log(&mut self, id: CallId) {
        if let Some(call) = self.calls.get(&id)
            && call.logged
        {
            let row = call.log_row();
            self.emit(Output::Log(row));
        }
    }

    fn add(&mut self, call: Call) {
        let id = call.id;
        self.used.add(id);
        self.calls.insert(id, call);
        self.log(id);
        self.emit(Output::Added(id));
    }

    fn flag(&mut self, id: CallId, change: impl FnOnce(&mut crate::call::Flags)) {
        if let Some(call) = self.calls.get_mut(&id) {
            let before = call.flags;
            change(&mut call.flags);
            if call.flags != before {
                self.emit(Output::Changed(id));
            }
        }
    }
}
