//! `.Identity`: our address, invites, devices, backups.
//!
//! Owns: its methods, property and signal on the bus. Does not own: keys; none ever crosses the
//! bus. Invariant: backups travel by file descriptor, encrypted.

use std::collections::HashMap;

use zbus::{OwnedFd, Variant, interface, object_server::SignalEmitter};

use super::{
    Properties,
    error::Result,
    value::{BusDict, from_bus, to_bus},
};
use crate::app::request::{Front, Request, Snapshot};

/// The object.
pub(super) struct Identity {
    front: Front,
}

impl Identity {
    pub(super) fn new(front: &Front) -> Self {
        Self { front: front.clone() }
    }
}

/// The properties that change, by name.
pub(super) fn properties(view: &Snapshot) -> Properties {
    Properties::from([("Address", view.address.clone().into())])
}

#[interface(name = "org.ahoycall.Calls1.Identity", introspection_docs = false)]
impl Identity {
    #[zbus(out_args("uri"))]
    async fn invite(&self, options: BusDict) -> Result<String> {
        let options = from_bus(options)?;
        Ok(self.front.ask(|answer| Request::Invite(options, answer)).await?)
    }

    #[zbus(out_args("contact_id"))]
    async fn accept(&self, uri: String, options: BusDict) -> Result<String> {
        let options = from_bus(options)?;
        Ok(self.front.ask(|answer| Request::Accept(uri, options, answer)).await?)
    }

    #[zbus(out_args("devices"))]
    async fn devices(&self) -> Result<Vec<HashMap<String, Variant<'static>>>> {
        Ok(self.front.ask(Request::Devices).await?.into_iter().map(to_bus).collect())
    }

    async fn backup(&self, file: OwnedFd, passphrase: String) -> Result<()> {
        let ask = |answer| Request::Backup(file.into(), passphrase, answer);
        Ok(self.front.ask(ask).await?)
    }

    async fn restore(&self, file: OwnedFd, passphrase: String) -> Result<()> {
        let ask = |answer| Request::Restore(file.into(), passphrase, answer);
        Ok(self.front.ask(ask).await?)
    }

    #[zbus(property)]
    fn address(&self) -> String {
        self.front.view.borrow().address.clone()
    }

    #[zbus(signal)]
    pub(super) async fn joined(emitter: &SignalEmitter<'_>, contact_id: &str) -> zbus::Result<()>;
}
