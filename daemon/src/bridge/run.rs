//! One bridge at work: link, rules and desk, for as long as the foreign program is there.
//!
//! Owns: the loop. Does not own: what any of the three does. Invariant: rules are drained after each
//! input, so nothing waits in them for the next one.

use std::time::Duration;

use ahoy_core::id::CallId;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::{
    app::Asked,
    desk::{Desk, Taken},
    world::{Link, Output, Way, World},
};

/// After a failure at the daemon's side: it is starting, ending, or another app has the id.
const AGAIN: Duration = Duration::from_secs(10);

/// Serves a world whenever it is there, until `token` is cancelled.
pub(super) async fn run<W: Way>(mut way: W, fresh: fn() -> CallId, token: CancellationToken) {
    let mut warned = false;
    loop {
        let (world, link) = tokio::select! {
            () = token.cancelled() => return,
            opened = way.open() => opened,
        };
        let failed = serve(world, link, fresh, &token).await;
        let Err(error) = failed else { continue };
        if std::mem::replace(&mut warned, true) {
            debug!(%error, "a bridge still cannot register");
        } else {
            warn!(%error, "a bridge cannot register; it tries again");
        }
        tokio::select! {
            () = token.cancelled() => return,
            () = tokio::time::sleep(AGAIN) => {}
        }
    }
}

async fn serve<W: World, L: Link<W>>(
    world: W,
    link: L,
    fresh: fn() -> CallId,
    token: &CancellationToken,
) -> zbus::Result<()> {
    let desk = Desk::open().await?;
    let mut bridge = Bridge { world, link, desk, start: Instant::now(), fresh };
    let served = bridge.go_on(token).await;
    bridge.desk.leave().await;
    served
}

struct Bridge<W, L> {
    world: W,
    link: L,
    desk: Desk,
    start: Instant,
    fresh: fn() -> CallId,
}

/// What wakes a bridge.
enum Input<E> {
    Event(E),
    Asked(Asked),
    Time,
    End,
}

impl<W: World, L: Link<W>> Bridge<W, L> {
    async fn go_on(&mut self, token: &CancellationToken) -> zbus::Result<()> {
        loop {
            // First of all: what is told before that reaches nobody.
            self.desk.be(self.world.profile(), self.world.is_idle()).await?;
            self.drain().await;
            let input = self.next(token).await;
            let now = self.start.elapsed();
            match input {
                Input::Event(event) => self.world.handle_event(now, event, (self.fresh)()),
                Input::Asked(Asked::Perform(order, answer)) => {
                    if let Some(serial) = order.serial {
                        self.desk.wait(serial, answer);
                    }
                    self.world.handle_order(now, order);
                }
                Input::Asked(Asked::GivenUp(serial)) => self.world.handle_given_up(serial),
                Input::Time => self.world.handle_timeout(now),
                Input::End => return Ok(()),
            }
        }
    }

    async fn next(&mut self, token: &CancellationToken) -> Input<W::Event> {
        let due = self.world.next_timeout().map(|at| self.start + at);
        let wake = async {
            match due {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = token.cancelled() => Input::End,
            event = self.link.next() => event.map_or(Input::End, Input::Event),
            asked = self.desk.next() => asked.map_or(Input::End, Input::Asked),
            () = wake => Input::Time,
        }
    }

    async fn drain(&mut self) {
        while let Some(output) = self.world.poll_output() {
            match output {
                Output::Command(command) => self.link.send(command).await,
                Output::Done(serial, result) => self.desk.done(serial, result),
                Output::News(news) => {
                    if let Taken::Unwanted(call) = self.desk.report(news).await {
                        self.world.handle_unwanted(self.start.elapsed(), call);
                    }
                }
            }
        }
    }
}
