//! What a call asks of the rest of the desktop: players rest, the machine stays awake.
//!
//! Owns: when. Does not own: how (`desktop`). Invariant: both follow from the calls there are, after
//! every input; nothing is counted.

use ahoy_core::engine::Attention;
use tokio::sync::watch;

use crate::{
    desktop::{awake, players},
    tasks::Tasks,
};

/// To the two tasks: whether it is wanted now.
pub(super) struct Manners {
    rest: watch::Sender<bool>,
    awake: watch::Sender<bool>,
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
        Self { rest, awake }
    }

    /// What the calls want now; `players`: whether the user lets us pause any.
    pub(super) fn reconcile(&self, wanted: &Attention, players: bool) {
        tell(&self.rest, players && (wanted.ring.is_some() || wanted.in_call));
        tell(&self.awake, wanted.in_call);
    }
}

fn tell(to: &watch::Sender<bool>, wanted: bool) {
    to.send_if_modified(|told| std::mem::replace(told, wanted) != wanted);
}
