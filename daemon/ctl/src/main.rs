//! The program `ahoyctl`: reads the command line, runs it, and turns its error into a message and
//! an exit code. Owns stderr; everything else is in the library. Invariant: exit code 0 means done.

use std::{io::Write as _, process::ExitCode};

use ahoy_ctl::{
    cli::{self, Cli},
    complete,
    error::Error,
};
use clap::{CommandFactory as _, Parser as _};

fn main() -> ExitCode {
    complete::run(Cli::command);
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let json = cli.json;
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            return report(
                &Error::refused("System", error.to_string(), "Are too many files open?"),
                json,
            );
        }
    };
    let result = runtime.block_on(cli::run(cli));
    // A read from the terminal may still be waiting in its thread; it must not hold us back.
    runtime.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report(&error, json),
    }
}

/// Help and version, which clap prints itself, or a command line that makes no sense.
fn usage(error: &clap::Error) -> ExitCode {
    let json = std::env::args_os().any(|arg| arg == "--json");
    if !(json && error.use_stderr()) {
        // 0 for help, 2 for usage.
        let code = u8::try_from(error.exit_code()).unwrap_or(2);
        // Nobody can be told that stderr is closed.
        let _ = error.print();
        return ExitCode::from(code);
    }
    let text = error.to_string();
    let cause = text.lines().next().unwrap_or_default();
    let cause = cause.strip_prefix("error: ").unwrap_or(cause);
    report(&Error::usage(cause, "See: ahoyctl help"), true)
}

fn report(error: &Error, json: bool) -> ExitCode {
    let mut stderr = std::io::stderr().lock();
    // Nobody can be told that stderr is closed.
    let _ = match error {
        Error::OutputClosed | Error::Interrupted => Ok(()),
        Error::Refused { .. } | Error::Usage { .. } | Error::NoDaemon { .. } if json => {
            let object = serde_json::json!({"error": {
                "name": error.name(), "cause": error.to_string(), "next": error.next(),
            }});
            writeln!(stderr, "{object}")
        }
        Error::Refused { .. } | Error::Usage { .. } | Error::NoDaemon { .. } => {
            writeln!(stderr, "ahoyctl: {error}\n  {}", error.next())
        }
    };
    ExitCode::from(error.exit_code())
}
