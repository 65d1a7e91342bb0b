//! Sandboxed apps that dial: asking the user once, and whose calls are whose.
//!
//! Owns: questions that are out, budgets of those who start calls. Does not own: what was decided
//! (the desktop's permission store, else a file). Invariant: no call of a sandboxed app is started
//! before the user said yes; every wish is answered before common clients give up.

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    time::Duration,
};

use ahoy_core::id::{CallId, Handle, Now, SenderId};
use tokio::sync::mpsc;

use super::{
    App, Inner,
    jobs::Jobs,
    request::{Answer, Caller, Fault, FaultKind, StartWish},
    start::Kernel,
};
use crate::{
    desktop::{
        notify::{Action, Expiry, Key, Notification, Urgency},
        permissions::{PermissionError, Permissions},
    },
    store::{grant, set_grant},
};

/// How long a question is out. Common D-Bus clients give up after 25 s.
const ASKED: Duration = Duration::from_secs(20);
/// After a question that was not answered, so that nobody is worn down by the next one.
const REST: Duration = Duration::from_secs(60);
/// Apps that are asked about at once.
const QUESTIONS: usize = 8;
/// Wishes of one app that wait for its answer.
const WISHES: usize = 8;
/// Programs that have a budget of their own for starting calls; the others share one.
const SENDERS: usize = 1024;
const QUESTION: &str = "may-dial:";

/// A wish to call, and who waits.
type Wish = (StartWish, Answer<CallId>);

/// A question that is out.
struct Question {
    waiting: Vec<Wish>,
    /// Mono.
    until: Duration,
}

/// Questions.
pub(super) struct Grants {
    permissions: Permissions,
    file: PathBuf,
    /// Asking the store may take seconds.
    jobs: Jobs,
    asked: BTreeMap<String, Question>,
    /// Apps that are not asked about until then (mono).
    resting: BTreeMap<String, Duration>,
}

impl Grants {
    pub(super) fn new(permissions: Permissions, file: PathBuf) -> Self {
        let (asked, resting) = Default::default();
        Self { permissions, file, jobs: Jobs::start().0, asked, resting }
    }

    pub(super) fn is_question(key: &Key) -> bool {
        key.0.starts_with(QUESTION)
    }

    pub(super) fn next_timeout(&self) -> Option<Duration> {
        self.asked.values().map(|question| question.until).min()
    }

    async fn look_up(&self, app: String, inner: mpsc::Sender<Inner>) {
        let (permissions, file) = (self.permissions.clone(), self.file.clone());
        self.jobs
            .add(async move {
                let known = match permissions.lookup(&app).await {
                    Ok(known) => known,
                    Err(PermissionError::Absent) => from_file(&file, &app),
                    Err(error) => {
                        tracing::warn!(%error, "the user is asked again who may dial");
                        None
                    }
                };
                let _ = inner.send(Inner::Granted(app, known)).await;
            })
            .await;
    }

    async fn keep(&self, app: String, may: bool) {
        let (permissions, file) = (self.permissions.clone(), self.file.clone());
        self.jobs
            .add(async move {
                let kept = match permissions.set(&app, may).await {
                    Err(PermissionError::Absent) => {
                        set_grant(&file, &app, may).map_err(|error| error.to_string())
                    }
                    kept => kept.map_err(|error| error.to_string()),
                };
                if let Err(error) = kept {
                    tracing::warn!(error, "the user's word about an app holds only for now");
                }
            })
            .await;
    }
}

fn from_file(file: &std::path::Path, app: &str) -> Option<bool> {
    grant(file, app).unwrap_or_else(|error| {
        tracing::warn!(%error, "the user is asked again who may dial");
        None
    })
}

fn key(app: &str) -> Key {
    Key(format!("{QUESTION}{app}"))
}

fn question(app: &str) -> Notification {
    let button = |id: &str, label: &str| Action { id: id.to_owned(), label: label.to_owned() };
    Notification {
        summary: format!("{app} wants to make calls"),
        body: "It may then call people in your name. You can take that back in the settings of \
               your desktop."
            .to_owned(),
        urgency: Urgency::Critical,
        category: "device".to_owned(),
        actions: vec![button("allow", "Allow"), button("deny", "Deny")],
        expiry: Expiry::Never,
        image: None,
        silent: false,
        shown_when_locked: false,
    }
}

fn unanswered(app: &str) -> Fault {
    let text = format!(
        "the user has not said whether {app} may make calls: try again in a minute and choose Allow \
         in the notification, or run `flatpak permission-set calls {app} {app} yes`"
    );
    Fault::new(FaultKind::NotAuthorized, text)
}

fn denied(app: &str) -> Fault {
    let text = format!(
        "the user does not let {app} make calls: to allow it, run \
         `flatpak permission-set calls {app} {app} yes`"
    );
    Fault::new(FaultKind::NotAuthorized, text)
}

/// A number for each who starts calls; each has a budget of its own.
#[derive(Default)]
pub(super) struct Senders {
    ids: HashMap<Caller, SenderId>,
    last: u64,
}

impl Senders {
    pub(super) fn id(&mut self, of: Caller) -> SenderId {
        if let Some(known) = self.ids.get(&of) {
            return *known;
        }
        if self.ids.len() >= SENDERS {
            return SenderId(u64::MAX);
        }
        self.last += 1;
        self.ids.insert(of, SenderId(self.last));
        SenderId(self.last)
    }

    pub(super) fn forget(&mut self, name: String) {
        self.ids.remove(&Caller::Host(name));
    }
}

/// A fault as its caller may read it: the words name calls, and of others' calls an app learns
/// nothing.
pub(super) fn as_told(from: &Caller, fault: Fault) -> Fault {
    match from {
        Caller::App(_) if fault.kind == FaultKind::InvalidState => {
            Fault::new(FaultKind::InvalidState, "a call cannot be placed now")
        }
        Caller::App(_) | Caller::Host(_) => fault,
    }
}

impl App {
    /// A sandboxed app wants to call.
    pub(super) async fn ask_for(&mut self, now: Now, app: String, wish: Wish) {
        let grants = &mut self.grants;
        grants.resting.retain(|_, until| *until > now.mono);
        if grants.resting.contains_key(&app) {
            return drop(wish.1.send(Err(unanswered(&app))));
        }
        let is_new = !grants.asked.contains_key(&app);
        let full = is_new && grants.asked.len() >= QUESTIONS;
        let until = now.mono + ASKED;
        let waiting = grants.asked.get(&app).map_or(0, |question| question.waiting.len());
        if full || waiting >= WISHES {
            let why = "calls that wait for the user's permission";
            return drop(wish.1.send(Err(Fault::new(FaultKind::LimitReached, why))));
        }
        let fresh = || Question { waiting: Vec::new(), until };
        grants.asked.entry(app.clone()).or_insert_with(fresh).waiting.push(wish);
        if is_new {
            grants.look_up(app, self.inner.clone()).await;
        }
    }

    /// What is known of an app came.
    pub(super) async fn granted(&mut self, now: Now, app: String, known: Option<bool>) {
        match known {
            Some(true) => self.let_dial(now, &app).await,
            Some(false) => self.refuse_all(&app, denied),
            None if self.grants.asked.contains_key(&app) => {
                self.notifier.show(key(&app), question(&app));
            }
            // It was given up meanwhile.
            None => {}
        }
    }

    /// A button of a question was pressed.
    pub(super) async fn answered(&mut self, now: Now, question: &Key, action: &str) {
        let Some(app) = question.0.strip_prefix(QUESTION) else { return };
        let may = match action {
            "allow" => true,
            "deny" => false,
            _ => return,
        };
        if !self.grants.asked.contains_key(app) {
            return;
        }
        self.grants.keep(app.to_owned(), may).await;
        self.granted(now, app.to_owned(), Some(may)).await;
    }

    /// A question was put away.
    pub(super) fn unanswered(&mut self, now: Now, question: &Key) {
        if let Some(app) = question.0.strip_prefix(QUESTION)
            && self.grants.asked.contains_key(app)
        {
            self.grants.resting.insert(app.to_owned(), now.mono + REST);
            self.refuse_all(app, unanswered);
        }
    }

    /// Questions whose time is up.
    pub(super) fn give_up_asking(&mut self, now: Now) {
        let over = self.grants.asked.iter().filter(|(_, question)| question.until <= now.mono);
        let over: Vec<Key> = over.map(|(app, _)| key(app)).collect();
        for question in over {
            self.unanswered(now, &question);
        }
    }

    async fn let_dial(&mut self, now: Now, app: &str) {
        let Some(question) = self.grants.asked.remove(app) else { return };
        self.notifier.close(&key(app));
        for (wish, answer) in question.waiting {
            self.start_call(now, wish, Caller::App(app.to_owned()), answer).await;
        }
    }

    fn refuse_all(&mut self, app: &str, why: fn(&str) -> Fault) {
        let Some(question) = self.grants.asked.remove(app) else { return };
        self.notifier.close(&key(app));
        for (_, answer) in question.waiting {
            let _ = answer.send(Err(why(app)));
        }
    }

    /// Notes whose call it will be, where a sandboxed app dials; gives the call's id then.
    pub(super) fn dialled(
        &mut self,
        from: &Caller,
        handle: &Handle,
        id: Option<CallId>,
    ) -> Result<Option<CallId>, Fault> {
        let Caller::App(app) = from else { return Ok(id) };
        let engine = self.service.engine();
        // Whoever calls someone who rings answers them; of others' calls an app is to know nothing.
        if engine.calls().any(|call| call.is_ringing() && call.party().handle == *handle) {
            let why = "this address cannot be called by an app now: call from Ahoy";
            return Err(Fault::new(FaultKind::InvalidState, why));
        }
        let id = id.unwrap_or_else(|| CallId::random(&mut Kernel));
        if engine.call(id).is_some() {
            return Err(Fault::new(FaultKind::UuidExists, "uuid: it was used before"));
        }
        self.diallers.insert(id, app.clone());
        Ok(Some(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sender_has_a_number_of_its_own_until_it_goes_and_they_are_bounded() {
        let mut senders = Senders::default();
        let host = |number: usize| Caller::Host(format!(":1.{number}"));
        let first = senders.id(host(1));
        assert_eq!(senders.id(host(1)), first);
        assert_ne!(senders.id(Caller::App(":1.1".to_owned())), first);
        assert_ne!(first, SenderId::OWN);
        senders.forget(":1.1".to_owned());
        assert_ne!(senders.id(host(1)), first);
        for number in 0..10_000 {
            senders.id(host(number));
        }
        assert_eq!(senders.ids.len(), SENDERS);
        assert_eq!(senders.id(host(20_000)), senders.id(host(20_001)), "the rest share one");
    }
}
