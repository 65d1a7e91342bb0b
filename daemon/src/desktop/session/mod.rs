//! Whether the session is locked.
//!
//! Owns: asking those who know (logind on the system bus, the screen savers on the session's own)
//! and hearing when to ask again. Does not own: what may be done meanwhile (the app).
//! Locked is what any of them says. A request to lock (logind's `Lock`) counts at once, but must be
//! confirmed by one of them: a locker that takes it and tells nobody would not tell of its end
//! either, and the person could never call again.
//! Invariant: a signal only says "look again"; what is told is what the services answered after
//! it. Without any of them the session is open, and one line of the log says so.

mod logind;
mod saver;
#[cfg(test)]
mod tests;

use std::time::Duration;

use futures_util::{Stream, StreamExt as _, stream};
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};
use zbus::Connection;

use logind::Logind;

/// Signals not yet looked at. One is as good as many: past this they are dropped, because whatever
/// is queued makes the task look again after them.
const HEARD: usize = 16;
/// A locker covers the screen within this, or a request to lock was not for it.
const CONFIRMED: Duration = Duration::from_secs(5);

/// Where to find the person's session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Address of the system bus; `None`: the usual one.
    pub system_bus: Option<String>,
    /// Of the session this process belongs to (`XDG_SESSION_ID`), where it is known.
    pub id: Option<String>,
}

/// What the bus said that concerns us.
enum Heard {
    /// Something may have changed.
    Changed,
    /// A session is asked to lock or to unlock.
    Asked {
        /// Unique name of who says so.
        sender: String,
        /// Object path of the session.
        session: String,
        /// To lock.
        lock: bool,
    },
}

/// Follows the lock. Must be run.
pub struct SessionTask {
    bus: Connection,
    place: Place,
    told: watch::Sender<Option<bool>>,
}

/// What is known of the lock.
#[derive(Default)]
struct Lock {
    logind: Option<logind::Answer>,
    saver: bool,
    /// Asked for and not yet confirmed: until when it counts.
    asked: Option<Instant>,
}

impl Lock {
    fn is_locked(&self) -> bool {
        self.asked.is_some() || self.is_confirmed()
    }

    fn hear(&mut self, heard: Heard, now: Instant) {
        match heard {
            Heard::Asked { sender, session, lock } => {
                // Only logind may ask; any client of the bus can send a signal to us.
                let known = self.logind.as_ref();
                if known.is_some_and(|one| one.owner == sender && one.session == session) {
                    self.asked = lock.then(|| now + CONFIRMED);
                }
            }
            Heard::Changed => {}
        }
    }

    fn is_confirmed(&self) -> bool {
        self.saver || self.logind.as_ref().is_some_and(|logind| logind.locked)
    }
}

impl SessionTask {
    /// A task on the session's bus. What it finds is `None` until it has looked once.
    #[must_use]
    pub fn new(bus: Connection, place: Place) -> (Self, watch::Receiver<Option<bool>>) {
        let (told, locked) = watch::channel(None);
        (Self { bus, place, told }, locked)
    }

    /// Follows the lock until `token` is cancelled.
    pub async fn run(self, token: CancellationToken) {
        let work = async {
            if let Err(error) = self.follow().await {
                warn!(%error, "the lock of the session is not followed any more");
            }
            self.told.send_if_modified(|told| told.replace(false) != Some(false));
        };
        tokio::select! {
            () = token.cancelled() => return,
            () = work => {}
        }
        token.cancelled().await;
    }

    async fn follow(&self) -> zbus::Result<()> {
        let logind = match Logind::connect(&self.place).await {
            Ok(logind) => Some(logind),
            Err(error) => {
                warn!(%error, "no system bus: logind cannot say whether the session is locked");
                None
            }
        };
        // Subscribed before the first look, so that nothing falls in between.
        let signals =
            stream::select(saver::signals(&self.bus).await?, logind::signals(&logind).await?);
        let (up, heard) = mpsc::channel(HEARD);
        tokio::select! {
            // Ends with the connections.
            () = pump(signals, up) => {}
            () = self.watch(logind, heard) => {}
        }
        Ok(())
    }

    async fn watch(&self, logind: Option<Logind>, mut heard: mpsc::Receiver<Heard>) {
        let mut lock = Lock::default();
        let mut warned = false;
        loop {
            lock.logind = match &logind {
                Some(logind) => logind.look().await,
                None => None,
            };
            lock.saver = saver::is_active(&self.bus).await;
            if lock.is_confirmed() {
                lock.asked = None;
            }
            if logind.is_some() && lock.logind.is_none() && !std::mem::replace(&mut warned, true) {
                debug!("logind knows no session of this user: only screen savers tell of its lock");
            }
            let locked = lock.is_locked();
            self.told.send_if_modified(|told| told.replace(locked) != Some(locked));
            let over = lock.asked.unwrap_or_else(Instant::now);
            let signal = tokio::select! {
                signal = heard.recv() => signal,
                () = tokio::time::sleep_until(over), if lock.asked.is_some() => {
                    debug!("a request to lock was not carried out by any locker that tells of it");
                    lock.asked = None;
                    continue;
                }
            };
            match signal {
                Some(heard) => lock.hear(heard, Instant::now()),
                None => return,
            }
        }
    }
}

/// Takes signals off the bus also while a question is out, so that its answer gets through.
async fn pump(signals: impl Stream<Item = Heard>, up: mpsc::Sender<Heard>) {
    let mut signals = std::pin::pin!(signals);
    while let Some(heard) = signals.next().await {
        if matches!(up.try_send(heard), Err(mpsc::error::TrySendError::Closed(_))) {
            return;
        }
    }
}
