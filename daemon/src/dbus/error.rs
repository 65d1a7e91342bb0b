//! The errors of the contract, `org.ahoycall.Calls1.Error.*`.
//!
//! Owns: their names on the bus. Does not own: when they are given. Invariant: every fault of the
//! app has a name of the contract.

use crate::app::request::{Fault, FaultKind};

/// An error reply.
#[derive(Debug, zbus::DBusError)]
#[zbus(prefix = "org.ahoycall.Calls1.Error")]
#[expect(missing_docs, reason = "the interface XML says when each is given")]
pub enum Error {
    #[zbus(error)]
    Bus(zbus::Error),
    UnknownProvider(String),
    UnknownCall(String),
    UuidExists(String),
    InvalidState(String),
    NotSupported(String),
    InvalidArgument(String),
    Timeout(String),
    ProviderFailed(String),
    LimitReached(String),
    NoProviderForScheme(String),
    UnknownContact(String),
    AmbiguousContact(String),
    SessionLocked(String),
    Superseded(String),
    NotAuthorized(String),
    ProviderExists(String),
    ProviderGone(String),
    FilteredBlocked(String),
    FilteredDoNotDisturb(String),
}

/// What a method gives.
pub(super) type Result<T> = std::result::Result<T, Error>;

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        let Fault { kind, text } = fault;
        match kind {
            FaultKind::UnknownProvider => Self::UnknownProvider(text),
            FaultKind::UnknownCall => Self::UnknownCall(text),
            FaultKind::UuidExists => Self::UuidExists(text),
            FaultKind::InvalidState => Self::InvalidState(text),
            FaultKind::NotSupported => Self::NotSupported(text),
            FaultKind::InvalidArgument => Self::InvalidArgument(text),
            FaultKind::Timeout => Self::Timeout(text),
            FaultKind::ProviderFailed => Self::ProviderFailed(text),
            FaultKind::LimitReached => Self::LimitReached(text),
            FaultKind::NoProviderForScheme => Self::NoProviderForScheme(text),
            FaultKind::UnknownContact => Self::UnknownContact(text),
            FaultKind::AmbiguousContact => Self::AmbiguousContact(text),
            FaultKind::SessionLocked => Self::SessionLocked(text),
            FaultKind::Superseded => Self::Superseded(text),
            FaultKind::NotAuthorized => Self::NotAuthorized(text),
            FaultKind::ProviderExists => Self::ProviderExists(text),
            FaultKind::ProviderGone => Self::ProviderGone(text),
            FaultKind::FilteredBlocked => Self::FilteredBlocked(text),
            FaultKind::FilteredDoNotDisturb => Self::FilteredDoNotDisturb(text),
        }
    }
}
