//! The one task that owns the calls: select an input, handle it, drain what follows, dispatch.
//!
//! Owns: the core's [`Service`], the adapters' handles, and who learns of what in which order:
//! transmit, then the bus, then notifications, then the ringer. Does not own: rules about calls
//! (core) or any socket, file or process (adapters). Invariant: after each input everything that
//! is shown anywhere is derived from the engine's state again.

mod bridges;
mod callee;
mod captions;
mod clock;
mod contacts;
mod convert;
mod desk;
mod dispatch;
mod doctor;
mod ears;
mod filter;
mod grants;
mod identity;
mod jobs;
mod keys;
mod lock;
mod log;
mod manners;
mod media;
mod microphones;
mod network;
mod places;
mod prompts;
mod providers;
mod readers;
mod recognisers;
mod refusals;
pub mod request;
mod requests;
mod ring_window;
mod ringtones;
mod search;
mod start;
mod talk;
mod teach;
mod tray;
mod voice;
mod waking;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
    time::Duration,
};

use ahoy_core::{
    builtin::{ConnId, DialId},
    engine::{CommandId, Reply},
    id::{CallId, Handle, Now, ProviderId},
    provider::Capability,
    service::Service,
    voice::{History, Other, RingWindow, Situation},
};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

pub use clock::Clock;
pub use keys::HomeError;
pub use start::{Setup, StartError, start};

use crate::{
    app::{
        captions::Captions,
        desk::Desk,
        filter::{Added, Directories},
        grants::{Grants, Senders},
        jobs::Jobs,
        keys::KeyHome,
        lock::Lock,
        manners::{Manners, Press},
        media::MediaSide,
        microphones::Microphones,
        places::{Asked, Places},
        prompts::Prompts,
        providers::Apps,
        readers::Readers,
        refusals::Refusals,
        request::{Answer, Caller, Event, Fault, Request, Snapshot},
        ringtones::Ringtones,
        talk::Talk,
    },
    desktop::{
        notify::{Notifier, NotifyEvent, Server},
        phonemes::{Guesses, Phonemes},
    },
    link::{
        lan::{ConnectionId, Lan, LanEvent},
        mdns::{Mdns, MdnsEvent},
        udp::{PathEvent, PathOrder},
    },
    settings::Settings,
    store::{Contact, DirectoryError, StoreHandle, keys::Keys},
    worker::{Media, Voice, WorkerEvent, WorkerHandle},
};

/// How long ending may take: the other side hears of it within a second.
const GOODBYE: Duration = Duration::from_millis(700);
/// Missed calls whose "call back" still works.
const MISSED: usize = 100;

/// A missed call that can be called back.
#[derive(Clone)]
struct Missed {
    call: CallId,
    /// Its row in the log, once it is written.
    row: String,
    provider: ProviderId,
    handle: Handle,
    name: String,
    video: bool,
}

/// Who waits for a command.
enum Waiter {
    /// A started call's id, and who started it.
    Start(Answer<CallId>, Caller),
    /// Any other command.
    Command(Answer<Reply>),
    /// A click or a voice: a refusal is shown, not returned.
    Desktop,
    /// A voice that is told by this prompt when it is done.
    Voice(&'static str),
}

/// What a job tells the app.
enum Inner {
    /// The address book changed: all of it, and which contacts.
    Book(Vec<Contact>, Vec<String>),
    /// The log changed: added, changed, removed; missed calls not looked at.
    Log(Vec<String>, Vec<String>, Vec<String>, u32),
    /// The call's missed row has this id.
    MissedRow(CallId, String),
    /// Cards were read, and who waits for their import.
    Cards(std::io::Result<String>, Answer<BTreeMap<String, u32>>),
    /// A directory of callers was read, and who waits for it.
    Directory(Result<Added, DirectoryError>, Answer<()>),
    /// Whether the user lets this app dial, where that is known.
    Granted(String, Option<bool>),
}

/// What comes in.
struct Inbox {
    requests: mpsc::Receiver<Request>,
    lan: mpsc::Receiver<LanEvent>,
    mdns: Option<mpsc::Receiver<MdnsEvent>>,
    path: mpsc::Receiver<PathEvent>,
    notify: mpsc::Receiver<NotifyEvent>,
    inner: mpsc::Receiver<Inner>,
    settings: mpsc::Receiver<()>,
    /// `None` once nobody follows the lock any more.
    locked: Option<watch::Receiver<Option<bool>>>,
}

/// The app.
pub struct App {
    clock: Clock,
    service: Service,
    settings: Settings,
    store: StoreHandle,
    jobs: Jobs,
    inner: mpsc::Sender<Inner>,
    keys: Keys,
    key_home: KeyHome,
    view: watch::Sender<Snapshot>,
    /// Calls that differ from what the snapshot has of them.
    changed: BTreeSet<CallId>,
    told: mpsc::Sender<crate::dbus::Told>,
    notifier: Notifier,
    desk: Desk,
    refusals: Refusals,
    manners: Manners,
    places: Places,
    lock: Lock,
    server: Option<Server>,
    path: mpsc::Sender<PathOrder>,
    lan: Lan,
    mdns: Option<(Mdns, u16)>,
    /// To the bridges: which of them the user wants.
    bridges: watch::Sender<crate::bridge::Wish>,
    /// Where signalling listens, for `doctor`.
    listens: String,
    dials: HashMap<ConnectionId, DialId>,
    /// Closed by us, with frames that may still be on their way out.
    closing: HashSet<ConnectionId>,
    media: MediaSide,
    microphones: Microphones,
    media_worker: WorkerHandle<Media>,
    voice_worker: WorkerHandle<Voice>,
    captions: Captions,
    talk: Talk,
    prompts: Prompts,
    phonemes: Phonemes,
    window: RingWindow,
    /// How each worker is locked in, and what its lock lacks; once it has run.
    locks: BTreeMap<&'static str, (String, String)>,
    recent: History,
    missed: VecDeque<Missed>,
    waiters: HashMap<CommandId, Waiter>,
    next_command: u64,
    do_not_disturb_until: Option<u64>,
    unseen: u32,
    favourites: Vec<String>,
    apps: Apps,
    directories: Directories,
    readers: Readers,
    ringtones: Ringtones,
    grants: Grants,
    /// The sandboxed app behind each call that one dialled.
    diallers: BTreeMap<CallId, String>,
    senders: Senders,
    restart_wanted: bool,
    inbox: Inbox,
}

/// Why the app ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was told to.
    Asked,
    /// Keys were restored: the service must start afresh with them.
    Restart,
}

/// One thing that happened.
enum Input {
    Request(Option<Request>),
    Lan(Option<LanEvent>),
    Mdns(Option<MdnsEvent>),
    Path(Option<PathEvent>),
    Notify(Option<NotifyEvent>),
    Media(Option<WorkerEvent<Media>>),
    Voice(Option<WorkerEvent<Voice>>),
    Captions(Option<WorkerEvent<Voice>>),
    Spoken(u64),
    Press(Press),
    Asked(Asked),
    Guessed(Option<Guesses>),
    Inner(Option<Inner>),
    Settings(Option<()>),
    Locked(Option<bool>),
    Time,
    End,
}

/// Reads a channel that may be missing or closed: then never.
async fn maybe<T>(channel: &mut Option<mpsc::Receiver<T>>) -> Option<T> {
    match channel {
        Some(channel) => channel.recv().await,
        None => std::future::pending().await,
    }
}

/// What the lock has become; never once nobody follows it.
async fn lock_changed(locked: &mut Option<watch::Receiver<Option<bool>>>) -> Option<bool> {
    match locked {
        Some(watch) => match watch.changed().await {
            Ok(()) => Some(watch.borrow_and_update().unwrap_or_default()),
            Err(_) => None,
        },
        None => std::future::pending().await,
    }
}

impl App {
    /// Runs until `token` is cancelled, then ends every call and says goodbye.
    pub async fn run(mut self, token: CancellationToken) -> Ended {
        self.settle().await;
        loop {
            let input = self.next(&token).await;
            if matches!(input, Input::End | Input::Request(None)) {
                break;
            }
            self.handle(input).await;
            self.settle().await;
            self.answer_late();
            if self.go_on(self.clock.now()).await {
                self.settle().await;
            }
            if self.restart_wanted {
                break;
            }
        }
        self.say_goodbye().await;
        if self.restart_wanted { Ended::Restart } else { Ended::Asked }
    }

    async fn next(&mut self, token: &CancellationToken) -> Input {
        let deadline = self.deadline().map(|at| self.clock.at(at));
        let wake = async {
            match deadline {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        let inbox = &mut self.inbox;
        tokio::select! {
            () = token.cancelled() => Input::End,
            event = inbox.lan.recv() => Input::Lan(event),
            event = inbox.path.recv() => Input::Path(event),
            event = self.media_worker.events.recv() => Input::Media(event),
            event = inbox.notify.recv() => Input::Notify(event),
            request = inbox.requests.recv() => Input::Request(request),
            event = self.voice_worker.events.recv() => Input::Voice(event),
            event = self.captions.worker.events.recv() => Input::Captions(event),
            id = self.prompts.over() => Input::Spoken(id),
            press = self.manners.pressed() => Input::Press(press),
            asked = self.places.asked() => Input::Asked(asked),
            guesses = self.phonemes.found.recv() => Input::Guessed(guesses),
            event = inbox.inner.recv() => Input::Inner(event),
            event = maybe(&mut inbox.mdns) => Input::Mdns(event),
            event = inbox.settings.recv() => Input::Settings(event),
            locked = lock_changed(&mut inbox.locked) => Input::Locked(locked),
            () = wake => Input::Time,
        }
    }

    fn deadline(&self) -> Option<Duration> {
        // The hour's tags change even when nothing else happens.
        let hourly = self.clock.now().mono + Duration::from_secs(300);
        [
            self.service.next_timeout(),
            self.talk.next_timeout(),
            self.prompts.next_timeout(),
            self.window.next_timeout(),
            self.captions.next_timeout(),
            self.manners.next_timeout(),
            self.media.next_timeout(),
            self.apps.waking.next_timeout(),
            self.grants.next_timeout(),
            Some(hourly),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    async fn handle(&mut self, input: Input) {
        let now = self.clock.now();
        self.feed_filter(now);
        self.feed_policy(now);
        match input {
            Input::Request(Some(request)) => self.request(now, request).await,
            Input::Lan(Some(event)) => self.lan_event(now, event),
            Input::Mdns(Some(event)) => self.mdns_event(now, event),
            Input::Path(Some(event)) => self.path_event(now, event),
            Input::Notify(Some(event)) => self.notify_event(now, event).await,
            Input::Media(Some(event)) => self.media_event(event).await,
            Input::Voice(Some(event)) => self.voice_event(now, event).await,
            Input::Captions(Some(event)) => self.captions_event(now, event).await,
            Input::Press(press) => self.pressed(now, press).await,
            Input::Asked(asked) => self.asked(now, asked).await,
            Input::Spoken(id) => self.spoken(now, id).await,
            Input::Guessed(Some(guesses)) => self.talk.set_guessed(guesses),
            Input::Inner(Some(inner)) => self.inner_event(now, inner).await,
            Input::Settings(Some(())) => self.settings_changed().await,
            Input::Locked(Some(locked)) => self.lock_changed(now, locked).await,
            Input::Locked(None) => self.inbox.locked = None,
            Input::Time => self.time(now).await,
            Input::Mdns(None) => self.inbox.mdns = None,
            // Adapters live as long as the app; one that is gone has said why in the log.
            Input::Lan(None)
            | Input::Path(None)
            | Input::Notify(None)
            | Input::Media(None)
            | Input::Voice(None)
            | Input::Captions(None)
            | Input::Guessed(None)
            | Input::Inner(None)
            | Input::Settings(None)
            | Input::Request(None)
            | Input::End => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }

    async fn time(&mut self, now: Now) {
        self.service.handle_timeout(now);
        if self.do_not_disturb_until.is_some_and(|until| until <= now.unix_us) {
            self.do_not_disturb_until = None;
            self.write_setting("do-not-disturb", "off").await;
        }
        self.waking_timeout(now).await;
        self.give_up_asking(now);
        self.speech_timeout(now).await;
        let effects = self.talk.timeout(now);
        self.voice_effects(now, effects).await;
    }

    fn lan_event(&mut self, now: Now, event: LanEvent) {
        let built_in = self.service.built_in();
        match event {
            LanEvent::Opened { id, local, address, incoming } => {
                let ends = ahoy_core::builtin::Ends { local, remote: address };
                let conn = ConnId(id.0);
                match self.dials.remove(&id) {
                    Some(dial) if !incoming => {
                        built_in.handle_dialed(now, dial, Some((conn, ends)));
                    }
                    Some(_) | None => built_in.handle_opened(conn, ends),
                }
            }
            LanEvent::Frame { id, bytes } => built_in.handle_frame(now, ConnId(id.0), &bytes),
            LanEvent::Closed { id, why } => {
                tracing::debug!(connection = id.0, %why, "signalling closed");
                self.closing.remove(&id);
                match self.dials.remove(&id) {
                    Some(dial) => built_in.handle_dialed(now, dial, None),
                    None => built_in.handle_closed(now, ConnId(id.0)),
                }
            }
        }
    }

    fn mdns_event(&mut self, now: Now, event: MdnsEvent) {
        match event {
            MdnsEvent::Found { tags, addresses, .. } => {
                let sighting = ahoy_core::builtin::Sighting { tags, addresses };
                self.service.built_in().handle_sighting(now, &sighting);
            }
            // Addresses are tried when they are needed; one that is gone costs a failed dial.
            MdnsEvent::Lost { .. } => {}
        }
    }

    fn path_event(&mut self, now: Now, event: PathEvent) {
        match event {
            PathEvent::Heard(call) => self.service.built_in().handle_heard(now, call),
            PathEvent::Bye(call) => self.service.built_in().handle_bye(call),
            PathEvent::RekeyDue(call) => self.service.built_in().handle_rekey_due(call),
            PathEvent::RoundTrip(call, time) => {
                self.service.built_in().handle_round_trip(call, time);
            }
            PathEvent::KeyFrameWanted(session) => {
                let command = ahoy_core::media::MediaCommand::ForceKeyFrame { session };
                self.media.command(command);
            }
        }
    }

    /// The situation that a voice command is heard in.
    fn situation(&self) -> Situation {
        match self.service.engine().summary() {
            "ringing" => Situation::Ringing,
            "in-call" => Situation::InCall,
            _ => Situation::Idle,
        }
    }

    /// What the assistant knows of the log and of the call that there is.
    fn known(&self) -> History {
        let engine = self.service.engine();
        let call = match engine.summary() {
            "ringing" => engine.ringing(),
            "in-call" => engine.active(),
            _ => None,
        };
        let other = call.map(|call| Other {
            contact: call.party().contact.clone(),
            name: call.party().name.clone(),
            can_read: call.capabilities().contains(&Capability::Text),
        });
        History { other, ..self.recent.clone() }
    }

    /// Tells an event; the bus's order is the order of these calls.
    async fn tell(&self, event: Event) {
        // The bus task ends after the app.
        let _ = self.told.send((event, None)).await;
    }

    fn command_id(&mut self, waiter: Waiter) -> CommandId {
        self.next_command += 1;
        let id = CommandId(self.next_command);
        self.waiters.insert(id, waiter);
        id
    }

    /// Ends every call and lets the other sides hear of it.
    async fn say_goodbye(&mut self) {
        let now = self.clock.now();
        let calls = self.service.engine().calls().any(|call| !call.state().is_ended());
        let id = self.command_id(Waiter::Desktop);
        self.service.handle_command(now, id, ahoy_core::engine::Command::EndAll);
        self.settle().await;
        self.media_worker.set_wanted(false);
        self.voice_worker.set_wanted(false);
        self.captions.worker.set_wanted(false);
        if calls {
            // Frames go out in the adapter's own tasks; a peer that does not read must not hold us.
            let _ = tokio::time::timeout(GOODBYE, self.flushed()).await;
        }
        let (done, written) = tokio::sync::oneshot::channel();
        self.jobs
            .add(async move {
                let _ = done.send(());
            })
            .await;
        let _ = tokio::time::timeout(GOODBYE, written).await;
    }
}

impl App {
    /// Waits until every connection that we closed has sent what was queued on it.
    async fn flushed(&mut self) {
        while !self.closing.is_empty() {
            match self.inbox.lan.recv().await {
                Some(LanEvent::Closed { id, .. }) => {
                    self.closing.remove(&id);
                }
                Some(LanEvent::Opened { .. } | LanEvent::Frame { .. }) => {}
                None => return,
            }
        }
    }
}

/// A fault of the store, in words for the caller.
fn store_fault(error: &crate::store::StoreError) -> Fault {
    use crate::store::StoreError;
    let kind = match error {
        StoreError::UnknownContact => request::FaultKind::UnknownContact,
        StoreError::Conflict(_) => request::FaultKind::InvalidArgument,
        StoreError::Full
        | StoreError::Corrupt(_)
        | StoreError::Newer { .. }
        | StoreError::Busy
        | StoreError::Io { .. }
        | StoreError::Stopped
        | StoreError::Database(_)
        | StoreError::Random(_) => request::FaultKind::InvalidState,
    };
    Fault::new(kind, error.to_string())
}
