//! One run of a worker's process, from its start to its exit.
//!
//! Owns: the order of things: child, socket, PipeWire, `Started`, traffic, end. Does not own: when
//! to start again. Invariant: whatever ends a run, the child is gone when the run is over.

use std::{
    io,
    os::fd::{AsFd as _, OwnedFd},
    time::Duration,
};

use ahoy_core::worker::{Frame, MAX_MESSAGE, write_control, write_rtp};
use ahoy_sandbox::{Channel, Received};
use tokio::{io::Interest, net::UnixStream, sync::mpsc};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::{
    COMMANDS, EVENTS, Link, Protocol, Worker, WorkerConfig, WorkerEvent, log, pipewire,
    rtp::{RtpPacket, RtpQueue},
    spawn::{self, Child},
};

/// A worker that takes no command for this long hangs; it never blocks that long by itself.
const STALLED: Duration = Duration::from_secs(5);
/// How long a worker that was told to stop (its socket closed) may take before it is killed.
const GRACE: Duration = Duration::from_secs(2);
/// The same for one that misbehaved: long enough to learn how it exited, if it did.
const SHORT_GRACE: Duration = Duration::from_millis(100);
/// Frames taken from the socket in a row before others get their turn.
const BATCH: usize = 32;

/// Why a run is over.
pub(super) enum End {
    /// It was not wanted any more.
    Asked,
    /// It exited, hung or misbehaved.
    Died(String),
}

/// A message for the worker.
pub(super) struct Outgoing<C> {
    pub(super) command: C,
    pub(super) fds: Vec<OwnedFd>,
}

/// Our end of the channel, with a second descriptor of it in the event loop: `AsyncFd` would want
/// `unsafe`, and a stream of tokio's knows readiness as well.
struct Socket {
    channel: Channel,
    ready: UnixStream,
}

impl Socket {
    fn new(channel: Channel) -> io::Result<Self> {
        let second = std::os::unix::net::UnixStream::from(channel.as_fd().try_clone_to_owned()?);
        second.set_nonblocking(true)?;
        let ready = UnixStream::from_std(second)?;
        Ok(Self { channel, ready })
    }

    fn try_recv(&self, buffer: &mut [u8]) -> io::Result<Received> {
        let receive = || self.channel.try_recv(buffer);
        self.ready.try_io(Interest::READABLE, receive)
    }

    async fn send(&self, bytes: &[u8], fds: &[OwnedFd]) -> io::Result<()> {
        let fds: Vec<_> = fds.iter().map(OwnedFd::as_fd).collect();
        loop {
            self.ready.writable().await?;
            let send = || self.channel.try_send(bytes, &fds);
            match self.ready.try_io(Interest::WRITABLE, send) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                sent => return sent,
            }
        }
    }
}

impl<P: Protocol> Worker<P> {
    pub(super) async fn incarnation(&mut self, token: &CancellationToken) -> End {
        let started = Channel::pair().and_then(|(ours, theirs)| {
            let child = spawn::start(&self.config.program, &self.config.args, theirs)?;
            let socket = Socket::new(ours)?;
            Ok((child, socket))
        });
        let (mut child, socket) = match started {
            Ok(started) => started,
            Err(error) => {
                let program = self.config.program.display();
                return End::Died(format!("{program} cannot be started: {error}"));
            }
        };
        let output = log::forward(P::PROGRAM, child.stdout.take(), child.stderr.take());
        let end = tokio::select! {
            end = self.traffic(&socket, token) => end,
            // Ends never: it only keeps the pipes empty.
            never = output => match never {},
            why = child.exited() => End::Died(why),
        };
        drop(socket);
        match end {
            End::Asked => {
                child.end(GRACE).await;
                End::Asked
            }
            End::Died(why) => match child.end(SHORT_GRACE).await {
                Some(how) => End::Died(format!("{why}; {how}")),
                None => End::Died(why),
            },
        }
    }

    /// Everything that goes on while the child lives.
    async fn traffic(&mut self, socket: &Socket, token: &CancellationToken) -> End {
        self.to_worker.clear();
        let (commands, asked) = mpsc::channel(COMMANDS);
        let (outgoing, to_write) = mpsc::channel(COMMANDS);
        let link = Link { commands };
        if self.events.send(WorkerEvent::Started(link)).await.is_err() {
            return End::Asked;
        }
        let mut wanted = self.wanted.clone();
        let died = tokio::select! {
            () = token.cancelled() => return End::Asked,
            _ = wanted.wait_for(|wanted| !wanted) => return End::Asked,
            () = self.events.closed() => return End::Asked,
            why = read::<P>(socket, &self.events, &self.from_worker) => why,
            why = write(socket, to_write, &self.to_worker) => why,
            why = command::<P>(asked, &outgoing, &self.events, &self.config) => why,
            why = keep_pipewire::<P>(&outgoing, &self.events, &self.config) => why,
        };
        End::Died(died)
    }
}

/// Takes frames from the worker. Returns why it cannot go on.
async fn read<P: Protocol>(
    socket: &Socket,
    events: &mpsc::Sender<WorkerEvent<P>>,
    rtp: &RtpQueue,
) -> String {
    let mut buffer = vec![0; MAX_MESSAGE];
    let mut refused = 0_u32;
    loop {
        if let Err(error) = socket.ready.readable().await {
            return format!("its socket broke: {error}");
        }
        for _ in 0..BATCH {
            let message = match socket.try_recv(&mut buffer) {
                Ok(received) if received.len == 0 => return "it closed its socket".to_owned(),
                // Descriptors from a worker are closed unread: none has a reason to send any.
                Ok(received) => buffer.get(..received.len).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::InvalidData => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return format!("its socket broke: {error}"),
            };
            match Frame::<P::Event>::parse(message) {
                Ok(Frame::Rtp { session, stream, packet }) => {
                    rtp.push(RtpPacket { session, stream, packet: packet.to_vec() });
                }
                Ok(Frame::Control(event)) => {
                    // One place is kept free, so that the end of the run can always be told.
                    if events.capacity() <= 1 || events.try_send(WorkerEvent::Event(event)).is_err()
                    {
                        return format!("it sent more than {EVENTS} events that nobody took yet");
                    }
                }
                Err(error) => {
                    refused = refused.saturating_add(1);
                    if refused.is_power_of_two() {
                        warn!(worker = P::PROGRAM, %error, refused, "dropped a message");
                    }
                }
            }
        }
        // With a full batch taken, the others get a turn before the next.
        tokio::task::yield_now().await;
    }
}

/// Writes commands and RTP; commands first. Returns why it cannot go on.
async fn write<C: serde::Serialize>(
    socket: &Socket,
    mut outgoing: mpsc::Receiver<Outgoing<C>>,
    rtp: &RtpQueue,
) -> String {
    let mut bytes = Vec::with_capacity(2048);
    loop {
        tokio::select! {
            biased;
            Some(Outgoing { command, fds }) = outgoing.recv() => {
                if let Err(error) = write_control(&command, &mut bytes) {
                    // Our own command: a bug of ours, and no reason to end a call.
                    tracing::error!(%error, "a command could not be written");
                    continue;
                }
                match tokio::time::timeout(STALLED, socket.send(&bytes, &fds)).await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => return format!("its socket broke: {error}"),
                    Err(_) => return format!("it has not answered for {} s", STALLED.as_secs()),
                }
            }
            packet = rtp.pop() => {
                write_rtp(packet.session, packet.stream, &packet.packet, &mut bytes);
                match socket.channel.try_send(&bytes, &[]) {
                    Ok(()) => {}
                    // No room: this packet is lost, as on a network; the queue drops its oldest.
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => rtp.count_dropped(),
                    Err(error) => return format!("its socket broke: {error}"),
                }
            }
        }
    }
}

/// Passes the app's commands on, with PipeWire sockets where one asks for them.
async fn command<P: Protocol>(
    mut asked: mpsc::Receiver<Outgoing<P::Command>>,
    outgoing: &mpsc::Sender<Outgoing<P::Command>>,
    events: &mpsc::Sender<WorkerEvent<P>>,
    config: &WorkerConfig,
) -> String {
    while let Some(Outgoing { command, mut fds }) = asked.recv().await {
        if P::is_pipewire(&command) {
            match pipewire::connect(&config.pipewire, config.pipewire_sockets).await {
                Ok(sockets) => fds.extend(sockets),
                Err(error) => {
                    let why = pipewire::missing(&config.pipewire, &error);
                    if events.send(WorkerEvent::PipeWireMissing { why }).await.is_err() {
                        break;
                    }
                    continue;
                }
            }
        }
        if outgoing.send(Outgoing { command, fds }).await.is_err() {
            break;
        }
    }
    // The app let go of the link: the worker goes on as it is until it is not wanted.
    std::future::pending().await
}

/// Hands over PipeWire sockets now and whenever PipeWire came back. Ends only with the run.
async fn keep_pipewire<P: Protocol>(
    outgoing: &mpsc::Sender<Outgoing<P::Command>>,
    events: &mpsc::Sender<WorkerEvent<P>>,
    config: &WorkerConfig,
) -> String {
    if P::KEEPS_PIPEWIRE {
        let mut told_missing = false;
        loop {
            let mut pauses = pipewire::Pauses::default();
            let (watched, fds) = loop {
                match pipewire::connect_watched(&config.pipewire, config.pipewire_sockets).await {
                    Ok(connected) => break connected,
                    Err(error) => {
                        if !told_missing {
                            told_missing = true;
                            let why = pipewire::missing(&config.pipewire, &error);
                            let _ = events.send(WorkerEvent::PipeWireMissing { why }).await;
                        }
                        pauses.wait().await;
                    }
                }
            };
            let command = P::pipewire();
            if outgoing.send(Outgoing { command, fds }).await.is_err() {
                break;
            }
            if std::mem::take(&mut told_missing) {
                let _ = events.send(WorkerEvent::PipeWireFound).await;
            }
            watched.closed().await;
            debug!(worker = P::PROGRAM, "PipeWire closed its socket");
        }
    }
    std::future::pending().await
}

/// Kills the child if the run is dropped in the middle.
impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}
