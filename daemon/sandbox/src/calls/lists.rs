//! Which system calls a worker has left.
//!
//! Owns: names and reasons. Does not own: refusals by argument (the parent module). Invariant: no
//! listed call can make a socket, a process, a namespace or a new privilege; `tests` check the pairs.
//! `*_LEGACY`: calls that only older architectures have; newer ones do the same with the others.

use libc::c_long;

/// From asm-generic/unistd.h: glibc's `rename` on this architecture; libc has no name for it.
#[cfg(target_arch = "aarch64")]
const SYS_RENAMEAT: c_long = 38;

/// Calls that decoders, PipeWire, GLib, glibc and a recogniser make.
#[rustfmt::skip]
pub(super) const ALLOWED: &[c_long] = &[
    // Memory. PROT_EXEC stays: ORC (GStreamer's converters) compiles at run time.
    libc::SYS_brk, libc::SYS_mmap, libc::SYS_munmap, libc::SYS_mremap, libc::SYS_mprotect,
    libc::SYS_madvise, libc::SYS_mincore, libc::SYS_msync, libc::SYS_membarrier,
    libc::SYS_mlock, libc::SYS_mlock2, libc::SYS_munlock, libc::SYS_mlockall, libc::SYS_munlockall,
    libc::SYS_memfd_create, libc::SYS_get_mempolicy, libc::SYS_mbind, libc::SYS_set_mempolicy,
    libc::SYS_pkey_alloc, libc::SYS_pkey_free, libc::SYS_pkey_mprotect,
    // Files, within what Landlock leaves. openat2 is missing on purpose: its flags lie behind a
    // pointer, where the filter cannot read them.
    libc::SYS_openat, libc::SYS_close, libc::SYS_close_range, libc::SYS_read, libc::SYS_write,
    libc::SYS_pread64, libc::SYS_pwrite64, libc::SYS_readv, libc::SYS_writev,
    libc::SYS_preadv, libc::SYS_pwritev, libc::SYS_preadv2, libc::SYS_pwritev2,
    libc::SYS_lseek, libc::SYS_fstat, libc::SYS_newfstatat, libc::SYS_statx, libc::SYS_statfs,
    libc::SYS_fstatfs, libc::SYS_readlinkat, libc::SYS_getdents64, libc::SYS_faccessat,
    libc::SYS_faccessat2, libc::SYS_fcntl, libc::SYS_flock, libc::SYS_ftruncate,
    libc::SYS_fallocate, libc::SYS_fsync, libc::SYS_fdatasync, libc::SYS_fadvise64,
    libc::SYS_readahead, libc::SYS_sendfile, libc::SYS_copy_file_range, libc::SYS_dup,
    libc::SYS_dup3, libc::SYS_pipe2, libc::SYS_ioctl, libc::SYS_getcwd, libc::SYS_chdir,
    libc::SYS_umask, libc::SYS_inotify_init1, libc::SYS_inotify_add_watch,
    libc::SYS_inotify_rm_watch,
    // These change files; refused while nothing is writable (CHANGES_FILES).
    libc::SYS_unlinkat, libc::SYS_renameat2, libc::SYS_mkdirat, libc::SYS_truncate,
    // Waiting.
    libc::SYS_epoll_create1, libc::SYS_epoll_ctl, libc::SYS_epoll_pwait, libc::SYS_epoll_pwait2,
    libc::SYS_ppoll, libc::SYS_pselect6, libc::SYS_eventfd2, libc::SYS_timerfd_create,
    libc::SYS_timerfd_settime, libc::SYS_timerfd_gettime, libc::SYS_signalfd4,
    // Time.
    libc::SYS_clock_gettime, libc::SYS_clock_getres, libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep, libc::SYS_gettimeofday, libc::SYS_times, libc::SYS_getitimer,
    libc::SYS_setitimer, libc::SYS_timer_create, libc::SYS_timer_settime,
    libc::SYS_timer_gettime, libc::SYS_timer_getoverrun, libc::SYS_timer_delete,
    // Threads. clone3 is missing on purpose: as openat2.
    libc::SYS_clone, libc::SYS_futex, libc::SYS_futex_waitv, libc::SYS_set_robust_list,
    libc::SYS_get_robust_list, libc::SYS_rseq, libc::SYS_set_tid_address, libc::SYS_gettid,
    libc::SYS_exit, libc::SYS_exit_group, libc::SYS_prctl, libc::SYS_getcpu,
    libc::SYS_sched_yield, libc::SYS_sched_getaffinity, libc::SYS_sched_setaffinity,
    libc::SYS_sched_getparam, libc::SYS_sched_setparam, libc::SYS_sched_getscheduler,
    libc::SYS_sched_setscheduler, libc::SYS_sched_get_priority_max,
    libc::SYS_sched_get_priority_min, libc::SYS_sched_rr_get_interval, libc::SYS_sched_getattr,
    libc::SYS_sched_setattr, libc::SYS_getpriority, libc::SYS_setpriority,
    libc::SYS_restart_syscall, libc::SYS_wait4, libc::SYS_waitid,
    // Signals, to itself (abort, timers).
    libc::SYS_rt_sigaction, libc::SYS_rt_sigprocmask, libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigsuspend, libc::SYS_rt_sigpending, libc::SYS_rt_sigtimedwait,
    libc::SYS_sigaltstack, libc::SYS_tgkill, libc::SYS_kill,
    // Who and where am I.
    libc::SYS_getpid, libc::SYS_getppid, libc::SYS_getuid, libc::SYS_geteuid, libc::SYS_getgid,
    libc::SYS_getegid, libc::SYS_getresuid, libc::SYS_getresgid, libc::SYS_getgroups,
    libc::SYS_getpgid, libc::SYS_getsid, libc::SYS_capget, libc::SYS_uname, libc::SYS_sysinfo,
    libc::SYS_getrusage, libc::SYS_prlimit64, libc::SYS_getrandom,
    // The two sockets that are there: the parent's and PipeWire's.
    libc::SYS_recvmsg, libc::SYS_sendmsg, libc::SYS_recvfrom, libc::SYS_sendto,
    libc::SYS_recvmmsg, libc::SYS_sendmmsg, libc::SYS_getsockopt, libc::SYS_setsockopt,
    libc::SYS_getsockname, libc::SYS_getpeername, libc::SYS_shutdown, libc::SYS_socketpair,
];

/// The same, under names that only x86_64 has.
#[cfg(target_arch = "x86_64")]
#[rustfmt::skip]
pub(super) const ALLOWED_LEGACY: &[c_long] = &[
    libc::SYS_arch_prctl, libc::SYS_open, libc::SYS_stat, libc::SYS_lstat, libc::SYS_access,
    libc::SYS_readlink, libc::SYS_getdents, libc::SYS_dup2, libc::SYS_pipe, libc::SYS_poll,
    libc::SYS_select, libc::SYS_epoll_create, libc::SYS_epoll_wait, libc::SYS_eventfd,
    libc::SYS_signalfd, libc::SYS_inotify_init, libc::SYS_time, libc::SYS_alarm, libc::SYS_pause,
    libc::SYS_getpgrp, libc::SYS_getrlimit, libc::SYS_unlink, libc::SYS_rename, libc::SYS_mkdir,
    libc::SYS_rmdir, libc::SYS_renameat,
];
/// The same, under names that the youngest architecture (riscv64) does not have.
#[cfg(target_arch = "aarch64")]
pub(super) const ALLOWED_LEGACY: &[c_long] = &[SYS_RENAMEAT];
/// The same, under names that other architectures have.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(super) const ALLOWED_LEGACY: &[c_long] = &[];

/// Refused with EPERM, which a library that probes takes for "not allowed here".
#[rustfmt::skip]
pub(super) const REFUSED: &[c_long] = &[
    // No way out: sockets.
    libc::SYS_socket, libc::SYS_connect, libc::SYS_bind, libc::SYS_listen, libc::SYS_accept,
    libc::SYS_accept4,
    // No other programs, no reaching into other processes.
    libc::SYS_execve, libc::SYS_execveat, libc::SYS_ptrace, libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev, libc::SYS_process_madvise, libc::SYS_process_mrelease,
    libc::SYS_pidfd_open, libc::SYS_pidfd_getfd, libc::SYS_pidfd_send_signal, libc::SYS_kcmp,
    libc::SYS_tkill, libc::SYS_rt_sigqueueinfo, libc::SYS_rt_tgsigqueueinfo,
    libc::SYS_move_pages, libc::SYS_migrate_pages,
    // Memory and messages shared with the user's other programs, past Landlock.
    libc::SYS_shmget, libc::SYS_shmat, libc::SYS_shmctl, libc::SYS_semget, libc::SYS_semctl,
    libc::SYS_semop, libc::SYS_msgget, libc::SYS_msgsnd, libc::SYS_msgrcv, libc::SYS_msgctl,
    libc::SYS_mq_open, libc::SYS_mq_unlink, libc::SYS_mq_notify,
    libc::SYS_add_key, libc::SYS_request_key, libc::SYS_keyctl,
    // Large or privileged parts of the kernel that no worker needs.
    libc::SYS_io_uring_setup, libc::SYS_io_uring_enter, libc::SYS_io_uring_register,
    libc::SYS_io_setup, libc::SYS_io_submit, libc::SYS_bpf, libc::SYS_userfaultfd,
    libc::SYS_perf_event_open, libc::SYS_personality, libc::SYS_fanotify_init,
    libc::SYS_quotactl, libc::SYS_syslog, libc::SYS_acct, libc::SYS_reboot, libc::SYS_swapon,
    libc::SYS_swapoff, libc::SYS_kexec_load, libc::SYS_init_module, libc::SYS_finit_module,
    libc::SYS_delete_module, libc::SYS_sethostname, libc::SYS_setdomainname,
    libc::SYS_settimeofday, libc::SYS_clock_settime, libc::SYS_adjtimex, libc::SYS_clock_adjtime,
    // Namespaces, mounts, handles.
    libc::SYS_unshare, libc::SYS_setns, libc::SYS_mount, libc::SYS_umount2, libc::SYS_pivot_root,
    libc::SYS_chroot, libc::SYS_open_tree, libc::SYS_move_mount, libc::SYS_fsopen,
    libc::SYS_fsconfig, libc::SYS_fsmount, libc::SYS_fspick, libc::SYS_mount_setattr,
    libc::SYS_name_to_handle_at, libc::SYS_open_by_handle_at,
    // Identity.
    libc::SYS_setuid, libc::SYS_setgid, libc::SYS_setreuid, libc::SYS_setregid,
    libc::SYS_setresuid, libc::SYS_setresgid, libc::SYS_setfsuid, libc::SYS_setfsgid,
    libc::SYS_setgroups, libc::SYS_capset, libc::SYS_setsid, libc::SYS_setpgid,
    // What Landlock does not cover: owners, modes, attributes and times of the user's files.
    libc::SYS_fchmod, libc::SYS_fchmodat, libc::SYS_fchown, libc::SYS_fchownat,
    libc::SYS_utimensat, libc::SYS_setxattr, libc::SYS_lsetxattr, libc::SYS_fsetxattr,
    libc::SYS_removexattr, libc::SYS_lremovexattr, libc::SYS_fremovexattr,
    // New names for files, which nothing here needs even where something is writable.
    libc::SYS_linkat, libc::SYS_symlinkat, libc::SYS_mknodat,
];

/// The same, under names that only x86_64 has.
#[cfg(target_arch = "x86_64")]
#[rustfmt::skip]
pub(super) const REFUSED_LEGACY: &[c_long] = &[
    libc::SYS_fork, libc::SYS_vfork, libc::SYS_creat, libc::SYS_chmod, libc::SYS_chown,
    libc::SYS_lchown, libc::SYS_link, libc::SYS_symlink, libc::SYS_mknod, libc::SYS_utime,
    libc::SYS_utimes, libc::SYS_futimesat, libc::SYS_iopl, libc::SYS_ioperm,
    libc::SYS_modify_ldt, libc::SYS_uselib, libc::SYS_kexec_file_load,
];
/// The same, under names that only x86_64 has.
#[cfg(not(target_arch = "x86_64"))]
pub(super) const REFUSED_LEGACY: &[c_long] = &[];

/// Of the allowed, those that change files by name; refused while the policy has nothing writable.
pub(super) const CHANGES_FILES: &[c_long] =
    &[libc::SYS_unlinkat, libc::SYS_renameat2, libc::SYS_mkdirat, libc::SYS_truncate];

/// The same, under names that only x86_64 has.
#[cfg(target_arch = "x86_64")]
pub(super) const CHANGES_FILES_LEGACY: &[c_long] =
    &[libc::SYS_unlink, libc::SYS_rename, libc::SYS_renameat, libc::SYS_mkdir, libc::SYS_rmdir];
/// The same, under names that the youngest architecture (riscv64) does not have.
#[cfg(target_arch = "aarch64")]
pub(super) const CHANGES_FILES_LEGACY: &[c_long] = &[SYS_RENAMEAT];
/// The same, under names that other architectures have.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(super) const CHANGES_FILES_LEGACY: &[c_long] = &[];
