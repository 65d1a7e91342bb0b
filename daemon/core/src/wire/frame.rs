//! The outer frame of the signalling connection.
//!
//! Owns: `version 1 B, kind 1 B, body`. Does not own: the length prefix of the stream (the adapter's).
//! Invariant: nothing in the clear but version, kind, purpose and a rotating tag.

use super::WireError;

/// The longest frame, bytes: the largest padded envelope with its seal, with room for a handshake.
pub const MAX_FRAME: usize = 4096 + 512;

const VERSION: u8 = 1;

/// What a handshake is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Purpose {
    /// To use an invite.
    Join = 1,
    /// To call.
    Call = 2,
}

/// One message on the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// Handshake message 1. The tag says which secret it is under.
    Hello {
        /// Which kind of handshake.
        purpose: Purpose,
        /// Rotating tag of the pair or invite.
        tag: [u8; 8],
        /// Noise.
        message: &'a [u8],
    },
    /// Handshake message 2.
    Answer(&'a [u8]),
    /// A sealed envelope.
    Sealed(&'a [u8]),
}

impl<'a> Frame<'a> {
    /// Parses one frame.
    ///
    /// # Errors
    /// [`WireError`]; the connection is to be closed.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        if bytes.len() > MAX_FRAME {
            return Err(WireError::Length);
        }
        let (&[version, kind], body) = bytes.split_first_chunk::<2>().ok_or(WireError::Length)?;
        if version != VERSION {
            return Err(WireError::Kind);
        }
        match kind {
            1 => {
                let (&purpose, body) = body.split_first().ok_or(WireError::Length)?;
                let (&tag, message) = body.split_first_chunk::<8>().ok_or(WireError::Length)?;
                let purpose = match purpose {
                    1 => Purpose::Join,
                    2 => Purpose::Call,
                    _ => return Err(WireError::Kind),
                };
                Ok(Self::Hello { purpose, tag, message })
            }
            2 => Ok(Self::Answer(body)),
            3 => Ok(Self::Sealed(body)),
            _ => Err(WireError::Kind),
        }
    }

    /// The frame's bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        match self {
            Self::Hello { purpose, tag, message } => {
                out.extend_from_slice(&[1, *purpose as u8]);
                out.extend_from_slice(tag);
                out.extend_from_slice(message);
            }
            Self::Answer(message) => {
                out.push(2);
                out.extend_from_slice(message);
            }
            Self::Sealed(message) => {
                out.push(3);
                out.extend_from_slice(message);
            }
        }
        out
    }
}
