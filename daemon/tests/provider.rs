//! Calling apps against the running daemon: they register, ring, are controlled, vanish and come back.

#![expect(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a failed step fails the test, and whatever was not to come is one"
)]

mod common;

use std::{
    collections::HashMap,
    io::{Seek as _, Write as _},
    time::Duration,
};

use common::{
    Daemon, NAME, QUIET,
    calls::{
        Options, PATIENCE, ROOT, control, error_name, newest_row, property, proxy, proxy_at, until,
        word,
    },
    connect,
    contract::{contract, introspect},
    start,
};
use tokio::{sync::mpsc, time::Instant};
use zbus::{
    Connection, ObjectPath, OwnedObjectPath, OwnedVariant, Proxy, Variant, connection::Builder,
    fdo, interface,
};

const APPS: &str = "org.ahoycall.Provider1";
const APP: &str = "/app";
const UUID: &str = "0b5cbf0c-21a7-4b1b-9b64-53a1a1a1a1a1";
const OTHER: &str = "0b5cbf0c-21a7-4b1b-9b64-53a1a1a1a1a2";

/// What the daemon told the app.
#[derive(Debug, PartialEq)]
enum Told {
    Perform { action: String, call: String, args: HashMap<String, String> },
    Audio(bool),
    TimedOut,
}

/// What an app does when it is asked.
#[derive(Clone, Copy)]
enum Manner {
    Fulfils,
    /// Not this action.
    Refuses(&'static str),
    /// To this action.
    SaysNothing(&'static str),
}

/// An app that says what it was told.
struct App {
    told: mpsc::UnboundedSender<Told>,
    manner: Manner,
}

#[interface(name = "org.ahoycall.Calls1.ProviderApp")]
impl App {
    async fn perform(
        &self,
        _serial: u32,
        txn: String,
        action: String,
        call: OwnedObjectPath,
        args: HashMap<String, OwnedVariant>,
    ) -> fdo::Result<()> {
        assert!(!txn.is_empty());
        let args = args.iter().map(|(key, value)| (key.clone(), word(value))).collect();
        let told = Told::Perform { action: action.clone(), call: call.to_string(), args };
        self.told.send(told).unwrap();
        match self.manner {
            Manner::Refuses(one) if one == action => Err(fdo::Error::Failed("no line".to_owned())),
            Manner::SaysNothing(one) if one == action => std::future::pending().await,
            Manner::Fulfils | Manner::Refuses(_) | Manner::SaysNothing(_) => Ok(()),
        }
    }

    fn timed_out(&self, _serial: u32) {
        self.told.send(Told::TimedOut).unwrap();
    }

    fn audio_activated(&self, options: HashMap<String, OwnedVariant>) {
        assert!(options.contains_key("endpoint"));
        self.told.send(Told::Audio(true)).unwrap();
    }

    fn audio_deactivated(&self) {
        self.told.send(Told::Audio(false)).unwrap();
    }
}

/// An app's connection, and what it was told.
struct Registered {
    connection: Connection,
    name: &'static str,
    provider: OwnedObjectPath,
    told: mpsc::UnboundedReceiver<Told>,
}

async fn app(daemon: &Daemon, manner: Manner) -> (Connection, mpsc::UnboundedReceiver<Told>) {
    let (told, heard) = mpsc::unbounded_channel();
    let connection = Builder::address(daemon.bus.address.as_str())
        .serve_at(APP, App { told, manner })
        .build()
        .await
        .unwrap();
    (connection, heard)
}

async fn register(daemon: &Daemon, name: &'static str, id: &str) -> Registered {
    register_as(daemon, name, id, Manner::Fulfils).await
}

async fn register_as(daemon: &Daemon, name: &'static str, id: &str, manner: Manner) -> Registered {
    let (connection, told) = app(daemon, manner).await;
    let provider = try_register(&connection, name, id).await.unwrap();
    Registered { connection, name, provider, told }
}

async fn try_register(
    connection: &Connection,
    name: &'static str,
    id: &str,
) -> zbus::Result<OwnedObjectPath> {
    let registry = proxy_at(connection, name, ROOT, "Registry").await;
    let schemes = vec!["tel"];
    let options = Options::from([
        ("name", "Test".into()),
        ("schemes", schemes.into()),
        ("hold", true.into()),
    ]);
    let object = ObjectPath::try_from(APP).unwrap();
    registry.call("Register", &(id, object, options)).await
}

impl Registered {
    async fn provider(&self) -> Proxy<'_> {
        proxy_at(&self.connection, self.name, self.provider.as_str(), "Provider").await
    }

    async fn rings(
        &self,
        uuid: &str,
        more: Options<'_>,
    ) -> zbus::Result<(OwnedObjectPath, String)> {
        let mut options = Options::from([
            ("remote", Variant::from(("tel", "+49301234"))),
            ("name", "Ann".into()),
            ("capabilities", vec!["hold"].into()),
        ]);
        options.extend(more);
        self.provider().await.call("ReportIncoming", &(uuid, options)).await
    }

    async fn next(&mut self) -> Told {
        tokio::time::timeout(PATIENCE, self.told.recv()).await.unwrap().unwrap()
    }

    async fn performs(&mut self, wanted: &str) -> (String, HashMap<String, String>) {
        match self.next().await {
            Told::Perform { action, call, args } if action == wanted => (call, args),
            other => panic!("{wanted} was to come, and came {other:?}"),
        }
    }
}

#[tokio::test]
async fn an_app_s_call_rings_is_answered_by_a_controller_held_ended_and_logged() {
    for name in [NAME, APPS] {
        let Some(daemon) = start(QUIET) else { return };
        let controller = connect(&daemon).await;
        let mut app = register(&daemon, name, "org.example.Caller").await;
        assert!(app.provider.ends_with("/provider/org_2eexample_2eCaller"));
        let (call, disposition) = app.rings(UUID, Options::new()).await.unwrap();
        assert_eq!(disposition, "ring");
        assert_eq!(property(&controller, &call, "State").await.as_deref(), Some("ringing"));
        assert_eq!(property(&controller, &call, "DisplayName").await.as_deref(), Some("Ann"));
        control(&controller, &call, "Answer", true).await.unwrap();
        // The app may open its microphone before it is asked to answer.
        assert_eq!(app.next().await, Told::Audio(true));
        let (of, args) = app.performs("answer").await;
        assert_eq!((of.as_str(), args["video"].as_str()), (call.as_str(), "false"));
        assert_eq!(property(&controller, &call, "State").await.as_deref(), Some("active"));
        let object = proxy(&controller, call.as_str(), "Call").await;
        object.call::<_, _, ()>("SetHeld", &(true,)).await.unwrap();
        app.performs("set-held").await;
        assert_eq!(app.next().await, Told::Audio(false));
        assert_eq!(property(&controller, &call, "Held").await.as_deref(), Some("true"));
        control(&controller, &call, "HangUp", true).await.unwrap();
        let (_, args) = app.performs("end").await;
        assert_eq!(args["reason"], "local-hangup");
        until(&controller, &call, "EndReason", "local-hangup").await;
        let row = newest_row(&controller).await;
        assert_eq!((row["outcome"].as_str(), row["name"].as_str()), ("answered", "Ann"));
        assert_eq!(row["provider"], "org.example.Caller");
    }
}

#[tokio::test]
async fn text_goes_through_an_app_that_carries_it_and_its_interface_comes_and_goes_with_that() {
    for name in [NAME, APPS] {
        let Some(daemon) = start(QUIET) else { return };
        let controller = connect(&daemon).await;
        let mut app = register(&daemon, name, "org.example.Caller").await;
        let (call, _) = app.rings(UUID, Options::new()).await.unwrap();
        control(&controller, &call, "Answer", true).await.unwrap();
        assert_eq!(app.next().await, Told::Audio(true));
        app.performs("answer").await;
        let text = proxy(&controller, call.as_str(), "Call.Text").await;
        assert!(text.call::<_, _, ()>("Send", &("hello",)).await.is_err(), "it carries none");
        let provider = app.provider().await;
        let refused = provider.call::<_, _, ()>("ReportText", &(&call, "hello", true)).await;
        assert_eq!(error_name(refused.unwrap_err()), "NotSupported");
        let can = |all: &[&'static str]| Options::from([("capabilities", all.to_vec().into())]);
        provider.call::<_, _, ()>("Update", &(&call, can(&["hold", "text"]))).await.unwrap();
        until_sent(&text).await;
        drop(provider);
        let (_, args) = app.performs("send-text").await;
        assert_eq!((args["text"].as_str(), args["final"].as_str()), ("hello", "true"));
        let mut received = text.receive_signal("Received").await.unwrap();
        let provider = app.provider().await;
        provider.call::<_, _, ()>("ReportText", &(&call, "hi", false)).await.unwrap();
        let signal = tokio::time::timeout(PATIENCE, futures_util::StreamExt::next(&mut received));
        let signal = signal.await.unwrap().unwrap();
        assert_eq!(
            signal.body().deserialize::<(String, bool)>().unwrap(),
            ("hi".to_owned(), false)
        );
        let wrong = provider.call::<_, _, ()>("ReportText", &(&call, "\u{7}", true)).await;
        assert_eq!(error_name(wrong.unwrap_err()), "InvalidArgument");
        provider.call::<_, _, ()>("Update", &(&call, can(&["hold"]))).await.unwrap();
        let gone = text.call::<_, _, ()>("Send", &("hello",)).await;
        assert!(gone.is_err(), "it carries none any more");
    }
}

/// The interface comes a moment after the capability.
async fn until_sent(text: &Proxy<'_>) {
    let begin = Instant::now();
    while text.call::<_, _, ()>("Send", &("hello",)).await.is_err() {
        assert!(begin.elapsed() < PATIENCE, "text is carried");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_controller_s_wish_to_dial_reaches_the_app_for_the_scheme_and_goes_on_as_it_reports() {
    let Some(daemon) = start(QUIET) else { return };
    let controller = connect(&daemon).await;
    let mut app = register(&daemon, APPS, "org.example.Caller").await;
    let manager = proxy(&controller, ROOT, "Manager").await;
    let wish = ("", vec![("tel", "+49305678")], Options::new());
    let call: OwnedObjectPath = manager.call("StartCall", &wish).await.unwrap();
    assert_eq!(app.next().await, Told::Audio(true));
    let (of, _) = app.performs("start").await;
    assert_eq!(of, call.as_str());
    let provider = app.provider().await;
    for state in ["dialing", "remote-ringing", "connecting", "active"] {
        provider.call::<_, _, ()>("ReportState", &(&call, state, 0u64)).await.unwrap();
        until(&controller, &call, "State", state).await;
    }
    // Backwards there is no way.
    let back = provider.call::<_, _, ()>("ReportState", &(&call, "dialing", 0u64)).await;
    assert_eq!(error_name(back.unwrap_err()), "InvalidState");
    let ended = (&call, "remote-hangup", "", 0u64);
    provider.call::<_, _, ()>("ReportEnded", &ended).await.unwrap();
    until(&controller, &call, "EndReason", "remote-hangup").await;
    assert_eq!(app.next().await, Told::Audio(false));
}

#[tokio::test]
async fn what_an_app_refuses_fails_with_its_words_and_ends_the_call() {
    let Some(daemon) = start(QUIET) else { return };
    let controller = connect(&daemon).await;
    let app = register_as(&daemon, NAME, "org.example.Caller", Manner::Refuses("answer")).await;
    let (call, _) = app.rings(UUID, Options::new()).await.unwrap();
    let refused = control(&controller, &call, "Answer", true).await.unwrap_err();
    assert!(refused.to_string().contains("no line"), "{refused}");
    assert_eq!(error_name(refused), "ProviderFailed");
    until(&controller, &call, "EndReason", "failed").await;
}

#[tokio::test]
async fn an_app_that_goes_while_it_rings_is_silent_at_once_and_may_take_its_call_up_again() {
    let Some(daemon) = start(QUIET) else { return };
    let controller = connect(&daemon).await;
    let app = register(&daemon, NAME, "org.example.Caller").await;
    let (call, _) = app.rings(UUID, Options::new()).await.unwrap();
    app.connection.close().await.unwrap();
    until(&controller, &call, "Silenced", "true").await;
    let app = register(&daemon, NAME, "org.example.Caller").await;
    let again = app.rings(UUID, Options::from([("state", "active".into())])).await.unwrap();
    assert_eq!(again.0, call);
    until(&controller, &call, "State", "active").await;
    // And once more, for good.
    app.connection.close().await.unwrap();
    until(&controller, &call, "EndReason", "provider-gone").await;
}

#[tokio::test]
async fn a_message_is_brought_by_the_app_before_the_end_and_one_that_fails_keeps_no_call() {
    let texts = || Options::from([("capabilities", vec!["text"].into())]);
    let message = || Options::from([("message", "I am late".into())]);
    let Some(daemon) = start(QUIET) else { return };
    let controller = connect(&daemon).await;
    let cases = [
        ("org.example.One", UUID, Manner::Fulfils, None),
        ("org.example.Two", OTHER, Manner::Refuses("send-text"), Some("ProviderFailed")),
    ];
    for (id, uuid, manner, wanted) in cases {
        let mut app = register_as(&daemon, NAME, id, manner).await;
        let (call, _) = app.rings(uuid, texts()).await.unwrap();
        let object = proxy(&controller, call.as_str(), "Call").await;
        let wrong = Options::from([("message", 7u32.into())]);
        let refused = object.call::<_, _, ()>("Decline", &(wrong,)).await.unwrap_err();
        assert_eq!(error_name(refused), "InvalidArgument");
        let declined = object.call::<_, _, ()>("Decline", &(message(),)).await;
        assert_eq!(declined.err().map(error_name).as_deref(), wanted);
        let (of, args) = app.performs("send-text").await;
        assert_eq!((of.as_str(), args["text"].as_str()), (call.as_str(), "I am late"));
        assert_eq!(args["final"], "true");
        let (_, args) = app.performs("end").await;
        assert_eq!(args["reason"], "declined");
        until(&controller, &call, "EndReason", "declined").await;
    }
    let app = register(&daemon, NAME, "org.example.Mute").await;
    let third = "0b5cbf0c-21a7-4b1b-9b64-53a1a1a1a1a3";
    let (call, _) = app.rings(third, Options::new()).await.unwrap();
    let object = proxy(&controller, call.as_str(), "Call").await;
    let refused = object.call::<_, _, ()>("Decline", &(message(),)).await.unwrap_err();
    assert_eq!(error_name(refused), "NotSupported");
    assert_eq!(property(&controller, &call, "State").await.as_deref(), Some("ringing"));
}

#[tokio::test]
async fn an_app_that_goes_while_it_is_asked_has_not_failed_and_may_take_its_call_up_again() {
    let Some(daemon) = start(QUIET) else { return };
    let controller = connect(&daemon).await;
    let manner = Manner::SaysNothing("answer");
    let mut app = register_as(&daemon, NAME, "org.example.Caller", manner).await;
    let (call, _) = app.rings(UUID, Options::new()).await.unwrap();
    let (asking, of) = (controller.clone(), call.clone());
    let answered = tokio::spawn(async move { control(&asking, &of, "Answer", true).await });
    assert_eq!(app.next().await, Told::Audio(true));
    app.performs("answer").await;
    app.connection.close().await.unwrap();
    let error = answered.await.unwrap().unwrap_err();
    assert_eq!(error_name(error), "ProviderGone");
    // Ended as failed it could not be taken up again.
    let app = register(&daemon, NAME, "org.example.Caller").await;
    let again = app.rings(UUID, Options::from([("state", "active".into())])).await.unwrap();
    assert_eq!(again.0, call);
    until(&controller, &call, "State", "active").await;
}

#[tokio::test]
async fn after_a_crash_a_call_that_was_on_is_taken_up_again_and_one_that_had_ended_is_not() {
    let Some(mut daemon) = start(QUIET) else { return };
    let controller = connect(&daemon).await;
    let app = register(&daemon, NAME, "org.example.Caller").await;
    let (ended, _) = app.rings(OTHER, Options::new()).await.unwrap();
    control(&controller, &ended, "Decline", true).await.unwrap();
    until(&controller, &ended, "EndReason", "declined").await;
    let (on, _) = app.rings(UUID, Options::new()).await.unwrap();
    control(&controller, &on, "Answer", true).await.unwrap();
    until(&controller, &on, "State", "active").await;
    // Of both the log has heard, in the order in which they came.
    until_logged(&controller, UUID).await;
    daemon.crash();
    let controller = connect(&daemon).await;
    let app = register(&daemon, NAME, "org.example.Caller").await;
    let active = || Options::from([("state", "active".into())]);
    let refused = app.rings(OTHER, active()).await.unwrap_err();
    assert_eq!(error_name(refused), "UuidExists");
    let (again, _) = app.rings(UUID, active()).await.unwrap();
    until(&controller, &again, "State", "active").await;
}

/// Waits until a call's row is in the log as answered.
async fn until_logged(controller: &Connection, call: &str) {
    let begin = Instant::now();
    loop {
        let row = newest_row(controller).await;
        if row["call"] == call && row["connected-at"] != "0" {
            return;
        }
        assert!(begin.elapsed() < PATIENCE, "{row:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn two_calls_of_an_app_become_one_group_that_is_held_muted_and_split_as_one() {
    let Some(daemon) = start(QUIET) else { return };
    let controller = connect(&daemon).await;
    let mut app = register(&daemon, NAME, "org.example.Caller").await;
    let provider = app.provider().await;
    let mut calls = Vec::new();
    for number in 1..=2 {
        let uuid = format!("00000000-0000-4000-8000-00000000000{number}");
        let options = Options::from([
            ("remote", Variant::from(("tel", format!("+4930{number}")))),
            ("capabilities", vec!["hold", "merge", "mute"].into()),
        ]);
        let call: OwnedObjectPath =
            provider.call("ReportOutgoing", &(uuid, options)).await.unwrap();
        provider.call::<_, _, ()>("ReportState", &(&call, "active", 0u64)).await.unwrap();
        calls.push(call);
    }
    drop(provider);
    assert_eq!(app.next().await, Told::Audio(true));
    let first = proxy(&controller, calls[0].as_str(), "Call").await;
    first.call::<_, _, ()>("Merge", &(&calls[1],)).await.unwrap();
    app.performs("set-group").await;
    let deadline = Instant::now() + PATIENCE;
    let group = loop {
        let group = property(&controller, &calls[0], "Group").await.unwrap();
        if group != "/" {
            break group;
        }
        assert!(Instant::now() < deadline, "a group");
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    // Both objects are what the contract says.
    let wanted = contract();
    for (path, interface) in [(group.as_str(), "Group"), (app.provider.as_str(), "Provider")] {
        let name = format!("{NAME}.{interface}");
        let served = introspect(&controller, path).await;
        assert_eq!(served.get(&name), wanted.get(&name), "{name}");
    }
    let object = proxy(&controller, group.as_str(), "Group").await;
    object.call::<_, _, ()>("SetMuted", &(true,)).await.unwrap();
    for _ in 0..2 {
        app.performs("set-muted").await;
    }
    first.call::<_, _, ()>("Split", &()).await.unwrap();
    // Who is taken out is talked to; the other one is held before that.
    let (held, _) = app.performs("set-held").await;
    assert_eq!(held, calls[1].as_str());
    app.performs("set-group").await;
    until(&controller, &calls[1], "Group", "/").await;
}

#[tokio::test]
async fn nobody_speaks_for_another_s_provider_or_learns_of_its_calls() {
    let Some(daemon) = start(QUIET) else { return };
    let _there = connect(&daemon).await;
    let app = register(&daemon, APPS, "org.example.Caller").await;
    let other = register(&daemon, APPS, "org.example.Other").await;
    let (call, _) = app.rings(UUID, Options::new()).await.unwrap();
    // Its id and its object are taken.
    let taken = try_register(&other.connection, APPS, "org.example.Caller").await.unwrap_err();
    assert_eq!(error_name(taken), "ProviderExists");
    for name in [APPS, NAME] {
        let foreign = proxy_at(&other.connection, name, app.provider.as_str(), "Provider").await;
        let ended = (&call, "remote-hangup", "", 0u64);
        let refused = foreign.call::<_, _, ()>("ReportEnded", &ended).await.unwrap_err();
        assert_eq!(error_name(refused), "NotAuthorized", "{name}");
    }
    // A call that is another's is as unknown as one that is nobody's.
    let nobody = ObjectPath::try_from(format!("{ROOT}/call/00000000_0000_0000_0000_000000000001"));
    let mut said = Vec::new();
    for path in [call.as_ref(), nobody.unwrap()] {
        let own = other.provider().await;
        let ended = (&path, "remote-hangup", "", 0u64);
        let refused = own.call::<_, _, ()>("ReportEnded", &ended).await.unwrap_err();
        let read = other
            .connection
            .call_method(
                Some(APPS),
                &path,
                Some("org.freedesktop.DBus.Properties"),
                "GetAll",
                &(format!("{NAME}.Call"),),
            )
            .await
            .unwrap_err();
        said.push((refused.to_string(), read.to_string()));
    }
    assert_eq!(said[0], said[1]);
    // Its own it may read.
    let read: HashMap<String, OwnedVariant> = app
        .connection
        .call_method(
            Some(APPS),
            call.as_ref(),
            Some("org.freedesktop.DBus.Properties"),
            "GetAll",
            &(format!("{NAME}.Call"),),
        )
        .await
        .unwrap()
        .body()
        .deserialize()
        .unwrap();
    assert_eq!(word(&read["State"]), "ringing");
}

#[tokio::test]
async fn a_wrong_argument_is_named_and_changes_nothing() {
    let Some(daemon) = start(QUIET) else { return };
    let controller = connect(&daemon).await;
    let app = register(&daemon, NAME, "org.example.Caller").await;
    for (key, value) in [
        ("remote", Variant::from("tel")),
        ("remote", Variant::from(("no scheme!", "x"))),
        ("video", "yes".into()),
        ("capabilities", "hold".into()),
        ("expires-at", "soon".into()),
        ("state", "asleep".into()),
    ] {
        let refused = app.rings(UUID, Options::from([(key, value)])).await.unwrap_err();
        assert!(refused.to_string().contains(key), "{key}: {refused}");
        assert_eq!(error_name(refused), "InvalidArgument", "{key}");
    }
    let refused = app.rings("not-a-uuid", Options::new()).await.unwrap_err();
    assert_eq!(error_name(refused), "InvalidArgument");
    let objects = fdo::ObjectManagerProxy::new(&controller, NAME, ROOT).await.unwrap();
    let calls = objects.get_managed_objects().await.unwrap();
    assert!(!calls.keys().any(|path| path.contains("/call/")));
}

#[tokio::test]
async fn a_ringtone_is_a_file_of_a_known_kind_and_size_or_the_app_is_told_what_is_wrong() {
    let Some(daemon) = start(QUIET) else { return };
    let connection = connect(&daemon).await;
    let registry = proxy(&connection, ROOT, "Registry").await;
    let file = |bytes: &[u8]| {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file.rewind().unwrap();
        Variant::Fd(zbus::Fd::from(std::os::fd::OwnedFd::from(file)))
    };
    let mut large = b"RIFF\0\0\0\0WAVE".to_vec();
    large.resize(4 * 1024 * 1024, 0);
    let known = &large[..64];
    let app = ObjectPath::try_from("/app").unwrap();
    let register = async |ringtone: Variant<'_>| {
        let options = Options::from([("schemes", vec!["tel"].into()), ("ringtone-fd", ringtone)]);
        let body = ("org.example.Rings", &app, options);
        registry.call::<_, _, OwnedObjectPath>("Register", &body).await
    };
    for (ringtone, why) in [
        ("ring.oga".into(), "a descriptor is expected"),
        (file(&large), "larger than"),
        (file(b"ID3"), "neither Ogg Vorbis"),
        (file(b""), "neither Ogg Vorbis"),
    ] {
        let refused = register(ringtone).await.unwrap_err();
        let said = refused.to_string();
        assert!(said.contains("ringtone-fd") && said.contains(why), "{said}");
        assert_eq!(error_name(refused), "InvalidArgument");
    }
    register(file(known)).await.unwrap();
}
