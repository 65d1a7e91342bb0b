//! The words of `org.freedesktop.Notifications` 1.2, and nothing more.
//!
//! Owns: hints, escaping, reading of signals. Does not own: what is
//! wanted. Invariant: no text from a caller becomes
//! markup.

use std::{collections::HashMap, path::Path};

use futures_util::{Stream, StreamExt as _, stream};
use zbus::{
    Connection, MatchRule, Message, MessageStream, Variant, message::Type, names::UniqueName,
};

use super::{Expiry, Notification, Server};
use crate::bus::{BUS, Remote, owner_changes};

pub(super) const NAME: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";
/// GNOME takes icon, name and its policy for the lock screen from this .desktop file.
const DESKTOP_ENTRY: &str = "org.ahoycall.Ahoy";

/// Something the bus said that concerns us.
pub(super) enum Signal {
    /// The service has another owner now, or none.
    Owner(Option<String>),
    /// `NotificationClosed`.
    Closed { id: u32, reason: u32 },
    /// `ActivationToken`.
    Token { id: u32, token: String },
    /// `ActionInvoked`.
    Action { id: u32, action: String },
}

/// The unique name of the one who sent a signal.
pub(super) type Sender = String;

/// Subscribes before anything is shown, so that no click is lost.
pub(super) async fn signals(
    connection: &Connection,
) -> zbus::Result<impl Stream<Item = (Sender, Signal)> + use<>> {
    let owner = owner_changes(Some(NAME))?;
    // With the name in the rule, the bus itself holds back broadcasts of others.
    let server = MatchRule::builder()
        .msg_type(Type::Signal)
        .sender(NAME)
        .interface(NAME)
        .path(PATH)
        .build()?;
    let owner = MessageStream::for_match_rule(owner, connection, None).await?;
    let server = MessageStream::for_match_rule(server, connection, None).await?;
    let both = stream::select(owner, server);
    Ok(both.filter_map(|message| std::future::ready(message.ok().as_ref().and_then(read))))
}

fn read(message: &Message) -> Option<(Sender, Signal)> {
    let header = message.header();
    let sender = header.sender()?.to_string();
    let member = header.member()?.to_string();
    let body = message.body();
    let signal = match member.as_str() {
        "NameOwnerChanged" if sender == BUS => {
            let (name, _, new): (&str, &str, &str) = body.deserialize().ok()?;
            (name == NAME).then_some(())?;
            Signal::Owner(Some(new.to_owned()).filter(|new| !new.is_empty()))
        }
        "NotificationClosed" => {
            let (id, reason) = body.deserialize().ok()?;
            Signal::Closed { id, reason }
        }
        "ActivationToken" => {
            let (id, token) = body.deserialize().ok()?;
            Signal::Token { id, token }
        }
        "ActionInvoked" => {
            let (id, action) = body.deserialize().ok()?;
            Signal::Action { id, action }
        }
        _ => return None,
    };
    Some((sender, signal))
}

/// What the server is and can do. What it does not tell is left empty.
pub(super) async fn describe(connection: &Connection, server: &str) -> Server {
    let mut described = Server::default();
    if let Ok(reply) =
        Remote::new(connection, server, PATH, NAME).call("GetServerInformation", &()).await
        && let Ok((name, _, version, _)) =
            reply.body().deserialize::<(String, String, String, String)>()
    {
        (described.name, described.version) = (name, version);
    }
    if let Ok(reply) =
        Remote::new(connection, server, PATH, NAME).call("GetCapabilities", &()).await
    {
        described.capabilities = reply.body().deserialize().unwrap_or_default();
    }
    described
}

/// Shows a notification or replaces one. Tells its id and who shows it.
///
/// Sent to the well-known name, so that the bus starts a server that is not running.
pub(super) async fn notify(
    connection: &Connection,
    server: &Server,
    replaces: u32,
    wanted: &Notification,
) -> zbus::Result<(u32, Sender)> {
    let actions: Vec<&str> = wanted
        .actions
        .iter()
        .flat_map(|action| [action.id.as_str(), action.label.as_str()])
        .collect();
    let body = if server.can("body-markup") { escape(&wanted.body) } else { wanted.body.clone() };
    let expires_ms: i32 = match wanted.expiry {
        Expiry::Default => -1,
        Expiry::Never => 0,
    };
    let arguments = (
        "Ahoy",
        replaces,
        DESKTOP_ENTRY,
        plain(&wanted.summary),
        plain(&body),
        actions,
        hints(wanted),
        expires_ms,
    );
    let reply = Remote::new(connection, NAME, PATH, NAME).call("Notify", &arguments).await?;
    let sender = reply.header().sender().map(UniqueName::to_string).unwrap_or_default();
    Ok((reply.body().deserialize()?, sender))
}

/// Takes a notification away. One that is gone already is no error for us.
pub(super) async fn close(connection: &Connection, server: &str, id: u32) {
    let _ = Remote::new(connection, server, PATH, NAME).call("CloseNotification", &(id,)).await;
}

fn hints(wanted: &Notification) -> HashMap<&'static str, Variant<'static>> {
    let mut hints = HashMap::from([
        ("urgency", Variant::from(wanted.urgency as u8)),
        ("desktop-entry", Variant::from(DESKTOP_ENTRY)),
    ]);
    if !wanted.category.is_empty() {
        hints.insert("category", Variant::from(wanted.category.clone()));
    }
    if let Some(image) = &wanted.image {
        hints.insert("image-path", Variant::from(file_uri(image)));
    }
    if wanted.silent {
        hints.insert("suppress-sound", Variant::from(true));
    }
    if wanted.shown_when_locked {
        hints.insert("x-gnome-privacy-scope", Variant::from("system"));
    }
    hints
}

/// The few characters that are markup.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// A caller's name may hold line breaks or terminal codes: each becomes a space.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect()
}

pub(super) fn file_uri(path: &Path) -> String {
    use std::{fmt::Write as _, os::unix::ffi::OsStrExt as _};
    let mut uri = String::from("file://");
    for &byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}
