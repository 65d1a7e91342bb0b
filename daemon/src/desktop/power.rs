//! Whether the user wants the machine to save power (power-profiles-daemon, or what stands in for it).
//!
//! Owns: reading the active profile, and hearing when to read it again. Does not own: what is done less
//! of (the app). Invariant: a signal only says "look again"; what is told is what the service answered
//! after it. Without one nothing is saved.

use futures_util::{StreamExt as _, stream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::debug;
use zbus::{Connection, MatchRule, MessageStream, OwnedVariant, message::Type};

use crate::bus::{Remote, is_absence, owner, owner_changes, system};

const SAVING: &str = "power-saver";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

/// A name of the service; its object's interface has it too.
struct Service {
    name: &'static str,
    path: &'static str,
}

/// Under its name since version 0.20, and before.
const SERVICES: [Service; 2] = [
    Service {
        name: "org.freedesktop.UPower.PowerProfiles",
        path: "/org/freedesktop/UPower/PowerProfiles",
    },
    Service { name: "net.hadess.PowerProfiles", path: "/net/hadess/PowerProfiles" },
];

/// Tells `saves` until `token` is cancelled. `system_bus`: its address, where it is not the usual one.
pub async fn run(system_bus: Option<String>, saves: watch::Sender<bool>, token: CancellationToken) {
    let follow = async {
        let Err(error) = follow(system_bus.as_deref(), &saves).await else { return };
        debug!(%error, "whether power is to be saved is not known");
        saves.send_replace(false);
    };
    tokio::select! {
        () = token.cancelled() => return,
        () = follow => {}
    }
    token.cancelled().await;
}

async fn follow(system_bus: Option<&str>, saves: &watch::Sender<bool>) -> zbus::Result<()> {
    let bus = system(system_bus).await?;
    let mut changes = stream::SelectAll::new();
    for Service { name, path } in SERVICES {
        let told = MatchRule::builder().msg_type(Type::Signal).sender(name).path(path);
        let told = told.interface(PROPERTIES).member("PropertiesChanged").build()?;
        for rule in [told, owner_changes(Some(name))?] {
            changes.push(MessageStream::for_match_rule(rule, &bus, None).await?);
        }
    }
    loop {
        let now = is_saving(&bus).await;
        saves.send_if_modified(|told| std::mem::replace(told, now) != now);
        if changes.next().await.is_none() {
            return Ok(());
        }
    }
}

/// Nobody is started for this.
async fn is_saving(bus: &Connection) -> bool {
    for Service { name, path } in SERVICES {
        let Some(owner) = owner(bus, name).await else { continue };
        let properties = Remote::new(bus, &owner, path, PROPERTIES);
        let reply = properties.call("Get", &(name, "ActiveProfile")).await;
        match reply.and_then(|reply| reply.body().deserialize::<OwnedVariant>()) {
            Ok(profile) => return String::try_from(profile).is_ok_and(|name| name == SAVING),
            Err(error) if is_absence(&error) => {}
            Err(error) => debug!(%error, "the power profile"),
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead as _, BufReader},
        process::{Command, Stdio},
        sync::{Arc, Mutex},
        time::Duration,
    };

    use zbus::{connection::Builder, interface};

    use super::*;

    struct Profiles(Arc<Mutex<&'static str>>);

    #[interface(name = "net.hadess.PowerProfiles")]
    impl Profiles {
        #[zbus(property)]
        fn active_profile(&self) -> String {
            (*self.0.lock().expect("lock")).to_owned()
        }
    }

    async fn becomes(saves: &mut watch::Receiver<bool>, wanted: bool) {
        let waited = saves.wait_for(|saves| *saves == wanted);
        tokio::time::timeout(Duration::from_secs(20), waited)
            .await
            .unwrap_or_else(|_| panic!("never {wanted}"))
            .expect("it runs");
    }

    #[tokio::test]
    async fn the_profile_is_followed_while_its_service_comes_changes_and_goes() {
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
        let address = address.trim().to_owned();
        let (tell, mut saves) = watch::channel(true);
        let token = CancellationToken::new();
        let task = tokio::spawn(run(Some(address.clone()), tell, token.clone()));
        becomes(&mut saves, false).await;
        let profile = Arc::new(Mutex::new("power-saver"));
        let path = SERVICES[1].path;
        let service = Builder::address(address.as_str())
            .serve_at(path, Profiles(profile.clone()))
            .name("net.hadess.PowerProfiles")
            .build()
            .await
            .expect("connected");
        becomes(&mut saves, true).await;
        *profile.lock().expect("lock") = "balanced";
        let object = service.object_server().interface::<_, Profiles>(path).await.expect("there");
        object.get().await.active_profile_changed(object.signal_emitter()).await.expect("told");
        becomes(&mut saves, false).await;
        *profile.lock().expect("lock") = "power-saver";
        object.get().await.active_profile_changed(object.signal_emitter()).await.expect("told");
        becomes(&mut saves, true).await;
        service.close().await.expect("closed");
        becomes(&mut saves, false).await;
        token.cancel();
        task.await.expect("ran");
        bus.kill().expect("running");
        bus.wait().expect("killed");
    }
}
