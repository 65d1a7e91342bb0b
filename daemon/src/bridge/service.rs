//! A telephone program on a bus: waiting for it, hearing its signals, asking it.
//!
//! Owns: the connection and the order of things: first listen, then look, so that nothing falls in
//! between. Does not own: the words of any program (`modem`, `ofono`, `phone`). Invariant: a program
//! is only ever spoken to by the unique name that it has now, so none is started by us.

use std::{collections::VecDeque, num::NonZeroUsize, sync::Arc, time::Duration};

use futures_util::StreamExt as _;
use tokio::{task::JoinSet, time::Instant};
use tracing::debug;
use zbus::{Connection, MatchRule, Message, MessageStream, connection::Builder, message::Type};

use super::{
    cell::{Cell, Command, Event, Kind, Path, Ticket, What},
    world::{Link, Way},
};
use crate::bus::{Remote, owner, owner_changes, system, words};

/// A bus that is not there may come: a system bus that is started late, or again.
const RETRY: Duration = Duration::from_secs(30);
/// Signals not yet looked at. Past it the bus keeps them, and questions take their whole limit.
const SIGNALS: Option<NonZeroUsize> = NonZeroUsize::new(1024);

/// A program, by the name that it has now.
#[derive(Clone)]
pub(super) struct Program {
    bus: Connection,
    name: String,
}

impl Program {
    /// One of its interfaces.
    pub(super) fn at<'a>(&'a self, path: &'a str, interface: &'a str) -> Remote<'a> {
        Remote::new(&self.bus, &self.name, path, interface)
    }
}

/// Where telephone programs are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Bus {
    /// The person's own.
    Session,
    /// The machine's; `None`: at the usual address.
    System(Option<String>),
}

/// The words of one program.
pub(super) trait Dialect: Send + Sync + 'static {
    /// What kind of telephone it has.
    const KIND: &'static Kind;

    /// Everything that is there.
    fn look(&self, program: &Program) -> impl Future<Output = Vec<Event>> + Send;

    /// What a signal says; may ask back. Asked again where the answer was not waited for.
    fn hear(&self, program: &Program, signal: &Message) -> impl Future<Output = Vec<Event>> + Send;

    /// Carries a command out; gives the call that it made.
    fn carry_out(
        &self,
        program: &Program,
        what: What,
    ) -> impl Future<Output = zbus::Result<Option<Path>>> + Send;
}

/// The way to a program.
pub(super) struct ServiceWay<D> {
    place: Bus,
    /// Its well-known name.
    name: &'static str,
    dialect: Arc<D>,
    bus: Option<Connection>,
    next_try: Instant,
}

impl<D: Dialect> ServiceWay<D> {
    pub(super) fn new(place: Bus, name: &'static str, dialect: D) -> Self {
        let dialect = Arc::new(dialect);
        Self { place, name, dialect, bus: None, next_try: Instant::now() }
    }

    async fn connect(&self) -> zbus::Result<Connection> {
        match &self.place {
            Bus::Session => Builder::session().build().await,
            Bus::System(address) => system(address.as_deref()).await,
        }
    }

    /// Waits for an owner of the name; `None`: the bus is lost.
    async fn wait(&self, bus: &Connection) -> zbus::Result<Option<ServiceLink<D>>> {
        let changes = MessageStream::for_match_rule(owner_changes(Some(self.name))?, bus, None);
        let mut changes = changes.await?;
        loop {
            if let Some(name) = owner(bus, self.name).await {
                let program = Program { bus: bus.clone(), name };
                return ServiceLink::open(program, self.dialect.clone(), changes).await.map(Some);
            }
            if changes.next().await.is_none() {
                return Ok(None);
            }
        }
    }
}

impl<D: Dialect> Way for ServiceWay<D> {
    type World = Cell;
    type Link = ServiceLink<D>;

    async fn open(&mut self) -> (Cell, ServiceLink<D>) {
        loop {
            if self.bus.is_none() {
                tokio::time::sleep_until(self.next_try).await;
                self.next_try = Instant::now() + RETRY;
                match self.connect().await {
                    Ok(bus) => self.bus = Some(bus),
                    Err(error) => {
                        debug!(%error, name = self.name, "no bus to look for a telephone on");
                        continue;
                    }
                }
            }
            let Some(bus) = self.bus.clone() else { continue };
            match self.wait(&bus).await {
                Ok(Some(link)) => return (Cell::new(D::KIND), link),
                Ok(None) => self.bus = None,
                Err(error) => {
                    debug!(%error, name = self.name, "a bus does not answer");
                    self.bus = None;
                }
            }
        }
    }
}

/// The connection to a program.
pub(super) struct ServiceLink<D> {
    program: Program,
    dialect: Arc<D>,
    signals: MessageStream,
    /// Whether the name has another owner, or none.
    changes: MessageStream,
    /// A signal whose meaning is being found out.
    hearing: Option<Message>,
    has_looked: bool,
    ready: VecDeque<Event>,
    replies: JoinSet<(Ticket, Result<Option<Path>, String>)>,
}

impl<D: Dialect> ServiceLink<D> {
    async fn open(program: Program, dialect: Arc<D>, changes: MessageStream) -> zbus::Result<Self> {
        let rule = MatchRule::builder().msg_type(Type::Signal).sender(program.name.as_str());
        let signals = MessageStream::for_match_rule(rule.build()?, &program.bus, SIGNALS).await?;
        Ok(Self {
            program,
            dialect,
            signals,
            changes,
            hearing: None,
            has_looked: false,
            ready: VecDeque::new(),
            replies: JoinSet::new(),
        })
    }

    /// Finds out what there is to be found out. Given up in between it is asked anew.
    async fn find_out(&mut self) {
        if !self.has_looked {
            let there = self.dialect.look(&self.program).await;
            self.ready.extend(there);
            self.has_looked = true;
        }
        if let Some(signal) = &self.hearing {
            let said = self.dialect.hear(&self.program, signal).await;
            self.ready.extend(said);
            self.hearing = None;
        }
    }
}

impl<D: Dialect> Link<Cell> for ServiceLink<D> {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            if !self.has_looked || self.hearing.is_some() {
                self.find_out().await;
                continue;
            }
            tokio::select! {
                signal = self.signals.next() => match signal {
                    Some(Ok(signal)) => self.hearing = Some(signal),
                    Some(Err(error)) => debug!(%error, "a signal that is none"),
                    None => return None,
                },
                // Nobody, or another one, has the name: its calls are not those that we know.
                _ = self.changes.next() => return None,
                Some(reply) = self.replies.join_next() => {
                    if let Ok((ticket, result)) = reply {
                        return Some(Event::Replied(ticket, result));
                    }
                }
            }
        }
    }

    async fn send(&mut self, command: Command) {
        let (program, dialect) = (self.program.clone(), self.dialect.clone());
        let Command { ticket, what } = command;
        // One for each wish of the daemon, which has few out; dropped with the link.
        self.replies.spawn(async move {
            let result = dialect.carry_out(&program, what).await;
            (ticket, result.map_err(|error| words(&error)))
        });
    }
}
