//! `.Call.Verification`: comparing safety numbers, on end-to-end encrypted calls.
//!
//! Owns: the interface. Does not own: keys. Invariant: present exactly on calls whose two ends hold
//! identity keys that can be compared.

use ahoy_core::{call::CallView, id::CallId};
use zbus::{fdo, interface};

use super::error::{Error, Result};
use crate::app::request::{Front, Request};

/// The object.
pub(super) struct Verification {
    id: CallId,
    front: Front,
}

impl Verification {
    pub(super) fn new(id: CallId, front: &Front) -> Self {
        Self { id, front: front.clone() }
    }

    /// Whether a call has it.
    pub(super) fn fits(view: &CallView) -> bool {
        view.remote.0 == "ahoy"
    }
}

#[interface(name = "org.ahoycall.Calls1.Call.Verification", introspection_docs = false)]
impl Verification {
    fn confirm(&self, matches: bool) -> Result<()> {
        let _ = matches;
        let why = "confirmed numbers are not kept yet: compare them in each call that matters";
        Err(Error::NotSupported(why.to_owned()))
    }

    #[zbus(property)]
    async fn safety_number(&self) -> fdo::Result<String> {
        let number = self.front.ask(|answer| Request::SafetyNumber(self.id, answer)).await;
        number.map_err(|fault| fdo::Error::Failed(fault.text))
    }
}
