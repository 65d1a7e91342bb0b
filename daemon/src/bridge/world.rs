//! What every bridged world says and is asked, and what a bridge to one is made of.
//!
//! Owns: the words between a world's rules (pure) and the two sides that carry them out: the link to
//! the foreign program, and the desk at the daemon. Does not own: either of them. Invariant: rules
//! are input in, output out; identifiers and time are arguments.

use std::{borrow::Cow, time::Duration};

use ahoy_core::{
    call::EndReason,
    id::{CallId, Handle, Serial},
    provider::{Action, Capability, Progress},
};

/// What a world registers as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Profile {
    /// Provider id.
    pub id: &'static str,
    /// For people: "SIP", an operator, a phone.
    pub name: String,
    /// Name of an icon.
    pub icon: &'static str,
    /// What it calls.
    pub scheme: &'static str,
    /// Calls it can have at once.
    pub max_calls: u32,
}

/// A call that a world brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NewLine {
    /// Its id here.
    pub call: CallId,
    /// The other side, already checked.
    pub remote: Handle,
    /// How the world calls them; already checked; may be empty.
    pub name: String,
    /// What can be done with it.
    pub capabilities: &'static [Capability],
    /// Set: it was on before we looked; the state is one that `.Provider` takes.
    pub since_before: Option<&'static str>,
}

/// What changed of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// We hold it, or not any more; done elsewhere.
    Held(bool),
    /// The other side holds.
    RemoteHeld(bool),
    /// What it can do.
    Capabilities(&'static [Capability]),
}

/// What happens in a world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// Somebody calls.
    Incoming(NewLine),
    /// The user calls somebody from the foreign program's own window.
    Outgoing(NewLine),
    /// How far a call is.
    Progress(CallId, Progress),
    /// Something changed.
    Changed(CallId, Change),
    /// It is over.
    Ended(CallId, EndReason, Cow<'static, str>),
}

/// What the daemon wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Order {
    /// Under which number; `None`: our own wish, which nobody waits for.
    pub serial: Option<Serial>,
    /// With which call.
    pub call: CallId,
    /// What.
    pub action: Action,
}

/// Why an order failed, for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Refused(pub Cow<'static, str>);

impl Refused {
    /// With words that are always the same.
    #[must_use]
    pub(super) const fn because(why: &'static str) -> Self {
        Self(Cow::Borrowed(why))
    }
}

/// What the rules of a world want next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Output<C> {
    /// The foreign program is to be told.
    Command(C),
    /// The daemon is to be told.
    News(News),
    /// An order has ended.
    Done(Serial, Result<(), Refused>),
}

/// The rules of one world.
pub(super) trait World: Send {
    /// What the link brings.
    type Event: Send;
    /// What the link takes.
    type Command: Send;

    /// As what to register; `None`: nothing to call with at present.
    fn profile(&self) -> Option<Profile>;

    /// Whether there is no call and no wish: only then a new name is worth a new registration.
    fn is_idle(&self) -> bool;

    /// Something happened there. `fresh`: an unused id, for a call that this may bring.
    fn handle_event(&mut self, now: Duration, event: Self::Event, fresh: CallId);

    /// The daemon wants something.
    fn handle_order(&mut self, now: Duration, order: Order);

    /// The daemon has given an order up.
    fn handle_given_up(&mut self, serial: Serial);

    /// The daemon does not take a call; nothing of it is told any more.
    fn handle_unwanted(&mut self, now: Duration, call: CallId);

    /// When [`Self::handle_timeout`] is due.
    fn next_timeout(&self) -> Option<Duration> {
        None
    }

    /// Time has come.
    fn handle_timeout(&mut self, _now: Duration) {}

    /// What is to be done next; to be drained after every call above.
    fn poll_output(&mut self) -> Option<Output<Self::Command>>;
}

/// The connection to a foreign program.
pub(super) trait Link<W: World>: Send {
    /// The next thing that happens; `None`: the program is gone. Cancel safe.
    fn next(&mut self) -> impl Future<Output = Option<W::Event>> + Send;

    /// Takes a command; what comes of it is an event.
    fn send(&mut self, command: W::Command) -> impl Future<Output = ()> + Send;
}

/// A way to a foreign program.
pub(super) trait Way: Send {
    /// Its rules.
    type World: World;
    /// Its connection.
    type Link: Link<Self::World>;

    /// Waits until the program is there. Nothing is started by waiting. Cancel safe.
    fn open(&mut self) -> impl Future<Output = (Self::World, Self::Link)> + Send;
}
