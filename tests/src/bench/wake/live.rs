//! Waiting at a virtual microphone: what it costs, and what wakes it.
//!
//! Owns: what is played to it, in real time. Does not own: the worker, the sound system, how much talk
//! there is in an hour. Invariant: only time in which something was played counts.

use std::{
    thread,
    time::{Duration, Instant},
};

use ahoy_core::voice::{Engine, Grammar, VoiceCommand, VoiceEvent};
use ahoy_trial::{
    Result, Stage,
    sound::{self, Playing},
};

use super::{
    ears::{Heard, WORD},
    hours,
};
use crate::{
    figure,
    hearing::{
        MODEL,
        corpus::{Corpus, VOICES, faster},
    },
    process::{cpu, pss},
    progress,
    worker::Worker,
};

const MICROPHONE: &str = "wake.microphone";

/// A worker that waits, and where.
pub(super) struct Waiting<'a> {
    // In this order: the worker ends before the sound system.
    worker: Worker,
    stage: Stage,
    grammar: &'a Grammar,
}

impl<'a> Waiting<'a> {
    pub(super) fn start(grammar: &'a Grammar) -> Result<Self> {
        let stage = Stage::start()?;
        stage.add_device("Audio/Source/Virtual", MICROPHONE)?;
        let waiting = Self { worker: Worker::start()?, stage, grammar };
        waiting.wait()?;
        Ok(waiting)
    }

    fn wait(&self) -> Result<()> {
        let wait = VoiceCommand::Wait {
            word: WORD.to_owned(),
            wake_model: MODEL.to_owned(),
            engine: Engine::PocketSphinx,
            model: MODEL.to_owned(),
            grammar: self.grammar.clone(),
            microphone: Some(MICROPHONE.to_owned()),
        };
        self.worker.ask(&self.stage, &wait)?;
        self.worker.until(|event| (event == VoiceEvent::Waiting).then_some(()))
    }

    fn play(&self, samples: &[f32]) -> Result<Playing> {
        let playing = Playing::start(&self.stage, &faster(samples))?;
        sound::link(&self.stage, &playing.port, &format!("{MICROPHONE}:input_MONO"))?;
        Ok(playing)
    }

    /// What it costs in silence and in talk, each for this long.
    pub(super) fn cost(&self, corpus: &Corpus, time: Duration) -> Result<()> {
        self.cost_of("waiting_in_silence", time);
        let talk = hours::part(corpus, 0, time.as_secs() as usize + 5)?;
        let _playing = self.play(&talk)?;
        self.cost_of("waiting_in_talk", time);
        Ok(())
    }

    fn cost_of(&self, what: &str, time: Duration) {
        let id = self.worker.id();
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

    /// So many parts of talk and music, none of them one that is heard from a file.
    pub(super) fn listen(&self, parts: usize, part: usize, first: usize) -> Result<Heard> {
        let corpus = Corpus::new(&VOICES)?;
        let mut heard = Heard::default();
        for number in 0..parts {
            progress(&format!("{number} of {parts} parts through the microphone"));
            let samples = hours::part(&corpus, first + number, part)?;
            let began = Instant::now();
            let playing = self.play(&samples)?;
            self.hear(&mut heard, began + Duration::from_secs(part as u64))?;
            // What is longer than a part is not listened to.
            drop(playing);
            heard.seconds += began.elapsed().as_secs_f64();
        }
        Ok(heard)
    }

    fn hear(&self, heard: &mut Heard, until: Instant) -> Result<()> {
        while let Some(event) = self.worker.event(until)? {
            heard.woken += usize::from(event == VoiceEvent::Woken);
            if let VoiceEvent::Heard { hypotheses, .. } = event {
                heard.commands.extend(hypotheses.into_iter().next());
                self.wait()?;
            }
        }
        Ok(())
    }
}
