//! The call service as calling apps and controllers meet it.
//!
//! Owns: the sizes and the order of the scenes. Does not own: what each one counts. Invariant: a
//! scene has a bus and an `ahoyd` of its own, and its own programs log no more than a user's would.

mod app;
mod directory;
mod host;
mod latency;
mod load;
mod startup;

use std::time::Duration;

use ahoy_trial::{Result, Stage, Trouble};

/// How much of everything.
pub(crate) struct Size {
    /// Actions that are timed one by one.
    actions: usize,
    /// Calling apps.
    apps: usize,
    /// Their calls, all on at once.
    calls: usize,
    /// Actions a second.
    rate: u32,
    /// For so long.
    time: Duration,
    /// Rows of the log at start.
    rows: u64,
    /// Starts.
    starts: usize,
    /// Callers in a directory.
    callers: u64,
}

/// What the figures are about.
pub(crate) const FULL: Size = Size {
    actions: 2_000,
    apps: 200,
    calls: 500,
    rate: 1_000,
    time: Duration::from_secs(60),
    rows: 100_000,
    starts: 7,
    callers: 1_000_000,
};

/// Whether all of it still works.
pub(crate) const QUICK: Size = Size {
    actions: 50,
    apps: 10,
    calls: 25,
    rate: 100,
    time: Duration::from_secs(2),
    rows: 500,
    starts: 2,
    callers: 10_000,
};

pub(crate) fn run(size: &Size) -> Result<()> {
    // First: what others leave behind in memory would be counted.
    directory::run(size)?;
    let stage = Stage::without_sound()?;
    latency::run(&stage, size)?;
    load::run(&stage, size)?;
    startup::run(&stage, size)
}

/// One thread for a scene's connections.
fn runtime() -> Result<tokio::runtime::Runtime> {
    let built = tokio::runtime::Builder::new_current_thread().enable_all().build();
    built.map_err(Trouble::io("a runtime"))
}

/// The value below which this share of all lies; 0 where there are none.
fn share(sorted: &[f64], share: f64) -> f64 {
    let place = (sorted.len() as f64 * share) as usize;
    sorted.get(place.min(sorted.len().saturating_sub(1))).copied().unwrap_or(0.0)
}

/// Median and 99th percentile.
fn spread(name: &str, mut values: Vec<f64>, unit: &str) -> (f64, f64) {
    values.sort_by(f64::total_cmp);
    let (median, high) = (share(&values, 0.5), share(&values, 0.99));
    crate::figure(&format!("{name}_p50"), median, unit);
    crate::figure(&format!("{name}_p99"), high, unit);
    (median, high)
}
