//! Two people call each other at the same time.
//!
//! Owns: which of two crossing offers survives, and what becomes of the user's own call. Does not
//! own: the handshake or the answer themselves (`calling`, `signals`). Invariant: the call that the
//! user started stays theirs: it goes on over whichever offer survives, nobody has to answer, and it
//! sends what its own user asked for and no more.
//!
//! An offer that is not out yet gives way to theirs, which has found its way. Of two that are out
//! the one with the higher call id survives, on both sides alike; where even those are equal, the
//! higher identity. The lower one waits at whoever wants it to lose, for the other may get lost.

use super::{
    BuiltIn, ConnId, Use,
    leg::{KEYS_WAIT, Leg, Phase, Stage, Theirs},
};
use crate::{
    id::{CallId, Now},
    peer::{IdentityKey, PeerRecord},
    provider::{Report, Update},
};

/// What becomes of an offer.
pub(super) enum Fate {
    /// We do not call them: it rings.
    Rings,
    /// Our call goes on with it.
    TakenUp(CallId),
    /// Our call's own offer is before it.
    Waits(CallId),
}

impl BuiltIn {
    /// What becomes of the offer that `peer` made under this id. `None`: nothing, because their
    /// device has taken our call and they made this one before they knew of it, or because the id
    /// is that of another call of ours.
    pub(super) fn fate(&self, now: Now, peer: IdentityKey, theirs: CallId) -> Option<Fate> {
        let crossed = |leg: &Leg| leg.peer == peer && leg.may_be_crossed(now.mono);
        let Some((call, leg)) = self.legs.iter().rev().find(|(_, leg)| crossed(leg)) else {
            return (!self.legs.contains_key(&theirs)).then_some(Fate::Rings);
        };
        match &leg.phase {
            Phase::Dialing { .. } => Some(Fate::TakenUp(*call)),
            Phase::Offered { .. } if (theirs, peer) > (leg.wire, self.identity()) => {
                Some(Fate::TakenUp(*call))
            }
            Phase::Offered { .. } => Some(Fate::Waits(*call)),
            Phase::Linked(_) => None,
        }
    }

    /// Keeps their offer until ours is answered or lost.
    pub(super) fn let_wait(&mut self, call: CallId, offer: Theirs) -> Option<()> {
        let conn = offer.conn;
        let Phase::Offered { theirs, .. } = &mut self.legs.get_mut(&call)?.phase else {
            return None;
        };
        // A second one of theirs replaces the first: only their newest can be alive.
        let before = theirs.replace(Box::new(offer));
        self.conns.get_mut(&conn)?.used_for = Use::Waiting(call);
        if let Some(before) = before {
            self.finish_conn(before.conn);
        }
        Some(())
    }

    /// The connection of an offer that waits is gone, and the offer with it.
    pub(super) fn waiting_lost(&mut self, call: CallId, conn: ConnId) {
        if let Some(leg) = self.legs.get_mut(&call)
            && let Phase::Offered { theirs, .. } = &mut leg.phase
        {
            theirs.take_if(|waiting| waiting.conn == conn);
        }
    }

    /// The user's own call goes on with their offer: it answers as soon as there are media keys.
    pub(super) fn take_up(&mut self, now: Now, call: CallId, theirs: Theirs) -> Option<()> {
        let local_index = self.legs.get(&call)?.local_index;
        let (wire, video) = (theirs.offer.call, theirs.offer.media.video);
        let stage = Stage::Answering { serial: None, until: now.mono + KEYS_WAIT };
        let linked = self.ring_back(now, call, theirs, local_index, stage)?;
        let leg = self.legs.get_mut(&call)?;
        (leg.wire, leg.is_caller) = (wire, false);
        let encryption = self.peers.get(&leg.peer).map(PeerRecord::encryption);
        let own = std::mem::replace(&mut leg.phase, Phase::Linked(Box::new(linked)));
        for conn in own.conns() {
            self.finish_conn(conn);
        }
        let update = Update {
            remote_video: Some(video),
            encryption,
            capabilities: Some(super::calling::capabilities()),
            ..Update::default()
        };
        self.report(Report::Update { call, update });
        self.send_candidate(call);
        Some(())
    }

    /// Our own offer came to nothing: on with theirs, or with the next address.
    pub(super) fn go_on(&mut self, now: Now, call: CallId, theirs: Option<Box<Theirs>>) {
        if let Some(theirs) = theirs {
            let conn = theirs.conn;
            if self.take_up(now, call, *theirs).is_some() {
                return;
            }
            self.finish_conn(conn);
        }
        self.dial_next(call);
    }
}
