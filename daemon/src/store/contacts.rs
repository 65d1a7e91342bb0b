//! Contacts and the list of blocked callers.
//!
//! Owns: the tables `contacts`, `aliases`, `handles`, `sounds` and `blocks`. Does not own: who is called by
//! which handle (the engine). Invariant: a contact is written whole or not at all; keys that this
//! version does not know are kept as they came.

use std::{collections::BTreeMap, fmt, str::FromStr};

use rusqlite::{Connection, OptionalExtension as _, Row, ToSql, params};
use serde::{Deserialize, Serialize};

use super::{
    error::StoreError,
    open::Store,
    types::{ContactId, Handle, folded, hex},
};

/// One way to reach a contact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactHandle {
    /// The address.
    pub handle: Handle,
    /// "mobile", "home", or empty.
    pub label: String,
}

/// One person in the book.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Contact {
    /// `None` until the store has given one.
    pub id: Option<ContactId>,
    /// What to show.
    pub name: String,
    /// Other names, for search and voice.
    pub aliases: Vec<String>,
    /// How to reach them, preferred first.
    pub handles: Vec<ContactHandle>,
    /// On the favourites list.
    pub favourite: bool,
    /// A favourite whose button calls with video.
    pub favourite_video: bool,
    /// Path of a picture, or empty.
    pub photo: String,
    /// Calls from them never ring aloud.
    pub muted: bool,
    /// Calls from them are refused.
    pub blocked: bool,
    /// Their own ringtone, or empty.
    pub tone: String,
    /// Free text.
    pub notes: String,
    /// Words of the names and how they are said, as phones ("K IH M"): taught by voice. Absent in
    /// copies of version 0.1.0.
    #[serde(default)]
    pub sounds: BTreeMap<String, Vec<String>>,
    /// Keys of newer versions and other programs.
    pub extra: serde_json::Map<String, serde_json::Value>,
}

/// A place in the book, by name. Its text is opaque to everyone else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContactCursor {
    name: String,
    id: String,
}

impl fmt::Display for ContactCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}{}", self.id.len(), self.id, self.name)
    }
}

impl FromStr for ContactCursor {
    type Err = ();
    /// Fails on text that no page ever carried.
    fn from_str(text: &str) -> Result<Self, ()> {
        let (length, rest) = text.split_once('.').ok_or(())?;
        let (id, name) = rest.split_at_checked(length.parse().map_err(drop)?).ok_or(())?;
        Ok(Self { name: name.to_owned(), id: id.to_owned() })
    }
}

/// Some contacts, by name.
#[derive(Clone, Debug, PartialEq)]
pub struct ContactPage {
    /// At most as many as asked for.
    pub contacts: Vec<Contact>,
    /// Where to go on; `None`: these were the last.
    pub next: Option<ContactCursor>,
}

/// A pattern of callers that are refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Scheme the pattern is for.
    pub scheme: String,
    /// What to match, as the engine understands it.
    pub pattern: String,
    /// The person's reason, or empty.
    pub why: String,
}

/// Words of one contact whose sounds are kept, and sounds of each; what a backup has more is left out.
const MOST_SOUNDS: (usize, usize) = (32, 4);
/// Bytes of one.
const MOST_PHONES: usize = 400;

const COLUMNS: &str = "id, name, favourite, favourite_video, photo, muted, blocked, tone, notes, \
    extra";

impl Store {
    /// Writes a contact; one without an id is new and gets one. Returns its id.
    ///
    /// # Errors
    /// [`StoreError::UnknownContact`] for an id that is not in the book.
    pub fn put_contact(&mut self, contact: &Contact) -> Result<ContactId, StoreError> {
        let change = self.db.transaction()?;
        let id = match &contact.id {
            Some(id) if exists(&change, id)? => id.clone(),
            Some(_) => return Err(StoreError::UnknownContact),
            None => fresh_id()?,
        };
        write(&change, &id, contact)?;
        change.commit()?;
        Ok(id)
    }

    /// Writes a contact under the id it carries, new or not: for restoring a backup.
    ///
    /// # Errors
    /// [`StoreError::UnknownContact`] without an id.
    pub fn restore_contact(&mut self, contact: &Contact) -> Result<(), StoreError> {
        let id = contact.id.as_ref().ok_or(StoreError::UnknownContact)?;
        let change = self.db.transaction()?;
        write(&change, id, contact)?;
        Ok(change.commit()?)
    }

    /// Removes a contact and what hangs on it, its key pair included. False: there was none.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn remove_contact(&mut self, id: &ContactId) -> Result<bool, StoreError> {
        let gone = self.db.execute("DELETE FROM contacts WHERE id = ?1", [id])?;
        Ok(gone > 0)
    }

    /// The contact of this id.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn contact(&self, id: &ContactId) -> Result<Option<Contact>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM contacts WHERE id = ?1");
        let mut statement = self.db.prepare_cached(&sql)?;
        let head = statement.query_row([id], read_head).optional()?;
        head.map(|contact| with_lists(&self.db, contact)).transpose()
    }

    /// Contacts in whose name, aliases or handles `text` occurs, by name; all for empty text.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn search_contacts(&self, text: &str, limit: usize) -> Result<Vec<Contact>, StoreError> {
        Ok(self.contact_page(text, limit, None)?.contacts)
    }

    /// A page of the same, after `cursor`. Stays right while contacts are added and removed.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn contact_page(
        &self,
        text: &str,
        limit: usize,
        cursor: Option<&ContactCursor>,
    ) -> Result<ContactPage, StoreError> {
        let found = "(instr(search, ?2) > 0 OR ?2 = '')";
        let text = folded(text);
        // One more than asked for tells whether there is a next page.
        let more = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
        let mut contacts = match cursor {
            None => self.contacts_where(found, params![more, text])?,
            Some(ContactCursor { name, id }) => {
                let after = format!("{found} AND (name COLLATE NOCASE, id) > (?3, ?4)");
                self.contacts_where(&after, params![more, text, name, id])?
            }
        };
        let is_last = contacts.len() <= limit;
        contacts.truncate(limit);
        let last = contacts.last().filter(|_| !is_last);
        let next = last.and_then(|contact| {
            Some(ContactCursor { name: contact.name.clone(), id: contact.id.as_ref()?.0.clone() })
        });
        Ok(ContactPage { contacts, next })
    }

    /// The contacts of this name, or with this alias, in any case.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn contacts_named(&self, name: &str) -> Result<Vec<Contact>, StoreError> {
        let name = folded(name);
        // The text that is searched has a line for each name, alias and value.
        let line = "instr(char(10) || search || char(10), char(10) || ?2 || char(10)) > 0";
        let mut found = self.contacts_where(line, params![i64::MAX, name])?;
        let is = |one: &String| folded(one) == name;
        found.retain(|one| is(&one.name) || one.aliases.iter().any(is));
        Ok(found)
    }

    /// All favourites, by name.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn favourites(&self) -> Result<Vec<Contact>, StoreError> {
        self.contacts_where("favourite = 1", params![i64::MAX])
    }

    /// The contact that has this handle; of several, the first by name.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn resolve(&self, handle: &Handle) -> Result<Option<Contact>, StoreError> {
        let sql = "SELECT contact_id FROM handles JOIN contacts ON contacts.id = contact_id \
                   WHERE scheme = ?1 AND value = ?2 ORDER BY name COLLATE NOCASE, id LIMIT 1";
        let id = self
            .db
            .prepare_cached(sql)?
            .query_row([&handle.scheme, &handle.value], |row| row.get(0))
            .optional()?;
        id.map_or(Ok(None), |id: ContactId| self.contact(&id))
    }

    /// Puts a contact on the favourites list or takes it off.
    ///
    /// # Errors
    /// [`StoreError::UnknownContact`] when there is none of this id.
    pub fn set_favourite(&mut self, id: &ContactId, on: bool) -> Result<(), StoreError> {
        let sql = "UPDATE contacts SET favourite = ?2 WHERE id = ?1";
        match self.db.execute(sql, params![id, on])? {
            0 => Err(StoreError::UnknownContact),
            _ => Ok(()),
        }
    }

    /// Refuses callers of this pattern; a second time replaces the reason.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn block(&mut self, block: &Block) -> Result<(), StoreError> {
        self.db.execute(
            "INSERT INTO blocks VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET why = ?3",
            [&block.scheme, &block.pattern, &block.why],
        )?;
        Ok(())
    }

    /// Lets callers of this pattern through again. False: it was not blocked.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn unblock(&mut self, scheme: &str, pattern: &str) -> Result<bool, StoreError> {
        let sql = "DELETE FROM blocks WHERE scheme = ?1 AND pattern = ?2";
        Ok(self.db.execute(sql, [scheme, pattern])? > 0)
    }

    /// Everything that is blocked.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn blocks(&self) -> Result<Vec<Block>, StoreError> {
        let sql = "SELECT scheme, pattern, why FROM blocks ORDER BY scheme, pattern";
        let mut statement = self.db.prepare_cached(sql)?;
        let rows = statement.query_map([], |row| {
            Ok(Block { scheme: row.get(0)?, pattern: row.get(1)?, why: row.get(2)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Contacts for which this holds, by name; the first value is how many at most.
    fn contacts_where(
        &self,
        condition: &str,
        values: &[&dyn ToSql],
    ) -> Result<Vec<Contact>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM contacts WHERE {condition} \
             ORDER BY name COLLATE NOCASE, id LIMIT ?1"
        );
        let mut statement = self.db.prepare_cached(&sql)?;
        let heads: Vec<Contact> =
            statement.query_map(values, read_head)?.collect::<Result<_, _>>()?;
        heads.into_iter().map(|head| with_lists(&self.db, head)).collect()
    }
}

fn fresh_id() -> Result<ContactId, StoreError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(ContactId(hex(&bytes)))
}

fn exists(db: &Connection, id: &ContactId) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM contacts WHERE id = ?1";
    Ok(db.prepare_cached(sql)?.exists([id])?)
}

pub(super) fn write(db: &Connection, id: &ContactId, contact: &Contact) -> Result<(), StoreError> {
    // An upsert, not INSERT OR REPLACE: replacing would delete the contact's keys by cascade.
    db.prepare_cached(
        "INSERT INTO contacts VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) \
         ON CONFLICT (id) DO UPDATE SET name = ?2, favourite = ?3, favourite_video = ?4, \
         photo = ?5, muted = ?6, blocked = ?7, tone = ?8, notes = ?9, extra = ?10, search = ?11",
    )?
    .execute(params![
        id,
        contact.name,
        contact.favourite,
        contact.favourite_video,
        contact.photo,
        contact.muted,
        contact.blocked,
        contact.tone,
        contact.notes,
        serde_json::Value::Object(contact.extra.clone()).to_string(),
        search_text(contact),
    ])?;
    write_lists(db, id, contact)
}

fn write_lists(db: &Connection, id: &ContactId, contact: &Contact) -> Result<(), StoreError> {
    db.execute("DELETE FROM aliases WHERE contact_id = ?1", [id])?;
    let mut insert = db.prepare_cached("INSERT INTO aliases VALUES (?1, ?2, ?3)")?;
    for (position, alias) in contact.aliases.iter().enumerate() {
        insert.execute(params![id, position as i64, alias])?;
    }
    db.execute("DELETE FROM handles WHERE contact_id = ?1", [id])?;
    let mut insert = db.prepare_cached("INSERT INTO handles VALUES (?1, ?2, ?3, ?4, ?5)")?;
    for (position, entry) in contact.handles.iter().enumerate() {
        insert.execute(params![
            id,
            position as i64,
            entry.handle.scheme,
            entry.handle.value,
            entry.label
        ])?;
    }
    write_sounds(db, id, contact)
}

fn write_sounds(db: &Connection, id: &ContactId, contact: &Contact) -> Result<(), StoreError> {
    db.execute("DELETE FROM sounds WHERE contact_id = ?1", [id])?;
    let mut insert = db.prepare_cached("INSERT INTO sounds VALUES (?1, ?2, ?3, ?4)")?;
    for (word, ways) in contact.sounds.iter().take(MOST_SOUNDS.0) {
        let ways = ways.iter().filter(|way| way.len() <= MOST_PHONES).take(MOST_SOUNDS.1);
        for (position, phones) in ways.enumerate() {
            insert.execute(params![id, word, position as i64, phones])?;
        }
    }
    Ok(())
}

fn search_text(contact: &Contact) -> String {
    let values = contact.handles.iter().map(|entry| &entry.handle.value);
    let parts: Vec<&str> = std::iter::once(&contact.name)
        .chain(&contact.aliases)
        .chain(values)
        .map(String::as_str)
        .collect();
    // A line break cannot be searched for from a text field, so no match spans two parts.
    folded(&parts.join("\n"))
}

fn read_head(row: &Row<'_>) -> rusqlite::Result<Contact> {
    let extra: String = row.get(9)?;
    Ok(Contact {
        id: Some(row.get(0)?),
        name: row.get(1)?,
        favourite: row.get(2)?,
        favourite_video: row.get(3)?,
        photo: row.get(4)?,
        muted: row.get(5)?,
        blocked: row.get(6)?,
        tone: row.get(7)?,
        notes: row.get(8)?,
        // Only this module writes the column; what a hand edit broke is not worth a lost contact.
        extra: serde_json::from_str(&extra).unwrap_or_default(),
        ..Contact::default()
    })
}

fn with_lists(db: &Connection, mut contact: Contact) -> Result<Contact, StoreError> {
    let mut aliases =
        db.prepare_cached("SELECT alias FROM aliases WHERE contact_id = ?1 ORDER BY position")?;
    contact.aliases =
        aliases.query_map([&contact.id], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let mut handles = db.prepare_cached(
        "SELECT scheme, value, label FROM handles WHERE contact_id = ?1 ORDER BY position",
    )?;
    contact.handles = handles
        .query_map([&contact.id], |row| {
            Ok(ContactHandle {
                handle: Handle::new(row.get::<_, String>(0)?, row.get::<_, String>(1)?),
                label: row.get(2)?,
            })
        })?
        .collect::<Result<_, _>>()?;
    let mut sounds = db.prepare_cached(
        "SELECT word, phones FROM sounds WHERE contact_id = ?1 ORDER BY word, position",
    )?;
    let mut rows = sounds.query([&contact.id])?;
    while let Some(row) = rows.next()? {
        contact.sounds.entry(row.get(0)?).or_default().push(row.get(1)?);
    }
    Ok(contact)
}
