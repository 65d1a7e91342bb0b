//! `provider …`: calling apps: which there are, which one calls what, and whether one is right.
//!
//! Owns: the group's arguments, and how an id stands in a path. Does not own: the apps. Invariant:
//! `escape` and `unescape` are each other's inverse for every id.

pub mod check;
pub mod list;

use clap::Subcommand;

use crate::{error::Result, out::Out};

/// `provider …`
#[derive(Debug, Subcommand)]
pub enum ProviderCommand {
    /// List the calling apps that are registered
    #[command(after_help = "Examples:\n  ahoyctl provider list\n  ahoyctl provider list --json")]
    List,
    /// Show which app calls which kind of address
    Default(list::DefaultArgs),
    /// Check an app against the contract, point by point: for authors of apps
    Check(check::CheckArgs),
}

/// Runs a command of the group.
pub async fn run(command: ProviderCommand, out: &Out) -> Result<()> {
    match command {
        ProviderCommand::List => list::list(out).await,
        ProviderCommand::Default(args) => list::default(args, out).await,
        ProviderCommand::Check(args) => check::run(args, out).await,
    }
}

/// An id as it stands in a path: all but letters and digits escaped, as systemd does.
pub(crate) fn escape(id: &str) -> String {
    id.bytes()
        .map(|byte| {
            let plain = byte.is_ascii_alphanumeric();
            if plain { char::from(byte).to_string() } else { format!("_{byte:02x}") }
        })
        .collect()
}

/// The id that stands in a path; what is no escape stays as it is.
pub(crate) fn unescape(escaped: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = escaped.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let code =
            tail.split_at_checked(2).filter(|_| *first == b'_').and_then(|(digits, after)| {
                let digits = std::str::from_utf8(digits).ok()?;
                Some((u8::from_str_radix(digits, 16).ok()?, after))
            });
        let (byte, after) = code.unwrap_or((*first, tail));
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_and_its_path_are_one() {
        for id in ["ahoy", "org.example.Caller", "org.example.Caller.work_1", "a-b"] {
            assert_eq!(unescape(&escape(id)), id);
        }
        assert_eq!(escape("org.example.A"), "org_2eexample_2eA");
        assert_eq!(unescape("a_2"), "a_2");
    }
}
