//! `.Call.Verification`: comparing safety numbers, on end-to-end encrypted calls.
//!
//! Owns: the interface. Does not own: keys; a safety number is made of the two public ones.
//! Invariant: present exactly on calls whose two ends hold identity keys that can be compared.
//! Properties are made of the snapshot alone: the app waits while the object appears.

use ahoy_core::{
    call::CallView,
    id::CallId,
    peer::{IdentityKey, safety_number},
};
use zbus::interface;

use super::error::Result;
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
    async fn confirm(&self, matches: bool) -> Result<()> {
        self.front.ask(|answer| Request::Confirm(self.id, matches, answer)).await?;
        Ok(())
    }

    #[zbus(property)]
    fn safety_number(&self) -> String {
        let view = self.front.view.borrow();
        let ours = view.address.strip_prefix("ahoy:").and_then(|key| key.parse().ok());
        let theirs: Option<IdentityKey> =
            view.calls.get(&self.id).and_then(|call| call.remote.1.parse().ok());
        match (ours, theirs) {
            (Some(ours), Some(theirs)) => safety_number(ours, theirs),
            (None, _) | (_, None) => String::new(),
        }
    }
}
