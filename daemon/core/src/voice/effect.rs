//! What the assistant does, what it is told, and whom it never calls.
//!
//! Owns: the effects of a dialogue, what it knows of the log. Does not own: when there is one
//! (`dialogue`). Invariant: none of its own.

use super::slots::By;
use crate::id::{ContactId, Handle};

/// Numbers of so few digits are services, among them every emergency number there is.
const SHORT_NUMBER: usize = 3;

/// What the outside is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Say this, and show it with these choices.
    Say(String, Vec<String>),
    /// Listen again: a question is open.
    Listen,
    /// Call this person.
    Call {
        /// Whom.
        contact: ContactId,
        /// Whether with pictures.
        video: bool,
        /// By which of their addresses; `None`: the best.
        by: Option<By>,
    },
    /// Call this handle: a redial, a call-back, or a number that was said and confirmed.
    CallHandle(Handle, bool),
    /// Answer what rings.
    Answer(bool),
    /// Decline what rings.
    Decline,
    /// Silence what rings.
    Silence,
    /// Hang up what is on.
    HangUp,
    /// Close or open the microphone.
    SetMuted(bool),
    /// Open or close the camera.
    SetVideo(bool),
    /// Take the next camera.
    SwitchCamera,
    /// Hold what is on.
    Hold,
    /// Talk in what is held, and hold what is on, if any.
    Resume,
    /// Send digits.
    PressDigits(String),
    /// Share the screen, or stop.
    ShareScreen(bool),
    /// Write along with what the other side says, or stop.
    Captions(bool),
    /// Write this to the other side: of what rings as a refusal, else into what is on.
    SendMessage(String),
    /// Let nobody ring: for so many minutes, or `None` for good.
    DoNotDisturb(Option<u32>),
    /// Let everybody ring again.
    Disturb,
}

impl Effect {
    /// Whether it is never done of what was heard doubtfully: it lets others hear or see, or ends what
    /// cannot be had back.
    pub(super) const fn needs_certainty(&self) -> bool {
        match self {
            Self::Answer(_)
            | Self::Decline
            | Self::HangUp
            | Self::SetMuted(false)
            | Self::SetVideo(true)
            | Self::ShareScreen(true)
            | Self::SendMessage(_) => true,
            Self::Say(..)
            | Self::Listen
            | Self::Call { .. }
            | Self::CallHandle(..)
            | Self::Silence
            | Self::SetMuted(true)
            | Self::SetVideo(false)
            | Self::SwitchCamera
            | Self::Hold
            | Self::Resume
            | Self::PressDigits(_)
            | Self::ShareScreen(false)
            | Self::Captions(_)
            | Self::DoNotDisturb(_)
            | Self::Disturb => false,
        }
    }
}

/// Who calls, or who is talked to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Other {
    /// In the address book.
    pub contact: Option<ContactId>,
    /// As they are shown.
    pub name: String,
    /// Whether something can be written to them.
    pub can_read: bool,
}

/// What the log and the address book say, for "redial", "who called" and "call favourite one".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// The last call the user made: handle, name, video.
    pub last_out: Option<(Handle, String, bool)>,
    /// The last call that came: handle, name, video.
    pub last_in: Option<(Handle, String, bool)>,
    /// Who called and was missed, newest first.
    pub missed: Vec<String>,
    /// Who rings now; empty: not known.
    pub ringing: String,
    /// Who a message goes to now; `None`: there is no call.
    pub other: Option<Other>,
    /// Favourites, in their order: who, name, whether by video.
    pub favourites: Vec<(ContactId, String, bool)>,
}

/// Whether an address is never called by voice: emergency numbers, and whatever else is as short
/// (which of them are for emergencies differs from country to country).
#[must_use]
pub fn is_short_number(handle: &Handle) -> bool {
    let user = match handle.scheme() {
        "tel" => handle.value(),
        "sip" | "sips" => handle.value().split('@').next().unwrap_or_default(),
        _ => return false,
    };
    let number = user.chars().all(|c| c.is_ascii_digit() || "+*#-.() ".contains(c));
    let digits = user.bytes().filter(u8::is_ascii_digit).count();
    number && (1..=SHORT_NUMBER).contains(&digits)
}
