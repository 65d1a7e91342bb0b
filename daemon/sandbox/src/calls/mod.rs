//! The part of the lock that knows system calls: seccomp.
//!
//! Owns: how the lists of [`lists`] become two filters. Does not own: the lists. Invariant: a call
//! that stands in no list fails as on a kernel that never had it.
//!
//! # Why an allow-list, and why nothing is killed
//! A deny-list must know every dangerous call, those of future kernels and those under the second
//! numbering of x86_64 (x32) included; an allow-list need not. Its usual weakness is that a newer
//! libc or codec makes a call nobody listed. So there are two filters:
//! - the **ceiling** lets the listed calls through and answers ENOSYS to all others. Libraries
//!   must cope with that answer, since it is what an older kernel gives (glibc falls back from
//!   `clone3` to `clone`, whose flags the filter can read);
//! - the **refusals** answer EPERM to calls that exist everywhere and that a library may probe
//!   (`socket`, `execve`, `fork`), and to listed calls with harmful arguments.
//!
//! Filters of this process come on top of those inherited from `ahoyd`'s unit; they only add.

mod lists;

use std::collections::BTreeMap;

use libc::c_long;
use seccompiler::{
    BackendError, BpfProgram, Error, SeccompAction, SeccompCmpArgLen, SeccompCmpOp,
    SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
};

type Rules = BTreeMap<c_long, Vec<SeccompRule>>;

/// Puts both filters on all threads; answers how many calls are left.
pub(crate) fn restrict(read_only: bool) -> Result<usize, Error> {
    let (refusals, ceiling, left) = programs(read_only)?;
    // The refusals first: after the ceiling, there is no `seccomp` call any more.
    seccompiler::apply_filter_all_threads(&refusals)?;
    seccompiler::apply_filter_all_threads(&ceiling)?;
    Ok(left)
}

fn programs(read_only: bool) -> Result<(BpfProgram, BpfProgram, usize), BackendError> {
    let refuse = SeccompAction::Errno(errno(libc::EPERM));
    let rules = refusals(read_only)?;
    let refusals = SeccompFilter::new(rules, SeccompAction::Allow, refuse, arch()?)?;
    let (ceiling, left) = ceiling()?;
    Ok((refusals.try_into()?, ceiling, left))
}

/// Everything that is not listed does not exist.
fn ceiling() -> Result<(BpfProgram, usize), BackendError> {
    let listed = lists::ALLOWED.iter().chain(lists::ALLOWED_LEGACY);
    let mut rules: Rules = listed.map(|&call| (call, Vec::new())).collect();
    let left = rules.len();
    // Let through here, refused with EPERM by the other filter.
    let refused = lists::REFUSED.iter().chain(lists::REFUSED_LEGACY);
    rules.extend(refused.map(|&call| (call, Vec::new())));
    let missing = SeccompAction::Errno(errno(libc::ENOSYS));
    let filter = SeccompFilter::new(rules, missing, SeccompAction::Allow, arch()?)?;
    Ok((filter.try_into()?, left))
}

/// Calls that are refused always, and listed calls that are refused with these arguments.
fn refusals(read_only: bool) -> Result<Rules, BackendError> {
    let refused = lists::REFUSED.iter().chain(lists::REFUSED_LEGACY);
    let mut rules: Rules = refused.map(|&call| (call, Vec::new())).collect();
    rules.insert(libc::SYS_clone, processes()?);
    rules.insert(libc::SYS_ioctl, terminal_input()?);
    rules.insert(libc::SYS_socketpair, datagram_pairs()?);
    // A destination (argument 4) would name somebody else's socket.
    rules.insert(libc::SYS_sendto, any_of([vec![is_not_null(4)?]])?);
    rules.insert(libc::SYS_setsockopt, socket_options()?);
    rules.extend(others_processes()?);
    if read_only {
        let changing = lists::CHANGES_FILES.iter().chain(lists::CHANGES_FILES_LEGACY);
        rules.extend(changing.map(|&call| (call, Vec::new())));
        rules.insert(libc::SYS_openat, open_to_write(2)?);
        #[cfg(target_arch = "x86_64")]
        rules.insert(libc::SYS_open, open_to_write(1)?);
    }
    Ok(rules)
}

/// Threads may be made, processes and namespaces not. The flags are argument 0.
fn processes() -> Result<Vec<SeccompRule>, BackendError> {
    let namespaces = [
        libc::CLONE_NEWNS,
        libc::CLONE_NEWCGROUP,
        libc::CLONE_NEWUTS,
        libc::CLONE_NEWIPC,
        libc::CLONE_NEWUSER,
        libc::CLONE_NEWPID,
        libc::CLONE_NEWNET,
    ];
    let mut cases = vec![vec![bits(0, libc::CLONE_THREAD, 0)?]];
    for flag in namespaces {
        cases.push(vec![bits(0, flag, flag)?]);
    }
    any_of(cases)
}

/// Typing into the terminal `ahoyd` was started from, and signals by descriptor.
fn terminal_input() -> Result<Vec<SeccompRule>, BackendError> {
    /// `FIOSETOWN` and `SIOCSPGRP` (asm-generic/sockios.h); libc has no names for them here.
    const SET_OWNER: [u32; 2] = [0x8901, 0x8902];
    let terminal = [libc::TIOCSTI as u32, libc::TIOCLINUX as u32, libc::TIOCCONS as u32];
    let mut cases = Vec::new();
    for request in terminal.into_iter().chain(SET_OWNER) {
        cases.push(vec![is(1, u64::from(request))?]);
    }
    any_of(cases)
}

/// Pairs are harmless unless they take datagrams: `sendmsg` on such a socket may name any other
/// datagram socket of the machine (the journal, a bus, systemd's notify socket), and the filter
/// cannot see that name. `SOCK_RAW` means datagrams here, too (unix(7)).
fn datagram_pairs() -> Result<Vec<SeccompRule>, BackendError> {
    /// Everything above is SOCK_NONBLOCK and SOCK_CLOEXEC.
    const KIND: libc::c_int = 0xf;
    any_of([
        vec![is_not(0, value(libc::AF_UNIX))?],
        vec![bits(1, KIND, libc::SOCK_DGRAM)?],
        vec![bits(1, KIND, libc::SOCK_RAW)?],
    ])
}

/// Buffer sizes only: other options attach programs to sockets or reach far into the kernel.
fn socket_options() -> Result<Vec<SeccompRule>, BackendError> {
    any_of([
        vec![is_not(1, value(libc::SOL_SOCKET))?],
        vec![is_not(2, value(libc::SO_SNDBUF))?, is_not(2, value(libc::SO_RCVBUF))?],
    ])
}

/// Signals and limits are for this process alone; the parent runs under the same user.
fn others_processes() -> Result<Rules, BackendError> {
    let own = u64::from(std::process::id());
    Ok(Rules::from([
        (libc::SYS_kill, any_of([vec![is_not(0, own)?]])?),
        (libc::SYS_tgkill, any_of([vec![is_not(0, own)?]])?),
        (libc::SYS_prlimit64, any_of([vec![is_not(0, own)?, is_not(0, 0)?]])?),
        // The kernel would send SIGIO, or a signal of choice, to the descriptor's "owner".
        (
            libc::SYS_fcntl,
            any_of([vec![is(1, value(libc::F_SETOWN))?], vec![is(1, F_SETOWN_EX)?]])?,
        ),
    ]))
}

/// From asm-generic/fcntl.h, the same on all three architectures; libc has no name for it.
const F_SETOWN_EX: u64 = 15;

/// Any access mode but O_RDONLY, and the two flags that change a file opened for reading.
fn open_to_write(flags: u8) -> Result<Vec<SeccompRule>, BackendError> {
    any_of([
        vec![bits(flags, libc::O_ACCMODE, libc::O_WRONLY)?],
        vec![bits(flags, libc::O_ACCMODE, libc::O_RDWR)?],
        vec![bits(flags, libc::O_ACCMODE, libc::O_ACCMODE)?],
        vec![bits(flags, libc::O_CREAT, libc::O_CREAT)?],
        vec![bits(flags, libc::O_TRUNC, libc::O_TRUNC)?],
    ])
}

fn any_of(
    cases: impl IntoIterator<Item = Vec<SeccompCondition>>,
) -> Result<Vec<SeccompRule>, BackendError> {
    cases.into_iter().map(SeccompRule::new).collect()
}

fn is(argument: u8, value: u64) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)
}

fn is_not(argument: u8, value: u64) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, value)
}

fn is_not_null(argument: u8) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Qword, SeccompCmpOp::Ne, 0)
}

fn bits(argument: u8, mask: i32, set: i32) -> Result<SeccompCondition, BackendError> {
    let masked = SeccompCmpOp::MaskedEq(value(mask));
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, masked, value(set))
}

/// As the kernel sees an `int` in the lower half of an argument: no sign extension.
fn value(constant: libc::c_int) -> u64 {
    u64::from(constant.cast_unsigned())
}

fn errno(code: libc::c_int) -> u32 {
    code.cast_unsigned()
}

fn arch() -> Result<TargetArch, BackendError> {
    std::env::consts::ARCH.try_into()
}

#[cfg(test)]
mod tests;
