//! A clock in the place of a microphone.
//!
//! Owns: its thread. Does not own: what is sent at its pace. Invariant: it gives silence, never
//! sound; it ends when it is dropped.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use super::shared::Shared;
use crate::{pw::SoundSink, sound::RATE};

/// Silence at a time: an Opus frame on a LAN.
const EVERY: Duration = Duration::from_millis(10);
/// Frames of silence after which nothing is left in the encoder of what the microphone captured
/// before it was closed: one is being filled, one may wait.
const CLEAN_AFTER: u32 = 3;
/// This late it does not catch up: a machine that slept must not send minutes of silence at once.
const LATE: Duration = Duration::from_millis(200);

/// The clock.
pub(super) struct Ticker {
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    /// Starts it; opens the gate of `shared` once what was captured before is gone.
    pub(super) fn start(sink: SoundSink, shared: Arc<Shared>) -> Option<Self> {
        let (end, ended) = channel();
        let thread = std::thread::Builder::new()
            .name("pace".into())
            .spawn(move || run(&sink, &shared, &ended))
            .map_err(|error| tracing::warn!(%error, "a muted call does not pass others on"))
            .ok()?;
        Some(Self { end: Some(end), thread: Some(thread) })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.end = None;
        if let Some(thread) = self.thread.take() {
            // It sleeps for one tick at most; a panic in it has aborted the process.
            drop(thread.join());
        }
    }
}

fn run(sink: &SoundSink, shared: &Shared, ended: &Receiver<()>) {
    let silence = vec![0; (RATE / 100) as usize * 2];
    let mut next = Instant::now();
    let mut given = 0;
    loop {
        let now = Instant::now();
        if now > next + LATE {
            next = now;
        }
        match ended.recv_timeout(next.saturating_duration_since(now)) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
        }
        sink(&silence);
        given += 1;
        if given == CLEAN_AFTER {
            shared.let_through(true);
        }
        next += EVERY;
    }
}
