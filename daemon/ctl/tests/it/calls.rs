//! Commands on calls reach the right call with the right arguments.

use serde_json::json;

use crate::{
    harness::Session,
    service::{Call, Manager, ROOT, Verification, dict},
};

fn alice(session: &Session) {
    let mut world = session.service.world.lock().unwrap();
    let handles = vec![("tel", "+49301", "home"), ("ahoy", "alicekey", "")];
    world.contacts.push(dict([
        ("id", "c1".into()),
        ("name", "Alice Smith".into()),
        ("handles", handles.into()),
    ]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn call_by_name_uses_the_encrypted_address_and_says_so() {
    let session = Session::new().await;
    alice(&session);
    let run = session.ctl(&["call", "alice", "--video"]).await;
    assert_eq!(run.ok(), "Calling Alice Smith, video. End it with: ahoyctl hangup\n");
    let expected =
        r#"StartCall "" [("ahoy", "alicekey")] video=true name="Alice Smith" contact="c1""#;
    assert_eq!(session.service.asked(), [expected]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn call_by_number_or_label_asks_no_search() {
    let session = Session::new().await;
    alice(&session);
    let run = session.ctl(&["--json", "call", "+49 30-55"]).await;
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(run.json()["remote"], json!(["tel", "+493055"]));
    assert_eq!(run.json()["call"], json!(format!("{ROOT}/call/new1")));
    session.service.remove_call(&format!("{ROOT}/call/new1")).await;
    session.service.asked();
    session.ctl(&["call", "alice", "--via", "home"]).await.ok();
    assert!(session.service.asked()[0].contains(r#"("tel", "+49301")"#));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_that_fit_are_listed_and_none_is_called() {
    let session = Session::new().await;
    alice(&session);
    let another = dict([("id", "c2".into()), ("name", "Alice Jones".into())]);
    session.service.world.lock().unwrap().contacts.push(another);
    let run = session.ctl(&["call", "alice"]).await;
    assert_eq!(run.code, 1);
    assert!(run.err.contains("Alice Smith") && run.err.contains("Alice Jones"), "{run:?}");
    assert!(session.service.asked().is_empty());
    let run = session.ctl(&["--json", "call", "zoe"]).await;
    assert_eq!((run.code, &run.error()["name"]), (1, &json!("UnknownContact")));
    assert!(run.error()["next"].as_str().unwrap().contains("contacts add"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_of_the_contract_becomes_a_sentence_with_a_next_step() {
    let session = Session::new().await;
    let run = session.ctl(&["call", "tel:112233", "--provider", "org.example.Gone"]).await;
    assert_eq!(run.code, 1);
    assert_eq!(
        run.err,
        "ahoyctl: no calling app of that name is registered: org.example.Gone\n  See the apps: \
         ahoyctl provider list; start the app, or leave out --provider.\n"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_command_takes_the_call_that_fits() {
    let session = Session::new().await;
    session.service.active("a1", "Alice").await;
    session.service.incoming("b2", "Bob").await;
    let commands: [(&[&str], &str); 9] = [
        (&["mute"], "SetMuted true a1"),
        (&["unmute"], "SetMuted false a1"),
        (&["hold"], "SetHeld true a1"),
        (&["dtmf", "12#a"], "SendDtmf 12#A a1"),
        (&["silence"], "SilenceRinger"),
        (&["silence", "bob"], "Silence b2"),
        (&["decline", "--message", "later"], "Decline \"later\" b2"),
        (&["answer", "--video"], "Answer video=true b2"),
        (&["hangup", "alice"], "HangUp a1"),
    ];
    for (args, expected) in commands {
        session.ctl(args).await.ok();
        assert_eq!(session.service.asked(), [expected], "{args:?}");
    }
    session.ctl(&["hangup", "--all"]).await.ok();
    assert_eq!(session.service.asked(), ["EndAll"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ready_made_reply_is_the_one_of_the_settings_and_one_that_is_missing_declines_nothing() {
    let session = Session::new().await;
    session.service.incoming("b2", "Bob").await;
    let replies = dict([("ring.replies", "I am late | On my way".into())]);
    session.service.world.lock().unwrap().settings.extend(replies);
    let run = session.ctl(&["decline", "--reply", "2"]).await;
    assert_eq!(run.ok(), "Declined Bob, with your message.\n");
    assert_eq!(session.service.asked(), ["Decline \"On my way\" b2"]);
    let run = session.ctl(&["decline", "--reply", "3"]).await;
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.err.contains("2 are ready") && run.err.contains("ring.replies"), "{run:?}");
    let run = session.ctl(&["decline", "--reply", "1", "--message", "x"]).await;
    assert_eq!(run.code, 2, "{run:?}");
    assert!(session.service.asked().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_was_not_sent_says_whether_the_call_is_gone() {
    let session = Session::new().await;
    session.service.incoming("b2", "Bob").await;
    let run = session.ctl(&["decline", "--message", "to nobody"]).await;
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.err.contains("is declined, but your message was not sent"), "{run:?}");
    let run = session.ctl(&["decline", "--message", "no text"]).await;
    assert!(run.err.contains("goes on ringing"), "{run:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resume_takes_the_held_call_and_refusals_are_told() {
    let session = Session::new().await;
    let mut held = Call::new(&session.service.world, "h3", "Carol", "outgoing", "active");
    held.held = true;
    held.can_hold = false;
    session.service.add_call(held).await;
    session.service.active("a1", "Alice").await;
    let run = session.ctl(&["--json", "resume"]).await;
    assert_eq!((run.code, &run.error()["name"]), (1, &json!("NotSupported")));
    assert_eq!(session.service.asked(), ["SetHeld false h3"]);
    let run = session.ctl(&["camera", "on"]).await;
    assert!(run.err.contains("the screen is locked"), "{run:?}");
    assert_eq!(session.service.asked(), ["SetVideo true a1"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_ringing_is_exit_code_one() {
    let session = Session::new().await;
    let run = session.ctl(&["answer"]).await;
    assert_eq!(run.code, 1);
    assert!(run.err.starts_with("ahoyctl: nothing is ringing\n"), "{run:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn status_shows_calls_for_people_and_scripts() {
    let session = Session::new().await;
    assert_eq!(session.ctl(&["status"]).await.ok(), "no call\n");
    session.service.active("a1", "Ali\u{1b}[2Jce").await;
    let run = session.ctl(&["status"]).await;
    assert!(run.ok().contains("→ Ali\u{fffd}[2Jce  active"), "{run:?}");
    let json = session.ctl(&["status", "--json"]).await.json();
    assert_eq!(json["manager"]["State"], "idle");
    assert_eq!(json["calls"][0]["Id"], "a1");
    assert_eq!(json["calls"][0]["Remote"], json!(["ahoy", "key-a1"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn status_follow_prints_again_when_something_changes_and_ends_with_the_daemon() {
    let session = Session::new().await;
    let mut follow = session.follow(&["status", "--follow", "--json"]);
    assert_eq!(follow.json().await["calls"], json!([]));
    session.service.incoming("b2", "Bob").await;
    assert_eq!(follow.json().await["calls"][0]["State"], "ringing");
    session.service.connection.release_name("org.ahoycall.Calls1").await.unwrap();
    assert_eq!(follow.code().await, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn watch_tells_a_call_from_its_beginning_to_its_end() {
    let session = Session::new().await;
    session.service.active("a1", "Alice").await;
    let mut watch = session.follow(&["watch"]);
    assert_eq!(watch.json().await["event"], "status");
    assert_eq!(watch.json().await["call"]["Id"], "a1");
    let bob = session.service.incoming("b2", "Bob").await;
    let added = watch.json().await;
    assert_eq!((&added["event"], &added["call"]["Id"]), (&json!("call-added"), &json!("b2")));
    session.ctl(&["answer"]).await.ok();
    assert_eq!(
        watch.json().await,
        json!({"event": "call-changed", "path": bob, "changed": {"State": "active"}})
    );
    let root = session.service.emitter(ROOT);
    let path = zbus::OwnedObjectPath::try_from(bob.as_str()).unwrap();
    Manager::action_finished(&root, 7, path, "answer", "done", "").await.unwrap();
    let action = watch.json().await;
    assert_eq!((&action["action"], &action["serial"]), (&json!("answer"), &json!(7)));
    session.service.remove_call(&bob).await;
    assert_eq!(watch.json().await, json!({"event": "call-removed", "path": bob}));
    Manager::call_missed(&root, "h9").await.unwrap();
    assert_eq!(watch.json().await, json!({"event": "missed", "history_id": "h9"}));
    session.service.connection.release_name("org.ahoycall.Calls1").await.unwrap();
    assert_eq!(watch.json().await, json!({"event": "daemon-gone"}));
    assert_eq!(watch.code().await, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_safety_number_is_shown_in_groups_and_confirmed() {
    let session = Session::new().await;
    let path = session.service.active("a1", "Alice").await;
    let run = session.ctl(&["identity", "--call"]).await;
    assert!(run.err.contains("no safety number"), "{run:?}");
    let verification = Verification(std::sync::Arc::clone(&session.service.world));
    session.service.connection.object_server().at(path.as_str(), verification).await.unwrap();
    let run = session.ctl(&["identity", "--call", "alice"]).await;
    assert!(run.ok().contains("  01234 56789 01234 56789\n"), "{run:?}");
    session.ctl(&["identity", "--call", "alice", "--confirm", "yes"]).await.ok();
    assert_eq!(session.service.asked(), ["Confirm true"]);
}
