//! What a session's threads share: counters, gates, the slots of its video nodes.
//!
//! Owns: facts written by streaming threads and read by the main thread. Does not own: pipelines.
//! Invariant: no lock here is held while another one is taken or while anything is sent.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Instant,
};

use ahoy_core::{
    media::{MediaEvent, MediaPart, MediaStats, SessionId},
    worker::Stream,
};

use super::{Limit, World};
use crate::{
    health::{Key, Role},
    parent::Parent,
    picture::{Shown, Slot},
    pw::{PipeWire, Request},
};

/// Shared by one session's threads.
pub(super) struct Shared {
    id: SessionId,
    parent: Parent,
    pipewire: PipeWire,
    /// Whether captured sound may pass to the encoder's output.
    open: AtomicBool,
    playing: AtomicBool,
    audio_sent: AtomicU64,
    audio_received: AtomicU64,
    video_sent: AtomicU64,
    video_shown: AtomicU64,
    bytes_sent: AtomicU64,
    bytes_received: AtomicU64,
    size: Mutex<(u32, u32)>,
    refused: Mutex<Option<(u32, u32)>>,
    missing: Mutex<Vec<MediaPart>>,
    key_frames: Limit,
    remote: Arc<Slot>,
    own: Arc<Slot>,
}

impl Shared {
    pub(super) fn new(id: SessionId, world: &World) -> Self {
        Self {
            id,
            parent: world.parent.clone(),
            pipewire: world.pipewire.clone(),
            open: AtomicBool::new(false),
            playing: AtomicBool::new(false),
            audio_sent: AtomicU64::new(0),
            audio_received: AtomicU64::new(0),
            video_sent: AtomicU64::new(0),
            video_shown: AtomicU64::new(0),
            bytes_sent: AtomicU64::new(0),
            bytes_received: AtomicU64::new(0),
            size: Mutex::new((0, 0)),
            refused: Mutex::new(None),
            missing: Mutex::new(Vec::new()),
            key_frames: Limit::new(),
            remote: Arc::default(),
            own: Arc::default(),
        }
    }

    pub(super) fn remote_slot(&self) -> Arc<Slot> {
        self.remote.clone()
    }

    pub(super) fn self_slot(&self) -> Arc<Slot> {
        self.own.clone()
    }

    /// Opens or shuts the gate for captured sound.
    pub(super) fn let_through(&self, open: bool) {
        self.open.store(open, Ordering::Release);
    }

    pub(super) fn send_voice(&self, packet: &[u8]) {
        let open = self.open.load(Ordering::Acquire);
        if open && self.send(Stream::Audio, packet) {
            self.audio_sent.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn send_picture(&self, packet: &[u8], last: bool) {
        if self.send(Stream::Video, packet) && last {
            self.video_sent.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn send(&self, stream: Stream, packet: &[u8]) -> bool {
        let sent = self.parent.packet(self.id, stream, packet);
        if sent {
            self.bytes_sent.fetch_add(packet.len() as u64, Ordering::Relaxed);
        }
        sent
    }

    /// A packet of the other side came.
    pub(super) fn received(&self, stream: Stream, packet: &[u8]) {
        self.bytes_received.fetch_add(packet.len() as u64, Ordering::Relaxed);
        if stream == Stream::Audio {
            self.audio_received.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Voice was decoded: news the first time.
    pub(super) fn voice_decoded(&self) {
        self.works(MediaPart::Speaker);
        if !self.playing.swap(true, Ordering::Relaxed) {
            self.parent.tell(&MediaEvent::AudioPlaying { session: self.id });
        }
    }

    pub(super) fn show_self(&self, picture: Shown) {
        self.works(MediaPart::Camera);
        if self.own.put(picture) {
            self.pipewire.ask(Request::Show(Key::of(self.id, Role::SelfView)));
        }
    }

    pub(super) fn show_remote(&self, picture: Shown) {
        self.works(MediaPart::RemoteVideo);
        self.video_shown.fetch_add(1, Ordering::Relaxed);
        let size = (picture.width, picture.height);
        let news =
            self.size.lock().is_ok_and(|mut last| std::mem::replace(&mut *last, size) != size);
        if self.remote.put(picture) {
            self.pipewire.ask(Request::Show(Key::of(self.id, Role::RemoteVideo)));
        }
        if news {
            let (width, height) = size;
            self.parent.tell(&MediaEvent::VideoShowing { session: self.id, width, height });
        }
    }

    /// A picture was too large: said once per size.
    pub(super) fn refuse(&self, width: u32, height: u32) {
        let size = Some((width, height));
        let news =
            self.refused.lock().is_ok_and(|mut last| std::mem::replace(&mut *last, size) != size);
        if news {
            let part = MediaPart::RemoteVideo;
            let why = format!(
                "the other side sends pictures of {width}x{height}, larger than agreed; they are \
                 not shown until it sends smaller ones"
            );
            self.broken(part);
            self.parent.tell(&MediaEvent::Missing { session: Some(self.id), part, why });
        }
    }

    pub(super) fn want_key_frame(&self) {
        if self.key_frames.passes(Instant::now()) {
            self.parent.tell(&MediaEvent::KeyFrameNeeded { session: self.id });
        }
    }

    /// A part was reported missing.
    pub(super) fn broken(&self, part: MediaPart) {
        if let Ok(mut missing) = self.missing.lock()
            && !missing.contains(&part)
        {
            missing.push(part);
        }
    }

    /// A part works: news when it was reported missing.
    pub(super) fn works(&self, part: MediaPart) {
        let news = self.missing.lock().is_ok_and(|mut missing| {
            let before = missing.len();
            missing.retain(|other| *other != part);
            missing.len() < before
        });
        if news {
            if part == MediaPart::RemoteVideo
                && let Ok(mut refused) = self.refused.lock()
            {
                *refused = None;
            }
            self.parent.tell(&MediaEvent::Found { session: Some(self.id), part });
        }
    }

    /// The counters, with what only the main thread knows: voice packets lost, its jitter and what of
    /// it waits, ms.
    pub(super) fn stats(&self, audio_lost: u64, jitter_ms: u32, playout_ms: u32) -> MediaStats {
        let (video_width, video_height) = self.size.lock().map_or((0, 0), |size| *size);
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        MediaStats {
            audio_sent: count(&self.audio_sent),
            audio_received: count(&self.audio_received),
            audio_lost,
            video_sent: count(&self.video_sent),
            video_shown: count(&self.video_shown),
            video_width,
            video_height,
            bytes_sent: count(&self.bytes_sent),
            bytes_received: count(&self.bytes_received),
            jitter_ms,
            playout_ms,
        }
    }
}
