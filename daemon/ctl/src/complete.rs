//! Names of contacts where a shell completes them.
//!
//! Owns: which names are offered, and how a shell has to read them. Does not own: the rest of what is
//! completed (the argument tree). Invariant: nothing is started, nothing is printed, and no name is
//! offered that a shell could take for anything but one word; whoever completes waits half a second at
//! most.

use std::{
    ffi::{OsStr, OsString},
    sync::OnceLock,
    time::Duration,
};

use crate::{
    bus::{Bus, NAME},
    value,
};
use clap::Command;
use clap_complete::{CompleteEnv, engine::CompletionCandidate};

/// The variable that our script sets to the shell's name.
pub const ASKS: &str = "AHOYCTL_COMPLETE";
/// Longer nobody waits for a list.
const LIMIT: Duration = Duration::from_millis(500);
/// More than this nobody reads.
const MOST: usize = 50;

/// The shell that asks. clap takes the variable that says it away before it asks for names.
static SHELL: OnceLock<OsString> = OnceLock::new();

/// Completes what a shell asks for, where one does, and ends; `command`: the argument tree.
pub fn run(command: fn() -> Command) {
    if let Some(shell) = std::env::var_os(ASKS) {
        // Once in a process.
        let _ = SHELL.set(shell);
    }
    CompleteEnv::with_factory(command).var(ASKS).complete();
}

/// The contacts whose names begin as what was typed so far.
pub fn people(typed: &OsStr) -> Vec<CompletionCandidate> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let Ok(runtime) = runtime else { return Vec::new() };
    let names = runtime.block_on(async { tokio::time::timeout(LIMIT, names()).await });
    runtime.shutdown_background();
    let is_bash = SHELL.get().is_some_and(|shell| shell == "bash");
    let typed = unquoted(&typed.to_string_lossy()).to_lowercase();
    let fits = |name: &String| name.to_lowercase().starts_with(&typed) && is_plain(name);
    let names = names.ok().flatten().unwrap_or_default().into_iter().filter(fits).take(MOST);
    let told = |name: String| if is_bash { quoted(&name) } else { name };
    names.map(|name| CompletionCandidate::new(told(name))).collect()
}

/// All names, of a daemon that runs.
async fn names() -> Option<Vec<String>> {
    let bus = Bus::connect().await.ok()?;
    let (own, path) = ("org.freedesktop.DBus", "/org/freedesktop/DBus");
    let asked = bus.connection().call_method(Some(own), path, Some(own), "NameHasOwner", &NAME);
    if !asked.await.ok()?.body().deserialize::<bool>().ok()? {
        return None;
    }
    let contacts = bus.contacts().await.ok()?;
    Some(contacts.iter().map(|contact| value::text(contact, "name").to_owned()).collect())
}

/// Words, numbers and the signs of names. A peer may have chosen the name: what shells have a meaning
/// for is not offered.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || " .-'_".contains(c))
}

/// As bash has to read it: it takes what it is given as it stands.
fn quoted(name: &str) -> String {
    let special = |c: char| c == ' ' || c == '\'';
    name.chars().flat_map(|c| special(c).then_some('\\').into_iter().chain([c])).collect()
}

/// What was typed, without the signs that kept it one word.
fn unquoted(typed: &str) -> String {
    typed.trim_start_matches(['"', '\'']).chars().filter(|c| *c != '\\').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bash_reads_a_quoted_name_as_one_word() {
        for name in ["Alice Smith", "Conan O'Brien", "Jean-Luc", "김 하은", "Dr. No"] {
            assert!(is_plain(name), "{name}");
            assert_eq!(unquoted(&quoted(name)), name);
            let command = format!("printf %s {}", quoted(name));
            let read = std::process::Command::new("bash").arg("-c").arg(command).output();
            assert_eq!(String::from_utf8_lossy(&read.unwrap().stdout), name);
        }
    }

    #[test]
    fn names_that_a_shell_would_do_something_with_are_not_offered() {
        for name in
            ["", "$(reboot)", "a;b", "`id`", "*", "a\nb", "a\u{b}b", "x|y", "~", "\u{1b}[2J"]
        {
            assert!(!is_plain(name), "{name:?}");
        }
    }
}
