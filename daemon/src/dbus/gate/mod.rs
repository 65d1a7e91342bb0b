//! The gate between the bus and the objects of `org.ahoycall.Calls1`.
//!
//! Owns: the connection that has the name, and what passes between it and the objects, which lie on
//! a connection inside the process. Does not own: what an object answers, or what a sandboxed
//! program may ask (`dialler`). Invariant: no message reaches an object, and no signal a program,
//! before it is known who that is (SECURITY.md, "A Flatpak app").
//!
//! Ordinary signals are broadcast, and a proxy with `--talk` lets broadcasts through. So they are
//! sent to each program of the host by itself while one is on the bus whose sandbox may let them
//! through, and are broadcast at all other times: whoever only listens misses nothing.

mod dialler;
mod hearers;
mod signal;

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::StreamExt as _;
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use zbus::{
    Connection, Message, MessageStream,
    connection::{Builder, socket::Channel},
    fdo,
    message::{Flags, Type},
    names::UniqueName,
};

use self::{
    dialler::Dialler,
    hearers::{Audience, Hearers},
};
use super::{
    NAME, ROOT,
    caller::{Caller, CallerError, Callers, Identified},
    error::Error,
};
use crate::{
    app::request::{Front, Request},
    bus,
};

/// Calls of one program that are not answered yet; common clients have a handful.
const AT_ONCE: usize = 256;
/// Calls of one program that wait until it is known who it is.
const WAITING: usize = 64;
/// A signal waits this long for whoever has just come; a look takes about a millisecond.
const LOOK: Duration = Duration::from_millis(250);
/// Marks how far the signals have come.
const MARK: &str = "org.ahoycall.Gate";

/// What both directions know.
struct Shared {
    bus: Connection,
    front: Front,
    callers: Callers,
    hearers: Mutex<Hearers>,
    /// Calls that wait for their answer, by who sent them.
    open: Mutex<HashMap<String, usize>>,
    /// Whether somebody is being looked at.
    looking: watch::Sender<bool>,
}

/// The gate, before it is opened.
pub struct Gate {
    shared: Arc<Shared>,
    /// The other end of the objects' connection.
    inside: Connection,
    from_bus: MessageStream,
    from_objects: MessageStream,
    passed: watch::Sender<u64>,
}

/// The objects' side of the gate.
pub struct Objects {
    /// Where they are served.
    pub connection: Connection,
    passed: watch::Receiver<u64>,
    marks: u64,
}

impl Objects {
    /// Waits until everything that was sent so far is on the bus.
    ///
    /// # Errors
    /// The gate is gone.
    pub async fn flush(&mut self) -> zbus::Result<()> {
        self.marks += 1;
        let mark = self.marks;
        self.connection.emit_signal(None::<&str>, ROOT, MARK, "Passed", &(mark,)).await?;
        // The gate ends with the daemon.
        let _ = self.passed.wait_for(|passed| *passed >= mark).await;
        Ok(())
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Gate {
    /// Connects to the bus; nothing passes yet, and no name is taken.
    ///
    /// # Errors
    /// The bus is not there.
    pub async fn new(front: &Front, callers: &Callers) -> zbus::Result<(Self, Objects)> {
        let bus = Builder::session().build().await?;
        let (outer, inner) = Channel::pair();
        let guid = zbus::Guid::generate();
        let inside = Builder::authenticated_socket(outer, guid.clone()).p2p().build().await?;
        let connection = Builder::authenticated_socket(inner, guid).p2p().build().await?;
        let (passed, watched) = watch::channel(0);
        let shared = Shared {
            bus: bus.clone(),
            front: front.clone(),
            callers: callers.clone(),
            hearers: Mutex::default(),
            open: Mutex::default(),
            looking: watch::Sender::new(false),
        };
        let from_objects = MessageStream::from(&inside);
        let gate = Self {
            shared: Arc::new(shared),
            from_bus: MessageStream::from(&bus),
            from_objects,
            inside,
            passed,
        };
        Ok((gate, Objects { connection, passed: watched, marks: 0 }))
    }

    /// The connection that has the name.
    pub fn bus(&self) -> &Connection {
        &self.shared.bus
    }

    /// Lets pass what may, until `token` is cancelled, or the bus has gone: then the service has nobody to
    /// serve, and ends. The two ways do not wait for each other: objects that answer must not wait for
    /// objects that are asked.
    pub async fn run(self, token: CancellationToken) {
        let Self { shared, inside, from_bus, from_objects, passed } = self;
        let incoming = Incoming::new(shared.clone(), inside);
        let outgoing = Outgoing { shared, passed, shown: signal::Shown::default() };
        tokio::select! {
            () = token.cancelled() => {}
            () = incoming.run(from_bus) => tracing::error!("the session bus has gone"),
            () = outgoing.run(from_objects) => token.cancelled().await,
        }
    }
}

impl Shared {
    async fn refuse(&self, message: &Message, error: Error) {
        if let Err(error) = self.bus.reply_dbus_error(&message.header(), error).await {
            tracing::debug!(%error, "nobody was told of a refusal");
        }
    }

    /// Counts a call until it is answered. False: this one has too many.
    fn opens(&self, name: &str) -> bool {
        let mut open = locked(&self.open);
        let count = open.entry(name.to_owned()).or_default();
        let room = *count < AT_ONCE;
        *count += usize::from(room);
        room
    }

    fn closes(&self, name: &str) {
        let mut open = locked(&self.open);
        if let Some(count) = open.get_mut(name) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                open.remove(name);
            }
        }
    }

    fn look_changed(&self) {
        let looking = locked(&self.hearers).is_looking();
        self.looking.send_if_modified(|before| std::mem::replace(before, looking) != looking);
    }
}

/// A look that has ended.
type Looked = (String, Result<Identified, CallerError>);

/// From the bus to the objects.
struct Incoming {
    shared: Arc<Shared>,
    inside: Connection,
    looks: JoinSet<Looked>,
    waiting: HashMap<String, VecDeque<Message>>,
    /// Who has dialled: the budget of one that goes is forgotten.
    dialled: HashSet<String>,
    diallers: Dialler,
}

impl Incoming {
    fn new(shared: Arc<Shared>, inside: Connection) -> Self {
        let (looks, waiting, dialled) = Default::default();
        let diallers = Dialler::new(shared.front.clone());
        Self { shared, inside, looks, waiting, dialled, diallers }
    }

    async fn run(mut self, mut messages: MessageStream) {
        let (names, mut named) = mpsc::channel(WAITING);
        let watching = watch_names(self.shared.bus.clone(), names);
        tokio::pin!(watching);
        let mut answers = JoinSet::new();
        loop {
            tokio::select! {
                result = &mut watching => {
                    if let Err(error) = result {
                        tracing::warn!(%error, "who is on the bus is not known: nobody hears of calls");
                    }
                    return;
                }
                Some((name, is_there)) = named.recv() => self.named(name, is_there).await,
                Some(Ok((name, found))) = self.looks.join_next() => {
                    self.looked(name, found, &mut answers).await;
                }
                Some(_) = answers.join_next() => {}
                message = messages.next() => match message {
                    Some(Ok(message)) if message.message_type() == Type::MethodCall => {
                        self.called(message, &mut answers).await;
                    }
                    Some(_) => {}
                    None => return,
                },
            }
        }
    }

    async fn named(&mut self, name: String, is_there: bool) {
        if is_there {
            self.look(name);
            return;
        }
        locked(&self.shared.hearers).gone(&name);
        self.shared.callers.forget(&name);
        locked(&self.shared.open).remove(&name);
        self.waiting.remove(&name);
        if self.dialled.remove(&name) {
            // Refused only at the end of everything.
            let _ = self.shared.front.requests.send(Request::DiallerGone(name)).await;
        }
        self.shared.look_changed();
    }

    /// Has somebody looked at who is not known.
    fn look(&mut self, name: String) {
        let own = self.shared.bus.unique_name().is_some_and(|own| own.as_str() == name);
        if own || !locked(&self.shared.hearers).came(&name) {
            return;
        }
        self.shared.look_changed();
        let shared = self.shared.clone();
        self.looks.spawn(async move {
            let found = match UniqueName::try_from(name.as_str()) {
                Ok(unique) => shared.callers.identify(&shared.bus, &unique).await,
                Err(error) => Err(CallerError::Bus(error.to_string())),
            };
            (name, found)
        });
    }

    async fn looked(
        &mut self,
        name: String,
        found: Result<Identified, CallerError>,
        answers: &mut JoinSet<()>,
    ) {
        locked(&self.shared.hearers).looked(&name, &found);
        self.shared.look_changed();
        let Some(waiting) = self.waiting.remove(&name) else { return };
        for message in waiting {
            match &found {
                Ok(found) => self.admit(&name, &found.caller, message, answers).await,
                Err(error) => {
                    let why = Error::NotAuthorized(error.to_string());
                    self.shared.refuse(&message, why).await;
                }
            }
        }
    }

    async fn called(&mut self, message: Message, answers: &mut JoinSet<()>) {
        // The bus names everybody who sends.
        let Some(name) = message.header().sender().map(ToString::to_string) else { return };
        // In the order in which they came, also while it is not known from whom.
        if let Some(waiting) = self.waiting.get_mut(&name) {
            if waiting.len() < WAITING {
                waiting.push_back(message);
            } else {
                self.shared.refuse(&message, too_many()).await;
            }
            return;
        }
        if let Some(known) = self.shared.callers.known(&name) {
            self.admit(&name, &known.caller, message, answers).await;
            return;
        }
        self.waiting.insert(name.clone(), VecDeque::from([message]));
        // One that could not be looked at is looked at again.
        locked(&self.shared.hearers).gone(&name);
        self.look(name);
    }

    /// Hands a message on, as far as its sender may send it.
    async fn admit(
        &mut self,
        name: &str,
        caller: &Caller,
        message: Message,
        answers: &mut JoinSet<()>,
    ) {
        if message.header().member().is_some_and(|member| *member == "StartCall") {
            self.dialled.insert(name.to_owned());
        }
        let app = match caller {
            Caller::Host => return self.pass(name, &message).await,
            Caller::Sandboxed(app) => app.clone(),
        };
        locked(&self.shared.hearers).spoke(name, &app);
        if self.diallers.passes(&app, name, &message) {
            return self.pass(name, &message).await;
        }
        if !self.shared.opens(name) {
            return self.shared.refuse(&message, too_many()).await;
        }
        let (shared, diallers, name) =
            (self.shared.clone(), self.diallers.clone(), name.to_owned());
        answers.spawn(async move {
            diallers.answer(&shared.bus, &app, &message).await;
            shared.closes(&name);
        });
    }

    async fn pass(&self, name: &str, message: &Message) {
        // What wants no answer is never told to have ended; the app's own queue bounds it.
        let unanswered = message.primary_header().flags().contains(Flags::NO_REPLY_EXPECTED);
        if !unanswered && !self.shared.opens(name) {
            return self.shared.refuse(message, too_many()).await;
        }
        if let Err(error) = self.inside.send(message).await {
            tracing::error!(%error, "the objects are gone");
        }
    }
}

fn too_many() -> Error {
    Error::LimitReached(format!("calls that wait for an answer, {AT_ONCE} of one program"))
}

/// Tells of every connection that there is, comes, or goes, with whether it is there.
async fn watch_names(bus: Connection, names: mpsc::Sender<(String, bool)>) -> zbus::Result<()> {
    let mut changes = MessageStream::for_match_rule(bus::owner_changes(None)?, &bus, None).await?;
    for name in fdo::DBusProxy::new(&bus).await?.list_names().await? {
        if name.starts_with(':') {
            // The receiver lives as long as this does.
            let _ = names.send((name.to_string(), true)).await;
        }
    }
    while let Some(change) = changes.next().await {
        let change = change.and_then(|change| change.body().deserialize());
        let Ok((name, _, owner)): Result<(String, String, String), _> = change else { continue };
        if name.starts_with(':') {
            let _ = names.send((name, !owner.is_empty())).await;
        }
    }
    Ok(())
}

/// From the objects to the bus.
struct Outgoing {
    shared: Arc<Shared>,
    passed: watch::Sender<u64>,
    shown: signal::Shown,
}

impl Outgoing {
    async fn run(mut self, mut messages: MessageStream) {
        while let Some(message) = messages.next().await {
            let Ok(message) = message else { return };
            let sent = match message.message_type() {
                Type::MethodReturn | Type::Error => {
                    if let Some(name) = message.header().destination() {
                        self.shared.closes(name.as_str());
                    }
                    self.shared.bus.send(&message).await
                }
                Type::Signal => self.signal(&message).await,
                // Objects ask nobody.
                Type::MethodCall => Ok(()),
            };
            if let Err(error) = sent {
                tracing::debug!(%error, "the bus did not take a message");
            }
        }
    }

    async fn signal(&mut self, message: &Message) -> zbus::Result<()> {
        let header = message.header();
        if header.interface().is_some_and(|name| *name == MARK) {
            let (mark,): (u64,) = message.body().deserialize()?;
            self.passed.send_replace(mark);
            return Ok(());
        }
        if header.destination().is_some() {
            return self.shared.bus.send(message).await;
        }
        let mut looking = self.shared.looking.subscribe();
        // Whoever is not known by then is not told.
        let _ = tokio::time::timeout(LOOK, looking.wait_for(|looking| !looking)).await;
        let app = self.shown.app(message, &self.shared.front.view.borrow());
        let audience = locked(&self.shared.hearers).audience(app.as_deref());
        match audience {
            Audience::All => self.shared.bus.send(message).await,
            Audience::These(names) => {
                for name in names {
                    self.shared.bus.send(&signal::copy_for(message, &name)?).await?;
                }
                Ok(())
            }
        }
    }
}

/// Takes the name; fails where another `ahoyd` has it.
///
/// # Errors
/// The name is taken.
pub(super) async fn take_name(bus: &Connection) -> zbus::Result<()> {
    let flags = fdo::RequestNameFlags::DO_NOT_QUEUE;
    bus.request_name_with_flags(NAME, flags).await.map(drop)
}
