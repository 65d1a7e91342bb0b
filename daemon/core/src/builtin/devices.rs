//! The devices that a call uses, while it is on.
//!
//! Owns: the user's choice for one call, and what becomes of it when a device comes or goes. Does
//! not own: devices, streams (the media worker). Invariant: a choice is one of the devices there
//! are; when its device goes, the call is heard where the user prefers, and says so.

use super::{BuiltIn, Output, leg::Leg};
use crate::{
    id::CallId,
    media::{Device, DeviceKind, Devices, MediaCommand, SessionId},
    provider::{Report, Update},
};

const OVER: &str = "the call is over";

/// What the user chose for one call; nothing: as in the settings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Choice {
    /// Playback node.
    endpoint: Option<String>,
    /// Video source node.
    camera: Option<String>,
}

impl Choice {
    /// The devices, by this choice and the settings. A headset is also spoken into.
    pub(super) fn devices(&self, known: &[Device], preferred: &Devices) -> Devices {
        let mut devices = preferred.clone();
        if let Some(endpoint) = &self.endpoint {
            devices.speaker = Some(endpoint.clone());
            if let Some(microphone) = microphone_of(known, endpoint) {
                devices.microphone = Some(microphone);
            }
        }
        if self.camera.is_some() {
            devices.camera.clone_from(&self.camera);
        }
        devices
    }

    /// Drops what is no longer there. True: the endpoint was.
    fn keep(&mut self, known: &[Device]) -> bool {
        let gone = |kind| move |name: &mut String| !has(known, kind, name);
        self.camera.take_if(gone(DeviceKind::Camera));
        self.endpoint.take_if(gone(DeviceKind::Speaker)).is_some()
    }
}

fn has(known: &[Device], kind: DeviceKind, name: &str) -> bool {
    known.iter().any(|one| one.kind == kind && one.name == name)
}

/// The microphone of the hardware that this speaker is part of.
fn microphone_of(known: &[Device], speaker: &str) -> Option<String> {
    let same = |one: &&Device| one.kind == DeviceKind::Speaker && one.name == speaker;
    let hardware = known.iter().find(same)?.hardware?;
    let fits = |one: &&Device| one.kind == DeviceKind::Microphone && one.hardware == Some(hardware);
    known.iter().find(fits).map(|one| one.name.clone())
}

/// The camera after this one, of all there are; none where there is no other.
fn next_camera(known: &[Device], now: Option<&str>) -> Option<String> {
    let cameras: Vec<&Device> = known.iter().filter(|one| one.kind == DeviceKind::Camera).collect();
    // Without a choice the session takes the first.
    let at = cameras.iter().position(|one| Some(one.name.as_str()) == now).unwrap_or(0);
    let next = cameras.get((at + 1) % cameras.len().max(1))?;
    (cameras.len() > 1).then(|| next.name.clone())
}

impl BuiltIn {
    /// The devices of a call.
    pub(super) fn devices_of(&self, leg: &Leg) -> Devices {
        leg.choice.devices(&self.hardware, &self.preferences.devices)
    }

    /// The devices that there are now, the best of each kind first.
    pub fn handle_devices(&mut self, devices: Vec<Device>) {
        // No devices at all: PipeWire is gone for a moment, which changes nobody's mind.
        if devices.is_empty() {
            return;
        }
        let before = self.in_use();
        self.hardware = devices;
        let mut told = Vec::new();
        for (call, leg) in &mut self.legs {
            if leg.choice.keep(&self.hardware) {
                told.push(*call);
            }
        }
        self.move_streams(&before);
        for call in told {
            let update = Update { endpoint: Some(String::new()), ..Update::default() };
            self.report(Report::Update { call, update });
        }
    }

    /// What the calls that have media use.
    pub(super) fn in_use(&self) -> Vec<(CallId, Devices)> {
        self.legs.iter().map(|(call, leg)| (*call, self.devices_of(leg))).collect()
    }

    /// Moves the calls whose devices are other ones than before.
    pub(super) fn move_streams(&mut self, before: &[(CallId, Devices)]) {
        let moved = |(call, before): &(CallId, Devices)| -> Option<(SessionId, Devices)> {
            let leg = self.legs.get(call)?;
            let now = self.devices_of(leg);
            Some((leg.session().filter(|_| now != *before)?, now))
        };
        let moved: Vec<_> = before.iter().filter_map(moved).collect();
        for (session, devices) in moved {
            self.emit(Output::Worker(MediaCommand::SetDevices { session, devices }));
        }
    }

    fn choose(
        &mut self,
        call: CallId,
        change: impl FnOnce(&mut Choice, &[Device], &Devices) -> Result<(), String>,
    ) -> Result<(), String> {
        let before = self.in_use();
        let leg = self.legs.get_mut(&call).ok_or(OVER)?;
        change(&mut leg.choice, &self.hardware, &self.preferences.devices)?;
        self.move_streams(&before);
        Ok(())
    }

    /// Where a call is heard and spoken; empty: as the user prefers.
    pub(super) fn set_endpoint(&mut self, call: CallId, name: String) -> Result<(), String> {
        self.choose(call, |choice, known, _| {
            if !name.is_empty() && !has(known, DeviceKind::Speaker, &name) {
                return Err(format!("id: no endpoint is called \"{name}\""));
            }
            choice.endpoint = Some(name).filter(|name| !name.is_empty());
            Ok(())
        })
    }

    /// Takes another camera; empty: the next one.
    pub(super) fn switch_camera(&mut self, call: CallId, name: String) -> Result<(), String> {
        self.choose(call, |choice, known, preferred| {
            let camera = if name.is_empty() {
                let now = choice.camera.as_ref().or(preferred.camera.as_ref());
                next_camera(known, now.map(String::as_str)).ok_or("there is no other camera")?
            } else if has(known, DeviceKind::Camera, &name) {
                name
            } else {
                return Err(format!("id: no camera is called \"{name}\""));
            };
            choice.camera = Some(camera);
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(kind: DeviceKind, name: &str, hardware: Option<u32>) -> Device {
        Device { kind, name: name.to_owned(), label: name.to_owned(), hardware }
    }

    fn known() -> Vec<Device> {
        vec![
            device(DeviceKind::Speaker, "speaker", None),
            device(DeviceKind::Microphone, "microphone", None),
            device(DeviceKind::Speaker, "headset", Some(7)),
            device(DeviceKind::Microphone, "headset-mic", Some(7)),
            device(DeviceKind::Speaker, "screen", Some(8)),
            device(DeviceKind::Camera, "front", None),
            device(DeviceKind::Camera, "back", None),
        ]
    }

    fn preferred() -> Devices {
        Devices { microphone: Some("microphone".to_owned()), ..Devices::default() }
    }

    fn heard_at(endpoint: &str) -> (Option<String>, Option<String>) {
        let choice = Choice { endpoint: Some(endpoint.to_owned()), ..Choice::default() };
        let devices = choice.devices(&known(), &preferred());
        (devices.speaker, devices.microphone)
    }

    #[test]
    fn a_headset_is_spoken_into_and_a_screen_that_plays_sound_is_not() {
        let some = |name: &str| Some(name.to_owned());
        assert_eq!(heard_at("headset"), (some("headset"), some("headset-mic")));
        assert_eq!(heard_at("screen"), (some("screen"), some("microphone")));
        assert_eq!(Choice::default().devices(&known(), &preferred()), preferred());
    }

    #[test]
    fn a_choice_goes_with_its_device() {
        let mut choice =
            Choice { endpoint: Some("headset".to_owned()), camera: Some("back".to_owned()) };
        assert!(!choice.keep(&known()));
        assert!(choice.keep(&known()[..2]));
        assert_eq!(choice, Choice::default());
    }

    #[test]
    fn cameras_go_round_and_one_alone_has_no_next() {
        let next = |now| next_camera(&known(), now);
        assert_eq!(next(None).as_deref(), Some("back"));
        assert_eq!(next(Some("back")).as_deref(), Some("front"));
        assert_eq!(next_camera(&known()[..6], Some("front")), None);
        assert_eq!(next_camera(&[], None), None);
    }
}
