//! Checks of the session: bus, daemon, unit, sound server, notifications, programs, camera.
//!
//! Owns: these checks. Invariant: looking starts nothing; above all, a daemon that is not running
//! stays so.

use std::{
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
};

use zbus::{Connection, OwnedVariant};

use super::{Check, data_home, env_dir, home, own_dir};
use crate::{
    bus::{self, Bus},
    error::Result,
};

const DBUS: &str = "org.freedesktop.DBus";
const NOTIFICATIONS: &str = "org.freedesktop.Notifications";

pub(super) async fn bus() -> Result<Bus> {
    Ok(Bus::connect().await?)
}

async fn has_owner(connection: &Connection, name: &str) -> bool {
    let reply = connection
        .call_method(Some(DBUS), "/org/freedesktop/DBus", Some(DBUS), "NameHasOwner", &(name,))
        .await;
    reply.ok().and_then(|m| m.body().deserialize::<bool>().ok()).unwrap_or_default()
}

async fn can_be_started(connection: &Connection, name: &str) -> bool {
    let reply = connection
        .call_method(Some(DBUS), "/org/freedesktop/DBus", Some(DBUS), "ListActivatableNames", &())
        .await;
    reply
        .ok()
        .and_then(|m| m.body().deserialize::<Vec<String>>().ok())
        .is_some_and(|names| names.iter().any(|n| n == name))
}

pub(super) async fn daemon(bus: Option<&Bus>) -> Check {
    let name = "call service";
    let start = "systemctl --user start ahoyd    (log: journalctl --user -u ahoyd -n 20)";
    let Some(bus) = bus else {
        return Check::missing(name, "no bus to find it on", start);
    };
    if !has_owner(bus.connection(), bus::NAME).await {
        if can_be_started(bus.connection(), bus::NAME).await {
            return Check::warn(name, "ahoyd is not running; the first call starts it", start);
        }
        return Check::missing(
            name,
            "ahoyd is neither running nor installed",
            "Install it: contrib/run in the source directory",
        );
    }
    match bus.property(bus::MANAGER, "Version").await {
        Ok(version) => {
            let version = <&str>::try_from(&version).unwrap_or_default();
            let ours = env!("CARGO_PKG_VERSION");
            if version == ours {
                Check::ok(name, format!("ahoyd {version} is running"))
            } else {
                Check::warn(
                    name,
                    format!("ahoyd {version} is running, ahoyctl is {ours}"),
                    "systemctl --user restart ahoyd",
                )
            }
        }
        Err(error) => Check::missing(name, error.to_string(), "systemctl --user restart ahoyd"),
    }
}

pub(super) async fn notifications(bus: Option<&Bus>) -> Check {
    let name = "notifications";
    let fix = "Install a notification server: GNOME and KDE have one; else: sudo apt install dunst";
    let Some(bus) = bus else {
        return Check::warn(name, "no bus to find a server on", fix);
    };
    let connection = bus.connection();
    if !has_owner(connection, NOTIFICATIONS).await {
        if can_be_started(connection, NOTIFICATIONS).await {
            return Check::ok(name, "a server is installed and starts when needed");
        }
        return Check::warn(name, "no notification server: ringing shows no buttons", fix);
    }
    let ask = |method: &'static str| {
        let path = "/org/freedesktop/Notifications";
        connection.call_method(Some(NOTIFICATIONS), path, Some(NOTIFICATIONS), method, &())
    };
    let server = ask("GetServerInformation")
        .await
        .ok()
        .and_then(|m| m.body().deserialize::<(String, String, String, String)>().ok());
    let capabilities = ask("GetCapabilities")
        .await
        .ok()
        .and_then(|m| m.body().deserialize::<Vec<String>>().ok())
        .unwrap_or_default();
    let shown = server.map(|(name, _, version, _)| format!("{name} {version}")).unwrap_or_default();
    if capabilities.iter().any(|c| c == "actions") {
        Check::ok(name, format!("{shown}, with buttons"))
    } else {
        Check::warn(
            name,
            format!("{shown} offers no buttons"),
            "Answer in the popup window, with a key, or with ahoyctl answer.",
        )
    }
}

pub(super) fn pipewire() -> Check {
    let name = "PipeWire";
    let dir = env_dir("PIPEWIRE_RUNTIME_DIR").or_else(|| env_dir("XDG_RUNTIME_DIR"));
    let Some(dir) = dir else {
        return Check::missing(
            name,
            "XDG_RUNTIME_DIR is not set",
            "Run this inside your desktop session.",
        );
    };
    let remote = std::env::var("PIPEWIRE_REMOTE").unwrap_or_else(|_| "pipewire-0".into());
    let socket = dir.join(remote);
    match UnixStream::connect(&socket) {
        Ok(_) => Check::ok(name, format!("answers at {}", socket.display())),
        Err(error) => Check::missing(
            name,
            format!("no answer at {} ({error})", socket.display()),
            "sudo apt install pipewire wireplumber\n\
             systemctl --user enable --now pipewire wireplumber",
        ),
    }
}

pub(super) fn workers() -> Vec<Check> {
    let parts = [
        ("ahoy-media", "calls have no sound and no picture"),
        ("ahoy-voice", "voice commands are off"),
    ];
    parts
        .into_iter()
        .map(|(program, without)| match find_program(program) {
            Some(path) => Check::ok(program, path.display().to_string()),
            None if program == "ahoy-media" => {
                Check::missing(program, format!("not found: {without}"), "Build it: contrib/run")
            }
            None => Check::warn(program, format!("not found: {without}"), "Build it: contrib/run"),
        })
        .collect()
}

/// Beside us, in the places packages use, then in PATH.
fn find_program(program: &str) -> Option<PathBuf> {
    let own = own_dir();
    let beside = own
        .iter()
        .flat_map(|dir| {
            let beside = |name: &str| dir.parent().map(|prefix| prefix.join(name));
            [Some(dir.clone()), beside("libexec/ahoy"), beside("lib/ahoy")]
        })
        .flatten();
    let system = ["/usr/local/libexec/ahoy", "/usr/libexec/ahoy", "/usr/lib/ahoy"];
    let path = std::env::var_os("PATH").unwrap_or_default();
    beside
        .chain(system.into_iter().map(PathBuf::from))
        .chain(std::env::split_paths(&path))
        .map(|dir| dir.join(program))
        .find(|file| {
            rustix::fs::access(file, rustix::fs::Access::EXEC_OK).is_ok() && file.is_file()
        })
}

pub(super) fn camera() -> Check {
    let found = (0..64).map(|n| PathBuf::from(format!("/dev/video{n}"))).find(|p| p.exists());
    match found {
        Some(path) => {
            let opened = std::fs::OpenOptions::new().read(true).write(true).open(&path);
            match opened {
                Ok(_) => Check::ok("camera", path.display().to_string()),
                Err(error) => Check::warn(
                    "camera",
                    format!("{}: {error}", path.display()),
                    "sudo usermod -aG video $USER, then log in again",
                ),
            }
        }
        None => Check::warn(
            "camera",
            "none found: you see others, they do not see you",
            "Plug one in; calls work without.",
        ),
    }
}

pub(super) fn unit() -> Check {
    let dirs = [
        env_dir("XDG_CONFIG_HOME").or_else(|| home().map(|h| h.join(".config"))),
        data_home(),
        Some(PathBuf::from("/etc")),
        Some(PathBuf::from("/usr/local/lib")),
        Some(PathBuf::from("/usr/lib")),
    ];
    let found = dirs
        .into_iter()
        .flatten()
        .map(|dir| dir.join("systemd/user/ahoyd.service"))
        .find(|file| file.is_file());
    match found {
        Some(file) => Check::ok("systemd unit", file.display().to_string()),
        None => Check::warn(
            "systemd unit",
            "ahoyd.service is not installed: ahoyd must be started by hand",
            "Install it: contrib/run",
        ),
    }
}

pub(super) fn linger() -> Check {
    let user = std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_default();
    // A user name is a file name; anything else is not worth a look.
    let known = !user.is_empty() && !user.contains('/');
    if known && Path::new("/var/lib/systemd/linger").join(&user).exists() {
        return Check::ok("linger", "ahoyd also runs while you are not logged in");
    }
    Check::ok(
        "linger",
        "off: calls reach you only while you are logged in (to change: loginctl enable-linger)",
    )
}

/// The port on which other people's Ahoy reaches this one: a setting, "24690" or "address:24690".
pub(super) async fn port(bus: &Bus) -> Option<u64> {
    let value: OwnedVariant = bus.call(bus::SETTINGS, "Get", &("link.listen",)).await.ok()?;
    let value = crate::value::to_json(&value);
    let port = match value.as_str() {
        Some(text) => text.rsplit(':').next()?.parse().ok()?,
        None => value.as_u64()?,
    };
    // 0 means a free one, which only a running ahoyd knows.
    (port > 0).then_some(port)
}
