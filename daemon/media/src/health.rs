//! Which parts of the media work, and what to say about it.
//!
//! Owns: turning facts (devices, streams, PipeWire) into [`MediaEvent::Missing`] and
//! [`MediaEvent::Found`]. Does not own: finding the facts. Invariant: each part is reported once
//! when it goes missing and once when it is back; a closed part is never reported.

use std::collections::BTreeMap;

use ahoy_core::media::{Device, DeviceKind, MediaEvent, MediaPart, SessionId};

/// What one PipeWire stream is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    Microphone,
    Speaker,
    Camera,
    RemoteVideo,
    SelfView,
    Tone,
}

/// One PipeWire stream of the worker. No session: a tone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) session: Option<SessionId>,
    pub(crate) role: Role,
}

impl Key {
    /// The stream with this role in a call.
    pub(crate) const fn of(session: SessionId, role: Role) -> Self {
        Self { session: Some(session), role }
    }

    /// The tone's stream.
    pub(crate) const TONE: Self = Self { session: None, role: Role::Tone };
}

/// What is known about an open stream.
#[derive(Clone, Debug, Default)]
struct Part {
    live: bool,
    down: Option<String>,
    reported: bool,
}

/// All open streams and the world around them.
#[derive(Default)]
pub(crate) struct Health {
    parts: BTreeMap<Key, Part>,
    devices: Option<Vec<Device>>,
    pipewire: Option<String>,
}

impl Health {
    /// A stream is wanted from now on.
    pub(crate) fn open(&mut self, key: Key) {
        self.parts.insert(key, Part::default());
    }

    /// A stream is no longer wanted.
    pub(crate) fn close(&mut self, key: Key) {
        self.parts.remove(&key);
    }

    /// A stream is linked and runs.
    pub(crate) fn live(&mut self, key: Key) {
        if let Some(part) = self.parts.get_mut(&key) {
            part.live = true;
            part.down = None;
        }
    }

    /// Whether a stream is linked and runs.
    pub(crate) fn is_live(&self, key: Key) -> bool {
        self.parts.get(&key).is_some_and(|part| part.live)
    }

    /// A stream failed or lost its device.
    pub(crate) fn down(&mut self, key: Key, why: Option<String>) {
        if let Some(part) = self.parts.get_mut(&key) {
            part.live = false;
            part.down = why;
        }
    }

    /// Streams that failed: worth another try when devices change.
    pub(crate) fn failed(&self) -> Vec<Key> {
        let failed = self.parts.iter().filter(|(_, part)| part.down.is_some());
        failed.map(|(key, _)| *key).collect()
    }

    /// PipeWire answers.
    pub(crate) fn connected(&mut self) {
        self.pipewire = None;
    }

    /// PipeWire is gone or was never there; true when that is news.
    pub(crate) fn disconnected(&mut self, why: String) -> bool {
        self.devices = None;
        self.parts.values_mut().for_each(|part| part.live = false);
        self.pipewire.replace(why).is_none()
    }

    /// The devices of now.
    pub(crate) fn devices(&mut self, devices: Vec<Device>) {
        self.devices = Some(devices);
    }

    /// What is to be reported now.
    pub(crate) fn news(&mut self) -> Vec<MediaEvent> {
        let (devices, pipewire) = (self.devices.as_deref(), self.pipewire.as_deref());
        let mut news = Vec::new();
        for (key, part) in &mut self.parts {
            let why = reason(*key, part, devices, pipewire);
            let (session, name) = (key.session, part_name(key.role));
            match why {
                Some(why) if !part.reported => {
                    part.reported = true;
                    news.push(MediaEvent::Missing { session, part: name, why });
                }
                None if part.reported && (part.live || !waits_for_device(key.role)) => {
                    part.reported = false;
                    news.push(MediaEvent::Found { session, part: name });
                }
                Some(_) | None => {}
            }
        }
        news
    }
}

const fn part_name(role: Role) -> MediaPart {
    match role {
        Role::Microphone => MediaPart::Microphone,
        Role::Speaker => MediaPart::Speaker,
        Role::Camera => MediaPart::Camera,
        Role::RemoteVideo | Role::SelfView => MediaPart::RemoteVideo,
        Role::Tone => MediaPart::Tone,
    }
}

/// Whether a stream works only while a device is linked to it. Video nodes are offered, not linked.
const fn waits_for_device(role: Role) -> bool {
    match role {
        Role::Microphone | Role::Speaker | Role::Camera => true,
        Role::RemoteVideo | Role::SelfView | Role::Tone => false,
    }
}

fn reason(
    key: Key,
    part: &Part,
    devices: Option<&[Device]>,
    pipewire: Option<&str>,
) -> Option<String> {
    if let Some(why) = pipewire {
        return Some(why.to_owned());
    }
    let (kind, absent) = match key.role {
        Role::Microphone => (
            DeviceKind::Microphone,
            "no microphone is connected: the other side hears nothing until one is plugged in",
        ),
        Role::Speaker | Role::Tone => (
            DeviceKind::Speaker,
            "no speaker or headphones are connected: plug some in to hear calls",
        ),
        Role::Camera => (
            DeviceKind::Camera,
            "no camera is connected: the other side sees nothing until one is plugged in",
        ),
        Role::RemoteVideo | Role::SelfView => return part.down.clone(),
    };
    let devices = devices?;
    if devices.iter().all(|device| device.kind != kind) {
        return Some(absent.to_owned());
    }
    part.down.clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALL: SessionId = SessionId(1);
    const MICROPHONE: Key = Key::of(CALL, Role::Microphone);

    fn device(kind: DeviceKind) -> Device {
        Device { kind, name: "n".into(), label: "l".into(), hardware: None }
    }

    fn parts(news: &[MediaEvent]) -> Vec<String> {
        let line = |event: &MediaEvent| {
            if let MediaEvent::Missing { part, .. } = event {
                format!("missing {part:?}")
            } else if let MediaEvent::Found { part, .. } = event {
                format!("found {part:?}")
            } else {
                format!("{event:?}")
            }
        };
        news.iter().map(line).collect()
    }

    #[test]
    fn a_missing_device_is_reported_once_and_its_return_once() {
        let mut health = Health::default();
        health.open(MICROPHONE);
        assert!(health.news().is_empty(), "nothing is known yet");
        health.devices(vec![device(DeviceKind::Speaker)]);
        assert_eq!(parts(&health.news()), ["missing Microphone"]);
        assert!(health.news().is_empty());
        health.devices(vec![device(DeviceKind::Microphone)]);
        assert!(health.news().is_empty(), "there, but not running");
        health.live(MICROPHONE);
        assert_eq!(parts(&health.news()), ["found Microphone"]);
        assert!(health.news().is_empty());
    }

    #[test]
    fn only_the_missing_part_is_reported() {
        let mut health = Health::default();
        health.open(MICROPHONE);
        health.open(Key::of(CALL, Role::Speaker));
        health.open(Key::of(CALL, Role::RemoteVideo));
        health.devices(vec![device(DeviceKind::Speaker)]);
        assert_eq!(parts(&health.news()), ["missing Microphone"]);
    }

    #[test]
    fn a_closed_part_is_silent() {
        let mut health = Health::default();
        health.open(MICROPHONE);
        health.close(MICROPHONE);
        health.devices(Vec::new());
        health.live(MICROPHONE);
        health.down(MICROPHONE, Some("x".into()));
        assert!(health.news().is_empty());
    }

    #[test]
    fn without_pipewire_every_open_part_is_missing_and_comes_back() {
        let mut health = Health::default();
        health.open(MICROPHONE);
        health.open(Key::of(CALL, Role::RemoteVideo));
        assert!(health.disconnected("gone".into()));
        assert!(!health.disconnected("gone".into()), "known already");
        assert_eq!(parts(&health.news()), ["missing Microphone", "missing RemoteVideo"]);
        health.connected();
        assert_eq!(parts(&health.news()), ["found RemoteVideo"]);
        health.devices(vec![device(DeviceKind::Microphone)]);
        health.live(MICROPHONE);
        assert_eq!(parts(&health.news()), ["found Microphone"]);
    }

    #[test]
    fn a_failed_stream_is_worth_another_try() {
        let mut health = Health::default();
        health.open(MICROPHONE);
        health.devices(vec![device(DeviceKind::Microphone)]);
        health.down(MICROPHONE, Some("no target node available".into()));
        assert_eq!(parts(&health.news()), ["missing Microphone"]);
        assert_eq!(health.failed(), [MICROPHONE]);
        health.live(MICROPHONE);
        assert!(health.failed().is_empty());
    }
}
