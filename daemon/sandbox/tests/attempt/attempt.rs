//! One attempt in a process of its own: `ahoy-sandbox-attempt WHAT HOW DIR`.
//!
//! Owns: trying. Does not own: judging (`tests/locked.rs`). Invariant: the last line printed is
//! `ok`, or `refused ERRNO`, of exactly the thing that was tried.
#![expect(clippy::print_stdout, reason = "the test reads the answer from standard output")]

use std::{
    fs, io,
    io::Write,
    net::{TcpListener, TcpStream, UdpSocket},
    os::unix::{
        fs::{PermissionsExt, symlink},
        net::{UnixListener, UnixStream},
        process::{CommandExt, parent_id},
    },
    path::Path,
    process::{Command, ExitCode},
    sync::mpsc,
    thread,
};

use ahoy_sandbox::{Channel, LockError, Policy, lock};
use seccompiler::{SeccompAction, SeccompFilter};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [what, how, dir] = arguments.as_slice() else {
        println!("usage: ahoy-sandbox-attempt WHAT HOW DIR (run by the tests of ahoy-sandbox)");
        return ExitCode::from(2);
    };
    let dir = Path::new(dir);
    // Before the lock, as a worker gets its sockets.
    let sockets = Channel::pair();
    if let Err(error) = prepare(how, dir) {
        println!("not locked: {error}");
        return ExitCode::FAILURE;
    }
    match attempt(what, dir, sockets) {
        Ok(()) => println!("ok"),
        Err(error) => println!("refused {}", error.raw_os_error().unwrap_or(0)),
    }
    ExitCode::SUCCESS
}

/// `free`: no lock. Otherwise locked, in surroundings that lack something.
fn prepare(how: &str, dir: &Path) -> Result<(), LockError> {
    let mut policy = Policy::system().reading(dir.join("models"));
    match how {
        "free" => return Ok(()),
        "without-landlock" => pretend(libc::SYS_landlock_create_ruleset, libc::ENOSYS),
        "landlock-off" => pretend(libc::SYS_landlock_create_ruleset, libc::EOPNOTSUPP),
        "landlock-refused" => pretend(libc::SYS_landlock_create_ruleset, libc::EPERM),
        "without-seccomp" => pretend(libc::SYS_seccomp, libc::EPERM),
        "writable" => policy.write_dirs.push(dir.join("home")),
        "threaded" => {
            let (up, wait) = mpsc::channel();
            let name = thread::Builder::new().name("early-bird".to_owned());
            let _thread = name.spawn(move || {
                // A thread has its name once it runs; then it stays until the process ends.
                let _told = up.send(());
                thread::park();
            });
            let _up = wait.recv();
        }
        // "locked": nothing is missing.
        _ => {}
    }
    let locked = lock(&policy)?;
    println!("locked: {locked}");
    if let Some(warning) = locked.warning() {
        println!("warning: {warning}");
    }
    Ok(())
}

/// Makes a call fail as where the kernel or a container does not have it.
fn pretend(call: libc::c_long, error: libc::c_int) {
    let rules = [(call, Vec::new())].into_iter().collect();
    let answer = SeccompAction::Errno(error.cast_unsigned());
    let arch = std::env::consts::ARCH.try_into();
    let filter = arch.and_then(|a| SeccompFilter::new(rules, SeccompAction::Allow, answer, a));
    let installed = filter
        .and_then(TryInto::try_into)
        .map_err(seccompiler::Error::from)
        .and_then(|program: seccompiler::BpfProgram| seccompiler::apply_filter(&program));
    if let Err(error) = installed {
        println!("cannot pretend: {error}");
    }
}

fn attempt(
    what: &str,
    dir: &Path,
    sockets: io::Result<(Channel, std::os::fd::OwnedFd)>,
) -> io::Result<()> {
    let (home, models) = (dir.join("home"), dir.join("models"));
    let (key, model) = (home.join("key"), models.join("model"));
    match what {
        "tcp-listen" => TcpListener::bind("127.0.0.1:0").map(drop),
        "tcp-connect" => TcpStream::connect(fs::read_to_string(models.join("tcp"))?).map(drop),
        "udp-socket" => UdpSocket::bind("127.0.0.1:0").map(drop),
        "unix-connect" => UnixStream::connect(dir.join("bus")).map(drop),
        "unix-listen" => UnixListener::bind(home.join("socket")).map(drop),
        "exec" => Command::new("/bin/true").status().map(drop),
        "exec-in-place" => Err(Command::new("/bin/echo").arg("ok").exec()),
        "read-key" => fs::read(key).map(drop),
        "list-home" => fs::read_dir(home).map(drop),
        "read-of-parent" => fs::read(format!("/proc/{}/environ", parent_id())).map(drop),
        "key-through-own-root" => {
            fs::read(Path::new("/proc/self/root").join(key.strip_prefix("/").unwrap_or(&key)))
                .map(drop)
        }
        "write-key" => fs::write(key, "new"),
        "write-model" => fs::write(model, "new"),
        "create-file" => fs::File::create_new(home.join("new")).map(drop),
        "create-among-models" => fs::File::create_new(models.join("new")).map(drop),
        "append-to-key" => fs::OpenOptions::new().append(true).open(key).map(drop),
        "delete-key" => fs::remove_file(key),
        "rename-key" => fs::rename(&key, home.join("other")),
        "open-key-to-all" => fs::set_permissions(key, fs::Permissions::from_mode(0o666)),
        "make-directory" => fs::create_dir(home.join("dir")),
        "make-link" => symlink(&key, models.join("link")),
        "read-model" => fs::read(model).map(drop),
        "read-library-tree" => fs::read_dir("/usr/lib").map(drop),
        "start-thread" => {
            thread::Builder::new().spawn(|| {})?.join().map_err(|_| io::ErrorKind::Other.into())
        }
        "talk-to-parent" => talk(sockets?),
        "leave-no-core-dump" => match rustix::process::getrlimit(rustix::process::Resource::Core) {
            limit if limit.maximum == Some(0) => Ok(()),
            _ => Err(io::ErrorKind::Other.into()),
        },
        "be-a-worker" => be_a_worker(),
        "abort" => {
            io::stdout().flush()?;
            std::process::abort()
        }
        _ => Err(io::ErrorKind::Unsupported.into()),
    }
}

/// A message with a descriptor, both ways.
fn talk((ours, theirs): (Channel, std::os::fd::OwnedFd)) -> io::Result<()> {
    use std::os::fd::AsFd;
    ours.send(b"a PipeWire socket", &[theirs.as_fd()])?;
    let mut bytes = [0; 32];
    let read = rustix::net::recv(&theirs, &mut bytes, rustix::net::RecvFlags::empty())?;
    rustix::net::send(&theirs, b"thanks", rustix::net::SendFlags::NOSIGNAL)?;
    let answer = ours.recv(&mut bytes)?;
    if (read.1, answer.len) == (17, 6) { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
}

/// Answers each message with its length and the number of descriptors, until the parent goes.
fn be_a_worker() -> io::Result<()> {
    let parent = Channel::from_worker_fd()?;
    if Channel::from_worker_fd().is_ok() {
        return Err(io::Error::other("the socket was taken twice"));
    }
    let mut bytes = [0; 64];
    loop {
        let received = parent.recv(&mut bytes)?;
        if received.len == 0 {
            return Ok(());
        }
        parent.send(format!("{} {}", received.len, received.fds.len()).as_bytes(), &[])?;
    }
}
