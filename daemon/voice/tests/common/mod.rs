//! A private sound server, a virtual microphone with a mouth, and a worker started as `ahoyd` does.
//!
//! Owns: everything it starts; all of it ends when dropped. Does not own: what is claimed. Invariant:
//! nothing waits without a deadline, and nothing touches the sound server of the person testing.
#![allow(dead_code, reason = "each test binary uses its own part of it")]

use std::{
    collections::BTreeMap,
    env, fs,
    io::{self, Read as _},
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::{fs::DirBuilderExt as _, net::UnixStream},
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use ahoy_core::{
    voice::{Engine, Grammar, Phrase, Piece, VoiceCommand, VoiceEvent},
    worker::{Frame, MAX_MESSAGE, write_control},
};
use ahoy_sandbox::Channel;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// What is spoken into, and what it comes out of.
pub(crate) const MOUTH: &str = "test-mouth";
pub(crate) const MICROPHONE: &str = "test-microphone";
/// The English model of Debian's `pocketsphinx-en-us`.
pub(crate) const ENGLISH: &str = "/usr/share/pocketsphinx/model/en-us";
/// For anything to happen at all; a machine under load is slow.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// One sound test at a time: two of them make each other's sound stutter.
static TURN: Mutex<()> = Mutex::new(());

/// Says why a test cannot run here; the runner counts it.
pub(crate) fn skipped(why: &str) {
    println!("SKIPPED: {why}");
}

/// Runs a program to its end; false where it is missing or fails.
pub(crate) fn run(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// A child process that ends with the test.
struct Owned(Child);

impl Drop for Owned {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A sound server with a virtual microphone.
pub(crate) struct Sound {
    _turn: MutexGuard<'static, ()>,
    dir: PathBuf,
    // The last started ends first.
    microphone: Option<Owned>,
    _manager: Owned,
    server: Option<Owned>,
    _bus: Owned,
}

impl Sound {
    /// Starts one and waits until the microphone is there.
    pub(crate) fn start(name: &str) -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let dir = env::temp_dir().join(format!("ahoy-voice-{}-{name}", std::process::id()));
        fs::DirBuilder::new().mode(0o700).create(&dir).expect("a folder of our own");
        let address = bus_address(&dir);
        let bus = spawn(&dir, &["dbus-daemon", "--session", "--nofork", "--address", &address]);
        wait_for("the bus", || dir.join("bus").exists());
        let server = spawn(&dir, &["pipewire"]);
        wait_for("PipeWire's socket", || dir.join("pipewire-0").exists());
        let manager = spawn(&dir, &["wireplumber"]);
        let mut sound = Self {
            _turn: turn,
            dir,
            microphone: None,
            _manager: manager,
            server: Some(server),
            _bus: bus,
        };
        sound.plug_microphone();
        sound
    }

    /// Plugs the microphone in and waits until it is there.
    pub(crate) fn plug_microphone(&mut self) {
        let words = [
            "pw-loopback",
            "--capture-props",
            &format!("media.class=Audio/Sink node.name={MOUTH}"),
            "--playback-props",
            &format!("media.class=Audio/Source node.name={MICROPHONE}"),
        ];
        self.microphone = Some(spawn(&self.dir, &words));
        wait_for("the virtual microphone", || {
            let nodes = self.nodes();
            // The session manager has taken a node in once it gave its ports a configuration.
            [MOUTH, MICROPHONE]
                .iter()
                .all(|name| nodes.iter().any(|node| node.name == *name && node.ports > 0))
        });
    }

    /// Ends the sound server under everybody.
    pub(crate) fn end_server(&mut self) {
        self.server = None;
    }

    /// Pulls the plug.
    pub(crate) fn remove_microphone(&mut self) {
        self.microphone = None;
    }

    /// The nodes of the sound server.
    pub(crate) fn nodes(&self) -> Vec<Node> {
        let dump = self.command("pw-dump").stderr(Stdio::null()).output().expect("pw-dump");
        let objects: Vec<serde_json::Value> =
            serde_json::from_slice(&dump.stdout).unwrap_or_default();
        let nodes = objects.iter().filter(|object| object["type"] == "PipeWire:Interface:Node");
        nodes
            .map(|object| {
                let info = &object["info"];
                let text = |key: &str| info["props"][key].as_str().unwrap_or_default().to_owned();
                let ports = info["n-input-ports"].as_u64().unwrap_or(0)
                    + info["n-output-ports"].as_u64().unwrap_or(0);
                Node {
                    name: text("node.name"),
                    class: text("media.class"),
                    title: text("media.name"),
                    role: text("media.role"),
                    ports,
                }
            })
            .collect()
    }

    /// The capture streams of the worker: what lights a microphone's lamp.
    pub(crate) fn captures(&self) -> Vec<Node> {
        let nodes = self.nodes().into_iter();
        nodes
            .filter(|node| node.class == "Stream/Input/Audio" && node.name.starts_with("ahoy-"))
            .collect()
    }

    /// The nodes that a node hears.
    pub(crate) fn heard_by(&self, node: &str) -> Vec<String> {
        let dump = self.command("pw-dump").stderr(Stdio::null()).output().expect("pw-dump");
        let objects: Vec<serde_json::Value> =
            serde_json::from_slice(&dump.stdout).unwrap_or_default();
        let name = |id: &serde_json::Value| {
            let found = objects.iter().find(|object| object["id"] == *id);
            found.and_then(|object| object["info"]["props"]["node.name"].as_str()).unwrap_or("")
        };
        let links = objects.iter().filter(|object| object["type"] == "PipeWire:Interface:Link");
        let mut heard: Vec<String> = links
            .filter(|link| name(&link["info"]["input-node-id"]) == node)
            .map(|link| name(&link["info"]["output-node-id"]).to_owned())
            .collect();
        heard.sort();
        heard.dedup();
        heard
    }

    /// A connected PipeWire socket, as the daemon hands it over.
    pub(crate) fn socket(&self) -> OwnedFd {
        UnixStream::connect(self.dir.join("pipewire-0")).expect("PipeWire's socket").into()
    }

    /// Plays a sound file into the microphone, to its end.
    pub(crate) fn play(&self, file: &Path) {
        let mut player = self.command("pw-cat");
        player.args(["--playback", "--target", MOUTH]).arg(file);
        assert!(run(&mut player), "pw-cat played {}", file.display());
    }

    /// Plays a sound file as a call plays the other side's voice, in a stream of this name.
    pub(crate) fn play_as(&self, stream: &str, file: &Path) -> Playing {
        let mut player = self.command("pw-cat");
        let properties = format!("node.name={stream}");
        player.args(["--playback", "--target", MOUTH, "--properties", &properties]).arg(file);
        player.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let playing = Playing { _child: Owned(player.spawn().expect("pw-cat")) };
        wait_for("the stream", || self.nodes().iter().any(|node| node.name == stream));
        playing
    }

    /// A file of this test.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn command(&self, program: &str) -> Command {
        in_session(&self.dir, program)
    }
}

impl Drop for Sound {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// A player, until it is dropped.
pub(crate) struct Playing {
    _child: Owned,
}

/// A node, as far as it matters here.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) class: String,
    pub(crate) title: String,
    pub(crate) role: String,
    pub(crate) ports: u64,
}

fn in_session(dir: &Path, program: &str) -> Command {
    let mut command = Command::new(program);
    command
        .env("XDG_RUNTIME_DIR", dir)
        .env("XDG_STATE_HOME", dir)
        .env("XDG_CONFIG_HOME", dir)
        .env_remove("PIPEWIRE_REMOTE")
        .env_remove("PIPEWIRE_RUNTIME_DIR")
        // A bus of its own (wireplumber wants one): the session of the person testing stays out.
        .env("DBUS_SESSION_BUS_ADDRESS", bus_address(dir));
    command
}

fn bus_address(dir: &Path) -> String {
    format!("unix:path={}", dir.join("bus").display())
}

fn spawn(dir: &Path, words: &[&str]) -> Owned {
    let log = fs::File::create(dir.join(format!("{}.log", words[0]))).expect("a log file");
    let child = in_session(dir, words[0])
        .args(&words[1..])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn();
    Owned(child.unwrap_or_else(|error| panic!("{} does not start: {error}", words[0])))
}

/// Asks again and again, each time as long as asking takes, until the deadline.
pub(crate) fn wait_for(what: &str, mut there: impl FnMut() -> bool) {
    let start = Instant::now();
    while !there() {
        assert!(start.elapsed() < DEADLINE, "{what} did not come within {DEADLINE:?}");
        std::thread::yield_now();
    }
}

/// A voice worker.
pub(crate) struct Worker {
    channel: Channel,
    child: Owned,
}

impl Worker {
    /// Starts it on a socket, as descriptor 3, and waits until it is ready.
    pub(crate) fn start(models: &Path) -> (Self, Vec<Engine>) {
        Self::start_as(models, |_| {})
    }

    /// The same, where the user has no Vosk.
    pub(crate) fn start_without_vosk(models: &Path) -> (Self, Vec<Engine>) {
        Self::start_as(models, |command| {
            command.env_remove("AHOY_LIBVOSK").env("XDG_DATA_HOME", "/nonexistent");
        })
    }

    fn start_as(models: &Path, change: impl FnOnce(&mut Command)) -> (Self, Vec<Engine>) {
        let (channel, theirs) = Channel::pair().expect("a socket pair");
        // The shell puts the socket, its standard input, where a worker looks for it.
        let mut command = Command::new("sh");
        command
            .args(["-c", r#"exec "$0" --models "$1" 3<&0 0</dev/null"#])
            .arg(env!("CARGO_BIN_EXE_ahoy-voice"))
            .arg(models)
            .stdin(theirs);
        change(&mut command);
        let child = command.spawn().expect("the worker starts");
        let mut worker = Self { channel, child: Owned(child) };
        match worker.event() {
            VoiceEvent::Ready { engines, .. } => (worker, engines),
            other => panic!("not ready: {other:?}"),
        }
    }

    /// Hands over the sound server and asks to listen.
    pub(crate) fn listen(&self, sound: &Sound, request: Request<'_>) {
        self.send(&VoiceCommand::PipeWire, Some(sound.socket()));
        self.send(&request.command(), None);
    }

    /// Hands over the sound server and asks to wait for a word.
    pub(crate) fn wait(&self, sound: &Sound, word: &str, request: Request<'_>) {
        self.send(&VoiceCommand::PipeWire, Some(sound.socket()));
        self.send(&request.waiting_for(word), None);
    }

    /// Sends a command.
    pub(crate) fn send(&self, command: &VoiceCommand, fd: Option<OwnedFd>) {
        let mut out = Vec::new();
        write_control(command, &mut out).expect("a command");
        let fds: Vec<_> = fd.iter().map(|fd| fd.as_fd()).collect();
        self.channel.send(&out, &fds).expect("the worker takes commands");
    }

    /// The next event that is not a partial one.
    pub(crate) fn event(&mut self) -> VoiceEvent {
        loop {
            match self.any_event() {
                VoiceEvent::Partial { .. } => {}
                event => return event,
            }
        }
    }

    /// The next event.
    pub(crate) fn any_event(&mut self) -> VoiceEvent {
        let mut wait = [PollFd::new(&self.channel, PollFlags::IN)];
        let deadline = Timespec::try_from(DEADLINE).expect("a time");
        let ready = poll(&mut wait, Some(&deadline)).expect("a wait");
        assert!(ready > 0, "no event within {DEADLINE:?}");
        let mut buffer = vec![0; MAX_MESSAGE];
        let received = self.channel.recv(&mut buffer).expect("an event");
        match Frame::parse(&buffer[..received.len]).expect("a frame") {
            Frame::Control(event) => event,
            Frame::Rtp { .. } => panic!("a packet from the voice worker"),
        }
    }

    /// Closes the socket and waits for the end.
    pub(crate) fn leave(self) -> bool {
        let Self { channel, mut child } = self;
        drop(channel);
        let start = Instant::now();
        loop {
            if let Some(status) = child.0.try_wait().expect("a status") {
                return status.success();
            }
            assert!(start.elapsed() < DEADLINE, "the worker stays on its own");
            std::thread::yield_now();
        }
    }

    /// The process, for a look at what it may do.
    pub(crate) fn id(&self) -> u32 {
        self.child.0.id()
    }
}

/// What to listen for.
#[derive(Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) engine: Engine,
    pub(crate) model: &'a str,
    pub(crate) grammar: &'a Grammar,
    pub(crate) microphone: Option<&'a str>,
    pub(crate) timeout_ms: u32,
}

impl Request<'_> {
    /// The command to wait for a word, and then for what is asked for.
    pub(crate) fn waiting_for(&self, word: &str) -> VoiceCommand {
        VoiceCommand::Wait {
            word: word.to_owned(),
            wake_model: ENGLISH.to_owned(),
            engine: self.engine,
            model: self.model.to_owned(),
            grammar: self.grammar.clone(),
            microphone: self.microphone.map(str::to_owned),
        }
    }

    /// The command for it.
    pub(crate) fn command(&self) -> VoiceCommand {
        VoiceCommand::Listen {
            engine: self.engine,
            model: self.model.to_owned(),
            grammar: self.grammar.clone(),
            microphone: self.microphone.map(str::to_owned),
            timeout_ms: self.timeout_ms,
        }
    }
}

/// A request for the English commands on the virtual microphone.
pub(crate) fn english(grammar: &Grammar) -> Request<'_> {
    Request {
        engine: Engine::PocketSphinx,
        model: ENGLISH,
        grammar,
        microphone: Some(MICROPHONE),
        timeout_ms: 8_000,
    }
}

/// A grammar from readable phrases, `<slot>` standing for a slot.
pub(crate) fn grammar(phrases: &[&str], slots: &[(&str, &[&str])]) -> Grammar {
    let piece = |text: &str| match text.strip_prefix('<').and_then(|t| t.strip_suffix('>')) {
        Some(slot) => Piece::Slot(slot.into()),
        None if text == "…" => Piece::Rest,
        None => Piece::Word(text.into()),
    };
    let slots = slots.iter().map(|(slot, entries)| {
        ((*slot).to_owned(), entries.iter().map(|e| (*e).to_owned()).collect())
    });
    Grammar {
        phrases: phrases.iter().map(|text| Phrase(text.split(' ').map(piece).collect())).collect(),
        slots: slots.collect::<BTreeMap<_, _>>(),
        ..Grammar::default()
    }
}

/// Everything that can be said in English in these tests: the commands of every state at once, and
/// as many names as a small address book has.
pub(crate) fn commands() -> Grammar {
    let phrases = [
        "call <name>",
        "call <name> video",
        "video call <name>",
        "call <name> on speaker",
        "redial",
        "call back",
        "who called",
        "any missed calls",
        "answer",
        "answer with video",
        "decline",
        "silence",
        "who is it",
        "hang up",
        "mute",
        "unmute",
        "camera on",
        "camera off",
        "switch camera",
        "hold",
        "resume",
        "swap",
        "speaker",
        "louder",
        "quieter",
        "picture in picture",
        "share screen",
        "stop",
        "yes",
        "no",
        "cancel",
        "help",
    ];
    let names: &[&str] = &[
        "alice",
        "alice smith",
        "bob",
        "bob brown",
        "carol",
        "david",
        "emma",
        "frank",
        "grace",
        "henry",
        "siobhan",
        "mom",
        "dad",
        "doctor miller",
        "john",
        "mary",
        "peter",
        "susan",
        "robert",
        "laura",
    ];
    grammar(&phrases, &[("name", names)])
}

/// A synthetic voice.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Voice {
    /// flite, with a voice made from recordings.
    Flite(&'static str),
    /// espeak-ng: voice, words per minute, pitch (50 is usual).
    Espeak(&'static str, &'static str, &'static str),
}

impl Voice {
    /// Speaks into a file; false where the program is missing.
    pub(crate) fn speak(self, text: &str, file: &Path) -> bool {
        match self {
            Self::Flite(voice) => {
                run(Command::new("flite").args(["-voice", voice, "-t", text, "-o"]).arg(file))
            }
            Self::Espeak(voice, speed, pitch) => run(Command::new("espeak-ng")
                .args(["-v", voice, "-s", speed, "-p", pitch, "-w"])
                .arg(file)
                .arg(text)),
        }
    }
}

/// Puts silence before and behind the sound of a file: one channel of 16 bits at 16 kHz.
pub(crate) fn add_silence(file: &Path, milliseconds: u32) -> io::Result<()> {
    const HEADER: usize = 44;
    let whole = fs::read(file)?;
    let sound = whole.get(HEADER..).ok_or_else(|| io::Error::other("no sound"))?;
    let silence = vec![0; milliseconds as usize * 32];
    let data = [&silence[..], sound, &silence[..]].concat();
    let length = u32::try_from(data.len()).map_err(io::Error::other)?;
    let mut wav = whole[..HEADER].to_vec();
    wav[4..8].copy_from_slice(&(length + 36).to_le_bytes());
    wav[40..44].copy_from_slice(&length.to_le_bytes());
    wav.extend(data);
    fs::write(file, wav)
}

/// White noise as a sound file: 16 kHz, mono.
pub(crate) fn noise_file(file: &Path, milliseconds: u32, amplitude: f64) -> io::Result<()> {
    let mut seed = 0x2545_f491_u32;
    let samples = (0..milliseconds * 16).flat_map(|_| {
        seed ^= seed << 13;
        seed ^= seed >> 17;
        seed ^= seed << 5;
        let sample = (f64::from(seed) / f64::from(u32::MAX) * 2.0 - 1.0) * amplitude;
        (sample as i16).to_le_bytes()
    });
    let data: Vec<u8> = samples.collect();
    let length = u32::try_from(data.len()).map_err(io::Error::other)?;
    let mut wav = Vec::new();
    wav.extend(b"RIFF");
    wav.extend((length + 36).to_le_bytes());
    wav.extend(b"WAVEfmt ");
    wav.extend(16_u32.to_le_bytes());
    wav.extend(1_u16.to_le_bytes());
    wav.extend(1_u16.to_le_bytes());
    wav.extend(16_000_u32.to_le_bytes());
    wav.extend(32_000_u32.to_le_bytes());
    wav.extend(2_u16.to_le_bytes());
    wav.extend(16_u16.to_le_bytes());
    wav.extend(b"data");
    wav.extend(length.to_le_bytes());
    wav.extend(data);
    fs::write(file, wav)
}

/// The text of a small file, such as one of `/proc`.
pub(crate) fn read(file: &Path) -> String {
    let mut text = String::new();
    let _ = fs::File::open(file).and_then(|mut file| file.read_to_string(&mut text));
    text
}
