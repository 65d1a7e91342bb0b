//! Values of dictionaries: D-Bus variants and plain ones.
//!
//! Owns: the translation both ways. Does not own: which keys there are. Invariant: a type the
//! contract does not use is an InvalidArgument that names its key.

use std::collections::HashMap;

use zbus::{OwnedVariant, Variant};

use super::error::{Error, Result};
use crate::app::request::{Dict, Plain};

/// a{sv} as it comes from the bus.
pub(super) type BusDict = HashMap<String, OwnedVariant>;

/// From the bus.
pub(super) fn from_bus(dict: BusDict) -> Result<Dict> {
    dict.into_iter()
        .map(|(key, value)| {
            let plain = plain(&value).ok_or_else(|| {
                let signature = value.value_signature();
                Error::InvalidArgument(format!("{key}: a value of type {signature} is not taken"))
            })?;
            Ok((key, plain))
        })
        .collect()
}

/// One value from the bus.
#[expect(clippy::wildcard_enum_match_arm, reason = "what is no scalar may be a container of ours")]
pub(super) fn plain(value: &Variant<'_>) -> Option<Plain> {
    Some(match value {
        Variant::Bool(value) => Plain::Bool(*value),
        Variant::U8(value) => Plain::Uint(u64::from(*value)),
        Variant::U16(value) => Plain::Uint(u64::from(*value)),
        Variant::U32(value) => Plain::Uint(u64::from(*value)),
        Variant::U64(value) => Plain::Uint(*value),
        Variant::I16(value) => Plain::Int(i64::from(*value)),
        Variant::I32(value) => Plain::Int(i64::from(*value)),
        Variant::I64(value) => Plain::Int(*value),
        Variant::F64(value) => Plain::Double(*value),
        Variant::Str(value) => Plain::Text(value.to_string()),
        Variant::Variant(value) => return plain(value),
        other => return container(other),
    })
}

fn container(value: &Variant<'_>) -> Option<Plain> {
    let copy = || value.try_clone().ok();
    if let Ok((a, b)) = <(String, String)>::try_from(copy()?) {
        return Some(Plain::Pair(a, b));
    }
    if let Ok(texts) = Vec::<String>::try_from(copy()?) {
        return Some(Plain::Texts(texts));
    }
    Vec::<(String, String, String)>::try_from(copy()?).ok().map(Plain::Triples)
}

/// To the bus.
pub(super) fn to_bus(dict: Dict) -> HashMap<String, Variant<'static>> {
    dict.into_iter().map(|(key, value)| (key, variant(value))).collect()
}

/// One value to the bus.
pub(super) fn variant(value: Plain) -> Variant<'static> {
    match value {
        Plain::Bool(value) => value.into(),
        Plain::Uint(value) => value.into(),
        Plain::Int(value) => value.into(),
        Plain::Double(value) => value.into(),
        Plain::Text(value) => value.into(),
        Plain::Pair(a, b) => (a, b).into(),
        Plain::Texts(value) => value.into(),
        Plain::Triples(value) => value.into(),
    }
}
