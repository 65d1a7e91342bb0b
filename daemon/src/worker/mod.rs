//! The worker processes `ahoy-media` and `ahoy-voice`: started, watched, restarted, talked to.
//!
//! Owns: the child, its socket, its output and the PipeWire sockets it is handed. Does not own:
//! what is said to it or what its events mean. When a worker dies it is started again within a
//! second; the app learns of it by [`WorkerEvent::Exited`] and [`WorkerEvent::Started`] and says
//! again what the new one must know.
//! Invariant: a command reaches the incarnation whose [`Link`] it was sent on, or nobody; no child
//! outlives [`Worker::run`], nor `ahoyd` itself.

mod incarnation;
mod log;
mod pipewire;
mod program;
mod rtp;
mod spawn;

use std::{ffi::OsString, os::fd::OwnedFd, path::PathBuf, time::Duration};

use ahoy_core::{
    media::{MediaCommand, MediaEvent},
    voice::{VoiceCommand, VoiceEvent},
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

pub use pipewire::socket_path as pipewire_socket_path;
pub use program::{NotFound, find as find_program};
pub use rtp::{RtpPacket, RtpQueue};

use incarnation::{End, Outgoing};

/// Events not yet taken by the app. A worker that gets further ahead is out of its mind and is
/// ended, so that it can neither fill our memory nor stop its own RTP by waiting for the app.
const EVENTS: usize = 256;
/// Commands not yet written; the app waits when it is full.
const COMMANDS: usize = 64;
/// The first restart comes this soon; each further one waits twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// A worker that cannot start is not tried more often than this.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A worker that ran this long had a good start: the next pause is the first again.
const GOOD_RUN: Duration = Duration::from_secs(30);

/// The words spoken with one kind of worker.
pub trait Protocol: Send + Sync + 'static {
    /// What we ask of it.
    type Command: Serialize + Send + 'static;
    /// What it reports.
    type Event: DeserializeOwned + Send + 'static;
    /// Its program's name.
    const PROGRAM: &'static str;
    /// Whether it is handed PipeWire sockets at its start and again after PipeWire came back;
    /// otherwise only with a command of its own.
    const KEEPS_PIPEWIRE: bool;
    /// The command that hands over PipeWire sockets.
    fn pipewire() -> Self::Command;
    /// Whether a command hands over PipeWire sockets, which are then sent with it.
    fn is_pipewire(command: &Self::Command) -> bool;
}

/// `ahoy-media`.
#[derive(Clone, Copy, Debug)]
pub struct Media;

impl Protocol for Media {
    type Command = MediaCommand;
    type Event = MediaEvent;
    const PROGRAM: &'static str = "ahoy-media";
    const KEEPS_PIPEWIRE: bool = true;

    fn pipewire() -> MediaCommand {
        MediaCommand::PipeWire
    }

    fn is_pipewire(command: &MediaCommand) -> bool {
        *command == MediaCommand::PipeWire
    }
}

/// `ahoy-voice`.
#[derive(Clone, Copy, Debug)]
pub struct Voice;

impl Protocol for Voice {
    type Command = VoiceCommand;
    type Event = VoiceEvent;
    const PROGRAM: &'static str = "ahoy-voice";
    // Each `Listen` gets a socket of its own, so that nothing is held open in between.
    const KEEPS_PIPEWIRE: bool = false;

    fn pipewire() -> VoiceCommand {
        VoiceCommand::PipeWire
    }

    fn is_pipewire(command: &VoiceCommand) -> bool {
        *command == VoiceCommand::PipeWire
    }
}

/// How to start a worker.
#[derive(Clone, Debug)]
pub struct WorkerConfig {
    /// The program, from [`find_program`].
    pub program: PathBuf,
    /// Its arguments, such as the directories it may read models from.
    pub args: Vec<OsString>,
    /// PipeWire's socket, from [`pipewire_socket_path`].
    pub pipewire: PathBuf,
    /// How many connected PipeWire sockets go with one command, 1 to 4.
    pub pipewire_sockets: usize,
}

/// What happens to a worker.
#[derive(Debug)]
pub enum WorkerEvent<P: Protocol> {
    /// It runs. What the one before knew must be said again, on this link.
    Started(Link<P>),
    /// It reports something.
    Event(P::Event),
    /// It is gone. Unless it was to stop, it is started again.
    Exited {
        /// Why, for people and the log.
        why: String,
        /// When it is tried again; `None`: it was to stop.
        again_in: Option<Duration>,
    },
    /// PipeWire cannot be reached. Told once; the worker goes on without.
    PipeWireMissing {
        /// Why, for people: names the cause and the next step.
        why: String,
    },
    /// PipeWire is there (again).
    PipeWireFound,
}

/// The way to one incarnation of a worker. Dead once that one has exited.
pub struct Link<P: Protocol> {
    commands: mpsc::Sender<Outgoing<P::Command>>,
}

impl<P: Protocol> Clone for Link<P> {
    fn clone(&self) -> Self {
        Self { commands: self.commands.clone() }
    }
}

impl<P: Protocol> std::fmt::Debug for Link<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(P::PROGRAM)
    }
}

/// Why a command was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The worker that the link led to has exited.
    #[error("the worker has exited; a new one is announced when it runs")]
    Gone,
    /// The worker takes commands more slowly than they come; it is ended if that goes on.
    #[error("the worker does not keep up")]
    Full,
}

impl<P: Protocol> Link<P> {
    /// Queues a command without waiting.
    ///
    /// # Errors
    /// See [`LinkError`].
    pub fn send(&self, command: P::Command) -> Result<(), LinkError> {
        self.send_with(command, Vec::new())
    }

    /// The same, with descriptors that travel along; PipeWire's sockets are added by the worker.
    ///
    /// # Errors
    /// See [`LinkError`].
    pub fn send_with(&self, command: P::Command, fds: Vec<OwnedFd>) -> Result<(), LinkError> {
        self.commands.try_send(Outgoing { command, fds }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => LinkError::Full,
            mpsc::error::TrySendError::Closed(_) => LinkError::Gone,
        })
    }
}

/// A worker's whole life, to be run as one task.
pub struct Worker<P: Protocol> {
    config: WorkerConfig,
    wanted: watch::Receiver<bool>,
    events: mpsc::Sender<WorkerEvent<P>>,
    to_worker: RtpQueue,
    from_worker: RtpQueue,
}

/// The other side of a [`Worker`].
pub struct WorkerHandle<P: Protocol> {
    wanted: watch::Sender<bool>,
    /// What happens, in order.
    pub events: mpsc::Receiver<WorkerEvent<P>>,
    /// RTP for the worker. Stays the same over restarts.
    pub to_worker: RtpQueue,
    /// RTP from the worker. Stays the same over restarts.
    pub from_worker: RtpQueue,
}

impl<P: Protocol> WorkerHandle<P> {
    /// Says whether the worker is to run; its memory goes back when it is not.
    pub fn set_wanted(&self, wanted: bool) {
        self.wanted.send_replace(wanted);
    }
}

impl<P: Protocol> Worker<P> {
    /// A worker that is not wanted yet.
    #[must_use]
    pub fn new(config: WorkerConfig) -> (Self, WorkerHandle<P>) {
        let (want, wanted) = watch::channel(false);
        let (events, happened) = mpsc::channel(EVENTS);
        let (to_worker, from_worker) = (RtpQueue::new(), RtpQueue::new());
        let worker = Self {
            config,
            wanted,
            events,
            to_worker: to_worker.clone(),
            from_worker: from_worker.clone(),
        };
        let handle = WorkerHandle { wanted: want, events: happened, to_worker, from_worker };
        (worker, handle)
    }

    /// Keeps the worker running while it is wanted, until `token` is cancelled or nobody listens.
    pub async fn run(mut self, token: CancellationToken) {
        let mut pause = FIRST_PAUSE;
        while self.until_wanted(true, &token).await {
            let begin = Instant::now();
            let end = self.incarnation(&token).await;
            let again_in = match end {
                End::Asked => None,
                End::Died(_) => Some(pause),
            };
            let why = match end {
                End::Asked => "it was not needed any more".to_owned(),
                End::Died(why) => why,
            };
            self.to_worker.clear();
            if self.events.send(WorkerEvent::Exited { why, again_in }).await.is_err() {
                return;
            }
            if again_in.is_none() || begin.elapsed() >= GOOD_RUN {
                pause = FIRST_PAUSE;
                continue;
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = self.until_wanted(false, &token) => {}
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Waits until the worker is wanted, or is not. False: the end has come.
    async fn until_wanted(&self, wanted: bool, token: &CancellationToken) -> bool {
        let mut watched = self.wanted.clone();
        tokio::select! {
            () = token.cancelled() => false,
            () = self.events.closed() => false,
            changed = watched.wait_for(|now| *now == wanted) => changed.is_ok(),
        }
    }
}
