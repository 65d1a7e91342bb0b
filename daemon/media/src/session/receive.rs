//! Receiving: packets to voice and pictures.
//!
//! Owns: the decoding pipelines of a session. Does not own: the playout or the video node.
//! Invariant: one pipeline decodes packets of one source only. A sender that was restarted counts
//! from anywhere, so its packets get a new pipeline instead of a jitter buffer's best guess.

use std::sync::{Arc, Mutex};

use ahoy_core::{
    media::{MediaPart, SessionId},
    worker::Stream,
};

use super::Session;
use crate::{
    describe::{self, AUDIO_PT, VIDEO_PT},
    flow::{self, Flow, FlowError, Watcher},
    inbox::FlowKind,
    mix::SharedMixer,
    rtp::{self, Source},
};

/// New pipelines a second: a sender that changes its source faster is not followed.
const MOST_STARTS: u32 = 4;

/// Where a call's voice goes besides the speaker: into the calls it is one with.
#[derive(Clone, Default)]
pub(super) struct Taps(Arc<Mutex<Vec<SharedMixer>>>);

impl Taps {
    /// These, and no others.
    pub(super) fn set(&self, mixers: Vec<SharedMixer>) {
        if let Ok(mut taps) = self.0.lock() {
            *taps = mixers;
        }
    }

    /// Voice of the call `from`. One lock at a time is held.
    fn push(&self, from: SessionId, samples: &[i16]) {
        let taps = self.0.lock().map(|taps| taps.clone()).unwrap_or_default();
        for mixer in taps {
            if let Ok(mut mixer) = mixer.lock() {
                mixer.push(from, samples);
            }
        }
    }
}

/// What receives one stream.
#[derive(Default)]
pub(super) struct Reception {
    now: Now,
    starts: u32,
    lost_before: u64,
}

#[derive(Default)]
enum Now {
    /// Nothing came yet, or another try is due.
    #[default]
    Idle,
    /// Packets of this source are decoded.
    Running(Source, Flow),
    /// The pipeline failed; nothing is decoded until the next tick.
    Failed,
}

impl Reception {
    /// Decodes a packet, in a pipeline made by `start` when there is none for its source.
    fn take(
        &mut self,
        source: Source,
        packet: &[u8],
        start: impl FnOnce() -> Result<Flow, FlowError>,
    ) -> Result<(), FlowError> {
        let fresh = match &self.now {
            Now::Running(known, flow) if *known == source => {
                flow.push(packet);
                return Ok(());
            }
            Now::Running(..) | Now::Idle => self.starts < MOST_STARTS,
            Now::Failed => false,
        };
        if !fresh {
            return Ok(());
        }
        self.starts += 1;
        self.fail();
        let flow = start()?;
        flow.push(packet);
        self.now = Now::Running(source, flow);
        Ok(())
    }

    /// Ends the pipeline; the next packet gets a new one. What comes after a pause is no
    /// continuation: the packets between were never lost, and must not be concealed.
    pub(super) fn pause(&mut self) {
        self.lost_before = self.lost();
        self.now = Now::Idle;
    }

    /// Ends the pipeline until the next tick.
    pub(super) fn fail(&mut self) {
        self.lost_before = self.lost();
        self.now = Now::Failed;
    }

    /// Once a second: lets a failed one start anew.
    pub(super) fn recover(&mut self) {
        self.starts = 0;
        if matches!(self.now, Now::Failed) {
            self.now = Now::Idle;
        }
    }

    /// Packets lost since the session's start.
    pub(super) fn lost(&self) -> u64 {
        match &self.now {
            Now::Running(_, flow) => self.lost_before + flow.lost(),
            Now::Idle | Now::Failed => self.lost_before,
        }
    }
}

impl Reception {
    /// How much the arrival of packets varies now, ms.
    pub(super) fn jitter_ms(&self) -> u32 {
        match &self.now {
            Now::Running(_, flow) => flow.jitter_ms(),
            Now::Idle | Now::Failed => 0,
        }
    }
}

impl Session {
    /// A packet with voice.
    pub(super) fn hear(&mut self, packet: &[u8]) {
        let Some(source) = rtp::source(packet, AUDIO_PT) else {
            return;
        };
        self.shared.received(Stream::Audio, packet);
        let on_error = self.on_error(FlowKind::AudioReceive);
        let (id, plan, shared) = (self.id, &self.plan.audio, &self.shared);
        let (playout, taps) = (&self.playout, &self.taps);
        let started = self.heard.take(source, packet, || {
            let (shared, playout, taps) = (shared.clone(), playout.clone(), taps.clone());
            flow::receive_audio(&describe::audio_receive(plan), on_error, move |bytes| {
                let samples = bytes.chunks_exact(2).map(|it| i16::from_le_bytes([it[0], it[1]]));
                let samples: Vec<i16> = samples.collect();
                taps.push(id, &samples);
                if let Ok(mut playout) = playout.lock() {
                    playout.push(samples);
                }
                shared.voice_decoded();
            })
        });
        if let Err(error) = started {
            self.report(MediaPart::Speaker, error.to_string());
        }
    }

    /// A packet with a part of a picture.
    pub(super) fn see(&mut self, packet: &[u8]) {
        let (Some(plan), Some(source)) = (&self.plan.video, rtp::source(packet, VIDEO_PT)) else {
            return;
        };
        self.shared.received(Stream::Video, packet);
        let on_error = self.on_error(FlowKind::VideoReceive);
        let (accept, shared) = (plan.accept, &self.shared);
        let started = self.seen.take(source, packet, || {
            let watchers = [shared.clone(), shared.clone(), shared.clone()];
            let [showing, wanting, refusing] = watchers;
            let watcher = Watcher {
                show: Box::new(move |picture| showing.show_remote(picture)),
                key_frame_needed: Arc::new(move || wanting.want_key_frame()),
                refused: Box::new(move |width, height| refusing.refuse(width, height)),
            };
            flow::receive_video(&describe::video_receive(), accept, on_error, watcher)
        });
        if let Err(error) = started {
            self.report(MediaPart::RemoteVideo, error.to_string());
        }
    }
}
