//! Values of the bus as JSON and back.
//!
//! Owns: the mapping. Does not own: what the keys mean, or reading dictionaries by key
//! ([`ahoy_client::value`]). Invariant: every value has JSON, and no setting changes its type.

pub use ahoy_client::value::*;
use serde_json::{Map, Value, json};
use zbus::Variant;

use crate::error::{Error, Result};

/// A dictionary as a JSON object.
pub fn object(dict: &Dict) -> Value {
    Value::Object(dict.iter().map(|(k, v)| (k.clone(), to_json(v))).collect::<Map<_, _>>())
}

/// Any value as JSON: structures become arrays, paths and signatures strings.
pub fn to_json(value: &Variant<'_>) -> Value {
    match value {
        Variant::U8(n) => json!(n),
        Variant::Bool(b) => json!(b),
        Variant::I16(n) => json!(n),
        Variant::U16(n) => json!(n),
        Variant::I32(n) => json!(n),
        Variant::U32(n) => json!(n),
        Variant::I64(n) => json!(n),
        Variant::U64(n) => json!(n),
        Variant::F64(n) => json!(n),
        Variant::Str(s) => json!(s.as_str()),
        Variant::Signature(s) => json!(s.to_string()),
        Variant::ObjectPath(p) => json!(p.as_str()),
        Variant::Variant(inner) => to_json(inner),
        Variant::Array(items) => Value::Array(items.inner().iter().map(to_json).collect()),
        Variant::Dict(dict) => {
            Value::Object(dict.iter().map(|(k, v)| (key(k), to_json(v))).collect::<Map<_, _>>())
        }
        Variant::Structure(fields) => Value::Array(fields.fields().iter().map(to_json).collect()),
        // A file descriptor means nothing to a reader of text.
        Variant::Fd(_) => Value::Null,
    }
}

fn key(value: &Variant<'_>) -> String {
    match to_json(value) {
        Value::String(s) => s,
        other @ (Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::Array(_)
        | Value::Object(_)) => other.to_string(),
    }
}

/// What a person typed for a setting, in the type the setting has now.
pub fn parse_like(now: &Variant<'_>, typed: &str) -> Result<Variant<'static>> {
    let wrong = |kind: &str| {
        Error::usage(
            format!("\"{typed}\" is not {kind}"),
            format!("The value now is {}; give one of the same kind.", to_json(now)),
        )
    };
    let value = match now {
        Variant::Bool(_) => Variant::from(match typed {
            "true" | "yes" | "on" | "1" => true,
            "false" | "no" | "off" | "0" => false,
            _ => return Err(wrong("yes or no")),
        }),
        Variant::U8(_) => {
            Variant::from(typed.parse::<u8>().map_err(|_| wrong("a number from 0 to 255"))?)
        }
        Variant::I16(_) => {
            Variant::from(typed.parse::<i16>().map_err(|_| wrong("a small number"))?)
        }
        Variant::U16(_) => {
            Variant::from(typed.parse::<u16>().map_err(|_| wrong("a number from 0 to 65535"))?)
        }
        Variant::I32(_) => Variant::from(typed.parse::<i32>().map_err(|_| wrong("a number"))?),
        Variant::U32(_) => {
            Variant::from(typed.parse::<u32>().map_err(|_| wrong("a number from 0 up"))?)
        }
        Variant::I64(_) => Variant::from(typed.parse::<i64>().map_err(|_| wrong("a number"))?),
        Variant::U64(_) => {
            Variant::from(typed.parse::<u64>().map_err(|_| wrong("a number from 0 up"))?)
        }
        Variant::F64(_) => Variant::from(typed.parse::<f64>().map_err(|_| wrong("a number"))?),
        Variant::Str(_) => Variant::from(typed.to_owned()),
        Variant::Array(items) if items.element_signature() == "s" => Variant::from(
            typed
                .split(',')
                .map(str::trim)
                .filter(|s| !s.is_empty())
                .map(str::to_owned)
                .collect::<Vec<_>>(),
        ),
        Variant::Variant(inner) => return parse_like(inner, typed),
        Variant::Signature(_)
        | Variant::ObjectPath(_)
        | Variant::Array(_)
        | Variant::Dict(_)
        | Variant::Structure(_)
        | Variant::Fd(_) => {
            return Err(Error::usage(
                "this setting is not a single value",
                "Edit it in the config file; ahoyctl settings get KEY --json shows its shape.",
            ));
        }
    };
    Ok(value)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn values_become_json_of_the_same_shape() {
        let value = Variant::from(vec![("ahoy", "key")]);
        assert_eq!(to_json(&value), json!([["ahoy", "key"]]));
        let dict = Variant::from(BTreeMap::from([("a", Variant::from(1u32))]));
        assert_eq!(to_json(&dict), json!({"a": 1}));
    }

    #[test]
    fn a_setting_keeps_its_type() {
        let on = parse_like(&Variant::from(false), "on").unwrap();
        assert_eq!(on, Variant::from(true));
        let list = parse_like(&Variant::from(vec!["a"]), "x, y").unwrap();
        assert_eq!(to_json(&list), json!(["x", "y"]));
        assert_eq!(parse_like(&Variant::from(1u8), "300").unwrap_err().exit_code(), 2);
    }
}
