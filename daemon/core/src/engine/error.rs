//! Why something is refused.
//!
//! Owns: the errors of commands, registrations and reports. Does not own: their form on the bus.
//! Invariant: each variant has one error name of the bus contract.

use crate::id::{CallId, TextError};

/// Why a command, a registration or a report is refused or failed. Names as on the bus, under
/// `.Error`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The sandbox of the caller forbids it.
    #[error("{0}")]
    NotAuthorized(String),
    /// No such call.
    #[error("there is no such call")]
    UnknownCall,
    /// No such provider.
    #[error("there is no such provider")]
    UnknownProvider,
    /// Somebody has registered under this id.
    #[error("provider_id: somebody has registered under it")]
    ProviderExists,
    /// The app's connection is gone.
    #[error("the app that makes this call is gone")]
    ProviderGone,
    /// The id belongs to a call that is or was.
    #[error("this uuid belongs to another call")]
    UuidExists,
    /// Not now: another action is out, or the call is in another state.
    #[error("the call is not in a state for this")]
    InvalidState,
    /// Another call is on and cannot be held. On the bus this is InvalidState.
    #[error("call {0} is on and cannot be held: end it first")]
    InTheWay(CallId),
    /// This call cannot do that.
    #[error("this call cannot do that")]
    NotSupported,
    /// The provider did not answer in time.
    #[error("the provider did not answer in time")]
    Timeout,
    /// The provider said no.
    #[error("the provider could not do it: {0}")]
    ProviderFailed(String),
    /// Too many of something, and of what.
    #[error("too many: {0}")]
    LimitReached(&'static str),
    /// No provider calls this scheme, or several do and the user chose none.
    #[error("no provider is chosen for \"{0}\" addresses: none calls them, or several do")]
    NoProviderForScheme(String),
    /// Another controller was faster, or an end came before.
    #[error("something else came first")]
    Superseded,
    /// The user blocked the caller.
    #[error("the user has blocked this caller")]
    FilteredBlocked,
    /// The user is not to be disturbed.
    #[error("the user is not to be disturbed now")]
    FilteredDoNotDisturb,
    /// Not while the session is locked.
    #[error("not while the session is locked")]
    SessionLocked,
    /// An argument is wrong.
    #[error("{0}")]
    InvalidArgument(String),
}

impl From<TextError> for CommandError {
    fn from(error: TextError) -> Self {
        Self::InvalidArgument(error.to_string())
    }
}
