//! `.Settings`: the same keys as the config file.
//!
//! Owns: its methods and signal on the bus. Does not own: keys and their rules. Invariant: none of
//! its own beyond translation.

use std::collections::HashMap;

use zbus::{OwnedVariant, Variant, interface, object_server::SignalEmitter};

use super::{
    error::{Error, Result},
    value::{plain, to_bus, variant},
};
use crate::app::request::{Front, Request};

/// The object.
pub(super) struct Settings {
    front: Front,
}

impl Settings {
    pub(super) fn new(front: &Front) -> Self {
        Self { front: front.clone() }
    }
}

#[interface(name = "org.ahoycall.Calls1.Settings", introspection_docs = false)]
impl Settings {
    #[zbus(out_args("value"))]
    async fn get(&self, key: String) -> Result<Variant<'static>> {
        Ok(variant(self.front.ask(|answer| Request::SettingGet(key, answer)).await?))
    }

    async fn set(&self, key: String, value: OwnedVariant) -> Result<()> {
        let Some(value) = plain(&value) else {
            return Err(Error::InvalidArgument(format!("{key}: this type of value is not taken")));
        };
        Ok(self.front.ask(|answer| Request::SettingSet(key, value, answer)).await?)
    }

    #[zbus(out_args("values"))]
    async fn list(&self) -> Result<HashMap<String, Variant<'static>>> {
        Ok(to_bus(self.front.ask(Request::SettingList).await?))
    }

    #[zbus(signal)]
    pub(super) async fn changed(
        emitter: &SignalEmitter<'_>,
        values: HashMap<String, Variant<'static>>,
    ) -> zbus::Result<()>;
}
