//! What the bus may ask of the app, what the app shows on the bus, and the errors between them.
//!
//! Owns: requests, the snapshot, events, faults. Does not own: their D-Bus form (`dbus`) or what
//! is done about them (`app`). Invariant: the snapshot is derived from the engine after every
//! change and stored nowhere else.

use std::{collections::BTreeMap, os::fd::OwnedFd, sync::Arc};

use ahoy_core::{
    call::CallView,
    engine::{Command, CommandError, PerformError, Registration, Reply, Reported},
    id::{CallId, GroupId, Handle, ProviderId, Serial, TxnId},
    provider::{Action, Report},
    written::Written,
};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use crate::ringtone::Ringtone;

/// A value of a dictionary on the bus, without the bus.
#[derive(Clone, Debug, PartialEq)]
pub enum Plain {
    /// b
    Bool(bool),
    /// t, u, y, q
    Uint(u64),
    /// x, i, n
    Int(i64),
    /// d
    Double(f64),
    /// s
    Text(String),
    /// (ss)
    Pair(String, String),
    /// as
    Texts(Vec<String>),
    /// a(sss)
    Triples(Vec<(String, String, String)>),
}

/// a{sv}
pub type Dict = BTreeMap<String, Plain>;

/// Why a request is refused; the names are those of the bus contract.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Fault {
    /// Which error.
    pub kind: FaultKind,
    /// For people: what is wrong and what to do.
    pub text: String,
}

/// The errors of the contract that this daemon can give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "design/dbus.md and the interface XML say when each is given")]
pub enum FaultKind {
    UnknownProvider,
    UnknownCall,
    UuidExists,
    InvalidState,
    NotSupported,
    InvalidArgument,
    Timeout,
    ProviderFailed,
    LimitReached,
    NoProviderForScheme,
    UnknownContact,
    AmbiguousContact,
    SessionLocked,
    Superseded,
    NotAuthorized,
    ProviderExists,
    ProviderGone,
    FilteredBlocked,
    FilteredDoNotDisturb,
}

impl Fault {
    /// A fault with its text.
    pub fn new(kind: FaultKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }

    /// An argument is wrong.
    pub fn argument(text: impl Into<String>) -> Self {
        Self::new(FaultKind::InvalidArgument, text)
    }
}

impl From<CommandError> for Fault {
    fn from(error: CommandError) -> Self {
        let kind = match &error {
            CommandError::UnknownCall => FaultKind::UnknownCall,
            CommandError::UnknownProvider => FaultKind::UnknownProvider,
            CommandError::UuidExists => FaultKind::UuidExists,
            CommandError::InvalidState | CommandError::InTheWay(_) => FaultKind::InvalidState,
            CommandError::NotSupported => FaultKind::NotSupported,
            CommandError::Timeout => FaultKind::Timeout,
            CommandError::ProviderFailed(_) => FaultKind::ProviderFailed,
            CommandError::LimitReached(_) => FaultKind::LimitReached,
            CommandError::NoProviderForScheme(_) => FaultKind::NoProviderForScheme,
            CommandError::Superseded => FaultKind::Superseded,
            CommandError::InvalidArgument(_) => FaultKind::InvalidArgument,
            CommandError::NotAuthorized(_) => FaultKind::NotAuthorized,
            CommandError::ProviderExists => FaultKind::ProviderExists,
            CommandError::ProviderGone => FaultKind::ProviderGone,
            CommandError::FilteredBlocked => FaultKind::FilteredBlocked,
            CommandError::FilteredDoNotDisturb => FaultKind::FilteredDoNotDisturb,
            CommandError::SessionLocked => FaultKind::SessionLocked,
        };
        Self::new(kind, error.to_string())
    }
}

/// What a request gives back.
pub type Answer<T> = oneshot::Sender<Result<T, Fault>>;

/// Whom to call, as the bus says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StartWish {
    /// Empty: by the handle's scheme.
    pub provider: String,
    /// (scheme, value).
    pub handle: (String, String),
    /// Empty: from the address book.
    pub name: String,
    /// Empty: not known.
    pub contact_id: String,
    /// Whether to offer pictures; `None`: as the settings say.
    pub video: Option<bool>,
    /// Empty: a new one.
    pub uuid: String,
}

/// Who wants a call to be started.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Caller {
    /// A program of the host, by its unique name.
    Host(String),
    /// A sandboxed app, by its application id: the user is asked once.
    App(String),
}

/// By which name an app came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Door {
    /// The controllers': `org.ahoycall.Calls1`.
    Calls,
    /// The apps' own: `org.ahoycall.Provider1`.
    Provider,
}

/// A calling app's connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// By which it registered; it is asked the same way.
    pub door: Door,
    /// Its unique name.
    pub name: String,
    /// Where it implements ProviderApp.
    pub object: String,
    /// Its process, of a sandboxed app its proxy's; none for a bridge, which lives in ours.
    pub process: Option<u32>,
}

/// A provider, as the bus shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderView {
    /// How it is called.
    pub name: String,
    /// Its icon's name.
    pub icon: String,
    /// Its application; empty: a program of the host.
    pub app_id: String,
    /// What it calls.
    pub schemes: Vec<String>,
    /// Its connection; none: built in, or lost.
    pub peer: Option<Peer>,
}

/// What the bus asks.
pub enum Request {
    /// A calling app makes itself known.
    Register(Box<Registration>, Peer, Option<Ringtone>, Answer<()>),
    /// The ringtone that it brings along.
    ReadRingtone(OwnedFd, Answer<Ringtone>),
    /// It tells something.
    Report(ProviderId, Box<Report>, Answer<Reported>),
    /// It goes.
    Unregister(ProviderId, Answer<()>),
    /// A connection is gone.
    PeerGone(Door, String),
    /// An app ended an action.
    Performed(Serial, Result<(), PerformError>),
    /// An app that was to be started cannot be; why.
    WakeFailed(ProviderId, String),
    /// Call someone.
    Start(StartWish, Caller, Answer<CallId>),
    /// One who started calls is gone: its unique name.
    DiallerGone(String),
    /// A command on calls.
    Command(Command, Answer<Reply>),
    /// Change Do Not Disturb until then (µs since the epoch; 0: for good).
    SetDoNotDisturb(String, u64, Answer<()>),
    /// What works and what is missing.
    Doctor(Answer<Vec<Dict>>),
    /// A page of the log: filter, limit, cursor.
    History(Dict, u32, String, Answer<(Vec<Dict>, String)>),
    /// Take rows out of the log.
    HistoryRemove(Vec<String>, Answer<()>),
    /// Take all rows out that fit.
    HistoryClear(Dict, Answer<()>),
    /// Rows were looked at.
    HistorySeen(Vec<String>, Answer<()>),
    /// Find people.
    ContactSearch(String, u32, Answer<Vec<Dict>>),
    /// A page of people: text, limit, cursor.
    ContactQuery(String, u32, String, Answer<(Vec<Dict>, String)>),
    /// Whose handle is this?
    ContactResolve((String, String), Answer<Dict>),
    /// Write a contact.
    ContactPut(Dict, Answer<String>),
    /// Remove a contact.
    ContactRemove(String, Answer<()>),
    /// Put a contact onto the favourites, or take it off.
    ContactFavourite(String, bool, Answer<()>),
    /// Read cards: counts by what became of them.
    ContactImport(OwnedFd, String, Answer<BTreeMap<String, u32>>),
    /// Write an invite.
    Invite(Dict, Answer<String>),
    /// Accept an invite: link and options.
    Accept(String, Dict, Answer<String>),
    /// The safety number of this call was compared: it matches or not.
    Confirm(CallId, bool, Answer<()>),
    /// Our devices.
    Devices(Answer<Vec<Dict>>),
    /// Write an encrypted copy of keys and contacts.
    Backup(OwnedFd, String, Answer<()>),
    /// Read one back.
    Restore(OwnedFd, String, Answer<()>),
    /// Listen for a command; with a text: take it as heard.
    Listen(Option<String>, Answer<()>),
    /// Stop listening.
    StopListening(Answer<()>),
    /// What would this mean? Intent, slots, score.
    Interpret(String, Answer<(String, Dict, f64)>),
    /// Write along with what the other side of a call says, or stop.
    Captions(CallId, bool, Answer<()>),
    /// Teach the name of a contact, or this word of it, by voice.
    Teach(String, Option<String>, Answer<()>),
    /// Forget what was taught of a contact: the words.
    ForgetSounds(String, Answer<Vec<String>>),
    /// Which names are heard badly?
    VoiceDoctor(Answer<Vec<Dict>>),
    /// Read a setting.
    SettingGet(String, Answer<Plain>),
    /// Write a setting.
    SettingSet(String, Plain, Answer<()>),
    /// All settings.
    SettingList(Answer<Dict>),
    /// Block: scheme, pattern, why.
    Block((String, String, String), Answer<()>),
    /// Let through again: scheme, pattern.
    Unblock((String, String), Answer<()>),
    /// Everything that is blocked: scheme, pattern, why.
    Blocked(Answer<Vec<(String, String, String)>>),
    /// Who else gets through: keys that are left out stay.
    SetPolicy(Dict, Answer<()>),
    /// Names and spam: id, file. An empty one removes it.
    AddDirectory(String, OwnedFd, Answer<()>),
    /// Use this device for the voice of calls from now on.
    SetEndpoint(String, Answer<()>),
}

impl Request {
    /// Answers with a fault, whatever was asked.
    pub fn refuse(self, fault: Fault) {
        // Nobody waits any more: nothing was done anyway.
        fn no<T>(answer: Answer<T>, fault: Fault) {
            let _ = answer.send(Err(fault));
        }
        match self {
            Self::Register(_, _, _, answer) | Self::Unregister(_, answer) => no(answer, fault),
            Self::ReadRingtone(_, answer) => no(answer, fault),
            Self::Report(_, _, answer) => no(answer, fault),
            // Nobody waits for an answer.
            Self::PeerGone(..)
            | Self::DiallerGone(_)
            | Self::Performed(..)
            | Self::WakeFailed(..) => {}
            Self::Start(_, _, answer) => no(answer, fault),
            Self::Command(_, answer) => no(answer, fault),
            Self::SetDoNotDisturb(_, _, answer)
            | Self::HistoryRemove(_, answer)
            | Self::HistoryClear(_, answer)
            | Self::HistorySeen(_, answer)
            | Self::ContactRemove(_, answer)
            | Self::ContactFavourite(_, _, answer)
            | Self::Backup(_, _, answer)
            | Self::Restore(_, _, answer)
            | Self::Listen(_, answer)
            | Self::Teach(_, _, answer)
            | Self::StopListening(answer)
            | Self::SettingSet(_, _, answer)
            | Self::Confirm(_, _, answer)
            | Self::Block(_, answer)
            | Self::Unblock(_, answer)
            | Self::SetPolicy(_, answer)
            | Self::AddDirectory(_, _, answer)
            | Self::SetEndpoint(_, answer) => no(answer, fault),
            Self::Doctor(answer)
            | Self::ContactSearch(_, _, answer)
            | Self::Devices(answer)
            | Self::VoiceDoctor(answer) => no(answer, fault),
            Self::ForgetSounds(_, answer) => no(answer, fault),
            Self::ContactPut(_, answer) | Self::Invite(_, answer) | Self::Accept(_, _, answer) => {
                no(answer, fault);
            }
            Self::History(_, _, _, answer) | Self::ContactQuery(_, _, _, answer) => {
                no(answer, fault);
            }
            Self::ContactResolve(_, answer) | Self::SettingList(answer) => no(answer, fault),
            Self::ContactImport(_, _, answer) => no(answer, fault),
            Self::Interpret(_, answer) => no(answer, fault),
            Self::Captions(_, _, answer) => no(answer, fault),
            Self::Blocked(answer) => no(answer, fault),
            Self::SettingGet(_, answer) => no(answer, fault),
        }
    }
}

/// What the bus shows beside the calls' own properties.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Every call object. One that has not changed is the same allocation as before, so that a
    /// snapshot and a comparison of two cost nothing for it.
    pub calls: BTreeMap<CallId, Arc<CallView>>,
    /// Every provider object; shared in the same way.
    pub providers: Arc<BTreeMap<ProviderId, ProviderView>>,
    /// The sandboxed app that dialled, for calls that one did.
    pub diallers: BTreeMap<CallId, String>,
    /// Every group object.
    pub groups: BTreeMap<GroupId, Vec<CallId>>,
    /// `idle`, `ringing` or `in-call`.
    pub state: &'static str,
    /// The call that rings.
    pub ringing: Option<CallId>,
    /// The call that is on.
    pub active: Option<CallId>,
    /// `off`, `on` or `favourites`.
    pub do_not_disturb: String,
    /// Our address.
    pub address: String,
    /// Ids of favourites.
    pub favourites: Vec<String>,
    /// Missed calls not looked at.
    pub unseen: u32,
    /// Whether the session is locked.
    pub locked: bool,
    /// Whether calls say who is on the other side: not while locked, unless the user allows it.
    pub named: bool,
    /// Whether the microphone is open for commands.
    pub listening: bool,
    /// Whether there is a recogniser for captions.
    pub captions: bool,
    /// (id, name, kind, whether it is there).
    pub endpoints: Vec<(String, String, String, bool)>,
    /// The endpoint in use.
    pub endpoint: String,
    /// Scheme to provider id, as the user chose.
    pub default_providers: BTreeMap<String, String>,
}

impl Snapshot {
    /// The sandboxed app whose call this is: it dialled, or it brought the call in.
    #[must_use]
    pub fn app_of(&self, call: CallId) -> Option<&str> {
        let view = self.calls.get(&call)?;
        let brought = (view.app_verified && !view.app_id.is_empty()).then_some(&view.app_id);
        self.diallers.get(&call).or(brought).map(String::as_str)
    }
}

/// What happens and is not a property.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A call object is to appear; the sender waits until it has.
    Added(CallId),
    /// A call object is to go.
    Removed(CallId),
    /// A provider object is to appear; the sender waits until it has.
    ProviderAdded(ProviderId),
    /// A provider object is to go.
    ProviderRemoved(ProviderId),
    /// A group object is to appear.
    GroupAdded(GroupId),
    /// A group object is to go.
    GroupRemoved(GroupId),
    /// An app is to do something.
    Perform(Peer, Serial, TxnId, CallId, Action),
    /// An app's time is up.
    TimedOut(Peer, Serial),
    /// An app is to be started by this name of the bus.
    Wake(ProviderId, String),
    /// The user wants an app to call back: row of the log, whom, whether with pictures.
    CallBack(Peer, String, Handle, bool),
    /// An app may use microphone and speaker, this one where there is a choice, or must let go.
    Audio(Peer, Option<String>),
    /// A call was missed.
    Missed(String),
    /// An action ended: serial, call, action, result, error.
    ActionFinished(u32, CallId, &'static str, &'static str, String),
    /// The other side of a call writes.
    Text(CallId, Written),
    /// What the other side of a call says, and whether the sentence is over.
    Caption(CallId, String, bool),
    /// Rows of the log: added, changed, removed.
    History(Vec<String>, Vec<String>, Vec<String>),
    /// Contacts changed.
    Contacts(Vec<String>),
    /// A pairing is complete.
    Joined(String),
    /// Words were heard; whether that is all.
    Heard(String, bool),
    /// The assistant says something, with choices.
    Prompt(String, Vec<String>),
    /// A word of a contact's name was taught, or given up.
    Taught(String, String, bool),
    /// Settings changed.
    Settings(Dict),
}

/// The bus's way to the app.
#[derive(Clone)]
pub struct Front {
    /// Bounded; a caller waits when the app is behind, and its own bus queue with it.
    pub requests: mpsc::Sender<Request>,
    /// What to show.
    pub view: watch::Receiver<Snapshot>,
    /// Places of requests that are not answered yet.
    pub places: Arc<Semaphore>,
}

/// Requests that are not answered yet. Each is a task of the bus; past this they are refused at
/// once, so that a flood takes no memory.
pub const AT_ONCE: usize = 1024;

impl Front {
    /// Asks and waits for the answer.
    ///
    /// # Errors
    /// The app's fault, InvalidState when it is shutting down, LimitReached above [`AT_ONCE`].
    pub async fn ask<T>(&self, request: impl FnOnce(Answer<T>) -> Request) -> Result<T, Fault> {
        let gone = || Fault::new(FaultKind::InvalidState, "ahoyd is shutting down");
        let many = |_| Fault::new(FaultKind::LimitReached, "too many requests wait for an answer");
        let _place = self.places.try_acquire().map_err(many)?;
        let (answer, answered) = oneshot::channel();
        self.requests.send(request(answer)).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}
