//! Whether the desktop was asked not to disturb: KDE, GNOME, Phosh and dunst.
//!
//! Owns: finding out who shows notifications, and what it says. Does not own: which calls ring then (the
//! filter). Invariant: nobody is started for this; a desktop that says nothing disturbs.

use std::{io, process::Stdio};

use futures_util::{StreamExt as _, stream};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    sync::watch,
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};
use zbus::{Connection, MatchRule, MessageStream, OwnedVariant, message::Type};

use crate::bus::{Remote, owner, owner_changes};

const NAME: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
/// Where GNOME's Shell, and Phosh, keep it.
const SCHEMA: &str = "org.gnome.desktop.notifications";
const KEY: &str = "show-banners";

/// Where a server says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// A property of its object, by interface and name: true is quiet.
    Property(&'static str, &'static str),
    /// A setting that others keep: banners are shown.
    Banners,
}

/// By what the server calls itself.
fn place(server: &str) -> Option<Place> {
    match server {
        "gnome-shell" | "Phosh Notify Daemon" => Some(Place::Banners),
        "dunst" => Some(Place::Property("org.dunstproject.cmd0", "paused")),
        "Plasma" => Some(Place::Property(NAME, "Inhibited")),
        _ => None,
    }
}

/// Tells `quiet` until `token` is cancelled.
pub async fn run(bus: Connection, quiet: watch::Sender<bool>, token: CancellationToken) {
    let follow = async {
        if let Err(error) = follow(&bus, &quiet).await {
            warn!(%error, "the desktop's Do Not Disturb is not followed");
            quiet.send_replace(false);
        }
    };
    tokio::select! {
        () = token.cancelled() => return,
        () = follow => {}
    }
    token.cancelled().await;
}

async fn follow(bus: &Connection, quiet: &watch::Sender<bool>) -> zbus::Result<()> {
    let mut changes = stream::SelectAll::new();
    let told = MatchRule::builder().msg_type(Type::Signal).sender(NAME).path(PATH);
    let told = told.interface(PROPERTIES).member("PropertiesChanged").build()?;
    for rule in [told, owner_changes(Some(NAME))?] {
        changes.push(MessageStream::for_match_rule(rule, bus, None).await?);
    }
    let mut banners = Banners::default();
    loop {
        let server = server(bus).await;
        let now = match server.as_deref().and_then(place) {
            Some(Place::Property(interface, name)) => {
                banners = Banners::default();
                property(bus, interface, name).await
            }
            Some(Place::Banners) => !banners.shown().await,
            None => {
                banners = Banners::default();
                false
            }
        };
        debug!(server, quiet = now, "the desktop's Do Not Disturb");
        quiet.send_if_modified(|told| std::mem::replace(told, now) != now);
        tokio::select! {
            change = changes.next() => if change.is_none() { return Ok(()) },
            () = banners.changed() => {}
        }
    }
}

/// What shows notifications, as it calls itself.
async fn server(bus: &Connection) -> Option<String> {
    let owner = owner(bus, NAME).await?;
    let reply = Remote::new(bus, &owner, PATH, NAME).call("GetServerInformation", &()).await;
    let told =
        reply.and_then(|reply| reply.body().deserialize::<(String, String, String, String)>());
    told.inspect_err(|error| debug!(%error, "who shows notifications")).ok().map(|(name, ..)| name)
}

async fn property(bus: &Connection, interface: &str, name: &str) -> bool {
    let reply = Remote::new(bus, NAME, PATH, PROPERTIES).call("Get", &(interface, name)).await;
    let value = reply.and_then(|reply| reply.body().deserialize::<OwnedVariant>());
    value
        .inspect_err(|error| debug!(%error, name, "Do Not Disturb"))
        .is_ok_and(|value| bool::try_from(value).unwrap_or(false))
}

/// A setting that is followed by the desktop's own program for it: what keeps settings differs from
/// machine to machine.
#[derive(Default)]
struct Banners {
    monitor: Option<Monitor>,
    /// It said why it cannot.
    warned: bool,
}

struct Monitor {
    _child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Banners {
    /// Whether banners are shown; yes where nobody knows.
    async fn shown(&mut self) -> bool {
        // Followed first: what changes meanwhile is read or told.
        if self.monitor.is_none() {
            match monitor() {
                Ok(monitor) => self.monitor = Some(monitor),
                Err(error) => self.fail(&error),
            }
        }
        let output = gsettings(&["get", SCHEMA, KEY]).stdin(Stdio::null()).output().await;
        output.map_or(true, |output| output.stdout.trim_ascii() != b"false")
    }

    fn fail(&mut self, error: &io::Error) {
        if !std::mem::replace(&mut self.warned, true) {
            warn!(%error, "the desktop's Do Not Disturb is not followed: is gsettings installed?");
        }
    }

    /// Waits for a change; for ever where nothing is followed.
    async fn changed(&mut self) {
        if let Some(monitor) = &mut self.monitor
            && let Ok(Some(_)) = monitor.lines.next_line().await
        {
            return;
        }
        // One that ended is started when something else changes, not over and over.
        std::future::pending().await
    }
}

fn monitor() -> io::Result<Monitor> {
    let mut child = gsettings(&["monitor", SCHEMA, KEY]).stdin(Stdio::null()).spawn()?;
    let stdout = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
    Ok(Monitor { _child: child, lines: BufReader::new(stdout).lines() })
}

fn gsettings(arguments: &[&str]) -> Command {
    let mut command = Command::new("gsettings");
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    command
}
