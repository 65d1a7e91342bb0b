//! `.Filter`: who does not get through.
//!
//! Owns: its methods on the bus. Does not own: rules or what is kept. Invariant: none of its own
//! beyond translation.

use zbus::{OwnedFd, interface};

use super::{
    error::Result,
    value::{BusDict, from_bus},
};
use crate::app::request::{Front, Request};

/// The object.
pub(super) struct Filter {
    front: Front,
}

impl Filter {
    pub(super) fn new(front: &Front) -> Self {
        Self { front: front.clone() }
    }
}

#[interface(name = "org.ahoycall.Calls1.Filter", introspection_docs = false)]
impl Filter {
    async fn block(&self, scheme: String, pattern: String, why: String) -> Result<()> {
        let block = (scheme, pattern, why);
        Ok(self.front.ask(|answer| Request::Block(block, answer)).await?)
    }

    async fn unblock(&self, scheme: String, pattern: String) -> Result<()> {
        Ok(self.front.ask(|answer| Request::Unblock((scheme, pattern), answer)).await?)
    }

    #[zbus(out_args("blocked"))]
    async fn list(&self) -> Result<Vec<(String, String, String)>> {
        Ok(self.front.ask(Request::Blocked).await?)
    }

    async fn set_policy(&self, policy: BusDict) -> Result<()> {
        let policy = from_bus(policy)?;
        Ok(self.front.ask(|answer| Request::SetPolicy(policy, answer)).await?)
    }

    async fn add_directory(&self, id: String, file: OwnedFd) -> Result<()> {
        let ask = |answer| Request::AddDirectory(id, file.into(), answer);
        Ok(self.front.ask(ask).await?)
    }
}
