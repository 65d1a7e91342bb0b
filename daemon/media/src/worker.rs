//! The worker's main thread: commands and notes in, sessions and tones kept.
//!
//! Owns: the table of sessions, the tone, the tick. Does not own: what a session does
//! ([`crate::session`]). Invariant: a command for an unknown session changes nothing; everything
//! that changes a session happens on this thread.

use std::{
    collections::BTreeMap,
    os::fd::OwnedFd,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use ahoy_core::media::{MediaCommand, MediaEvent, MediaPart, SessionId, Tone};

use crate::{
    health::Key,
    inbox::{Inbox, Input},
    mix::SharedMixer,
    pw::{Note, Request, Spec},
    ringtone::RingtonePlayer,
    session::{Session, World},
    sound::{RATE, Sound},
    tones::{self, TonePlayer},
};

/// Between two reports of counters.
const TICK: Duration = Duration::from_secs(1);
/// How long after its length a tone that nobody plays (no speaker) counts as over.
const TONE_GRACE: Duration = Duration::from_secs(1);
/// Samples PipeWire handles at a time for a tone: as for a call's voice. With another number the
/// speaker has to change its pace as the call begins, and PipeWire 0.3.65 now and then loses that
/// change: the call then stays at the tone's pace (measured: 1024 samples, 30 ms more mouth to ear).
const TONE_QUANTUM: u32 = 256;

/// The tone that plays.
struct Playing {
    tone: Tone,
    until: Option<Instant>,
}

/// The worker.
pub(crate) struct Worker {
    world: World,
    sessions: BTreeMap<SessionId, Session>,
    /// The calls that hear each other.
    mix: Vec<SessionId>,
    playing: Option<Playing>,
}

impl Worker {
    /// A worker without any call.
    pub(crate) const fn new(world: World) -> Self {
        Self { world, sessions: BTreeMap::new(), mix: Vec::new(), playing: None }
    }

    /// Works until the parent is gone.
    pub(crate) fn run(mut self, inbox: &Inbox) {
        let mut tick = Instant::now() + TICK;
        loop {
            match inbox.next(tick.saturating_duration_since(Instant::now())) {
                Some(Input::ParentGone) => break,
                Some(input) => self.handle(input),
                None => {}
            }
            if Instant::now() >= tick {
                tick = Instant::now() + TICK;
                self.tick();
            }
            for event in self.world.health.news() {
                self.world.parent.tell(&event);
            }
        }
        for (_, session) in std::mem::take(&mut self.sessions) {
            session.stop(&mut self.world);
        }
        self.world.pipewire.ask(Request::Quit);
    }

    fn handle(&mut self, input: Input) {
        match input {
            Input::Command(command, fds) => self.command(*command, fds),
            Input::Packet(id, stream, packet) => {
                if let Some(session) = self.sessions.get_mut(&id) {
                    session.packet(stream, &packet);
                }
            }
            Input::PipeWire(note) => self.note(note),
            Input::Camera(id, format) => {
                if let Some(session) = self.sessions.get_mut(&id) {
                    session.camera_format(format);
                }
            }
            Input::Failed(id, kind, why) => {
                if let Some(session) = self.sessions.get_mut(&id) {
                    session.failed(kind, &why);
                }
            }
            // Handled where it is taken out.
            Input::ParentGone => {}
        }
    }

    fn command(&mut self, command: MediaCommand, fds: Vec<OwnedFd>) {
        match command {
            MediaCommand::PipeWire => self.connect(fds),
            MediaCommand::PlayTone { tone, device } => self.play_tone(tone, device),
            MediaCommand::PlayRingtone { device } => self.play_ringtone(device, fds),
            MediaCommand::StopTone => self.silence(),
            MediaCommand::Start { session, plan } => {
                // The parent never uses a number twice; a second start means it restarted the call.
                if let Some(old) = self.sessions.remove(&session) {
                    old.stop(&mut self.world);
                }
                let started = Session::start(session, plan, &mut self.world);
                self.sessions.insert(session, started);
                self.remix();
            }
            MediaCommand::SetMuted { session, muted } => {
                self.with(session, |it, world| it.set_muted(muted, world));
            }
            MediaCommand::SetCamera { session, on } => {
                self.with(session, |it, world| it.set_camera(on, world));
            }
            MediaCommand::SetHeld { session, held } => {
                self.with(session, |it, world| it.set_held(held, world));
            }
            MediaCommand::SetDevices { session, devices } => {
                self.with(session, |it, world| it.set_devices(devices, world));
            }
            MediaCommand::SetSilent { session, silent } => {
                self.with(session, |it, world| it.set_silent(silent, world));
            }
            MediaCommand::PlayDtmf { session, tones } => {
                self.with(session, |it, world| it.play_dtmf(&tones, world));
            }
            MediaCommand::SetMix { sessions } => {
                self.mix = sessions;
                self.remix();
            }
            MediaCommand::ShutMicrophones { nodes } => {
                self.world.pipewire.ask(Request::Shut(nodes.into_iter().collect()));
            }
            MediaCommand::ForceKeyFrame { session } => {
                self.with(session, |it, _| it.force_key_frame());
            }
            MediaCommand::Stop { session } => {
                if let Some(session) = self.sessions.remove(&session) {
                    session.stop(&mut self.world);
                    self.remix();
                }
            }
        }
    }

    /// Tells every call which others are heard in it.
    fn remix(&mut self) {
        let mixers: BTreeMap<SessionId, SharedMixer> =
            self.mix.iter().filter_map(|id| Some((*id, self.sessions.get(id)?.mixer()))).collect();
        for (id, session) in &mut self.sessions {
            let mut others = mixers.clone();
            if others.remove(id).is_none() {
                others.clear();
            }
            session.set_mix(others, &self.world);
        }
    }

    fn with(&mut self, id: SessionId, change: impl FnOnce(&mut Session, &mut World)) {
        match self.sessions.get_mut(&id) {
            Some(session) => change(session, &mut self.world),
            None => tracing::debug!(?id, "a command for a session that is not there"),
        }
    }

    fn connect(&mut self, fds: Vec<OwnedFd>) {
        // One descriptor serves everything; more are closed here.
        match fds.into_iter().next() {
            Some(socket) => self.world.pipewire.ask(Request::Connect(socket)),
            None => self.disconnected("there is no PipeWire: start it to hear and be heard".into()),
        }
    }

    fn disconnected(&mut self, why: String) {
        self.world.pipewire.ask(Request::Disconnect);
        if self.world.health.disconnected(why.clone()) {
            let part = MediaPart::PipeWire;
            self.world.parent.tell(&MediaEvent::Missing { session: None, part, why });
            self.world.parent.tell(&MediaEvent::Devices { devices: Vec::new() });
            self.world.parent.tell(&MediaEvent::Microphones { streams: Vec::new() });
        }
    }

    fn note(&mut self, note: Note) {
        match note {
            Note::Connected => {
                self.world.health.connected();
                let part = MediaPart::PipeWire;
                self.world.parent.tell(&MediaEvent::Found { session: None, part });
            }
            Note::Disconnected(why) => self.disconnected(why),
            Note::Devices(devices) => {
                self.world.health.devices(devices.clone());
                self.world.parent.tell(&MediaEvent::Devices { devices });
                for key in self.world.health.failed() {
                    self.world.pipewire.ask(Request::Retry(key));
                }
            }
            Note::Captures(streams) => {
                self.world.parent.tell(&MediaEvent::Microphones { streams });
            }
            Note::Live(key) => self.world.health.live(key),
            Note::Down(key, why) => self.world.health.down(key, why),
            Note::SoundOver(key) if key == Key::TONE => self.tone_over(),
            Note::SoundOver(_) => {}
        }
    }

    fn play_tone(&mut self, tone: Tone, device: Option<String>) {
        let length = tones::length(tone)
            .map(|samples| Duration::from_secs_f64(samples as f64 / f64::from(RATE)));
        let until = length.map(|length| Instant::now() + length + TONE_GRACE);
        self.play(Playing { tone, until }, device, Arc::new(Mutex::new(TonePlayer::new(tone))));
    }

    fn play_ringtone(&mut self, device: Option<String>, fds: Vec<OwnedFd>) {
        let Some(file) = fds.into_iter().next() else {
            return self.play_tone(Tone::Ring, device);
        };
        let playing = Playing { tone: Tone::Ring, until: None };
        self.play(playing, device, Arc::new(Mutex::new(RingtonePlayer::new(file))));
    }

    fn play(&mut self, playing: Playing, device: Option<String>, sound: Arc<Mutex<dyn Sound>>) {
        self.playing = Some(playing);
        let spec = Spec::Playback {
            name: "ahoy-tone".into(),
            target: device,
            quantum: TONE_QUANTUM,
            media_role: "Notification",
            sound,
        };
        self.world.open(Key::TONE, spec);
    }

    fn silence(&mut self) {
        if self.playing.take().is_some() {
            self.world.close(Key::TONE);
        }
    }

    /// A tone has been played to its end. A note of a replaced one may still be on its way.
    fn tone_over(&mut self) {
        let Some(tone) = self.playing.as_ref().map(|playing| playing.tone) else {
            return;
        };
        if tones::length(tone).is_some() {
            self.silence();
            self.world.parent.tell(&MediaEvent::ToneEnded { tone });
        }
    }

    fn tick(&mut self) {
        for session in self.sessions.values_mut() {
            session.tick(&mut self.world);
        }
        let now = Instant::now();
        let until = self.playing.as_ref().and_then(|playing| playing.until);
        if until.is_some_and(|until| now >= until) {
            self.tone_over();
        }
    }
}
