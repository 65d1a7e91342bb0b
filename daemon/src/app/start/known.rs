//! What the store knows at the start.
//!
//! Owns: opening the store, and the form in which the core wants what lies there. Does not own: the
//! store. Invariant: what is damaged is named and passed over; nothing is deleted for being odd.

use ahoy_core::{engine::REMEMBERED, id::Handle, voice::History};

use super::StartError;
use crate::{
    app::{
        Clock, contacts,
        convert::{invite_from_store, micros, peer_from_store, seen_from_store},
    },
    paths::Paths,
    settings::{Key, Settings},
    store::{Block, Contact, HistoryFilter, Micros, Outcome, Store, StoreError, StoreWarning},
};

/// What the store knows at the start.
pub(super) struct Known {
    pub(super) peers: Vec<ahoy_core::peer::PeerRecord>,
    pub(super) invites: Vec<ahoy_core::peer::IssuedInvite>,
    pub(super) seen: Vec<(ahoy_core::id::CallId, u64)>,
    pub(super) contacts: Vec<Contact>,
    pub(super) recent: History,
    pub(super) unseen: u32,
    /// Calls whose ids nobody may use again, oldest first.
    pub(super) used: Vec<ahoy_core::id::CallId>,
    pub(super) blocks: Vec<Block>,
}

/// `opened`: when the store was, so that calls which were on until then can be told apart.
pub(super) fn know(store: &mut Store, clock: Clock, opened: Micros) -> Result<Known, StoreError> {
    let now = micros(clock.now().unix_us);
    let contacts = contacts::all(store)?;
    let contact = |id: &crate::store::ContactId| {
        contacts.iter().find(|contact| contact.id.as_ref() == Some(id))
    };
    let peers = store.peers()?.into_iter();
    let peers = peers
        .filter_map(|peer| {
            let contact = contact(&peer.contact);
            let name = peer.contact.clone();
            let record = peer_from_store(peer, contact);
            if record.is_none() {
                tracing::warn!(contact = name.0, "the stored keys of a contact are damaged");
            }
            record
        })
        .collect();
    let invites = store.invites(now)?.into_iter().map(invite_from_store).collect();
    let seen = seen_from_store(store.seen_call_ids(now)?);
    let recent = History { favourites: contacts::spoken_favourites(&contacts), ..recent(store)? };
    let unseen = store.unseen()?;
    let blocks = store.blocks()?;
    let used = store.used_call_ids(opened, REMEMBERED)?;
    let used = used.iter().rev().filter_map(|id| id.parse().ok()).collect();
    Ok(Known { peers, invites, seen, contacts, recent, unseen, used, blocks })
}

/// The last calls, for "redial" and "who called".
fn recent(store: &Store) -> Result<History, StoreError> {
    use crate::store::Direction;
    let last = |direction| -> Result<_, StoreError> {
        let filter = HistoryFilter { direction: Some(direction), ..HistoryFilter::default() };
        let row = store.history(&filter, 1, None)?.rows.into_iter().next();
        Ok(row.and_then(|row| {
            let handle = Handle::new(&row.remote.scheme, &row.remote.value).ok()?;
            Some((handle, row.name, row.video))
        }))
    };
    let missed = HistoryFilter { outcome: Some(Outcome::Missed), ..HistoryFilter::default() };
    let missed = store.history(&missed, 10, None)?.rows.into_iter().filter(|row| !row.seen);
    Ok(History {
        last_out: last(Direction::Outgoing)?,
        last_in: last(Direction::Incoming)?,
        missed: missed.map(|row| row.name).collect(),
        ..History::default()
    })
}

/// The store, and when it was opened.
pub(super) fn open_store(
    paths: &Paths,
    settings: &Settings,
    clock: Clock,
) -> Result<(Store, Micros), StartError> {
    let now = micros(clock.now().unix_us);
    let opened = Store::open(&paths.database(), now)?;
    for warning in &opened.warnings {
        match warning {
            StoreWarning::SetAside { kept, why } => {
                let kept = kept.display();
                tracing::warn!(%kept, why, "the database was damaged: it is kept, a fresh one begun");
            }
            StoreWarning::ClosedOngoing { calls } => {
                tracing::info!(calls, "calls that a crash cut off were closed in the log");
            }
        }
    }
    let mut store = opened.store;
    let keep = u32::try_from(settings.number(Key::KEEP_DAYS)).unwrap_or_default();
    let pruned = store.prune_history(now, keep)?;
    if !pruned.is_empty() {
        tracing::info!(rows = pruned.len(), "old calls were taken out of the log");
    }
    Ok((store, now))
}
