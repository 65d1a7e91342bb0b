//! What the user blocked.
//!
//! Owns: patterns and finding the ones that an address matches. Does not own: why a user blocks,
//! beyond keeping the words. Invariant: looking up costs one search for each character of the
//! address, however long the list is.

use std::collections::BTreeMap;

use crate::{
    engine::CommandError,
    id::{Handle, check_text},
};

/// Patterns at once: a person adds them one by one, an import brings a file of them.
pub const MAX_BLOCKED: usize = 10_000;

/// An address, or with `*` at its end all that begin so.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pattern {
    scheme: String,
    value: String,
    prefix: bool,
}

impl Pattern {
    /// A pattern, normalised by its scheme.
    ///
    /// # Errors
    /// [`CommandError::InvalidArgument`] where scheme or pattern is not of its form.
    pub fn new(scheme: &str, pattern: &str) -> Result<Self, CommandError> {
        let (value, prefix) = match pattern.trim().strip_suffix('*') {
            Some(value) => (value, true),
            None => (pattern, false),
        };
        if prefix && value.is_empty() {
            // Everybody of the scheme; the value serves only to have the scheme checked.
            let scheme = address(scheme, "0")?.scheme().to_owned();
            return Ok(Self { scheme, value: String::new(), prefix });
        }
        let handle = address(scheme, value)?;
        let (scheme, value) = (handle.scheme().to_owned(), handle.value().to_owned());
        Ok(Self { scheme, value, prefix })
    }

    /// The scheme.
    #[must_use]
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// As given to [`Self::new`], normalised.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}{}", self.value, if self.prefix { "*" } else { "" })
    }
}

fn address(scheme: &str, value: &str) -> Result<Handle, CommandError> {
    let named = |error| CommandError::InvalidArgument(format!("scheme, pattern: {error}"));
    Handle::new(scheme, value).map_err(named)
}

/// All patterns, each with the reason that the user gave.
#[derive(Debug, Default)]
pub struct BlockList(BTreeMap<Pattern, String>);

impl BlockList {
    /// Blocks a pattern, or gives it another reason.
    ///
    /// # Errors
    /// [`CommandError::InvalidArgument`] where the reason is no text,
    /// [`CommandError::LimitReached`] above [`MAX_BLOCKED`].
    pub fn block(&mut self, pattern: Pattern, why: &str) -> Result<(), CommandError> {
        check_text("why", why)?;
        if self.0.len() >= MAX_BLOCKED && !self.0.contains_key(&pattern) {
            return Err(CommandError::LimitReached("blocked addresses"));
        }
        self.0.insert(pattern, why.to_owned());
        Ok(())
    }

    /// Takes a pattern back; what was not blocked is no error.
    pub fn unblock(&mut self, pattern: &Pattern) {
        self.0.remove(pattern);
    }

    /// Everything that is blocked, and why.
    pub fn list(&self) -> impl Iterator<Item = (&Pattern, &str)> {
        self.0.iter().map(|(pattern, why)| (pattern, why.as_str()))
    }

    /// Whether an address is blocked.
    #[must_use]
    pub fn contains(&self, handle: &Handle) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let mut key = Pattern {
            scheme: handle.scheme().to_owned(),
            value: handle.value().to_owned(),
            prefix: false,
        };
        if self.0.contains_key(&key) {
            return true;
        }
        key.prefix = true;
        loop {
            if self.0.contains_key(&key) {
                return true;
            }
            if key.value.pop().is_none() {
                return false;
            }
        }
    }
}
