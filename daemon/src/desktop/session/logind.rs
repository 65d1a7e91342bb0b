//! The words of `org.freedesktop.login1`, as far as they concern the lock.
//!
//! Owns: finding the person's session and reading its `LockedHint`. Does not own: what follows.
//! Invariant: nobody is started by us: on a machine without logind there is no owner to ask.

use futures_util::{Stream, StreamExt as _, stream};
use zbus::{
    Connection, MatchRule, Message, MessageStream, OwnedObjectPath, OwnedVariant, message::Type,
};

use super::{Heard, Place};
use crate::bus::{Remote, owner, owner_changes, system};

const NAME: &str = "org.freedesktop.login1";
const PATH: &str = "/org/freedesktop/login1";
const MANAGER: &str = "org.freedesktop.login1.Manager";
const SESSION: &str = "org.freedesktop.login1.Session";
const USER: &str = "org.freedesktop.login1.User";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

/// The way to logind.
pub(super) struct Logind {
    bus: Connection,
    id: Option<String>,
}

/// What it says.
pub(super) struct Answer {
    /// Its unique name: whose signals count.
    pub(super) owner: String,
    /// Object path of the session.
    pub(super) session: String,
    /// Whether the session is locked.
    pub(super) locked: bool,
}

impl Logind {
    pub(super) async fn connect(place: &Place) -> zbus::Result<Self> {
        let bus = system(place.system_bus.as_deref()).await?;
        Ok(Self { bus, id: place.id.clone().filter(|id| !id.is_empty()) })
    }

    /// Whether the person's session is locked. `None`: no logind, or no session.
    pub(super) async fn look(&self) -> Option<Answer> {
        let owner = owner(&self.bus, NAME).await?;
        let session = self.session(&owner).await?;
        let hint = self.property(&owner, session.as_str(), SESSION, "LockedHint").await?;
        let session = session.to_string();
        Some(Answer { owner, session, locked: bool::try_from(hint).ok()? })
    }

    /// The session of the environment, else that of this process, else the one that the user looks
    /// at: a user's own systemd, which starts ahoyd, belongs to no session.
    async fn session(&self, owner: &str) -> Option<OwnedObjectPath> {
        if let Some(id) = &self.id
            && let Some(path) = self.ask(owner, "GetSession", &(id.as_str(),)).await
        {
            return Some(path);
        }
        if let Some(path) = self.ask(owner, "GetSessionByPID", &(std::process::id(),)).await {
            return Some(path);
        }
        let uid = rustix::process::getuid().as_raw();
        let user = self.ask(owner, "GetUser", &(uid,)).await?;
        let display = self.property(owner, user.as_str(), USER, "Display").await?;
        let (_, path): (String, OwnedObjectPath) = display.try_into().ok()?;
        // "/": the user has none.
        (path.as_str() != "/").then_some(path)
    }

    async fn ask<B>(&self, owner: &str, method: &str, body: &B) -> Option<OwnedObjectPath>
    where
        B: serde::Serialize + zbus::zvariant::DynamicType,
    {
        let reply = Remote::new(&self.bus, owner, PATH, MANAGER).call(method, body).await;
        reply.ok()?.body().deserialize().ok()
    }

    async fn property(
        &self,
        owner: &str,
        path: &str,
        interface: &str,
        name: &str,
    ) -> Option<OwnedVariant> {
        let reply =
            Remote::new(&self.bus, owner, path, PROPERTIES).call("Get", &(interface, name)).await;
        reply.ok()?.body().deserialize().ok()
    }
}

/// Something may have changed: logind came or went, or says anything of sessions and users. It
/// says little, and a new session may be ours.
pub(super) async fn signals(
    logind: &Option<Logind>,
) -> zbus::Result<impl Stream<Item = Heard> + Unpin + use<>> {
    let Some(Logind { bus, .. }) = logind else {
        return Ok(stream::pending().boxed());
    };
    let came = owner_changes(Some(NAME))?;
    let says =
        MatchRule::builder().msg_type(Type::Signal).sender(NAME).path_namespace(PATH).build()?;
    let came = MessageStream::for_match_rule(came, bus, None).await?;
    let says = MessageStream::for_match_rule(says, bus, None).await?;
    let both = stream::select(came, says);
    Ok(both.map(|message| message.map_or(Heard::Changed, |message| read(&message))).boxed())
}

fn read(message: &Message) -> Heard {
    let header = message.header();
    let member = header.member().map(|member| member.as_str());
    let lock = match (header.interface().map(|one| one.as_str()), member) {
        (Some(SESSION), Some("Lock")) => true,
        (Some(SESSION), Some("Unlock")) => false,
        _ => return Heard::Changed,
    };
    let text = |name: Option<String>| name.unwrap_or_default();
    Heard::Asked {
        sender: text(header.sender().map(ToString::to_string)),
        session: text(header.path().map(ToString::to_string)),
        lock,
    }
}
