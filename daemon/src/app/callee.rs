//! From a person in the address book to the address that they are called at.
//!
//! Owns: which contact is meant and which of their addresses is taken. Does not own: the address
//! book, whose call it becomes (the core). Invariant: nobody is guessed; a name that several people
//! have calls none of them.

use ahoy_core::{
    id::{Handle, ProviderId},
    voice::By,
};

use super::{
    App,
    request::{Fault, FaultKind},
    store_fault,
};
use crate::{
    installed::Installed,
    store::{Contact, ContactId},
};

/// People that a refusal names: more nobody reads.
const NAMED: usize = 5;

/// Who is to be called, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Callee {
    pub(super) handle: Handle,
    pub(super) name: String,
    pub(super) contact: String,
}

impl App {
    /// The contact of this id.
    pub(super) async fn callee(
        &self,
        provider: Option<&ProviderId>,
        contact: &str,
    ) -> Result<Callee, Fault> {
        let contact = self.contact_of(contact).await?;
        self.address(provider, contact).await
    }

    /// The same, by one of the addresses that fit; the inner error names a contact that has none.
    pub(super) async fn callee_by(
        &self,
        contact: &str,
        by: &By,
    ) -> Result<Result<Callee, String>, Fault> {
        let mut contact = self.contact_of(contact).await?;
        contact.handles.retain(|one| match by {
            By::Label(label) => is_labelled(&one.label, label),
            By::Scheme(scheme) => one.handle.scheme == *scheme,
        });
        if contact.handles.is_empty() {
            return Ok(Err(contact.name));
        }
        self.address(None, contact).await.map(Ok)
    }

    pub(super) async fn contact_of(&self, id: &str) -> Result<Contact, Fault> {
        let id = ContactId(id.to_owned());
        let found = self.store.run(move |db| db.contact(&id)).await;
        let found = found.map_err(|error| store_fault(&error))?;
        let unknown = || Fault::new(FaultKind::UnknownContact, "there is no such contact");
        found.ok_or_else(unknown)
    }

    /// The only contact of this name.
    pub(super) async fn callee_named(
        &self,
        provider: Option<&ProviderId>,
        name: &str,
    ) -> Result<Callee, Fault> {
        let wanted = name.to_owned();
        let found = self.store.run(move |db| db.contacts_named(&wanted)).await;
        let mut found = found.map_err(|error| store_fault(&error))?;
        match (found.len(), found.pop()) {
            (1, Some(only)) => self.address(provider, only).await,
            (_, Some(last)) => {
                found.push(last);
                Err(several(name, &found))
            }
            (_, None) => {
                let why = format!("nobody in the contacts is called \"{name}\"");
                Err(Fault::new(FaultKind::UnknownContact, why))
            }
        }
    }

    /// Of the addresses that something here can call the best one, encrypted before all else; where
    /// nothing can, the best of all, for the refusal to name.
    async fn address(
        &self,
        provider: Option<&ProviderId>,
        contact: Contact,
    ) -> Result<Callee, Fault> {
        let entries = contact.handles.iter();
        let mut handles: Vec<Handle> = entries
            .filter_map(|one| Handle::new(&one.handle.scheme, &one.handle.value).ok())
            .collect();
        let engine = self.service.engine();
        let rank = |handle: &Handle| u8::from(!engine.can_call(provider, handle.scheme()));
        let installed = if handles.iter().all(|handle| rank(handle) != 0) {
            self.apps.waking.installed().await
        } else {
            Vec::new()
        };
        let wakes = |handle: &Handle| installed.iter().any(|app| calls(app, provider, handle));
        handles.sort_by_key(|handle| {
            let reach = if wakes(handle) { 0 } else { rank(handle) };
            (reach, handle.scheme() != "ahoy")
        });
        let none = || {
            let why = format!("{} has no address to call: invite them first", contact.name);
            Fault::new(FaultKind::NoProviderForScheme, why)
        };
        let handle = handles.into_iter().next().ok_or_else(none)?;
        let id = contact.id.map(|id| id.0).unwrap_or_default();
        Ok(Callee { handle, name: contact.name, contact: id })
    }
}

/// Whether an app that is installed, and not here now, is the one for this address.
fn calls(app: &Installed, provider: Option<&ProviderId>, handle: &Handle) -> bool {
    provider.is_none_or(|id| app.id == *id)
        && app.schemes.iter().any(|scheme| scheme == handle.scheme())
}

/// Whether an address book's label means this one: vCard has "cell" for "mobile".
fn is_labelled(label: &str, wanted: &str) -> bool {
    let label = label.to_lowercase();
    label == wanted || (wanted == "mobile" && label == "cell")
}

fn several(name: &str, found: &[Contact]) -> Fault {
    let mut who: Vec<String> = found.iter().take(NAMED).map(described).collect();
    if found.len() > NAMED {
        who.push(format!("{} more", found.len() - NAMED));
    }
    let who = who.join(", ");
    let why = format!("{} contacts are called \"{name}\": {who}; give the address", found.len());
    Fault::new(FaultKind::AmbiguousContact, why)
}

/// A contact as a refusal tells them from another of the same name.
fn described(contact: &Contact) -> String {
    match contact.handles.first() {
        Some(first) => format!("{} ({}:{})", contact.name, first.handle.scheme, first.handle.value),
        None => contact.name.clone(),
    }
}
