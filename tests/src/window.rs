//! Ahoy's windows on a person's screen, and the hands that use them.
//!
//! Owns: the process of the windows, and pressing their buttons by name. Does not own: what is claimed of them.
//! Invariant: what is pressed is found as a screen reader finds it, so it has a name.

use std::process::Stdio;

use crate::{
    Person, Result,
    atspi::{Atspi, Widget},
    person::built,
    process::{Running, program},
};

/// The windows of a person.
#[derive(Debug)]
pub struct Windows {
    /// Their widgets.
    pub atspi: Atspi,
    running: Running,
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
        let file = built("ahoy-window")?;
        let mut command = person.command(&file);
        session(&mut command);
        let log = std::fs::File::create(person.path("window.log"));
        if let Ok(log) = log {
            command.stderr(Stdio::from(log));
        }
        let running = Running::start(&file.display().to_string(), command.args(arguments))?;
        Ok(Self { atspi, running })
    }

    /// Waits for a button of this name and presses it.
    ///
    /// # Errors
    /// It does not come, or cannot be pressed.
    pub fn press(&self, name: &str) -> Result<()> {
        let widget = self.atspi.until("button", name)?;
        self.atspi.press(&widget)
    }

    /// A widget of this role and name, if it is shown.
    #[must_use]
    pub fn find(&self, role: &str, name: &str) -> Option<Widget> {
        self.atspi.find(role, name)
    }

    /// Whether they run.
    pub fn run(&mut self) -> bool {
        self.running.ended().is_none()
    }
}

/// Presses keys in the window that has the keyboard, by `xdotool`'s names.
///
/// # Errors
/// There is no xdotool.
pub fn keys(person: &Person<'_>, keys: &str) -> Result<()> {
    let mut command = program("xdotool");
    command.env("DISPLAY", person.stage().display()?).args(["key", "--clearmodifiers", keys]);
    crate::process::output("xdotool", &mut command).map(drop)
}
