//! The machine stays awake in calls.
//!
//! Owns: the inhibitors of logind (sleep and idle) and of the screen saver (idle, on desktops whose
//! idle timer does not ask logind). Does not own: when there is a call (the app). Invariant: what was
//! taken is given back when it is not wanted any more, and by the system should we end before.

use std::os::fd::OwnedFd;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};
use zbus::Connection;

use crate::bus::{Remote, is_absence, owner, system};

const WHO: &str = "Ahoy";
const WHY: &str = "A call is on";

/// logind (org.freedesktop.login1(5)).
mod logind {
    pub(super) const NAME: &str = "org.freedesktop.login1";
    pub(super) const PATH: &str = "/org/freedesktop/login1";
    pub(super) const MANAGER: &str = "org.freedesktop.login1.Manager";
    pub(super) const WHAT: &str = "idle:sleep";
}

/// The idle inhibition specification of freedesktop.org.
mod saver {
    pub(super) const NAME: &str = "org.freedesktop.ScreenSaver";
    pub(super) const PATH: &str = "/org/freedesktop/ScreenSaver";
}

/// What keeps the machine awake.
#[derive(Default)]
struct Held {
    /// logind lets go when it is closed.
    logind: Option<OwnedFd>,
    /// Unique name of the screen saver, and its cookie.
    saver: Option<(String, u32)>,
}

/// Keeps the machine awake while `wanted` says so, until `token` is cancelled. `system_bus`: its
/// address, where it is not the usual one.
pub async fn run(
    bus: Connection,
    system_bus: Option<String>,
    mut wanted: watch::Receiver<bool>,
    token: CancellationToken,
) {
    let mut held = Held::default();
    let mut warned = false;
    loop {
        let changed = tokio::select! {
            () = token.cancelled() => break,
            changed = wanted.changed() => changed,
        };
        if changed.is_err() {
            break;
        }
        if !*wanted.borrow_and_update() {
            release(&bus, std::mem::take(&mut held)).await;
            continue;
        }
        match sleep(system_bus.as_deref()).await {
            Ok(inhibitor) => held.logind = Some(inhibitor),
            Err(error) if is_absence(&error) => debug!(%error, "no logind"),
            Err(error) if !std::mem::replace(&mut warned, true) => {
                warn!(%error, "logind lets the machine sleep in a call");
            }
            Err(_) => {}
        }
        held.saver = idle(&bus).await;
    }
    release(&bus, held).await;
}

async fn sleep(system_bus: Option<&str>) -> zbus::Result<OwnedFd> {
    let bus = system(system_bus).await?;
    let manager = Remote::new(&bus, logind::NAME, logind::PATH, logind::MANAGER);
    let reply = manager.call("Inhibit", &(logind::WHAT, WHO, WHY, "block")).await?;
    let inhibitor: zbus::OwnedFd = reply.body().deserialize()?;
    Ok(inhibitor.into())
}

/// Nobody is started for this.
async fn idle(bus: &Connection) -> Option<(String, u32)> {
    let saver = owner(bus, saver::NAME).await?;
    let asked = Remote::new(bus, &saver, saver::PATH, saver::NAME).call("Inhibit", &(WHO, WHY));
    match asked.await.and_then(|reply| reply.body().deserialize()) {
        Ok(cookie) => Some((saver, cookie)),
        Err(error) => {
            debug!(%error, "the screen saver may come in a call");
            None
        }
    }
}

async fn release(bus: &Connection, held: Held) {
    drop(held.logind);
    if let Some((saver, cookie)) = held.saver {
        let saver = Remote::new(bus, &saver, saver::PATH, saver::NAME);
        if let Err(error) = saver.call("UnInhibit", &(cookie,)).await {
            debug!(%error, "the screen saver");
        }
    }
}
