//! Signalling over TCP on the local network, with no server in between.
//!
//! Owns: the listener, connections in both directions, frames with a length before them. Does not
//! own: what is in a frame; nothing here is trusted. A frame is a u16 length, little endian, and
//! that many bytes, 1 to [`MAX_FRAME`]. Each connection queues 32 frames to send; one that does
//! not keep up is closed, because a peer that does not read is not waited for.
//! Invariant: a connection's events come in the order Opened, Frame.., Closed, and nothing after.

mod accept;
mod connection;
pub mod limit;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{net::TcpListener, sync::mpsc};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The largest frame, bytes: an envelope padded to 4096 B (link.md) and its encryption.
pub const MAX_FRAME: usize = 4096 + 512;
/// Frames queued to one peer. A call's whole signalling is about 30.
const QUEUE: usize = 32;
/// Events the app has not taken yet. When it is full, connections wait and TCP slows the peers.
const EVENTS: usize = 256;

/// Names a connection for as long as the program runs; never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// What happens on the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LanEvent {
    /// A connection is up.
    Opened {
        /// Its name from now on.
        id: ConnectionId,
        /// Our end.
        local: SocketAddr,
        /// Who is at the other end.
        address: SocketAddr,
        /// Whether they called on us.
        incoming: bool,
    },
    /// A frame came.
    Frame {
        /// On which connection.
        id: ConnectionId,
        /// What is in it.
        bytes: Vec<u8>,
    },
    /// The connection is gone, or never came to be.
    Closed {
        /// Which one.
        id: ConnectionId,
        /// Why.
        why: Closed,
    },
}

/// Why a connection ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Closed {
    /// We closed it.
    #[error("closed by us")]
    Here,
    /// They closed it.
    #[error("closed by the other side")]
    There,
    /// It could not be opened.
    #[error("cannot connect: {0}")]
    Unreachable(String),
    /// Nothing came or went for the idle time.
    #[error("nothing was said for too long")]
    Idle,
    /// The peer does not read what we send.
    #[error("the other side does not keep up")]
    Slow,
    /// A length of 0 or above [`MAX_FRAME`].
    #[error("a frame of {0} bytes was announced")]
    BadFrame(usize),
    /// The network broke.
    #[error("connection lost: {0}")]
    Lost(String),
}

/// Why nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// There is no such connection any more.
    #[error("the connection is closed")]
    Gone,
    /// Too much is queued to this peer; it is closed.
    #[error("the other side does not keep up")]
    Slow,
    /// Empty, or above [`MAX_FRAME`].
    #[error("a frame has 1 to {MAX_FRAME} bytes, not {0}")]
    Length(usize),
}

/// Times that fit the network; a test shortens them.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// How long a connection may take to come up. A LAN answers in milliseconds or not at all.
    pub connect: Duration,
    /// How long a connection may be silent: longer than any ring (60 s).
    pub idle: Duration,
    /// How long a peer may take to say its first word; it holds one of the pending places.
    pub first_word: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            idle: Duration::from_secs(120),
            first_word: Duration::from_secs(5),
        }
    }
}

#[derive(Clone)]
struct Shared {
    events: mpsc::Sender<LanEvent>,
    peers: Arc<Mutex<Peers>>,
    tasks: TaskTracker,
    token: CancellationToken,
    times: Times,
}

#[derive(Default)]
struct Peers {
    last: u64,
    open: HashMap<ConnectionId, Peer>,
}

struct Peer {
    frames: mpsc::Sender<Vec<u8>>,
    token: CancellationToken,
    slow: bool,
}

/// Sends, connects and closes. Cheap to clone; never waits.
#[derive(Clone)]
pub struct Lan(Shared);

impl Lan {
    /// An adapter that listens nowhere yet.
    #[must_use]
    pub fn new(times: Times, token: CancellationToken) -> (Self, mpsc::Receiver<LanEvent>) {
        let (events, happened) = mpsc::channel(EVENTS);
        let shared = Shared {
            events,
            peers: Arc::default(),
            tasks: TaskTracker::new(),
            token,
            times,
        };
        (Self(shared), happened)
    }

    /// Takes connections at `address` until the token is cancelled. Tells where it really listens.
    ///
    /// # Errors
    /// The address is taken or not ours.
    pub async fn listen(&self, address: SocketAddr) -> io::Result<SocketAddr> {
        let listener = TcpListener::bind(address).await?;
        let bound = listener.local_addr()?;
        self.0.tasks.spawn(accept::accept(listener, self.0.clone()));
        Ok(bound)
    }

    /// Begins to connect; `Opened` or `Closed` tells how it went.
    #[must_use]
    pub fn connect(&self, address: SocketAddr) -> ConnectionId {
        let (id, lines) = self.0.register();
        self.0
            .tasks
            .spawn(connection::connect(id, address, lines, self.0.clone()));
        id
    }

    /// Queues a frame.
    ///
    /// # Errors
    /// See [`SendError`].
    pub fn send(&self, id: ConnectionId, frame: Vec<u8>) -> Result<(), SendError> {
        if frame.is_empty() || frame.len() > MAX_FRAME {
            return Err(SendError::Length(frame.len()));
        }
        let mut peers = self.0.peers();
        let peer = peers.open.get_mut(&id).ok_or(SendError::Gone)?;
        peer.frames.try_send(frame).map_err(|error| match error {
            mpsc::error::TrySendError::Closed(_) => SendError::Gone,
            mpsc::error::TrySendError::Full(_) => {
                peer.slow = true;
                peer.token.cancel();
                SendError::Slow
            }
        })
    }

    /// Closes a connection after what is queued; one that is gone already stays gone.
    pub fn close(&self, id: ConnectionId) {
        // Without its sender the connection's queue ends, and with it the connection.
        self.0.peers().open.remove(&id);
    }

    /// Waits until every connection has ended; cancel the token first.
    pub async fn ended(&self) {
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }
}

/// What a connection's task holds of itself.
struct Lines {
    frames: mpsc::Receiver<Vec<u8>>,
    token: CancellationToken,
}

impl Shared {
    fn peers(&self) -> std::sync::MutexGuard<'_, Peers> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn register(&self) -> (ConnectionId, Lines) {
        let (queue, frames) = mpsc::channel(QUEUE);
        let token = self.token.child_token();
        let mut peers = self.peers();
        peers.last += 1;
        let id = ConnectionId(peers.last);
        let peer = Peer {
            frames: queue,
            token: token.clone(),
            slow: false,
        };
        peers.open.insert(id, peer);
        (id, Lines { frames, token })
    }

    /// Takes the connection off the table and tells its end.
    async fn closed(&self, id: ConnectionId, why: Closed) {
        let peer = self.peers().open.remove(&id);
        let slow = peer.is_some_and(|peer| peer.slow);
        let why = if slow { Closed::Slow } else { why };
        // Nobody listens any more: the daemon stops.
        let _ = self.events.send(LanEvent::Closed { id, why }).await;
    }
}
