//! From what a person types to somebody who can be called: a handle, or one contact.
//!
//! Owns: reading handles, the choice among search results. Does not own: the search (the daemon).
//! Invariant: never guesses between people: several that fit is an error that lists them.

use zbus::{OwnedVariant, Variant};

use crate::{
    bus::{Bus, CONTACTS},
    error::{Error, Result},
    out::clean,
    value::{self, Dict},
};

/// More than this nobody reads.
const SHOWN: u32 = 10;

/// A handle as the contract has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handle {
    /// "ahoy", "tel", "sip", or an app's own.
    pub scheme: String,
    /// What stands behind the scheme.
    pub value: String,
}

/// Whom to call.
#[derive(Debug)]
pub struct Callee {
    /// Where.
    pub handle: Handle,
    /// The name to show, "" for a bare handle.
    pub name: String,
    /// The contact, "" for a bare handle.
    pub contact_id: String,
}

/// Reads `tel:+49…`, `sip:bob@host`, `ahoy:key`, `+49 30 123456`, `bob@host`; None for a name.
pub fn handle(typed: &str) -> Option<Handle> {
    let typed = typed.trim();
    let of = |scheme: &str, value: String| {
        (!value.is_empty()).then(|| Handle { scheme: scheme.to_owned(), value })
    };
    if let Some((scheme, rest)) = typed.split_once(':') {
        let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
        // "Dr: Who" is a name: an address has no space behind its colon.
        if !is_scheme || rest.starts_with(char::is_whitespace) {
            return None;
        }
        let scheme = scheme.to_ascii_lowercase();
        // An extension (RFC 3966) is no part of the number.
        let number = || digits(rest.split(';').next().unwrap_or_default());
        let value = if scheme == "tel" { number() } else { rest.to_owned() };
        return of(&scheme, value);
    }
    if typed.contains('@') && !typed.contains(char::is_whitespace) {
        return of("sip", typed.to_owned());
    }
    let number = typed.chars().all(|c| c.is_ascii_digit() || " +-()./".contains(c))
        && typed.chars().filter(char::is_ascii_digit).count() >= 3;
    if number { of("tel", digits(typed)) } else { None }
}

/// A number without the spaces and signs people write in it.
fn digits(typed: &str) -> String {
    typed.chars().filter(|c| c.is_ascii_digit() || "+*#".contains(*c)).collect()
}

/// Finds whom to call. `via` picks one of a contact's handles by scheme or label.
pub async fn callee(bus: &Bus, typed: &str, via: Option<&str>) -> Result<Callee> {
    if let Some(handle) = handle(typed) {
        return Ok(Callee { handle, name: String::new(), contact_id: String::new() });
    }
    let contact = contact(bus, typed).await?;
    let name = value::text(&contact, "name").to_owned();
    let handle = pick_handle(&name, value::handles(&contact), via)?;
    Ok(Callee { handle, name, contact_id: value::text(&contact, "id").to_owned() })
}

/// Finds one contact by name, alias, id or handle.
pub async fn contact(bus: &Bus, typed: &str) -> Result<Dict> {
    if let Some(Handle { scheme, value }) = handle(typed) {
        let found: Dict = bus.call(CONTACTS, "Resolve", &((scheme, value),)).await?;
        return if value::text(&found, "id").is_empty() { Err(nobody(typed)) } else { Ok(found) };
    }
    let found: Vec<Dict> = bus.call(CONTACTS, "Search", &(typed, SHOWN)).await?;
    one(typed, found)
}

/// The one that is meant, or an error that lists those who fit.
fn one(typed: &str, mut found: Vec<Dict>) -> Result<Dict> {
    if found.len() > 1 {
        let mut exact = found.iter().enumerate().filter(|(_, c)| is_exactly(typed, c));
        if let (Some((nr, _)), None) = (exact.next(), exact.next()) {
            return Ok(found.swap_remove(nr));
        }
        return Err(several(typed, &found));
    }
    found.pop().ok_or_else(|| nobody(typed))
}

fn is_exactly(typed: &str, contact: &Dict) -> bool {
    let same = |s: &str| s.to_lowercase() == typed.to_lowercase();
    value::text(contact, "id") == typed
        || same(value::text(contact, "name"))
        || value::list(contact, "aliases").iter().any(|a| same(a))
}

fn nobody(typed: &str) -> Error {
    let name = clean(typed);
    Error::refused(
        "UnknownContact",
        format!("nobody called \"{name}\" is in the contacts"),
        format!(
            "Add them: ahoyctl contacts add \"{name}\" HANDLE, or exchange an invite: ahoyctl \
             invite, ahoyctl accept LINK"
        ),
    )
}

fn several(typed: &str, found: &[Dict]) -> Error {
    let mut cause = format!("{} contacts fit \"{}\":", found.len(), clean(typed));
    for contact in found {
        let handles = value::handles(contact);
        let first = handles.first().map(|(s, v, _)| format!("{s}:{v}")).unwrap_or_default();
        cause.push_str(&format!("\n  {}  {}", clean(value::text(contact, "name")), clean(&first)));
    }
    Error::refused("AmbiguousContact", cause, "Give the whole name, or the handle beside it.")
}

fn pick_handle(
    name: &str,
    handles: Vec<(String, String, String)>,
    via: Option<&str>,
) -> Result<Handle> {
    let of = |(scheme, value, _): (String, String, String)| Handle { scheme, value };
    let known: Vec<String> = handles
        .iter()
        .map(|(s, _, l)| if l.is_empty() { s.clone() } else { format!("{s} ({l})") })
        .collect();
    let picked = match via {
        Some(via) => handles.into_iter().find(|(s, _, l)| s == via || l.eq_ignore_ascii_case(via)),
        // The encrypted one first; else the order in which the person keeps them.
        None => {
            let ahoy = handles.iter().position(|(s, _, _)| s == "ahoy").unwrap_or_default();
            handles.into_iter().nth(ahoy)
        }
    };
    picked.map(of).ok_or_else(|| {
        let name = clean(name);
        match via {
            Some(via) => Error::refused(
                "UnknownContact",
                format!("{name} has no address of the kind \"{via}\""),
                format!("{name} has: {}", known.join(", ")),
            ),
            None => Error::refused(
                "UnknownContact",
                format!("{name} has no address or number"),
                format!("Add one: ahoyctl contacts add \"{name}\" HANDLE"),
            ),
        }
    })
}

/// A dictionary entry, for values that own their data.
pub fn entry<'v>(key: &str, value: impl Into<Variant<'v>>) -> Result<(String, OwnedVariant)> {
    Ok((key.to_owned(), OwnedVariant::try_from(value.into())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(name: &str, aliases: Vec<&str>) -> Dict {
        Dict::from([entry("name", name).unwrap(), entry("aliases", aliases).unwrap()])
    }

    #[test]
    fn handles_are_told_from_names() {
        let of = |s: &str, v: &str| Some(Handle { scheme: s.into(), value: v.into() });
        assert_eq!(handle("tel:+49 30-123456"), of("tel", "+4930123456"));
        assert_eq!(handle("tel:+4930123456;ext=5"), of("tel", "+4930123456"));
        assert_eq!(handle("+49 (30) 123456"), of("tel", "+4930123456"));
        assert_eq!(handle("SIP:bob@example.org"), of("sip", "bob@example.org"));
        assert_eq!(handle("bob@example.org"), of("sip", "bob@example.org"));
        assert_eq!(handle("ahoy:abc"), of("ahoy", "abc"));
        for name in ["alice", "Alice 2", "", "12", "Dr: Who", ":x", "tel:"] {
            assert_eq!(handle(name), None, "{name}");
        }
    }

    #[test]
    fn the_whole_name_or_an_alias_decides_between_several() {
        let all = || vec![person("Alice", vec![]), person("Alice Smith", vec!["Ali"])];
        assert_eq!(value::text(&one("alice", all()).unwrap(), "name"), "Alice");
        assert_eq!(value::text(&one("ALI", all()).unwrap(), "name"), "Alice Smith");
    }

    #[test]
    fn several_are_listed_and_none_is_guessed() {
        let error = one("al", vec![person("Alice", vec![]), person("Albert", vec![])]).unwrap_err();
        assert_eq!((error.name(), error.exit_code()), ("AmbiguousContact", 1));
        assert!(error.to_string().contains("Alice") && error.to_string().contains("Albert"));
        let twins = vec![person("Alice", vec![]), person("Alice", vec![])];
        assert_eq!(one("alice", twins).unwrap_err().name(), "AmbiguousContact");
    }

    #[test]
    fn nobody_says_how_to_add() {
        assert!(one("zoe", vec![]).unwrap_err().next().contains("contacts add \"zoe\""));
    }

    #[test]
    fn the_encrypted_address_comes_first() {
        let all = || {
            vec![
                ("tel".into(), "+49".into(), "home".into()),
                ("ahoy".into(), "k".into(), String::new()),
            ]
        };
        assert_eq!(pick_handle("A", all(), None).unwrap().scheme, "ahoy");
        assert_eq!(pick_handle("A", all(), Some("Home")).unwrap().value, "+49");
        assert!(pick_handle("A", all(), Some("sip")).unwrap_err().next().contains("tel (home)"));
    }
}
