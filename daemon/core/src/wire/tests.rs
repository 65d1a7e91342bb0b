//! Claims about the codecs.

use proptest::prelude::*;

use super::*;
use crate::id::CallId;

fn envelope(signal: Signal) -> Envelope {
    Envelope { call: CallId([1; 16]), seq: 3, signal }
}

#[test]
fn every_envelope_has_one_of_four_sizes_and_survives() {
    for length in [0, 100, 600, 2000, 3500] {
        let signal = Signal::Rekey1 { number: 1, message: vec![5; length] };
        let padded = envelope(signal.clone()).to_padded().unwrap();
        assert!([512, 1536, 3072, 4096].contains(&padded.len()));
        let parsed = Envelope::parse(&padded).unwrap();
        assert!(parsed.signal == signal && parsed.seq == 3);
    }
    let long = envelope(Signal::Rekey1 { number: 1, message: vec![5; 4096] });
    assert_eq!(long.to_padded().err(), Some(WireError::Length));
}

#[test]
fn an_unknown_version_or_kind_is_an_error() {
    assert_eq!(Frame::parse(&[2, 1, 1]).err(), Some(WireError::Kind));
    assert_eq!(Frame::parse(&[1, 9]).err(), Some(WireError::Kind));
    assert_eq!(Frame::parse(&[1, 1, 7, 0, 0, 0, 0, 0, 0, 0, 0]).err(), Some(WireError::Kind));
    assert_eq!(Frame::parse(&[1]).err(), Some(WireError::Length));
}

proptest! {
    #[test]
    fn frames_survive_and_arbitrary_bytes_never_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..600), tag in any::<[u8; 8]>()
    ) {
        let hello = Frame::Hello { purpose: Purpose::Call, tag, message: &bytes };
        let written = hello.to_bytes();
        prop_assert_eq!(Frame::parse(&written).unwrap(), hello);
        let _ = Frame::parse(&bytes);
        let _ = Envelope::parse(&bytes);
        let mut padded = bytes.clone();
        padded.resize(512, 0);
        let _ = Envelope::parse(&padded);
        let _ = Offer::parse(&bytes);
        let _ = Join::parse(&bytes);
        let _ = Welcome::parse(&bytes);
        let _ = Ringing::parse(&bytes);
    }
}
