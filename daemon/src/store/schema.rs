//! The schema, as the list of steps that lead to it.
//!
//! Owns: `PRAGMA user_version` and the migrations. Does not own: the rows. Invariant: step `n` is
//! never changed once released; the version of a file is the number of steps applied to it.

use rusqlite::{Connection, Transaction};

use super::{error::StoreError, history::first_place};

/// One step each; the index + 1 is the version it leads to.
const MIGRATIONS: [Step; 4] = [
    Step { sql: V1, fill: None },
    Step { sql: V2, fill: Some(fill_marks) },
    Step { sql: V3, fill: None },
    Step { sql: V4, fill: None },
];

/// One version to the next.
struct Step {
    sql: &'static str,
    /// What SQL alone cannot fill in.
    fill: Option<Fill>,
}

type Fill = fn(&Transaction<'_>) -> Result<(), StoreError>;

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

/// What rows are found by; see `marks.rs`. `place` is unique and in the order of the log. The index
/// keeps no copy of the text (content='') and no positions (detail=none): half the size, and the
/// reader looks at the row anyway.
/// Safety numbers that were compared.
const V3: &str = "ALTER TABLE peers ADD COLUMN verified INTEGER NOT NULL DEFAULT 0;";

/// How names are said, as they were taught.
const V4: &str = "
CREATE TABLE sounds (
  contact_id TEXT NOT NULL REFERENCES contacts (id) ON DELETE CASCADE,
  word TEXT NOT NULL, position INTEGER NOT NULL, phones TEXT NOT NULL CHECK (length(phones) <= 400),
  PRIMARY KEY (contact_id, word, position)
) STRICT, WITHOUT ROWID;
";

const V2: &str = "
ALTER TABLE history ADD COLUMN place INTEGER NOT NULL DEFAULT 0;
CREATE VIRTUAL TABLE history_marks USING fts5 (
  marks, content='', contentless_delete=1, detail=none, tokenize='ascii'
);
";

/// After the rows are filled in, so that the triggers do not see it.
const V2_KEPT: &str = "
CREATE UNIQUE INDEX history_by_place ON history (place);
CREATE TRIGGER history_marks_new AFTER INSERT ON history BEGIN
  INSERT INTO history_marks (rowid, marks) VALUES (new.place, marks(new.search, new.outcome,
    new.direction, new.provider, new.contact_id, new.scheme, new.value));
END;
CREATE TRIGGER history_marks_gone AFTER DELETE ON history BEGIN
  DELETE FROM history_marks WHERE rowid = old.place;
END;
CREATE TRIGGER history_marks_changed AFTER UPDATE ON history
WHEN (old.place, old.search, old.outcome, old.direction, old.provider, old.contact_id, old.scheme,
  old.value) IS NOT (new.place, new.search, new.outcome, new.direction, new.provider,
  new.contact_id, new.scheme, new.value)
BEGIN
  DELETE FROM history_marks WHERE rowid = old.place;
  INSERT INTO history_marks (rowid, marks) VALUES (new.place, marks(new.search, new.outcome,
    new.direction, new.provider, new.contact_id, new.scheme, new.value));
END;
";

fn fill_marks(db: &Transaction<'_>) -> Result<(), StoreError> {
    {
        let mut rows = db.prepare("SELECT id, started_at FROM history ORDER BY started_at, id")?;
        let mut set = db.prepare("UPDATE history SET place = ?2 WHERE id = ?1")?;
        let mut rows = rows.query([])?;
        let mut free = 0;
        while let Some(row) = rows.next()? {
            let (id, started_at): (i64, i64) = (row.get(0)?, row.get(1)?);
            let place = first_place(started_at).max(free);
            set.execute([id, place])?;
            free = place + 1;
        }
    }
    db.execute_batch(
        "INSERT INTO history_marks (rowid, marks) SELECT place, marks(search, outcome, direction, \
         provider, contact_id, scheme, value) FROM history ORDER BY started_at, id",
    )?;
    Ok(db.execute_batch(V2_KEPT)?)
}

/// The version a file has; 0 for a fresh one.
pub(super) fn version(db: &Connection) -> Result<u32, StoreError> {
    Ok(db.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

/// Brings a file from whatever older version it has to [`VERSION`], all steps or none.
pub(super) fn migrate(db: &mut Connection) -> Result<(), StoreError> {
    migrate_to(db, VERSION)
}

/// The same up to a version: tests make files of older ones.
pub(super) fn migrate_to(db: &mut Connection, to: u32) -> Result<(), StoreError> {
    let from = version(db)? as usize;
    let steps = db.transaction()?;
    for step in MIGRATIONS.iter().take(to as usize).skip(from) {
        steps.execute_batch(step.sql)?;
        if let Some(fill) = step.fill {
            fill(&steps)?;
        }
    }
    steps.pragma_update(None, "user_version", to)?;
    Ok(steps.commit()?)
}
