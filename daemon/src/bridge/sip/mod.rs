//! SIP through baresip: its ctrl_tcp, JSON in netstrings.
//!
//! Owns: the connection. Does not own: what is said on it (`words`), what follows (`rules`). baresip
//! serves one controller at a time and knows no passwords: who can connect to its port can make
//! calls, so only addresses of this machine are taken (SECURITY.md). Invariant: bytes that are not
//! what baresip says end the connection and nothing else.

mod ends;
mod netstring;
mod rules;
#[cfg(test)]
mod tests;
mod wish;
mod words;

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, sleep_until, timeout},
};
use tracing::{debug, warn};

use self::{netstring::Frames, rules::Sip, words::Said};
use super::world::{Link, Way};

/// How often it is looked for, and the shortest time between two connections: another program that
/// controls baresip takes the connection away, and two that fight for it must not keep it busy.
const RETRY: Duration = Duration::from_secs(5);
/// On loopback a connection takes microseconds; what takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(2);

/// The way to baresip.
pub(super) struct SipWay {
    address: SocketAddr,
    next_try: Instant,
}

impl SipWay {
    /// At this address of this machine.
    pub(super) fn new(address: SocketAddr) -> Self {
        Self { address, next_try: Instant::now() }
    }
}

impl Way for SipWay {
    type World = Sip;
    type Link = SipLink;

    async fn open(&mut self) -> (Sip, SipLink) {
        loop {
            sleep_until(self.next_try).await;
            self.next_try = Instant::now() + RETRY;
            match timeout(PATIENCE, TcpStream::connect(self.address)).await {
                Ok(Ok(stream)) => return (Sip::new(), SipLink::new(stream)),
                Ok(Err(error)) => debug!(%error, "no baresip yet"),
                Err(_) => debug!("baresip's port does not answer"),
            }
        }
    }
}

/// The connection.
pub(super) struct SipLink {
    stream: TcpStream,
    frames: Frames,
    is_broken: bool,
}

impl SipLink {
    fn new(stream: TcpStream) -> Self {
        Self { stream, frames: Frames::default(), is_broken: false }
    }

    /// What has come in already.
    fn poll_said(&mut self) -> Option<Said> {
        loop {
            match self.frames.poll_frame() {
                Ok(Some(frame)) => match words::read(&frame) {
                    Some(said) => return Some(said),
                    // Of the many things that baresip tells, most are not about calls.
                    None => continue,
                },
                Ok(None) => return None,
                Err(error) => {
                    warn!("{error}");
                    self.is_broken = true;
                    return None;
                }
            }
        }
    }
}

impl Link<Sip> for SipLink {
    async fn next(&mut self) -> Option<Said> {
        let mut bytes = [0; 4096];
        loop {
            if let Some(said) = self.poll_said() {
                return Some(said);
            }
            if self.is_broken {
                return None;
            }
            match self.stream.read(&mut bytes).await {
                Ok(0) | Err(_) => return None,
                Ok(read) => self.frames.push(bytes.get(..read).unwrap_or_default()),
            }
        }
    }

    async fn send(&mut self, command: words::Command) {
        let frame = netstring::frame(&words::write(&command));
        let sent = timeout(PATIENCE, self.stream.write_all(&frame)).await;
        // What was begun and not finished cannot be taken back: the connection is of no use.
        self.is_broken |= !matches!(sent, Ok(Ok(())));
    }
}
