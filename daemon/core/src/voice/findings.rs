//! Whom of the address book a recogniser cannot hear, and who is easily taken for whom.
//!
//! Owns: from texts back to people. Does not own: what was found about texts (`confusion`, the
//! worker). Invariant: each person is named once as unheard, and each pair once.

use std::collections::BTreeSet;

use super::{
    book::{Book, Person},
    confusion::Alike,
};

/// What is wrong with a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// It cannot be heard at all.
    Unheard,
    /// It sounds like this other person's name.
    Name(Person),
    /// It sounds like this command.
    Command(String),
}

/// A name that is heard badly.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Whose name it is.
    pub person: Person,
    /// The name as it is said.
    pub said: String,
    /// What is wrong.
    pub problem: Problem,
}

impl Book {
    /// From what was found about texts to people: the unheard first, then what sounds most alike.
    #[must_use]
    pub fn findings(&self, deaf: &[String], alike: &[Alike]) -> Vec<Finding> {
        let mut found = Vec::new();
        let mut known = BTreeSet::new();
        for text in deaf {
            for person in self.resolve(text) {
                if known.insert(person.contact.0.clone()) {
                    let problem = Problem::Unheard;
                    found.push(Finding { person: person.clone(), said: text.clone(), problem });
                }
            }
        }
        let mut pairs = BTreeSet::new();
        for pair in alike {
            for person in self.resolve(&pair.name) {
                for problem in self.problems(person, pair) {
                    if pairs.insert(key(person, &problem)) {
                        let said = pair.name.clone();
                        found.push(Finding { person: person.clone(), said, problem });
                    }
                }
            }
        }
        found
    }

    /// Whoever has both names is not mistaken.
    fn problems(&self, person: &Person, pair: &Alike) -> Vec<Problem> {
        if pair.command {
            return vec![Problem::Command(pair.other.clone())];
        }
        let others = self.resolve(&pair.other).into_iter();
        others.filter(|one| one.contact != person.contact).cloned().map(Problem::Name).collect()
    }
}

/// The same for a pair in either order.
fn key(person: &Person, problem: &Problem) -> (String, String) {
    let one = person.contact.0.clone();
    match problem {
        Problem::Unheard => (one, String::new()),
        Problem::Command(text) => (one, format!("={text}")),
        Problem::Name(other) => {
            let other = other.contact.0.clone();
            if one < other { (one, other) } else { (other, one) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ContactId;

    fn person(name: &str, aliases: &[&str]) -> Person {
        let aliases = aliases.iter().map(|one| (*one).to_owned()).collect();
        Person { contact: ContactId(name.to_owned()), name: name.to_owned(), aliases }
    }

    fn pair(name: &str, other: &str, command: bool) -> Alike {
        Alike { name: name.into(), other: other.into(), command, distance: 0.0 }
    }

    #[test]
    fn texts_become_people_each_once_and_nobody_is_mistaken_for_themselves() {
        let book = Book::new(vec![
            person("Jon Moss", &["john moss"]),
            person("John Moss", &[]),
            person("Mute", &[]),
            person("Xqz Xqq", &[]),
        ]);
        let deaf = ["xqq", "xqz", "xqz xqq", "press <digits>"].map(str::to_owned);
        let alike = [
            pair("john moss", "jon moss", false),
            pair("john", "jon", false),
            pair("mute", "mute", true),
        ];
        let found = book.findings(&deaf, &alike);
        let told: Vec<(&str, &Problem)> =
            found.iter().map(|one| (one.person.name.as_str(), &one.problem)).collect();
        let jon = person("Jon Moss", &["john moss"]);
        assert_eq!(
            told,
            [
                ("Xqz Xqq", &Problem::Unheard),
                ("John Moss", &Problem::Name(jon)),
                ("Mute", &Problem::Command("mute".into())),
            ]
        );
    }
}
