//! `.Registry` and `.Provider` on the controllers' name.
//!
//! Owns: their methods and properties there. Does not own: decisions. Invariant: a method of a
//! provider is carried out for the connection that registered it and for nobody else.

use ahoy_core::{engine::Reported, id::ProviderId, provider::Report};
use zbus::{
    Connection, ObjectPath, OwnedObjectPath, interface, message::Header, names::UniqueName,
};

use super::{
    super::{
        call_of, call_path,
        caller::Callers,
        error::{Error, Result},
        value::BusDict,
    },
    provider_path, words,
};
use crate::app::request::{Door, Front, Peer, Request};

/// Our own application id.
const OWN_APP: &str = "org.ahoycall.Ahoy";

/// Where apps register.
pub(in crate::dbus) struct Registry {
    front: Front,
    callers: Callers,
    /// Where those are who register; the objects lie behind the gate.
    bus: Connection,
}

impl Registry {
    pub(in crate::dbus) fn new(front: &Front, callers: &Callers, bus: &Connection) -> Self {
        Self { front: front.clone(), callers: callers.clone(), bus: bus.clone() }
    }
}

/// The sender of a message; a bus fills it in.
pub(in crate::dbus) fn sender(header: &Header<'_>) -> Result<UniqueName<'static>> {
    let name = header.sender().map(UniqueName::to_owned);
    name.ok_or_else(|| Error::NotAuthorized("the message has no sender".to_owned()))
}

/// Registers whoever sent the message.
pub(super) async fn register(
    front: &Front,
    callers: &Callers,
    connection: &Connection,
    (door, name): (Door, UniqueName<'static>),
    (id, object, mut options): (String, OwnedObjectPath, BusDict),
) -> Result<OwnedObjectPath> {
    let caller = callers.identify(connection, &name).await;
    let caller = caller.map_err(|error| Error::NotAuthorized(error.to_string()))?;
    let is_own = caller.process == std::process::id();
    let ringtone = words::ringtone(&mut options)?;
    let mut registration = words::registration(&id, options, caller.caller)?;
    if is_own {
        // A bridge: it lives in our process, and nobody else may take up its calls.
        registration.app_id = OWN_APP.to_owned();
    }
    let process = (!is_own).then_some(caller.process);
    let peer = Peer { door, name: name.to_string(), object: object.to_string(), process };
    let ringtone = match ringtone {
        Some(file) => Some(front.ask(|answer| Request::ReadRingtone(file, answer)).await?),
        None => None,
    };
    front.ask(|answer| Request::Register(Box::new(registration), peer, ringtone, answer)).await?;
    if !is_there(connection, &name).await {
        // It went before anybody could be told: nothing else would ever say so.
        let gone = Request::PeerGone(door, name.to_string());
        // Refused only at the end of everything.
        let _ = front.requests.send(gone).await;
    }
    Ok(provider_path(&id))
}

async fn is_there(connection: &Connection, name: &UniqueName<'_>) -> bool {
    let bus = "org.freedesktop.DBus";
    let path = "/org/freedesktop/DBus";
    let asked =
        connection.call_method(Some(bus), path, Some(bus), "NameHasOwner", &(name.as_str(),)).await;
    asked.is_ok_and(|reply| reply.body().deserialize().unwrap_or(true))
}

#[interface(name = "org.ahoycall.Calls1.Registry", introspection_docs = false)]
impl Registry {
    #[zbus(out_args("provider"))]
    async fn register(
        &self,
        provider_id: String,
        app_object: ObjectPath<'_>,
        options: BusDict,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<OwnedObjectPath> {
        let who = (Door::Calls, sender(&header)?);
        let what = (provider_id, OwnedObjectPath::from(app_object.to_owned()), options);
        register(&self.front, &self.callers, &self.bus, who, what).await
    }
}

/// One provider.
pub(in crate::dbus) struct Provider {
    id: ProviderId,
    front: Front,
}

impl Provider {
    pub(in crate::dbus) fn new(id: ProviderId, front: &Front) -> Self {
        Self { id, front: front.clone() }
    }

    async fn report(&self, header: &Header<'_>, report: Report) -> Result<Reported> {
        let name = sender(header)?;
        own(&self.front, &self.id, Door::Calls, &name)?;
        send(&self.front, &self.id, report).await
    }

    fn own(&self, header: &Header<'_>) -> Result<()> {
        own(&self.front, &self.id, Door::Calls, &sender(header)?)
    }
}

/// Refuses everybody but the connection that registered the id.
pub(in crate::dbus) fn own(
    front: &Front,
    id: &ProviderId,
    door: Door,
    name: &UniqueName<'_>,
) -> Result<()> {
    let view = front.view.borrow();
    let peer = view.providers.get(id).and_then(|provider| provider.peer.as_ref());
    if peer.is_some_and(|peer| peer.door == door && peer.name == name.as_str()) {
        return Ok(());
    }
    Err(Error::NotAuthorized("only the connection that registered may do this".to_owned()))
}

pub(super) async fn send(front: &Front, id: &ProviderId, report: Report) -> Result<Reported> {
    let (id, report) = (id.clone(), Box::new(report));
    Ok(front.ask(|answer| Request::Report(id, report, answer)).await?)
}

/// The call of a path. One that is nobody's is as unknown as somebody else's.
pub(super) fn call(path: &str) -> Result<ahoy_core::id::CallId> {
    call_of(path).ok_or_else(|| Error::UnknownCall("there is no such call".to_owned()))
}

/// What ReportIncoming gives.
pub(super) fn reported(done: Reported) -> (OwnedObjectPath, String) {
    match done {
        Reported::Incoming { call, disposition } => {
            (call_path(call), disposition.as_str().to_owned())
        }
        Reported::Call(call) => (call_path(call), String::new()),
        // A new call is never merely "done".
        Reported::Done => (OwnedObjectPath::default(), String::new()),
    }
}

#[interface(name = "org.ahoycall.Calls1.Provider", introspection_docs = false)]
impl Provider {
    #[zbus(out_args("call", "disposition"))]
    async fn report_incoming(
        &self,
        uuid: String,
        options: BusDict,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(OwnedObjectPath, String)> {
        self.own(&header)?;
        Ok(reported(self.report(&header, words::incoming(&uuid, options)?).await?))
    }

    #[zbus(out_args("call"))]
    async fn report_outgoing(
        &self,
        uuid: String,
        options: BusDict,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<OwnedObjectPath> {
        self.own(&header)?;
        Ok(reported(self.report(&header, words::outgoing(&uuid, options)?).await?).0)
    }

    async fn update(
        &self,
        call: ObjectPath<'_>,
        changes: BusDict,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<()> {
        self.own(&header)?;
        let report = words::update(self::call(call.as_str())?, changes)?;
        self.report(&header, report).await.map(drop)
    }

    async fn report_state(
        &self,
        call: ObjectPath<'_>,
        state: String,
        at: u64,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<()> {
        self.own(&header)?;
        let report = words::state(self::call(call.as_str())?, &state, at)?;
        self.report(&header, report).await.map(drop)
    }

    async fn report_text(
        &self,
        call: ObjectPath<'_>,
        text: String,
        r#final: bool,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<()> {
        self.own(&header)?;
        let report = words::text(self::call(call.as_str())?, text, r#final)?;
        self.report(&header, report).await.map(drop)
    }

    async fn report_ended(
        &self,
        call: ObjectPath<'_>,
        reason: String,
        text: String,
        at: u64,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<()> {
        self.own(&header)?;
        let report = words::ended(self::call(call.as_str())?, &reason, text, at)?;
        self.report(&header, report).await.map(drop)
    }

    async fn unregister(&self, #[zbus(header)] header: Header<'_>) -> Result<()> {
        self.own(&header)?;
        let id = self.id.clone();
        self.front.ask(|answer| Request::Unregister(id, answer)).await?;
        Ok(())
    }
}
