//! Waiting for a state, with a deadline.
//!
//! Owns: the only pause between two looks in this package. Does not own: what is looked at.
//! Invariant: it gives up at its deadline and then says what it waited for.

use std::{
    thread,
    time::{Duration, Instant},
};

use crate::{Result, Trouble};

/// How long anything may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// Between two looks: far below anything that is measured with it.
const LOOK: Duration = Duration::from_millis(5);

/// Looks until there is something, for [`PATIENCE`].
///
/// # Errors
/// [`Trouble::Late`].
pub fn until<T>(what: &str, look: impl FnMut() -> Option<T>) -> Result<T> {
    within(PATIENCE, what, look)
}

/// Looks until there is something, for `limit`.
///
/// # Errors
/// [`Trouble::Late`].
pub fn within<T>(limit: Duration, what: &str, mut look: impl FnMut() -> Option<T>) -> Result<T> {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return Ok(found);
        }
        if start.elapsed() >= limit {
            return Err(Trouble::Late { what: what.to_owned(), waited: limit });
        }
        thread::sleep(LOOK);
    }
}
