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
    id::{CallId, ContactId, GroupId, Handle, Now, ProviderId, Serial, TxnId},
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
    /// A directory of callers that the user added.
    Directory,
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
            Self::Directory => "directory",
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
    /// What the user set for this person.
    pub marks: Marks,
}

/// What the user set for a person in the address book.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// Rings through where only favourites do.
    pub favourite: bool,
    /// Rings silently, always.
    pub muted: bool,
    /// Does not ring.
    pub blocked: bool,
}

/// An action that a provider has been asked for and has not ended yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pending {
    pub(crate) serial: Serial,
    pub(crate) action: Action,
    pub(crate) deadline: Duration,
    /// What it is part of.
    pub(crate) txn: TxnId,
}

/// Whose call it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) provider: ProviderId,
    pub(crate) app_id: String,
    pub(crate) verified: bool,
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
    /// The other side is not played here.
    pub local_silence: bool,
}

/// One call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub(crate) id: CallId,
    pub(crate) owner: Owner,
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
    /// It was on before this daemon was: its row is in the log already.
    pub(crate) continued: bool,
    pub(crate) group: Option<GroupId>,
    /// Where it is heard; empty = wherever calls are.
    pub(crate) endpoint: String,
    /// What the daemon itself does about its app's microphone.
    pub(crate) capture: Capture,
    /// Its provider's connection is gone, and until when the call waits to be taken up again.
    pub(crate) orphan_until: Option<Duration>,
    /// When its ring ends by itself.
    pub(crate) ring_until: Duration,
    /// When its object goes, once it has ended.
    pub(crate) remove_at: Duration,
}

/// What the daemon itself does about the microphone of a call's app.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Capture {
    /// Nothing.
    #[default]
    Open,
    /// It is shut, beside the app, which has muted, too: muted is what the app does not take back.
    Beside,
    /// It is shut in place of the app, which cannot mute or did not: the app's word opens nothing.
    Alone,
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
    /// A call about which nothing more is known.
    pub(crate) fn new(
        id: CallId,
        owner: Owner,
        direction: Direction,
        party: Party,
        state: State,
        now: Now,
    ) -> Self {
        Self {
            id,
            owner,
            direction,
            party,
            state,
            flags: Flags::default(),
            capabilities: BTreeSet::new(),
            encryption: Encryption::None,
            created_at: now.unix_us,
            pending: None,
            nodes: Nodes::default(),
            quality: Quality::default(),
            logged: true,
            continued: false,
            group: None,
            endpoint: String::new(),
            capture: Capture::Open,
            orphan_until: None,
            ring_until: Duration::MAX,
            remove_at: Duration::MAX,
        }
    }

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
        &self.owner.provider
    }

    /// The group it is in.
    #[must_use]
    pub const fn group(&self) -> Option<GroupId> {
        self.group
    }

    /// Names of its streams in PipeWire; empty where the daemon has none of them.
    #[must_use]
    pub const fn nodes(&self) -> &Nodes {
        &self.nodes
    }

    /// What it can do.
    #[must_use]
    pub const fn capabilities(&self) -> &BTreeSet<Capability> {
        &self.capabilities
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

    /// Whether both talk, or one of them holds.
    #[must_use]
    pub const fn is_active(&self) -> bool {
        matches!(self.state, State::Active { .. })
    }

    pub(crate) fn can(&self, capability: Capability) -> bool {
        self.capabilities.contains(&capability)
    }

    /// Whether its end is out already.
    pub(crate) fn is_ending(&self) -> bool {
        self.pending.as_ref().is_some_and(|out| matches!(out.action, Action::End(_)))
    }

    /// Whether its provider's connection is gone.
    pub(crate) const fn is_orphan(&self) -> bool {
        self.orphan_until.is_some()
    }
}
