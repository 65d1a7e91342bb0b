//! What a worker cannot do after its lock: every case is tried in a real process, first free, where
//! it must work (else the test proves nothing), then locked, where the kernel must refuse it. As
//! root, everything runs as root and as an ordinary user.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed step fails the test; skips are counted"
)]

use std::{
    fs,
    net::TcpListener,
    os::fd::AsFd,
    os::unix::{
        fs::{PermissionsExt, chown},
        net::UnixListener,
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

const ATTEMPT: &str = env!("CARGO_BIN_EXE_ahoy-sandbox-attempt");
/// Any user without rights will do; this one exists everywhere.
const NOBODY: u32 = 65534;

/// A user's home with a key, a directory of models, a bus and a server to talk to.
struct Place {
    dir: PathBuf,
    user: Option<u32>,
    _bus: UnixListener,
    _server: TcpListener,
}

impl Place {
    fn new(user: Option<u32>) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("ahoy-sandbox-{}-{number}", std::process::id());
        let dir = std::env::temp_dir().join(name);
        for part in ["home", "models"] {
            fs::create_dir_all(dir.join(part)).unwrap();
        }
        fs::write(dir.join("home/key"), "secret").unwrap();
        fs::write(dir.join("models/model"), "words").unwrap();
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        fs::write(dir.join("models/tcp"), server.local_addr().unwrap().to_string()).unwrap();
        let bus = UnixListener::bind(dir.join("bus")).unwrap();
        // Copied: a user may not reach the build directory. By another process: a descriptor open
        // for writing here could be inherited by a neighbouring test's child ("text file busy").
        let copied = Command::new("cp").arg(ATTEMPT).arg(dir.join("attempt")).status();
        assert!(copied.unwrap().success());
        let all = ["", "home", "models", "home/key", "models/model", "models/tcp", "bus"];
        for path in all.map(|part| dir.join(part)) {
            chown(&path, user, None).unwrap();
        }
        let key = fs::Permissions::from_mode(0o600);
        fs::set_permissions(dir.join("home/key"), key).unwrap();
        Self { dir, user, _bus: bus, _server: server }
    }

    fn run(&self, what: &str, how: &str) -> Output {
        // Below a shell, so that the attempt has a parent of the same user to attack.
        let mut command = Command::new("sh");
        command.args(["-c", "\"$@\"; exit $?", "sh"]).arg(self.dir.join("attempt"));
        command.args([what, how]).arg(&self.dir).current_dir("/");
        if let Some(user) = self.user {
            command.uid(user).gid(user);
        }
        command.output().unwrap()
    }

    /// The last line: `ok`, `refused 1`.
    fn answer(&self, what: &str, how: &str) -> String {
        let output = String::from_utf8(self.run(what, how).stdout).unwrap();
        output.lines().last().unwrap_or("nothing").to_owned()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _left_behind_in_tmp_at_worst = fs::remove_dir_all(&self.dir);
    }
}

fn users() -> Vec<Option<u32>> {
    if rustix::process::geteuid().is_root() {
        vec![None, Some(NOBODY)]
    } else {
        println!("SKIPPED: running the attempts as root as well needs root");
        vec![None]
    }
}

fn landlock_is_here() -> bool {
    let here = !locked_as("read-model").contains("no Landlock");
    if !here {
        println!("SKIPPED: paths are closed by Landlock, which this kernel does not have");
    }
    here
}

fn locked_as(what: &str) -> String {
    let output = Place::new(None).run(what, "locked");
    String::from_utf8(output.stdout).unwrap()
}

/// Each attempt works free and is refused with one of these errors once locked.
fn assert_refused(attempts: &[&str], how: &str, errors: &[i32]) {
    let refused: Vec<String> = errors.iter().map(|error| format!("refused {error}")).collect();
    for user in users() {
        for what in attempts {
            assert_eq!(Place::new(user).answer(what, "free"), "ok", "{what} before, user {user:?}");
            let answer = Place::new(user).answer(what, how);
            assert!(refused.contains(&answer), "{what} after, user {user:?}: {answer}");
        }
    }
}

const NETWORK: &[&str] =
    &["tcp-listen", "tcp-connect", "udp-socket", "unix-connect", "unix-listen"];
const PROGRAMS: &[&str] = &["exec", "exec-in-place"];
const READS: &[&str] = &["read-key", "list-home", "read-of-parent", "key-through-own-root"];
const CHANGES: &[&str] = &[
    "write-key",
    "write-model",
    "create-file",
    "create-among-models",
    "append-to-key",
    "delete-key",
    "rename-key",
    "open-key-to-all",
    "make-directory",
    "make-link",
];
const USES: &[&str] = &["read-model", "read-library-tree", "start-thread", "talk-to-parent"];

#[test]
fn a_locked_worker_opens_no_network_socket_and_reaches_no_bus() {
    assert_refused(NETWORK, "locked", &[libc::EPERM]);
}

#[test]
fn a_locked_worker_runs_no_program() {
    assert_refused(PROGRAMS, "locked", &[libc::EPERM]);
}

#[test]
fn a_locked_worker_reads_no_key_and_nothing_of_its_parent() {
    if landlock_is_here() {
        assert_refused(READS, "locked", &[libc::EACCES]);
    }
}

#[test]
fn a_locked_worker_changes_no_file() {
    assert_refused(CHANGES, "locked", &[libc::EPERM]);
}

#[test]
fn without_landlock_all_but_reading_is_refused_and_a_warning_says_so() {
    for attempts in [NETWORK, PROGRAMS, CHANGES] {
        assert_refused(attempts, "without-landlock", &[libc::EPERM]);
    }
    let place = Place::new(None);
    let text = |how: &str| String::from_utf8(place.run("read-model", how).stdout).unwrap();
    // A container's filter may answer EPERM instead of ENOSYS.
    for missing in ["without-landlock", "landlock-refused"].map(text) {
        assert!(missing.contains("no Landlock"), "{missing}");
        assert!(missing.contains("warning: this kernel or container has no Landlock"), "{missing}");
    }
    let off = text("landlock-off");
    assert!(off.contains("warning: Landlock is switched off"), "{off}");
}

#[test]
fn what_a_worker_needs_still_works_behind_the_lock() {
    for user in users() {
        for how in ["locked", "without-landlock", "writable"] {
            for what in USES {
                assert_eq!(Place::new(user).answer(what, how), "ok", "{what} {how} {user:?}");
            }
        }
    }
}

#[test]
fn a_locked_worker_can_still_abort() {
    let status = Place::new(None).run("abort", "locked").status;
    // How a shell reports a child that died of a signal.
    assert_eq!(status.code(), Some(128 + libc::SIGABRT));
}

#[test]
fn a_directory_named_writable_can_be_written_and_nothing_else() {
    if !landlock_is_here() {
        return;
    }
    for user in users() {
        for what in ["write-key", "create-file", "delete-key", "rename-key", "make-directory"] {
            assert_eq!(Place::new(user).answer(what, "writable"), "ok", "{what} {user:?}");
        }
    }
    assert_refused(&["write-model", "create-among-models"], "writable", &[libc::EACCES]);
    assert_refused(&["open-key-to-all", "make-link", "tcp-listen"], "writable", &[libc::EPERM]);
}

#[test]
fn locking_late_is_an_error_that_names_the_threads() {
    let answer = Place::new(None).answer("read-key", "threaded");
    assert!(answer.contains("2 threads run already"), "{answer}");
    assert!(answer.contains("early-bird"), "{answer}");
}

#[test]
fn where_no_filter_can_be_set_the_worker_does_not_go_on() {
    let answer = Place::new(None).answer("read-model", "without-seccomp");
    assert!(answer.starts_with("not locked: "), "{answer}");
    assert!(answer.contains("CONFIG_SECCOMP_FILTER"), "{answer}");
}

#[test]
fn a_worker_talks_to_its_parent_on_descriptor_3_from_behind_the_lock() {
    let place = Place::new(None);
    let (parent, theirs) = ahoy_sandbox::Channel::pair().unwrap();
    let worker = Command::new("sh")
        .args(["-c", "exec \"$@\" 3<&0", "sh"])
        .arg(place.dir.join("attempt"))
        .args(["be-a-worker", "locked"])
        .arg(&place.dir)
        .stdin(theirs)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (file, mut answer) = (fs::File::open("/dev/null").unwrap(), [0; 16]);
    parent.send(b"ahoy", &[file.as_fd(), file.as_fd()]).unwrap();
    let len = parent.recv(&mut answer).unwrap().len;
    assert_eq!(&answer[..len], b"4 2");
    drop(parent);
    let output = worker.wait_with_output().unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().ends_with("ok\n"));
}

#[test]
fn a_worker_started_by_hand_says_how_to_start_it() {
    // Descriptor 3 is closed for children of a test.
    let error = ahoy_sandbox::Channel::from_worker_fd().unwrap_err();
    let inner = error.get_ref().and_then(|e| e.downcast_ref::<ahoy_sandbox::NotAWorker>());
    assert_eq!(inner, Some(&ahoy_sandbox::NotAWorker::NotStartedByAhoyd));
    assert!(error.to_string().contains("started by ahoyd, not by hand"));
    assert!(Path::new(ATTEMPT).exists());
}
