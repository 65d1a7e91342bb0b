//! A whole service against a contact who has every key of theirs and keeps no rule.
//!
//! Owns: the victim, the reading of bytes as steps, and what must hold after each of them. Does not
//! own: sockets or time; both are values here. Invariant: whatever the contact does, the microphone
//! and the camera open only for what the user took or asked for, and what the victim holds is
//! bounded and gone once the contact and time are.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use ahoy_core::{
    builtin::{
        self, BuiltIn, ConnId, DialId, Ends, InviteWish, MediaOrder, Own, Preferences, Sighting,
    },
    call::{Call, Marks, NameSource, Party},
    engine::{self, Command, CommandId, Engine, MAX_CALLS_PER_PROVIDER},
    id::{CallId, ContactId, Entropy, Handle, Now, SenderId},
    media::{Devices, MediaCommand, SessionId, VideoSize},
    peer::{Identity, PairState, PeerRecord},
    service::{Output, Service},
    session::{
        Chain, EpochInitiator, Established, Initiator, Responder, Secret, respond_epoch, tag,
    },
    wire::{
        Candidate, DeclineReason, Envelope, Frame, HangUpReason, Join, MediaWish, Offer, Purpose,
        Ringing, Signal,
    },
    written::Written,
};

use super::must;

/// Steps of one run: a call's whole life has about twenty.
const STEPS: usize = 60;
/// Connections the contact holds at once.
const LINES: usize = 6;
/// What one step may make the victim say: a call's opening or end has about twelve outputs, and the
/// user may end all calls at once.
const OUTPUTS: usize = 16 * MAX_CALLS_PER_PROVIDER;

/// Steps from bytes, each an operation and what it needs.
pub fn service(data: &[u8]) {
    let mut bytes = Bytes(data);
    let mut field = Field::new();
    for _ in 0..STEPS {
        if bytes.0.is_empty() {
            break;
        }
        field.step(&mut bytes);
        field.settle();
    }
    field.leave();
}

struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn next(&mut self) -> u8 {
        self.0.split_off_first().copied().unwrap_or(0)
    }

    fn some(&mut self) -> &'a [u8] {
        let length = usize::from(self.next()).min(self.0.len());
        self.0.split_off(..length).unwrap_or_default()
    }

    fn choose<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::from(self.next()) % from.len()]
    }
}

struct Counting(u64);

impl Entropy for Counting {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            *byte = self.0.to_be_bytes()[0];
        }
    }
}

/// The contact's end of a connection.
struct Line {
    conn: ConnId,
    call: CallId,
    seq: u32,
    asked: Option<Initiator>,
    /// The victim's message 1.
    hello: Option<Vec<u8>>,
    session: Option<Established>,
    chain: Option<Chain>,
    begun: Option<EpochInitiator>,
    /// The victim's first message of an epoch.
    rekey: Option<(u32, Vec<u8>)>,
    epoch: u32,
}

struct Field {
    service: Service,
    now: Now,
    lines: VecDeque<Line>,
    next_conn: u64,
    next_command: u64,
    next_call: u8,
    dials: VecDeque<DialId>,
    calls: Vec<CallId>,
    media: HashMap<SessionId, CallId>,
    /// Commands without an answer yet.
    waiting: HashSet<CommandId>,
    /// Calls that the user started or answered.
    taken: HashSet<CallId>,
    /// Those of them with pictures.
    filmed: HashSet<CallId>,
    invite: Secret,
    /// The pair's secret; a join changes it.
    pair: Secret,
}

fn victim() -> (Identity, Secret) {
    (Identity::from_seed(&Secret([11; 32])), Secret([12; 32]))
}

fn contact() -> (Identity, Secret) {
    (Identity::from_seed(&Secret([21; 32])), Secret([22; 32]))
}

const PAIR: Secret = Secret([31; 32]);
const ADDRESS: &str = "192.0.2.2:4711";

fn address(text: &str) -> SocketAddr {
    must(text.parse())
}

fn wish(video: bool) -> MediaWish {
    MediaWish { video, frame_ms: 10, accept: VideoSize::P720 }
}

impl Field {
    fn new() -> Self {
        let ((identity, device), (them, their_device)) = (victim(), contact());
        let record = PeerRecord {
            identity: them.key(),
            contact: ContactId("them".into()),
            name: "Them".into(),
            devices: them.certify(1, vec![their_device.device_key()]),
            secret: PAIR,
            state: PairState::Joined,
            hints: vec![address(ADDRESS)],
            blocked: false,
            verified: false,
        };
        let devices = identity.certify(1, vec![device.device_key()]);
        let preferences = Preferences {
            name: "Me".into(),
            devices: Devices::default(),
            frame_ms: 10,
            accept: VideoSize::P720,
            listens: vec![address("192.0.2.1:4711")],
            media_port: 4712,
        };
        let own = Own { identity, device, devices };
        let entropy = Box::new(Counting(1));
        let built_in = BuiltIn::new(entropy, own, preferences, vec![record], vec![], vec![]);
        let service = Service::new(Engine::new(Box::new(Counting(2))), built_in);
        let now = Now { mono: Duration::from_secs(1000), unix_us: 1_800_000_000_000_000 };
        let mut field = Self {
            service,
            now,
            lines: VecDeque::new(),
            next_conn: 1,
            next_command: 1,
            next_call: 1,
            dials: VecDeque::new(),
            calls: Vec::new(),
            media: HashMap::new(),
            waiting: HashSet::new(),
            taken: HashSet::new(),
            filmed: HashSet::new(),
            invite: Secret([0; 32]),
            pair: PAIR,
        };
        let expires_at = field.now.unix_s() + 7200;
        let wish = InviteWish { name: String::new(), expires_at, single_use: false };
        let _ = must(field.service.built_in().invite(field.now, wish));
        field.pass(Duration::ZERO);
        field.settle();
        field
    }

    fn step(&mut self, bytes: &mut Bytes<'_>) {
        match bytes.next() % 18 {
            0 => self.open(),
            1 => self.raw(bytes),
            2 | 3 => self.offer(bytes),
            4 | 5 => self.signal(bytes),
            6 => self.rekey1(bytes),
            7 => self.rekey2(bytes),
            8 => self.dialed(bytes),
            9 => self.ring(bytes),
            10 => self.close(bytes),
            11 => self.start(bytes),
            12 | 13 => self.command(bytes),
            14 => self.time(bytes),
            15 => self.media(bytes),
            16 => self.sighting(bytes),
            _ => self.join(bytes),
        }
    }

    fn open(&mut self) {
        if self.lines.len() >= LINES {
            return;
        }
        let conn = self.connect();
        self.service.built_in().handle_opened(conn, ends());
    }

    fn connect(&mut self) -> ConnId {
        let conn = ConnId(self.next_conn);
        self.next_conn += 1;
        self.lines.push_back(Line {
            conn,
            call: CallId([0; 16]),
            seq: 0,
            asked: None,
            hello: None,
            session: None,
            chain: None,
            begun: None,
            rekey: None,
            epoch: 0,
        });
        conn
    }

    /// One of the connections; the newest for an even choice, so that stories are short to tell.
    fn line(&mut self, bytes: &mut Bytes<'_>) -> Option<&mut Line> {
        let choice = usize::from(bytes.next());
        let last = self.lines.len().checked_sub(1)?;
        self.lines.get_mut(if choice % 2 == 0 { last } else { choice / 2 % (last + 1) })
    }

    fn raw(&mut self, bytes: &mut Bytes<'_>) {
        let Some(conn) = self.line(bytes).map(|line| line.conn) else { return };
        self.service.built_in().handle_frame(self.now, conn, bytes.some());
    }

    fn hour(&self) -> u64 {
        self.now.unix_s() / 3600
    }

    fn hello(&mut self, conn: ConnId, purpose: Purpose, secret: &Secret, payload: &[u8]) {
        let ((_, device), (_, victim)) = (contact(), victim());
        let started = Initiator::start(&device, victim.device_key(), secret, payload);
        let (noise, message) = must(started);
        if let Some(line) = self.lines.iter_mut().find(|line| line.conn == conn) {
            line.asked = Some(noise);
        }
        let context = [b"hello".as_slice(), &self.hour().to_be_bytes()].concat();
        let frame = Frame::Hello { purpose, tag: tag(secret, &context), message: &message };
        self.service.built_in().handle_frame(self.now, conn, &frame.to_bytes());
    }

    fn offer(&mut self, bytes: &mut Bytes<'_>) {
        self.next_call = self.next_call.wrapping_add(1);
        let mut fresh = [self.next_call; 16];
        fresh[0] = bytes.next();
        let known = self.calls.last().copied().unwrap_or(CallId([1; 16]));
        let ids = [CallId(fresh), CallId(fresh), known, CallId([0xFF; 16]), CallId([0; 16])];
        let call = bytes.choose(&ids);
        let now = self.now.unix_s();
        let (identity, device) = contact();
        let offer = Offer {
            call,
            devices: identity.certify(1, vec![device.device_key()]),
            media: wish(bytes.next() % 2 == 1),
            sent_at: bytes.choose(&[now, now, 0, u64::MAX]),
            expires_at: bytes.choose(&[now + 60, now + 60, u64::MAX, 0, now]),
            media_index: 9,
        };
        let payload = must(offer.to_bytes());
        let Some(line) = self.line(bytes) else { return };
        line.call = call;
        let conn = line.conn;
        let pair = self.pair.clone();
        self.hello(conn, Purpose::Call, &pair, &payload);
    }

    fn join(&mut self, bytes: &mut Bytes<'_>) {
        let (identity, device) = contact();
        let join = Join {
            devices: identity.certify(u64::from(bytes.next()), vec![device.device_key()]),
            name: String::from_utf8_lossy(bytes.some()).into_owned(),
            listens: bytes.choose(&[None, Some(0), Some(4711)]),
        };
        let payload = must(join.to_bytes());
        let secret = self.invite.clone();
        if let Some(conn) = self.line(bytes).map(|line| line.conn) {
            self.hello(conn, Purpose::Join, &secret, &payload);
        }
    }

    fn signal(&mut self, bytes: &mut Bytes<'_>) {
        let kind = bytes.next();
        let flags = bytes.next();
        let number = bytes.choose(&[1, 2, 0, u32::MAX]);
        let signal = match kind % 9 {
            0 => Signal::Candidate(Candidate { address: bytes.choose(&addresses()) }),
            1 => Signal::Accept { media: wish(flags % 2 == 1) },
            2 => Signal::Decline(DeclineReason::Declined),
            3 => Signal::Busy,
            4 => Signal::Select,
            5 => Signal::HangUp(bytes.choose(&[HangUpReason::Normal, HangUpReason::Glare])),
            6 => Signal::Rekey1 { number, message: bytes.some().to_vec() },
            7 => Signal::Rekey2 { number, message: bytes.some().to_vec() },
            _ if flags >= 128 => Signal::Text(must(Written::new("Hello".into(), flags & 1 != 0))),
            _ => {
                Signal::State { muted: flags & 1 != 0, video: flags & 2 != 0, held: flags & 4 != 0 }
            }
        };
        let jump = bytes.choose(&[None, None, None, Some(u32::MAX), Some(u32::MAX - 1)]);
        if let Some(line) = self.line(bytes) {
            line.seq = jump.unwrap_or(line.seq);
            let conn = line.conn;
            self.say(conn, signal);
        }
    }

    fn say(&mut self, conn: ConnId, signal: Signal) {
        let Some(line) = self.lines.iter_mut().find(|line| line.conn == conn) else { return };
        let Some(session) = &mut line.session else { return };
        let envelope = Envelope { call: line.call, seq: line.seq, signal };
        line.seq = line.seq.saturating_add(1);
        let Ok(plain) = envelope.to_padded() else { return };
        let sealed = must(session.seal(&plain));
        let frame = Frame::Sealed(&sealed).to_bytes();
        self.service.built_in().handle_frame(self.now, conn, &frame);
    }

    /// As the caller, an epoch as it should be.
    fn rekey1(&mut self, bytes: &mut Bytes<'_>) {
        let Some(line) = self.line(bytes) else { return };
        let Some(chain) = &line.chain else { return };
        let ((_, device), (_, victim)) = (contact(), victim());
        let number = line.epoch.saturating_add(1);
        let begun = EpochInitiator::start(&device, victim.device_key(), chain, number);
        let (begun, message) = must(begun);
        line.begun = Some(begun);
        let conn = line.conn;
        self.say(conn, Signal::Rekey1 { number, message });
    }

    /// As the callee, the answer to the victim's epoch.
    fn rekey2(&mut self, bytes: &mut Bytes<'_>) {
        let Some(line) = self.line(bytes) else { return };
        let (Some(chain), Some((number, message))) = (&line.chain, line.rekey.take()) else {
            return;
        };
        let ((_, device), (_, victim)) = (contact(), victim());
        let answered = respond_epoch(&device, victim.device_key(), chain, number, &message);
        if let Ok((_, chain, message)) = answered {
            line.chain = Some(chain);
            line.epoch = number;
            let conn = line.conn;
            self.say(conn, Signal::Rekey2 { number, message });
        }
    }

    fn dialed(&mut self, bytes: &mut Bytes<'_>) {
        let Some(dial) = self.dials.pop_front() else { return };
        let made =
            (bytes.next() & 3 != 0 && self.lines.len() < LINES).then(|| (self.connect(), ends()));
        self.service.built_in().handle_dialed(self.now, dial, made);
    }

    /// As the callee: message 2.
    fn ring(&mut self, bytes: &mut Bytes<'_>) {
        let pair = self.pair.clone();
        let Some(line) = self.line(bytes) else { return };
        let Some(hello) = line.hello.take() else { return };
        let (identity, device) = contact();
        let Ok(opened) = Responder::open(&device, &pair, &hello) else { return };
        let Ok(offer) = Offer::parse(&opened.payload) else { return };
        let devices = identity.certify(1, vec![device.device_key()]);
        let ringing = must(Ringing { devices, media_index: 8 }.to_bytes());
        let (session, answer) = must(opened.responder.finish(&ringing));
        line.call = offer.call;
        line.chain = Some(session.chain().clone());
        line.session = Some(session);
        let conn = line.conn;
        self.service.built_in().handle_frame(self.now, conn, &Frame::Answer(&answer).to_bytes());
    }

    fn close(&mut self, bytes: &mut Bytes<'_>) {
        if let Some(conn) = self.line(bytes).map(|line| line.conn) {
            self.gone(conn);
        }
    }

    fn gone(&mut self, conn: ConnId) {
        self.lines.retain(|line| line.conn != conn);
        self.service.built_in().handle_closed(self.now, conn);
    }

    fn command_id(&mut self) -> CommandId {
        let id = CommandId(self.next_command);
        self.next_command += 1;
        self.waiting.insert(id);
        id
    }

    fn start(&mut self, bytes: &mut Bytes<'_>) {
        let handle = must(Handle::new("ahoy", &contact().0.key().to_string()));
        let party = Party {
            handle,
            name: "Them".into(),
            source: NameSource::Contact,
            contact: None,
            marks: Marks::default(),
        };
        let mut id = [bytes.next(); 16];
        id[1] = self.next_call;
        self.next_call = self.next_call.wrapping_add(1);
        let (id, video) = (CallId(id), bytes.next() % 2 == 1);
        // Calling someone who rings is answering them.
        let rings = |call: &&Call| call.is_ringing() && call.view().pending_action.is_empty();
        let ringing = self.service.engine().calls().find(rings).map(Call::id);
        self.taken.insert(ringing.unwrap_or(id));
        if video {
            self.filmed.insert(ringing.unwrap_or(id));
        }
        let command =
            Command::Start { sender: SenderId::OWN, provider: None, party, video, id: Some(id) };
        let waits = self.command_id();
        self.service.handle_command(self.now, waits, command);
    }

    fn command(&mut self, bytes: &mut Bytes<'_>) {
        let choice = bytes.next();
        let on = bytes.next() % 2 == 1;
        let back = usize::from(bytes.next()) % self.calls.len().max(1);
        let Some(call) = self.calls.iter().rev().nth(back).copied() else { return };
        let first = self.calls.first().copied().unwrap_or(call);
        let command = match choice % 8 {
            4 if choice >= 128 => Command::SetHeld(call, on),
            5 if choice >= 128 => Command::Merge(call, first),
            7 if choice >= 128 => Command::Split(call),
            0 | 1 => Command::Answer { call, video: on },
            2 if on => Command::Decline(call, Some(must(Written::new("Later".into(), true)))),
            2 => Command::Decline(call, None),
            3 => Command::HangUp(call),
            4 => Command::SetMuted(call, on),
            5 => Command::SetVideo(call, on),
            6 => Command::EndAll,
            _ => Command::Silence(call),
        };
        if let Command::Answer { .. } = command {
            self.taken.insert(call);
        }
        if matches!(command, Command::Answer { .. } | Command::SetVideo(..)) && on {
            self.filmed.insert(call);
        }
        let waits = self.command_id();
        self.service.handle_command(self.now, waits, command);
    }

    fn time(&mut self, bytes: &mut Bytes<'_>) {
        let ms = bytes.choose(&[1, 1000, 5000, 20_000, 61_000, 125_000, 3_600_000]);
        self.pass(Duration::from_millis(ms));
    }

    fn pass(&mut self, time: Duration) {
        self.now.mono += time;
        self.now.unix_us += must(u64::try_from(time.as_micros()));
        self.service.handle_timeout(self.now);
    }

    fn media(&mut self, bytes: &mut Bytes<'_>) {
        let back = usize::from(bytes.next()) % self.calls.len().max(1);
        let Some(call) = self.calls.iter().rev().nth(back).copied() else { return };
        match bytes.next() % 3 {
            0 => self.service.built_in().handle_heard(self.now, call),
            1 => self.service.built_in().handle_bye(call),
            _ => self.service.built_in().handle_rekey_due(call),
        }
    }

    fn sighting(&mut self, bytes: &mut Bytes<'_>) {
        let them = contact().0.key();
        let context = [b"mdns".as_slice(), &them.0, &self.hour().to_be_bytes()].concat();
        let mut tags = vec![[0; 8]; usize::from(bytes.next()) * 8];
        tags.push(tag(&self.pair, &context));
        tags.reverse();
        let count = usize::from(bytes.next());
        let addresses = (0..count).map(|_| bytes.choose(&addresses())).collect();
        self.service.built_in().handle_sighting(self.now, &Sighting { tags, addresses });
    }

    /// Carries out what the victim wants until it wants nothing, and checks what must hold.
    fn settle(&mut self) {
        let mut count = 0;
        let mut closed = Vec::new();
        while let Some(output) = self.service.poll_output(self.now) {
            count += 1;
            assert!(count <= OUTPUTS, "one step makes much ado");
            match output {
                Output::Engine(output) => self.told(output),
                Output::BuiltIn(output) => self.carry_out(output, &mut closed),
            }
        }
        self.check();
        if !closed.is_empty() {
            for conn in closed {
                self.gone(conn);
            }
            self.settle();
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the rest is for display")]
    fn told(&mut self, output: engine::Output) {
        match output {
            engine::Output::Added(call) => self.calls.push(call),
            engine::Output::Reply(id, _) => assert!(self.waiting.remove(&id), "answered twice"),
            engine::Output::Text(call, _) => {
                assert!(self.taken.contains(&call), "somebody writes by ringing");
            }
            _ => {}
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the rest is for the store")]
    fn carry_out(&mut self, output: builtin::Output, closed: &mut Vec<ConnId>) {
        match output {
            builtin::Output::Dial(dial, to) => {
                assert!(to.port() != 0 && !to.ip().is_multicast() && !to.ip().is_unspecified());
                self.dials.push_back(dial);
            }
            builtin::Output::Send(conn, bytes) => self.received(conn, &bytes),
            builtin::Output::Close(conn) => closed.push(conn),
            builtin::Output::Media(order) => self.order(order),
            builtin::Output::Worker(command) => self.worker(&command),
            builtin::Output::SavePeer(peer) => self.pair = peer.secret,
            builtin::Output::SaveInvite(invite) => self.invite = invite.secret.clone(),
            _ => {}
        }
    }

    fn received(&mut self, conn: ConnId, bytes: &[u8]) {
        let Some(line) = self.lines.iter_mut().find(|line| line.conn == conn) else { return };
        match must(Frame::parse(bytes)) {
            Frame::Hello { message, .. } => line.hello = Some(message.to_vec()),
            Frame::Answer(message) => {
                let answered = line.asked.take().map(|noise| noise.finish(message));
                if let Some(Ok((session, _))) = answered {
                    line.chain = Some(session.chain().clone());
                    line.session = Some(session);
                }
            }
            Frame::Sealed(message) => {
                let Some(session) = &mut line.session else { return };
                let envelope = must(Envelope::parse(&must(session.open(message))));
                line.take(envelope.signal);
            }
        }
    }

    fn order(&mut self, order: MediaOrder) {
        match order {
            MediaOrder::Open { call, session, candidates, .. } => {
                assert!(candidates.iter().copied().all(is_usable));
                assert!(self.media.insert(session, call).is_none());
            }
            MediaOrder::Candidate { session, address } => {
                assert!(is_usable(address) && self.media.contains_key(&session));
            }
            MediaOrder::Epoch { session, .. } => assert!(self.media.contains_key(&session)),
            MediaOrder::Close { session, .. } => assert!(self.media.remove(&session).is_some()),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the rest opens no device")]
    fn worker(&self, command: &MediaCommand) {
        let (session, films) = match command {
            MediaCommand::Start { session, plan } => {
                (session, plan.video.as_ref().is_some_and(|video| video.send))
            }
            MediaCommand::SetCamera { session, on } => (session, *on),
            MediaCommand::SetMix { sessions } => {
                assert!(sessions.iter().all(|one| self.media.contains_key(one)));
                assert!(sessions.len() != 1, "a mix of one");
                return;
            }
            _ => return,
        };
        let Some(call) = self.media.get(session) else { panic!("media of no call") };
        assert!(self.taken.contains(call), "a microphone that nobody asked for");
        assert!(!films || self.filmed.contains(call), "a camera that nobody asked for");
    }

    fn check(&mut self) {
        for call in self.media.values() {
            let engaged = self.service.engine().call(*call).is_some_and(|call| call.is_engaged());
            assert!(engaged, "media without a call");
        }
        let calls = self.service.engine().calls().filter(|call| !call.state().is_ended()).count();
        let held = self.service.built_in().footprint();
        assert!(held.calls <= calls, "{held:?} beside {calls} calls");
        assert!(held.connections <= self.lines.len(), "{held:?}");
        assert!(held.dials <= self.dials.len(), "{held:?}");
        assert!(held.addresses <= 64, "{held:?}");
    }

    /// The contact goes, and time passes: nothing of theirs may stay.
    fn leave(&mut self) {
        while let Some(dial) = self.dials.pop_front() {
            self.service.built_in().handle_dialed(self.now, dial, None);
            self.settle();
        }
        for conn in self.lines.iter().map(|line| line.conn).collect::<Vec<_>>() {
            self.gone(conn);
            self.settle();
        }
        for _ in 0..40 {
            self.pass(Duration::from_secs(5));
            self.settle();
            let next = self.service.next_timeout();
            assert!(next.is_none_or(|at| at > self.now.mono), "a timer that stays due");
            while let Some(dial) = self.dials.pop_front() {
                self.service.built_in().handle_dialed(self.now, dial, None);
                self.settle();
            }
        }
        assert_eq!(self.service.engine().calls().count(), 0);
        assert!(self.media.is_empty() && self.waiting.is_empty());
        let held = self.service.built_in().footprint();
        assert_eq!((held.calls, held.connections, held.dials), (0, 0, 0));
    }
}

impl Line {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the rest needs no answer")]
    fn take(&mut self, signal: Signal) {
        match signal {
            Signal::Rekey1 { number, message } => self.rekey = Some((number, message)),
            Signal::Rekey2 { number, message } => {
                let begun = self.begun.take_if(|begun| begun.number() == number);
                if let Some(Ok((_, chain))) = begun.map(|begun| begun.finish(&message)) {
                    self.chain = Some(chain);
                    self.epoch = number;
                }
            }
            _ => {}
        }
    }
}

fn ends() -> Ends {
    Ends { local: address("192.0.2.1:4711"), remote: address("192.0.2.2:50000") }
}

/// Good ones and those that must never be sent to.
fn addresses() -> [SocketAddr; 9] {
    [
        address("192.0.2.2:4712"),
        address("[2001:db8::2]:4712"),
        address("192.0.2.2:0"),
        address("224.0.0.251:5353"),
        address("127.0.0.1:631"),
        address("[::ffff:127.0.0.1]:631"),
        address("0.0.0.0:4712"),
        address("255.255.255.255:9"),
        // The victim's own.
        address("192.0.2.1:4712"),
    ]
}

fn is_usable(address: SocketAddr) -> bool {
    let good = match address.ip().to_canonical() {
        IpAddr::V4(ip) => !(ip.is_loopback() || ip.is_broadcast()),
        IpAddr::V6(ip) => !ip.is_loopback(),
    };
    let sendable = !(address.ip().is_multicast() || address.ip().is_unspecified());
    good && sendable && address.port() != 0 && address != self::address("192.0.2.1:4712")
}
