//! The one descriptor a worker is started with.
//!
//! Owns: taking [`WORKER_FD`] over, once. Does not own: what is said on it. Invariant: no second
//! owner of that descriptor ever exists in this process.
#![expect(
    unsafe_code,
    reason = "the number of an inherited descriptor can only be turned into an owner by unsafe code"
)]

use std::{
    io,
    os::fd::{BorrowedFd, FromRawFd, OwnedFd},
    sync::atomic::{AtomicBool, Ordering},
};

use ahoy_core::worker::WORKER_FD;
use rustix::{
    io::{Errno, FdFlags, fcntl_setfd},
    net::{AddressFamily, SocketType, sockopt},
};

/// Why this process has no parent to talk to. Inside the [`io::Error`] of
/// [`Channel::from_worker_fd`](crate::Channel::from_worker_fd).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotAWorker {
    /// Descriptor 3 is closed or is something else than the worker socket.
    #[error(
        "this program is started by ahoyd, not by hand: descriptor {WORKER_FD} is not its socket. \
         Start ahoyd instead (systemctl --user start ahoyd)"
    )]
    NotStartedByAhoyd,
    /// The descriptor was taken before.
    #[error("the socket to ahoyd has been taken already in this process")]
    TakenTwice,
}

static TAKEN: AtomicBool = AtomicBool::new(false);

pub(crate) fn take() -> io::Result<OwnedFd> {
    if TAKEN.swap(true, Ordering::SeqCst) {
        return Err(io::Error::other(NotAWorker::TakenTwice));
    }
    // SAFETY: the borrow ends in this function, before an owner exists. Asking about a closed
    // number is harmless: the kernel answers EBADF.
    let asked = unsafe { BorrowedFd::borrow_raw(WORKER_FD) };
    if !is_worker_socket(asked) {
        return Err(io::Error::other(NotAWorker::NotStartedByAhoyd));
    }
    // Neither gst-plugin-scanner nor anything else started before the lock may inherit it.
    fcntl_setfd(asked, FdFlags::CLOEXEC)?;
    // SAFETY: the descriptor is open, TAKEN makes this the only owner, and nothing in a worker
    // opens descriptors before main: a seqpacket socket under this number is the parent's.
    Ok(unsafe { OwnedFd::from_raw_fd(WORKER_FD) })
}

fn is_worker_socket(fd: BorrowedFd<'_>) -> bool {
    let kind: Result<_, Errno> =
        sockopt::socket_type(fd).and_then(|t| Ok((t, sockopt::socket_domain(fd)?)));
    kind == Ok((SocketType::SEQPACKET, AddressFamily::UNIX))
}
