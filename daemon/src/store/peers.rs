//! Peers of the built-in calls, invites that were issued, and call ids already seen.
//!
//! Owns: the tables `peers`, `invites` and `seen_calls`. Does not own: what the keys are used for
//! (the session). Invariant: an identity key belongs to one contact.

use rusqlite::{OptionalExtension as _, Row, params, types::Type};
use serde::{Deserialize, Serialize};

use super::{
    error::StoreError,
    open::Store,
    types::{ContactId, Micros, Secret},
};

/// A call id older than this cannot come back: every OFFER expires long before (link.md: 24 h).
const SEEN_FOR: i64 = 24 * 3600 * 1_000_000;

/// How far two people have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PeerState {
    /// We accepted their invite; they have not welcomed us yet.
    Pending,
    /// Both sides have the pair's secret.
    Joined,
}

/// The keys that go with a contact.
#[derive(Clone, PartialEq, Eq)]
pub struct Peer {
    /// The person in the book.
    pub contact: ContactId,
    /// Their Ed25519 identity key.
    pub identity: [u8; 32],
    /// psk1 of this pair.
    pub secret: Secret<32>,
    /// How far we have come.
    pub state: PeerState,
    /// While pending: when the invite is void. Joined: 0.
    pub expires_at: Micros,
    /// Their signed device list, as received; empty before the first.
    pub devices: Vec<u8>,
    /// Addresses and homes worth trying, best first.
    pub hints: Vec<String>,
    /// Whether the person compared the safety number.
    pub verified: bool,
}

/// An invite we issued.
#[derive(Clone, PartialEq, Eq)]
pub struct Invite {
    /// psk1 of its handshake; also what tells invites apart.
    pub secret: Secret<32>,
    /// Whom it was made for, in our words; may be empty.
    pub name: String,
    /// Not valid from here on.
    pub expires_at: Micros,
    /// Valid for one person only.
    pub single_use: bool,
    /// Whether somebody used it.
    pub used: bool,
    /// The identity key of who used it last.
    pub used_by: Option<[u8; 32]>,
}

const PEER: &str = "contact_id, identity, secret, state, expires_at, devices, hints, verified";

impl Store {
    /// Writes a contact's keys, new or not.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when another contact has this identity or there is no such contact.
    pub fn put_peer(&mut self, peer: &Peer) -> Result<(), StoreError> {
        self.db
            .prepare_cached(
                "INSERT INTO peers VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) \
                 ON CONFLICT (contact_id) DO UPDATE SET identity = ?2, secret = ?3, state = ?4, \
                 expires_at = ?5, devices = ?6, hints = ?7, verified = ?8",
            )?
            .execute(params![
                peer.contact,
                peer.identity,
                peer.secret,
                state_text(peer.state),
                peer.expires_at,
                peer.devices,
                serde_json::Value::from(peer.hints.clone()).to_string(),
                peer.verified,
            ])?;
        Ok(())
    }

    /// All peers.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn peers(&self) -> Result<Vec<Peer>, StoreError> {
        let sql = format!("SELECT {PEER} FROM peers ORDER BY contact_id");
        let mut statement = self.db.prepare_cached(&sql)?;
        let rows = statement.query_map([], read_peer)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The keys of a contact.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn peer(&self, contact: &ContactId) -> Result<Option<Peer>, StoreError> {
        let sql = format!("SELECT {PEER} FROM peers WHERE contact_id = ?1");
        let mut statement = self.db.prepare_cached(&sql)?;
        Ok(statement.query_row([contact], read_peer).optional()?)
    }

    /// The peer with this identity key.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn peer_by_identity(&self, identity: &[u8; 32]) -> Result<Option<Peer>, StoreError> {
        let sql = format!("SELECT {PEER} FROM peers WHERE identity = ?1");
        let mut statement = self.db.prepare_cached(&sql)?;
        Ok(statement.query_row([identity], read_peer).optional()?)
    }

    /// Forgets a contact's keys; the contact stays. False: there were none.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn remove_peer(&mut self, contact: &ContactId) -> Result<bool, StoreError> {
        let sql = "DELETE FROM peers WHERE contact_id = ?1";
        Ok(self.db.execute(sql, [contact])? > 0)
    }

    /// Writes down an invite that was issued, or what became of it.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn put_invite(&mut self, invite: &Invite) -> Result<(), StoreError> {
        self.db.execute(
            "INSERT INTO invites VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
             ON CONFLICT (secret) DO UPDATE SET used = ?5, used_by = ?6",
            params![
                invite.secret,
                invite.name,
                invite.expires_at,
                invite.single_use,
                invite.used,
                invite.used_by,
            ],
        )?;
        Ok(())
    }

    /// Invites whose time is not over, used ones included: the one who used it may come again
    /// for a lost answer. Others are forgotten.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn invites(&mut self, now: Micros) -> Result<Vec<Invite>, StoreError> {
        self.db.execute("DELETE FROM invites WHERE expires_at <= ?1", [now])?;
        let sql = "SELECT secret, name, expires_at, single_use, used, used_by FROM invites";
        let mut statement = self.db.prepare_cached(sql)?;
        let rows = statement.query_map([], read_invite)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Notes a call id. False: it was seen within the last 24 h, so this is a replay.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn note_call_id(&mut self, call_id: &[u8; 16], now: Micros) -> Result<bool, StoreError> {
        let change = self.db.transaction()?;
        change.execute(
            "DELETE FROM seen_calls WHERE seen_at <= ?1",
            [now.0.saturating_sub(SEEN_FOR)],
        )?;
        let new = change.execute(
            "INSERT INTO seen_calls VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            params![call_id, now],
        )?;
        change.commit()?;
        Ok(new > 0)
    }

    /// The call ids of the last 24 h, for the engine's own seen-set at start.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn seen_call_ids(&self, now: Micros) -> Result<Vec<([u8; 16], Micros)>, StoreError> {
        let mut statement = self.db.prepare_cached(
            "SELECT call_id, seen_at FROM seen_calls WHERE seen_at > ?1 ORDER BY seen_at",
        )?;
        let rows = statement
            .query_map([now.0.saturating_sub(SEEN_FOR)], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

const fn state_text(state: PeerState) -> &'static str {
    match state {
        PeerState::Pending => "pending",
        PeerState::Joined => "joined",
    }
}

fn read_peer(row: &Row<'_>) -> rusqlite::Result<Peer> {
    let state: String = row.get(3)?;
    let hints: String = row.get(6)?;
    Ok(Peer {
        contact: row.get(0)?,
        identity: row.get(1)?,
        secret: row.get(2)?,
        state: match state.as_str() {
            "pending" => PeerState::Pending,
            "joined" => PeerState::Joined,
            other => return Err(unknown_text(3, other)),
        },
        expires_at: row.get(4)?,
        devices: row.get(5)?,
        // Hints are only hints: a list broken by hand costs a slower first call.
        hints: serde_json::from_str(&hints).unwrap_or_default(),
        verified: row.get(7)?,
    })
}

fn read_invite(row: &Row<'_>) -> rusqlite::Result<Invite> {
    Ok(Invite {
        secret: row.get(0)?,
        name: row.get(1)?,
        expires_at: row.get(2)?,
        single_use: row.get(3)?,
        used: row.get(4)?,
        used_by: row.get(5)?,
    })
}

/// A word that the schema's CHECK does not allow.
pub(super) fn unknown_text(column: usize, word: &str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(
        column,
        Type::Text,
        format!("`{word}` is not a known value").into(),
    )
}
