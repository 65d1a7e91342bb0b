//! The worker's life: commands in, events out, and one utterance at a time.
//!
//! Owns: whether the microphone is open, and what for. Does not own: sound, recognition, the loaded
//! model (`models`), waiting for the wake word (`watch`), or what a command means. Invariant: the microphone is closed before `Heard`, `Nothing`, `Failed`
//! or `Stopped` is sent, and on every way out.

mod captions;
mod learn;
mod models;
mod watch;

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

use self::{
    captions::Captions,
    models::{Models, Plan},
    watch::{Step, Watch},
};
use crate::{
    endpoint::{Endpointer, Heard, RATE, Utterance},
    microphone::{Microphone, MicrophoneError, PipeWire, Source},
    pocketsphinx::{Keyword, KeywordError},
    recogniser::{self, RecogniserError},
};

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
    Keyword(#[from] KeywordError),
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
    commands: Models,
    listening: Option<Listening>,
    out: Vec<u8>,
}

struct Listening {
    microphone: Microphone,
    purpose: Purpose,
    announced: bool,
    last_sound: Instant,
}

/// What the microphone is open for.
enum Purpose {
    Command {
        engine: Engine,
        endpointer: Endpointer,
        timeout_ms: u64,
    },
    Word(Box<Watch>),
    Captions(Engine, Captions),
    /// A word that is learnt.
    Name {
        engine: Engine,
        endpointer: Endpointer,
        timeout_ms: u64,
    },
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
            commands: Models::new(),
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
        let timeout = match &self.listening {
            Some(_) => Some(TICK),
            None => self.commands.idle_in(),
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
            VoiceCommand::Listen { engine, model, grammar, microphone, timeout_ms } => {
                self.end_listening()?;
                let purpose = self.listen_for(engine, &model, grammar, timeout_ms);
                self.open(purpose, Source::Microphone(microphone.as_deref()))
            }
            VoiceCommand::Caption { engine, model, source } => {
                self.end_listening()?;
                let purpose = self.caption(engine, &model);
                self.open(purpose, Source::Stream(&source))
            }
            VoiceCommand::Learn { engine, model, microphone, timeout_ms } => {
                self.end_listening()?;
                let purpose = self.learn(engine, &model, timeout_ms);
                self.open(purpose, Source::Microphone(microphone.as_deref()))
            }
            VoiceCommand::Inspect { engine, model, grammar } => {
                self.inspect(engine, &model, grammar)
            }
            VoiceCommand::Wait { word, wake_model, engine, model, grammar, microphone } => {
                self.end_listening()?;
                let purpose = self.wait_for(&word, &wake_model, engine, &model, grammar);
                self.open(purpose, Source::Microphone(microphone.as_deref()))
            }
        }
    }

    fn end_listening(&mut self) -> Result<(), WorkerError> {
        if self.close_microphone() {
            self.send(&VoiceEvent::Stopped)?;
        }
        Ok(())
    }

    fn listen_for(
        &mut self,
        engine: Engine,
        model: &str,
        grammar: Grammar,
        timeout_ms: u32,
    ) -> Result<Purpose, ListenError> {
        let model = self.allowed(model)?;
        let dictation = grammar.is_dictation();
        self.commands.load(Plan { engine, model, grammar })?;
        let timeout_ms = u64::from(timeout_ms);
        let endpointer = if dictation { Endpointer::of_texts() } else { Endpointer::new() };
        Ok(Purpose::Command { engine, endpointer, timeout_ms })
    }

    fn wait_for(
        &self,
        word: &str,
        wake_model: &str,
        engine: Engine,
        model: &str,
        grammar: Grammar,
    ) -> Result<Purpose, ListenError> {
        let (wake_model, model) = (self.allowed(wake_model)?, self.allowed(model)?);
        let keyword = Keyword::new(&wake_model, word)?;
        let plan = Plan { engine, model, grammar };
        Ok(Purpose::Word(Box::new(Watch::new(keyword, word, plan))))
    }

    fn caption(&self, engine: Engine, model: &str) -> Result<Purpose, ListenError> {
        let model = self.allowed(model)?;
        Ok(Purpose::Captions(engine, Captions::new(recogniser::load_scribe(engine, &model)?)))
    }

    fn allowed(&self, model: &str) -> Result<PathBuf, ListenError> {
        let outside = || ListenError::Outside(model.to_owned());
        let path = Path::new(model).canonicalize().map_err(|_| outside())?;
        let inside = self.models.iter().any(|dir| path.starts_with(dir));
        inside.then_some(path).ok_or_else(outside)
    }

    fn open(
        &mut self,
        purpose: Result<Purpose, ListenError>,
        source: Source<'_>,
    ) -> Result<(), WorkerError> {
        let socket = self.socket.take().ok_or(ListenError::NoSocket);
        let opened = purpose.and_then(|purpose| {
            let microphone = self.pipewire.open(socket?, source)?;
            Ok(Listening { microphone, purpose, announced: false, last_sound: Instant::now() })
        });
        match opened {
            Ok(listening) => {
                self.listening = Some(listening);
                Ok(())
            }
            Err(error) => self.fail(&error),
        }
    }

    /// Takes in what the microphone has, and ends listening when it is time.
    fn listen_on(&mut self) -> Result<(), WorkerError> {
        let announce = self.listening.as_mut().and_then(Listening::announce);
        if let Some(event) = announce {
            self.send(&event)?;
        }
        let samples = match self.listening.as_mut().map(Listening::take_sound) {
            Some(Ok(samples)) => samples,
            Some(Err(error)) => return self.fail(&error.into()),
            None => return Ok(()),
        };
        match &mut self.listening {
            Some(Listening { purpose: Purpose::Command { .. }, .. }) => self.hear(&samples),
            Some(Listening { purpose: Purpose::Word(watch), .. }) => {
                watch.handle_sound(&samples);
                self.watch_on()
            }
            Some(Listening { purpose: Purpose::Captions(_, captions), .. }) => {
                match captions.hear(&samples) {
                    Ok(events) => events.iter().try_for_each(|event| self.send(event)),
                    Err(error) => self.fail(&error.into()),
                }
            }
            Some(Listening { purpose: Purpose::Name { .. }, .. }) => self.hear_name(&samples),
            None => Ok(()),
        }
    }

    /// Tells what comes of the sound while waiting for the wake word.
    fn watch_on(&mut self) -> Result<(), WorkerError> {
        while let Some(Listening { purpose: Purpose::Word(watch), .. }) = &mut self.listening {
            match watch.poll(&mut self.commands) {
                Ok(None) => break,
                Ok(Some(Step::Tell(event))) => self.send(&event)?,
                Ok(Some(Step::Heard { hypotheses, latency_ms })) => {
                    self.close_microphone();
                    self.send(&VoiceEvent::Heard { hypotheses, latency_ms })?;
                }
                Err(error) => return self.fail(&error.into()),
            }
        }
        Ok(())
    }

    /// Looks for a command.
    fn hear(&mut self, samples: &[i16]) -> Result<(), WorkerError> {
        let (partial, end) = match self.look_for_command(samples) {
            Ok(found) => found,
            Err(error) => return self.fail(&error.into()),
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

    fn look_for_command(
        &mut self,
        samples: &[i16],
    ) -> Result<(Option<String>, Option<End>), RecogniserError> {
        let (Some(Listening { purpose, .. }), Some(recogniser)) =
            (&mut self.listening, self.commands.loaded())
        else {
            return Ok((None, None));
        };
        let Purpose::Command { endpointer, timeout_ms, .. } = purpose else {
            return Ok((None, None));
        };
        let mut partial = None;
        // In steps in which no utterance can begin and end.
        for step in samples.chunks(STEP) {
            let understood = match endpointer.feed(step) {
                Heard::Quiet => None,
                Heard::Began(samples) => {
                    recogniser.begin();
                    recogniser.feed(&samples)?
                }
                Heard::Speaking(samples) => recogniser.feed(&samples)?,
                Heard::Over(utterance) => return Ok((None, Some(End::Utterance(utterance)))),
            };
            partial = understood.or(partial);
        }
        let timed_out = !endpointer.speaking() && endpointer.heard_ms() >= *timeout_ms;
        Ok((partial, timed_out.then_some(End::Silence)))
    }

    fn understand(&mut self, utterance: &Utterance) -> Result<(), WorkerError> {
        let over = Instant::now();
        self.close_microphone();
        let Some(recogniser) = self.commands.loaded() else {
            return self.send(&VoiceEvent::Nothing);
        };
        let hypotheses = match recogniser.finish(utterance) {
            Ok(hypotheses) => hypotheses,
            Err(error) => return self.fail(&error.into()),
        };
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
            self.commands.forget();
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
        true
    }

    /// Frees the recogniser of commands, also while only the wake word is waited for.
    fn let_go(&mut self) {
        match &self.listening {
            Some(Listening { purpose: Purpose::Command { .. } | Purpose::Name { .. }, .. }) => {}
            Some(Listening { purpose: Purpose::Word(_) | Purpose::Captions(..), .. }) | None => {
                self.commands.let_go();
            }
        }
    }

    fn send(&mut self, event: &VoiceEvent) -> Result<(), WorkerError> {
        write_control(event, &mut self.out)?;
        Ok(self.channel.send(&self.out, &[])?)
    }
}

impl Listening {
    /// Once, when sound comes in.
    fn announce(&mut self) -> Option<VoiceEvent> {
        if self.announced || !self.microphone.is_open() {
            return None;
        }
        self.announced = true;
        self.last_sound = Instant::now();
        Some(match &self.purpose {
            Purpose::Command { engine, .. }
            | Purpose::Captions(engine, _)
            | Purpose::Name { engine, .. } => VoiceEvent::Listening { engine: *engine },
            Purpose::Word(_) => VoiceEvent::Waiting,
        })
    }

    fn take_sound(&mut self) -> Result<Vec<i16>, MicrophoneError> {
        let samples = self.microphone.take()?;
        if !samples.is_empty() {
            self.last_sound = Instant::now();
        } else if self.last_sound.elapsed() >= MOST_SILENT {
            return Err(self.microphone.unavailable("it gives no sound"));
        }
        Ok(samples)
    }
}
