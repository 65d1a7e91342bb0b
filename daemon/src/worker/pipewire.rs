//! Connected PipeWire sockets for workers that may not open any themselves.
//!
//! Owns: where the socket lies, connecting, noticing that PipeWire went away. Does not own: a word
//! of its protocol. Invariant: sockets are connected by us and used by nobody but the worker; the
//! one we keep to notice the end is never written to.

use std::{
    ffi::OsString,
    io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    time::Duration,
};

use ahoy_sandbox::MAX_FDS;
use tokio::{io::AsyncReadExt as _, net::UnixStream};

/// The first retry after PipeWire went away: its restart takes about a tenth of a second.
const FIRST: Duration = Duration::from_millis(100);
/// A call waits no longer than this for its sound once PipeWire is back.
const LONGEST: Duration = Duration::from_secs(2);

/// Where PipeWire listens, by the rules of its own library. `None`: no directory is set.
pub fn socket_path(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let set = |name| variable(name).filter(|value| !value.is_empty());
    let name = set("PIPEWIRE_REMOTE").unwrap_or_else(|| OsString::from("pipewire-0"));
    if Path::new(&name).is_absolute() {
        return Some(PathBuf::from(name));
    }
    let directory = set("PIPEWIRE_RUNTIME_DIR").or_else(|| set("XDG_RUNTIME_DIR"))?;
    Some(Path::new(&directory).join(name))
}

/// `count` connected sockets.
pub(super) async fn connect(path: &Path, count: usize) -> io::Result<Vec<OwnedFd>> {
    let mut sockets = Vec::with_capacity(count);
    for _ in 0..count.clamp(1, MAX_FDS) {
        // Not taken off the reactor as blocking: PipeWire's library expects it as it is.
        sockets.push(UnixStream::connect(path).await?.into_std()?.into());
    }
    Ok(sockets)
}

/// `count` connected sockets, and one more by which to notice PipeWire's end.
pub(super) async fn connect_watched(
    path: &Path,
    count: usize,
) -> io::Result<(Watched, Vec<OwnedFd>)> {
    let watched = Watched(UnixStream::connect(path).await?);
    Ok((watched, connect(path, count).await?))
}

/// A connection that is only listened on. A systemd socket file stays when PipeWire restarts, so a
/// watch on the directory would see nothing.
pub(super) struct Watched(UnixStream);

impl Watched {
    /// Waits until PipeWire closes it.
    pub(super) async fn closed(mut self) {
        let mut ignored = [0; 4096];
        // PipeWire speaks only when spoken to; should that change, it is not for us.
        while let Ok(1..) = self.0.read(&mut ignored).await {}
    }
}

/// What to tell when PipeWire cannot be reached.
pub(super) fn missing(path: &Path, error: &io::Error) -> String {
    format!(
        "PipeWire does not answer at {} ({error}): there is no sound until it runs; try \
         `systemctl --user start pipewire`",
        path.display()
    )
}

/// Growing pauses between tries.
#[derive(Default)]
pub(super) struct Pauses(u32);

impl Pauses {
    pub(super) async fn wait(&mut self) {
        let pause = FIRST.saturating_mul(1 << self.0.min(16)).min(LONGEST);
        self.0 += 1;
        tokio::time::sleep(pause).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_is_looked_for_where_pipewire_itself_looks() {
        let path = |set: &[(&str, &str)]| {
            socket_path(|name| {
                let found = set.iter().find(|(key, _)| *key == name);
                found.map(|(_, value)| OsString::from(value))
            })
        };
        let run = ("XDG_RUNTIME_DIR", "/run/user/1");
        assert_eq!(path(&[run]), Some("/run/user/1/pipewire-0".into()));
        let own = ("PIPEWIRE_RUNTIME_DIR", "/pw");
        assert_eq!(path(&[run, own]), Some("/pw/pipewire-0".into()));
        assert_eq!(
            path(&[own, ("PIPEWIRE_REMOTE", "other")]),
            Some("/pw/other".into())
        );
        assert_eq!(path(&[("PIPEWIRE_REMOTE", "/a/b")]), Some("/a/b".into()));
        assert_eq!(path(&[("XDG_RUNTIME_DIR", "")]), None);
    }
}
