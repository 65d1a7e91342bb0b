//! `.Contacts`: the address book.
//!
//! Owns: its methods, property and signal on the bus. Does not own: contacts. Invariant: none of
//! its own beyond translation.

use std::collections::{BTreeMap, HashMap};

use zbus::{OwnedFd, Variant, interface, object_server::SignalEmitter};

use super::{
    Properties,
    error::Result,
    value::{BusDict, from_bus, to_bus},
};
use crate::app::request::{Front, Request, Snapshot};

/// The object.
pub(super) struct Contacts {
    front: Front,
}

impl Contacts {
    pub(super) fn new(front: &Front) -> Self {
        Self { front: front.clone() }
    }
}

/// The properties that change, by name.
pub(super) fn properties(view: &Snapshot) -> Properties {
    Properties::from([("Favourites", view.favourites.clone().into())])
}

#[interface(name = "org.ahoycall.Calls1.Contacts", introspection_docs = false)]
impl Contacts {
    #[zbus(out_args("contacts"))]
    async fn search(
        &self,
        text: String,
        limit: u32,
    ) -> Result<Vec<HashMap<String, Variant<'static>>>> {
        let found = self.front.ask(|answer| Request::ContactSearch(text, limit, answer)).await?;
        Ok(found.into_iter().map(to_bus).collect())
    }

    #[zbus(out_args("contacts", "next"))]
    async fn query(
        &self,
        text: String,
        limit: u32,
        cursor: String,
    ) -> Result<(Vec<HashMap<String, Variant<'static>>>, String)> {
        let ask = |answer| Request::ContactQuery(text, limit, cursor, answer);
        let (found, next) = self.front.ask(ask).await?;
        Ok((found.into_iter().map(to_bus).collect(), next))
    }

    #[zbus(out_args("contact"))]
    async fn resolve(&self, handle: (String, String)) -> Result<HashMap<String, Variant<'static>>> {
        Ok(to_bus(self.front.ask(|answer| Request::ContactResolve(handle, answer)).await?))
    }

    #[zbus(out_args("id"))]
    async fn put(&self, contact: BusDict) -> Result<String> {
        let contact = from_bus(contact)?;
        Ok(self.front.ask(|answer| Request::ContactPut(contact, answer)).await?)
    }

    async fn remove(&self, id: String) -> Result<()> {
        Ok(self.front.ask(|answer| Request::ContactRemove(id, answer)).await?)
    }

    async fn set_favourite(&self, id: String, favourite: bool) -> Result<()> {
        let ask = |answer| Request::ContactFavourite(id, favourite, answer);
        Ok(self.front.ask(ask).await?)
    }

    #[zbus(out_args("counts"))]
    async fn import(&self, file: OwnedFd, format: String) -> Result<BTreeMap<String, u32>> {
        let ask = |answer| Request::ContactImport(file.into(), format, answer);
        Ok(self.front.ask(ask).await?)
    }

    #[zbus(property)]
    fn favourites(&self) -> Vec<String> {
        self.front.view.borrow().favourites.clone()
    }

    #[zbus(signal)]
    pub(super) async fn changed(emitter: &SignalEmitter<'_>, ids: Vec<String>) -> zbus::Result<()>;
}
