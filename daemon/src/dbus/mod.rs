//! The bus: `org.ahoycall.Calls1`, for controllers.
//!
//! Owns: the connection, the objects, translation between D-Bus and [`crate::app::request`]. Does
//! not own: policy or state; what it shows is the app's snapshot. One file per interface of
//! `dbus/`. Invariant: a call's object exists before anything else tells of the call.

mod audio;
mod call;
pub mod caller;
mod captions;
mod contacts;
mod error;
mod filter;
mod gate;
mod group;
mod history;
mod identity;
mod manager;
pub mod provider;
mod settings;
mod text;
mod value;
mod verification;
mod voice;

use std::collections::HashMap;

use ahoy_core::{
    call::CallView,
    id::{CallId, ProviderId},
};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use zbus::{
    Connection, ObjectPath, OwnedObjectPath, Variant, fdo,
    names::InterfaceName,
    object_server::{Interface, SignalEmitter},
};

pub use error::Error;
pub use gate::{Gate, Objects};

use self::{
    caller::Callers,
    provider::{Performs, Wanted},
};
use crate::app::request::{Door, Event, Front, Peer, Snapshot};

/// Where everything but the calls lies.
pub const ROOT: &str = "/org/ahoycall/Calls1";
/// The name controllers talk to.
pub const NAME: &str = "org.ahoycall.Calls1";

/// The object path of a call.
#[must_use]
pub fn call_path(call: CallId) -> OwnedObjectPath {
    path(&format!("{ROOT}/call/{}", call.path_part()))
}

/// The call of an object path, if it is one.
#[must_use]
pub fn call_of(path: &str) -> Option<CallId> {
    path.strip_prefix(ROOT)?.strip_prefix("/call/")?.parse().ok()
}

fn path(text: &str) -> OwnedObjectPath {
    // Built from ASCII letters, digits, '_' and '/' alone; the root stands in for the impossible.
    ObjectPath::try_from(text.to_owned())
        .map_or_else(|_| OwnedObjectPath::default(), OwnedObjectPath::from)
}

fn optional_path(call: Option<CallId>) -> OwnedObjectPath {
    call.map_or_else(OwnedObjectPath::default, call_path)
}

/// Properties by their names.
type Properties = HashMap<&'static str, Variant<'static>>;

/// Serves the interfaces and owns the name; fails where another `ahoyd` has it. The gate is to be
/// run at once: until then everything on its connection waits.
///
/// # Errors
/// The bus is not there, or the name is taken.
pub async fn serve(front: &Front, callers: &Callers) -> zbus::Result<(Gate, Objects)> {
    let (gate, objects) = Gate::new(front, callers).await?;
    let server = objects.connection.object_server();
    server.at(ROOT, fdo::ObjectManager).await?;
    server.at(ROOT, manager::Manager::new(front)).await?;
    server.at(ROOT, history::History::new(front)).await?;
    server.at(ROOT, contacts::Contacts::new(front)).await?;
    server.at(ROOT, identity::Identity::new(front)).await?;
    server.at(ROOT, audio::Audio::new(front)).await?;
    server.at(ROOT, voice::Voice::new(front)).await?;
    server.at(ROOT, filter::Filter::new(front)).await?;
    server.at(ROOT, settings::Settings::new(front)).await?;
    server.at(ROOT, provider::Registry::new(front, callers, gate.bus())).await?;
    gate::take_name(gate.bus()).await?;
    Ok((gate, objects))
}

/// An event, and where to say that it is on the bus.
pub type Told = (Event, Option<oneshot::Sender<()>>);

/// Keeps the objects and their properties as the snapshot says, and tells events.
pub struct Shown {
    /// The controllers' door.
    bus: Connection,
    /// The apps' own door.
    apps: Connection,
    objects: Objects,
    front: Front,
    last: Snapshot,
    performs: Performs,
}

impl Shown {
    /// Nothing is shown yet but the root.
    #[must_use]
    pub fn new((bus, apps): (Connection, Connection), objects: Objects, front: Front) -> Self {
        let last = front.view.borrow().clone();
        let performs = Performs::new(front.requests.clone());
        Self { bus, apps, objects, front, last, performs }
    }

    /// Runs until `token` is cancelled. A bus error is logged and the next event goes on: whoever
    /// missed a signal reads the property.
    pub async fn run(mut self, events: mpsc::Receiver<Told>, token: CancellationToken) {
        self.follow(events, token).await;
        // At once: the connection itself lives as long as the last handler of a method, and the
        // daemon that starts afresh with restored keys must not find its name taken.
        for (connection, name) in [(&self.bus, NAME), (&self.apps, provider::NAME)] {
            if let Err(error) = connection.release_name(name).await {
                tracing::debug!(%error, "the bus is gone before us");
            }
        }
    }

    async fn follow(&mut self, mut events: mpsc::Receiver<Told>, token: CancellationToken) {
        let mut view: watch::Receiver<Snapshot> = self.front.view.clone();
        loop {
            let done = tokio::select! {
                () = token.cancelled() => return,
                told = events.recv() => {
                    let Some((event, answer)) = told else { return };
                    let done = self.tell_all_of(event).await;
                    if let Some(answer) = answer {
                        // Nobody waits any more: it is on the bus all the same.
                        let _ = answer.send(());
                    }
                    done
                }
                changed = view.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    self.update().await
                }
            };
            if let Err(error) = done {
                tracing::warn!(%error, "the bus did not take a signal");
            }
        }
    }

    fn emitter(&self, path: &str) -> zbus::Result<SignalEmitter<'static>> {
        let path = ObjectPath::try_from(path.to_owned())?;
        SignalEmitter::new(&self.objects.connection, path)
    }

    /// The connection that an app is on.
    fn door(&self, door: Door) -> Connection {
        match door {
            Door::Calls => self.bus.clone(),
            Door::Provider => self.apps.clone(),
        }
    }

    /// Tells an event, and waits until it is on the bus: an app is asked there by another way.
    async fn tell_all_of(&mut self, event: Event) -> zbus::Result<()> {
        let told = self.tell(event).await;
        self.objects.flush().await?;
        told
    }

    async fn tell(&mut self, event: Event) -> zbus::Result<()> {
        let root = self.emitter(ROOT)?;
        let connection = self.objects.connection.clone();
        let server = connection.object_server();
        match event {
            Event::Added(id) => {
                let view = self.front.view.borrow().calls.get(&id).cloned();
                if let Some(view) = view {
                    server.at(call_path(id), call::Call::new(id, &self.front)).await?;
                    let verifiable = verification::Verification::fits(&view);
                    let verification =
                        verifiable.then(|| verification::Verification::new(id, &self.front));
                    self.provide(id, verification).await?;
                    self.provide(id, self.text(id, &view)).await?;
                    let captions = self.captions(id, &self.front.view.borrow(), &view);
                    self.provide(id, captions).await?;
                    self.last.calls.insert(id, view);
                }
            }
            Event::Text(id, written) => {
                let call = self.emitter(call_path(id).as_str())?;
                text::Text::received(&call, written.text(), written.is_last()).await?;
            }
            Event::Caption(id, text, is_final) => {
                let call = self.emitter(call_path(id).as_str())?;
                captions::Captions::caption(&call, &text, is_final).await?;
            }
            Event::Removed(id) => {
                self.update().await?;
                self.provide::<text::Text>(id, None).await?;
                self.provide::<captions::Captions>(id, None).await?;
                self.provide::<verification::Verification>(id, None).await?;
                server.remove::<call::Call, _>(call_path(id)).await?;
                self.last.calls.remove(&id);
            }
            Event::ProviderAdded(id) => {
                let path = provider::provider_path(id.as_str());
                server.at(path, provider::Provider::new(id, &self.front)).await?;
            }
            Event::ProviderRemoved(id) => {
                let path = provider::provider_path(id.as_str());
                server.remove::<provider::Provider, _>(path).await?;
            }
            Event::GroupAdded(id) => {
                server.at(group::group_path(id), group::Group::new(id, &self.front)).await?;
            }
            Event::GroupRemoved(id) => {
                server.remove::<group::Group, _>(group::group_path(id)).await?;
            }
            Event::Perform(peer, serial, txn, call, action) => {
                let door = self.door(peer.door);
                self.performs.perform(&door, Wanted { peer, serial, txn, call, action }).await;
            }
            Event::TimedOut(peer, serial) => {
                Performs::tell(&self.door(peer.door), &peer, "TimedOut", &(serial.0,)).await;
            }
            Event::Wake(app, name) => self.performs.wake(&self.bus, app, name),
            Event::CallBack(peer, row, to, video) => {
                let body = (row, (to.scheme(), to.value()), video);
                Performs::tell(&self.door(peer.door), &peer, "CallBack", &body).await;
            }
            Event::Audio(peer, endpoint) => self.audio(&peer, endpoint).await,
            Event::Missed(row) => manager::Manager::call_missed(&root, &row).await?,
            Event::ActionFinished(serial, call, action, result, error) => {
                let call = call_path(call);
                let (call, error) = (call.as_ref(), error.as_str());
                manager::Manager::action_finished(&root, serial, call, action, result, error)
                    .await?;
            }
            Event::History(added, changed, removed) => {
                history::History::changed(&root, added, changed, removed).await?;
            }
            Event::Contacts(ids) => contacts::Contacts::changed(&root, ids).await?,
            Event::Joined(contact) => identity::Identity::joined(&root, &contact).await?,
            Event::Heard(text, done) => voice::Voice::heard(&root, &text, done).await?,
            Event::Prompt(text, choices) => voice::Voice::prompt(&root, &text, choices).await?,
            Event::Taught(contact, word, kept) => {
                voice::Voice::taught(&root, &contact, &word, kept).await?;
            }
            Event::Settings(values) => {
                settings::Settings::changed(&root, value::to_bus(values)).await?;
            }
        }
        Ok(())
    }

    /// Makes a call's object have an interface, or not have it.
    async fn provide<T: Interface>(&self, id: CallId, object: Option<T>) -> zbus::Result<()> {
        let server = self.objects.connection.object_server();
        if let Some(object) = object {
            return server.at(call_path(id), object).await.map(drop);
        }
        // Most calls have few; that must not keep the rest of the object.
        match server.remove::<T, _>(call_path(id)).await {
            Ok(_) | Err(zbus::Error::InterfaceNotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn text(&self, id: CallId, view: &CallView) -> Option<text::Text> {
        text::Text::fits(view).then(|| text::Text::new(id, &self.front))
    }

    fn captions(&self, id: CallId, now: &Snapshot, view: &CallView) -> Option<captions::Captions> {
        captions::Captions::fits(now, view).then(|| captions::Captions::new(id, &self.front))
    }

    /// Gives an app microphone and speaker, or takes them.
    async fn audio(&self, peer: &Peer, endpoint: Option<String>) {
        let door = self.door(peer.door);
        match endpoint {
            Some(endpoint) => {
                let options = HashMap::from([("endpoint", Variant::from(endpoint))]);
                Performs::tell(&door, peer, "AudioActivated", &(options,)).await;
            }
            None => Performs::tell(&door, peer, "AudioDeactivated", &()).await,
        }
    }

    /// Tells every property that differs from what was told last.
    async fn update(&mut self) -> zbus::Result<()> {
        let now = self.front.view.borrow().clone();
        let before = std::mem::replace(&mut self.last, now.clone());
        for (id, view) in &now.calls {
            // One whose object is still to come tells everything when it appears.
            let Some(old) = before.calls.get(id) else {
                self.last.calls.remove(id);
                continue;
            };
            let captions = self.captions(*id, &now, view);
            if captions::Captions::fits(&before, old) != captions.is_some() {
                self.provide(*id, captions).await?;
            }
            if old == view && before.endpoint == now.endpoint {
                continue;
            }
            if text::Text::fits(old) != text::Text::fits(view) {
                self.provide(*id, self.text(*id, view)).await?;
            }
            let old = call::properties(old, &before.endpoint);
            let changed = differing(old, call::properties(view, &now.endpoint));
            self.tell_app(&now, view, call_path(*id).as_str(), &changed).await?;
            self.changed::<call::Call>(call_path(*id).as_str(), changed).await?;
        }
        for (id, calls) in &now.groups {
            let old = before.groups.get(id).unwrap_or(calls);
            let changed = differing(group::properties(old), group::properties(calls));
            self.changed::<group::Group>(group::group_path(*id).as_str(), changed).await?;
        }
        let pairs = [
            (manager::Manager::name(), manager::properties(&before), manager::properties(&now)),
            (history::History::name(), history::properties(&before), history::properties(&now)),
            (contacts::Contacts::name(), contacts::properties(&before), contacts::properties(&now)),
            (identity::Identity::name(), identity::properties(&before), identity::properties(&now)),
            (audio::Audio::name(), audio::properties(&before), audio::properties(&now)),
            (voice::Voice::name(), voice::properties(&before), voice::properties(&now)),
        ];
        for (name, old, new) in pairs {
            self.emit(ROOT, name, differing(old, new)).await?;
        }
        Ok(())
    }

    /// Tells an app that came in by its own door of its own call, and nobody else there.
    async fn tell_app(
        &self,
        now: &Snapshot,
        view: &CallView,
        path: &str,
        changed: &Properties,
    ) -> zbus::Result<()> {
        let id = view.provider.parse::<ProviderId>().ok();
        let peer = id.and_then(|id| now.providers.get(&id)?.peer.as_ref());
        let Some(peer) = peer.filter(|peer| peer.door == Door::Provider) else { return Ok(()) };
        if changed.is_empty() {
            return Ok(());
        }
        let none: &[&str] = &[];
        let body = (call::Call::name(), changed, none);
        let (interface, member) = ("org.freedesktop.DBus.Properties", "PropertiesChanged");
        self.apps.emit_signal(Some(peer.name.as_str()), path, interface, member, &body).await
    }

    async fn changed<I: Interface>(&self, path: &str, changed: Properties) -> zbus::Result<()> {
        self.emit(path, I::name(), changed).await
    }

    async fn emit(
        &self,
        path: &str,
        interface: InterfaceName<'static>,
        changed: Properties,
    ) -> zbus::Result<()> {
        if changed.is_empty() {
            return Ok(());
        }
        let emitter = self.emitter(path)?;
        fdo::Properties::properties_changed(&emitter, interface, changed, [].as_slice().into())
            .await
    }
}

fn differing(old: Properties, mut new: Properties) -> Properties {
    new.retain(|name, value| old.get(name) != Some(value));
    new
}
