//! A bus and an `ahoyd` on it that logs as a user's does.
//!
//! Owns: starting both. Does not own: who else is on the bus. Invariant: what it starts ends with it.

use std::time::Instant;

use ahoy_trial::{
    Person, Result, Setup, Stage,
    bus::{Daemon, ROOT},
    person::built,
    process::Running,
    until,
};

/// Both, and a controller.
pub(super) struct Host<'a> {
    // In this order: the service ends before its bus.
    ahoyd: Option<Running>,
    pub(super) person: Person<'a>,
    pub(super) bus: Daemon,
}

impl<'a> Host<'a> {
    /// A bus and a home, without the service.
    pub(super) fn prepare(stage: &'a Stage, name: &str) -> Result<Self> {
        let bus = Daemon::start(&stage.subdirectory(name)?)?;
        let person = Person::prepare(stage, name, Setup::BARE, bus.address.clone())?;
        Ok(Self { ahoyd: None, person, bus })
    }

    /// Starts the service; when it was executed.
    pub(super) fn execute(&mut self) -> Result<Instant> {
        self.ahoyd = None;
        let file = built("ahoyd")?;
        let mut command = self.person.command(&file);
        command.env("AHOY_LOG", "info");
        let begin = Instant::now();
        self.ahoyd = Some(Running::start(&file.display().to_string(), &mut command)?);
        Ok(begin)
    }

    /// With the service, ready.
    pub(super) fn start(stage: &'a Stage, name: &str) -> Result<Self> {
        let mut host = Self::prepare(stage, name)?;
        host.execute()?;
        until("ahoyd on the bus", || {
            host.person.bus.property(ROOT, "Manager", "Version").ok().map(drop)
        })?;
        Ok(host)
    }

    /// The service's process.
    pub(super) fn process(&self) -> Option<u32> {
        self.ahoyd.as_ref().map(Running::id)
    }

    /// Ends the service.
    pub(super) fn end(&mut self) {
        self.ahoyd = None;
    }
}
