//! The one error of the program: what went wrong, what to do next, and which exit code says so.
//!
//! Owns: the exit codes and the plain sentences for the errors of the bus contract. Does not own:
//! where they are printed (main). Invariant: every error names a next step.

use zbus::DBusError as _;

/// Prefix of the error names of the contract.
const CONTRACT: &str = "org.ahoycall.Calls1.Error.";

/// What a command returns.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a command did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The daemon, or this program, could not or would not do it. Exit code 1.
    #[error("{cause}")]
    Refused {
        /// Short name for scripts, as in the contract where it comes from there.
        name: String,
        /// One sentence.
        cause: String,
        /// What the person can do now.
        next: String,
    },
    /// The arguments make no sense. Exit code 2.
    #[error("{cause}")]
    Usage {
        /// One sentence.
        cause: String,
        /// What would make sense.
        next: String,
    },
    /// There is no session bus, or no daemon on it. Exit code 3.
    #[error("{cause}")]
    NoDaemon {
        /// One sentence.
        cause: String,
        /// How to start it.
        next: String,
    },
    /// The reader of our output has gone; there is nobody to tell.
    #[error("the output was closed")]
    OutputClosed,
    /// Ctrl-C.
    #[error("interrupted")]
    Interrupted,
}

impl Error {
    /// A refusal that comes from this program itself.
    pub fn refused(name: &str, cause: impl Into<String>, next: impl Into<String>) -> Self {
        Self::Refused { name: name.to_owned(), cause: cause.into(), next: next.into() }
    }

    /// Arguments that make no sense.
    pub fn usage(cause: impl Into<String>, next: impl Into<String>) -> Self {
        Self::Usage { cause: cause.into(), next: next.into() }
    }

    /// A file that cannot be read or written.
    pub fn file(path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::refused(
            "File",
            format!("{}: {error}", path.display()),
            "Check that the path is right, that you may use it, and that the disk has room.",
        )
    }

    /// The process' exit code.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Refused { .. } => 1,
            Self::Usage { .. } => 2,
            Self::NoDaemon { .. } => 3,
            Self::OutputClosed => 0,
            // What shells report for a program that Ctrl-C ended.
            Self::Interrupted => 130,
        }
    }

    /// The name scripts can compare.
    pub fn name(&self) -> &str {
        match self {
            Self::Refused { name, .. } => name,
            Self::Usage { .. } => "Usage",
            Self::NoDaemon { .. } => "NoDaemon",
            Self::OutputClosed => "OutputClosed",
            Self::Interrupted => "Interrupted",
        }
    }

    /// What the person can do now; empty where there is nothing to do.
    pub fn next(&self) -> &str {
        match self {
            Self::Refused { next, .. } | Self::Usage { next, .. } | Self::NoDaemon { next, .. } => {
                next
            }
            Self::OutputClosed | Self::Interrupted => "",
        }
    }
}

impl From<ahoy_client::Error> for Error {
    fn from(error: ahoy_client::Error) -> Self {
        match error {
            ahoy_client::Error::NoBus(_) => Self::NoDaemon {
                cause: error.to_string(),
                next:
                    "Run this inside your desktop session, or set DBUS_SESSION_BUS_ADDRESS (over \
                       ssh: unix:path=/run/user/$(id -u)/bus)."
                        .into(),
            },
            ahoy_client::Error::Gone => Self::NoDaemon {
                cause: error.to_string(),
                next:
                    "Start it again: systemctl --user start ahoyd; see why: journalctl --user -u \
                       ahoyd -n 20"
                        .into(),
            },
            ahoy_client::Error::Bus(error) => error.into(),
        }
    }
}

impl From<zbus::Error> for Error {
    fn from(error: zbus::Error) -> Self {
        #[expect(clippy::wildcard_enum_match_arm, reason = "a foreign, non-exhaustive enum")]
        match error {
            zbus::Error::MethodError(name, text, _) => {
                from_reply(name.as_str(), text.as_deref().unwrap_or_default())
            }
            zbus::Error::FDO(error) => {
                from_reply(error.name().as_str(), error.description().unwrap_or_default())
            }
            zbus::Error::InputOutput(error) if error.kind() == std::io::ErrorKind::TimedOut => {
                from_reply("org.freedesktop.DBus.Error.NoReply", "")
            }
            zbus::Error::InputOutput(error) => Self::NoDaemon {
                cause: format!("the connection to the session bus broke ({error})"),
                next: "Run this inside your desktop session and try again.".into(),
            },
            other => Self::refused(
                "Protocol",
                format!("the call service answered in a way this version does not know ({other})"),
                "Bring ahoyctl and ahoyd to the same version: compare `ahoyctl --version` with \
                 `ahoyctl status --json`.",
            ),
        }
    }
}

/// An error reply, by its bus name.
fn from_reply(name: &str, text: &str) -> Error {
    if let Some(short) = name.strip_prefix(CONTRACT) {
        let (cause, next) = sentence(short);
        let cause = match (cause, text) {
            ("", "") => format!("the call service refused ({short})"),
            ("", text) => text.to_owned(),
            (cause, "") => cause.to_owned(),
            (cause, text) => format!("{cause}: {text}"),
        };
        return Error::refused(short, cause, next);
    }
    let short = name.rsplit('.').next().unwrap_or(name);
    match short {
        "ServiceUnknown" | "NameHasNoOwner" | "Disconnected" | "NoServer" => no_daemon(),
        "NoReply" | "Timeout" | "TimedOut" => Error::refused(
            "NoReply",
            "the call service did not answer in time",
            "See `ahoyctl status`; if it hangs too: systemctl --user restart ahoyd",
        ),
        "UnknownMethod" | "UnknownInterface" | "UnknownProperty" => Error::refused(
            short,
            format!("the running ahoyd does not offer this ({text})"),
            "Update ahoyd, then: systemctl --user restart ahoyd",
        ),
        "UnknownObject" => Error::refused(
            short,
            format!("there is no such call or object ({text})"),
            "See what is on: ahoyctl status",
        ),
        _ if name.contains(".Spawn.") => Error::NoDaemon {
            cause: format!("ahoyd could not be started ({text})"),
            next: "See why: journalctl --user -u ahoyd -n 20; check: ahoyctl doctor".into(),
        },
        _ => Error::refused(
            short,
            if text.is_empty() { name.to_owned() } else { text.to_owned() },
            "See `journalctl --user -u ahoyd -n 20` and `ahoyctl doctor`.",
        ),
    }
}

/// No daemon owns the name and none can be started by the bus.
pub fn no_daemon() -> Error {
    Error::NoDaemon {
        cause: "ahoyd is not running and the bus cannot start it".into(),
        next: "Start it: systemctl --user start ahoyd (not installed: contrib/run; check: ahoyctl \
               doctor)"
            .into(),
    }
}

/// The plain sentence and the next step for an error of the contract. An empty sentence means
/// that the daemon's own text says it all.
fn sentence(short: &str) -> (&'static str, &'static str) {
    match short {
        "NotAuthorized" => (
            "this program may not do that",
            "Run it outside the sandbox, or allow calls for it in the settings of the desktop.",
        ),
        "UnknownProvider" => (
            "no calling app of that name is registered",
            "See the apps: ahoyctl provider list; start the app, or leave out --provider.",
        ),
        "ProviderExists" => ("that app is registered already", "Close its other copy first."),
        "UnknownCall" => ("there is no such call", "See what is on: ahoyctl status"),
        "UuidExists" => ("a call of that id was there before", "Use a new id."),
        "InvalidState" => {
            ("that does not fit what the call is doing now", "See its state: ahoyctl status")
        }
        "NotSupported" => (
            "this call cannot do that",
            "See what it can do: ahoyctl status --json, field Capabilities.",
        ),
        "InvalidArgument" => ("an argument is not right", "See the command's --help."),
        "Timeout" => {
            ("the calling app did not do it in time", "Try again, or end the call: ahoyctl hangup")
        }
        "ProviderFailed" => ("the calling app could not do it", "Try again; see: ahoyctl status"),
        "ProviderGone" => ("the calling app has gone", "Start the app again."),
        "LimitReached" => ("too many at once", "Wait a moment, or end a call: ahoyctl hangup"),
        "FilteredBlocked" => {
            ("this person or number is blocked", "See: ahoyctl blocked; lift it: ahoyctl unblock")
        }
        "FilteredDoNotDisturb" => ("Do Not Disturb keeps this call back", "See: ahoyctl dnd"),
        "NoProviderForScheme" => (
            "no app here can call this kind of address",
            "Start or install an app for it; see the apps: ahoyctl provider list",
        ),
        "AmbiguousContact" => {
            ("several contacts fit", "Give more of the name; see: ahoyctl contacts search NAME")
        }
        "UnknownContact" => (
            "no such contact",
            "See: ahoyctl contacts list; add one: ahoyctl contacts add NAME HANDLE",
        ),
        "SessionLocked" => (
            "the screen is locked, which allows only calls that are on",
            "Unlock it and try again.",
        ),
        "Superseded" => ("another answer came first", "See: ahoyctl status"),
        _ => ("", "See `ahoyctl doctor` and `journalctl --user -u ahoyd -n 20`."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_of_the_contract_has_a_sentence_and_a_next_step() {
        let all = "NotAuthorized UnknownProvider ProviderExists UnknownCall UuidExists \
                   InvalidState NotSupported InvalidArgument Timeout ProviderFailed ProviderGone \
                   LimitReached FilteredBlocked FilteredDoNotDisturb NoProviderForScheme \
                   AmbiguousContact UnknownContact SessionLocked Superseded";
        for short in all.split_whitespace() {
            let error = from_reply(&format!("{CONTRACT}{short}"), "");
            assert_eq!((error.name(), error.exit_code()), (short, 1));
            assert!(!sentence(short).0.is_empty(), "{short} has no sentence of its own");
            assert!(!error.next().is_empty(), "{short} has no next step");
        }
    }

    #[test]
    fn the_daemons_own_text_is_kept() {
        let error = from_reply("org.ahoycall.Calls1.Error.ProviderFailed", "no microphone");
        assert_eq!(error.to_string(), "the calling app could not do it: no microphone");
    }

    #[test]
    fn a_missing_daemon_is_exit_code_three() {
        let error = from_reply("org.freedesktop.DBus.Error.ServiceUnknown", "x");
        assert_eq!(error.exit_code(), 3);
    }
}
