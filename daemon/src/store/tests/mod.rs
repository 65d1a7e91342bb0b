//! Claims about the store, against real files.

mod contacts;
mod directories;
mod files;
mod history;
mod keys;
mod vcard;

use std::path::PathBuf;

use super::{Micros, Store};

/// A store in a directory of its own; the directory lives as long as the value.
pub(super) struct Fixture {
    pub(super) directory: tempfile::TempDir,
    pub(super) store: Store,
}

impl Fixture {
    pub(super) fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let opened = Store::open(&directory.path().join("ahoy.db"), Micros(1)).expect("a store");
        assert!(opened.warnings.is_empty());
        Self { directory, store: opened.store }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.directory.path().join("ahoy.db")
    }
}
