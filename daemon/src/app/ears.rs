//! What the voice worker's microphone is open for, as far as it has been told and has said.
//!
//! Owns: putting the worker's words to the order that they answer. Does not own: sending orders.
//! Invariant: an order that replaces another is not ended by the end of that one: `Stopped` counts
//! for the last order only.

/// What it is open for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// One command.
    Command,
    /// The wake word, and a command after it.
    Wake,
}

/// The microphone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Ears {
    /// Closed, or on its way there by our wish.
    #[default]
    Closed,
    /// Told to stop; open until the worker says otherwise.
    Closing(Purpose),
    /// Told to open.
    Opening(Purpose),
    /// Open; `woken`: the wake word was heard, and a command may follow.
    Open { purpose: Purpose, woken: bool },
}

impl Ears {
    /// What the last order was to open for, and still is.
    pub(super) const fn purpose(self) -> Option<Purpose> {
        match self {
            Self::Closed | Self::Closing(_) => None,
            Self::Opening(purpose) | Self::Open { purpose, .. } => Some(purpose),
        }
    }

    /// Whether a command is listened to, also until the microphone is known to be closed.
    pub(super) const fn is_listening(self) -> bool {
        match self {
            Self::Closing(purpose) | Self::Opening(purpose) => matches!(purpose, Purpose::Command),
            Self::Open { purpose, woken } => matches!(purpose, Purpose::Command) || woken,
            Self::Closed => false,
        }
    }

    /// The order went out.
    pub(super) const fn handle_sent(&mut self, purpose: Purpose) {
        *self = Self::Opening(purpose);
    }

    /// The order to stop went out.
    pub(super) const fn handle_stop(&mut self) {
        if let Self::Opening(purpose) | Self::Open { purpose, .. } = *self {
            *self = Self::Closing(purpose);
        }
    }

    /// `Listening`, `Waiting` or `Woken`.
    pub(super) fn handle_open(&mut self, of: Purpose, woken: bool) {
        if self.purpose() == Some(of) {
            *self = Self::Open { purpose: of, woken };
        }
    }

    /// `Stopped`. True where it closed what the last order opened.
    pub(super) const fn handle_stopped(&mut self) -> bool {
        if let Self::Opening(_) = *self {
            return false;
        }
        *self = Self::Closed;
        true
    }

    /// `Heard`, `Nothing` or `Failed`: it is over by itself. `None`: of an order that was replaced.
    pub(super) const fn handle_over(&mut self, failed: bool) -> Option<Purpose> {
        match *self {
            // An order that fails was never open.
            Self::Opening(_) if !failed => None,
            Self::Opening(purpose) | Self::Open { purpose, .. } | Self::Closing(purpose) => {
                *self = Self::Closed;
                Some(purpose)
            }
            Self::Closed => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_that_replaces_another_is_not_ended_by_its_end() {
        let mut ears = Ears::default();
        ears.handle_sent(Purpose::Wake);
        ears.handle_open(Purpose::Wake, false);
        assert!(!ears.is_listening(), "the word is no command");
        ears.handle_sent(Purpose::Command);
        assert!(!ears.handle_stopped(), "the wait for the word is over, as it should");
        assert_eq!(ears.handle_over(false), None, "a command after the word came too late");
        ears.handle_open(Purpose::Command, false);
        assert!(ears.is_listening());
        assert_eq!(ears.handle_over(false), Some(Purpose::Command));
        assert_eq!(ears, Ears::Closed);
    }

    #[test]
    fn what_was_told_to_stop_is_listened_to_until_it_has() {
        let mut ears = Ears::default();
        ears.handle_sent(Purpose::Command);
        ears.handle_open(Purpose::Command, false);
        ears.handle_stop();
        assert!(ears.is_listening() && ears.purpose().is_none());
        assert!(ears.handle_stopped());
        assert!(!ears.is_listening());
    }

    #[test]
    fn the_word_makes_it_listen_and_silence_makes_it_wait_again() {
        let mut ears = Ears::default();
        ears.handle_sent(Purpose::Wake);
        for (woken, listening) in [(false, false), (true, true), (false, false)] {
            ears.handle_open(Purpose::Wake, woken);
            assert_eq!(ears.is_listening(), listening);
        }
        assert_eq!(ears.handle_over(true), Some(Purpose::Wake));
    }

    #[test]
    fn an_order_that_fails_is_over() {
        let mut ears = Ears::default();
        ears.handle_sent(Purpose::Command);
        assert_eq!(ears.handle_over(true), Some(Purpose::Command));
        assert_eq!(ears.handle_over(true), None);
    }
}
