//! The recogniser for every language with a dynamic-graph model: Vosk.
//!
//! Owns: the run-time grammar, and holding what was heard against the legal commands. Does not own:
//! the C interface (`ffi`) or the measure of closeness ([`crate::legal`]). Invariant: Vosk's grammar
//! is a loose n-gram, so nothing it says leaves here that is not close to one legal command.

mod dictation;
mod ffi;
mod hangul;
mod pieces;

use std::{
    ffi::CString,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use ahoy_core::voice::{Grammar, Hypothesis, Phrase, Piece};
use serde::Deserialize;

use crate::{
    endpoint::{RATE, Utterance},
    legal::{self, HeardWord},
    partial::Partial,
    recogniser::{MOST_READINGS, Recogniser, RecogniserError},
};

pub(crate) use self::dictation::Dictation;
pub(crate) use self::ffi::Library;
use self::{
    ffi::{Decoder, Model},
    pieces::Pieces,
};

/// Agreement below this is not a command. Three words of four are refused (measured: "엄마 에게 전화"
/// heard with "아빠" before it), four of five sure ones are not.
const LEAST_AGREEMENT: f64 = 0.76;
/// Readings worse than the best by more than this are not worth asking about.
const MARGIN: f64 = 0.2;
/// Sentences in the run-time grammar; past this the words stand alone, and order is lost.
const MOST_SENTENCES: usize = 4_000;
/// The model's word for "something else", which keeps other speech out of the commands.
const UNKNOWN: &str = "[unk]";

/// A loaded model.
pub(crate) struct Vosk {
    model: Arc<Model>,
    ready: Option<Ready>,
}

struct Ready {
    grammar: Grammar,
    pieces: Pieces,
    decoder: Decoder,
    heard: Vec<HeardWord>,
    partial: Partial,
}

/// Directories and files the library may be loaded from, outside of the system's own.
pub(crate) fn library_places() -> impl Iterator<Item = PathBuf> {
    ffi::places().into_iter().map(PathBuf::from).filter(|place| place.is_absolute())
}

impl Vosk {
    /// Loads the model in a directory.
    pub(crate) fn load(dir: &Path) -> Result<Self, RecogniserError> {
        let library = Library::open().map_err(RecogniserError::NoLibrary)?;
        let unusable = |why: &str| RecogniserError::Model {
            dir: dir.display().to_string(),
            why: why.to_owned(),
        };
        // Asked first: on a model with a fixed graph Vosk ignores the grammar with a log line.
        if !dir.join("graph/HCLr.fst").is_file() {
            return Err(unusable(
                "it has no dynamic graph (graph/HCLr.fst), so it cannot listen for commands only",
            ));
        }
        let path = CString::new(dir.as_os_str().as_bytes()).map_err(|_| unusable("its path"))?;
        let model = Model::new(library, &path).ok_or_else(|| unusable("Vosk cannot read it"))?;
        Ok(Self { model, ready: None })
    }

    /// Free speech by the same model.
    pub(crate) fn dictation(&self) -> Result<Dictation, RecogniserError> {
        let decoder = Decoder::of_free_speech(&self.model, RATE);
        let decoder = decoder.ok_or(RecogniserError::Engine("it takes no dictation"))?;
        Ok(Dictation::new(decoder))
    }
}

impl Recogniser for Vosk {
    fn prepare(&mut self, grammar: &Grammar) -> Result<Vec<String>, RecogniserError> {
        let knows = |word: &str| CString::new(word).is_ok_and(|word| self.model.knows(&word));
        let mut deaf_to = legal::words(grammar).into_iter().filter(|word| !knows(word)).collect();
        let (grammar, pieces) = Pieces::cut(grammar, &mut deaf_to, knows);
        let (grammar, gone) = legal::without(&grammar, &deaf_to);
        let mut sentences = sentences(&grammar);
        if sentences.is_empty() {
            return Err(RecogniserError::NothingHearable);
        }
        if knows(UNKNOWN) {
            sentences.push(UNKNOWN.to_owned());
        }
        let decoder = serde_json::to_string(&sentences)
            .ok()
            .and_then(|json| CString::new(json).ok())
            .and_then(|json| Decoder::new(&self.model, RATE, &json))
            .ok_or(RecogniserError::Engine("it refuses the grammar"))?;
        self.ready = Some(Ready {
            grammar,
            pieces,
            decoder,
            heard: Vec::new(),
            partial: Partial::default(),
        });
        Ok(gone)
    }

    fn begin(&mut self) {
        if let Some(ready) = &mut self.ready {
            ready.decoder.last();
            ready.heard.clear();
            ready.partial = Partial::default();
        }
    }

    fn feed(&mut self, samples: &[i16]) -> Result<Option<String>, RecogniserError> {
        let ready = self.ready.as_mut().ok_or(RecogniserError::Engine("it has no grammar"))?;
        ready.accept(samples)?;
        let Ready { decoder, partial, .. } = ready;
        let understood = || Some(so_far(decoder)).filter(|text| !text.is_empty());
        Ok(partial.hear(samples.len(), understood))
    }

    fn finish(&mut self, _utterance: &Utterance) -> Result<Vec<Hypothesis>, RecogniserError> {
        let ready = self.ready.as_mut().ok_or(RecogniserError::Engine("it has no grammar"))?;
        let last = ready.decoder.last();
        ready.take(&last);
        let heard = std::mem::take(&mut ready.heard);
        ready.partial = Partial::default();
        let readings = legal::closest(&ready.grammar, &heard, MOST_READINGS);
        let shapes: Vec<(String, f64)> = readings
            .iter()
            .map(|reading| (legal::shape(&ready.grammar, &reading.text), reading.score))
            .collect();
        tracing::debug!(words = heard.len(), ?shapes, "decoded");
        let best = readings.first().map_or(0.0, |reading| reading.score);
        let close = readings
            .into_iter()
            .filter(|reading| reading.score >= LEAST_AGREEMENT && reading.score > best - MARGIN);
        let mut told: Vec<Hypothesis> = Vec::new();
        for reading in close {
            let (text, score) = (ready.pieces.together(&reading.text), reading.score);
            // Two ways to say one name are one reading, and the better one comes first.
            if told.iter().all(|one| one.text != text) {
                told.push(Hypothesis { text, score });
            }
        }
        Ok(told)
    }
}

impl Ready {
    fn accept(&mut self, samples: &[i16]) -> Result<(), RecogniserError> {
        let ended =
            self.decoder.accept(samples).ok_or(RecogniserError::Engine("it takes no sound"))?;
        // Its own idea of an end is a pause to us: the words are kept and the utterance goes on.
        if ended {
            let result = self.decoder.result();
            self.take(&result);
        }
        Ok(())
    }

    fn take(&mut self, json: &str) {
        self.heard.extend(Answer::words(json));
    }
}

/// What Vosk answers, as far as it is used.
#[derive(Debug, Default, Deserialize)]
struct Answer {
    #[serde(default)]
    result: Vec<Word>,
}

impl Answer {
    fn words(json: &str) -> impl Iterator<Item = HeardWord> {
        let answer: Self = serde_json::from_str(json).unwrap_or_default();
        let heard = |word: Word| HeardWord { text: word.word, sure: word.conf.clamp(0.0, 1.0) };
        answer.result.into_iter().map(heard)
    }
}

#[derive(Debug, Deserialize)]
struct Word {
    word: String,
    conf: f64,
}

#[derive(Debug, Default, Deserialize)]
struct SoFar {
    partial: String,
}

/// What a decoder understood since its own last end of speech.
fn so_far(decoder: &mut Decoder) -> String {
    serde_json::from_str::<SoFar>(&decoder.partial()).unwrap_or_default().partial
}

/// Every sentence of the grammar if they are few enough, otherwise its parts.
fn sentences(grammar: &Grammar) -> Vec<String> {
    let mut all = Vec::new();
    for phrase in &grammar.phrases {
        let room = MOST_SENTENCES.saturating_sub(all.len());
        match spelled_out(grammar, phrase, room) {
            Some(sentences) => all.extend(sentences),
            None => return parts(grammar),
        }
    }
    all
}

fn spelled_out(grammar: &Grammar, phrase: &Phrase, room: usize) -> Option<Vec<String>> {
    let mut built = vec![String::new()];
    for piece in &phrase.0 {
        let entries: &[String] = match piece {
            Piece::Word(word) => std::slice::from_ref(word),
            // What is dictated is in no grammar.
            Piece::Rest => &[],
            // How one follows another is left to the recogniser: words come in any order.
            Piece::Slot(slot) | Piece::Several(slot, _) => {
                grammar.slots.get(slot).map_or(&[], Vec::as_slice)
            }
        };
        if built.len().checked_mul(entries.len())? > room {
            return None;
        }
        built = built
            .iter()
            .flat_map(|start| entries.iter().map(move |entry| format!("{start} {entry}")))
            .collect();
    }
    Some(built.iter().map(|text| text.trim().to_owned()).collect())
}

fn parts(grammar: &Grammar) -> Vec<String> {
    let mut parts: Vec<String> = grammar.slots.values().flatten().cloned().collect();
    for phrase in &grammar.phrases {
        let runs = phrase.0.split(|piece| matches!(piece, Piece::Slot(_) | Piece::Several(..)));
        for run in runs.filter(|run| !run.is_empty()) {
            let words = run.iter().map(|piece| match piece {
                Piece::Word(word) => word.as_str(),
                Piece::Slot(_) | Piece::Several(..) | Piece::Rest => "",
            });
            parts.push(words.collect::<Vec<_>>().join(" ").trim().to_owned());
        }
    }
    parts.sort();
    parts.dedup();
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::legal::test_grammar;

    #[test]
    fn a_small_grammar_is_spelled_out() {
        let grammar = test_grammar(&["call <name> video", "mute"], &[("name", &["al", "bob b"])]);
        assert_eq!(sentences(&grammar), ["call al video", "call bob b video", "mute"]);
    }

    #[test]
    fn a_large_grammar_falls_apart_into_phrases_and_names() {
        let names: Vec<String> = (0..100).map(|n| format!("name{n}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let grammar = test_grammar(&["add <name> and <name> now"], &[("name", &names)]);
        let found = sentences(&grammar);
        assert_eq!(found.len(), 103);
        assert!(["add", "and", "now"].iter().all(|word| found.contains(&(*word).to_owned())));
    }

    #[test]
    fn words_without_a_result_are_nothing_heard() {
        let empty: Answer = serde_json::from_str(r#"{"text": ""}"#).expect("valid");
        assert!(empty.result.is_empty());
    }
}
