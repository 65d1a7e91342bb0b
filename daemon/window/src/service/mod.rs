//! The call service, followed and asked, beside the thread that draws.
//!
//! Owns: the thread with the connection, and asking. Does not own: what the service tells (`follow`), or what
//! is shown. Invariant: a window never waits for the bus.

mod follow;

use std::io;

use ahoy_client::{
    Bus, CALL, CAPTIONS, CONTACTS, HISTORY, IDENTITY, MANAGER, SETTINGS, TEXT, VERIFICATION, VOICE,
    value::{Dict, Options},
};
use tokio::{
    runtime::{Builder, Handle},
    sync::watch,
};
use zbus::{OwnedObjectPath, Variant};

use crate::{
    people::{Person, Recent},
    state::State,
    test_call,
};

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
    /// To this one, or the next.
    SwitchCamera(String, String),
    /// Digits of the keypad.
    Press(String, String),
    /// All that is typed so far.
    Type(String, String),
    Send(String, String),
    SetCaptions(String, bool),
    SetScreenShare(String, bool),
    /// Where the call is heard.
    SetEndpoint(String, String),
    /// Whether the other side reads the same safety number.
    Confirm(String, bool),
    Start {
        handle: (String, String),
        video: bool,
    },
    SetFavourite(String, bool),
    /// Push to talk, or this as if it had been said.
    Listen(Option<String>),
    StopListening,
    /// All missed calls were looked at.
    MarkSeen,
}

/// The value of a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Plain {
    Flag(bool),
    Text(String),
}

/// The way to the service, from the thread that draws.
#[derive(Clone)]
pub(crate) struct Service {
    runtime: Handle,
    bus: watch::Receiver<Option<Bus>>,
    state: watch::Receiver<State>,
}

impl Service {
    /// Starts the thread. It ends with the process: nothing of it outlives a window.
    pub(crate) fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (tell, state) = watch::channel(State::default());
        let (found, bus) = watch::channel(None);
        std::thread::Builder::new()
            .name("bus".into())
            .spawn(move || runtime.block_on(follow::run(&found, &tell)))?;
        Ok(Self { runtime: handle, bus, state })
    }

    /// What it tells, from now on.
    pub(crate) fn state(&self) -> watch::Receiver<State> {
        self.state.clone()
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

    /// Everybody of whom this is true, by name.
    pub(crate) async fn everybody(
        &self,
        fits: impl Fn(&Person) -> bool + Send + 'static,
    ) -> Result<Vec<Person>, String> {
        let query = async move |bus: Bus| {
            let all = bus.contacts().await?;
            Ok(all.iter().map(Person::read).filter(&fits).collect())
        };
        self.on_the_bus(query).await
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

    /// A new link for one person.
    pub(crate) async fn invite(&self) -> Result<String, String> {
        let invite = async move |bus: Bus| bus.call(IDENTITY, "Invite", &(Options::new(),)).await;
        self.on_the_bus(invite).await
    }

    /// Takes up somebody's link; `name`: what they are to be called here, or empty.
    pub(crate) async fn accept(&self, link: String, name: String) -> Result<(), String> {
        let accept = async move |bus: Bus| {
            let mut options = Options::new();
            if !name.is_empty() {
                options.insert("name", Variant::from(name));
            }
            let _: String = bus.call(IDENTITY, "Accept", &(link, options)).await?;
            Ok(())
        };
        self.on_the_bus(accept).await
    }

    /// All settings, by their names.
    pub(crate) async fn settings(&self) -> Result<Dict, String> {
        self.on_the_bus(async move |bus: Bus| bus.call(SETTINGS, "List", &()).await).await
    }

    /// Changes a setting.
    pub(crate) async fn set(&self, key: &'static str, value: Plain) -> Result<(), String> {
        let set = async move |bus: Bus| {
            let value = match value {
                Plain::Flag(on) => Variant::from(on),
                Plain::Text(text) => Variant::from(text),
            };
            bus.call(SETTINGS, "Set", &(key, value)).await
        };
        self.on_the_bus(set).await
    }

    /// Rings here, as if somebody called; until that is over.
    pub(crate) async fn ring_me(&self, name: String) -> Result<(), String> {
        let ring = async move |_: Bus| Ok(test_call::ring(name).await?);
        self.on_the_bus(ring).await
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
        Wish::SwitchCamera(call, id) => bus.call_at(&call, CALL, "SwitchCamera", &(id,)).await,
        Wish::Press(call, digits) => bus.call_at(&call, CALL, "SendDtmf", &(digits,)).await,
        Wish::Type(call, text) => bus.call_at(&call, TEXT, "Type", &(text,)).await,
        Wish::Send(call, text) => bus.call_at(&call, TEXT, "Send", &(text,)).await,
        Wish::SetCaptions(call, on) => bus.call_at(&call, CAPTIONS, "SetEnabled", &(on,)).await,
        Wish::SetScreenShare(call, on) => bus.call_at(&call, CALL, "SetScreenShare", &(on,)).await,
        Wish::SetEndpoint(call, id) => bus.call_at(&call, CALL, "SetEndpoint", &(id,)).await,
        Wish::Confirm(call, fits) => bus.call_at(&call, VERIFICATION, "Confirm", &(fits,)).await,
        Wish::Start { handle, video } => {
            let options = Options::from([("video", Variant::from(video))]);
            let body = ("", vec![handle], options);
            let started: OwnedObjectPath = bus.call(MANAGER, "StartCall", &body).await?;
            drop(started);
            Ok(())
        }
        Wish::Listen(text) => {
            let text = text.map(|text| ("text", Variant::from(text)));
            bus.call(VOICE, "Listen", &(Options::from_iter(text),)).await
        }
        Wish::StopListening => bus.call(VOICE, "Stop", &()).await,
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
