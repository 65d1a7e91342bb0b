//! The way of a controller to `org.ahoycall.Calls1` on the session bus: what `ahoyctl` and `ahoy-window`
//! stand on.
//!
//! Owns: the connection, names and paths of the contract, deadlines, the stream of signals. Does
//! not own: what a method means, or how an error is told. Invariant: every call ends, with an answer or
//! an error, within its deadline.

pub mod value;

use std::{
    collections::{BTreeMap, HashMap},
    num::NonZeroUsize,
    pin::Pin,
    task::Poll,
    time::Duration,
};

use futures_core::Stream as _;
use serde::{Serialize, de::DeserializeOwned};
use zbus::{
    Connection, DynamicType, MatchRule, Message, MessageStream, OwnedObjectPath, OwnedVariant,
    Type, message,
};

use self::value::Dict;

/// The well-known name.
pub const NAME: &str = "org.ahoycall.Calls1";
/// The most contacts that `Search` and one page of `Query` give, by the contract.
pub const MOST_CONTACTS: u32 = 500;
/// The root object.
pub const ROOT: &str = "/org/ahoycall/Calls1";
/// The interface of calls.
pub const CALL: &str = "org.ahoycall.Calls1.Call";
/// What the other side says, as text: on some calls.
pub const CAPTIONS: &str = "org.ahoycall.Calls1.Call.Captions";
/// Text beside the voice: on some calls.
pub const TEXT: &str = "org.ahoycall.Calls1.Call.Text";
/// The safety number: on some calls.
pub const VERIFICATION: &str = "org.ahoycall.Calls1.Call.Verification";
/// Standard properties.
pub const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
/// Standard object manager.
pub const OBJECT_MANAGER: &str = "org.freedesktop.DBus.ObjectManager";

/// The daemon answers within 20 s (rule "Deadlines" of the contract); the rest is for a slow bus.
const DEADLINE: Duration = Duration::from_secs(25);
/// Signals kept while we print; a full queue makes the daemon's socket wait, it loses nothing.
const QUEUE: NonZeroUsize = NonZeroUsize::new(1024).unwrap();

/// One of the fixed interfaces of the contract, all of which lie at the root.
#[derive(Clone, Copy, Debug)]
pub struct At(&'static str);

impl At {
    /// The name of the interface, as signals have it.
    pub const fn interface(self) -> &'static str {
        self.0
    }
}

/// `.Manager`
pub const MANAGER: At = At("org.ahoycall.Calls1.Manager");
/// `.History`
pub const HISTORY: At = At("org.ahoycall.Calls1.History");
/// `.Contacts`
pub const CONTACTS: At = At("org.ahoycall.Calls1.Contacts");
/// `.Filter`
pub const FILTER: At = At("org.ahoycall.Calls1.Filter");
/// `.Audio`
pub const AUDIO: At = At("org.ahoycall.Calls1.Audio");
/// `.Voice`
pub const VOICE: At = At("org.ahoycall.Calls1.Voice");
/// `.Identity`
pub const IDENTITY: At = At("org.ahoycall.Calls1.Identity");
/// `.Settings`
pub const SETTINGS: At = At("org.ahoycall.Calls1.Settings");

/// Why the service did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no session bus here.
    #[error("there is no session bus here ({0})")]
    NoBus(zbus::Error),
    /// The service has gone from the bus while it was followed.
    #[error("ahoyd has gone from the bus")]
    Gone,
    /// The bus, or the service by one of the errors of the contract.
    #[error(transparent)]
    Bus(#[from] zbus::Error),
}

/// What a call to the service gives.
pub type Result<T> = std::result::Result<T, Error>;

/// What GetManagedObjects returns.
pub type Objects = HashMap<OwnedObjectPath, BTreeMap<String, Dict>>;

/// A connection to the daemon.
#[derive(Clone, Debug)]
pub struct Bus {
    connection: Connection,
}

impl Bus {
    /// Connects to the session bus. The daemon itself is started by the bus on the first call.
    pub async fn connect() -> Result<Self> {
        let connection = zbus::connection::Builder::session()
            .method_timeout(DEADLINE)
            .build()
            .await
            .map_err(Error::NoBus)?;
        Ok(Self { connection })
    }

    /// The connection, for names other than the daemon's.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Calls a method of a fixed interface.
    pub async fn call<B, R>(&self, at: At, method: &str, body: &B) -> Result<R>
    where
        B: Serialize + DynamicType,
        R: DeserializeOwned + Type,
    {
        self.call_at(ROOT, at.0, method, body).await
    }

    /// Calls a method of any object of the daemon.
    pub async fn call_at<B, R>(
        &self,
        path: &str,
        interface: &str,
        method: &str,
        body: &B,
    ) -> Result<R>
    where
        B: Serialize + DynamicType,
        R: DeserializeOwned + Type,
    {
        let reply =
            self.connection.call_method(Some(NAME), path, Some(interface), method, body).await?;
        Ok(reply.body().deserialize()?)
    }

    /// One property of a fixed object.
    pub async fn property(&self, at: At, name: &str) -> Result<OwnedVariant> {
        self.call_at(ROOT, PROPERTIES, "Get", &(at.0, name)).await
    }

    /// All properties of one interface of an object.
    pub async fn properties(&self, path: &str, interface: &str) -> Result<Dict> {
        self.call_at(path, PROPERTIES, "GetAll", &(interface,)).await
    }

    /// All properties of a fixed object.
    pub async fn properties_of(&self, at: At) -> Result<Dict> {
        self.properties(ROOT, at.0).await
    }

    /// The calls and the providers.
    pub async fn objects(&self) -> Result<Objects> {
        self.call_at(ROOT, OBJECT_MANAGER, "GetManagedObjects", &()).await
    }

    /// Every contact, by name, page by page.
    pub async fn contacts(&self) -> Result<Vec<Dict>> {
        let (mut contacts, mut cursor) = (Vec::new(), String::new());
        loop {
            let (more, next): (Vec<Dict>, String) =
                self.call(CONTACTS, "Query", &("", MOST_CONTACTS, cursor.as_str())).await?;
            // A daemon that does not get on must not keep us for ever.
            let end = more.is_empty() || next.is_empty() || next == cursor;
            contacts.extend(more);
            if end {
                return Ok(contacts);
            }
            cursor = next;
        }
    }

    /// All signals of the daemon, from now on. Starts the daemon where the bus can.
    pub async fn signals(&self) -> Result<Signals> {
        let _: OwnedVariant = self.property(MANAGER, "Version").await?;
        let rule = |rule: zbus::match_rule::Builder<'static>| async {
            MessageStream::for_match_rule(rule.build()?, &self.connection, Some(QUEUE)).await
        };
        let daemon = rule(
            MatchRule::builder().msg_type(message::Type::Signal).sender(NAME).path_namespace(ROOT),
        )
        .await?;
        let owner = rule(
            MatchRule::builder()
                .msg_type(message::Type::Signal)
                .sender("org.freedesktop.DBus")
                .member("NameOwnerChanged")
                .add_arg(NAME),
        )
        .await?;
        Ok(Signals { daemon, owner })
    }
}

/// Signals of the daemon in the order it sent them.
#[derive(Debug)]
pub struct Signals {
    daemon: MessageStream,
    owner: MessageStream,
}

impl Signals {
    /// The next one; the daemon's end is an error, so that a follower never waits for ever.
    pub async fn next(&mut self) -> Result<Message> {
        std::future::poll_fn(|cx| {
            // The daemon's own signals first: it may have said why it goes.
            match Pin::new(&mut self.daemon).poll_next(cx) {
                Poll::Ready(Some(message)) => return Poll::Ready(message.map_err(Error::from)),
                Poll::Ready(None) => return Poll::Ready(Err(Error::Gone)),
                Poll::Pending => {}
            }
            match Pin::new(&mut self.owner).poll_next(cx) {
                Poll::Ready(_) => Poll::Ready(Err(Error::Gone)),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }

    /// One that has come already, without waiting.
    pub async fn queued(&mut self) -> Option<Message> {
        std::future::poll_fn(|cx| match Pin::new(&mut self.daemon).poll_next(cx) {
            Poll::Ready(Some(Ok(message))) => Poll::Ready(Some(message)),
            Poll::Ready(Some(Err(_)) | None) | Poll::Pending => Poll::Ready(None),
        })
        .await
    }
}

/// The parts of a signal that a follower looks at.
#[derive(Debug)]
pub struct Named {
    /// Object path.
    pub path: String,
    /// Interface.
    pub interface: String,
    /// Signal name.
    pub member: String,
}

/// Reads a signal's header.
pub fn named(message: &Message) -> Named {
    let header = message.header();
    Named {
        path: header.path().map(ToString::to_string).unwrap_or_default(),
        interface: header.interface().map(ToString::to_string).unwrap_or_default(),
        member: header.member().map(ToString::to_string).unwrap_or_default(),
    }
}
