//! A user's systemd to run attempts in.
//!
//! Owns: finding the one that runs, or starting a private one, and ending it. Does not own: what is
//! run. Invariant: no process that was there before changes its control group.

use std::{
    fs,
    os::unix::net::UnixDatagram,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

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

/// A user's systemd and the directory for the attempts' files.
pub(crate) struct Manager {
    pub(crate) dir: PathBuf,
    name: String,
    private: Option<(Child, Child)>,
}

impl Manager {
    /// The user's own, else a private one; or why there is none.
    pub(crate) fn start() -> Result<Self, String> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("ahoy-unit-{}-{number}", std::process::id());
        let dir = std::env::temp_dir().join(&name);
        fs::create_dir_all(dir.join("runtime")).map_err(|e| e.to_string())?;
        let mut manager = Self { dir, name, private: None };
        if !manager.output(&[], &["true"]).starts_with("failed") {
            return Ok(manager);
        }
        if !rustix::process::geteuid().is_root() || Path::new("/run/systemd/system").exists() {
            return Err(
                "no systemd of this user runs (log in, or run as root in a container)".into()
            );
        }
        manager.start_private()?;
        Ok(manager)
    }

    fn start_private(&mut self) -> Result<(), String> {
        let runtime = self.dir.join("runtime");
        rustix::fs::chmod(&runtime, 0o700.into()).map_err(|e| e.to_string())?;
        let ready = UnixDatagram::bind(runtime.join("ready")).map_err(|e| e.to_string())?;
        let spawn = |command: &mut Command| {
            let command = command.stdout(Stdio::null()).stderr(Stdio::null());
            command.spawn().map_err(|e| format!("{}: {e}", command.get_program().display()))
        };
        let address = format!("--address=unix:path={}", runtime.join("bus").display());
        let mut bus = Command::new("dbus-daemon");
        let bus = spawn(bus.args(["--session", "--nofork", "--nopidfile", &address]))?;
        let mut systemd = Command::new("unshare");
        systemd.args(["--mount", "--propagation", "private", "sh", "-c", PRIVATE, "sh"]);
        systemd.arg(&self.name).env("NOTIFY_SOCKET", runtime.join("ready")).env("HOME", &self.dir);
        let systemd = spawn(self.environment(&mut systemd, true))?;
        let (systemd, _) = self.private.insert((systemd, bus));
        // Short, to see in between whether it ended.
        ready.set_read_timeout(Some(Duration::from_millis(200))).map_err(|e| e.to_string())?;
        let (mut message, deadline) = ([0; 4096], Instant::now() + Duration::from_secs(20));
        while Instant::now() < deadline && matches!(systemd.try_wait(), Ok(None)) {
            let len = ready.recv(&mut message).unwrap_or(0);
            if String::from_utf8_lossy(&message[..len]).lines().any(|line| line == "READY=1") {
                return Ok(());
            }
        }
        Err("a private systemd does not start here (it needs control groups and mounts)".into())
    }

    fn environment<'a>(&self, command: &'a mut Command, private: bool) -> &'a mut Command {
        if private {
            let runtime = self.dir.join("runtime");
            let bus = format!("unix:path={}", runtime.join("bus").display());
            command.env("XDG_RUNTIME_DIR", runtime).env("DBUS_SESSION_BUS_ADDRESS", bus);
        }
        command
    }

    /// What a command prints in a transient unit with these switches of [Service].
    pub(crate) fn output<S: AsRef<str>>(&self, switches: &[String], command: &[S]) -> String {
        let mut run = Command::new("systemd-run");
        run.args(["--user", "--wait", "--pipe", "--collect", "--quiet"]);
        for switch in switches {
            run.arg("--property").arg(switch);
        }
        // systemd would put its own environment in the place of `$name`.
        run.arg("--").args(command.iter().map(|word| word.as_ref().replace('$', "$$")));
        let output = match self.environment(&mut run, self.private.is_some()).output() {
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
        if let Some((mut systemd, mut bus)) = self.private.take() {
            if let Some(pid) = rustix::process::Pid::from_raw(systemd.id().cast_signed()) {
                // Stops its units, then ends; its bus only after that.
                let _gone = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
            }
            let _status = systemd.wait();
            let _gone = bus.kill();
            let _status = bus.wait();
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
