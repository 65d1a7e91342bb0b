//! Vibration and light of phones (feedbackd, `org.sigxcpu.Feedback`; its event naming specification).
//!
//! Owns: the feedback that runs while it rings. Does not own: when it rings (the app), the ringtone
//! (the media worker: none is asked for here). Invariant: what was begun is ended when the ring does;
//! should we end before, feedbackd ends it with our connection.

use std::collections::HashMap;

use futures_util::StreamExt as _;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};
use zbus::{Connection, Message, MessageStream, Variant};

use crate::bus::{Remote, is_absence, owner_changes};

const NAME: &str = "org.sigxcpu.Feedback";
const PATH: &str = "/org/sigxcpu/Feedback";
const APP: &str = "org.ahoycall.Ahoy";
/// In force until it is ended.
const ENDLESS: i32 = 0;

/// A feedback: its event, and the loudest profile that it may take part in.
type Feedback = (&'static str, &'static str);
/// "quiet" leaves out what sounds: the ringtone is ours.
const RING: Feedback = ("phone-incoming-call", "quiet");
/// Themes light no lamp for a call that rings, but all light one for a call that was missed.
const LIGHT: Feedback = ("phone-missed-call", "silent");

/// What is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// It rings aloud.
    pub ring: bool,
    /// Its light, too, is to say so.
    pub flash: bool,
}

impl Wanted {
    fn feedbacks(self) -> impl Iterator<Item = Feedback> {
        let ring = self.ring.then_some(RING);
        ring.into_iter().chain((self.ring && self.flash).then_some(LIGHT))
    }
}

/// What runs.
#[derive(Default)]
struct Running {
    /// Unique name of who runs it; empty: nobody.
    server: String,
    ids: Vec<u32>,
}

/// What was said of a service that is not as wished.
#[derive(Default)]
struct Said {
    missing: bool,
    refusing: bool,
}

/// Has phones vibrate and light up while `wanted` says so, until `token` is cancelled.
pub async fn run(bus: Connection, mut wanted: watch::Receiver<Wanted>, token: CancellationToken) {
    let mut changes = match changes(&bus).await {
        Ok(changes) => changes,
        Err(error) => {
            warn!(%error, "no vibration: the bus does not tell who comes and goes");
            return token.cancelled().await;
        }
    };
    let (mut running, mut said) = (Running::default(), Said::default());
    let mut now = Wanted::default();
    loop {
        let came = tokio::select! {
            () = token.cancelled() => break,
            changed = wanted.changed() => match changed {
                Ok(()) => false,
                Err(_) => break,
            },
            change = changes.next() => {
                let Some(Ok(change)) = change else { break };
                let new = new_owner(&change);
                // One that our own question started: its coming is read after its answer.
                if new == running.server {
                    continue;
                }
                // What the old one ran went with it.
                running = Running::default();
                !new.is_empty()
            }
        };
        let next = *wanted.borrow_and_update();
        if next != now {
            end(&bus, std::mem::take(&mut running)).await;
        }
        if next != now || came {
            running = begin(&bus, next, &mut said).await;
        }
        now = next;
    }
    end(&bus, running).await;
    token.cancelled().await;
}

async fn changes(bus: &Connection) -> zbus::Result<MessageStream> {
    MessageStream::for_match_rule(owner_changes(Some(NAME))?, bus, None).await
}

/// Who has the name now; empty: nobody.
fn new_owner(change: &Message) -> String {
    let names: Result<(String, String, String), _> = change.body().deserialize();
    names.map(|(_, _, new)| new).unwrap_or_default()
}

/// The bus starts the service where it is installed. What runs now.
async fn begin(bus: &Connection, wanted: Wanted, said: &mut Said) -> Running {
    let mut running = Running::default();
    for (event, profile) in wanted.feedbacks() {
        let hints = HashMap::from([("profile", Variant::from(profile))]);
        let asked = Remote::new(bus, NAME, PATH, NAME);
        let reply = asked.call("TriggerFeedback", &(APP, event, hints, ENDLESS)).await;
        let id = reply.and_then(|reply| {
            let server = reply.header().sender().map(ToString::to_string);
            Ok((server.unwrap_or_default(), reply.body().deserialize()?))
        });
        match id {
            Ok((server, id)) => {
                running.server = server;
                running.ids.push(id);
            }
            Err(error) if is_absence(&error) => {
                if !std::mem::replace(&mut said.missing, true) {
                    info!("no vibration: feedbackd is not here");
                }
                break;
            }
            Err(error) if !std::mem::replace(&mut said.refusing, true) => {
                warn!(%error, "feedbackd does not vibrate: look at its profile and theme");
            }
            Err(error) => debug!(%error, event, "feedbackd"),
        }
    }
    running
}

async fn end(bus: &Connection, running: Running) {
    let Running { server, ids } = running;
    for id in ids {
        let asked = Remote::new(bus, &server, PATH, NAME).call("EndFeedback", &(id,)).await;
        if let Err(error) = asked {
            debug!(%error, "feedbackd");
        }
    }
}
