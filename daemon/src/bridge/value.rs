//! Properties as telephone programs tell them.
//!
//! Owns: reading `a{sv}` and its kin. Does not own: which keys there are. Invariant: what is missing
//! or of another type is absent, never guessed.

use std::collections::HashMap;

use zbus::{Message, OwnedObjectPath, OwnedVariant, Type, Variant};

use crate::bus::Remote;

pub(super) const OBJECTS: &str = "org.freedesktop.DBus.ObjectManager";
pub(super) const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

/// Properties of one interface.
pub(super) type Properties = HashMap<String, OwnedVariant>;
/// Interfaces of one object.
pub(super) type Interfaces = HashMap<String, Properties>;
/// Objects of one program.
pub(super) type Objects = HashMap<OwnedObjectPath, Interfaces>;

pub(super) fn text(of: &Properties, key: &str) -> Option<String> {
    of.get(key).and_then(|value| as_text(value))
}

pub(super) fn as_text(value: &Variant<'_>) -> Option<String> {
    if let Variant::Str(text) = value { Some(text.to_string()) } else { None }
}

pub(super) fn flag(value: &Variant<'_>) -> Option<bool> {
    if let Variant::Bool(flag) = value { Some(*flag) } else { None }
}

pub(super) fn number(of: &Properties, key: &str) -> Option<i32> {
    if let Variant::I32(number) = &**of.get(key)? { Some(*number) } else { None }
}

pub(super) fn texts(value: &Variant<'_>) -> Vec<String> {
    value.try_clone().ok().and_then(|value| Vec::<String>::try_from(value).ok()).unwrap_or_default()
}

/// What a message carries.
pub(super) fn body<T>(message: &Message) -> Option<T>
where
    T: serde::de::DeserializeOwned + Type,
{
    message.body().deserialize().ok()
}

/// What a question is answered with; nothing where it is not.
pub(super) async fn ask<T, B>(remote: Remote<'_>, method: &str, body: &B) -> Option<T>
where
    T: serde::de::DeserializeOwned + Type,
    B: serde::Serialize + zbus::zvariant::DynamicType,
{
    match remote.call(method, body).await {
        Ok(reply) => self::body(&reply),
        Err(error) => {
            tracing::debug!(%error, method, "a telephone does not say");
            None
        }
    }
}

/// The object path that a method gives.
pub(super) fn path(reply: &Message) -> Option<String> {
    body::<OwnedObjectPath>(reply).map(|path| path.to_string()).or_else(|| body(reply))
}
