//! Seeds that code makes: one for each form a target can read.
//!
//! Owns: their content. Does not own: finds, which are kept as they were found. Invariant: the same
//! in every run, so that a test can tell whether the tree has them.

use ahoy_core::{
    id::CallId,
    media::{MediaCommand, MediaEvent, SessionId, Tone, VideoSize},
    peer::{Identity, Invite},
    session::Secret,
    voice::{Engine, Grammar, Hypothesis, VoiceCommand, VoiceEvent},
    wire::{
        Candidate, DeclineReason, Envelope, Frame, HangUpReason, Join, MediaWish, Offer, Purpose,
        Ringing, Signal, Welcome,
    },
    worker::{Stream, write_control, write_rtp},
};

use super::{issuer, must};

/// (target, file, content).
type Seed = (&'static str, String, Vec<u8>);

/// Every seed that is not a find.
#[must_use]
pub fn seeds() -> Vec<Seed> {
    let all = [
        frames(),
        control(),
        intents(),
        invites(),
        media(),
        workers(),
        services(),
        directories(),
        headsets(),
    ];
    all.into_iter().flatten().collect()
}

fn seed(target: &'static str, name: &str, bytes: &[u8]) -> Seed {
    (target, name.to_owned(), bytes.to_vec())
}

fn frames() -> Vec<Seed> {
    let hello = |purpose| Frame::Hello { purpose, tag: [7; 8], message: &[1; 96] }.to_bytes();
    vec![
        seed("frame", "call", &hello(Purpose::Call)),
        seed("frame", "join", &hello(Purpose::Join)),
        seed("frame", "answer", &Frame::Answer(&[2; 48]).to_bytes()),
        seed("frame", "sealed", &Frame::Sealed(&[3; 64]).to_bytes()),
    ]
}

fn wish() -> MediaWish {
    MediaWish { video: true, frame_ms: 10, accept: VideoSize::P720 }
}

fn signals() -> Vec<(&'static str, Signal)> {
    let address = must("192.0.2.7:4712".parse());
    vec![
        ("candidate", Signal::Candidate(Candidate { address })),
        ("accept", Signal::Accept { media: wish() }),
        ("decline", Signal::Decline(DeclineReason::Unanswered)),
        ("busy", Signal::Busy),
        ("select", Signal::Select),
        ("hang-up", Signal::HangUp(HangUpReason::Replaced)),
        ("rekey1", Signal::Rekey1 { number: 2, message: vec![4; 48] }),
        ("rekey2", Signal::Rekey2 { number: u32::MAX, message: vec![5; 48] }),
        ("state", Signal::State { muted: true, video: false, held: true }),
    ]
}

/// The target's first byte chooses the parser.
fn chosen(kind: u8, bytes: &[u8]) -> Vec<u8> {
    [&[kind], bytes].concat()
}

fn control() -> Vec<Seed> {
    let call = CallId([6; 16]);
    let devices = issuer().certify(3, vec![Secret([9; 32]).device_key()]);
    let mut seeds = Vec::new();
    for (name, signal) in signals() {
        let padded = must(Envelope { call, seq: 5, signal }.to_padded());
        let length = usize::from(u16::from_be_bytes([padded[0], padded[1]]));
        seeds.push(seed("control", name, &chosen(1, &padded[2..2 + length])));
        if name == "select" {
            seeds.push(seed("control", "padded", &chosen(0, &padded)));
        }
    }
    let offer = Offer {
        call,
        devices: devices.clone(),
        media: wish(),
        sent_at: 1,
        expires_at: u64::MAX,
        media_index: 7,
    };
    let ringing = Ringing { devices: devices.clone(), media_index: 8 };
    let join = Join { devices: devices.clone(), name: "Zoë".into(), listens: Some(4711) };
    let joined = Welcome::Joined { devices, name: "Bob".into(), secret: [1; 32] };
    for (name, kind, bytes) in [
        ("offer", 2, offer.to_bytes()),
        ("ringing", 3, ringing.to_bytes()),
        ("join", 4, join.to_bytes()),
        ("joined", 5, joined.to_bytes()),
        ("used", 5, Welcome::Used.to_bytes()),
    ] {
        seeds.push(seed("control", name, &chosen(kind, &must(bytes))));
    }
    seeds
}

fn intents() -> Vec<Seed> {
    let said = |mode: u8, text: &str| chosen(mode, text.as_bytes());
    vec![
        seed("intent", "call", &said(0, "call bob, video!\nBob\nAlice Smith=mum")),
        seed("intent", "several", &said(0, "video call alice\nAlice Smith\nAlice Brown")),
        seed("intent", "ringing", &said(1, "answer")),
        seed("intent", "in-call", &said(2, "hang up")),
        seed("intent", "question", &said(3, "the second one")),
        seed("intent", "korean", &said(4, "민수한테 전화해\n민수")),
        seed("intent", "unknown", &said(0, "call emergency")),
    ]
}

fn invites() -> Vec<Seed> {
    let issuer: Identity = issuer();
    let invite = Invite {
        devices: issuer.certify(1, vec![Secret([9; 32]).device_key()]),
        secret: [5; 32],
        hints: vec![must("192.0.2.7:4711".parse()), must("[2001:db8::7]:4711".parse())],
        homes: vec!["home.example.org".into()],
        expires_at: super::READ_AT + 100,
        single_use: true,
        name: "Alice".into(),
    };
    let content = must(postcard::to_allocvec(&invite));
    vec![
        seed("invite", "link", &chosen(0, must(invite.to_link(&issuer)).as_bytes())),
        seed("invite", "signed", &chosen(1, &content)),
    ]
}

fn media() -> Vec<Seed> {
    vec![
        seed("media", "forged", &[&[0, 0, 0, 0, 0xC1, 1, 2, 3, 4], [0; 40].as_slice()].concat()),
        seed("media", "changed", &[&[1, 2, 0, 20], b"picture".as_slice()].concat()),
        seed("media", "sealed", &[&[2, 1, 64, 0], b"voice".as_slice()].concat()),
        seed("media", "too-long", &[&[2, 1, 64, 0], [7; 1100].as_slice()].concat()),
    ]
}

fn workers() -> Vec<Seed> {
    let mut seeds = Vec::new();
    let mut put = |name: &str, write: &dyn Fn(&mut Vec<u8>)| {
        let mut out = Vec::new();
        write(&mut out);
        seeds.push(("worker", name.to_owned(), out));
    };
    let session = SessionId(1);
    put("rtp", &|out| write_rtp(session, Stream::Audio, &[0x80, 96, 0, 1], out));
    let tone = MediaCommand::PlayTone { tone: Tone::Ring, device: None };
    put("play-tone", &|out| must(write_control(&tone, out)));
    let showing = MediaEvent::VideoShowing { session, width: 640, height: 360 };
    put("video-showing", &|out| must(write_control(&showing, out)));
    let stats = MediaEvent::Stats { session, stats: ahoy_core::media::MediaStats::default() };
    put("stats", &|out| must(write_control(&stats, out)));
    let heard = VoiceEvent::Heard {
        hypotheses: vec![Hypothesis { text: "call bob".into(), score: 0.93 }],
        latency_ms: 300,
    };
    put("heard", &|out| must(write_control(&heard, out)));
    let listen = VoiceCommand::Listen {
        engine: Engine::Vosk,
        model: "/models/en".into(),
        grammar: Grammar::default(),
        microphone: None,
        timeout_ms: 8000,
    };
    put("listen", &|out| must(write_control(&listen, out)));
    let wait = VoiceCommand::Wait {
        word: "ahoy".into(),
        wake_model: "/models/en".into(),
        engine: Engine::PocketSphinx,
        model: "/models/en".into(),
        grammar: Grammar::default(),
        microphone: None,
    };
    put("wait", &|out| must(write_control(&wait, out)));
    seeds
}

/// Steps as `hostile` reads them; the numbers are its operations and their choices.
fn services() -> Vec<Seed> {
    let open_and_offer = [0, 2, 9, 0, 1, 0, 0, 0];
    let answered = [&open_and_offer[..], &[6, 0], &[12, 0, 1, 0]].concat();
    let too_late = [&open_and_offer[..], &[12, 0, 1, 0], &[14, 3], &[6, 0, 15, 0, 0]].concat();
    let called = [11, 1, 1, 8, 1, 9, 0, 7, 0];
    vec![
        seed("service", "rings", &open_and_offer),
        seed("service", "answered", &[&answered[..], &[15, 0, 0, 6, 0, 14, 1]].concat()),
        seed("service", "too-late", &too_late),
        seed("service", "calls", &[&called[..], &[4, 1, 1, 0, 0, 0, 15, 0, 0, 15, 0, 2]].concat()),
        seed("service", "hangs-up", &[&answered[..], &[12, 3, 0, 0]].concat()),
        seed("service", "states", &[&answered[..], &[4, 8, 7, 0, 0, 0, 4, 8, 0, 0, 3, 0]].concat()),
        seed("service", "joins", &[0, 17, 2, 3, b'B', b'o', b'b', 2, 0]),
        seed("service", "sighted", &[11, 1, 0, 16, 3, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 14, 1]),
        seed("service", "both", &[11, 1, 0, 8, 1, 0, 2, 0xFE, 0, 1, 0, 0, 0, 6, 0, 15, 0, 0]),
        seed("service", "garbage", &[0, 1, 0, 4, 1, 1, 2, 0]),
    ]
}

fn directories() -> Vec<Seed> {
    let text = |cut: u8, text: &str| chosen(cut, text.as_bytes());
    let several = "scheme,value,name,spam\r\ntel,+49 30 1,Bakery,0\r\nsip,a@b.example,,1\r\n";
    vec![
        seed("directory", "several", &text(255, several)),
        seed("directory", "quoted", &text(3, "tel,030,\"a, \"\"b\"\"\",0\ntel,030,\"open,1\n")),
        seed("directory", "others", &text(0, "tel,*100#,Credit,0\nx,:,:,1\nx,:,,1")),
    ]
}

/// A headset with numbered reports, and a telephone that tells usages by number.
fn headsets() -> Vec<Seed> {
    const HEADSET: &[u8] = b"\x05\x0b\x09\x05\xa1\x01\x85\x08\x15\x00\x25\x01\x75\x01\x95\x01\
        \x09\x2f\x81\x06\x09\x20\x81\x22\x95\x06\x81\x01\x85\x09\x05\x08\x09\x09\x09\x17\x09\x18\
        \x95\x03\x91\x22\x95\x05\x91\x01\xc0";
    const PHONE: &[u8] =
        b"\x05\x0b\x09\x01\xa1\x01\x15\x01\x25\x02\x75\x08\x95\x01\xa4\x19\x20\x29\x2f\
        \x81\x00\xb4\x05\x0c\x0b\xcd\x00\x0c\x00\x81\x02\xc0";
    let seed_of = |name, descriptor: &[u8], report: [u8; 8]| {
        let length = must(u16::try_from(descriptor.len())).to_be_bytes();
        let up = [report[0], 0, 0, 0, 0, 0, 0, 0];
        let reports = [report, up, report, up].repeat(4).concat();
        seed("headset", name, &[&length, descriptor, &reports].concat())
    };
    vec![
        seed_of("headset", HEADSET, [8, 3, 0, 0, 0, 0, 0, 0]),
        seed_of("phone", PHONE, [1, 1, 0, 0, 0, 0, 0, 0]),
    ]
}
