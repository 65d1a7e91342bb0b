//! The replay window: which counters of one epoch and direction have been seen.
//!
//! Owns: 2,048 bits and the highest counter. Does not own: authentication; a counter is marked only
//! after its packet was opened. Invariant: a counter is accepted at most once (RFC 6479's scheme).

const WINDOW: u64 = 2048;
const WORDS: usize = (WINDOW / 64) as usize;

/// A sliding window over packet counters.
#[derive(Clone, Debug)]
pub struct ReplayWindow {
    /// One past the highest accepted counter; 0 when none was.
    next: u64,
    seen: [u64; WORDS],
}

impl Default for ReplayWindow {
    fn default() -> Self {
        Self { next: 0, seen: [0; WORDS] }
    }
}

impl ReplayWindow {
    /// Whether `counter` may still come: not seen, not too old.
    #[must_use]
    pub const fn is_fresh(&self, counter: u64) -> bool {
        if counter >= self.next {
            return true;
        }
        if self.next - counter > WINDOW {
            return false;
        }
        let (word, bit) = Self::place(counter);
        self.seen[word] & bit == 0
    }

    /// Marks `counter` as seen; call only for authenticated packets.
    pub fn mark(&mut self, counter: u64) {
        if counter >= self.next {
            self.slide_to(counter);
        }
        let (word, bit) = Self::place(counter);
        self.seen[word] |= bit;
    }

    fn slide_to(&mut self, counter: u64) {
        if counter - self.next >= WINDOW {
            self.seen = [0; WORDS];
        } else {
            for skipped in self.next..counter {
                let (word, bit) = Self::place(skipped);
                self.seen[word] &= !bit;
            }
            let (word, bit) = Self::place(counter);
            self.seen[word] &= !bit;
        }
        self.next = counter + 1;
    }

    const fn place(counter: u64) -> (usize, u64) {
        let index = counter % WINDOW;
        ((index / 64) as usize, 1 << (index % 64))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_counter_is_accepted_twice_and_recent_new_ones_always_are(
            counters in prop::collection::vec(0u64..6000, 1..400)
        ) {
            let mut window = ReplayWindow::default();
            let mut seen = HashSet::new();
            let mut highest = 0;
            for counter in counters {
                let recent = counter + WINDOW > highest;
                let fresh = window.is_fresh(counter);
                prop_assert!(!(fresh && seen.contains(&counter)));
                if recent && !seen.contains(&counter) {
                    prop_assert!(fresh);
                }
                if fresh {
                    window.mark(counter);
                    seen.insert(counter);
                    highest = highest.max(counter);
                }
            }
        }
    }

    #[test]
    fn a_counter_older_than_the_window_is_refused() {
        let mut window = ReplayWindow::default();
        window.mark(WINDOW + 10);
        assert!(!window.is_fresh(9));
        assert!(!window.is_fresh(10));
        assert!(window.is_fresh(11));
        assert!(!window.is_fresh(WINDOW + 10));
    }
}
