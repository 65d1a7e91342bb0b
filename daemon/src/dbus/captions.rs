//! `.Call.Captions`: what the other side says, as text.
//!
//! Owns: the interface. Does not own: hearing it. Invariant: present exactly on calls whose sound the
//! daemon carries and while there is a recogniser; what is said is in no log and no property.

use ahoy_core::{call::CallView, id::CallId};
use zbus::{interface, object_server::SignalEmitter};

use super::error::Result;
use crate::app::request::{Front, Request, Snapshot};

/// The object.
pub(super) struct Captions {
    id: CallId,
    front: Front,
}

impl Captions {
    pub(super) fn new(id: CallId, front: &Front) -> Self {
        Self { id, front: front.clone() }
    }

    /// Whether a call has it.
    pub(super) fn fits(now: &Snapshot, view: &CallView) -> bool {
        now.captions && !view.nodes.remote_audio.is_empty()
    }
}

#[interface(name = "org.ahoycall.Calls1.Call.Captions", introspection_docs = false)]
impl Captions {
    async fn set_enabled(&self, enabled: bool) -> Result<()> {
        Ok(self.front.ask(|answer| Request::Captions(self.id, enabled, answer)).await?)
    }

    #[zbus(signal)]
    pub(super) async fn caption(
        emitter: &SignalEmitter<'_>,
        text: &str,
        r#final: bool,
    ) -> zbus::Result<()>;
}
