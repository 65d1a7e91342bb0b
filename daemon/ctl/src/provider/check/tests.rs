//! The book: each rule, without a bus.

use std::collections::BTreeMap;

use super::{
    book::{Answer, Book, call_path},
    said::{Options, Said},
    verdict::Check,
};

const ME: &str = ":1.1";
const ONE: &str = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";

fn registered() -> Book {
    let mut book = Book::default();
    let options = Options::default();
    let said = Said::Register { id: "org.example.A".into(), object: "/app".into(), options };
    assert!(matches!(book.handle(ME, said), Answer::Path(_)));
    book
}

fn ringing() -> Said {
    Said::Incoming {
        uuid: ONE.into(),
        options: Options { remote: Some("tel".into()), ..Options::default() },
    }
}

fn flags(key: &str, on: bool) -> Options {
    Options { flags: BTreeMap::from([(key.to_owned(), on)]), ..Options::default() }
}

fn breaches(book: &Book) -> Vec<Check> {
    book.breaches.iter().map(|(check, _)| *check).collect()
}

fn call() -> String {
    call_path(ONE)
}

#[test]
fn a_call_rings_and_goes_only_forward() {
    let mut book = registered();
    assert_eq!(book.handle(ME, ringing()), Answer::Incoming(call(), "ring"));
    let say = |state: &str| Said::State { call: call(), state: state.into() };
    assert!(matches!(book.handle(ME, say("dialing")), Answer::Refused("InvalidState", _)));
    assert_eq!(book.handle(ME, say("active")), Answer::Nothing);
    assert!(matches!(book.handle(ME, say("talking")), Answer::Refused("InvalidArgument", _)));
    assert_eq!(breaches(&book), [Check::Reports, Check::Reports]);
}

#[test]
fn a_uuid_serves_one_call() {
    let mut book = registered();
    book.handle(ME, ringing());
    assert!(matches!(book.handle(ME, ringing()), Answer::Refused("UuidExists", _)));
    assert_eq!(breaches(&book), [Check::FreshIds]);
}

#[test]
fn a_report_before_the_reply_is_noticed_and_one_after_it_is_not() {
    let mut book = registered();
    book.handle(ME, ringing());
    book.asked(7, &call(), "answer", None);
    book.replied(7, true);
    book.asked(8, &call(), "set-held", Some(true));
    let update = || Said::Update { call: call(), options: flags("held", true) };
    book.handle(ME, update());
    book.replied(8, true);
    book.handle(ME, update());
    assert_eq!(breaches(&book), [Check::RepliesFirst]);
    let other = Said::Update { call: call(), options: flags("held", false) };
    book.handle(ME, other);
    assert_eq!(breaches(&book), [Check::RepliesFirst, Check::ReportsAgree]);
}

#[test]
fn after_the_end_nothing_is_to_be_said() {
    let mut book = registered();
    book.handle(ME, ringing());
    book.asked(7, &call(), "end", None);
    book.replied(7, true);
    let said = Said::Ended { call: call(), reason: "remote-hangup".into() };
    assert!(matches!(book.handle(ME, said), Answer::Refused("InvalidState", _)));
    assert_eq!(breaches(&book), [Check::AfterTheEnd]);
}

#[test]
fn what_was_forgotten_may_be_spoken_of_and_taken_up() {
    let mut book = registered();
    book.handle(ME, ringing());
    book.forget();
    book.handle(ME, Said::Update { call: call(), options: Options::default() });
    let Said::Incoming { uuid, mut options } = ringing() else { return };
    options.texts.insert("state".into(), "active".into());
    assert_eq!(
        book.handle(ME, Said::Incoming { uuid, options }),
        Answer::Incoming(call(), "silent")
    );
    assert!(book.breaches.is_empty() && book.resumed.contains(&call()));
}

#[test]
fn only_the_connection_that_registered_reports() {
    let mut book = registered();
    assert!(matches!(book.handle(":1.2", ringing()), Answer::Refused("NotAuthorized", _)));
    assert_eq!(breaches(&book), [Check::Reports]);
}
