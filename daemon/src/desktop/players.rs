//! Music and films make room for calls (MPRIS, `org.mpris.MediaPlayer2`).
//!
//! Owns: which players we paused. Does not own: when (the app). Invariant: only what played is
//! paused, and only what we paused and nobody touched since goes on: a player that was stopped,
//! started or ended meanwhile is the user's again.

use std::{
    collections::{BTreeSet, HashMap},
    future::Future,
    time::Duration,
};

use futures_util::{StreamExt as _, future::join_all};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};
use zbus::{Connection, MatchRule, Message, MessageStream, OwnedVariant, message::Type};

use crate::bus::{BUS, Remote, owner};

const NAMES: &str = "org.mpris.MediaPlayer2.";
/// Stands in front of another player and would be one player twice.
const MIRROR: &str = "org.mpris.MediaPlayer2.playerctld";
const PATH: &str = "/org/mpris/MediaPlayer2";
const PLAYER: &str = "org.mpris.MediaPlayer2.Player";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
const PAUSED: &str = "Paused";
/// A player that takes longer plays on.
const LIMIT: Duration = Duration::from_secs(1);
/// Players that are looked at.
const MOST: usize = 32;

/// Those that we paused, by unique name.
#[derive(Default)]
struct Paused(BTreeSet<String>);

impl Paused {
    /// A player says what it does now. Only one that rests as we left it is ours to start.
    fn hear(&mut self, said: Option<(String, String)>) {
        if let Some((player, status)) = said
            && status != PAUSED
        {
            self.0.remove(&player);
        }
    }
}

/// Pauses players while `wanted` says so, until `token` is cancelled; then those that we paused go on.
pub async fn run(bus: Connection, mut wanted: watch::Receiver<bool>, token: CancellationToken) {
    let mut said = match said(&bus).await {
        Ok(said) => said,
        Err(error) => {
            warn!(%error, "players are not paused in calls");
            return token.cancelled().await;
        }
    };
    let mut paused = Paused::default();
    loop {
        let changed = tokio::select! {
            () = token.cancelled() => break,
            changed = wanted.changed() => changed,
            signal = said.next() => {
                // A closed bus has no more to say, at once and for ever.
                let Some(signal) = signal else { break };
                paused.hear(signal.ok().and_then(|signal| status(&signal)));
                continue;
            }
        };
        if changed.is_err() {
            break;
        }
        if *wanted.borrow_and_update() {
            let found = while_hearing(&mut said, &mut paused, pause_all(&bus)).await;
            paused.0.extend(found);
        } else {
            resume_all(&bus, std::mem::take(&mut paused)).await;
        }
    }
    resume_all(&bus, paused).await;
    token.cancelled().await;
}

/// What players say of themselves.
async fn said(bus: &Connection) -> zbus::Result<MessageStream> {
    let rule = MatchRule::builder()
        .msg_type(Type::Signal)
        .interface(PROPERTIES)
        .member("PropertiesChanged")
        .path(PATH)
        .add_arg(PLAYER)
        .build()?;
    MessageStream::for_match_rule(rule, bus, None).await
}

/// Takes signals off the bus also while players are asked, so that their answers get through.
async fn while_hearing<T>(
    said: &mut MessageStream,
    paused: &mut Paused,
    work: impl Future<Output = T>,
) -> T {
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return done,
            Some(signal) = said.next() => {
                paused.hear(signal.ok().and_then(|signal| status(&signal)));
            }
        }
    }
}

/// Who changed its status to what.
fn status(signal: &Message) -> Option<(String, String)> {
    let sender = signal.header().sender()?.to_string();
    let body = signal.body();
    let (_, mut changed, _): (String, HashMap<String, OwnedVariant>, Vec<String>) =
        body.deserialize().ok()?;
    let status = String::try_from(changed.remove("PlaybackStatus")?).ok()?;
    Some((sender, status))
}

/// Pauses all that play; gives the unique names of those that did.
async fn pause_all(bus: &Connection) -> Vec<String> {
    let reply = Remote::new(bus, BUS, "/org/freedesktop/DBus", BUS).call("ListNames", &()).await;
    let names = reply.and_then(|reply| reply.body().deserialize::<Vec<String>>());
    let mut names = names.unwrap_or_default();
    let own = bus.unique_name().map(|name| name.as_str());
    names.retain(|name| name.starts_with(NAMES) && name != MIRROR);
    names.truncate(MOST);
    let each = names.iter().map(|name| async move {
        // Media keys for calls come by way of a player, too: ours.
        let unique = owner(bus, name).await.filter(|unique| own != Some(unique.as_str()))?;
        pause(bus, &unique).await.then_some(unique)
    });
    let mut found: Vec<String> = join_all(each).await.into_iter().flatten().collect();
    found.sort();
    found.dedup();
    debug!(players = found.len(), "paused");
    found
}

async fn pause(bus: &Connection, player: &str) -> bool {
    let plays = playback(bus, player).await.is_some_and(|status| status == "Playing");
    plays && ask(bus, player, "Pause").await
}

async fn resume_all(bus: &Connection, paused: Paused) {
    let each = paused.0.iter().map(|player| async move {
        if playback(bus, player).await.is_some_and(|status| status == PAUSED) {
            ask(bus, player, "Play").await;
        }
    });
    join_all(each).await;
}

async fn playback(bus: &Connection, player: &str) -> Option<String> {
    let properties = Remote::new(bus, player, PATH, PROPERTIES);
    let reply = properties.call_within(LIMIT, "Get", &(PLAYER, "PlaybackStatus")).await.ok()?;
    let value: OwnedVariant = reply.body().deserialize().ok()?;
    String::try_from(value).ok()
}

async fn ask(bus: &Connection, player: &str, method: &str) -> bool {
    let asked = Remote::new(bus, player, PATH, PLAYER).call_within(LIMIT, method, &()).await;
    if let Err(error) = &asked {
        debug!(player, method, %error, "a player");
    }
    asked.is_ok()
}
