//! Invites that are good, bad, late or for somebody else.
//!
//! Owns: meeting by invite. Invariant: a refused invite changes nobody's contacts.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ahoy_trial::{
    Person, Result, Setup,
    bus::{Options, word},
    until,
};

use crate::scene::on_silent_stage;

/// Takes an invite up without waiting for the other side.
fn accept(person: &Person<'_>, invite: &str) -> Result<String> {
    person.bus.call("Identity", "Accept", &(invite, Options::new()))
}

/// The refusal, as people read it.
fn refusal(person: &Person<'_>, invite: &str) -> String {
    accept(person, invite).expect_err("refused").to_string()
}

#[test]
fn damaged_own_foreign_and_expired_invites_are_refused_and_say_why() {
    on_silent_stage(|stage| {
        let alice = Person::start(stage, "Alice", Setup::BARE).expect("Alice");
        let bob = Person::start(stage, "Bob", Setup::BARE).expect("Bob");
        let invite = alice.invite().expect("an invite");
        let middle = invite.len() / 2;
        let other = if &invite[middle..=middle] == "y" { "b" } else { "y" };
        let damaged = format!("{}{other}{}", &invite[..middle], &invite[middle + 1..]);
        for bad in [&*damaged, &invite[..middle], "", "https://example.org/", "ahoy:"] {
            let why = refusal(&bob, bad);
            assert!(why.contains("InvalidArgument") && why.contains("invite"), "{bad:?}: {why}");
        }
        let own = refusal(&alice, &invite);
        assert!(own.contains("is your own"), "{own}");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock");
        let ends = u64::try_from((now + Duration::from_secs(2)).as_micros()).expect("a time");
        let options = Options::from([("expires-at", ends.into())]);
        let short: String = alice.bus.call("Identity", "Invite", &(options,)).expect("an invite");
        let expired = until("the expiry", || {
            // Before that it would be taken up: looking is no accepting.
            let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
            (now.as_secs() > ends / 1_000_000).then(|| refusal(&bob, &short))
        })
        .expect("it ends");
        assert!(expired.contains("has expired"), "{expired}");
        assert!(bob.contacts("").expect("contacts").is_empty(), "nobody was added");
        bob.accept(&invite).expect("the good one still works");
    });
}

#[test]
fn an_invite_serves_one_person_and_the_second_learns_that_it_is_used() {
    on_silent_stage(|stage| {
        let alice = Person::start(stage, "Alice", Setup::BARE).expect("Alice");
        let bob = Person::start(stage, "Bob", Setup::BARE).expect("Bob");
        let carol = Person::start(stage, "Carol", Setup::BARE).expect("Carol");
        let invite = alice.invite().expect("an invite");
        bob.accept(&invite).expect("the first meets her");
        let seen = carol.bus.seen();
        // The link itself is good: only Alice knows that it was used.
        accept(&carol, &invite).expect("well formed");
        let told = carol.bus.signal(seen, "a word about it", |signal| {
            let (text, _): (String, Vec<String>) =
                if signal.member == "Prompt" { signal.body()? } else { return None };
            Some(text)
        });
        let told = told.expect("she is told");
        assert!(told.contains("used already"), "{told}");
        assert!(carol.bus.signals(seen).iter().all(|signal| signal.member != "Joined"));
        let known = alice.contacts("Carol").expect("contacts");
        assert!(known.is_empty(), "{known:?}");
    });
}

#[test]
fn an_invite_taken_up_while_its_maker_is_away_joins_when_she_is_back() {
    on_silent_stage(|stage| {
        let mut alice = Person::start(stage, "Alice", Setup::BARE).expect("Alice");
        let bob = Person::start(stage, "Bob", Setup::BARE).expect("Bob");
        let invite = alice.invite().expect("an invite");
        alice.terminate().expect("she goes");
        let seen = bob.bus.seen();
        let contact = accept(&bob, &invite).expect("taken up");
        alice.restart().expect("she is back");
        bob.bus
            .signal(seen, "Joined", |signal| (signal.member == "Joined").then_some(()))
            .expect("they meet");
        let found = until("Bob among her contacts", || alice.contacts("Bob").ok()?.pop());
        assert_eq!(word(&found.expect("Bob"), "name"), "Bob");
        let call = bob.call(&contact, false).expect("a call");
        let rings = alice.rings().expect("it rings");
        alice.answer(&rings, false).expect("answered");
        bob.until_state(&call, "active").expect("active");
    });
}

#[test]
fn calling_somebody_who_is_no_contact_is_a_clear_error() {
    on_silent_stage(|stage| {
        let bob = Person::start(stage, "Bob", Setup::BARE).expect("Bob");
        let why = bob.call("no-such-contact", true).expect_err("refused").to_string();
        assert!(why.contains("UnknownContact") && why.contains("no such contact"), "{why}");
        assert!(bob.recents().expect("a log").is_empty(), "nothing was dialled");
        let why = bob.ahoyctl(&["call", "Nobody"]).expect_err("refused").to_string();
        assert!(why.contains("Nobody"), "it names who: {why}");
    });
}
