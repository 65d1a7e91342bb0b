//! What was said after the wake word, and reading it.
//!
//! Owns: the commands as they are addressed, and taking the address off again. Does not own: any
//! recogniser. Invariant: what is read in one breath with the word counts only if the word is read,
//! too: the recogniser of commands is the second judge of it.

use ahoy_core::voice::{Engine, Grammar, Hypothesis, Phrase, Piece};

use crate::{
    endpoint::Utterance,
    recogniser::{Recogniser, RecogniserError},
};

/// Sound that may hold a command.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Said {
    /// What came after the word.
    pub(crate) after: Utterance,
    /// The same with the word before it, if both were one breath.
    pub(crate) whole: Option<Utterance>,
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

    /// The commands, each with and without the word before it.
    pub(crate) fn grammar(&self, commands: &Grammar) -> Grammar {
        let mut grammar = commands.clone();
        if self.is_read() {
            let addressed = commands.phrases.iter().map(|phrase| {
                let word = self.word.split(' ').map(|word| Piece::Word(word.to_owned()));
                Phrase(word.chain(phrase.0.iter().cloned()).collect())
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
        let whole = said.whole.as_ref().filter(|_| self.is_read());
        let utterance = whole.unwrap_or(&said.after);
        recogniser.begin();
        recogniser.feed(&utterance.samples)?;
        let read = recogniser.finish(utterance)?;
        Ok(read.into_iter().filter_map(|one| self.without(one, whole.is_some())).collect())
    }

    /// Only PocketSphinx knows how any word is said; Vosk has what its model was made with.
    fn is_read(&self) -> bool {
        self.engine == Engine::PocketSphinx
    }

    fn without(&self, read: Hypothesis, needed: bool) -> Option<Hypothesis> {
        let rest = read.text.strip_prefix(&self.word).and_then(|rest| rest.strip_prefix(' '));
        match rest {
            Some(rest) => Some(Hypothesis { text: rest.to_owned(), ..read }),
            None if needed => None,
            None => Some(read),
        }
    }
}
