//! What controllers may want.
//!
//! Owns: commands, what a locked session leaves of them, how often a sender may start calls. Does
//! not own: carrying them out (`control`, `group`). Invariant: a command that is refused changes
//! nothing and is answered at once.

use std::collections::HashMap;

use super::{CommandError, CommandId, Engine, provider::new_calls};
use crate::{
    budget::Budget,
    call::Party,
    id::{CallId, GroupId, Handle, Now, ProviderId, SenderId},
    provider::Action,
    written::Written,
};

/// What a controller wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Call someone. Answered with [`Reply::Call`] once the provider took it on.
    Start {
        /// Who wants it: starting calls is limited for each.
        sender: SenderId,
        /// With which provider; `None`: the one for the handle's scheme.
        provider: Option<ProviderId>,
        /// Whom.
        party: Party,
        /// Whether to offer pictures.
        video: bool,
        /// The id to give it; `None`: a new one.
        id: Option<CallId>,
    },
    /// Take a call.
    Answer {
        /// Which.
        call: CallId,
        /// Whether to send pictures.
        video: bool,
    },
    /// Refuse a call, with a text for the caller where there is one.
    Decline(CallId, Option<Written>),
    /// End a call, whatever it is doing.
    HangUp(CallId),
    /// Hold or resume.
    SetHeld(CallId, bool),
    /// Close or open the microphone.
    SetMuted(CallId, bool),
    /// Open or close the camera.
    SetVideo(CallId, bool),
    /// Take the camera of this name; empty: the next one.
    SwitchCamera(CallId, String),
    /// Send digits.
    SendDtmf(CallId, String),
    /// Ring on without sound.
    Silence(CallId),
    /// Do not play the other side here.
    SetLocalSilence(CallId, bool),
    /// Talk to two calls together.
    Merge(CallId, CallId),
    /// Take a call out of its group.
    Split(CallId),
    /// Hand a call to somebody else.
    Transfer(CallId, Handle),
    /// Hear a call there.
    SetEndpoint(CallId, String),
    /// Share the screen, or stop.
    SetScreenShare(CallId, bool),
    /// Write to the other side.
    SendText(CallId, Written),
    /// End all calls of a group.
    GroupHangUp(GroupId),
    /// Close or open the microphone for all calls of a group.
    GroupSetMuted(GroupId, bool),
    /// Hold or resume all calls of a group.
    GroupSetHeld(GroupId, bool),
    /// Silence whatever rings.
    SilenceRinger,
    /// The one button: answer what rings, else hang up what is on.
    PressPrimary,
    /// The other button: decline what rings.
    PressSecondary,
    /// End everything. Answered when everything has ended.
    EndAll,
}

/// What a command gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// It is done.
    Done,
    /// The call that was started.
    Call(CallId),
}

/// Whether the session is locked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lock {
    /// It is not.
    #[default]
    Open,
    /// It is: calls may be answered, ended, silenced and muted, and little else.
    Locked {
        /// Whether the user lets calls be answered with the camera on.
        video: bool,
    },
}

/// Senders that are kept in mind; one of whom nothing was heard lately is forgotten first.
const MAX_SENDERS: usize = 256;

/// How many calls each sender may still start.
#[derive(Default)]
pub(super) struct Senders(HashMap<SenderId, Budget>);

impl Senders {
    pub(super) fn take(&mut self, now: Now, sender: SenderId) -> Result<(), CommandError> {
        if self.0.len() >= MAX_SENDERS {
            self.0.retain(|_, budget| !budget.is_full(now.mono));
        }
        let full = self.0.len() >= MAX_SENDERS && !self.0.contains_key(&sender);
        let budget = self.0.entry(sender);
        if full || !budget.or_insert_with(|| new_calls(now.mono)).take(now.mono) {
            return Err(CommandError::LimitReached("calls started, 20 a second"));
        }
        Ok(())
    }
}

impl Command {
    /// Whether it is refused while the session is locked (design/dbus.md, "Identity of callers";
    /// the interface XML says which methods give SessionLocked).
    #[must_use]
    pub const fn needs_open_session(&self) -> bool {
        match self {
            Self::Start { .. }
            | Self::SetVideo(_, true)
            | Self::SwitchCamera(..)
            | Self::Merge(..)
            | Self::Split(_)
            | Self::Transfer(..)
            | Self::SetScreenShare(..)
            | Self::SendText(..)
            // Whoever stands before a locked machine does not write in its owner's name.
            | Self::Decline(_, Some(_)) => true,
            Self::Answer { .. }
            | Self::Decline(_, None)
            | Self::HangUp(_)
            | Self::SetHeld(..)
            | Self::SetMuted(..)
            | Self::SetVideo(_, false)
            | Self::SendDtmf(..)
            | Self::Silence(_)
            | Self::SetLocalSilence(..)
            | Self::SetEndpoint(..)
            | Self::GroupHangUp(_)
            | Self::GroupSetMuted(..)
            | Self::GroupSetHeld(..)
            | Self::SilenceRinger
            | Self::PressPrimary
            | Self::PressSecondary
            | Self::EndAll => false,
        }
    }
}

impl Engine {
    pub(super) fn command(&mut self, now: Now, id: CommandId, command: Command) {
        let locked = self.lock != Lock::Open && command.needs_open_session();
        let done =
            if locked { Err(CommandError::SessionLocked) } else { self.dispatch(now, id, command) };
        if let Err(error) = done {
            self.reply(Some(id), Err(error));
        }
    }

    fn dispatch(&mut self, now: Now, id: CommandId, command: Command) -> Result<(), CommandError> {
        match command {
            Command::Start { sender, provider, party, video, id: call } => {
                self.senders.take(now, sender)?;
                self.start(now, id, provider, party, video, call)
            }
            Command::Answer { call, video } => self.command_answer(now, Some(id), call, video),
            Command::Decline(call, None) => self.decline(now, id, call),
            Command::Decline(call, Some(written)) => self.decline_with(now, id, call, written),
            Command::HangUp(call) => self.hang_up(now, id, call),
            Command::SetHeld(call, held) => self.set_held(now, id, &[call], held),
            Command::SetMuted(call, muted) => self.act(now, id, call, Action::SetMuted(muted)),
            Command::SetVideo(call, on) => self.act(now, id, call, Action::SetVideo(on)),
            Command::SwitchCamera(call, name) => self.switch_camera(now, id, call, name),
            Command::SendDtmf(call, digits) => self.dtmf(now, id, call, digits),
            Command::Silence(call) => self.silence(id, call),
            Command::SetLocalSilence(call, silent) => {
                self.act(now, id, call, Action::SetLocalSilence(silent))
            }
            Command::Merge(call, other) => self.merge(now, id, call, other),
            Command::Split(call) => self.split(now, id, call),
            Command::Transfer(call, remote) => self.act(now, id, call, Action::Transfer(remote)),
            Command::SetEndpoint(call, name) => self.set_endpoint(now, id, call, name),
            Command::SetScreenShare(call, on) => {
                self.act(now, id, call, Action::SetScreenShare(on))
            }
            Command::SendText(call, written) => self.send_text(now, id, call, written),
            Command::GroupHangUp(group) => self.group_hang_up(now, id, group),
            Command::GroupSetMuted(group, muted) => self.group_mute(now, id, group, muted),
            Command::GroupSetHeld(group, held) => self.group_hold(now, id, group, held),
            Command::SilenceRinger => self.silence_ringer(id),
            Command::PressPrimary => self.press_primary(now, id),
            Command::PressSecondary => self.press_secondary(now, id),
            Command::EndAll => {
                let calls = self.live().map(crate::call::Call::id).collect();
                self.end_calls(now, Some(id), calls, None);
                Ok(())
            }
        }
    }
}
