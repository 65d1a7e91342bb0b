//! Claims about notifications, against real dunst under Xvfb on a bus of the test's own.
#![expect(
    clippy::unwrap_in_result,
    reason = "`None` is a skip; all else is a failed test"
)]

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tokio::{sync::mpsc, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use zbus::{Connection, connection::Builder};

use super::{
    Action, Closed, Expiry, Key, Notification, Notifier, NotifyEvent, Urgency,
    server::{escape, file_uri},
};

const DEADLINE: Duration = Duration::from_secs(20);
const DUNST: &str = "org.dunstproject.cmd0";
const NOTIFICATIONS: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";

/// A child that is killed with the value.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a program that prints one line when it is ready. `None`: it is not installed.
fn start(command: &mut Command) -> Option<(Killed, String)> {
    let started = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let Ok(mut child) = started else {
        println!(
            "SKIPPED: {} is not installed",
            command.get_program().display()
        );
        return None;
    };
    let output = child.stdout.take().expect("piped");
    let killed = Killed(child);
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line).expect("a line");
    Some((killed, line.trim().to_owned()))
}

/// A bus, a screen, and a notifier on them.
struct Desk {
    notifier: Notifier,
    events: mpsc::Receiver<NotifyEvent>,
    token: CancellationToken,
    run: JoinHandle<zbus::Result<()>>,
    /// Another client of the same bus.
    other: Connection,
    address: String,
    display: String,
    directory: tempfile::TempDir,
    _processes: [Killed; 2],
}

impl Desk {
    async fn new() -> Option<Self> {
        let directory = tempfile::tempdir().expect("directory");
        let mut bus = Command::new("dbus-daemon");
        // A configuration of its own: nothing is activatable, so no other server can start.
        let configuration = directory.path().join("bus.conf");
        let listen = directory.path().display().to_string();
        let policy = "<policy context=\"default\"><allow send_destination=\"*\" \
            eavesdrop=\"true\"/><allow eavesdrop=\"true\"/><allow own=\"*\"/></policy>";
        let text = format!(
            "<busconfig><type>session</type><listen>unix:tmpdir={listen}</listen>{policy}</busconfig>"
        );
        fs::write(&configuration, text).expect("write");
        bus.arg("--config-file")
            .arg(&configuration)
            .args(["--nofork", "--print-address"]);
        let (bus, address) = start(&mut bus)?;
        let screen = [
            "-displayfd",
            "1",
            "-screen",
            "0",
            "800x600x24",
            "-nolisten",
            "tcp",
        ];
        let (screen, display) = start(Command::new("Xvfb").args(screen))?;
        let connect = || async { Builder::address(address.as_str()).build().await };
        let (notifier, events, task) = Notifier::new(connect().await.expect("connected"));
        let token = CancellationToken::new();
        Some(Self {
            notifier,
            events,
            run: tokio::spawn(task.run(token.clone())),
            token,
            other: connect().await.expect("connected"),
            address,
            display: format!(":{display}"),
            directory,
            _processes: [bus, screen],
        })
    }

    /// Starts dunst and waits until it owns its name.
    async fn dunst(&mut self) -> Option<Killed> {
        let menu = self.directory.path().join("menu");
        let wanted = self.directory.path().join("wanted");
        let script = format!(
            "#!/bin/sh\ngrep \",$(cat {})\\]\" | head -n 1\n",
            wanted.display()
        );
        fs::write(&menu, script).expect("write");
        fs::set_permissions(&menu, fs::Permissions::from_mode(0o755)).expect("chmod");
        let configuration = self.directory.path().join("dunstrc");
        let text = format!(
            "[global]\ndmenu = {}\nmarkup = full\nstack_duplicates = false\n",
            menu.display()
        );
        fs::write(&configuration, text).expect("write");
        let started = Command::new("dunst")
            .arg("-config")
            .arg(&configuration)
            .env("DISPLAY", &self.display)
            .env("DBUS_SESSION_BUS_ADDRESS", &self.address)
            .env_remove("WAYLAND_DISPLAY")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(child) = started else {
            println!("SKIPPED: dunst is not installed");
            return None;
        };
        let killed = Killed(child);
        let event = self.next().await;
        let NotifyEvent::Server(server) = event else {
            panic!("{event:?}");
        };
        assert_eq!(server.name, "dunst");
        assert!(
            server.can("actions") && server.can("body-markup"),
            "{server:?}"
        );
        Some(killed)
    }

    async fn next(&mut self) -> NotifyEvent {
        let event = tokio::time::timeout(DEADLINE, self.events.recv()).await;
        event.expect("an event in time").expect("the task runs")
    }

    async fn ask(&self, interface: &str, method: &str) -> zbus::Result<zbus::Message> {
        self.other
            .call_method(Some(NOTIFICATIONS), PATH, Some(interface), method, &())
            .await
    }

    /// How many notifications dunst shows.
    async fn displayed(&self) -> u32 {
        let properties = "org.freedesktop.DBus.Properties";
        let reply = self
            .other
            .call_method(
                Some(NOTIFICATIONS),
                PATH,
                Some(properties),
                "Get",
                &(DUNST, "displayedLength"),
            )
            .await;
        let Ok(reply) = reply else { return 0 };
        let value: zbus::OwnedVariant = reply.body().deserialize().expect("a variant");
        u32::try_from(value).expect("a number")
    }

    async fn until_displayed(&self, wanted: u32) {
        let begin = Instant::now();
        while self.displayed().await != wanted {
            assert!(
                begin.elapsed() < DEADLINE,
                "{wanted} notifications are shown in time"
            );
        }
    }

    /// Presses a button as a person does with dunst: by its context menu.
    async fn press(&self, action: &str) {
        fs::write(self.directory.path().join("wanted"), action).expect("write");
        self.ask(DUNST, "ContextMenuCall")
            .await
            .expect("dunst opens its menu");
    }

    async fn end(self) {
        self.token.cancel();
        let ended = tokio::time::timeout(DEADLINE, self.run)
            .await
            .expect("in time");
        ended.expect("no panic").expect("no error");
    }
}

fn ringing() -> Notification {
    let action = |id: &str, label: &str| Action {
        id: id.to_owned(),
        label: label.to_owned(),
    };
    Notification {
        summary: "Alice <b>Example</b> & co".to_owned(),
        body: "Incoming <video> call".to_owned(),
        urgency: Urgency::Critical,
        category: "call.incoming".to_owned(),
        actions: vec![
            action("default", "Show"),
            action("answer", "Answer"),
            action("decline", "Decline"),
        ],
        expiry: Expiry::Never,
        silent: true,
        ..Notification::default()
    }
}

fn key(word: &str) -> Key {
    Key(word.to_owned())
}

fn acted(event: &NotifyEvent) -> Option<(&str, &str)> {
    if let NotifyEvent::Action { key, action, .. } = event {
        Some((&key.0, action))
    } else {
        None
    }
}

#[tokio::test]
async fn a_pressed_button_comes_back_with_its_notification() {
    let Some(mut desk) = Desk::new().await else {
        return;
    };
    let Some(_dunst) = desk.dunst().await else {
        return;
    };
    desk.notifier.show(key("call-1"), ringing());
    desk.until_displayed(1).await;
    desk.press("decline").await;
    assert_eq!(acted(&desk.next().await), Some(("call-1", "decline")));
    desk.end().await;
}

#[tokio::test]
async fn text_of_a_caller_is_never_markup() {
    assert_eq!(escape("<b>&\"'"), "&lt;b&gt;&amp;&quot;&apos;");
    assert_eq!(
        file_uri(Path::new("/a b/ä.png")),
        "file:///a%20b/%C3%A4.png"
    );
    let Some(mut desk) = Desk::new().await else {
        return;
    };
    let Some(_dunst) = desk.dunst().await else {
        return;
    };
    desk.notifier.show(key("call-1"), ringing());
    desk.until_displayed(1).await;
    desk.notifier.close(&key("call-1"));
    desk.until_displayed(0).await;
    let history = desk
        .ask(DUNST, "NotificationListHistory")
        .await
        .expect("dunst answers");
    let text = format!("{:?}", history.body().deserialize::<zbus::Structure<'_>>());
    let shown = text.contains("Incoming &lt;video&gt; call");
    assert!(shown, "{text}");
    desk.end().await;
}

#[tokio::test]
async fn showing_again_replaces_in_place_and_closing_takes_it_away() {
    let Some(mut desk) = Desk::new().await else {
        return;
    };
    let Some(_dunst) = desk.dunst().await else {
        return;
    };
    desk.notifier.show(key("call-1"), ringing());
    desk.until_displayed(1).await;
    let mut changed = ringing();
    changed.summary = "Bob".to_owned();
    desk.notifier.show(key("call-1"), changed);
    desk.notifier.show(key("call-2"), ringing());
    desk.until_displayed(2).await;
    desk.notifier.close(&key("call-1"));
    desk.until_displayed(1).await;
    desk.press("answer").await;
    assert_eq!(acted(&desk.next().await), Some(("call-2", "answer")));
    desk.end().await;
}

#[tokio::test]
async fn one_the_person_put_away_is_told_and_stays_away_until_it_changes() {
    let Some(mut desk) = Desk::new().await else {
        return;
    };
    let Some(_dunst) = desk.dunst().await else {
        return;
    };
    desk.notifier.show(key("call-1"), ringing());
    desk.until_displayed(1).await;
    desk.ask(DUNST, "NotificationCloseLast")
        .await
        .expect("dunst closes it");
    let why = Closed::Dismissed;
    assert_eq!(
        desk.next().await,
        NotifyEvent::Closed {
            key: key("call-1"),
            why
        }
    );
    desk.notifier.show(key("call-1"), ringing());
    desk.notifier.show(key("call-2"), ringing());
    desk.until_displayed(1).await;
    let mut changed = ringing();
    changed.body = "Missed call".to_owned();
    desk.notifier.show(key("call-1"), changed);
    desk.until_displayed(2).await;
    desk.end().await;
}

#[tokio::test]
async fn an_answer_forged_by_another_client_is_ignored() {
    let Some(mut desk) = Desk::new().await else {
        return;
    };
    let Some(_dunst) = desk.dunst().await else {
        return;
    };
    desk.notifier.show(key("call-1"), ringing());
    desk.until_displayed(1).await;
    // To everyone, and to each client by its unique name, which no match rule holds back.
    let bus = "org.freedesktop.DBus";
    let names: Vec<String> = desk
        .other
        .call_method(
            Some(bus),
            "/org/freedesktop/DBus",
            Some(bus),
            "ListNames",
            &(),
        )
        .await
        .expect("the bus answers")
        .body()
        .deserialize()
        .expect("names");
    let unique = names.iter().filter(|name| name.starts_with(':'));
    let targets: Vec<Option<&str>> = unique
        .map(|name| Some(name.as_str()))
        .chain([None])
        .collect();
    // More than any queue holds, so that a flood does not stop the real one either.
    for id in 1..100_u32 {
        for &target in &targets {
            desk.other
                .emit_signal(
                    target,
                    PATH,
                    NOTIFICATIONS,
                    "ActionInvoked",
                    &(id, "answer"),
                )
                .await
                .expect("sent");
        }
    }
    desk.press("decline").await;
    assert_eq!(acted(&desk.next().await), Some(("call-1", "decline")));
    desk.end().await;
}

#[tokio::test]
async fn a_restarted_server_shows_again_what_is_wanted() {
    let Some(mut desk) = Desk::new().await else {
        return;
    };
    let Some(dunst) = desk.dunst().await else {
        return;
    };
    desk.notifier.show(key("call-1"), ringing());
    desk.until_displayed(1).await;
    drop(dunst);
    let NotifyEvent::Missing { why } = desk.next().await else {
        panic!("its end is told");
    };
    assert!(why.contains("dunst or mako"), "{why}");
    let Some(_dunst) = desk.dunst().await else {
        return;
    };
    desk.until_displayed(1).await;
    desk.press("answer").await;
    assert_eq!(acted(&desk.next().await), Some(("call-1", "answer")));
    desk.end().await;
}

#[tokio::test]
async fn without_a_server_one_warning_is_given_and_the_feature_comes_back_with_one() {
    let Some(mut desk) = Desk::new().await else {
        return;
    };
    for call in ["call-1", "call-2", "call-3"] {
        desk.notifier.show(key(call), ringing());
    }
    assert!(matches!(desk.next().await, NotifyEvent::Missing { .. }));
    desk.notifier.close(&key("call-3"));
    // The next event is the server's: there was no second warning.
    let Some(_dunst) = desk.dunst().await else {
        return;
    };
    desk.until_displayed(2).await;
    desk.end().await;
}

#[tokio::test]
async fn stopping_takes_every_notification_away() {
    let Some(mut desk) = Desk::new().await else {
        return;
    };
    let Some(_dunst) = desk.dunst().await else {
        return;
    };
    desk.notifier.show(key("call-1"), ringing());
    desk.until_displayed(1).await;
    desk.token.cancel();
    desk.until_displayed(0).await;
    desk.end().await;
}
