//! How often somebody may do what costs us something.
//!
//! Owns: a bucket of tokens. Does not own: what a token stands for, or the clock. Invariant: over
//! any time no more are given than its size and one for each `every` of that time.

use std::time::Duration;

/// A bucket of tokens; full at first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Budget {
    size: u32,
    every: Duration,
    left: u32,
    counted: Duration,
}

impl Budget {
    /// At most `size` at once, and one more `every` so often (not zero).
    pub(crate) const fn new(size: u32, every: Duration, now: Duration) -> Self {
        Self { size, every, left: size, counted: now }
    }

    /// Takes a token; false where none is left.
    pub(crate) fn take(&mut self, now: Duration) -> bool {
        let passed = now.saturating_sub(self.counted).as_nanos() / self.every.as_nanos().max(1);
        let room = u128::from(self.size - self.left);
        if passed >= room {
            (self.left, self.counted) = (self.size, now);
        } else if let Ok(gained) = u32::try_from(passed) {
            self.left += gained;
            self.counted += self.every * gained;
        }
        let Some(left) = self.left.checked_sub(1) else { return false };
        self.left = left;
        true
    }

    /// Whether nothing was taken lately: forgetting it then gives nobody more than they had.
    pub(crate) fn is_full(&self, now: Duration) -> bool {
        let mut after = self.clone();
        after.take(now) && after.left + 1 == self.size
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(budget: &mut Budget, ms: u64) -> usize {
        (0..100).filter(|_| budget.take(Duration::from_millis(ms))).count()
    }

    #[test]
    fn a_budget_gives_its_size_at_once_and_then_one_every_so_often() {
        let mut budget = Budget::new(3, Duration::from_millis(250), Duration::from_millis(1000));
        assert_eq!(taken(&mut budget, 1000), 3);
        assert_eq!(taken(&mut budget, 1249), 0);
        assert_eq!(taken(&mut budget, 1250), 1);
        assert_eq!(taken(&mut budget, 1499), 0);
        assert_eq!(taken(&mut budget, 1750), 2);
        assert_eq!(taken(&mut budget, 3_600_000), 3, "no more than its size");
        assert_eq!(taken(&mut budget, 0), 0, "a clock that goes back gives nothing");
    }
}
