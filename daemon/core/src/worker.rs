//! Framing on the socketpair between `ahoyd` and a worker.
//!
//! Owns: the first byte of every `SOCK_SEQPACKET` message and the limits. Does not own: the socket.
//! One message is one frame: control as JSON, RTP and RTCP as they are. Invariant: [`Frame::parse`]
//! is total; a worker taken over by a hostile peer can send nothing that disturbs the parent.

use serde::{Serialize, de::DeserializeOwned};

use crate::media::SessionId;

/// The file descriptor under which a worker finds the socket to its parent.
pub const WORKER_FD: i32 = 3;
/// The largest message either side accepts, bytes. A grammar with 2,000 names stays below it.
pub const MAX_MESSAGE: usize = 128 * 1024;
/// The largest RTP packet, bytes: what fits one media datagram, whose inside is at most 1,150 bytes
/// (design/link.md) and padded to 64: 17 x 64 less stream id and length.
pub const MAX_RTP: usize = 17 * 64 - 3;

const CONTROL: u8 = 0;

/// Which stream of a session a packet belongs to. The value is the stream id on the wire, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Stream {
    /// RTP with Opus.
    Audio = 1,
    /// RTP with VP8.
    Video = 2,
}

impl Stream {
    /// The stream of an id from the wire.
    #[must_use]
    pub const fn from_id(id: u8) -> Option<Self> {
        match id {
            1 => Some(Self::Audio),
            2 => Some(Self::Video),
            _ => None,
        }
    }
}

/// Why a message from the other end is not a frame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The message is empty or ends inside its header.
    #[error("worker message of {0} bytes is too short")]
    Short(usize),
    /// The first byte names no kind of frame.
    #[error("unknown kind {0} of worker message")]
    Kind(u8),
    /// Longer than the limit for its kind.
    #[error("worker message of {0} bytes is too long")]
    Long(usize),
    /// Control that is not the JSON expected here.
    #[error("worker control message: {0}")]
    Control(String),
}

/// One message on the socketpair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame<'a, C> {
    /// A command or an event.
    Control(C),
    /// One RTP packet of a call.
    Rtp {
        /// The call's media.
        session: SessionId,
        /// Voice or pictures.
        stream: Stream,
        /// The packet from its RTP header on.
        packet: &'a [u8],
    },
}

/// Bytes before the packet in an RTP frame: kind and session.
pub const RTP_HEADER: usize = 5;

impl<'a, C: DeserializeOwned> Frame<'a, C> {
    /// Parses one message.
    ///
    /// # Errors
    /// [`FrameError`] names what is wrong; the message is to be dropped.
    pub fn parse(message: &'a [u8]) -> Result<Self, FrameError> {
        let (&kind, rest) = message.split_first().ok_or(FrameError::Short(0))?;
        if message.len() > MAX_MESSAGE {
            return Err(FrameError::Long(message.len()));
        }
        if kind == CONTROL {
            return serde_json_from(rest).map(Frame::Control);
        }
        let stream = Stream::from_id(kind).ok_or(FrameError::Kind(kind))?;
        let (session, packet) =
            rest.split_first_chunk::<4>().ok_or(FrameError::Short(message.len()))?;
        if packet.len() > MAX_RTP {
            return Err(FrameError::Long(message.len()));
        }
        Ok(Self::Rtp { session: SessionId(u32::from_le_bytes(*session)), stream, packet })
    }
}

fn serde_json_from<C: DeserializeOwned>(json: &[u8]) -> Result<C, FrameError> {
    serde_json::from_slice(json).map_err(|error| FrameError::Control(error.to_string()))
}

/// Writes a control message into `out`, replacing what was there.
///
/// # Errors
/// [`FrameError::Long`] past [`MAX_MESSAGE`]; [`FrameError::Control`] when the value has no JSON.
pub fn write_control<C: Serialize>(control: &C, out: &mut Vec<u8>) -> Result<(), FrameError> {
    out.clear();
    out.push(CONTROL);
    serde_json::to_writer(&mut *out, control)
        .map_err(|error| FrameError::Control(error.to_string()))?;
    if out.len() > MAX_MESSAGE { Err(FrameError::Long(out.len())) } else { Ok(()) }
}

/// Writes an RTP frame into `out`, replacing what was there.
pub fn write_rtp(session: SessionId, stream: Stream, packet: &[u8], out: &mut Vec<u8>) {
    out.clear();
    out.push(stream as u8);
    out.extend_from_slice(&session.0.to_le_bytes());
    out.extend_from_slice(packet);
}
