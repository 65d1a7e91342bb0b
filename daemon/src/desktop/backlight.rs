//! The light of the keyboard blinks (UPower, `org.freedesktop.UPower.KbdBacklight`).
//!
//! Owns: its brightness while it blinks. Does not own: when (the app). Invariant: what it was before is
//! what it is after, also when we are told to end; after a crash, from the next start on.

use std::{fs, io, path::PathBuf, time::Duration};

use tokio::{sync::watch, time::sleep};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};
use zbus::Connection;

use crate::bus::{Remote, is_absence, system};

const NAME: &str = "org.freedesktop.UPower";
const PATH: &str = "/org/freedesktop/UPower/KbdBacklight";
const INTERFACE: &str = "org.freedesktop.UPower.KbdBacklight";
/// Light and dark take this long each: one flash a second, where more than three may bring on
/// seizures (WCAG 2.3.1).
const HALF: Duration = Duration::from_millis(500);
/// One that takes longer has no place in a rhythm.
const LIMIT: Duration = Duration::from_secs(1);

/// Where it stands how bright it was, while it blinks.
struct Note(PathBuf);

impl Note {
    fn write(&self, brightness: i32) {
        if let Err(error) = fs::write(&self.0, brightness.to_string()) {
            debug!(%error, "a crash would leave the keyboard's light as it is then");
        }
    }

    /// What a crash has left of it.
    fn read(&self) -> Option<i32> {
        fs::read_to_string(&self.0).ok()?.trim().parse().ok()
    }

    fn remove(&self) {
        if let Err(error) = fs::remove_file(&self.0)
            && error.kind() != io::ErrorKind::NotFound
        {
            debug!(%error, "the note of the keyboard's light");
        }
    }
}

/// A light, and how bright it was.
struct Light {
    bus: Connection,
    before: i32,
    most: i32,
}

/// Blinks while `wanted` says so, until `token` is cancelled. `system_bus`: its address, where it is
/// not the usual one. `note`: a file of this module's own, there only while it blinks.
pub async fn run(
    system_bus: Option<String>,
    note: PathBuf,
    mut wanted: watch::Receiver<bool>,
    token: CancellationToken,
) {
    let (mut warned, note) = (false, Note(note));
    make_good(system_bus.as_deref(), &note).await;
    loop {
        tokio::select! {
            () = token.cancelled() => return,
            begun = becomes(&mut wanted, true) => if !begun {
                return token.cancelled().await;
            },
        }
        match Light::find(system_bus.as_deref()).await {
            Ok(light) => {
                note.write(light.before);
                light.blink(&mut wanted, &token).await;
                light.set(light.before).await;
                note.remove();
                continue;
            }
            Err(error) if is_absence(&error) => debug!(%error, "no light of a keyboard"),
            Err(error) if !std::mem::replace(&mut warned, true) => {
                warn!(%error, "the keyboard's light does not blink: see `systemctl status upower`");
            }
            Err(_) => {}
        }
        tokio::select! {
            () = token.cancelled() => return,
            ended = becomes(&mut wanted, false) => if !ended {
                return token.cancelled().await;
            },
        }
    }
}

/// Makes it as bright as it was before a crash.
async fn make_good(system_bus: Option<&str>, note: &Note) {
    if let Some(before) = note.read()
        && let Ok(light) = Light::find(system_bus).await
    {
        light.set(before.clamp(0, light.most.max(0))).await;
        note.remove();
    }
}

/// Waits until it is this; false: it can never be any more.
async fn becomes(wanted: &mut watch::Receiver<bool>, what: bool) -> bool {
    wanted.wait_for(|wanted| *wanted == what).await.is_ok()
}

impl Light {
    async fn find(system_bus: Option<&str>) -> zbus::Result<Self> {
        let bus = system(system_bus).await?;
        let ask = async |method| -> zbus::Result<i32> {
            let upower = Remote::new(&bus, NAME, PATH, INTERFACE);
            let reply = upower.call_within(LIMIT, method, &()).await?;
            reply.body().deserialize()
        };
        let (before, most) = (ask("GetBrightness").await?, ask("GetMaxBrightness").await?);
        Ok(Self { bus, before, most })
    }

    /// Until it is not wanted any more.
    async fn blink(&self, wanted: &mut watch::Receiver<bool>, token: &CancellationToken) {
        // Bright first: it is seen in the dark as well as beside a window.
        for brightness in [self.most, 0].into_iter().cycle() {
            self.set(brightness).await;
            tokio::select! {
                () = token.cancelled() => return,
                _ = becomes(wanted, false) => return,
                () = sleep(HALF) => {}
            }
        }
    }

    async fn set(&self, brightness: i32) {
        let upower = Remote::new(&self.bus, NAME, PATH, INTERFACE);
        if let Err(error) = upower.call_within(LIMIT, "SetBrightness", &(brightness,)).await {
            debug!(%error, "the keyboard's light");
        }
    }
}
