//! What a worker prints, as lines of our own log.
//!
//! Owns: reading both pipes and the length of a line. Does not own: levels; all of it is debug,
//! because what matters comes as an event. Invariant: the pipes are always emptied, and no line of
//! a worker's making takes more than [`LINE`] bytes of memory.

use std::{
    convert::Infallible,
    os::fd::OwnedFd,
    process::{ChildStderr, ChildStdout},
};

use tokio::{io::AsyncReadExt as _, net::unix::pipe};
use tracing::debug;

/// Longer lines are cut: GStreamer's longest that say something are below this.
const LINE: usize = 1024;

/// Forwards both pipes until the run is over.
pub(super) async fn forward(
    worker: &'static str,
    out: Option<ChildStdout>,
    err: Option<ChildStderr>,
) -> Infallible {
    tokio::join!(
        lines(worker, out.map(OwnedFd::from)),
        lines(worker, err.map(OwnedFd::from))
    );
    std::future::pending().await
}

async fn lines(worker: &'static str, pipe: Option<OwnedFd>) {
    let Some(mut pipe) = pipe.and_then(|pipe| pipe::Receiver::from_owned_fd(pipe).ok()) else {
        return;
    };
    let mut line = Vec::with_capacity(LINE);
    let mut chunk = [0; 4096];
    while let Ok(length @ 1..) = pipe.read(&mut chunk).await {
        for &byte in chunk.iter().take(length) {
            if byte == b'\n' {
                tell(worker, &mut line);
            } else if line.len() < LINE {
                line.push(byte);
            }
        }
    }
    tell(worker, &mut line);
}

fn tell(worker: &'static str, line: &mut Vec<u8>) {
    if !line.is_empty() {
        // Escaped: a worker taken over by a peer must not be able to forge lines or colours.
        debug!(worker, output = %String::from_utf8_lossy(line).escape_debug());
        line.clear();
    }
}
