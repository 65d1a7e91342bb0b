//! The schema, as the list of steps that lead to it.
//!
//! Owns: `PRAGMA user_version` and the migrations. Does not own: the rows. Invariant: step `n` is
//! never changed once released; the version of a file is the number of steps applied to it.

use rusqlite::Connection;

use super::error::StoreError;

/// One step each; the index + 1 is the version it leads to.
const MIGRATIONS: [&str; 1] = [V1];

/// The newest version this program knows.
pub(super) const VERSION: u32 = MIGRATIONS.len() as u32;

/// Blob lengths are checked in SQL too, so that a file edited by hand cannot hold half a key.
const V1: &str = "
CREATE TABLE contacts (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, favourite INTEGER NOT NULL,
  favourite_video INTEGER NOT NULL, photo TEXT NOT NULL, muted INTEGER NOT NULL,
  blocked INTEGER NOT NULL, tone TEXT NOT NULL, notes TEXT NOT NULL, extra TEXT NOT NULL,
  search TEXT NOT NULL
) STRICT;
CREATE INDEX contacts_by_name ON contacts (name COLLATE NOCASE, id);
CREATE TABLE aliases (
  contact_id TEXT NOT NULL REFERENCES contacts (id) ON DELETE CASCADE,
  position INTEGER NOT NULL, alias TEXT NOT NULL, PRIMARY KEY (contact_id, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE handles (
  contact_id TEXT NOT NULL REFERENCES contacts (id) ON DELETE CASCADE,
  position INTEGER NOT NULL, scheme TEXT NOT NULL, value TEXT NOT NULL, label TEXT NOT NULL,
  PRIMARY KEY (contact_id, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX handles_by_value ON handles (scheme, value);
CREATE TABLE peers (
  contact_id TEXT PRIMARY KEY REFERENCES contacts (id) ON DELETE CASCADE,
  identity BLOB NOT NULL UNIQUE CHECK (length(identity) = 32),
  secret BLOB NOT NULL CHECK (length(secret) = 32),
  state TEXT NOT NULL CHECK (state IN ('pending', 'joined')),
  expires_at INTEGER NOT NULL, devices BLOB NOT NULL, hints TEXT NOT NULL
) STRICT;
CREATE TABLE invites (
  secret BLOB PRIMARY KEY CHECK (length(secret) = 32),
  name TEXT NOT NULL, expires_at INTEGER NOT NULL, single_use INTEGER NOT NULL,
  used INTEGER NOT NULL, used_by BLOB CHECK (used_by IS NULL OR length(used_by) = 32)
) STRICT;
CREATE TABLE blocks (
  scheme TEXT NOT NULL, pattern TEXT NOT NULL, why TEXT NOT NULL, PRIMARY KEY (scheme, pattern)
) STRICT, WITHOUT ROWID;
CREATE TABLE seen_calls (call_id BLOB PRIMARY KEY, seen_at INTEGER NOT NULL) STRICT;
CREATE INDEX seen_calls_by_time ON seen_calls (seen_at);
CREATE TABLE history (
  id INTEGER PRIMARY KEY AUTOINCREMENT, call TEXT NOT NULL UNIQUE, provider TEXT NOT NULL,
  app_id TEXT NOT NULL, scheme TEXT NOT NULL, value TEXT NOT NULL, name TEXT NOT NULL,
  contact_id TEXT NOT NULL, direction TEXT NOT NULL CHECK (direction IN ('incoming', 'outgoing')),
  video INTEGER NOT NULL, started_at INTEGER NOT NULL, connected_at INTEGER NOT NULL,
  ended_at INTEGER NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('answered', 'missed', 'declined', 'cancelled', 'failed',
    'elsewhere', 'ongoing')),
  end_reason TEXT NOT NULL, seen INTEGER NOT NULL, search TEXT NOT NULL
) STRICT;
CREATE INDEX history_by_time ON history (started_at, id);
CREATE INDEX history_by_outcome ON history (outcome, started_at, id);
CREATE INDEX history_by_contact ON history (contact_id, started_at, id);
CREATE INDEX history_by_remote ON history (scheme, value, started_at, id);
CREATE INDEX history_by_provider ON history (provider, started_at, id);
CREATE INDEX history_unseen ON history (id) WHERE seen = 0 AND outcome = 'missed';
";

/// The version a file has; 0 for a fresh one.
pub(super) fn version(db: &Connection) -> Result<u32, StoreError> {
    Ok(db.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

/// Brings a file from whatever older version it has to [`VERSION`], all steps or none.
pub(super) fn migrate(db: &mut Connection) -> Result<(), StoreError> {
    let from = version(db)? as usize;
    let steps = db.transaction()?;
    for step in MIGRATIONS.iter().skip(from) {
        steps.execute_batch(step)?;
    }
    steps.pragma_update(None, "user_version", VERSION)?;
    Ok(steps.commit()?)
}
