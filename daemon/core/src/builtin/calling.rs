//! From an action to a handshake: starting, offering, being offered, ending.
//!
//! Owns: the engine's actions on a leg and both sides of OFFER and RINGING. Does not own: signals
//! inside the session. Invariant: every action is answered exactly once.

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use super::{
    Aim, BuiltIn, Conn, ConnId, Ends, Output, Use,
    devices::Choice,
    glare::Fate,
    leg::{DIAL_WAIT, Epoch, Leg, Linked, Phase, RING_WAIT, RINGING_WAIT, Stage, Theirs},
    peers::{Tag, hello_tag, hour},
};
use crate::{
    budget::Budget,
    call::{EndReason, NameSource, Party},
    id::{CallId, Handle, Now, Serial},
    media::{MediaCommand, Meter},
    peer::{IdentityKey, PairState, PeerRecord},
    provider::{Action, Capability, Encryption, NewCall, Progress, Report, Update},
    session::{DeviceKey, Established, Initiator},
    wire::{DeclineReason, Frame, HangUpReason, MediaWish, Offer, Purpose, Ringing, Signal},
};

/// An offer rings for this long at most, seconds.
const OFFER_LIFE_S: u64 = 60;
/// Clocks may differ by this much before an offer counts as expired, seconds.
const CLOCK_SLACK_S: u64 = 300;
/// An offer's id is remembered this long, seconds (design/link.md).
const SEEN_S: u64 = 24 * 3600;
/// Calls a contact may offer at once, and how often one more: nobody redials faster. Each leaves an
/// id in the seen-set, a row in the log and maybe a ring.
const OFFERS: u32 = 10;
/// Calls of one contact that ring here at once: one, and one more for a caller whose machine went
/// down without a word. The engine has room for few calls, and one contact must not fill it.
const RINGS: usize = 2;
const OFFER_EVERY: Duration = Duration::from_secs(10);
/// Signals a side may send at once, and how often one more. A call's opening has about ten; after
/// that there is a rekey every two minutes and whatever a person does with a mute button. Each may
/// cost a handshake here, or a signal on the bus.
const SIGNALS: u32 = 64;
const SIGNAL_EVERY: Duration = Duration::from_millis(250);
/// Texts that we send at once, and how often one more: within what the other side takes of all
/// signals (RFC 4103, section 5.1, has one every 300 ms, too).
const TEXTS: u32 = 32;
const TEXT_EVERY: Duration = Duration::from_millis(300);

impl BuiltIn {
    pub(super) fn perform(&mut self, now: Now, serial: Serial, call: CallId, action: Action) {
        let done = match action {
            Action::Start { remote, video, .. } => self.start(now, call, &remote, video),
            Action::Answer { video } => {
                self.answer(now, serial, call, video);
                return;
            }
            Action::End(reason) => {
                self.end(call, reason);
                Ok(())
            }
            Action::SetMuted(muted) => self.set_muted(call, muted),
            Action::SetVideo(video) => self.set_video(call, video),
            Action::SetHeld(held) => self.set_held(call, held),
            Action::SetGroup(with) => self.set_group(call, with),
            Action::SetEndpoint(name) => self.set_endpoint(call, name),
            Action::SwitchCamera(name) => self.switch_camera(call, name),
            Action::SetLocalSilence(silent) => self.set_local_silence(call, silent),
            Action::PlayDtmf(tones) => self.play_dtmf(call, tones),
            Action::SendText(written) => self.send_text(now, call, &written),
            // Neither is offered: they belong to capabilities that these calls do not have.
            Action::SetScreenShare(_) | Action::Transfer(_) => {
                Err("encrypted calls cannot do this".to_owned())
            }
        };
        self.emit(Output::Performed(serial, done));
    }

    fn start(
        &mut self,
        now: Now,
        call: CallId,
        remote: &Handle,
        video: bool,
    ) -> Result<(), String> {
        let unknown = || "they are not a contact: exchange an invite first".to_owned();
        let peer: IdentityKey = remote.value().parse().map_err(|_| unknown())?;
        let known = self.peers.get(&peer).ok_or_else(unknown)?;
        if let PairState::Pending { .. } = known.state {
            let name = &known.name;
            return Err(format!(
                "the invite of {name} is not confirmed yet: their device must be on and in reach once"
            ));
        }
        let left = self.addresses(peer).into();
        let until = now.mono + DIAL_WAIT;
        let leg = Leg {
            peer,
            wire: call,
            is_caller: true,
            wish: self.wish(video),
            local_index: self.random_index(),
            muted: false,
            held: false,
            choice: Choice::default(),
            meter: Meter::default(),
            round_trip: None,
            phase: Phase::Dialing { left, dialing: false, until },
        };
        self.legs.insert(call, leg);
        self.progress(call, Progress::Dialing);
        self.dial_next(call);
        Ok(())
    }

    pub(super) fn wish(&self, video: bool) -> MediaWish {
        MediaWish { video, frame_ms: self.preferences.frame_ms, accept: self.preferences.accept }
    }

    pub(super) fn report(&mut self, report: Report) {
        self.emit(Output::Report(report));
    }

    pub(super) fn progress(&mut self, call: CallId, progress: Progress) {
        self.report(Report::Progress { call, progress, at: 0 });
    }

    /// Tries the next address; with none left waits for mDNS to show one.
    pub(super) fn dial_next(&mut self, call: CallId) {
        let Some(leg) = self.legs.get_mut(&call) else {
            return;
        };
        let Phase::Dialing { left, dialing, .. } = &mut leg.phase else {
            return;
        };
        *dialing = !left.is_empty();
        if let Some(address) = left.pop_front() {
            self.dial(Aim::Call(call), address);
        }
    }

    /// A peer was seen: calls that look for it need not wait.
    pub(super) fn hurry_calls(&mut self, peer: IdentityKey) {
        let addresses = self.addresses(peer);
        let mut idle = Vec::new();
        for (call, leg) in &mut self.legs {
            if leg.peer != peer {
                continue;
            }
            if let Phase::Dialing { left, dialing: false, .. } = &mut leg.phase {
                left.extend(addresses.iter().copied());
                idle.push(*call);
            }
        }
        for call in idle {
            self.dial_next(call);
        }
    }

    /// Connected: OFFER.
    pub(super) fn offer(&mut self, now: Now, call: CallId, conn: ConnId, ends: Ends) {
        let Some((noise, tag, message)) = self.write_offer(now, call) else {
            self.emit(Output::Close(conn));
            return;
        };
        let Some(leg) = self.legs.get_mut(&call) else {
            return;
        };
        let until = now.mono + RINGING_WAIT;
        let left = match &mut leg.phase {
            Phase::Dialing { left, .. } => std::mem::take(left),
            Phase::Offered { .. } | Phase::Linked(_) => return,
        };
        leg.phase = Phase::Offered { noise: Box::new(noise), conn, left, until, theirs: None };
        self.conns.insert(conn, Conn { ends, used_for: Use::Call(call) });
        let frame = Frame::Hello { purpose: Purpose::Call, tag, message: &message };
        self.emit(Output::Send(conn, frame.to_bytes()));
    }

    fn write_offer(&self, now: Now, call: CallId) -> Option<(Initiator, Tag, Vec<u8>)> {
        let leg = self.legs.get(&call)?;
        let Phase::Dialing { .. } = leg.phase else {
            return None;
        };
        let peer = self.peers.get(&leg.peer)?;
        let offer = Offer {
            call: leg.wire,
            devices: self.own.devices.clone(),
            media: leg.wish.clone(),
            sent_at: now.unix_s(),
            expires_at: now.unix_s() + OFFER_LIFE_S,
            media_index: leg.local_index,
        };
        let device = *peer.devices.devices.first()?;
        let payload = offer.to_bytes().ok()?;
        let (noise, message) =
            Initiator::start(&self.own.device, device, &peer.secret, &payload).ok()?;
        Some((noise, hello_tag(&peer.secret, hour(now)), message))
    }

    /// Somebody calls. `None`: not a contact, a replay, or malformed; nothing has changed then.
    pub(super) fn offered(
        &mut self,
        now: Now,
        conn: ConnId,
        tag: Tag,
        message: &[u8],
    ) -> Option<()> {
        let peer = self.recognise(now, tag)?.clone();
        let opened = self.open_hello(&peer.secret, message)?;
        let offer = Offer::parse(&opened.payload).ok()?;
        let device = opened.responder.caller();
        let known = self.seen.contains_key(&offer.call);
        if !Self::is_from(&offer, &peer, device) || known || !self.may_offer(now, peer.identity) {
            return None;
        }
        let fate = self.fate(now, peer.identity, offer.call)?;
        let until = now.unix_s() + SEEN_S;
        self.seen.insert(offer.call, until);
        self.emit(Output::Seen(offer.call, until));
        let theirs = Theirs { conn, offer, responder: opened.responder };
        match fate {
            Fate::Rings => self.ring(now, &peer, theirs),
            Fate::TakenUp(call) => self.take_up(now, call, theirs),
            Fate::Waits(call) => self.let_wait(call, theirs),
        }
    }

    /// RINGING for their offer; gives the session.
    pub(super) fn ring_back(
        &mut self,
        now: Now,
        call: CallId,
        theirs: Theirs,
        local_index: u32,
        stage: Stage,
    ) -> Option<Linked> {
        let Theirs { conn, offer, responder } = theirs;
        let device = responder.caller();
        let ringing = Ringing { devices: self.own.devices.clone(), media_index: local_index };
        let (session, answer) = responder.finish(&ringing.to_bytes().ok()?).ok()?;
        self.conns.get_mut(&conn)?.used_for = Use::Call(call);
        self.emit(Output::Send(conn, Frame::Answer(&answer).to_bytes()));
        Some(Linked::new(now, conn, session, device, offer.media_index, stage))
    }

    /// A call comes in.
    fn ring(&mut self, now: Now, peer: &PeerRecord, theirs: Theirs) -> Option<()> {
        let offer = theirs.offer.clone();
        let local_index = self.random_index();
        let stage = Stage::LocalRinging;
        let linked = self.ring_back(now, offer.call, theirs, local_index, stage)?;
        let leg = Leg {
            peer: peer.identity,
            wire: offer.call,
            is_caller: false,
            wish: self.wish(false),
            local_index,
            muted: false,
            held: false,
            choice: Choice::default(),
            meter: Meter::default(),
            round_trip: None,
            phase: Phase::Linked(Box::new(linked)),
        };
        self.legs.insert(offer.call, leg);
        let ring = Self::ring_time(now, &offer);
        let expires_at = now.unix_us + ring.unwrap_or(0) * 1_000_000;
        let party = self.party(peer);
        let encryption = peer.encryption();
        self.report(Self::incoming(&offer, party, encryption, expires_at));
        match ring {
            Some(_) => self.send_candidate(offer.call),
            // The engine makes a missed call of it, which is over at once.
            None => self.end(offer.call, EndReason::Unanswered),
        }
        Some(())
    }

    fn may_offer(&mut self, now: Now, peer: IdentityKey) -> bool {
        let rings = |leg: &&Leg| leg.peer == peer && leg.is_ringing();
        if self.legs.values().filter(rings).count() >= RINGS {
            return false;
        }
        let full = || Budget::new(OFFERS, OFFER_EVERY, now.mono);
        self.offers.entry(peer).or_insert_with(full).take(now.mono)
    }

    fn is_from(offer: &Offer, peer: &PeerRecord, device: DeviceKey) -> bool {
        offer.devices.identity == peer.identity
            && offer.devices.number >= peer.devices.number
            && offer.devices.certifies(device)
    }

    /// How long an offer may ring, seconds; `None`: it comes too late.
    fn ring_time(now: Now, offer: &Offer) -> Option<u64> {
        // A clock that is off must not silence a call that just came over a direct connection.
        let fresh = offer.expires_at.saturating_add(CLOCK_SLACK_S) > now.unix_s();
        let life = offer.expires_at.saturating_sub(offer.sent_at).min(OFFER_LIFE_S);
        (fresh && life > 0).then_some(life)
    }

    fn incoming(offer: &Offer, party: Party, encryption: Encryption, expires_at: u64) -> Report {
        let new = NewCall {
            call: offer.call,
            party,
            video: offer.media.video,
            capabilities: capabilities(),
            encryption,
            log: true,
            resume: None,
        };
        Report::Incoming { new, expires_at }
    }

    fn party(&self, peer: &PeerRecord) -> Party {
        let address = peer.identity.to_string();
        let marks = self.marks.get(&peer.contact).copied().unwrap_or_default();
        Party {
            // z-base-32 is always a legal value; the fallback is never taken.
            handle: Handle::new("ahoy", &address).unwrap_or_else(|_| Handle::unknown()),
            name: peer.name.clone(),
            source: NameSource::Contact,
            contact: Some(peer.contact.clone()),
            marks,
        }
    }

    /// RINGING: the callee's device answered the handshake.
    pub(super) fn rung(&mut self, now: Now, call: CallId, message: &[u8]) -> Option<()> {
        let leg = self.legs.get_mut(&call)?;
        let peer = self.peers.get(&leg.peer)?.clone();
        let looking = Phase::Dialing { left: VecDeque::new(), dialing: false, until: now.mono };
        let (noise, conn, left, until, theirs) = match std::mem::replace(&mut leg.phase, looking) {
            Phase::Offered { noise, conn, left, until, theirs } => {
                (noise, conn, left, until, theirs)
            }
            other @ (Phase::Dialing { .. } | Phase::Linked(_)) => {
                leg.phase = other;
                return None;
            }
        };
        let Some(linked) = Self::read_ringing(now, &peer, conn, *noise, message) else {
            // Not their device: somebody else is at this address now.
            leg.phase = Phase::Dialing { left, dialing: false, until };
            self.finish_conn(conn);
            self.go_on(now, call, theirs);
            return Some(());
        };
        leg.phase = Phase::Linked(Box::new(linked));
        // Who calls us, too, has taken our offer up: nothing rings there.
        let rings = theirs.is_none();
        if let Some(theirs) = theirs {
            self.finish_conn(theirs.conn);
        }
        self.remember_way(&peer, conn);
        let update = Update {
            encryption: Some(peer.encryption()),
            capabilities: Some(capabilities()),
            ..Update::default()
        };
        self.report(Report::Update { call, update });
        if rings {
            self.progress(call, Progress::RemoteRinging);
        }
        self.send_candidate(call);
        self.start_epoch(call);
        Some(())
    }

    fn read_ringing(
        now: Now,
        peer: &PeerRecord,
        conn: ConnId,
        noise: Initiator,
        message: &[u8],
    ) -> Option<Linked> {
        let (session, payload) = noise.finish(message).ok()?;
        let ringing = Ringing::parse(&payload).ok()?;
        let device = *peer.devices.devices.first()?;
        let theirs = ringing.devices.identity == peer.identity && ringing.devices.certifies(device);
        let stage = Stage::RemoteRinging { until: now.mono + RING_WAIT };
        let index = ringing.media_index;
        theirs.then(|| Linked::new(now, conn, session, device, index, stage))
    }

    fn remember_way(&mut self, peer: &PeerRecord, conn: ConnId) {
        let Some(remote) = self.conns.get(&conn).map(|conn| conn.ends.remote) else {
            return;
        };
        if peer.hints.first() != Some(&remote) {
            let mut peer = peer.clone();
            peer.remember(remote);
            self.save(peer);
        }
    }

    /// The engine ends the call; the other side is told why.
    fn end(&mut self, call: CallId, reason: EndReason) {
        let Some(leg) = self.legs.get(&call) else {
            return;
        };
        let signal = match leg.linked().map(|linked| &linked.stage) {
            Some(Stage::LocalRinging) => match reason {
                EndReason::Unanswered => Signal::Decline(DeclineReason::Unanswered),
                EndReason::Busy => Signal::Busy,
                EndReason::LocalHangup
                | EndReason::RemoteHangup
                | EndReason::Declined
                | EndReason::Cancelled
                | EndReason::AnsweredElsewhere
                | EndReason::DeclinedElsewhere
                | EndReason::Blocked
                | EndReason::Failed
                | EndReason::ProviderGone => Signal::Decline(DeclineReason::Declined),
            },
            Some(Stage::RemoteRinging { .. }) => Signal::HangUp(HangUpReason::Cancelled),
            Some(Stage::Answering { .. } | Stage::Connecting { .. } | Stage::Active { .. }) => {
                Signal::HangUp(HangUpReason::Normal)
            }
            // Before RINGING the other side has nothing that rings; closing says it all.
            None => {
                self.remove_leg(call, false);
                return;
            }
        };
        self.send_signal(call, signal);
        self.remove_leg(call, true);
    }

    /// Frees what a leg holds: media, connection, the leg itself.
    pub(super) fn remove_leg(&mut self, call: CallId, say_bye: bool) -> Option<Leg> {
        let session = self.legs.get(&call).and_then(Leg::session);
        self.leave_mix(call);
        let leg = self.legs.remove(&call)?;
        if let Some(session) = session {
            self.emit(Output::Media(super::MediaOrder::Close { session, say_bye }));
            self.emit(Output::Worker(MediaCommand::Stop { session }));
        }
        for conn in leg.phase.conns() {
            self.finish_conn(conn);
        }
        Some(leg)
    }
}

impl Linked {
    pub(super) fn new(
        now: Now,
        conn: ConnId,
        session: Established,
        device: DeviceKey,
        remote_index: u32,
        stage: Stage,
    ) -> Self {
        let epoch =
            Epoch { chain: session.chain().clone(), number: 0, initiating: None, ready: None };
        Self {
            conn: Some(conn),
            since: now.mono,
            session,
            sent: 0,
            expect: 0,
            budget: Budget::new(SIGNALS, SIGNAL_EVERY, now.mono),
            texts: Budget::new(TEXTS, TEXT_EVERY, now.mono),
            device,
            remote_index,
            candidates: Vec::new(),
            epoch,
            stage,
        }
    }
}

pub(super) fn capabilities() -> BTreeSet<Capability> {
    let all = [
        Capability::Hold,
        Capability::Mute,
        Capability::Video,
        Capability::Dtmf,
        Capability::Merge,
        Capability::Endpoints,
        Capability::Text,
    ];
    all.into()
}
