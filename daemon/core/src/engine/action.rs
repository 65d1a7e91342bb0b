//! Actions: the ways each one ends, and what that does to its call.
//!
//! Owns: serials, what fulfilment, failure, time-out and loss do. Does not own: whether an action
//! is legal (`control`), what comes after it (`transaction`). Invariant: a serial leaves `serials`
//! exactly when its action ends.

use super::{CommandError, Engine, Output, PerformError};
use crate::{
    call::{Capture, EndReason, Pending, Step},
    id::{CallId, Now, Serial},
    provider::Action,
};

/// How an action ended.
pub(super) enum Ending {
    Fulfilled,
    Failed(String),
    TimedOut,
    /// The provider's connection is gone.
    Gone,
}

impl Ending {
    /// As on the bus: how, and the provider's text.
    fn words(&self) -> (&'static str, &str) {
        match self {
            Self::Fulfilled => ("done", ""),
            Self::Failed(text) => ("failed", text),
            Self::TimedOut => ("timed-out", ""),
            Self::Gone => ("failed", "the app is gone"),
        }
    }

    fn result(&self) -> Result<(), CommandError> {
        match self {
            Self::Fulfilled => Ok(()),
            Self::Failed(text) => Err(CommandError::ProviderFailed(text.clone())),
            Self::TimedOut => Err(CommandError::Timeout),
            Self::Gone => Err(CommandError::ProviderGone),
        }
    }
}

impl Engine {
    /// An end comes before what is out: that is over at once, and [`Self::superseded`] goes on with
    /// its transaction once the end is out.
    pub(super) fn supersede(&mut self, id: CallId) -> Option<Pending> {
        let pending = self.take_out(id)?;
        self.finished(id, &pending, "superseded", "");
        Some(pending)
    }

    pub(super) fn superseded(&mut self, now: Now, pending: &Pending) {
        // What was in somebody's way is on its way out, held or not.
        let way = self.makes_way(pending);
        let result = if way { Ok(()) } else { Err(CommandError::Superseded) };
        self.settle(now, pending.serial, result);
    }

    /// The call ended by itself while an action was out.
    pub(super) fn retire(&mut self, now: Now, id: CallId) {
        let Some(pending) = self.take_out(id) else {
            return;
        };
        let done = matches!(pending.action, Action::End(_));
        self.finished(id, &pending, if done { "done" } else { "superseded" }, "");
        let result =
            if done || self.makes_way(&pending) { Ok(()) } else { Err(CommandError::InvalidState) };
        self.settle(now, pending.serial, result);
    }

    fn take_out(&mut self, id: CallId) -> Option<Pending> {
        let pending = self.calls.get_mut(&id)?.pending.take()?;
        self.serials.remove(&pending.serial);
        Some(pending)
    }

    pub(super) fn performed(&mut self, now: Now, serial: Serial, result: Result<(), PerformError>) {
        let ending = match result {
            Ok(()) => Ending::Fulfilled,
            Err(PerformError(text)) => Ending::Failed(text),
        };
        if let Some(id) = self.serials.get(&serial).copied() {
            self.end_out(now, id, ending);
        }
    }

    /// Ends what is out on a call, if anything.
    pub(super) fn end_out(&mut self, now: Now, id: CallId, ending: Ending) {
        let Some(pending) = self.take_out(id) else {
            return;
        };
        self.emit(Output::Changed(id));
        let result = match &ending {
            Ending::Fulfilled => {
                self.fulfilled(now, id, &pending.action);
                Ok(())
            }
            Ending::Failed(_) | Ending::TimedOut => {
                self.unfulfilled(now, id, &pending.action, &ending)
            }
            Ending::Gone => {
                let gone = self.unfulfilled(now, id, &pending.action, &ending);
                // Nothing of it sounds any more: what was in somebody's way is so no longer.
                if self.makes_way(&pending) { Ok(()) } else { gone }
            }
        };
        let (word, error) = ending.words();
        self.finished(id, &pending, word, error);
        self.settle(now, pending.serial, result);
    }

    /// What fulfilment changes.
    fn fulfilled(&mut self, now: Now, id: CallId, action: &Action) {
        match action {
            // How far an outgoing call is, its provider reports.
            Action::Start { .. }
            | Action::PlayDtmf(_)
            | Action::SwitchCamera(_)
            | Action::SetScreenShare(_)
            | Action::SendText(_) => {}
            Action::Answer { .. } => {
                self.advance(now, id, Step::Active(now.unix_us));
            }
            Action::End(reason) => self.end_now(now, id, *reason, ""),
            Action::Transfer(_) => self.end_now(now, id, EndReason::LocalHangup, "transferred"),
            Action::SetHeld(held) => self.flag(id, |flags| flags.held = *held),
            Action::SetMuted(muted) => self.muted_there(id, *muted),
            Action::SetVideo(video) => self.flag(id, |flags| flags.video = *video),
            Action::SetLocalSilence(silent) => self.flag(id, |flags| flags.local_silence = *silent),
            Action::SetGroup(with) => self.grouped(id, *with),
            Action::SetEndpoint(endpoint) => {
                if let Some(call) = self.calls.get_mut(&id) {
                    call.endpoint.clone_from(endpoint);
                    self.emit(Output::Changed(id));
                }
            }
        }
    }

    /// What failure, time-out or loss changes, and what the controller is told.
    fn unfulfilled(
        &mut self,
        now: Now,
        id: CallId,
        action: &Action,
        ending: &Ending,
    ) -> Result<(), CommandError> {
        match (action, ending) {
            // The user must be rid of a call whatever its provider says.
            (Action::End(reason), _) => {
                self.end_now(now, id, *reason, "");
                return Ok(());
            }
            // Privacy never depends on the app. Where it does, nothing is pretended.
            (Action::SetMuted(muted), _) => {
                if self.calls.get(&id).is_some_and(|call| self.mutes_here(call)) {
                    self.mute_here(id, *muted);
                    return Ok(());
                }
            }
            // It may come back and go on; the grace ends the call if it does not.
            (Action::Start { .. } | Action::Answer { .. }, Ending::Gone) => {}
            (Action::Start { .. } | Action::Answer { .. }, Ending::Failed(text)) => {
                self.end_now(now, id, EndReason::Failed, text);
            }
            (Action::Start { .. } | Action::Answer { .. }, Ending::TimedOut) => {
                self.end_now(now, id, EndReason::Failed, "the provider did not answer in time");
            }
            (Action::Start { .. } | Action::Answer { .. }, Ending::Fulfilled)
            | (
                Action::SetHeld(_)
                | Action::SetVideo(_)
                | Action::PlayDtmf(_)
                | Action::SetGroup(_)
                | Action::SwitchCamera(_)
                | Action::SetLocalSilence(_)
                | Action::SetEndpoint(_)
                | Action::SetScreenShare(_)
                | Action::SendText(_)
                | Action::Transfer(_),
                _,
            ) => {}
        }
        ending.result()
    }

    /// The app says that it muted or opened.
    fn muted_there(&mut self, id: CallId, muted: bool) {
        self.set_muted(id, muted, Capture::Beside);
    }

    /// The daemon mutes or opens by itself.
    pub(super) fn mute_here(&mut self, id: CallId, muted: bool) {
        self.set_muted(id, muted, Capture::Alone);
    }

    fn set_muted(&mut self, id: CallId, muted: bool, shut: Capture) {
        self.flag(id, |flags| flags.muted = muted);
        if let Some(call) = self.calls.get_mut(&id) {
            call.capture = if muted { shut } else { Capture::Open };
        }
    }

    fn finished(&mut self, call: CallId, pending: &Pending, result: &'static str, error: &str) {
        let (serial, action, error) = (pending.serial, pending.action.name(), error.to_owned());
        self.emit(Output::ActionFinished { serial, call, action, result, error });
    }
}
