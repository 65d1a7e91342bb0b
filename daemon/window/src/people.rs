//! Rows of the lists: people, and calls that were.
//!
//! Owns: reading them, and whom a row calls. Does not own: the lists. Invariant: a row is shown
//! whatever its name is; one without an address calls nobody.

use ahoy_client::value::{self, Dict};

/// Characters of a name that a row takes: the rest would only cost time to lay out.
const MOST: usize = 200;

/// Somebody in the address book.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) picture: String,
    pub(crate) favourite: bool,
    /// The first address; `None`: there is none.
    pub(crate) handle: Option<(String, String)>,
}

impl Person {
    pub(crate) fn read(told: &Dict) -> Self {
        let handles = value::handles(told).into_iter();
        Self {
            id: value::text(told, "id").to_owned(),
            name: short(value::text(told, "name")),
            picture: value::text(told, "photo").to_owned(),
            favourite: value::flag(told, "favourite"),
            handle: handles.map(|(scheme, value, _)| (scheme, value)).next(),
        }
    }
}

/// A call that was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Recent {
    pub(crate) name: String,
    pub(crate) outgoing: bool,
    pub(crate) video: bool,
    pub(crate) outcome: String,
    /// µs since the epoch.
    pub(crate) at: u64,
    pub(crate) handle: Option<(String, String)>,
}

impl Recent {
    pub(crate) fn read(told: &Dict) -> Self {
        let handle = value::pair(told, "remote");
        let name = value::text(told, "name");
        Self {
            name: short(if name.is_empty() { &handle.1 } else { name }),
            outgoing: value::text(told, "direction") == "outgoing",
            video: value::flag(told, "video"),
            outcome: value::text(told, "outcome").to_owned(),
            at: value::number(told, "started-at"),
            handle: Some(handle).filter(|(scheme, value)| !scheme.is_empty() && !value.is_empty()),
        }
    }

    pub(crate) fn is_missed(&self) -> bool {
        self.outcome == "missed"
    }
}

/// A name as a row shows it: on one line, and of bounded length.
fn short(name: &str) -> String {
    let line = name.chars().map(|c| if c.is_control() { ' ' } else { c });
    line.take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use zbus::{OwnedVariant, Variant};

    use super::*;

    fn dict(pairs: Vec<(&str, Variant<'static>)>) -> Dict {
        let own = |value| OwnedVariant::try_from(value).expect("no descriptor");
        pairs
            .into_iter()
            .map(|(key, value)| (key.to_owned(), own(value)))
            .collect::<BTreeMap<_, _>>()
    }

    #[test]
    fn a_name_of_any_length_is_a_row() {
        let name = "A\n".repeat(5_000);
        let person = Person::read(&dict(vec![("name", Variant::from(name))]));
        assert_eq!(person.name.chars().count(), MOST);
        assert!(!person.name.contains('\n'));
        assert_eq!(person.handle, None);
    }

    #[test]
    fn whoever_has_no_name_is_shown_by_the_address() {
        let told = dict(vec![
            ("remote", Variant::from(("tel", "+123"))),
            ("outcome", Variant::from("missed")),
        ]);
        let recent = Recent::read(&told);
        assert_eq!((recent.name.as_str(), recent.is_missed()), ("+123", true));
        assert_eq!(recent.handle, Some(("tel".to_owned(), "+123".to_owned())));
    }
}
