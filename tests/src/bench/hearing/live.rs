//! The same commands through a virtual microphone, each as long as it takes to say.
//!
//! Owns: a lane for each voice, with a microphone and a worker of its own. Does not own: what is said,
//! voices, verdicts. Invariant: the noise is there before the microphone opens and goes on after the
//! voice, so that both ends of speech have to be found as in a room.

use std::{
    path::Path,
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use ahoy_core::voice::{Engine, Hypothesis, Kind, VoiceCommand, VoiceEvent};
use ahoy_trial::{
    Result, Stage, Trouble,
    sound::{self, Playing},
};

use super::{
    Count, Heap, MODEL, Said, Size, Verdict, World,
    corpus::{AROUND, Corpus, Noise, VOICES, Voice, faster},
    table::Table,
};
use crate::{figure, progress, worker::Worker};

/// A sentence of which nothing was heard is over after this long.
const LONGEST: Duration = Duration::from_secs(8);
/// A microphone that opens later has not heard the noise alone.
const OPENED: Duration = Duration::from_millis(AROUND.0 as u64 * 1_000 - 200);
/// As often as it is said again.
const MOST_TRIES: usize = 5;

/// A voice in front of a microphone.
struct Lane<'a> {
    world: &'a World,
    stage: &'a Stage,
    microphone: String,
    worker: Worker,
    corpus: Corpus,
    recorded: bool,
}

/// What came of one sentence.
struct Heard {
    best: Option<Hypothesis>,
    /// From the end of speech, ms.
    latency_ms: u32,
}

/// One condition, as far as it was heard.
#[derive(Default)]
struct Found {
    heap: Heap,
    latencies: Vec<f64>,
    pairs: Vec<(Option<Kind>, Option<Kind>)>,
}

/// Runs it; the picture of what was taken for what goes to `picture`, after each noise anew.
pub(crate) fn run(size: &Size<'_>, picture: &Path) -> Result<()> {
    let world = World::new()?;
    let all = world.sentences(size);
    let stage = Stage::start()?;
    let lane = |voice: &Voice| Lane::start(&world, &stage, *voice);
    let mut lanes = VOICES[..size.voices].iter().map(lane).collect::<Result<Vec<_>>>()?;
    let (mut others, mut table) = (Count::default(), Table::default());
    for noise in size.noises {
        let (said, voices) = (all.len(), lanes.len());
        progress(&format!("{said} sentences in {voices} voices, {}", noise.name()));
        let found = hear_all(&mut lanes, &all, *noise)?;
        found.heap.print("microphone", *noise, size.voices);
        others.take(&found.heap.others);
        percentiles(*noise, found.latencies);
        found.pairs.into_iter().for_each(|(said, got)| table.add(said, got));
        table.draw(picture)?;
    }
    others.print("microphone_other_speech");
    Ok(())
}

/// All voices at once, each at its own microphone.
fn hear_all(lanes: &mut [Lane<'_>], all: &[Said], noise: Noise) -> Result<Found> {
    let found = Mutex::new(Found::default());
    let ended = || Trouble::Wrong("a lane ended".to_owned());
    thread::scope(|scope| {
        let (found, mut threads) = (&found, Vec::new());
        for lane in lanes {
            threads.push(scope.spawn(move || {
                all.iter().try_for_each(|said| {
                    let heard = lane.hear(said, noise)?;
                    lane.note(said, &heard, &mut *found.lock().map_err(|_| ended())?);
                    Ok(())
                })
            }));
        }
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| ended())?)
    })?;
    found.into_inner().map_err(|_| ended())
}

impl<'a> Lane<'a> {
    fn start(world: &'a World, stage: &'a Stage, voice: Voice) -> Result<Self> {
        let microphone = format!("hearing.microphone.{}", voice.0);
        stage.add_device("Audio/Source/Virtual", &microphone)?;
        let (worker, corpus) = (Worker::start()?, Corpus::new(&[voice])?);
        Ok(Self { world, stage, microphone, worker, corpus, recorded: voice.2 })
    }

    fn note(&self, said: &Said, heard: &Heard, found: &mut Found) {
        let (verdict, kind) = self.world.judge(said, heard.best.as_ref());
        if verdict == Verdict::WrongCall {
            let best = &heard.best;
            progress(&format!("wrong call, {}: {:?} -> {best:?}", self.microphone, said.text));
        }
        found.heap.add(said, self.recorded, verdict, heard.latency_ms);
        found.pairs.push((said.kind, kind));
        if said.kind.is_some() && heard.best.is_some() {
            found.latencies.push(f64::from(heard.latency_ms));
        }
    }

    fn hear(&mut self, said: &Said, noise: Noise) -> Result<Heard> {
        let samples = faster(&self.corpus.said(0, &said.text, noise)?);
        for _ in 0..MOST_TRIES {
            let playing = Playing::start(self.stage, &samples)?;
            sound::link(self.stage, &playing.port, &format!("{}:input_MONO", self.microphone))?;
            let began = Instant::now();
            self.listen(said)?;
            let in_time = began.elapsed() < OPENED;
            let heard = self.answer()?;
            drop(playing);
            if in_time {
                return Ok(heard);
            }
        }
        Err(Trouble::Wrong("this machine is too busy to listen in time".to_owned()))
    }

    fn listen(&self, said: &Said) -> Result<()> {
        let engine = Engine::PocketSphinx;
        let listen = VoiceCommand::Listen {
            engine,
            model: MODEL.to_owned(),
            grammar: self.world.grammar(said.situation),
            microphone: Some(self.microphone.clone()),
            timeout_ms: LONGEST.as_millis() as u32,
        };
        self.worker.ask(self.stage, &listen)?;
        self.worker.until(|event| (event == VoiceEvent::Listening { engine }).then_some(()))
    }

    fn answer(&self) -> Result<Heard> {
        self.worker.until(|event| {
            if let VoiceEvent::Heard { hypotheses, latency_ms } = event {
                return Some(Heard { best: hypotheses.into_iter().next(), latency_ms });
            }
            (event == VoiceEvent::Nothing).then_some(Heard { best: None, latency_ms: 0 })
        })
    }
}

/// How long it took from the end of speech to a command: half of them, and all but one in twenty.
fn percentiles(noise: Noise, mut latencies: Vec<f64>) {
    latencies.sort_by(f64::total_cmp);
    for (share, name) in [(50, "p50"), (95, "p95")] {
        // Of 0 to 99 % none is past the end.
        if let Some(value) = latencies.get(latencies.len() * share / 100) {
            figure(&format!("microphone_{}_latency_{name}", noise.name()), *value, "ms");
        }
    }
}
