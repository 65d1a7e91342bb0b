//! Calls that other programs make: SIP, the mobile network, a paired phone.
//!
//! Owns: which bridges there are, and when each runs. Does not own: calls; a bridge is an app like
//! any other that happens to live in our process (`desk`), and knows no other part of it. Each world
//! has rules without I/O and a thin link (`world`). Invariant: a bridge registers while the program
//! behind it is there and not otherwise, and starts none.

mod app;
mod cell;
mod desk;
mod modem;
mod ofono;
mod phone;
mod run;
mod service;
mod sip;
mod text;
mod value;
mod world;

use std::net::SocketAddr;

use ahoy_core::id::CallId;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use self::{
    modem::ModemManager,
    ofono::Ofono,
    phone::Phone,
    run::run,
    service::{Bus, ServiceWay},
    sip::SipWay,
    world::Way,
};
use crate::tasks::Tasks;

/// Which bridges the user wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// Where baresip's ctrl_tcp listens.
    pub sip: Option<SocketAddr>,
    /// Whether a modem's calls are ours, too.
    pub modem: bool,
    /// Whether a paired phone's are.
    pub phone: bool,
}

/// Starts the bridges; each follows its part of the wish. `system_bus`: its address, where it is not
/// the usual one. `fresh` gives unused ids of calls.
pub fn start(
    wishes: &watch::Receiver<Wish>,
    system_bus: Option<String>,
    fresh: fn() -> CallId,
    tasks: &mut Tasks,
) {
    let keeper = || Keeper { wishes: wishes.clone(), fresh };
    let sip = keeper();
    tasks.spawn("bridge to SIP", |token| sip.keep(|wish| wish.sip, SipWay::new, token));
    let modem = |wish: &Wish| wish.modem.then_some(());
    let (system, other) = (Bus::System(system_bus.clone()), Bus::System(system_bus));
    let way = move |()| ServiceWay::new(system.clone(), modem::NAME, ModemManager);
    let keeps = keeper();
    tasks.spawn("bridge to ModemManager", |token| keeps.keep(modem, way, token));
    let way = move |()| ServiceWay::new(other.clone(), ofono::NAME, Ofono);
    let keeps = keeper();
    tasks.spawn("bridge to oFono", |token| keeps.keep(modem, way, token));
    let phone = |wish: &Wish| wish.phone.then_some(());
    for name in phone::NAMES {
        let way = move |()| ServiceWay::new(Bus::Session, name, Phone::new(name));
        let keeps = keeper();
        tasks.spawn("bridge to a phone", |token| keeps.keep(phone, way, token));
    }
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
