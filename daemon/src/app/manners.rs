//! What a call asks of the rest of the desktop: players rest, the machine stays awake. And the keys
//! that the user has given us there.
//!
//! Owns: when. Does not own: how (`desktop`). Invariant: both follow from the calls there are, after
//! every input; nothing is counted.

use ahoy_core::{
    engine::{Attention, Command},
    id::Now,
};
use tokio::sync::{mpsc, oneshot, watch};

use super::{App, Waiter, request::Request};
use crate::{
    desktop::{
        awake, players,
        shortcuts::{self, Shortcut},
    },
    tasks::Tasks,
};

/// Keys that wait; more are no wish any more.
const KEYS: usize = 8;

/// To the tasks: whether it is wanted now.
pub(super) struct Manners {
    rest: watch::Sender<bool>,
    awake: watch::Sender<bool>,
    keys: watch::Sender<bool>,
    pressed: mpsc::Receiver<Shortcut>,
}

impl Manners {
    /// Starts the tasks. They follow what is shown.
    pub(super) fn start(
        bus: &zbus::Connection,
        system_bus: Option<String>,
        tasks: &mut Tasks,
    ) -> Self {
        let (rest, wanted) = watch::channel(false);
        let on = bus.clone();
        tasks.spawn("players", |token| players::run(on, wanted, token));
        let (awake, wanted) = watch::channel(false);
        let on = bus.clone();
        tasks.spawn("staying awake", |token| awake::run(on, system_bus, wanted, token));
        let (keys, wanted) = watch::channel(false);
        let (press, pressed) = mpsc::channel(KEYS);
        let on = bus.clone();
        tasks.spawn("keys of the desktop", |token| shortcuts::run(on, wanted, press, token));
        Self { rest, awake, keys, pressed }
    }

    /// Whether the user wants keys of the desktop.
    pub(super) fn set_keys(&self, wanted: bool) {
        tell(&self.keys, wanted);
    }

    /// The next key that is pressed.
    pub(super) async fn pressed(&mut self) -> Shortcut {
        match self.pressed.recv().await {
            Some(shortcut) => shortcut,
            None => std::future::pending().await,
        }
    }

    /// What the calls want now; `players`: whether the user lets us pause any.
    pub(super) fn reconcile(&self, wanted: &Attention, players: bool) {
        tell(&self.rest, players && (wanted.ring.is_some() || wanted.in_call));
        tell(&self.awake, wanted.in_call);
    }
}

impl App {
    /// A key of the desktop was pressed: what any controller may ask for.
    pub(super) async fn key_pressed(&mut self, now: Now, shortcut: Shortcut) {
        let command = match shortcut {
            Shortcut::Talk => {
                let (answer, answered) = oneshot::channel();
                self.request(now, Request::Listen(None, answer)).await;
                if let Ok(Err(fault)) = answered.await {
                    self.prompt(now, fault.text, Vec::new()).await;
                }
                return;
            }
            Shortcut::Primary => Command::PressPrimary,
            Shortcut::Secondary => Command::PressSecondary,
            Shortcut::Silence => Command::SilenceRinger,
        };
        self.carry_out(now, Waiter::Desktop, command).await;
    }
}

fn tell(to: &watch::Sender<bool>, wanted: bool) {
    to.send_if_modified(|told| std::mem::replace(told, wanted) != wanted);
}
