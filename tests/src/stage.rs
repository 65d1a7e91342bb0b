//! A private sound system that several people share.
//!
//! Owns: its directory, bus, PipeWire and session manager, the virtual devices, the screen. Does
//! not own: anybody's daemon. Invariant: every file lies below one directory of mode 0700 that goes
//! with the stage (unless `AHOY_KEEP` is set, for a look at the logs).

use std::{
    collections::BTreeMap,
    fs::{self, File},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, PoisonError},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    Result, Trouble, atspi,
    bus::{Daemon, json},
    desk::Screen,
    person::built,
    picture,
    process::{Running, output, program},
    until,
};

/// Where trials happen.
#[derive(Debug)]
pub struct Stage {
    // In this order: what uses PipeWire ends before it.
    devices: Mutex<Vec<Running>>,
    sound: Mutex<Vec<Running>>,
    screen: Mutex<Option<Screen>>,
    bus: Daemon,
    directory: TempDir,
}

/// A node of PipeWire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// `node.name`.
    pub name: String,
    /// `media.class`.
    pub class: String,
    /// `running`, `idle`, `suspended`.
    pub state: String,
    /// How many ports it has.
    pub ports: u64,
    /// `object.serial`: tells nodes of one name apart.
    pub serial: u64,
    /// What PipeWire calls it while it lives.
    pub id: u64,
    /// The process that connected to PipeWire for it.
    pub process: Option<u64>,
}

fn node(object: &Value, clients: &BTreeMap<u64, u64>) -> Node {
    let info = &object["info"];
    let properties = &info["props"];
    let text = |key: &str| properties[key].as_str().unwrap_or_default().to_owned();
    let count = |key: &str| info[key].as_u64().unwrap_or(0);
    Node {
        name: text("node.name"),
        class: text("media.class"),
        state: info["state"].as_str().unwrap_or_default().to_owned(),
        ports: count("n-input-ports") + count("n-output-ports"),
        serial: properties["object.serial"].as_u64().unwrap_or(0),
        id: object["id"].as_u64().unwrap_or(0),
        process: properties["client.id"].as_u64().and_then(|id| clients.get(&id).copied()),
    }
}

impl Stage {
    /// Starts one with PipeWire and waits until its session manager works.
    ///
    /// # Errors
    /// A program does not start.
    pub fn start() -> Result<Self> {
        let stage = Self::without_sound()?;
        stage.start_sound()?;
        Ok(stage)
    }

    /// A stage on which PipeWire does not run.
    ///
    /// # Errors
    /// A program does not start.
    pub fn without_sound() -> Result<Self> {
        let mut directory = tempfile::Builder::new()
            .prefix("ahoy-trial-")
            .tempdir()
            .map_err(Trouble::io("a directory"))?;
        directory.disable_cleanup(std::env::var_os("AHOY_KEEP").is_some());
        let bus = Daemon::start(directory.path())?;
        Ok(Self {
            devices: Mutex::default(),
            sound: Mutex::default(),
            screen: Mutex::default(),
            bus,
            directory,
        })
    }

    /// Starts PipeWire and its session manager, first or again.
    ///
    /// # Errors
    /// They do not start.
    pub fn start_sound(&self) -> Result<()> {
        let server = self.spawn("pipewire", &[])?;
        self.keep_sound(server);
        let socket = self.path("pipewire-0");
        until("PipeWire's socket", || UnixStream::connect(&socket).ok())?;
        let manager = self.spawn("wireplumber", &[])?;
        self.keep_sound(manager);
        until("the session manager", || {
            let clients = self.run("pw-cli", &["ls", "Client"]).ok()?;
            clients.contains("WirePlumber").then_some(())
        })
    }

    /// Starts what programs for PulseAudio play by.
    ///
    /// # Errors
    /// It does not start.
    pub fn start_pulse(&self) -> Result<()> {
        let server = self.spawn("pipewire-pulse", &[])?;
        self.keep_sound(server);
        let socket = self.path("pulse/native");
        until("PulseAudio's socket", || UnixStream::connect(&socket).ok().map(drop))
    }

    /// Ends PipeWire as a crash would.
    pub fn kill_sound(&self) {
        self.sound.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn keep_sound(&self, running: Running) {
        self.sound.lock().unwrap_or_else(PoisonError::into_inner).push(running);
    }

    /// Where it keeps its files; also the runtime directory of PipeWire.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// A file of the stage.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A program with the stage as its session.
    #[must_use]
    pub fn command(&self, name: &str) -> Command {
        let directory = self.directory.path();
        let mut command = program(name);
        for variable in ["XDG_RUNTIME_DIR", "PIPEWIRE_RUNTIME_DIR", "HOME", "XDG_STATE_HOME"] {
            command.env(variable, directory);
        }
        command
            .env("XDG_CONFIG_HOME", directory)
            .env("DBUS_SESSION_BUS_ADDRESS", &self.bus.address)
            .env_remove("PIPEWIRE_REMOTE")
            .env_remove("DISPLAY")
            .env_remove("WAYLAND_DISPLAY");
        command
    }

    /// Starts a program; what it complains about goes to a file of its name.
    ///
    /// # Errors
    /// It does not start.
    pub fn spawn(&self, name: &str, arguments: &[&str]) -> Result<Running> {
        let log = File::options().create(true).append(true).open(self.path(&format!("{name}.log")));
        let log = log.map_err(Trouble::io("a log"))?;
        Running::start(name, self.command(name).args(arguments).stderr(log))
    }

    /// Runs a program to its end; what it printed.
    ///
    /// # Errors
    /// It fails.
    pub fn run(&self, name: &str, arguments: &[&str]) -> Result<String> {
        let printed = output(name, self.command(name).args(arguments))?;
        Ok(String::from_utf8_lossy(&printed).into_owned())
    }

    /// The nodes there are.
    #[must_use]
    pub fn nodes(&self) -> Vec<Node> {
        let dump = output("pw-dump", &mut self.command("pw-dump")).unwrap_or_default();
        let Value::Array(objects) = json(&dump) else { return Vec::new() };
        let of = |kind: &'static str| objects.iter().filter(move |one| one["type"] == kind);
        let clients: BTreeMap<u64, u64> = of("PipeWire:Interface:Client")
            .filter_map(|one| {
                let process = one["info"]["props"]["pipewire.sec.pid"].as_u64()?;
                Some((one["id"].as_u64()?, process))
            })
            .collect();
        of("PipeWire:Interface:Node").map(|one| node(one, &clients)).collect()
    }

    /// The node of this name.
    #[must_use]
    pub fn node(&self, name: &str) -> Option<Node> {
        self.nodes().into_iter().find(|node| node.name == name)
    }

    /// Adds a sound device: `Audio/Source/Virtual` or `Audio/Sink`.
    ///
    /// # Errors
    /// PipeWire refuses.
    pub fn add_device(&self, class: &str, name: &str) -> Result<()> {
        let properties = format!(
            "{{ factory.name=support.null-audio-sink node.name={name} media.class={class} \
             audio.position=[MONO] object.linger=true }}"
        );
        self.run("pw-cli", &["create-node", "adapter", &properties])?;
        until(name, || self.node(name).filter(|node| node.ports > 0).map(drop))
    }

    /// Unplugs a device.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn remove_device(&self, name: &str) -> Result<()> {
        let node = self.node(name).ok_or_else(|| Trouble::Wrong(format!("no node is {name}")))?;
        self.run("pw-cli", &["destroy", &node.id.to_string()])?;
        until(name, || self.node(name).is_none().then_some(()))
    }

    /// Adds a camera of 640x360 at 30 pictures a second: a square that moves before a colour (RGB).
    ///
    /// # Errors
    /// PipeWire refuses.
    pub fn add_camera(&self, name: &str, colour: u32) -> Result<()> {
        let colour = format!("{:06x}", colour & 0xff_ffff);
        let program = built("ahoy-test-camera")?.display().to_string();
        let mut command = self.command(&program);
        let camera = Running::start(&program, command.args([name, "640x360@30", &colour]))?;
        self.devices.lock().unwrap_or_else(PoisonError::into_inner).push(camera);
        until(name, || self.node(name).map(drop))
    }

    /// The display of the screen, which starts with the first that asks.
    ///
    /// # Errors
    /// It does not start.
    pub fn display(&self) -> Result<String> {
        let mut screen = self.screen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(screen) = &*screen {
            return Ok(screen.display.clone());
        }
        let started = Screen::start(self)?;
        let display = started.display.clone();
        *screen = Some(started);
        Ok(display)
    }

    /// What its screen shows: RGB, and its width and height.
    ///
    /// # Errors
    /// There is no screen.
    pub fn look(&self) -> Result<(Vec<u8>, usize, usize)> {
        self.display()?;
        let screen = self.screen.lock().unwrap_or_else(PoisonError::into_inner);
        let file = screen.as_ref().map(|screen| screen.file.clone()).unwrap_or_default();
        atspi::screen(&file)
    }

    /// Where a colour is on its screen: left, top, right and bottom, the last two just beyond it. `None`: it is not, or it
    /// is less than so many tenths of what is between.
    #[must_use]
    pub fn seen(&self, colour: [u8; 3], tenths: usize) -> Option<(usize, usize, usize, usize)> {
        let (rgb, width, _) = self.look().ok()?;
        let is_it = |pixel: &[u8]| pixel.iter().zip(colour).all(|(one, it)| one.abs_diff(it) < 24);
        let points = rgb.chunks_exact(3).enumerate().filter(|(_, pixel)| is_it(pixel));
        let points: Vec<(usize, usize)> =
            points.map(|(number, _)| (number % width, number / width)).collect();
        let (across, down) = (points.iter().map(|one| one.0), points.iter().map(|one| one.1));
        let (left, right) = (across.clone().min()?, across.max()? + 1);
        let (top, bottom) = (down.clone().min()?, down.max()? + 1);
        let is_full = points.len() * 10 > (right - left) * (bottom - top) * tenths;
        is_full.then_some((left, top, right, bottom))
    }

    /// What its screen shows, without the black around it, as a PNG of this name among the pictures of the build.
    ///
    /// # Errors
    /// There is no screen, or it cannot be written.
    pub fn photograph(&self, name: &str) -> Result<PathBuf> {
        let (rgb, width, height) = self.look()?;
        let path = picture::kept(name)?;
        let (rgb, size) = picture::without_margin(&rgb, (width, height));
        picture::png(&path, &rgb, size)?;
        Ok(path)
    }

    /// A directory of the stage, made if it is not there.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn subdirectory(&self, name: &str) -> Result<PathBuf> {
        let path = self.path(name);
        fs::create_dir_all(&path).map_err(Trouble::io(name))?;
        Ok(path)
    }
}
