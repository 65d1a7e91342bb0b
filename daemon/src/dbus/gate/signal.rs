//! Signals on their way out: whose call each is about, and copies for single hearers.
//!
//! Owns: reading that from a signal. Does not own: who may hear it. Invariant: a signal that is not
//! surely about a call of an app is about none.

use std::collections::HashMap;

use ahoy_core::id::CallId;
use zbus::{Message, Structure, Variant};

use super::super::call_of;
use crate::app::request::Snapshot;

/// Which app dialled or brought in each call that has been shown.
#[derive(Default)]
pub(super) struct Shown(HashMap<CallId, String>);

/// An argument that is an object path.
fn path(message: &Message, place: usize) -> Option<String> {
    let body = message.body();
    let arguments: Structure<'_> = body.deserialize().ok()?;
    match arguments.fields().get(place) {
        Some(Variant::ObjectPath(path)) => Some(path.to_string()),
        Some(_) | None => None,
    }
}

impl Shown {
    /// The app whose call a signal is about.
    pub(super) fn app(&mut self, message: &Message, view: &Snapshot) -> Option<String> {
        let header = message.header();
        let member = header.member()?.as_str();
        let path = match member {
            "InterfacesAdded" | "InterfacesRemoved" => path(message, 0)?,
            "ActionFinished" => path(message, 1)?,
            "PropertiesChanged" => header.path()?.to_string(),
            _ => return None,
        };
        let call = call_of(&path)?;
        match member {
            "InterfacesAdded" => {
                let app = view.app_of(call)?.to_owned();
                self.0.insert(call, app.clone());
                Some(app)
            }
            // The object goes interface by interface; it is forgotten with the app's next call.
            "InterfacesRemoved" => {
                let app = self.0.get(&call).cloned();
                self.0.retain(|other, _| *other == call || view.calls.contains_key(other));
                app
            }
            _ => self.0.get(&call).cloned(),
        }
    }
}

/// The same signal for one hearer.
pub(super) fn copy_for(message: &Message, name: &str) -> zbus::Result<Message> {
    let header = message.header();
    let missing = || zbus::Error::MissingField;
    let (path, interface, member) = (
        header.path().ok_or_else(missing)?.to_owned(),
        header.interface().ok_or_else(missing)?.to_owned(),
        header.member().ok_or_else(missing)?.to_owned(),
    );
    let body = message.body();
    let copy = Message::signal(path, interface, member).destination(name.to_owned());
    copy.build(&body.deserialize::<Structure<'_>>()?)
}
