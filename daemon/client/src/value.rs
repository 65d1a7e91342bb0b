//! Reading dictionaries of the bus without surprises.
//!
//! Owns: reading by key. Does not own: what the keys mean. Invariant: reading a key of another type
//! than expected gives the empty value, never an error: the contract says a property never
//! disappears, and an older or newer daemon must not break a list.

use std::collections::BTreeMap;

use zbus::{OwnedVariant, Structure, Variant};

/// A dictionary `a{sv}`, in the order of its keys so that output is stable.
pub type Dict = BTreeMap<String, OwnedVariant>;

/// Options `a{sv}` for a method.
pub type Options<'a> = BTreeMap<&'a str, Variant<'a>>;

/// A string, or "".
pub fn text<'a>(dict: &'a Dict, key: &str) -> &'a str {
    dict.get(key).and_then(|v| <&str>::try_from(v).ok()).unwrap_or_default()
}

/// A boolean, or false.
pub fn flag(dict: &Dict, key: &str) -> bool {
    dict.get(key).and_then(|v| bool::try_from(v).ok()).unwrap_or_default()
}

/// A number of 64 or 32 bits, or 0.
pub fn number(dict: &Dict, key: &str) -> u64 {
    let small = |value| u32::try_from(value).ok().map(u64::from);
    dict.get(key).and_then(|v| u64::try_from(v).ok().or_else(|| small(v))).unwrap_or_default()
}

/// A pair of strings such as a handle, or ("", "").
pub fn pair(dict: &Dict, key: &str) -> (String, String) {
    dict.get(key)
        .and_then(|v| v.try_clone().ok())
        .and_then(|v| <(String, String)>::try_from(v).ok())
        .unwrap_or_default()
}

/// A list of strings, or none.
pub fn list(dict: &Dict, key: &str) -> Vec<String> {
    dict.get(key)
        .and_then(|v| v.try_clone().ok())
        .and_then(|v| Vec::<String>::try_from(v).ok())
        .unwrap_or_default()
}

/// A dictionary in it, or an empty one.
pub fn dict(dict: &Dict, key: &str) -> Dict {
    dict.get(key)
        .and_then(|v| v.try_clone().ok())
        .and_then(|v| Dict::try_from(v).ok())
        .unwrap_or_default()
}

/// Where calls are heard: (id, name, kind, available).
pub fn endpoints(dict: &Dict, key: &str) -> Vec<(String, String, String, bool)> {
    structures(dict, key)
        .filter_map(|s| <(String, String, String, bool)>::try_from(Variant::from(s)).ok())
        .collect()
}

fn structures(dict: &Dict, key: &str) -> impl Iterator<Item = Structure<'static>> {
    dict.get(key)
        .and_then(|v| v.try_clone().ok())
        .and_then(|v| Vec::<Structure<'static>>::try_from(v).ok())
        .unwrap_or_default()
        .into_iter()
}

/// A contact's handles: (scheme, value, label).
pub fn handles(dict: &Dict) -> Vec<(String, String, String)> {
    structures(dict, "handles")
        .filter_map(|s| <(String, String, String)>::try_from(Variant::from(s)).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_one_whatever_its_width() {
        let wide = ("wide".to_owned(), OwnedVariant::from(7u64));
        let narrow = ("narrow".to_owned(), OwnedVariant::from(8u32));
        let dict = Dict::from([wide, narrow]);
        assert_eq!((number(&dict, "wide"), number(&dict, "narrow")), (7, 8));
        assert_eq!(number(&dict, "none"), 0);
    }

    #[test]
    fn a_key_of_another_type_reads_as_empty() {
        let dict = Dict::from([("name".to_owned(), OwnedVariant::from(7u32))]);
        assert_eq!(text(&dict, "name"), "");
        assert_eq!(pair(&dict, "name"), (String::new(), String::new()));
        assert!(handles(&dict).is_empty());
    }
}
