//! Invites: writing one, accepting one, and the handshake that makes two people contacts.
//!
//! Owns: JOIN and WELCOME, retries while the issuer is away. Does not own: the link's form
//! (`peer::invite`). Invariant: an invite's secret stops being a pair's secret the moment both
//! sides have met; a single-use invite serves one identity and no second.

use std::{net::SocketAddr, time::Duration};

use super::{
    Aim, BuiltIn, Conn, ConnId, Ends, Output, Use,
    peers::{Tag, hello_tag, hour},
};
use crate::{
    id::{ContactId, Now},
    peer::{IdentityKey, Invite, InviteError, IssuedInvite, PairState, PeerRecord},
    session::{Initiator, Secret},
    wire::{Frame, Join, Purpose, Welcome},
};

/// First wait before a join is tried again; doubles to [`RETRY_MAX`].
const RETRY_FIRST: Duration = Duration::from_secs(5);
const RETRY_MAX: Duration = Duration::from_secs(300);
/// An answer to a join comes within this time or counts as missed.
const ANSWER_WAIT: Duration = Duration::from_secs(10);
/// Joins that may come at once, and how often one more: an invite for many may be in many hands, each
/// join is written to the store, and who has to wait comes again by themselves.
pub(super) const JOINS: u32 = 30;
pub(super) const JOIN_EVERY: Duration = Duration::from_secs(20);
/// The longest name a peer may give itself, bytes.
const MAX_NAME: usize = 100;

/// What an invite is to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InviteWish {
    /// How we sign it; empty: as the preferences say.
    pub name: String,
    /// Seconds since the epoch.
    pub expires_at: u64,
    /// Whether it serves one person only.
    pub single_use: bool,
}

/// Why a join did not come about.
pub type JoinError = InviteError;

/// A join that is under way.
pub(super) struct Joining {
    wait: Duration,
    stage: Stage,
}

enum Stage {
    /// Try at this time.
    Waiting(Duration),
    /// A dial is out; these addresses are left.
    Dialing(Vec<SocketAddr>),
    /// Message 1 is out; gives up at this time.
    Asked { noise: Box<Initiator>, conn: ConnId, until: Duration, left: Vec<SocketAddr> },
}

impl Joining {
    pub(super) const fn new() -> Self {
        Self { wait: RETRY_FIRST, stage: Stage::Waiting(Duration::ZERO) }
    }

    pub(super) const fn deadline(&self) -> Duration {
        match &self.stage {
            Stage::Waiting(at) => *at,
            // The dial ends by itself: the adapter has a time limit of its own.
            Stage::Dialing(_) => Duration::MAX,
            Stage::Asked { until, .. } => *until,
        }
    }
}

impl BuiltIn {
    /// Writes an invite.
    ///
    /// # Errors
    /// [`InviteError::Expired`] where its time is over before it begins.
    pub fn invite(&mut self, now: Now, wish: InviteWish) -> Result<String, InviteError> {
        if wish.expires_at <= now.unix_s() {
            return Err(InviteError::Expired);
        }
        let mut secret = Secret([0; 32]);
        self.entropy.fill(&mut secret.0);
        let name = if wish.name.is_empty() { &self.preferences.name } else { &wish.name };
        let name = shorten(name);
        let invite = Invite {
            devices: self.own.devices.clone(),
            secret: secret.0,
            hints: self.preferences.listens.iter().copied().take(3).collect(),
            homes: Vec::new(),
            expires_at: wish.expires_at,
            single_use: wish.single_use,
            name: name.clone(),
        };
        let link = invite.to_link(&self.own.identity)?;
        let issued = IssuedInvite {
            secret,
            expires_at: wish.expires_at,
            single_use: wish.single_use,
            used: false,
            used_by: None,
            name,
        };
        self.invites.push(issued.clone());
        self.known_changed();
        self.emit(Output::SaveInvite(Box::new(issued)));
        self.announce(now);
        Ok(link)
    }

    /// Accepts an invite: keeps its issuer as a pending contact and looks for them from now on.
    ///
    /// # Errors
    /// [`InviteError`] says what is wrong with the link.
    pub fn accept(&mut self, now: Now, link: &str, name: &str) -> Result<ContactId, InviteError> {
        let invite = Invite::from_link(link, self.identity(), now.unix_s())?;
        let identity = invite.devices.identity;
        let known = self.peers.get(&identity);
        if let Some(known) = known
            && known.state == PairState::Joined
        {
            return Ok(known.contact.clone());
        }
        let contact = known.map(|known| known.contact.clone());
        let contact = contact.unwrap_or_else(|| self.new_contact());
        let name = if name.is_empty() { &invite.name } else { name };
        let peer = PeerRecord {
            identity,
            contact: contact.clone(),
            name: shorten(name),
            devices: invite.devices.clone(),
            secret: Secret(invite.secret),
            state: PairState::Pending { expires_at: invite.expires_at },
            hints: invite.hints.clone(),
            blocked: false,
            verified: false,
        };
        self.save(peer);
        self.joining.insert(identity, Joining::new());
        self.retry_joins(now);
        Ok(contact)
    }

    fn new_contact(&mut self) -> ContactId {
        ContactId(crate::id::CallId::random(self.entropy.as_mut()).to_string())
    }

    /// Starts every join whose time has come.
    pub(super) fn retry_joins(&mut self, now: Now) {
        let due = self.joining.iter().filter(|(_, one)| one.deadline() <= now.mono);
        for identity in due.map(|(identity, _)| *identity).collect::<Vec<_>>() {
            match self.joining.remove(&identity).map(|one| (one.wait, one.stage)) {
                Some((wait, Stage::Waiting(_) | Stage::Dialing(_))) => {
                    self.start_join(now, identity, wait);
                }
                Some((wait, Stage::Asked { conn, left, .. })) => {
                    self.finish_conn(conn);
                    self.try_next(now, identity, wait, left);
                }
                None => {}
            }
        }
    }

    fn start_join(&mut self, now: Now, identity: IdentityKey, wait: Duration) {
        let Some(peer) = self.peers.get(&identity) else {
            return;
        };
        if let PairState::Pending { expires_at } = peer.state
            && expires_at <= now.unix_s()
        {
            let contact = peer.contact.clone();
            self.emit(Output::JoinFailed(contact, InviteError::Expired));
            return;
        }
        let left = self.addresses(identity);
        self.try_next(now, identity, wait, left);
    }

    fn try_next(
        &mut self,
        now: Now,
        identity: IdentityKey,
        wait: Duration,
        mut left: Vec<SocketAddr>,
    ) {
        let (wait, stage) = if left.is_empty() {
            ((wait * 2).min(RETRY_MAX), Stage::Waiting(now.mono + wait))
        } else {
            let address = left.remove(0);
            self.dial(Aim::Join(identity), address);
            (wait, Stage::Dialing(left))
        };
        self.joining.insert(identity, Joining { wait, stage });
    }

    /// The dial failed, or the connection closed without an answer.
    pub(super) fn join_missed(&mut self, now: Now, identity: IdentityKey) {
        match self.joining.remove(&identity).map(|one| (one.wait, one.stage)) {
            Some((wait, Stage::Dialing(left) | Stage::Asked { left, .. })) => {
                self.try_next(now, identity, wait, left);
            }
            Some((wait, Stage::Waiting(at))) => {
                self.joining.insert(identity, Joining { wait, stage: Stage::Waiting(at) });
            }
            None => {}
        }
    }

    /// The issuer was seen: no need to wait.
    pub(super) fn hurry_join(&mut self, now: Now, identity: IdentityKey) {
        let waits = |one: &&mut Joining| matches!(one.stage, Stage::Waiting(_));
        if let Some(one) = self.joining.get_mut(&identity).filter(waits) {
            *one = Joining::new();
            self.retry_joins(now);
        }
    }

    /// Connected to the issuer: JOIN.
    pub(super) fn send_join(&mut self, now: Now, identity: IdentityKey, conn: ConnId, ends: Ends) {
        let payload = Join {
            devices: self.own.devices.clone(),
            name: shorten(&self.preferences.name),
            listens: self.preferences.listens.first().map(SocketAddr::port),
        };
        let started = self.peers.get(&identity).and_then(|peer| {
            let device = *peer.devices.devices.first()?;
            let payload = payload.to_bytes().ok()?;
            let started =
                Initiator::start(&self.own.device, device, &peer.secret, &payload).ok()?;
            Some((started, hello_tag(&peer.secret, hour(now))))
        });
        let joining = self.joining.remove(&identity);
        let (Some(((noise, message), tag)), Some(Joining { wait, stage: Stage::Dialing(left) })) =
            (started, joining)
        else {
            self.emit(Output::Close(conn));
            return;
        };
        self.conns.insert(conn, Conn { ends, used_for: Use::Join(identity) });
        let frame = Frame::Hello { purpose: Purpose::Join, tag, message: &message };
        self.emit(Output::Send(conn, frame.to_bytes()));
        let until = now.mono + ANSWER_WAIT;
        let stage = Stage::Asked { noise: Box::new(noise), conn, until, left };
        self.joining.insert(identity, Joining { wait, stage });
    }

    /// Somebody uses one of our invites.
    pub(super) fn joined_by(
        &mut self,
        now: Now,
        conn: ConnId,
        tag: Tag,
        message: &[u8],
    ) -> Option<()> {
        let place = self.recognise_invite(now, tag)?;
        let invite = self.invites.get(place)?.clone();
        let opened = self.open_hello(&invite.secret, message)?;
        let join = Join::parse(&opened.payload).ok()?;
        let caller = opened.responder.caller();
        let identity = join.devices.identity;
        if !join.devices.certifies(caller) || identity == self.identity() {
            return None;
        }
        // A device that was taken off the list must not come back with an older one.
        let newest = self.peers.get(&identity).map_or(0, |peer| peer.devices.number);
        if join.devices.number < newest {
            return None;
        }
        if !self.joins.take(now.mono) {
            return None;
        }
        let answer = match invite.check(now.unix_s(), identity) {
            Ok(()) => self.welcome(conn, place, &join)?,
            Err(InviteError::Used) => Welcome::Used,
            Err(_) => Welcome::Expired,
        };
        let (_, answer) = opened.responder.finish(&answer.to_bytes().ok()?).ok()?;
        self.emit(Output::Send(conn, Frame::Answer(&answer).to_bytes()));
        self.finish_conn(conn);
        Some(())
    }

    /// Makes the joiner a contact, or finds that they are one (their welcome was lost).
    fn welcome(&mut self, conn: ConnId, place: usize, join: &Join) -> Option<Welcome> {
        let identity = join.devices.identity;
        let mut secret = Secret([0; 32]);
        self.entropy.fill(&mut secret.0);
        let ends = self.conns.get(&conn)?.ends;
        let known = self.peers.get(&identity).cloned();
        let contact = known.as_ref().map(|peer| peer.contact.clone());
        let contact = contact.unwrap_or_else(|| self.new_contact());
        let invite = self.invites.get_mut(place)?;
        invite.used = true;
        invite.used_by = Some(identity);
        let invite = invite.clone();
        let signed = invite.name.clone();
        let name = &join.name;
        let name = known.as_ref().map_or(name, |peer| &peer.name);
        let mut peer = PeerRecord {
            identity,
            contact: contact.clone(),
            name: shorten(name),
            devices: join.devices.clone(),
            secret: secret.clone(),
            state: PairState::Joined,
            hints: Vec::new(),
            // A blocked person does not unblock themselves with an invite.
            blocked: known.as_ref().is_some_and(|peer| peer.blocked),
            verified: known.is_some_and(|peer| peer.verified),
        };
        if let Some(port) = join.listens {
            peer.remember(SocketAddr::new(ends.remote.ip(), port));
        }
        self.save(peer);
        self.joining.remove(&identity);
        self.emit(Output::SaveInvite(Box::new(invite)));
        self.emit(Output::Joined(contact));
        Some(Welcome::Joined { devices: self.own.devices.clone(), name: signed, secret: secret.0 })
    }

    /// The issuer answered.
    pub(super) fn welcomed(
        &mut self,
        now: Now,
        identity: IdentityKey,
        conn: ConnId,
        message: &[u8],
    ) -> Option<()> {
        let joining = self.joining.remove(&identity)?;
        let Joining { wait, stage: Stage::Asked { noise, left, .. } } = joining else {
            self.joining.insert(identity, joining);
            return None;
        };
        let Some(answer) = noise.finish(message).ok().map(|(_, payload)| payload) else {
            // Not the issuer: somebody else is at this address now.
            self.finish_conn(conn);
            self.try_next(now, identity, wait, left);
            return Some(());
        };
        let remote = self.conns.get(&conn)?.ends.remote;
        self.finish_conn(conn);
        let mut peer = self.peers.get(&identity)?.clone();
        let contact = peer.contact.clone();
        match Welcome::parse(&answer).ok()? {
            Welcome::Joined { devices, name, secret } => {
                if devices.identity != identity
                    || devices.number < peer.devices.number
                    || !devices.certifies(*peer.devices.devices.first()?)
                {
                    return Some(());
                }
                if peer.name.is_empty() {
                    peer.name = shorten(&name);
                }
                peer.devices = devices;
                peer.secret = Secret(secret);
                peer.state = PairState::Joined;
                peer.remember(remote);
                self.save(peer);
                self.emit(Output::Joined(contact));
                self.announce(now);
            }
            Welcome::Used => self.emit(Output::JoinFailed(contact, InviteError::Used)),
            Welcome::Expired => self.emit(Output::JoinFailed(contact, InviteError::Expired)),
        }
        Some(())
    }
}

/// A name from outside, at most [`MAX_NAME`] bytes, without control characters.
fn shorten(name: &str) -> String {
    let mut short = String::new();
    for c in name.trim().chars().filter(|c| !c.is_control()) {
        if short.len() + c.len_utf8() > MAX_NAME {
            break;
        }
        short.push(c);
    }
    short
}
