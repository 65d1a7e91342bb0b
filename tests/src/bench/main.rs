//! Figures of this machine: JSON lines {name, value, unit} on standard output.
//!
//! Owns: what is measured, and beside which peer. Does not own: judgement; a bench is no test.
//! Invariant: every speed stands beside a peer of the same run, so that figures of different
//! machines can be compared as ratios.

mod calls;
mod crypto;
mod hearing;
mod names;
mod process;
mod service;
mod wake;
mod window;

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

const USAGE: &str = "\
Usage: tests/bench [--quick] [crypto] [calls] [voice] [hearing] [names] [wake] [service]
                   [window]

Measures on this machine and prints one JSON object a line: {\"name\", \"value\", \"unit\"}.
Names that end in _ratio stand beside a peer measured in the same run.

  crypto   handshakes and sealed packets a second, beside plain Noise and plain ChaCha20-Poly1305
  calls    setting up, mouth to ear beside PipeWire's own delay, memory and CPU of each process
  voice    commands through a virtual microphone, and the time until the call
  hearing  commands in six voices, clean and in babble and music: right, refused, wrong, wrong calls;
           target/bench/hearing.svg shows what was taken for what
  names    200 names of many origins, all in one book: right, asked, refused, wrong; an address book
           of 2,000 people until it is listened for
  wake     the wake word: false wakes and commands in ten hours of talk and music, commands after
           the word in six voices and noise, CPU and memory while waiting
  service  an action beside the bus alone, many apps and calls, a directory beside a hash map
  window   showing a video call of 360p30, by each of GTK's renderers, beside GStreamer's own window

Examples:
  tests/bench
  tests/bench crypto | jq -s .
";

/// Prints one figure.
fn figure(name: &str, value: f64, unit: &str) {
    let line = serde_json::json!({ "name": name, "value": value, "unit": unit });
    // A reader that went away needs no more figures.
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Where pictures go: beside the directory of the programs, `target/bench`.
fn picture(name: &str) -> PathBuf {
    let own = std::env::current_exe().unwrap_or_default();
    let target = own.ancestors().nth(2).unwrap_or(Path::new("."));
    target.join("bench").join(name)
}

/// Says what is going on, to people.
fn progress(what: &str) {
    let _ = writeln!(std::io::stderr(), "… {what}");
}

fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let (options, wanted): (Vec<String>, Vec<String>) =
        wanted.into_iter().partition(|one| one.starts_with('-'));
    let known = ["crypto", "calls", "voice", "hearing", "names", "wake", "service", "window"];
    if options.iter().any(|one| one == "--help" || one == "-h") {
        let printed = write!(std::io::stdout(), "{USAGE}");
        return if printed.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let strange = options.iter().find(|one| *one != "--quick");
    if let Some(other) = strange.or(wanted.iter().find(|one| !known.contains(&one.as_str()))) {
        let _ = write!(std::io::stderr(), "bench: what is {other}?\n\n{USAGE}");
        return ExitCode::from(2);
    }
    let is_wanted = |part: &str| wanted.is_empty() || wanted.iter().any(|one| one == part);
    let mut result = Ok(());
    if is_wanted("crypto") {
        crypto::run();
    }
    if is_wanted("calls") {
        result = result.and(calls::run());
    }
    if is_wanted("voice") {
        result = result.and(calls::voice());
    }
    if is_wanted("hearing") {
        let size = if options.is_empty() { hearing::FULL } else { hearing::QUICK };
        result = result.and(hearing::run(&size, &picture("hearing.svg")));
    }
    if is_wanted("names") {
        let size = if options.is_empty() { names::FULL } else { names::QUICK };
        result = result.and(names::run(&size));
    }
    if is_wanted("wake") {
        let size = if options.is_empty() { wake::FULL } else { wake::QUICK };
        result = result.and(wake::run(&size));
    }
    if is_wanted("service") {
        let size = if options.is_empty() { service::FULL } else { service::QUICK };
        result = result.and(service::run(&size));
    }
    if is_wanted("window") {
        result = result.and(window::run());
    }
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => {
            let _ = writeln!(std::io::stderr(), "bench: {trouble}");
            ExitCode::FAILURE
        }
    }
}
