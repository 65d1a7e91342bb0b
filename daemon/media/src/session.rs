//! One call's media.
//!
//! Owns: which pipelines and streams a call has now, given its plan and what was asked since. Does
//! not own: what is in them. Invariant: [`Session::want`] is the only place that decides whether a
//! stream is open; while muted or held no capture stream exists and no captured sound passes.

mod receive;
mod send;
mod shared;
mod ticker;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Instant,
};

use ahoy_core::{
    media::{Devices, MediaEvent, MediaPart, MediaPlan, MediaStats, SessionId},
    worker::Stream,
};

use self::{receive::Reception, shared::Shared, ticker::Ticker};
use crate::{
    flow::Flow,
    health::{Health, Key, Role},
    inbox::{FlowKind, Inputs},
    mix::SharedMixer,
    parent::Parent,
    picture::CameraFormat,
    playout::Playout,
    pw::{PipeWire, Request, SoundSink, Spec},
    sound::RATE,
};

/// What sessions use of the worker.
pub(crate) struct World {
    pub(crate) pipewire: PipeWire,
    pub(crate) parent: Parent,
    pub(crate) inputs: Inputs,
    pub(crate) health: Health,
}

impl World {
    /// Opens a stream.
    pub(crate) fn open(&mut self, key: Key, spec: Spec) {
        self.health.open(key);
        self.pipewire.ask(Request::Open(key, spec));
    }

    /// Closes a stream.
    pub(crate) fn close(&mut self, key: Key) {
        self.health.close(key);
        self.pipewire.ask(Request::Close(key));
    }
}

/// What was asked of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wish {
    muted: bool,
    held: bool,
    /// The other side is not played here.
    silent: bool,
    camera: bool,
}

impl Wish {
    /// Whether a stream is to be open.
    const fn wants(self, role: Role, video: bool) -> bool {
        match role {
            Role::Microphone => !self.muted && !self.held,
            Role::Speaker => !self.held && !self.silent,
            Role::Camera | Role::SelfView => video && self.camera && !self.held,
            Role::RemoteVideo => video,
            Role::Tone => false,
        }
    }
}

/// Ticks without a picture after which a camera counts as hanging: slow ones take two seconds to
/// give their first.
const STILL: u32 = 4;

/// Streams a session may have, in the order they are opened.
const ROLES: [Role; 5] =
    [Role::Speaker, Role::Microphone, Role::RemoteVideo, Role::SelfView, Role::Camera];

/// One call's media. Ended by [`Session::stop`].
pub(crate) struct Session {
    id: SessionId,
    inputs: Inputs,
    parent: Parent,
    plan: MediaPlan,
    wish: Wish,
    open: Vec<Role>,
    shared: Arc<Shared>,
    playout: Arc<Mutex<Playout>>,
    voice: Option<(Flow, SoundSink)>,
    /// The other calls' voices, on their way out with ours.
    mixer: SharedMixer,
    /// The mixers of those in which this one is heard.
    taps: receive::Taps,
    /// Gives the pace to a mix while there is no microphone to do so.
    ticker: Option<Ticker>,
    camera: send::CameraEntry,
    /// Ticks without a picture of an open camera.
    camera_still: u32,
    pictures: Option<Flow>,
    heard: Reception,
    seen: Reception,
}

impl Session {
    /// Starts a call's media.
    pub(crate) fn start(id: SessionId, plan: MediaPlan, world: &mut World) -> Self {
        let wish = Wish {
            muted: plan.audio.muted,
            held: false,
            silent: false,
            camera: plan.video.as_ref().is_some_and(|video| video.send),
        };
        let mut session = Self {
            id,
            inputs: world.inputs.clone(),
            parent: world.parent.clone(),
            wish,
            open: Vec::new(),
            shared: Arc::new(Shared::new(id, world)),
            playout: Arc::new(Mutex::new(Playout::new(plan.audio.jitter_ms))),
            plan,
            voice: None,
            mixer: SharedMixer::default(),
            taps: receive::Taps::default(),
            ticker: None,
            camera: send::CameraEntry::default(),
            camera_still: 0,
            pictures: None,
            heard: Reception::default(),
            seen: Reception::default(),
        };
        session.encode_voice();
        session.apply(world);
        world.parent.tell(&MediaEvent::Started { session: id });
        session
    }

    /// Mutes or unmutes.
    pub(crate) fn set_muted(&mut self, muted: bool, world: &mut World) {
        self.want(Wish { muted, ..self.wish }, world);
    }

    /// Switches the camera.
    pub(crate) fn set_camera(&mut self, camera: bool, world: &mut World) {
        self.want(Wish { camera, ..self.wish }, world);
    }

    /// Holds or resumes.
    pub(crate) fn set_held(&mut self, held: bool, world: &mut World) {
        self.want(Wish { held, ..self.wish }, world);
        if held {
            self.heard.pause();
            self.seen.pause();
            if let Ok(mut playout) = self.playout.lock() {
                playout.clear();
            }
        }
    }

    /// Plays the other side here no more, or again.
    pub(crate) fn set_silent(&mut self, silent: bool, world: &mut World) {
        self.want(Wish { silent, ..self.wish }, world);
        // What was said meanwhile is not played after it.
        if let Ok(mut playout) = self.playout.lock() {
            playout.clear();
        }
    }

    /// Uses these devices: streams that are open move, what is closed stays closed.
    pub(crate) fn set_devices(&mut self, devices: Devices, world: &mut World) {
        let before = std::mem::replace(&mut self.plan.devices, devices);
        let now = &self.plan.devices;
        let moved = [
            (Role::Speaker, before.speaker != now.speaker),
            (Role::Microphone, before.microphone != now.microphone),
            (Role::Camera, before.camera != now.camera),
        ];
        for (role, moved) in moved {
            if moved && self.open.contains(&role) {
                self.open_stream(role, world);
            }
        }
    }

    /// Sends digits.
    pub(crate) fn play_dtmf(&mut self, tones: &str, world: &World) {
        if let Ok(mut mixer) = self.mixer.lock() {
            mixer.dial(tones);
        }
        self.pace(world);
    }

    /// What other calls' voices are put into to be heard in this one.
    pub(crate) fn mixer(&self) -> SharedMixer {
        self.mixer.clone()
    }

    /// From now on these calls hear this one and are heard in it.
    pub(crate) fn set_mix(&mut self, others: BTreeMap<SessionId, SharedMixer>, world: &World) {
        if let Ok(mut mixer) = self.mixer.lock() {
            mixer.hear(&others.keys().copied().collect::<Vec<_>>());
        }
        self.taps.set(others.into_values().collect());
        self.pace(world);
    }

    /// Whether other calls are heard in this one.
    fn is_mixed(&self) -> bool {
        self.mixer.lock().is_ok_and(|mixer| !mixer.is_empty())
    }

    /// A mix goes out at the pace of the microphone; without one a clock takes its place, so that
    /// the others hear each other while we are muted.
    fn pace(&mut self, world: &World) {
        let missing = self.wish.muted || !world.health.is_live(Key::of(self.id, Role::Microphone));
        let wanted = self.is_mixed() && !self.wish.held && missing;
        if !wanted {
            self.ticker = None;
        } else if self.ticker.is_none()
            && let Some((_, sink)) = &self.voice
        {
            self.ticker = Ticker::start(sink.clone(), self.shared.clone());
        }
    }

    /// The other side needs a picture that stands alone.
    pub(crate) fn force_key_frame(&self) {
        if let Some(pictures) = &self.pictures {
            pictures.force_key_frame();
        }
    }

    /// Ends the call's media.
    pub(crate) fn stop(mut self, world: &mut World) {
        self.ticker = None;
        self.shared.let_through(false);
        for role in std::mem::take(&mut self.open) {
            world.close(Key::of(self.id, role));
        }
    }

    /// A packet of the other side.
    pub(crate) fn packet(&mut self, stream: Stream, packet: &[u8]) {
        if self.wish.held {
            return;
        }
        match stream {
            Stream::Audio => self.hear(packet),
            Stream::Video => self.see(packet),
        }
    }

    /// The camera delivers in this format from now on.
    pub(crate) fn camera_format(&mut self, format: CameraFormat) {
        if self.open.contains(&Role::Camera) {
            self.encode_pictures(format);
        }
    }

    /// A pipeline failed. It is built again at the next tick, not at once: what made it fail may
    /// still be there, and a loop would take the processor from the voice.
    pub(crate) fn failed(&mut self, kind: FlowKind, why: &str) {
        let part = match kind {
            FlowKind::AudioSend => {
                self.ticker = None;
                self.voice = None;
                MediaPart::Microphone
            }
            FlowKind::AudioReceive => {
                self.heard.fail();
                MediaPart::Speaker
            }
            FlowKind::VideoSend => {
                self.pictures = None;
                self.camera.forget();
                MediaPart::Camera
            }
            FlowKind::VideoReceive => {
                self.seen.fail();
                MediaPart::RemoteVideo
            }
        };
        tracing::warn!(?kind, why, "a pipeline failed; it is built again");
        let why = format!("{why}; it is tried again in a second");
        self.report(part, why);
    }

    /// Once a second: counters out, what failed built again.
    pub(crate) fn tick(&mut self, world: &mut World) {
        self.heard.recover();
        self.seen.recover();
        if self.voice.is_none() {
            self.encode_voice();
            if self.voice.is_some() && self.open.contains(&Role::Microphone) {
                self.open_stream(Role::Microphone, world);
                self.shared.works(MediaPart::Microphone);
            }
        }
        self.watch_camera(world);
        self.pace(world);
        let stats = self.stats();
        world.parent.tell(&MediaEvent::Stats { session: self.id, stats });
    }

    /// A camera that is linked and gives nothing is opened again: some hang when they are taken a
    /// second time, and nothing else would ever say so.
    fn watch_camera(&mut self, world: &mut World) {
        let key = Key::of(self.id, Role::Camera);
        if self.camera.gave() || !world.health.is_live(key) {
            self.camera_still = 0;
            return;
        }
        self.camera_still += 1;
        if self.camera_still >= STILL {
            self.camera_still = 0;
            let why = "the camera gives no pictures; it is opened again, else unplug it once";
            self.report(MediaPart::Camera, why.to_owned());
            world.pipewire.ask(Request::Retry(key));
        }
    }

    fn report(&self, part: MediaPart, why: String) {
        self.shared.broken(part);
        self.parent.tell(&MediaEvent::Missing { session: Some(self.id), part, why });
    }

    fn stats(&self) -> MediaStats {
        let waiting = self.playout.lock().map_or(0, |playout| playout.waiting_ms());
        self.shared.stats(self.heard.lost(), self.heard.jitter_ms(), waiting)
    }

    fn want(&mut self, wish: Wish, world: &mut World) {
        if self.wish != wish {
            self.wish = wish;
            self.apply(world);
        }
    }

    /// Opens and closes streams until they are as wished.
    fn apply(&mut self, world: &mut World) {
        let video = self.plan.video.is_some();
        // Before any stream closes: what was captured meanwhile must not pass either. A clock opens
        // the gate again once that is gone.
        self.ticker = None;
        self.shared.let_through(self.wish.wants(Role::Microphone, video));
        for role in ROLES {
            let (wanted, open) = (self.wish.wants(role, video), self.open.contains(&role));
            if wanted && !open {
                self.open.push(role);
                self.open_stream(role, world);
            } else if !wanted && open {
                self.open.retain(|other| *other != role);
                world.close(Key::of(self.id, role));
            }
        }
        if !self.open.contains(&Role::Camera) {
            self.camera.forget();
            self.pictures = None;
        }
        if self.wish.muted {
            self.pace(world);
        }
    }

    fn open_stream(&self, role: Role, world: &mut World) {
        if let Some(spec) = self.spec(role) {
            world.open(Key::of(self.id, role), spec);
        }
    }

    fn spec(&self, role: Role) -> Option<Spec> {
        let (devices, names) = (&self.plan.devices, &self.plan.names);
        let own_name = |what: &str| format!("ahoy-{what}-{}", self.id.0);
        let video = self.plan.video.as_ref();
        Some(match role {
            Role::Microphone => Spec::Capture {
                name: own_name("microphone"),
                target: devices.microphone.clone(),
                quantum: self.quantum(),
                sink: self.voice.as_ref()?.1.clone(),
            },
            Role::Speaker => Spec::Playback {
                name: names.remote_audio.clone(),
                target: devices.speaker.clone(),
                quantum: self.quantum(),
                media_role: "Communication",
                sound: self.playout.clone(),
            },
            Role::Camera => Spec::Camera {
                name: own_name("camera"),
                target: devices.camera.clone(),
                size: video?.size,
                sink: self.camera.sink(self.id, video?.size.fps, self.inputs.clone()),
            },
            Role::RemoteVideo => {
                Spec::Picture { name: names.remote_video.clone(), slot: self.shared.remote_slot() }
            }
            Role::SelfView => {
                Spec::Picture { name: names.self_view.clone(), slot: self.shared.self_slot() }
            }
            Role::Tone => return None,
        })
    }

    /// Samples PipeWire is asked to handle at a time: about half a frame. Less saves no delay
    /// (measured: 5.3 ms floor at 256), more adds it.
    const fn quantum(&self) -> u32 {
        let half_frame = RATE / 2000 * if self.plan.audio.frame_ms == 10 { 10 } else { 20 };
        // PipeWire rounds down to a power of two.
        (half_frame + 1).next_power_of_two()
    }
}

/// Lets something pass at most twice a second.
struct Limit(Mutex<Option<Instant>>);

impl Limit {
    const GAP: std::time::Duration = std::time::Duration::from_millis(500);

    const fn new() -> Self {
        Self(Mutex::new(None))
    }

    fn passes(&self, now: Instant) -> bool {
        let Ok(mut last) = self.0.lock() else {
            return false;
        };
        let passes = last.is_none_or(|last| now.duration_since(last) >= Self::GAP);
        if passes {
            *last = Some(now);
        }
        passes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn muted_or_held_never_wants_the_microphone() {
        for (muted, held) in [(true, false), (false, true), (true, true)] {
            let wish = Wish { muted, held, silent: false, camera: true };
            assert!(!wish.wants(Role::Microphone, true));
        }
        let wish = Wish { muted: false, held: false, silent: false, camera: false };
        assert!(wish.wants(Role::Microphone, true));
        assert!(!wish.wants(Role::Camera, true));
    }

    #[test]
    fn held_captures_and_plays_nothing_but_keeps_the_picture_node() {
        let wish = Wish { muted: false, held: true, silent: false, camera: true };
        let open: Vec<Role> = ROLES.into_iter().filter(|role| wish.wants(*role, true)).collect();
        assert_eq!(open, [Role::RemoteVideo]);
    }

    #[test]
    fn a_call_without_pictures_wants_no_video_stream() {
        let wish = Wish { muted: false, held: false, silent: false, camera: true };
        let open: Vec<Role> = ROLES.into_iter().filter(|role| wish.wants(*role, false)).collect();
        assert_eq!(open, [Role::Speaker, Role::Microphone]);
    }

    #[test]
    fn wishes_for_key_frames_pass_twice_a_second() {
        let (limit, start) = (Limit::new(), Instant::now());
        assert!(limit.passes(start));
        assert!(!limit.passes(start + Limit::GAP / 2));
        assert!(limit.passes(start + Limit::GAP));
    }
}
