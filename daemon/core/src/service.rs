//! The engine and the built-in provider as one machine.
//!
//! Owns: passing actions and reports between the two, and the order in which that happens. Does not
//! own: what either decides. Invariant: whatever leaves here is for the outside; actions of the
//! built-in provider never do. It has signalling and media only for calls that the engine has.

use std::time::Duration;

use crate::{
    builtin::{self, BuiltIn},
    engine::{self, Command, CommandId, Engine, PerformError, Registration},
    id::{Now, ProviderId, Serial},
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
    /// Joins the two; registers the built-in provider.
    #[must_use]
    pub fn new(mut engine: Engine, built_in: BuiltIn) -> Self {
        engine.register(Registration {
            id: ProviderId::built_in(),
            schemes: vec!["ahoy".to_owned()],
            log: true,
        });
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

    /// A provider on the bus tells something.
    pub fn handle_report(&mut self, now: Now, provider: &ProviderId, report: Report) {
        self.engine.handle_report(now, provider, report);
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
                    engine::Output::Perform { provider, serial, call, action }
                        if provider == own =>
                    {
                        self.built_in.handle_perform(now, serial, call, action);
                    }
                    engine::Output::TimedOut(provider, serial) if provider == own => {
                        self.built_in.handle_timed_out(serial);
                    }
                    engine::Output::Refused(provider, call, _) if provider == own => {
                        self.built_in.handle_refused(call);
                    }
                    other => return Some(Output::Engine(other)),
                }
                continue;
            }
            match self.built_in.poll_output()? {
                builtin::Output::Performed(serial, result) => {
                    let result = result.map_err(PerformError);
                    self.engine.handle_performed(now, serial, result);
                }
                builtin::Output::Report(report) => self.engine.handle_report(now, &own, report),
                other => return Some(Output::BuiltIn(other)),
            }
        }
    }
}
