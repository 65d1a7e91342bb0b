//! Names as they are spoken.
//!
//! Owns: the spoken forms of each person and their resolution. Does not own: the address book.
//! Invariant: a form that belongs to two people resolves to both, never to one of them.

use std::collections::BTreeMap;

use super::intent::normalise;
use crate::id::ContactId;

/// A person that can be called by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// In the address book.
    pub contact: ContactId,
    /// Full name.
    pub name: String,
    /// Other names.
    pub aliases: Vec<String>,
}

/// How well a spoken form fits: a full name beats an alias beats a part of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Full,
    Alias,
    Part,
}

/// All people and their spoken forms.
#[derive(Clone, Debug, Default)]
pub struct Book {
    people: Vec<Person>,
    forms: BTreeMap<String, Vec<(Fit, usize)>>,
}

/// A grammar takes at most this many names (research/ux.md: about 2,000 phrases).
const MAX_PEOPLE: usize = 2000;

impl Book {
    /// A book of these people; the first 2,000 count, so put favourites first.
    #[must_use]
    pub fn new(people: Vec<Person>) -> Self {
        let mut book = Self { people, forms: BTreeMap::new() };
        book.people.truncate(MAX_PEOPLE);
        for index in 0..book.people.len() {
            let person = book.people[index].clone();
            book.add(&person.name, Fit::Full, index);
            for alias in &person.aliases {
                book.add(alias, Fit::Alias, index);
            }
            let spoken = normalise(&person.name);
            let parts: Vec<&str> = spoken.split(' ').collect();
            if parts.len() > 1 {
                for part in [parts.first(), parts.last()].into_iter().flatten() {
                    book.add(part, Fit::Part, index);
                }
            }
        }
        book
    }

    fn add(&mut self, form: &str, fit: Fit, index: usize) {
        let form = normalise(form);
        if !form.is_empty() {
            self.forms.entry(form).or_default().push((fit, index));
        }
    }

    /// Every spoken form, for a grammar.
    pub fn forms(&self) -> impl Iterator<Item = &str> {
        self.forms.keys().map(String::as_str)
    }

    /// Whom a spoken name means: the people of the best fit.
    #[must_use]
    pub fn resolve(&self, spoken: &str) -> Vec<&Person> {
        let Some(found) = self.forms.get(&normalise(spoken)) else { return Vec::new() };
        let best = found.iter().map(|(fit, _)| *fit).min();
        let mut indices: Vec<usize> =
            found.iter().filter(|(fit, _)| Some(*fit) == best).map(|(_, index)| *index).collect();
        indices.sort_unstable();
        indices.dedup();
        indices.into_iter().filter_map(|index| self.people.get(index)).collect()
    }
}
