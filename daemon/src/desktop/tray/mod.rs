//! An icon in the tray, with a menu (`org.kde.StatusNotifierItem`), where the desktop has one.
//!
//! Owns: being there or not, and with whom it is registered. Does not own: what it says and what its
//! menu does (the app), who may ask (the gate that the objects lie behind). Invariant: without a
//! watcher, or unwanted, nothing of it is on the bus.
//!
//! The crate for it (ksni 0.3.7) brings a second D-Bus library, and a connection of its own on which
//! nobody would look at who asks.

mod item;
mod menu;

use futures_util::StreamExt as _;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};
use zbus::{Connection, MessageStream};

pub use menu::{Entry, Wish};

use self::{
    item::Item,
    menu::{Ids, Menu},
};
use crate::bus::{Remote, owner, owner_changes, release_name, take_name, words};

const WATCHER: &str = "org.kde.StatusNotifierWatcher";
const WATCHER_PATH: &str = "/StatusNotifierWatcher";

/// What the icon says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Look {
    /// Nothing: trays fold it away.
    #[default]
    Idle,
    /// Calls were missed.
    Missed(u32),
    /// A call is on.
    Talking,
    /// A call rings.
    Ringing,
}

/// What stands in the tray.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// Whether the user wants it.
    pub is_wanted: bool,
    /// What the icon says.
    pub look: Look,
    /// The same in words.
    pub words: String,
    /// Its menu.
    pub menu: Vec<Entry>,
}

/// The name that watchers know it by; it goes when the name does.
#[must_use]
pub fn name() -> String {
    format!("org.kde.StatusNotifierItem-{}-1", std::process::id())
}

/// The tray's task. Must be run.
pub struct Tray {
    bus: Connection,
    objects: Connection,
    shown: watch::Receiver<Shown>,
    pressed: mpsc::Sender<Wish>,
    /// What the objects show.
    menu: watch::Sender<Menu>,
    ids: Ids,
    /// What was told last; none: it is not there.
    told: Option<Shown>,
}

impl Tray {
    /// A tray for what is `shown`.
    #[must_use]
    pub fn new(
        (bus, objects): (Connection, Connection),
        shown: watch::Receiver<Shown>,
        pressed: mpsc::Sender<Wish>,
    ) -> Self {
        let menu = watch::Sender::new(Menu::default());
        Self { bus, objects, shown, pressed, menu, ids: Ids::default(), told: None }
    }

    /// Runs until `token` is cancelled.
    pub async fn run(mut self, token: CancellationToken) {
        let ended = tokio::select! {
            () = token.cancelled() => Ok(()),
            ended = self.follow() => ended,
        };
        if let Err(error) = ended {
            warn!(%error, "no icon in the tray");
        }
        self.withdraw().await;
        token.cancelled().await;
    }

    async fn follow(&mut self) -> zbus::Result<()> {
        let rule = owner_changes(Some(WATCHER))?;
        let mut changes = MessageStream::for_match_rule(rule, &self.bus, None).await?;
        let mut watcher = owner(&self.bus, WATCHER).await;
        let mut registered = None;
        if watcher.is_none() {
            debug!("this desktop has no tray");
        }
        loop {
            let shown = self.shown.borrow_and_update().clone();
            if shown.is_wanted && watcher.is_some() {
                self.show(shown).await?;
                if registered != watcher {
                    self.register().await;
                    registered.clone_from(&watcher);
                }
            } else {
                self.withdraw().await;
                registered = None;
            }
            tokio::select! {
                changed = self.shown.changed() => if changed.is_err() {
                    return Ok(());
                },
                Some(_) = changes.next() => watcher = owner(&self.bus, WATCHER).await,
            }
        }
    }

    async fn show(&mut self, shown: Shown) -> zbus::Result<()> {
        let before = self.told.replace(shown.clone());
        let is_new = self.menu.send_if_modified(|menu| menu.become_of(&shown.menu, &mut self.ids));
        let Some(before) = before else { return self.appear().await };
        if is_new {
            let revision = self.menu.borrow().revision();
            menu::tell(&self.objects, revision).await?;
        }
        item::tell(&self.objects, &before, &shown).await
    }

    async fn appear(&self) -> zbus::Result<()> {
        let server = self.objects.object_server();
        server.at(item::PATH, Item::new(self.shown.clone(), self.pressed.clone())).await?;
        let (menu, pressed) = (self.menu.subscribe(), self.pressed.clone());
        server.at(menu::PATH, menu::Object::new(menu, pressed)).await?;
        take_name(&self.bus, &name(), 0).await.map(drop)
    }

    async fn register(&self) {
        let watcher = Remote::new(&self.bus, WATCHER, WATCHER_PATH, WATCHER);
        if let Err(error) = watcher.call("RegisterStatusNotifierItem", &(name(),)).await {
            warn!(why = words(&error), "no icon in the tray");
        }
    }

    async fn withdraw(&mut self) {
        if self.told.take().is_none() {
            return;
        }
        let released = release_name(&self.bus, &name()).await;
        let server = self.objects.object_server();
        let item = server.remove::<Item, _>(item::PATH).await.map(drop);
        let menu = server.remove::<menu::Object, _>(menu::PATH).await.map(drop);
        for error in [released, item, menu].into_iter().filter_map(Result::err) {
            debug!(%error, "the tray");
        }
    }
}
