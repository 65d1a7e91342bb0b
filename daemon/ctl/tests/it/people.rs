//! Recents, contacts, favourites, invites.

use serde_json::json;

use crate::{harness::Session, service::dict};

fn row(nr: u64, outcome: &str) -> crate::service::Dict {
    dict([
        ("id", format!("h{nr}").into()),
        ("name", format!("Person {nr}").into()),
        ("outcome", outcome.into()),
        ("direction", "incoming".into()),
        ("started-at", 1_793_500_000_000_000u64.into()),
        ("seen", false.into()),
    ])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recents_pages_to_the_limit_and_marks_what_was_shown() {
    let session = Session::new().await;
    session.service.world.lock().unwrap().history = (0..1200).map(|n| row(n, "missed")).collect();
    let run = session.ctl(&["recents", "--limit", "1100", "--json"]).await;
    assert_eq!(run.json().as_array().unwrap().len(), 1100);
    let asked = session.service.asked();
    assert_eq!(asked, ["Query [] 500 \"\"", "Query [] 500 \"500\"", "Query [] 100 \"1000\""]);
    let run =
        session.ctl(&["recents", "--missed", "--since", "1d", "--limit", "1", "--seen"]).await;
    assert!(run.ok().contains("2026-11-01 02:26  Person 0  missed"), "{run:?}");
    let asked = session.service.asked();
    assert_eq!(asked, ["Query [\"after\", \"outcome\"] 1 \"\"", "MarkSeen [\"h0\"]"]);
    assert_eq!(session.ctl(&["recents", "--since", "soon"]).await.code, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn adding_to_a_person_keeps_everything_that_is_there() {
    let session = Session::new().await;
    session.ctl(&["contacts", "add", "Bob", "home=+49301", "--alias", "Bobby"]).await.ok();
    {
        let mut world = session.service.world.lock().unwrap();
        world.contacts[0].extend(dict([("x-future", 7u32.into())]));
    }
    let run = session.ctl(&["contacts", "add", "bob", "sip:bob@example.org", "--json"]).await;
    assert_eq!(run.json(), json!({"id": "c1", "name": "bob", "added": false}));
    let shown = session.ctl(&["contacts", "show", "bob", "--json"]).await.json();
    assert_eq!(shown["name"], "Bob");
    assert_eq!(shown["x-future"], 7);
    assert_eq!(
        shown["handles"],
        json!([["tel", "+49301", "home"], ["sip", "bob@example.org", ""]])
    );
    assert_eq!(shown["aliases"], json!(["Bobby"]));
    let list = session.ctl(&["contacts", "list"]).await;
    assert!(list.ok().contains("Bob   tel:+49301 (home), sip:bob@example.org"), "{list:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn removing_needs_the_whole_name() {
    let session = Session::new().await;
    session.ctl(&["contacts", "add", "Alice Smith", "+49301"]).await.ok();
    session.service.asked();
    let run = session.ctl(&["contacts", "remove", "alice"]).await;
    assert_eq!(run.code, 1);
    assert!(run.err.contains("contacts remove \"Alice Smith\""), "{run:?}");
    assert!(session.service.asked().is_empty());
    session.ctl(&["contacts", "remove", "alice smith"]).await.ok();
    assert_eq!(session.service.asked(), ["Remove c1"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn vcards_go_in_as_a_descriptor_and_come_out_as_text() {
    let session = Session::new().await;
    let file = session.dir.0.join("in.vcf");
    std::fs::write(&file, "BEGIN:VCARD").unwrap();
    let run = session.ctl(&["contacts", "import", file.to_str().unwrap()]).await;
    assert_eq!(run.ok(), "Imported: 2 added, 1 skipped.\n");
    assert_eq!(session.service.asked(), ["Import vcard \"BEGIN:VCARD\""]);
    assert_eq!(session.ctl(&["contacts", "import", "/nowhere"]).await.code, 1);
    session.ctl(&["contacts", "add", "Bob", "+49301"]).await.ok();
    let run = session.ctl(&["contacts", "export"]).await;
    assert!(run.ok().contains("FN:Bob\r\nTEL:+49301\r\n"), "{run:?}");
    let out = session.dir.0.join("out.vcf");
    session.ctl(&["contacts", "export", out.to_str().unwrap()]).await.ok();
    assert!(std::fs::read_to_string(&out).unwrap().starts_with("BEGIN:VCARD\r\n"));
    let again = session.ctl(&["contacts", "export", out.to_str().unwrap()]).await;
    assert_eq!(again.code, 1, "an existing file is kept");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_contacts_are_exported_and_listed_however_many_they_are() {
    let session = Session::new().await;
    let people = (0..1200).map(|nr| {
        let (id, name) = (format!("c{nr}"), format!("Person {nr}"));
        dict([("id", id.into()), ("name", name.into()), ("pending", false.into())])
    });
    session.service.world.lock().unwrap().contacts.extend(people);
    let run = session.ctl(&["contacts", "export"]).await;
    for nr in 0..1200 {
        assert!(run.ok().contains(&format!("FN:Person {nr}\r\n")), "{nr}");
    }
    assert_eq!(run.ok().matches("BEGIN:VCARD").count(), 1200);
    let list = session.ctl(&["contacts", "list", "--json"]).await.json();
    assert_eq!(list.as_array().unwrap().len(), 1200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn favourites_are_numbered_and_remember_video() {
    let session = Session::new().await;
    session.ctl(&["contacts", "add", "Bob", "+49301"]).await.ok();
    session.service.asked();
    session.ctl(&["favourites", "add", "bob", "--video"]).await.ok();
    assert_eq!(session.service.asked()[0], "SetFavourite c1 true");
    assert_eq!(session.ctl(&["favourites"]).await.ok(), " 1  Bob  (video)\n");
    session.ctl(&["favourites", "remove", "bob"]).await.ok();
    assert!(session.service.asked().contains(&"SetFavourite c1 false".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invite_is_a_qr_code_and_a_line_to_copy() {
    let session = Session::new().await;
    let run = session.ctl(&["invite", "--name", "Alice", "--expires", "1d"]).await;
    let link = format!("ahoy:{}", "x".repeat(345));
    assert!(run.ok().lines().any(|line| line == link), "{run:?}");
    assert!(run.out.contains('▄') && run.out.lines().count() > 30);
    assert_eq!(session.service.asked(), ["Invite \"Alice\" 1.0d true"]);
    let run = session.ctl(&["invite", "--no-qr"]).await;
    assert_eq!(run.ok(), format!("{link}\n"));
    assert_eq!(session.service.asked(), ["Invite \"\" 7.0d true"]);
    assert_eq!(session.ctl(&["invite", "--expires", "never"]).await.code, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accept_takes_only_an_invite() {
    let session = Session::new().await;
    let run = session.ctl(&["accept", "AHOY:abc", "--name", "Bob", "--json"]).await;
    assert_eq!(run.json()["contact_id"], "c7");
    assert_eq!(session.service.asked(), ["Accept AHOY:abc \"Bob\""]);
    assert_eq!(session.ctl(&["accept", "https://example.org"]).await.code, 2);
    assert!(session.service.asked().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_book_that_one_answer_cannot_hold_is_never_exported_in_part() {
    let session = Session::new().await;
    let person =
        |nr: u32| dict([("id", format!("c{nr}").into()), ("name", format!("P{nr}").into())]);
    session.service.world.lock().unwrap().contacts = (0..501).map(person).collect();
    // Between the first page and the second.
    session.service.world.lock().unwrap().locks_at = Some(500);
    let run = session.ctl(&["--json", "contacts", "export"]).await;
    assert_eq!((run.code, &run.error()["name"]), (1, &json!("SessionLocked")));
    assert_eq!(run.out, "");
    let file = session.dir.0.join("part.vcf");
    let run = session.ctl(&["contacts", "export", file.to_str().unwrap()]).await;
    assert_eq!(run.code, 1);
    assert!(!file.exists());
}
