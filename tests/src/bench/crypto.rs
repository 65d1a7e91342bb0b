//! Handshakes and packets a second, on one thread.
//!
//! Owns: the two loops and their peers. Does not own: cryptography. Invariant: peer and product do
//! the same number of rounds in the same run.

use std::time::{Duration, Instant};

use ahoy_core::session::{
    EpochInitiator, Initiator, Responder, Secret, media::MediaSession, respond_epoch,
};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};

use crate::{figure, progress};

/// Each loop runs for this long.
const TIME: Duration = Duration::from_secs(2);
/// The largest RTP packet of a call, bytes.
const PACKET: usize = ahoy_core::worker::MAX_RTP;

/// How often `round` runs in a second.
fn per_second(mut round: impl FnMut()) -> f64 {
    let start = Instant::now();
    let mut rounds = 0u32;
    while start.elapsed() < TIME {
        for _ in 0..16 {
            round();
        }
        rounds += 16;
    }
    f64::from(rounds) / start.elapsed().as_secs_f64()
}

fn secrets() -> (Secret, Secret, Secret) {
    (Secret([1; 32]), Secret([2; 32]), Secret([3; 32]))
}

/// Both sides of the handshake of a call. `None` is impossible here and would show as a low figure.
fn handshake() -> Option<MediaSession> {
    let (alice, bob, pair) = secrets();
    let (initiator, one) = Initiator::start(&alice, bob.device_key(), &pair, &[0; 200]).ok()?;
    let opened = Responder::open(&bob, &pair, &one).ok()?;
    let (answerer, two) = opened.responder.finish(&[0; 200]).ok()?;
    let (caller, _) = initiator.finish(&two).ok()?;
    let (epoch, one) = EpochInitiator::start(&alice, bob.device_key(), caller.chain(), 1).ok()?;
    let (_, _, two) = respond_epoch(&bob, alice.device_key(), answerer.chain(), 1, &one).ok()?;
    let (keys, _) = epoch.finish(&two).ok()?;
    Some(MediaSession::new(7, keys))
}

/// The peer: Noise IK as it is, without ML-KEM, secret of the pair and media keys.
fn plain_noise() -> Option<()> {
    let (alice, bob, _) = secrets();
    let builder = || Some(snow::Builder::new("Noise_IK_25519_ChaChaPoly_BLAKE2s".parse().ok()?));
    let to = bob.device_key();
    let mut caller = builder()?.local_private_key(&alice.0).ok()?;
    caller = caller.remote_public_key(&to.0).ok()?;
    let mut caller = caller.build_initiator().ok()?;
    let mut answerer = builder()?.local_private_key(&bob.0).ok()?.build_responder().ok()?;
    let (mut wire, mut read) = ([0; 1024], [0; 1024]);
    let length = caller.write_message(&[0; 200], &mut wire).ok()?;
    answerer.read_message(&wire[..length], &mut read).ok()?;
    let length = answerer.write_message(&[0; 200], &mut wire).ok()?;
    caller.read_message(&wire[..length], &mut read).ok()?;
    Some(())
}

fn packets() -> Option<(f64, f64)> {
    let mut session = handshake()?;
    let packet = [5; PACKET];
    let mut out = Vec::new();
    let ours = per_second(|| _ = session.seal(2, &packet, 64, &mut out));
    let key = LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, &[9; 32]).ok()?);
    let mut counter = 0u64;
    let mut buffer = [5; PACKET];
    let peer = per_second(|| {
        counter += 1;
        let mut nonce = [0; 12];
        nonce[4..].copy_from_slice(&counter.to_be_bytes());
        let nonce = Nonce::assume_unique_for_key(nonce);
        let _ = key.seal_in_place_separate_tag(nonce, Aad::empty(), &mut buffer);
    });
    Some((ours, peer))
}

pub(crate) fn run() {
    progress("handshakes");
    let ours = per_second(|| drop(handshake()));
    let peer = per_second(|| _ = plain_noise());
    figure("handshakes_per_second", ours, "1/s");
    figure("noise_ik_per_second", peer, "1/s");
    figure("handshake_cost_ratio", peer / ours, "times Noise IK");
    progress("packets");
    if let Some((ours, peer)) = packets() {
        figure("packets_sealed_per_second", ours, "1/s");
        figure("chacha20_poly1305_per_second", peer, "1/s");
        figure("packet_cost_ratio", peer / ours, "times ring");
    }
}
