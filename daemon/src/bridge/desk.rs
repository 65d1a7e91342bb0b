//! The bridge's side towards the daemon: an app like any other, on a bus connection of its own.
//!
//! Owns: registering, reports. Does not own: rules of any world (`world`) or of calls (core). Going
//! over the bus to ourselves costs well under a millisecond and keeps one set of rules: deadlines,
//! loss and arbitration are the same as for foreign apps. Invariant: an order is answered once, or
//! given up.

use std::collections::HashMap;

use ahoy_core::{
    id::{CallId, Serial},
    provider::Progress,
};
use tokio::sync::{mpsc, oneshot};
use tracing::debug;
use zbus::{
    Connection, Message, ObjectPath, OwnedObjectPath, Variant, connection::Builder,
    zvariant::DynamicType,
};

use super::{
    app::{App, Asked},
    world::{Change, NewLine, News, Profile, Refused},
};
use crate::bus::{Remote, owner};

/// The name for apps: it gives us no more than any of them has.
const DAEMON: &str = "org.ahoycall.Provider1";
const ROOT: &str = "/org/ahoycall/Calls1";
const REGISTRY: &str = "org.ahoycall.Calls1.Registry";
const PROVIDER: &str = "org.ahoycall.Calls1.Provider";
const ERRORS: &str = "org.ahoycall.Calls1.Error.";
/// Where our `.ProviderApp` is.
const OBJECT: &str = "/bridge";
/// Orders not yet taken; past it the daemon's own deadlines run.
const ORDERS: usize = 32;

type Options = HashMap<&'static str, Variant<'static>>;

/// Our place among the apps.
pub(super) struct Desk {
    connection: Connection,
    registered: Option<(Profile, OwnedObjectPath)>,
    asked: mpsc::Receiver<Asked>,
    waiting: HashMap<Serial, oneshot::Sender<Result<(), Refused>>>,
}

/// The path of a call, known to both sides before it is there.
fn path(call: CallId) -> String {
    format!("{ROOT}/call/{}", call.path_part())
}

const fn state(progress: Progress) -> &'static str {
    match progress {
        Progress::Dialing => "dialing",
        Progress::RemoteRinging => "remote-ringing",
        Progress::Connecting => "connecting",
        Progress::Active => "active",
    }
}

fn capabilities(of: &[ahoy_core::provider::Capability]) -> Variant<'static> {
    of.iter().map(|one| one.as_str()).collect::<Vec<_>>().into()
}

fn new_call(line: &NewLine) -> Options {
    let remote = (line.remote.scheme().to_owned(), line.remote.value().to_owned());
    let mut options = Options::from([
        ("remote", remote.into()),
        ("name", line.name.clone().into()),
        ("capabilities", capabilities(line.capabilities)),
    ]);
    if let Some(state) = line.since_before {
        options.insert("state", state.into());
    }
    options
}

impl Desk {
    /// Connects.
    ///
    /// # Errors
    /// The bus or the daemon is not there.
    pub(super) async fn open() -> zbus::Result<Self> {
        let (tell, asked) = mpsc::channel(ORDERS);
        let connection = Builder::session().build().await?;
        let daemon = owner(&connection, DAEMON).await;
        let daemon = daemon.ok_or_else(|| zbus::Error::Failure("the daemon ends".to_owned()))?;
        connection.object_server().at(OBJECT, App { daemon, asked: tell }).await?;
        Ok(Self { connection, registered: None, asked, waiting: HashMap::new() })
    }

    /// The next wish of the daemon; never again once the connection is lost. Cancel safe.
    pub(super) async fn next(&mut self) -> Option<Asked> {
        self.asked.recv().await
    }

    /// Keeps who waits for an order.
    pub(super) fn wait(&mut self, serial: Serial, answer: oneshot::Sender<Result<(), Refused>>) {
        self.waiting.retain(|_, waiting| !waiting.is_closed());
        self.waiting.insert(serial, answer);
    }

    /// An order has ended.
    pub(super) fn done(&mut self, serial: Serial, result: Result<(), Refused>) {
        if let Some(answer) = self.waiting.remove(&serial) {
            // Too late for the daemon: it has gone on without us.
            let _ = answer.send(result);
        }
    }

    /// Registers, or takes the registration back, as the world is.
    ///
    /// # Errors
    /// Somebody else has the id, or the daemon does not take it.
    pub(super) async fn be(&mut self, profile: Option<Profile>, is_idle: bool) -> zbus::Result<()> {
        if self.registered.as_ref().map(|(profile, _)| profile) == profile.as_ref() {
            return Ok(());
        }
        let is_renamed = self.registered.is_some() && profile.is_some();
        if is_renamed && !is_idle {
            // Registering anew ends calls: the new name can wait for that.
            return Ok(());
        }
        self.leave().await;
        let Some(profile) = profile else { return Ok(()) };
        let options = Options::from([
            ("name", profile.name.clone().into()),
            ("icon", profile.icon.into()),
            ("schemes", vec![profile.scheme].into()),
            ("max-calls", profile.max_calls.into()),
            ("hold", true.into()),
        ]);
        let object = ObjectPath::try_from(OBJECT)?;
        let reply = self.ask(ROOT, REGISTRY, "Register", &(profile.id, object, options)).await?;
        let provider: OwnedObjectPath = reply.body().deserialize()?;
        tracing::info!(provider = profile.id, "a bridge is there");
        self.registered = Some((profile, provider));
        Ok(())
    }

    /// Takes the registration back: calls that are on end as `provider-gone`.
    pub(super) async fn leave(&mut self) {
        let Some((profile, path)) = self.registered.take() else { return };
        tracing::info!(provider = profile.id, "a bridge goes");
        if let Err(error) = self.ask(path.as_str(), PROVIDER, "Unregister", &()).await {
            debug!(%error, "the daemon went before the bridge");
        }
    }

    /// Tells the daemon. What it refuses is over for both sides.
    pub(super) async fn report(&self, news: News) -> Taken {
        let Some((_, provider)) = &self.registered else { return Taken::Yes };
        let provider = provider.as_str();
        let (call, told) = match news {
            News::Incoming(line) => {
                let body = (line.call.to_string(), new_call(&line));
                (line.call, self.ask(provider, PROVIDER, "ReportIncoming", &body).await)
            }
            News::Outgoing(line) => {
                let body = (line.call.to_string(), new_call(&line));
                (line.call, self.ask(provider, PROVIDER, "ReportOutgoing", &body).await)
            }
            News::Progress(call, progress) => {
                let told = self.about(provider, call, "ReportState", (state(progress), 0u64)).await;
                (call, told)
            }
            News::Changed(call, change) => (call, self.update(provider, call, change).await),
            News::Ended(call, reason, text) => {
                let rest = (reason.as_str(), text.as_ref(), 0u64);
                (call, self.ended(provider, call, rest).await)
            }
        };
        match told {
            Err(zbus::Error::MethodError(name, ..)) if is_unwanted(name.as_str()) => {
                Taken::Unwanted(call)
            }
            Err(error) => {
                debug!(%error, "a report was not taken");
                Taken::Yes
            }
            Ok(_) => Taken::Yes,
        }
    }

    async fn about(
        &self,
        provider: &str,
        call: CallId,
        member: &'static str,
        (state, at): (&str, u64),
    ) -> zbus::Result<Message> {
        let path = ObjectPath::try_from(path(call))?;
        self.ask(provider, PROVIDER, member, &(path, state, at)).await
    }

    async fn ended(
        &self,
        provider: &str,
        call: CallId,
        (reason, text, at): (&str, &str, u64),
    ) -> zbus::Result<Message> {
        let path = ObjectPath::try_from(path(call))?;
        self.ask(provider, PROVIDER, "ReportEnded", &(path, reason, text, at)).await
    }

    async fn update(&self, provider: &str, call: CallId, change: Change) -> zbus::Result<Message> {
        let (key, value) = match change {
            Change::Held(held) => ("held", held.into()),
            Change::RemoteHeld(held) => ("remote-held", held.into()),
            Change::Capabilities(can) => ("capabilities", capabilities(can)),
        };
        let path = ObjectPath::try_from(path(call))?;
        let changes = Options::from([(key, value)]);
        self.ask(provider, PROVIDER, "Update", &(path, changes)).await
    }

    async fn ask<B>(
        &self,
        path: &str,
        interface: &str,
        member: &'static str,
        body: &B,
    ) -> zbus::Result<Message>
    where
        B: serde::Serialize + DynamicType + Sync,
    {
        Remote::new(&self.connection, DAEMON, path, interface).call(member, body).await
    }
}

/// What became of a report.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// It is known now, or was of no use.
    Yes,
    /// This call is not wanted.
    Unwanted(CallId),
}

/// Blocked, Do Not Disturb, too many: whoever calls is to be told no, not left ringing.
fn is_unwanted(error: &str) -> bool {
    let name = error.strip_prefix(ERRORS).unwrap_or_default();
    matches!(name, "FilteredBlocked" | "FilteredDoNotDisturb" | "LimitReached")
}
