//! What waiting costs: a real worker at a virtual microphone.
//!
//! Owns: the worker and what it hears. Does not own: the sound system. Invariant: the worker is
//! started, and locked in, as `ahoyd` does it.

use std::{
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::net::UnixStream,
    },
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

use ahoy_core::{
    voice::{Engine, Grammar, VoiceCommand, VoiceEvent},
    worker::{Frame, MAX_MESSAGE, write_control},
};
use ahoy_sandbox::Channel;
use ahoy_trial::{
    Result, Stage, Trouble,
    person::built,
    sound::{self, Playing},
    wave,
};

use super::ears::WORD;
use crate::{
    figure,
    hearing::{
        MODEL,
        corpus::{Corpus, RATE},
    },
    process::{cpu, pss},
};

const MICROPHONE: &str = "wake.microphone";

/// A worker without a daemon.
struct Worker {
    channel: Channel,
    child: Child,
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Worker {
    fn start() -> Result<Self> {
        let (channel, theirs) = Channel::pair().map_err(Trouble::io("a socket pair"))?;
        let mut command = Command::new("sh");
        command
            // The shell puts the socket, its standard input, where a worker looks for it.
            .args(["-c", r#"exec "$0" --models "$1" 3<&0 0</dev/null"#])
            .arg(built("ahoy-voice")?)
            .arg(MODEL)
            .stdin(theirs);
        let child = command.spawn().map_err(Trouble::io("ahoy-voice"))?;
        Ok(Self { channel, child })
    }

    fn send(&self, command: &VoiceCommand, fd: Option<&OwnedFd>) -> Result<()> {
        let mut out = Vec::new();
        write_control(command, &mut out).map_err(|error| Trouble::Wrong(error.to_string()))?;
        let fds: Vec<_> = fd.iter().map(|fd| fd.as_fd()).collect();
        self.channel.send(&out, &fds).map_err(Trouble::io("ahoy-voice"))
    }

    /// Reads events up to this one.
    fn until(&self, wanted: &VoiceEvent) -> Result<()> {
        let mut buffer = vec![0; MAX_MESSAGE];
        loop {
            let received = self.channel.recv(&mut buffer).map_err(Trouble::io("ahoy-voice"))?;
            match Frame::parse(&buffer[..received.len]) {
                Ok(Frame::Control(event)) if event == *wanted => return Ok(()),
                Ok(Frame::Control(VoiceEvent::Failed { why })) => return Err(Trouble::Wrong(why)),
                Ok(_) => {}
                Err(error) => return Err(Trouble::Wrong(format!("ahoy-voice: {error}"))),
            }
        }
    }

    fn cost(&self, what: &str, time: Duration) {
        let id = self.child.id();
        let (before, start) = (cpu(id), Instant::now());
        thread::sleep(time);
        if let (Some(before), Some(after)) = (before, cpu(id)) {
            let share = (after - before) / start.elapsed().as_secs_f64() * 100.0;
            figure(&format!("wake_{what}_cpu"), share, "% of a core");
        }
        if let Some(memory) = pss(id) {
            figure(&format!("wake_{what}_pss"), memory, "MB");
        }
    }
}

/// Waits in silence and in talk, each for this long.
pub(super) fn run(corpus: &Corpus, grammar: &Grammar, time: Duration) -> Result<()> {
    let stage = Stage::start()?;
    stage.add_device("Audio/Source/Virtual", MICROPHONE)?;
    let worker = Worker::start()?;
    let socket = UnixStream::connect(stage.path("pipewire-0")).map_err(Trouble::io("PipeWire"))?;
    worker.send(&VoiceCommand::PipeWire, Some(&socket.into()))?;
    let wait = VoiceCommand::Wait {
        word: WORD.to_owned(),
        wake_model: MODEL.to_owned(),
        engine: Engine::PocketSphinx,
        model: MODEL.to_owned(),
        grammar: grammar.clone(),
        microphone: Some(MICROPHONE.to_owned()),
    };
    worker.send(&wait, None)?;
    worker.until(&VoiceEvent::Waiting)?;
    worker.cost("waiting_in_silence", time);
    let talk = super::hours::part(corpus, 0, time.as_secs() as usize + 5)?;
    let playing = Playing::start(&stage, &faster(&talk))?;
    sound::link(&stage, &playing.port, &format!("{MICROPHONE}:input_MONO"))?;
    worker.cost("waiting_in_talk", time);
    Ok(())
}

/// At the rate of the sound system.
fn faster(samples: &[f32]) -> Vec<f32> {
    let times = wave::RATE / RATE;
    let between = |pair: &[f32]| {
        let (from, to) = (pair[0], pair[1]);
        (0..times).map(move |part| from + (to - from) * part as f32 / times as f32)
    };
    samples.windows(2).flat_map(between).collect()
}
