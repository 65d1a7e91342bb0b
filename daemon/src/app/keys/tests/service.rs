//! A Secret Service of our own, with one keyring: it locks, dismisses, and lies when told.
//!
//! Owns: its objects on the bus. Does not own: a claim. Invariant: what it is told holds from the
//! next call on.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard},
};

use zbus::{
    Connection, ObjectServer, OwnedObjectPath, OwnedVariant, Variant, connection::Builder, fdo,
    interface, object_server::SignalEmitter,
};

use super::NAME;

const PATH: &str = "/org/freedesktop/secrets";
const COLLECTION: &str = "/org/freedesktop/secrets/collection/login";
const PROMPT: &str = "/org/freedesktop/secrets/prompt";

/// What its prompts do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Mood {
    /// The person types the password.
    #[default]
    Unlocks,
    /// The person closes the prompt.
    Dismisses,
    /// The person is away.
    NeverAnswers,
}

#[derive(Default)]
struct State {
    items: BTreeMap<String, (HashMap<String, String>, Vec<u8>)>,
    next: u32,
    locked: bool,
    mood: Mood,
    lies: bool,
    hides: bool,
    prompts: u32,
    dismissed: u32,
}

type Shared = Arc<Mutex<State>>;
/// (session, parameters, value, content type)
type Secret = (OwnedObjectPath, Vec<u8>, Vec<u8>, String);

fn path(text: &str) -> OwnedObjectPath {
    OwnedObjectPath::try_from(text.to_owned()).expect("a path")
}

fn get(state: &Shared) -> MutexGuard<'_, State> {
    state.lock().expect("no panic while it is held")
}

/// The service, as the test sees it.
pub(super) struct Service {
    connection: Connection,
    state: Shared,
}

impl Service {
    pub(super) async fn start(address: &str) -> Self {
        let state = Shared::default();
        let connection = Builder::address(address)
            .serve_at(PATH, Root(Arc::clone(&state)))
            .serve_at(COLLECTION, Collection(Arc::clone(&state)))
            .serve_at(PROMPT, Prompt(Arc::clone(&state)))
            .name(NAME)
            .build()
            .await
            .expect("served");
        Self { connection, state }
    }

    /// Locks the keyring; prompts then do this.
    pub(super) fn lock(&self, mood: Mood) {
        let mut state = get(&self.state);
        (state.locked, state.mood) = (true, mood);
    }

    /// Whether it gives other bytes than it got.
    pub(super) fn lie(&self, lies: bool) {
        get(&self.state).lies = lies;
    }

    /// Locked, it says that it has nothing.
    pub(super) fn hide(&self) {
        get(&self.state).hides = true;
    }

    /// How many prompts were shown.
    pub(super) fn prompts(&self) -> u32 {
        get(&self.state).prompts
    }

    /// How many prompts were taken away by the client.
    pub(super) fn dismissed(&self) -> u32 {
        get(&self.state).dismissed
    }

    /// How many secrets it has.
    pub(super) fn items(&self) -> usize {
        get(&self.state).items.len()
    }

    pub(super) async fn stop(self) {
        self.connection.close().await.expect("closed");
    }
}

struct Root(Shared);

#[interface(name = "org.freedesktop.Secret.Service")]
impl Root {
    fn open_session(
        &self,
        algorithm: String,
        input: OwnedVariant,
    ) -> (OwnedVariant, OwnedObjectPath) {
        drop((algorithm, input));
        let nothing = OwnedVariant::try_from(Variant::from("")).expect("a text");
        (nothing, path("/org/freedesktop/secrets/session/1"))
    }

    fn search_items(
        &self,
        attributes: HashMap<String, String>,
    ) -> (Vec<OwnedObjectPath>, Vec<OwnedObjectPath>) {
        let state = get(&self.0);
        if state.locked && state.hides {
            return (Vec::new(), Vec::new());
        }
        let fits =
            |own: &HashMap<String, String>| attributes.iter().all(|(k, v)| own.get(k) == Some(v));
        let found = state.items.iter().filter(|(_, (own, _))| fits(own));
        let found = found.map(|(item, _)| path(item)).collect();
        if state.locked { (Vec::new(), found) } else { (found, Vec::new()) }
    }

    fn read_alias(&self, name: String) -> OwnedObjectPath {
        path(if name == "default" { COLLECTION } else { "/" })
    }

    fn unlock(&self, objects: Vec<OwnedObjectPath>) -> (Vec<OwnedObjectPath>, OwnedObjectPath) {
        if get(&self.0).locked { (Vec::new(), path(PROMPT)) } else { (objects, path("/")) }
    }
}

struct Collection(Shared);

#[interface(name = "org.freedesktop.Secret.Collection")]
impl Collection {
    async fn create_item(
        &self,
        properties: HashMap<String, OwnedVariant>,
        secret: Secret,
        replace: bool,
        #[zbus(object_server)] server: &ObjectServer,
    ) -> fdo::Result<(OwnedObjectPath, OwnedObjectPath)> {
        let attributes = properties.get("org.freedesktop.Secret.Item.Attributes");
        let attributes = attributes.cloned().expect("attributes");
        let attributes = HashMap::<String, String>::try_from(attributes).expect("texts");
        let name = {
            let mut state = get(&self.0);
            if state.locked {
                return Err(fdo::Error::Failed("locked".to_owned()));
            }
            let same = state.items.iter().find(|(_, (own, _))| replace && *own == attributes);
            let name = same.map(|(name, _)| name.clone());
            let name = name.unwrap_or_else(|| {
                state.next += 1;
                format!("{COLLECTION}/{}", state.next)
            });
            state.items.insert(name.clone(), (attributes, secret.2));
            name
        };
        server.at(name.as_str(), Item(Arc::clone(&self.0), name.clone())).await?;
        Ok((path(&name), path("/")))
    }

    #[zbus(property)]
    fn locked(&self) -> bool {
        get(&self.0).locked
    }
}

struct Item(Shared, String);

#[interface(name = "org.freedesktop.Secret.Item")]
impl Item {
    fn get_secret(&self, session: OwnedObjectPath) -> fdo::Result<(Secret,)> {
        let state = get(&self.0);
        let found = state.items.get(&self.1).filter(|_| !state.locked);
        let (_, value) = found.ok_or_else(|| fdo::Error::Failed("locked".to_owned()))?;
        let mut value = value.clone();
        if state.lies {
            value.reverse();
        }
        Ok(((session, Vec::new(), value, "application/octet-stream".to_owned()),))
    }

    fn delete(&self) -> OwnedObjectPath {
        get(&self.0).items.remove(&self.1);
        path("/")
    }

    #[zbus(property)]
    fn locked(&self) -> bool {
        get(&self.0).locked
    }
}

struct Prompt(Shared);

#[interface(name = "org.freedesktop.Secret.Prompt")]
impl Prompt {
    async fn prompt(
        &self,
        window: String,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> fdo::Result<()> {
        drop(window);
        let mood = {
            let mut state = get(&self.0);
            state.prompts += 1;
            state.locked = state.mood != Mood::Unlocks;
            state.mood
        };
        if mood != Mood::NeverAnswers {
            let nothing = Variant::from(Vec::<OwnedObjectPath>::new());
            Self::completed(&emitter, mood == Mood::Dismisses, nothing).await?;
        }
        Ok(())
    }

    fn dismiss(&self) {
        get(&self.0).dismissed += 1;
    }

    #[zbus(signal)]
    async fn completed(
        emitter: &SignalEmitter<'_>,
        dismissed: bool,
        result: Variant<'_>,
    ) -> zbus::Result<()>;
}
