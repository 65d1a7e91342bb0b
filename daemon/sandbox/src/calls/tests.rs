//! Claims about the list of calls: what it refuses, made for real behind the filters.

#![expect(
    unsafe_code,
    reason = "the tests make the refused calls themselves; no safe wrapper exists for most"
)]

use std::{collections::BTreeSet, io, thread};

use libc::{c_int, c_long};

use super::{lists, programs, refusals};

/// Makes calls on a thread of its own, behind both filters.
fn behind_the_filters<T: Send + 'static>(calls: impl FnOnce() -> T + Send + 'static) -> T {
    let (refusals, ceiling, _) = programs(true).unwrap();
    let behind = move || {
        seccompiler::apply_filter(&refusals).unwrap();
        seccompiler::apply_filter(&ceiling).unwrap();
        calls()
    };
    thread::spawn(behind).join().unwrap()
}

/// The error of a raw call, 0 for none.
fn call(number: c_long, arguments: [c_long; 6]) -> c_int {
    let [a, b, c, d, e, f] = arguments;
    // SAFETY: only used with arguments that are no pointers into our memory: zeros, flags and
    // numbers of descriptors; a call that came through the filter by mistake fails on them.
    let result = unsafe { libc::syscall(number, a, b, c, d, e, f) };
    if result == -1 { io::Error::last_os_error().raw_os_error().unwrap() } else { 0 }
}

#[test]
fn every_call_of_the_list_of_refusals_is_refused() {
    let refused = [lists::REFUSED, lists::REFUSED_LEGACY].concat();
    let changing = [lists::CHANGES_FILES, lists::CHANGES_FILES_LEGACY].concat();
    let calls = [refused, changing].concat();
    let others = behind_the_filters(move || {
        let answers = calls.into_iter().map(|number| (number, call(number, [0; 6])));
        answers.filter(|&(_, error)| error != libc::EPERM).collect::<Vec<_>>()
    });
    assert_eq!(others, Vec::new());
}

#[test]
fn calls_of_no_list_do_not_exist() {
    let mut numbers = vec![libc::SYS_clone3, libc::SYS_openat2, libc::SYS_seccomp, 4095];
    // The second numbering of x86_64: getpid of x32.
    #[cfg(target_arch = "x86_64")]
    numbers.push(0x4000_0000 | libc::SYS_getpid);
    let answers: Vec<_> =
        behind_the_filters(move || numbers.into_iter().map(|n| call(n, [0; 6])).collect());
    assert_eq!(answers, vec![libc::ENOSYS; answers.len()]);
}

/// Calls whose first argument tells harm from use: each with the harm, and with the use.
#[test]
fn listed_calls_are_refused_with_harmful_arguments_only() {
    let (own, parent) =
        (c_long::from(std::process::id()), c_long::from(std::os::unix::process::parent_id()));
    let unix = c_long::from(libc::AF_UNIX);
    let cloexec = libc::SOCK_CLOEXEC;
    let harmful = [
        ("fork by clone", libc::SYS_clone, [c_long::from(libc::SIGCHLD), 0, 0, 0, 0, 0]),
        (
            "thread in a namespace",
            libc::SYS_clone,
            [c_long::from(libc::CLONE_THREAD | libc::CLONE_NEWNET), 0, 0, 0, 0, 0],
        ),
        ("kill the parent", libc::SYS_kill, [parent, 0, 0, 0, 0, 0]),
        ("kill the group", libc::SYS_kill, [0; 6]),
        ("kill everybody", libc::SYS_kill, [-1, 0, 0, 0, 0, 0]),
        ("signal a thread of the parent", libc::SYS_tgkill, [parent, parent, 0, 0, 0, 0]),
        (
            "limits of the parent",
            libc::SYS_prlimit64,
            [parent, c_long::from(libc::RLIMIT_NOFILE), 0, 0, 0, 0],
        ),
        (
            "datagram pair",
            libc::SYS_socketpair,
            [unix, c_long::from(libc::SOCK_DGRAM | cloexec), 0, 0, 0, 0],
        ),
        ("raw pair", libc::SYS_socketpair, [unix, c_long::from(libc::SOCK_RAW), 0, 0, 0, 0]),
        (
            "pair of another family",
            libc::SYS_socketpair,
            [c_long::from(libc::AF_TIPC), c_long::from(libc::SOCK_STREAM), 0, 0, 0, 0],
        ),
        ("send to an address", libc::SYS_sendto, [-1, 0, 0, 0, 1, 0]),
        (
            "program on a socket",
            libc::SYS_setsockopt,
            [-1, c_long::from(libc::SOL_SOCKET), c_long::from(libc::SO_ATTACH_FILTER), 0, 0, 0],
        ),
        (
            "option of IP",
            libc::SYS_setsockopt,
            [-1, c_long::from(libc::IPPROTO_IP), c_long::from(libc::SO_SNDBUF), 0, 0, 0],
        ),
        ("type into the terminal", libc::SYS_ioctl, [-1, 0x5412, 0, 0, 0, 0]),
        (
            "signal by descriptor",
            libc::SYS_fcntl,
            [-1, c_long::from(libc::F_SETOWN), parent, 0, 0, 0],
        ),
        ("write a file", libc::SYS_openat, [-1, 0, c_long::from(libc::O_WRONLY), 0, 0, 0]),
        (
            "read and write a file",
            libc::SYS_openat,
            [-1, 0, c_long::from(libc::O_RDWR | libc::O_CLOEXEC), 0, 0, 0],
        ),
        ("create a file", libc::SYS_openat, [-1, 0, c_long::from(libc::O_CREAT), 0, 0, 0]),
        ("empty a file", libc::SYS_openat, [-1, 0, c_long::from(libc::O_TRUNC), 0, 0, 0]),
    ];
    let useful = [
        ("signal itself", libc::SYS_kill, [own, 0, 0, 0, 0, 0], 0),
        (
            "limits of itself",
            libc::SYS_prlimit64,
            [0, c_long::from(libc::RLIMIT_NOFILE), 0, 0, 0, 0],
            0,
        ),
        // Past the filter; the kernel then misses the memory for the answer.
        (
            "stream pair",
            libc::SYS_socketpair,
            [unix, c_long::from(libc::SOCK_STREAM | cloexec), 0, 0, 0, 0],
            libc::EFAULT,
        ),
        (
            "read a file",
            libc::SYS_openat,
            [-1, 0, c_long::from(libc::O_RDONLY | libc::O_CLOEXEC), 0, 0, 0],
            libc::EFAULT,
        ),
        ("send to the peer", libc::SYS_sendto, [-1, 0, 0, 0, 0, 0], libc::EBADF),
        (
            "size of a buffer",
            libc::SYS_setsockopt,
            [-1, c_long::from(libc::SOL_SOCKET), c_long::from(libc::SO_SNDBUF), 0, 0, 0],
            libc::EBADF,
        ),
        ("terminal width", libc::SYS_ioctl, [-1, 0x5413, 0, 0, 0, 0], libc::EBADF),
    ];
    let (let_through, answers) = behind_the_filters(move || {
        let wrong =
            harmful.into_iter().filter(|&(_, number, args)| call(number, args) != libc::EPERM);
        let wrong = wrong.map(|(what, ..)| what).collect::<Vec<_>>();
        (wrong, useful.map(|(what, number, args, expected)| (what, call(number, args), expected)))
    });
    assert_eq!(let_through, Vec::<&str>::new());
    for (what, error, expected) in answers {
        assert_eq!(error, expected, "{what}");
    }
}

fn set(lists: [&[c_long]; 2]) -> BTreeSet<c_long> {
    lists.concat().into_iter().collect()
}

#[test]
fn no_call_is_both_allowed_and_refused() {
    let allowed = set([lists::ALLOWED, lists::ALLOWED_LEGACY]);
    let refused = set([lists::REFUSED, lists::REFUSED_LEGACY]);
    let both: Vec<_> = allowed.intersection(&refused).collect();
    assert_eq!(both, Vec::<&c_long>::new());
}

#[test]
fn no_call_stands_in_a_list_twice() {
    let lists = [
        [lists::ALLOWED, lists::ALLOWED_LEGACY],
        [lists::REFUSED, lists::REFUSED_LEGACY],
        [lists::CHANGES_FILES, lists::CHANGES_FILES_LEGACY],
    ];
    for pair in lists {
        assert_eq!(set(pair).len(), pair.concat().len());
    }
}

#[test]
fn every_refusal_by_argument_is_of_a_call_that_is_allowed() {
    let allowed = set([lists::ALLOWED, lists::ALLOWED_LEGACY]);
    let by_argument = refusals(true).unwrap().into_iter().filter(|(_, rules)| !rules.is_empty());
    let stray: Vec<_> =
        by_argument.map(|(call, _)| call).filter(|c| !allowed.contains(c)).collect();
    assert_eq!(stray, Vec::<c_long>::new());
}

#[test]
fn a_worker_with_something_writable_may_open_for_writing() {
    assert!(refusals(true).unwrap().contains_key(&libc::SYS_openat));
    assert!(!refusals(false).unwrap().contains_key(&libc::SYS_openat));
}

#[test]
fn calls_whose_flags_lie_behind_a_pointer_are_in_no_list() {
    let known = set([lists::ALLOWED, lists::REFUSED]);
    assert!(!known.contains(&libc::SYS_clone3));
    assert!(!known.contains(&libc::SYS_openat2));
}
