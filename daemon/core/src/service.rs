//! The engine and the built-in provider as one machine.
//!
//! Owns: passing actions and reports between the two, and the order in which that happens. Does not
//! own: what either decides. Invariant: whatever leaves here is for the outside; actions of the
//! built-in provider never do. It has signalling and media only for calls that the engine has.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    builtin::{self, BuiltIn},
    engine::{
        self, Command, CommandError, CommandId, Engine, Lock, PerformError, Registration, Reported,
    },
    filter::Filter,
    id::{CallId, ContactId, Now, ProviderId, Serial},
    provider::Report,
};

/// What the outside is to do.
pub enum Output {
    /// From the engine.
    Engine(engine::Output),
    /// From the built-in provider.
    BuiltIn(builtin::Output),
}

/// All calls of this user.
pub struct Service {
    engine: Engine,
    built_in: BuiltIn,
}

impl Service {
    /// Joins the two; registers the built-in provider, which comes before all others.
    #[must_use]
    pub fn new(mut engine: Engine, built_in: BuiltIn) -> Self {
        let start = Now { mono: Duration::ZERO, unix_us: 0 };
        // Whoever handed in an engine with such a provider has registered it.
        let _ = engine.register(start, BuiltIn::registration());
        Self { engine, built_in }
    }

    /// The calls.
    #[must_use]
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// How long calls to come ring.
    pub fn set_ring_time(&mut self, time: Duration) {
        self.engine.set_ring_time(time);
    }

    /// The built-in provider: peers, invites, connections. Drain after every use.
    pub const fn built_in(&mut self) -> &mut BuiltIn {
        &mut self.built_in
    }

    /// A controller wants something.
    pub fn handle_command(&mut self, now: Now, id: CommandId, command: Command) {
        self.engine.handle_command(now, id, command);
    }

    /// A provider on the bus registers ([`Engine::register`]).
    ///
    /// # Errors
    /// As there.
    pub fn register(&mut self, now: Now, registration: Registration) -> Result<(), CommandError> {
        self.engine.register(now, registration)
    }

    /// A provider on the bus goes ([`Engine::unregister`]).
    ///
    /// # Errors
    /// As there.
    pub fn unregister(&mut self, now: Now, provider: &ProviderId) -> Result<(), CommandError> {
        self.engine.unregister(now, provider)
    }

    /// The connection of a provider on the bus is gone.
    pub fn provider_lost(&mut self, now: Now, provider: &ProviderId) {
        self.engine.provider_lost(now, provider);
    }

    /// A provider on the bus tells something ([`Engine::handle_report`]).
    ///
    /// # Errors
    /// As there.
    pub fn handle_report(
        &mut self,
        now: Now,
        provider: &ProviderId,
        report: Report,
    ) -> Result<Reported, CommandError> {
        self.engine.handle_report(now, provider, report)
    }

    /// Changes who may ring ([`Engine::change_filter`]).
    pub fn change_filter<T>(&mut self, now: Now, change: impl FnOnce(&mut Filter) -> T) -> T {
        self.engine.change_filter(now, change)
    }

    /// The user blocked a contact ([`Engine::contact_blocked`]).
    pub fn contact_blocked(&mut self, now: Now, contact: &ContactId) {
        self.engine.contact_blocked(now, contact);
    }

    /// Whether the session is locked.
    pub const fn set_lock(&mut self, lock: Lock) {
        self.engine.set_lock(lock);
    }

    /// Which provider calls a scheme where a command names none.
    pub fn set_default_providers(&mut self, defaults: BTreeMap<String, ProviderId>) {
        self.engine.set_default_providers(defaults);
    }

    /// An id of a call that the log knows.
    pub fn remember_used(&mut self, call: CallId) {
        self.engine.remember_used(call);
    }

    /// A provider on the bus ended an action.
    pub fn handle_performed(&mut self, now: Now, serial: Serial, result: Result<(), PerformError>) {
        self.engine.handle_performed(now, serial, result);
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Now) {
        self.engine.handle_timeout(now);
        self.built_in.handle_timeout(now);
    }

    /// When [`Self::handle_timeout`] is due.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Duration> {
        match (self.engine.next_timeout(), self.built_in.next_timeout()) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// The next thing to do, until `None`.
    #[expect(clippy::wildcard_enum_match_arm, reason = "whatever is not for the other half leaves")]
    pub fn poll_output(&mut self, now: Now) -> Option<Output> {
        let own = ProviderId::built_in();
        loop {
            if let Some(output) = self.engine.poll_output() {
                match output {
                    engine::Output::Perform { provider, serial, call, action, .. }
                        if provider == own =>
                    {
                        self.built_in.handle_perform(now, serial, call, action);
                    }
                    engine::Output::TimedOut(provider, serial) if provider == own => {
                        self.built_in.handle_timed_out(serial);
                    }
                    // It opens its media itself, with the call.
                    engine::Output::Audio { provider, .. } if provider == own => {}
                    other => return Some(Output::Engine(other)),
                }
                continue;
            }
            match self.built_in.poll_output()? {
                builtin::Output::Performed(serial, result) => {
                    let result = result.map_err(PerformError);
                    self.engine.handle_performed(now, serial, result);
                }
                builtin::Output::Report(report) => self.built_in_reports(now, &own, report),
                other => return Some(Output::BuiltIn(other)),
            }
        }
    }

    /// A call that the engine does not take is told so. Whatever else it refuses came too late.
    fn built_in_reports(&mut self, now: Now, own: &ProviderId, report: Report) {
        let offered = match &report {
            Report::Incoming { new, .. } => Some(new.call),
            Report::Outgoing(_)
            | Report::Progress { .. }
            | Report::Update { .. }
            | Report::Text { .. }
            | Report::Ended { .. } => None,
        };
        let refused = self.engine.handle_report(now, own, report).is_err();
        if let Some(call) = offered.filter(|_| refused) {
            self.built_in.handle_refused(call);
        }
    }
}
