//! Inside the session: sending signals, and what each one does when it comes.
//!
//! Owns: envelopes, their order, ACCEPT to HANGUP. Does not own: how frames travel. Invariant: a
//! signal that its phase does not allow is ignored in one place; one that is not authentic closes
//! the connection and changes nothing else.

use std::net::SocketAddr;

use super::{
    BuiltIn, Ends, Output,
    leg::{KEYS_WAIT, Phase, Stage},
    peers::{is_usable, plain},
};
use crate::{
    call::EndReason,
    id::{CallId, Now, Serial},
    provider::{Progress, Report, Update},
    wire::{Candidate, DeclineReason, Envelope, Frame, HangUpReason, MediaWish, Signal},
    written::Written,
};

/// A peer may name this many addresses.
const MAX_CANDIDATES: usize = 8;

/// Whether a peer may have media sent to an address it named: not to a service of this machine,
/// unless the peer is on it, too, and not to ourselves.
fn may_send_media(address: SocketAddr, ends: Ends, own_port: u16) -> bool {
    let own = SocketAddr::new(ends.local.ip(), own_port);
    let local = address.ip().is_loopback() && !ends.remote.ip().is_loopback();
    is_usable(address) && !local && address != own
}

impl BuiltIn {
    /// Sends a signal where there is a connection to send it on.
    pub(super) fn send_signal(&mut self, call: CallId, signal: Signal) {
        let Some(leg) = self.legs.get_mut(&call) else {
            return;
        };
        let wire = leg.wire;
        let Some(linked) = leg.linked_mut() else {
            return;
        };
        let Some(conn) = linked.conn else { return };
        let envelope = Envelope { call: wire, seq: linked.sent, signal };
        // A peer that makes us answer four thousand million times gets no more answers.
        let Some(sent) = linked.sent.checked_add(1) else { return };
        linked.sent = sent;
        let sealed = envelope.to_padded().ok().and_then(|plain| linked.session.seal(&plain).ok());
        if let Some(sealed) = sealed {
            self.emit(Output::Send(conn, Frame::Sealed(&sealed).to_bytes()));
        }
    }

    pub(super) fn send_state(&mut self, call: CallId) {
        let Some(leg) = self.legs.get(&call) else {
            return;
        };
        let (muted, video, held) = (leg.muted, leg.wish.video, leg.held);
        self.send_signal(call, Signal::State { muted, video, held });
    }

    /// Tells where our media is received.
    pub(super) fn send_candidate(&mut self, call: CallId) {
        let conn = self.legs.get(&call).and_then(|leg| leg.linked()).and_then(|one| one.conn);
        let Some(conn) = conn.and_then(|conn| self.conns.get(&conn)) else {
            return;
        };
        let mut address = conn.ends.local;
        address.set_port(self.preferences.media_port);
        self.send_signal(call, Signal::Candidate(Candidate { address }));
    }

    /// A sealed frame came. `None` closes its connection.
    pub(super) fn signalled(&mut self, now: Now, call: CallId, message: &[u8]) -> Option<()> {
        let leg = self.legs.get_mut(&call)?;
        let wire = leg.wire;
        let linked = leg.linked_mut()?;
        if !linked.budget.take(now.mono) {
            return None;
        }
        let plain = linked.session.open(message).ok()?;
        let envelope = Envelope::parse(&plain).ok()?;
        if envelope.call != wire || u64::from(envelope.seq) < linked.expect {
            return None;
        }
        linked.expect = u64::from(envelope.seq) + 1;
        self.signal(now, call, envelope.signal);
        Some(())
    }

    fn signal(&mut self, now: Now, call: CallId, signal: Signal) {
        match signal {
            Signal::Candidate(candidate) => self.candidate(call, candidate),
            Signal::Accept { media } => self.accepted(now, call, &media),
            Signal::Decline(reason) => {
                let reason = match reason {
                    DeclineReason::Declined => EndReason::Declined,
                    DeclineReason::Unanswered => EndReason::Unanswered,
                };
                self.ended_there(call, reason);
            }
            Signal::Busy => self.ended_there(call, EndReason::Busy),
            // One device answers for now: it was selected by being the only one.
            Signal::Select => {}
            Signal::HangUp(reason) => self.hung_up(call, reason),
            Signal::Rekey1 { number, message } => self.rekey1(now, call, number, &message),
            Signal::Rekey2 { number, message } => self.rekey2(now, call, number, &message),
            Signal::State { video, held, .. } => {
                let update = Update {
                    remote_video: Some(video),
                    remote_held: Some(held),
                    ..Update::default()
                };
                self.report(Report::Update { call, update });
            }
            Signal::Text(written) => self.written(call, written),
        }
    }

    /// They wrote; the engine looks at its form. A caller has no word before the answer: to ring is
    /// not to write. Who is called has one, which goes with the refusal.
    fn written(&mut self, call: CallId, written: Written) {
        let Some(linked) = self.legs.get(&call).and_then(|leg| leg.linked()) else {
            return;
        };
        match linked.stage {
            Stage::LocalRinging | Stage::Answering { .. } => {}
            Stage::RemoteRinging { .. } | Stage::Connecting { .. } | Stage::Active { .. } => {
                self.report(Report::Text { call, written });
            }
        }
    }

    fn candidate(&mut self, call: CallId, candidate: Candidate) {
        let own_port = self.preferences.media_port;
        let Some(leg) = self.legs.get_mut(&call) else {
            return;
        };
        let session = leg.session();
        let Some(linked) = leg.linked_mut() else {
            return;
        };
        let address = plain(candidate.address);
        let ends = linked.conn.and_then(|conn| self.conns.get(&conn)).map(|conn| conn.ends);
        let wanted = ends.is_some_and(|ends| may_send_media(address, ends, own_port));
        let known = linked.candidates.contains(&address);
        if !wanted || known || linked.candidates.len() >= MAX_CANDIDATES {
            return;
        }
        linked.candidates.push(address);
        if let Some(session) = session {
            self.emit(Output::Media(super::MediaOrder::Candidate { session, address }));
        }
    }

    /// Caller: the callee took the call.
    fn accepted(&mut self, now: Now, call: CallId, media: &MediaWish) {
        let Some(linked) = self.legs.get(&call).and_then(|leg| leg.linked()) else {
            return;
        };
        if !matches!(linked.stage, Stage::RemoteRinging { .. }) {
            return;
        }
        self.send_signal(call, Signal::Select);
        self.progress(call, Progress::Connecting);
        let update = Update { remote_video: Some(media.video), ..Update::default() };
        self.report(Report::Update { call, update });
        if !self.open_media(now, call, None) {
            self.fail(call, "the other side answered before media keys were agreed");
        }
    }

    /// Callee: the user took the call.
    pub(super) fn answer(&mut self, now: Now, serial: Serial, call: CallId, video: bool) {
        let ringing = self.legs.get_mut(&call).and_then(|leg| {
            leg.wish.video = video;
            let linked = leg.linked_mut()?;
            matches!(linked.stage, Stage::LocalRinging).then_some(linked)
        });
        let Some(linked) = ringing else {
            self.emit(Output::Performed(serial, Err("the call is over".to_owned())));
            return;
        };
        linked.stage = Stage::Answering { serial: Some(serial), until: now.mono + KEYS_WAIT };
        self.accept_when_ready(now, call);
    }

    /// Sends ACCEPT once the user has answered and the first media keys are there.
    pub(super) fn accept_when_ready(&mut self, now: Now, call: CallId) {
        let Some(leg) = self.legs.get(&call) else {
            return;
        };
        let Some(linked) = leg.linked() else { return };
        let Stage::Answering { serial, .. } = linked.stage else {
            return;
        };
        if linked.epoch.ready.is_none() {
            return;
        }
        let media = leg.wish.clone();
        self.send_signal(call, Signal::Accept { media });
        if serial.is_none() {
            self.progress(call, Progress::Connecting);
        }
        self.open_media(now, call, serial);
    }

    /// The other side refused or let it ring out.
    fn ended_there(&mut self, call: CallId, reason: EndReason) {
        let Some(linked) = self.legs.get(&call).and_then(|leg| leg.linked()) else {
            return;
        };
        if matches!(linked.stage, Stage::RemoteRinging { .. }) {
            self.conclude(call, reason, "");
        }
    }

    fn hung_up(&mut self, call: CallId, reason: HangUpReason) {
        let Some(linked) = self.legs.get(&call).and_then(|leg| leg.linked()) else {
            return;
        };
        let ours = matches!(linked.stage, Stage::Answering { serial: None, .. });
        let ringing = matches!(linked.stage, Stage::LocalRinging | Stage::Answering { .. });
        let reason = match reason {
            // The user's own call went on over an offer that they took back.
            HangUpReason::Normal | HangUpReason::Cancelled if ours => EndReason::RemoteHangup,
            HangUpReason::Normal if ringing => EndReason::Cancelled,
            HangUpReason::Normal | HangUpReason::Replaced => EndReason::RemoteHangup,
            HangUpReason::Cancelled | HangUpReason::Glare => EndReason::Cancelled,
            HangUpReason::AnsweredElsewhere => EndReason::AnsweredElsewhere,
            HangUpReason::DeclinedElsewhere => EndReason::DeclinedElsewhere,
            HangUpReason::Timeout => EndReason::Unanswered,
            HangUpReason::Failed => EndReason::Failed,
        };
        self.conclude(call, reason, "");
    }

    /// The call is over for a reason that is not ours.
    pub(super) fn conclude(&mut self, call: CallId, reason: EndReason, text: &str) {
        let Some(leg) = self.remove_leg(call, false) else {
            return;
        };
        self.report(Report::Ended { call, reason, text: text.to_owned(), at: 0 });
        if let Some(serial) = leg.owes() {
            // The engine has retired it with the report; answering keeps "exactly once" true here.
            self.emit(Output::Performed(serial, Err("the call is over".to_owned())));
        }
    }

    /// The engine waits no longer for an action: that call is over, and with it what we do for it.
    pub fn handle_timed_out(&mut self, serial: Serial) {
        let owing = self.legs.iter().find(|(_, leg)| leg.owes() == Some(serial));
        if let Some(call) = owing.map(|(call, _)| *call) {
            self.send_signal(call, Signal::HangUp(HangUpReason::Failed));
            self.remove_leg(call, true);
        }
    }

    /// The engine takes no more calls, or not this one.
    pub fn handle_refused(&mut self, call: CallId) {
        self.send_signal(call, Signal::Busy);
        self.remove_leg(call, false);
    }

    pub(super) fn fail(&mut self, call: CallId, text: &str) {
        self.send_signal(call, Signal::HangUp(HangUpReason::Failed));
        self.conclude(call, EndReason::Failed, text);
    }

    /// The signalling connection is gone.
    pub(super) fn signalling_lost(&mut self, now: Now, call: CallId) {
        let Some(leg) = self.legs.get_mut(&call) else {
            return;
        };
        match &mut leg.phase {
            // Not the callee's device at this address, or it went away: try the next one.
            Phase::Offered { left, until, theirs, .. } => {
                let (left, until) = (std::mem::take(left), (*until).max(now.mono));
                let theirs = theirs.take();
                leg.phase = Phase::Dialing { left, dialing: false, until };
                self.go_on(now, call, theirs);
            }
            // While it looks for a way it has no connection to lose.
            Phase::Dialing { .. } => {}
            Phase::Linked(linked) => {
                linked.conn = None;
                match linked.stage {
                    Stage::LocalRinging | Stage::Answering { serial: Some(_), .. } => {
                        self.conclude(call, EndReason::Cancelled, "the caller is gone");
                    }
                    Stage::RemoteRinging { .. }
                    | Stage::Answering { serial: None, .. }
                    | Stage::Connecting { .. } => {
                        self.conclude(call, EndReason::Failed, "the connection was lost");
                    }
                    // Media has its own way and its own patience.
                    Stage::Active { .. } => {}
                }
            }
        }
    }
}
