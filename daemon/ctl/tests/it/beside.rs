//! Commands on calls beside each other, on who gets through, on where calls are heard, on apps.

use serde_json::json;

use crate::{
    harness::Session,
    service::{Call, Captions, ROOT, dict},
    surroundings::Provider,
};

async fn held(session: &Session, id: &str, name: &str) -> String {
    let mut call = Call::new(&session.service.world, id, name, "outgoing", "active");
    call.held = true;
    session.service.add_call(call).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_calls_are_swapped_merged_split_and_handed_over() {
    let session = Session::new().await;
    session.service.active("a1", "Alice").await;
    let bob = held(&session, "b2", "Bob").await;
    let run = session.ctl(&["swap"]).await;
    assert_eq!(run.ok(), "You talk to Bob; Alice is on hold.\n");
    let run = session.ctl(&["merge"]).await;
    assert_eq!(run.ok(), "Alice and Bob are in one call with you.\n");
    session.ctl(&["merge", "alice", "--call", "bob"]).await.ok();
    session.ctl(&["split", "bob"]).await.ok();
    let run = session.ctl(&["--json", "transfer", "+49 30 7", "--call", "bob"]).await;
    assert_eq!(run.json(), json!({"done": true, "action": "Transfer", "call": bob}));
    let expected = [
        "SetHeld false b2".to_owned(),
        format!("Merge {ROOT}/call/b2 a1"),
        format!("Merge {ROOT}/call/a1 b2"),
        "Split b2".to_owned(),
        "Transfer tel:+49307 b2".to_owned(),
    ];
    assert_eq!(session.service.asked(), expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_call_missing_nothing_is_swapped_or_merged() {
    let session = Session::new().await;
    session.service.active("a1", "Alice").await;
    for args in [&["swap"][..], &["merge"], &["swap", "alice"], &["merge", "alice"]] {
        let run = session.ctl(&[&["--json"], args].concat()).await;
        assert_eq!((run.code, &run.error()["name"]), (1, &json!("InvalidState")), "{args:?}");
    }
    let session = Session::new().await;
    held(&session, "b2", "Bob").await;
    let run = session.ctl(&["swap"]).await;
    assert!(run.err.contains("no other call is on") && run.err.contains("resume"), "{run:?}");
    assert!(session.service.asked().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn camera_hearing_screen_and_buttons_reach_the_daemon() {
    let session = Session::new().await;
    session.service.active("a1", "Alice").await;
    let commands: [(&[&str], &str); 7] = [
        (&["switch-camera"], "SwitchCamera \"\" a1"),
        (&["switch-camera", "Front", "--call", "alice"], "SwitchCamera \"Front\" a1"),
        (&["deafen", "on"], "SetLocalSilence true a1"),
        (&["deafen", "off", "alice"], "SetLocalSilence false a1"),
        (&["share", "on"], "SetScreenShare true a1"),
        (&["press"], "PressPrimary"),
        (&["press", "secondary"], "PressSecondary"),
    ];
    for (args, expected) in commands {
        session.ctl(args).await.ok();
        assert_eq!(session.service.asked(), [expected], "{args:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn text_goes_to_the_call_that_carries_it_and_one_that_does_not_is_named() {
    let session = Session::new().await;
    session.service.active("a1", "Alice").await;
    let run = session.ctl(&["text", "hello"]).await;
    assert_eq!(run.code, 1);
    assert!(run.err.contains("Alice carries no text"), "{run:?}");
    session.service.writing("b2", "Bob").await;
    let run = session.ctl(&["text", "I am late", "--call", "bob"]).await;
    assert_eq!(run.ok(), "Sent to Bob.\n");
    assert_eq!(session.service.asked(), ["Send \"I am late\" b2"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn captions_are_for_calls_that_have_them_and_are_watched_as_they_come() {
    let session = Session::new().await;
    session.service.active("a1", "Alice").await;
    let run = session.ctl(&["captions", "on"]).await;
    assert_eq!(run.code, 1);
    assert!(run.err.contains("no captions of the call with Alice"), "{run:?}");
    let path = session.service.captioned("b2", "Bob").await;
    let run = session.ctl(&["captions", "on", "--call", "bob"]).await;
    assert_eq!(run.ok(), "The words of Bob are written along.\n");
    session.ctl(&["captions", "off", "--call", "bob"]).await.ok();
    assert_eq!(session.service.asked(), ["SetEnabled true b2", "SetEnabled false b2"]);
    let mut watch = session.follow(&["watch"]);
    for _ in ["status", "a1", "b2"] {
        watch.json().await;
    }
    let emitter = session.service.emitter(&path);
    Captions::caption(&emitter, "i am late", false).await.unwrap();
    let expected = json!({"event": "caption", "path": path, "text": "i am late", "final": false});
    assert_eq!(watch.json().await, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn do_not_disturb_is_shown_and_set_for_a_time() {
    let session = Session::new().await;
    assert_eq!(session.ctl(&["dnd"]).await.ok(), "Do Not Disturb: off\n");
    session.ctl(&["dnd", "favourites"]).await.ok();
    assert_eq!(session.service.asked(), ["SetDoNotDisturb favourites 0.0h"]);
    let run = session.ctl(&["dnd", "on", "--for", "2h"]).await;
    assert!(run.ok().starts_with("Do Not Disturb: on until 20"), "{run:?}");
    assert_eq!(session.service.asked(), ["SetDoNotDisturb on 2.0h"]);
    for args in [&["dnd", "maybe"][..], &["dnd", "on", "--for", "2"], &["dnd", "--for", "2h"]] {
        assert_eq!(session.ctl(args).await.code, 2, "{args:?}");
    }
    assert!(session.service.asked().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_addresses_and_contacts_are_blocked_and_let_through_again() {
    let session = Session::new().await;
    assert_eq!(session.ctl(&["blocked"]).await.ok(), "Nobody is blocked.\n");
    let handles = vec![("tel", "+49301", "home"), ("sip", "bob@example.org", "")];
    let bob = [("id", "c1".into()), ("name", "Bob".into()), ("handles", handles.into())];
    session.service.world.lock().unwrap().contacts.push(dict(bob));
    session.ctl(&["block", "tel:+49 90*", "--why", "sells things"]).await.ok();
    assert_eq!(session.ctl(&["block", "bob"]).await.ok(), "Blocked Bob.\n");
    let rows = session.ctl(&["blocked", "--json"]).await.json();
    assert_eq!(rows[0], json!({"scheme": "tel", "pattern": "+4990*", "why": "sells things"}));
    assert_eq!(rows.as_array().unwrap().len(), 3);
    assert!(session.ctl(&["blocked"]).await.ok().contains("tel:+4990*  "), "a table for people");
    session.ctl(&["unblock", "tel:+4990*"]).await.ok();
    session.ctl(&["unblock", "bob"]).await.ok();
    assert_eq!(session.ctl(&["blocked", "--json"]).await.json(), json!([]));
    let expected = [
        "Block tel:+4990* \"sells things\"",
        "Block tel:+49301 \"\"",
        "Block sip:bob@example.org \"\"",
        "Unblock tel:+4990*",
        "Unblock tel:+49301",
        "Unblock sip:bob@example.org",
    ];
    assert_eq!(session.service.asked(), expected);
    let nobody = session.ctl(&["block", "zoe", "--json"]).await;
    assert_eq!((nobody.code, &nobody.error()["name"]), (1, &json!("UnknownContact")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn policies_and_directories_reach_the_daemon_as_typed() {
    let session = Session::new().await;
    let policy = ["filter", "policy", "--unknown", "silent", "--repeated", "on", "--json"];
    assert_eq!(session.ctl(&policy).await.json(), json!({"unknown": "silent", "repeated": true}));
    assert_eq!(session.ctl(&["filter", "policy"]).await.code, 2, "nothing to set");
    let file = session.dir.0.join("numbers.csv");
    std::fs::write(&file, "tel,+49301,Town hall,0\n").unwrap();
    session.ctl(&["filter", "directory", "city", file.to_str().unwrap()]).await.ok();
    session.ctl(&["filter", "forget-directory", "city"]).await.ok();
    assert_eq!(session.ctl(&["filter", "directory", "city", "/nowhere.csv"]).await.code, 1);
    let expected = [
        "SetPolicy repeated=true unknown=\"silent\"",
        "AddDirectory city \"tel,+49301,Town hall,0\\n\"",
        "AddDirectory city \"\"",
    ];
    assert_eq!(session.service.asked(), expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_is_chosen_by_id_kind_or_name_and_never_guessed() {
    let session = Session::new().await;
    session.service.active("a1", "Alice").await;
    let rows = session.ctl(&["endpoints", "list", "--json"]).await.json();
    assert_eq!((&rows[0]["current"], &rows[2]["available"]), (&json!(true), &json!(false)));
    assert!(session.ctl(&["endpoints", "list"]).await.ok().contains("in use"));
    session.ctl(&["endpoints", "use", "speaker"]).await.ok();
    session.ctl(&["endpoints", "use", "red"]).await.ok();
    session.ctl(&["endpoints", "use", "auto"]).await.ok();
    session.ctl(&["endpoints", "use", "bt.2", "--call", "alice"]).await.ok();
    let expected = [
        "SetPreferred \"alsa.1\"",
        "SetPreferred \"bt.1\"",
        "SetPreferred \"\"",
        "SetEndpoint \"bt.2\" a1",
    ];
    assert_eq!(session.service.asked(), expected);
    let run = session.ctl(&["endpoints", "use", "headset"]).await;
    assert!(run.err.contains("bt.1, bt.2"), "{run:?}");
    assert_eq!(session.ctl(&["endpoints", "use", "tin can"]).await.code, 1);
    assert!(session.service.asked().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn apps_are_listed_with_their_ids_and_what_they_call() {
    let session = Session::new().await;
    let none = session.ctl(&["provider", "list"]).await;
    assert!(none.ok().starts_with("No calling app"), "{none:?}");
    let path = format!("{ROOT}/provider/org_2eexample_2ePhone");
    session.service.connection.object_server().at(path.as_str(), Provider).await.unwrap();
    let rows = session.ctl(&["provider", "list", "--json"]).await.json();
    assert_eq!(rows, json!([{"id": "org.example.Phone", "path": path, "calls": 0}]));
    assert!(session.ctl(&["providers", "list"]).await.ok().contains("org.example.Phone  0"));
    assert_eq!(session.ctl(&["provider", "default", "tel"]).await.ok(), "org.example.Phone\n");
    let all = session.ctl(&["provider", "default", "--json"]).await.json();
    assert_eq!(all, json!({"tel": "org.example.Phone"}));
    let none = session.ctl(&["provider", "default", "sip", "--json"]).await;
    assert_eq!((none.code, &none.error()["name"]), (1, &json!("NoProviderForScheme")));
}
