//! The media datagram: header, sealing by epoch, padding; and the epochs of one call.
//!
//! Owns: `0xC0|epoch 1 B, receiver index 4 B, counter 8 B, ciphertext{stream 1 B, length 2 B,
//! payload, zeros}` and which epoch seals and opens. Does not own: the socket, or when to rekey.
//! Invariant: what is not authentic changes nothing; a first byte of 0xC0..=0xC3 is outside every
//! range of RFC 7983, so one socket can tell media from STUN and TURN.

use super::{EpochKeys, SessionError, TAG_LEN};
use crate::id::Now;

/// Bytes in front of the ciphertext.
pub const HEADER_LEN: usize = 13;
/// The longest datagram we send or accept, bytes.
pub const MAX_DATAGRAM: usize = HEADER_LEN + MAX_INNER + TAG_LEN;
/// Stream id of control within the media path (key-frame requests, pings).
pub const CONTROL_STREAM: u8 = 3;

const MAX_INNER: usize = 17 * 64;
const INNER_HEADER: usize = 3;
const MARK: u8 = 0xC0;
/// Packets sealed under the previous epoch still open for this long (reordering).
const OVERLAP: std::time::Duration = std::time::Duration::from_secs(5);
/// A new epoch is due after this many packets.
const REKEY_PACKETS: u64 = 1 << 20;

/// The receiver index of a datagram, for finding its session; `None` where it is not media.
#[must_use]
pub fn receiver_index(datagram: &[u8]) -> Option<u32> {
    let (&[mark, a, b, c, d], _) = datagram.split_first_chunk::<5>()?;
    let long_enough = datagram.len() >= HEADER_LEN + TAG_LEN + INNER_HEADER;
    (mark & 0xFC == MARK && long_enough && datagram.len() <= MAX_DATAGRAM)
        .then_some(u32::from_be_bytes([a, b, c, d]))
}

/// Where the keys of a new epoch come into use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Has the other side's answer: both can use the epoch.
    Initiator,
    /// Has only sent its answer: seals with the epoch once the other side does.
    Responder,
}

/// The media of one call under its epochs. Owned by the media path alone: counters have one owner.
pub struct MediaSession {
    remote_index: u32,
    current: EpochKeys,
    previous: Option<(EpochKeys, Now)>,
    next: Option<EpochKeys>,
    inner: Vec<u8>,
}

impl MediaSession {
    /// Media towards the side that receives under `remote_index`.
    #[must_use]
    pub const fn new(remote_index: u32, first: EpochKeys) -> Self {
        Self { remote_index, current: first, previous: None, next: None, inner: Vec::new() }
    }

    /// Takes the keys of the next epoch.
    pub fn install(&mut self, keys: EpochKeys, role: Role, now: Now) {
        match role {
            Role::Initiator => self.promote(keys, now),
            Role::Responder => self.next = Some(keys),
        }
    }

    fn promote(&mut self, keys: EpochKeys, now: Now) {
        let old = std::mem::replace(&mut self.current, keys);
        self.previous = Some((old, now));
        self.next = None;
    }

    /// Whether this many packets ask for a new epoch.
    #[must_use]
    pub const fn is_rekey_due(&self) -> bool {
        self.current.sealed() >= REKEY_PACKETS
    }

    /// Seals one packet into `out`, replacing what was there. The inside is padded to a multiple of
    /// `bucket` bytes (1: not at all).
    ///
    /// # Errors
    /// [`SessionError::Length`] for a packet over the limit; [`SessionError::Exhausted`].
    pub fn seal(
        &mut self,
        stream: u8,
        packet: &[u8],
        bucket: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), SessionError> {
        let length = INNER_HEADER + packet.len();
        if length > MAX_INNER {
            return Err(SessionError::Length);
        }
        let length16 = u16::try_from(packet.len()).map_err(|_| SessionError::Length)?;
        self.inner.clear();
        self.inner.push(stream);
        self.inner.extend_from_slice(&length16.to_be_bytes());
        self.inner.extend_from_slice(packet);
        self.inner.resize(length.next_multiple_of(bucket.max(1)).min(MAX_INNER), 0);
        out.clear();
        out.push(MARK | epoch_bits(self.current.number()));
        out.extend_from_slice(&self.remote_index.to_be_bytes());
        out.extend_from_slice(&[0; 8]);
        let counter = self.current.seal(&self.inner, out)?;
        out[5..HEADER_LEN].copy_from_slice(&counter.to_be_bytes());
        Ok(())
    }

    /// Opens one datagram into `out`, replacing what was there; gives the stream id.
    ///
    /// # Errors
    /// [`SessionError`]; nothing changes then.
    pub fn open(
        &mut self,
        datagram: &[u8],
        now: Now,
        out: &mut Vec<u8>,
    ) -> Result<u8, SessionError> {
        let (header, sealed) =
            datagram.split_first_chunk::<HEADER_LEN>().ok_or(SessionError::Length)?;
        if datagram.len() > MAX_DATAGRAM {
            return Err(SessionError::Length);
        }
        let mut counter = [0; 8];
        counter.copy_from_slice(&header[5..]);
        let counter = u64::from_be_bytes(counter);
        self.open_in_epoch(header[0] & 3, counter, sealed, now, out)?;
        strip(out)
    }

    fn open_in_epoch(
        &mut self,
        bits: u8,
        counter: u64,
        sealed: &[u8],
        now: Now,
        out: &mut Vec<u8>,
    ) -> Result<(), SessionError> {
        if epoch_bits(self.current.number()) == bits {
            return self.current.open(counter, sealed, out);
        }
        if let Some(mut next) = self.next.take() {
            if epoch_bits(next.number()) == bits {
                let opened = next.open(counter, sealed, out);
                match opened {
                    Ok(()) => self.promote(next, now),
                    Err(_) => self.next = Some(next),
                }
                return opened;
            }
            self.next = Some(next);
        }
        match &mut self.previous {
            Some((keys, since))
                if epoch_bits(keys.number()) == bits
                    && now.mono.saturating_sub(since.mono) <= OVERLAP =>
            {
                keys.open(counter, sealed, out)
            }
            Some(_) | None => Err(SessionError::Authentication),
        }
    }
}

const fn epoch_bits(number: u32) -> u8 {
    (number & 3) as u8
}

/// Takes the inner header and padding off; gives the stream id.
fn strip(inner: &mut Vec<u8>) -> Result<u8, SessionError> {
    let (&[stream, a, b], rest) =
        inner.split_first_chunk::<INNER_HEADER>().ok_or(SessionError::Length)?;
    let length = usize::from(u16::from_be_bytes([a, b]));
    if length > rest.len() {
        return Err(SessionError::Length);
    }
    inner.drain(..INNER_HEADER);
    inner.truncate(length);
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::session::tests::{epochs, keys};

    fn at(seconds: u64) -> Now {
        Now { mono: Duration::from_secs(seconds), unix_us: 0 }
    }

    #[test]
    fn media_is_padded_sealed_and_opened() {
        let (a, b) = keys();
        let (mut a, mut b) = (MediaSession::new(7, a), MediaSession::new(9, b));
        let (mut sealed, mut plain) = (Vec::new(), Vec::new());
        a.seal(2, b"picture", 64, &mut sealed).unwrap();
        assert_eq!(sealed.len(), HEADER_LEN + 64 + TAG_LEN);
        assert_eq!(receiver_index(&sealed), Some(7));
        assert_eq!(b.open(&sealed, at(0), &mut plain), Ok(2));
        assert_eq!(plain, b"picture");
        assert_eq!(b.open(&sealed, at(0), &mut plain), Err(SessionError::Replay));
    }

    #[test]
    fn tampered_truncated_and_foreign_datagrams_change_nothing() {
        let (a, b) = keys();
        let (mut a, mut b) = (MediaSession::new(7, a), MediaSession::new(9, b));
        let (mut sealed, mut plain) = (Vec::new(), Vec::new());
        a.seal(1, b"voice", 1, &mut sealed).unwrap();
        for index in 0..sealed.len() {
            let mut broken = sealed.clone();
            broken[index] ^= 0x11;
            // The receiver index only finds the session; it protects nothing.
            if !(1..5).contains(&index) {
                assert!(b.open(&broken, at(0), &mut plain).is_err(), "byte {index}");
            }
        }
        for length in 0..sealed.len() {
            assert!(b.open(&sealed[..length], at(0), &mut plain).is_err());
        }
        assert_eq!(b.open(&sealed, at(0), &mut plain), Ok(1));
    }

    #[test]
    fn reordered_datagrams_open_once_each() {
        let (a, b) = keys();
        let (mut a, mut b) = (MediaSession::new(7, a), MediaSession::new(9, b));
        let mut plain = Vec::new();
        let mut sealed: Vec<Vec<u8>> = (0..50u8)
            .map(|n| {
                let mut out = Vec::new();
                a.seal(1, &[n], 1, &mut out).unwrap();
                out
            })
            .collect();
        sealed.reverse();
        for datagram in &sealed {
            assert_eq!(b.open(datagram, at(0), &mut plain), Ok(1));
        }
        for datagram in &sealed {
            assert_eq!(b.open(datagram, at(0), &mut plain), Err(SessionError::Replay));
        }
    }

    #[test]
    fn the_previous_epoch_opens_for_five_seconds_after_a_rekey() {
        let ((a1, b1), (a2, b2)) = epochs();
        let (mut a, mut b) = (MediaSession::new(7, a1), MediaSession::new(9, b1));
        let (mut old, mut older, mut new, mut plain) = (vec![], vec![], vec![], vec![]);
        a.seal(1, b"old", 1, &mut old).unwrap();
        a.seal(1, b"older", 1, &mut older).unwrap();
        b.install(b2, Role::Responder, at(10));
        a.install(a2, Role::Initiator, at(10));
        a.seal(1, b"new", 1, &mut new).unwrap();
        assert_eq!(b.open(&new, at(11), &mut plain), Ok(1));
        assert_eq!(b.open(&old, at(15), &mut plain), Ok(1));
        assert_eq!(b.open(&older, at(17), &mut plain), Err(SessionError::Authentication));
        b.seal(1, b"back", 1, &mut new).unwrap();
        assert_eq!(a.open(&new, at(12), &mut plain), Ok(1));
    }

    #[test]
    fn the_responder_seals_with_the_old_epoch_until_the_new_one_is_heard() {
        let ((a1, b1), (_, b2)) = epochs();
        let (mut a, mut b) = (MediaSession::new(7, a1), MediaSession::new(9, b1));
        b.install(b2, Role::Responder, at(1));
        let (mut sealed, mut plain) = (vec![], vec![]);
        b.seal(1, b"still old", 1, &mut sealed).unwrap();
        assert_eq!(a.open(&sealed, at(1), &mut plain), Ok(1));
    }
}
