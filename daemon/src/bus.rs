//! Asking other programs on a bus.
//!
//! Owns: one question with its limit, what counts as "nobody is there", and the bus's own signs of
//! who comes and goes. Does not own: the words of any service. Invariant: no question waits longer
//! than its limit, which is [`DEADLINE`] unless the caller says otherwise.

use std::time::Duration;

use zbus::{
    Connection, MatchRule, Message, connection::Builder, fdo, message::Type, names::BusName,
    zvariant::DynamicType,
};

/// A service that takes longer hangs. Starting one that rests is within it.
pub const DEADLINE: Duration = Duration::from_secs(5);
/// The bus gives up on a start after 25 s by itself and says why.
const STARTING: Duration = Duration::from_secs(30);
/// The bus itself; no client can send under this name.
pub const BUS: &str = "org.freedesktop.DBus";
const BUS_PATH: &str = "/org/freedesktop/DBus";

/// One interface of an object of somebody on the bus.
#[derive(Clone, Copy)]
pub struct Remote<'a> {
    /// Where.
    pub bus: &'a Connection,
    /// Unique name, or a well-known one where the bus is to start it.
    pub name: &'a str,
    /// The object.
    pub path: &'a str,
    /// The interface.
    pub interface: &'a str,
}

impl<'a> Remote<'a> {
    /// The object at `path` that `name` has.
    #[must_use]
    pub fn new(bus: &'a Connection, name: &'a str, path: &'a str, interface: &'a str) -> Self {
        Self { bus, name, path, interface }
    }

    /// Calls a method and waits for its reply, at most [`DEADLINE`].
    ///
    /// # Errors
    /// The bus's, the service's, or [`zbus::Error::Failure`] naming the method that was not
    /// answered in time.
    pub async fn call<B>(self, method: &str, body: &B) -> zbus::Result<Message>
    where
        B: serde::Serialize + DynamicType,
    {
        self.call_within(DEADLINE, method, body).await
    }

    /// Calls a method and waits for its reply, at most `limit`.
    ///
    /// # Errors
    /// As [`Remote::call`].
    pub async fn call_within<B>(
        self,
        limit: Duration,
        method: &str,
        body: &B,
    ) -> zbus::Result<Message>
    where
        B: serde::Serialize + DynamicType,
    {
        let to = BusName::try_from(self.name)?;
        let reply = self.bus.call_method(Some(to), self.path, Some(self.interface), method, body);
        match tokio::time::timeout(limit, reply).await {
            Ok(reply) => reply,
            Err(_) => Err(zbus::Error::Failure(format!(
                "no answer to {method} within {} ms",
                limit.as_millis()
            ))),
        }
    }
}

/// The system bus. `address`: where it is not the usual one.
///
/// # Errors
/// There is none.
pub async fn system(address: Option<&str>) -> zbus::Result<Connection> {
    match address {
        Some(address) => Builder::address(address).build().await,
        None => Builder::system().build().await,
    }
}

/// Who owns a name now; nobody is started by asking.
pub async fn owner(bus: &Connection, name: &str) -> Option<String> {
    let reply = Remote::new(bus, BUS, BUS_PATH, BUS).call("GetNameOwner", &(name,)).await;
    reply.ok()?.body().deserialize().ok()
}

/// RequestName: whoever insists may have it (ALLOW_REPLACEMENT).
pub const REPLACEABLE: u32 = 0x1;

/// Takes a name, now or not at all (DO_NOT_QUEUE); false: another program has it.
///
/// # Errors
/// The bus refuses.
pub async fn take_name(bus: &Connection, name: &str, flags: u32) -> zbus::Result<bool> {
    const DO_NOT_QUEUE: u32 = 0x4;
    const EXISTS: u32 = 3;
    let bus = Remote::new(bus, BUS, BUS_PATH, BUS);
    let answer = bus.call("RequestName", &(name, flags | DO_NOT_QUEUE)).await?;
    Ok(answer.body().deserialize::<u32>()? != EXISTS)
}

/// Gives a name back.
///
/// # Errors
/// The bus is gone.
pub async fn release_name(bus: &Connection, name: &str) -> zbus::Result<()> {
    Remote::new(bus, BUS, BUS_PATH, BUS).call("ReleaseName", &(name,)).await.map(drop)
}

/// Has the bus start who has a name, and waits until it has it. One that runs already is as good.
///
/// # Errors
/// There is none, or it does not start.
pub async fn start(bus: &Connection, name: &str) -> zbus::Result<()> {
    let flags = 0u32;
    let bus = Remote::new(bus, BUS, BUS_PATH, BUS);
    bus.call_within(STARTING, "StartServiceByName", &(name, flags)).await.map(drop)
}

/// The rule for `NameOwnerChanged`: of one name, or of all.
///
/// # Errors
/// A name that is none.
pub fn owner_changes(name: Option<&str>) -> zbus::Result<MatchRule<'_>> {
    let rule = MatchRule::builder()
        .msg_type(Type::Signal)
        .sender(BUS)
        .interface(BUS)
        .member("NameOwnerChanged");
    match name {
        Some(name) => rule.add_arg(name),
        None => rule,
    }
    .build()
}

/// Whether an error means that nobody is there to answer, not that somebody refused.
#[must_use]
pub fn is_absence(error: &zbus::Error) -> bool {
    let zbus::Error::FDO(error) = error else {
        return false;
    };
    matches!(
        **error,
        fdo::Error::ServiceUnknown(_)
            | fdo::Error::NameHasNoOwner(_)
            | fdo::Error::NoReply(_)
            | fdo::Error::Disconnected(_)
            | fdo::Error::SpawnExecFailed(_)
            | fdo::Error::SpawnChildExited(_)
            | fdo::Error::SpawnChildSignaled(_)
            | fdo::Error::SpawnFailed(_)
            | fdo::Error::SpawnServiceNotFound(_)
            | fdo::Error::TimedOut(_)
            | fdo::Error::Timeout(_)
    )
}

/// What a program says of its failure, for people.
#[must_use]
pub fn words(error: &zbus::Error) -> String {
    if let zbus::Error::MethodError(_, Some(text), _) = error
        && !text.is_empty()
    {
        return text.clone();
    }
    error.to_string()
}
