//! The states of a call and the only ways between them.
//!
//! Owns: the state enum, its diagram, its transitions. Does not own: timers, actions, policy.
//! Invariant: `Ended` is left by nothing; what is not in the diagram does not happen.

use super::end_reason::EndReason;

/// Where a call stands.
///
/// ```text
/// incoming: reported -> ringing -> answering -> active -> ended
/// outgoing: requested -> dialing -> remote-ringing -> connecting -> active -> ended
/// edges:
///   reported -> ringing, ended
///   ringing -> answering, active, ended
///   answering -> active, ended
///   requested -> dialing, remote-ringing, connecting, active, ended
///   dialing -> remote-ringing, connecting, active, ended
///   remote-ringing -> connecting, active, ended
///   connecting -> active, ended
///   active -> ended
///   ended ->
/// ```
///
/// A provider may skip states forwards (a busy modem reports `active` straight away), never back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Incoming: a provider reported it; filters are being asked.
    Reported,
    /// Incoming: the user is being told, or it waits beside another call.
    Ringing,
    /// Incoming: the user answered and the provider has not fulfilled that yet.
    Answering,
    /// Outgoing: the provider is asked to start it, once what is on has been held.
    Requested,
    /// Outgoing: the other side is being looked for.
    Dialing,
    /// Outgoing: the other side rings.
    RemoteRinging,
    /// Outgoing: answered there, media is being set up.
    Connecting,
    /// Both talk.
    Active {
        /// Since when, µs since the epoch.
        since: u64,
    },
    /// Over.
    Ended {
        /// Why.
        reason: EndReason,
        /// Details for people; may be empty.
        text: String,
        /// Since when it had been active, µs since the epoch; 0 = never.
        connected_at: u64,
        /// When, µs since the epoch.
        at: u64,
    },
}

/// What moves a call from state to state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The engine orders the ring.
    Ring,
    /// The user answers.
    Answer,
    /// The provider looks for the other side.
    Dialing,
    /// The other side rings.
    RemoteRinging,
    /// Media is being set up.
    Connecting,
    /// Media is connected, at this time (µs since the epoch).
    Active(u64),
    /// Over, at this time.
    End {
        /// Why.
        reason: EndReason,
        /// Details for people.
        text: String,
        /// µs since the epoch.
        at: u64,
    },
}

impl State {
    /// As on the bus.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Reported => "reported",
            Self::Ringing => "ringing",
            Self::Answering => "answering",
            Self::Requested => "requested",
            Self::Dialing => "dialing",
            Self::RemoteRinging => "remote-ringing",
            Self::Connecting => "connecting",
            Self::Active { .. } => "active",
            Self::Ended { .. } => "ended",
        }
    }

    /// Whether the call is over.
    #[must_use]
    pub const fn is_ended(&self) -> bool {
        matches!(self, Self::Ended { .. })
    }

    /// Since when both talk or talked, µs since the epoch; 0 = never.
    #[must_use]
    pub const fn connected_at(&self) -> u64 {
        match self {
            Self::Active { since } => *since,
            Self::Ended { connected_at, .. } => *connected_at,
            Self::Reported
            | Self::Ringing
            | Self::Answering
            | Self::Requested
            | Self::Dialing
            | Self::RemoteRinging
            | Self::Connecting => 0,
        }
    }

    /// How far an outgoing call is; steps lead upwards only.
    const fn progress(&self) -> u8 {
        match self {
            Self::Requested => 1,
            Self::Dialing => 2,
            Self::RemoteRinging => 3,
            Self::Connecting => 4,
            Self::Reported | Self::Ringing | Self::Answering => 0,
            Self::Active { .. } | Self::Ended { .. } => u8::MAX,
        }
    }

    /// The state after `step`; `None` where the diagram has no such edge.
    #[must_use]
    pub fn after(&self, step: Step) -> Option<Self> {
        let outgoing = (1..u8::MAX).contains(&self.progress());
        let next = match step {
            Step::Ring => matches!(self, Self::Reported).then_some(Self::Ringing)?,
            Step::Answer => matches!(self, Self::Ringing).then_some(Self::Answering)?,
            Step::Dialing => Self::Dialing,
            Step::RemoteRinging => Self::RemoteRinging,
            Step::Connecting => Self::Connecting,
            Step::Active(since) => {
                let from = outgoing || matches!(self, Self::Ringing | Self::Answering);
                return from.then_some(Self::Active { since });
            }
            Step::End { reason, text, at } => {
                let connected_at = self.connected_at();
                let over = Self::Ended { reason, text, connected_at, at };
                return (!self.is_ended()).then_some(over);
            }
        };
        let forwards = outgoing && next.progress() > self.progress();
        (forwards || next.progress() == 0).then_some(next)
    }
}
