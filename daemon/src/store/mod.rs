//! What stays on disk: contacts, peers, invites, the log of calls, and the keys beside them.
//!
//! Owns: the database file, its schema and every SQL statement; directories of callers beside it. Does not own: what a handle means
//! or who may read (the engine and the bus). [`Store`] is synchronous and lives on one thread;
//! [`StoreHandle`] is how everyone else reaches it.
//! Invariant: each public method is one transaction; after an error the database is as before it.

mod backup;
mod contacts;
mod directories;
mod error;
mod grants;
mod handle;
mod history;
pub mod keys;
mod marks;
mod open;
mod peers;
mod schema;
#[cfg(test)]
mod tests;
mod types;
mod vcard;

pub use backup::{Backup, BackupError, read_backup, write_backup};
pub use contacts::{Block, Contact, ContactCursor, ContactHandle, ContactPage};
pub use directories::{
    DirectoryError, Folder, MAX_ID as MAX_DIRECTORY_ID, Part, read as read_directory,
};
pub use error::{StoreError, StoreWarning};
pub use grants::{grant, set_grant};
pub use handle::StoreHandle;
pub use history::{Cursor, Direction, HistoryFilter, HistoryId, HistoryPage, HistoryRow, Outcome};
pub use open::{Opened, Store};
pub use peers::{Invite, Peer, PeerState};
pub use types::{ContactId, Handle, Micros, Secret};
pub use vcard::{BadCard, CardFormat, Imported, read_cards, write_cards};
