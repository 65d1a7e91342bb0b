//! Sound from files in the place of a microphone, faster than it was spoken: for measuring.
//!
//! Owns: reading what is to be heard from standard input, and writing what was. Does not own:
//! hearing: the same end-pointing, the same waiting for the wake word and the same recogniser as from
//! a microphone. Invariant: what is asked for is answered in its order: one line for one, or, with a
//! wake word, lines up to one that says "end".

use std::{
    error::Error,
    fs,
    io::{BufRead as _, Write as _},
    path::{Path, PathBuf},
};

use ahoy_core::voice::{Engine, Grammar, Hypothesis};
use serde::{Deserialize, Serialize};

use crate::{
    endpoint::{Endpointer, Heard, RATE},
    pocketsphinx::Keyword,
    recogniser::{self, Recogniser},
    wake::{Address, Output, Wake},
};

/// Samples that a microphone gives at a time: 20 ms.
const STEP: usize = 320;

/// One line of the input.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    engine: Engine,
    /// Directory of the model.
    model: PathBuf,
    /// What may be said; `None`: as on the line before.
    grammar: Option<Grammar>,
    /// Samples of 16 bits, one channel, 16 kHz, without a header.
    file: PathBuf,
    /// Directory of the English model that knows the wake word; `None`: as on the line before.
    wake_model: Option<PathBuf>,
}

/// One line of the output.
#[derive(Serialize)]
struct Answered {
    /// Whether somebody was heard to speak.
    spoken: bool,
    /// Silence waited for after the last word, ms.
    waited_ms: u32,
    /// Best first.
    hypotheses: Vec<Hypothesis>,
}

/// One line of the output with a wake word.
#[derive(Serialize)]
struct Happened {
    /// Sound of the file listened to so far, ms.
    at_ms: usize,
    #[serde(flatten)]
    event: Event,
}

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum Event {
    /// A command was looked for: the word may have been heard.
    Prepare,
    Woken,
    Heard {
        hypotheses: Vec<Hypothesis>,
    },
    Waiting,
    End,
}

/// Answers every line of standard input.
pub(crate) fn run(wake: Option<&str>) -> Result<(), Box<dyn Error>> {
    let mut loaded: Option<(Engine, PathBuf, Box<dyn Recogniser>)> = None;
    let mut dictation = false;
    let mut ear: Option<Keyword> = None;
    for line in std::io::stdin().lock().lines() {
        let Asked { engine, model, grammar, file, wake_model } = serde_json::from_str(&line?)?;
        let mut known = match loaded.take() {
            Some(known) if known.0 == engine && known.1 == model => known,
            Some(_) | None => (engine, model.clone(), recogniser::load(engine, &model)?),
        };
        let address = wake.map(|word| Address::new(word, engine));
        if let Some(grammar) = grammar {
            dictation = grammar.is_dictation();
            let addressed = address.as_ref().map(|address| address.grammar(&grammar));
            known.2.prepare(addressed.as_ref().unwrap_or(&grammar))?;
        }
        let samples = read(&file)?;
        match wake.zip(address) {
            None => {
                let ears = if dictation { Endpointer::of_texts() } else { Endpointer::new() };
                say(&hear(ears, known.2.as_mut(), &samples)?)?;
            }
            Some((word, address)) => {
                if let Some(model) = wake_model {
                    ear = Some(Keyword::new(&model, word)?);
                }
                let ear = ear.as_mut().ok_or("no wake_model")?;
                wait(ear, &address, known.2.as_mut(), &samples)?;
            }
        }
        loaded = Some(known);
    }
    Ok(())
}

fn say(line: &impl Serialize) -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, line)?;
    out.write_all(b"\n")?;
    out.flush()?;
    Ok(())
}

fn read(file: &Path) -> Result<Vec<i16>, Box<dyn Error>> {
    let bytes = fs::read(file)?;
    Ok(bytes.as_chunks::<2>().0.iter().map(|pair| i16::from_le_bytes(*pair)).collect())
}

/// Waits for the word through a whole file; after a command it waits again, as it is asked to live.
fn wait(
    ear: &mut Keyword,
    address: &Address,
    recogniser: &mut dyn Recogniser,
    samples: &[i16],
) -> Result<(), Box<dyn Error>> {
    let mut machine = Wake::new();
    let mut heard = 0;
    for step in samples.chunks(STEP) {
        heard += step.len();
        let tell = |event| say(&Happened { at_ms: heard * 1000 / RATE as usize, event });
        machine.handle_sound(step);
        while let Some(output) = machine.poll(ear)? {
            match output {
                Output::Prepare => tell(Event::Prepare)?,
                Output::Woken => tell(Event::Woken)?,
                Output::Waiting => tell(Event::Waiting)?,
                Output::Said(said) => machine.handle_reading(address.read(recogniser, &said)?),
                Output::Command(hypotheses) => {
                    tell(Event::Heard { hypotheses })?;
                    machine = Wake::new();
                }
            }
        }
    }
    let at_ms = heard * 1000 / RATE as usize;
    say(&Happened { at_ms, event: Event::End })
}

fn hear(
    mut endpointer: Endpointer,
    recogniser: &mut dyn Recogniser,
    samples: &[i16],
) -> Result<Answered, Box<dyn Error>> {
    recogniser.begin();
    for step in samples.chunks(STEP) {
        match endpointer.feed(step) {
            Heard::Quiet => {}
            Heard::Began(new) | Heard::Speaking(new) => _ = recogniser.feed(&new)?,
            Heard::Over(utterance) => {
                let hypotheses = recogniser.finish(&utterance)?;
                return Ok(Answered { spoken: true, waited_ms: utterance.waited_ms, hypotheses });
            }
        }
    }
    Ok(Answered { spoken: false, waited_ms: 0, hypotheses: Vec::new() })
}
