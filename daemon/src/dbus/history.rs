//! `.History`: the log.
//!
//! Owns: its methods, property and signal on the bus. Does not own: rows. Invariant: rows never
//! become objects.

use std::collections::HashMap;

use zbus::{Variant, interface, object_server::SignalEmitter};

use super::{
    Properties,
    error::Result,
    value::{BusDict, from_bus, to_bus},
};
use crate::app::request::{Front, Request, Snapshot};

/// The object.
pub(super) struct History {
    front: Front,
}

impl History {
    pub(super) fn new(front: &Front) -> Self {
        Self { front: front.clone() }
    }
}

/// The properties that change, by name.
pub(super) fn properties(view: &Snapshot) -> Properties {
    Properties::from([("Unseen", view.unseen.into())])
}

#[interface(name = "org.ahoycall.Calls1.History", introspection_docs = false)]
impl History {
    #[zbus(out_args("rows", "next"))]
    async fn query(
        &self,
        filter: BusDict,
        limit: u32,
        cursor: String,
    ) -> Result<(Vec<HashMap<String, Variant<'static>>>, String)> {
        let filter = from_bus(filter)?;
        let ask = |answer| Request::History(filter, limit, cursor, answer);
        let (rows, next) = self.front.ask(ask).await?;
        Ok((rows.into_iter().map(to_bus).collect(), next))
    }

    async fn remove(&self, ids: Vec<String>) -> Result<()> {
        Ok(self.front.ask(|answer| Request::HistoryRemove(ids, answer)).await?)
    }

    async fn clear(&self, filter: BusDict) -> Result<()> {
        let filter = from_bus(filter)?;
        Ok(self.front.ask(|answer| Request::HistoryClear(filter, answer)).await?)
    }

    async fn mark_seen(&self, ids: Vec<String>) -> Result<()> {
        Ok(self.front.ask(|answer| Request::HistorySeen(ids, answer)).await?)
    }

    #[zbus(property)]
    fn unseen(&self) -> u32 {
        self.front.view.borrow().unseen
    }

    #[zbus(signal)]
    pub(super) async fn changed(
        emitter: &SignalEmitter<'_>,
        added: Vec<String>,
        changed: Vec<String>,
        removed: Vec<String>,
    ) -> zbus::Result<()>;
}
