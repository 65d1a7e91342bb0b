//! A call that one gets from oneself, to see how it rings.
//!
//! Owns: an app of one call, as any other is (`org.ahoycall.Provider1`). Does not own: ringing: that is the call
//! service's, from the notification to the lock screen. Invariant: the call ends within [`LONGEST`], and the app with
//! it; nobody is called.

use std::{collections::HashMap, time::Duration};

use futures_util::StreamExt as _;
use zbus::{
    Connection, Message, MessageStream, ObjectPath, OwnedObjectPath, OwnedVariant, Variant, message,
};

const SERVICE: &str = "org.ahoycall.Provider1";
const ROOT: &str = "/org/ahoycall/Calls1";
/// Who is to be seen calling.
const ID: &str = "org.ahoycall.Ahoy.Test";
const OURS: &str = "/org/ahoycall/Ahoy/Test";
/// A call that rings here is missed after a minute; one that was answered is talked in by nobody.
const LONGEST: Duration = Duration::from_secs(90);

/// Rings until it was ended, declined or missed. `name`: what the call is called.
pub(crate) async fn ring(name: String) -> zbus::Result<()> {
    let bus = Connection::session().await?;
    // Before there is anything that could be asked.
    let messages = MessageStream::from(&bus);
    let us = register(&bus).await?;
    let done = tokio::time::timeout(LONGEST, run(&bus, &us, messages, &name)).await;
    // The app goes, and its call with it.
    let left = report::<_, ()>(&bus, &us, "Unregister", &()).await;
    done.unwrap_or(Ok(())).and(left)
}

async fn register(bus: &Connection) -> zbus::Result<OwnedObjectPath> {
    let options = HashMap::from([("schemes", Variant::from(vec!["test"]))]);
    let (body, interface) =
        ((ID, ObjectPath::try_from(OURS)?, options), "org.ahoycall.Calls1.Registry");
    let reply = bus.call_method(Some(SERVICE), ROOT, Some(interface), "Register", &body).await?;
    reply.body().deserialize()
}

async fn report<B, R>(
    bus: &Connection,
    us: &OwnedObjectPath,
    method: &str,
    body: &B,
) -> zbus::Result<R>
where
    B: serde::Serialize + zbus::DynamicType + Sync,
    R: serde::de::DeserializeOwned + zbus::Type,
{
    let interface = Some("org.ahoycall.Calls1.Provider");
    let reply = bus.call_method(Some(SERVICE), us, interface, method, body).await?;
    reply.body().deserialize()
}

async fn run(
    bus: &Connection,
    us: &OwnedObjectPath,
    mut messages: MessageStream,
    name: &str,
) -> zbus::Result<()> {
    let who = HashMap::from([
        ("remote", Variant::from(("test", "ahoy"))),
        ("name", Variant::from(name)),
        // Nobody called.
        ("log", Variant::from(false)),
    ]);
    let id = gtk::glib::uuid_string_random().to_string();
    let (_call, _how): (OwnedObjectPath, String) =
        report(bus, us, "ReportIncoming", &(id, who)).await?;
    while let Some(message) = messages.next().await.transpose()? {
        let is_for_us = message.header().path().is_some_and(|path| path.as_str() == OURS);
        if message.message_type() != message::Type::MethodCall || !is_for_us {
            continue;
        }
        if answer(bus, &message).await? {
            break;
        }
    }
    Ok(())
}

/// Carries out what is asked; whether that was the end.
async fn answer(bus: &Connection, message: &Message) -> zbus::Result<bool> {
    type Perform = (u32, String, String, OwnedObjectPath, HashMap<String, OwnedVariant>);
    let (header, body) = (message.header(), message.body());
    let member = header.member().map(ToString::to_string).unwrap_or_default();
    if member == "Reset" {
        bus.reply(&header, &()).await?;
        return Ok(true);
    }
    let action = match member.as_str() {
        "Perform" => body.deserialize::<Perform>()?.2,
        _ => String::new(),
    };
    if member == "Perform" && !["answer", "end"].contains(&action.as_str()) {
        let why = "a test cannot do that";
        bus.reply_error(&header, "org.ahoycall.Error.NotSupported", &why).await?;
        return Ok(false);
    }
    bus.reply(&header, &()).await?;
    Ok(action == "end")
}
