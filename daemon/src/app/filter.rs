//! Who does not get through, as the app task serves it.
//!
//! Owns: the requests of `.Filter`, bringing what is kept of it into the core. Does not own: rules
//! (core), storage. Invariant: what is refused changes nothing; what is answered with success is on
//! disk and holds for the next call.

use std::os::fd::OwnedFd;

use ahoy_core::{
    engine::CommandError,
    filter::{Directory, DoNotDisturb, Filter, Pattern, Policy, Refusal, Unknown},
    id::Now,
    service::Service,
};

use super::{
    App, Inner,
    request::{Answer, Dict, Fault, FaultKind},
    requests::{setting, settings_fault},
    store_fault,
};
use crate::{
    handed::Patience,
    settings::{Key, Settings},
    store::{
        Block, DirectoryError, Folder, MAX_DIRECTORY_ID, Part, Store, StoreError, read_directory,
    },
};

/// Directories of callers, as the app has to do with them.
pub(super) struct Directories {
    folder: Folder,
}

impl Directories {
    pub(super) const fn new(folder: Folder) -> Self {
        Self { folder }
    }
}

/// A directory that was read.
pub(super) struct Added {
    id: String,
    directory: Directory,
    /// On disk, beside its place; none: it is to go.
    part: Option<Part>,
}

/// What is blocked and who is known, before the first call.
pub(super) fn fill(service: &mut Service, now: Now, blocks: &[Block], folder: &Folder) {
    let mut directories = folder.all();
    service.change_filter(now, |filter| {
        for block in blocks {
            let pattern = Pattern::new(&block.scheme, &block.pattern);
            let blocked = pattern.and_then(|one| filter.blocked_mut().block(one, &block.why));
            if let Err(error) = blocked {
                tracing::warn!(%error, "a blocked address is not one any more");
            }
        }
        for (id, directory) in directories.drain(..) {
            if let Err(error) = filter.set_directory(&id, directory) {
                tracing::warn!(%error, id, "a directory of callers is left out");
            }
        }
    });
}

/// What the settings say of callers.
fn policy(settings: &Settings) -> Policy {
    let refusal = |key| Refusal::from_name(&settings.text(key)).unwrap_or_default();
    Policy {
        unknown: Unknown::from_name(&settings.text(Key::FILTER_UNKNOWN)).unwrap_or_default(),
        do_not_disturb: refusal(Key::FILTER_DO_NOT_DISTURB),
        repeated: settings.flag(Key::FILTER_REPEATED),
        spam: refusal(Key::FILTER_SPAM),
        ..Policy::default()
    }
}

/// What the desktop's own Do Not Disturb comes to here.
fn desktop(settings: &Settings, is_quiet: bool) -> DoNotDisturb {
    let does = settings.text(Key::FILTER_DESKTOP);
    DoNotDisturb::from_name(&does).filter(|_| is_quiet).unwrap_or_default()
}

/// The setting that a key of a policy is.
fn policy_key(key: &str) -> Option<Key> {
    match key {
        "unknown" => Some(Key::FilterUnknown),
        "spam" => Some(Key::FilterSpam),
        "do-not-disturb" => Some(Key::FilterDoNotDisturb),
        "repeated" => Some(Key::FilterRepeated),
        _ => None,
    }
}

impl From<DirectoryError> for Fault {
    fn from(error: DirectoryError) -> Self {
        match &error {
            DirectoryError::Read(_) | DirectoryError::Unusable { .. } => {
                Self::argument(format!("file: {error}"))
            }
            DirectoryError::Long | DirectoryError::Full => {
                Self::new(FaultKind::LimitReached, format!("file: {error}"))
            }
            DirectoryError::Keep { .. } => {
                let text = format!("the directory cannot be kept: {error}");
                Self::new(FaultKind::InvalidState, text)
            }
        }
    }
}

impl App {
    /// Has the core judge callers by the policy of the settings.
    pub(super) fn feed_policy(&mut self, now: Now) {
        let wanted = policy(&self.settings);
        if self.service.engine().filter().policy() != wanted {
            self.service.change_filter(now, |filter| filter.set_policy(wanted));
        }
        let desktop = desktop(&self.settings, self.manners.is_quiet());
        if self.service.engine().filter().desktop() != desktop {
            self.service.change_filter(now, |filter| filter.set_desktop(desktop));
        }
    }

    pub(super) async fn block(
        &mut self,
        now: Now,
        (scheme, pattern, why): (String, String, String),
        answer: Answer<()>,
    ) {
        let blocked = Pattern::new(&scheme, &pattern).and_then(|pattern| {
            let block = Block {
                scheme: pattern.scheme().to_owned(),
                pattern: pattern.text(),
                why: why.clone(),
            };
            let blocked = |filter: &mut Filter| filter.blocked_mut().block(pattern, &why);
            self.service.change_filter(now, blocked).map(|()| block)
        });
        match blocked {
            Ok(block) => self.keep(answer, move |db| db.block(&block)).await,
            Err(error) => drop(answer.send(Err(error.into()))),
        }
    }

    pub(super) async fn unblock(
        &mut self,
        now: Now,
        (scheme, pattern): (String, String),
        answer: Answer<()>,
    ) {
        let pattern = match Pattern::new(&scheme, &pattern) {
            Ok(pattern) => pattern,
            Err(error) => return drop(answer.send(Err(error.into()))),
        };
        self.service.change_filter(now, |filter| filter.blocked_mut().unblock(&pattern));
        let (scheme, text) = (pattern.scheme().to_owned(), pattern.text());
        self.keep(answer, move |db| db.unblock(&scheme, &text).map(drop)).await;
    }

    /// Writes what the core has taken over. Where that fails it holds for this run, and is said so.
    async fn keep(
        &mut self,
        answer: Answer<()>,
        job: impl FnOnce(&mut Store) -> Result<(), StoreError> + Send + 'static,
    ) {
        let store = self.store.clone();
        self.jobs
            .add(async move {
                let kept = store.run(job).await.map_err(|error| {
                    let Fault { kind, text } = store_fault(&error);
                    Fault::new(kind, format!("it holds until ahoyd ends, but is not kept: {text}"))
                });
                let _ = answer.send(kept);
            })
            .await;
    }

    pub(super) fn blocked(&self, answer: Answer<Vec<(String, String, String)>>) {
        let all = self.service.engine().filter().blocked().list();
        let all = all.map(|(one, why)| (one.scheme().to_owned(), one.text(), why.to_owned()));
        let _ = answer.send(Ok(all.collect()));
    }

    pub(super) async fn set_policy(&mut self, now: Now, policy: Dict, answer: Answer<()>) {
        let set = self.write_policy(policy).await;
        self.feed_policy(now);
        let _ = answer.send(set);
    }

    /// All keys are looked at before the first is written.
    async fn write_policy(&mut self, policy: Dict) -> Result<(), Fault> {
        let mut values = Vec::new();
        for (name, value) in policy {
            let known = "unknown, spam, do-not-disturb and repeated are";
            let unknown = || Fault::argument(format!("policy: {name} is no key of it; {known}"));
            let key = policy_key(&name).ok_or_else(unknown)?;
            let wrong = |allowed| Fault::argument(format!("policy: {name} must be {allowed}"));
            let value = setting(value).ok_or_else(|| wrong(key.rule().allowed()))?;
            key.rule().check(&value).map_err(wrong)?;
            values.push((key, value));
        }
        for (key, value) in values {
            self.settings.set(key.name(), value).map_err(|error| settings_fault(&error))?;
            self.tell_setting(key.name()).await;
        }
        Ok(())
    }

    pub(super) fn add_directory(&mut self, id: String, file: OwnedFd, answer: Answer<()>) {
        if id.len() > MAX_DIRECTORY_ID {
            let why = format!("id: it is longer than {MAX_DIRECTORY_ID} bytes");
            return drop(answer.send(Err(Fault::argument(why))));
        }
        let (folder, inner) = (self.directories.folder.clone(), self.inner.clone());
        let look = move |file| {
            read_directory(file, Patience::default()).and_then(|directory| {
                let part = (!directory.is_empty()).then(|| folder.write(&id, &directory));
                Ok(Added { part: part.transpose()?, id, directory })
            })
        };
        self.readers.read((file, answer), look, move |added, answer| {
            // An app that is ending answers nobody any more.
            let _ = inner.blocking_send(Inner::Directory(added, answer));
        });
    }

    /// A directory was read: it counts from now on, and takes its place on disk.
    pub(super) async fn directory_read(
        &mut self,
        now: Now,
        added: Result<Added, DirectoryError>,
        answer: Answer<()>,
    ) {
        let Added { id, directory, part } = match added {
            Ok(added) => added,
            Err(error) => return drop(answer.send(Err(error.into()))),
        };
        let set = |filter: &mut Filter| filter.set_directory(&id, directory);
        let set: Result<(), CommandError> = self.service.change_filter(now, set);
        let folder = self.directories.folder.clone();
        let keep = move || match (set, part) {
            (Ok(()), Some(part)) => part.keep().map_err(Fault::from),
            (Ok(()), None) => folder.remove(&id).map_err(Fault::from),
            (Err(error), part) => {
                part.into_iter().for_each(Part::discard);
                Err(error.into())
            }
        };
        self.jobs
            .add(async move {
                let gone = || Fault::new(FaultKind::InvalidState, "ahoyd is shutting down");
                let kept = tokio::task::spawn_blocking(keep).await;
                let _ = answer.send(kept.unwrap_or_else(|_| Err(gone())));
            })
            .await;
    }
}
