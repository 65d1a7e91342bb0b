//! One action at a time, beside the bus alone.
//!
//! Owns: the two loops. Does not own: apps. Invariant: both go the same way through the same
//! `dbus-daemon`: from a controller to somebody in the middle, on to a third, and back.

use std::{sync::mpsc, thread, time::Instant};

use ahoy_trial::{
    Result, Stage, Trouble,
    bus::{Bus, Dict, Signal},
    until,
};
use zbus::{Connection, connection::Builder, fdo, interface};

use super::{
    Size,
    app::{App, Shared},
    host::Host,
    runtime, spread,
};
use crate::{figure, progress};

const RELAY: &str = "org.example.Relay";
const ECHO: &str = "org.example.Echo";
const PLACE: &str = "/bench";

/// The third: answers.
struct Echo;

#[interface(name = "org.example.Echo")]
impl Echo {
    fn ask(&self, on: bool) -> bool {
        on
    }
}

/// The one in the middle: asks the third, and answers when that has.
struct Relay(Connection);

#[interface(name = "org.example.Relay")]
impl Relay {
    async fn ask(&self, on: bool) -> fdo::Result<bool> {
        let asked = self.0.call_method(Some(ECHO), PLACE, Some(ECHO), "Ask", &(on,)).await?;
        Ok(asked.body().deserialize()?)
    }
}

/// Something that lives on a connection, on a thread of its own like a process of its own; what it
/// says of itself.
fn apart<F, T, W>(make: impl FnOnce(String) -> F + Send + 'static, address: &str) -> Result<W>
where
    F: Future<Output = Result<(T, W)>>,
    T: 'static,
    W: Send + 'static,
{
    let address = address.to_owned();
    let (tell, told) = mpsc::channel();
    let live = move || {
        let made = runtime().and_then(|runtime| {
            let made = runtime.block_on(make(address))?;
            Ok((runtime, made))
        });
        match made {
            Ok((runtime, (_made, word))) => {
                let _ = tell.send(Ok(word));
                // Until the process ends.
                runtime.block_on(std::future::pending::<()>());
            }
            Err(trouble) => drop(tell.send(Err(trouble))),
        }
    };
    let thread = thread::Builder::new().name("peer".to_owned()).spawn(live);
    thread.map_err(Trouble::io("a thread"))?;
    told.recv().unwrap_or_else(|_| Err(Trouble::Wrong("a peer of the bench ended".to_owned())))
}

async fn relay(address: String) -> Result<(Connection, ())> {
    let own = Builder::address(address.as_str()).build().await.map_err(Trouble::bus("relay"))?;
    let served = Builder::address(address.as_str()).serve_at(PLACE, Relay(own)).name(RELAY);
    Ok((served.build().await.map_err(Trouble::bus("relay"))?, ()))
}

async fn echo(address: String) -> Result<(Connection, ())> {
    let served = Builder::address(address.as_str()).serve_at(PLACE, Echo).name(ECHO);
    Ok((served.build().await.map_err(Trouble::bus("echo"))?, ()))
}

/// An app with a call that is on.
async fn talking(address: String) -> Result<(App, String)> {
    let mut app = App::register(&address, 0, Shared::default()).await?;
    let call = app.talk().await?;
    Ok((app, call))
}

fn microseconds(begin: Instant, end: Instant) -> f64 {
    end.saturating_duration_since(begin).as_secs_f64() * 1e6
}

/// The peer: the same way with nobody thinking about it.
fn bare(bus: &Bus, rounds: usize) -> Result<Vec<f64>> {
    let mut times = Vec::with_capacity(rounds);
    for round in 0..rounds {
        let begin = Instant::now();
        bus.ask::<_, bool>((RELAY, PLACE, RELAY), "Ask", &(round % 2 == 0,))?;
        times.push(microseconds(begin, Instant::now()));
    }
    Ok(times)
}

/// Whether a signal says that a call's microphone is open or closed now.
fn tells_muted(signal: &Signal, call: &str) -> bool {
    let changed = || signal.body::<(String, Dict, Vec<String>)>();
    signal.path == call
        && signal.member == "PropertiesChanged"
        && changed().is_some_and(|(_, changed, _)| changed.contains_key("Muted"))
}

/// From the method to its reply, and to the change that everyone sees.
fn actions(bus: &Bus, call: &str, rounds: usize) -> Result<(Vec<f64>, Vec<f64>)> {
    let (mut replies, mut changes) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let seen = bus.seen();
        let begin = Instant::now();
        bus.on_call(call, "SetMuted", &(round % 2 == 0,))?;
        replies.push(microseconds(begin, Instant::now()));
        let told = || {
            let signals = bus.signals(seen);
            signals.iter().find(|one| tells_muted(one, call)).map(|one| one.at)
        };
        changes.push(microseconds(begin, until("the change", told)?));
    }
    Ok((replies, changes))
}

pub(super) fn run(stage: &Stage, size: &Size) -> Result<()> {
    progress("one action at a time, and the bus alone");
    let host = Host::start(stage, "latency")?;
    let address = host.bus.address.clone();
    apart(relay, &address)?;
    apart(echo, &address)?;
    let call = apart(talking, &address)?;
    let bus = &host.person.bus;
    // Both warm.
    bare(bus, 20)?;
    actions(bus, &call, 20)?;
    let peer = spread("bus_three_hops", bare(bus, size.actions)?, "us");
    let (replies, changes) = actions(bus, &call, size.actions)?;
    spread("action_to_reply", replies, "us");
    let ours = spread("action_to_change", changes, "us");
    figure("action_cost_ratio_p50", ours.0 / peer.0, "times the bus alone");
    figure("action_cost_ratio_p99", ours.1 / peer.1, "times the bus alone");
    Ok(())
}
