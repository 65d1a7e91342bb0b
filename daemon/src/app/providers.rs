//! Calling apps, as the app task serves them.
//!
//! Owns: which connection speaks for which provider, what the address book knows of a handle. Does
//! not own: rules (core) or messages (`dbus/provider`). Invariant: a provider has a peer exactly
//! while its connection is there; a report is answered after what it changed is on the bus.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use ahoy_core::{
    call::{Marks, NameSource, Party},
    engine::{PerformError, Registration, Reported},
    filter::DoNotDisturb,
    id::{CallId, ContactId, Handle, Now, ProviderId, Serial, TxnId},
    provider::{Action, Report},
};

use super::{
    App,
    microphones::Owner,
    request::{Answer, Door, Event, Fault, FaultKind, Peer, ProviderView},
    waking::Waking,
};
use crate::{ringtone::Ringtone, settings::Key, store::Contact};

/// What the address book knows of handles.
#[derive(Default)]
pub(super) struct Known(HashMap<Handle, (ContactId, String, Marks)>);

impl Known {
    pub(super) fn new(contacts: &[Contact]) -> Self {
        let mut known = HashMap::new();
        for contact in contacts {
            let Some(id) = &contact.id else { continue };
            let marks = Marks {
                favourite: contact.favourite,
                muted: contact.muted,
                blocked: contact.blocked,
            };
            for one in &contact.handles {
                if let Ok(handle) = Handle::new(&one.handle.scheme, &one.handle.value) {
                    let person = (ContactId(id.0.clone()), contact.name.clone(), marks);
                    known.insert(handle, person);
                }
            }
        }
        Self(known)
    }

    /// What the user set for each person.
    pub(super) fn marks(&self) -> HashMap<ContactId, Marks> {
        self.0.values().map(|(contact, _, marks)| (contact.clone(), *marks)).collect()
    }

    /// Puts in what is known of the other side.
    pub(super) fn complete(&self, party: &mut Party) {
        if let Some((contact, name, marks)) = self.0.get(&party.handle) {
            party.contact = Some(contact.clone());
            party.name.clone_from(name);
            party.source = NameSource::Contact;
            party.marks = *marks;
        }
    }
}

/// Calling apps.
pub(super) struct Apps {
    pub(super) known: Known,
    /// Their connections.
    peers: BTreeMap<ProviderId, Peer>,
    /// Those that are started for a call.
    pub(super) waking: Waking,
    /// What the bus shows of all providers; none: to be made again.
    shown: Option<Arc<BTreeMap<ProviderId, ProviderView>>>,
    /// Answers that wait until the bus shows what they tell of.
    late: Vec<Late>,
}

impl Apps {
    pub(super) fn new(known: Known, waking: Waking) -> Self {
        Self { known, peers: BTreeMap::new(), waking, shown: None, late: Vec::new() }
    }

    /// Something about a provider or its connection has changed.
    pub(super) fn changed(&mut self) {
        self.shown = None;
    }
}

/// An answer that waits until what it tells of is on the bus.
enum Late {
    Registered(Answer<()>),
    Reported(Answer<Reported>, Reported),
}

impl App {
    pub(super) fn register(
        &mut self,
        now: Now,
        mut registration: Registration,
        (peer, ringtone): (Peer, Option<Ringtone>),
        answer: Answer<()>,
    ) {
        let id = registration.id.clone();
        if id == ProviderId::built_in() {
            let why = "provider_id: the built-in calls have it";
            let _ = answer.send(Err(Fault::new(FaultKind::ProviderExists, why)));
            return;
        }
        let sandbox = if registration.verified { registration.app_id.as_str() } else { "" };
        let owner = peer.process.map(|process| Owner::of(process, sandbox));
        registration.can_be_muted = self.microphones.registered(&id, owner);
        let room = self.ringtones.room(&id, ringtone.as_ref());
        let register = |()| self.service.register(now, registration).map_err(Fault::from);
        match room.and_then(register) {
            Ok(()) => {
                self.ringtones.set(&id, ringtone);
                self.apps.peers.insert(id, peer);
                self.apps.changed();
                self.apps.late.push(Late::Registered(answer));
            }
            Err(fault) => drop(answer.send(Err(fault))),
        }
    }

    pub(super) fn report(
        &mut self,
        now: Now,
        id: &ProviderId,
        mut report: Report,
        answer: Answer<Reported>,
    ) {
        if let Report::Incoming { new, .. } | Report::Outgoing(new) = &mut report {
            self.apps.known.complete(&mut new.party);
        }
        match self.service.handle_report(now, id, report) {
            Ok(done) => self.apps.late.push(Late::Reported(answer, done)),
            Err(error) => drop(answer.send(Err(error.into()))),
        }
    }

    pub(super) fn unregister(&mut self, now: Now, id: &ProviderId, answer: Answer<()>) {
        let done = self.service.unregister(now, id).map_err(Fault::from);
        self.ringtones.set(id, None);
        self.apps.peers.remove(id);
        self.apps.changed();
        let _ = answer.send(done);
    }

    /// A connection is gone; most were nobody's.
    pub(super) fn peer_gone(&mut self, now: Now, door: Door, name: &str) {
        let is_it = |peer: &Peer| peer.door == door && peer.name == name;
        let gone: Vec<ProviderId> = self
            .apps
            .peers
            .iter()
            .filter(|(_, peer)| is_it(peer))
            .map(|(id, _)| id.clone())
            .collect();
        for id in gone {
            tracing::info!(provider = id.as_str(), "an app is gone; it has some seconds to return");
            self.apps.peers.remove(&id);
            self.ringtones.set(&id, None);
            self.apps.changed();
            self.service.provider_lost(now, &id);
        }
    }

    pub(super) fn performed(&mut self, now: Now, serial: Serial, result: Result<(), PerformError>) {
        self.service.handle_performed(now, serial, result);
    }

    /// Asks an app for an action. One without a connection was told of as lost: its actions end there.
    pub(super) async fn perform(
        &self,
        provider: &ProviderId,
        serial: Serial,
        txn: TxnId,
        call: CallId,
        action: Action,
    ) {
        if let Some(peer) = self.apps.peers.get(provider).cloned() {
            self.tell(Event::Perform(peer, serial, txn, call, action)).await;
        }
    }

    pub(super) async fn tell_app(&self, provider: &ProviderId, event: impl FnOnce(Peer) -> Event) {
        if let Some(peer) = self.apps.peers.get(provider).cloned() {
            self.tell(event(peer)).await;
        }
    }

    /// Has the core judge callers as the settings say now. When it is over is the app's timer's to say.
    pub(super) fn feed_filter(&mut self, now: Now) {
        let word = self.settings.text(Key::DO_NOT_DISTURB);
        let mode = DoNotDisturb::from_name(&word).unwrap_or_default();
        if self.service.engine().filter().do_not_disturb(now) != mode {
            self.service.change_filter(now, |filter| filter.set_do_not_disturb(mode, 0));
        }
    }

    /// Answers what waited for the bus to show it.
    pub(super) fn answer_late(&mut self) {
        for late in self.apps.late.drain(..) {
            // Whoever asked may be gone; then its connection is, too.
            match late {
                Late::Registered(answer) => drop(answer.send(Ok(()))),
                Late::Reported(answer, done) => drop(answer.send(Ok(done))),
            }
        }
    }

    /// All providers, as the bus shows them.
    pub(super) fn provider_views(&mut self) -> Arc<BTreeMap<ProviderId, ProviderView>> {
        if let Some(shown) = &self.apps.shown {
            return shown.clone();
        }
        let view = |one: &Registration| ProviderView {
            name: one.name.clone(),
            icon: one.icon.clone(),
            app_id: one.app_id.clone(),
            schemes: one.schemes.clone(),
            peer: self.apps.peers.get(&one.id).cloned(),
        };
        let all = self.service.engine().providers();
        let shown = Arc::new(all.map(|one| (one.id.clone(), view(one))).collect());
        self.apps.shown = Some(Arc::clone(&shown));
        shown
    }
}
