//! One call: its state, its flags, the action that is out.
//!
//! Owns: what is known of a call and its view for the bus and the log. Does not own: decisions
//! between calls (`engine`). Invariant: flags never stand for a state; at most one action is out.

mod end_reason;
mod state;
#[cfg(test)]
mod tests;
mod view;

use std::{collections::BTreeSet, time::Duration};

pub use end_reason::{EndReason, Outcome};
pub use state::{State, Step};
pub use view::{CallView, LogRow};

use crate::{
    engine::CommandId,
    id::{CallId, ContactId, Handle, ProviderId, Serial},
    media::Quality,
    provider::{Action, Capability, Encryption},
};

/// Who began it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The other side.
    Incoming,
    /// The user.
    Outgoing,
}

impl Direction {
    /// As on the bus.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Incoming => "incoming",
            Self::Outgoing => "outgoing",
        }
    }
}

/// Where a call's display name comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NameSource {
    /// The user's address book.
    Contact,
    /// The provider, unchecked.
    Provider,
    /// Nowhere.
    None,
}

impl NameSource {
    /// As on the bus.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Contact => "contact",
            Self::Provider => "provider",
            Self::None => "none",
        }
    }
}

/// Who is on the other side, as far as known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// How they are reached.
    pub handle: Handle,
    /// How they are shown; may be empty.
    pub name: String,
    /// Where the name comes from.
    pub source: NameSource,
    /// The person in the address book.
    pub contact: Option<ContactId>,
}

/// An action that a provider has been asked for and has not ended yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pending {
    pub(crate) serial: Serial,
    pub(crate) action: Action,
    pub(crate) deadline: Duration,
    /// The controller that waits for it; none where the engine wanted it.
    pub(crate) waiter: Option<CommandId>,
    /// What comes when it is fulfilled: the next step of a transaction.
    pub(crate) then: Option<Follow>,
}

/// The second step of a transaction: answering a call once another is out of the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Follow {
    pub(crate) call: CallId,
    pub(crate) video: bool,
    pub(crate) waiter: Option<CommandId>,
}

/// What is on beside the state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// Our camera is on, or pictures were asked for.
    pub video: bool,
    /// The other side sends pictures, or offers them.
    pub remote_video: bool,
    /// Our microphone is closed.
    pub muted: bool,
    /// We hold the call.
    pub held: bool,
    /// The other side holds it.
    pub remote_held: bool,
    /// It rings without sound.
    pub silenced: bool,
    /// It came while another call was there.
    pub waiting: bool,
    /// The way to the other side is lost for now.
    pub reconnecting: bool,
}

/// One call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub(crate) id: CallId,
    pub(crate) provider: ProviderId,
    pub(crate) direction: Direction,
    pub(crate) party: Party,
    pub(crate) state: State,
    pub(crate) flags: Flags,
    pub(crate) capabilities: BTreeSet<Capability>,
    pub(crate) encryption: Encryption,
    pub(crate) created_at: u64,
    pub(crate) pending: Option<Pending>,
    pub(crate) nodes: Nodes,
    pub(crate) quality: Quality,
    pub(crate) logged: bool,
    /// When its ring ends by itself.
    pub(crate) ring_until: Duration,
    /// When its object goes, once it has ended.
    pub(crate) remove_at: Duration,
}

/// PipeWire node names of a call's media; empty = none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nodes {
    /// The remote picture.
    pub remote_video: String,
    /// Our camera's picture.
    pub self_view: String,
    /// The remote voice.
    pub remote_audio: String,
}

impl Call {
    /// Its id.
    #[must_use]
    pub const fn id(&self) -> CallId {
        self.id
    }

    /// Where it stands.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// What is on beside the state.
    #[must_use]
    pub const fn flags(&self) -> Flags {
        self.flags
    }

    /// Who makes it.
    #[must_use]
    pub const fn provider(&self) -> &ProviderId {
        &self.provider
    }

    /// Who began it.
    #[must_use]
    pub const fn direction(&self) -> Direction {
        self.direction
    }

    /// Who is on the other side.
    #[must_use]
    pub const fn party(&self) -> &Party {
        &self.party
    }

    /// Whether it rings or waits here, unanswered.
    #[must_use]
    pub const fn is_ringing(&self) -> bool {
        matches!(self.state, State::Ringing)
    }

    /// Whether it is on: neither ended nor merely ringing here.
    #[must_use]
    pub const fn is_engaged(&self) -> bool {
        match self.state {
            State::Answering
            | State::Requested
            | State::Dialing
            | State::RemoteRinging
            | State::Connecting
            | State::Active { .. } => true,
            State::Reported | State::Ringing | State::Ended { .. } => false,
        }
    }
}
