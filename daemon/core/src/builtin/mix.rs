//! Holding calls, and talking to several at once.
//!
//! Owns: which calls are held, which are mixed here, and telling the worker and the other side.
//! Does not own: mixing itself, which the media worker does. Invariant: the worker mixes exactly the
//! calls of the one mix there is; a mix has two calls or more, each with media open.

use super::{BuiltIn, Output};
use crate::{id::CallId, media::MediaCommand};

const NOT_CONNECTED: &str = "the call is not connected";

impl BuiltIn {
    /// Held: nothing is captured, sent or played; pings go on, so the call stays alive.
    pub(super) fn set_held(&mut self, call: CallId, held: bool) -> Result<(), String> {
        let leg = self.legs.get_mut(&call).ok_or(NOT_CONNECTED)?;
        let session = leg.session().ok_or(NOT_CONNECTED)?;
        leg.held = held;
        self.emit(Output::Worker(MediaCommand::SetHeld { session, held }));
        self.send_state(call);
        Ok(())
    }

    /// Joins a call to another one, or takes it out of the mix.
    pub(super) fn set_group(&mut self, call: CallId, with: Option<CallId>) -> Result<(), String> {
        let Some(other) = with else {
            self.leave_mix(call);
            return Ok(());
        };
        for id in [call, other] {
            self.legs.get(&id).and_then(|leg| leg.session()).ok_or(NOT_CONNECTED)?;
        }
        if !self.mix.is_empty() && !self.mix.contains(&call) && !self.mix.contains(&other) {
            return Err("other calls are talked to together already".to_owned());
        }
        let is_held = |id: &CallId| self.legs.get(id).is_some_and(|leg| leg.held);
        let held = is_held(&call) && is_held(&other);
        self.mix.extend([call, other]);
        // Who is joined is heard: nobody of the mix is held alone.
        let members = self.mix.iter().copied();
        let differ: Vec<CallId> = members.filter(|id| is_held(id) != held).collect();
        for id in differ {
            self.set_held(id, held)?;
        }
        self.send_mix();
        Ok(())
    }

    /// A call is no longer mixed; one alone is no mix.
    pub(super) fn leave_mix(&mut self, call: CallId) {
        if self.mix.remove(&call) {
            if self.mix.len() < 2 {
                self.mix.clear();
            }
            self.send_mix();
        }
    }

    fn send_mix(&mut self) {
        let session = |call| self.legs.get(call).and_then(|leg| leg.session());
        let sessions = self.mix.iter().filter_map(session).collect();
        self.emit(Output::Worker(MediaCommand::SetMix { sessions }));
    }
}
