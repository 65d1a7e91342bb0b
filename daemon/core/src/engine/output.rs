//! What the engine wants done, and what the desktop is to show.
//!
//! Owns: the output enum and [`Attention`]. Does not own: when an output is made. Invariant: an
//! output names things by their ids; what they look like is asked of the engine.

use std::collections::BTreeSet;

use super::{CommandError, CommandId, Reply};
use crate::{
    call::LogRow,
    id::{CallId, GroupId, ProviderId, Serial, TxnId},
    media::Tone,
    provider::Action,
    written::Written,
};

/// What the outside is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Answer a command.
    Reply(CommandId, Result<Reply, CommandError>),
    /// Ask a provider for an action.
    Perform {
        /// Whom.
        provider: ProviderId,
        /// The reply carries the same.
        serial: Serial,
        /// The same for everything that one wish asks for.
        txn: TxnId,
        /// On which call.
        call: CallId,
        /// What.
        action: Action,
    },
    /// Tell a provider that its time is up; its late reply will be ignored.
    TimedOut(ProviderId, Serial),
    /// A provider may use microphone and speaker from now on, or must let go of them.
    Audio {
        /// Whom to tell.
        provider: ProviderId,
        /// Whether it may.
        active: bool,
        /// The call that it is for; of several the first.
        call: CallId,
    },
    /// A provider appeared.
    ProviderAdded(ProviderId),
    /// A provider is gone for good: it unregistered, or did not come back in time.
    ProviderRemoved(ProviderId),
    /// A call appeared.
    Added(CallId),
    /// Something about a call changed.
    Changed(CallId),
    /// A call's object goes.
    Removed(CallId),
    /// A group appeared.
    GroupAdded(GroupId),
    /// A group has other calls.
    GroupChanged(GroupId),
    /// A group is gone.
    GroupRemoved(GroupId),
    /// An action ended.
    ActionFinished {
        /// Under which serial it went out.
        serial: Serial,
        /// On which call.
        call: CallId,
        /// Its name on the bus.
        action: &'static str,
        /// `done`, `failed`, `timed-out` or `superseded`.
        result: &'static str,
        /// The provider's text where it failed.
        error: String,
    },
    /// Write or update a row of the log.
    Log(LogRow),
    /// An incoming call was missed.
    Missed(CallId),
    /// The other side of a call writes.
    Text(CallId, Written),
    /// Play a sound once.
    Cue(Tone),
}

/// The sound and sight that the calls together ask for now; reconciled, never counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attention {
    /// The call that rings aloud, if any.
    pub ring: Option<CallId>,
    /// Calls that want an answer: each has a notification.
    pub unanswered: Vec<CallId>,
    /// Whether the other side rings, so the caller hears ringback.
    pub ringback: bool,
    /// Whether a call is on: players pause, the machine stays awake.
    pub in_call: bool,
    /// Apps whose microphones the daemon keeps shut: privacy does not depend on them.
    pub shut: BTreeSet<ProviderId>,
}
