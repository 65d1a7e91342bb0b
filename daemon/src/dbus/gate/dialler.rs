//! What a sandboxed program may ask on `org.ahoycall.Calls1`: to dial, and what concerns its calls.
//!
//! Owns: which of its messages pass to the objects, and the answers to those that an object would
//! answer with other people's calls. Does not own: whether it may dial (the app asks the user).
//! Invariant: whatever is not its own is answered in one way, whether it exists or not.

use std::collections::HashMap;

use ahoy_core::id::CallId;
use zbus::{
    Connection, Message, ObjectPath, OwnedObjectPath, Variant, message::Header, names::UniqueName,
};

use super::super::{
    ROOT, call, call_of, call_path,
    error::{Error, Result},
    manager, optional_path,
    provider::{own, provider_of},
    value::BusDict,
};
use crate::app::request::{Caller, Door, Front, Request, Snapshot};

const MANAGER: &str = "org.ahoycall.Calls1.Manager";
const CALL: &str = "org.ahoycall.Calls1.Call";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

/// What is there for it at the root; its calls are told by the object manager.
const INTROSPECTED: &str = r#"<!DOCTYPE node PUBLIC "-//freedesktop//DTD D-BUS Object Introspection 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd">
<node>
  <interface name="org.ahoycall.Calls1.Manager">
    <method name="StartCall">
      <arg name="provider" type="s" direction="in"/>
      <arg name="handles" type="a(ss)" direction="in"/>
      <arg name="options" type="a{sv}" direction="in"/>
      <arg name="call" type="o" direction="out"/>
    </method>
    <property name="Version" type="s" access="read"/>
    <property name="State" type="s" access="read"/>
    <property name="RingingCall" type="o" access="read"/>
    <property name="ActiveCall" type="o" access="read"/>
  </interface>
  <interface name="org.freedesktop.DBus.ObjectManager">
    <method name="GetManagedObjects">
      <arg type="a{oa{sa{sv}}}" direction="out"/>
    </method>
  </interface>
</node>
"#;

/// The answers.
#[derive(Clone)]
pub(super) struct Dialler {
    front: Front,
}

type Properties = HashMap<&'static str, Variant<'static>>;

enum Answer {
    Path(OwnedObjectPath),
    Text(&'static str),
    Value(Variant<'static>),
    Values(Properties),
    Objects(HashMap<OwnedObjectPath, HashMap<&'static str, Properties>>),
}

/// The one answer to everything that is not its own.
fn closed() -> Error {
    let why = "a sandboxed app may dial, and see and control the calls that it dialled";
    Error::NotAuthorized(why.to_owned())
}

fn text(part: Option<impl ToString>) -> String {
    part.map(|part| part.to_string()).unwrap_or_default()
}

/// What of the manager's state is this app's.
fn state(view: &Snapshot, app: &str) -> Properties {
    let own = |call: Option<CallId>| call.filter(|call| view.app_of(*call) == Some(app));
    let (ringing, active) = (own(view.ringing), own(view.active));
    let word = match (ringing, active) {
        (Some(_), _) => "ringing",
        (None, Some(_)) => "in-call",
        (None, None) => "idle",
    };
    HashMap::from([
        ("Version", env!("CARGO_PKG_VERSION").into()),
        ("State", word.into()),
        ("RingingCall", ObjectPath::from(optional_path(ringing)).into()),
        ("ActiveCall", ObjectPath::from(optional_path(active)).into()),
    ])
}

impl Dialler {
    pub(super) const fn new(front: Front) -> Self {
        Self { front }
    }

    fn is_own(&self, app: &str, path: &str) -> bool {
        call_of(path).is_some_and(|call| self.front.view.borrow().app_of(call) == Some(app))
    }

    /// Whether an object answers this as it would anybody.
    pub(super) fn passes(&self, app: &str, name: &str, message: &Message) -> bool {
        let header = message.header();
        let (path, member) = (text(header.path()), text(header.member()));
        match text(header.interface()).as_str() {
            "org.freedesktop.DBus.Peer" => true,
            // A calling app that talks to the controllers' name has its own rules there.
            "org.ahoycall.Calls1.Registry" => path == ROOT && member == "Register",
            "org.ahoycall.Calls1.Provider" => self.owns_provider(name, &path),
            CALL => self.is_own(app, &path) && self.knows_other(app, &member, message),
            "org.freedesktop.DBus.Introspectable" => self.is_own(app, &path),
            PROPERTIES => self.is_own(app, &path) && asks_for(message, CALL),
            _ => false,
        }
    }

    fn owns_provider(&self, name: &str, path: &str) -> bool {
        let (Some(id), Ok(name)) = (provider_of(path), UniqueName::try_from(name)) else {
            return false;
        };
        own(&self.front, &id, Door::Calls, &name).is_ok()
    }

    /// Whether the other call that is named, if any, is its own, too.
    fn knows_other(&self, app: &str, member: &str, message: &Message) -> bool {
        if member != "Merge" {
            return true;
        }
        let other = message.body().deserialize::<OwnedObjectPath>();
        other.is_ok_and(|other| self.is_own(app, &other))
    }

    /// Answers what does not pass.
    pub(super) async fn answer(&self, bus: &Connection, app: &str, message: &Message) {
        let header = message.header();
        let sent = match self.method(app, &header, message).await {
            Ok(Answer::Path(path)) => bus.reply(&header, &path).await,
            Ok(Answer::Text(text)) => bus.reply(&header, &text).await,
            Ok(Answer::Value(value)) => bus.reply(&header, &(value,)).await,
            Ok(Answer::Values(values)) => bus.reply(&header, &(values,)).await,
            Ok(Answer::Objects(objects)) => bus.reply(&header, &(objects,)).await,
            Err(error) => bus.reply_dbus_error(&header, error).await,
        };
        if let Err(error) = sent {
            tracing::debug!(%error, "an app was not answered");
        }
    }

    async fn method(&self, app: &str, header: &Header<'_>, message: &Message) -> Result<Answer> {
        if text(header.path()) != ROOT {
            return Err(closed());
        }
        match (text(header.interface()).as_str(), text(header.member()).as_str()) {
            (MANAGER, "StartCall") => self.start(app, message).await,
            ("org.freedesktop.DBus.ObjectManager", "GetManagedObjects") => Ok(self.objects(app)),
            ("org.freedesktop.DBus.Introspectable", "Introspect") => Ok(Answer::Text(INTROSPECTED)),
            (PROPERTIES, "GetAll") if asks_for(message, MANAGER) => {
                Ok(Answer::Values(state(&self.front.view.borrow(), app)))
            }
            (PROPERTIES, "Get") if asks_for(message, MANAGER) => {
                let (_, name): (String, String) = body(message)?;
                let mut all = state(&self.front.view.borrow(), app);
                all.remove(name.as_str()).map(Answer::Value).ok_or_else(closed)
            }
            _ => Err(closed()),
        }
    }

    async fn start(&self, app: &str, message: &Message) -> Result<Answer> {
        let (provider, handles, options): (String, Vec<(String, String)>, BusDict) = body(message)?;
        let wish = manager::wish(provider, handles, options)?;
        if !wish.contact_id.is_empty() || wish.handle.0.is_empty() {
            // Which ids and names there are is the address book's to know.
            return Err(closed());
        }
        let from = Caller::App(app.to_owned());
        let call = self.front.ask(|answer| Request::Start(wish, from, answer)).await?;
        Ok(Answer::Path(call_path(call)))
    }

    fn objects(&self, app: &str) -> Answer {
        let own: Vec<CallId> = {
            let view = self.front.view.borrow();
            view.calls.keys().copied().filter(|call| view.app_of(*call) == Some(app)).collect()
        };
        let object = |call| {
            let properties = call::all_properties(&self.front, call);
            (call_path(call), HashMap::from([(CALL, properties)]))
        };
        Answer::Objects(own.into_iter().map(object).collect())
    }
}

/// Whether a message to `Properties` is about this interface.
fn asks_for(message: &Message, interface: &str) -> bool {
    let body = message.body();
    match text(message.header().member()).as_str() {
        "GetAll" => body.deserialize::<&str>().is_ok_and(|name| name == interface),
        "Get" => body.deserialize::<(&str, &str)>().is_ok_and(|(name, _)| name == interface),
        _ => false,
    }
}

fn body<T>(message: &Message) -> Result<T>
where
    T: serde::de::DeserializeOwned + zbus::Type,
{
    message.body().deserialize().map_err(|error| Error::InvalidArgument(error.to_string()))
}
