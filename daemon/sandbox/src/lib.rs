//! What every worker process has: the socket to its parent and the lock it puts on itself.
//!
//! Owns: [`Channel`] (one message = one frame, with file descriptors beside it) and [`lock()`]
//! (no new privileges, no capabilities, Landlock, seccomp). Does not own: what the messages mean
//! (`ahoy_core::worker`), starting and watching workers (`ahoyd`), the hardening of `ahoyd` itself
//! (`systemd/ahoyd.service.in`). Invariant: nothing that [`lock()`] took away can come back in this
//! process, and [`Locked`] never claims more than the kernel confirmed.
//!
//! # The order in a worker
//! 1. [`Channel::from_worker_fd`].
//! 2. Whatever needs other programs or written files: `gst_init` (runs `gst-plugin-scanner` and
//!    writes its cache).
//! 3. [`lock()`], while there is still one thread: Landlock holds for the calling thread and the
//!    threads it starts, so with others around the call refuses ([`LockError::Threads`]).
//! 4. Threads, PipeWire (on a socket handed over by the parent), peers' packets.

mod calls;
mod channel;
mod files;
mod inherited;
mod lock;
mod policy;

pub use channel::{Channel, MAX_FDS, Received};
pub use inherited::NotAWorker;
pub use lock::{Landlock, LockError, Locked, lock};
pub use policy::Policy;
