//! `org.ahoycall.Provider1`: the name that a sandboxed app may talk to.
//!
//! Owns: a connection of its own and every answer on it. Does not own: what is answered on the
//! controllers' name. Nothing is put into a tree of objects here: a tree can be looked at, and shows
//! whose calls there are. Invariant: whatever is not the caller's own is answered in one way,
//! whether it exists or not, and nothing is broadcast.

use std::collections::HashMap;

use ahoy_core::id::{CallId, ProviderId};
use futures_util::StreamExt as _;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use zbus::{
    Connection, Message, MessageStream, OwnedObjectPath, Variant, fdo, message::Header,
    names::UniqueName,
};

use super::{
    super::{
        ROOT, call, call_of,
        caller::Callers,
        error::{Error, Result},
        value::BusDict,
    },
    NAME,
    objects::{self, own, reported, send, sender},
    provider_of, words,
};
use crate::app::request::{Door, Front, Request};

/// Messages that are worked on at once; past it the bus keeps the rest.
const AT_ONCE: usize = 64;
const PREFIX: &str = "org.ahoycall.Calls1.";

/// The apps' own door.
pub struct Closed {
    answers: Answers,
    /// From before the name was taken: whoever calls as soon as the name is there is heard.
    messages: MessageStream,
}

/// What answers.
struct Answers {
    connection: Connection,
    front: Front,
    callers: Callers,
}

/// What a method answers.
enum Answer {
    Nothing,
    Path(OwnedObjectPath),
    Incoming(OwnedObjectPath, String),
    Value(Variant<'static>),
    Values(HashMap<&'static str, Variant<'static>>),
}

impl Closed {
    /// Connects and takes the name.
    ///
    /// # Errors
    /// The bus is not there, or somebody has the name.
    pub async fn open(front: &Front, callers: &Callers) -> zbus::Result<Self> {
        Self::on(zbus::connection::Builder::session().build().await?, front, callers).await
    }

    async fn on(connection: Connection, front: &Front, callers: &Callers) -> zbus::Result<Self> {
        let messages = MessageStream::from(&connection);
        let flags = fdo::RequestNameFlags::DO_NOT_QUEUE;
        connection.request_name_with_flags(NAME, flags).await?;
        let (front, callers) = (front.clone(), callers.clone());
        Ok(Self { answers: Answers { connection, front, callers }, messages })
    }

    /// Also what apps that came in by it are asked through.
    pub const fn connection(&self) -> &Connection {
        &self.answers.connection
    }

    /// Answers until `token` is cancelled.
    pub async fn run(self, token: CancellationToken) {
        let Self { answers, mut messages } = self;
        let answers = std::sync::Arc::new(answers);
        let mut working = JoinSet::new();
        loop {
            let message = tokio::select! {
                () = token.cancelled() => return,
                _ = working.join_next(), if working.len() >= AT_ONCE => continue,
                message = messages.next() => message,
            };
            let Some(Ok(message)) = message else {
                // A message that cannot be read has no sender to answer; a closed bus ends us all.
                if message.is_none() {
                    return token.cancelled().await;
                }
                continue;
            };
            if message.message_type() == zbus::message::Type::MethodCall {
                while working.try_join_next().is_some() {}
                let answers = answers.clone();
                working.spawn(async move { answers.answer(&message).await });
            }
        }
    }
}

impl Answers {
    async fn answer(&self, message: &Message) {
        let header = message.header();
        let answer = self.method(message, &header).await;
        let sent = match answer {
            Ok(Answer::Nothing) => self.connection.reply(&header, &()).await,
            Ok(Answer::Path(path)) => self.connection.reply(&header, &path).await,
            Ok(Answer::Incoming(path, word)) => self.connection.reply(&header, &(path, word)).await,
            Ok(Answer::Value(value)) => self.connection.reply(&header, &(value,)).await,
            Ok(Answer::Values(values)) => self.connection.reply(&header, &(values,)).await,
            Err(error) => self.connection.reply_dbus_error(&header, error).await,
        };
        if let Err(error) = sent {
            tracing::debug!(%error, "an app was not answered");
        }
    }

    async fn method(&self, message: &Message, header: &Header<'_>) -> Result<Answer> {
        let name = sender(header)?;
        let path = header.path().map(|path| path.to_string()).unwrap_or_default();
        let interface = header.interface().map(|name| name.to_string()).unwrap_or_default();
        let member = header.member().map(|name| name.to_string()).unwrap_or_default();
        match interface.as_str() {
            "org.ahoycall.Calls1.Registry" if path == ROOT && member == "Register" => {
                let what = body(message)?;
                let who = (Door::Provider, name);
                objects::register(&self.front, &self.callers, &self.connection, who, what)
                    .await
                    .map(Answer::Path)
            }
            "org.ahoycall.Calls1.Provider" => {
                let id = provider_of(&path).ok_or_else(foreign)?;
                own(&self.front, &id, Door::Provider, &name)?;
                self.provider(&id, &member, message).await
            }
            "org.freedesktop.DBus.Properties" => self.property(&path, &name, &member, message),
            "org.freedesktop.DBus.Peer" if member == "Ping" => Ok(Answer::Nothing),
            _ => Err(foreign()),
        }
    }

    async fn provider(&self, id: &ProviderId, member: &str, message: &Message) -> Result<Answer> {
        let report = match member {
            "ReportIncoming" => {
                let (uuid, options): (String, BusDict) = body(message)?;
                let (path, word) =
                    reported(send(&self.front, id, words::incoming(&uuid, options)?).await?);
                return Ok(Answer::Incoming(path, word));
            }
            "ReportOutgoing" => {
                let (uuid, options): (String, BusDict) = body(message)?;
                let done = send(&self.front, id, words::outgoing(&uuid, options)?).await?;
                return Ok(Answer::Path(reported(done).0));
            }
            "Update" => {
                let (path, changes): (OwnedObjectPath, BusDict) = body(message)?;
                words::update(objects::call(path.as_str())?, changes)?
            }
            "ReportState" => {
                let (path, state, at): (OwnedObjectPath, String, u64) = body(message)?;
                words::state(objects::call(path.as_str())?, &state, at)?
            }
            "ReportText" => {
                let (path, text, last): (OwnedObjectPath, String, bool) = body(message)?;
                words::text(objects::call(path.as_str())?, text, last)?
            }
            "ReportEnded" => {
                let (path, reason, text, at): (OwnedObjectPath, String, String, u64) =
                    body(message)?;
                words::ended(objects::call(path.as_str())?, &reason, text, at)?
            }
            "Unregister" => {
                let id = id.clone();
                self.front.ask(|answer| Request::Unregister(id, answer)).await?;
                return Ok(Answer::Nothing);
            }
            _ => return Err(foreign()),
        };
        send(&self.front, id, report).await?;
        Ok(Answer::Nothing)
    }

    /// Reads properties of the caller's own calls.
    fn property(
        &self,
        path: &str,
        name: &UniqueName<'_>,
        member: &str,
        message: &Message,
    ) -> Result<Answer> {
        let call = call_of(path).filter(|call| self.is_own(*call, name)).ok_or_else(foreign)?;
        let all = call::all_properties(&self.front, call);
        match member {
            "GetAll" => {
                let (interface,): (String,) = body(message)?;
                let fits = interface.is_empty() || interface == format!("{PREFIX}Call");
                if fits { Ok(Answer::Values(all)) } else { Err(foreign()) }
            }
            "Get" => {
                let (interface, property): (String, String) = body(message)?;
                let fits = interface == format!("{PREFIX}Call");
                let value = all.into_iter().find(|(key, _)| fits && *key == property);
                value.map(|(_, value)| Answer::Value(value)).ok_or_else(foreign)
            }
            _ => Err(foreign()),
        }
    }

    fn is_own(&self, call: CallId, name: &UniqueName<'_>) -> bool {
        let view = self.front.view.borrow();
        let provider = view.calls.get(&call).map(|call| &call.provider);
        let peer = provider
            .and_then(|id| id.parse::<ProviderId>().ok())
            .and_then(|id| view.providers.get(&id)?.peer.clone());
        peer.is_some_and(|peer| peer.door == Door::Provider && peer.name == name.as_str())
    }
}

/// The one answer to everything that is not the caller's own.
fn foreign() -> Error {
    Error::NotAuthorized("only the connection that registered may do this".to_owned())
}

fn body<T>(message: &Message) -> Result<T>
where
    T: serde::de::DeserializeOwned + zbus::Type,
{
    message.body().deserialize().map_err(|error| Error::InvalidArgument(error.to_string()))
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead as _, BufReader},
        process::{Command, Stdio},
        sync::Arc,
        time::Duration,
    };

    use tokio::sync::{Semaphore, mpsc, watch};
    use zbus::connection::Builder;

    use super::*;

    const PEER: Option<&str> = Some("org.freedesktop.DBus.Peer");

    /// A call right after the name came up was once lost: nobody read messages yet.
    #[tokio::test]
    async fn whoever_calls_as_soon_as_the_name_is_there_is_answered() {
        let mut command = Command::new("dbus-daemon");
        command.args(["--session", "--nofork", "--print-address", "--address=unix:tmpdir=/tmp"]);
        let started = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let Ok(mut bus) = started else {
            println!("SKIPPED: dbus-daemon is not installed");
            return;
        };
        let mut address = String::new();
        let output = bus.stdout.take().expect("piped");
        BufReader::new(output).read_line(&mut address).expect("an address");
        let connect =
            || async { Builder::address(address.trim()).build().await.expect("connected") };
        let (requests, _requests) = mpsc::channel(1);
        let (_view, view) = watch::channel(Default::default());
        let front = Front { requests, view, places: Arc::new(Semaphore::new(1)) };
        let door = Closed::on(connect().await, &front, &Callers::default()).await.expect("free");
        let app = connect().await;
        let ask = async { app.call_method(Some(NAME), "/", PEER, "Ping", &()).await };
        // The bus gives the door what came before this, first.
        let pass = async {
            let bus = fdo::DBusProxy::new(&app).await?;
            bus.get_id().await?;
            fdo::DBusProxy::new(door.connection()).await?.get_id().await
        };
        tokio::pin!(ask);
        tokio::select! {
            biased;
            answer = &mut ask => panic!("nobody answers yet: {answer:?}"),
            passed = pass => drop(passed.expect("the bus answers")),
        }
        let token = CancellationToken::new();
        let running = tokio::spawn(door.run(token.clone()));
        let answer = tokio::time::timeout(Duration::from_secs(10), ask).await;
        token.cancel();
        running.await.expect("ran");
        bus.kill().expect("running");
        bus.wait().expect("killed");
        assert!(matches!(answer, Ok(Ok(_))), "{answer:?}");
    }
}
