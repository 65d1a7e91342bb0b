//! The address book, and the built-in peers that belong to it.
//!
//! Owns: the requests of `.Contacts`, keeping names and blocks of peers in step, the book of spoken
//! names. Does not own: storage. Invariant: a peer's record exists only with its contact.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Read as _},
    os::fd::OwnedFd,
};

use ahoy_core::{
    call::{Marks, NameSource, Party},
    id::{CallId, ContactId, Handle, Now},
    peer::{IssuedInvite, PairState, PeerRecord},
    voice::Person,
};

use super::{
    App, Inner,
    convert::{
        ahoy_handle, contact_dict, handle, invite_to_store, merge_contact, new_contact,
        peer_to_store, text,
    },
    providers::Known,
    request::{Answer, Dict, Event, Fault, FaultKind, Plain},
    store_fault,
};
use crate::{
    handed::{Handed, Patience},
    store::{self, Contact, ContactCursor, Store, StoreError, read_cards},
};

/// A search gives at most this many people.
const MAX_FOUND: u32 = 500;
/// A file of cards is at most this long, bytes: 100,000 plain cards.
const MAX_CARDS: u64 = 32 * 1024 * 1024;

/// All contacts, favourites first: what the book of names and the favourites are made of.
pub(super) fn all(db: &mut Store) -> Result<Vec<Contact>, StoreError> {
    let mut contacts = db.search_contacts("", usize::MAX)?;
    contacts.sort_by_key(|contact| !contact.favourite);
    Ok(contacts)
}

/// The people that can be called by name.
pub(super) fn people(contacts: &[Contact]) -> Vec<Person> {
    let callable = contacts.iter().filter(|contact| !contact.handles.is_empty());
    callable
        .filter_map(|contact| {
            Some(Person {
                contact: ContactId(contact.id.as_ref()?.0.clone()),
                name: contact.name.clone(),
                aliases: contact.aliases.clone(),
            })
        })
        .collect()
}

pub(super) fn favourites(contacts: &[Contact]) -> Vec<String> {
    let favourites = contacts.iter().filter(|contact| contact.favourite);
    favourites.filter_map(|contact| Some(contact.id.as_ref()?.0.clone())).collect()
}

/// The favourites as they are called by voice: who, name, whether by video.
pub(super) fn spoken_favourites(contacts: &[Contact]) -> Vec<(ContactId, String, bool)> {
    let callable = |contact: &&Contact| contact.favourite && !contact.handles.is_empty();
    let spoken = |contact: &Contact| {
        let id = ContactId(contact.id.as_ref()?.0.clone());
        Some((id, contact.name.clone(), contact.favourite_video))
    };
    contacts.iter().filter(callable).filter_map(spoken).collect()
}

/// How many to look for, given what was asked for.
const fn page(limit: u32) -> usize {
    (if limit == 0 || limit > MAX_FOUND { MAX_FOUND } else { limit }) as usize
}

fn found_dicts(found: Vec<Contact>, pending: &BTreeSet<String>) -> Vec<Dict> {
    let dict = |contact: Contact| {
        let waits = contact.id.as_ref().is_some_and(|id| pending.contains(&id.0));
        let mut dict = contact_dict(contact);
        dict.insert("pending".to_owned(), Plain::Bool(waits));
        dict
    };
    found.into_iter().map(dict).collect()
}

impl App {
    /// A call's other side, with what the address book knows of it.
    pub(super) fn party(&mut self, handle: Handle, name: String, contact: String) -> Party {
        let peer = handle.value().parse().ok().and_then(|key| self.service.built_in().peer(key));
        match peer {
            Some(peer) if handle.scheme() == "ahoy" => Party {
                name: peer.name.clone(),
                source: NameSource::Contact,
                contact: Some(peer.contact.clone()),
                handle,
                marks: Marks::default(),
            },
            Some(_) | None => {
                let source =
                    if contact.is_empty() { NameSource::None } else { NameSource::Contact };
                let contact = (!contact.is_empty()).then_some(ContactId(contact));
                Party { handle, name, source, contact, marks: Marks::default() }
            }
        }
    }

    /// Runs a job that changes contacts; the app learns the new book, the caller the result.
    pub(super) async fn change_book<T: Send + 'static>(
        &mut self,
        answer: Option<Answer<T>>,
        job: impl FnOnce(&mut Store) -> Result<(T, Vec<String>), Fault> + Send + 'static,
    ) {
        let (store, inner) = (self.store.clone(), self.inner.clone());
        self.jobs
            .add(async move {
                let done = store
                    .run(move |db| {
                        let done = job(db);
                        Ok((done, all(db)?))
                    })
                    .await;
                let result = match done {
                    Ok((Ok((result, changed)), book)) => {
                        let _ = inner.send(Inner::Book(book, changed)).await;
                        Ok(result)
                    }
                    Ok((Err(fault), _)) => Err(fault),
                    Err(error) => Err(store_fault(&error)),
                };
                match (answer, result) {
                    (Some(answer), result) => drop(answer.send(result)),
                    (None, Err(fault)) => tracing::error!(%fault, "contacts"),
                    (None, Ok(_)) => {}
                }
            })
            .await;
    }

    /// The book changed.
    pub(super) async fn book(&mut self, now: Now, contacts: Vec<Contact>, changed: Vec<String>) {
        self.end_newly_blocked(now, &contacts);
        self.talk.set_book(people(&contacts), super::teach::taught(&contacts));
        self.phonemes.ask(self.talk.name_words());
        self.favourites = favourites(&contacts);
        self.recent.favourites = spoken_favourites(&contacts);
        self.apps.known = Known::new(&contacts);
        self.service.built_in().set_marks(self.apps.known.marks());
        self.match_peers(&contacts);
        self.tell(Event::Contacts(changed)).await;
    }

    /// Calls with whom the user blocked just now end.
    fn end_newly_blocked(&mut self, now: Now, contacts: &[Contact]) {
        let before = self.apps.known.marks();
        let blocked = contacts.iter().filter(|contact| contact.blocked);
        for id in blocked.filter_map(|contact| contact.id.as_ref()) {
            let id = ContactId(id.0.clone());
            if !before.get(&id).is_some_and(|marks| marks.blocked) {
                self.service.contact_blocked(now, &id);
            }
        }
    }

    /// Peers follow their contacts: names, blocks, and going.
    fn match_peers(&mut self, contacts: &[Contact]) {
        let by_id: BTreeMap<&str, &Contact> = contacts
            .iter()
            .filter_map(|contact| Some((contact.id.as_ref()?.0.as_str(), contact)))
            .collect();
        let built_in = self.service.built_in();
        let peers: Vec<PeerRecord> = built_in.peers().cloned().collect();
        for peer in peers {
            match by_id.get(peer.contact.0.as_str()) {
                None => built_in.forget(peer.identity),
                Some(contact) if contact.name != peer.name || contact.blocked != peer.blocked => {
                    built_in.update_peer(peer.identity, |peer| {
                        peer.name.clone_from(&contact.name);
                        peer.blocked = contact.blocked;
                    });
                }
                Some(_) => {}
            }
        }
    }

    /// Writes a peer, and its contact where it has none.
    pub(super) async fn save_peer(&mut self, peer: PeerRecord) {
        self.change_book(None, move |db| {
            let fault = |error: StoreError| store_fault(&error);
            let id = store::ContactId(peer.contact.0.clone());
            match db.contact(&id).map_err(fault)? {
                None => db.restore_contact(&new_contact(&peer)).map_err(fault)?,
                Some(mut contact) => {
                    let own = ahoy_handle(peer.identity);
                    if !contact.handles.iter().any(|one| one.handle == own.handle) {
                        contact.handles.push(own);
                        db.put_contact(&contact).map_err(fault)?;
                    }
                }
            }
            db.put_peer(&peer_to_store(&peer)).map_err(fault)?;
            Ok(((), vec![id.0]))
        })
        .await;
    }

    pub(super) async fn save_invite(&mut self, invite: IssuedInvite) {
        let store = self.store.clone();
        self.jobs
            .add(async move {
                let invite = invite_to_store(&invite);
                if let Err(error) = store.run(move |db| db.put_invite(&invite)).await {
                    tracing::error!(%error, "an invite was not kept: it ends with this run");
                }
            })
            .await;
    }

    pub(super) async fn save_seen(&mut self, call: CallId) {
        let (store, now) = (self.store.clone(), super::convert::micros(self.clock.now().unix_us));
        self.jobs
            .add(async move {
                if let Err(error) = store.run(move |db| db.note_call_id(&call.0, now)).await {
                    tracing::error!(%error, "a call id was not kept: its replay could ring once");
                }
            })
            .await;
    }

    pub(super) async fn contact_search(
        &mut self,
        text: String,
        limit: u32,
        answer: Answer<Vec<Dict>>,
    ) {
        let pending = self.pending();
        let store = self.store.clone();
        self.jobs
            .add(async move {
                let found = store.run(move |db| db.search_contacts(&text, page(limit))).await;
                let found = found.map(|all| found_dicts(all, &pending));
                let _ = answer.send(found.map_err(|error| store_fault(&error)));
            })
            .await;
    }

    pub(super) async fn contact_query(
        &mut self,
        text: String,
        limit: u32,
        cursor: &str,
        answer: Answer<(Vec<Dict>, String)>,
    ) {
        let cursor = match cursor {
            "" => Ok(None),
            text => text.parse::<ContactCursor>().map(Some),
        };
        let Ok(cursor) = cursor else {
            let why = "cursor: not one that an earlier page gave";
            return drop(answer.send(Err(Fault::argument(why))));
        };
        let pending = self.pending();
        let store = self.store.clone();
        self.jobs
            .add(async move {
                let found = store
                    .run(move |db| db.contact_page(&text, page(limit), cursor.as_ref()))
                    .await
                    .map(|page| {
                        let next = page.next.map_or_else(String::new, |next| next.to_string());
                        (found_dicts(page.contacts, &pending), next)
                    });
                let _ = answer.send(found.map_err(|error| store_fault(&error)));
            })
            .await;
    }

    /// Contacts whose invitation was accepted here but who have not been met yet.
    fn pending(&mut self) -> BTreeSet<String> {
        let pending = |peer: &&PeerRecord| matches!(peer.state, PairState::Pending { .. });
        let peers = self.service.built_in().peers();
        peers.filter(pending).map(|peer| peer.contact.0.clone()).collect()
    }

    pub(super) async fn contact_resolve(&mut self, of: (String, String), answer: Answer<Dict>) {
        let handle = match handle(&of.0, &of.1) {
            Ok(handle) => handle,
            Err(fault) => return drop(answer.send(Err(fault))),
        };
        let store = self.store.clone();
        self.jobs
            .add(async move {
                let nobody = || Fault::new(FaultKind::UnknownContact, "nobody has this handle");
                let found = store.run(move |db| db.resolve(&handle)).await;
                let found = found.map_err(|error| store_fault(&error));
                let _ = answer.send(found.and_then(|one| one.map(contact_dict).ok_or_else(nobody)));
            })
            .await;
    }

    pub(super) async fn contact_put(&mut self, mut dict: Dict, answer: Answer<String>) {
        let id = match dict.remove("id").map(|id| text("id", id)).transpose() {
            Ok(id) => id.filter(|id| !id.is_empty()),
            Err(fault) => return drop(answer.send(Err(fault))),
        };
        self.change_book(Some(answer), move |db| {
            let mut contact = match id {
                None => Contact::default(),
                Some(id) => db
                    .contact(&store::ContactId(id))
                    .map_err(|error| store_fault(&error))?
                    .ok_or_else(|| Fault::new(FaultKind::UnknownContact, "id: no such contact"))?,
            };
            merge_contact(&mut contact, dict)?;
            let id = db.put_contact(&contact).map_err(|error| store_fault(&error))?;
            Ok((id.0.clone(), vec![id.0]))
        })
        .await;
    }

    pub(super) async fn contact_remove(&mut self, id: String, answer: Answer<()>) {
        self.change_book(Some(answer), move |db| {
            let gone = db.remove_contact(&store::ContactId(id.clone()));
            match gone.map_err(|error| store_fault(&error))? {
                true => Ok(((), vec![id])),
                false => Err(Fault::new(FaultKind::UnknownContact, "id: no such contact")),
            }
        })
        .await;
    }

    pub(super) async fn contact_favourite(&mut self, id: String, on: bool, answer: Answer<()>) {
        self.change_book(Some(answer), move |db| {
            let done = db.set_favourite(&store::ContactId(id.clone()), on);
            done.map_err(|error| store_fault(&error))?;
            Ok(((), vec![id]))
        })
        .await;
    }

    pub(super) fn contact_import(
        &mut self,
        file: OwnedFd,
        format: String,
        answer: Answer<BTreeMap<String, u32>>,
    ) {
        match format.as_str() {
            "vcard" | "" => {}
            other => {
                let why = format!("format: \"{other}\" is not known; \"vcard\" is");
                return drop(answer.send(Err(Fault::argument(why))));
            }
        }
        let inner = self.inner.clone();
        self.readers.read((file, answer), cards, move |text, answer| {
            // An app that is ending answers nobody any more.
            let _ = inner.blocking_send(Inner::Cards(text, answer));
        });
    }

    /// Cards were read: they go into the book.
    pub(super) async fn cards_read(
        &mut self,
        text: io::Result<String>,
        answer: Answer<BTreeMap<String, u32>>,
    ) {
        match text {
            Ok(text) => self.change_book(Some(answer), move |db| import(db, &text)).await,
            Err(error) => {
                let why = format!("file: it cannot be read as text: {error}");
                let _ = answer.send(Err(Fault::argument(why)));
            }
        }
    }
}

fn cards(file: OwnedFd) -> io::Result<String> {
    let mut text = String::new();
    Handed::new(file, Patience::default())?.take(MAX_CARDS + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_CARDS {
        let why = format!("it is longer than {} MiB: import it in parts", MAX_CARDS / 1024 / 1024);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
    }
    Ok(text)
}

fn import(db: &mut Store, text: &str) -> Result<(BTreeMap<String, u32>, Vec<String>), Fault> {
    let cards = read_cards(text);
    let mut counts = BTreeMap::from([("imported".to_owned(), 0), ("bad".to_owned(), 0)]);
    let mut changed = Vec::new();
    for contact in &cards.contacts {
        let id = db.put_contact(contact).map_err(|error| store_fault(&error))?;
        changed.push(id.0);
        *counts.entry("imported".to_owned()).or_default() += 1;
    }
    for bad in &cards.bad {
        tracing::warn!(line = bad.line, why = bad.why, "a card was not imported");
        *counts.entry("bad".to_owned()).or_default() += 1;
    }
    Ok((counts, changed))
}
