//! The built-in provider: encrypted calls between devices that know each other, with no company in
//! between.
//!
//! Owns: peers, invites, handshakes, the signalling of each call, when media may flow. Does not own:
//! sockets, media packets (the media path seals and opens those by itself), storage. Speaks the
//! same contract as every provider: actions in, reports out. Use as the engine: after every
//! `handle_*` drain [`BuiltIn::poll_output`], sleep until [`BuiltIn::next_timeout`].
//! Invariant: before the handshake has proven a contact's device nothing is stored, answered or
//! shown; no microphone opens before the local user started or answered the call.

mod calling;
mod controls;
mod devices;
mod glare;
mod join;
mod leg;
mod media;
mod mix;
mod peers;
mod signals;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    net::SocketAddr,
    time::Duration,
};

pub use join::{InviteWish, JoinError};
pub use media::MediaOrder;
pub use peers::{Sighting, Tag};

use crate::{
    budget::Budget,
    builtin::{join::Joining, leg::Leg, peers::Tags},
    call::Marks,
    engine::Registration,
    id::{CallId, ContactId, Entropy, Now, ProviderId, Serial},
    media::{Device, Devices, MediaCommand, SessionId, VideoSize},
    peer::{Identity, IdentityKey, IssuedInvite, PeerRecord, SignedDevices},
    provider::{Action, Report},
    session::Secret,
    wire::{Frame, Purpose},
};

/// A signalling connection; numbers are given by the adapter and never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u64);

/// One attempt to connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DialId(pub u64);

/// A connection's two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// Ours.
    pub local: SocketAddr,
    /// Theirs.
    pub remote: SocketAddr,
}

/// What the user's settings say about calls to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preferences {
    /// How we call ourselves in invites.
    pub name: String,
    /// Devices to use.
    pub devices: Devices,
    /// Length of an Opus frame, ms: 10 on a LAN, 20 elsewhere.
    pub frame_ms: u8,
    /// The largest picture to take.
    pub accept: VideoSize,
    /// Where our signalling listens; what invites name.
    pub listens: Vec<SocketAddr>,
    /// UDP port of our media.
    pub media_port: u16,
}

/// Our keys.
pub struct Own {
    /// The person.
    pub identity: Identity,
    /// This device's X25519 secret.
    pub device: Secret,
    /// The signed list that certifies this device.
    pub devices: SignedDevices,
}

/// What the outside is to do.
pub enum Output {
    /// An action ended.
    Performed(Serial, Result<(), String>),
    /// Tell the engine.
    Report(Report),
    /// Connect.
    Dial(DialId, SocketAddr),
    /// Send a frame.
    Send(ConnId, Vec<u8>),
    /// Close once everything is sent.
    Close(ConnId),
    /// For the media path.
    Media(MediaOrder),
    /// For the media worker.
    Worker(MediaCommand),
    /// Store a contact's record.
    SavePeer(Box<PeerRecord>),
    /// Store an invite we wrote.
    SaveInvite(Box<IssuedInvite>),
    /// Remember an offered call until this time (seconds since the epoch).
    Seen(CallId, u64),
    /// A pairing is complete.
    Joined(ContactId),
    /// An invite we accepted is void, and why.
    JoinFailed(ContactId, JoinError),
    /// Show these tags over mDNS, and no others.
    Announce(Vec<Tag>),
}

/// What others make this provider hold, in pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Footprint {
    /// Calls with signalling of their own.
    pub calls: usize,
    /// Connections.
    pub connections: usize,
    /// Attempts to connect.
    pub dials: usize,
    /// Offers remembered against replay.
    pub seen: usize,
    /// Addresses that mDNS showed.
    pub addresses: usize,
}

/// What a connection is used for.
enum Use {
    /// Accepted; has not said anything yet.
    New,
    /// Signalling of a call.
    Call(CallId),
    /// Their offer waits here, because we are calling them, too.
    Waiting(CallId),
    /// We wait for the answer to our join.
    Join(IdentityKey),
    /// Done with; only closing is left.
    Spent,
}

struct Conn {
    ends: Ends,
    used_for: Use,
}

/// What a dial is for.
#[derive(Clone, Copy)]
enum Aim {
    Call(CallId),
    Join(IdentityKey),
}

/// The built-in provider.
pub struct BuiltIn {
    entropy: Box<dyn Entropy>,
    own: Own,
    preferences: Preferences,
    /// The devices there are.
    hardware: Vec<Device>,
    peers: BTreeMap<IdentityKey, PeerRecord>,
    /// What the user set for contacts; who is not in it has nothing set.
    marks: HashMap<ContactId, Marks>,
    invites: Vec<IssuedInvite>,
    seen: HashMap<CallId, u64>,
    sighted: HashMap<IdentityKey, Vec<SocketAddr>>,
    joining: BTreeMap<IdentityKey, Joining>,
    /// How many may still join.
    joins: Budget,
    /// How many calls each contact may still offer.
    offers: HashMap<IdentityKey, Budget>,
    legs: BTreeMap<CallId, Leg>,
    /// Calls that are talked to together.
    mix: BTreeSet<CallId>,
    conns: HashMap<ConnId, Conn>,
    dials: HashMap<DialId, Aim>,
    next_dial: u64,
    next_session: u32,
    announced_hour: Option<u64>,
    /// `None`: to be reckoned when the next one is asked for.
    tags: Option<Tags>,
    opened: u64,
    outputs: VecDeque<Output>,
}

impl BuiltIn {
    /// A provider that knows these peers, invites and recent offers.
    #[must_use]
    pub fn new(
        entropy: Box<dyn Entropy>,
        own: Own,
        preferences: Preferences,
        peers: Vec<PeerRecord>,
        invites: Vec<IssuedInvite>,
        seen: Vec<(CallId, u64)>,
    ) -> Self {
        let mut built_in = Self {
            entropy,
            own,
            preferences,
            hardware: Vec::new(),
            peers: BTreeMap::new(),
            marks: HashMap::new(),
            invites,
            seen: seen.into_iter().collect(),
            sighted: HashMap::new(),
            joining: BTreeMap::new(),
            joins: Budget::new(join::JOINS, join::JOIN_EVERY, Duration::ZERO),
            offers: HashMap::new(),
            legs: BTreeMap::new(),
            mix: BTreeSet::new(),
            conns: HashMap::new(),
            dials: HashMap::new(),
            next_dial: 1,
            next_session: 1,
            announced_hour: None,
            tags: None,
            opened: 0,
            outputs: VecDeque::new(),
        };
        for peer in peers {
            built_in.know(peer);
        }
        built_in
    }

    /// What it registers with.
    #[must_use]
    pub fn registration() -> Registration {
        Registration {
            app_id: "org.ahoycall.Ahoy".to_owned(),
            // It is this program.
            verified: true,
            schemes: vec!["ahoy".to_owned()],
            video: true,
            hold: true,
            ..Registration::new(ProviderId::built_in())
        }
    }

    /// What the user set for contacts: goes with their calls.
    pub fn set_marks(&mut self, marks: HashMap<ContactId, Marks>) {
        self.marks = marks;
    }

    /// Our identity.
    #[must_use]
    pub fn identity(&self) -> IdentityKey {
        self.own.identity.key()
    }

    /// Takes changed settings. Calls that are on keep theirs, but for the devices.
    pub fn set_preferences(&mut self, preferences: Preferences) {
        let before = self.in_use();
        self.preferences = preferences;
        self.move_streams(&before);
    }

    /// The settings in force.
    #[must_use]
    pub const fn preferences(&self) -> &Preferences {
        &self.preferences
    }

    /// What others make us hold: bounded, whatever they do.
    #[must_use]
    pub fn footprint(&self) -> Footprint {
        Footprint {
            calls: self.legs.len(),
            connections: self.conns.len(),
            dials: self.dials.len(),
            seen: self.seen.len(),
            addresses: self.sighted.values().map(Vec::len).sum(),
        }
    }

    /// The next thing to do, until `None`.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Self::handle_timeout`] is due.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Duration> {
        if self.announced_hour.is_none() {
            // Whom we can be found by has changed: say so at once.
            return Some(Duration::ZERO);
        }
        let legs = self.legs.values().filter_map(Leg::deadline);
        legs.chain(self.joining.values().map(Joining::deadline)).min()
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Now) {
        self.expire_legs(now);
        self.retry_joins(now);
        self.announce(now);
        self.seen.retain(|_, until| *until > now.unix_s());
    }

    /// The engine asks for an action.
    pub fn handle_perform(&mut self, now: Now, serial: Serial, call: CallId, action: Action) {
        self.perform(now, serial, call, action);
    }

    /// A connection came in.
    pub fn handle_opened(&mut self, conn: ConnId, ends: Ends) {
        self.conns.insert(conn, Conn { ends, used_for: Use::New });
    }

    /// A dial succeeded (with the connection) or failed.
    pub fn handle_dialed(&mut self, now: Now, dial: DialId, result: Option<(ConnId, Ends)>) {
        let Some(aim) = self.dials.remove(&dial) else {
            if let Some((conn, _)) = result {
                self.emit(Output::Close(conn));
            }
            return;
        };
        match (aim, result) {
            (Aim::Call(call), Some((conn, ends))) => self.offer(now, call, conn, ends),
            (Aim::Call(call), None) => self.dial_next(call),
            (Aim::Join(peer), Some((conn, ends))) => self.send_join(now, peer, conn, ends),
            (Aim::Join(peer), None) => self.join_missed(now, peer),
        }
    }

    /// A frame came. Whatever is not legal now closes the connection and changes nothing else.
    pub fn handle_frame(&mut self, now: Now, conn: ConnId, bytes: &[u8]) {
        let Some(known) = self.conns.get(&conn) else {
            return;
        };
        let handled = match (Frame::parse(bytes), &known.used_for) {
            (Ok(Frame::Hello { purpose: Purpose::Call, tag, message }), Use::New) => {
                self.offered(now, conn, tag, message)
            }
            (Ok(Frame::Hello { purpose: Purpose::Join, tag, message }), Use::New) => {
                self.joined_by(now, conn, tag, message)
            }
            (Ok(Frame::Answer(message)), Use::Call(call)) => {
                let call = *call;
                self.rung(now, call, message)
            }
            (Ok(Frame::Answer(message)), Use::Join(peer)) => {
                let peer = *peer;
                self.welcomed(now, peer, conn, message)
            }
            (Ok(Frame::Sealed(message)), Use::Call(call)) => {
                let call = *call;
                self.signalled(now, call, message)
            }
            (Ok(Frame::Hello { .. } | Frame::Answer(_) | Frame::Sealed(_)) | Err(_), _) => None,
        };
        if handled.is_none() {
            self.drop_conn(now, conn);
        }
    }

    /// A connection is gone.
    pub fn handle_closed(&mut self, now: Now, conn: ConnId) {
        let Some(known) = self.conns.remove(&conn) else {
            return;
        };
        match known.used_for {
            Use::Call(call) => self.signalling_lost(now, call),
            Use::Waiting(call) => self.waiting_lost(call, conn),
            Use::Join(peer) => self.join_missed(now, peer),
            Use::New | Use::Spent => {}
        }
    }

    fn drop_conn(&mut self, now: Now, conn: ConnId) {
        self.emit(Output::Close(conn));
        self.handle_closed(now, conn);
    }

    /// Closes a connection that has served.
    fn finish_conn(&mut self, conn: ConnId) {
        if let Some(known) = self.conns.get_mut(&conn) {
            known.used_for = Use::Spent;
        }
        self.emit(Output::Close(conn));
    }

    fn dial(&mut self, aim: Aim, address: SocketAddr) -> DialId {
        let dial = DialId(self.next_dial);
        self.next_dial += 1;
        self.dials.insert(dial, aim);
        self.emit(Output::Dial(dial, address));
        dial
    }

    fn new_session(&mut self) -> SessionId {
        let session = SessionId(self.next_session);
        self.next_session = self.next_session.wrapping_add(1);
        session
    }

    fn random_index(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.entropy.fill(&mut bytes);
        u32::from_be_bytes(bytes)
    }

    fn emit(&mut self, output: Output) {
        self.outputs.push_back(output);
    }
}
