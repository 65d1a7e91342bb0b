//! Ahoy's windows on a person's screen, and the hands that use them.
//!
//! Owns: the process of the windows, and pressing their buttons by name. Does not own: what is claimed of them.
//! Invariant: what is pressed is found as a screen reader finds it, so it has a name.

use std::{
    fs::File,
    path::PathBuf,
    process::Stdio,
    sync::{Mutex, PoisonError},
};

use crate::{
    Person, Result, Trouble,
    atspi::{Atspi, Widget},
    person::built,
    process::Running,
};

/// The windows of a person.
#[derive(Debug)]
pub struct Windows {
    atspi: Atspi,
    log: PathBuf,
    running: Mutex<Running>,
}

impl Windows {
    /// Opens them on the stage's screen, with these arguments.
    ///
    /// # Errors
    /// They do not start.
    pub fn open(
        person: &Person<'_>,
        arguments: &[&str],
        settings: &[(&str, &str)],
    ) -> Result<Self> {
        let display = person.stage().display()?;
        let session = |command: &mut std::process::Command| {
            command
                .env("DISPLAY", &display)
                .env("GDK_BACKEND", "x11")
                .env("GSK_RENDERER", "cairo")
                // No settings of the machine, and no portal on this bus.
                .env("GSETTINGS_BACKEND", "memory")
                .env("GTK_USE_PORTAL", "0")
                .env("LANGUAGE", "en")
                .envs(settings.iter().copied())
                .env_remove("WAYLAND_DISPLAY");
        };
        let mut launcher = person.command(Atspi::program());
        session(&mut launcher);
        let atspi = Atspi::start(&person.bus, &mut launcher)?;
        let program = built("ahoy-window")?;
        let mut command = person.command(&program);
        session(&mut command);
        let log = person.path("window.log");
        let file = File::create(&log).map_err(Trouble::io("window.log"))?;
        command.stderr(Stdio::from(file));
        let running = Running::start(&program.display().to_string(), command.args(arguments))?;
        Ok(Self { atspi, log, running: Mutex::new(running) })
    }

    /// Waits for a widget of this role and name.
    ///
    /// # Errors
    /// It does not come; what there is, and what the windows say of it.
    pub fn until(&self, role: &str, name: &str) -> Result<Widget> {
        self.atspi.until(role, name).map_err(|error| {
            let ended = self.running.lock().unwrap_or_else(PoisonError::into_inner).ended();
            let said = std::fs::read_to_string(&self.log).unwrap_or_default();
            Trouble::Wrong(format!("{error}; ended: {ended:?}; said: {said}"))
        })
    }

    /// Waits for a button of this name and presses it.
    ///
    /// # Errors
    /// It does not come, or cannot be pressed.
    pub fn press(&self, name: &str) -> Result<()> {
        self.atspi.press(&self.until("button", name)?)
    }

    /// A widget of this role and name, if it is shown.
    #[must_use]
    pub fn find(&self, role: &str, name: &str) -> Option<Widget> {
        self.atspi.find(role, name)
    }
}
