//! Voices and noise, made when they are needed.
//!
//! Owns: the synthesizers, the babble and the music, mixing them. Does not own: what is said.
//! Invariant: the same sentence in the same noise is the same samples, in every run.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use ahoy_trial::{Result, Trouble, wave};

/// Samples a second: what recognisers are trained on.
pub(crate) const RATE: usize = 16_000;

/// Silence, or noise, before a sentence and after it, seconds: whoever speaks waits for the microphone, and
/// both ends of speech have to be found as in a room.
pub(crate) const AROUND: (usize, usize) = (2, 4);

/// A synthesizer and its arguments before text and file, and whether it plays what was recorded.
pub(crate) type Voice = (&'static str, &'static [&'static str], bool);

/// Voices that Debian packages: made of recordings, or by formants.
pub(crate) const VOICES: [Voice; 6] = [
    ("rms", &["flite", "-voice", "rms"], true),
    ("slt", &["flite", "-voice", "slt"], true),
    ("awb", &["flite", "-voice", "awb"], true),
    ("kal16", &["flite", "-voice", "kal16"], true),
    ("f2", &["espeak-ng", "-v", "en-us+f2", "-s", "140"], false),
    ("m3", &["espeak-ng", "-v", "en-us+m3", "-s", "130"], false),
];

/// What is heard beside the voice, and how much louder the voice is, dB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Noise {
    Clean,
    Babble(i32),
    Music(i32),
}

impl Noise {
    pub(crate) const ALL: [Self; 7] = [
        Self::Clean,
        Self::Babble(20),
        Self::Babble(10),
        Self::Babble(5),
        Self::Music(20),
        Self::Music(10),
        Self::Music(5),
    ];

    pub(crate) fn name(self) -> String {
        match self {
            Self::Clean => "clean".to_owned(),
            Self::Babble(db) => format!("babble_{db}_db"),
            Self::Music(db) => format!("music_{db}_db"),
        }
    }

    /// The one of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|noise| noise.name() == name)
    }
}

/// What people nearby talk about.
const CHATTER: [&str; 4] = [
    "and then we went all the way back to the station because nobody had brought the tickets",
    "there is a new restaurant on the corner, they say the soup is very good in winter",
    "my brother works for the railway and he told me that they will close the line in march",
    "you should really read that book, it is about a family who live on an island in the north",
];

/// The sentences that were made so far.
pub(crate) struct Corpus {
    voices: Vec<Voice>,
    directory: tempfile::TempDir,
    clean: HashMap<(usize, String), Vec<f32>>,
    babble: Vec<f32>,
    music: Vec<f32>,
}

impl Corpus {
    pub(crate) fn new(voices: &[Voice]) -> Result<Self> {
        let directory = tempfile::tempdir().map_err(Trouble::io("a directory"))?;
        let mut corpus = Self {
            voices: voices.to_vec(),
            directory,
            clean: HashMap::new(),
            babble: Vec::new(),
            music: music(),
        };
        let mut talk: Vec<Vec<f32>> = Vec::new();
        for (at, text) in CHATTER.iter().enumerate() {
            let samples = corpus.synthesize(VOICES[at % VOICES.len()], text)?;
            talk.push(samples);
        }
        let length = talk.iter().map(Vec::len).min().unwrap_or(0);
        let sum = |at: usize| talk.iter().map(|one| one[at]).sum();
        corpus.babble = (0..length).map(sum).collect();
        Ok(corpus)
    }

    pub(crate) fn name(&self, voice: usize) -> &'static str {
        self.voices[voice].0
    }

    pub(crate) fn is_recorded(&self, voice: usize) -> bool {
        self.voices[voice].2
    }

    /// A text as a voice says it.
    pub(crate) fn synthesize(&self, (_, program, _): Voice, text: &str) -> Result<Vec<f32>> {
        let file = self.directory.path().join("spoken.wav");
        let mut command = Command::new(program[0]);
        command.args(&program[1..]);
        match program[0] {
            "flite" => command.args(["-t", text, "-o"]).arg(&file),
            _ => command.arg("-w").arg(&file).arg(text),
        };
        let done = command.status().map_err(Trouble::io(program[0]))?;
        if !done.success() {
            return Err(Trouble::program(program[0], done.to_string()));
        }
        let bytes = fs::read(&file).map_err(Trouble::io("spoken.wav"))?;
        read(&bytes).ok_or_else(|| Trouble::program(program[0], "it wrote no WAV file"))
    }

    /// A file with a sentence: samples of 16 bits, with silence, or noise, around the voice.
    pub(crate) fn spoken(&mut self, voice: usize, text: &str, noise: Noise) -> Result<PathBuf> {
        let clean = self.clean(voice, text)?;
        self.among(&clean, noise, place(voice, text))
    }

    fn clean(&mut self, voice: usize, text: &str) -> Result<Vec<f32>> {
        let key = (voice, text.to_owned());
        if let Some(known) = self.clean.get(&key) {
            return Ok(known.clone());
        }
        let made = self.synthesize(self.voices[voice], text)?;
        self.clean.insert(key, made.clone());
        Ok(made)
    }

    /// The same samples without a file.
    pub(crate) fn said(&mut self, voice: usize, text: &str, noise: Noise) -> Result<Vec<f32>> {
        let clean = self.clean(voice, text)?;
        Ok(self.mixed(&clean, noise, place(voice, text)))
    }

    /// A file with a voice: silence, or noise from some place on, around it.
    pub(crate) fn among(&self, clean: &[f32], noise: Noise, start: usize) -> Result<PathBuf> {
        self.file(&self.mixed(clean, noise, start))
    }

    fn mixed(&self, clean: &[f32], noise: Noise, start: usize) -> Vec<f32> {
        let silence = |seconds: usize| vec![0.0; seconds * RATE];
        let mut samples = [&silence(AROUND.0), clean, &silence(AROUND.1)].concat();
        let (beside, db) = match noise {
            Noise::Clean => (&[][..], 0),
            Noise::Babble(db) => (&self.babble[..], db),
            Noise::Music(db) => (&self.music[..], db),
        };
        if !beside.is_empty() {
            let wanted = loudness(clean) / 10_f32.powf(db as f32 / 20.0);
            let factor = wanted / loudness(beside).max(f32::EPSILON);
            for (at, sample) in samples.iter_mut().enumerate() {
                *sample += factor * beside[(start + at) % beside.len()];
            }
        }
        samples
    }

    /// A file with these samples, in the place of the one before.
    pub(crate) fn file(&self, samples: &[f32]) -> Result<PathBuf> {
        let path = self.directory.path().join("heard.raw");
        write(&path, samples)?;
        Ok(path)
    }
}

/// Where in the noise a sentence is said: each meets another part of it.
const fn place(voice: usize, text: &str) -> usize {
    text.len() * 7919 + voice * 1301
}

fn write(path: &Path, samples: &[f32]) -> Result<()> {
    let bytes: Vec<u8> = samples
        .iter()
        .flat_map(|sample| ((sample.clamp(-1.0, 1.0) * 32_767.0) as i16).to_le_bytes())
        .collect();
    fs::write(path, bytes).map_err(Trouble::io("heard.raw"))
}

pub(crate) fn loudness(samples: &[f32]) -> f32 {
    let square: f32 = samples.iter().map(|sample| sample * sample).sum();
    (square / samples.len().max(1) as f32).sqrt()
}

/// Samples at the rate of the sound system.
pub(crate) fn faster(samples: &[f32]) -> Vec<f32> {
    let times = wave::RATE / RATE;
    let between = |pair: &[f32]| {
        let (from, to) = (pair[0], pair[1]);
        (0..times).map(move |part| from + (to - from) * part as f32 / times as f32)
    };
    samples.windows(2).flat_map(between).collect()
}

/// A WAV file of one channel, at our rate.
fn read(bytes: &[u8]) -> Option<Vec<f32>> {
    let rate = u32::from_le_bytes(*bytes.get(24..)?.first_chunk::<4>()?) as usize;
    let data = bytes.windows(4).position(|window| window == b"data")? + 8;
    let samples = bytes.get(data..)?.as_chunks::<2>().0;
    let samples: Vec<f32> =
        samples.iter().map(|pair| f32::from(i16::from_le_bytes(*pair)) / 32_768.0).collect();
    let at = |index: usize| samples.get(index).copied().unwrap_or(0.0);
    let count = samples.len() * RATE / rate.max(1);
    let resampled = (0..count).map(|index| {
        let place = index as f64 * rate as f64 / RATE as f64;
        let part = place.fract() as f32;
        at(place as usize) * (1.0 - part) + at(place as usize + 1) * part
    });
    Some(resampled.collect())
}

/// Half a minute of chords with a beat, for want of recordings that may be given away.
fn music() -> Vec<f32> {
    const CHORDS: [[f32; 3]; 4] = [
        [261.6, 329.6, 392.0],
        [220.0, 261.6, 329.6],
        [174.6, 220.0, 261.6],
        [196.0, 246.9, 293.7],
    ];
    let sound = |at: usize| {
        let time = at as f32 / RATE as f32;
        let chord = CHORDS[(time * 0.5) as usize % CHORDS.len()];
        let beat = (time * 2.0).fract();
        let tones: f32 = chord
            .iter()
            .flat_map(|pitch| (1..5).map(move |part| (pitch * part as f32, 1.0 / part as f32)))
            .map(|(pitch, level)| level * (std::f32::consts::TAU * pitch * time).sin())
            .sum();
        let seed = (at as u32).wrapping_mul(2_654_435_761) >> 8;
        let hiss = (seed as f32 / (1 << 24) as f32 - 0.5) * (-30.0 * beat).exp();
        tones * (1.0 - 0.6 * beat) * 0.1 + hiss
    };
    (0..RATE * 30).map(sound).collect()
}
