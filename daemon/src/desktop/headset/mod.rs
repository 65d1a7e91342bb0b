//! The buttons of headsets on USB and Bluetooth, through hidraw (kernel documentation, hid/hidraw).
//!
//! Owns: which headsets are open, what is read from them and written to them. Does not own: what their
//! bytes mean and a press asks for (`ahoy_core::headset`), or doing it (the app). Invariant: a device
//! without a button of a telephone is never opened, and none is while nobody wants buttons.

mod device;
mod find;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, time::Duration};

use ahoy_core::headset::{Scene, Wish};
use tokio::{
    sync::{mpsc, watch},
    task::{Id, JoinSet},
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use self::{device::Device, find::Changes};
pub use find::{Hardware, Node, System};

/// The system changes who may open a device a moment after it came; events come in bursts.
const SETTLE: Duration = Duration::from_millis(300);
/// Who may not open a device by then may not for good.
const PATIENCE: Duration = Duration::from_secs(3);

/// What the app wants of headsets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Their buttons are to be read.
    pub on: bool,
    /// What they need to know.
    pub scene: Scene,
}

/// What there is, for `doctor`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Headsets whose buttons are read.
    pub open: usize,
    /// Those that we may not open.
    pub denied: usize,
}

/// Headsets that are open.
#[derive(Default)]
struct Open {
    tasks: JoinSet<()>,
    nodes: BTreeMap<Node, Id>,
    /// Those that could not be opened, and since when that has been tried.
    refused: BTreeMap<Node, Instant>,
}

/// Everything that a device's task needs.
struct Desk<H> {
    hardware: H,
    wanted: watch::Receiver<Wanted>,
    wishes: mpsc::Sender<Wish>,
    state: watch::Sender<State>,
    warned: bool,
}

/// Reads the buttons of all headsets while `wanted` says so, and tells of what they ask for, until
/// `token` is cancelled; then their lamps are off.
pub async fn run(
    hardware: impl Hardware,
    mut wanted: watch::Receiver<Wanted>,
    wishes: mpsc::Sender<Wish>,
    state: watch::Sender<State>,
    token: CancellationToken,
) {
    let devices = wanted.clone();
    let mut desk = Desk { hardware, wanted: devices, wishes, state, warned: false };
    loop {
        tokio::select! {
            () = token.cancelled() => return,
            on = becomes(&mut wanted, true) => if !on {
                return token.cancelled().await;
            },
        }
        let child = token.child_token();
        // The devices hear of the end by their token, and turn their lamps off before it is one.
        let off = async {
            becomes(&mut wanted, false).await;
            child.cancel();
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = desk.serve(&child) => {}
            () = off => {}
        }
    }
}

impl<H: Hardware> Desk<H> {
    async fn serve(&mut self, token: &CancellationToken) {
        let mut open = Open::default();
        let mut changes = self.hardware.changes();
        if let Err(error) = &changes {
            warn!(%error, "headsets that are plugged in later are not noticed");
        }
        let mut look = Some(Instant::now());
        loop {
            tokio::select! {
                () = token.cancelled() => break,
                () = at(look) => look = self.look(&mut open, token),
                () = changed(changes.as_mut().ok()) => look = Some(Instant::now() + SETTLE),
                ended = open.tasks.join_next_with_id(), if !open.tasks.is_empty() => {
                    let id = match ended {
                        Some(Ok((id, ()))) => Some(id),
                        Some(Err(error)) => Some(error.id()),
                        None => None,
                    };
                    open.nodes.retain(|_, one| Some(*one) != id);
                    self.tell(&open);
                }
            }
        }
        while open.tasks.join_next().await.is_some() {}
        self.state.send_replace(State::default());
    }

    /// Opens what has come. When to look again.
    fn look(&mut self, open: &mut Open, token: &CancellationToken) -> Option<Instant> {
        let found = self.hardware.scan();
        open.refused.retain(|node, _| found.contains_key(node));
        for (node, layout) in found {
            if open.nodes.contains_key(&node) {
                continue;
            }
            match self.hardware.open(&node).and_then(|file| Device::new(file, layout)) {
                Ok(device) => {
                    info!(%node, "the buttons of a headset");
                    open.refused.remove(&node);
                    let (wanted, wishes) = (self.wanted.clone(), self.wishes.clone());
                    let task = device.run(wanted, wishes, token.child_token());
                    open.nodes.insert(node, open.tasks.spawn(task).id());
                }
                Err(error) => {
                    debug!(%node, %error, "a headset");
                    open.refused.entry(node).or_insert_with(Instant::now);
                }
            }
        }
        self.tell(open);
        self.complain(open)
    }

    /// Says once that headsets may not be opened. When to try again, where that is worth it.
    fn complain(&mut self, open: &Open) -> Option<Instant> {
        let since = open.refused.values().max()?;
        let patient = *since + PATIENCE;
        if Instant::now() < patient {
            return Some(patient.min(Instant::now() + 3 * SETTLE));
        }
        if !std::mem::replace(&mut self.warned, true) {
            warn!("the buttons of a headset may not be read: `ahoyctl doctor` says what to do");
        }
        None
    }

    fn tell(&self, open: &Open) {
        let state = State { open: open.nodes.len(), denied: open.refused.len() };
        self.state.send_replace(state);
    }
}

/// Waits until they are to be read, or not to be; false: that can never be any more.
async fn becomes(wanted: &mut watch::Receiver<Wanted>, on: bool) -> bool {
    wanted.wait_for(|wanted| wanted.on == on).await.is_ok()
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

async fn changed(changes: Option<&mut Changes>) {
    match changes {
        Some(changes) => changes.next().await,
        None => std::future::pending().await,
    }
}
