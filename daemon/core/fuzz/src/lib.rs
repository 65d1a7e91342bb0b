//! What each fuzz target does with its bytes.
//!
//! Owns: one function per target, and the seeds they start from. Does not own: who calls them;
//! libFuzzer does (`bin/`), and `cargo test -p ahoy-core` with the seeds and mutations of them.
//! Invariant: a target fails by panicking, and only for a fault of ahoy-core: whatever the bytes
//! are, parsers are total, and what parses is written and parsed again to the same.

mod hostile;
mod seeds;

use std::cell::RefCell;

use ahoy_core::{
    filter::{DirectoryReader, Loaded},
    headset::{Buttons, Calls, Layout, MAX_REPORT, Scene},
    id::{ContactId, Now},
    media::{MediaCommand, MediaEvent},
    peer::{Identity, Invite, InviteError},
    session::{
        EpochInitiator, EpochKeys, Initiator, Responder, Secret, SessionError,
        media::{HEADER_LEN, MediaSession, receiver_index},
        respond_epoch,
    },
    voice::{
        Book, Hypothesis, Meaning, Pack, Person, Situation, VoiceCommand, VoiceEvent, normalise,
    },
    wire::{Envelope, Frame, Join, Offer, Ringing, Welcome},
    worker,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
pub use hostile::service;
pub use seeds::seeds;

/// Ends the run where our own setting up fails: a broken harness must not look like a pass.
fn must<T, E>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|_| panic!("the harness itself failed"))
}

/// A headset: its descriptor, its length in front, then reports of eight bytes.
pub fn headset(data: &[u8]) {
    let Some((length, rest)) = data.split_first_chunk::<2>() else { return };
    let length = usize::from(u16::from_be_bytes(*length)).min(rest.len());
    let (descriptor, reports) = rest.split_at(length);
    let Ok(layout) = Layout::parse(descriptor) else { return };
    let mut buttons = Buttons::new(&layout);
    for (at, report) in reports.chunks(8).enumerate() {
        let now = std::time::Duration::from_millis(400 * must(u64::try_from(at)));
        let calls = [Calls::Idle, Calls::Ringing, Calls::Engaged][at / 4 % 3];
        let scene = Scene { calls, ring: calls == Calls::Ringing, muted: at % 5 == 0, talk: true };
        buttons.handle_scene(now, scene);
        assert!(buttons.handle_report(now, layout.decode(report)).len() <= 3);
        let lamps = layout.lamps(&scene);
        assert!(lamps.len() <= 3 && lamps.iter().all(|lamp| lamp.len() <= 1 + MAX_REPORT));
    }
}

/// The outer frame of the signalling connection.
pub fn frame(data: &[u8]) {
    if let Ok(parsed) = Frame::parse(data) {
        assert_eq!(parsed.to_bytes(), data, "a frame has one form");
    }
}

macro_rules! survives {
    ($name:ident, $bytes:expr) => {
        if let Ok(parsed) = $name::parse($bytes) {
            let written = must(parsed.to_bytes());
            assert!(written.len() <= $bytes.len(), "the shortest form is written");
            assert!(must($name::parse(&written)) == parsed);
        }
    };
}

/// Payloads of handshakes, and envelopes. The first byte chooses which.
pub fn control(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else { return };
    match kind % 6 {
        0 => envelope(rest),
        1 => envelope(&padded(rest)),
        2 => survives!(Offer, rest),
        3 => survives!(Ringing, rest),
        4 => survives!(Join, rest),
        _ => survives!(Welcome, rest),
    }
}

fn envelope(padded: &[u8]) {
    if let Ok(parsed) = Envelope::parse(padded) {
        let written = must(parsed.to_padded());
        assert!(written.len() <= padded.len());
        assert!(must(Envelope::parse(&written)) == parsed);
    }
}

/// `content` as an envelope frames it; cut where it is too long for any.
fn padded(content: &[u8]) -> Vec<u8> {
    let content = &content[..content.len().min(4094)];
    let length = must(u16::try_from(content.len()));
    let mut out = length.to_be_bytes().to_vec();
    out.extend_from_slice(content);
    let size = [512, 1536, 3072].into_iter().find(|size| *size >= out.len()).unwrap_or(4096);
    out.resize(size, 0);
    out
}

/// Spoken words. The first byte: situation and language; the first line: what was said; the other
/// lines: who is in the address book.
pub fn intent(data: &[u8]) {
    let Some((mode, rest)) = data.split_first() else { return };
    let text = String::from_utf8_lossy(rest);
    let mut lines = text.split('\n');
    let said = lines.next().unwrap_or_default();
    let people: Vec<Person> =
        lines.take(8).enumerate().map(|(at, name)| person(at, name)).collect();
    let book = Book::new(people.clone());
    let pack = must(Pack::built_in(if mode & 4 == 0 { "en" } else { "ko" }));
    let situations = [Situation::Idle, Situation::Ringing, Situation::InCall, Situation::Question];
    let heard = normalise(said);
    assert_eq!(normalise(&heard), heard, "what is normal stays as it is");
    match pack.interpret(situations[usize::from(mode & 3)], &book, said) {
        Meaning::Clear(intent, Some(person)) => {
            assert!(book.resolve(intent.name()).contains(&&person));
            assert!(people.contains(&person));
        }
        Meaning::Ambiguous(intent, several) => {
            assert!(several.len() > 1 && several.len() == book.resolve(intent.name()).len());
        }
        Meaning::Clear(intent, None) => assert_eq!(intent.name(), ""),
        Meaning::UnknownName(intent) => assert!(book.resolve(intent.name()).is_empty()),
        Meaning::NotForUs => {}
    }
    for person in people.iter().filter(|person| !normalise(&person.name).is_empty()) {
        let found = book.resolve(&person.name);
        assert!(found.contains(&person), "a full name means at least who bears it");
    }
}

fn person(at: usize, name: &str) -> Person {
    // "name=alias" gives an alias.
    let (name, alias) = name.split_once('=').unwrap_or((name, ""));
    Person {
        contact: ContactId(at.to_string()),
        name: name.to_owned(),
        aliases: vec![alias.to_owned()],
    }
}

/// Links are checked at this time, seconds since the epoch.
const READ_AT: u64 = 1_000_000;

fn issuer() -> Identity {
    Identity::from_seed(&Secret([7; 32]))
}

#[derive(serde::Serialize)]
struct Signed<'a> {
    invite: &'a [u8],
    signature: Vec<u8>,
}

/// A link around these bytes that is signed as it should be: what a hostile issuer can send.
fn signed_link(content: &[u8]) -> String {
    let signature = issuer().sign(b"invite", content);
    let signed = must(postcard::to_allocvec(&Signed { invite: content, signature }));
    format!("ahoy:{}#v1.{}", issuer().key(), URL_SAFE_NO_PAD.encode(signed))
}

/// An invite link. The first byte: the text as it comes, or the rest signed by a hostile issuer.
pub fn invite(data: &[u8]) {
    let Some((mode, rest)) = data.split_first() else { return };
    let link =
        if mode % 2 == 0 { String::from_utf8_lossy(rest).into_owned() } else { signed_link(rest) };
    let reader = Identity::from_seed(&Secret([8; 32])).key();
    match Invite::from_link(&link, reader, READ_AT) {
        Ok(parsed) => {
            assert!(parsed.devices.identity == issuer().key(), "nobody else's key is at hand here");
            let again = must(parsed.to_link(&issuer()));
            assert!(must(Invite::from_link(&again, reader, READ_AT)) == parsed);
        }
        Err(why) => assert!(why != InviteError::Used && why != InviteError::Unknown),
    }
}

/// Both ends of one epoch. They are used for a whole run: making them costs more than using them,
/// and what is not authentic must not wear them out.
struct Ends {
    here: MediaSession,
    there: MediaSession,
}

const HERE: u32 = 0x0102_0304;

fn epoch() -> (EpochKeys, EpochKeys) {
    let (a, b, pair) = (Secret([1; 32]), Secret([2; 32]), Secret([3; 32]));
    let (initiator, one) = must(Initiator::start(&a, b.device_key(), &pair, &[]));
    let opened = must(Responder::open(&b, &pair, &one));
    let (there, two) = must(opened.responder.finish(&[]));
    let (here, _) = must(initiator.finish(&two));
    let started = EpochInitiator::start(&a, b.device_key(), here.chain(), 1);
    let (begun, one) = must(started);
    let (theirs, _, two) = must(respond_epoch(&b, a.device_key(), there.chain(), 1, &one));
    (must(begun.finish(&two)).0, theirs)
}

impl Ends {
    fn new() -> Self {
        let (here, there) = epoch();
        Self { here: MediaSession::new(9, here), there: MediaSession::new(HERE, there) }
    }

    /// Sealed by them for us.
    fn sealed(&mut self, stream: u8, packet: &[u8], bucket: usize) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        match self.there.seal(stream, packet, bucket, &mut out) {
            Ok(()) => Some(out),
            Err(why) => {
                assert_eq!(why, SessionError::Length);
                None
            }
        }
    }

    fn opens(&mut self, datagram: &[u8], stream: u8, packet: &[u8]) {
        let mut plain = Vec::new();
        assert_eq!(receiver_index(datagram), Some(HERE));
        assert_eq!(self.here.open(datagram, NOW, &mut plain), Ok(stream));
        assert_eq!(plain, packet);
    }
}

const NOW: Now = Now { mono: std::time::Duration::ZERO, unix_us: 0 };

thread_local! {
    static ENDS: RefCell<Ends> = RefCell::new(Ends::new());
}

/// A media datagram: arbitrary, sealed from arbitrary content, or sealed and then changed.
pub fn media(data: &[u8]) {
    let &[mode, stream, a, b, ref rest @ ..] = data else { return };
    ENDS.with_borrow_mut(|ends| {
        if mode % 3 == 0 {
            let _ = receiver_index(rest);
            assert!(ends.here.open(rest, NOW, &mut Vec::new()).is_err(), "a forgery");
            return;
        }
        let Some(datagram) = ends.sealed(stream, rest, usize::from(a)) else { return };
        if mode % 3 == 1 {
            let at = usize::from(u16::from_be_bytes([a, b])) % datagram.len();
            let mut changed = datagram.clone();
            changed[at] ^= mode | 1;
            // The index finds the session and the two bits above the epoch find the protocol; both
            // are the path's to check.
            let protects_nothing = (1..5).contains(&at) || (at == 0 && (mode | 1) & 3 == 0);
            if !protects_nothing {
                assert!(ends.here.open(&changed, NOW, &mut Vec::new()).is_err());
            }
            for cut in [0, HEADER_LEN, datagram.len() - 1] {
                assert!(ends.here.open(&datagram[..cut], NOW, &mut Vec::new()).is_err());
            }
        }
        // Whatever came before, the true one opens, and once.
        ends.opens(&datagram, stream, rest);
        let replayed = ends.here.open(&datagram, NOW, &mut Vec::new());
        assert_eq!(replayed, Err(SessionError::Replay));
    });
}

/// A message of a worker that a hostile peer has taken over, or of its parent.
pub fn worker(data: &[u8]) {
    told::<MediaEvent>(data, |one, other| one == other);
    told::<MediaCommand>(data, |one, other| one == other);
    told::<VoiceCommand>(data, |one, other| one == other);
    told::<VoiceEvent>(data, same_event);
}

fn told<C>(data: &[u8], same: impl Fn(&C, &C) -> bool)
where
    C: serde::Serialize + serde::de::DeserializeOwned,
{
    let mut out = Vec::new();
    match worker::Frame::<C>::parse(data) {
        Ok(worker::Frame::Control(control)) => {
            // JSON may be written longer than it was read ("\u0001" for one byte): refused is well.
            if worker::write_control(&control, &mut out).is_ok() {
                match must(worker::Frame::<C>::parse(&out)) {
                    worker::Frame::Control(again) => assert!(same(&control, &again)),
                    worker::Frame::Rtp { .. } => panic!("control became RTP"),
                }
            }
        }
        Ok(worker::Frame::Rtp { session, stream, packet }) => {
            worker::write_rtp(session, stream, packet, &mut out);
            assert_eq!(out, data);
        }
        Err(_) => {}
    }
}

/// A directory of callers. The first byte: how its text is cut.
pub fn directory(data: &[u8]) {
    let Some((cut, text)) = data.split_first() else { return };
    let read = |text: &[u8], cut: usize| {
        let mut reader = DirectoryReader::default();
        text.chunks(cut).for_each(|piece| reader.feed(piece));
        reader.finish()
    };
    let kept = |loaded: &Loaded| loaded.directory.lines().collect::<String>();
    let pieces = read(text, usize::from(*cut) + 1);
    let whole = read(text, text.len().max(1));
    assert_eq!(kept(&whole), kept(&pieces), "how it is cut makes no difference");
    assert_eq!(whole.bad_lines, pieces.bad_lines);
    let again = read(kept(&whole).as_bytes(), 4096);
    assert_eq!((kept(&again), again.bad), (kept(&whole), 0), "what is kept is read the same");
    assert_eq!(again.directory.len(), whole.directory.len());
}

/// serde_json reads a number to within one unit of its last place.
fn same_event(one: &VoiceEvent, other: &VoiceEvent) -> bool {
    let close = |a: &Hypothesis, b: &Hypothesis| {
        a.text == b.text && (a.score - b.score).abs() <= a.score.abs() * f64::EPSILON * 2.0
    };
    match (one, other) {
        (
            VoiceEvent::Heard { hypotheses: a, latency_ms },
            VoiceEvent::Heard { hypotheses: b, latency_ms: again },
        ) => latency_ms == again && a.len() == b.len() && a.iter().zip(b).all(|(a, b)| close(a, b)),
        (one, other) => one == other,
    }
}
