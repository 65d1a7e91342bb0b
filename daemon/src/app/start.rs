//! Building the app: adapters in order, the core with what the store knows, and the loop's task.
//!
//! Owns: the order of starting and what a missing part costs. Does not own: anything after that.
//! Invariant: the bus name is taken before any port is opened or worker started, so that a second
//! daemon disturbs nothing.

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    io,
    net::SocketAddr,
    path::PathBuf,
    time::Duration,
};

use ahoy_core::{
    builtin::{BuiltIn, Own, Preferences},
    engine::Engine,
    id::{Entropy, Handle},
    media::{Devices, VideoSize},
    peer::Identity,
    service::Service,
    session::Secret,
    voice::History,
};
use tokio::{
    net::UdpSocket,
    sync::{mpsc, watch},
};
use tokio_util::sync::CancellationToken;

use super::{
    App, Clock, Ended, Inbox, contacts,
    convert::{invite_from_store, micros, peer_from_store, seen_from_store},
    desk::Desk,
    jobs::Jobs,
    keys::{AT_START, HomeError, KeyHome, Wish},
    lock::{Lock, first_lock, place},
    media::MediaSide,
    network::{bind_media, listen, listens, start_mdns},
    request::{Front, Request, Snapshot},
    requests::voice_wish,
    talk::Talk,
};
use crate::{
    app::{
        providers::{Apps, Known as KnownHandles},
        request::Door,
    },
    dbus::{
        self,
        caller::Callers,
        provider::{Closed, lost},
    },
    desktop::{
        notify::Notifier,
        session::{Place, SessionTask},
    },
    link::{
        lan::{Lan, LanEvent, Times},
        udp::{MediaPath, Packet, PathEvent, PathOrder, WorkerPort},
    },
    paths::Paths,
    settings::{Key, Settings, SettingsError},
    store::{
        Contact, HistoryFilter, Outcome, Store, StoreError, StoreHandle, StoreWarning, keys::Keys,
    },
    tasks::Tasks,
    worker::{
        self, Media, Protocol, RtpPacket, RtpQueue, Voice, Worker, WorkerConfig, WorkerHandle,
    },
};

/// Requests not yet taken: a controller past this waits in its own bus queue.
const REQUESTS: usize = 64;
/// Events on their way to the bus; the app waits when the bus is behind.
const TOLD: usize = 256;
const PATH_ORDERS: usize = 64;
const PATH_EVENTS: usize = 256;
const INNER: usize = 64;
/// A call on hold by nobody still says something every 120 s (the next epoch); twice that and more
/// means that nobody is there.
const SIGNALLING_IDLE: Duration = Duration::from_secs(300);

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
struct Kernel;

impl Entropy for Kernel {
    fn fill(&mut self, bytes: &mut [u8]) {
        if let Err(error) = getrandom::fill(bytes) {
            // Without it no key is safe: ending is the only right thing.
            tracing::error!(%error, "the kernel gives no random bytes");
            std::process::abort();
        }
    }
}

/// The media path's side of the worker's queues.
struct Queues {
    to_worker: RtpQueue,
    from_worker: RtpQueue,
}

impl WorkerPort for Queues {
    fn push(&mut self, packet: Packet) {
        let Packet { session, stream, bytes } = packet;
        self.to_worker.push(RtpPacket { session, stream, packet: bytes });
    }

    async fn next(&mut self) -> Packet {
        let RtpPacket { session, stream, packet } = self.from_worker.pop().await;
        Packet { session, stream, bytes: packet }
    }
}

/// What the store knows at the start.
struct Known {
    peers: Vec<ahoy_core::peer::PeerRecord>,
    invites: Vec<ahoy_core::peer::IssuedInvite>,
    seen: Vec<(ahoy_core::id::CallId, u64)>,
    contacts: Vec<Contact>,
    recent: History,
    unseen: u32,
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

fn know(store: &mut Store, clock: Clock) -> Result<Known, StoreError> {
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
    let recent = recent(store)?;
    let unseen = store.unseen()?;
    Ok(Known { peers, invites, seen, contacts, recent, unseen })
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
        ringing: String::new(),
    })
}

fn open_store(paths: &Paths, settings: &Settings, clock: Clock) -> Result<Store, StartError> {
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
    Ok(store)
}

fn worker<P: Protocol>(
    setup: &Setup,
    args: Vec<std::ffi::OsString>,
) -> (Worker<P>, WorkerHandle<P>) {
    let path = (setup.variable)("PATH");
    let program = worker::find_program(P::PROGRAM, setup.own_program.as_deref(), path.as_deref());
    let program = program.unwrap_or_else(|missing| {
        tracing::warn!(%missing, "a worker is missing");
        PathBuf::from(P::PROGRAM)
    });
    let pipewire = worker::pipewire_socket_path(setup.variable).unwrap_or_default();
    let config = WorkerConfig { program, args, pipewire, pipewire_sockets: 1 };
    Worker::new(config)
}

/// The bus and the notifications on it.
struct BusSide {
    told: mpsc::Sender<dbus::Told>,
    notifier: Notifier,
    notify: mpsc::Receiver<crate::desktop::notify::NotifyEvent>,
    locked: watch::Receiver<Option<bool>>,
}

fn start_bus(
    connection: zbus::Connection,
    apps: Closed,
    front: Front,
    place: Place,
    tasks: &mut Tasks,
) -> BusSide {
    let (told, events) = mpsc::channel(TOLD);
    let (session, locked) = SessionTask::new(connection.clone(), place);
    tasks.spawn("session lock", |token| session.run(token));
    for (door, on) in [(Door::Calls, &connection), (Door::Provider, &apps.connection)] {
        let (on, front) = (on.clone(), front.clone());
        tasks.spawn("apps that end", move |token| async move {
            if let Err(error) = lost::watch(on, door, front, token).await {
                tracing::warn!(%error, "apps that end are not noticed");
            }
        });
    }
    let shown = dbus::Shown::new(connection.clone(), apps.connection.clone(), front);
    tasks.spawn("apps", |token| apps.run(token));
    tasks.spawn("bus", |token| shown.run(events, token));
    let (notifier, notify, task) = Notifier::new(connection);
    tasks.spawn("notifications", |token| async move {
        if let Err(error) = task.run(token).await {
            tracing::warn!(%error, "no notifications");
        }
    });
    BusSide { told, notifier, notify, locked }
}

/// The workers and the media path between one of them and the network.
struct WorkerSide {
    media: WorkerHandle<Media>,
    voice: WorkerHandle<Voice>,
    path: mpsc::Sender<PathOrder>,
    path_events: mpsc::Receiver<PathEvent>,
}

fn start_workers(setup: &Setup, socket: UdpSocket, clock: Clock, tasks: &mut Tasks) -> WorkerSide {
    let (media_worker, media) = worker::<Media>(setup, Vec::new());
    tasks.spawn("media worker", |token| media_worker.run(token));
    let (voice_worker, voice) = worker::<Voice>(setup, voice_arguments(&setup.paths.models()));
    tasks.spawn("voice worker", |token| voice_worker.run(token));
    let (path, orders) = mpsc::channel(PATH_ORDERS);
    let (events, path_events) = mpsc::channel(PATH_EVENTS);
    let (to_worker, from_worker) = (media.to_worker.clone(), media.from_worker.clone());
    let media_path = MediaPath::new(socket, Queues { to_worker, from_worker }, events);
    tasks.spawn("media path", |token| media_path.run(orders, move || clock.now(), token));
    WorkerSide { media, voice, path, path_events }
}

/// Signalling and the socket of media, bound.
struct LinkSide {
    lan: Lan,
    lan_events: mpsc::Receiver<LanEvent>,
    bound: SocketAddr,
    socket: UdpSocket,
    media_port: u16,
}

async fn start_link(settings: &Settings, token: CancellationToken) -> Result<LinkSide, StartError> {
    let times = Times { idle: SIGNALLING_IDLE, ..Times::default() };
    let (lan, lan_events) = Lan::new(times, token);
    let bound = listen(&lan, settings.listen()).await?;
    let socket = bind_media(bound).await?;
    let media_port = socket.local_addr().map_err(StartError::System)?.port();
    Ok(LinkSide { lan, lan_events, bound, socket, media_port })
}

/// The core, with what the store knows.
fn service(
    settings: &Settings,
    keys: &Keys,
    known: &mut Known,
    ports: (SocketAddr, u16),
) -> Service {
    let preferences = Preferences {
        name: own_name(settings),
        devices: devices(settings),
        frame_ms: 10,
        accept: VideoSize::P720,
        listens: listens(ports.0),
        media_port: ports.1,
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
    service.set_ring_time(ring_time(settings));
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

fn talk(setup: &Setup, settings: &Settings, known: &Known, is_locked: bool) -> Talk {
    let mut talk = Talk::new(voice_wish(settings), setup.paths.models());
    talk.set_book(contacts::people(&known.contacts));
    talk.set_locked(is_locked);
    talk
}

/// The bus's way to the app, and the app's ends of it.
fn front() -> (Front, mpsc::Receiver<Request>, watch::Sender<Snapshot>) {
    let (requests_in, requests) = mpsc::channel(REQUESTS);
    let (view, viewed) = watch::channel(Snapshot { state: "idle", ..Snapshot::default() });
    (Front { requests: requests_in, view: viewed }, requests, view)
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
    let callers = Callers::default();
    // This name first: the other one says that all of it is there.
    let door = Closed::open(&front, &callers).await.map_err(bus_error)?;
    let connection = dbus::serve(&front, &callers).await.map_err(bus_error)?;
    let wish = Wish::from_word(&settings.text(Key::KEYS_STORE));
    let (keys, key_home) = KeyHome::open(connection.clone(), &setup.paths, wish, AT_START).await?;
    let mut store = open_store(&setup.paths, &settings, clock)?;
    let mut known = know(&mut store, clock)?;
    let (store, _thread) = StoreHandle::start(store).map_err(StartError::System)?;
    let mut bus = start_bus(connection, door, front, place(&setup), &mut tasks);
    // Known before the first request is read.
    let is_locked = first_lock(&mut bus.locked).await;
    let LinkSide { lan, lan_events, bound, socket, media_port } =
        start_link(&settings, token.child_token()).await?;
    let workers = start_workers(&setup, socket, clock, &mut tasks);
    let (mdns, mdns_events) = start_mdns(&settings, bound.port(), &mut tasks);
    let handles = KnownHandles::new(&known.contacts);
    let mut service = service(&settings, &keys, &mut known, (bound, media_port));
    service.built_in().set_marks(handles.marks());
    let talk = talk(&setup, &settings, &known, is_locked);
    let (inner, inner_events) = mpsc::channel(INNER);
    let settings_events = watch_settings(&settings, &mut tasks);
    tracing::info!(port = bound.port(), media_port, "ahoyd is up");
    let inbox = Inbox {
        requests,
        lan: lan_events,
        mdns: mdns_events,
        path: workers.path_events,
        notify: bus.notify,
        inner: inner_events,
        settings: settings_events,
        locked: Some(bus.locked),
    };
    let app = App {
        clock,
        service,
        settings,
        store,
        jobs: Jobs::start().0,
        inner,
        keys,
        key_home,
        view,
        told: bus.told,
        notifier: bus.notifier,
        desk: Desk::default(),
        lock: Lock { is_locked },
        server: None,
        path: workers.path,
        lan,
        mdns,
        listens: format!("TCP port {} and UDP port {media_port}", bound.port()),
        dials: HashMap::new(),
        closing: HashSet::new(),
        media: MediaSide::default(),
        media_worker: workers.media,
        voice_worker: workers.voice,
        talk,
        locks: BTreeMap::new(),
        recent: known.recent,
        missed: VecDeque::new(),
        waiters: HashMap::new(),
        next_command: 0,
        do_not_disturb_until: None,
        unseen: known.unseen,
        favourites: contacts::favourites(&known.contacts),
        apps: Apps::new(handles),
        restart_wanted: false,
        inbox,
    };
    Ok((app.run(token), tasks))
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

fn voice_arguments(models: &std::path::Path) -> Vec<std::ffi::OsString> {
    let system = "/usr/share/pocketsphinx/model";
    ["--models".into(), models.into(), "--models".into(), system.into()].into()
}

fn own(keys: &Keys) -> Own {
    let identity = Identity::from_seed(&Secret(*keys.identity_seed.expose()));
    let device = Secret(*keys.device_secret.expose());
    // The list grows when devices can be linked; its number with it.
    let devices = identity.certify(1, vec![device.device_key()]);
    Own { identity, device, devices }
}

/// Tells the app when the config file was written by somebody else.
fn watch_settings(settings: &Settings, tasks: &mut Tasks) -> mpsc::Receiver<()> {
    let (tell, inbox) = mpsc::channel(1);
    match settings.watch() {
        Ok(mut watch) => tasks.spawn("settings", |token| async move {
            loop {
                tokio::select! {
                    () = token.cancelled() => return,
                    changed = watch.changed() => {
                        if changed.is_err() || tell.send(()).await.is_err() {
                            return token.cancelled().await;
                        }
                    }
                }
            }
        }),
        Err(error) => {
            tracing::warn!(%error, "the config file is read at the start only");
            tasks.spawn("settings", |token| async move {
                token.cancelled().await;
                drop(tell);
            });
        }
    }
    inbox
}
