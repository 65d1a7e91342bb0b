//! The main job, played: a call by voice, answered from a notification, talked and seen, ended by
//! voice.
//!
//! Owns: arguments, the verdict. Does not own: the story ([`story`]) or its report ([`report`]).
//! Invariant: it ends with 0 only if everything happened.
#![expect(clippy::print_stdout, reason = "a program that tells what it does")]

mod report;
mod story;

use std::{path::PathBuf, process::ExitCode};

use ahoy_trial::need::Need;
use report::Timeline;

const USAGE: &str = "\
Usage: demo [--out DIR] [--json] [--help]

Two people, each with an Ahoy and a session bus of their own, call each other through virtual
devices: \"call Alice video\" is spoken, Alice answers by her notification, both talk and see each
other, Bob hangs up by voice. Takes about a minute.

  --out DIR  where report.json, call.png and heard.wav go (default: target/demo)
  --json     print the report instead of the timeline
  --help     this text

Exit code: 0 if all of it happened, 1 if not, 2 if the command line makes no sense.
";

struct Arguments {
    out: PathBuf,
    json: bool,
}

fn arguments() -> Result<Option<Arguments>, String> {
    let mut given = Arguments { out: PathBuf::from("target/demo"), json: false };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--help" | "-h" => return Ok(None),
            "--json" => given.json = true,
            "--out" => given.out = words.next().ok_or("--out: a directory is missing")?.into(),
            other => return Err(format!("unknown argument {other}")),
        }
    }
    Ok(Some(given))
}

fn main() -> ExitCode {
    let Arguments { out, json } = match arguments() {
        Ok(Some(given)) => given,
        Ok(None) => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(why) => {
            eprint!("demo: {why}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let needs = [Need::Media, Need::Voice, Need::Notify];
    let missing: Vec<String> = needs.into_iter().filter_map(Need::missing).collect();
    if !missing.is_empty() {
        eprintln!("demo: {}. contrib/run installs what it needs", missing.join("; "));
        return ExitCode::FAILURE;
    }
    if let Err(error) = std::fs::create_dir_all(&out) {
        eprintln!("demo: {}: {error}", out.display());
        return ExitCode::FAILURE;
    }
    let mut timeline = Timeline::new(!json);
    let played = story::play(&mut timeline, &out);
    let why = played.as_ref().err().map(ToString::to_string);
    let report = timeline.report(played.ok().as_ref(), why.as_deref());
    let text = format!("{report:#}\n");
    if json {
        print!("{text}");
    }
    if let Err(error) = std::fs::write(out.join("report.json"), &text) {
        eprintln!("demo: report.json: {error}");
        return ExitCode::FAILURE;
    }
    match why {
        None => {
            if !json {
                println!("\nAll of it happened. See {}", out.display());
            }
            ExitCode::SUCCESS
        }
        Some(why) => {
            eprintln!("demo: it went wrong: {why}");
            ExitCode::FAILURE
        }
    }
}
