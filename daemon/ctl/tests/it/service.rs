//! The service of the contract, as far as `ahoyctl` uses it, with every request recorded.
//!
//! Owns: names and signatures exactly as the contract has them: the interface macro refuses a
//! caller with other types. Does not own: policy; it does what it is told. Invariant: state changes
//! before the reply, signals before the reply, as the contract's rules say.

use std::{
    collections::BTreeMap,
    io::{Read as _, Write as _},
    sync::{Arc, Mutex},
};

use zbus::{
    Connection, DBusError, ObjectServer, OwnedFd, OwnedObjectPath, OwnedVariant, Variant,
    fdo::ObjectManager, interface, object_server::SignalEmitter,
};

use crate::surroundings::{Audio, Filter};

pub(crate) const ROOT: &str = "/org/ahoycall/Calls1";
pub(crate) type Dict = BTreeMap<String, OwnedVariant>;

#[derive(Debug, DBusError)]
#[zbus(prefix = "org.ahoycall.Calls1.Error")]
pub(crate) enum Error {
    #[zbus(error)]
    ZBus(zbus::Error),
    UnknownProvider(String),
    NotSupported(String),
    ProviderFailed(String),
    InvalidState(String),
    InvalidArgument(String),
    UnknownContact(String),
    SessionLocked(String),
}

type Result<T> = std::result::Result<T, Error>;

/// What the service holds and what it was asked.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) asked: Vec<String>,
    pub(crate) contacts: Vec<Dict>,
    pub(crate) favourites: Vec<String>,
    pub(crate) history: Vec<Dict>,
    pub(crate) settings: Dict,
    pub(crate) backup: Vec<u8>,
    pub(crate) blocked: Vec<(String, String, String)>,
    /// The session is locked before the page of contacts that begins here.
    pub(crate) locks_at: Option<usize>,
}

pub(crate) type Shared = Arc<Mutex<World>>;

/// A dictionary from literals.
pub(crate) fn dict<const N: usize>(entries: [(&str, Variant<'_>); N]) -> Dict {
    entries.into_iter().map(|(k, v)| (k.to_owned(), v.try_to_owned().unwrap())).collect()
}

fn text(dict: &Dict, key: &str) -> String {
    dict.get(key).and_then(|v| <&str>::try_from(v).ok()).unwrap_or_default().to_owned()
}

fn flag(dict: &Dict, key: &str) -> bool {
    dict.get(key).and_then(|v| bool::try_from(v).ok()).unwrap_or_default()
}

fn copy(dict: &Dict) -> Dict {
    dict.iter().map(|(k, v)| (k.clone(), v.try_clone().unwrap())).collect()
}

pub(crate) fn ask(world: &Shared, line: impl Into<String>) {
    world.lock().unwrap().asked.push(line.into());
}

/// A running service.
pub(crate) struct Service {
    pub(crate) connection: Connection,
    pub(crate) world: Shared,
}

impl Service {
    pub(crate) async fn start(address: &str) -> Self {
        let world = Shared::default();
        let w = || Arc::clone(&world);
        let connection = zbus::connection::Builder::address(address)
            .serve_at(ROOT, ObjectManager)
            .serve_at(ROOT, Manager(w()))
            .serve_at(ROOT, History(w()))
            .serve_at(ROOT, Contacts(w()))
            .serve_at(ROOT, Voice { world: w(), listening: false })
            .serve_at(ROOT, Identity(w()))
            .serve_at(ROOT, Settings(w()))
            .serve_at(ROOT, Filter(w()))
            .serve_at(ROOT, Audio(w()))
            .name("org.ahoycall.Calls1")
            .build()
            .await
            .unwrap();
        Self { connection, world }
    }

    /// What was asked since the last look.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.world.lock().unwrap().asked)
    }

    pub(crate) async fn add_call(&self, call: Call) -> String {
        let path = format!("{ROOT}/call/{}", call.id);
        self.connection.object_server().at(path.as_str(), call).await.unwrap();
        path
    }

    pub(crate) async fn incoming(&self, id: &str, name: &str) -> String {
        self.add_call(Call::new(&self.world, id, name, "incoming", "ringing")).await
    }

    pub(crate) async fn active(&self, id: &str, name: &str) -> String {
        self.add_call(Call::new(&self.world, id, name, "outgoing", "active")).await
    }

    /// A call that is on and carries text.
    pub(crate) async fn writing(&self, id: &str, name: &str) -> String {
        let path = self.active(id, name).await;
        let text = Text { world: Arc::clone(&self.world), id: id.to_owned() };
        self.connection.object_server().at(path.as_str(), text).await.unwrap();
        path
    }

    pub(crate) async fn captioned(&self, id: &str, name: &str) -> String {
        let path = self.active(id, name).await;
        let text = Captions { world: Arc::clone(&self.world), id: id.to_owned() };
        self.connection.object_server().at(path.as_str(), text).await.unwrap();
        path
    }

    pub(crate) async fn remove_call(&self, path: &str) {
        self.connection.object_server().remove::<Call, _>(path).await.unwrap();
    }

    pub(crate) fn emitter(&self, path: &str) -> SignalEmitter<'static> {
        SignalEmitter::new(&self.connection, path.to_owned()).unwrap().to_owned()
    }
}

pub(crate) struct Text {
    world: Shared,
    id: String,
}

#[interface(name = "org.ahoycall.Calls1.Call.Text")]
impl Text {
    fn send(&self, text: String) {
        ask(&self.world, format!("Send {text:?} {}", self.id));
    }

    #[zbus(signal)]
    pub(crate) async fn received(
        emitter: &SignalEmitter<'_>,
        text: &str,
        r#final: bool,
    ) -> zbus::Result<()>;
}

pub(crate) struct Captions {
    world: Shared,
    id: String,
}

#[interface(name = "org.ahoycall.Calls1.Call.Captions")]
impl Captions {
    fn set_enabled(&self, enabled: bool) {
        ask(&self.world, format!("SetEnabled {enabled} {}", self.id));
    }

    #[zbus(signal)]
    pub(crate) async fn caption(
        emitter: &SignalEmitter<'_>,
        text: &str,
        r#final: bool,
    ) -> zbus::Result<()>;
}

pub(crate) struct Manager(Shared);

#[interface(name = "org.ahoycall.Calls1.Manager")]
impl Manager {
    async fn start_call(
        &self,
        provider: String,
        handles: Vec<(String, String)>,
        options: Dict,
        #[zbus(object_server)] server: &ObjectServer,
    ) -> Result<OwnedObjectPath> {
        ask(
            &self.0,
            format!(
                "StartCall {provider:?} {handles:?} video={} name={:?} contact={:?}",
                flag(&options, "video"),
                text(&options, "display-name"),
                text(&options, "contact-id")
            ),
        );
        if !provider.is_empty() {
            return Err(Error::UnknownProvider(provider));
        }
        let path = format!("{ROOT}/call/new1");
        let call =
            Call::new(&self.0, "new1", &text(&options, "display-name"), "outgoing", "dialing");
        server.at(path.as_str(), call).await?;
        Ok(OwnedObjectPath::try_from(path)?)
    }

    fn silence_ringer(&self) {
        ask(&self.0, "SilenceRinger");
    }

    fn press_primary(&self) {
        ask(&self.0, "PressPrimary");
    }

    fn press_secondary(&self) {
        ask(&self.0, "PressSecondary");
    }

    fn end_all(&self) {
        ask(&self.0, "EndAll");
    }

    /// How long from now, in hours.
    fn set_do_not_disturb(&self, mode: String, until: u64) {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let hours = until.saturating_sub(now.as_micros() as u64) as f64 / 3600e6;
        ask(&self.0, format!("SetDoNotDisturb {mode} {hours:.1}h"));
    }

    fn doctor(&self) -> Vec<Dict> {
        vec![dict([
            ("name", "microphone".into()),
            ("ok", false.into()),
            ("detail", "none".into()),
            ("fix", "Plug one in".into()),
        ])]
    }

    #[zbus(property)]
    fn version(&self) -> String {
        env!("CARGO_PKG_VERSION").to_owned()
    }

    #[zbus(property)]
    fn state(&self) -> String {
        "idle".to_owned()
    }

    #[zbus(property)]
    fn do_not_disturb(&self) -> String {
        "off".to_owned()
    }

    #[zbus(property)]
    fn default_providers(&self) -> BTreeMap<String, String> {
        BTreeMap::from([("tel".to_owned(), "org.example.Phone".to_owned())])
    }

    #[zbus(property)]
    fn session_locked(&self) -> bool {
        false
    }

    #[zbus(signal)]
    pub(crate) async fn call_missed(
        emitter: &SignalEmitter<'_>,
        history_id: &str,
    ) -> zbus::Result<()>;

    #[zbus(signal)]
    pub(crate) async fn action_finished(
        emitter: &SignalEmitter<'_>,
        serial: u32,
        call: OwnedObjectPath,
        action: &str,
        result: &str,
        error: &str,
    ) -> zbus::Result<()>;
}

pub(crate) struct Call {
    world: Shared,
    pub(crate) id: String,
    name: String,
    direction: String,
    state: String,
    pub(crate) muted: bool,
    pub(crate) held: bool,
    pub(crate) can_hold: bool,
}

impl Call {
    pub(crate) fn new(world: &Shared, id: &str, name: &str, direction: &str, state: &str) -> Self {
        Self {
            world: Arc::clone(world),
            id: id.to_owned(),
            name: name.to_owned(),
            direction: direction.to_owned(),
            state: state.to_owned(),
            muted: false,
            held: false,
            can_hold: true,
        }
    }

    fn ask(&self, what: &str) {
        ask(&self.world, format!("{what} {}", self.id));
    }
}

#[interface(name = "org.ahoycall.Calls1.Call")]
impl Call {
    async fn answer(
        &mut self,
        options: Dict,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> Result<()> {
        self.ask(&format!("Answer video={}", flag(&options, "video")));
        self.state = "active".into();
        self.state_changed(&emitter).await?;
        Ok(())
    }

    /// Some messages are refused, as providers do.
    fn decline(&self, options: Dict) -> Result<()> {
        let message = text(&options, "message");
        self.ask(&format!("Decline {message:?}"));
        match message.as_str() {
            "to nobody" => Err(Error::ProviderFailed("no line".into())),
            "no text" => Err(Error::NotSupported(String::new())),
            _ => Ok(()),
        }
    }

    async fn hang_up(
        &mut self,
        _options: Dict,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> Result<()> {
        self.ask("HangUp");
        self.state = "ended".into();
        self.state_changed(&emitter).await?;
        Ok(())
    }

    fn set_muted(&self, muted: bool) {
        self.ask(&format!("SetMuted {muted}"));
    }

    fn set_held(&self, held: bool) -> Result<()> {
        self.ask(&format!("SetHeld {held}"));
        if self.can_hold { Ok(()) } else { Err(Error::NotSupported("hold".into())) }
    }

    fn set_video(&self, on: bool) -> Result<()> {
        self.ask(&format!("SetVideo {on}"));
        Err(Error::SessionLocked(String::new()))
    }

    fn send_dtmf(&self, digits: String) {
        self.ask(&format!("SendDtmf {digits}"));
    }

    fn silence(&self) {
        self.ask("Silence");
    }

    fn switch_camera(&self, id: String) {
        self.ask(&format!("SwitchCamera {id:?}"));
    }

    fn set_local_silence(&self, silent: bool) {
        self.ask(&format!("SetLocalSilence {silent}"));
    }

    fn set_screen_share(&self, shared: bool) {
        self.ask(&format!("SetScreenShare {shared}"));
    }

    fn merge(&self, other: OwnedObjectPath) {
        self.ask(&format!("Merge {}", other.as_str()));
    }

    fn split(&self) {
        self.ask("Split");
    }

    fn transfer(&self, scheme: String, value: String) {
        self.ask(&format!("Transfer {scheme}:{value}"));
    }

    fn set_endpoint(&self, id: String) {
        self.ask(&format!("SetEndpoint {id:?}"));
    }

    #[zbus(property)]
    fn id(&self) -> String {
        self.id.clone()
    }

    #[zbus(property)]
    fn state(&self) -> String {
        self.state.clone()
    }

    #[zbus(property)]
    fn direction(&self) -> String {
        self.direction.clone()
    }

    #[zbus(property)]
    fn remote(&self) -> (String, String) {
        ("ahoy".into(), format!("key-{}", self.id))
    }

    #[zbus(property)]
    fn display_name(&self) -> String {
        self.name.clone()
    }

    #[zbus(property)]
    fn muted(&self) -> bool {
        self.muted
    }

    #[zbus(property)]
    fn held(&self) -> bool {
        self.held
    }

    #[zbus(property)]
    fn encryption(&self) -> String {
        "e2e".into()
    }

    #[zbus(property)]
    fn created_at(&self) -> u64 {
        1
    }

    #[zbus(property)]
    fn connected_at(&self) -> u64 {
        0
    }

    #[zbus(property)]
    fn end_reason(&self) -> (String, String) {
        (String::new(), String::new())
    }
}

pub(crate) struct Verification(pub(crate) Shared);

#[interface(name = "org.ahoycall.Calls1.Call.Verification")]
impl Verification {
    fn confirm(&self, same: bool) {
        ask(&self.0, format!("Confirm {same}"));
    }

    #[zbus(property)]
    fn safety_number(&self) -> String {
        "0123456789".repeat(6)
    }
}

struct History(Shared);

#[interface(name = "org.ahoycall.Calls1.History")]
impl History {
    fn query(&self, filter: Dict, limit: u32, cursor: String) -> Result<(Vec<Dict>, String)> {
        if limit > 500 {
            return Err(Error::InvalidArgument("limit".into()));
        }
        let keys: Vec<&str> = filter.keys().map(String::as_str).collect();
        ask(&self.0, format!("Query {keys:?} {limit} {cursor:?}"));
        let world = self.0.lock().unwrap();
        let from: usize = cursor.parse().unwrap_or_default();
        let wanted = text(&filter, "outcome");
        let all: Vec<&Dict> = world
            .history
            .iter()
            .filter(|row| wanted.is_empty() || text(row, "outcome") == wanted)
            .collect();
        let to = all.len().min(from + limit as usize);
        let next = if to < all.len() { to.to_string() } else { String::new() };
        Ok((all[from..to].iter().map(|row| copy(row)).collect(), next))
    }

    fn mark_seen(&self, ids: Vec<String>) {
        ask(&self.0, format!("MarkSeen {ids:?}"));
    }

    #[zbus(property)]
    fn unseen(&self) -> u32 {
        0
    }
}

struct Contacts(Shared);

#[interface(name = "org.ahoycall.Calls1.Contacts")]
impl Contacts {
    fn search(&self, wanted: String, limit: u32) -> Result<Vec<Dict>> {
        if limit > 500 {
            return Err(Error::InvalidArgument("limit".into()));
        }
        let wanted = wanted.to_lowercase();
        let world = self.0.lock().unwrap();
        let fits =
            |c: &&Dict| text(c, "name").to_lowercase().contains(&wanted) || text(c, "id") == wanted;
        let found = world.contacts.iter().filter(fits).take(limit as usize);
        Ok(found.map(copy).collect())
    }

    /// Its cursor is a count: nothing changes here meanwhile.
    fn query(&self, wanted: String, limit: u32, cursor: String) -> Result<(Vec<Dict>, String)> {
        if limit > 500 || !wanted.is_empty() {
            return Err(Error::InvalidArgument("limit".into()));
        }
        let from: usize = if cursor.is_empty() { 0 } else { cursor.parse().unwrap() };
        let world = self.0.lock().unwrap();
        if world.locks_at == Some(from) {
            return Err(Error::SessionLocked("the session is locked".into()));
        }
        let page = world.contacts.iter().skip(from).take(limit as usize);
        let page: Vec<Dict> = page.map(copy).collect();
        let to = from + page.len();
        let next = if to < world.contacts.len() { to.to_string() } else { String::new() };
        Ok((page, next))
    }

    fn resolve(&self, handle: (String, String)) -> Dict {
        ask(&self.0, format!("Resolve {handle:?}"));
        Dict::new()
    }

    /// Keys left out stay as they are; `pending` is read only.
    fn put(&self, contact: Dict) -> Result<String> {
        if contact.contains_key("pending") {
            return Err(Error::InvalidArgument("pending".into()));
        }
        let mut guard = self.0.lock().unwrap();
        let world = &mut *guard;
        let keys: Vec<&str> = contact.keys().map(String::as_str).collect();
        world.asked.push(format!("Put {keys:?}"));
        let id = text(&contact, "id");
        if let Some(there) = world.contacts.iter_mut().find(|c| text(c, "id") == id) {
            there.extend(contact);
            return Ok(id);
        }
        let id = format!("c{}", world.contacts.len() + 1);
        let mut fresh = dict([("id", id.as_str().into()), ("pending", false.into())]);
        fresh.extend(contact);
        world.contacts.push(fresh);
        Ok(id)
    }

    fn remove(&self, id: String) {
        ask(&self.0, format!("Remove {id}"));
    }

    fn set_favourite(&self, id: String, on: bool) {
        ask(&self.0, format!("SetFavourite {id} {on}"));
        self.0.lock().unwrap().favourites.push(id);
    }

    fn import(&self, file: OwnedFd, format: String) -> Result<BTreeMap<String, u32>> {
        let mut read = String::new();
        let fd: std::os::fd::OwnedFd = file.into();
        std::fs::File::from(fd).read_to_string(&mut read).unwrap();
        ask(&self.0, format!("Import {format} {read:?}"));
        Ok(BTreeMap::from([("added".to_owned(), 2), ("skipped".to_owned(), 1)]))
    }

    #[zbus(property)]
    fn favourites(&self) -> Vec<String> {
        self.0.lock().unwrap().favourites.clone()
    }
}

pub(crate) struct Voice {
    world: Shared,
    listening: bool,
}

#[interface(name = "org.ahoycall.Calls1.Voice")]
impl Voice {
    /// Spoken: a partial and a final text, a prompt, then the end. Typed: a prompt with choices
    /// before the reply, as a daemon does that asks at once.
    async fn listen(
        &mut self,
        options: Dict,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> Result<()> {
        let typed = text(&options, "text");
        ask(&self.world, format!("Listen {typed:?}"));
        if !typed.is_empty() {
            Self::prompt(&emitter, "Calling Alice, video", vec![]).await?;
            return Ok(());
        }
        self.listening = true;
        self.listening_changed(&emitter).await?;
        Self::heard(&emitter, "call", false).await?;
        Ok(())
    }

    fn stop(&self) {
        ask(&self.world, "Stop");
    }

    /// A lesson of one word, which is given up where all of the name was to be taught.
    async fn teach(
        &mut self,
        contact_id: String,
        options: Dict,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> Result<()> {
        let word = text(&options, "word");
        ask(&self.world, format!("Teach {word:?}"));
        Self::prompt(&emitter, "Say: alice.", vec![]).await?;
        Self::taught(&emitter, &contact_id, "alice", !word.is_empty()).await?;
        Ok(())
    }

    fn forget(&self, contact_id: String) -> Vec<String> {
        ask(&self.world, "Forget");
        vec![if contact_id.is_empty() { "nobody" } else { "alice" }.to_owned()]
    }

    fn doctor(&self) -> Vec<Dict> {
        let row = |name: &str, problem: &str, other: &str| {
            let pairs = [("name", name), ("said", name), ("problem", problem), ("other", other)];
            dict(pairs.map(|(key, value)| (key, value.into())))
        };
        vec![row("Xqz", "unheard", ""), row("Sean", "like-name", "Shawn")]
    }

    fn interpret(&self, said: String) -> (String, Dict, f64) {
        if said.starts_with("call alice") {
            return ("call".into(), dict([("name", "alice".into())]), 0.97);
        }
        (String::new(), Dict::new(), 0.1)
    }

    #[zbus(property)]
    fn listening(&self) -> bool {
        self.listening
    }

    #[zbus(signal)]
    pub(crate) async fn heard(
        emitter: &SignalEmitter<'_>,
        text: &str,
        is_final: bool,
    ) -> zbus::Result<()>;

    #[zbus(signal)]
    pub(crate) async fn prompt(
        emitter: &SignalEmitter<'_>,
        text: &str,
        choices: Vec<String>,
    ) -> zbus::Result<()>;

    #[zbus(signal)]
    async fn taught(
        emitter: &SignalEmitter<'_>,
        contact_id: &str,
        word: &str,
        kept: bool,
    ) -> zbus::Result<()>;
}

impl Voice {
    /// The dialogue ends.
    pub(crate) async fn end(connection: &Connection) {
        let voice = connection.object_server().interface::<_, Self>(ROOT).await.unwrap();
        let mut inner = voice.get_mut().await;
        inner.listening = false;
        inner.listening_changed(voice.signal_emitter()).await.unwrap();
    }
}

struct Identity(Shared);

#[interface(name = "org.ahoycall.Calls1.Identity")]
impl Identity {
    fn invite(&self, options: Dict) -> String {
        let expires = options.get("expires-at").and_then(|v| u64::try_from(v).ok()).unwrap();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let days = (expires - now.as_micros() as u64) as f64 / 86_400e6;
        ask(
            &self.0,
            format!(
                "Invite {:?} {days:.1}d {}",
                text(&options, "name"),
                flag(&options, "single-use")
            ),
        );
        format!("ahoy:{}", "x".repeat(345))
    }

    fn accept(&self, uri: String, options: Dict) -> String {
        ask(&self.0, format!("Accept {uri} {:?}", text(&options, "name")));
        "c7".into()
    }

    fn devices(&self) -> Vec<Dict> {
        vec![dict([("name", "laptop".into()), ("this", true.into())])]
    }

    fn backup(&self, file: OwnedFd, passphrase: String) -> Result<()> {
        if passphrase == "locked" {
            return Err(Error::SessionLocked(String::new()));
        }
        ask(&self.0, format!("Backup {passphrase:?}"));
        let fd: std::os::fd::OwnedFd = file.into();
        std::fs::File::from(fd).write_all(b"sealed").unwrap();
        Ok(())
    }

    fn restore(&self, file: OwnedFd, passphrase: String) -> Result<()> {
        let mut read = Vec::new();
        let fd: std::os::fd::OwnedFd = file.into();
        std::fs::File::from(fd).read_to_end(&mut read).unwrap();
        ask(&self.0, format!("Restore {passphrase:?}"));
        self.0.lock().unwrap().backup = read;
        if passphrase == "wrong" {
            return Err(Error::InvalidArgument("the passphrase does not open it".into()));
        }
        Ok(())
    }

    #[zbus(property)]
    fn address(&self) -> String {
        "ahoy:ybndrfg8".into()
    }
}

struct Settings(Shared);

#[interface(name = "org.ahoycall.Calls1.Settings")]
impl Settings {
    fn get(&self, key: String) -> Result<OwnedVariant> {
        let world = self.0.lock().unwrap();
        world
            .settings
            .get(&key)
            .map(|v| v.try_clone().unwrap())
            .ok_or_else(|| Error::InvalidArgument(key))
    }

    fn set(&self, key: String, value: OwnedVariant) {
        ask(&self.0, format!("Set {key} {}", value.value_signature()));
        self.0.lock().unwrap().settings.insert(key, value);
    }

    fn list(&self) -> Dict {
        copy(&self.0.lock().unwrap().settings)
    }
}
