//! Files that are new, damaged, too new, full, or left behind by a crash.

use std::{fs, os::unix::fs::PermissionsExt as _};

use super::Fixture;
use crate::store::{
    Contact, Direction, Handle, HistoryFilter, HistoryRow, Micros, Outcome, Store, StoreError,
    StoreHandle, StoreWarning,
};

fn ongoing(call: &str, direction: Direction, connected_at: i64) -> HistoryRow {
    HistoryRow {
        id: None,
        call: call.to_owned(),
        provider: "ahoy".to_owned(),
        app_id: String::new(),
        remote: Handle::new("ahoy", "ybndrfg8"),
        name: "Bob".to_owned(),
        contact: None,
        direction,
        video: false,
        started_at: Micros(10),
        connected_at: Micros(connected_at),
        ended_at: Micros(0),
        outcome: Outcome::Ongoing,
        end_reason: String::new(),
        seen: false,
    }
}

fn named(name: &str) -> Contact {
    Contact { name: name.to_owned(), ..Contact::default() }
}

#[test]
fn the_files_are_for_their_owner_only() {
    let mut fixture = Fixture::new();
    fixture.store.put_contact(&named("Alice")).expect("put");
    let mut files = 0;
    for entry in fs::read_dir(fixture.directory.path()).expect("list") {
        let metadata = entry.expect("entry").metadata().expect("metadata");
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
        files += 1;
    }
    assert!(files >= 2, "the database and its write-ahead log");
}

#[test]
fn what_was_written_is_there_after_reopening() {
    let mut fixture = Fixture::new();
    let id = fixture.store.put_contact(&named("Alice")).expect("put");
    let path = fixture.path();
    drop(fixture.store);
    let opened = Store::open(&path, Micros(5)).expect("open");
    assert!(opened.warnings.is_empty());
    assert!(opened.store.contact(&id).expect("read").is_some());
}

#[test]
fn calls_left_on_by_a_crash_are_closed_and_counted() {
    let mut fixture = Fixture::new();
    for (call, direction, connected_at) in [
        ("rang", Direction::Incoming, 0),
        ("dialled", Direction::Outgoing, 0),
        ("talked", Direction::Outgoing, 20),
    ] {
        fixture.store.record(&ongoing(call, direction, connected_at)).expect("record");
    }
    let path = fixture.path();
    drop(fixture.store);
    let opened = Store::open(&path, Micros(99)).expect("open");
    assert_eq!(opened.warnings, [StoreWarning::ClosedOngoing { calls: 3 }]);
    let page = opened.store.history(&HistoryFilter::default(), 10, None).expect("page");
    for (row, outcome) in
        page.rows.iter().zip([Outcome::Failed, Outcome::Cancelled, Outcome::Missed])
    {
        assert_eq!((row.outcome, row.ended_at), (outcome, Micros(99)));
        assert_eq!(row.end_reason, "failed");
    }
}

#[test]
fn a_damaged_database_is_set_aside_and_a_fresh_one_begun() {
    for damage in ["not a database at all, but long enough to have a header ".repeat(40), {
        let mut torn = String::from("SQLite format 3\0");
        torn.push_str(&"x".repeat(8192));
        torn
    }] {
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join("ahoy.db");
        fs::write(&path, &damage).expect("write");
        let mut opened = Store::open(&path, Micros(77)).expect("a fresh store");
        let kept = directory.path().join("ahoy.db.corrupt-77");
        let [StoreWarning::SetAside { kept: told, .. }] = &opened.warnings[..] else {
            panic!("{:?}", opened.warnings);
        };
        assert_eq!(told, &kept);
        assert_eq!(fs::read(&kept).expect("kept"), damage.as_bytes());
        opened.store.put_contact(&named("Alice")).expect("works");
    }
}

#[test]
fn a_torn_page_inside_a_real_database_is_found_at_the_start() {
    let mut fixture = Fixture::new();
    for number in 0..200 {
        fixture.store.put_contact(&named(&format!("Person {number}"))).expect("put");
    }
    let path = fixture.path();
    drop(fixture.store);
    let mut bytes = fs::read(&path).expect("read");
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 4096].fill(0xaa);
    fs::write(&path, bytes).expect("write");
    let opened = Store::open(&path, Micros(78)).expect("a fresh store");
    assert!(matches!(&opened.warnings[..], [StoreWarning::SetAside { .. }]));
}

#[test]
fn a_database_of_a_newer_version_is_never_touched() {
    let fixture = Fixture::new();
    let path = fixture.path();
    fixture.store.db.pragma_update(None, "user_version", 9).expect("update");
    drop(fixture.store);
    let before = fs::read(&path).expect("read");
    let error = Store::open(&path, Micros(5)).map(drop).expect_err("refused");
    let text = error.to_string();
    assert!(text.contains("schema 9") && text.contains("up to 4"), "{text}");
    assert!(matches!(error, StoreError::Newer { found: 9, known: 4, .. }));
    assert_eq!(fs::read(&path).expect("read"), before);
}

#[test]
fn a_full_disk_is_told_loses_nothing_and_is_over_when_there_is_room() {
    let mut fixture = Fixture::new();
    let kept = fixture.store.put_contact(&named("Alice")).expect("put");
    let pages: i64 =
        fixture.store.db.pragma_query_value(None, "page_count", |row| row.get(0)).expect("count");
    fixture.store.db.pragma_update(None, "max_page_count", pages).expect("limit");
    let mut large = named("Bob");
    large.notes = "x".repeat(100_000);
    let error = fixture.store.put_contact(&large).expect_err("full");
    assert!(matches!(error, StoreError::Full), "{error}");
    let there = fixture.store.search_contacts("", 10).expect("read");
    assert_eq!(there.len(), 1);
    assert_eq!(there[0].id, Some(kept));
    fixture.store.db.pragma_update(None, "max_page_count", 100_000).expect("limit");
    fixture.store.put_contact(&large).expect("room again");
}

#[test]
fn a_directory_that_is_not_there_is_named() {
    let error = Store::open("/nonexistent/ahoy.db".as_ref(), Micros(1)).map(drop).expect_err("no");
    assert!(error.to_string().contains("/nonexistent/ahoy.db"), "{error}");
}

#[tokio::test]
async fn the_handle_works_in_order_and_finishes_what_is_queued() {
    let fixture = Fixture::new();
    let path = fixture.path();
    let (handle, thread) = StoreHandle::start(fixture.store).expect("start");
    let mut waiting = Vec::new();
    for number in 0..20 {
        let handle = handle.clone();
        waiting.push(tokio::spawn(async move {
            handle.run(move |store| store.put_contact(&named(&format!("P{number}")))).await
        }));
    }
    for one in waiting {
        one.await.expect("task").expect("put");
    }
    handle.stop().await;
    thread.join().expect("ended");
    let late = handle.run(|store| store.unseen()).await;
    assert!(matches!(late, Err(StoreError::Stopped)));
    let opened = Store::open(&path, Micros(5)).expect("open");
    assert_eq!(opened.store.search_contacts("", 100).expect("read").len(), 20);
}
