//! Notifications, held to what is wanted.
//!
//! Owns: which notifications exist on `org.freedesktop.Notifications`, under which ids, and whose
//! signals are believed. Does not own: their texts, or what a click means.
//! A proxy of our own, because notify-rust 4.19 subscribes after showing (a fast click is lost),
//! believes `ActionInvoked` from any client, has no `ActivationToken` (no window comes forward on
//! Wayland), opens a connection per notification (GNOME drops those of a vanished sender), and does
//! not notice a server's restart.
//! Invariant: what is shown follows what is wanted, also over restarts of the server; an action is
//! reported only if the server that shows the notification sent it.

mod run;
mod server;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, path::PathBuf};

use tokio::sync::{mpsc, watch};
use zbus::Connection;

pub use run::NotifierTask;

/// Events the app has not taken yet. Clicks are rare; when nobody takes them they are dropped.
const EVENTS: usize = 64;

/// Names one notification: the app's own word, such as a call's uuid.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(pub String);

/// How much it matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Urgency {
    /// Can wait.
    Low = 0,
    /// As most are.
    #[default]
    Normal = 1,
    /// Someone rings: stays until answered and passes the desktop's Do Not Disturb.
    Critical = 2,
}

/// How long it stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expiry {
    /// As the server likes.
    #[default]
    Default,
    /// Until closed.
    Never,
}

/// A button.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// What is reported when it is pressed; `default` is a click on the notification itself.
    pub id: String,
    /// What is on it.
    pub label: String,
}

/// What to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notification {
    /// One line of plain text.
    pub summary: String,
    /// Plain text; escaped where the server would read markup.
    pub body: String,
    /// How much it matters.
    pub urgency: Urgency,
    /// Such as `call.incoming`.
    pub category: String,
    /// In the order of the buttons; GNOME shows three beside `default`.
    pub actions: Vec<Action>,
    /// How long it stays.
    pub expiry: Expiry,
    /// A picture file, such as the caller's.
    pub image: Option<PathBuf>,
    /// The server is to play no sound: we ring ourselves.
    pub silent: bool,
    /// GNOME may show the text on its lock screen: only where the person said so.
    pub shown_when_locked: bool,
}

/// What the server is and can do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Server {
    /// Such as `gnome-shell`, `dunst`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Such as `actions`, `body-markup`.
    pub capabilities: Vec<String>,
}

impl Server {
    /// Whether it can do this.
    #[must_use]
    pub fn can(&self, capability: &str) -> bool {
        self.capabilities.iter().any(|known| known == capability)
    }
}

/// Why a notification is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// Its time was up.
    Expired,
    /// The person put it away.
    Dismissed,
    /// The server gave no reason, or one of its own.
    Other,
}

/// What the person or the server did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotifyEvent {
    /// A server is there.
    Server(Server),
    /// No server: notifications are off until one appears. Told once.
    Missing {
        /// Why, for people: names the cause and the next step.
        why: String,
    },
    /// A button was pressed.
    Action {
        /// Which notification.
        key: Key,
        /// [`Action::id`].
        action: String,
        /// Lets a window come forward on Wayland; used once.
        activation_token: Option<String>,
    },
    /// It was closed, not by us. It is not shown again until it is wanted differently.
    Closed {
        /// Which notification.
        key: Key,
        /// Why.
        why: Closed,
    },
}

/// Says which notifications are wanted. Cheap to clone; never waits.
#[derive(Clone)]
pub struct Notifier {
    wanted: watch::Sender<BTreeMap<Key, Notification>>,
}

impl Notifier {
    /// A notifier on `connection`, which must live as long as the daemon. The task must be run.
    #[must_use]
    pub fn new(connection: Connection) -> (Self, mpsc::Receiver<NotifyEvent>, NotifierTask) {
        let (wanted, watched) = watch::channel(BTreeMap::new());
        let (events, happened) = mpsc::channel(EVENTS);
        let task = NotifierTask::new(connection, watched, events);
        (Self { wanted }, happened, task)
    }

    /// Shows a notification, or changes the one of this key in place.
    pub fn show(&self, key: Key, notification: Notification) {
        self.wanted.send_if_modified(|wanted| {
            wanted.insert(key, notification.clone()).as_ref() != Some(&notification)
        });
    }

    /// Takes a notification away.
    pub fn close(&self, key: &Key) {
        self.wanted
            .send_if_modified(|wanted| wanted.remove(key).is_some());
    }
}
