//! `.Audio`: the devices that calls are heard on.
//!
//! Owns: its method and properties on the bus. Does not own: devices. Invariant: none of its own
//! beyond translation.

use zbus::interface;

use super::{Properties, error::Result};
use crate::app::request::{Front, Request, Snapshot};

/// The object.
pub(super) struct Audio {
    front: Front,
}

impl Audio {
    pub(super) fn new(front: &Front) -> Self {
        Self { front: front.clone() }
    }
}

/// The properties that change, by name.
pub(super) fn properties(view: &Snapshot) -> Properties {
    let endpoints = zbus::Array::from(view.endpoints.clone());
    Properties::from([
        ("Endpoints", endpoints.into()),
        ("Current", view.endpoint.clone().into()),
    ])
}

#[interface(name = "org.ahoycall.Calls1.Audio", introspection_docs = false)]
impl Audio {
    async fn set_preferred(&self, id: String) -> Result<()> {
        Ok(self.front.ask(|answer| Request::SetEndpoint(id, answer)).await?)
    }

    #[zbus(property)]
    fn endpoints(&self) -> Vec<(String, String, String, bool)> {
        self.front.view.borrow().endpoints.clone()
    }
    #[zbus(property)]
    fn current(&self) -> String {
        self.front.view.borrow().endpoint.clone()
    }
}
