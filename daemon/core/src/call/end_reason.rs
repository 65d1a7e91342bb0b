//! Why a call ended, and what the log makes of it.
//!
//! Owns: the eleven reasons of the bus contract and the outcome of a log row. Does not own: free
//! text beside a reason. Invariant: every way out of a call has exactly one reason.

/// EndReason.0 of the bus contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EndReason {
    /// The user hung up.
    LocalHangup,
    /// The other side hung up.
    RemoteHangup,
    /// The callee said no.
    Declined,
    /// Nobody answered in time.
    Unanswered,
    /// The caller gave up before an answer.
    Cancelled,
    /// The callee is in another call.
    Busy,
    /// Another of the callee's devices answered.
    AnsweredElsewhere,
    /// Another of the callee's devices declined.
    DeclinedElsewhere,
    /// Blocked while the call was on.
    Blocked,
    /// It could not be made or could not go on.
    Failed,
    /// The app that made it is gone.
    ProviderGone,
}

impl EndReason {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::LocalHangup,
        Self::RemoteHangup,
        Self::Declined,
        Self::Unanswered,
        Self::Cancelled,
        Self::Busy,
        Self::AnsweredElsewhere,
        Self::DeclinedElsewhere,
        Self::Blocked,
        Self::Failed,
        Self::ProviderGone,
    ];

    /// As on the bus.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LocalHangup => "local-hangup",
            Self::RemoteHangup => "remote-hangup",
            Self::Declined => "declined",
            Self::Unanswered => "unanswered",
            Self::Cancelled => "cancelled",
            Self::Busy => "busy",
            Self::AnsweredElsewhere => "answered-elsewhere",
            Self::DeclinedElsewhere => "declined-elsewhere",
            Self::Blocked => "blocked",
            Self::Failed => "failed",
            Self::ProviderGone => "provider-gone",
        }
    }

    /// Whether a provider may report it; the others are the daemon's to say.
    #[must_use]
    pub const fn is_reportable(self) -> bool {
        match self {
            Self::RemoteHangup
            | Self::Declined
            | Self::Unanswered
            | Self::Cancelled
            | Self::Busy
            | Self::AnsweredElsewhere
            | Self::DeclinedElsewhere
            | Self::Failed => true,
            Self::LocalHangup | Self::Blocked | Self::ProviderGone => false,
        }
    }

    /// From the bus.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }
}

/// What became of a call, as the log shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Not ended yet.
    Ongoing,
    /// Was active.
    Answered,
    /// Incoming, never active, and neither declined nor taken elsewhere.
    Missed,
    /// Somebody said no.
    Declined,
    /// The user gave up calling.
    Cancelled,
    /// It never came about.
    Failed,
    /// Another device took or declined it.
    Elsewhere,
}

impl Outcome {
    /// As on the bus.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ongoing => "ongoing",
            Self::Answered => "answered",
            Self::Missed => "missed",
            Self::Declined => "declined",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
            Self::Elsewhere => "elsewhere",
        }
    }

    /// Of a call that ended.
    #[must_use]
    pub const fn of(incoming: bool, was_active: bool, reason: EndReason) -> Self {
        if was_active {
            return Self::Answered;
        }
        match reason {
            EndReason::Declined => Self::Declined,
            EndReason::AnsweredElsewhere | EndReason::DeclinedElsewhere => Self::Elsewhere,
            EndReason::LocalHangup if incoming => Self::Declined,
            EndReason::LocalHangup | EndReason::Cancelled if !incoming => Self::Cancelled,
            EndReason::LocalHangup
            | EndReason::RemoteHangup
            | EndReason::Unanswered
            | EndReason::Cancelled
            | EndReason::Busy
            | EndReason::Blocked
            | EndReason::Failed
            | EndReason::ProviderGone => {
                if incoming {
                    Self::Missed
                } else {
                    Self::Failed
                }
            }
        }
    }
}
