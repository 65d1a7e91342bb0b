//! Being a service: telling systemd how we are, and writing the log.
//!
//! Owns: READY, WATCHDOG and STOPPING, where the log goes and what may stand in it. Does not own:
//! when the daemon is ready. Levels: error is always our bug; warn is possible but bad and names
//! the next step; info stays quiet enough to leave on; debug and trace are for one evening.
//! Invariant: names and addresses of people stand in the log only where debug was switched on.

use std::{
    fmt, io,
    os::unix::fs::MetadataExt as _,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use sd_notify::NotifyState;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{
    EnvFilter, Layer as _, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

/// Whether [`Redacted`] shows what it holds.
static REVEAL: AtomicBool = AtomicBool::new(false);

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The filter cannot be read.
    #[error("`{filter}` is not a log filter ({why}); try `info` or `ahoy=debug`")]
    Filter {
        /// What was given.
        filter: String,
        /// What is wrong with it.
        why: String,
    },
    /// A log has been set up before.
    #[error("the log has been set up already")]
    Twice,
}

/// Sets the log up: to the journal where systemd connected our stderr to it, else to stderr.
/// `filter` is such as `info` or `ahoy=debug`; empty means `info`.
///
/// # Errors
/// See [`LogError`].
pub fn init_log(filter: &str) -> Result<(), LogError> {
    let wanted = if filter.is_empty() { "info" } else { filter };
    let filter: EnvFilter = wanted.parse().map_err(|why| LogError::Filter {
        filter: wanted.to_owned(),
        why: format!("{why}"),
    })?;
    let detailed = filter
        .max_level_hint()
        .is_none_or(|level| level >= LevelFilter::DEBUG);
    let journal = stderr_is_journal()
        .then(tracing_journald::layer)
        .and_then(Result::ok);
    let layer = match journal {
        Some(journal) => journal.boxed(),
        None => tracing_subscriber::fmt::layer()
            .with_writer(io::stderr)
            .with_ansi(io::IsTerminal::is_terminal(&io::stderr()))
            .boxed(),
    };
    let log = tracing_subscriber::registry().with(layer.with_filter(filter));
    log.try_init().map_err(|_| LogError::Twice)?;
    REVEAL.store(detailed, Ordering::Relaxed);
    Ok(())
}

/// systemd names the device and inode of the stream it gave us; a redirected stderr has others.
fn stderr_is_journal() -> bool {
    let Some(stream) = std::env::var("JOURNAL_STREAM").ok() else {
        return false;
    };
    let stderr = std::fs::metadata("/proc/self/fd/2");
    stderr.is_ok_and(|stderr| stream == format!("{}:{}", stderr.dev(), stderr.ino()))
}

/// Something about a person: shown in the log only where debug was switched on.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Redacted<T>(pub T);

impl<T: fmt::Display> fmt::Display for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if REVEAL.load(Ordering::Relaxed) {
            self.0.fmt(f)
        } else {
            f.write_str("[redacted]")
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if REVEAL.load(Ordering::Relaxed) {
            self.0.fmt(f)
        } else {
            f.write_str("[redacted]")
        }
    }
}

/// Tells systemd that the bus names are ours and calls can come. Nothing happens without systemd.
pub fn ready() {
    tell(&[NotifyState::Ready]);
}

/// Tells systemd that we end, and may take until the bound of the tasks.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Tells systemd, and `systemctl status`, in a few words how we are.
pub fn status(text: &str) {
    tell(&[NotifyState::Status(text)]);
}

/// The watchdog, if systemd asked for signs of life.
///
/// The loop that must not hang beats it, not a task of its own: a task would go on beating while
/// the loop hangs.
#[derive(Debug)]
pub struct Watchdog {
    beats: Option<tokio::time::Interval>,
}

impl Watchdog {
    /// As `WATCHDOG_USEC` and `WATCHDOG_PID` say.
    #[must_use]
    pub fn from_environment() -> Self {
        let beats = sd_notify::watchdog_enabled().map(|limit| {
            // Twice in the time allowed, so that one late beat kills nobody.
            let period = (limit / 2).max(Duration::from_millis(1));
            let mut beats = tokio::time::interval(period);
            beats.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            beats
        });
        Self { beats }
    }

    /// Waits until a sign of life is due and gives it; never returns where none is asked for.
    /// Cancel safe.
    pub async fn beat(&mut self) {
        match &mut self.beats {
            Some(beats) => {
                beats.tick().await;
                tell(&[NotifyState::Watchdog]);
            }
            None => std::future::pending().await,
        }
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "systemd was not told");
    }
}

#[cfg(test)]
mod unit_tests {
    use super::*;

    #[test]
    fn what_is_about_a_person_is_not_shown_by_default() {
        let name = Redacted("Alice");
        assert_eq!(format!("{name} {name:?}"), "[redacted] [redacted]");
    }

    #[test]
    fn a_filter_that_cannot_be_read_is_named() {
        let error = init_log("ahoy=loud").expect_err("refused");
        assert!(error.to_string().contains("ahoy=loud"), "{error}");
    }
}
