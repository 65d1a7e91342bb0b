//! What two devices tell each other inside the encryption.
//!
//! Owns: handshake payloads and signals, their encoding and padding. Does not own: which signal is
//! legal when. Invariant: a padded envelope has one of four sizes whatever it says.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::WireError;
use crate::{id::CallId, media::VideoSize, peer::SignedDevices, written::Written};

/// Sizes an envelope is padded to, bytes (design/link.md).
const SIZES: [usize; 4] = [512, 1536, 3072, 4096];

/// What a side can and wants to do with media.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaWish {
    /// Whether pictures are sent from the start.
    pub video: bool,
    /// Length of an Opus frame, ms.
    pub frame_ms: u8,
    /// The largest picture this side takes.
    pub accept: VideoSize,
}

/// Payload of message 1 for a call. Only the callee's static key protects it: no addresses here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The call.
    pub call: CallId,
    /// Who calls, and that this device is theirs.
    pub devices: SignedDevices,
    /// Media the caller asks for.
    pub media: MediaWish,
    /// Seconds since the epoch.
    pub sent_at: u64,
    /// After this the offer rings nowhere. Seconds since the epoch.
    pub expires_at: u64,
    /// Under which the caller receives media.
    pub media_index: u32,
}

/// Payload of message 2 for a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ringing {
    /// The callee's devices.
    pub devices: SignedDevices,
    /// Under which the callee receives media.
    pub media_index: u32,
}

/// Payload of message 1 for an invite.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Join {
    /// Who accepts the invite, and that this device is theirs.
    pub devices: SignedDevices,
    /// How they call themselves.
    pub name: String,
    /// TCP port their device listens on, for when no mDNS shows it.
    pub listens: Option<u16>,
}

/// Payload of message 2 for an invite.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Welcome {
    /// They are contacts now.
    Joined {
        /// The issuer's devices.
        devices: SignedDevices,
        /// How the issuer calls themselves.
        name: String,
        /// The pair's secret from now on; replaces the invite's.
        secret: [u8; 32],
    },
    /// Somebody else has used the invite.
    Used,
    /// Its time is over.
    Expired,
}

/// Where media can be sent.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// UDP.
    pub address: SocketAddr,
}

/// Why a call is declined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeclineReason {
    /// The person said no.
    Declined,
    /// Nobody answered within the ring time.
    Unanswered,
}

/// Why a call is hung up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HangUpReason {
    /// The person ended it.
    Normal,
    /// The caller gave up before an answer.
    Cancelled,
    /// Another of the callee's devices took it.
    AnsweredElsewhere,
    /// Another of the callee's devices declined it.
    DeclinedElsewhere,
    /// Nobody answered.
    Timeout,
    /// Both called each other and the other call survives.
    Glare,
    /// A newer call of the same device replaces it.
    Replaced,
    /// It could not go on.
    Failed,
}

/// A message inside the session.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Signal {
    /// One more address for media.
    Candidate(Candidate),
    /// The call is answered.
    Accept {
        /// What the callee does and takes.
        media: MediaWish,
    },
    /// The call is refused.
    Decline(DeclineReason),
    /// The callee is in another call and takes no second one.
    Busy,
    /// The caller chose this device.
    Select,
    /// The call is over.
    HangUp(HangUpReason),
    /// First message of a new epoch.
    Rekey1 {
        /// Which epoch.
        number: u32,
        /// Noise.
        message: Vec<u8>,
    },
    /// Second message of a new epoch.
    Rekey2 {
        /// Which epoch.
        number: u32,
        /// Noise.
        message: Vec<u8>,
    },
    /// What the sender does now; for display only.
    State {
        /// Its microphone is closed.
        muted: bool,
        /// Its camera is open.
        video: bool,
        /// It holds the call.
        held: bool,
    },
    /// What the sender writes; shown as it is, and nothing else is made of it.
    Text(Written),
}

/// A signal with what orders it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// The call; a session serves one.
    pub call: CallId,
    /// Counts the sender's signals from 0.
    pub seq: u32,
    /// What is said.
    pub signal: Signal,
}

pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, WireError> {
    postcard::from_bytes(bytes).map_err(|_| WireError::Content)
}

pub(super) fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, WireError> {
    postcard::to_allocvec(value).map_err(|_| WireError::Content)
}

impl Envelope {
    /// Padded bytes, ready to be sealed.
    ///
    /// # Errors
    /// [`WireError::Length`] where it exceeds the largest size.
    pub fn to_padded(&self) -> Result<Vec<u8>, WireError> {
        let content = encode(self)?;
        let needed = content.len() + 2;
        let size = SIZES.into_iter().find(|size| *size >= needed).ok_or(WireError::Length)?;
        let length = u16::try_from(content.len()).map_err(|_| WireError::Length)?;
        let mut out = Vec::with_capacity(size);
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(&content);
        out.resize(size, 0);
        Ok(out)
    }

    /// Parses what [`Self::to_padded`] wrote.
    ///
    /// # Errors
    /// [`WireError`]; the message is to be dropped.
    pub fn parse(bytes: &[u8]) -> Result<Self, WireError> {
        if !SIZES.contains(&bytes.len()) {
            return Err(WireError::Length);
        }
        let (length, rest) = bytes.split_first_chunk::<2>().ok_or(WireError::Length)?;
        let content =
            rest.get(..usize::from(u16::from_be_bytes(*length))).ok_or(WireError::Length)?;
        decode(content)
    }
}

macro_rules! payload {
    ($($name:ident),*) => {$(
        impl $name {
            /// The payload's bytes.
            ///
            /// # Errors
            /// [`WireError::Content`] where it has no encoding.
            pub fn to_bytes(&self) -> Result<Vec<u8>, WireError> {
                encode(self)
            }

            /// Parses a payload.
            ///
            /// # Errors
            /// [`WireError::Content`]; the handshake is to be dropped.
            pub fn parse(bytes: &[u8]) -> Result<Self, WireError> {
                decode(bytes)
            }
        }
    )*};
}
payload!(Offer, Ringing, Join, Welcome);
