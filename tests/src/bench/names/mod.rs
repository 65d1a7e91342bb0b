//! Two hundred names of many origins: who is heard right, asked about, refused or taken for another,
//! by spelling alone and with what espeak-ng says of them.
//!
//! Owns: the table by origin, and how long a full address book takes to be listened for. Does not own:
//! hearing, voices, verdicts (`hearing`). Invariant: all names are in the book at once, so each may be
//! taken for any other.

mod guessed;
mod list;

use std::time::{Duration, Instant};

use ahoy_core::voice::{Book, Grammar, Kind, Situation};
use ahoy_trial::Result;

use self::list::NAMES;
use crate::{
    figure,
    hearing::{
        Count, Ears, Said, Verdict, World,
        corpus::{Corpus, Noise, VOICES},
        person,
    },
    progress,
};

/// People in the largest book that is listened for.
const FULL_BOOK: usize = 2000;

/// How much is said.
pub(crate) struct Size {
    /// Names of each origin.
    names: usize,
    voices: usize,
}

/// What the table is about.
pub(crate) const FULL: Size = Size { names: 20, voices: VOICES.len() };
/// Whether all of it still works.
pub(crate) const QUICK: Size = Size { names: 2, voices: 1 };

/// How a name comes to be known.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Spelling,
    /// And what espeak-ng says of it.
    Phonemes,
}

impl Way {
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "spelling" => Some(Self::Spelling),
            "phonemes" => Some(Self::Phonemes),
            _ => None,
        }
    }
}

fn world() -> Result<World> {
    World::of(NAMES.iter().flat_map(|(_, names)| *names))
}

/// Runs the table: by one way alone, or by both.
pub(crate) fn run(size: &Size, way: Option<Way>) -> Result<()> {
    let world = world()?;
    let mut corpus = Corpus::new(&VOICES[..size.voices])?;
    let mut grammar = world.grammar(Situation::Idle);
    if way != Some(Way::Phonemes) {
        table("names_spelled", size, (&world, &grammar), &mut corpus)?;
    }
    if way != Some(Way::Spelling) {
        grammar.sounds = guessed::ways(&world.book, &grammar)?;
        table("names", size, (&world, &grammar), &mut corpus)?;
    }
    Ok(())
}

/// Who is heard how, by origin.
fn table(
    figures: &str,
    size: &Size,
    (world, grammar): (&World, &Grammar),
    corpus: &mut Corpus,
) -> Result<()> {
    let mut ears = Ears::open()?;
    let mut grammar = Some(grammar);
    let (mut all, mut recorded) = (Count::default(), Count::default());
    for (origin, names) in &NAMES {
        progress(&format!("{} {origin} names in {} voices", size.names, size.voices));
        let mut count = Count::default();
        for name in names.iter().take(size.names) {
            let text = format!("call {}", name.to_lowercase());
            let said = Said { situation: Situation::Idle, text, kind: Some(Kind::Call) };
            for voice in 0..size.voices {
                let file = corpus.spoken(voice, &said.text, Noise::Clean)?;
                let answer = ears.hear(grammar.take(), &file)?;
                let heard = answer.hypotheses.first();
                let (verdict, _) = world.judge(&said, heard);
                if verdict == Verdict::WrongCall {
                    progress(&format!("{}: {name} -> {heard:?}", corpus.name(voice)));
                }
                count.add(verdict);
                all.add(verdict);
                if corpus.is_recorded(voice) {
                    recorded.add(verdict);
                }
            }
        }
        count.print(&format!("{figures}_{}", origin.replace(' ', "_").replace(',', "")));
    }
    all.print(figures);
    recorded.print(&format!("{figures}_recorded_voices"));
    Ok(())
}

/// From a full address book to open ears.
pub(crate) fn full_book() -> Result<()> {
    progress("an address book of 2,000 people");
    let (world, mut corpus) = (world()?, Corpus::new(&VOICES[..1])?);
    let parts = NAMES.iter().flat_map(|(_, names)| names.iter());
    let split =
        |name: &&str| name.split_once(' ').map(|(first, last)| (first.to_owned(), last.to_owned()));
    let (firsts, lasts): (Vec<String>, Vec<String>) = parts.filter_map(split).unzip();
    let people = (0..FULL_BOOK).map(|at| {
        let (first, last) = (at % firsts.len(), (at * 7 + at / firsts.len()) % lasts.len());
        person(format!("{} {}", firsts[first], lasts[last]))
    });
    let book = Book::new(people.collect());
    let file = corpus.spoken(0, "who called", Noise::Clean)?;
    let mut ears = Ears::open()?;
    let small = world.pack.grammar(Situation::Question, &Book::default());
    ears.hear(Some(&small), &file)?;
    let (began, grammar) = (Instant::now(), world.pack.grammar(Situation::Idle, &book));
    let made = began.elapsed();
    let began = Instant::now();
    ears.hear(Some(&grammar), &file)?;
    let first = began.elapsed();
    let began = Instant::now();
    ears.hear(None, &file)?;
    // What the same sound takes with the grammar there is taken off.
    let ready = made + first.saturating_sub(began.elapsed());
    figure("names_full_book_ready", milliseconds(ready), "ms");
    Ok(())
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
