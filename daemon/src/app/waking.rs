//! Calls that wait for their app to be started.
//!
//! Owns: which wishes wait for whom, and for how long. Does not own: the bus that starts apps, or
//! the calls. Invariant: a wish is answered exactly once: when its app has registered, when the bus
//! says that it cannot be started, or when [`PATIENCE`] is over.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use ahoy_core::{
    engine::Command,
    id::{CallId, Handle, Now, ProviderId},
};

use super::{
    App, Waiter,
    request::{Answer, Caller, Event, Fault, FaultKind, StartWish},
};
use crate::{
    installed::{self, Installed},
    settings::Key,
};

/// An app that is started registers within this; what it is then asked has 20 s of its own, and
/// common clients of the bus give up after 25 s.
const PATIENCE: Duration = Duration::from_secs(8);
/// Files are read within this, or they lie on a disk that hangs.
const READING: Duration = Duration::from_secs(1);
/// Wishes that wait at once.
const MOST: usize = 32;

/// What is to be done once an app is there.
pub(super) enum Wish {
    /// A call through it, and who wants it: both are looked at again then.
    Start(StartWish, Caller, Answer<CallId>),
    /// It is to call back: row of the log, whom, whether with pictures.
    CallBack(String, Handle, bool),
}

struct Waiting {
    app: ProviderId,
    until: Duration,
    wish: Wish,
}

/// Apps that are being started.
pub(super) struct Waking {
    directories: Vec<PathBuf>,
    waiting: Vec<Waiting>,
}

impl Waking {
    pub(super) fn new(directories: Vec<PathBuf>) -> Self {
        Self { directories, waiting: Vec::new() }
    }

    pub(super) fn next_timeout(&self) -> Option<Duration> {
        self.waiting.iter().map(|one| one.until).min()
    }

    fn take(&mut self, is_it: impl Fn(&Waiting) -> bool) -> Vec<Waiting> {
        self.waiting.extract_if(.., |one| is_it(one)).collect()
    }

    pub(super) async fn installed(&self) -> Vec<Installed> {
        let directories = self.directories.clone();
        let reading = tokio::task::spawn_blocking(move || installed::read(&directories));
        match tokio::time::timeout(READING, reading).await {
            Ok(Ok(found)) => found,
            Ok(Err(_)) | Err(_) => {
                tracing::warn!("the files of installed apps cannot be read in time");
                Vec::new()
            }
        }
    }
}

/// What the settings say: scheme and provider id of each word. Words that say nothing are passed
/// over; the setting's own rule let only good ones in.
pub(super) fn defaults(setting: &str) -> impl Iterator<Item = (String, ProviderId)> {
    setting.split_whitespace().filter_map(|word| {
        let (scheme, id) = word.split_once('=')?;
        Some((scheme.to_owned(), id.parse().ok()?))
    })
}

impl App {
    /// Scheme to provider id, as the user chose.
    pub(super) fn default_providers(&self) -> BTreeMap<String, String> {
        let built_in = ProviderId::built_in();
        let own = (built_in.as_str().to_owned(), built_in.as_str().to_owned());
        let setting = self.settings.text(Key::DEFAULT_PROVIDERS);
        let chosen = defaults(&setting).map(|(scheme, id)| (scheme, id.as_str().to_owned()));
        std::iter::once(own).chain(chosen).collect()
    }

    /// The app that must be started before this call can be placed, if one can be.
    pub(super) async fn to_wake(&self, command: &Command) -> Option<Installed> {
        let Command::Start { provider, party, .. } = command else { return None };
        let scheme = party.handle.scheme();
        let wanted = provider.clone().or_else(|| {
            let id = self.default_providers().remove(scheme)?;
            id.parse().ok()
        });
        let engine = self.service.engine();
        let is_here = wanted.as_ref().is_some_and(|id| engine.can_call(Some(id), scheme));
        if is_here || (wanted.is_none() && engine.can_call(None, scheme)) {
            return None;
        }
        let mut found = self.apps.waking.installed().await;
        found.retain(|one| match &wanted {
            Some(id) => one.id == *id,
            None => one.schemes.iter().any(|has| has == scheme),
        });
        // Which of several is the person's to say; the core's refusal tells them.
        if found.len() > 1 { None } else { found.pop() }
    }

    /// Has an app started and keeps what it is wanted for.
    pub(super) async fn wake(&mut self, now: Now, app: Installed, wish: Wish) {
        if self.apps.waking.waiting.len() >= MOST {
            let fault = Fault::new(FaultKind::LimitReached, "too many calls wait for their apps");
            return self.give_up(wish, fault).await;
        }
        tracing::info!(provider = app.id.as_str(), "starting an app that is called with");
        let until = now.mono + PATIENCE;
        self.apps.waking.waiting.push(Waiting { app: app.id.clone(), until, wish });
        self.tell(Event::Wake(app.id, app.bus_name)).await;
    }

    /// The bus cannot start an app.
    pub(super) async fn wake_failed(&mut self, app: &ProviderId, why: &str) {
        for one in self.apps.waking.take(|one| one.app == *app) {
            let text = format!("{} cannot be started: {why}", app.as_str());
            self.give_up(one.wish, Fault::new(FaultKind::ProviderFailed, text)).await;
        }
    }

    /// Carries out what waited for apps that are there now. Whether anything did.
    pub(super) async fn go_on(&mut self, now: Now) -> bool {
        let Self { apps, service, .. } = self;
        let engine = service.engine();
        let ready = apps.waking.take(|one| engine.is_registered(&one.app));
        let any = !ready.is_empty();
        for Waiting { app, wish, .. } in ready {
            match wish {
                Wish::Start(wish, from, answer) => {
                    let wish = StartWish { provider: app.as_str().to_owned(), ..wish };
                    match self.parse_start(wish, from.clone()).await {
                        Ok(command) => {
                            self.carry_out(now, Waiter::Start(answer, from), command).await
                        }
                        Err(fault) => drop(answer.send(Err(fault))),
                    }
                }
                Wish::CallBack(row, handle, video) => {
                    self.tell_app(&app, |peer| Event::CallBack(peer, row, handle, video)).await;
                }
            }
        }
        any
    }

    /// Ends the wishes whose time is over.
    pub(super) async fn waking_timeout(&mut self, now: Now) {
        for one in self.apps.waking.take(|one| one.until <= now.mono) {
            let (app, seconds) = (one.app.as_str(), PATIENCE.as_secs());
            let text = format!("{app} was started, but did not register within {seconds} s");
            self.give_up(one.wish, Fault::new(FaultKind::Timeout, text)).await;
        }
    }

    async fn give_up(&mut self, wish: Wish, fault: Fault) {
        match wish {
            Wish::Start(_, _, answer) => drop(answer.send(Err(fault))),
            Wish::CallBack(..) => self.tell_waiter(Waiter::Desktop, Err(fault)).await,
        }
    }

    /// The user calls back: an app's call in the app that had it, which may have to be started.
    pub(super) async fn call_back_by_app(&mut self, now: Now, app: ProviderId, wish: Wish) {
        let Wish::CallBack(row, handle, video) = wish else { return };
        if self.service.engine().is_registered(&app) {
            return self.tell_app(&app, |peer| Event::CallBack(peer, row, handle, video)).await;
        }
        let installed = self.apps.waking.installed().await;
        let found = installed.into_iter().find(|one| one.id == app);
        let wish = Wish::CallBack(row, handle, video);
        match found {
            Some(found) => self.wake(now, found, wish).await,
            None => {
                let text = format!(
                    "{} is not running, and nothing says how to start it: open it and call there",
                    app.as_str()
                );
                self.give_up(wish, Fault::new(FaultKind::UnknownProvider, text)).await;
            }
        }
    }
}
