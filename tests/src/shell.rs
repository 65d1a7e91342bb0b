//! A GNOME Shell without a screen, with our extension in it, whose session can be locked.
//!
//! Owns: the Shell, the system bus with logind and GDM as it wants them, its pointer, fingers and keys.
//! Does not own: the session bus (a person's). Invariant: what is on the screen is asked of the Shell,
//! and what is pressed goes through its input devices.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use zbus::Variant;

use crate::{
    Person, Result, Trouble,
    bus::{Bus, Daemon},
    contract::repository,
    picture,
    process::{Running, output, program},
    until,
};

/// The extension.
pub const EXTENSION: &str = "ahoy@ahoycall.org";
const SHELL: (&str, &str, &str) = ("org.gnome.Shell", "/org/gnome/Shell", "org.gnome.Shell");
const SHOTS: (&str, &str, &str) =
    ("org.gnome.Shell.Screenshot", "/org/gnome/Shell/Screenshot", "org.gnome.Shell.Screenshot");
const LOGIND: (&str, &str, &str) =
    ("org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.DBus.Mock");
const GDM: (&str, &str, &str) =
    ("org.gnome.DisplayManager", "/org/gnome/DisplayManager/Manager", "org.freedesktop.DBus.Mock");
/// The interface by whose version the Shell knows that GDM can unlock it.
const MANAGER: &str = "org.gnome.DisplayManager.Manager";
/// The one whose modules Debian's python3-dbusmock is among.
const PYTHON: &str = "/usr/bin/python3";
/// The session that can be locked, as logind calls it.
pub const SESSION: &str = "c1";
/// From a fork to the other program it takes milliseconds.
const FORK: Duration = Duration::from_secs(1);
/// What pieces of JavaScript here are written in.
const HELPERS: &str = "const {Clutter, GLib} = imports.gi; \
    const find = (actor, name) => actor.name === name ? actor : \
        actor.get_children().map(child => find(child, name)).find(one => one); \
    const place = () => find(Main.layoutManager.screenShieldGroup, 'ahoy-lock'); \
    const all = actor => [actor, ...actor.get_children().flatMap(all)]; \
    const device = kind => (global.trial ??= {})[kind] ??= \
        Clutter.get_default_backend().get_default_seat().create_virtual_device(kind); \
    const {KEYBOARD_DEVICE, POINTER_DEVICE, TOUCHSCREEN_DEVICE} = Clutter.InputDeviceType; \
    const now = () => GLib.get_monotonic_time(); ";

/// A system bus on which a session is that can be locked.
#[derive(Debug)]
pub struct System {
    // In this order: who is on the bus ends before it.
    _mocks: [Running; 2],
    bus: Daemon,
}

fn mock(address: &str, arguments: &[&str]) -> Result<Running> {
    let mut command = program(PYTHON);
    command.args(["-m", "dbusmock", "--system"]).args(arguments);
    Running::start(PYTHON, command.env("DBUS_SYSTEM_BUS_ADDRESS", address))
}

impl System {
    /// Starts it, with its files in `directory`.
    ///
    /// # Errors
    /// A program does not start.
    pub fn start(directory: &Path) -> Result<Self> {
        let daemon = Daemon::start(directory)?;
        let mocks = [
            mock(&daemon.address, &["--template", "logind"])?,
            mock(&daemon.address, &[GDM.0, GDM.1, MANAGER])?,
        ];
        let bus = Bus::connect(&daemon.address)?;
        let user = rustix::process::geteuid().as_raw();
        let session = (SESSION, "seat0", user, "somebody", true);
        until("a logind", || bus.ask::<_, String>(LOGIND, "AddSession", &session).ok())?;
        // The template's own adds a text to a number and fails (python-dbusmock 0.28).
        let code = "ret = dbus.ObjectPath('/org/freedesktop/login1/user/%d' % args[0])";
        let method = ("org.freedesktop.login1.Manager", "GetUser", "u", "o", code);
        bus.ask::<_, ()>(LOGIND, "AddMethod", &method)?;
        let version = (MANAGER, "Version", Variant::from("43.0"));
        until("a GDM", || bus.ask::<_, ()>(GDM, "AddProperty", &version).ok())?;
        Ok(Self { _mocks: mocks, bus: daemon })
    }

    /// For `DBUS_SYSTEM_BUS_ADDRESS`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.bus.address
    }
}

/// The Shell.
#[derive(Debug)]
pub struct Shell {
    bus: Bus,
    runtime: PathBuf,
    _running: Running,
}

/// Waits until it says that it is up. It forks to start the daemon of IBus, there or not, and runs
/// JavaScript in the child: now and then (43.9) that never comes back, for a lock that another thread
/// had, and the Shell waits for it. A child that is still the Shell after a second is ended.
fn until_up(running: &Running, log: &Path) -> Result<()> {
    let mut seen: BTreeMap<i32, Instant> = BTreeMap::new();
    until("the Shell", || {
        for child in forks(running.id()) {
            let since = *seen.entry(child).or_insert_with(Instant::now);
            let child = Pid::from_raw(child).filter(|_| since.elapsed() > FORK);
            // It may have gone by itself.
            child.map(|child| kill_process(child, Signal::KILL));
        }
        fs::read_to_string(log).ok()?.contains("GNOME Shell started at").then_some(())
    })
}

/// Children that are no other program yet.
fn forks(process: u32) -> Vec<i32> {
    let threads = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let lists = threads.filter_map(|one| fs::read_to_string(one.path().join("children")).ok());
    let children: Vec<i32> = lists
        .flat_map(|one| one.split_whitespace().flat_map(str::parse).collect::<Vec<_>>())
        .collect();
    let is_fork = |id: &i32| {
        fs::read_to_string(format!("/proc/{id}/comm"))
            .is_ok_and(|name| name.trim() == "gnome-shell")
    };
    children.into_iter().filter(is_fork).collect()
}

impl Shell {
    /// Starts one in a person's session, which must be that of a [`System`], and the extension in it.
    ///
    /// # Errors
    /// It does not start, or the extension fails.
    pub fn start(person: &Person<'_>) -> Result<Self> {
        let runtime = person.private("shell")?;
        assemble("43", &person.path("data/gnome-shell/extensions"))?;
        let said = person.path("shell.log");
        let log = File::create(&said).map_err(Trouble::io("shell.log"))?;
        let mut command = person.command(Path::new("gnome-shell"));
        command
            .args(["--headless", "--no-x11", "--unsafe-mode", "--virtual-monitor", "1280x720"])
            .env("XDG_RUNTIME_DIR", &runtime)
            // Settings of the person testing are none of its business.
            .env("GSETTINGS_BACKEND", "memory")
            .stderr(log);
        let running = Running::start("gnome-shell", &mut command)?;
        until_up(&running, &said)?;
        let shell = Self { bus: person.bus.clone(), runtime, _running: running };
        shell.until("its desktop", "Main.layoutManager._startingUp === false")?;
        // Enabled once it is found; the Shell may still be looking.
        let enable = format!("Main.extensionManager.enableExtension('{EXTENSION}')");
        shell.until("the extension", &enable)?;
        shell.until("the extension at work", &format!("{STATE}.state === 1"))?;
        Ok(shell)
    }

    /// What a piece of JavaScript says in the Shell.
    ///
    /// # Errors
    /// It throws, or the Shell does not answer.
    pub fn evaluate(&self, code: &str) -> Result<Value> {
        let code = format!("{HELPERS}{code}");
        let (good, said): (bool, String) = self.bus.ask(SHELL, "Eval", &(code.as_str(),))?;
        if good {
            return Ok(crate::bus::json(said.as_bytes()));
        }
        Err(Trouble::Wrong(format!("the Shell says {said}")))
    }

    /// Waits until this is true in the Shell.
    ///
    /// # Errors
    /// [`Trouble::Late`].
    pub fn until(&self, what: &str, code: &str) -> Result<()> {
        until(what, || (self.evaluate(code).ok()? == Value::Bool(true)).then_some(()))
    }

    /// Locks, and waits until the screen is dark.
    ///
    /// # Errors
    /// [`Trouble::Late`].
    pub fn lock(&self) -> Result<()> {
        self.evaluate("Main.screenShield.lock(false)")?;
        self.until("a dark screen", "Main.screenShield.locked && Main.screenShield.active")
    }

    /// Unlocks, as GDM does when the password was right.
    ///
    /// # Errors
    /// [`Trouble::Late`].
    pub fn unlock(&self) -> Result<()> {
        self.evaluate("Main.screenShield.deactivate(false)")?;
        self.until("an open session", "!Main.screenShield.locked && !Main.sessionMode.isLocked")
    }

    /// The words of the calls on the lock, as assistive technology reads their names; empty where
    /// nothing is drawn.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        let code = "place()?.mapped ? all(place()).filter(one => one.mapped) \
            .map(one => one.accessible_name).filter(one => one) : []";
        let said = self.evaluate(code).unwrap_or_default();
        let words = said.as_array().into_iter().flatten();
        words.filter_map(|one| one.as_str().map(str::to_owned)).collect()
    }

    /// Waits until the lock shows a button.
    ///
    /// # Errors
    /// [`Trouble::Late`].
    pub fn shows(&self, button: &str) -> Result<()> {
        let one = on_lock(button);
        // Mapped is not yet at its place.
        let code = format!("{one}?.mapped && {one}.reactive && {one}.has_allocation() && !{DARK}");
        self.until(&format!("the button {button} on the lock"), &code)
    }

    /// Waits until the lock shows no call.
    ///
    /// # Errors
    /// [`Trouble::Late`].
    pub fn shows_none(&self) -> Result<()> {
        let code = "!place().mapped && place().get_first_child().get_n_children() === 0";
        self.until("no call on the lock", code)
    }

    /// Presses a button of the lock with the pointer.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn click(&self, button: &str) -> Result<()> {
        self.click_on(&on_lock(button))
    }

    /// Presses what a piece of JavaScript finds with the pointer.
    ///
    /// # Errors
    /// It finds nothing.
    pub fn click_on(&self, actor: &str) -> Result<()> {
        self.evaluate(&format!(
            "{}; const mouse = device(POINTER_DEVICE); mouse.notify_absolute_motion(now(), x, y); \
             mouse.notify_button(now(), Clutter.BUTTON_PRIMARY, Clutter.ButtonState.PRESSED); \
             mouse.notify_button(now(), Clutter.BUTTON_PRIMARY, Clutter.ButtonState.RELEASED)",
            middle(actor)
        ))?;
        Ok(())
    }

    /// Presses a button of the lock with a finger.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn touch(&self, button: &str) -> Result<()> {
        self.evaluate(&format!(
            "{}; const screen = device(TOUCHSCREEN_DEVICE); \
             screen.notify_touch_down(now(), 0, x, y); screen.notify_touch_up(now(), 0)",
            middle(&on_lock(button))
        ))?;
        Ok(())
    }

    /// Presses a key, by the name Clutter has for it, and waits until what `then` says is true.
    ///
    /// # Errors
    /// The Shell does not answer, or [`Trouble::Late`].
    pub fn key(&self, name: &str, then: &str) -> Result<()> {
        self.evaluate(&format!(
            "const keys = device(KEYBOARD_DEVICE), {{PRESSED, RELEASED}} = Clutter.KeyState; \
             keys.notify_keyval(now(), Clutter.KEY_{name}, PRESSED); \
             keys.notify_keyval(now(), Clutter.KEY_{name}, RELEASED)"
        ))?;
        self.until(&format!("{then}, after {name}"), then)
    }

    /// Keeps a picture of the screen as `target/pictures/NAME.png`, for people to look at.
    ///
    /// # Errors
    /// The Shell does not take it.
    pub fn picture(&self, name: &str) -> Result<PathBuf> {
        let file = picture::kept(&format!("{name}.png"))?;
        let wanted = file.display().to_string();
        let body = (false, false, wanted.as_str());
        let (good, _): (bool, String) = self.bus.ask(SHOTS, "Screenshot", &body)?;
        if good { Ok(file) } else { Err(Trouble::program("gnome-shell", "no picture")) }
    }

    /// What programs are told that have windows on it.
    #[must_use]
    pub fn session(&self) -> Vec<(&'static str, String)> {
        vec![
            ("XDG_RUNTIME_DIR", self.runtime.display().to_string()),
            ("WAYLAND_DISPLAY", "wayland-0".to_owned()),
            ("GDK_BACKEND", "wayland".to_owned()),
            // As on machines without a GPU.
            ("GSK_RENDERER", "cairo".to_owned()),
            ("GSETTINGS_BACKEND", "memory".to_owned()),
        ]
    }

    /// A program with a window on it.
    #[must_use]
    pub fn command(&self, person: &Person<'_>, name: &str) -> Command {
        let mut command = person.command(Path::new(name));
        command.envs(self.session());
        command
    }
}

/// What the Shell knows of the extension.
const STATE: &str = "Main.extensionManager.lookup('ahoy@ahoycall.org')";
/// A curtain is before all else; it comes when the screen is left alone.
const DARK: &str =
    "(Main.screenShield._shortLightbox.visible || Main.screenShield._longLightbox.visible)";

/// Code for a button of the lock.
fn on_lock(button: &str) -> String {
    format!("find(place(), 'ahoy-{button}')")
}

/// Code for the middle of an actor.
fn middle(actor: &str) -> String {
    format!(
        "const one = {actor}, [left, top] = one.get_transformed_position(), \
         [width, height] = one.get_transformed_size(), x = left + width / 2, y = top + height / 2"
    )
}

/// Puts the extension for a version of the Shell together.
///
/// # Errors
/// The version is not one that the extension is for.
pub fn assemble(version: &str, directory: &Path) -> Result<()> {
    let script = repository().join("contrib/gnome-shell/assemble").display().to_string();
    let mut command = program(&script);
    output("assemble", command.arg(version).arg(directory))?;
    Ok(())
}
