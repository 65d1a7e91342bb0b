//! `ahoyd`: the call service of a desktop session.
//!
//! Owns: arguments, log, signals, the order of ending. Does not own: anything that happens in
//! between. Invariant: it ends with 0 only when it was asked to.

use std::{process::ExitCode, time::Duration};

use ahoy::{
    app::{self, Ended, Setup},
    paths::Paths,
    service,
};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// All tasks together end within this; systemd is told the same.
const STOP_BOUND: Duration = Duration::from_secs(3);

const USAGE: &str = "\
Usage: ahoyd [--version | --help]

The call service of a desktop session. systemd starts it (ahoyd.service), or the bus does.
Settings: ~/.config/ahoy/config.toml, or `ahoyctl settings`. Log level: AHOY_LOG=debug.
";

fn main() -> ExitCode {
    let argument = std::env::args_os().nth(1);
    match argument.as_deref().map(|one| one.to_string_lossy().into_owned()).as_deref() {
        None => {}
        Some("--version") => return print(&format!("ahoyd {}\n", env!("CARGO_PKG_VERSION"))),
        Some("--help") => return print(USAGE),
        Some(other) => {
            eprint!("ahoyd: unknown argument {other}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    }
    let filter = std::env::var("AHOY_LOG").unwrap_or_default();
    if let Err(error) = service::init_log(&filter) {
        eprintln!("ahoyd: AHOY_LOG: {error}");
        return ExitCode::from(2);
    }
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            tracing::error!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn print(text: &str) -> ExitCode {
    use std::io::Write as _;
    let printed = std::io::stdout().write_all(text.as_bytes());
    if printed.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run() -> Result<(), String> {
    // One thread serves a person's calls; the media path is kilobytes a second.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| error.to_string())?.block_on(async {
        while serve().await? == Ended::Restart {
            tracing::info!("starting afresh with the restored keys");
        }
        Ok(())
    })
}

async fn serve() -> Result<Ended, String> {
    let token = CancellationToken::new();
    let [mut terminate, mut interrupt] =
        [signal(SignalKind::terminate()), signal(SignalKind::interrupt())]
            .map(|signal| signal.map_err(|error| error.to_string()));
    let (terminate, interrupt) = (
        terminate.as_mut().map_err(|error| error.clone())?,
        interrupt.as_mut().map_err(|error| error.clone())?,
    );
    let variable: fn(&str) -> Option<std::ffi::OsString> = |name| std::env::var_os(name);
    let paths = Paths::from_variables(variable).map_err(|error| error.to_string())?;
    let own_program = std::env::current_exe().ok();
    let setup = Setup { paths, variable, own_program };
    let started = app::start(setup, token.clone()).await;
    let (app, mut tasks) = started.map_err(|error| error.to_string())?;
    service::ready();
    let mut watchdog = service::Watchdog::from_environment();
    tokio::pin!(app);
    let mut failed = None;
    let ended = loop {
        tokio::select! {
            ended = &mut app => break ended,
            _ = terminate.recv() => token.cancel(),
            _ = interrupt.recv() => token.cancel(),
            gone = tasks.ended(), if failed.is_none() => {
                tracing::error!(%gone, "ending");
                failed = Some(gone.to_string());
                token.cancel();
            }
            () = watchdog.beat() => {}
        }
    };
    service::stopping();
    for name in tasks.stop(STOP_BOUND).await {
        tracing::warn!(task = name, "had to be aborted");
    }
    match failed {
        Some(why) => Err(why),
        None => Ok(ended),
    }
}
