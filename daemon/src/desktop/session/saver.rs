//! The words of the screen savers on the session bus, and nothing more.
//!
//! Owns: `org.freedesktop.ScreenSaver` (KDE and others) and `org.gnome.ScreenSaver` (GNOME and its
//! relatives). Does not own: what follows. Invariant: only who owns a name is asked, so nobody is
//! started by us and nobody else is believed.

use futures_util::{Stream, StreamExt as _, stream};
use zbus::{Connection, MatchRule, MessageStream, message::Type};

use super::Heard;
use crate::bus::{Remote, owner, owner_changes};

/// Each service is also the name of its interface.
const SAVERS: [(&str, &str); 2] = [
    ("org.freedesktop.ScreenSaver", "/org/freedesktop/ScreenSaver"),
    ("org.gnome.ScreenSaver", "/org/gnome/ScreenSaver"),
];

/// Something may have changed: a saver came, went, or says so.
pub(super) async fn signals(bus: &Connection) -> zbus::Result<impl Stream<Item = Heard> + use<>> {
    let mut streams = Vec::new();
    for (name, path) in SAVERS {
        let came = owner_changes(Some(name))?;
        let changed = MatchRule::builder()
            .msg_type(Type::Signal)
            .sender(name)
            .interface(name)
            .member("ActiveChanged")
            .path(path)
            .build()?;
        for rule in [came, changed] {
            streams.push(MessageStream::for_match_rule(rule, bus, None).await?);
        }
    }
    // Forged or not, a signal only makes us ask.
    Ok(stream::select_all(streams).map(|_| Heard::Changed))
}

/// Whether any saver says that it covers the screen.
pub(super) async fn is_active(bus: &Connection) -> bool {
    let mut active = false;
    for (name, path) in SAVERS {
        let Some(owner) = owner(bus, name).await else { continue };
        match Remote::new(bus, &owner, path, name).call("GetActive", &()).await {
            Ok(reply) => active |= reply.body().deserialize().unwrap_or(false),
            // GNOME's org.freedesktop.ScreenSaver only inhibits; the other name answers there.
            Err(error) => {
                tracing::debug!(name, %error, "a screen saver does not say whether it is on")
            }
        }
    }
    active
}
