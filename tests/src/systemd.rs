//! A user's systemd to run things in.
//!
//! Owns: finding the one that runs, or starting a private one with a bus of its own, and ending it.
//! Does not own: what is run. Invariant: no process that was there before changes its control group.

use std::{
    fs,
    os::unix::net::UnixDatagram,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use crate::{Result, Trouble, process::output};

/// Moves itself into control groups of its own (a systemd takes the group it starts in for its own,
/// with everybody in it) and refuses to go on if that failed; fakes the mark of a machine that
/// systemd booted, in a mount namespace of its own.
const PRIVATE: &str = r#"
for groups in /sys/fs/cgroup/systemd /sys/fs/cgroup/unified /sys/fs/cgroup/pids /sys/fs/cgroup; do
    [ -f "$groups/cgroup.procs" ] || continue
    mkdir -p "$groups/$1" && echo $$ > "$groups/$1/cgroup.procs"
done
if grep -Eq '^[0-9]+:(name=systemd)?:/$' /proc/self/cgroup; then exit 77; fi
mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/system || exit 77
exec /usr/lib/systemd/systemd --user --unit=basic.target
"#;

/// The bus of a private systemd, started by it as a session's is: it connects to no other.
const BUS_SOCKET: &str = "[Socket]\nListenStream=%t/bus\n";
const BUS_SERVICE: &str = "[Unit]\nRequires=dbus.socket\n[Service]\nType=notify\nExecStart=\
    dbus-daemon --session --address=systemd: --nofork --nopidfile --systemd-activation\n";

/// A user's systemd and the directory for its files and those of what is tried.
#[derive(Debug)]
pub struct Manager {
    /// Below it lie `runtime`, the runtime directory, and `.config/systemd/user`, the units.
    pub dir: PathBuf,
    name: String,
    private: Option<Child>,
}

impl Manager {
    /// The user's own, else a private one.
    ///
    /// # Errors
    /// Why there is none.
    pub fn start() -> std::result::Result<Self, String> {
        let manager = Self::prepare().map_err(|error| error.to_string())?;
        if !manager.output(&[], &["true"]).starts_with("failed") {
            return Ok(manager);
        }
        manager.with_private()
    }

    /// A private one, with a bus of its own.
    ///
    /// # Errors
    /// Why there is none.
    pub fn private() -> std::result::Result<Self, String> {
        Self::prepare().map_err(|error| error.to_string())?.with_private()
    }

    fn prepare() -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("ahoy-unit-{}-{number}", std::process::id());
        let dir = std::env::temp_dir().join(&name);
        let units = dir.join(".config/systemd/user");
        let runtime = dir.join("runtime");
        for directory in [&units, &runtime] {
            fs::create_dir_all(directory).map_err(Trouble::io("a directory of systemd"))?;
        }
        for (file, text) in [("dbus.socket", BUS_SOCKET), ("dbus.service", BUS_SERVICE)] {
            fs::write(units.join(file), text).map_err(Trouble::io(file))?;
        }
        rustix::fs::chmod(&runtime, 0o700.into())
            .map_err(|error| Trouble::io("its runtime directory")(error.into()))?;
        Ok(Self { dir, name, private: None })
    }

    fn with_private(mut self) -> std::result::Result<Self, String> {
        if !rustix::process::geteuid().is_root() || Path::new("/run/systemd/system").exists() {
            return Err(
                "no systemd of this user runs (log in, or run as root in a container)".into()
            );
        }
        self.start_private().map_err(|error| error.to_string())?;
        Ok(self)
    }

    fn start_private(&mut self) -> Result<()> {
        let ready = UnixDatagram::bind(self.dir.join("runtime/ready"))
            .map_err(Trouble::io("a socket for systemd"))?;
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "sh", "-c", PRIVATE, "sh"]);
        command.arg(&self.name).env("NOTIFY_SOCKET", self.dir.join("runtime/ready"));
        self.environment(&mut command).stdout(Stdio::null()).stderr(Stdio::null());
        let systemd = command.spawn().map_err(Trouble::io("systemd"))?;
        let systemd = self.private.insert(systemd);
        // Short, to see in between whether it ended.
        ready
            .set_read_timeout(Some(Duration::from_millis(200)))
            .map_err(Trouble::io("a socket for systemd"))?;
        let (mut message, deadline) = ([0; 4096], Instant::now() + crate::PATIENCE);
        while Instant::now() < deadline && matches!(systemd.try_wait(), Ok(None)) {
            let len = ready.recv(&mut message).unwrap_or(0);
            if String::from_utf8_lossy(&message[..len]).lines().any(|line| line == "READY=1") {
                return self.run("systemctl", &["--user", "start", "dbus.socket"]).map(drop);
            }
        }
        Err(Trouble::program(
            "systemd",
            "a private one does not start here (it needs control groups and mounts)",
        ))
    }

    /// Where the bus of a private systemd listens.
    #[must_use]
    pub fn bus(&self) -> String {
        format!("unix:path={}", self.dir.join("runtime/bus").display())
    }

    fn environment<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command
            .env("XDG_RUNTIME_DIR", self.dir.join("runtime"))
            .env("DBUS_SESSION_BUS_ADDRESS", self.bus())
            .env("HOME", &self.dir)
            .env_remove("XDG_CONFIG_HOME")
            // With HOME alone, dbus-daemon 1.14 does not look for services there.
            .env("XDG_DATA_HOME", self.dir.join(".local/share"))
    }

    /// Runs a program in its session; what it printed.
    ///
    /// # Errors
    /// It fails.
    pub fn run(&self, name: &str, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new(name);
        if self.private.is_some() {
            self.environment(&mut command);
        }
        let printed = output(name, command.args(arguments))?;
        Ok(String::from_utf8_lossy(&printed).trim().to_owned())
    }

    /// What a command prints in a transient unit with these switches of `[Service]`.
    #[must_use]
    pub fn output<S: AsRef<str>>(&self, switches: &[String], command: &[S]) -> String {
        let mut run = Command::new("systemd-run");
        run.args(["--user", "--wait", "--pipe", "--collect", "--quiet"]);
        for switch in switches {
            run.arg("--property").arg(switch);
        }
        // systemd would put its own environment in the place of `$name`.
        run.arg("--").args(command.iter().map(|word| word.as_ref().replace('$', "$$")));
        if self.private.is_some() {
            self.environment(&mut run);
        }
        let output = match run.output() {
            Ok(output) => output,
            Err(error) => return format!("failed: systemd-run: {error}"),
        };
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        if text.is_empty() && !output.status.success() {
            let why = String::from_utf8_lossy(&output.stderr);
            return format!("failed: {}", why.trim());
        }
        text
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        if let Some(mut systemd) = self.private.take() {
            if let Some(pid) = rustix::process::Pid::from_raw(systemd.id().cast_signed()) {
                // Stops its units, then ends.
                let _gone = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
            }
            let _status = systemd.wait();
            let groups = ["systemd", "unified", "pids", "."];
            for group in groups.map(|g| Path::new("/sys/fs/cgroup").join(g).join(&self.name)) {
                remove_empty(&group);
            }
        }
        let _left_behind_in_tmp_at_worst = fs::remove_dir_all(&self.dir);
    }
}

/// Control groups are removed as directories, the innermost first.
fn remove_empty(group: &Path) {
    let inner = fs::read_dir(group).into_iter().flatten().flatten();
    for entry in inner.filter(|e| e.file_type().is_ok_and(|t| t.is_dir())) {
        remove_empty(&entry.path());
    }
    let _busy_or_absent = fs::remove_dir(group);
}
