//! The socket between `ahoyd` and a worker.
//!
//! Owns: one `SOCK_SEQPACKET` socket; a message is whole or an error, and carries up to
//! [`MAX_FDS`] descriptors. Does not own: the bytes' meaning (`ahoy_core::worker`). Invariant: a
//! received descriptor is closed on exec and either handed to the caller or closed; none leaks.

use std::{
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use ahoy_core::worker::MAX_MESSAGE;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags,
    SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg,
    sendmsg, socketpair, sockopt,
};

use crate::inherited;

/// The most descriptors that travel with one message. One is used today (PipeWire's socket).
pub const MAX_FDS: usize = 4;

/// Room for three of the largest messages: the kernel counts its own overhead against this number,
/// and the default (`net.core.wmem_default`) may be set below one message by an administrator.
const SEND_BUFFER: usize = 3 * MAX_MESSAGE;

/// One end of the socket. All methods take `&self`: one thread may receive while others send.
#[derive(Debug)]
pub struct Channel(OwnedFd);

/// One received message.
#[derive(Debug)]
pub struct Received {
    /// Bytes written to the buffer; 0 means that the other end is gone.
    pub len: usize,
    /// Descriptors that came with it, closed on exec.
    pub fds: Vec<OwnedFd>,
}

impl Channel {
    /// A channel and the other end of it, to be given to a worker as descriptor
    /// [`WORKER_FD`](ahoy_core::worker::WORKER_FD). Both are closed on exec.
    ///
    /// # Errors
    /// When the process is out of descriptors.
    pub fn pair() -> io::Result<(Self, OwnedFd)> {
        let (ours, theirs) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        for end in [&ours, &theirs] {
            sockopt::set_socket_send_buffer_size(end, SEND_BUFFER)?;
        }
        Ok((Self(ours), theirs))
    }

    /// The socket that `ahoyd` started this process with. Can be taken once.
    ///
    /// # Errors
    /// [`NotAWorker`](crate::NotAWorker) inside: started by hand, or taken before.
    pub fn from_worker_fd() -> io::Result<Self> {
        inherited::take().map(Self)
    }

    /// Waits for a message.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidData`] for a message larger than `buf` or with more than [`MAX_FDS`]
    /// descriptors: it is lost and its descriptors are closed; the channel stays usable.
    pub fn recv(&self, buf: &mut [u8]) -> io::Result<Received> {
        self.recv_with(buf, RecvFlags::empty())
    }

    /// A message if one is there now; [`io::ErrorKind::WouldBlock`] if none is.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    pub fn try_recv(&self, buf: &mut [u8]) -> io::Result<Received> {
        self.recv_with(buf, RecvFlags::DONTWAIT)
    }

    /// Sends a message, waiting for room.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] for no bytes (that would read as "gone"), more than
    /// [`MAX_MESSAGE`] or more than [`MAX_FDS`] descriptors; [`io::ErrorKind::BrokenPipe`] when the
    /// other end is gone (never a SIGPIPE).
    pub fn send(&self, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<()> {
        self.send_with(bytes, fds, SendFlags::NOSIGNAL)
    }

    /// Sends a message if there is room now; [`io::ErrorKind::WouldBlock`] if there is none.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn try_send(&self, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<()> {
        self.send_with(bytes, fds, SendFlags::NOSIGNAL | SendFlags::DONTWAIT)
    }

    fn recv_with(&self, buf: &mut [u8], flags: RecvFlags) -> io::Result<Received> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let flags = flags | RecvFlags::CMSG_CLOEXEC;
        let message = rustix::io::retry_on_intr(|| {
            recvmsg(&self.0, &mut [IoSliceMut::new(buf)], &mut ancillary, flags)
        })?;
        // Taken over before any check, so that a refused message's descriptors close here.
        let fds = ancillary
            .drain()
            .filter_map(|message| {
                // No other kind is switched on for this socket.
                let RecvAncillaryMessage::ScmRights(fds) = message else {
                    return None;
                };
                Some(fds)
            })
            .flatten()
            .collect::<Vec<OwnedFd>>();
        let cut = if message.flags.contains(ReturnFlags::TRUNC) {
            Some("longer than the buffer")
        } else if message.flags.contains(ReturnFlags::CTRUNC) || fds.len() > MAX_FDS {
            // Padding of the kernel's own lets one more through than the buffer was made for.
            Some("with more descriptors than allowed (or this process is out of them)")
        } else {
            None
        };
        match cut {
            None => Ok(Received { len: message.bytes, fds }),
            Some(how) => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("message on the worker socket {how}; dropped"),
            )),
        }
    }

    fn send_with(&self, bytes: &[u8], fds: &[BorrowedFd<'_>], flags: SendFlags) -> io::Result<()> {
        if bytes.is_empty() || bytes.len() > MAX_MESSAGE || fds.len() > MAX_FDS {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!(
                    "a worker message has 1 to {MAX_MESSAGE} bytes and at most {MAX_FDS} \
                     descriptors, not {} and {}",
                    bytes.len(),
                    fds.len()
                ),
            ));
        }
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS))];
        rustix::io::retry_on_intr(|| {
            let mut ancillary = SendAncillaryBuffer::new(&mut space);
            if !fds.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(fds)) {
                // Unreachable while `space` is sized by MAX_FDS, checked above.
                return Err(rustix::io::Errno::MSGSIZE);
            }
            sendmsg(&self.0, &[IoSlice::new(bytes)], &mut ancillary, flags)
        })?;
        Ok(())
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
#[path = "channel_tests.rs"]
mod tests;
