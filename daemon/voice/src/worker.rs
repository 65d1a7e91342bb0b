//! The worker's life: commands in, events out, and one utterance at a time.
//!
//! Owns: which model is loaded, and whether the microphone is open. Does not own: sound, recognition,
//! or what a command means. Invariant: the microphone is closed before `Heard`, `Nothing`, `Failed`
//! or `Stopped` is sent, and on every way out.

use std::{
    io,
    os::fd::{AsFd as _, OwnedFd},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use ahoy_core::{
    voice::{Engine, Grammar, VoiceCommand, VoiceEvent},
    worker::{Frame, FrameError, MAX_MESSAGE, write_control},
};
use ahoy_sandbox::{Channel, Locked};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::{
    endpoint::{Endpointer, Heard, RATE, Utterance},
    microphone::{Microphone, MicrophoneError, PipeWire},
    recogniser::{self, Recogniser, RecogniserError},
};

/// A model nobody has used for this long is freed: it takes tens to hundreds of megabytes.
const IDLE: Duration = Duration::from_secs(60);
/// A microphone that gives no sound for this long after it was asked for is taken to be missing. A
/// suspended sound card takes about a second to wake.
const MOST_SILENT: Duration = Duration::from_secs(4);
/// Samples looked at in one go: 20 ms.
const STEP: usize = RATE as usize / 50;
/// How often deadlines are looked at while the microphone is open.
const TICK: Duration = Duration::from_millis(100);

/// Why the worker ends, other than that its parent is gone.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WorkerError {
    /// The socket to the parent failed.
    #[error("the socket to ahoyd: {0}")]
    Channel(#[from] io::Error),
    /// An event that cannot be written.
    #[error("an event to ahoyd: {0}")]
    Event(#[from] FrameError),
}

/// Why listening failed, for people.
#[derive(Debug, thiserror::Error)]
enum ListenError {
    #[error(transparent)]
    Recogniser(#[from] RecogniserError),
    #[error(transparent)]
    Microphone(#[from] MicrophoneError),
    #[error("no connection to PipeWire was handed over; restart ahoyd")]
    NoSocket,
    #[error("the voice model {0} is not in a folder for voice models. Run `ahoyctl voice install`")]
    Outside(String),
}

/// The worker.
pub(crate) struct Worker {
    channel: Channel,
    models: Vec<PathBuf>,
    pipewire: PipeWire,
    socket: Option<OwnedFd>,
    loaded: Option<Loaded>,
    listening: Option<Listening>,
    out: Vec<u8>,
}

struct Loaded {
    engine: Engine,
    model: PathBuf,
    recogniser: Box<dyn Recogniser>,
    used: Instant,
}

struct Listening {
    engine: Engine,
    microphone: Microphone,
    endpointer: Endpointer,
    timeout_ms: u64,
    announced: bool,
    last_sound: Instant,
}

/// How listening ended.
enum End {
    Utterance(Utterance),
    Silence,
}

impl Worker {
    /// A worker that may load models from these directories only.
    pub(crate) fn new(channel: Channel, models: Vec<PathBuf>, pipewire: PipeWire) -> Self {
        Self {
            channel,
            models,
            pipewire,
            socket: None,
            loaded: None,
            listening: None,
            out: Vec::new(),
        }
    }

    /// Works until the parent is gone.
    pub(crate) fn run(mut self, locked: &Locked) -> Result<(), WorkerError> {
        let engines = recogniser::available();
        let lock_warning = locked.warning().unwrap_or_default().to_owned();
        self.send(&VoiceEvent::Ready { engines, lock: locked.to_string(), lock_warning })?;
        let mut buffer = vec![0; MAX_MESSAGE];
        loop {
            if self.wait()? && !self.receive(&mut buffer)? {
                return Ok(());
            }
            if self.listening.is_some() {
                self.pipewire.dispatch();
                self.listen_on()?;
            }
            self.let_go();
        }
    }

    /// Waits for something to do; true if a command has come.
    fn wait(&self) -> Result<bool, WorkerError> {
        let used = self.loaded.as_ref().map(|loaded| loaded.used);
        let timeout = match (&self.listening, used) {
            (Some(_), _) => Some(TICK),
            (None, Some(used)) => Some((used + IDLE).saturating_duration_since(Instant::now())),
            (None, None) => None,
        };
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        let mut sources = vec![PollFd::from_borrowed_fd(self.channel.as_fd(), PollFlags::IN)];
        if self.listening.is_some() {
            sources.push(PollFd::from_borrowed_fd(self.pipewire.fd(), PollFlags::IN));
        }
        match poll(&mut sources, timeout.as_ref()) {
            Ok(_) => Ok(sources.first().is_some_and(|source| !source.revents().is_empty())),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(WorkerError::Channel(error.into())),
        }
    }

    /// Takes one message; false if the parent is gone.
    fn receive(&mut self, buffer: &mut [u8]) -> Result<bool, WorkerError> {
        let received = match self.channel.recv(buffer) {
            Ok(received) => received,
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                tracing::warn!("{error}");
                return Ok(true);
            }
            Err(error) => return Err(error.into()),
        };
        if received.len == 0 {
            return Ok(false);
        }
        match Frame::<VoiceCommand>::parse(&buffer[..received.len]) {
            Ok(Frame::Control(command)) => {
                self.handle(command, received.fds.into_iter().next())?;
            }
            Ok(Frame::Rtp { .. }) => tracing::warn!("a packet of a call came to the voice worker"),
            Err(error) => tracing::warn!("{error}"),
        }
        Ok(true)
    }

    fn handle(&mut self, command: VoiceCommand, fd: Option<OwnedFd>) -> Result<(), WorkerError> {
        match command {
            VoiceCommand::PipeWire => {
                self.socket = fd;
                Ok(())
            }
            VoiceCommand::Stop => {
                self.close_microphone();
                self.send(&VoiceEvent::Stopped)
            }
            VoiceCommand::Wait { .. } => Ok(()),
            VoiceCommand::Listen { engine, model, grammar, microphone, timeout_ms } => {
                if self.close_microphone() {
                    self.send(&VoiceEvent::Stopped)?;
                }
                let opened = self
                    .prepare(engine, &model, &grammar)
                    .and_then(|()| self.open(engine, microphone.as_deref(), timeout_ms));
                match opened {
                    Ok(listening) => {
                        self.listening = Some(listening);
                        Ok(())
                    }
                    Err(error) => self.fail(&error),
                }
            }
        }
    }

    /// Loads the model if another or none is loaded, and hands it the commands.
    fn prepare(
        &mut self,
        engine: Engine,
        model: &str,
        grammar: &Grammar,
    ) -> Result<(), ListenError> {
        let model = self.allowed(model)?;
        let mut loaded = match self.loaded.take() {
            Some(loaded) if loaded.engine == engine && loaded.model == model => loaded,
            other => {
                // First freed, then loaded: two of them may not fit.
                drop(other);
                Loaded {
                    engine,
                    recogniser: recogniser::load(engine, &model)?,
                    model,
                    used: Instant::now(),
                }
            }
        };
        let gone = loaded.recogniser.prepare(grammar)?;
        if !gone.is_empty() {
            // Names are the user's own; how many is enough for a log.
            tracing::warn!(count = gone.len(), "commands or names this model cannot hear");
            tracing::debug!(?gone, "cannot be heard");
        }
        loaded.used = Instant::now();
        self.loaded = Some(loaded);
        Ok(())
    }

    fn allowed(&self, model: &str) -> Result<PathBuf, ListenError> {
        let outside = || ListenError::Outside(model.to_owned());
        let path = Path::new(model).canonicalize().map_err(|_| outside())?;
        let inside = self.models.iter().any(|dir| path.starts_with(dir));
        inside.then_some(path).ok_or_else(outside)
    }

    fn open(
        &mut self,
        engine: Engine,
        microphone: Option<&str>,
        timeout_ms: u32,
    ) -> Result<Listening, ListenError> {
        let socket = self.socket.take().ok_or(ListenError::NoSocket)?;
        Ok(Listening {
            engine,
            microphone: self.pipewire.open(socket, microphone)?,
            endpointer: Endpointer::new(),
            timeout_ms: u64::from(timeout_ms),
            announced: false,
            last_sound: Instant::now(),
        })
    }

    /// Takes in what the microphone has, and ends listening when it is time.
    fn listen_on(&mut self) -> Result<(), WorkerError> {
        let announce = self.listening.as_mut().and_then(Listening::announce);
        if let Some(engine) = announce {
            self.send(&VoiceEvent::Listening { engine })?;
        }
        let (partial, end) = match self.take_sound() {
            Ok(taken) => taken,
            Err(error) => return self.fail(&error),
        };
        if let Some(text) = partial {
            self.send(&VoiceEvent::Partial { text })?;
        }
        match end {
            None => Ok(()),
            Some(End::Silence) => {
                self.close_microphone();
                self.send(&VoiceEvent::Nothing)
            }
            Some(End::Utterance(utterance)) => self.understand(&utterance),
        }
    }

    fn take_sound(&mut self) -> Result<(Option<String>, Option<End>), ListenError> {
        let (Some(listening), Some(loaded)) = (&mut self.listening, &mut self.loaded) else {
            return Ok((None, None));
        };
        let samples = listening.microphone.take()?;
        if samples.is_empty() {
            listening.check_silent()?;
        } else {
            listening.last_sound = Instant::now();
        }
        let mut partial = None;
        // In steps in which no utterance can begin and end.
        for step in samples.chunks(STEP) {
            let understood = match listening.endpointer.feed(step) {
                Heard::Quiet => None,
                Heard::Began(samples) => {
                    loaded.recogniser.begin();
                    loaded.recogniser.feed(&samples)?
                }
                Heard::Speaking(samples) => loaded.recogniser.feed(&samples)?,
                Heard::Over(utterance) => return Ok((None, Some(End::Utterance(utterance)))),
            };
            partial = understood.or(partial);
        }
        Ok((partial, listening.timed_out().then_some(End::Silence)))
    }

    fn understand(&mut self, utterance: &Utterance) -> Result<(), WorkerError> {
        let over = Instant::now();
        self.close_microphone();
        let Some(loaded) = &mut self.loaded else {
            return self.send(&VoiceEvent::Nothing);
        };
        let hypotheses = match loaded.recogniser.finish(utterance) {
            Ok(hypotheses) => hypotheses,
            Err(error) => return self.fail(&error.into()),
        };
        loaded.used = Instant::now();
        if hypotheses.is_empty() {
            return self.send(&VoiceEvent::Nothing);
        }
        let decoding = u32::try_from(over.elapsed().as_millis()).unwrap_or(u32::MAX);
        self.send(&VoiceEvent::Heard {
            hypotheses,
            latency_ms: utterance.waited_ms.saturating_add(decoding),
        })
    }

    /// Reports a failure. A recogniser that failed is not used again.
    fn fail(&mut self, error: &ListenError) -> Result<(), WorkerError> {
        self.close_microphone();
        if matches!(error, ListenError::Recogniser(RecogniserError::Engine(_))) {
            self.loaded = None;
        }
        let why = error.to_string();
        tracing::warn!("{why}");
        self.send(&VoiceEvent::Failed { why })
    }

    /// True if it was open.
    fn close_microphone(&mut self) -> bool {
        let Some(listening) = self.listening.take() else {
            return false;
        };
        listening.microphone.close();
        if let Some(loaded) = &mut self.loaded {
            loaded.used = Instant::now();
        }
        true
    }

    fn let_go(&mut self) {
        let idle = |loaded: &mut Loaded| loaded.used.elapsed() >= IDLE;
        if self.listening.is_none() && self.loaded.take_if(idle).is_some() {
            tracing::debug!("the voice model is freed");
        }
    }

    fn send(&mut self, event: &VoiceEvent) -> Result<(), WorkerError> {
        write_control(event, &mut self.out)?;
        Ok(self.channel.send(&self.out, &[])?)
    }
}

impl Listening {
    /// Once, when sound comes in.
    fn announce(&mut self) -> Option<Engine> {
        if self.announced || !self.microphone.is_open() {
            return None;
        }
        self.announced = true;
        self.last_sound = Instant::now();
        Some(self.engine)
    }

    fn check_silent(&self) -> Result<(), MicrophoneError> {
        if self.last_sound.elapsed() < MOST_SILENT {
            return Ok(());
        }
        Err(self.microphone.unavailable("it gives no sound"))
    }

    fn timed_out(&self) -> bool {
        !self.endpointer.speaking() && self.endpointer.heard_ms() >= self.timeout_ms
    }
}
