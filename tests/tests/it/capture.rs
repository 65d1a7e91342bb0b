//! What others on the network can read of a call, and do to it.
//!
//! Owns: the wire. Invariant: what is looked at are the packets as the kernel carried them.

use std::{
    io::Write as _,
    net::{TcpStream, UdpSocket},
    time::Duration,
};

use ahoy_trial::{Setup, need::Need, sound::mouth_to_ear, until, wire::Capture};

use crate::scene::{Two, on_stage};

/// The start code of every VP8 key frame.
const VP8_KEY: [u8; 3] = [0x9d, 0x01, 0x2a];

/// How far the most frequent byte is above the mean of all: 1 for noise.
fn unevenness(payloads: &[Vec<u8>], skip: usize) -> f64 {
    let mut counts = [0_u64; 256];
    for byte in payloads.iter().flat_map(|it| it.get(skip..).unwrap_or_default()) {
        counts[usize::from(*byte)] += 1;
    }
    let all: u64 = counts.iter().sum();
    assert!(all > 100_000, "enough to count: {all}");
    counts.into_iter().max().unwrap_or(0) as f64 * 256.0 / all as f64
}

#[test]
fn nothing_of_a_call_is_in_clear_on_the_wire() {
    on_stage(&[Need::Media, Need::Capture], |stage| {
        let two = Two::meet(stage, Setup { notifications: false, ..Setup::ALL });
        let ports = [two.alice.port, two.bob.port];
        let capture = Capture::start(stage, &ports).expect("a capture");
        let (outgoing, incoming) = two.talk(true);
        two.hear_each_other();
        let text = "org.ahoycall.Calls1.Call.Text";
        two.bob.bus.on_object(&outgoing, text, "Send", &("platypus",)).expect("written");
        // Long enough for something to count.
        mouth_to_ear(&two.alice, &two.bob, 6).expect("chirps");
        let seen = two.alice.bus.seen();
        two.bob.hang_up(&outgoing).expect("hung up");
        two.alice.ended(seen, &incoming, Duration::from_secs(5)).expect("it ends");
        let packets = capture.finish().expect("packets");
        let all = packets.datagrams.len();
        assert!(all > 100, "media went this way: {all}");
        assert_eq!(packets.sealed(), all, "every datagram begins as sealed media does");
        assert_eq!(packets.clear_rtp(), 0);
        let key = |it: &&Vec<u8>| it.windows(3).take(64).any(|it| it == VP8_KEY);
        // By chance alone one in 260,000 has it.
        let keys = packets.datagrams.iter().filter(key).count();
        assert!(keys <= 1, "{keys} with the start of a picture");
        // 16 bytes: our header with its counter.
        let uneven = unevenness(&packets.datagrams, 16);
        assert!(uneven < 1.25, "sound or pictures are no noise: {uneven}");
        for word in ["alice", "bob", "offer", "invite", "opus", "vp8", "platypus"] {
            assert!(!packets.say(word), "{word} in the signalling");
        }
    });
}

#[test]
fn strangers_packets_and_replayed_ones_change_nothing() {
    on_stage(&[Need::Media, Need::Capture], |stage| {
        let two = Two::meet(stage, Setup::VOICE);
        let ports = [two.alice.port, two.bob.port];
        let capture = Capture::start(stage, &ports).expect("a capture");
        let (outgoing, incoming) = two.talk(false);
        two.hear_each_other();
        let packets = capture.finish().expect("packets");
        assert!(packets.datagrams.len() > 50 && !packets.segments.is_empty());
        let stranger = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let mut state = 1_u32;
        let mut noise = |length: usize, first: u8| -> Vec<u8> {
            let mut byte = || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            };
            let mut bytes: Vec<u8> = (0..length).map(|_| byte()).collect();
            bytes[0] = first;
            bytes
        };
        for port in ports {
            for (at, datagram) in packets.datagrams.iter().enumerate() {
                let mut tampered = datagram.clone();
                let place = at % tampered.len();
                tampered[place] ^= 1;
                let garbage = noise(20 + at % 1_200, 0xc0 + (at % 4) as u8);
                for bytes in
                    [datagram, &tampered, &garbage, &datagram[..datagram.len() / 2].to_vec()]
                {
                    // The loopback interface may be full: fewer come, which is no matter.
                    let _ = stranger.send_to(bytes, ("127.0.0.1", port));
                }
            }
            for bytes in [noise(4_000, 0), packets.segments.concat()] {
                let mut signalling = TcpStream::connect(("127.0.0.1", port)).expect("signalling");
                // It may be closed on us, as it should.
                let _ = signalling.write_all(&bytes);
            }
        }
        two.hear_each_other();
        two.are_active(&outgoing, &incoming);
        for person in [&two.alice, &two.bob] {
            assert_eq!(person.current("RingingCall"), None);
            assert_eq!(person.recents().expect("a log").len(), 1, "no other call");
        }
        two.bob.hang_up(&outgoing).expect("it still obeys");
        until("the end", || (two.alice.current("ActiveCall").is_none()).then_some(()))
            .expect("and so does the other side");
    });
}
