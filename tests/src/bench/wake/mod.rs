//! The wake word: how often it wakes when nobody said it, and how often it does not when somebody did.
//!
//! Owns: what is counted. Does not own: hours of talk and music (`hours`), voices and noise
//! (`hearing::corpus`), hearing (`ears`: the worker's own, with files in the place of a microphone).
//! Invariant: a word counts as heard only where it was told, a command only if it means what was said.

mod ears;
mod hours;
mod live;

use std::{thread, time::Duration};

use ahoy_core::voice::{Grammar, Situation};
use ahoy_trial::{Result, Trouble};

use self::ears::{Ears, Heard, WORD};
use crate::{
    figure,
    hearing::{
        World,
        corpus::{Corpus, Noise, RATE, VOICES},
    },
    progress,
};

/// How much is heard.
pub(crate) struct Size {
    /// Parts of talk and music, and the length of each, seconds.
    parts: usize,
    part: usize,
    /// Commands after the word.
    commands: usize,
    voices: usize,
    noises: &'static [Noise],
    /// Each cost is measured for this long.
    live: Duration,
    /// Parts that are heard through a microphone, as long as they take, beside those from files.
    played: usize,
}

/// What the figures are about: ten hours, and another one through a microphone.
pub(crate) const FULL: Size = Size {
    parts: 120,
    part: 300,
    commands: 6,
    voices: VOICES.len(),
    noises: &[
        Noise::Clean,
        Noise::Babble(20),
        Noise::Babble(10),
        Noise::Music(20),
        Noise::Music(10),
    ],
    live: Duration::from_secs(60),
    played: 12,
};
/// Whether all of it still works.
pub(crate) const QUICK: Size = Size {
    parts: 6,
    part: 40,
    commands: 3,
    voices: 1,
    noises: &[Noise::Clean],
    live: Duration::from_secs(5),
    played: 1,
};

/// Who is called by whom.
struct Hall {
    world: World,
    grammar: Grammar,
}

/// Runs it.
pub(crate) fn run(size: &Size) -> Result<()> {
    let world = World::new()?;
    let hall = Hall { grammar: world.grammar(Situation::Idle), world };
    let corpus = Corpus::new(&VOICES[..size.voices])?;
    progress("waiting at a virtual microphone");
    let waiting = live::Waiting::start(&hall.grammar)?;
    waiting.cost(&corpus, size.live)?;
    // Beside each other: that many processors are taken to be there, and nothing is timed.
    thread::scope(|scope| {
        let said = scope.spawn(|| said(&hall, corpus, size));
        let files = scope.spawn(|| not_said(&hall, size));
        let played = waiting.listen(size.played, size.part, size.parts);
        played.map(|heard| print(&heard, "wake_played"))?;
        let ended = |_| Trouble::Wrong("a lane ended".into());
        said.join().map_err(ended)?.and(files.join().map_err(ended)?)
    })
}

/// What came of hours without the word.
fn print(heard: &Heard, name: &str) {
    let hours = heard.seconds / 3600.0;
    figure(&format!("{name}_hours"), hours, "h");
    figure(&format!("{name}_false_per_hour"), heard.woken as f64 / hours, "1/h");
    figure(&format!("{name}_false_calls"), heard.commands.len() as f64, "commands");
}

/// Hours without the word, in two lanes.
fn not_said(hall: &Hall, size: &Size) -> Result<()> {
    let total = thread::scope(|scope| {
        let lanes = [0, 1].map(|first| scope.spawn(move || lane(hall, size, first)));
        let mut total = Heard::default();
        for lane in lanes {
            let heard = lane.join().map_err(|_| Trouble::Wrong("a lane ended".into()))??;
            total.woken += heard.woken;
            total.prepared += heard.prepared;
            total.seconds += heard.seconds;
            total.commands.extend(heard.commands);
        }
        Ok::<Heard, Trouble>(total)
    })?;
    print(&total, "wake");
    figure("wake_looked_at_per_hour", total.prepared as f64 * 3600.0 / total.seconds, "1/h");
    Ok(())
}

/// Every second part.
fn lane(hall: &Hall, size: &Size, first: usize) -> Result<Heard> {
    let corpus = Corpus::new(&VOICES)?;
    let mut ears = Ears::open(hall.grammar.clone())?;
    let mut total = Heard::default();
    for number in (first..size.parts).step_by(2) {
        let file = corpus.file(&hours::part(&corpus, number, size.part)?)?;
        let heard = ears.hear(&file)?;
        if heard.woken > 0 {
            progress(&format!("part {number}: {} woken, {:?}", heard.woken, heard.commands));
        }
        total.woken += heard.woken;
        total.prepared += heard.prepared;
        total.seconds += heard.seconds;
        total.commands.extend(heard.commands);
        if number % 10 == 0 {
            progress(&format!("{number} of {} parts without the word", size.parts));
        }
    }
    Ok(total)
}

#[derive(Default)]
struct Count {
    said: usize,
    woken: usize,
    right: usize,
    wrong: usize,
}

impl Count {
    fn print(&self, name: &str) {
        let share = |count: usize| 100.0 * count as f64 / self.said.max(1) as f64;
        figure(&format!("wake_{name}_woken"), share(self.woken), "%");
        figure(&format!("wake_{name}_right"), share(self.right), "%");
        figure(&format!("wake_{name}_wrong"), share(self.wrong), "%");
    }
}

/// The word and a command: in one breath in every noise, and with a pause.
fn said(hall: &Hall, mut corpus: Corpus, size: &Size) -> Result<()> {
    let mut ears = Ears::open(hall.grammar.clone())?;
    let examples = hall.world.pack.examples(Situation::Idle, &hall.world.book, 0);
    let every = (examples.len() / size.commands).max(1);
    let commands: Vec<String> =
        examples.into_iter().step_by(every).take(size.commands).map(|(_, text)| text).collect();
    for noise in size.noises {
        progress(&format!("{} commands after the word, {}", commands.len(), noise.name()));
        let (mut all, mut kinds) = (Count::default(), [Count::default(), Count::default()]);
        for voice in 0..size.voices {
            for text in &commands {
                let file = corpus.spoken(voice, &format!("{WORD}, {text}"), *noise)?;
                let heard = ears.hear(&file)?;
                let kind = &mut kinds[usize::from(corpus.is_recorded(voice))];
                [&mut all, kind].into_iter().for_each(|count| hall.count(count, text, &heard));
            }
        }
        all.print(&noise.name());
        if size.voices > 1 {
            kinds[0].print(&format!("{}_formant_voices", noise.name()));
            kinds[1].print(&format!("{}_recorded_voices", noise.name()));
        }
    }
    let mut paused = Count::default();
    for voice in &VOICES[..size.voices] {
        for text in &commands {
            let word = corpus.synthesize(*voice, WORD)?;
            let command = corpus.synthesize(*voice, text)?;
            let all = [word, vec![0.0; RATE * 3 / 2], command].concat();
            let heard = ears.hear(&corpus.among(&all, Noise::Clean, 0)?)?;
            hall.count(&mut paused, text, &heard);
        }
    }
    paused.print("pause");
    Ok(())
}

impl Hall {
    fn count(&self, count: &mut Count, said: &str, heard: &Heard) {
        let means = |text: &str| self.world.pack.interpret(Situation::Idle, &self.world.book, text);
        count.said += 1;
        count.woken += usize::from(heard.woken > 0);
        if let Some(command) = heard.commands.first() {
            let right = means(&command.text) == means(said);
            count.right += usize::from(right);
            count.wrong += usize::from(!right);
        }
    }
}
