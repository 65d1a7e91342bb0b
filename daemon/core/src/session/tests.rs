//! Claims about handshakes and epochs.

use super::*;

fn secret(byte: u8) -> Secret {
    Secret([byte; 32])
}

fn pair() -> (Established, Established) {
    let (alice, bob, pair) = (secret(1), secret(2), secret(3));
    let (initiator, one) = Initiator::start(&alice, bob.device_key(), &pair, b"hello bob").unwrap();
    let opened = Responder::open(&bob, &pair, &one).unwrap();
    assert_eq!(opened.payload, b"hello bob");
    assert_eq!(opened.responder.caller(), alice.device_key());
    let (responder, two) = opened.responder.finish(b"hello alice").unwrap();
    let (initiator, payload) = initiator.finish(&two).unwrap();
    assert_eq!(payload, b"hello alice");
    (initiator, responder)
}

fn epoch(a: &Chain, b: &Chain, number: u32) -> (EpochKeys, Chain, EpochKeys, Chain) {
    let (alice, bob) = (secret(1), secret(2));
    let (start, one) = EpochInitiator::start(&alice, bob.device_key(), a, number).unwrap();
    let (keys_b, chain_b, two) = respond_epoch(&bob, alice.device_key(), b, number, &one).unwrap();
    let (keys_a, chain_a) = start.finish(&two).unwrap();
    (keys_a, chain_a, keys_b, chain_b)
}

/// The keys of a first epoch, both sides.
pub(crate) fn keys() -> (EpochKeys, EpochKeys) {
    epochs().0
}

/// The keys of two epochs, both sides.
pub(crate) fn epochs() -> ((EpochKeys, EpochKeys), (EpochKeys, EpochKeys)) {
    let (a, b) = pair();
    let (a1, chain_a, b1, chain_b) = epoch(a.chain(), b.chain(), 1);
    let (a2, _, b2, _) = epoch(&chain_a, &chain_b, 2);
    ((a1, b1), (a2, b2))
}

#[test]
fn both_sides_of_a_handshake_read_each_other() {
    let (mut a, mut b) = pair();
    let sealed = a.seal(b"ring").unwrap();
    assert_eq!(b.open(&sealed).unwrap(), b"ring");
    let sealed = b.seal(b"ringing").unwrap();
    assert_eq!(a.open(&sealed).unwrap(), b"ringing");
}

#[test]
fn a_stranger_without_the_pair_secret_is_refused_at_message_one() {
    let (alice, bob) = (secret(1), secret(2));
    let (_, one) = Initiator::start(&alice, bob.device_key(), &secret(9), b"").unwrap();
    let refused = Responder::open(&bob, &secret(3), &one).err();
    assert_eq!(refused, Some(SessionError::Authentication));
}

#[test]
fn a_tampered_ml_kem_ciphertext_ends_the_handshake() {
    let (alice, bob, pair) = (secret(1), secret(2), secret(3));
    let (initiator, one) = Initiator::start(&alice, bob.device_key(), &pair, b"").unwrap();
    let opened = Responder::open(&bob, &pair, &one).unwrap();
    let (_, mut two) = opened.responder.finish(b"").unwrap();
    two[7] ^= 1;
    assert_eq!(initiator.finish(&two).err(), Some(SessionError::Authentication));
}

#[test]
fn every_truncation_of_a_message_is_refused() {
    let (alice, bob, pair) = (secret(1), secret(2), secret(3));
    let (_, one) = Initiator::start(&alice, bob.device_key(), &pair, b"x").unwrap();
    for length in (0..one.len()).step_by(37) {
        assert!(Responder::open(&bob, &pair, &one[..length]).is_err(), "{length}");
    }
}

#[test]
fn a_replayed_or_tampered_packet_changes_nothing() {
    let (mut a, mut b) = pair();
    let first = a.seal(b"one").unwrap();
    let second = a.seal(b"two").unwrap();
    let mut broken = second.clone();
    broken[10] ^= 1;
    assert_eq!(b.open(&broken), Err(SessionError::Authentication));
    assert_eq!(b.open(&second).unwrap(), b"two");
    assert_eq!(b.open(&first).unwrap(), b"one");
    assert_eq!(b.open(&first), Err(SessionError::Replay));
    assert_eq!(b.open(&first[..7]), Err(SessionError::Length));
}

#[test]
fn each_epoch_opens_only_its_own_packets() {
    let (a, b) = pair();
    let (mut a1, chain_a, mut b1, chain_b) = epoch(a.chain(), b.chain(), 1);
    let (mut a2, _, mut b2, _) = epoch(&chain_a, &chain_b, 2);
    let (mut sealed, mut plain) = (Vec::new(), Vec::new());
    let counter = a1.seal(b"voice", &mut sealed).unwrap();
    assert!(b2.open(counter, &sealed, &mut plain).is_err());
    b1.open(counter, &sealed, &mut plain).unwrap();
    assert_eq!(plain, b"voice");
    sealed.clear();
    let counter = a2.seal(b"more", &mut sealed).unwrap();
    b2.open(counter, &sealed, &mut plain).unwrap();
    assert_eq!(plain, b"more");
}

#[test]
fn an_epoch_outside_the_chain_does_not_start() {
    let (a, _) = pair();
    let (alice, bob) = (secret(1), secret(2));
    let (_, other) = pair();
    let (_, one) = EpochInitiator::start(&alice, bob.device_key(), a.chain(), 1).unwrap();
    assert!(respond_epoch(&bob, alice.device_key(), other.chain(), 1, &one).is_err());
    assert!(respond_epoch(&bob, alice.device_key(), a.chain(), 2, &one).is_err());
}

#[test]
fn tags_differ_by_secret_and_context() {
    assert_ne!(tag(&secret(1), b"a"), tag(&secret(2), b"a"));
    assert_ne!(tag(&secret(1), b"a"), tag(&secret(1), b"b"));
    assert_eq!(tag(&secret(1), b"a"), tag(&secret(1), b"a"));
}
