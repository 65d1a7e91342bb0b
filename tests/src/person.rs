//! A person: a bus, devices, settings, and a real `ahoyd`.
//!
//! Owns: all of these. Does not own: PipeWire, which the stage has. Invariant: two people share
//! nothing but PipeWire and the loopback interface.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, UdpSocket},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU16, Ordering},
    },
    time::{Duration, Instant},
};

use rustix::process::Signal as Sent;
use zbus::OwnedObjectPath;

use crate::{
    Result, Stage, Trouble,
    bus::{Bus, Daemon, Dict, Options, ROOT, Signal},
    desk::Notifications,
    picture::Viewer,
    process::{Running, output, program},
    until, within,
};

/// What a person has.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// A microphone.
    pub microphone: bool,
    /// A camera that shows a moving square before this colour (RGB).
    pub camera: Option<u32>,
    /// A notification server.
    pub notifications: bool,
    /// PipeWire, a speaker.
    pub sound: bool,
}

impl Setup {
    /// Everything.
    pub const ALL: Self =
        Self { microphone: true, camera: Some(0x20_40_a0), notifications: true, sound: true };
    /// No camera and no screen: the cheapest that can talk.
    pub const VOICE: Self =
        Self { microphone: true, camera: None, notifications: false, sound: true };
    /// No device at all.
    pub const BARE: Self =
        Self { microphone: false, camera: None, notifications: false, sound: false };
}

/// Lines of a daemon's log, with the time each came.
type Lines = Arc<Mutex<Vec<(Instant, String)>>>;

/// One of those who call each other.
#[derive(Debug)]
pub struct Person<'a> {
    /// Their name, as others see it.
    pub name: String,
    /// A controller on their bus.
    pub bus: Bus,
    /// Their notification server.
    pub notifications: Option<Notifications>,
    /// Where others reach them.
    pub port: u16,
    ahoyd: Option<Running>,
    lines: Lines,
    directory: PathBuf,
    setup: Setup,
    address: String,
    /// Address of the system bus, and which session there is theirs.
    session: (String, String),
    _daemon: Option<Daemon>,
    stage: &'a Stage,
}

/// Programs of this build lie where ours does, or one above.
///
/// # Errors
/// It was not built.
pub fn built(name: &str) -> Result<PathBuf> {
    let own = std::env::current_exe().map_err(Trouble::io("our own program"))?;
    let places = own.ancestors().skip(1).take(2).map(|directory| directory.join(name));
    let found = places.into_iter().find(|file| file.is_file());
    found.ok_or_else(|| Trouble::program(name, "is not built: run `cargo build` first"))
}

/// A port that nothing else has, outside the range the kernel hands out by itself, so that it is
/// still ours after a restart of the daemon.
fn free_port() -> Result<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let base = 20_000 + u16::try_from(std::process::id() % 600).unwrap_or(0) * 16;
    for _ in 0..400 {
        let port = base.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed) % 400);
        let free = TcpListener::bind(("127.0.0.1", port)).is_ok()
            && UdpSocket::bind(("127.0.0.1", port)).is_ok();
        if free {
            return Ok(port);
        }
    }
    Err(Trouble::Wrong("no free port on the loopback interface".to_owned()))
}

impl<'a> Person<'a> {
    /// Gives them what `setup` says, and starts their Ahoy.
    ///
    /// # Errors
    /// Something does not start.
    pub fn start(stage: &'a Stage, name: &str, setup: Setup) -> Result<Self> {
        let daemon = Daemon::start(&stage.subdirectory(&name.to_lowercase())?)?;
        let mut person = Self::prepare(stage, name, setup, daemon.address.clone())?;
        person._daemon = Some(daemon);
        person.restart()?;
        Ok(person)
    }

    /// Gives them what `setup` says on a bus that is there. Their Ahoy is for somebody else to start.
    ///
    /// # Errors
    /// Something does not start.
    pub fn prepare(stage: &'a Stage, name: &str, setup: Setup, address: String) -> Result<Self> {
        let short = name.to_lowercase();
        let directory = stage.subdirectory(&short)?;
        for one in ["config/ahoy", "data", "cache", "run"] {
            stage.subdirectory(&format!("{short}/{one}"))?;
        }
        if setup.sound {
            stage.add_device("Audio/Sink", &format!("{short}.speaker"))?;
        }
        if setup.sound && setup.microphone {
            stage.add_device("Audio/Source/Virtual", &format!("{short}.microphone"))?;
        }
        if let Some(colour) = setup.camera.filter(|_| setup.sound) {
            stage.add_camera(&format!("{short}.camera"), colour)?;
        }
        let bus = Bus::connect(&address)?;
        let notifications = match setup.notifications {
            true => Some(Notifications::start(stage, &directory, &address, &bus)?),
            false => None,
        };
        let person = Self {
            name: name.to_owned(),
            bus,
            notifications,
            port: free_port()?,
            ahoyd: None,
            lines: Lines::default(),
            directory,
            setup,
            address,
            // The lock of the session that the trial runs in is none of its business.
            session: ("unix:path=/nonexistent/bus".to_owned(), String::new()),
            _daemon: None,
            stage,
        };
        person.configure()?;
        Ok(person)
    }

    /// Gives them a session of logind's on a system bus; for what is started from then on.
    pub fn use_session(&mut self, address: &str, id: &str) {
        self.session = (address.to_owned(), id.to_owned());
    }

    /// The name of one of their devices: `microphone`, `speaker` or `camera`.
    #[must_use]
    pub fn device(&self, kind: &str) -> String {
        format!("{}.{kind}", self.name.to_lowercase())
    }

    /// One of their files.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// A directory of theirs that nobody else may enter, as XDG_RUNTIME_DIR must be.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn private(&self, name: &str) -> Result<PathBuf> {
        let path = self.path(name);
        let made = fs::create_dir_all(&path)
            .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(0o700)));
        made.map_err(Trouble::io(name)).map(|()| path)
    }

    /// The stage they are on.
    #[must_use]
    pub const fn stage(&self) -> &'a Stage {
        self.stage
    }

    fn configure(&self) -> Result<()> {
        let (microphone, speaker, camera) =
            (self.device("microphone"), self.device("speaker"), self.device("camera"));
        let text = format!(
            "[link]\nlisten = \"127.0.0.1:{}\"\nmdns = false\n[lan]\nname = \"{}\"\n\
             [audio]\nmicrophone = \"{microphone}\"\nspeaker = \"{speaker}\"\nringer = \"{speaker}\"\n\
             [video]\ncamera = \"{camera}\"\n[voice]\nmicrophone = \"{microphone}\"\n\
             speak = false\n",
            self.port, self.name
        );
        fs::write(self.path("config/ahoy/config.toml"), text).map_err(Trouble::io("config.toml"))
    }

    /// A program in their session.
    #[must_use]
    pub fn command(&self, file: &Path) -> Command {
        let mut command = program(&file.display().to_string());
        command
            .envs(self.environment())
            .env("XDG_RUNTIME_DIR", self.path("run"))
            .env("DBUS_SESSION_BUS_ADDRESS", &self.address)
            .env_remove("PIPEWIRE_REMOTE");
        if !self.setup.sound {
            command.env_remove("PIPEWIRE_RUNTIME_DIR");
        }
        command
    }

    /// What tells programs of their session from those of others, but for the bus and its files.
    #[must_use]
    pub fn environment(&self) -> BTreeMap<&'static str, PathBuf> {
        let mut all = BTreeMap::from([
            ("HOME", self.directory.clone()),
            ("XDG_CONFIG_HOME", self.path("config")),
            ("XDG_DATA_HOME", self.path("data")),
            ("XDG_CACHE_HOME", self.path("cache")),
            ("XDG_STATE_HOME", self.path("state")),
            ("AHOY_LOG", "debug".into()),
            ("DBUS_SYSTEM_BUS_ADDRESS", self.session.0.clone().into()),
            ("XDG_SESSION_ID", self.session.1.clone().into()),
        ]);
        if self.setup.sound {
            all.insert("PIPEWIRE_RUNTIME_DIR", self.stage.directory().to_owned());
            all.insert("PULSE_SERVER", self.stage.path("pulse/native"));
            all.insert("PULSE_SINK", self.device("speaker").into());
        }
        all
    }

    /// Starts their Ahoy, again if it ran before, and waits until it is on the bus.
    ///
    /// # Errors
    /// It ends at once, or does not come.
    pub fn restart(&mut self) -> Result<()> {
        self.ahoyd = None;
        let file = built("ahoyd")?;
        let mut command = self.command(&file);
        let mut running =
            Running::start(&file.display().to_string(), command.stderr(Stdio::piped()))?;
        if let Some(output) = running.child().stderr.take() {
            let lines = self.lines.clone();
            let log = fs::File::options().create(true).append(true).open(self.path("ahoyd.log"));
            let mut log = log.map_err(Trouble::io("ahoyd.log"))?;
            std::thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(std::result::Result::ok) {
                    // For a look afterwards; the trial reads what is kept here.
                    let _ = writeln!(log, "{line}");
                    let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
                    lines.push((Instant::now(), line));
                }
            });
        }
        until("ahoyd on the bus", || {
            let ended = running.ended().is_some();
            let there = self.bus.property(ROOT, "Manager", "Version").is_ok();
            (there || ended).then_some(())
        })?;
        if let Some(status) = running.ended() {
            let log = self.log().join("\n");
            return Err(Trouble::program("ahoyd", format!("ended with {status}: {log}")));
        }
        self.ahoyd = Some(running);
        Ok(())
    }

    /// The lines of their Ahoy's log.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().map(|(_, line)| line.clone()).collect()
    }

    /// When a line with this text first came after `since`.
    #[must_use]
    pub fn logged(&self, since: Instant, text: &str) -> Option<Instant> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().find(|(at, line)| *at >= since && line.contains(text)).map(|(at, _)| *at)
    }

    /// The process of their Ahoy, or of one of its workers (`ahoy-media`, `ahoy-voice`).
    #[must_use]
    pub fn process(&self, name: &str) -> Option<u32> {
        let own = self.ahoyd.as_ref()?.id();
        if name == "ahoyd" {
            return Some(own);
        }
        // Children are listed with the thread that started them.
        let threads = fs::read_dir(format!("/proc/{own}/task")).ok()?.flatten();
        let lists = threads.map(|one| fs::read_to_string(one.path().join("children")));
        let children = lists.filter_map(std::result::Result::ok).collect::<Vec<_>>().join(" ");
        children.split_whitespace().filter_map(|id| id.parse().ok()).find(|id: &u32| {
            fs::read_to_string(format!("/proc/{id}/comm")).is_ok_and(|comm| comm.trim() == name)
        })
    }

    /// Kills one of the workers as a crash would.
    ///
    /// # Errors
    /// It does not run.
    pub fn kill_worker(&self, name: &str) -> Result<()> {
        let id = self.process(name).and_then(|id| i32::try_from(id).ok());
        let pid = id.and_then(rustix::process::Pid::from_raw);
        let pid = pid.ok_or_else(|| Trouble::program(name, "does not run"))?;
        rustix::process::kill_process(pid, Sent::KILL)
            .map_err(|error| Trouble::program(name, error.to_string()))
    }

    /// Ends their Ahoy as a crash would.
    pub fn kill9(&mut self) {
        if let Some(ahoyd) = &mut self.ahoyd {
            ahoyd.kill9();
        }
    }

    /// Asks their Ahoy to end, and waits until it has.
    ///
    /// # Errors
    /// It does not.
    pub fn terminate(&mut self) -> Result<ExitStatus> {
        let Some(ahoyd) = &mut self.ahoyd else {
            return Err(Trouble::program("ahoyd", "does not run"));
        };
        ahoyd.signal(Sent::TERM);
        ahoyd.wait()
    }

    /// Runs `ahoyctl` in their session; what it printed.
    ///
    /// # Errors
    /// It fails.
    pub fn ahoyctl(&self, arguments: &[&str]) -> Result<String> {
        let printed = output("ahoyctl", self.command(&built("ahoyctl")?).args(arguments))?;
        Ok(String::from_utf8_lossy(&printed).into_owned())
    }

    /// Makes an invite.
    ///
    /// # Errors
    /// What Ahoy answers.
    pub fn invite(&self) -> Result<String> {
        self.bus.call("Identity", "Invite", &(Options::new(),))
    }

    /// Takes an invite up, waits until both know each other, and gives the contact's id.
    ///
    /// # Errors
    /// It is refused, or the other side does not answer.
    pub fn accept(&self, invite: &str) -> Result<String> {
        let seen = self.bus.seen();
        let id: String = self.bus.call("Identity", "Accept", &(invite, Options::new()))?;
        self.bus.signal(seen, "Joined", |signal| (signal.member == "Joined").then_some(()))?;
        Ok(id)
    }

    /// Their contacts with this text.
    ///
    /// # Errors
    /// What Ahoy answers.
    pub fn contacts(&self, text: &str) -> Result<Vec<Dict>> {
        self.bus.call("Contacts", "Search", &(text, 20_u32))
    }

    /// Calls a contact; gives the call's path.
    ///
    /// # Errors
    /// What Ahoy answers.
    pub fn call(&self, contact: &str, video: bool) -> Result<String> {
        let options = Options::from([("contact-id", contact.into()), ("video", video.into())]);
        let handles: Vec<(String, String)> = Vec::new();
        let path: OwnedObjectPath =
            self.bus.call("Manager", "StartCall", &("", handles, options))?;
        Ok(path.to_string())
    }

    /// The call that rings or is on, if any: `RingingCall` or `ActiveCall`.
    #[must_use]
    pub fn current(&self, which: &str) -> Option<String> {
        let path = self.bus.text(ROOT, "Manager", which);
        (path.len() > 1).then_some(path)
    }

    /// Waits until a call rings here.
    ///
    /// # Errors
    /// [`Trouble::Late`].
    pub fn rings(&self) -> Result<String> {
        until(&format!("ringing at {}", self.name), || self.current("RingingCall"))
    }

    /// Waits until a call has a state.
    ///
    /// # Errors
    /// [`Trouble::Late`].
    pub fn until_state(&self, call: &str, state: &str) -> Result<()> {
        let what = format!("{state} at {}", self.name);
        until(&what, || (self.bus.text(call, "Call", "State") == state).then_some(()))
    }

    /// Answers a call on the bus.
    ///
    /// # Errors
    /// What Ahoy answers.
    pub fn answer(&self, call: &str, video: bool) -> Result<()> {
        self.bus.on_call(call, "Answer", &(Options::from([("video", video.into())]),))
    }

    /// Hangs up on the bus.
    ///
    /// # Errors
    /// What Ahoy answers.
    pub fn hang_up(&self, call: &str) -> Result<()> {
        self.bus.on_call(call, "HangUp", &(Options::new(),))
    }

    /// Waits for the end of a call as the signals after the first `seen` tell it; when, and why.
    ///
    /// # Errors
    /// [`Trouble::Late`].
    pub fn ended(&self, seen: usize, call: &str, limit: Duration) -> Result<(Instant, String)> {
        let reason = |signal: &Signal| {
            if signal.path != call || signal.member != "PropertiesChanged" {
                return None;
            }
            let (_, changed, _): (String, BTreeMap<String, zbus::OwnedVariant>, Vec<String>) =
                signal.body()?;
            let reason = changed.get("EndReason")?.try_clone().ok()?;
            let (word, _) = <(String, String)>::try_from(reason).ok()?;
            (!word.is_empty()).then_some((signal.at, word))
        };
        let what = format!("the end of the call at {}", self.name);
        within(limit, &what, || self.bus.signals(seen).iter().find_map(reason))
    }

    /// Looks at a video node that a property of one of their calls names: `RemoteVideoNode` or
    /// `SelfViewNode`. Both sides of a call give their nodes the same name, and here they share a
    /// PipeWire, so it is looked for by name and owner.
    ///
    /// # Errors
    /// There is no such node.
    pub fn watch(&self, call: &str, property: &str) -> Result<Viewer> {
        let name = self.bus.text(call, "Call", property);
        let own = self.process("ahoyd").map(u64::from);
        let node = until(&format!("the node {name} of {}", self.name), || {
            self.stage.nodes().into_iter().find(|node| node.name == name && node.process == own)
        })?;
        Viewer::start(self.stage, &node.serial.to_string())
    }

    /// The log of calls, newest first.
    ///
    /// # Errors
    /// What Ahoy answers.
    pub fn recents(&self) -> Result<Vec<Dict>> {
        let (rows, _): (Vec<Dict>, String) =
            self.bus.call("History", "Query", &(Options::new(), 50_u32, ""))?;
        Ok(rows)
    }
}
