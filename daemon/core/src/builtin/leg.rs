//! One call of the built-in provider: how far its signalling is.
//!
//! Owns: the phases and what is valid in each. Does not own: what moves a leg on (`calling`,
//! `signals`, `media`). Invariant: session keys exist exactly from RINGING on; media is open
//! exactly while `Connecting` or `Active`.

use std::{collections::VecDeque, net::SocketAddr, time::Duration};

use super::{ConnId, devices::Choice};
use crate::{
    budget::Budget,
    id::{CallId, Serial},
    media::{Meter, SessionId},
    peer::IdentityKey,
    session::{Chain, DeviceKey, EpochInitiator, EpochKeys, Established, Initiator, Responder},
    wire::{MediaWish, Offer},
};

/// Looking for the callee gives up after this.
pub(super) const DIAL_WAIT: Duration = Duration::from_secs(10);
/// RINGING comes within this or the callee counts as offline.
pub(super) const RINGING_WAIT: Duration = Duration::from_secs(10);
/// The caller's first media keys come within this after the answer. Less than the engine waits for
/// an answer, so that the caller's silence is named as the reason.
pub(super) const KEYS_WAIT: Duration = Duration::from_secs(15);
/// Media connects within this after ACCEPT.
pub(super) const CONNECT_WAIT: Duration = Duration::from_secs(15);
/// The other side has this long to answer; the callee's own cap is a little shorter.
pub(super) const RING_WAIT: Duration = Duration::from_secs(65);
/// Silence on the media path after which the call shows as reconnecting (design/link.md).
pub(super) const CONSENT_WAIT: Duration = Duration::from_millis(4500);
/// Silence after which it ends.
pub(super) const LOST_WAIT: Duration = Duration::from_secs(30);
/// The same where the signalling connection is gone, too: the other process is most likely dead,
/// and keys die with their process.
pub(super) const GONE_WAIT: Duration = Duration::from_secs(10);
/// A new epoch after this long (design/link.md).
pub(super) const REKEY_EVERY: Duration = Duration::from_secs(120);

/// A call's signalling.
pub(super) struct Leg {
    pub(super) peer: IdentityKey,
    /// What the two devices call it: our call's id, or theirs where our call goes on over their
    /// offer (`glare`).
    pub(super) wire: CallId,
    /// Whose offer it is.
    pub(super) is_caller: bool,
    /// What we do with media.
    pub(super) wish: MediaWish,
    /// Under which we receive media.
    pub(super) local_index: u32,
    pub(super) muted: bool,
    pub(super) held: bool,
    /// The devices that the user chose for it.
    pub(super) choice: Choice,
    /// How good its media is.
    pub(super) meter: Meter,
    /// There and back on the media path, once measured.
    pub(super) round_trip: Option<Duration>,
    pub(super) phase: Phase,
}

/// How far it is.
pub(super) enum Phase {
    /// Caller: looking for a way to the callee.
    Dialing { left: VecDeque<SocketAddr>, dialing: bool, until: Duration },
    /// Caller: message 1 is out. They may be calling us, too.
    Offered {
        noise: Box<Initiator>,
        conn: ConnId,
        left: VecDeque<SocketAddr>,
        until: Duration,
        theirs: Option<Box<Theirs>>,
    },
    /// Both have session keys.
    Linked(Box<Linked>),
}

/// An offer of theirs that was opened and not answered yet.
pub(super) struct Theirs {
    pub(super) conn: ConnId,
    pub(super) offer: Offer,
    pub(super) responder: Responder,
}

/// What both sides have from RINGING on.
pub(super) struct Linked {
    /// The signalling connection; `None` once it is lost.
    pub(super) conn: Option<ConnId>,
    /// When it came to be.
    pub(super) since: Duration,
    pub(super) session: Established,
    /// Counts our signals.
    pub(super) sent: u32,
    /// The next signal of the other side must have at least this number. Wider than theirs: after
    /// the last number there is none.
    pub(super) expect: u64,
    /// How many signals the other side may still send.
    pub(super) budget: Budget,
    /// How many texts we may still send.
    pub(super) texts: Budget,
    pub(super) device: DeviceKey,
    pub(super) remote_index: u32,
    pub(super) candidates: Vec<SocketAddr>,
    pub(super) epoch: Epoch,
    pub(super) stage: Stage,
}

/// The chain of media keys.
pub(super) struct Epoch {
    pub(super) chain: Chain,
    /// The epoch in force or under way; 0 before the first.
    pub(super) number: u32,
    /// Our first message is out.
    pub(super) initiating: Option<EpochInitiator>,
    /// Keys of the first epoch, until media opens.
    pub(super) ready: Option<EpochKeys>,
}

/// How far a linked call is.
pub(super) enum Stage {
    /// Caller: the other side rings.
    RemoteRinging { until: Duration },
    /// Callee: we ring.
    LocalRinging,
    /// Callee: answered here, waiting for the first media keys. Without a serial the user's own call
    /// answers (`glare`), and the engine waits for nothing.
    Answering { serial: Option<Serial>, until: Duration },
    /// Media is open and nothing was heard yet. The callee owes the engine its fulfilment.
    Connecting { serial: Option<Serial>, session: SessionId, until: Duration },
    /// Both talk.
    Active { session: SessionId, heard: Duration, reconnecting: bool, rekey: Duration },
}

impl Phase {
    /// The connections it holds.
    pub(super) fn conns(&self) -> Vec<ConnId> {
        match self {
            Self::Dialing { .. } => Vec::new(),
            Self::Offered { conn, theirs, .. } => {
                theirs.iter().map(|theirs| theirs.conn).chain([*conn]).collect()
            }
            Self::Linked(linked) => linked.conn.into_iter().collect(),
        }
    }
}

impl Leg {
    /// Whether an offer of the same person may be one that they made before they knew of ours: the
    /// user calls, or the call was answered a moment ago.
    pub(super) fn may_be_crossed(&self, now: Duration) -> bool {
        let settled = self.linked().is_some_and(|linked| match linked.stage {
            Stage::RemoteRinging { .. } => false,
            Stage::LocalRinging
            | Stage::Answering { .. }
            | Stage::Connecting { .. }
            | Stage::Active { .. } => now.saturating_sub(linked.since) > RINGING_WAIT,
        });
        self.is_caller && !settled
    }

    /// Whether it rings here.
    pub(super) fn is_ringing(&self) -> bool {
        self.linked().is_some_and(|linked| matches!(linked.stage, Stage::LocalRinging))
    }

    pub(super) fn linked(&self) -> Option<&Linked> {
        match &self.phase {
            Phase::Linked(linked) => Some(linked),
            Phase::Dialing { .. } | Phase::Offered { .. } => None,
        }
    }

    pub(super) fn linked_mut(&mut self) -> Option<&mut Linked> {
        match &mut self.phase {
            Phase::Linked(linked) => Some(linked),
            Phase::Dialing { .. } | Phase::Offered { .. } => None,
        }
    }

    /// The media session, while media is open.
    pub(super) fn session(&self) -> Option<SessionId> {
        match &self.linked()?.stage {
            Stage::Connecting { session, .. } | Stage::Active { session, .. } => Some(*session),
            Stage::RemoteRinging { .. } | Stage::LocalRinging | Stage::Answering { .. } => None,
        }
    }

    /// The action that the engine still waits for.
    pub(super) fn owes(&self) -> Option<Serial> {
        match &self.linked()?.stage {
            Stage::Answering { serial, .. } | Stage::Connecting { serial, .. } => *serial,
            Stage::RemoteRinging { .. } | Stage::LocalRinging | Stage::Active { .. } => None,
        }
    }

    /// When something is due by itself.
    pub(super) fn deadline(&self) -> Option<Duration> {
        match &self.phase {
            Phase::Dialing { until, .. } | Phase::Offered { until, .. } => Some(*until),
            Phase::Linked(linked) => match &linked.stage {
                Stage::RemoteRinging { until }
                | Stage::Answering { until, .. }
                | Stage::Connecting { until, .. } => Some(*until),
                Stage::LocalRinging => None,
                Stage::Active { heard, reconnecting, rekey, .. } => {
                    let silence = if *reconnecting { linked.patience() } else { CONSENT_WAIT };
                    Some((*heard + silence).min(*rekey))
                }
            },
        }
    }
}

impl Linked {
    /// How long silence may last before the call ends.
    pub(super) const fn patience(&self) -> Duration {
        if self.conn.is_some() { LOST_WAIT } else { GONE_WAIT }
    }
}
