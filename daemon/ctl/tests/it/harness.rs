//! A private session: directory, bus, the contract's service, and a way to run `ahoyctl` in it.
//!
//! Owns: what it starts, all of which ends when a `Session` is dropped. Invariant: no test sees
//! the user's own session or home.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

use crate::service::Service;

/// Nothing a test waits for takes so long, even on a loaded machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// A directory that is removed at the end.
pub(crate) struct Dir(pub(crate) PathBuf);

impl Dir {
    pub(crate) fn new() -> Self {
        static NR: AtomicU32 = AtomicU32::new(0);
        let name = format!("ctl-{}-{}", std::process::id(), NR.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Run {
    /// The one JSON value on stdout.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// The error object on stderr.
    pub(crate) fn error(&self) -> serde_json::Value {
        let value: serde_json::Value =
            serde_json::from_str(&self.err).unwrap_or_else(|e| panic!("{e}: {self:?}"));
        value["error"].clone()
    }

    /// Asserts success and gives what was printed.
    pub(crate) fn ok(&self) -> &str {
        assert_eq!(self.code, 0, "{self:?}");
        &self.out
    }
}

/// `ahoyctl` in an environment that knows nothing of the user.
pub(crate) fn command(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ahoyctl"));
    command
        .env_clear()
        .env("HOME", home)
        .env("PATH", "/usr/bin:/bin")
        .env("XDG_DATA_HOME", home.join("data"))
        .env("XDG_CONFIG_HOME", home.join("config"))
        .env("XDG_RUNTIME_DIR", home.join("run"))
        .env("TZ", "UTC")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Runs to the end.
pub(crate) async fn run(mut command: Command) -> Run {
    let output = tokio::time::timeout(DEADLINE, command.output()).await.unwrap().unwrap();
    Run {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A bus of its own, with the contract's service on it.
pub(crate) struct Session {
    pub(crate) service: Service,
    pub(crate) address: String,
    pub(crate) dir: Dir,
    _bus: Child,
}

impl Session {
    pub(crate) async fn new() -> Self {
        let (dir, bus, address) = bus().await;
        let service = Service::start(&address).await;
        Self { service, address, dir, _bus: bus }
    }

    /// The command, ready to be changed and run.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = command(&self.dir.0);
        command.env("DBUS_SESSION_BUS_ADDRESS", &self.address).args(args);
        command
    }

    /// Runs `ahoyctl` to its end.
    pub(crate) async fn ctl(&self, args: &[&str]) -> Run {
        run(self.command(args)).await
    }

    /// Starts `ahoyctl` and gives its lines.
    pub(crate) fn follow(&self, args: &[&str]) -> Follower {
        let mut child = self.command(args).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Follower { child, lines }
    }
}

/// A running `ahoyctl` whose lines are read one by one.
pub(crate) struct Follower {
    pub(crate) child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Follower {
    /// The next line, or None at its end.
    pub(crate) async fn line(&mut self) -> Option<String> {
        tokio::time::timeout(DEADLINE, self.lines.next_line()).await.unwrap().unwrap()
    }

    /// The next JSON line.
    pub(crate) async fn json(&mut self) -> serde_json::Value {
        serde_json::from_str(&self.line().await.expect("it ended")).unwrap()
    }

    /// Its exit code.
    pub(crate) async fn code(&mut self) -> i32 {
        let status = tokio::time::timeout(DEADLINE, self.child.wait()).await.unwrap().unwrap();
        status.code().unwrap_or(-1)
    }
}

/// An empty bus without any activation.
pub(crate) async fn bus() -> (Dir, Child, String) {
    let dir = Dir::new();
    let config = dir.0.join("bus.conf");
    let text = format!(
        "<busconfig><type>session</type><listen>unix:path={}</listen>\
         <policy context=\"default\"><allow send_destination=\"*\" eavesdrop=\"true\"/>\
         <allow eavesdrop=\"true\"/><allow own=\"*\"/></policy></busconfig>",
        dir.0.join("bus").display()
    );
    std::fs::write(&config, text).unwrap();
    let mut child = Command::new("dbus-daemon")
        .arg(format!("--config-file={}", config.display()))
        .args(["--nofork", "--print-address=1"])
        .stdout(Stdio::piped())
        // In a container it complains that it may not raise its own limits.
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("dbus-daemon (Debian: dbus-daemon) is needed");
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let address =
        tokio::time::timeout(DEADLINE, lines.next_line()).await.unwrap().unwrap().unwrap();
    (dir, child, address)
}
