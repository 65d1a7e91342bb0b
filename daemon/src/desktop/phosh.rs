//! The page for calls on Phosh's lock screen (`org.gnome.Calls`).
//!
//! Owns: the name while there are calls, an object for each of them. Does not own: what may be shown
//! (the app), who may ask (the gate that the objects lie behind). Invariant: the name is taken only
//! where nobody has it and nobody could be started under it, and is let go as soon as that changes.
//!
//! Phosh shows what GNOME Calls has on the bus, and nothing else (its `calls-manager.c`). It starts
//! nobody and follows the name's owner, so the name is ours for as long as there are calls: in
//! between GNOME Calls starts as if we were not there. Phosh's main loop waits for GetManagedObjects
//! when the name gets an owner; so the objects are there before the name is.

use std::collections::{BTreeMap, HashMap};

use ahoy_core::id::CallId;
use futures_util::StreamExt as _;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};
use zbus::{
    Connection, MatchRule, MessageStream, ObjectPath, Variant, fdo, interface,
    object_server::{Interface as _, SignalEmitter},
};

use crate::bus::{BUS, REPLACEABLE, Remote, owner, owner_changes, release_name, take_name};

/// The name that Phosh looks at.
pub const NAME: &str = "org.gnome.Calls";
const ROOT: &str = "/org/gnome/Calls";
const BUS_PATH: &str = "/org/freedesktop/DBus";

/// Where a call stands, in the numbers of GNOME Calls' `CallsCallState`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "as GNOME Calls has them")]
pub enum State {
    Active = 1,
    Held = 2,
    Dialing = 3,
    Incoming = 5,
    Disconnected = 7,
}

/// A call as the page shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Whether the other side began it.
    pub inbound: bool,
    /// Where it stands.
    pub state: State,
    /// It makes no sound, so the screen is not lit for it: it comes to the page when it is answered.
    pub is_silent: bool,
    /// Who it is; empty: not to be said, or not known.
    pub name: String,
    /// By which number; empty: the same.
    pub number: String,
    /// What kind of number.
    pub protocol: String,
    /// Whether nobody in between hears it.
    pub is_encrypted: bool,
    /// Whether it takes digits.
    pub can_dtmf: bool,
}

/// The calls there are.
pub type Calls = BTreeMap<CallId, Shown>;

/// What was pressed on the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Press {
    /// Answer.
    Accept,
    /// Decline, or hang up.
    HangUp,
    /// No more ringing.
    Silence,
    /// Digits into the call.
    Digits(String),
}

/// A call's object.
struct Call {
    id: CallId,
    calls: watch::Receiver<Calls>,
    pressed: mpsc::Sender<(CallId, Press)>,
}

impl Call {
    fn shown(&self) -> Shown {
        self.calls.borrow().get(&self.id).cloned().unwrap_or(Shown {
            inbound: false,
            state: State::Disconnected,
            is_silent: true,
            name: String::new(),
            number: String::new(),
            protocol: String::new(),
            is_encrypted: false,
            can_dtmf: false,
        })
    }

    /// GNOME Calls answers before it is done, too.
    fn press(&self, what: Press) -> fdo::Result<()> {
        let busy = |_| fdo::Error::LimitsExceeded("presses that wait".to_owned());
        self.pressed.try_send((self.id, what)).map_err(busy)
    }
}

#[interface(name = "org.gnome.Calls.Call")]
impl Call {
    fn accept(&self) -> fdo::Result<()> {
        self.press(Press::Accept)
    }

    fn hangup(&self) -> fdo::Result<()> {
        self.press(Press::HangUp)
    }

    fn silence(&self) -> fdo::Result<()> {
        self.press(Press::Silence)
    }

    fn send_dtmf(&self, tone: String) -> fdo::Result<()> {
        self.press(Press::Digits(tone))
    }

    #[zbus(property)]
    fn inbound(&self) -> bool {
        self.shown().inbound
    }

    #[zbus(property)]
    fn state(&self) -> u32 {
        self.shown().state as u32
    }

    #[zbus(property)]
    fn id(&self) -> String {
        self.shown().number
    }

    #[zbus(property)]
    fn display_name(&self) -> String {
        self.shown().name
    }

    /// No pictures of people are known here.
    #[zbus(property)]
    fn image_path(&self) -> String {
        String::new()
    }

    #[zbus(property)]
    fn protocol(&self) -> String {
        self.shown().protocol
    }

    #[zbus(property)]
    fn encrypted(&self) -> bool {
        self.shown().is_encrypted
    }

    #[zbus(property)]
    fn can_dtmf(&self) -> bool {
        self.shown().can_dtmf
    }

    /// GNOME Calls says here that its own window shows the call.
    #[zbus(property)]
    fn hints(&self) -> HashMap<String, Variant<'static>> {
        HashMap::from([("ui-active".to_owned(), false.into())])
    }
}

/// The properties that change.
fn properties(shown: &Shown) -> HashMap<&'static str, Variant<'static>> {
    HashMap::from([
        ("State", (shown.state as u32).into()),
        ("Id", shown.number.clone().into()),
        ("DisplayName", shown.name.clone().into()),
        ("Encrypted", shown.is_encrypted.into()),
        ("CanDtmf", shown.can_dtmf.into()),
    ])
}

/// Whose turn the name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hold {
    /// Nobody asked for it yet.
    None,
    /// Ours.
    Ours,
    /// Somebody else's for as long as there are these calls.
    Theirs,
}

/// The page. Must be run.
pub struct Page {
    /// Where the name is taken.
    bus: Connection,
    /// Where the objects lie, behind who may ask.
    objects: Connection,
    calls: watch::Receiver<Calls>,
    pressed: mpsc::Sender<(CallId, Press)>,
    hold: Hold,
    /// Each with its number and what was told of it.
    shown: BTreeMap<CallId, (u64, Shown)>,
    next: u64,
}

impl Page {
    /// A page for `calls`.
    #[must_use]
    pub fn new(
        (bus, objects): (Connection, Connection),
        calls: watch::Receiver<Calls>,
        pressed: mpsc::Sender<(CallId, Press)>,
    ) -> Self {
        Self { bus, objects, calls, pressed, hold: Hold::None, shown: BTreeMap::new(), next: 1 }
    }

    /// Runs until `token` is cancelled.
    pub async fn run(mut self, token: CancellationToken) {
        let ended = tokio::select! {
            () = token.cancelled() => Ok(()),
            ended = self.follow() => ended,
        };
        if let Err(error) = ended {
            warn!(%error, "no calls on the lock screen of Phosh");
        }
        self.let_go(Hold::None).await;
        token.cancelled().await;
    }

    async fn follow(&mut self) -> zbus::Result<()> {
        self.objects.object_server().at(ROOT, fdo::ObjectManager).await?;
        let mut owners =
            MessageStream::for_match_rule(owner_changes(Some(NAME))?, &self.bus, None).await?;
        let mut startable =
            MessageStream::for_match_rule(startable_changes()?, &self.bus, None).await?;
        loop {
            self.show().await?;
            tokio::select! {
                changed = self.calls.changed() => if changed.is_err() {
                    return Ok(());
                },
                Some(_) = owners.next() => self.look_around().await,
                Some(_) = startable.next() => self.look_around().await,
            }
        }
    }

    /// Whether somebody came who is in our way, or we are in theirs; or went.
    async fn look_around(&mut self) {
        match self.hold {
            Hold::None => {}
            Hold::Ours if self.is_ours().await && !is_startable(&self.bus).await => {}
            Hold::Ours => {
                debug!("{NAME} is somebody else's now");
                self.let_go(Hold::Theirs).await;
            }
            Hold::Theirs if self.is_free().await => self.hold = Hold::None,
            Hold::Theirs => {}
        }
    }

    async fn is_ours(&self) -> bool {
        let own = self.bus.unique_name().map(|name| name.as_str());
        owner(&self.bus, NAME).await.as_deref() == own
    }

    /// Makes the objects as the calls are.
    async fn show(&mut self) -> zbus::Result<()> {
        let mut calls = self.calls.borrow_and_update().clone();
        let comes = |call: &Shown| !call.is_silent && call.state != State::Disconnected;
        calls.retain(|id, call| self.shown.contains_key(id) || comes(call));
        if calls.is_empty() {
            if self.hold != Hold::None {
                self.let_go(Hold::None).await;
            }
            return Ok(());
        }
        if self.hold == Hold::None && !self.is_free().await {
            debug!("{NAME} is somebody else's: calls are not on the lock screen of Phosh");
            self.hold = Hold::Theirs;
        }
        if self.hold == Hold::Theirs {
            return Ok(());
        }
        self.reconcile(calls).await?;
        if self.hold == Hold::None {
            self.take().await;
        }
        Ok(())
    }

    async fn is_free(&self) -> bool {
        owner(&self.bus, NAME).await.is_none() && !is_startable(&self.bus).await
    }

    async fn reconcile(&mut self, calls: Calls) -> zbus::Result<()> {
        let gone: Vec<CallId> =
            self.shown.keys().copied().filter(|id| !calls.contains_key(id)).collect();
        for id in gone {
            self.remove(id).await;
        }
        for (id, call) in calls {
            match self.shown.get_mut(&id) {
                Some((number, told)) => {
                    let before = std::mem::replace(told, call.clone());
                    let number = *number;
                    self.tell(number, &before, &call).await?;
                }
                None => self.add(id, call).await?,
            }
        }
        Ok(())
    }

    async fn add(&mut self, id: CallId, call: Shown) -> zbus::Result<()> {
        let (calls, pressed) = (self.calls.clone(), self.pressed.clone());
        let object = Call { id, calls, pressed };
        self.objects.object_server().at(path(self.next)?, object).await?;
        self.shown.insert(id, (self.next, call));
        self.next += 1;
        Ok(())
    }

    async fn remove(&mut self, id: CallId) {
        let Some((number, _)) = self.shown.remove(&id) else { return };
        let Ok(path) = path(number) else { return };
        if let Err(error) = self.objects.object_server().remove::<Call, _>(path).await {
            debug!(%error, "a call on the page");
        }
    }

    async fn tell(&self, number: u64, before: &Shown, now: &Shown) -> zbus::Result<()> {
        let before = properties(before);
        let mut changed = properties(now);
        changed.retain(|name, value| before.get(name) != Some(value));
        if changed.is_empty() {
            return Ok(());
        }
        let emitter = SignalEmitter::new(&self.objects, path(number)?)?;
        let none = [].as_slice();
        fdo::Properties::properties_changed(&emitter, Call::name(), changed, none.into()).await
    }

    /// Takes the name, the objects being there.
    async fn take(&mut self) {
        // A GNOME Calls that insists has it.
        match take_name(&self.bus, NAME, REPLACEABLE).await {
            Ok(true) => self.hold = Hold::Ours,
            Ok(false) => self.let_go(Hold::Theirs).await,
            Err(error) => {
                warn!(%error, "no calls on the lock screen of Phosh");
                self.let_go(Hold::Theirs).await;
            }
        }
    }

    /// Lets the objects and the name go.
    async fn let_go(&mut self, hold: Hold) {
        let all: Vec<CallId> = self.shown.keys().copied().collect();
        for id in all {
            self.remove(id).await;
        }
        if self.hold == Hold::Ours
            && let Err(error) = release_name(&self.bus, NAME).await
        {
            debug!(%error, "the bus is gone before us");
        }
        self.hold = hold;
    }
}

fn path(number: u64) -> zbus::Result<ObjectPath<'static>> {
    ObjectPath::try_from(format!("{ROOT}/Call/{number}"))
}

/// Whether the bus would start somebody under the name. Where it does not say, it would.
async fn is_startable(bus: &Connection) -> bool {
    let reply = Remote::new(bus, BUS, BUS_PATH, BUS).call("ListActivatableNames", &()).await;
    let names = reply.and_then(|reply| reply.body().deserialize::<Vec<String>>());
    names.map_or(true, |names| names.iter().any(|name| name == NAME))
}

/// The rule for the bus's word that other programs can be started.
fn startable_changes() -> zbus::Result<MatchRule<'static>> {
    MatchRule::builder()
        .msg_type(zbus::message::Type::Signal)
        .sender(BUS)
        .interface(BUS)
        .member("ActivatableServicesChanged")
        .build()
}
