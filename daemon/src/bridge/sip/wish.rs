//! What the daemon can wish of baresip.
//!
//! Owns: which actions baresip has a command for. Does not own: carrying them out (`rules`).
//! Invariant: what baresip cannot do when told from outside is refused here, before it is asked.

use ahoy_core::{id::Handle, provider::Action};

use super::super::{text, world::Refused};

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Task {
    LearnAccount,
    Dial(Handle),
    Accept,
    HangUp,
    Hold(bool),
    /// `again`: it was toggled the wrong way before.
    Mute {
        wanted: bool,
        again: bool,
    },
    Tones(String),
}

/// An action as a task.
pub(super) fn task(action: Action) -> Result<Task, Refused> {
    let cannot = Err(Refused::because("baresip cannot do this when told from outside"));
    match action {
        Action::Start { remote, .. } => match remote.scheme() {
            "sip" | "sips" if text::is_sip(remote.value()) => Ok(Task::Dial(remote)),
            _ => Err(Refused::because("this is no SIP address such as bob@example.org")),
        },
        Action::Answer { .. } => Ok(Task::Accept),
        Action::End(_) => Ok(Task::HangUp),
        Action::SetHeld(held) => Ok(Task::Hold(held)),
        Action::SetMuted(wanted) => Ok(Task::Mute { wanted, again: false }),
        Action::PlayDtmf(tones) if text::is_tones(&tones) => Ok(Task::Tones(tones)),
        Action::PlayDtmf(_) => Err(Refused::because("tones: 0-9, *, #, A-D are expected")),
        Action::SetVideo(_)
        | Action::SetGroup(_)
        | Action::SwitchCamera(_)
        | Action::SetLocalSilence(_)
        | Action::SetEndpoint(_)
        | Action::SetScreenShare(_)
        | Action::SendText(_)
        | Action::Transfer(_) => cannot,
    }
}
