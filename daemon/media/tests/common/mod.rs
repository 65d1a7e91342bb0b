//! A private sound system and the parent's side of the worker, for tests.
//!
//! Owns: processes it starts (all ended on drop). Does not own: what a test claims. Invariant:
//! nothing here touches the user's session: own runtime directory, own bus, own PipeWire.
#![allow(dead_code, reason = "each test file uses its own part")]
#![expect(unreachable_pub, reason = "a module of a test has no other visibility that reads well")]
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and skips by saying so"
)]

pub mod pictures;
pub mod sound;

use std::{
    fs,
    io::{BufRead, BufReader},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::{fs::PermissionsExt, net::UnixStream},
    },
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use ahoy_core::{
    media::{
        AudioPlan, Devices, MediaCommand, MediaEvent, MediaPlan, SessionId, StreamNames, VideoPlan,
        VideoSize,
    },
    worker::{Frame, MAX_MESSAGE, Stream, write_control, write_rtp},
};
use ahoy_sandbox::Channel;
pub use rustix::process::Signal;

pub const CALL: SessionId = SessionId(7);
/// Colours of cameras, RGB.
pub const RED: u32 = 0xff_00_00;
pub const GREEN: u32 = 0x00_ff_00;
pub const BLUE: u32 = 0x00_00_ff;
pub const GREY: u32 = 0x80_80_80;
/// How long anything may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Programs the tests need; a test without them says so and ends.
const PROGRAMS: [&str; 6] =
    ["pipewire", "wireplumber", "dbus-daemon", "pw-cli", "pw-link", "gst-launch-1.0"];

/// Whether this machine can run the tests of real media.
pub fn machine_is_able() -> bool {
    let path = std::env::var("PATH").unwrap_or_default();
    let has = |program: &&str| std::env::split_paths(&path).any(|dir| dir.join(program).exists());
    let missing: Vec<&str> = PROGRAMS.into_iter().filter(|program| !has(program)).collect();
    if missing.is_empty() {
        return true;
    }
    println!("SKIPPED: needs {}", missing.join(", "));
    let required = std::env::var("AHOY_REQUIRE").unwrap_or_default();
    assert!(!required.contains("media"), "AHOY_REQUIRE=media, and {} missing", missing.join(", "));
    false
}

/// Waits for a state; the last resort where nothing signals it.
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        thread::park_timeout(Duration::from_millis(20));
    }
}

/// A child process that ends with its owner.
pub struct Running(pub Child);

impl Running {
    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, signal).expect("a process");
    }

    /// Ends it at once, as a crash would.
    pub fn kill(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A PipeWire of our own.
pub struct SoundSystem {
    pub dir: PathBuf,
    bus: String,
    running: Mutex<Vec<Running>>,
}

static NUMBER: AtomicU32 = AtomicU32::new(0);

impl SoundSystem {
    /// Starts a bus, PipeWire and its session manager.
    pub fn start() -> Self {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("ahoy-media-{}-{number}", std::process::id()));
        fs::create_dir_all(&dir).expect("a directory");
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o700)).expect("its mode");
        let mut system = Self { dir, bus: String::new(), running: Mutex::default() };
        let mut daemon = system.command("dbus-daemon");
        daemon.args(["--session", "--nofork", "--print-address=1"]).stdout(Stdio::piped());
        let mut daemon = daemon.spawn().expect("dbus-daemon");
        let output = daemon.stdout.take().expect("its output");
        BufReader::new(output).read_line(&mut system.bus).expect("an address");
        system.keep(daemon);
        system.start_pipewire();
        system
    }

    /// Starts PipeWire and its session manager (again).
    pub fn start_pipewire(&self) {
        self.spawn("pipewire", &[]);
        wait_for("PipeWire's socket", || UnixStream::connect(self.dir.join("pipewire-0")).ok());
        self.spawn("wireplumber", &[]);
        wait_for("the session manager", || {
            self.list("Client").contains("WirePlumber").then_some(())
        });
    }

    /// Ends PipeWire as a crash would; its clients see the connection close.
    pub fn kill_pipewire(&self) {
        // The bus stays.
        self.running.lock().expect("the list").drain(1..);
    }

    /// A program in this system's environment.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env("XDG_RUNTIME_DIR", &self.dir)
            .env("PIPEWIRE_RUNTIME_DIR", &self.dir)
            .env("HOME", &self.dir)
            .env("XDG_STATE_HOME", &self.dir)
            .env("XDG_CONFIG_HOME", &self.dir)
            .env("DBUS_SESSION_BUS_ADDRESS", self.bus.trim())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    fn keep(&self, child: Child) {
        self.running.lock().expect("the list").push(Running(child));
    }

    /// Starts a program that runs until the system ends.
    pub fn spawn(&self, program: &str, arguments: &[&str]) {
        let child = self.command(program).args(arguments).spawn();
        self.keep(child.unwrap_or_else(|error| panic!("{program}: {error}")));
    }

    /// Runs a program to its end; its output when it succeeded.
    pub fn run(&self, program: &str, arguments: &[&str]) -> Option<String> {
        let output = self.command(program).args(arguments).stdout(Stdio::piped()).output();
        let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// What PipeWire lists of one kind.
    pub fn list(&self, kind: &str) -> String {
        self.run("pw-cli", &["ls", kind]).unwrap_or_default()
    }

    /// Whether a node of this name exists.
    pub fn has_node(&self, name: &str) -> bool {
        self.list("Node").contains(&format!("node.name = \"{name}\""))
    }

    /// Adds a device: `Audio/Source/Virtual` or `Audio/Sink`.
    pub fn add_device(&self, class: &str, name: &str) {
        let props = format!(
            "{{ factory.name=support.null-audio-sink node.name={name} media.class={class} \
             audio.position=[MONO] object.linger=true }}"
        );
        self.run("pw-cli", &["create-node", "adapter", &props]).expect("pw-cli");
        wait_for(name, || self.has_node(name).then_some(()));
    }

    /// Removes a device.
    pub fn remove_device(&self, name: &str) {
        let list = self.list("Node");
        let before = list.split(&format!("node.name = \"{name}\"")).next().expect("a list");
        let id = before.rsplit("id ").find_map(|rest| rest.split(',').next()?.parse::<u32>().ok());
        self.run("pw-cli", &["destroy", &id.expect("its number").to_string()]).expect("pw-cli");
        wait_for(name, || (!self.has_node(name)).then_some(()));
    }

    /// Adds a camera that shows a square moving before a colour.
    pub fn add_camera(&self, name: &str, size: VideoSize, colour: u32) -> Running {
        let VideoSize { width, height, fps } = size;
        let size = format!("{width}x{height}@{fps}");
        let mut camera = self.command(env!("CARGO_BIN_EXE_ahoy-test-camera"));
        let child = camera.args([name, &size, &format!("{colour:06x}")]).spawn();
        wait_for(name, || self.has_node(name).then_some(()));
        Running(child.expect("ahoy-test-camera"))
    }

    /// Adds a camera that gives every picture as a JPEG, by GStreamer. To be taken once only.
    pub fn add_jpeg_camera(&self, name: &str, size: VideoSize, pattern: &str) -> Running {
        let VideoSize { width, height, fps } = size;
        let caps =
            format!("video/x-raw,format=YUY2,width={width},height={height},framerate={fps}/1");
        let props = format!("stream-properties=p,media.class=Video/Source,node.name={name}");
        let pattern = format!("pattern={pattern}");
        let child = self
            .command("gst-launch-1.0")
            .args(["-q", "videotestsrc", "is-live=true", &pattern, "!", &caps, "!"])
            .args(["videoconvert", "!", "jpegenc", "!", "pipewiresink", "mode=provide", &props])
            .spawn();
        wait_for(name, || self.has_node(name).then_some(()));
        Running(child.expect("gst-launch-1.0"))
    }
}

impl Drop for SoundSystem {
    fn drop(&mut self) {
        self.running.lock().expect("the list").clear();
        fs::remove_dir_all(&self.dir).ok();
    }
}

/// What a worker told so far.
#[derive(Default)]
struct Told {
    events: Mutex<Vec<MediaEvent>>,
    more: Condvar,
    gone: AtomicBool,
}

/// Where packets of a worker go, by their call; `None`: of every call.
type Route = Arc<Mutex<Vec<(Option<SessionId>, Arc<Channel>)>>>;

/// A worker and the parent's end of its socket.
pub struct Worker {
    pub process: Running,
    channel: Arc<Channel>,
    told: Arc<Told>,
    route: Route,
    lose: Arc<AtomicU64>,
    /// Packets of [`Stream::Audio`] and [`Stream::Video`] that came from it.
    pub packets: Arc<[AtomicU64; 2]>,
    /// The largest packet that came from it, bytes.
    pub largest: Arc<AtomicU64>,
}

impl Worker {
    /// Starts a worker; nothing is sent to it.
    pub fn start(system: &SoundSystem) -> Self {
        let (channel, theirs) = Channel::pair().expect("a socketpair");
        // Standard library only: the socket arrives as standard input and is moved to its place.
        let process = system
            .command("/bin/sh")
            .args(["-c", r#"exec "$0" 3<&0 </dev/null"#, env!("CARGO_BIN_EXE_ahoy-media")])
            .env_remove("DBUS_SESSION_BUS_ADDRESS")
            .stdin(theirs)
            .stderr(Stdio::inherit())
            .spawn()
            .expect("ahoy-media");
        let worker = Self {
            process: Running(process),
            channel: Arc::new(channel),
            told: Arc::default(),
            route: Route::default(),
            lose: Arc::default(),
            packets: Arc::default(),
            largest: Arc::default(),
        };
        worker.listen();
        worker
    }

    /// Starts a worker and connects it to PipeWire.
    pub fn connected(system: &SoundSystem) -> Self {
        let worker = Self::start(system);
        worker.connect(system);
        worker
    }

    /// Hands it a PipeWire socket.
    pub fn connect(&self, system: &SoundSystem) {
        let socket = UnixStream::connect(system.dir.join("pipewire-0")).expect("PipeWire");
        self.tell_with(&MediaCommand::PipeWire, &[socket.as_fd()]);
    }

    fn listen(&self) {
        let (channel, told, route) = (self.channel.clone(), self.told.clone(), self.route.clone());
        let (packets, largest) = (self.packets.clone(), self.largest.clone());
        let lose = self.lose.clone();
        let mut number = 0;
        thread::spawn(move || {
            let mut message = vec![0; MAX_MESSAGE];
            loop {
                let length = channel.recv(&mut message).map_or(0, |received| received.len);
                if length == 0 {
                    break;
                }
                match Frame::<MediaEvent>::parse(&message[..length]).expect("a frame") {
                    Frame::Control(event) => {
                        told.events.lock().expect("events").push(event);
                        told.more.notify_all();
                    }
                    Frame::Rtp { session, stream, packet } => {
                        number += 1;
                        let lose = lose.load(Ordering::Relaxed);
                        let lost = lose > 0 && number % lose == 0;
                        packets[stream as usize - 1].fetch_add(1, Ordering::Relaxed);
                        largest.fetch_max(packet.len() as u64, Ordering::Relaxed);
                        let peers = route.lock().expect("the route");
                        let fits = |call: &Option<SessionId>| call.is_none_or(|it| it == session);
                        for (_, peer) in peers.iter().filter(|(call, _)| !lost && fits(call)) {
                            let mut out = Vec::new();
                            write_rtp(session, stream, packet, &mut out);
                            peer.try_send(&out, &[]).ok();
                        }
                    }
                }
            }
            told.gone.store(true, Ordering::Relaxed);
            told.more.notify_all();
        });
    }

    /// Sends this worker's packets to another one.
    pub fn send_to(&self, peer: &Self) {
        *self.route.lock().expect("the route") = vec![(None, peer.channel.clone())];
    }

    /// Sends this worker's packets of one call to another worker, which has it under the same number.
    pub fn send_call_to(&self, call: SessionId, peer: &Self) {
        self.route.lock().expect("the route").push((Some(call), peer.channel.clone()));
    }

    /// From now on every `n`th packet of this worker is lost; 0: none.
    pub fn lose_one_in(&self, n: u64) {
        self.lose.store(n, Ordering::Relaxed);
    }

    /// Tells the worker something.
    pub fn tell(&self, command: &MediaCommand) {
        self.tell_with(command, &[]);
    }

    /// Tells the worker something and hands descriptors over.
    pub fn tell_with(&self, command: &MediaCommand, files: &[BorrowedFd<'_>]) {
        let mut message = Vec::new();
        write_control(command, &mut message).expect("a message");
        self.channel.send(&message, files).expect("the worker");
    }

    /// Gives the worker a packet as if it came from the other side.
    pub fn give(&self, stream: Stream, packet: &[u8]) {
        let mut message = Vec::new();
        write_rtp(CALL, stream, packet, &mut message);
        self.channel.send(&message, &[]).expect("the worker");
    }

    /// Waits until one of the events told so far or later fits.
    pub fn wait<T>(&self, what: &str, mut fits: impl FnMut(&MediaEvent) -> Option<T>) -> T {
        self.wait_after(0, what, &mut fits)
    }

    /// As [`Self::wait`], among the events after the first `seen`.
    pub fn wait_after<T>(
        &self,
        seen: usize,
        what: &str,
        mut fits: impl FnMut(&MediaEvent) -> Option<T>,
    ) -> T {
        let deadline = Instant::now() + PATIENCE;
        let mut events = self.told.events.lock().expect("events");
        let mut at = seen;
        loop {
            if let Some(found) = events[at..].iter().find_map(&mut fits) {
                return found;
            }
            at = events.len();
            let left = deadline.saturating_duration_since(Instant::now());
            let gone = self.told.gone.load(Ordering::Relaxed);
            assert!(!left.is_zero() && !gone, "no {what} (gone: {gone}); told: {events:#?}");
            events = self.told.more.wait_timeout(events, left).expect("events").0;
        }
    }

    /// Closes the parent's end; gives the process that is left.
    pub fn hang_up(self) -> Running {
        // The reading thread has a share of the socket: shutting it down ends both.
        rustix::net::shutdown(self.channel.as_fd(), rustix::net::Shutdown::Both)
            .expect("the socket");
        self.process
    }

    /// How many events were told so far.
    pub fn seen(&self) -> usize {
        self.told.events.lock().expect("events").len()
    }

    /// All events told so far.
    pub fn events(&self) -> Vec<MediaEvent> {
        self.told.events.lock().expect("events").clone()
    }
}

/// A plan with voice alone.
pub fn voice_plan(who: &str) -> MediaPlan {
    MediaPlan {
        audio: AudioPlan { frame_ms: 10, bitrate: 32_000, jitter_ms: 20, muted: false },
        video: None,
        devices: Devices {
            microphone: Some(format!("mic-{who}")),
            speaker: Some(format!("speaker-{who}")),
            ringer: None,
            camera: Some(format!("camera-{who}")),
        },
        names: StreamNames {
            remote_video: format!("remote-{who}"),
            self_view: format!("self-{who}"),
            remote_audio: format!("voice-{who}"),
        },
    }
}

/// A plan with voice and pictures.
pub fn video_plan(who: &str) -> MediaPlan {
    let video =
        VideoPlan { send: true, size: VideoSize::P360, bitrate: 500_000, accept: VideoSize::P720 };
    MediaPlan { video: Some(video), ..voice_plan(who) }
}

/// Microphones and speakers for two people.
pub fn two_people() -> SoundSystem {
    let system = SoundSystem::start();
    for who in ["a", "b"] {
        system.add_device("Audio/Source/Virtual", &format!("mic-{who}"));
        system.add_device("Audio/Sink", &format!("speaker-{who}"));
    }
    system
}

/// Two workers in a call with each other.
pub fn call(system: &SoundSystem, plan: impl Fn(&str) -> MediaPlan) -> (Worker, Worker) {
    let (a, b) = (Worker::connected(system), Worker::connected(system));
    a.send_to(&b);
    b.send_to(&a);
    a.tell(&MediaCommand::Start { session: CALL, plan: plan("a") });
    b.tell(&MediaCommand::Start { session: CALL, plan: plan("b") });
    (a, b)
}
