//! The engine: every call of every provider, and who may do what to it.
//!
//! Owns: the calls, their actions and timers, arbitration between calls. Does not own: sockets,
//! media, the bus, the log's storage; it says what they should do. Use: after every
//! `handle_*`, drain [`Engine::poll_output`] to `None`, then sleep until [`Engine::next_timeout`].
//! Invariant: a state changes only by fulfilment or by a report; every action and every command
//! ends exactly once; at most one call rings aloud.

mod action;
mod command;
mod report;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    time::Duration,
};

pub use command::{Command, CommandError, Reply};

use crate::{
    call::{Call, Direction, LogRow, State, Step},
    id::{CallId, Entropy, Now, ProviderId, Serial},
    media::Tone,
    provider::{Action, Capability, Report},
};

/// Which command a [`Output::Reply`] answers. Chosen by the caller of [`Engine::handle_command`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommandId(pub u64);

/// A ring ends after this long whatever the provider says, so a dead one never rings for ever.
pub const RING_CAP: Duration = Duration::from_secs(60);
/// An ended call stays visible this long, so that everyone reads why it ended.
pub const LINGER: Duration = Duration::from_secs(2);
/// Calls that may exist at once; above it creating one is refused.
pub const MAX_CALLS: usize = 16;
/// Ids of ended calls that are remembered, so that none is used twice.
const REMEMBERED: usize = 4096;

/// What the engine knows of a registered provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// Its id.
    pub id: ProviderId,
    /// The schemes it calls, lower case.
    pub schemes: Vec<String>,
    /// Whether its calls go into the log.
    pub log: bool,
}

/// How a failed action ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PerformError(pub String);

/// What the outside is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Answer a command.
    Reply(CommandId, Result<Reply, CommandError>),
    /// Ask a provider for an action.
    Perform {
        /// Whom.
        provider: ProviderId,
        /// The reply carries the same.
        serial: Serial,
        /// On which call.
        call: CallId,
        /// What.
        action: Action,
    },
    /// Tell a provider that its time is up; its late reply will be ignored.
    TimedOut(ProviderId, Serial),
    /// A call appeared.
    Added(CallId),
    /// Something about a call changed.
    Changed(CallId),
    /// A call's object goes.
    Removed(CallId),
    /// An action ended.
    ActionFinished {
        /// Under which serial it went out.
        serial: Serial,
        /// On which call.
        call: CallId,
        /// Its name on the bus.
        action: &'static str,
        /// `done`, `failed`, `timed-out` or `superseded`.
        result: &'static str,
        /// The provider's text where it failed.
        error: String,
    },
    /// Write or update a row of the log.
    Log(LogRow),
    /// An incoming call was missed.
    Missed(CallId),
    /// A reported call is refused, and why.
    Refused(ProviderId, CallId, CommandError),
    /// Play a sound once.
    Cue(Tone),
}

/// The sound and sight that the calls together ask for now; reconciled, never counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attention {
    /// The call that rings aloud, if any.
    pub ring: Option<CallId>,
    /// Calls that want an answer: each has a notification.
    pub unanswered: Vec<CallId>,
    /// Whether the other side rings, so the caller hears ringback.
    pub ringback: bool,
    /// Whether a call is on: players pause, the machine stays awake.
    pub in_call: bool,
}

/// All calls and their rules.
pub struct Engine {
    entropy: Box<dyn Entropy>,
    calls: BTreeMap<CallId, Call>,
    providers: BTreeMap<ProviderId, Registration>,
    used: HashSet<CallId>,
    used_order: VecDeque<CallId>,
    serials: HashMap<Serial, CallId>,
    next_serial: u32,
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
            used: HashSet::new(),
            used_order: VecDeque::new(),
            serials: HashMap::new(),
            next_serial: 1,
            ring_time: RING_CAP,
            outputs: VecDeque::new(),
        }
    }

    /// How long calls to come ring; at most [`RING_CAP`].
    pub fn set_ring_time(&mut self, time: Duration) {
        self.ring_time = time.min(RING_CAP);
    }

    /// Adds or replaces a provider.
    pub fn register(&mut self, registration: Registration) {
        self.providers.insert(registration.id.clone(), registration);
    }

    /// A controller wants something.
    pub fn handle_command(&mut self, now: Now, id: CommandId, command: Command) {
        self.command(now, id, command);
    }

    /// A provider tells something.
    pub fn handle_report(&mut self, now: Now, provider: &ProviderId, report: Report) {
        self.report(now, provider, report);
    }

    /// A provider ended an action. A reply to an unknown or retired serial is ignored.
    pub fn handle_performed(&mut self, now: Now, serial: Serial, result: Result<(), PerformError>) {
        self.performed(now, serial, result);
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Now) {
        self.expire(now);
    }

    /// The next thing to do, until `None`.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Self::handle_timeout`] is due.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Duration> {
        self.calls.values().filter_map(Self::deadline_of).min()
    }

    fn deadline_of(call: &Call) -> Option<Duration> {
        match &call.state {
            State::Ended { .. } => Some(call.remove_at),
            State::Ringing => {
                let pending = call.pending.as_ref().map(|pending| pending.deadline);
                Some(pending.map_or(call.ring_until, |deadline| deadline.min(call.ring_until)))
            }
            State::Reported
            | State::Answering
            | State::Requested
            | State::Dialing
            | State::RemoteRinging
            | State::Connecting
            | State::Active { .. } => call.pending.as_ref().map(|pending| pending.deadline),
        }
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

    /// The call that is on: active before held before being set up.
    #[must_use]
    pub fn active(&self) -> Option<&Call> {
        let engaged = self.calls.values().filter(|call| call.is_engaged());
        engaged.min_by_key(|call| {
            (!matches!(call.state, State::Active { .. }), call.flags.held, call.created_at)
        })
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
        }
    }

    fn emit(&mut self, output: Output) {
        self.outputs.push_back(output);
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

    fn ended(&mut self, now: Now, id: CallId) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        call.remove_at = now.mono + LINGER;
        call.flags.reconnecting = false;
        let row = call.log_row();
        let was_active = row.connected_at != 0;
        let busy = row.end_reason == crate::call::EndReason::Busy.as_str();
        let outgoing = call.direction == Direction::Outgoing;
        self.log(id);
        self.emit(Output::Changed(id));
        if row.outcome == crate::call::Outcome::Missed {
            self.emit(Output::Missed(id));
        }
        if outgoing && busy {
            self.emit(Output::Cue(Tone::Busy));
        } else if was_active || outgoing {
            self.emit(Output::Cue(Tone::Ended));
        }
        self.promote_waiting();
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
        self.used.insert(id);
        self.used_order.push_back(id);
        if self.used_order.len() > REMEMBERED
            && let Some(oldest) = self.used_order.pop_front()
        {
            self.used.remove(&oldest);
        }
        self.calls.insert(id, call);
        self.log(id);
        self.emit(Output::Added(id));
    }

    fn has(&self, id: CallId, capability: Capability) -> bool {
        self.calls.get(&id).is_some_and(|call| call.capabilities.contains(&capability))
    }
}
