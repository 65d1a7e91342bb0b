//! Where the keys of this person rest: in the Secret Service, or in a file.
//!
//! Owns: the choice, moving keys from one to the other, and that there is never a second identity.
//! Does not own: the file (`store`) or the service (`desktop/secrets`). Invariant: a fresh identity
//! is made only where neither a file, nor the marker, nor the service knows of one; what is moved
//! is read back and compared before the older copy goes.

#[cfg(test)]
mod tests;

use std::{path::PathBuf, time::Duration};

use ahoy_core::{peer::Identity, session::Secret};

use crate::{
    desktop::secrets::{Collection, Item, Secrets, SecretsError},
    paths::Paths,
    store::keys::{Keys, KeysError, Marker},
};

/// As long as it takes to notice a prompt and type a password.
pub(super) const AT_START: Duration = Duration::from_secs(120);
/// Callers on the bus give up after 25 s.
pub(super) const AT_RESTORE: Duration = Duration::from_secs(20);

/// What `keys.store` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// The Secret Service where there is one and it is open; else a file.
    Auto,
    /// A file.
    File,
    /// The Secret Service.
    SecretService,
}

impl Wish {
    /// The wish behind a word of the setting.
    #[must_use]
    pub(super) fn from_word(word: &str) -> Self {
        match word {
            "file" => Self::File,
            "secret-service" => Self::SecretService,
            _ => Self::Auto,
        }
    }
}

/// Where the keys are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Home {
    /// In the key file.
    File,
    /// In the Secret Service.
    SecretService,
}

/// Why there are no keys. Nothing was changed, and no fresh identity was made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HomeError {
    /// The file or the marker.
    #[error("{0}")]
    File(#[from] KeysError),
    /// They are in the Secret Service, and it does not give them.
    #[error(
        "your keys are in the Secret Service, and it does not give them ({0}): log in with your \
         password or unlock your keyring, then start ahoyd again"
    )]
    Closed(SecretsError),
    /// They were in the Secret Service and are not there any more.
    #[error(
        "the keys of ahoy:{identity} were in the Secret Service and are not there any more: bring \
         the keyring back; or, to begin with a backup, move {marker} away, start ahoyd and run \
         `ahoyctl restore FILE`"
    )]
    Gone {
        /// Whose they were.
        identity: String,
        /// What says so.
        marker: PathBuf,
    },
    /// What the Secret Service gives is not what it was given.
    #[error("the Secret Service has other keys than those of ahoy:{identity}: it was changed")]
    Damaged {
        /// Whose they should be.
        identity: String,
    },
    /// The file and the marker speak of two people.
    #[error(
        "{file} holds another identity than ahoy:{identity} in the Secret Service: move the one \
         that is not yours away ({file}, or {marker})"
    )]
    Two {
        /// The key file.
        file: PathBuf,
        /// The marker.
        marker: PathBuf,
        /// Whom the marker names.
        identity: String,
    },
    /// Nothing here says which of several is this person.
    #[error(
        "the Secret Service has the keys of {0} Ahoy identities, and nothing says which is yours: \
         remove the others from the keyring"
    )]
    Several(usize),
    /// `keys.store` wants the Secret Service, and it cannot be used.
    #[error(
        "keys.store is secret-service, but {0}: start or unlock one, or set keys.store to auto in \
         the config file"
    )]
    Unusable(SecretsError),
}

/// The keys' place and the way there.
#[derive(Clone)]
pub(super) struct KeyHome {
    bus: zbus::Connection,
    file: PathBuf,
    marker: PathBuf,
    home: Home,
}

/// The address that belongs to keys, without its scheme.
#[must_use]
fn identity(keys: &Keys) -> String {
    Identity::from_seed(&Secret(*keys.identity_seed.expose())).key().to_string()
}

impl KeyHome {
    /// The keys of this person, and where they rest from now on. Made where there are none.
    ///
    /// # Errors
    /// [`HomeError`]: what is wrong, and what to do.
    pub(super) async fn open(
        bus: zbus::Connection,
        paths: &Paths,
        wish: Wish,
        limit: Duration,
    ) -> Result<(Keys, Self), HomeError> {
        let (file, marker) = (paths.keys(), paths.keys_marker());
        let mut own = Self { bus, file, marker, home: Home::File };
        let keys = match (Keys::load(&own.file)?, Marker::load(&own.marker)?) {
            (Some(keys), Some(Marker { identity: named })) if identity(&keys) != named => {
                let (file, marker) = (own.file, own.marker);
                return Err(HomeError::Two { file, marker, identity: named });
            }
            // With a marker: a move that was cut off while both were there. It begins again.
            (Some(keys), marker) => own.settle(keys, marker.is_some(), wish, limit).await?,
            (None, Some(marker)) => own.fetch(&marker.identity, wish, limit).await?,
            (None, None) => own.begin(wish, limit).await?,
        };
        Ok((keys, own))
    }

    /// Where they rest.
    #[must_use]
    pub(super) const fn home(&self) -> Home {
        self.home
    }

    /// Puts other keys in the place of `old`, an identity that nobody knows yet.
    ///
    /// # Errors
    /// [`HomeError`]; the older ones are still there.
    pub(super) async fn replace(
        &self,
        old: &Keys,
        new: &Keys,
        limit: Duration,
    ) -> Result<(), HomeError> {
        match self.home {
            Home::File => {
                new.replace(&self.file)?;
                Ok(Marker::remove(&self.marker)?)
            }
            Home::SecretService => {
                let secrets = self.keep(new, true, limit).await?;
                if identity(old) != identity(new) {
                    self.forget(&secrets, &identity(old), limit).await;
                }
                Ok(())
            }
        }
    }

    /// Keys that are in the file: they stay, or move on into the service.
    async fn settle(
        &mut self,
        keys: Keys,
        marked: bool,
        wish: Wish,
        limit: Duration,
    ) -> Result<Keys, HomeError> {
        if wish == Wish::File {
            if marked {
                Marker::remove(&self.marker)?;
                if let Ok(secrets) = Secrets::connect(&self.bus).await {
                    self.forget(&secrets, &identity(&keys), limit).await;
                }
            }
            return Ok(keys);
        }
        // Keys that are safe in a file are no reason to ask for a password.
        match self.keep(&keys, wish == Wish::SecretService, limit).await {
            Ok(_) => {
                Keys::erase(&self.file)?;
                self.home = Home::SecretService;
                tracing::info!("your keys were moved from their file into the Secret Service");
            }
            Err(HomeError::Unusable(
                why @ (SecretsError::Absent | SecretsError::NoCollection | SecretsError::Locked(_)),
            )) if wish == Wish::Auto => tracing::debug!(%why, "your keys stay in their file"),
            Err(why) => tracing::warn!(%why, "your keys stay in their file"),
        }
        Ok(keys)
    }

    /// Keys that the marker says are in the service.
    async fn fetch(
        &mut self,
        wanted: &str,
        wish: Wish,
        limit: Duration,
    ) -> Result<Keys, HomeError> {
        let secrets = Secrets::connect(&self.bus).await.map_err(HomeError::Closed)?;
        let found = Self::find(&secrets, wanted, limit).await.map_err(HomeError::Closed)?;
        let item = found.ok_or_else(|| HomeError::Gone {
            identity: wanted.to_owned(),
            marker: self.marker.clone(),
        })?;
        self.take(&secrets, &item, Some(wanted), wish, limit).await
    }

    /// The item of this identity. Some services (KeePassXC) show none while they are locked.
    async fn find(
        secrets: &Secrets,
        wanted: &str,
        limit: Duration,
    ) -> Result<Option<Item>, SecretsError> {
        let found = secrets.items(Some(wanted)).await?.into_iter().next();
        let collection = secrets.collection().await;
        match (found, collection) {
            (None, Ok(collection)) if collection.is_locked => {
                secrets.unlock(&collection, limit).await?;
                Ok(secrets.items(Some(wanted)).await?.into_iter().next())
            }
            (found, _) => Ok(found),
        }
    }

    /// Reads keys out of the service, and moves them into the file where that is wanted.
    async fn take(
        &mut self,
        secrets: &Secrets,
        item: &Item,
        wanted: Option<&str>,
        wish: Wish,
        limit: Duration,
    ) -> Result<Keys, HomeError> {
        let bytes = secrets.read(item, limit).await.map_err(HomeError::Closed)?;
        let fits = |keys: &Keys| wanted.is_none_or(|wanted| identity(keys) == wanted);
        let damaged = || HomeError::Damaged { identity: wanted.unwrap_or("?").to_owned() };
        let keys = Keys::from_bytes(&bytes).filter(fits).ok_or_else(damaged)?;
        if wish == Wish::File {
            keys.store(&self.file)?;
            if Keys::load(&self.file)?.as_ref() != Some(&keys) {
                return Err(damaged());
            }
            Marker::remove(&self.marker)?;
            self.forget(secrets, &identity(&keys), limit).await;
            tracing::info!("your keys were moved from the Secret Service into their file");
        } else {
            Marker { identity: identity(&keys) }.store(&self.marker)?;
            self.home = Home::SecretService;
        }
        Ok(keys)
    }

    /// No keys are known here: they are found in the service, or made.
    async fn begin(&mut self, wish: Wish, limit: Duration) -> Result<Keys, HomeError> {
        if wish == Wish::File {
            return Ok(Keys::load_or_create(&self.file)?);
        }
        let found = match Secrets::connect(&self.bus).await {
            Ok(secrets) => secrets.items(None).await.map(|items| (secrets, items)),
            Err(error) => Err(error),
        };
        match found {
            // A first start that was cut off, or a data directory that is gone: still this person.
            Ok((secrets, items)) => match items.as_slice() {
                [] => self.create(wish, limit).await,
                [item] => self.take(&secrets, item, None, wish, limit).await,
                several => Err(HomeError::Several(several.len())),
            },
            Err(why) if wish == Wish::SecretService => Err(HomeError::Unusable(why)),
            Err(SecretsError::Absent) => Ok(Keys::load_or_create(&self.file)?),
            Err(why) => {
                tracing::warn!(%why, "your keys are kept in a file");
                Ok(Keys::load_or_create(&self.file)?)
            }
        }
    }

    /// A fresh identity, in the service where that is open.
    async fn create(&mut self, wish: Wish, limit: Duration) -> Result<Keys, HomeError> {
        let keys = Keys::generate()?;
        match self.keep(&keys, wish == Wish::SecretService, limit).await {
            Ok(_) => self.home = Home::SecretService,
            Err(HomeError::Unusable(why)) if wish == Wish::Auto => {
                tracing::debug!(%why, "your keys are kept in a file");
                keys.store(&self.file)?;
            }
            Err(error) => return Err(error),
        }
        Ok(keys)
    }

    /// Writes keys into the service, reads them back, and only then says that they are there.
    async fn keep(&self, keys: &Keys, ask: bool, limit: Duration) -> Result<Secrets, HomeError> {
        let (secrets, collection) = self.usable(ask, limit).await.map_err(HomeError::Unusable)?;
        let named = identity(keys);
        let label = format!("Ahoy: keys of ahoy:{named}");
        let written = async {
            let item = secrets.write(&collection, &named, &label, &keys.to_bytes(), limit).await?;
            secrets.read(&item, limit).await
        };
        let back = written.await.map_err(HomeError::Unusable)?;
        if Keys::from_bytes(&back).as_ref() != Some(keys) {
            return Err(HomeError::Damaged { identity: named });
        }
        Marker { identity: named }.store(&self.marker)?;
        Ok(secrets)
    }

    async fn usable(
        &self,
        ask: bool,
        limit: Duration,
    ) -> Result<(Secrets, Collection), SecretsError> {
        let secrets = Secrets::connect(&self.bus).await?;
        let collection = secrets.collection().await?;
        if collection.is_locked {
            if !ask {
                return Err(SecretsError::Locked("not shown"));
            }
            secrets.unlock(&collection, limit).await?;
        }
        Ok((secrets, collection))
    }

    /// Removes a copy that is not needed any more. One that stays is the same person's.
    async fn forget(&self, secrets: &Secrets, identity: &str, limit: Duration) {
        let gone = async {
            for item in secrets.items(Some(identity)).await? {
                secrets.remove(&item, limit).await?;
            }
            Ok::<(), SecretsError>(())
        };
        if let Err(error) = gone.await {
            tracing::warn!(%error, "a copy of your keys stays in the Secret Service");
        }
    }
}
