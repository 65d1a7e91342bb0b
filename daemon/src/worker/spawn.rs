//! Starting the child process and waiting for it.
//!
//! Owns: the environment it gets, its descriptor 3, and the guarantee that it dies with us. Does
//! not own: what is said to it. Invariant: the thread that started a child lives until the child
//! is gone, because the kernel sends the death signal when that *thread* ends.
#![expect(unsafe_code, reason = "code between fork and exec is unsafe by its nature")]

use std::{
    ffi::{OsStr, OsString},
    io,
    os::{
        fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
        unix::process::{CommandExt as _, ExitStatusExt as _},
    },
    path::Path,
    process::{ChildStderr, ChildStdout, Command, ExitStatus, Stdio},
    thread,
    time::Duration,
};

use ahoy_core::worker::WORKER_FD;
use rustix::process::{Pid, PidfdFlags, Signal};
use tokio::sync::oneshot;

/// What a worker may know of our environment: language, where its libraries and models lie, how
/// much to log. Nothing that leads to the bus, the network or the person's keys.
const KEPT: [&str; 16] = [
    "AHOY_LIBVOSK",
    "AHOY_LOG",
    "HOME",
    "LANG",
    "LANGUAGE",
    "LD_LIBRARY_PATH",
    "PATH",
    "PIPEWIRE_DEBUG",
    "PIPEWIRE_LATENCY",
    "RUST_BACKTRACE",
    "RUST_LOG",
    "TZ",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_DIRS",
    "XDG_DATA_DIRS",
    "XDG_DATA_HOME",
];
/// What a worker is told: no plugin scanner and no cache file in the home directory (GStreamer), no
/// threads before the lock is on (OpenBLAS, which Vosk brings, starts some when it is loaded).
const SET: [(&str, &str); 2] = [("GST_REGISTRY_DISABLE", "yes"), ("OPENBLAS_NUM_THREADS", "1")];
const KEPT_PREFIXES: [&str; 3] = ["GST_", "LC_", "SPA_"];

/// A running worker process.
pub(super) struct Child {
    pidfd: OwnedFd,
    exit: oneshot::Receiver<io::Result<ExitStatus>>,
    exited: bool,
    pub(super) stdout: Option<ChildStdout>,
    pub(super) stderr: Option<ChildStderr>,
}

/// Starts `program` with `socket` as its descriptor 3.
pub(super) fn start(program: &Path, args: &[OsString], socket: OwnedFd) -> io::Result<Child> {
    let mut command = command(program, args, socket);
    let (up, started) = std::sync::mpsc::sync_channel(1);
    let (gone, exit) = oneshot::channel();
    thread::Builder::new().name("ahoy-child".to_owned()).spawn(move || {
        let spawned = command.spawn().and_then(|mut child| {
            let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
            let id = id.ok_or(io::ErrorKind::InvalidData)?;
            // Still unwaited for, so the id cannot belong to another process.
            let pidfd = rustix::process::pidfd_open(id, PidfdFlags::empty())?;
            Ok((pidfd, child.stdout.take(), child.stderr.take(), child))
        });
        // Our copy of the worker's end must close, or its exit would not read as one.
        drop(command);
        match spawned {
            Ok((pidfd, stdout, stderr, mut child)) => {
                let told = up.send(Ok((pidfd, stdout, stderr)));
                if told.is_err() {
                    // The one who asked is gone; an error here means the child is, too.
                    let _ = child.kill();
                }
                // Nobody waits for the answer if the run was dropped.
                let _ = gone.send(child.wait());
            }
            Err(error) => {
                let _ = up.send(Err(error));
            }
        }
    })?;
    let (pidfd, stdout, stderr) = started.recv().map_err(io::Error::other)??;
    Ok(Child { pidfd, exit, exited: false, stdout, stderr })
}

impl Child {
    /// Waits for the exit and tells how it came. Cancel safe.
    pub(super) async fn exited(&mut self) -> String {
        let status = (&mut self.exit).await;
        self.exited = true;
        match status {
            Ok(Ok(status)) => describe(status),
            Ok(Err(error)) => format!("it cannot be waited for: {error}"),
            Err(_) => "it is gone".to_owned(),
        }
    }

    /// Gives it `grace` to exit by itself, then kills it and waits. Tells how it exited where that
    /// was not known yet.
    pub(super) async fn end(mut self, grace: Duration) -> Option<String> {
        if self.exited {
            return None;
        }
        match tokio::time::timeout(grace, self.exited()).await {
            Ok(how) => Some(how),
            Err(_) => {
                self.kill();
                Some(self.exited().await)
            }
        }
    }

    pub(super) fn kill(&self) {
        if !self.exited {
            // It may have exited in this moment.
            let _ = rustix::process::pidfd_send_signal(&self.pidfd, Signal::KILL);
        }
    }
}

fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("it exited with {code}"),
        (None, Some(signal)) => format!("signal {signal} ended it"),
        (None, None) => "it ended".to_owned(),
    }
}

fn command(program: &Path, args: &[OsString], socket: OwnedFd) -> Command {
    let parent = rustix::process::getpid();
    let mut command = Command::new(program);
    command
        .args(args)
        .env_clear()
        .envs(std::env::vars_os().filter(|(name, _)| is_kept(name)))
        .envs(SET)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let prepare = move || {
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
        // The parent may have died before the line above took effect.
        if rustix::process::getppid() != Some(parent) {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        // Ours are closed on exec, but whoever started us may have left us others. Kernels before
        // 5.11 do not know this call; there the worker's own lock refuses foreign descriptors.
        // SAFETY: plain numbers go in, only a flag of descriptors is changed.
        let _ =
            unsafe { libc::syscall(libc::SYS_close_range, 4, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
        // Number 3 is never the pipe by which the standard library reports a failed exec: the
        // socket pair was opened before it and took the lowest number.
        if socket.as_raw_fd() == WORKER_FD {
            rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::empty())?;
            return Ok(());
        }
        // SAFETY: in the forked child nothing owns 3 but a copy of one of the parent's
        // descriptors, which closes at exec anyway; `forget` keeps the new 3 open.
        let mut third = unsafe { OwnedFd::from_raw_fd(WORKER_FD) };
        let duplicated = rustix::io::dup2(&socket, &mut third);
        std::mem::forget(third);
        Ok(duplicated?)
    };
    // SAFETY: `prepare` makes system calls only: no allocation, no lock, no memory shared with the
    // parent; it runs in the child between fork and exec.
    unsafe { command.pre_exec(prepare) };
    command
}

fn is_kept(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| {
        KEPT.contains(&name) || KEPT_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
    })
}
