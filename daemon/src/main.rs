//! `ahoyd`: the call service of a desktop session.
//!
//! Owns: arguments, log, signals, the order of ending. Does not own: anything that happens in
//! between. Invariant: it ends with 0 only when it was asked to.

use std::{process::ExitCode, time::Duration};

use ahoy::{
    app::{self, Ended, HomeError, Setup, StartError},
    paths::Paths,
    service,
};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// All tasks together end within this; systemd is told the same.
const STOP_BOUND: Duration = Duration::from_secs(3);
/// For reads of files that nobody waits for any more.
const LEFT_OVER: Duration = Duration::from_millis(100);

/// The person's keyring stays closed (EX_NOPERM of sysexits.h). The unit names it: started again
/// and again, ahoyd would ask for the password again and again.
const CLOSED: u8 = 77;

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
        Err(Failed { why, code }) => {
            tracing::error!("{why}");
            ExitCode::from(code)
        }
    }
}

/// Why it ends, and with which code.
struct Failed {
    why: String,
    code: u8,
}

impl From<String> for Failed {
    fn from(why: String) -> Self {
        Self { why, code: 1 }
    }
}

impl From<StartError> for Failed {
    fn from(error: StartError) -> Self {
        let closed = matches!(error, StartError::Keys(HomeError::Closed(_)));
        Self { why: error.to_string(), code: if closed { CLOSED } else { 1 } }
    }
}

fn print(text: &str) -> ExitCode {
    use std::io::Write as _;
    let printed = std::io::stdout().write_all(text.as_bytes());
    if printed.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run() -> Result<(), Failed> {
    // One thread serves a person's calls; the media path is kilobytes a second.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let done = runtime.block_on(async {
        while serve().await? == Ended::Restart {
            tracing::info!("starting afresh with the restored keys");
        }
        Ok(())
    });
    // A file that is being read on a thread of its own, a dictionary or an app's, holds up no end: nobody is left
    // to use what it says. Whatever is written was waited for.
    runtime.shutdown_timeout(LEFT_OVER);
    done
}

async fn serve() -> Result<Ended, Failed> {
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
    let mut watchdog = service::Watchdog::from_environment();
    let start = app::start(setup, token.clone());
    tokio::pin!(start);
    // It may wait for a password: that is no hang, and can be ended.
    let started = loop {
        tokio::select! {
            started = &mut start => break started,
            _ = terminate.recv() => return Ok(Ended::Asked),
            _ = interrupt.recv() => return Ok(Ended::Asked),
            () = watchdog.beat() => {}
        }
    };
    let (app, mut tasks) = started?;
    service::ready();
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
        Some(why) => Err(why.into()),
        None => Ok(ended),
    }
}
