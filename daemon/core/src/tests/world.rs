//! The simulated world: a few people, one virtual clock, connections and media that can be cut.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    net::SocketAddr,
    time::Duration,
};

use crate::{
    builtin::{self, BuiltIn, ConnId, DialId, Ends, InviteWish, MediaOrder, Own, Preferences},
    call::LogRow,
    engine::{self, Command, CommandError, CommandId, Engine, Reply},
    id::{CallId, Entropy, Handle, Now, SenderId},
    media::{Device, DeviceKind, Devices, MediaCommand, SessionId, VideoSize},
    peer::{Identity, IssuedInvite, PeerRecord},
    service::{Output, Service},
    session::{
        Secret,
        media::{MediaSession, receiver_index},
    },
    written::Written,
};

/// A seeded generator (SplitMix64): the same world in every run.
pub(super) struct Seeded(pub(super) u64);

impl Entropy for Seeded {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            *byte = (z ^ (z >> 31)).to_le_bytes()[0];
        }
    }
}

pub(super) struct OpenMedia {
    pub(super) call: CallId,
    pub(super) local_index: u32,
    pub(super) sealing: Box<MediaSession>,
}

pub(super) struct Person {
    pub(super) service: Service,
    pub(super) address: SocketAddr,
    pub(super) replies: HashMap<CommandId, Result<Reply, CommandError>>,
    pub(super) rows: BTreeMap<String, LogRow>,
    pub(super) missed: Vec<CallId>,
    /// What the other sides wrote.
    pub(super) texts: Vec<Written>,
    /// Whether ringback was to be heard at any time.
    pub(super) heard_ringback: bool,
    pub(super) media: HashMap<SessionId, OpenMedia>,
    pub(super) worker: Vec<MediaCommand>,
    pub(super) peers: Vec<PeerRecord>,
    pub(super) invites: Vec<IssuedInvite>,
    pub(super) joined: usize,
    pub(super) join_failed: Vec<builtin::JoinError>,
    pub(super) frames: Vec<Vec<u8>>,
    /// Where connections were tried.
    pub(super) dialed: Vec<SocketAddr>,
    /// Where media may be sent, as the other sides named it.
    pub(super) candidates: Vec<SocketAddr>,
    next_command: u64,
}

enum Event {
    Opened(ConnId, Ends),
    Dialed(DialId, Option<(ConnId, Ends)>),
    Frame(ConnId, Vec<u8>),
    Closed(ConnId),
}

impl Event {
    /// What happens on one connection keeps its order.
    const fn lane(&self) -> (bool, u64) {
        match self {
            Self::Opened(conn, _)
            | Self::Dialed(_, Some((conn, _)))
            | Self::Frame(conn, _)
            | Self::Closed(conn) => (true, conn.0),
            Self::Dialed(dial, None) => (false, dial.0),
        }
    }
}

/// Alice is 0, Bob is 1, Carol is 2 where there is one.
pub(super) struct World {
    pub(super) people: Vec<Person>,
    pub(super) now: Now,
    /// Whether connections can be made.
    pub(super) reachable: bool,
    /// Whether media packets arrive.
    pub(super) media_flows: bool,
    /// Which connection's event comes next; `None`: the oldest.
    pub(super) order: Option<Seeded>,
    queue: VecDeque<(usize, Event)>,
    /// The same connection number at both ends.
    next_conn: u64,
    /// Who is at the ends of a connection.
    wires: HashMap<ConnId, [usize; 2]>,
}

pub(super) const ALICE: usize = 0;
pub(super) const BOB: usize = 1;
pub(super) const CAROL: usize = 2;

impl World {
    pub(super) fn new() -> Self {
        Self::of(vec![Person::new(1, "Alice"), Person::new(2, "Bob")])
    }

    fn of(people: Vec<Person>) -> Self {
        let now = Now { mono: Duration::from_secs(1000), unix_us: 1_800_000_000_000_000 };
        Self {
            people,
            now,
            reachable: true,
            media_flows: true,
            order: None,
            queue: VecDeque::new(),
            next_conn: 1,
            wires: HashMap::new(),
        }
    }

    /// Three people, each a contact of the other two.
    pub(super) fn of_three() -> Self {
        let people = [(1, "Alice"), (2, "Bob"), (3, "Carol")];
        let mut world = Self::of(people.map(|(seed, name)| Person::new(seed, name)).into());
        for (issuer, joiner) in [(ALICE, BOB), (BOB, CAROL), (CAROL, ALICE)] {
            let link = world.invite(issuer, true);
            world.accept(joiner, &link).unwrap();
        }
        assert!(world.people.iter().all(|person| person.joined == 2));
        world
    }

    /// Two people who are contacts already.
    pub(super) fn joined() -> Self {
        let mut world = Self::new();
        let link = world.invite(ALICE, true);
        world.accept(BOB, &link).unwrap();
        assert_eq!((world.people[ALICE].joined, world.people[BOB].joined), (1, 1));
        world
    }

    pub(super) fn invite(&mut self, who: usize, single_use: bool) -> String {
        let expires_at = self.now.unix_s() + 3600;
        let wish = InviteWish { name: String::new(), expires_at, single_use };
        let link = self.people[who].service.built_in().invite(self.now, wish).unwrap();
        self.run();
        link
    }

    pub(super) fn accept(&mut self, who: usize, link: &str) -> Result<(), builtin::JoinError> {
        let accepted = self.people[who].service.built_in().accept(self.now, link, "");
        self.run();
        accepted.map(|_| ())
    }

    pub(super) fn command(
        &mut self,
        who: usize,
        command: Command,
    ) -> Option<Result<Reply, CommandError>> {
        let id = self.press(who, command);
        self.run();
        self.people[who].replies.remove(&id)
    }

    /// A command whose effect nobody has heard of yet.
    pub(super) fn press(&mut self, who: usize, command: Command) -> CommandId {
        let person = &mut self.people[who];
        person.next_command += 1;
        let id = CommandId(person.next_command);
        person.service.handle_command(self.now, id, command);
        id
    }

    /// The command with which `who` calls `whom`.
    pub(super) fn start(&mut self, whom: usize, video: bool, id: Option<CallId>) -> Command {
        let other = self.people[whom].service.built_in().identity().to_string();
        let party = crate::call::Party {
            handle: Handle::new("ahoy", &other).unwrap(),
            name: "them".into(),
            source: crate::call::NameSource::Contact,
            contact: None,
            marks: crate::call::Marks::default(),
        };
        Command::Start { sender: SenderId::OWN, provider: None, party, video, id }
    }

    /// `who` calls the other one of two.
    pub(super) fn call(&mut self, who: usize, video: bool) -> CallId {
        let command = self.start(1 - who, video, None);
        match self.command(who, command) {
            Some(Ok(Reply::Call(call))) => call,
            other => panic!("not started: {other:?}"),
        }
    }

    pub(super) fn state(&self, who: usize, call: CallId) -> &'static str {
        self.people[who].service.engine().call(call).map_or("gone", |call| call.state().as_str())
    }

    pub(super) fn reason(&self, who: usize, call: CallId) -> &'static str {
        let call = self.people[who].service.engine().call(call);
        call.map_or("gone", |call| call.view().end_reason.0)
    }

    /// Lets time pass in steps, with media heard on both sides where it flows.
    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.now.mono + time;
        while self.now.mono < end {
            let step = Duration::from_millis(500).min(end - self.now.mono);
            self.now.mono += step;
            self.now.unix_us += u64::try_from(step.as_micros()).unwrap();
            for person in &mut self.people {
                person.service.handle_timeout(self.now);
            }
            self.run();
        }
    }

    /// Runs until nothing moves.
    pub(super) fn run(&mut self) {
        loop {
            self.drain_all();
            if let Some((who, event)) = self.next_event() {
                self.deliver(who, event);
            } else if !self.exchange_media() {
                return;
            }
        }
    }

    /// Lets `count` events happen, each with all that follows at its place, and no more.
    pub(super) fn step(&mut self, count: usize) {
        self.drain_all();
        for _ in 0..count {
            if let Some((who, event)) = self.next_event() {
                self.deliver(who, event);
                self.drain_all();
            }
        }
    }

    fn drain_all(&mut self) {
        for who in 0..self.people.len() {
            self.drain(who);
        }
    }

    fn next_event(&mut self) -> Option<(usize, Event)> {
        let Some(order) = &mut self.order else { return self.queue.pop_front() };
        let mut firsts: Vec<(usize, (bool, u64))> = Vec::new();
        let mut places = Vec::new();
        for (place, (who, event)) in self.queue.iter().enumerate() {
            if !firsts.contains(&(*who, event.lane())) {
                firsts.push((*who, event.lane()));
                places.push(place);
            }
        }
        let choice = usize::from(order.id()[0]).checked_rem(places.len())?;
        self.queue.remove(places[choice])
    }

    /// Whether this person rang, or was told of a call that came in.
    pub(super) fn was_rung(&self, who: usize) -> bool {
        let person = &self.people[who];
        !person.missed.is_empty() || person.rows.values().any(|row| row.incoming)
    }

    /// Cuts every connection; what was under way on it is lost.
    pub(super) fn cut(&mut self) {
        self.queue.retain(|(_, event)| !matches!(event, Event::Frame(..)));
        for (conn, ends) in self.wires.drain() {
            for who in ends {
                self.queue.push_back((who, Event::Closed(conn)));
            }
        }
    }

    fn drain(&mut self, who: usize) {
        while let Some(output) = self.people[who].service.poll_output(self.now) {
            match output {
                Output::Engine(output) => self.people[who].take(output),
                Output::BuiltIn(output) => self.carry_out(who, output),
            }
        }
    }

    fn dial(&mut self, who: usize, dial: DialId, address: SocketAddr) {
        self.people[who].dialed.push(address);
        let there = self.people.iter().position(|person| person.address == address);
        let Some(other) = there.filter(|_| self.reachable) else {
            self.queue.push_back((who, Event::Dialed(dial, None)));
            return;
        };
        let conn = ConnId(self.next_conn);
        self.next_conn += 1;
        let local = SocketAddr::new(self.people[who].address.ip(), 50_000);
        let theirs = Ends { local: address, remote: local };
        let ours = Ends { local, remote: address };
        self.queue.push_back((other, Event::Opened(conn, theirs)));
        self.queue.push_back((who, Event::Dialed(dial, Some((conn, ours)))));
        self.wires.insert(conn, [who, other]);
    }

    /// To the other end of a connection that is up.
    fn pass_on(&mut self, who: usize, conn: ConnId, event: Event) {
        if let Some([a, b]) = self.wires.get(&conn) {
            self.queue.push_back((if *a == who { *b } else { *a }, event));
        }
    }

    fn carry_out(&mut self, who: usize, output: builtin::Output) {
        match output {
            builtin::Output::Dial(dial, address) => self.dial(who, dial, address),
            builtin::Output::Send(conn, bytes) => {
                self.people[who].frames.push(bytes.clone());
                self.pass_on(who, conn, Event::Frame(conn, bytes));
            }
            builtin::Output::Close(conn) => {
                self.pass_on(who, conn, Event::Closed(conn));
                // As the adapter does: whoever closes hears of it, too.
                self.queue.push_back((who, Event::Closed(conn)));
            }
            builtin::Output::Media(order) => self.people[who].order(self.now, order),
            builtin::Output::Worker(command) => self.people[who].worker.push(command),
            builtin::Output::SavePeer(peer) => {
                let peers = &mut self.people[who].peers;
                peers.retain(|known| known.identity != peer.identity);
                peers.push(*peer);
            }
            builtin::Output::SaveInvite(invite) => self.people[who].invites.push(*invite),
            builtin::Output::Joined(_) => self.people[who].joined += 1,
            builtin::Output::JoinFailed(_, why) => self.people[who].join_failed.push(why),
            builtin::Output::Seen(..) | builtin::Output::Announce(_) => {}
            builtin::Output::Performed(..) | builtin::Output::Report(_) => {
                unreachable!("stays inside the service")
            }
        }
    }

    fn deliver(&mut self, who: usize, event: Event) {
        let built_in = self.people[who].service.built_in();
        match event {
            Event::Opened(conn, ends) => built_in.handle_opened(conn, ends),
            Event::Dialed(dial, result) => built_in.handle_dialed(self.now, dial, result),
            Event::Frame(conn, bytes) => built_in.handle_frame(self.now, conn, &bytes),
            Event::Closed(conn) => built_in.handle_closed(self.now, conn),
        }
    }

    /// Sends a ping each way over every open media session that has not been heard in this
    /// instant. True when something was heard.
    fn exchange_media(&mut self) -> bool {
        if !self.media_flows {
            return false;
        }
        let mut heard = Vec::new();
        for who in 0..self.people.len() {
            let (mut sealed, mut plain) = (Vec::new(), Vec::new());
            let sessions: Vec<SessionId> = self.people[who].media.keys().copied().collect();
            for session in sessions {
                let Some(open) = self.people[who].media.get_mut(&session) else {
                    continue;
                };
                open.sealing.seal(3, &[2], 1, &mut sealed).unwrap();
                let index = receiver_index(&sealed).unwrap();
                let found = self.people.iter_mut().enumerate().find_map(|(there, person)| {
                    let mut open = person.media.values_mut();
                    Some((there, open.find(|open| open.local_index == index)?))
                });
                let Some((there, other)) = found else { continue };
                other.sealing.open(&sealed, self.now, &mut plain).unwrap();
                heard.push((there, other.call));
            }
        }
        let before = self.changes();
        for (who, call) in heard {
            self.people[who].service.built_in().handle_heard(self.now, call);
        }
        self.drain_all();
        before != self.changes() || !self.queue.is_empty()
    }

    fn changes(&self) -> Vec<String> {
        self.people.iter().map(Person::changes).collect()
    }

    /// The process of `who` is gone without a word: its connections close, its media stops.
    pub(super) fn kill(&mut self, who: usize) {
        self.media_flows = false;
        self.reachable = false;
        let seed = 77 + who as u64;
        let dead = std::mem::replace(&mut self.people[who], Person::new(seed, "Nobody"));
        drop(dead);
        self.cut();
        self.run();
    }

    /// Puts a frame into a new connection to `who`, as a stranger on the network would.
    pub(super) fn inject(&mut self, who: usize, frame: &[u8]) -> ConnId {
        let conn = ConnId(self.next_conn);
        self.next_conn += 1;
        let stranger = "192.0.2.66:6666".parse().unwrap();
        let ends = Ends { local: self.people[who].address, remote: stranger };
        self.queue.push_back((who, Event::Opened(conn, ends)));
        self.say(who, conn, frame);
        conn
    }

    pub(super) fn newest_conn(&self) -> ConnId {
        ConnId(self.next_conn - 1)
    }

    /// The stranger closes such a connection.
    pub(super) fn hang_up(&mut self, who: usize, conn: ConnId) {
        self.queue.push_back((who, Event::Closed(conn)));
        self.run();
    }

    /// Puts another frame into such a connection.
    pub(super) fn say(&mut self, who: usize, conn: ConnId, frame: &[u8]) {
        self.queue.push_back((who, Event::Frame(conn, frame.to_vec())));
        self.run();
    }
}

impl Person {
    fn new(seed: u64, name: &str) -> Self {
        let address: SocketAddr = format!("192.0.2.{seed}:4711").parse().unwrap();
        let seed8 = u8::try_from(seed).unwrap();
        let identity = Identity::from_seed(&Secret([seed8; 32]));
        let device = Secret([seed8 + 100; 32]);
        let devices = identity.certify(1, vec![device.device_key()]);
        let preferences = Preferences {
            name: name.into(),
            devices: Devices::default(),
            frame_ms: 10,
            accept: VideoSize::P720,
            listens: vec![address],
            media_port: 4712,
        };
        let own = Own { identity, device, devices };
        let entropy = Box::new(Seeded(seed));
        let built_in = BuiltIn::new(entropy, own, preferences, vec![], vec![], vec![]);
        let engine = Engine::new(Box::new(Seeded(seed + 1000)));
        Self {
            service: Service::new(engine, built_in),
            address,
            replies: HashMap::new(),
            rows: BTreeMap::new(),
            missed: Vec::new(),
            texts: Vec::new(),
            heard_ringback: false,
            media: HashMap::new(),
            worker: Vec::new(),
            peers: Vec::new(),
            invites: Vec::new(),
            joined: 0,
            join_failed: Vec::new(),
            frames: Vec::new(),
            dialed: Vec::new(),
            candidates: Vec::new(),
            next_command: 0,
        }
    }

    /// Something to compare: did anything happen?
    fn changes(&self) -> String {
        let calls: Vec<_> =
            self.service.engine().calls().map(|call| format!("{:?}", call.view())).collect();
        calls.join(";")
    }

    fn take(&mut self, output: engine::Output) {
        self.heard_ringback |= self.service.engine().attention().ringback;
        match output {
            engine::Output::Reply(id, result) => {
                assert!(self.replies.insert(id, result).is_none(), "answered twice");
            }
            engine::Output::Log(row) => {
                self.rows.insert(row.id.clone(), row);
            }
            engine::Output::Missed(call) => self.missed.push(call),
            engine::Output::Text(_, written) => self.texts.push(written),
            engine::Output::Perform { .. }
            | engine::Output::TimedOut(..)
            | engine::Output::Added(_)
            | engine::Output::Changed(_)
            | engine::Output::Removed(_)
            | engine::Output::ActionFinished { .. }
            | engine::Output::Audio { .. }
            | engine::Output::ProviderAdded(_)
            | engine::Output::ProviderRemoved(_)
            | engine::Output::GroupAdded(_)
            | engine::Output::GroupChanged(_)
            | engine::Output::GroupRemoved(_)
            | engine::Output::Cue(_) => {}
        }
    }

    fn order(&mut self, now: Now, order: MediaOrder) {
        match order {
            MediaOrder::Open { call, session, local_index, sealing, candidates } => {
                self.media.insert(session, OpenMedia { call, local_index, sealing });
                self.candidates.extend(candidates);
            }
            MediaOrder::Epoch { session, keys, role } => {
                let open = self.media.get_mut(&session).expect("keys for open media");
                open.sealing.install(*keys, role, now);
            }
            MediaOrder::Candidate { address, .. } => self.candidates.push(address),
            MediaOrder::Close { session, .. } => {
                self.media.remove(&session);
            }
        }
    }
}

/// A device of its own hardware.
pub(super) fn device(kind: DeviceKind, name: &str) -> Device {
    Device { kind, name: name.to_owned(), label: name.to_owned(), hardware: None }
}
