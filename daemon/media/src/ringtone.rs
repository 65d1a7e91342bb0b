//! An app's own ringtone: a file that is decoded, and played as the ring is.
//!
//! Owns: decoding it on a thread of its own, its repetition. Does not own: when it plays. Invariant:
//! it rings in any case: a file that cannot be decoded, or not within [`WAIT`], sounds as
//! [`Tone::Ring`]; what is decoded of any file is bounded.

use std::{
    fs::File,
    io,
    os::{fd::OwnedFd, unix::fs::FileExt as _},
    sync::mpsc::{self, Receiver, RecvTimeoutError, TryRecvError},
    thread,
    time::{Duration, Instant},
};

use ahoy_core::media::{MAX_RINGTONE, RingtoneFormat, Tone};

use crate::{
    describe,
    flow::{self, FlowError, Piece},
    sound::{RATE, Sound},
    tones::{TonePlayer, growth},
};

/// How long it may be silent before the ring of our own is taken instead.
const WAIT: Duration = Duration::from_secs(1);
/// How long is decoded before what there is has to do.
const DECODE: Duration = Duration::from_millis(800);
/// Decoded pieces that wait to be taken.
const PIECES: usize = 16;
/// What is played of a file before it begins again.
const LONGEST: Duration = Duration::from_secs(45);
/// Less than this is a click and no ringtone.
const SHORTEST: Duration = Duration::from_millis(100);

/// Why a file does not ring.
#[derive(Debug, thiserror::Error)]
enum RingtoneError {
    #[error("it cannot be read: {0}")]
    Read(#[from] io::Error),
    #[error("it is neither Ogg Vorbis, Ogg Opus nor WAV")]
    Unknown,
    #[error(transparent)]
    Flow(#[from] FlowError),
    #[error("it is damaged: {0}")]
    Damaged(String),
    #[error("it is shorter than {SHORTEST:?}")]
    Short,
    #[error("decoding it takes longer than {DECODE:?}")]
    Slow,
}

const fn samples(time: Duration) -> usize {
    (time.as_millis() as usize) * RATE as usize / 1000
}

/// What is heard.
enum Heard {
    /// Nothing yet, for so many samples.
    Nothing(Receiver<Vec<i16>>, usize),
    /// The file.
    File(Vec<i16>),
    /// The ring of our own.
    Own(TonePlayer),
}

/// A ringtone being played.
pub(crate) struct RingtonePlayer {
    heard: Heard,
    /// Samples since the first that was heard.
    at: usize,
}

impl RingtonePlayer {
    /// Begins to decode a file.
    pub(crate) fn new(file: OwnedFd) -> Self {
        let (done, decoded) = mpsc::sync_channel(1);
        let thread = thread::Builder::new().name("ringtone".into()).spawn(move || {
            match decode(&File::from(file)) {
                // Nobody may want it any more.
                Ok(samples) => drop(done.send(samples)),
                Err(error) => tracing::warn!(%error, "an app's ringtone does not play"),
            }
        });
        if let Err(error) = thread {
            tracing::warn!(%error, "an app's ringtone does not play");
        }
        Self { heard: Heard::Nothing(decoded, 0), at: 0 }
    }

    fn settle(&mut self, wanted: usize) {
        let Heard::Nothing(decoded, silent) = &mut self.heard else { return };
        let given = match decoded.try_recv() {
            Ok(samples) => Heard::File(samples),
            Err(TryRecvError::Empty) if *silent < samples(WAIT) => {
                *silent += wanted;
                return;
            }
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => {
                Heard::Own(TonePlayer::new(Tone::Ring))
            }
        };
        self.heard = given;
    }
}

impl Sound for RingtonePlayer {
    fn pull(&mut self, out: &mut [i16]) {
        self.settle(out.len());
        match &mut self.heard {
            Heard::Nothing(..) => out.fill(0),
            Heard::Own(tone) => tone.pull(out),
            Heard::File(samples) => {
                for slot in out {
                    let sample = samples.get(self.at % samples.len()).copied().unwrap_or(0);
                    let louder = growth(self.at as f64 / f64::from(RATE));
                    *slot = (f64::from(sample) * louder) as i16;
                    self.at += 1;
                }
            }
        }
    }

    fn is_over(&self) -> bool {
        false
    }
}

/// All samples of a file, or as many as are played and are decoded in time.
fn decode(file: &File) -> Result<Vec<i16>, RingtoneError> {
    let bytes = read(file)?;
    let format = RingtoneFormat::of(&bytes).ok_or(RingtoneError::Unknown)?;
    let (tell, told) = mpsc::sync_channel(PIECES);
    let flow = flow::decode(&describe::ringtone(format), tell)?;
    flow.push_all(&bytes);
    // Takes the receiver with it: what is still decoded must not wait for room when the flow stops.
    collect(told)
}

fn collect(told: Receiver<Piece>) -> Result<Vec<i16>, RingtoneError> {
    let (mut decoded, until) = (Vec::new(), Instant::now() + DECODE);
    while decoded.len() < samples(LONGEST) {
        match told.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(Piece::Samples(piece)) => decoded.extend(piece),
            Ok(Piece::End) | Err(RecvTimeoutError::Disconnected) => break,
            Ok(Piece::Failed(why)) => return Err(RingtoneError::Damaged(why)),
            Err(RecvTimeoutError::Timeout) if decoded.is_empty() => {
                return Err(RingtoneError::Slow);
            }
            // What there is by now rings; more of it is for faster machines.
            Err(RecvTimeoutError::Timeout) => break,
        }
    }
    decoded.truncate(samples(LONGEST));
    if decoded.len() < samples(SHORTEST) { Err(RingtoneError::Short) } else { Ok(decoded) }
}

/// The file, wherever its offset is: it is shared with whoever has the same file.
fn read(file: &File) -> Result<Vec<u8>, RingtoneError> {
    let len = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX).min(MAX_RINGTONE);
    let mut bytes = vec![0; len];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}
