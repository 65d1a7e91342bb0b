//! A screen, and a real notification server on it whose buttons can be pressed.
//!
//! Owns: Xvfb, dunst, its menu. Does not own: notifications. Invariant: a button is pressed the way
//! a person with dunst does it, through its context menu.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Stdio,
};

use zbus::{OwnedVariant, Variant};

use crate::{Result, Stage, Trouble, bus::Bus, process::Running, until};

const DUNST: &str = "org.dunstproject.cmd0";
const NAME: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";

/// A virtual screen.
#[derive(Debug)]
pub struct Screen {
    /// For `DISPLAY`.
    pub display: String,
    /// What it shows, as xwd.
    pub file: PathBuf,
    _running: Running,
}

impl Screen {
    pub(crate) fn start(stage: &Stage) -> Result<Self> {
        let mut command = stage.command("Xvfb");
        command.args(["-displayfd", "1", "-screen", "0", "1280x800x24", "-nolisten", "tcp"]);
        let directory = stage.subdirectory("screen")?;
        command.arg("-fbdir").arg(&directory);
        let mut running = Running::start("Xvfb", command.stdout(Stdio::piped()))?;
        let mut number = String::new();
        if let Some(output) = running.child().stdout.take() {
            BufReader::new(output).read_line(&mut number).map_err(Trouble::io("Xvfb"))?;
        }
        if number.trim().is_empty() {
            return Err(Trouble::program("Xvfb", "it gave no display"));
        }
        let file = directory.join("Xvfb_screen0");
        Ok(Self { display: format!(":{}", number.trim()), file, _running: running })
    }
}

/// dunst.
#[derive(Debug)]
pub struct Notifications {
    bus: Bus,
    wanted: PathBuf,
    running: Running,
}

impl Notifications {
    /// Starts dunst on a bus and waits until it owns its name.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(stage: &Stage, directory: &Path, address: &str, bus: &Bus) -> Result<Self> {
        let (menu, wanted) = (directory.join("menu"), directory.join("wanted"));
        let script = format!("#!/bin/sh\ngrep \",$(cat {})\\]\" | head -n 1\n", wanted.display());
        fs::write(&menu, script).map_err(Trouble::io("the menu"))?;
        fs::set_permissions(&menu, fs::Permissions::from_mode(0o755))
            .map_err(Trouble::io("the menu"))?;
        let configuration = directory.join("dunstrc");
        let text = format!(
            "[global]\ndmenu = {}\nmarkup = full\nstack_duplicates = false\n",
            menu.display()
        );
        fs::write(&configuration, text).map_err(Trouble::io("dunstrc"))?;
        let mut command = stage.command("dunst");
        command
            .arg("-config")
            .arg(&configuration)
            .env("DISPLAY", stage.display()?)
            .env("DBUS_SESSION_BUS_ADDRESS", address);
        let running = Running::start("dunst", &mut command)?;
        let started = Self { bus: bus.clone(), wanted, running };
        until("dunst on the bus", || started.count())?;
        Ok(started)
    }

    fn count(&self) -> Option<u32> {
        let to = (NAME, PATH, "org.freedesktop.DBus.Properties");
        let value: OwnedVariant = self.bus.ask(to, "Get", &(DUNST, "displayedLength")).ok()?;
        u32::try_from(&*value).ok()
    }

    /// How many notifications are on the screen.
    #[must_use]
    pub fn shown(&self) -> u32 {
        self.count().unwrap_or(0)
    }

    /// Waits until this many are shown.
    ///
    /// # Errors
    /// [`Trouble::Late`].
    pub fn until_shown(&self, number: u32) -> Result<()> {
        let what = format!("{number} notifications on the screen");
        until(&what, || (self.shown() == number).then_some(()))
    }

    /// Presses a button of the newest notification that has it.
    ///
    /// # Errors
    /// dunst does not answer.
    pub fn press(&self, action: &str) -> Result<()> {
        fs::write(&self.wanted, action).map_err(Trouble::io("the wanted action"))?;
        self.bus.ask((NAME, PATH, DUNST), "ContextMenuCall", &())
    }

    /// Everything that was closed, as dunst's history tells it.
    ///
    /// # Errors
    /// dunst does not answer.
    pub fn history(&self) -> Result<String> {
        let list: Vec<std::collections::HashMap<String, OwnedVariant>> =
            self.bus.ask((NAME, PATH, DUNST), "NotificationListHistory", &())?;
        Ok(format!("{list:?}"))
    }

    /// Has dunst show nothing, or show again.
    ///
    /// # Errors
    /// dunst does not answer.
    pub fn pause(&self, paused: bool) -> Result<()> {
        let to = (NAME, PATH, "org.freedesktop.DBus.Properties");
        self.bus.ask(to, "Set", &(DUNST, "paused", Variant::from(paused)))
    }

    /// Ends dunst as a crash would.
    pub fn kill9(&mut self) {
        self.running.kill9();
    }
}
