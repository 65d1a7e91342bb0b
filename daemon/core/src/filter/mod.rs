//! Who may ring, and how.
//!
//! Owns: the block list, the policy, Do Not Disturb, directories of callers, whom the user called
//! lately. Does not own: the address book (what it knows comes with the [`Party`]), storage, files.
//! Invariant: a verdict depends on nothing but what was put in and the time; what the user blocked
//! never rings, whatever else holds.

mod block;
mod directory;
mod recent;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, time::Duration};

pub use block::{BlockList, MAX_BLOCKED, Pattern};
pub use directory::{BadLine, Directory, DirectoryReader, Entry, Loaded, MAX_ENTRIES, MAX_SIZE};

use self::recent::Recent;
use crate::{
    call::Party,
    engine::CommandError,
    id::{Handle, Now, check_text},
};

/// Whoever calls again within this time means it (dbus/org.ahoycall.Calls1.Filter.xml, SetPolicy).
pub const REPEATED_WITHIN: Duration = Duration::from_secs(3 * 60);
/// Directories at once; a user has one or two.
pub const MAX_DIRECTORIES: usize = 8;

/// What becomes of a call that comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The user hears or sees it.
    Ring(Ringing),
    /// No call, no row.
    Blocked,
    /// Turned away: the user is not to be disturbed.
    DoNotDisturb,
}

/// How a call rings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ringing {
    /// With sound.
    Aloud,
    /// Without.
    Silently,
}

/// What happens to callers who are no contacts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Unknown {
    /// They ring as others do.
    #[default]
    Ring,
    /// They ring without sound.
    Silent,
    /// They are turned away as if blocked.
    Reject,
}

impl Unknown {
    /// From the bus: `ring`, `silent` or `reject`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "ring" => Some(Self::Ring),
            "silent" => Some(Self::Silent),
            "reject" => Some(Self::Reject),
            _ => None,
        }
    }
}

/// What happens to whom Do Not Disturb does not let through, or a directory knows as spam.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// They ring without sound, and are in the log.
    #[default]
    Silent,
    /// They are turned away.
    Reject,
}

impl Refusal {
    /// From the bus: `silent` or `reject`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "silent" => Some(Self::Silent),
            "reject" => Some(Self::Reject),
            _ => None,
        }
    }
}

/// What the user decided once and for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Callers who are no contacts.
    pub unknown: Unknown,
    /// What Do Not Disturb does.
    pub do_not_disturb: Refusal,
    /// Whether who calls again within [`REPEATED_WITHIN`] rings where favourites do.
    pub repeated: bool,
    /// Callers who are no contacts and whom a directory knows as spam.
    pub spam: Refusal,
    /// Whom the user called within this time rings where favourites do, and counts as known; zero:
    /// nobody.
    pub called_within: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            unknown: Unknown::Ring,
            do_not_disturb: Refusal::Silent,
            repeated: true,
            spam: Refusal::Reject,
            called_within: Duration::ZERO,
        }
    }
}

/// Whether the user may be disturbed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DoNotDisturb {
    /// By everybody.
    #[default]
    Off,
    /// By nobody.
    On,
    /// By favourites, and by those whom the policy lets through.
    Favourites,
}

impl DoNotDisturb {
    /// As on the bus.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::On => "on",
            Self::Favourites => "favourites",
        }
    }

    /// From the bus.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Off, Self::On, Self::Favourites].into_iter().find(|mode| mode.as_str() == name)
    }
}

/// Everything that decides who rings.
#[derive(Debug, Default)]
pub struct Filter {
    blocked: BlockList,
    policy: Policy,
    mode: DoNotDisturb,
    /// What the desktop's own comes to.
    desktop: DoNotDisturb,
    /// When the mode goes off by itself, µs since the epoch; 0 = never.
    until: u64,
    directories: BTreeMap<String, Directory>,
    callers: Recent,
    called: Recent,
}

impl Filter {
    /// What the user blocked.
    #[must_use]
    pub const fn blocked(&self) -> &BlockList {
        &self.blocked
    }

    /// The same, to change it (through `Engine::change_filter`, which ends what it blocks).
    pub const fn blocked_mut(&mut self) -> &mut BlockList {
        &mut self.blocked
    }

    /// What the user decided.
    #[must_use]
    pub const fn policy(&self) -> Policy {
        self.policy
    }

    /// Takes the user's decisions.
    pub const fn set_policy(&mut self, policy: Policy) {
        self.policy = policy;
    }

    /// Sets Do Not Disturb until this time, µs since the epoch; 0 = until set again.
    pub const fn set_do_not_disturb(&mut self, mode: DoNotDisturb, until: u64) {
        self.mode = mode;
        self.until = until;
    }

    /// Takes what the desktop's own Do Not Disturb comes to; the stricter of both counts.
    pub const fn set_desktop(&mut self, mode: DoNotDisturb) {
        self.desktop = mode;
    }

    /// What the desktop's own comes to.
    #[must_use]
    pub const fn desktop(&self) -> DoNotDisturb {
        self.desktop
    }

    /// The mode that was set here.
    #[must_use]
    pub const fn do_not_disturb(&self, now: Now) -> DoNotDisturb {
        if self.until != 0 && self.until <= now.unix_us { DoNotDisturb::Off } else { self.mode }
    }

    /// Puts a directory under a name, in place of the one that had it; an empty one removes it.
    ///
    /// # Errors
    /// [`CommandError::InvalidArgument`] where the name is no text, [`CommandError::LimitReached`]
    /// where there are [`MAX_DIRECTORIES`] already.
    pub fn set_directory(&mut self, id: &str, directory: Directory) -> Result<(), CommandError> {
        check_text("id", id)?;
        if id.is_empty() {
            return Err(CommandError::InvalidArgument("id: it is empty".to_owned()));
        }
        if directory.is_empty() {
            self.directories.remove(id);
            return Ok(());
        }
        if self.directories.len() >= MAX_DIRECTORIES && !self.directories.contains_key(id) {
            return Err(CommandError::LimitReached("directories"));
        }
        self.directories.insert(id.to_owned(), directory);
        Ok(())
    }

    /// The directories, by their names.
    pub fn directories(&self) -> impl Iterator<Item = (&str, &Directory)> {
        self.directories.iter().map(|(id, directory)| (id.as_str(), directory))
    }

    /// The user called this address: an outgoing row of the log, at its time (µs since the epoch).
    pub fn remember_called(&mut self, handle: &Handle, at: u64) {
        self.called.note(handle, at);
    }

    pub(crate) fn note_called(&mut self, now: Now, handle: &Handle) {
        self.called.note(handle, now.unix_us);
    }

    pub(crate) fn note_caller(&mut self, now: Now, handle: &Handle) {
        self.callers.note(handle, now.unix_us);
    }

    /// How a directory calls the holder of an address.
    #[must_use]
    pub fn label(&self, handle: &Handle) -> Option<&str> {
        self.entries(handle).map(|entry| entry.name).find(|name| !name.is_empty())
    }

    fn entries(&self, handle: &Handle) -> impl Iterator<Item = Entry<'_>> {
        self.directories.values().filter_map(|one| one.find(handle))
    }

    /// Whether the user blocked an address. Directories block callers to come, no call that is on.
    #[must_use]
    pub fn is_blocked(&self, handle: &Handle) -> bool {
        self.blocked.contains(handle)
    }

    /// What becomes of a call of this party now.
    #[must_use]
    pub fn judge(&self, now: Now, party: &Party) -> Verdict {
        let handle = &party.handle;
        if party.marks.blocked || self.is_blocked(handle) {
            return Verdict::Blocked;
        }
        let called = self.called.within(now, handle, self.policy.called_within);
        let mut silent = party.marks.muted;
        if party.contact.is_none() && !called {
            // Whom the user knows rings whatever a directory says of the number.
            if self.entries(handle).any(|entry| entry.spam) {
                match self.policy.spam {
                    Refusal::Silent => silent = true,
                    Refusal::Reject => return Verdict::Blocked,
                }
            }
            match self.policy.unknown {
                Unknown::Ring => {}
                Unknown::Silent => silent = true,
                Unknown::Reject => return Verdict::Blocked,
            }
        }
        if !self.may_disturb(now, party, called) {
            match self.policy.do_not_disturb {
                Refusal::Silent => silent = true,
                Refusal::Reject => return Verdict::DoNotDisturb,
            }
        }
        Verdict::Ring(if silent { Ringing::Silently } else { Ringing::Aloud })
    }

    fn may_disturb(&self, now: Now, party: &Party, called: bool) -> bool {
        let again = || self.callers.within(now, &party.handle, REPEATED_WITHIN);
        match (self.do_not_disturb(now), self.desktop) {
            (DoNotDisturb::On, _) | (_, DoNotDisturb::On) => false,
            (DoNotDisturb::Off, DoNotDisturb::Off) => true,
            (DoNotDisturb::Favourites, _) | (_, DoNotDisturb::Favourites) => {
                party.marks.favourite || called || (self.policy.repeated && again())
            }
        }
    }
}
