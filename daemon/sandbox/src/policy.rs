//! What a worker may still reach after its lock.
//!
//! Owns: the list of paths. Does not own: enforcing it. Invariant: a new [`Policy`] allows nothing.

use std::path::PathBuf;

/// Where programs' libraries, codecs and their data lie, on the usual trees and on Nix, Guix and
/// Flatpak's. Nothing below holds people's data; a path that does not exist is skipped. Measured with
/// GStreamer 1.22 and PipeWire 0.3.65: Opus, VP8, capture and playback work with these; refused are
/// only /etc/passwd, nsswitch.conf, files for ORC's code (it takes memory), D-Bus, and names of threads.
const SYSTEM: &[&str] = &[
    "/usr",
    "/lib",
    "/lib64",
    "/nix/store",
    "/gnu/store",
    "/app",
    "/etc/ld.so.cache",
    "/etc/pipewire",
    "/etc/alsa",
    "/etc/localtime",
    // glibc's count of processors (malloc arenas, libvpx threads, BLAS), and the features of them.
    "/sys/devices/system/cpu",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/self",
    "/dev/null",
    "/dev/urandom",
];

/// What the worker may reach by path once it is locked in. What is open already stays open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Directories (with all below) and files to read: libraries, codecs, models. Mapping a library
    /// needs no more than reading it; nothing can be executed in any case.
    pub read_dirs: Vec<PathBuf>,
    /// Directories, files and devices that may be changed as well. Normally empty: then the
    /// system-call filter, too, refuses to open anything for writing.
    pub write_dirs: Vec<PathBuf>,
}

impl Policy {
    /// Read access to the system's libraries, codecs and their data, and to nothing of the user's.
    #[must_use]
    pub fn system() -> Self {
        Self { read_dirs: SYSTEM.iter().map(PathBuf::from).collect(), write_dirs: Vec::new() }
    }

    /// The same, with one more directory or file to read, such as a model's.
    #[must_use]
    pub fn reading(mut self, path: impl Into<PathBuf>) -> Self {
        self.read_dirs.push(path.into());
        self
    }
}
