//! How a call looks from outside: on the bus and in the log.
//!
//! Owns: the values of the bus properties and of a log row. Does not own: their transport.
//! Invariant: a view is derived from the call whenever it is asked for, never kept beside it.

use super::{Call, Outcome, State};
use crate::{
    call::Direction,
    id::GroupId,
    media::Quality,
    provider::{Action, Capability},
};

/// Everything the bus shows of a call (design/dbus.md, `.Call`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallView {
    /// UUID.
    pub id: String,
    /// Provider id.
    pub provider: String,
    /// Application id of the provider; empty = a program of the host.
    pub app_id: String,
    /// Whether the sandbox proves that id.
    pub app_verified: bool,
    /// `incoming` or `outgoing`.
    pub direction: &'static str,
    /// The state's name.
    pub state: &'static str,
    /// The action that is out; empty = none.
    pub pending_action: &'static str,
    /// (scheme, value).
    pub remote: (String, String),
    /// How the other side is shown.
    pub display_name: String,
    /// `contact`, `directory`, `provider` or `none`.
    pub name_source: &'static str,
    /// Empty = not in the address book.
    pub contact_id: String,
    /// Flags beside the state.
    pub flags: super::Flags,
    /// The group it is in.
    pub group: Option<GroupId>,
    /// Where it is heard; empty = wherever calls are.
    pub endpoint: String,
    /// Sorted names.
    pub capabilities: Vec<&'static str>,
    /// `none`, `transport`, `e2e` or `e2e-verified`.
    pub encryption: &'static str,
    /// PipeWire nodes.
    pub nodes: super::Nodes,
    /// How good its media is.
    pub quality: Quality,
    /// µs since the epoch.
    pub created_at: u64,
    /// µs since the epoch; 0 = never.
    pub connected_at: u64,
    /// µs since the epoch; 0 = still on.
    pub ended_at: u64,
    /// (reason, text); empty while on.
    pub end_reason: (&'static str, String),
}

impl Call {
    /// How the bus shows it.
    #[must_use]
    pub fn view(&self) -> CallView {
        let (ended_at, end_reason) = match &self.state {
            State::Ended { reason, text, at, .. } => (*at, (reason.as_str(), text.clone())),
            State::Reported
            | State::Ringing
            | State::Answering
            | State::Requested
            | State::Dialing
            | State::RemoteRinging
            | State::Connecting
            | State::Active { .. } => (0, ("", String::new())),
        };
        CallView {
            id: self.id.to_string(),
            provider: self.owner.provider.as_str().to_owned(),
            app_id: self.owner.app_id.clone(),
            app_verified: self.owner.verified,
            direction: self.direction.as_str(),
            state: self.state.as_str(),
            pending_action: self.pending.as_ref().map_or("", |out| Action::name(&out.action)),
            remote: (self.party.handle.scheme().to_owned(), self.party.handle.value().to_owned()),
            display_name: self.party.name.clone(),
            name_source: self.party.source.as_str(),
            contact_id: self.party.contact.as_ref().map_or_else(String::new, |id| id.0.clone()),
            flags: self.flags,
            group: self.group,
            endpoint: self.endpoint.clone(),
            capabilities: self.capabilities.iter().map(|one| Capability::as_str(*one)).collect(),
            encryption: self.encryption.as_str(),
            nodes: self.nodes.clone(),
            quality: self.quality.clone(),
            created_at: self.created_at,
            connected_at: self.state.connected_at(),
            ended_at,
            end_reason,
        }
    }

    /// Its row in the log.
    #[must_use]
    pub fn log_row(&self) -> LogRow {
        let view = self.view();
        let outcome = match &self.state {
            State::Ended { reason, connected_at, .. } => {
                Outcome::of(self.direction == Direction::Incoming, *connected_at != 0, *reason)
            }
            State::Reported
            | State::Ringing
            | State::Answering
            | State::Requested
            | State::Dialing
            | State::RemoteRinging
            | State::Connecting
            | State::Active { .. } => Outcome::Ongoing,
        };
        LogRow {
            id: view.id,
            provider: view.provider,
            app_id: view.app_id,
            continued: self.continued,
            remote: view.remote,
            name: view.display_name,
            contact_id: view.contact_id,
            incoming: self.direction == Direction::Incoming,
            video: self.flags.video || self.flags.remote_video,
            started_at: self.created_at,
            connected_at: view.connected_at,
            ended_at: view.ended_at,
            outcome,
            end_reason: view.end_reason.0,
        }
    }
}

/// One row of the log (design/dbus.md, "History row").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRow {
    /// The call's UUID; the row's id, too.
    pub id: String,
    /// Provider id.
    pub provider: String,
    /// Application id of the provider; empty = a program of the host.
    pub app_id: String,
    /// The call was on before this daemon was: where the log has its row, that row's `started_at`
    /// is the right one.
    pub continued: bool,
    /// (scheme, value).
    pub remote: (String, String),
    /// How the other side was shown.
    pub name: String,
    /// Empty = not in the address book.
    pub contact_id: String,
    /// Whether the other side began it.
    pub incoming: bool,
    /// Whether pictures were asked for or shown.
    pub video: bool,
    /// µs since the epoch.
    pub started_at: u64,
    /// µs since the epoch; 0 = never.
    pub connected_at: u64,
    /// µs since the epoch; 0 = still on.
    pub ended_at: u64,
    /// What became of it.
    pub outcome: Outcome,
    /// Reason on the bus; empty while on.
    pub end_reason: &'static str,
}
