//! `.Call.Text`: writing beside the voice, on calls that can carry it.
//!
//! Owns: the interface. Does not own: how a text travels. Invariant: present exactly on calls with
//! the capability `text`; what is written is in no log and no property.

use ahoy_core::{call::CallView, engine::Command, id::CallId, written::Written};
use zbus::{interface, object_server::SignalEmitter};

use super::error::{Error, Result};
use crate::app::request::{Front, Request};

/// The object.
pub(super) struct Text {
    id: CallId,
    front: Front,
}

impl Text {
    pub(super) fn new(id: CallId, front: &Front) -> Self {
        Self { id, front: front.clone() }
    }

    /// Whether a call has it.
    pub(super) fn fits(view: &CallView) -> bool {
        view.capabilities.contains(&"text")
    }

    async fn write(&self, text: String, last: bool) -> Result<()> {
        let written = Written::new(text, last);
        let written = written.map_err(|error| Error::InvalidArgument(error.to_string()))?;
        let command = Command::SendText(self.id, written);
        self.front.ask(|answer| Request::Command(command, answer)).await?;
        Ok(())
    }
}

#[interface(name = "org.ahoycall.Calls1.Call.Text", introspection_docs = false)]
impl Text {
    async fn send(&self, text: String) -> Result<()> {
        self.write(text, true).await
    }

    async fn r#type(&self, text: String) -> Result<()> {
        self.write(text, false).await
    }

    #[zbus(signal)]
    pub(super) async fn received(
        emitter: &SignalEmitter<'_>,
        text: &str,
        r#final: bool,
    ) -> zbus::Result<()>;
}
