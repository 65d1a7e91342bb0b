//! What was said after the wake word, and reading it.
//!
//! Owns: the commands as they are addressed, and taking the address off again. Does not own: any
//! recogniser. Invariant: what is read in one breath with the word counts only if the word is read,
//! too: the recogniser of commands is the second judge of it. A certain word needs none where noise spoils it.

use ahoy_core::voice::{Engine, Grammar, Hypothesis, Phrase, Piece};

use crate::{
    endpoint::Utterance,
    recogniser::{Recogniser, RecogniserError},
};

/// The score of a command that counts though the word could not be read before it.
const LEAST_ALONE: f64 = 0.95;

/// Sound that may hold a command.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Said {
    /// What came after the word.
    pub(crate) after: Utterance,
    /// The same with the word before it, if both were one breath.
    pub(crate) whole: Option<Utterance>,
    /// Whether the word is certain without being read again.
    pub(crate) sure: bool,
}

/// A wake word as it stands in a grammar.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    word: String,
    engine: Engine,
}

impl Address {
    /// By this word, for commands that this engine reads.
    pub(crate) fn new(word: &str, engine: Engine) -> Self {
        let words: Vec<&str> = word.split_whitespace().collect();
        Self { word: words.join(" ").to_lowercase(), engine }
    }

    /// The commands, each with and without the word before it. Dictation is none: any talk could be.
    pub(crate) fn grammar(&self, commands: &Grammar) -> Grammar {
        let mut grammar = commands.closed();
        if self.is_read() {
            let addressed = grammar.phrases.clone().into_iter().map(|phrase| {
                let word = self.word.split(' ').map(|word| Piece::Word(word.to_owned()));
                Phrase(word.chain(phrase.0).collect())
            });
            grammar.phrases.extend(addressed);
        }
        grammar
    }

    /// Reads it; empty if it is no command.
    pub(crate) fn read(
        &self,
        recogniser: &mut dyn Recogniser,
        said: &Said,
    ) -> Result<Vec<Hypothesis>, RecogniserError> {
        let bare = |one: Hypothesis| self.without(&one).unwrap_or(one);
        let Some(whole) = said.whole.as_ref().filter(|_| self.is_read()) else {
            let read = recogniser.read(&said.after)?;
            return Ok(read.into_iter().map(bare).collect());
        };
        let read = recogniser.read(whole)?;
        let addressed: Vec<_> = read.iter().filter_map(|one| self.without(one)).collect();
        if !addressed.is_empty() || !said.sure {
            return Ok(addressed);
        }
        // Noise before and around the word spoils the whole, not always what comes after it.
        let read = recogniser.read(&said.after)?;
        Ok(read.into_iter().filter(|one| one.score >= LEAST_ALONE).map(bare).collect())
    }

    /// Only PocketSphinx knows how any word is said; Vosk has what its model was made with.
    fn is_read(&self) -> bool {
        self.engine == Engine::PocketSphinx
    }

    /// What follows the word; `None`: the word is not there.
    fn without(&self, read: &Hypothesis) -> Option<Hypothesis> {
        let rest = read.text.strip_prefix(&self.word)?.strip_prefix(' ')?;
        Some(Hypothesis { text: rest.to_owned(), score: read.score })
    }
}
