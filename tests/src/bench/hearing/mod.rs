//! Commands in synthetic voices, clean and in noise: right, refused, wrong, and wrong calls.
//!
//! Owns: what is said, and how what was heard is counted. Does not own: voices and noise (`corpus`),
//! hearing (`ahoy-voice --files`: the worker's own ears, with files in the place of a microphone).
//! Invariant: what is counted right is what the same words mean when they are typed.

pub(crate) mod corpus;
pub(crate) mod live;
mod table;
mod tongue;

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use ahoy_core::{
    id::ContactId,
    voice::{
        Bare, Book, Engine, Grammar, Hypothesis, Intent, Kind, Meaning, Pack, Person, SURE,
        Situation,
    },
};
use ahoy_trial::{Result, Trouble, person::built};
use serde::{Deserialize, Serialize};

pub(crate) use self::tongue::MODEL;
use self::{
    corpus::{Corpus, Noise, VOICES},
    table::Table,
    tongue::Tongue,
};
use crate::{figure, progress};

/// Sentences between two lines about how far it is.
const SENTENCES_TOLD: usize = 20;

/// How much is said.
pub(crate) struct Size<'a> {
    /// Phrases of each intent and situation.
    pub(crate) phrases: usize,
    pub(crate) voices: usize,
    pub(crate) noises: &'a [Noise],
    /// Only this language.
    pub(crate) language: Option<&'a str>,
}

/// What the figures are about.
pub(crate) const FULL: Size<'static> =
    Size { phrases: 2, voices: VOICES.len(), noises: &Noise::ALL, language: None };
/// Whether all of it still works.
pub(crate) const QUICK: Size<'static> =
    Size { phrases: 1, voices: 1, noises: &[Noise::Clean], language: None };

/// Something that is said.
pub(crate) struct Said {
    pub(crate) situation: Situation,
    pub(crate) text: String,
    /// What it means; `None`: no command.
    pub(crate) kind: Option<Kind>,
}

#[derive(Serialize)]
struct Asked<'a> {
    engine: Engine,
    model: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    grammar: Option<&'a Grammar>,
    file: &'a Path,
}

#[derive(Deserialize)]
pub(crate) struct Answered {
    waited_ms: u32,
    pub(crate) hypotheses: Vec<Hypothesis>,
}

/// How it was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Right,
    /// Right, and it asks whether it is.
    Asked,
    Refused,
    Wrong,
    /// Somebody would be called who was not asked for.
    WrongCall,
}

/// Who understands, and whom they know.
pub(crate) struct World {
    tongue: Tongue,
    pub(crate) pack: Pack,
    pub(crate) book: Book,
}

impl World {
    /// English, with an address book of a few people.
    pub(crate) fn new() -> Result<Self> {
        Self::speaking(Tongue::english(), tongue::NAMES)
    }

    /// English, with these people.
    pub(crate) fn of(names: impl IntoIterator<Item = &'static str>) -> Result<Self> {
        Self::speaking(Tongue::english(), names)
    }

    fn speaking(tongue: Tongue, names: impl IntoIterator<Item = &'static str>) -> Result<Self> {
        let pack = Pack::built_in(tongue.language);
        let pack = pack.map_err(|error| Trouble::Wrong(error.to_string()))?;
        Ok(Self { tongue, pack, book: Book::new(names.into_iter().map(person).collect()) })
    }

    pub(crate) fn grammar(&self, situation: Situation) -> Grammar {
        self.pack.grammar(situation, &self.book)
    }

    /// Some phrases of each intent in each situation, and sentences that are none.
    fn sentences(&self, size: &Size<'_>) -> Vec<Said> {
        let mut all = Vec::new();
        for situation in Situation::ALL {
            let mut seen: Vec<Kind> = Vec::new();
            let examples = self.pack.examples(situation, &self.book, 0);
            for (number, (kind, text)) in examples.into_iter().enumerate() {
                let before = seen.iter().filter(|one| **one == kind).count();
                // The worker is given names as they are spoken, and a synthesizer reads them so.
                if before < size.phrases && number % 2 == before % 2 || before == 0 {
                    seen.push(kind);
                    all.push(Said { situation, text, kind: Some(kind) });
                }
            }
            // Whatever is said where a message is dictated is the message.
            if self.grammar(situation).is_dictation() {
                continue;
            }
            let other = |text: &&str| Said { situation, text: (**text).to_owned(), kind: None };
            all.extend(self.tongue.others.iter().take(size.phrases * 5 / 2).map(other));
        }
        all
    }

    /// What comes of it, and what it was taken for.
    pub(crate) fn judge(&self, said: &Said, heard: Option<&Hypothesis>) -> (Verdict, Option<Kind>) {
        let means = |text: &str| self.pack.interpret(said.situation, &self.book, text);
        let wanted = said.kind.map_or(Meaning::NotForUs, |_| means(&said.text));
        let got = heard.map(|heard| means(&heard.text)).filter(|got| *got != Meaning::NotForUs);
        let Some(got) = got else {
            return (Verdict::Refused, None);
        };
        let doubtful = heard.is_some_and(|heard| heard.score < SURE);
        if doubtful && needs_certainty(&got) {
            return (Verdict::Refused, None);
        }
        let kind = match &got {
            Meaning::Clear(intent, _)
            | Meaning::Ambiguous(intent, _)
            | Meaning::UnknownName(intent) => Some(intent.kind()),
            Meaning::NotForUs => None,
        };
        (verdict(&got, &wanted, doubtful), kind)
    }
}

pub(crate) fn person(name: impl Into<String>) -> Person {
    let name = name.into();
    Person { contact: ContactId(name.clone()), name, aliases: Vec::new() }
}

/// Whom a meaning calls, or what it dials.
fn called(meaning: &Meaning) -> Option<String> {
    match meaning {
        Meaning::Clear(Intent::Call { .. }, Some(person)) => Some(person.contact.0.clone()),
        Meaning::Clear(Intent::CallFavourite(place), _) => Some(format!("favourite {place}")),
        Meaning::Clear(Intent::Bare(bare @ (Bare::Redial | Bare::CallBack)), _) => {
            Some(format!("{bare:?}"))
        }
        // A number is dialled after a yes only.
        Meaning::Clear(..)
        | Meaning::Ambiguous(..)
        | Meaning::UnknownName(_)
        | Meaning::NotForUs => None,
    }
}

/// What is not done of what was heard doubtfully (`ahoy_core::voice::Dialogue`).
const fn needs_certainty(meaning: &Meaning) -> bool {
    matches!(
        meaning,
        Meaning::Clear(
            Intent::Bare(
                Bare::Answer
                    | Bare::AnswerVideo
                    | Bare::Decline
                    | Bare::HangUp
                    | Bare::Unmute
                    | Bare::CameraOn
                    | Bare::ShareScreen
            ),
            _
        )
    )
}

fn verdict(got: &Meaning, wanted: &Meaning, doubtful: bool) -> Verdict {
    // Whoever was heard doubtfully is asked about, and called after a yes only.
    let is_asked = called(got).is_some() && doubtful;
    match (got == wanted, is_asked) {
        (true, true) => Verdict::Asked,
        (true, false) => Verdict::Right,
        (false, true) => Verdict::Wrong,
        (false, false) if called(got).is_some() && called(got) != called(wanted) => {
            Verdict::WrongCall
        }
        (false, false) => Verdict::Wrong,
    }
}

/// Counts of one heap.
#[derive(Clone, Copy, Default)]
pub(crate) struct Count {
    right: usize,
    asked: usize,
    refused: usize,
    wrong: usize,
    wrong_calls: usize,
}

impl Count {
    pub(crate) fn add(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Right => self.right += 1,
            Verdict::Asked => self.asked += 1,
            Verdict::Refused => self.refused += 1,
            Verdict::Wrong => self.wrong += 1,
            Verdict::WrongCall => self.wrong_calls += 1,
        }
    }

    /// Adds another heap.
    fn take(&mut self, other: &Self) {
        self.right += other.right;
        self.asked += other.asked;
        self.refused += other.refused;
        self.wrong += other.wrong;
        self.wrong_calls += other.wrong_calls;
    }

    fn share_right(&self) -> f64 {
        100.0 * (self.right + self.asked) as f64 / self.all().max(1) as f64
    }

    const fn all(&self) -> usize {
        self.right + self.asked + self.refused + self.wrong + self.wrong_calls
    }

    pub(crate) fn print(&self, name: &str) {
        let share = |count: usize| 100.0 * count as f64 / self.all().max(1) as f64;
        figure(&format!("{name}_right"), self.share_right(), "%");
        figure(&format!("{name}_right_after_a_question"), share(self.asked), "%");
        figure(&format!("{name}_refused"), share(self.refused), "%");
        figure(&format!("{name}_wrong"), share(self.wrong + self.wrong_calls), "%");
        figure(&format!("{name}_wrong_calls"), self.wrong_calls as f64, "calls");
    }
}

/// The worker's ears, for as long as there is something to hear.
pub(crate) struct Ears {
    process: std::process::Child,
    answers: BufReader<std::process::ChildStdout>,
}

impl Ears {
    pub(crate) fn open() -> Result<Self> {
        let program = built("ahoy-voice")?;
        let started = Command::new(&program)
            .arg("--files")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut process = started.map_err(Trouble::io("ahoy-voice"))?;
        let out = process.stdout.take().ok_or_else(|| Trouble::Wrong("no output".into()))?;
        Ok(Self { process, answers: BufReader::new(out) })
    }

    /// In English.
    pub(crate) fn hear(&mut self, grammar: Option<&Grammar>, file: &Path) -> Result<Answered> {
        self.hear_as(&Tongue::english(), grammar, file)
    }

    fn hear_as(
        &mut self,
        tongue: &Tongue,
        grammar: Option<&Grammar>,
        file: &Path,
    ) -> Result<Answered> {
        let asked = Asked { engine: tongue.engine, model: &tongue.model, grammar, file };
        let mut line = serde_json::to_string(&asked).map_err(|e| Trouble::Wrong(e.to_string()))?;
        line.push('\n');
        let to = self.process.stdin.as_mut();
        let to = to.ok_or_else(|| Trouble::Wrong("no input".into()))?;
        to.write_all(line.as_bytes()).map_err(Trouble::io("ahoy-voice"))?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer).map_err(Trouble::io("ahoy-voice"))?;
        serde_json::from_str(&answer).map_err(|e| Trouble::Wrong(format!("ahoy-voice: {e}")))
    }
}

impl Drop for Ears {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// One condition, as far as it was heard.
#[derive(Default)]
struct Heap {
    commands: Count,
    /// Of them, in formant voices and in recorded ones.
    kinds: [Count; 2],
    others: Count,
    /// Silence waited for after commands that were right, ms.
    waited: Vec<f64>,
}

impl Heap {
    fn add(&mut self, said: &Said, recorded: bool, verdict: Verdict, waited_ms: u32) {
        if said.kind.is_none() {
            return self.others.add(verdict);
        }
        self.commands.add(verdict);
        self.kinds[usize::from(recorded)].add(verdict);
        if verdict == Verdict::Right {
            self.waited.push(f64::from(waited_ms));
        }
    }

    fn print(&self, part: &str, noise: Noise, voices: usize) {
        let name = format!("{part}_{}", noise.name());
        self.commands.print(&name);
        if voices > 1 {
            let [formant, recorded] = &self.kinds;
            formant.print(&format!("{name}_formant_voices"));
            recorded.print(&format!("{name}_recorded_voices"));
        }
        self.others.print(&format!("{name}_other_speech"));
    }
}

/// What all conditions have in common.
struct Hall<'a> {
    world: &'a World,
    voices: usize,
    corpus: Corpus,
    ears: Ears,
    table: Table,
}

impl Hall<'_> {
    /// Says everything in one noise.
    fn hear(&mut self, all: &[Said], noise: Noise) -> Result<Heap> {
        let mut heap = Heap::default();
        let mut before: Option<Situation> = None;
        for (number, said) in all.iter().enumerate() {
            if number % SENTENCES_TOLD == 0 {
                let (done, all, right) = (number, all.len(), heap.commands.share_right());
                let voices = self.voices;
                progress(&format!(
                    "{}: {done} of {all} sentences in {voices} voices, {right:.0} % right",
                    noise.name()
                ));
            }
            let is_new = before.replace(said.situation) != Some(said.situation);
            let grammar = is_new.then(|| self.world.grammar(said.situation));
            self.hear_voices(said, noise, grammar.as_ref(), &mut heap)?;
        }
        Ok(heap)
    }

    fn hear_voices(
        &mut self,
        said: &Said,
        noise: Noise,
        mut grammar: Option<&Grammar>,
        heap: &mut Heap,
    ) -> Result<()> {
        for voice in 0..self.voices {
            let text = self.world.tongue.written(&said.text);
            let file: PathBuf = self.corpus.spoken(voice, &text, noise)?;
            let answer = self.ears.hear_as(&self.world.tongue, grammar.take(), &file)?;
            let heard = answer.hypotheses.first();
            let (verdict, kind) = self.world.judge(said, heard);
            if verdict == Verdict::WrongCall {
                let what = format!("{}: {:?} -> {heard:?}", noise.name(), said.text);
                progress(&format!("wrong call, {} {what}", self.corpus.name(voice)));
            }
            self.table.add(said.kind, kind);
            heap.add(said, self.corpus.is_recorded(voice), verdict, answer.waited_ms);
        }
        Ok(())
    }
}

/// Runs it; pictures of what was taken for what go beside `picture`, after each noise anew.
pub(crate) fn run(size: &Size<'_>, picture: &Path) -> Result<()> {
    let is_wanted = |language: &str| size.language.is_none_or(|one| one == language);
    if is_wanted("en") {
        hear(&World::new()?, "hearing", size, picture)?;
    }
    if !is_wanted("ko") {
        return Ok(());
    }
    let Some(korean) = Tongue::korean() else {
        progress("no Korean: AHOY_VOSK_KO names no model, or AHOY_LIBVOSK no library");
        return Ok(());
    };
    let world = World::speaking(korean, tongue::KOREAN_NAMES)?;
    hear(&world, "hearing_korean", size, &picture.with_file_name("hearing-korean.svg"))
}

/// All of one language.
fn hear(world: &World, part: &str, size: &Size<'_>, picture: &Path) -> Result<()> {
    let all = world.sentences(size);
    let voices = size.voices.min(world.tongue.voices.len());
    let mut hall = Hall {
        world,
        voices,
        corpus: Corpus::new(&world.tongue.voices[..voices])?,
        ears: Ears::open()?,
        table: Table::default(),
    };
    let (mut said, mut wrong_calls) = (0, 0);
    let mut others = Count::default();
    for noise in size.noises {
        let heap = hall.hear(&all, *noise)?;
        heap.print(part, *noise, voices);
        others.take(&heap.others);
        said += heap.commands.all() + heap.others.all();
        wrong_calls += heap.commands.wrong_calls + heap.others.wrong_calls;
        if let Some(wait) = ahoy_trial::wave::median(heap.waited)
            && *noise == Noise::Clean
        {
            figure(&format!("{part}_endpointer_wait"), wait, "ms");
        }
        hall.table.draw(picture)?;
    }
    others.print(&format!("{part}_other_speech"));
    figure(&format!("{part}_wrong_calls"), wrong_calls as f64, "calls");
    figure(&format!("{part}_sentences"), said as f64, "sentences");
    Ok(())
}
