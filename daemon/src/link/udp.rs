//! The media path: RTP between the worker and the network, sealed and opened here.
//!
//! Owns: the UDP socket, each call's [`MediaSession`], where the other side is, pings. Does not own:
//! keys' making, plans, the control loop: audio never waits behind it. Invariant: nothing leaves
//! unsealed; what does not open changes nothing, not even where the next packet is sent.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use ahoy_core::{
    builtin::MediaOrder,
    id::{CallId, Now},
    media::SessionId,
    session::media::{CONTROL_STREAM, MAX_DATAGRAM, MediaSession, receiver_index},
    worker::{MAX_RTP, Stream},
};
use tokio::{
    net::UdpSocket,
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

/// How often pings are considered. Until the other side was heard each tick sends one, so that a
/// call connects as soon as both have opened their media.
const TICK: Duration = Duration::from_millis(50);
/// A ping this often afterwards: consent is lost after 4.5 s without a packet, and each measures the
/// way there and back.
const PING_EVERY: Duration = Duration::from_secs(1);
/// The control loop is told that a call is heard at most this often.
const TELL_EVERY: Duration = Duration::from_secs(1);
/// Pictures are padded to this, so that sizes say less (design/link.md).
const VIDEO_BUCKET: usize = 64;
/// Goodbyes sent when a call ends: one may get lost.
const BYES: usize = 3;
/// A peer may offer this many addresses.
const MAX_CANDIDATES: usize = 8;

const KEY_FRAME: u8 = 1;
/// With four bytes behind it: the sender's clock, which the answer brings back.
const PING: u8 = 2;
const BYE: u8 = 3;
/// The answer to a ping that had a clock.
const PONG: u8 = 4;
/// An answer after this long says nothing of the way any more.
const LATEST_PONG: Duration = Duration::from_secs(10);

/// What the media path is to do.
pub enum PathOrder {
    /// From the built-in provider.
    Media(MediaOrder),
    /// Our decoder needs a whole picture from the other side.
    AskKeyFrame(SessionId),
}

/// What the media path tells the control loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathEvent {
    /// An authentic packet came; at most once a second.
    Heard(CallId),
    /// The other side hung up.
    Bye(CallId),
    /// The other side needs a whole picture.
    KeyFrameWanted(SessionId),
    /// Many packets were sealed under one epoch.
    RekeyDue(CallId),
    /// How long a packet takes there and back.
    RoundTrip(CallId, Duration),
}

/// One packet between the path and the worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// The call's media.
    pub session: SessionId,
    /// Voice or pictures.
    pub stream: Stream,
    /// RTP.
    pub bytes: Vec<u8>,
}

/// The worker's side, as the path sees it: what it takes never waits, what it gives may.
pub trait WorkerPort: Send {
    /// Hands a packet to the worker; the oldest goes where there is no room.
    fn push(&mut self, packet: Packet);
    /// The next packet from the worker. Cancel safe.
    fn next(&mut self) -> impl Future<Output = Packet> + Send;
}

struct Open {
    call: CallId,
    session: SessionId,
    sealing: Box<MediaSession>,
    candidates: Vec<SocketAddr>,
    /// Where an authentic packet came from last.
    remote: Option<SocketAddr>,
    told: Option<Instant>,
    pinged: Option<Instant>,
    rekey_told: bool,
}

/// The media path, to be run as one task.
pub struct MediaPath<P> {
    socket: UdpSocket,
    port: P,
    events: mpsc::Sender<PathEvent>,
    /// By the index we receive under.
    open: HashMap<u32, Open>,
    sealed: Vec<u8>,
    plain: Vec<u8>,
    /// What clocks in pings count from.
    start: Instant,
}

impl<P: WorkerPort> MediaPath<P> {
    /// A path over a bound socket. `events` is bounded; when the control loop is behind, what it
    /// is told may be late but never blocks a packet.
    #[must_use]
    pub fn new(socket: UdpSocket, port: P, events: mpsc::Sender<PathEvent>) -> Self {
        let (sealed, plain) = (Vec::with_capacity(MAX_DATAGRAM), Vec::with_capacity(MAX_DATAGRAM));
        Self { socket, port, events, open: HashMap::new(), sealed, plain, start: Instant::now() }
    }

    /// Runs until `token` is cancelled. `clock` gives the time that epochs are kept by.
    pub async fn run(
        mut self,
        mut orders: mpsc::Receiver<PathOrder>,
        clock: impl Fn() -> Now + Send,
        token: CancellationToken,
    ) {
        let mut buffer = vec![0; MAX_DATAGRAM + 1];
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            let quiet = self.open.is_empty();
            tokio::select! {
                biased;
                order = orders.recv() => match order {
                    Some(order) => self.order(order, clock()),
                    None => return,
                },
                () = token.cancelled() => return,
                received = self.socket.recv_from(&mut buffer) => match received {
                    Ok((length, from)) => self.receive(&buffer[..length], from, clock()),
                    // ICMP errors of one destination say nothing about the others.
                    Err(error) => tracing::debug!(%error, "media socket"),
                },
                packet = self.port.next() => self.send(&packet),
                _ = tick.tick(), if !quiet => self.ping(),
            }
        }
    }

    fn order(&mut self, order: PathOrder, now: Now) {
        match order {
            PathOrder::Media(MediaOrder::Open {
                call,
                session,
                local_index,
                sealing,
                candidates,
            }) => {
                let open = Open {
                    call,
                    session,
                    sealing,
                    candidates,
                    remote: None,
                    told: None,
                    pinged: None,
                    rekey_told: false,
                };
                self.open.insert(local_index, open);
                self.ping();
            }
            PathOrder::Media(MediaOrder::Candidate { session, address }) => {
                if let Some(open) = self.find(session)
                    && open.candidates.len() < MAX_CANDIDATES
                {
                    open.candidates.push(address);
                }
            }
            PathOrder::Media(MediaOrder::Epoch { session, keys, role }) => {
                if let Some(open) = self.find(session) {
                    open.sealing.install(*keys, role, now);
                    open.rekey_told = false;
                }
            }
            PathOrder::Media(MediaOrder::Close { session, say_bye }) => {
                if say_bye {
                    for _ in 0..BYES {
                        self.control(session, &[BYE]);
                    }
                }
                self.open.retain(|_, open| open.session != session);
            }
            PathOrder::AskKeyFrame(session) => self.control(session, &[KEY_FRAME]),
        }
    }

    fn find(&mut self, session: SessionId) -> Option<&mut Open> {
        self.open.values_mut().find(|open| open.session == session)
    }

    fn receive(&mut self, datagram: &[u8], from: SocketAddr, now: Now) {
        let Some(index) = receiver_index(datagram) else { return };
        let Some(open) = self.open.get_mut(&index) else { return };
        let Ok(stream) = open.sealing.open(datagram, now, &mut self.plain) else { return };
        // Authentic: from here on this is where they are (they may have roamed).
        open.remote = Some(SocketAddr::new(from.ip().to_canonical(), from.port()));
        let (call, session) = (open.call, open.session);
        let due = open.told.is_none_or(|told| told.elapsed() >= TELL_EVERY);
        if due && self.events.try_send(PathEvent::Heard(call)).is_ok() {
            open.told = Some(Instant::now());
        }
        if stream == CONTROL_STREAM {
            self.take_control(call, session);
        } else if let Some(stream) = Stream::from_id(stream)
            && self.plain.len() <= MAX_RTP
        {
            self.port.push(Packet { session, stream, bytes: self.plain.clone() });
        }
    }

    fn take_control(&mut self, call: CallId, session: SessionId) {
        let event = match self.plain.as_slice() {
            [KEY_FRAME, ..] => PathEvent::KeyFrameWanted(session),
            [BYE, ..] => PathEvent::Bye(call),
            &[PING, a, b, c, d] => return self.control(session, &[PONG, a, b, c, d]),
            &[PONG, a, b, c, d] => {
                let asked = u32::from_be_bytes([a, b, c, d]);
                let time = Duration::from_millis(self.clock().wrapping_sub(asked).into());
                if time > LATEST_PONG {
                    return;
                }
                PathEvent::RoundTrip(call, time)
            }
            // A ping has done its work by being authentic; others are of newer versions.
            _ => return,
        };
        if self.events.try_send(event).is_err() {
            tracing::warn!("the control loop is behind: a media event was dropped");
        }
    }

    fn send(&mut self, packet: &Packet) {
        let bucket = match packet.stream {
            Stream::Audio => 1,
            Stream::Video => VIDEO_BUCKET,
        };
        self.seal_and_send(packet.session, packet.stream as u8, &packet.bytes, bucket);
    }

    fn control(&mut self, session: SessionId, what: &[u8]) {
        self.seal_and_send(session, CONTROL_STREAM, what, 1);
    }

    /// Milliseconds since the path began; wraps after seven weeks.
    fn clock(&self) -> u32 {
        self.start.elapsed().as_millis() as u32
    }

    fn seal_and_send(&mut self, session: SessionId, stream: u8, bytes: &[u8], bucket: usize) {
        let Some(open) = self.open.values_mut().find(|open| open.session == session) else {
            return;
        };
        let known = open.remote;
        let targets: &[SocketAddr] = match &known {
            Some(remote) => std::slice::from_ref(remote),
            // Media waits until the way is known; only pings look for it.
            None if stream == CONTROL_STREAM => &open.candidates,
            None => return,
        };
        if let Err(error) = open.sealing.seal(stream, bytes, bucket, &mut self.sealed) {
            tracing::debug!(%error, "packet not sealed");
            return;
        }
        for target in targets {
            let target = mapped(*target, &self.socket);
            // A full socket buffer loses this packet, as the network might.
            let _ = self.socket.try_send_to(&self.sealed, target);
        }
        if open.sealing.is_rekey_due() && !open.rekey_told {
            open.rekey_told = self.events.try_send(PathEvent::RekeyDue(open.call)).is_ok();
        }
    }

    fn ping(&mut self) {
        let mut due = Vec::new();
        for open in self.open.values_mut() {
            let wait = if open.remote.is_some() { PING_EVERY } else { TICK };
            if open.pinged.is_none_or(|pinged| pinged.elapsed() >= wait) {
                open.pinged = Some(Instant::now());
                due.push(open.session);
            }
        }
        let [a, b, c, d] = self.clock().to_be_bytes();
        for session in due {
            self.control(session, &[PING, a, b, c, d]);
        }
    }
}

/// An IPv6 socket that takes IPv4 too wants the mapped form.
fn mapped(target: SocketAddr, socket: &UdpSocket) -> SocketAddr {
    let v6 = socket.local_addr().is_ok_and(|local| local.is_ipv6());
    match target.ip() {
        IpAddr::V4(ip) if v6 => SocketAddr::new(ip.to_ipv6_mapped().into(), target.port()),
        IpAddr::V4(_) | IpAddr::V6(_) => target,
    }
}

/// Binds the media socket, dual-stack where the address says so.
///
/// # Errors
/// The address is not ours, or the port is taken.
pub async fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    UdpSocket::bind(address).await
}
