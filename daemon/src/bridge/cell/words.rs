//! What a telephone on a mobile network says and is told, whatever program stands before it.
//!
//! Owns: events, commands, why calls end. Does not own: what follows. Invariant: numbers and names
//! are as the program gave them; `rules` checks them before anything else sees them.

use std::borrow::Cow;

use ahoy_core::call::EndReason;

use super::super::text;

/// An object path of the program.
pub(in crate::bridge) type Path = String;

/// Where a call is (3GPP TS 27.007, +CLCC).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::bridge) enum State {
    /// The network looks for the other side.
    Dialing,
    /// The other side rings.
    Alerting,
    /// It rings here.
    Incoming,
    /// It comes in beside another call.
    Waiting,
    /// Both talk.
    Active,
    /// We hold.
    Held,
}

/// Who ended a call, or what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::bridge) enum Why {
    /// Not known.
    Unknown,
    /// Somebody on this side, but not through us.
    Local,
    /// The other side.
    Remote,
    /// The other side is busy or does not want to.
    Busy,
    /// Sent on to another telephone.
    Elsewhere,
    /// It could not go on: words for people.
    Failed(Cow<'static, str>),
}

/// A call, as the program describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::bridge) struct Seen {
    /// Its object.
    pub path: Path,
    /// The telephone it is on.
    pub gateway: Path,
    /// Where it is.
    pub state: State,
    /// Whether the other side called; `None`: the program does not say.
    pub incoming: Option<bool>,
    /// Number of the other side; may be empty.
    pub number: String,
    /// Name that the network gives; may be empty.
    pub name: String,
    /// Whether it was there before we looked.
    pub is_old: bool,
}

/// Something that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::bridge) enum Event {
    /// A telephone that can call: its object, and what it is called.
    Gateway(Path, String),
    /// It is called otherwise now.
    Renamed(Path, String),
    /// It cannot any more.
    GatewayGone(Path),
    /// A call.
    Seen(Seen),
    /// A call is elsewhere in its life.
    State(Path, State),
    /// The other side holds.
    RemoteHeld(Path, bool),
    /// A call is over.
    Ended(Path, Why),
    /// A command was done, with the call that it made, or refused.
    Replied(Ticket, Result<Option<Path>, String>),
}

/// Which command a reply belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::bridge) struct Ticket(pub u32);

/// What a telephone is to do. Those with a gateway alone are about all its calls: networks know no
/// other holding than CHLD=2 (3GPP TS 22.030, 6.5.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::bridge) enum What {
    /// Call.
    Dial { gateway: Path, number: String },
    /// Take a call that rings.
    Answer { line: Path },
    /// Hold what is active, and take what waits.
    HoldAndAnswer { gateway: Path },
    /// Hold what is active, resume what is held.
    Swap { gateway: Path },
    /// End a call.
    HangUp { line: Path },
    /// Send digits.
    Tones { gateway: Path, line: Path, tones: String },
    /// Join what is active and what is held.
    Join { gateway: Path, line: Path },
    /// Take a call out of the conference.
    Part { gateway: Path, line: Path },
    /// A call that we dialled is over: its object is of no more use.
    Forget { gateway: Path, line: Path },
}

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::bridge) struct Command {
    /// Comes back with the reply.
    pub ticket: Ticket,
    /// What.
    pub what: What,
}

/// The reason of the contract for an end that was not of our making.
pub(super) fn reason(why: Why, state: State) -> (EndReason, Cow<'static, str>) {
    let rings = matches!(state, State::Incoming | State::Waiting);
    let talks = matches!(state, State::Active | State::Held);
    let reason = match &why {
        Why::Failed(_) => EndReason::Failed,
        Why::Elsewhere => EndReason::AnsweredElsewhere,
        Why::Local if rings => EndReason::Declined,
        Why::Local if talks => {
            // The contract has no word for "we, but elsewhere" of a call that was on.
            return (EndReason::RemoteHangup, Cow::Borrowed("hung up on the telephone itself"));
        }
        Why::Local => EndReason::Cancelled,
        // A missed call, even where somebody may have refused it on the telephone itself.
        Why::Remote | Why::Unknown | Why::Busy if rings => EndReason::Cancelled,
        Why::Remote | Why::Unknown | Why::Busy if talks => EndReason::RemoteHangup,
        Why::Busy => EndReason::Busy,
        Why::Remote => EndReason::Declined,
        Why::Unknown => EndReason::Failed,
    };
    let words = match why {
        Why::Failed(words) => Cow::Owned(text::plain(&words)),
        Why::Unknown | Why::Local | Why::Remote | Why::Busy | Why::Elsewhere => Cow::Borrowed(""),
    };
    (reason, words)
}
