//! Media of a call: its keys, its opening and closing, and whether it is still heard.
//!
//! Owns: epochs and rekeying, the media plan of both sides' wishes, consent timers. Does not own:
//! packets. Invariant: the media path gets each key once and is the only one to use it.

use std::{net::SocketAddr, time::Duration};

use super::{
    BuiltIn, Output,
    leg::{CONNECT_WAIT, CONSENT_WAIT, Leg, Phase, REKEY_EVERY, Stage},
};
use crate::{
    call::{EndReason, Nodes},
    id::{CallId, Now, Serial},
    media::{
        AudioPlan, MediaCommand, MediaPlan, MediaStats, SessionId, StreamNames, VideoPlan,
        VideoSize,
    },
    provider::{Progress, Report, Update},
    session::{
        EpochInitiator, EpochKeys,
        media::{MediaSession, Role},
        respond_epoch,
    },
    wire::{HangUpReason, Signal},
};

/// Opus, bit/s, hard CBR (design/media.md).
const AUDIO_BITRATE: u32 = 32_000;
/// VP8 at 640x360 and 30 frames/s, bit/s (research/media.md, section 4).
const VIDEO_BITRATE: u32 = 500_000;

/// What the media path is to do.
pub enum MediaOrder {
    /// Carry a call's media from now on.
    Open {
        /// The call.
        call: CallId,
        /// Its media in the worker.
        session: SessionId,
        /// Under which we receive.
        local_index: u32,
        /// Seals and opens.
        sealing: Box<MediaSession>,
        /// Where the other side may be.
        candidates: Vec<SocketAddr>,
    },
    /// One more address.
    Candidate {
        /// The call's media.
        session: SessionId,
        /// Where the other side may be.
        address: SocketAddr,
    },
    /// Keys of the next epoch.
    Epoch {
        /// The call's media.
        session: SessionId,
        /// They have one owner from here on.
        keys: Box<EpochKeys>,
        /// When to seal with them.
        role: Role,
    },
    /// Stop.
    Close {
        /// The call's media.
        session: SessionId,
        /// Whether to tell the other side on this path, too.
        say_bye: bool,
    },
}

impl BuiltIn {
    /// Begins the next epoch; the caller does, so that the two never cross.
    pub(super) fn start_epoch(&mut self, call: CallId) {
        let own = &self.own.device;
        let Some(linked) = self.legs.get_mut(&call).and_then(Leg::linked_mut) else {
            return;
        };
        let Some(number) = linked.epoch.number.checked_add(1) else { return };
        let started = EpochInitiator::start(own, linked.device, &linked.epoch.chain, number);
        let Ok((initiator, message)) = started else {
            return;
        };
        linked.epoch.initiating = Some(initiator);
        self.send_signal(call, Signal::Rekey1 { number, message });
    }

    /// Callee: the caller begins an epoch.
    pub(super) fn rekey1(&mut self, now: Now, call: CallId, number: u32, message: &[u8]) {
        let own = &self.own.device;
        let Some(leg) = self.legs.get_mut(&call) else {
            return;
        };
        let (is_caller, session) = (leg.is_caller, leg.session());
        let Some(linked) = leg.linked_mut() else {
            return;
        };
        if is_caller || linked.epoch.number.checked_add(1) != Some(number) {
            return;
        }
        let chain = &linked.epoch.chain;
        let Ok((keys, chain, message)) = respond_epoch(own, linked.device, chain, number, message)
        else {
            return;
        };
        linked.epoch.chain = chain;
        linked.epoch.number = number;
        let later = match session {
            Some(session) => Some((session, keys)),
            None => {
                linked.epoch.ready = Some(keys);
                None
            }
        };
        self.send_signal(call, Signal::Rekey2 { number, message });
        if let Some((session, keys)) = later {
            let (keys, role) = (Box::new(keys), Role::Responder);
            self.emit(Output::Media(MediaOrder::Epoch { session, keys, role }));
        }
        self.accept_when_ready(now, call);
    }

    /// Caller: the callee answered an epoch.
    pub(super) fn rekey2(&mut self, now: Now, call: CallId, number: u32, message: &[u8]) {
        let Some(leg) = self.legs.get_mut(&call) else {
            return;
        };
        let session = leg.session();
        let Some(linked) = leg.linked_mut() else {
            return;
        };
        let begun = linked.epoch.initiating.take_if(|begun| begun.number() == number);
        let Some(Ok((keys, chain))) = begun.map(|begun| begun.finish(message)) else {
            return;
        };
        linked.epoch.chain = chain;
        linked.epoch.number = number;
        if let Stage::Active { rekey, .. } = &mut linked.stage {
            *rekey = now.mono + REKEY_EVERY;
        }
        match session {
            Some(session) => {
                let (keys, role) = (Box::new(keys), Role::Initiator);
                self.emit(Output::Media(MediaOrder::Epoch { session, keys, role }));
            }
            None => linked.epoch.ready = Some(keys),
        }
    }

    /// Both sides agreed: opens media. False where the keys are not there.
    pub(super) fn open_media(&mut self, now: Now, call: CallId, serial: Option<Serial>) -> bool {
        let session = self.new_session();
        let Some(leg) = self.legs.get_mut(&call) else {
            return false;
        };
        let (local_index, muted, wish) = (leg.local_index, leg.muted, leg.wish.clone());
        let devices = leg.choice.devices(&self.hardware, &self.preferences.devices);
        let Some(linked) = leg.linked_mut() else {
            return false;
        };
        let Some(keys) = linked.epoch.ready.take() else {
            return false;
        };
        let until = now.mono + CONNECT_WAIT;
        linked.stage = Stage::Connecting { serial, session, until };
        let sealing = Box::new(MediaSession::new(linked.remote_index, keys));
        let candidates = linked.candidates.clone();
        let names = StreamNames::of(local_index);
        let nodes = Nodes {
            remote_video: names.remote_video.clone(),
            self_view: names.self_view.clone(),
            remote_audio: names.remote_audio.clone(),
        };
        let plan = MediaPlan {
            audio: AudioPlan {
                frame_ms: wish.frame_ms,
                bitrate: AUDIO_BITRATE,
                jitter_ms: u32::from(wish.frame_ms),
                muted,
            },
            video: Some(VideoPlan {
                send: wish.video,
                size: VideoSize::P360,
                bitrate: VIDEO_BITRATE,
                accept: wish.accept,
            }),
            devices,
            names,
        };
        self.emit(Output::Media(MediaOrder::Open {
            call,
            session,
            local_index,
            sealing,
            candidates,
        }));
        self.emit(Output::Worker(MediaCommand::Start { session, plan }));
        let update = Update { nodes: Some(nodes), ..Update::default() };
        self.report(Report::Update { call, update });
        true
    }

    /// The media path opened an authentic packet; at most once a second.
    pub fn handle_heard(&mut self, now: Now, call: CallId) {
        let Some(leg) = self.legs.get_mut(&call) else {
            return;
        };
        let Some(linked) = leg.linked_mut() else {
            return;
        };
        match &mut linked.stage {
            Stage::Connecting { serial, session, .. } => {
                let (serial, session) = (*serial, *session);
                let rekey = now.mono + REKEY_EVERY;
                linked.stage =
                    Stage::Active { session, heard: now.mono, reconnecting: false, rekey };
                match serial {
                    Some(serial) => self.emit(Output::Performed(serial, Ok(()))),
                    None => {
                        self.progress(call, Progress::Active);
                    }
                }
                self.send_state(call);
            }
            Stage::Active { heard, reconnecting, .. } => {
                *heard = now.mono;
                if std::mem::take(reconnecting) {
                    self.say_reconnecting(call, false);
                }
            }
            Stage::RemoteRinging { .. } | Stage::LocalRinging | Stage::Answering { .. } => {}
        }
    }

    /// The media path measured how long a packet takes there and back.
    pub fn handle_round_trip(&mut self, call: CallId, time: Duration) {
        if let Some(leg) = self.legs.get_mut(&call) {
            leg.round_trip = Some(time);
        }
    }

    /// The media worker counted; once a second.
    pub fn handle_stats(&mut self, now: Now, session: SessionId, stats: MediaStats) {
        let Some((call, leg)) =
            self.legs.iter_mut().find(|(_, leg)| leg.session() == Some(session))
        else {
            return;
        };
        let mut quality = leg.meter.update(now.mono, stats);
        let millis = |time: Duration| u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
        quality.round_trip_ms = leg.round_trip.map(millis);
        // No relay and no reflexive address yet: whatever is heard is heard directly.
        quality.path = Some("host".to_owned());
        let (call, quality) = (*call, Some(quality));
        self.report(Report::Update { call, update: Update { quality, ..Update::default() } });
    }

    /// The other side said goodbye on the media path (its signalling may be gone).
    pub fn handle_bye(&mut self, call: CallId) {
        if self.legs.get(&call).is_some_and(|leg| leg.session().is_some()) {
            self.conclude(call, EndReason::RemoteHangup, "");
        }
    }

    /// Many packets were sealed under this epoch: a new one is due before its time.
    pub fn handle_rekey_due(&mut self, call: CallId) {
        let Some(leg) = self.legs.get(&call) else {
            return;
        };
        let idle = leg.linked().is_some_and(|linked| linked.epoch.initiating.is_none());
        if leg.is_caller && idle {
            self.start_epoch(call);
        }
    }

    fn say_reconnecting(&mut self, call: CallId, reconnecting: bool) {
        let update = Update { reconnecting: Some(reconnecting), ..Update::default() };
        self.report(Report::Update { call, update });
    }

    pub(super) fn expire_legs(&mut self, now: Now) {
        let due = |leg: &Leg| leg.deadline().is_some_and(|at| at <= now.mono);
        let calls: Vec<CallId> =
            self.legs.iter().filter(|(_, leg)| due(leg)).map(|(call, _)| *call).collect();
        for call in calls {
            self.expire_leg(now, call);
        }
    }

    fn expire_leg(&mut self, now: Now, call: CallId) {
        let Some(leg) = self.legs.get_mut(&call) else {
            return;
        };
        let linked = match &mut leg.phase {
            Phase::Offered { theirs, .. } if theirs.is_some() => {
                let theirs = theirs.take();
                self.go_on(now, call, theirs);
                return;
            }
            Phase::Dialing { .. } | Phase::Offered { .. } => {
                let text =
                    "they are not reachable now: their device is off, or not on this network";
                self.conclude(call, EndReason::Failed, text);
                return;
            }
            Phase::Linked(linked) => linked,
        };
        let patience = linked.patience();
        match &mut linked.stage {
            Stage::RemoteRinging { .. } => {
                self.send_signal(call, Signal::HangUp(HangUpReason::Timeout));
                self.conclude(call, EndReason::Unanswered, "");
            }
            Stage::Connecting { .. } => {
                self.fail(call, "no media came through: a firewall may block UDP");
            }
            Stage::Active { heard, reconnecting, rekey, .. } => {
                let silence = now.mono.saturating_sub(*heard);
                if *rekey <= now.mono {
                    *rekey = now.mono + REKEY_EVERY;
                    self.handle_rekey_due(call);
                } else if silence >= patience {
                    self.fail(call, "the connection was lost");
                } else if silence >= CONSENT_WAIT && !*reconnecting {
                    *reconnecting = true;
                    self.say_reconnecting(call, true);
                }
            }
            Stage::Answering { .. } => self.fail(call, "the caller sent no media keys"),
            Stage::LocalRinging => {}
        }
    }
}

impl StreamNames {
    /// The names of a call's nodes, told by the call on the bus. Made from the index that this side
    /// receives under: two people of one call may share a PipeWire.
    #[must_use]
    pub fn of(local_index: u32) -> Self {
        Self {
            remote_video: format!("ahoy.remote-video.{local_index:08x}"),
            self_view: format!("ahoy.self-view.{local_index:08x}"),
            remote_audio: format!("ahoy.remote-audio.{local_index:08x}"),
        }
    }
}
