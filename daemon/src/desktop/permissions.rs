//! Which sandboxed apps may dial, as the desktop's permission store keeps it.
//!
//! Owns: table `calls` of `org.freedesktop.impl.portal.PermissionStore`. Does not own: asking the
//! user, what is done without a store. Invariant: only "yes" is yes.
//!
//! An app's entry has its own id, and in it the app's permissions are `yes` or `no`, as in the
//! tables of xdg-desktop-portal: `flatpak permission-show APP` shows it, and
//! `flatpak permission-set calls APP APP no` changes it.

use std::collections::HashMap;

use zbus::{Connection, OwnedVariant};

use crate::bus::{Remote, is_absence};

const NAME: &str = "org.freedesktop.impl.portal.PermissionStore";
const PATH: &str = "/org/freedesktop/impl/portal/PermissionStore";
const TABLE: &str = "calls";
/// The store has no such entry.
const NOT_FOUND: &str = "org.freedesktop.portal.Error.NotFound";

/// Why the store does not help.
#[derive(Debug, thiserror::Error)]
pub enum PermissionError {
    /// There is none.
    #[error("this desktop has no permission store")]
    Absent,
    /// It refused.
    #[error("the permission store: {0}")]
    Refused(zbus::Error),
}

impl From<zbus::Error> for PermissionError {
    fn from(error: zbus::Error) -> Self {
        if is_absence(&error) { Self::Absent } else { Self::Refused(error) }
    }
}

/// The store.
#[derive(Clone)]
pub struct Permissions {
    bus: Connection,
}

impl Permissions {
    /// The store of this session.
    #[must_use]
    pub const fn new(bus: Connection) -> Self {
        Self { bus }
    }

    fn remote(&self) -> Remote<'_> {
        Remote::new(&self.bus, NAME, PATH, NAME)
    }

    /// Whether an app may dial; none: the user was not asked yet.
    ///
    /// # Errors
    /// [`PermissionError`].
    pub async fn lookup(&self, app: &str) -> Result<Option<bool>, PermissionError> {
        let reply = match self.remote().call("Lookup", &(TABLE, app)).await {
            Err(zbus::Error::MethodError(name, ..)) if name.as_str() == NOT_FOUND => {
                return Ok(None);
            }
            reply => reply?,
        };
        let (of, _): (HashMap<String, Vec<String>>, OwnedVariant) = reply.body().deserialize()?;
        let word = of.get(app).and_then(|words| words.first());
        Ok(word.and_then(|word| match word.as_str() {
            "yes" => Some(true),
            "no" => Some(false),
            _ => None,
        }))
    }

    /// Keeps what the user decided.
    ///
    /// # Errors
    /// [`PermissionError`].
    pub async fn set(&self, app: &str, may: bool) -> Result<(), PermissionError> {
        let word = if may { "yes" } else { "no" };
        let entry = (TABLE, true, app, app, vec![word]);
        self.remote().call("SetPermission", &entry).await?;
        Ok(())
    }
}
