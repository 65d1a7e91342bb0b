//! The log of calls.
//!
//! Owns: the table `history`, its filters and cursors. Does not own: when a row is written (the
//! engine decides) or what "missed" means. Invariant: a cursor stays good while rows are added or
//! removed: it names a place in the order, not a count of rows.
//! Every row has a number, `place`, that grows as the log does (by start, then by id): the index of
//! what rows are found by (`marks.rs`) is in its order, so a page is read off the index's end.

use std::{fmt, str::FromStr};

use rusqlite::{Row, params, params_from_iter, types::Value};

use super::{
    error::StoreError,
    marks::{self, Mark},
    open::Store,
    peers::unknown_text,
    types::{ContactId, Handle, Micros, folded},
};

/// The largest page (dbus.md).
pub(super) const MAX_PAGE: u32 = 500;
const DAY: i64 = 24 * 3600 * 1_000_000;
/// Places per microsecond, for calls that start in the same one: more than the 50 calls that one
/// app may create at once (dbus.md, "Rules").
pub(super) const TIES: i64 = 64;
/// Later starts (year 6429) share the last places.
const LAST: i64 = i64::MAX / (2 * TIES);

/// A row's id; never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HistoryId(pub i64);

impl fmt::Display for HistoryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl FromStr for HistoryId {
    type Err = std::num::ParseIntError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// The word on the bus and in the database.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The value of a word, if it is one.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

words! {
    /// Who called whom.
    Direction {
        /// They called.
        Incoming = "incoming",
        /// We called.
        Outgoing = "outgoing",
    }
}

words! {
    /// What became of a call (dbus.md, "History row").
    Outcome {
        /// It was active.
        Answered = "answered",
        /// Never active, and neither declined nor taken elsewhere.
        Missed = "missed",
        /// Refused by the one who was called.
        Declined = "declined",
        /// Taken back by the one who called.
        Cancelled = "cancelled",
        /// It broke.
        Failed = "failed",
        /// Taken on another device.
        Elsewhere = "elsewhere",
        /// It is still on.
        Ongoing = "ongoing",
    }
}

/// One call in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryRow {
    /// `None` until the store has given one.
    pub id: Option<HistoryId>,
    /// The call's uuid; at most one row has it.
    pub call: String,
    /// Provider id.
    pub provider: String,
    /// The app behind the provider; may be empty.
    pub app_id: String,
    /// The other side.
    pub remote: Handle,
    /// What was shown; may be empty.
    pub name: String,
    /// The contact at that time.
    pub contact: Option<ContactId>,
    /// Who called whom.
    pub direction: Direction,
    /// Whether pictures were meant.
    pub video: bool,
    /// When the call was created.
    pub started_at: Micros,
    /// When it became active; 0 = never.
    pub connected_at: Micros,
    /// When it ended; 0 = still on.
    pub ended_at: Micros,
    /// What became of it.
    pub outcome: Outcome,
    /// The engine's end reason; empty while it is on.
    pub end_reason: String,
    /// Whether the person has looked at it.
    pub seen: bool,
}

/// Which rows; all that are set must match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryFilter {
    /// With this outcome.
    pub outcome: Option<Outcome>,
    /// In this direction.
    pub direction: Option<Direction>,
    /// With this contact.
    pub contact: Option<ContactId>,
    /// With this other side.
    pub remote: Option<Handle>,
    /// By this provider.
    pub provider: Option<String>,
    /// Started before.
    pub before: Option<Micros>,
    /// Started after.
    pub after: Option<Micros>,
    /// With this in the name or the handle's value, whatever the case.
    pub text: Option<String>,
}

/// A place in the log, newest first. Its text is opaque to everyone else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    started_at: i64,
    id: i64,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}.{:x}", self.started_at, self.id)
    }
}

impl FromStr for Cursor {
    type Err = ();
    /// Fails on text that no page ever carried.
    fn from_str(text: &str) -> Result<Self, ()> {
        let (started_at, id) = text.split_once('.').ok_or(())?;
        Ok(Self {
            started_at: i64::from_str_radix(started_at, 16).map_err(drop)?,
            id: i64::from_str_radix(id, 16).map_err(drop)?,
        })
    }
}

/// Some rows, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryPage {
    /// At most as many as asked for.
    pub rows: Vec<HistoryRow>,
    /// Where to go on; `None`: these were the last.
    pub next: Option<Cursor>,
}

const COLUMNS: &str = "id, call, provider, app_id, scheme, value, name, contact_id, direction, \
    video, started_at, connected_at, ended_at, outcome, end_reason, seen";

impl Store {
    /// Writes a call's row: a new one, or the one that this call already has. Returns its id.
    /// When a call started never changes: the first row says it.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn record(&mut self, row: &HistoryRow) -> Result<HistoryId, StoreError> {
        let contact = row.contact.as_ref().map_or("", |id| id.0.as_str());
        let place = self.free_place(row.started_at)?;
        let id = self
            .db
            .prepare_cached(
                "INSERT INTO history (call, provider, app_id, scheme, value, name, contact_id, \
                 direction, video, started_at, connected_at, ended_at, outcome, end_reason, seen, \
                 search, place) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, \
                 ?14, ?15, ?16, ?17) ON CONFLICT (call) DO UPDATE SET provider = ?2, app_id = ?3, \
                 scheme = ?4, value = ?5, name = ?6, contact_id = ?7, direction = ?8, video = ?9, \
                 connected_at = ?11, ended_at = ?12, outcome = ?13, end_reason = ?14, seen = ?15, \
                 search = ?16 RETURNING id",
            )?
            .query_row(
                params![
                    row.call,
                    row.provider,
                    row.app_id,
                    row.remote.scheme,
                    row.remote.value,
                    row.name,
                    contact,
                    row.direction.as_str(),
                    row.video,
                    row.started_at,
                    row.connected_at,
                    row.ended_at,
                    row.outcome.as_str(),
                    row.end_reason,
                    row.seen,
                    folded(&format!("{}\n{}", row.name, row.remote.value)),
                    place,
                ],
                |row| row.get(0),
            )?;
        Ok(HistoryId(id))
    }

    /// A page of the log, newest first, after `cursor`. `limit` is capped at 500.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn history(
        &self,
        filter: &HistoryFilter,
        limit: u32,
        cursor: Option<Cursor>,
    ) -> Result<HistoryPage, StoreError> {
        let limit = limit.clamp(1, MAX_PAGE) as usize;
        // One more than asked for tells whether there is a next page.
        let (sql, values) = filter.page(cursor, limit as i64 + 1);
        let mut statement = self.db.prepare_cached(&sql)?;
        let mut rows: Vec<HistoryRow> =
            statement.query_map(params_from_iter(values), read_row)?.collect::<Result<_, _>>()?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = if more { rows.last().and_then(place) } else { None };
        Ok(HistoryPage { rows, next })
    }

    /// The row of this id.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn history_row(&self, id: HistoryId) -> Result<Option<HistoryRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM history WHERE id = ?1");
        let mut statement = self.db.prepare_cached(&sql)?;
        let mut rows = statement.query_map([id.0], read_row)?;
        Ok(rows.next().transpose()?)
    }

    /// Removes rows; calls that are on stay. Returns those that are gone.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn remove_history(&mut self, ids: &[HistoryId]) -> Result<Vec<HistoryId>, StoreError> {
        self.each(ids, "DELETE FROM history WHERE id = ?1 AND outcome <> 'ongoing'")
    }

    /// Removes all rows that match; calls that are on stay. Returns those that are gone.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn clear_history(&mut self, filter: &HistoryFilter) -> Result<Vec<HistoryId>, StoreError> {
        let (condition, values) = filter.sql(None);
        let sql = format!(
            "DELETE FROM history WHERE outcome <> 'ongoing' AND ({condition}) RETURNING id"
        );
        let mut statement = self.db.prepare(&sql)?;
        let rows =
            statement.query_map(params_from_iter(values), |row| row.get(0).map(HistoryId))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Marks rows as looked at, all of them for an empty list. Returns those that changed.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn mark_seen(&mut self, ids: &[HistoryId]) -> Result<Vec<HistoryId>, StoreError> {
        if !ids.is_empty() {
            return self.each(ids, "UPDATE history SET seen = 1 WHERE id = ?1 AND seen = 0");
        }
        let sql = "UPDATE history SET seen = 1 WHERE seen = 0 RETURNING id";
        let mut statement = self.db.prepare(sql)?;
        let rows = statement.query_map([], |row| row.get(0).map(HistoryId))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Missed calls nobody has looked at.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn unseen(&self) -> Result<u32, StoreError> {
        let sql = "SELECT count(*) FROM history WHERE seen = 0 AND outcome = 'missed'";
        Ok(self.db.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
    }

    /// Ids of the newest calls that had ended before then, newest first. Those that a crash cut off
    /// end later, when the database is opened: their apps may take them up again.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn used_call_ids(&self, before: Micros, most: usize) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT call FROM history WHERE ended_at <> 0 AND ended_at < ?1 \
                   ORDER BY started_at DESC, id DESC LIMIT ?2";
        let mut found = self.db.prepare_cached(sql)?;
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let ids = found.query_map(params![before, most], |row| row.get(0))?;
        Ok(ids.collect::<Result<_, _>>()?)
    }

    /// Removes rows of calls older than `keep_days`; 0 keeps all. Returns those that are gone.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn prune_history(
        &mut self,
        now: Micros,
        keep_days: u32,
    ) -> Result<Vec<HistoryId>, StoreError> {
        if keep_days == 0 {
            return Ok(Vec::new());
        }
        self.clear_history(&HistoryFilter {
            before: Some(Micros(now.0.saturating_sub(DAY * i64::from(keep_days)))),
            ..HistoryFilter::default()
        })
    }

    /// Closes rows that a crash left on: a call nobody took was missed or cancelled, one that was
    /// active has failed.
    pub(super) fn close_ongoing(&mut self, now: Micros) -> Result<usize, StoreError> {
        Ok(self.db.execute(
            "UPDATE history SET ended_at = ?1, end_reason = 'failed', outcome = CASE \
             WHEN connected_at <> 0 THEN 'failed' WHEN direction = 'incoming' THEN 'missed' \
             ELSE 'cancelled' END WHERE outcome = 'ongoing'",
            [now],
        )?)
    }

    /// The first free place of a call that starts then.
    fn free_place(&self, started_at: Micros) -> Result<i64, StoreError> {
        let first = first_place(started_at.0);
        let sql = "SELECT place + 1 FROM history AS one WHERE place >= ?1 AND NOT EXISTS \
                   (SELECT 1 FROM history WHERE place = one.place + 1) ORDER BY place LIMIT 1";
        let mut taken = self.db.prepare_cached("SELECT 1 FROM history WHERE place = ?1")?;
        if !taken.exists([first])? {
            return Ok(first);
        }
        Ok(self.db.prepare_cached(sql)?.query_row([first], |row| row.get(0))?)
    }

    fn each(&mut self, ids: &[HistoryId], sql: &str) -> Result<Vec<HistoryId>, StoreError> {
        let change = self.db.transaction()?;
        let mut changed = Vec::new();
        {
            let mut statement = change.prepare_cached(sql)?;
            for &id in ids {
                if statement.execute([id.0])? > 0 {
                    changed.push(id);
                }
            }
        }
        change.commit()?;
        Ok(changed)
    }
}

/// The place of the first call that starts then.
pub(super) fn first_place(started_at: i64) -> i64 {
    started_at.clamp(0, LAST) * TIES
}

impl HistoryFilter {
    /// The statement behind a page and its values; a test asks SQLite how it would run it.
    pub(super) fn page(&self, cursor: Option<Cursor>, limit: i64) -> (String, Vec<Value>) {
        let (condition, mut values) = self.sql(cursor);
        let question = self.question();
        let sql = if question.is_empty() {
            format!(
                "SELECT {COLUMNS} FROM history WHERE {condition} \
                 ORDER BY started_at DESC, id DESC LIMIT ?"
            )
        } else {
            // The cursor's own row is left out by the condition, not by its place.
            let newest =
                [self.before.map(|at| at.0), cursor.map(|at| at.started_at.saturating_add(1))];
            let newest = newest.into_iter().flatten().min().map_or(i64::MAX, first_place);
            let oldest = self.after.map_or(i64::MIN, |at| first_place(at.0.saturating_add(1)));
            values.splice(0..0, [question.into(), newest.into(), oldest.into()]);
            // CROSS JOIN keeps SQLite to this order: the index gives the rows as they are shown.
            format!(
                "SELECT {COLUMNS} FROM history_marks CROSS JOIN history \
                 ON place = history_marks.rowid WHERE history_marks MATCH ? \
                 AND history_marks.rowid < ? AND history_marks.rowid >= ? AND {condition} \
                 ORDER BY history_marks.rowid DESC LIMIT ?"
            )
        };
        values.push(Value::Integer(limit));
        (sql, values)
    }

    /// What to ask of the index of marks; empty where an ordinary index serves.
    fn question(&self) -> String {
        let marks = [
            self.outcome.map(|outcome| Mark::Outcome(outcome.as_str())),
            self.direction.map(|direction| Mark::Direction(direction.as_str())),
            self.provider.as_deref().map(Mark::Provider),
            self.contact.as_ref().map(|contact| Mark::Contact(&contact.0)),
            self.remote.as_ref().map(|Handle { scheme, value }| Mark::Remote(scheme, value)),
        ];
        let marks: Vec<Mark<'_>> = marks.into_iter().flatten().collect();
        let text = self.text.as_deref().map(folded).unwrap_or_default();
        match marks[..] {
            // Each of these has an index of its own.
            [] | [Mark::Outcome(_) | Mark::Provider(_) | Mark::Contact(_) | Mark::Remote(..)]
                if text.is_empty() =>
            {
                String::new()
            }
            _ => marks::question(&text, &marks),
        }
    }

    /// The condition and its values, in order. Only what is set appears, so that SQLite can pick
    /// the index that fits.
    pub(super) fn sql(&self, cursor: Option<Cursor>) -> (String, Vec<Value>) {
        let mut parts = vec!["1"];
        let mut values = Vec::new();
        let mut add = |part: &'static str, more: Vec<Value>| {
            parts.push(part);
            values.extend(more);
        };
        if let Some(outcome) = self.outcome {
            add("outcome = ?", vec![outcome.as_str().to_owned().into()]);
        }
        if let Some(direction) = self.direction {
            add("direction = ?", vec![direction.as_str().to_owned().into()]);
        }
        if let Some(contact) = &self.contact {
            add("contact_id = ?", vec![contact.0.clone().into()]);
        }
        if let Some(Handle { scheme, value }) = &self.remote {
            let both = vec![scheme.clone().into(), value.clone().into()];
            add("scheme = ? AND value = ?", both);
        }
        if let Some(provider) = &self.provider {
            add("provider = ?", vec![provider.clone().into()]);
        }
        if let Some(before) = self.before {
            add("started_at < ?", vec![before.0.into()]);
        }
        if let Some(after) = self.after {
            add("started_at > ?", vec![after.0.into()]);
        }
        if let Some(text) = &self.text {
            add("instr(search, ?) > 0", vec![folded(text).into()]);
        }
        if let Some(Cursor { started_at, id }) = cursor {
            add("(started_at, id) < (?, ?)", vec![started_at.into(), id.into()]);
        }
        (parts.join(" AND "), values)
    }
}

fn place(row: &HistoryRow) -> Option<Cursor> {
    row.id.map(|id| Cursor { started_at: row.started_at.0, id: id.0 })
}

fn read_row(row: &Row<'_>) -> rusqlite::Result<HistoryRow> {
    let contact: String = row.get(7)?;
    let direction: String = row.get(8)?;
    let outcome: String = row.get(13)?;
    Ok(HistoryRow {
        id: Some(HistoryId(row.get(0)?)),
        call: row.get(1)?,
        provider: row.get(2)?,
        app_id: row.get(3)?,
        remote: Handle::new(row.get::<_, String>(4)?, row.get::<_, String>(5)?),
        name: row.get(6)?,
        contact: Some(contact).filter(|id| !id.is_empty()).map(ContactId),
        direction: Direction::from_word(&direction).ok_or_else(|| unknown_text(8, &direction))?,
        video: row.get(9)?,
        started_at: row.get(10)?,
        connected_at: row.get(11)?,
        ended_at: row.get(12)?,
        outcome: Outcome::from_word(&outcome).ok_or_else(|| unknown_text(13, &outcome))?,
        end_reason: row.get(14)?,
        seen: row.get(15)?,
    })
}
