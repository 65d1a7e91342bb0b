//! Who we are: invites, devices, backups.
//!
//! Owns: the requests of `.Identity`. Does not own: where keys rest (`keys`) or what they sign (core).
//! Invariant: no key leaves but inside an encrypted backup.

use std::os::fd::OwnedFd;

use ahoy_core::{builtin::InviteWish, id::Now};

use super::{
    App,
    convert::{boolean, number, text},
    keys::AT_RESTORE,
    request::{Answer, Dict, Fault, FaultKind, Plain},
    store_fault,
};
use crate::{
    handed::{Handed, Patience},
    store::{Backup, BackupError, read_backup, write_backup},
};

/// An invite is valid this long where nobody says otherwise, seconds: a week.
const INVITE_LIFE_S: u64 = 7 * 24 * 3600;

fn invite_wish(now: Now, options: Dict) -> Result<InviteWish, Fault> {
    let mut wish = InviteWish {
        name: String::new(),
        expires_at: now.unix_s() + INVITE_LIFE_S,
        // Who holds a link that serves many can ring the user: only where that was asked for.
        single_use: true,
    };
    for (key, value) in options {
        match key.as_str() {
            "name" => wish.name = text(&key, value)?,
            "single-use" => wish.single_use = boolean(&key, &value)?,
            "expires-at" => match number(&key, &value)? {
                0 => {}
                at => wish.expires_at = at / 1_000_000,
            },
            // Options of newer controllers are theirs.
            _ => {}
        }
    }
    Ok(wish)
}

impl App {
    pub(super) fn invite(&mut self, now: Now, options: Dict, answer: Answer<String>) {
        let link = invite_wish(now, options).and_then(|wish| {
            let link = self.service.built_in().invite(now, wish);
            link.map_err(|error| Fault::argument(error.to_string()))
        });
        // Nobody waits any more: the invite exists all the same.
        let _ = answer.send(link);
    }

    pub(super) fn accept(&mut self, now: Now, link: &str, options: Dict, answer: Answer<String>) {
        let mut options = options;
        let name = options.remove("name").map_or(Ok(String::new()), |name| text("name", name));
        let accepted = name.and_then(|name| {
            let contact = self.service.built_in().accept(now, link, &name);
            contact.map_err(|error| Fault::argument(error.to_string()))
        });
        let _ = answer.send(accepted.map(|contact| contact.0));
    }

    pub(super) fn devices(&self, answer: Answer<Vec<Dict>>) {
        // This device is the only one until devices can be linked.
        let name = hostname();
        let device: Dict = [
            ("id", Plain::Text("1".to_owned())),
            ("name", Plain::Text(name)),
            ("this", Plain::Bool(true)),
        ]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect();
        let _ = answer.send(Ok(vec![device]));
    }

    pub(super) async fn backup(&mut self, file: OwnedFd, passphrase: String, answer: Answer<()>) {
        if passphrase.is_empty() {
            let why = "passphrase: it must not be empty";
            return drop(answer.send(Err(Fault::argument(why))));
        }
        let (store, keys) = (self.store.clone(), self.keys.clone());
        self.jobs
            .add(async move {
                let collected = store.run(move |db| Backup::collect(&keys, db)).await;
                let done = match collected {
                    Ok(backup) => {
                        beside(file, move |file| write_backup(&backup, &passphrase, file)).await
                    }
                    Err(error) => Err(store_fault(&error)),
                };
                let _ = answer.send(done);
            })
            .await;
    }

    pub(super) async fn restore(&mut self, file: OwnedFd, passphrase: String, answer: Answer<()>) {
        let busy = self.service.engine().calls().any(|call| !call.state().is_ended());
        let known = self.service.built_in().peers().next().is_some();
        if busy || known {
            let why = if busy {
                "calls are on: end them first"
            } else {
                "this device has an identity with contacts, which is never overwritten: restore \
                 into a fresh account, or move its data directory away first"
            };
            return drop(answer.send(Err(Fault::new(FaultKind::InvalidState, why))));
        }
        let done = self.take_over(file, passphrase).await;
        // Keys are read at the start and nowhere else.
        self.restart_wanted = done.is_ok();
        let _ = answer.send(done);
    }

    /// The keys first: contacts without them are of no use, they without contacts are.
    async fn take_over(&self, file: OwnedFd, passphrase: String) -> Result<(), Fault> {
        let backup = beside(file, move |file| read_backup(file, &passphrase)).await?;
        let kept = self.key_home.replace(&self.keys, &backup.keys, AT_RESTORE).await;
        kept.map_err(|error| Fault::new(FaultKind::InvalidState, error.to_string()))?;
        let restored = self.store.run(move |db| backup.restore(db)).await;
        restored.map_err(|error| store_fault(&error))
    }
}

/// Works with a file that was handed over, beside the store, which is to serve others meanwhile.
async fn beside<T: Send + 'static>(
    file: OwnedFd,
    work: impl FnOnce(&mut Handed) -> Result<T, BackupError> + Send + 'static,
) -> Result<T, Fault> {
    let work = tokio::task::spawn_blocking(move || {
        let mut file = Handed::new(file, Patience::default())?;
        work(&mut file)
    });
    match work.await {
        Ok(done) => done.map_err(|error| Fault::argument(error.to_string())),
        Err(_) => Err(Fault::new(FaultKind::InvalidState, "ahoyd is shutting down")),
    }
}

fn hostname() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
