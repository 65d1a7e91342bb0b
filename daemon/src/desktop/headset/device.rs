//! One headset.
//!
//! Owns: its descriptor. Does not own: what it is told or asks for. Invariant: its lamps are written
//! only when they change, so that another program's call keeps its own while there is none of ours;
//! and they are off when we let go of it.

use std::{io, os::fd::OwnedFd, time::Duration};

use ahoy_core::headset::{Buttons, Layout, MAX_REPORT, Scene, Wish};
use tokio::{
    net::unix::pipe,
    sync::{mpsc, watch},
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::Wanted;

/// The kernel waits as long for a device that does not answer.
const WRITING: Duration = Duration::from_secs(5);

/// A headset that is open.
pub(super) struct Device {
    /// hidraw is no pipe, but waited for as one.
    reports: pipe::Receiver,
    /// The same, for writing: hidraw does that without coming back before the device has it.
    lamps: OwnedFd,
    layout: Layout,
    buttons: Buttons,
    /// What its lamps show.
    shown: Vec<Vec<u8>>,
    begun: Instant,
}

impl Device {
    pub(super) fn new(file: OwnedFd, layout: Layout) -> io::Result<Self> {
        let lamps = file.try_clone()?;
        let reports = pipe::Receiver::from_owned_fd_unchecked(file)?;
        let (buttons, shown) = (Buttons::new(&layout), layout.lamps(&Scene::default()));
        Ok(Self { reports, lamps, layout, buttons, shown, begun: Instant::now() })
    }

    /// Until it is gone, or `token` is cancelled.
    pub(super) async fn run(
        mut self,
        mut wanted: watch::Receiver<Wanted>,
        wishes: mpsc::Sender<Wish>,
        token: CancellationToken,
    ) {
        wanted.mark_changed();
        let ended = self.serve(&mut wanted, &wishes, &token).await;
        if let Err(error) = ended {
            debug!(%error, "a headset is gone");
            return;
        }
        if let Err(error) = self.show(&Scene::default()).await {
            debug!(%error, "the lamps of a headset");
        }
    }

    async fn serve(
        &mut self,
        wanted: &mut watch::Receiver<Wanted>,
        wishes: &mpsc::Sender<Wish>,
        token: &CancellationToken,
    ) -> io::Result<()> {
        let mut report = vec![0; MAX_REPORT];
        loop {
            // Ends here and nowhere within: what is being written of the lamps comes before their end.
            tokio::select! {
                () = token.cancelled() => return Ok(()),
                changed = wanted.changed() => {
                    if changed.is_err() {
                        return Ok(());
                    }
                    let scene = wanted.borrow_and_update().scene;
                    self.buttons.handle_scene(self.begun.elapsed(), scene);
                    self.show(&scene).await?;
                }
                read = next(&self.reports, &mut report) => {
                    let length = read?;
                    if length == 0 {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    let pressed = self.layout.decode(&report[..length]);
                    for wish in self.buttons.handle_report(self.begun.elapsed(), pressed) {
                        // A full queue: somebody presses faster than anything can be meant.
                        if wishes.try_send(wish).is_err() {
                            debug!("a press too many");
                        }
                    }
                }
            }
        }
    }

    /// Writes what has changed of its lamps.
    async fn show(&mut self, scene: &Scene) -> io::Result<()> {
        let wanted = self.layout.lamps(scene);
        for report in wanted.iter().filter(|report| !self.shown.contains(report)) {
            self.write(report.clone()).await?;
        }
        self.shown = wanted;
        Ok(())
    }

    async fn write(&self, report: Vec<u8>) -> io::Result<()> {
        let lamps = self.lamps.try_clone()?;
        let written = tokio::task::spawn_blocking(move || rustix::io::write(&lamps, &report));
        match timeout(WRITING, written).await {
            Ok(Ok(written)) => Ok(written.map(drop)?),
            Ok(Err(_)) | Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

/// The next report. hidraw gives one to a read, however many wait; `AsyncRead` would take a read that fills no
/// buffer for the last one there is, and let the next report wait for the one after it.
async fn next(reports: &pipe::Receiver, report: &mut [u8]) -> io::Result<usize> {
    loop {
        reports.readable().await?;
        match reports.try_read(report) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            read => return read,
        }
    }
}
