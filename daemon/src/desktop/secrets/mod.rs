//! The Secret Service: where a desktop keeps secrets under the person's password.
//!
//! Owns: the words of `org.freedesktop.secrets`, its prompts, and how long they may take. Does not
//! own: what the secrets are, or whether they belong there (the app).
//! A proxy of our own: `oo7` and `secret-service` both bring a second D-Bus library (zbus 5) and 24
//! to 32 crates for what is nine methods. The session is "plain": what its encryption (1024-bit
//! Diffie-Hellman, nobody authenticated) hides from is another program of the same user that reads
//! along on the bus, and such a program can ask the service for the secret itself.
//! Invariant: one owner of the name is talked to from the first word to the last, and a secret is
//! never kept in the `session` collection, which ends with the login.

mod prompt;

use std::{collections::HashMap, time::Duration};

use zbus::{
    Connection, Message, ObjectPath, OwnedObjectPath, OwnedVariant, Variant, zvariant::DynamicType,
};
use zeroize::Zeroizing;

use crate::bus::{Remote, is_absence};

const NAME: &str = "org.freedesktop.secrets";
const PATH: &str = "/org/freedesktop/secrets";
const SERVICE: &str = "org.freedesktop.Secret.Service";
const COLLECTION: &str = "org.freedesktop.Secret.Collection";
const ITEM: &str = "org.freedesktop.Secret.Item";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
/// Tells our items from those of others. Not `xdg:schema`: gnome-keyring does not find a locked
/// item by it.
const OURS: (&str, &str) = ("application", "org.ahoycall.Ahoy");
/// Which person the keys are of.
const IDENTITY: &str = "identity";
/// Lives as long as the login: nothing to keep an identity in.
const VOLATILE: &str = "/org/freedesktop/secrets/collection/session";
const NOWHERE: &str = "/";

/// Why the Secret Service did not do it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretsError {
    /// There is none.
    #[error("there is no Secret Service on the session bus")]
    Absent,
    /// It has nowhere to keep a secret that outlives the login.
    #[error("the Secret Service has no default keyring")]
    NoCollection,
    /// The person did not unlock it.
    #[error("the keyring is locked, and the prompt was {0}")]
    Locked(&'static str),
    /// It broke off, or says no.
    #[error("the Secret Service: {0}")]
    Bus(#[from] zbus::Error),
}

/// A secret of ours, not yet read. Its identity is not read from it: while it is locked,
/// gnome-keyring finds it by its attributes but does not show them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item(OwnedObjectPath);

/// Where new secrets go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collection {
    /// Whether a password is wanted first.
    pub is_locked: bool,
    path: OwnedObjectPath,
}

/// One owner of the service, with a session open.
pub struct Secrets {
    bus: Connection,
    owner: String,
    session: OwnedObjectPath,
}

/// (session, parameters, value, content type)
type Wire = (OwnedObjectPath, Vec<u8>, Vec<u8>, String);

impl Secrets {
    /// Opens a session with the service, which the bus starts where it rests.
    ///
    /// # Errors
    /// [`SecretsError::Absent`] and others.
    pub async fn connect(bus: &Connection) -> Result<Self, SecretsError> {
        let plain = ("plain", Variant::from(""));
        let reply = Remote::new(bus, NAME, PATH, SERVICE).call("OpenSession", &plain).await;
        let reply = reply.map_err(|error| {
            if is_absence(&error) { SecretsError::Absent } else { SecretsError::Bus(error) }
        })?;
        let owner = reply.header().sender().map(ToString::to_string).unwrap_or_default();
        let (_, session): (OwnedVariant, OwnedObjectPath) = body(&reply)?;
        Ok(Self { bus: bus.clone(), owner, session })
    }

    /// Keys of ours, locked or not: of this identity, or of whomever.
    ///
    /// # Errors
    /// See [`SecretsError`].
    pub async fn items(&self, identity: Option<&str>) -> Result<Vec<Item>, SecretsError> {
        let mut wanted = HashMap::from([OURS]);
        wanted.extend(identity.map(|identity| (IDENTITY, identity)));
        let reply = self.call(PATH, SERVICE, "SearchItems", &(wanted,)).await?;
        let (open, locked): (Vec<OwnedObjectPath>, Vec<OwnedObjectPath>) = body(&reply)?;
        Ok(open.into_iter().chain(locked).map(Item).collect())
    }

    /// The keyring that secrets go into by default.
    ///
    /// # Errors
    /// [`SecretsError::NoCollection`] and others.
    pub async fn collection(&self) -> Result<Collection, SecretsError> {
        let reply = self.call(PATH, SERVICE, "ReadAlias", &("default",)).await?;
        let path: OwnedObjectPath = body(&reply)?;
        if [NOWHERE, VOLATILE].contains(&path.as_str()) {
            return Err(SecretsError::NoCollection);
        }
        let locked = self.property(&path, COLLECTION, "Locked").await?;
        Ok(Collection { is_locked: bool::try_from(locked)?, path })
    }

    /// Unlocks a keyring; the person is asked where that is needed, for at most `limit`.
    ///
    /// # Errors
    /// [`SecretsError::Locked`] and others.
    pub async fn unlock(&self, it: &Collection, limit: Duration) -> Result<(), SecretsError> {
        self.unlock_path(&it.path, limit).await
    }

    /// Reads a secret; the person is asked to unlock it where that is needed, for at most `limit`.
    ///
    /// # Errors
    /// [`SecretsError::Locked`] and others.
    pub async fn read(
        &self,
        item: &Item,
        limit: Duration,
    ) -> Result<Zeroizing<Vec<u8>>, SecretsError> {
        let locked = self.property(&item.0, ITEM, "Locked").await?;
        if bool::try_from(locked)? {
            self.unlock_path(&item.0, limit).await?;
        }
        let reply = self.call(item.0.as_str(), ITEM, "GetSecret", &(&self.session,)).await?;
        let ((_, _, value, _),): (Wire,) = body(&reply)?;
        Ok(Zeroizing::new(value))
    }

    /// Keeps a secret in an unlocked keyring, in place of one of the same identity.
    ///
    /// # Errors
    /// See [`SecretsError`].
    pub async fn write(
        &self,
        into: &Collection,
        identity: &str,
        label: &str,
        secret: &[u8],
        limit: Duration,
    ) -> Result<Item, SecretsError> {
        let attributes = HashMap::from([OURS, (IDENTITY, identity)]);
        let properties = HashMap::from([
            ("org.freedesktop.Secret.Item.Label", Variant::from(label)),
            ("org.freedesktop.Secret.Item.Attributes", Variant::from(attributes)),
        ]);
        let kind = "application/octet-stream".to_owned();
        let secret: Wire = (self.session.clone(), Vec::new(), secret.to_vec(), kind);
        let arguments = (properties, &secret, true);
        let reply = self.call(into.path.as_str(), COLLECTION, "CreateItem", &arguments).await;
        drop(Zeroizing::new(secret.2));
        let (path, prompt): (OwnedObjectPath, OwnedObjectPath) = body(&reply?)?;
        let path = match self.answered(&prompt, limit).await? {
            Some(result) => result.try_into()?,
            None => path,
        };
        Ok(Item(path))
    }

    /// Takes a secret away for good.
    ///
    /// # Errors
    /// See [`SecretsError`].
    pub async fn remove(&self, item: &Item, limit: Duration) -> Result<(), SecretsError> {
        let reply = self.call(item.0.as_str(), ITEM, "Delete", &()).await?;
        let prompt: OwnedObjectPath = body(&reply)?;
        self.answered(&prompt, limit).await?;
        Ok(())
    }

    async fn unlock_path(
        &self,
        path: &ObjectPath<'_>,
        limit: Duration,
    ) -> Result<(), SecretsError> {
        let reply = self.call(PATH, SERVICE, "Unlock", &(vec![path],)).await?;
        let (_, prompt): (Vec<OwnedObjectPath>, OwnedObjectPath) = body(&reply)?;
        self.answered(&prompt, limit).await?;
        Ok(())
    }

    /// What a prompt ended with; `None` where there is none.
    async fn answered(
        &self,
        prompt: &OwnedObjectPath,
        limit: Duration,
    ) -> Result<Option<OwnedVariant>, SecretsError> {
        if prompt.as_str() == NOWHERE {
            return Ok(None);
        }
        prompt::show(&self.bus, &self.owner, prompt, limit).await.map(Some)
    }

    async fn property(
        &self,
        path: &ObjectPath<'_>,
        interface: &str,
        name: &str,
    ) -> Result<OwnedVariant, SecretsError> {
        body(&self.call(path.as_str(), PROPERTIES, "Get", &(interface, name)).await?)
    }

    async fn call<B>(
        &self,
        path: &str,
        interface: &str,
        method: &str,
        body: &B,
    ) -> Result<Message, SecretsError>
    where
        B: serde::Serialize + DynamicType,
    {
        Ok(Remote::new(&self.bus, &self.owner, path, interface).call(method, body).await?)
    }
}

fn body<T>(reply: &Message) -> Result<T, SecretsError>
where
    T: serde::de::DeserializeOwned + zbus::Type,
{
    Ok(reply.body().deserialize()?)
}
