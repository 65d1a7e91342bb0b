//! Media keys for calls: a player of MPRIS (`org.mpris.MediaPlayer2`), because desktops give the keys of
//! keyboards, and the buttons of headsets over Bluetooth, to players.
//!
//! Owns: being there or not. Does not own: what a key does (the app), who may press (the gate that the
//! objects lie behind). Invariant: it is on the bus only while a call rings or is on, so that at all
//! other times the keys are music's.
//!
//! The crate for it (mpris-server 0.9) brings a connection of its own, on which nobody would look at
//! who asks.

mod player;
mod root;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};
use zbus::Connection;

use self::{player::Player, root::Root};
use crate::bus::{release_name, take_name};

/// The name that desktops know it by.
pub const NAME: &str = "org.mpris.MediaPlayer2.ahoy";
const PATH: &str = "/org/mpris/MediaPlayer2";

/// A key or a button, as MPRIS knows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Press {
    /// On, but never off.
    Play,
    /// Off, but never on.
    Pause,
    /// The one key that most have.
    PlayPause,
    /// Stop, or next: two presses of a headset's only button.
    Stop,
    /// Show it.
    Raise,
}

/// What a player "plays".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// A call rings; silently or not.
    Ringing {
        /// Nothing is heard of it any more.
        silenced: bool,
    },
    /// A call is on.
    Talking {
        /// Nothing is heard there.
        muted: bool,
    },
}

/// The call that the keys are for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// What goes on.
    pub stage: Stage,
    /// Who it is; empty where nobody is to know.
    pub name: String,
}

/// The player's task. Must be run.
pub struct MediaKeys {
    bus: Connection,
    objects: Connection,
    shown: watch::Receiver<Option<Shown>>,
    pressed: mpsc::Sender<Press>,
    is_there: bool,
}

impl MediaKeys {
    /// Keys for what is `shown`.
    #[must_use]
    pub fn new(
        (bus, objects): (Connection, Connection),
        shown: watch::Receiver<Option<Shown>>,
        pressed: mpsc::Sender<Press>,
    ) -> Self {
        Self { bus, objects, shown, pressed, is_there: false }
    }

    /// Runs until `token` is cancelled.
    pub async fn run(mut self, token: CancellationToken) {
        let ended = tokio::select! {
            () = token.cancelled() => Ok(()),
            ended = self.follow() => ended,
        };
        if let Err(error) = ended {
            warn!(%error, "no media keys for calls");
        }
        self.withdraw().await;
        token.cancelled().await;
    }

    async fn follow(&mut self) -> zbus::Result<()> {
        loop {
            let shown = self.shown.borrow_and_update().clone();
            match shown {
                Some(shown) => self.show(shown).await?,
                None => self.withdraw().await,
            }
            if self.shown.changed().await.is_err() {
                return Ok(());
            }
        }
    }

    async fn show(&mut self, shown: Shown) -> zbus::Result<()> {
        if !std::mem::replace(&mut self.is_there, true) {
            return self.appear(shown).await;
        }
        let player = self.objects.object_server().interface::<_, Player>(PATH).await?;
        let before = player.get_mut().await.become_of(shown);
        player.get().await.tell(player.signal_emitter(), &before).await
    }

    async fn appear(&self, shown: Shown) -> zbus::Result<()> {
        let server = self.objects.object_server();
        server.at(PATH, Root::new(self.pressed.clone())).await?;
        server.at(PATH, Player::new(shown, self.pressed.clone())).await?;
        if !take_name(&self.bus, NAME, 0).await? {
            warn!("no media keys for calls: another program is called {NAME}");
        }
        Ok(())
    }

    async fn withdraw(&mut self) {
        if !std::mem::take(&mut self.is_there) {
            return;
        }
        let released = release_name(&self.bus, NAME).await;
        let server = self.objects.object_server();
        let player = server.remove::<Player, _>(PATH).await.map(drop);
        let root = server.remove::<Root, _>(PATH).await.map(drop);
        for error in [released, player, root].into_iter().filter_map(Result::err) {
            debug!(%error, "media keys");
        }
    }
}
