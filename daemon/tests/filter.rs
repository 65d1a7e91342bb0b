//! Who does not get through, over the bus: blocks, the policy, directories and hostile descriptors.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

mod common;

use std::{
    collections::HashMap,
    fs::File,
    io::{Seek as _, Write as _},
    os::fd::OwnedFd,
    time::{Duration, Instant},
};

use common::{
    Daemon, QUIET,
    caller::Calling,
    calls::{Options, ROOT, error_name, property, proxy, until},
    connect, start,
};
use zbus::{Connection, Fd, OwnedObjectPath, OwnedVariant};

type Blocked = Vec<(String, String, String)>;
type Rang = Result<(OwnedObjectPath, String), String>;

/// A controller's connection to the daemon.
struct Controller(Connection);

impl Controller {
    async fn new(daemon: &Daemon) -> Self {
        Self(connect(daemon).await)
    }

    async fn filter<B>(&self, method: &str, body: &B) -> Result<(), String>
    where
        B: serde::Serialize + zbus::zvariant::DynamicType,
    {
        let filter = proxy(&self.0, ROOT, "Filter").await;
        filter.call_method(method, body).await.map(drop).map_err(error_name)
    }

    async fn blocked(&self) -> Blocked {
        proxy(&self.0, ROOT, "Filter").await.call("List", &()).await.unwrap()
    }

    async fn policy(&self, policy: Options<'_>) -> Result<(), String> {
        self.filter("SetPolicy", &(policy,)).await
    }

    async fn directory(&self, id: &str, file: impl Into<OwnedFd>) -> Result<(), String> {
        self.filter("AddDirectory", &(id, Fd::from(file.into()))).await
    }

    async fn setting(&self, key: &str) -> String {
        let settings = proxy(&self.0, ROOT, "Settings").await;
        let value: OwnedVariant = settings.call("Get", &(key,)).await.unwrap();
        <&str>::try_from(&*value).map_or_else(|_| value.to_string(), str::to_owned)
    }

    /// How many rows the log has.
    async fn rows(&self) -> usize {
        let history = proxy(&self.0, ROOT, "History").await;
        let asked = (Options::new(), 100u32, "");
        let (rows, _): (Vec<HashMap<String, OwnedVariant>>, String) =
            history.call("Query", &asked).await.unwrap();
        rows.len()
    }
}

fn file(text: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(text).unwrap();
    file.rewind().unwrap();
    file
}

fn refused(error: &str) -> Rang {
    Err(error.to_owned())
}

fn disposition(rang: Rang) -> String {
    rang.unwrap().1
}

#[tokio::test]
async fn whom_the_user_blocked_never_rings_leaves_no_row_and_stays_blocked() {
    let Some(mut daemon) = start(QUIET) else { return };
    let controller = Controller::new(&daemon).await;
    controller.filter("Block", &("tel", "+49 30 1*", "spam")).await.unwrap();
    controller.filter("Block", &("SIP", "bob@Example.org", "")).await.unwrap();
    controller.filter("Block", &("sip", "bob@example.org", "twice")).await.unwrap();
    for (scheme, pattern) in [("", "1"), ("tel", ""), ("tel", "abc"), ("t l", "*")] {
        let error = controller.filter("Block", &(scheme, pattern, "")).await;
        assert_eq!(error.unwrap_err(), "InvalidArgument", "{scheme} {pattern}");
        let error = controller.filter("Unblock", &(scheme, pattern)).await;
        assert_eq!(error.unwrap_err(), "InvalidArgument", "{scheme} {pattern}");
    }
    let entry = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
    let all = vec![entry("sip", "bob@example.org", "twice"), entry("tel", "+49301*", "spam")];
    for _ in 0..2 {
        let controller = Controller::new(&daemon).await;
        assert_eq!(controller.blocked().await, all);
        let app = Calling::register(&daemon).await;
        assert_eq!(app.rings("tel", "+4930199").await, refused("FilteredBlocked"));
        assert_eq!(app.rings("sip", "bob@EXAMPLE.org").await, refused("FilteredBlocked"));
        assert_eq!(controller.rows().await, 0);
        daemon.restart();
    }
    let controller = Controller::new(&daemon).await;
    for _ in 0..2 {
        controller.filter("Unblock", &("tel", "+49301*")).await.unwrap();
    }
    let app = Calling::register(&daemon).await;
    assert_eq!(disposition(app.rings("tel", "+4930199").await), "ring");
    assert_eq!(controller.blocked().await, all[..1]);
    daemon.restart();
    assert_eq!(Controller::new(&daemon).await.blocked().await, all[..1]);
}

#[tokio::test]
async fn a_call_whose_caller_is_blocked_while_it_is_on_ends_as_blocked() {
    let Some(daemon) = start(QUIET) else { return };
    let controller = Controller::new(&daemon).await;
    let app = Calling::register(&daemon).await;
    let (call, _) = app.rings("tel", "+49301").await.unwrap();
    let object = proxy(&controller.0, call.as_str(), "Call").await;
    object.call::<_, _, ()>("Answer", &(Options::new(),)).await.unwrap();
    controller.filter("Block", &("tel", "+49301", "")).await.unwrap();
    until(&controller.0, &call, "EndReason", "blocked").await;
    assert_eq!(controller.rows().await, 1, "it was on");
}

#[tokio::test]
async fn blocking_a_contact_ends_a_call_that_is_on() {
    let Some(daemon) = start(QUIET) else { return };
    let controller = Controller::new(&daemon).await;
    let contacts = proxy(&controller.0, ROOT, "Contacts").await;
    let handles = vec![("tel", "+49301", "")];
    let contact = Options::from([("name", "Ann".into()), ("handles", handles.into())]);
    let id: String = contacts.call("Put", &(contact,)).await.unwrap();
    let app = Calling::register(&daemon).await;
    let (call, _) = app.rings("tel", "+49301").await.unwrap();
    assert_eq!(property(&controller.0, &call, "NameSource").await.as_deref(), Some("contact"));
    let blocked = Options::from([("id", id.into()), ("blocked", true.into())]);
    contacts.call::<_, _, String>("Put", &(blocked,)).await.unwrap();
    until(&controller.0, &call, "EndReason", "blocked").await;
    assert_eq!(app.rings("tel", "+49301").await, refused("FilteredBlocked"));
}

#[tokio::test]
async fn the_policy_decides_about_unknown_callers_and_is_kept_as_settings() {
    let Some(mut daemon) = start(QUIET) else { return };
    let controller = Controller::new(&daemon).await;
    let app = Calling::register(&daemon).await;
    let silent = Options::from([("unknown", "silent".into()), ("repeated", false.into())]);
    controller.policy(silent).await.unwrap();
    let (call, disposition) = app.rings("tel", "+49301").await.unwrap();
    assert_eq!((disposition.as_str(), controller.rows().await), ("silent", 1));
    app.ends(&call).await;
    // What is refused changes nothing, whatever stands beside it.
    for (key, value) in [("unknown", "loud"), ("spam", "ring"), ("later", "x"), ("repeated", "no")]
    {
        let wrong = Options::from([("unknown", "ring".into()), (key, value.into())]);
        assert_eq!(controller.policy(wrong).await.unwrap_err(), "InvalidArgument", "{key}");
    }
    assert_eq!(controller.setting("filter.unknown").await, "silent");
    assert_eq!(controller.setting("filter.repeated").await, "false");
    let reject = Options::from([("unknown", "reject".into())]);
    controller.policy(reject).await.unwrap();
    daemon.restart();
    let controller = Controller::new(&daemon).await;
    assert_eq!(controller.setting("filter.unknown").await, "reject");
    let app = Calling::register(&daemon).await;
    assert_eq!(app.rings("tel", "+49301").await, refused("FilteredBlocked"));
    assert_eq!(controller.rows().await, 1);
    // By the settings it is the same.
    let settings = proxy(&controller.0, ROOT, "Settings").await;
    let ring = ("filter.unknown", zbus::Variant::from("ring"));
    settings.call::<_, _, ()>("Set", &ring).await.unwrap();
    assert_eq!(self::disposition(app.rings("tel", "+49301").await), "ring");
}

#[tokio::test]
async fn do_not_disturb_turns_away_or_is_silent_and_lets_who_calls_again_through() {
    let Some(daemon) = start(QUIET) else { return };
    let controller = Controller::new(&daemon).await;
    let app = Calling::register(&daemon).await;
    let manager = proxy(&controller.0, ROOT, "Manager").await;
    manager.call::<_, _, ()>("SetDoNotDisturb", &("favourites", 0u64)).await.unwrap();
    let (call, disposition) = app.rings("tel", "+49301").await.unwrap();
    assert_eq!(disposition, "silent");
    app.ends(&call).await;
    let (call, disposition) = app.rings("tel", "+49301").await.unwrap();
    assert_eq!(disposition, "ring", "it is the second time within 3 minutes");
    app.ends(&call).await;
    let reject = Options::from([("do-not-disturb", "reject".into()), ("repeated", false.into())]);
    controller.policy(reject).await.unwrap();
    let rows = controller.rows().await;
    assert_eq!(app.rings("tel", "+49301").await, refused("FilteredDoNotDisturb"));
    assert_eq!(controller.rows().await, rows);
}

#[tokio::test]
async fn a_directory_names_callers_and_turns_spam_away_until_it_is_removed() {
    let Some(mut daemon) = start(QUIET) else { return };
    let controller = Controller::new(&daemon).await;
    let text = b"scheme,value,name,spam\ntel,+49 30 1,\"Bakery, Mitte\",0\nsip,x@y,,1\n\
                 tel,+49302,Lottery,1\n";
    controller.directory("city/list", file(text)).await.unwrap();
    for _ in 0..2 {
        let controller = Controller::new(&daemon).await;
        let app = Calling::register(&daemon).await;
        let (call, _) = app.rings("tel", "+49301").await.unwrap();
        assert_eq!(
            property(&controller.0, &call, "DisplayName").await.as_deref(),
            Some("Bakery, Mitte")
        );
        assert_eq!(
            property(&controller.0, &call, "NameSource").await.as_deref(),
            Some("directory")
        );
        app.ends(&call).await;
        assert_eq!(app.rings("sip", "x@y").await, refused("FilteredBlocked"));
        assert_eq!(app.rings("tel", "+49302").await, refused("FilteredBlocked"));
        daemon.restart();
    }
    let controller = Controller::new(&daemon).await;
    let app = Calling::register(&daemon).await;
    controller.policy(Options::from([("spam", "silent".into())])).await.unwrap();
    let (call, disposition) = app.rings("tel", "+49302").await.unwrap();
    assert_eq!(disposition, "silent");
    app.ends(&call).await;
    controller.directory("city/list", file(b"")).await.unwrap();
    daemon.restart();
    let controller = Controller::new(&daemon).await;
    let app = Calling::register(&daemon).await;
    let (call, disposition) = app.rings("tel", "+49302").await.unwrap();
    assert_eq!(disposition, "ring");
    assert_eq!(property(&controller.0, &call, "NameSource").await.as_deref(), Some("provider"));
}

#[tokio::test]
async fn hostile_descriptors_get_errors_and_hold_nobody_up() {
    let Some(daemon) = start(QUIET) else { return };
    let controller = Controller::new(&daemon).await;
    controller.directory("kept", file(b"tel,1,Kept,0\n")).await.unwrap();
    let (silent, _writer) = std::io::pipe().unwrap();
    let waits = controller.directory("kept", silent);
    let others = async {
        let begin = Instant::now();
        for path in ["/", "/dev"] {
            let error = controller.directory("kept", File::open(path).unwrap()).await;
            assert_eq!(error.unwrap_err(), "InvalidArgument");
        }
        let (socket, _other) = std::os::unix::net::UnixStream::pair().unwrap();
        assert_eq!(controller.directory("kept", socket).await.unwrap_err(), "InvalidArgument");
        let null = File::options().write(true).open("/dev/null").unwrap();
        assert_eq!(controller.directory("kept", null).await.unwrap_err(), "InvalidArgument");
        for text in [&b"\xFF\xFE"[..], b"\0", &[b'1'; 3_000_000]] {
            let error = controller.directory("kept", file(text)).await;
            assert_eq!(error.unwrap_err(), "InvalidArgument");
        }
        for id in ["", "a\nb", &"x".repeat(65), &"x".repeat(1_000_000)] {
            let error = controller.directory(id, file(b"tel,1,A,0\n")).await;
            assert_eq!(error.unwrap_err(), "InvalidArgument", "{}", id.len());
        }
        let zero = File::open("/dev/zero").unwrap();
        assert_eq!(controller.directory("kept", zero).await.unwrap_err(), "LimitReached");
        begin.elapsed()
    };
    let begin = Instant::now();
    let (waited, others) = tokio::join!(waits, others);
    assert_eq!(waited.unwrap_err(), "InvalidArgument");
    // Less than the silent pipe was waited for, though that was asked first.
    assert!(others < begin.elapsed() && begin.elapsed() < Duration::from_secs(15), "{others:?}");
    let app = Calling::register(&daemon).await;
    let (call, _) = app.rings("tel", "1").await.unwrap();
    assert_eq!(property(&controller.0, &call, "DisplayName").await.as_deref(), Some("Kept"));
}

#[tokio::test]
async fn too_many_readers_and_too_many_directories_are_told() {
    let Some(daemon) = start(QUIET) else { return };
    let controller = Controller::new(&daemon).await;
    for number in 0..8 {
        controller.directory(&number.to_string(), file(b"tel,1,A,0\n")).await.unwrap();
    }
    let over = controller.directory("more", file(b"tel,1,A,0\n")).await;
    assert_eq!(over.unwrap_err(), "LimitReached");
    controller.directory("0", file(b"tel,1,B,0\n")).await.unwrap();
    controller.directory("1", file(b"")).await.unwrap();
    controller.directory("more", file(b"tel,1,A,0\n")).await.unwrap();
    let pipes: Vec<_> = (0..4).map(|_| std::io::pipe().unwrap()).collect();
    let (mut readers, writers): (Vec<_>, Vec<_>) = pipes.into_iter().unzip();
    let mut readers = readers.drain(..).map(|pipe| controller.directory("pipe", pipe));
    let next = (readers.next().unwrap(), readers.next().unwrap());
    let last = (readers.next().unwrap(), readers.next().unwrap());
    let fifth = async {
        // The others were sent before it.
        let over = controller.directory("0", file(b"tel,1,A,0\n")).await;
        drop(writers);
        over
    };
    let (a, b, c, d, over) = tokio::join!(next.0, next.1, last.0, last.1, fifth);
    assert_eq!(over.unwrap_err(), "LimitReached");
    for empty in [a, b, c, d] {
        empty.unwrap();
    }
}
