//! Who called, or was called, lately.
//!
//! Owns: addresses with the time of the last call. Does not own: the log. Invariant: bounded,
//! whoever calls; nobody is told apart behind a withheld number, so it is never remembered.

use std::{collections::HashMap, time::Duration};

use crate::id::{Handle, Now};

/// Addresses that are remembered; the oldest goes first.
const MAX_RECENT: usize = 1024;

/// Addresses and when, µs since the epoch.
#[derive(Debug, Default)]
pub(super) struct Recent(HashMap<Handle, u64>);

impl Recent {
    pub(super) fn note(&mut self, handle: &Handle, at: u64) {
        if *handle == Handle::unknown() {
            return;
        }
        let last = self.0.entry(handle.clone()).or_insert(at);
        *last = at.max(*last);
        if self.0.len() > MAX_RECENT
            && let Some(oldest) = self.0.iter().min_by_key(|(_, at)| **at).map(|(h, _)| h.clone())
        {
            self.0.remove(&oldest);
        }
    }

    pub(super) fn within(&self, now: Now, handle: &Handle, time: Duration) -> bool {
        let since = self.0.get(handle).map(|at| now.unix_us.saturating_sub(*at));
        since.is_some_and(|since| Duration::from_micros(since) < time)
    }
}
