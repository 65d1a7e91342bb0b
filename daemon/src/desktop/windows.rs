//! Opening the windows from the service.
//!
//! Owns: having the session's systemd start them. Does not own: the windows, or when. Invariant: they
//! are no child of the daemon: its unit takes rights away that a desktop's program needs, and would
//! take them along when it ends.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};
use zbus::{Connection, Variant};

use crate::bus::{Remote, is_absence, words};

const SYSTEMD: &str = "org.freedesktop.systemd1";
const PATH: &str = "/org/freedesktop/systemd1";
const MANAGER: &str = "org.freedesktop.systemd1.Manager";

/// What is to be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// People and recents; a second start shows the first.
    Open,
    /// The call that is about to be, and nothing else.
    Call,
}

/// Opens what is wished for until `token` is cancelled. `program`: none where it is not installed.
pub async fn run(
    bus: Connection,
    program: Option<PathBuf>,
    mut wishes: mpsc::Receiver<Wish>,
    token: CancellationToken,
) {
    loop {
        let wish = tokio::select! {
            () = token.cancelled() => return,
            wish = wishes.recv() => wish,
        };
        match (wish, program.as_ref().and_then(|path| path.to_str())) {
            (Some(wish), Some(program)) => open(&bus, program, wish).await,
            (Some(_), None) => warn!("no windows: ahoy-window is not installed"),
            (None, _) => return token.cancelled().await,
        }
    }
}

async fn open(bus: &Connection, program: &str, wish: Wish) {
    let arguments: &[&str] = match wish {
        Wish::Open => &[],
        Wish::Call => &["--background"],
    };
    let unit = (name(), "fail", properties(program, arguments), Vec::<Auxiliary>::new());
    let systemd = Remote::new(bus, SYSTEMD, PATH, MANAGER);
    match systemd.call("StartTransientUnit", &unit).await {
        Ok(_) => debug!(program, "windows"),
        Err(error) if is_absence(&error) => {
            warn!("no windows: there is no systemd of the session to start {program}");
        }
        Err(error) => warn!(why = words(&error), "no windows"),
    }
}

type Auxiliary = (String, Vec<(String, Variant<'static>)>);

/// As the desktop's own launchers call what they start (systemd.io, "Desktop environments").
fn name() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("app-org.ahoycall.Ahoy-{}x{number}.service", std::process::id())
}

fn properties(program: &str, arguments: &[&str]) -> Vec<(&'static str, Variant<'static>)> {
    let mut command = vec![program.to_owned()];
    command.extend(arguments.iter().map(|&one| one.to_owned()));
    let start = vec![(program.to_owned(), command, false)];
    vec![
        ("Description", "Ahoy".into()),
        ("ExecStart", start.into()),
        ("Slice", "app.slice".into()),
        // One that failed is forgotten, too.
        ("CollectMode", "inactive-or-failed".into()),
    ]
}
