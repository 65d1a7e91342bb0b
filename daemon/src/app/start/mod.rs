//! Building the app: adapters in order, the core with what the store knows, and the loop's task.
//!
//! Owns: the order of starting and what a missing part costs. Does not own: anything after that.
//! Invariant: the bus name is taken before any port is opened or worker started, so that a second
//! daemon disturbs nothing.

mod known;
mod sides;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
    io,
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use ahoy_core::{
    builtin::{BuiltIn, Own, Preferences},
    engine::Engine,
    id::{CallId, Entropy},
    media::{Devices, VideoSize},
    peer::Identity,
    service::Service,
    session::Secret,
    voice::RingWindow,
};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_util::sync::CancellationToken;

use self::{
    known::{Known, know, open_store},
    sides::{BusSide, LinkSide, WorkerSide, start_bus, start_link, start_workers, watch_settings},
};
use super::{
    App, Clock, Ended, Inbox, bridges,
    captions::Captions,
    contacts,
    desk::Desk,
    filter::{self, Directories},
    grants::{Grants, Senders},
    jobs::Jobs,
    keys::{AT_START, HomeError, KeyHome, Wish},
    lock::{Lock, first_lock, place},
    manners::{self, Manners},
    media::MediaSide,
    microphones::Microphones,
    network::{listens, start_mdns},
    places::{self, Places},
    prompts::Prompts,
    providers::{Apps, Known as KnownHandles},
    readers::Readers,
    recognisers::Room,
    refusals::Refusals,
    request::{AT_ONCE, Front, Request, Snapshot},
    requests::voice_wish,
    ringtones::Ringtones,
    talk::{DICTIONARY, Talk},
    waking::{Waking, defaults},
};
use crate::{
    dbus::{self, caller::Callers, provider::Closed},
    desktop::{
        permissions::Permissions,
        phonemes::Phonemes,
        power,
        session::Place,
        speech::{self, Speech},
    },
    installed,
    link::mdns::{Mdns, MdnsEvent},
    paths::Paths,
    settings::{Key, Settings, SettingsError},
    store::{Folder, StoreError, StoreHandle, keys::Keys},
    tasks::Tasks,
    worker::pipewire_socket_path,
};

/// Requests not yet taken: a controller past this waits in its own bus queue.
const REQUESTS: usize = 64;
const INNER: usize = 64;

/// Why the daemon does not start. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Directories.
    #[error("{0}")]
    Paths(io::Error),
    /// The config file.
    #[error("{0}")]
    Settings(#[from] SettingsError),
    /// The keys.
    #[error("{0}")]
    Keys(#[from] HomeError),
    /// The database.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// Another daemon, or no bus.
    #[error("{0}")]
    Bus(String),
    /// A port.
    #[error(
        "link.listen: {address} cannot be used ({error}); `ahoyctl settings set link.listen 0` picks a free port, or edit the config file"
    )]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        error: io::Error,
    },
    /// The system.
    #[error("{0}")]
    System(io::Error),
}

/// What a daemon is started with.
pub struct Setup {
    /// Its directories.
    pub paths: Paths,
    /// A variable of the environment.
    pub variable: fn(&str) -> Option<std::ffi::OsString>,
    /// Where the workers lie; `None`: beside the daemon, else where packages put them.
    pub own_program: Option<PathBuf>,
}

/// Kernel randomness.
pub(super) struct Kernel;

impl Entropy for Kernel {
    fn fill(&mut self, bytes: &mut [u8]) {
        if let Err(error) = getrandom::fill(bytes) {
            // Without it no key is safe: ending is the only right thing.
            tracing::error!(%error, "the kernel gives no random bytes");
            std::process::abort();
        }
    }
}

pub(super) fn devices(settings: &Settings) -> Devices {
    let node = |key| Some(settings.text(key)).filter(|name| !name.is_empty());
    Devices {
        microphone: node(Key::MICROPHONE),
        speaker: node(Key::SPEAKER),
        ringer: node(Key::RINGER),
        camera: node(Key::CAMERA),
    }
}

/// How long calls ring.
pub(super) fn ring_time(settings: &Settings) -> Duration {
    Duration::from_secs(u64::try_from(settings.number(Key::RING_TIMEOUT)).unwrap_or_default())
}

/// How the user calls themselves: as set, else their user name.
pub(super) fn own_name(settings: &Settings) -> String {
    let set = settings.text(Key::LAN_NAME);
    let user = || std::env::var("USER").unwrap_or_default();
    if set.is_empty() { user() } else { set }
}

/// The core, with what the store knows.
fn service(settings: &Settings, keys: &Keys, known: &mut Known, link: &LinkSide) -> Service {
    let preferences = Preferences {
        name: own_name(settings),
        devices: devices(settings),
        frame_ms: 10,
        accept: VideoSize::P720,
        listens: listens(link.bound),
        media_port: link.media_port,
    };
    let built_in = BuiltIn::new(
        Box::new(Kernel),
        own(keys),
        preferences,
        std::mem::take(&mut known.peers),
        std::mem::take(&mut known.invites),
        std::mem::take(&mut known.seen),
    );
    let mut service = Service::new(Engine::new(Box::new(Kernel)), built_in);
    known.used.drain(..).for_each(|call| service.remember_used(call));
    service.set_ring_time(ring_time(settings));
    service.set_default_providers(defaults(&settings.text(Key::DEFAULT_PROVIDERS)).collect());
    service
}

/// The directories are made where they are missing; what the file has wrong is told.
fn read_settings(paths: &Paths) -> Result<Settings, StartError> {
    paths.create().map_err(StartError::Paths)?;
    let (settings, problems) = Settings::load(paths.config_file())?;
    for problem in problems {
        tracing::warn!(%problem, "config file");
    }
    Ok(settings)
}

fn talk(
    (setup, settings): (&Setup, &Settings),
    known: &Known,
    is_locked: bool,
    room: Room,
) -> Talk {
    let (models, packs) = (setup.paths.models(), setup.paths.packs());
    let mut talk = Talk::new(voice_wish(settings), models, packs, room);
    talk.set_book(contacts::people(&known.contacts), super::teach::taught(&known.contacts));
    talk.set_locked(is_locked);
    talk
}

/// What a recogniser may take.
fn room(place: &Place, tasks: &mut Tasks) -> Room {
    let (saves, saves_power) = watch::channel(false);
    let system_bus = place.system_bus.clone();
    tasks.spawn("power", |token| power::run(system_bus, saves, token));
    Room::new(saves_power)
}

/// The assistant's voice.
fn voice(setup: &Setup, tasks: &mut Tasks) -> Prompts {
    let (speech, task) = Speech::new(speech::socket(setup.variable));
    tasks.spawn("speech", |token| task.run(token));
    Prompts::new(speech)
}

/// Who guesses how names are said, asked about those that there are.
fn phonemes(talk: &Talk, tasks: &mut Tasks) -> Phonemes {
    let (phonemes, task) = Phonemes::new("espeak-ng".into(), DICTIONARY.into());
    tasks.spawn("phonemes", |token| task.run(token));
    phonemes.ask(talk.name_words());
    phonemes
}

/// The bus's way to the app, and the app's ends of it.
fn front() -> (Front, mpsc::Receiver<Request>, watch::Sender<Snapshot>) {
    let (requests_in, requests) = mpsc::channel(REQUESTS);
    let (view, viewed) = watch::channel(Snapshot { state: "idle", ..Snapshot::default() });
    let places = Arc::new(Semaphore::new(AT_ONCE));
    (Front { requests: requests_in, view: viewed, places }, requests, view)
}

/// Everything that was started, for the app to own.
struct Parts {
    clock: Clock,
    settings: Settings,
    keys: Keys,
    key_home: KeyHome,
    store: StoreHandle,
    known: Known,
    requests: mpsc::Receiver<Request>,
    view: watch::Sender<Snapshot>,
    bus: BusSide,
    link: LinkSide,
    workers: WorkerSide,
    mdns: (Option<(Mdns, u16)>, Option<mpsc::Receiver<MdnsEvent>>),
    settings_events: mpsc::Receiver<()>,
    bridges: watch::Sender<crate::bridge::Wish>,
    manners: Manners,
    places: Places,
    service: Service,
    handles: KnownHandles,
    waking: Waking,
    microphones: Microphones,
    folder: Folder,
    grants: Grants,
    talk: Talk,
    room: Room,
    prompts: Prompts,
    phonemes: Phonemes,
    is_locked: bool,
}

impl Parts {
    fn into_app(self) -> App {
        let Self { bus, link, workers, known, .. } = self;
        let (inner, inner_events) = mpsc::channel(INNER);
        let inbox = Inbox {
            requests: self.requests,
            lan: link.lan_events,
            mdns: self.mdns.1,
            path: workers.path_events,
            notify: bus.notify,
            inner: inner_events,
            settings: self.settings_events,
            locked: Some(bus.locked),
        };
        App {
            clock: self.clock,
            service: self.service,
            settings: self.settings,
            store: self.store,
            jobs: Jobs::start().0,
            inner,
            keys: self.keys,
            key_home: self.key_home,
            view: self.view,
            changed: BTreeSet::new(),
            told: bus.told,
            notifier: bus.notifier,
            desk: Desk::default(),
            refusals: Refusals::default(),
            lock: Lock { is_locked: self.is_locked },
            server: None,
            path: workers.path,
            lan: link.lan,
            mdns: self.mdns.0,
            bridges: self.bridges,
            manners: self.manners,
            places: self.places,
            listens: link.listens,
            dials: HashMap::new(),
            closing: HashSet::new(),
            media: MediaSide::default(),
            media_worker: workers.media,
            voice_worker: workers.voice,
            captions: Captions::new(workers.captions, self.room),
            talk: self.talk,
            prompts: self.prompts,
            phonemes: self.phonemes,
            window: RingWindow::default(),
            locks: BTreeMap::new(),
            recent: known.recent,
            missed: VecDeque::new(),
            waiters: HashMap::new(),
            next_command: 0,
            do_not_disturb_until: None,
            unseen: known.unseen,
            favourites: contacts::favourites(&known.contacts),
            apps: Apps::new(self.handles, self.waking),
            microphones: self.microphones,
            directories: Directories::new(self.folder),
            readers: Readers::default(),
            ringtones: Ringtones::default(),
            grants: self.grants,
            diallers: BTreeMap::new(),
            senders: Senders::default(),
            restart_wanted: false,
            inbox,
        }
    }
}

/// Starts everything. The tasks are to be stopped after the app has ended.
///
/// # Errors
/// [`StartError`]: what is wrong, and what to do.
pub async fn start(
    setup: Setup,
    token: CancellationToken,
) -> Result<(impl Future<Output = Ended>, Tasks), StartError> {
    let clock = Clock::start();
    let mut tasks = Tasks::new();
    let settings = read_settings(&setup.paths)?;
    let (front, requests, view) = front();
    let callers = Callers::new(places::names());
    // This name first: the other one says that all of it is there.
    let door = Closed::open(&front, &callers).await.map_err(bus_error)?;
    let (gate, objects) = dbus::serve(&front, &callers).await.map_err(bus_error)?;
    let searches = places::serve_search(&objects.connection).await.map_err(bus_error)?;
    let connection = gate.bus().clone();
    tasks.spawn("gate", |token| gate.run(token));
    let wish = Wish::from_word(&settings.text(Key::KEYS_STORE));
    let (keys, key_home) = KeyHome::open(connection.clone(), &setup.paths, wish, AT_START).await?;
    let (mut store, opened) = open_store(&setup.paths, &settings, clock)?;
    let mut known = know(&mut store, clock, opened)?;
    let (store, _thread) = StoreHandle::start(store).map_err(StartError::System)?;
    let both = (connection.clone(), objects.connection.clone());
    let places = Places::start(both, searches, &setup, &mut tasks);
    let mut bus = start_bus(connection.clone(), objects, door, front, place(&setup), &mut tasks);
    // Known before the first request is read.
    let is_locked = first_lock(&mut bus.locked).await;
    let (link, socket) = start_link(&settings, token.child_token()).await?;
    let workers = start_workers(&setup, socket, clock, &mut tasks);
    let mdns = start_mdns(&settings, link.bound.port(), &mut tasks);
    let handles = KnownHandles::new(&known.contacts);
    let microphones = Microphones::new(pipewire_socket_path(setup.variable));
    let waking = Waking::new(installed::directories(setup.variable, &setup.paths.data));
    let mut service = service(&settings, &keys, &mut known, &link);
    service.built_in().set_marks(handles.marks());
    let folder = Folder::new(setup.paths.directories());
    filter::fill(&mut service, clock.now(), &known.blocks, &folder);
    let room = room(&place(&setup), &mut tasks);
    let talk = talk((&setup, &settings), &known, is_locked, room.clone());
    let phonemes = phonemes(&talk, &mut tasks);
    let settings_events = watch_settings(&settings, &mut tasks);
    let system_bus = place(&setup).system_bus;
    let hardware = manners::hardware((setup.variable)("AHOY_HIDRAW"));
    let manners = Manners::start(
        &connection,
        (system_bus.clone(), setup.paths.light()),
        hardware,
        &mut tasks,
    );
    manners.set_keys(settings.flag(Key::SHORTCUTS));
    let bridges = bridges::start(&settings, system_bus, || CallId::random(&mut Kernel), &mut tasks);
    tracing::info!(listens = link.listens, "ahoyd is up");
    let parts = Parts {
        clock,
        settings,
        keys,
        key_home,
        store,
        known,
        requests,
        view,
        bus,
        link,
        workers,
        mdns,
        settings_events,
        bridges,
        manners,
        places,
        service,
        handles,
        waking,
        microphones,
        folder,
        grants: Grants::new(Permissions::new(connection), setup.paths.grants()),
        talk,
        room,
        prompts: voice(&setup, &mut tasks),
        phonemes,
        is_locked,
    };
    Ok((parts.into_app().run(token), tasks))
}

fn bus_error(error: zbus::Error) -> StartError {
    let text = if matches!(error, zbus::Error::NameTaken) {
        "another ahoyd serves this session: stop it first (systemctl --user stop ahoyd)".to_owned()
    } else {
        format!(
            "no session bus ({error}): start ahoyd inside a desktop session, or under \
             dbus-run-session"
        )
    };
    StartError::Bus(text)
}

fn own(keys: &Keys) -> Own {
    let identity = Identity::from_seed(&Secret(*keys.identity_seed.expose()));
    let device = Secret(*keys.device_secret.expose());
    // The list grows when devices can be linked; its number with it.
    let devices = identity.certify(1, vec![device.device_key()]);
    Own { identity, device, devices }
}
