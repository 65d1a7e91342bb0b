//! A whole calling app: `example-provider +49301234` is called from there.

use std::collections::{HashMap, HashSet};

use futures_util::StreamExt as _;
use zbus::{
    Connection, MessageStream, ObjectPath, OwnedObjectPath, OwnedVariant, Proxy, Result, Variant,
};

const DAEMON: &str = "org.ahoycall.Provider1";
type Perform<'m> = (u32, &'m str, &'m str, OwnedObjectPath, HashMap<String, OwnedVariant>);

/// Makes us known to the daemon; gives what we report to.
async fn register(bus: &Connection) -> Result<Proxy<'static>> {
    let at = ("/org/ahoycall/Calls1", "org.ahoycall.Calls1.Registry");
    let options = HashMap::from([("schemes", Variant::from(vec!["tel"])), ("hold", true.into())]);
    let body = ("org.example.Rust", ObjectPath::try_from("/app")?, options);
    let us: OwnedObjectPath =
        Proxy::new(bus, DAEMON, at.0, at.1).await?.call("Register", &body).await?;
    Proxy::new(bus, DAEMON, us, "org.ahoycall.Calls1.Provider").await
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let bus = Connection::session().await?;
    let mut messages = MessageStream::from(&bus);
    let (dbus, rule) = (Some("org.freedesktop.DBus"), "arg0=org.ahoycall.Provider1");
    bus.call_method(dbus, "/", dbus, "AddMatch", &rule).await?;
    let (mut us, mut calls) = (register(&bus).await?, HashSet::new());
    for number in std::env::args().skip(1) {
        let who =
            [("remote", Variant::from(("tel", number))), ("capabilities", vec!["hold"].into())];
        let body = (uuid::Uuid::new_v4().to_string(), HashMap::from(who));
        calls.insert(us.call::<_, _, (OwnedObjectPath, String)>("ReportIncoming", &body).await?.0);
    }
    println!("registered");
    while let Some(message) = messages.next().await.transpose()? {
        let (header, body) = (message.header(), message.body());
        match header.member().map(|member| member.as_str()) {
            // The daemon is back, without our calls.
            Some("NameOwnerChanged") if !body.deserialize::<(&str, &str, &str)>()?.2.is_empty() => {
                (us, calls) = (register(&bus).await?, HashSet::new());
            }
            None | Some("NameAcquired" | "NameOwnerChanged") => {}
            Some("Perform") => {
                let (_, _, action, call, _): Perform<'_> = body.deserialize()?;
                println!("{action} {call}");
                let ours = calls.contains(&call) && ["answer", "end", "set-held"].contains(&action);
                if !ours && action != "start" {
                    bus.reply_error(&header, "org.example.Failed", &"not with this app").await?;
                    continue;
                }
                // Here a real app would carry it out: connect the media, then reply.
                bus.reply(&header, &()).await?;
                if action == "end" {
                    calls.remove(&call)
                } else {
                    calls.insert(call.clone())
                };
                if action == "start" {
                    us.call_method("ReportState", &(call, "active", 0_u64)).await?;
                }
            }
            Some(told) => {
                calls.retain(|_| told != "Reset");
                bus.reply(&header, &()).await?;
            }
        }
    }
    Ok(())
}
