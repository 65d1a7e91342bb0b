//! `listen` and `say`.

use serde_json::json;

use crate::{
    harness::Session,
    service::{ROOT, Voice},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn listen_shows_what_is_heard_until_the_dialogue_ends() {
    let session = Session::new().await;
    let mut listen = session.follow(&["listen", "--json"]);
    let partial = json!({"event": "heard", "text": "call", "final": false});
    assert_eq!(listen.json().await, partial);
    let voice = session.service.emitter(ROOT);
    Voice::heard(&voice, "call alice", true).await.unwrap();
    assert_eq!(listen.json().await["text"], "call alice");
    let choices = ["Alice Smith", "Alice Jones"];
    Voice::prompt(&voice, "Which Alice?", choices.map(str::to_owned).to_vec()).await.unwrap();
    let prompt = json!({"event": "prompt", "text": "Which Alice?", "choices": choices});
    assert_eq!(listen.json().await, prompt);
    Voice::end(&session.service.connection).await;
    assert_eq!(listen.json().await, json!({"event": "done"}));
    assert_eq!(listen.code().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn say_hands_the_sentence_to_the_daemon_as_heard_speech() {
    let session = Session::new().await;
    let run = session.ctl(&["say", "call", "alice", "video"]).await;
    assert_eq!(run.ok(), "call name: alice\nAhoy: Calling Alice, video\n");
    assert_eq!(session.service.asked(), ["Listen \"call alice video\""]);
    session.ctl(&["say", "--dry-run", "call alice"]).await.ok();
    assert!(session.service.asked().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sentence_that_is_no_command_does_nothing() {
    let session = Session::new().await;
    let run = session.ctl(&["--json", "say", "lovely weather"]).await;
    assert_eq!((run.code, &run.error()["name"]), (1, &json!("NotUnderstood")));
    assert!(session.service.asked().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ctrl_c_stops_the_listening() {
    let session = Session::new().await;
    let mut listen = session.follow(&["listen", "--json"]);
    listen.json().await;
    let pid = rustix::process::Pid::from_raw(listen.child.id().unwrap() as i32).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(listen.code().await, 130);
    assert!(session.service.asked().contains(&"Stop".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locale_pack_is_right_or_told_what_is_wrong_with_it() {
    let session = Session::new().await;
    let packs = concat!(env!("CARGO_MANIFEST_DIR"), "/../core/packs");
    for (file, locale) in [("en.toml", "en"), ("ko.toml", "ko")] {
        let run = session.ctl(&["--json", "voice", "check-pack", &format!("{packs}/{file}")]).await;
        run.ok();
        let found = run.json();
        assert_eq!((&found["locale"], &found["ok"]), (&json!(locale), &json!(true)));
        assert_eq!((&found["clashes"], &found["lacks"]), (&json!([]), &json!([])));
    }
    let good = std::fs::read_to_string(format!("{packs}/en.toml")).unwrap();
    let file = session.dir.0.join("bad.toml");
    for (from, to, why) in [
        ("\"hang up\"", "\"mute\"", "\"mute\" is both"),
        ("intent = \"mute\"", "intent = \"fly\"", "fly"),
        ("{name} {by}", "{name} {fast}", "{fast}"),
    ] {
        std::fs::write(&file, good.replacen(from, to, 1)).unwrap();
        let run = session.ctl(&["voice", "check-pack", file.to_str().unwrap()]).await;
        assert!(run.code == 1 && run.err.contains(why), "{run:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_taught_name_is_shown_and_one_that_was_given_up_is_a_failure() {
    let session = Session::new().await;
    session.ctl(&["contacts", "add", "Alice", "+49301"]).await.ok();
    let run = session.ctl(&["voice", "teach", "alice", "--word", "alice"]).await;
    assert_eq!(run.ok(), "Ahoy: Say: alice.\n");
    assert_eq!(session.service.asked().last().map(String::as_str), Some("Teach \"alice\""));
    let run = session.ctl(&["--json", "voice", "teach", "alice"]).await;
    assert_eq!((run.code, &run.error()["name"]), (1, &json!("NotLearnt")));
    let run = session.ctl(&["voice", "forget", "alice"]).await;
    assert_eq!(run.ok(), "Forgot: alice.\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_are_heard_badly_are_listed_and_an_unheard_one_is_a_failure() {
    let session = Session::new().await;
    let run = session.ctl(&["voice", "doctor"]).await;
    assert!(run.code == 1 && run.out.contains("Xqz: \"Xqz\" cannot be heard"), "{run:?}");
    assert!(run.out.contains("Sean: \"Sean\" sounds like Shawn"), "{run:?}");
    let run = session.ctl(&["--json", "voice", "doctor"]).await;
    assert_eq!((run.code, &run.error()["name"]), (1, &json!("Doctor")));
}
