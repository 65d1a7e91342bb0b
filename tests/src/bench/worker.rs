//! A voice worker at a virtual microphone, without a daemon.
//!
//! Owns: the process, its socket, and what it says. Does not own: the sound system, or what is asked.
//! Invariant: the worker is started, and locked in, as `ahoyd` does it; every wait has a deadline.

use std::{
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::net::UnixStream,
    },
    process::{Child, Command},
    sync::{
        Arc,
        mpsc::{self, Receiver, RecvTimeoutError, SyncSender},
    },
    thread,
    time::{Duration, Instant},
};

use ahoy_core::{
    voice::{VoiceCommand, VoiceEvent},
    worker::{Frame, MAX_MESSAGE, write_control},
};
use ahoy_sandbox::Channel;
use ahoy_trial::{Result, Stage, Trouble, person::built};

use crate::hearing::MODEL;

/// What a worker may need for anything on a busy machine, free words of a whole minute included.
const LONGEST: Duration = Duration::from_secs(180);
/// Events that wait to be read.
const EVENTS: usize = 64;

pub(crate) struct Worker {
    channel: Arc<Channel>,
    events: Receiver<Result<VoiceEvent>>,
    child: Child,
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Worker {
    pub(crate) fn start() -> Result<Self> {
        let (channel, theirs) = Channel::pair().map_err(Trouble::io("a socket pair"))?;
        let mut command = Command::new("sh");
        command
            // The shell puts the socket, its standard input, where a worker looks for it.
            .args(["-c", r#"exec "$0" --models "$1" 3<&0 0</dev/null"#])
            .arg(built("ahoy-voice")?)
            .arg(MODEL)
            .stdin(theirs);
        let child = command.spawn().map_err(Trouble::io("ahoy-voice"))?;
        let channel = Arc::new(channel);
        let (tell, events) = mpsc::sync_channel(EVENTS);
        let read = Arc::clone(&channel);
        // Ends with the worker, whose end closes the socket.
        thread::spawn(move || forward(&read, &tell));
        Ok(Self { channel, events, child })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks for something that needs the stage's sound system.
    pub(crate) fn ask(&self, stage: &Stage, command: &VoiceCommand) -> Result<()> {
        let path = stage.path("pipewire-0");
        let socket = UnixStream::connect(path).map_err(Trouble::io("PipeWire"))?;
        self.send(&VoiceCommand::PipeWire, Some(&socket.into()))?;
        self.send(command, None)
    }

    fn send(&self, command: &VoiceCommand, fd: Option<&OwnedFd>) -> Result<()> {
        let mut out = Vec::new();
        write_control(command, &mut out).map_err(|error| Trouble::Wrong(error.to_string()))?;
        let fds: Vec<_> = fd.iter().map(|fd| fd.as_fd()).collect();
        self.channel.send(&out, &fds).map_err(Trouble::io("ahoy-voice"))
    }

    /// The next event before a time; `None`: there was none.
    pub(crate) fn event(&self, deadline: Instant) -> Result<Option<VoiceEvent>> {
        match self.events.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(Ok(VoiceEvent::Failed { why })) => Err(Trouble::Wrong(why)),
            Ok(event) => event.map(Some),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => {
                Err(Trouble::Wrong("ahoy-voice ended".to_owned()))
            }
        }
    }

    /// Reads events up to one that something can be made of.
    pub(crate) fn until<T>(&self, mut wanted: impl FnMut(VoiceEvent) -> Option<T>) -> Result<T> {
        let deadline = Instant::now() + LONGEST;
        while let Some(event) = self.event(deadline)? {
            if let Some(found) = wanted(event) {
                return Ok(found);
            }
        }
        Err(Trouble::Wrong("ahoy-voice says nothing".to_owned()))
    }
}

fn forward(channel: &Channel, tell: &SyncSender<Result<VoiceEvent>>) {
    let mut buffer = vec![0; MAX_MESSAGE];
    loop {
        let Ok(received) = channel.recv(&mut buffer) else { return };
        if received.len == 0 {
            return;
        }
        let told = match Frame::parse(&buffer[..received.len]) {
            Ok(Frame::Control(event)) => tell.send(Ok(event)),
            Ok(_) => Ok(()),
            Err(error) => tell.send(Err(Trouble::Wrong(format!("ahoy-voice: {error}")))),
        };
        if told.is_err() {
            return;
        }
    }
}
