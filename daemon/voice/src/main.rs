//! `ahoy-voice`: the microphone while listening, and the recogniser, in a process of its own.
//!
//! Owns: the command line and the order of starting. Does not own: the work (`worker`). Invariant:
//! nothing is read from the parent, and no model is loaded, before the lock is on.

mod endpoint;
mod legal;
mod microphone;
mod network;
mod offline;
mod open;
mod partial;
mod pocketsphinx;
mod recogniser;
mod spelling;
mod vosk;
mod wake;
mod worker;

use std::{env, ffi::OsString, io::Write as _, path::PathBuf, process::ExitCode};

use ahoy_sandbox::{Channel, Policy};
use tracing_subscriber::EnvFilter;

use crate::{microphone::PipeWire, worker::Worker};

const USAGE: &str = "\
Usage: ahoy-voice --models DIR [--models DIR]...
       ahoy-voice --files [--wake WORD]
       ahoy-voice --version

Ahoy's voice worker. ahoyd starts it; it is of no use on its own.
  --models DIR   voice models may be loaded from here and from nowhere else
  --files        for measuring: hears files that are named on standard input, one JSON object a
                 line {engine, model, grammar, file}, and says what it heard; no microphone, no lock
  --wake WORD    with --files: waits for this word and then for a command, and says when it heard
                 which, one JSON object a line {at_ms, event}; the last one of a file is \"end\"
";

enum Options {
    Work { models: Vec<PathBuf> },
    Files { wake: Option<String> },
    Print(String),
    Wrong(String),
}

fn options(arguments: impl IntoIterator<Item = OsString>) -> Options {
    let mut models = Vec::new();
    let (mut files, mut wake) = (false, None);
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        match argument.to_str() {
            Some("--version") => {
                return Options::Print(format!("ahoy-voice {}\n", env!("CARGO_PKG_VERSION")));
            }
            Some("--files") => files = true,
            Some("--wake") => match arguments.next().and_then(|word| word.into_string().ok()) {
                Some(word) => wake = Some(word),
                None => return Options::Wrong("--wake needs a word".to_owned()),
            },
            Some("--help") => return Options::Print(USAGE.to_owned()),
            Some("--models") => match arguments.next() {
                Some(dir) => models.push(PathBuf::from(dir)),
                None => return Options::Wrong("--models needs a folder".to_owned()),
            },
            _ => return Options::Wrong(format!("unknown argument {}", argument.display())),
        }
    }
    match (files, wake) {
        (true, wake) => Options::Files { wake },
        (false, Some(_)) => Options::Wrong("--wake goes with --files".to_owned()),
        (false, None) => Options::Work { models },
    }
}

fn main() -> ExitCode {
    match options(env::args_os().skip(1)) {
        Options::Print(text) => match std::io::stdout().write_all(text.as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Options::Wrong(why) => {
            let _ = write!(std::io::stderr(), "ahoy-voice: {why}\n\n{USAGE}");
            ExitCode::from(2)
        }
        Options::Work { models } => told(|| work(models)),
        Options::Files { wake } => told(|| offline::run(wake.as_deref())),
    }
}

/// Runs, with a log on standard error.
fn told(run: impl FnOnce() -> Result<(), Box<dyn std::error::Error>>) -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::from_env("AHOY_LOG"))
        .with_writer(std::io::stderr)
        // Read by ahoyd, line by line.
        .with_ansi(false)
        .init();
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn work(models: Vec<PathBuf>) -> Result<(), Box<dyn std::error::Error>> {
    let channel = Channel::from_worker_fd()?;
    // Resolved now: a link moved later leads nowhere new. One that is missing holds no models.
    let models: Vec<PathBuf> = models.iter().filter_map(|dir| dir.canonicalize().ok()).collect();
    let places = models.iter().cloned().chain(vosk::library_places());
    let policy = places.fold(Policy::system(), Policy::reading);
    let locked = ahoy_sandbox::lock(&policy)?;
    match locked.warning() {
        Some(warning) => tracing::warn!("{warning}"),
        None => tracing::debug!("{locked}"),
    }
    // After the lock, which wants to be alone: PipeWire starts a thread.
    let pipewire = PipeWire::new()?;
    Worker::new(channel, models, pipewire).run(&locked)?;
    Ok(())
}
