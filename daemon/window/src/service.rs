//! The call service, followed and asked, beside the thread that draws.
//!
//! Owns: the thread with the connection, and the state that it tells. Does not own: what is shown.
//! Invariant: a window never waits for the bus; whatever the service does, the state becomes true again.

use std::{io, time::Duration};

use ahoy_client::{
    Bus, CALL, CONTACTS, HISTORY, MANAGER, ROOT, named,
    value::{self, Dict, Options},
};
use tokio::{
    runtime::{Builder, Handle},
    sync::watch,
};
use zbus::{Message, OwnedObjectPath, Variant};

use crate::{
    people::{Person, Recent},
    state::{Call, State},
};

/// Between two tries to find the service: first, and at most.
const AGAIN: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(30)];
/// People and calls that a list shows; the search finds the others.
const ROWS: u32 = 200;

/// What somebody wants of a call, by its path, or of the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    Answer {
        call: String,
        video: bool,
    },
    Decline(String),
    HangUp(String),
    SetMuted(String, bool),
    SetHeld(String, bool),
    SetVideo(String, bool),
    /// The next one.
    SwitchCamera(String),
    /// Digits of the keypad.
    Press(String, String),
    Start {
        handle: (String, String),
        video: bool,
    },
    SetFavourite(String, bool),
    /// All missed calls were looked at.
    MarkSeen,
}

/// The way to the service, from the thread that draws.
#[derive(Clone)]
pub(crate) struct Service {
    runtime: Handle,
    bus: watch::Receiver<Option<Bus>>,
}

impl Service {
    /// Starts the thread. It ends with the process: nothing of it outlives a window.
    pub(crate) fn start() -> io::Result<(Self, watch::Receiver<State>)> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (tell, state) = watch::channel(State::default());
        let (found, bus) = watch::channel(None);
        std::thread::Builder::new()
            .name("bus".into())
            .spawn(move || runtime.block_on(follow(&found, &tell)))?;
        Ok((Self { runtime: handle, bus }, state))
    }

    /// Asks for something; the error is for people.
    pub(crate) async fn ask(&self, wish: Wish) -> Result<(), String> {
        self.on_the_bus(async move |bus: Bus| carry_out(&bus, wish).await).await
    }

    /// People that fit a text, best first; everybody for none.
    pub(crate) async fn people(&self, text: String) -> Result<Vec<Person>, String> {
        let search = async move |bus: Bus| {
            let found: Vec<Dict> = bus.call(CONTACTS, "Search", &(text, ROWS)).await?;
            Ok(found.iter().map(Person::read).collect())
        };
        self.on_the_bus(search).await
    }

    /// The newest calls, newest first.
    pub(crate) async fn recents(&self) -> Result<Vec<Recent>, String> {
        let query = async move |bus: Bus| {
            let body = (Options::new(), ROWS, "");
            let (rows, _): (Vec<Dict>, String) = bus.call(HISTORY, "Query", &body).await?;
            Ok(rows.iter().map(Recent::read).collect())
        };
        self.on_the_bus(query).await
    }

    async fn on_the_bus<T, F>(&self, work: impl FnOnce(Bus) -> F) -> Result<T, String>
    where
        T: Send + 'static,
        F: Future<Output = ahoy_client::Result<T>> + Send + 'static,
    {
        let bus = self.bus.borrow().clone();
        let Some(bus) = bus else { return Err("ahoyd".to_owned()) };
        match self.runtime.spawn(work(bus)).await {
            Ok(done) => done.map_err(|error| words(&error)),
            Err(error) => Err(error.to_string()),
        }
    }
}

async fn carry_out(bus: &Bus, wish: Wish) -> ahoy_client::Result<()> {
    let none = Options::new();
    match wish {
        Wish::Answer { call, video } => {
            let options = Options::from([("video", Variant::from(video))]);
            bus.call_at(&call, CALL, "Answer", &(options,)).await
        }
        Wish::Decline(call) => bus.call_at(&call, CALL, "Decline", &(none,)).await,
        Wish::HangUp(call) => bus.call_at(&call, CALL, "HangUp", &(none,)).await,
        Wish::SetMuted(call, on) => bus.call_at(&call, CALL, "SetMuted", &(on,)).await,
        Wish::SetHeld(call, on) => bus.call_at(&call, CALL, "SetHeld", &(on,)).await,
        Wish::SetVideo(call, on) => bus.call_at(&call, CALL, "SetVideo", &(on,)).await,
        Wish::SwitchCamera(call) => bus.call_at(&call, CALL, "SwitchCamera", &("",)).await,
        Wish::Press(call, digits) => bus.call_at(&call, CALL, "SendDtmf", &(digits,)).await,
        Wish::Start { handle, video } => {
            let options = Options::from([("video", Variant::from(video))]);
            let body = ("", vec![handle], options);
            let started: OwnedObjectPath = bus.call(MANAGER, "StartCall", &body).await?;
            drop(started);
            Ok(())
        }
        Wish::SetFavourite(id, on) => bus.call(CONTACTS, "SetFavourite", &(id, on)).await,
        Wish::MarkSeen => bus.call(HISTORY, "MarkSeen", &(Vec::<String>::new(),)).await,
    }
}

/// What a failure says to people: the service's own words where it has some.
fn words(error: &ahoy_client::Error) -> String {
    if let ahoy_client::Error::Bus(zbus::Error::MethodError(name, text, _)) = error {
        let short = name.rsplit('.').next().unwrap_or_default();
        return text.clone().filter(|text| !text.is_empty()).unwrap_or_else(|| short.to_owned());
    }
    error.to_string()
}

/// Follows the service for ever, also after it went and came again.
async fn follow(found: &watch::Sender<Option<Bus>>, tell: &watch::Sender<State>) {
    let [first, most] = AGAIN;
    let mut pause = first;
    loop {
        let result = follow_one(found, tell).await;
        found.send_replace(None);
        let before = tell.send_replace(State::default());
        if let Err(error) = result {
            tracing::debug!(%error, "the call service");
        }
        pause = if before.there { first } else { (pause * 2).min(most) };
        tokio::time::sleep(pause).await;
    }
}

async fn follow_one(
    found: &watch::Sender<Option<Bus>>,
    tell: &watch::Sender<State>,
) -> ahoy_client::Result<()> {
    let bus = Bus::connect().await?;
    // From before the look: what changes meanwhile is told again.
    let mut signals = bus.signals().await?;
    let mut state = look(&bus).await?;
    found.send_replace(Some(bus));
    tell.send_replace(state.clone());
    loop {
        let message = signals.next().await?;
        hear(&mut state, &message);
        // As much as has come is one change for the windows.
        while let Some(message) = signals.queued().await {
            hear(&mut state, &message);
        }
        tell.send_if_modified(|told| {
            *told != state && {
                *told = state.clone();
                true
            }
        });
    }
}

async fn look(bus: &Bus) -> ahoy_client::Result<State> {
    let mut state = State { there: true, ..State::default() };
    for (path, interfaces) in bus.objects().await? {
        if let Some(told) = interfaces.get(CALL) {
            state.calls.entry(path.to_string()).or_default().read(told);
        }
    }
    state.locked = value::flag(&bus.properties_of(MANAGER).await?, "SessionLocked");
    let unseen = bus.properties_of(HISTORY).await.map(|told| value::number(&told, "Unseen"));
    // Closed while the session is locked.
    state.unseen = unseen.ok().and_then(|number| number.try_into().ok()).unwrap_or_default();
    Ok(state)
}

/// Takes over what a signal tells. One of another shape than the contract's changes nothing.
fn hear(state: &mut State, message: &Message) {
    let (named, body) = (named(message), message.body());
    match named.member.as_str() {
        "InterfacesAdded" => {
            let added =
                body.deserialize::<(OwnedObjectPath, std::collections::BTreeMap<String, Dict>)>();
            let Ok((path, interfaces)) = added else { return };
            if let Some(told) = interfaces.get(CALL) {
                let mut call = Call::default();
                call.read(told);
                state.calls.insert(path.to_string(), call);
            }
        }
        "InterfacesRemoved" => {
            let Ok((path, gone)) = body.deserialize::<(OwnedObjectPath, Vec<String>)>() else {
                return;
            };
            if gone.iter().any(|interface| interface == CALL) {
                state.calls.remove(path.as_str());
            }
        }
        "PropertiesChanged" => {
            let Ok((interface, told, _)) = body.deserialize::<(String, Dict, Vec<String>)>() else {
                return;
            };
            changed(state, (&named.path, &interface), &told);
        }
        "Changed" if named.interface == "org.ahoycall.Calls1.Contacts" => state.people += 1,
        "Changed" if named.interface == "org.ahoycall.Calls1.History" => state.log += 1,
        _ => {}
    }
}

fn changed(state: &mut State, (path, interface): (&str, &str), told: &Dict) {
    if interface == CALL {
        if let Some(call) = state.calls.get_mut(path) {
            call.read(told);
        }
        return;
    }
    if path != ROOT {
        return;
    }
    if told.contains_key("SessionLocked") {
        state.locked = value::flag(told, "SessionLocked");
    }
    if told.contains_key("Unseen") {
        state.unseen = value::number(told, "Unseen").try_into().unwrap_or_default();
    }
}
