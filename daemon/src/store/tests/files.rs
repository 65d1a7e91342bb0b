//! Files that are new, damaged, too new, full, or left behind by a crash.

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt as _, path::Path};

use rusqlite::Connection;

use super::Fixture;
use crate::store::{
    Block, Contact, ContactHandle, ContactId, Direction, Handle, HistoryFilter, HistoryRow, Micros,
    Outcome, Peer, PeerState, Secret, Store, StoreError, StoreHandle, StoreWarning, marks, schema,
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

/// Everything that a file of some version can hold, put there through what it is today.
fn full() -> (Fixture, ContactId) {
    let mut fixture = Fixture::new();
    let store = &mut fixture.store;
    let sounds = BTreeMap::from([("ann".to_owned(), vec!["AE N".to_owned()])]);
    let contact = Contact {
        name: "Ann".to_owned(),
        aliases: vec!["Annie".to_owned()],
        handles: vec![ContactHandle {
            handle: Handle::new("tel", "+49301"),
            label: "home".to_owned(),
        }],
        favourite: true,
        notes: "a note".to_owned(),
        sounds,
        ..Contact::default()
    };
    let id = store.put_contact(&contact).expect("a contact");
    let peer = Peer {
        contact: id.clone(),
        identity: [1; 32],
        secret: Secret::new([3; 32]),
        state: PeerState::Joined,
        expires_at: Micros(77),
        devices: vec![1, 2, 3],
        hints: vec!["192.0.2.1:24690".to_owned()],
        verified: true,
    };
    store.put_peer(&peer).expect("a peer");
    let block = Block { scheme: "tel".into(), pattern: "+49900".into(), why: "noise".into() };
    store.block(&block).expect("a block");
    for call in ["first", "second"] {
        let over = HistoryRow {
            outcome: Outcome::Missed,
            ended_at: Micros(30),
            ..ongoing(call, Direction::Incoming, 0)
        };
        store.record(&over).expect("a call");
    }
    store.note_call_id(&[9; 16], Micros(50)).expect("a call id");
    (fixture, id)
}

/// A file as `version` made it, with what it can hold of another.
fn made_by(version: u32, of: &Path, into: &Path) {
    let mut old = Connection::open(into).expect("a file");
    marks::install(&old).expect("installed");
    schema::migrate_to(&mut old, version).expect("its schema");
    old.execute("ATTACH ?1 AS now", [of.to_str().expect("a path")]).expect("attached");
    let names = |sql: &str| -> Vec<String> {
        let mut query = old.prepare(sql).expect("a query");
        let rows = query.query_map([], |row| row.get(0)).expect("rows");
        rows.map(|name| name.expect("a name")).collect()
    };
    // The index is filled by what fills it; its shadow tables are nobody's to write.
    let tables = "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT LIKE \
        'sqlite%' AND name NOT LIKE 'history_marks%'";
    for table in names(tables) {
        let columns = names(&format!("SELECT name FROM pragma_table_info('{table}')")).join(", ");
        let copy = format!(
            "PRAGMA foreign_keys = OFF; INSERT INTO main.{table} ({columns}) \
             SELECT {columns} FROM now.{table}"
        );
        old.execute_batch(&copy).expect("copied");
    }
}

#[test]
fn a_database_of_every_version_there_was_is_read_as_it_was_written() {
    let (fixture, id) = full();
    let now = &fixture.store;
    let history =
        |store: &Store| store.history(&HistoryFilter::default(), 10, None).expect("a page").rows;
    for version in 1..schema::VERSION {
        let path = fixture.directory.path().join(format!("version-{version}.db"));
        made_by(version, &fixture.path(), &path);
        let opened = Store::open(&path, Micros(60)).expect("an upgrade");
        assert!(opened.warnings.is_empty(), "version {version}: {:?}", opened.warnings);
        let (mut store, contact) =
            (opened.store, |store: &Store| store.contact(&id).expect("read"));
        let mut known = contact(now).expect("Ann");
        if version < 4 {
            known.sounds.clear();
        }
        assert_eq!(contact(&store), Some(known), "version {version}");
        let (peer, known) = (store.peer(&id), now.peer(&id));
        let (peer, known) = (peer.expect("read").expect("one"), known.expect("read").expect("one"));
        assert_eq!((peer.identity, peer.devices), (known.identity, known.devices));
        assert!(peer.secret == known.secret && peer.hints == known.hints);
        assert_eq!(peer.verified, version >= 3, "who was not compared then is not now");
        assert_eq!(store.blocks().expect("read"), now.blocks().expect("read"));
        assert_eq!(history(&store), history(now), "version {version}");
        assert!(!store.note_call_id(&[9; 16], Micros(60)).expect("read"), "it was used");
        let found = HistoryFilter { text: Some("bob".into()), ..HistoryFilter::default() };
        assert_eq!(store.history(&found, 10, None).expect("a page").rows.len(), 2, "searched");
        store.record(&ongoing("new", Direction::Outgoing, 0)).expect("written");
    }
}
