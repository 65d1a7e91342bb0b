//! Between the words of the core, of the store and of the bus.
//!
//! Owns: those translations. Does not own: any of the three. Invariant: reading back what was
//! written gives the same value; a dictionary with a wrong type is a fault that names the key.

use std::collections::BTreeSet;

use ahoy_core::{
    call,
    id::{self, CallId},
    peer::{IdentityKey, IssuedInvite, PairState, PeerRecord, SignedDevices},
    session,
};

use super::request::{Dict, Fault, Plain};
use crate::store::{
    Contact, ContactHandle, ContactId, Direction, Handle, HistoryFilter, HistoryRow, Invite,
    Micros, Outcome, Peer, PeerState, Secret,
};

pub(super) fn micros(value: u64) -> Micros {
    Micros(i64::try_from(value).unwrap_or(i64::MAX))
}

fn plain_micros(value: Micros) -> Plain {
    Plain::Uint(u64::try_from(value.0).unwrap_or_default())
}

pub(super) fn history_row(row: &call::LogRow) -> HistoryRow {
    HistoryRow {
        id: None,
        call: row.id.clone(),
        provider: row.provider.clone(),
        app_id: row.app_id.clone(),
        remote: Handle::new(row.remote.0.clone(), row.remote.1.clone()),
        name: row.name.clone(),
        contact: (!row.contact_id.is_empty()).then(|| ContactId(row.contact_id.clone())),
        direction: if row.incoming { Direction::Incoming } else { Direction::Outgoing },
        video: row.video,
        started_at: micros(row.started_at),
        connected_at: micros(row.connected_at),
        ended_at: micros(row.ended_at),
        outcome: outcome(row.outcome),
        end_reason: row.end_reason.to_owned(),
        // Only a missed call waits to be looked at.
        seen: row.outcome != call::Outcome::Missed,
    }
}

const fn outcome(outcome: call::Outcome) -> Outcome {
    match outcome {
        call::Outcome::Ongoing => Outcome::Ongoing,
        call::Outcome::Answered => Outcome::Answered,
        call::Outcome::Missed => Outcome::Missed,
        call::Outcome::Declined => Outcome::Declined,
        call::Outcome::Cancelled => Outcome::Cancelled,
        call::Outcome::Failed => Outcome::Failed,
        call::Outcome::Elsewhere => Outcome::Elsewhere,
    }
}

pub(super) fn history_dict(row: HistoryRow) -> Dict {
    let id = row.id.map_or_else(String::new, |id| id.to_string());
    let contact = row.contact.map_or_else(String::new, |id| id.0);
    [
        ("id", Plain::Text(id)),
        ("call", Plain::Text(row.call)),
        ("provider", Plain::Text(row.provider)),
        ("app-id", Plain::Text(row.app_id)),
        ("remote", Plain::Pair(row.remote.scheme, row.remote.value)),
        ("name", Plain::Text(row.name)),
        ("contact-id", Plain::Text(contact)),
        ("direction", Plain::Text(row.direction.as_str().to_owned())),
        ("video", Plain::Bool(row.video)),
        ("started-at", plain_micros(row.started_at)),
        ("connected-at", plain_micros(row.connected_at)),
        ("ended-at", plain_micros(row.ended_at)),
        ("outcome", Plain::Text(row.outcome.as_str().to_owned())),
        ("end-reason", Plain::Text(row.end_reason)),
        ("seen", Plain::Bool(row.seen)),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value))
    .collect()
}

fn wrong(key: &str, wanted: &str) -> Fault {
    Fault::argument(format!("{key}: {wanted} is expected"))
}

pub(super) fn text(key: &str, value: Plain) -> Result<String, Fault> {
    match value {
        Plain::Text(text) => {
            id::check_text("value", &text).map_err(|e| wrong(key, &e.to_string()))?;
            Ok(text)
        }
        Plain::Bool(_)
        | Plain::Uint(_)
        | Plain::Int(_)
        | Plain::Double(_)
        | Plain::Pair(..)
        | Plain::Texts(_)
        | Plain::Triples(_) => Err(wrong(key, "a string")),
    }
}

pub(super) fn boolean(key: &str, value: &Plain) -> Result<bool, Fault> {
    if let Plain::Bool(value) = value { Ok(*value) } else { Err(wrong(key, "a boolean")) }
}

pub(super) fn number(key: &str, value: &Plain) -> Result<u64, Fault> {
    match value {
        Plain::Uint(value) => Ok(*value),
        Plain::Int(value) => u64::try_from(*value).map_err(|_| wrong(key, "a positive number")),
        Plain::Bool(_)
        | Plain::Double(_)
        | Plain::Text(_)
        | Plain::Pair(..)
        | Plain::Texts(_)
        | Plain::Triples(_) => Err(wrong(key, "a number")),
    }
}

/// The handle as the store compares it: normalised by its scheme.
pub(super) fn handle(scheme: &str, value: &str) -> Result<Handle, Fault> {
    let handle = id::Handle::new(scheme, value).map_err(|e| Fault::argument(e.to_string()))?;
    Ok(Handle::new(handle.scheme(), handle.value()))
}

pub(super) fn history_filter(dict: Dict) -> Result<HistoryFilter, Fault> {
    let mut filter = HistoryFilter::default();
    for (key, value) in dict {
        match key.as_str() {
            "outcome" => {
                let found = Outcome::from_word(&text(&key, value)?);
                filter.outcome = Some(found.ok_or_else(|| wrong(&key, "an outcome"))?);
            }
            "direction" => {
                let found = Direction::from_word(&text(&key, value)?);
                filter.direction = Some(found.ok_or_else(|| wrong(&key, "incoming or outgoing"))?);
            }
            "contact-id" => filter.contact = Some(ContactId(text(&key, value)?)),
            "provider" => filter.provider = Some(text(&key, value)?),
            "text" => filter.text = Some(text(&key, value)?),
            "before" => filter.before = Some(micros(number(&key, &value)?)),
            "after" => filter.after = Some(micros(number(&key, &value)?)),
            "remote" => match value {
                Plain::Pair(scheme, value) => filter.remote = Some(handle(&scheme, &value)?),
                Plain::Bool(_)
                | Plain::Uint(_)
                | Plain::Int(_)
                | Plain::Double(_)
                | Plain::Text(_)
                | Plain::Texts(_)
                | Plain::Triples(_) => return Err(wrong(&key, "(scheme, value)")),
            },
            // A filter that is not applied would give the wrong rows: refuse it.
            _ => return Err(Fault::argument(format!("filter: unknown key {key}"))),
        }
    }
    Ok(filter)
}

pub(super) fn contact_dict(contact: Contact) -> Dict {
    let handles = contact.handles.into_iter();
    let handles = handles.map(|one| (one.handle.scheme, one.handle.value, one.label)).collect();
    let mut dict: Dict = [
        ("id", Plain::Text(contact.id.map_or_else(String::new, |id| id.0))),
        ("name", Plain::Text(contact.name)),
        ("aliases", Plain::Texts(contact.aliases)),
        ("handles", Plain::Triples(handles)),
        ("favourite", Plain::Bool(contact.favourite)),
        ("favourite-video", Plain::Bool(contact.favourite_video)),
        ("photo", Plain::Text(contact.photo)),
        ("muted", Plain::Bool(contact.muted)),
        ("blocked", Plain::Bool(contact.blocked)),
        ("tone", Plain::Text(contact.tone)),
        ("notes", Plain::Text(contact.notes)),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value))
    .collect();
    for (key, value) in contact.extra {
        if let serde_json::Value::String(text) = value {
            dict.entry(key).or_insert(Plain::Text(text));
        }
    }
    dict
}

/// Writes the keys of a dictionary into a contact; keys that are absent stay as they are.
pub(super) fn merge_contact(contact: &mut Contact, dict: Dict) -> Result<(), Fault> {
    for (key, value) in dict {
        match key.as_str() {
            // What the daemon tells beside a contact is not written back.
            "id" | "pending" => {}
            "name" => contact.name = text(&key, value)?,
            "favourite" => contact.favourite = boolean(&key, &value)?,
            "favourite-video" => contact.favourite_video = boolean(&key, &value)?,
            "muted" => contact.muted = boolean(&key, &value)?,
            "blocked" => contact.blocked = boolean(&key, &value)?,
            "photo" => contact.photo = text(&key, value)?,
            "tone" => contact.tone = text(&key, value)?,
            "notes" => contact.notes = text(&key, value)?,
            "aliases" => contact.aliases = texts(&key, value)?,
            "handles" => contact.handles = handles(&key, value)?,
            // Kept for newer versions, as the contract says; only text can be kept faithfully.
            _ => {
                let value = text(&key, value)?;
                contact.extra.insert(key, value.into());
            }
        }
    }
    if contact.name.trim().is_empty() {
        return Err(wrong("name", "at least one visible character"));
    }
    Ok(())
}

fn texts(key: &str, value: Plain) -> Result<Vec<String>, Fault> {
    if let Plain::Texts(texts) = value {
        texts.into_iter().map(|one| text(key, Plain::Text(one))).collect()
    } else {
        Err(wrong(key, "a list of strings"))
    }
}

fn handles(key: &str, value: Plain) -> Result<Vec<ContactHandle>, Fault> {
    match value {
        Plain::Triples(triples) => triples
            .into_iter()
            .map(|(scheme, value, label)| {
                let label = text(key, Plain::Text(label))?;
                Ok(ContactHandle { handle: handle(&scheme, &value)?, label })
            })
            .collect(),
        // An empty array has no element type to tell it by.
        Plain::Texts(texts) if texts.is_empty() => Ok(Vec::new()),
        Plain::Bool(_)
        | Plain::Uint(_)
        | Plain::Int(_)
        | Plain::Double(_)
        | Plain::Text(_)
        | Plain::Pair(..)
        | Plain::Texts(_) => Err(wrong(key, "a list of (scheme, value, label)")),
    }
}

/// The contact of a peer, as the book has it when it had none before.
pub(super) fn new_contact(peer: &PeerRecord) -> Contact {
    Contact {
        id: Some(ContactId(peer.contact.0.clone())),
        name: peer.name.clone(),
        handles: vec![ahoy_handle(peer.identity)],
        blocked: peer.blocked,
        ..Contact::default()
    }
}

pub(super) fn ahoy_handle(identity: IdentityKey) -> ContactHandle {
    ContactHandle { handle: Handle::new("ahoy", identity.to_string()), label: String::new() }
}

pub(super) fn peer_to_store(peer: &PeerRecord) -> Peer {
    let expires_at = match peer.state {
        PairState::Pending { expires_at } => micros(expires_at.saturating_mul(1_000_000)),
        PairState::Joined => Micros(0),
    };
    Peer {
        contact: ContactId(peer.contact.0.clone()),
        identity: peer.identity.0,
        secret: Secret::new(peer.secret.0),
        state: match peer.state {
            PairState::Pending { .. } => PeerState::Pending,
            PairState::Joined => PeerState::Joined,
        },
        expires_at,
        devices: peer.devices.to_bytes(),
        hints: peer.hints.iter().map(ToString::to_string).collect(),
        verified: peer.verified,
    }
}

/// `None` where the row does not make sense any more: it is left in the store, unused.
pub(super) fn peer_from_store(peer: Peer, contact: Option<&Contact>) -> Option<PeerRecord> {
    let devices = SignedDevices::parse(&peer.devices)?;
    let unix_s = u64::try_from(peer.expires_at.0).unwrap_or_default() / 1_000_000;
    Some(PeerRecord {
        identity: IdentityKey(peer.identity),
        contact: id::ContactId(peer.contact.0),
        name: contact.map_or_else(String::new, |contact| contact.name.clone()),
        devices,
        secret: session::Secret(*peer.secret.expose()),
        state: match peer.state {
            PeerState::Pending => PairState::Pending { expires_at: unix_s },
            PeerState::Joined => PairState::Joined,
        },
        hints: peer.hints.iter().filter_map(|hint| hint.parse().ok()).collect(),
        blocked: contact.is_some_and(|contact| contact.blocked),
        verified: peer.verified,
    })
}

pub(super) fn invite_to_store(invite: &IssuedInvite) -> Invite {
    Invite {
        secret: Secret::new(invite.secret.0),
        name: invite.name.clone(),
        expires_at: micros(invite.expires_at.saturating_mul(1_000_000)),
        single_use: invite.single_use,
        used: invite.used,
        used_by: invite.used_by.map(|key| key.0),
    }
}

pub(super) fn invite_from_store(invite: Invite) -> IssuedInvite {
    IssuedInvite {
        secret: session::Secret(*invite.secret.expose()),
        expires_at: u64::try_from(invite.expires_at.0).unwrap_or_default() / 1_000_000,
        single_use: invite.single_use,
        used: invite.used,
        used_by: invite.used_by.map(IdentityKey),
        name: invite.name,
    }
}

pub(super) fn seen_from_store(seen: Vec<([u8; 16], Micros)>) -> Vec<(CallId, u64)> {
    let day = 24 * 3600;
    let until = |at: Micros| u64::try_from(at.0).unwrap_or_default() / 1_000_000 + day;
    seen.into_iter().map(|(call, at)| (CallId(call), until(at))).collect()
}

/// A list without repetitions, in a stable order.
pub(super) fn unique(ids: impl IntoIterator<Item = String>) -> Vec<String> {
    ids.into_iter().collect::<BTreeSet<_>>().into_iter().collect()
}
