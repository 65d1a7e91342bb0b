//! What the windows remember from one day to the next: sizes, a corner, that somebody was welcomed.
//!
//! Owns: one small file of the state directory. Does not own: settings (the call service's). Invariant: a file
//! that cannot be read is an empty one, and one that cannot be written costs what was to be remembered.

use std::{fs, path::PathBuf};

use gtk::glib::{self, KeyFile};

const GROUP: &str = "window";
/// No screen is larger; nothing that is remembered is.
const LARGEST: i32 = 16_384;

/// The file.
#[derive(Clone, Debug)]
pub(crate) struct Memory(PathBuf);

impl Memory {
    /// Of this user.
    pub(crate) fn of_user() -> Self {
        let set = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from);
        // The base directory specification wants relative ones ignored.
        let set = set.filter(|directory| directory.is_absolute());
        let state = set.unwrap_or_else(|| glib::home_dir().join(".local").join("state"));
        Self(state.join("ahoy").join("window.ini"))
    }

    fn file(&self) -> KeyFile {
        let file = KeyFile::new();
        if let Err(error) = file.load_from_file(&self.0, glib::KeyFileFlags::KEEP_COMMENTS) {
            tracing::debug!(%error, "nothing is remembered");
        }
        file
    }

    /// A number of at least one, if there is one.
    pub(crate) fn number(&self, key: &str) -> Option<i32> {
        self.file().integer(GROUP, key).ok().filter(|number| (1..=LARGEST).contains(number))
    }

    /// Whether something is so; false where nobody knows.
    pub(crate) fn flag(&self, key: &str) -> bool {
        self.file().boolean(GROUP, key).unwrap_or(false)
    }

    /// Remembers numbers.
    pub(crate) fn keep(&self, numbers: &[(&str, i32)]) {
        self.change(|file| {
            numbers.iter().for_each(|(key, number)| file.set_integer(GROUP, key, *number));
        });
    }

    /// Remembers whether something is so.
    pub(crate) fn keep_flags(&self, flags: &[(&str, bool)]) {
        self.change(|file| flags.iter().for_each(|(key, on)| file.set_boolean(GROUP, key, *on)));
    }

    fn change(&self, change: impl FnOnce(&KeyFile)) {
        let file = self.file();
        change(&file);
        let directory = self.0.parent().map_or(Ok(()), fs::create_dir_all);
        if let Err(error) = directory.and_then(|()| fs::write(&self.0, file.to_data().as_bytes())) {
            tracing::warn!(%error, "the windows cannot remember anything");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(name: &str) -> Memory {
        let directory = std::env::temp_dir().join(format!("ahoy-{}-{name}", std::process::id()));
        Memory(directory.join("deeper").join("window.ini"))
    }

    #[test]
    fn what_was_kept_is_there_the_next_time() {
        let memory = memory("kept");
        assert_eq!((memory.number("wide"), memory.flag("welcomed")), (None, false));
        memory.keep(&[("wide", 800), ("high", 600)]);
        memory.keep_flags(&[("welcomed", true)]);
        let again = Memory(memory.0.clone());
        assert_eq!((again.number("wide"), again.number("high")), (Some(800), Some(600)));
        assert!(again.flag("welcomed"));
        fs::remove_dir_all(memory.0.ancestors().nth(2).expect("its own")).expect("taken away");
    }

    #[test]
    fn a_damaged_file_or_a_size_that_no_screen_has_is_nothing() {
        let memory = memory("damaged");
        fs::create_dir_all(memory.0.parent().expect("one")).expect("made");
        fs::write(&memory.0, b"\xff[window\nwide=7").expect("written");
        assert_eq!(memory.number("wide"), None);
        fs::write(&memory.0, "[window]\nwide=-3\nhigh=999999999999\nwelcomed=perhaps").expect("so");
        assert_eq!((memory.number("wide"), memory.number("high")), (None, None));
        assert!(!memory.flag("welcomed"));
        fs::remove_dir_all(memory.0.ancestors().nth(2).expect("its own")).expect("taken away");
    }
}
