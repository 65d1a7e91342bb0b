//! The media worker as the app uses it: what it must know, so that a new one can be told.
//!
//! Owns: the plans of running media, the tone that should play. Does not own: the process.
//! Invariant: whatever the worker was told and still holds is told again to the next incarnation.

use std::{
    collections::{BTreeMap, BTreeSet},
    os::fd::OwnedFd,
    time::Duration,
};

use ahoy_core::media::{Device, MediaCommand, MediaPlan, SessionId, Tone};

use super::ringtones::Repeated;
use crate::{
    ringtone::Ringtone,
    worker::{Link, Media},
};

/// The worker goes away after this long without a call or tone: its memory goes back.
const LINGER: Duration = Duration::from_secs(10);

/// What the media worker is to do now.
#[derive(Default)]
pub(super) struct MediaSide {
    link: Option<Link<Media>>,
    plans: BTreeMap<SessionId, MediaPlan>,
    /// Which of them are held.
    held: BTreeSet<SessionId>,
    /// Which are not played here.
    silent: BTreeSet<SessionId>,
    /// The calls that hear each other.
    mix: Vec<SessionId>,
    /// Streams of other programs that hear nothing.
    shut: Vec<u32>,
    /// What repeats until it is stopped, and where it plays.
    sound: Option<(Repeated, Option<String>)>,
    /// A tone that plays once.
    cue: bool,
    idle_since: Option<Duration>,
    /// The devices it reported last.
    pub(super) devices: Vec<Device>,
    /// Version of the media library, once known.
    pub(super) version: String,
    /// What is missing, by part, for `doctor`.
    pub(super) missing: BTreeMap<String, String>,
}

impl MediaSide {
    /// A new incarnation runs.
    pub(super) fn started(&mut self, link: Link<Media>) {
        self.link = Some(link);
        let plans: Vec<_> = self.plans.iter().map(|(id, plan)| (*id, plan.clone())).collect();
        for (session, mut plan) in plans {
            let (held, muted) = (self.held.contains(&session), plan.audio.muted);
            // What is held must not be captured for the moment until the worker hears of it.
            plan.audio.muted |= held;
            self.send(MediaCommand::Start { session, plan });
            if held {
                self.send(MediaCommand::SetHeld { session, held });
                self.send(MediaCommand::SetMuted { session, muted });
            }
        }
        for session in self.silent.clone() {
            self.send(MediaCommand::SetSilent { session, silent: true });
        }
        if !self.mix.is_empty() {
            self.send(MediaCommand::SetMix { sessions: self.mix.clone() });
        }
        if !self.shut.is_empty() {
            self.send(MediaCommand::ShutMicrophones { nodes: self.shut.clone() });
        }
        if let Some((sound, device)) = self.sound.clone() {
            self.repeat(sound, device);
        }
    }

    /// It is gone; the next one is told everything again, but for an app's ringtone that played:
    /// that may be why.
    pub(super) fn exited(&mut self) -> Option<Ringtone> {
        self.link = None;
        self.cue = false;
        let Some((Repeated::Brought(ringtone), device)) = self.sound.take_if(brought) else {
            return None;
        };
        self.sound = Some((Repeated::Own(Tone::Ring), device));
        Some(ringtone)
    }

    /// Passes a command on and remembers what of it stays true.
    pub(super) fn command(&mut self, command: MediaCommand) {
        match &command {
            MediaCommand::Start { session, plan } => {
                self.plans.insert(*session, plan.clone());
            }
            MediaCommand::SetMuted { session, muted } => {
                if let Some(plan) = self.plans.get_mut(session) {
                    plan.audio.muted = *muted;
                }
            }
            MediaCommand::SetCamera { session, on } => {
                if let Some(video) =
                    self.plans.get_mut(session).and_then(|plan| plan.video.as_mut())
                {
                    video.send = *on;
                }
            }
            MediaCommand::Stop { session } => {
                self.plans.remove(session);
                self.held.remove(session);
                self.silent.remove(session);
            }
            MediaCommand::SetDevices { session, devices } => {
                if let Some(plan) = self.plans.get_mut(session) {
                    plan.devices.clone_from(devices);
                }
            }
            MediaCommand::SetSilent { session, silent: true } => {
                self.silent.insert(*session);
            }
            MediaCommand::SetSilent { session, silent: false } => {
                self.silent.remove(session);
            }
            MediaCommand::SetHeld { session, held: true } => {
                self.held.insert(*session);
            }
            MediaCommand::SetHeld { session, held: false } => {
                self.held.remove(session);
            }
            MediaCommand::SetMix { sessions } => self.mix.clone_from(sessions),
            MediaCommand::ShutMicrophones { nodes } => self.shut.clone_from(nodes),
            MediaCommand::PipeWire
            | MediaCommand::PlayTone { .. }
            | MediaCommand::PlayRingtone { .. }
            | MediaCommand::StopTone
            | MediaCommand::PlayDtmf { .. }
            | MediaCommand::ForceKeyFrame { .. } => {}
        }
        self.send(command);
    }

    /// Makes this sound, or none, the one that repeats.
    pub(super) fn set_sound(&mut self, wanted: Option<(Repeated, Option<String>)>) {
        if self.sound == wanted {
            return;
        }
        self.sound.clone_from(&wanted);
        match wanted {
            Some((sound, device)) => self.repeat(sound, device),
            None if !self.cue => self.send(MediaCommand::StopTone),
            None => {}
        }
    }

    fn repeat(&mut self, sound: Repeated, device: Option<String>) {
        match sound {
            Repeated::Own(tone) => self.send(MediaCommand::PlayTone { tone, device }),
            Repeated::Brought(ringtone) => match ringtone.descriptor() {
                Ok(file) => self.send_with(MediaCommand::PlayRingtone { device }, vec![file]),
                Err(error) => {
                    tracing::warn!(%error, "an app's ringtone");
                    self.send(MediaCommand::PlayTone { tone: Tone::Ring, device });
                }
            },
        }
    }

    /// Plays a tone once. A cue is worth nothing late: with no worker it is left out.
    pub(super) fn play_once(&mut self, tone: Tone, device: Option<String>) {
        if self.link.is_some() && self.sound.is_none() {
            self.cue = true;
            self.send(MediaCommand::PlayTone { tone, device });
        }
    }

    /// A tone came to its end.
    pub(super) fn tone_ended(&mut self) {
        self.cue = false;
    }

    fn send(&mut self, command: MediaCommand) {
        self.send_with(command, Vec::new());
    }

    fn send_with(&mut self, command: MediaCommand, fds: Vec<OwnedFd>) {
        if let Some(link) = &self.link
            && let Err(error) = link.send_with(command, fds)
        {
            tracing::warn!(%error, "media worker");
        }
    }

    /// Whether it should run, given whether the calls want it.
    pub(super) fn is_wanted(&mut self, calls_want: bool, now: Duration) -> bool {
        if calls_want || !self.plans.is_empty() || self.sound.is_some() || self.cue {
            self.idle_since = None;
            return true;
        }
        let since = *self.idle_since.get_or_insert(now);
        self.link.is_some() && now < since + LINGER
    }

    /// When [`Self::is_wanted`] may change by itself.
    pub(super) fn next_timeout(&self) -> Option<Duration> {
        self.link.as_ref()?;
        self.idle_since.map(|since| since + LINGER)
    }

    /// Whether it runs now.
    pub(super) fn is_running(&self) -> bool {
        self.link.is_some()
    }
}

/// Whether it is an app's.
const fn brought((sound, _): &mut (Repeated, Option<String>)) -> bool {
    matches!(sound, Repeated::Brought(_))
}
