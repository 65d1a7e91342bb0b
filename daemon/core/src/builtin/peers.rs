//! Who we know, how we recognise them and where they are.
//!
//! Owns: rotating tags, sightings, candidate addresses. Does not own: mDNS. Invariant: a tag tells
//! nothing to whom the pair's secret is unknown, and is void after the hour it is for and the two
//! beside it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::{IpAddr, SocketAddr},
};

use super::{BuiltIn, Output, join::Joining};
use crate::{
    id::{CallId, Now},
    peer::{IdentityKey, IssuedInvite, PairState, PeerRecord},
    provider::{Report, Update},
    session::{Opened, Responder, Secret, tag},
};

/// Eight bytes by which the holder of a secret is recognised.
pub type Tag = [u8; 8];

/// A device that mDNS shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The tags it shows, one for each of its contacts.
    pub tags: Vec<Tag>,
    /// Where its signalling listens.
    pub addresses: Vec<SocketAddr>,
}

const HOUR_S: u64 = 3600;
/// Tags shown at once: what fits one mDNS record with room to spare.
const MAX_TAGS: usize = 100;

/// Addresses taken from one sighting; a machine has a few.
const MAX_SHOWN: usize = 8;
/// Addresses kept of one peer's sightings. More than one sighting has: tags can be copied by whoever
/// sees them on the network, and such a copy must not take the place of the true one.
const MAX_SIGHTED: usize = 2 * MAX_SHOWN;

/// An address with an IPv4 address as such: its mapped form hides what kind it is.
pub(super) fn plain(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// Whether one machine can be at an address that somebody named.
pub(super) fn is_usable(address: SocketAddr) -> bool {
    let ip = address.ip().to_canonical();
    let all = matches!(ip, IpAddr::V4(ip) if ip.is_broadcast());
    address.port() != 0 && !ip.is_unspecified() && !ip.is_multicast() && !all
}

pub(super) const fn hour(now: Now) -> u64 {
    now.unix_s() / HOUR_S
}

/// Clocks differ: the hours before and after count, too.
fn hours(now: Now) -> impl Iterator<Item = u64> {
    let hour = hour(now);
    hour.saturating_sub(1)..=hour + 1
}

/// The tag of a handshake's first message.
pub(super) fn hello_tag(secret: &Secret, hour: u64) -> Tag {
    tag(secret, &[b"hello".as_slice(), &hour.to_be_bytes()].concat())
}

/// The tag that `shower` shows for the holder of `secret`.
fn mdns_tag(secret: &Secret, shower: IdentityKey, hour: u64) -> Tag {
    tag(secret, &[b"mdns".as_slice(), &shower.0, &hour.to_be_bytes()].concat())
}

/// Who may show which tag in this hour and the two beside it. Reckoned once an hour: whoever sends
/// what nobody knows must not make us reckon three tags for each contact every time.
pub(super) struct Tags {
    hour: u64,
    contacts: HashMap<Tag, IdentityKey>,
    invites: HashMap<Tag, usize>,
    sighted: HashMap<Tag, IdentityKey>,
}

impl Tags {
    fn new(now: Now, peers: &BTreeMap<IdentityKey, PeerRecord>, invites: &[IssuedInvite]) -> Self {
        let mut tags = Self {
            hour: hour(now),
            contacts: HashMap::new(),
            invites: HashMap::new(),
            sighted: HashMap::new(),
        };
        for hour in hours(now) {
            for (identity, peer) in peers {
                tags.contacts.insert(hello_tag(&peer.secret, hour), *identity);
                tags.sighted.insert(mdns_tag(&peer.secret, *identity, hour), *identity);
            }
            for (place, invite) in invites.iter().enumerate() {
                tags.invites.insert(hello_tag(&invite.secret, hour), place);
            }
        }
        tags
    }
}

impl BuiltIn {
    /// Adds or replaces a peer.
    pub(super) fn know(&mut self, peer: PeerRecord) {
        if let PairState::Pending { .. } = peer.state {
            self.joining.insert(peer.identity, Joining::new());
        }
        self.peers.insert(peer.identity, peer);
        self.known_changed();
    }

    /// Puts a changed record into the store.
    pub(super) fn save(&mut self, peer: PeerRecord) {
        self.peers.insert(peer.identity, peer.clone());
        self.known_changed();
        self.emit(Output::SavePeer(Box::new(peer)));
    }

    /// The user compared the safety number of this call's two ends: it matches, or it does not.
    /// False: there is no such call.
    pub fn confirm(&mut self, call: CallId, matches: bool) -> bool {
        let Some(peer) = self.legs.get(&call).and_then(|leg| self.peers.get(&leg.peer)) else {
            return false;
        };
        let peer = PeerRecord { verified: matches, ..peer.clone() };
        let (identity, encryption) = (peer.identity, Some(peer.encryption()));
        self.save(peer);
        let calls: Vec<CallId> = self
            .legs
            .iter()
            .filter(|(_, leg)| leg.peer == identity)
            .map(|(call, _)| *call)
            .collect();
        for call in calls {
            let update = Update { encryption, ..Update::default() };
            self.report(Report::Update { call, update });
        }
        true
    }

    /// The user removed a contact: calls from it are refused from here on.
    pub fn forget(&mut self, identity: IdentityKey) {
        self.peers.remove(&identity);
        self.joining.remove(&identity);
        self.sighted.remove(&identity);
        self.offers.remove(&identity);
        self.known_changed();
    }

    /// The peers, for the address book.
    pub fn peers(&self) -> impl Iterator<Item = &PeerRecord> {
        self.peers.values()
    }

    /// A contact's record.
    #[must_use]
    pub fn peer(&self, identity: IdentityKey) -> Option<&PeerRecord> {
        self.peers.get(&identity)
    }

    /// The user renamed, blocked or unblocked a contact.
    pub fn update_peer(&mut self, identity: IdentityKey, change: impl FnOnce(&mut PeerRecord)) {
        if let Some(mut peer) = self.peers.get(&identity).cloned() {
            change(&mut peer);
            self.save(peer);
        }
    }

    /// Secrets came or went: others are recognised and announced from here on.
    pub(super) fn known_changed(&mut self) {
        self.announced_hour = None;
        self.tags = None;
    }

    fn tags(&mut self, now: Now) -> &Tags {
        let hour = hour(now);
        self.tags.take_if(|tags| tags.hour != hour);
        self.tags.get_or_insert_with(|| Tags::new(now, &self.peers, &self.invites))
    }

    /// The joined, unblocked contact whose secret this first message is under.
    pub(super) fn recognise(&mut self, now: Now, shown: Tag) -> Option<&PeerRecord> {
        let peer = *self.tags(now).contacts.get(&shown)?;
        let good = |peer: &&PeerRecord| peer.state == PairState::Joined && !peer.blocked;
        self.peers.get(&peer).filter(good)
    }

    /// The place of the invite this first message is under.
    pub(super) fn recognise_invite(&mut self, now: Now, shown: Tag) -> Option<usize> {
        self.tags(now).invites.get(&shown).copied()
    }

    /// Opens a first message under the secret whose tag it showed. This alone costs arithmetic with
    /// keys for what a stranger sends.
    pub(super) fn open_hello(&mut self, secret: &Secret, message: &[u8]) -> Option<Opened> {
        self.opened += 1;
        Responder::open(&self.own.device, secret, message).ok()
    }

    /// How many first messages of others showed a tag that we know, and were tried with our key.
    #[must_use]
    pub const fn opened(&self) -> u64 {
        self.opened
    }

    /// mDNS shows a device: if it is a contact's, remember where and use it.
    pub fn handle_sighting(&mut self, now: Now, sighting: &Sighting) {
        let sighted = &self.tags(now).sighted;
        let shown = sighting.tags.iter().take(MAX_TAGS);
        let found: BTreeSet<IdentityKey> =
            shown.filter_map(|tag| sighted.get(tag)).copied().collect();
        for identity in found {
            self.sight(identity, &sighting.addresses);
            self.hurry_join(now, identity);
            self.hurry_calls(identity);
        }
    }

    /// Keeps what was shown in front of what was shown before.
    fn sight(&mut self, identity: IdentityKey, shown: &[SocketAddr]) {
        let before = self.sighted.remove(&identity).unwrap_or_default();
        let shown = shown.iter().copied().filter(|address| is_usable(*address)).take(MAX_SHOWN);
        let mut kept: Vec<SocketAddr> = Vec::new();
        for address in shown.chain(before) {
            if kept.len() < MAX_SIGHTED && !kept.contains(&address) {
                kept.push(address);
            }
        }
        self.sighted.insert(identity, kept);
    }

    /// Says which tags to show, when the hour or the contacts have changed.
    pub(super) fn announce(&mut self, now: Now) {
        let hour = hour(now);
        if self.announced_hour == Some(hour) {
            return;
        }
        self.announced_hour = Some(hour);
        let own = self.identity();
        let pairs = self.peers.values().map(|peer| &peer.secret);
        let invites = self.invites.iter().filter(|one| one.is_open(now.unix_s()));
        let secrets = pairs.chain(invites.map(|one| &one.secret));
        let tags = secrets.take(MAX_TAGS).map(|secret| mdns_tag(secret, own, hour)).collect();
        self.emit(Output::Announce(tags));
    }

    /// Where a peer may be, best guess first.
    pub(super) fn addresses(&self, identity: IdentityKey) -> Vec<SocketAddr> {
        let mut addresses = self.sighted.get(&identity).cloned().unwrap_or_default();
        let hints = self.peers.get(&identity).map(|peer| peer.hints.clone()).unwrap_or_default();
        // Shown now and reached before: that is where they are.
        addresses.sort_by_key(|address| !hints.contains(address));
        addresses.extend(hints);
        let mut unique = Vec::new();
        for address in addresses {
            let own = self.preferences.listens.contains(&address);
            if is_usable(address) && !own && !unique.contains(&address) {
                unique.push(address);
            }
        }
        unique
    }
}
