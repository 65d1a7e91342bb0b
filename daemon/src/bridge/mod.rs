//! Calls that other programs make: SIP, the mobile network, a paired phone.
//!
//! Owns: which bridges there are, and when each runs. Does not own: calls; a bridge is an app like
//! any other that happens to live in our process (`desk`), and knows no other part of it. Each world
//! has rules without I/O and a thin link (`world`). Invariant: a bridge registers while the program
//! behind it is there and not otherwise, and starts none.

mod app;
mod desk;
mod run;
mod sip;
mod text;
mod world;

use std::net::SocketAddr;

use ahoy_core::id::CallId;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use self::{run::run, sip::SipWay, world::Way};
use crate::tasks::Tasks;

/// Which bridges the user wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// Where baresip's ctrl_tcp listens.
    pub sip: Option<SocketAddr>,
}

/// Starts the bridges; each follows its part of the wish. `fresh` gives unused ids of calls.
pub fn start(wishes: &watch::Receiver<Wish>, fresh: fn() -> CallId, tasks: &mut Tasks) {
    let keeper = Keeper { wishes: wishes.clone(), fresh };
    tasks.spawn("bridge to SIP", |token| keeper.keep(|wish| wish.sip, SipWay::new, token));
}

/// Runs one bridge as often as its part of the wish says.
struct Keeper {
    wishes: watch::Receiver<Wish>,
    fresh: fn() -> CallId,
}

impl Keeper {
    /// `part`: what of the wish concerns this bridge, `None` where it is off.
    async fn keep<P, W>(
        mut self,
        part: fn(&Wish) -> Option<P>,
        way: impl Fn(P) -> W,
        token: CancellationToken,
    ) where
        P: Clone + PartialEq,
        W: Way,
    {
        let fresh = self.fresh;
        while !token.is_cancelled() {
            let wanted = part(&self.wishes.borrow_and_update());
            let own = token.child_token();
            let work = async {
                match wanted.clone() {
                    Some(wanted) => run(way(wanted), fresh, own.clone()).await,
                    None => own.cancelled().await,
                }
            };
            tokio::pin!(work);
            loop {
                tokio::select! {
                    () = &mut work => break,
                    changed = self.wishes.changed() => {
                        let same = part(&self.wishes.borrow_and_update()) == wanted;
                        if changed.is_err() {
                            // Nobody wishes any more: the daemon is ending.
                            work.await;
                            break;
                        }
                        if !same {
                            own.cancel();
                        }
                    }
                }
            }
        }
    }
}
