//! The few fields of an RTP header the worker looks at itself.
//!
//! Owns: finding the source of a packet. Does not own: ordering, loss, payloads (GStreamer).
//! Invariant: total; any bytes are either a plausible packet or `None`.

/// Who sent a stream of packets. A restarted sender has a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Source(pub(crate) u32);

/// Bytes of the fixed RTP header.
const HEADER: usize = 12;

/// The source of a packet of RTP version 2; `None` for anything else (RTCP included).
pub(crate) fn source(packet: &[u8], payload_type: u8) -> Option<Source> {
    if packet.len() <= HEADER || packet[0] >> 6 != 2 || packet[1] & 0x7f != payload_type {
        return None;
    }
    let ssrc = packet[8..HEADER].try_into().ok()?;
    Some(Source(u32::from_be_bytes(ssrc)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet() -> Vec<u8> {
        vec![0x80, 96, 0, 1, 0, 0, 0, 2, 0xde, 0xad, 0xbe, 0xef, 7]
    }

    #[test]
    fn the_source_is_read_from_its_place() {
        assert_eq!(source(&packet(), 96), Some(Source(0xdead_beef)));
    }

    #[test]
    fn short_foreign_and_wrong_version_packets_have_no_source() {
        assert_eq!(source(&packet()[..12], 96), None);
        assert_eq!(source(&[], 96), None);
        assert_eq!(source(&packet(), 97), None);
        let mut other = packet();
        other[0] = 0x40;
        assert_eq!(source(&other, 96), None);
    }
}
