//! Locking a worker in.
//!
//! Owns: the order of the steps and the report of what took effect. Does not own: the rules of each
//! step (`files`, `calls`). Invariant: a returned [`Locked`] means that the
//! system-call filter holds for every thread; anything less is a [`LockError`].

use std::{fmt, fs, io};

use rustix::{
    process::{Resource, Rlimit, setrlimit},
    thread::{CapabilitySet, CapabilitySets, set_capabilities, set_no_new_privs},
};

use crate::{Policy, calls, files};

/// Why the worker could not be locked in. It must not go on: no peer's packet may be decoded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// Other threads run already and would stay outside of Landlock.
    #[error(
        "cannot lock the worker in: {} threads run already ({}). Lock before starting any; for \
         libraries that start threads when loaded set OPENBLAS_NUM_THREADS=1 and the like",
        .0.len(), .0.join(", ")
    )]
    Threads(Vec<String>),
    /// Without `/proc` the threads cannot be counted.
    #[error("cannot lock the worker in: cannot list its threads in /proc ({0}). Mount /proc")]
    NoProc(#[source] io::Error),
    /// A step that any Linux allows was refused.
    #[error("cannot lock the worker in: {step} was refused ({cause})")]
    Refused {
        /// Which step.
        step: &'static str,
        /// The kernel's answer.
        #[source]
        cause: io::Error,
    },
    /// Landlock is there but did not take the rules.
    #[error("cannot lock the worker in: Landlock did not take the rules ({0})")]
    Landlock(#[from] landlock::RulesetError),
    /// The kernel has no seccomp filters (it needs `CONFIG_SECCOMP_FILTER`), or another sandbox
    /// around this one forbids adding one.
    #[error(
        "cannot lock the worker in: the system-call filter was refused ({0}). The kernel needs \
         CONFIG_SECCOMP_FILTER, and a container must allow the seccomp system call"
    )]
    Filter(#[from] seccompiler::Error),
}

/// How far Landlock, the kernel's sandbox by path, took effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Landlock {
    /// In force.
    Enforced {
        /// The kernel's Landlock version.
        abi: i32,
        /// Whether all of ours is known to it. An older kernel leaves out device ioctls (below 5),
        /// signals and abstract sockets (below 6); TCP (4) and truncation (3) the filter refuses too.
        fully: bool,
    },
    /// Built in but switched off (kernel command line `lsm=`).
    NotEnabled,
    /// The kernel, or the container around us, does not have it.
    NotInKernel,
}

/// What took effect, for `ahoyctl doctor` and the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Locked {
    /// The sandbox by path.
    pub landlock: Landlock,
    /// System calls that the filter lets through (some of them only with harmless arguments).
    pub calls_allowed: usize,
    /// Whether opening anything for writing is refused by the filter, too.
    pub read_only: bool,
}

impl Locked {
    /// What is weaker than it could be, in a sentence that says how to get it; `None` if nothing is.
    #[must_use]
    pub fn warning(&self) -> Option<&'static str> {
        match self.landlock {
            Landlock::Enforced { .. } => None,
            Landlock::NotEnabled => Some(
                "Landlock is switched off, so a worker taken over could read the user's files \
                 (not send them). Add landlock to lsm= on the kernel command line",
            ),
            Landlock::NotInKernel => Some(
                "this kernel or container has no Landlock, so a worker taken over could read the \
                 user's files (not send them). Use a kernel of 5.13 or newer with \
                 CONFIG_SECURITY_LANDLOCK",
            ),
        }
    }
}

impl fmt::Display for Locked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let allowed = self.calls_allowed;
        write!(f, "no new privileges, no capabilities, {allowed} system calls left, ")?;
        if self.read_only {
            f.write_str("nothing writable, ")?;
        }
        match self.landlock {
            Landlock::Enforced { abi, fully: true } => write!(f, "Landlock {abi}"),
            Landlock::Enforced { abi, fully: false } => write!(f, "Landlock {abi} (partly)"),
            Landlock::NotEnabled => f.write_str("Landlock switched off"),
            Landlock::NotInKernel => f.write_str("no Landlock"),
        }
    }
}

/// Gives up, for good and for the whole process: new privileges, capabilities, core dumps, paths
/// outside of `policy`, new sockets, running programs, other processes, and the kernel's seldom
/// used calls.
///
/// # Errors
/// [`LockError`]. The process may be half locked then and must end.
pub fn lock(policy: &Policy) -> Result<Locked, LockError> {
    let threads = thread_names().map_err(LockError::NoProc)?;
    if threads.len() > 1 {
        return Err(LockError::Threads(threads));
    }
    // A core dump would write a call's sound to disk. The process stays "dumpable" otherwise:
    // RealtimeKit reads its owner from /proc, which would turn to root.
    step("limiting core dumps", || {
        setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })
    })?;
    let landlock = files::restrict(policy)?;
    // Root in a container reads everybody's files by CAP_DAC_OVERRIDE; a user has none to lose.
    // After Landlock, which opens the allowed paths.
    step("dropping capabilities", || {
        let none = CapabilitySet::empty();
        let sets = CapabilitySets { effective: none, permitted: none, inheritable: none };
        set_capabilities(None, sets)
    })?;
    step("giving up new privileges", || set_no_new_privs(true))?;
    let read_only = policy.write_dirs.is_empty();
    let calls_allowed = calls::restrict(read_only)?;
    Ok(Locked { landlock, calls_allowed, read_only })
}

fn step(
    step: &'static str,
    what: impl FnOnce() -> Result<(), rustix::io::Errno>,
) -> Result<(), LockError> {
    what().map_err(|errno| LockError::Refused { step, cause: errno.into() })
}

fn thread_names() -> io::Result<Vec<String>> {
    fs::read_dir("/proc/self/task")?
        .map(|entry| {
            let name = fs::read_to_string(entry?.path().join("comm"))?;
            Ok(name.trim_end().to_owned())
        })
        .collect()
}
