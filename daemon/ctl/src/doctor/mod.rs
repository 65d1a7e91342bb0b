//! `doctor`: what works here, what is missing, how to get it.
//!
//! Owns: the list, and the checks that need no daemon (`session`, `voice`, `network`). Does not
//! own: what only the daemon can see: its own rows come from Manager.Doctor. Invariant: every row
//! that is not fine names a fix, and nothing is changed by looking.

mod network;
mod session;
mod voice;

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use crate::{
    bus::{Bus, MANAGER},
    error::{Error, Result},
    out::{Out, Tone, clean},
    value::{self, Dict},
};

/// `doctor`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ahoyctl doctor
  ahoyctl doctor --json | jq '.checks[] | select(.state != \"ok\")'

Exit code 1 if something is missing that calls cannot do without.")]
pub struct DoctorArgs {}

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It works.
    Ok,
    /// Something is less good; calls work.
    Warn,
    /// Calls do not work without it.
    Missing,
}

/// One row.
#[derive(Clone, Debug)]
pub struct Check {
    /// What was looked at.
    pub name: String,
    /// How it came out.
    pub state: State,
    /// What was found.
    pub detail: String,
    /// What to do; empty where it is fine.
    pub fix: String,
}

impl Check {
    fn ok(name: &str, detail: impl Into<String>) -> Self {
        Self { name: name.into(), state: State::Ok, detail: detail.into(), fix: String::new() }
    }

    fn warn(name: &str, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { name: name.into(), state: State::Warn, detail: detail.into(), fix: fix.into() }
    }

    fn missing(name: &str, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { name: name.into(), state: State::Missing, detail: detail.into(), fix: fix.into() }
    }
}

/// Runs all checks.
pub async fn run(_args: DoctorArgs, out: &Out) -> Result<()> {
    let checks = out.wait("looking around", all()).await;
    let missing: Vec<&str> =
        checks.iter().filter(|c| c.state == State::Missing).map(|c| c.name.as_str()).collect();
    let rows: Vec<Value> = checks
        .iter()
        .map(|check| {
            json!({
                "name": check.name, "state": word(check.state), "ok": check.state == State::Ok,
                "detail": check.detail, "fix": check.fix,
            })
        })
        .collect();
    out.data(&json!({"ok": missing.is_empty(), "checks": rows}))?;
    for check in &checks {
        let (sign, tone) = match check.state {
            State::Ok => ("✓", Tone::Good),
            State::Warn => ("!", Tone::Warn),
            State::Missing => ("✗", Tone::Bad),
        };
        out.say(format!(
            "{} {}: {}",
            out.paint(tone, sign),
            clean(&check.name),
            clean(&check.detail)
        ))?;
        for line in check.fix.lines() {
            out.say(format!("    {}", clean(line)))?;
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::refused(
        "Doctor",
        format!("missing: {}", clean(&missing.join(", "))),
        "The lines marked ✗ say how to get it.",
    ))
}

fn word(state: State) -> &'static str {
    match state {
        State::Ok => "ok",
        State::Warn => "warn",
        State::Missing => "missing",
    }
}

async fn all() -> Vec<Check> {
    let mut checks = Vec::new();
    let bus = session::bus().await;
    match &bus {
        Ok(_) => checks.push(Check::ok("session bus", "reachable")),
        Err(error) => {
            checks.push(Check::missing("session bus", error.to_string(), error.next().to_owned()));
        }
    }
    let bus = bus.ok();
    let daemon = session::daemon(bus.as_ref()).await;
    let daemon_on = daemon.state == State::Ok;
    checks.push(daemon);
    checks.push(session::unit());
    checks.push(session::linger());
    checks.push(session::pipewire());
    checks.push(session::notifications(bus.as_ref()).await);
    checks.extend(session::workers());
    checks.push(session::camera());
    checks.extend(voice::checks());
    checks.push(network::firewall(bus.as_ref().filter(|_| daemon_on)).await);
    if let Some(bus) = bus.filter(|_| daemon_on) {
        checks.extend(from_daemon(&bus).await);
    }
    checks
}

/// The daemon's own rows.
async fn from_daemon(bus: &Bus) -> Vec<Check> {
    let rows = bus.call::<_, Vec<Dict>>(MANAGER, "Doctor", &()).await;
    match rows.map_err(Error::from) {
        Ok(rows) => rows
            .iter()
            .map(|row| Check {
                name: format!("ahoyd: {}", value::text(row, "name")),
                state: if value::flag(row, "ok") { State::Ok } else { State::Warn },
                detail: value::text(row, "detail").to_owned(),
                fix: value::text(row, "fix").to_owned(),
            })
            .collect(),
        Err(error) => {
            vec![Check::warn("ahoyd: own checks", error.to_string(), error.next().to_owned())]
        }
    }
}

fn env_dir(name: &str) -> Option<PathBuf> {
    // The XDG specification says that a relative path is to be ignored.
    std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute())
}

/// `$HOME`.
fn home() -> Option<PathBuf> {
    env_dir("HOME")
}

/// `$XDG_DATA_HOME` or its default.
pub fn data_home() -> Option<PathBuf> {
    env_dir("XDG_DATA_HOME").or_else(|| home().map(|home| home.join(".local/share")))
}

/// Where this program lies, to look beside it.
fn own_dir() -> Option<PathBuf> {
    std::env::current_exe().ok()?.canonicalize().ok()?.parent().map(PathBuf::from)
}
