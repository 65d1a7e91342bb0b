//! Names of things: calls, providers, contacts, handles, actions; and the time they happen at.
//!
//! Owns: the newtypes that cross module borders and their validation. Does not own: what they name.
//! Invariant: a value of these types is within its length cap and free of control characters.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The longest string that an app or a peer may put into a name or a handle, bytes.
pub const MAX_TEXT: usize = 512;

/// When something happens: the clock that never jumps and the one people read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Since an arbitrary start; deadlines are reckoned in it.
    pub mono: Duration,
    /// Microseconds since the Unix epoch, UTC; goes into the log and onto the bus.
    pub unix_us: u64,
}

impl Now {
    /// Whole seconds since the Unix epoch.
    #[must_use]
    pub const fn unix_s(self) -> u64 {
        self.unix_us / 1_000_000
    }
}

/// Where chance comes from: the system in the daemon, a seed in tests.
pub trait Entropy: Send {
    /// Fills `bytes` with unpredictable bytes.
    fn fill(&mut self, bytes: &mut [u8]);

    /// Sixteen unpredictable bytes, for identifiers.
    fn id(&mut self) -> [u8; 16] {
        let mut id = [0; 16];
        self.fill(&mut id);
        id
    }
}

/// A text from outside is not usable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Too long.
    #[error("{what} is {length} bytes long; at most {most} are allowed")]
    Long {
        /// Which argument.
        what: &'static str,
        /// Its length, bytes.
        length: usize,
        /// What is allowed, bytes.
        most: usize,
    },
    /// Empty where something is needed, or with control characters, or not of its form.
    #[error("{what} is not valid: {why}")]
    Form {
        /// Which argument.
        what: &'static str,
        /// What is expected.
        why: &'static str,
    },
}

/// Checks a text from an app or peer: within [`MAX_TEXT`] and without control characters.
///
/// # Errors
/// [`TextError`] names the argument.
pub fn check_text(what: &'static str, text: &str) -> Result<(), TextError> {
    if text.len() > MAX_TEXT {
        return Err(TextError::Long { what, length: text.len(), most: MAX_TEXT });
    }
    if text.chars().any(char::is_control) {
        return Err(TextError::Form { what, why: "control characters are not allowed" });
    }
    Ok(())
}

/// A call, everywhere: on the bus, in the log, between devices. Never used twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CallId(pub [u8; 16]);

impl CallId {
    /// A new id, as an RFC 9562 version 4 UUID.
    pub fn random(entropy: &mut dyn Entropy) -> Self {
        Self(uuid::Builder::from_random_bytes(entropy.id()).into_uuid().into_bytes())
    }

    /// The part of an object path: the UUID with `_` for `-`.
    #[must_use]
    pub fn path_part(self) -> String {
        self.to_string().replace('-', "_")
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Uuid::from_bytes(self.0).hyphenated().fmt(f)
    }
}

impl fmt::Debug for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for CallId {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        Uuid::try_parse(&text.replace('_', "-"))
            .map(|uuid| Self(uuid.into_bytes()))
            .map_err(|_| TextError::Form { what: "uuid", why: "an RFC 9562 UUID is expected" })
    }
}

/// An app that makes calls, by the id it registered under; `ahoy` is the built-in one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProviderId(String);

impl ProviderId {
    /// The built-in encrypted calls.
    #[must_use]
    pub fn built_in() -> Self {
        Self("ahoy".to_owned())
    }

    /// As registered.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProviderId {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if text.is_empty() || text.len() > 255 || !text.chars().all(legal) {
            let why = "1 to 255 ASCII letters, digits, '.', '-' or '_' are expected";
            return Err(TextError::Form { what: "provider_id", why });
        }
        Ok(Self(text.to_owned()))
    }
}

/// A person in the address book, by the id the store gave.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ContactId(pub String);

/// How someone is reached: a scheme and a value of that scheme.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handle {
    scheme: String,
    value: String,
}

impl Handle {
    /// A handle, normalised by its scheme.
    ///
    /// # Errors
    /// [`TextError`] where scheme or value is empty, too long or not of its form.
    pub fn new(scheme: &str, value: &str) -> Result<Self, TextError> {
        check_text("handle", scheme)?;
        check_text("handle", value)?;
        let scheme = scheme.to_ascii_lowercase();
        let first = scheme.chars().next().is_some_and(|c| c.is_ascii_alphabetic());
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '.' | '-');
        if !first || !scheme.chars().all(legal) {
            let why = "its scheme is not one of RFC 3986, such as \"ahoy\", \"tel\" or \"sip\"";
            return Err(TextError::Form { what: "handle", why });
        }
        let value = normalise(&scheme, value.trim());
        if value.is_empty() {
            return Err(TextError::Form { what: "handle", why: "its value is empty" });
        }
        Ok(Self { scheme, value })
    }

    /// A handle that reaches nobody: a withheld number.
    #[must_use]
    pub fn unknown() -> Self {
        Self { scheme: "unknown".to_owned(), value: "withheld".to_owned() }
    }

    /// The scheme, lower case.
    #[must_use]
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// The value, normalised.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }
}

/// Two spellings of one address compare equal after this.
fn normalise(scheme: &str, value: &str) -> String {
    match scheme {
        "tel" => {
            value.chars().filter(|c| c.is_ascii_digit() || matches!(c, '+' | '*' | '#')).collect()
        }
        "ahoy" => value.to_ascii_lowercase(),
        "sip" | "sips" => match value.rsplit_once('@') {
            Some((user, host)) => format!("{user}@{}", host.to_ascii_lowercase()),
            None => value.to_ascii_lowercase(),
        },
        _ => value.to_owned(),
    }
}

/// Handles are personal: logs show the scheme alone.
impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:…", self.scheme)
    }
}

/// The number under which an action goes out to a provider; its reply carries the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Serial(pub u32);

/// A transaction: everything that one wish of a controller asks of providers. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TxnId(pub u64);

/// As `Perform` carries it.
impl fmt::Display for TxnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "txn-{}", self.0)
    }
}

/// Calls that are talked to together. Not used twice while a group of this number is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(pub u32);

/// Who sends a command: one number for each unique name on the bus, given by the adapter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SenderId(pub u64);

impl SenderId {
    /// The daemon itself: a click, a voice, a hotkey.
    pub const OWN: Self = Self(0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_compare_after_normalisation_by_scheme() {
        let tel = Handle::new("tel", "+49 (30) 123-456").unwrap();
        assert_eq!(tel, Handle::new("TEL", "+4930123456").unwrap());
        assert_eq!(
            Handle::new("sip", "bob@Example.ORG").unwrap(),
            Handle::new("sip", "bob@example.org").unwrap()
        );
        assert_ne!(
            Handle::new("sip", "Bob@example.org").unwrap(),
            Handle::new("sip", "bob@example.org").unwrap()
        );
    }

    #[test]
    fn bad_handles_are_refused_and_name_the_argument() {
        for (scheme, value) in [("", "x"), ("1a", "x"), ("tel", ""), ("tel", "abc"), ("a b", "x")] {
            let error = Handle::new(scheme, value).unwrap_err();
            assert!(error.to_string().contains("handle"), "{error}");
        }
        assert!(matches!(
            Handle::new("sip", &"x".repeat(MAX_TEXT + 1)),
            Err(TextError::Long { .. })
        ));
        assert!(Handle::new("sip", "a\nb").is_err());
    }

    #[test]
    fn call_ids_survive_text_and_path() {
        let id = CallId([7; 16]);
        assert_eq!(id.to_string().parse::<CallId>().unwrap(), id);
        assert_eq!(id.path_part().parse::<CallId>().unwrap(), id);
        assert!("not-a-uuid".parse::<CallId>().is_err());
    }
}
