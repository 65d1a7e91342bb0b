//! `provider check`: what an app breaks of the contract, point by point.
//!
//! Owns: the arguments, the choice between the deep suite (`suite`: this program is the service, on a
//! bus of its own) and a look from outside (`live`: this program is a controller of the real service).
//! Does not own: the contract (`dbus/*.xml`). Invariant: exit code 0 means that nothing is broken.

mod book;
mod live;
mod said;
mod stage;
mod suite;
#[cfg(test)]
mod tests;
mod verdict;

use std::time::Duration;

use clap::Args;

use crate::{
    bus::Bus,
    error::{Error, Result},
    names,
    out::{Out, clean},
};

/// `provider check`
#[derive(Debug, Args)]
#[command(
    override_usage = "ahoyctl provider check [OPTIONS] -- COMMAND [ARG…]\n       \
                      ahoyctl provider check [OPTIONS] BUS-NAME",
    after_help = "\
Two ways:
  -- COMMAND   deep: starts a private bus and the app on it, plays the service, and asks the app for
               everything that the contract has. Nothing of your session is touched. Start the app
               so that two calls come in, if it can: then answering and declining are tried, too.
  BUS-NAME     from outside: the app that runs in your session, through the real ahoyd, as any
               controller sees it. Places a call only where --remote says whom to call.

One line per point: ok, broken, not claimed (the app does not say that it can) or not tried (with
the reason); what is expected; what came; the place in the contract. Exit code 0: nothing is broken.

Examples:
  ahoyctl provider check -- python3 provider.py +12025550101 +12025550102
  ahoyctl provider check --json -- ./my-phone --test | jq '.checks[] | select(.result == \"broken\")'
  ahoyctl provider check org.example.Phone
  ahoyctl provider check org.example.Phone --provider-id org.example.Phone.work --remote tel:+4930123456"
)]
pub struct CheckArgs {
    /// The app in your session, by its name on the bus
    #[arg(
        value_name = "BUS-NAME",
        conflicts_with = "command",
        required_unless_present = "command"
    )]
    pub name: Option<String>,
    /// The app's program and its arguments, for the deep suite
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<String>,
    /// The id under which it registers, where that is not its name on the bus
    #[arg(long, value_name = "ID", conflicts_with = "command")]
    pub provider_id: Option<String>,
    /// Whom the app is asked to call; without it nobody real (-- COMMAND) or nobody at all (BUS-NAME)
    #[arg(long, value_name = "HANDLE")]
    pub remote: Option<String>,
    /// How many seconds it may take to register, and a call to become active
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=120))]
    pub wait: u64,
    /// Show what the app prints, on stderr
    #[arg(long)]
    pub output: bool,
}

/// Runs the suite.
pub async fn run(args: CheckArgs, out: &Out) -> Result<()> {
    let wait = Duration::from_secs(args.wait);
    let remote = match &args.remote {
        None => None,
        Some(typed) => Some(names::handle(typed).ok_or_else(|| {
            Error::usage(
                format!("\"{}\" is not a number or an address", clean(typed)),
                "Write +4930123456, tel:…, sip:bob@example.org or another SCHEME:ADDRESS.",
            )
        })?),
    };
    let Some(name) = args.name else {
        let start = stage::Start { command: args.command, output: args.output };
        let plan = suite::Plan { start, wait, remote };
        let found = out.wait("asking the app", undisturbed(suite::run(plan))).await?;
        return found.tell("deep", out);
    };
    let id = args.provider_id.unwrap_or_else(|| name.clone());
    let target = live::Target { name, id, remote, wait };
    let bus = Bus::connect().await?;
    let found = out.wait("looking at the app", live::run(&bus, target)).await?;
    found.tell("outside", out)
}

/// Ends at a signal, so that the bus and the app are ended and their directory is removed.
async fn undisturbed<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut term = signal(SignalKind::terminate())
        .map_err(|error| Error::refused("System", error.to_string(), "Are too many files open?"))?;
    tokio::select! {
        done = work => done,
        _ = tokio::signal::ctrl_c() => Err(Error::Interrupted),
        _ = term.recv() => Err(Error::Interrupted),
    }
}
