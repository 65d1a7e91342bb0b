//! The sides of the app: bus, workers, network, config file. Each is started here.
//!
//! Owns: which tasks each of them has, and the sizes of their queues. Does not own: their order
//! (the parent). Invariant: a part that is missing is named once and costs what it alone does.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use tokio::{
    net::UdpSocket,
    sync::{mpsc, watch},
};
use tokio_util::sync::CancellationToken;

use super::{Setup, StartError};
use crate::{
    app::{
        Clock,
        network::{bind_media, listen},
        request::{Door, Front},
    },
    dbus::{
        self,
        provider::{Closed, lost},
    },
    desktop::{
        notify::{Notifier, NotifyEvent},
        session::{Place, SessionTask},
    },
    link::{
        lan::{Lan, LanEvent, Times},
        udp::{MediaPath, Packet, PathEvent, PathOrder, WorkerPort},
    },
    settings::Settings,
    tasks::Tasks,
    worker::{
        self, Media, Protocol, RtpPacket, RtpQueue, Voice, Worker, WorkerConfig, WorkerHandle,
    },
};

/// Events on their way to the bus; the app waits when the bus is behind.
const TOLD: usize = 256;
const PATH_ORDERS: usize = 64;
const PATH_EVENTS: usize = 256;
/// A call on hold by nobody still says something every 120 s (the next epoch); twice that and more
/// means that nobody is there.
const SIGNALLING_IDLE: Duration = Duration::from_secs(300);

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
pub(super) struct BusSide {
    pub(super) told: mpsc::Sender<dbus::Told>,
    pub(super) notifier: Notifier,
    pub(super) notify: mpsc::Receiver<NotifyEvent>,
    pub(super) locked: watch::Receiver<Option<bool>>,
}

pub(super) fn start_bus(
    connection: zbus::Connection,
    objects: dbus::Objects,
    apps: Closed,
    front: Front,
    place: Place,
    tasks: &mut Tasks,
) -> BusSide {
    let (told, events) = mpsc::channel(TOLD);
    let (session, locked) = SessionTask::new(connection.clone(), place);
    tasks.spawn("session lock", |token| session.run(token));
    for (door, on) in [(Door::Calls, &connection), (Door::Provider, apps.connection())] {
        let (on, front) = (on.clone(), front.clone());
        tasks.spawn("apps that end", move |token| async move {
            if let Err(error) = lost::watch(on, door, front, token).await {
                tracing::warn!(%error, "apps that end are not noticed");
            }
        });
    }
    let shown = dbus::Shown::new((connection.clone(), apps.connection().clone()), objects, front);
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
pub(super) struct WorkerSide {
    pub(super) media: WorkerHandle<Media>,
    pub(super) voice: WorkerHandle<Voice>,
    pub(super) captions: WorkerHandle<Voice>,
    pub(super) path: mpsc::Sender<PathOrder>,
    pub(super) path_events: mpsc::Receiver<PathEvent>,
}

pub(super) fn start_workers(
    setup: &Setup,
    socket: UdpSocket,
    clock: Clock,
    tasks: &mut Tasks,
) -> WorkerSide {
    let (media_worker, media) = worker::<Media>(setup, Vec::new());
    tasks.spawn("media worker", |token| media_worker.run(token));
    let (voice_worker, voice) = worker::<Voice>(setup, voice_arguments(&setup.paths.models()));
    tasks.spawn("voice worker", |token| voice_worker.run(token));
    let (captions_worker, captions) =
        worker::<Voice>(setup, voice_arguments(&setup.paths.models()));
    tasks.spawn("captions worker", |token| captions_worker.run(token));
    let (path, orders) = mpsc::channel(PATH_ORDERS);
    let (events, path_events) = mpsc::channel(PATH_EVENTS);
    let (to_worker, from_worker) = (media.to_worker.clone(), media.from_worker.clone());
    let media_path = MediaPath::new(socket, Queues { to_worker, from_worker }, events);
    tasks.spawn("media path", |token| media_path.run(orders, move || clock.now(), token));
    WorkerSide { media, voice, captions, path, path_events }
}

fn voice_arguments(models: &std::path::Path) -> Vec<std::ffi::OsString> {
    let system = "/usr/share/pocketsphinx/model";
    ["--models".into(), models.into(), "--models".into(), system.into()].into()
}

/// Signalling, and where media are bound.
pub(super) struct LinkSide {
    pub(super) lan: Lan,
    pub(super) lan_events: mpsc::Receiver<LanEvent>,
    pub(super) bound: SocketAddr,
    pub(super) media_port: u16,
    /// Both, for `doctor`.
    pub(super) listens: String,
}

pub(super) async fn start_link(
    settings: &Settings,
    token: CancellationToken,
) -> Result<(LinkSide, UdpSocket), StartError> {
    let times = Times { idle: SIGNALLING_IDLE, ..Times::default() };
    let (lan, lan_events) = Lan::new(times, token);
    let bound = listen(&lan, settings.listen()).await?;
    let socket = bind_media(bound).await?;
    let media_port = socket.local_addr().map_err(StartError::System)?.port();
    let listens = format!("TCP port {} and UDP port {media_port}", bound.port());
    Ok((LinkSide { lan, lan_events, bound, media_port, listens }, socket))
}

/// Tells the app when the config file was written by somebody else.
pub(super) fn watch_settings(settings: &Settings, tasks: &mut Tasks) -> mpsc::Receiver<()> {
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
