//! Sound from files in the place of a microphone, faster than it was spoken: for measuring.
//!
//! Owns: reading what is to be heard from standard input, and writing what was. Does not own:
//! hearing: the same end-pointing and the same recogniser as from a microphone. Invariant: what is
//! asked for is answered in its order, one line for one.

use std::{
    error::Error,
    fs,
    io::{BufRead as _, Write as _},
    path::{Path, PathBuf},
};

use ahoy_core::voice::{Engine, Grammar, Hypothesis};
use serde::{Deserialize, Serialize};

use crate::{
    endpoint::{Endpointer, Heard},
    recogniser,
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

/// Answers every line of standard input.
pub(crate) fn run() -> Result<(), Box<dyn Error>> {
    let mut loaded: Option<(Engine, PathBuf, Box<dyn recogniser::Recogniser>)> = None;
    for line in std::io::stdin().lock().lines() {
        let Asked { engine, model, grammar, file } = serde_json::from_str(&line?)?;
        let mut known = match loaded.take() {
            Some(known) if known.0 == engine && known.1 == model => known,
            Some(_) | None => (engine, model.clone(), recogniser::load(engine, &model)?),
        };
        if let Some(grammar) = grammar {
            known.2.prepare(&grammar)?;
        }
        let answer = hear(known.2.as_mut(), &file)?;
        loaded = Some(known);
        let mut out = std::io::stdout().lock();
        serde_json::to_writer(&mut out, &answer)?;
        out.write_all(b"\n")?;
        out.flush()?;
    }
    Ok(())
}

fn hear(
    recogniser: &mut dyn recogniser::Recogniser,
    file: &Path,
) -> Result<Answered, Box<dyn Error>> {
    let bytes = fs::read(file)?;
    let samples: Vec<i16> =
        bytes.as_chunks::<2>().0.iter().map(|pair| i16::from_le_bytes(*pair)).collect();
    let mut endpointer = Endpointer::new();
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
