//! Who is on the bus, and who of them may hear what.
//!
//! Owns: what every connection is. Does not own: finding it out (`caller`). Invariant: while somebody
//! is there who may hear broadcasts and may not hear everything, nothing is broadcast; one that is
//! not known yet counts as such.

use std::collections::HashMap;

use super::super::caller::{Caller, CallerError, Identified};

/// What a connection may hear.
#[derive(Debug, PartialEq, Eq)]
enum Ear {
    /// It is being looked at.
    Unknown,
    /// Everything.
    Host,
    /// What concerns the calls of this app.
    App(String),
    /// Nothing comes to it, whatever is said.
    Deaf,
}

/// Whom a signal goes to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Audience {
    /// Whoever listens.
    All,
    /// These connections.
    These(Vec<String>),
}

/// Every connection.
#[derive(Debug, Default)]
pub(super) struct Hearers {
    ears: HashMap<String, Ear>,
    unknown: usize,
}

impl Hearers {
    /// A connection is there that is still to be looked at. False: it was known.
    pub(super) fn came(&mut self, name: &str) -> bool {
        if self.ears.contains_key(name) {
            return false;
        }
        self.set(name, Ear::Unknown);
        true
    }

    /// It was looked at; one that is gone meanwhile is not known any more.
    pub(super) fn looked(&mut self, name: &str, found: &Result<Identified, CallerError>) {
        if !self.ears.contains_key(name) {
            return;
        }
        let ear = match found {
            Ok(Identified { caller: Caller::Host, .. }) => Ear::Host,
            Ok(Identified { caller: Caller::Sandboxed(app), hears: true, .. }) => {
                Ear::App(app.clone())
            }
            Ok(Identified { caller: Caller::Sandboxed(_), hears: false, .. }) => Ear::Deaf,
            // Programs that may not be looked into, such as keyrings. A sandbox has no say in that:
            // its proxy is on the bus, and is none of them. To be heard they must be known.
            Err(CallerError::Root(_)) => Ear::Host,
            Err(CallerError::Gone | CallerError::Bus(_)) => return self.gone(name),
            // No app has this name, so nothing is ever told to it.
            Err(CallerError::Info | CallerError::Slow) => Ear::App(String::new()),
        };
        self.set(name, ear);
    }

    /// A sandboxed one has spoken to us: so it hears us, too.
    pub(super) fn spoke(&mut self, name: &str, app: &str) {
        if self.ears.get(name) == Some(&Ear::Deaf) {
            self.set(name, Ear::App(app.to_owned()));
        }
    }

    pub(super) fn gone(&mut self, name: &str) {
        if self.ears.remove(name) == Some(Ear::Unknown) {
            self.unknown -= 1;
        }
    }

    fn set(&mut self, name: &str, ear: Ear) {
        self.unknown += usize::from(ear == Ear::Unknown);
        if self.ears.insert(name.to_owned(), ear) == Some(Ear::Unknown) {
            self.unknown -= 1;
        }
    }

    /// Whether somebody is still looked at.
    pub(super) const fn is_looking(&self) -> bool {
        self.unknown > 0
    }

    /// Whom a signal goes to that concerns the calls of this app, or of none.
    pub(super) fn audience(&self, app: Option<&str>) -> Audience {
        let open = |ear: &Ear| matches!(ear, Ear::Host | Ear::Deaf);
        if self.ears.values().all(open) {
            return Audience::All;
        }
        let may = |ear: &Ear| match ear {
            Ear::Host => true,
            Ear::App(id) => app == Some(id.as_str()),
            Ear::Unknown | Ear::Deaf => false,
        };
        let hear = self.ears.iter().filter(|(_, ear)| may(ear));
        Audience::These(hear.map(|(name, _)| name.clone()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(caller: Caller, hears: bool) -> Result<Identified, CallerError> {
        Ok(Identified { caller, process: 1, hears })
    }

    fn app(hears: bool) -> Result<Identified, CallerError> {
        found(Caller::Sandboxed("org.foo.App".to_owned()), hears)
    }

    fn these(names: &[&str]) -> Audience {
        Audience::These(names.iter().map(|&name| name.to_owned()).collect())
    }

    #[test]
    fn nothing_is_broadcast_while_a_sandboxed_or_unknown_one_may_hear_it() {
        let mut hearers = Hearers::default();
        for name in [":1.1", ":1.2"] {
            assert!(hearers.came(name));
        }
        hearers.looked(":1.1", &found(Caller::Host, true));
        assert!(hearers.is_looking());
        assert_eq!(hearers.audience(None), these(&[":1.1"]));
        hearers.looked(":1.2", &app(true));
        assert!(!hearers.is_looking());
        assert_eq!(hearers.audience(None), these(&[":1.1"]));
        assert_eq!(hearers.audience(Some("org.foo.Other")), these(&[":1.1"]));
        let Audience::These(mut own) = hearers.audience(Some("org.foo.App")) else { panic!() };
        own.sort();
        assert_eq!(own, [":1.1", ":1.2"]);
        hearers.gone(":1.2");
        assert_eq!(hearers.audience(None), Audience::All);
    }

    #[test]
    fn one_that_cannot_hear_changes_nothing_until_it_speaks() {
        let mut hearers = Hearers::default();
        hearers.came(":1.1");
        hearers.looked(":1.1", &app(false));
        assert_eq!(hearers.audience(None), Audience::All);
        hearers.spoke(":1.1", "org.foo.App");
        assert_eq!(hearers.audience(None), these(&[]));
    }

    #[test]
    fn one_that_goes_while_it_is_looked_at_is_forgotten() {
        let mut hearers = Hearers::default();
        hearers.came(":1.1");
        hearers.gone(":1.1");
        hearers.looked(":1.1", &app(true));
        assert!(!hearers.is_looking());
        assert_eq!(hearers.audience(None), Audience::All);
        hearers.came(":1.2");
        hearers.looked(":1.2", &Err(CallerError::Gone));
        assert!(!hearers.is_looking());
    }

    #[test]
    fn one_that_names_no_app_is_told_nothing() {
        let mut hearers = Hearers::default();
        hearers.came(":1.1");
        hearers.looked(":1.1", &Err(CallerError::Info));
        assert_eq!(hearers.audience(None), these(&[]));
    }
}
