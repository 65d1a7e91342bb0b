//! The task that makes what is shown follow what is wanted.
//!
//! Owns: the table of shown notifications. Does not own: the bus's words. Invariant: signals are
//! taken off the bus also while a call to the server is out, so that a flood of forged ones cannot
//! stop its reply.

use std::collections::{BTreeMap, HashMap};

use futures_util::{Stream, StreamExt as _};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};
use zbus::Connection;

use crate::bus::{is_absence, owner};

use super::{Closed, Key, Notification, NotifyEvent, Server, server, server::Signal};

/// Signals between the bus and the table. Clicks come one at a time; more is a flood.
const SIGNALS: usize = 64;
/// A server that dies of a notification gets it this often, not for ever.
const TRIES: u32 = 5;

/// Runs a [`super::Notifier`].
pub struct NotifierTask {
    connection: Connection,
    wanted: watch::Receiver<BTreeMap<Key, Notification>>,
    table: Table,
}

/// What is on the screen, as far as we know.
struct Table {
    events: mpsc::Sender<NotifyEvent>,
    shown: BTreeMap<Key, Shown>,
    /// The last owner of the service that was described, and what it can do.
    owner: Option<String>,
    described: Server,
    tokens: HashMap<u32, String>,
    told_missing: bool,
}

struct Shown {
    what: Notification,
    place: Place,
    tries: u32,
}

enum Place {
    /// With this id on this server.
    On { id: u32, server: String },
    /// Closed by the person, or refused by the server: not shown again as it is.
    Off,
    /// Lost with its server: to be shown again.
    Lost,
}

impl NotifierTask {
    pub(super) fn new(
        connection: Connection,
        wanted: watch::Receiver<BTreeMap<Key, Notification>>,
        events: mpsc::Sender<NotifyEvent>,
    ) -> Self {
        Self {
            connection,
            wanted,
            table: Table {
                events,
                shown: BTreeMap::new(),
                owner: None,
                described: Server::default(),
                tokens: HashMap::new(),
                told_missing: false,
            },
        }
    }

    /// Shows and closes until `token` is cancelled; then closes everything that is shown.
    ///
    /// # Errors
    /// The bus refused the subscription: the connection is of no use.
    pub async fn run(self, token: CancellationToken) -> zbus::Result<()> {
        let signals = server::signals(&self.connection).await?;
        let (up, heard) = mpsc::channel(SIGNALS);
        let work = self.work(heard, token);
        tokio::select! {
            // Ends with the connection.
            () = pump(signals, up) => {}
            () = work => {}
        }
        Ok(())
    }

    async fn work(self, mut heard: mpsc::Receiver<(String, Signal)>, token: CancellationToken) {
        let Self { connection, mut wanted, mut table } = self;
        if let Some(owner) = owner(&connection, server::NAME).await {
            table.owner_changed(&connection, Some(owner)).await;
        }
        loop {
            let now = wanted.borrow_and_update().clone();
            table.reconcile(&connection, &now).await;
            tokio::select! {
                () = token.cancelled() => break,
                changed = wanted.changed() => if changed.is_err() { break },
                signal = heard.recv() => match signal {
                    Some((sender, signal)) => table.hear(&connection, &sender, signal).await,
                    None => break,
                },
            }
        }
        table.reconcile(&connection, &BTreeMap::new()).await;
    }
}

async fn pump(signals: impl Stream<Item = (String, Signal)>, up: mpsc::Sender<(String, Signal)>) {
    let mut signals = std::pin::pin!(signals);
    while let Some((sender, signal)) = signals.next().await {
        // A change of owner is never lost; a flood of anything else is.
        let sent = if matches!(signal, Signal::Owner(_)) {
            up.send((sender, signal)).await.is_ok()
        } else {
            !matches!(up.try_send((sender, signal)), Err(mpsc::error::TrySendError::Closed(_)))
        };
        if !sent {
            return;
        }
    }
}

impl Table {
    async fn hear(&mut self, connection: &Connection, sender: &str, signal: Signal) {
        match signal {
            Signal::Owner(owner) => self.owner_changed(connection, owner).await,
            Signal::Token { id, token } => {
                if self.key_of(sender, id).is_some() {
                    self.tokens.insert(id, token);
                }
            }
            Signal::Action { id, action } => {
                if let Some(key) = self.key_of(sender, id) {
                    let activation_token = self.tokens.remove(&id);
                    self.tell(NotifyEvent::Action { key, action, activation_token });
                } else {
                    debug!(%sender, id, "ignored an action that its server did not send");
                }
            }
            Signal::Closed { id, reason } => self.closed(sender, id, reason),
        }
    }

    async fn owner_changed(&mut self, connection: &Connection, owner: Option<String>) {
        if self.owner == owner {
            return;
        }
        for shown in self.shown.values_mut() {
            let Place::On { server, .. } = &shown.place else {
                continue;
            };
            if Some(server) != owner.as_ref() {
                shown.place = Place::Lost;
            }
        }
        self.tokens.clear();
        if let Some(name) = &owner {
            self.described = server::describe(connection, name).await;
            self.told_missing = false;
            self.tell(NotifyEvent::Server(self.described.clone()));
        }
        self.owner = owner;
    }

    fn closed(&mut self, sender: &str, id: u32, reason: u32) {
        let Some(key) = self.key_of(sender, id) else {
            return;
        };
        self.tokens.remove(&id);
        if let Some(shown) = self.shown.get_mut(&key) {
            shown.place = Place::Off;
        }
        let why = match reason {
            1 => Closed::Expired,
            2 => Closed::Dismissed,
            // 3 is our own CloseNotification, whose entry is gone before this comes.
            _ => Closed::Other,
        };
        self.tell(NotifyEvent::Closed { key, why });
    }

    /// The notification of this id, if the server that shows it is the one who speaks.
    fn key_of(&self, sender: &str, id: u32) -> Option<Key> {
        self.shown.iter().find_map(|(key, shown)| match &shown.place {
            Place::On { id: own, server } => (*own == id && server == sender).then(|| key.clone()),
            Place::Off | Place::Lost => None,
        })
    }

    async fn reconcile(&mut self, connection: &Connection, wanted: &BTreeMap<Key, Notification>) {
        let unwanted: Vec<Key> =
            self.shown.keys().filter(|key| !wanted.contains_key(*key)).cloned().collect();
        for key in unwanted {
            if let Some(Shown { place: Place::On { id, server }, .. }) = self.shown.remove(&key) {
                self.tokens.remove(&id);
                server::close(connection, &server, id).await;
            }
        }
        for (key, what) in wanted {
            let (replaces, tries) = match self.shown.get(key) {
                None => (0, 0),
                Some(shown) if shown.what != *what => match shown.place {
                    Place::On { id, .. } => (id, 0),
                    Place::Off | Place::Lost => (0, 0),
                },
                Some(Shown { place: Place::Lost, tries, .. }) if *tries < TRIES => (0, *tries),
                Some(_) => continue,
            };
            let place = self.post(connection, replaces, what).await;
            // Where no server answered nothing was tried: a new one gets all its tries.
            let tries = match place {
                Place::On { .. } => tries + 1,
                Place::Off | Place::Lost => tries,
            };
            let what = what.clone();
            self.shown.insert(key.clone(), Shown { what, place, tries });
        }
    }

    async fn post(&mut self, connection: &Connection, replaces: u32, what: &Notification) -> Place {
        match server::notify(connection, &self.described, replaces, what).await {
            Ok((id, server)) => Place::On { id, server },
            Err(error) if is_absence(&error) => {
                // With an owner known, it went this moment: its successor is announced.
                if self.owner.is_none() {
                    self.missing(&error);
                }
                Place::Lost
            }
            Err(error) => {
                warn!(%error, "the notification server refused a notification");
                Place::Off
            }
        }
    }

    fn missing(&mut self, error: &zbus::Error) {
        if std::mem::replace(&mut self.told_missing, true) {
            return;
        }
        let why = format!(
            "no notification server answers ({error}): calls show in Ahoy's own window only; \
             start one, such as dunst or mako"
        );
        warn!("{why}");
        self.tell(NotifyEvent::Missing { why });
    }

    fn tell(&self, event: NotifyEvent) {
        if self.events.try_send(event).is_err() {
            debug!("nobody takes what happens to notifications");
        }
    }
}
