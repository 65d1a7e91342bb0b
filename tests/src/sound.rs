//! Sound into microphones and out of speakers.
//!
//! Owns: playing, recording, the measurements made of both. Does not own: arithmetic ([`crate::wave`])
//! or devices. Invariant: what is compared was recorded by one program, so one clock counts.

use std::{
    fs::{self, File},
    io::{Read as _, Seek as _, SeekFrom},
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
};

use rustix::process::Signal;

use crate::{Result, Stage, Trouble, person::Person, process::Running, until, wave};

/// Mouth to ear on the loopback interface with frames of 10 ms, promised for the first call.
pub const PROMISE_MS: f64 = 90.0;

static NUMBER: AtomicU32 = AtomicU32::new(0);

fn number() -> u32 {
    NUMBER.fetch_add(1, Ordering::Relaxed)
}

/// Links two ports as soon as both exist.
///
/// # Errors
/// One of them never does.
pub fn link(stage: &Stage, from: &str, to: &str) -> Result<()> {
    until(&format!("{from} -> {to}"), || stage.run("pw-link", &[from, to]).ok().map(drop))
}

/// Sound that is being played.
#[derive(Debug)]
pub struct Playing {
    running: Running,
    /// The port it comes from.
    pub port: String,
}

impl Playing {
    /// Plays samples; nothing sounds before the first link is made.
    ///
    /// # Errors
    /// The player does not start.
    pub fn start(stage: &Stage, samples: &[f32]) -> Result<Self> {
        let name = format!("trial-player-{}", number());
        let file = stage.path(&format!("{name}.wav"));
        wave::write(&file, samples)?;
        let properties = format!("{{ node.name = {name} }}");
        let file = file.display().to_string();
        let words = ["-p", "--target", "0", "--latency", "256", "-P", &properties, &file];
        Ok(Self { running: stage.spawn("pw-cat", &words)?, port: format!("{name}:output_MONO") })
    }

    /// Waits until it is over.
    ///
    /// # Errors
    /// It goes on for too long.
    pub fn finish(mut self) -> Result<()> {
        self.running.wait().map(drop)
    }
}

/// Plays samples into a person's microphone.
///
/// # Errors
/// The microphone is not there.
pub fn speak(person: &Person<'_>, samples: &[f32]) -> Result<Playing> {
    let playing = Playing::start(person.stage(), samples)?;
    let port = format!("{}:input_MONO", person.device("microphone"));
    link(person.stage(), &playing.port, &port)?;
    Ok(playing)
}

/// The port that has what a person hears.
#[must_use]
pub fn ear(person: &Person<'_>) -> String {
    format!("{}:monitor_MONO", person.device("speaker"))
}

/// A recording that goes on.
#[derive(Debug)]
pub struct Recording {
    running: Running,
    name: String,
    file: PathBuf,
    channels: usize,
}

impl Recording {
    /// Records ports side by side, one channel each (one or two).
    ///
    /// # Errors
    /// A port is not there.
    pub fn start(stage: &Stage, ports: &[&str]) -> Result<Self> {
        Self::run_by(stage, ports, |words| stage.spawn("pw-cat", words))
    }

    /// As [`Recording::start`], by a process of the caller's choice: it is to run pw-cat with these
    /// words.
    ///
    /// # Errors
    /// A port is not there, or what `run` says.
    pub fn run_by(
        stage: &Stage,
        ports: &[&str],
        run: impl FnOnce(&[&str]) -> Result<Running>,
    ) -> Result<Self> {
        let mut recording = Self::prepare(stage, ports.len(), run)?;
        for (at, port) in ports.iter().enumerate() {
            recording.add(stage, at, port)?;
        }
        until("a recording", || (!recording.channel(0).is_empty()).then_some(()))?;
        recording.running.ended().map_or(Ok(recording), |status| {
            Err(Trouble::program("pw-cat", format!("ended with {status}")))
        })
    }

    fn prepare(
        stage: &Stage,
        channels: usize,
        run: impl FnOnce(&[&str]) -> Result<Running>,
    ) -> Result<Self> {
        let name = format!("trial-recorder-{}", number());
        let file = stage.path(&format!("{name}.raw"));
        let (properties, count) = (format!("{{ node.name = {name} }}"), channels.to_string());
        let path = file.display().to_string();
        let words = ["-r", "--target", "0", "--format", "f32", "--latency", "256", "--channels"];
        let words: Vec<&str> =
            words.into_iter().chain([&*count, "-P", &properties, &path]).collect();
        Ok(Self { running: run(&words)?, name, file, channels })
    }

    fn add(&self, stage: &Stage, at: usize, port: &str) -> Result<()> {
        let channel = match (self.channels, at) {
            (1, _) => "MONO",
            (_, 0) => "FL",
            (_, _) => "FR",
        };
        link(stage, port, &format!("{}:input_{channel}", self.name))
    }

    /// What a channel has so far.
    #[must_use]
    pub fn channel(&self, channel: usize) -> Vec<f32> {
        self.read(channel, 0)
    }

    /// The frames of a channel from a place on. The suffix `raw` makes pw-cat write no header.
    fn read(&self, channel: usize, from: u64) -> Vec<f32> {
        let mut bytes = Vec::new();
        if let Ok(mut file) = File::open(&self.file)
            && file.seek(SeekFrom::Start(from * 4 * self.channels as u64)).is_ok()
        {
            // What cannot be read yet is read at the next look.
            let _ = file.read_to_end(&mut bytes);
        }
        bytes
            .chunks_exact(4 * self.channels)
            .filter_map(|frame| frame.get(4 * channel..)?.first_chunk::<4>())
            .map(|bytes| f32::from_le_bytes(*bytes))
            .collect()
    }

    /// The last `milliseconds` of a channel.
    #[must_use]
    pub fn latest(&self, channel: usize, milliseconds: usize) -> Vec<f32> {
        let bytes = fs::metadata(&self.file).map_or(0, |file| file.len());
        let wanted = (milliseconds * wave::RATE / 1000) as u64;
        self.read(channel, (bytes / (4 * self.channels as u64)).saturating_sub(wanted))
    }

    /// Ends it and gives its channels.
    ///
    /// # Errors
    /// The recorder does not end.
    pub fn finish(mut self) -> Result<Vec<Vec<f32>>> {
        self.running.signal(Signal::INT);
        self.running.wait()?;
        Ok((0..self.channels).map(|channel| self.channel(channel)).collect())
    }
}

/// Plays chirps into one person's microphone and finds them at the other's speaker: the delay of
/// each that arrived, ms, and what the other heard.
///
/// # Errors
/// A device is not there.
pub fn mouth_to_ear(
    from: &Person<'_>,
    to: &Person<'_>,
    count: usize,
) -> Result<(Vec<f64>, Vec<f32>)> {
    let stage = from.stage();
    let recording = Recording::prepare(stage, 2, |words| stage.spawn("pw-cat", words))?;
    recording.add(stage, 1, &ear(to))?;
    let playing = Playing::start(stage, &wave::chirps(count))?;
    recording.add(stage, 0, &playing.port)?;
    link(stage, &playing.port, &format!("{}:input_MONO", from.device("microphone")))?;
    playing.finish()?;
    let channels = recording.finish()?;
    let [sent, heard] = <[Vec<f32>; 2]>::try_from(channels)
        .map_err(|_| Trouble::Wrong("a recording without two channels".to_owned()))?;
    Ok((wave::delays(&sent, &heard), heard))
}
