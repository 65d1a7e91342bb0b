//! The ringtones of apps.
//!
//! Owns: whose is whose. Does not own: reading one (`crate::ringtone`), playing it (the media
//! worker). Invariant: together they take a bounded memory.

use std::{collections::BTreeMap, os::fd::OwnedFd};

use ahoy_core::{
    engine::Attention,
    id::ProviderId,
    media::{MAX_RINGTONE, Tone},
};

use super::{
    App, desk,
    request::{Answer, Fault, FaultKind},
};
use crate::{
    ringtone::{Ringtone, RingtoneError},
    settings::Key,
};

/// Bytes of all of them.
const ALL: usize = 8 * MAX_RINGTONE;

/// The ringtones.
#[derive(Default)]
pub(super) struct Ringtones(BTreeMap<ProviderId, Ringtone>);

impl Ringtones {
    /// Whether there is room for the app's.
    pub(super) fn room(&self, app: &ProviderId, ringtone: Option<&Ringtone>) -> Result<(), Fault> {
        let others = self.0.iter().filter(|(id, _)| *id != app);
        let all: usize = others.map(|(_, one)| one.len()).sum();
        if all + ringtone.map_or(0, Ringtone::len) > ALL {
            let why = format!("ringtone-fd: those of all apps are larger than {ALL} bytes");
            return Err(Fault::new(FaultKind::LimitReached, why));
        }
        Ok(())
    }

    /// Makes this one, or none, the app's.
    pub(super) fn set(&mut self, app: &ProviderId, ringtone: Option<Ringtone>) {
        match ringtone {
            Some(ringtone) => self.0.insert(app.clone(), ringtone),
            None => self.0.remove(app),
        };
    }

    /// The worker went down while this one played: it is not tried again.
    pub(super) fn forget(&mut self, ringtone: &Ringtone) {
        self.0.retain(|_, one| one != ringtone);
    }
}

/// What repeats until it is stopped.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Repeated {
    /// A sound of our own.
    Own(Tone),
    /// An app's.
    Brought(Ringtone),
}

impl App {
    pub(super) fn read_ringtone(&self, file: OwnedFd, answer: Answer<Ringtone>) {
        self.readers.read((file, answer), Ringtone::read, |read, answer| {
            let _ = answer.send(read.map_err(Fault::from));
        });
    }

    /// What the calls ask for, and the device that it is heard on.
    pub(super) fn sound(&self, wanted: &Attention) -> Option<(Repeated, Option<String>)> {
        let engine = self.service.engine();
        let tone = desk::tone(engine, wanted)?;
        if tone == Tone::Ring && (self.talk.is_listening() || self.prompts.is_speaking()) {
            // Who is to be heard is not rung over.
            return None;
        }
        if tone != Tone::Ring {
            return Some((Repeated::Own(tone), self.device(Key::SPEAKER)));
        }
        let app = wanted.ring.and_then(|call| engine.call(call)).map(|call| call.provider());
        let brought = app.and_then(|app| self.ringtones.0.get(app)).cloned();
        let sound = brought.map_or(Repeated::Own(tone), Repeated::Brought);
        Some((sound, self.device(Key::RINGER)))
    }
}

impl From<RingtoneError> for Fault {
    fn from(error: RingtoneError) -> Self {
        Self::argument(format!("ringtone-fd: {error}"))
    }
}
