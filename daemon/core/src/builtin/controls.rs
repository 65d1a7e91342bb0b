//! What is done with one call that is on, and whether the other side learns of it.
//!
//! Owns: muting, the camera, local silence, digits. Does not own: holding (`mix`), devices
//! (`devices`). Invariant: what the other side is told is what the worker is told.

use super::{BuiltIn, Output};
use crate::{id::CallId, media::MediaCommand};

impl BuiltIn {
    pub(super) fn set_muted(&mut self, call: CallId, muted: bool) -> Result<(), String> {
        let leg = self.legs.get_mut(&call).ok_or("the call is over")?;
        leg.muted = muted;
        if let Some(session) = leg.session() {
            self.emit(Output::Worker(MediaCommand::SetMuted { session, muted }));
        }
        self.send_state(call);
        Ok(())
    }

    /// The other side is not played here; it notices nothing.
    pub(super) fn set_local_silence(&mut self, call: CallId, silent: bool) -> Result<(), String> {
        let leg = self.legs.get(&call).ok_or("the call is over")?;
        let session = leg.session().ok_or("the call is not connected")?;
        self.emit(Output::Worker(MediaCommand::SetSilent { session, silent }));
        Ok(())
    }

    /// Digits go as what they sound like: whoever listens for them listens to the voice.
    pub(super) fn play_dtmf(&mut self, call: CallId, tones: String) -> Result<(), String> {
        let leg = self.legs.get(&call).ok_or("the call is over")?;
        let session = leg.session().ok_or("the call is not connected")?;
        if leg.held {
            return Err("the call is held: resume it first".to_owned());
        }
        self.emit(Output::Worker(MediaCommand::PlayDtmf { session, tones }));
        Ok(())
    }

    pub(super) fn set_video(&mut self, call: CallId, on: bool) -> Result<(), String> {
        let leg = self.legs.get_mut(&call).ok_or("the call is over")?;
        leg.wish.video = on;
        if let Some(session) = leg.session() {
            self.emit(Output::Worker(MediaCommand::SetCamera { session, on }));
        }
        self.send_state(call);
        Ok(())
    }
}
