//! Ahoy's windows on a person's screen, and the hands that use them.
//!
//! Owns: the process of the windows, and pressing their buttons by name. Does not own: what is claimed of them.
//! Invariant: what is pressed is found as a screen reader finds it, so it has a name.

use std::{
    fs::File,
    path::PathBuf,
    process::{Command, Stdio},
    sync::{Mutex, PoisonError},
};

use crate::{
    Person, Result, Trouble,
    atspi::{Atspi, Widget},
    person::built,
    process::Running,
    until,
};

fn memory(person: &Person<'_>) -> PathBuf {
    let state = person.environment().remove("XDG_STATE_HOME").unwrap_or_default();
    state.join("ahoy").join("window.ini")
}

fn in_session(command: &mut Command, display: &str, settings: &[(&str, &str)]) {
    command
        .env("DISPLAY", display)
        .env("GDK_BACKEND", "x11")
        .env("GSK_RENDERER", "cairo")
        // No settings of the machine, and no portal on this bus.
        .env("GSETTINGS_BACKEND", "memory")
        .env("GTK_USE_PORTAL", "0")
        .env("LANGUAGE", "en")
        .env_remove("WAYLAND_DISPLAY")
        .envs(settings.iter().copied());
}

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
        if !memory(person).exists() {
            Self::remember(person, "welcomed=true")?;
        }
        let session = |command: &mut Command| in_session(command, &display, settings);
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

    /// What happens when somebody opens Ahoy while it has windows: it is started, tells the other, and ends.
    ///
    /// # Errors
    /// It does not start.
    pub fn open_again(person: &Person<'_>, settings: &[(&str, &str)]) -> Result<Running> {
        let display = person.stage().display()?;
        let program = built("ahoy-window")?;
        let mut command = person.command(&program);
        in_session(&mut command, &display, settings);
        Running::start(&program.display().to_string(), &mut command)
    }

    /// Waits for a widget of this role and name.
    ///
    /// # Errors
    /// It does not come; what there is, and what the windows say of it.
    pub fn until(&self, role: &str, name: &str) -> Result<Widget> {
        self.atspi.until(role, name).map_err(|error| {
            let ended = self.running.lock().unwrap_or_else(PoisonError::into_inner).ended();
            Trouble::Wrong(format!("{error}; ended: {ended:?}; said: {}", self.said()))
        })
    }

    /// Waits for a button of this name and presses it.
    ///
    /// # Errors
    /// It does not come, or cannot be pressed.
    pub fn press(&self, name: &str) -> Result<()> {
        self.press_a("button", name)
    }

    /// What they remember from before they were opened; without it, that somebody was welcomed.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn remember(person: &Person<'_>, lines: &str) -> Result<()> {
        let file = memory(person);
        let directory = file.parent().map_or(Ok(()), std::fs::create_dir_all);
        let written =
            directory.and_then(|()| std::fs::write(&file, format!("[window]\n{lines}\n")));
        written.map_err(Trouble::io("window.ini"))
    }

    /// What they have logged.
    #[must_use]
    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The number of their process.
    #[must_use]
    pub fn process(&self) -> u32 {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).id()
    }

    /// Waits for a widget of this role and name and presses it.
    ///
    /// # Errors
    /// It does not come, or cannot be pressed.
    pub fn press_a(&self, role: &str, name: &str) -> Result<()> {
        self.until(role, name)?;
        let pressed = || self.atspi.find_all(role, name).map(|one| self.atspi.press(&one));
        until(&format!("{role} {name:?} to be pressed"), || pressed().find(Result::is_ok).map(drop))
    }

    /// Waits for a field of this name and writes into it.
    ///
    /// # Errors
    /// It does not come, or takes no text.
    pub fn write(&self, name: &str, text: &str) -> Result<()> {
        self.atspi.write(&self.until("text box", name)?, text)
    }

    /// What stands in a field of this name.
    ///
    /// # Errors
    /// It does not come, or has no text.
    pub fn read(&self, name: &str) -> Result<String> {
        self.atspi.read(&self.until("text box", name)?)
    }

    /// A widget of this role and name, if it is shown.
    #[must_use]
    pub fn find(&self, role: &str, name: &str) -> Option<Widget> {
        self.atspi.find(role, name)
    }
}
