//! The one place where the daemon reads the clock.
//!
//! Owns: the start that monotonic time is counted from. Does not own: timers. Invariant: the core
//! gets every time from here.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ahoy_core::id::Now;

/// The daemon's clock.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// Starts counting.
    #[must_use]
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> Now {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now {
            mono: self.start.elapsed(),
            unix_us: u64::try_from(wall.as_micros()).unwrap_or(u64::MAX),
        }
    }

    /// When a deadline of the core comes, for tokio.
    #[must_use]
    pub fn at(&self, mono: Duration) -> tokio::time::Instant {
        let far = Duration::from_secs(3600);
        tokio::time::Instant::from_std(self.start + mono.min(self.start.elapsed() + far))
    }
}
