//! A voice worker that waits for the wake word in files.
//!
//! Owns: the process. Does not own: waiting, which is the worker's own. Invariant: what it says of one
//! file is read to its end before the next one is given.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
};

use ahoy_core::voice::{Engine, Grammar, Hypothesis};
use ahoy_trial::{Result, Trouble, person::built};
use serde::{Deserialize, Serialize};

use crate::hearing::MODEL;

/// The word.
pub(super) const WORD: &str = "ahoy";

#[derive(Serialize)]
struct Asked<'a> {
    engine: Engine,
    model: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    wake_model: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grammar: Option<&'a Grammar>,
    file: &'a Path,
}

/// What came of a file.
#[derive(Default)]
pub(super) struct Heard {
    /// How many times the word was heard.
    pub(super) woken: usize,
    /// The commands after it.
    pub(super) commands: Vec<Hypothesis>,
    /// How many times the recogniser of commands was wanted.
    pub(super) prepared: usize,
    pub(super) seconds: f64,
}

#[derive(Deserialize)]
struct Happened {
    at_ms: u32,
    #[serde(flatten)]
    event: Event,
}

#[derive(Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum Event {
    Prepare,
    Woken,
    Heard { hypotheses: Vec<Hypothesis> },
    Waiting,
    End,
}

pub(super) struct Ears {
    process: Child,
    answers: BufReader<ChildStdout>,
    /// Not told yet.
    grammar: Option<Grammar>,
}

impl Ears {
    pub(super) fn open(grammar: Grammar) -> Result<Self> {
        let mut command = Command::new(built("ahoy-voice")?);
        command.args(["--files", "--wake", WORD]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().map_err(Trouble::io("ahoy-voice"))?;
        let out = process.stdout.take().ok_or_else(|| Trouble::Wrong("no output".into()))?;
        Ok(Self { process, answers: BufReader::new(out), grammar: Some(grammar) })
    }

    pub(super) fn hear(&mut self, file: &Path) -> Result<Heard> {
        let grammar = self.grammar.take();
        let wake_model = grammar.is_some().then_some(MODEL);
        let engine = Engine::PocketSphinx;
        let asked = Asked { engine, model: MODEL, wake_model, grammar: grammar.as_ref(), file };
        let wrong = |error: serde_json::Error| Trouble::Wrong(format!("ahoy-voice: {error}"));
        let mut line = serde_json::to_string(&asked).map_err(wrong)?;
        line.push('\n');
        let to = self.process.stdin.as_mut();
        let to = to.ok_or_else(|| Trouble::Wrong("no input".into()))?;
        to.write_all(line.as_bytes()).map_err(Trouble::io("ahoy-voice"))?;
        let mut heard = Heard::default();
        loop {
            let mut answer = String::new();
            let read = self.answers.read_line(&mut answer).map_err(Trouble::io("ahoy-voice"))?;
            if read == 0 {
                let status = self.process.wait().map_err(Trouble::io("ahoy-voice"))?;
                return Err(Trouble::program("ahoy-voice", status.to_string()));
            }
            let happened: Happened = serde_json::from_str(&answer).map_err(wrong)?;
            match happened.event {
                Event::Prepare => heard.prepared += 1,
                Event::Woken => heard.woken += 1,
                Event::Heard { hypotheses } => heard.commands.extend(hypotheses.into_iter().next()),
                Event::Waiting => {}
                Event::End => {
                    heard.seconds = f64::from(happened.at_ms) / 1000.0;
                    return Ok(heard);
                }
            }
        }
    }
}

impl Drop for Ears {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
