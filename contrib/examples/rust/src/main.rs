//! A whole calling app: `example-provider +49301234` is called from there.

use std::collections::{HashMap, HashSet};

use futures_util::StreamExt as _;
use zbus::{Connection, MessageStream, ObjectPath, OwnedObjectPath, Proxy, Result, Variant};

const DAEMON: &str = "org.ahoycall.Provider1";
type Perform<'m> = (u32, &'m str, &'m str, OwnedObjectPath, HashMap<String, zbus::OwnedVariant>);

/// Makes us known to the daemon; gives what we report to.
async fn register(bus: &Connection) -> Result<Proxy<'static>> {
    let registry = Proxy::new(bus, DAEMON, "/org/ahoycall/Calls1", "org.ahoycall.Calls1.Registry");
    let options = HashMap::from([("schemes", Variant::from(vec!["tel"])), ("hold", true.into())]);
    let body = ("org.example.Rust", ObjectPath::try_from("/app")?, options);
    let us: OwnedObjectPath = registry.await?.call("Register", &body).await?;
    Proxy::new(bus, DAEMON, us, "org.ahoycall.Calls1.Provider").await
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let bus = Connection::session().await?;
    let (mut messages, dbus) = (MessageStream::from(&bus), Some("org.freedesktop.DBus"));
    bus.call_method(dbus, "/", dbus, "AddMatch", &format!("arg0={DAEMON}")).await?;
    let (mut us, mut calls) = (register(&bus).await?, HashSet::new());
    for them in std::env::args().skip(1) {
        let who = [("remote", Variant::from(("tel", them))), ("capabilities", vec!["hold"].into())];
        let body = (uuid::Uuid::new_v4().to_string(), HashMap::from(who));
        let (call, how): (OwnedObjectPath, String) = us.call("ReportIncoming", &body).await?;
        println!("comes in: {how}");
        calls.insert(call);
    }
    while let Some(message) = messages.next().await.transpose()? {
        let (header, body) = (message.header(), message.body());
        let told = header.member().map(ToString::to_string).unwrap_or_default();
        if told == "NameOwnerChanged" && !body.deserialize::<(&str, &str, &str)>()?.2.is_empty() {
            (us, calls) = (register(&bus).await?, HashSet::new()); // the daemon is back
        } else if told == "Perform" {
            let (_, _, action, call, _): Perform<'_> = body.deserialize()?;
            let ours = calls.contains(&call) && ["answer", "end", "set-held"].contains(&action);
            if !ours && action != "start" {
                bus.reply_error(&header, "org.example.Failed", &"not with this app").await?;
                continue;
            }
            // Here a real app would carry it out: connect the media, then reply.
            bus.reply(&header, &()).await?;
            calls.insert(call.clone());
            calls.retain(|one| action != "end" || *one != call);
            if action == "start" {
                us.call_method("ReportState", &(call, "active", 0_u64)).await?;
            }
        } else if message.message_type() == zbus::message::Type::MethodCall {
            calls.retain(|_| told != "Reset");
            bus.reply(&header, &()).await?;
        }
    }
    Ok(())
}
