//! What is done with one call that is on, and whether the other side learns of it.
//!
//! Owns: muting, the camera, local silence, digits, text. Does not own: holding (`mix`), devices
//! (`devices`). Invariant: what the other side is told is what the worker is told.

use super::{BuiltIn, Output};
use crate::{
    id::{CallId, Now},
    media::MediaCommand,
    wire::Signal,
    written::Written,
};

/// Bytes of a text that go into one signal, with all that is around them in its largest size.
const PIECE: usize = 3800;

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

    /// What is written goes where signals go; media has its own way, and lives longer.
    pub(super) fn send_text(
        &mut self,
        now: Now,
        call: CallId,
        written: &Written,
    ) -> Result<(), String> {
        let leg = self.legs.get_mut(&call).ok_or("the call is over")?;
        let linked = leg.linked_mut().ok_or("the call is not connected")?;
        if linked.conn.is_none() {
            return Err("the connection for signals is lost: talk on, or call again".to_owned());
        }
        let pieces = written.pieces(PIECE);
        if pieces.iter().all(|_| linked.texts.take(now.mono)) {
            for piece in pieces {
                self.send_signal(call, Signal::Text(piece));
            }
            return Ok(());
        }
        // What is still being typed comes with the next letter.
        if written.is_last() { Err("too much at once: wait a moment".to_owned()) } else { Ok(()) }
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
