//! Calling apps: what they tell the daemon, and what it asks of them.
//!
//! Owns: both ways in (Registry and Provider on the controllers' name and on the apps' own), the
//! requests sent to apps. Does not own: what a report does (core) or who is registered (the app's
//! snapshot). Invariant: only the connection that registered an id speaks for it, and through the
//! apps' own name an app sees nothing that is not its own.

mod closed;
pub mod lost;
mod objects;
mod perform;
mod words;

use ahoy_core::id::ProviderId;
use zbus::OwnedObjectPath;

pub use closed::Closed;
pub(super) use objects::{Provider, Registry, own, sender};
pub(super) use perform::{Performs, Wanted};

use super::{ROOT, path};

/// The name apps talk to.
pub const NAME: &str = "org.ahoycall.Provider1";

/// The object path of a provider: all but letters and digits escaped, as systemd does.
pub(super) fn provider_path(id: &str) -> OwnedObjectPath {
    let escaped: String = id
        .bytes()
        .map(|byte| {
            let plain = byte.is_ascii_alphanumeric();
            if plain { char::from(byte).to_string() } else { format!("_{byte:02x}") }
        })
        .collect();
    path(&format!("{ROOT}/provider/{escaped}"))
}

/// The provider of an object path, if it is one.
pub(super) fn provider_of(path: &str) -> Option<ProviderId> {
    let escaped = path.strip_prefix(ROOT)?.strip_prefix("/provider/")?;
    let mut bytes = Vec::new();
    let mut rest = escaped.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        if *first != b'_' {
            bytes.push(*first);
            rest = tail;
            continue;
        }
        let (digits, tail) = tail.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
        rest = tail;
    }
    String::from_utf8(bytes).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_and_its_path_are_one() {
        for id in ["ahoy", "org.example.Caller", "org.example.Caller.work_1", "a-b"] {
            let path = provider_path(id);
            assert_eq!(
                provider_of(path.as_str()).map(|id| id.as_str().to_owned()).as_deref(),
                Some(id)
            );
        }
        assert_eq!(
            provider_path("org.example.A").as_str(),
            format!("{ROOT}/provider/org_2eexample_2eA")
        );
    }

    #[test]
    fn what_is_no_provider_is_none() {
        for path in ["/", "/org/ahoycall/Calls1/provider/", "/org/ahoycall/Calls1/provider/a_2"] {
            assert_eq!(provider_of(path), None, "{path}");
        }
    }
}
