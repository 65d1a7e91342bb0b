//! Commands that end in words of no grammar: "tell her I am late".
//!
//! Owns: asking the commands first, and free speech only where none of them fits. Does not own:
//! either recogniser. Invariant: what is answered is a sentence that the grammar allows, its free
//! end included; free speech is loaded only once it is needed.

use ahoy_core::voice::{Grammar, Hypothesis, Sound};

use crate::{
    endpoint::Utterance,
    legal,
    recogniser::{Recogniser, RecogniserError, Scribe},
};

type Load<R> = Box<dyn Fn(&R) -> Result<Box<dyn Scribe>, RecogniserError> + Send>;

/// A recogniser of commands, and one of free speech beside it.
pub(crate) struct Open<R> {
    commands: R,
    load: Load<R>,
    scribe: Option<Box<dyn Scribe>>,
    grammar: Grammar,
}

impl<R: Recogniser> Open<R> {
    /// Of commands that are loaded; `load` loads free speech.
    pub(crate) fn new(
        commands: R,
        load: impl Fn(&R) -> Result<Box<dyn Scribe>, RecogniserError> + Send + 'static,
    ) -> Self {
        let grammar = Grammar::default();
        Self { commands, load: Box::new(load), scribe: None, grammar }
    }

    fn scribe(&mut self) -> Result<&mut dyn Scribe, RecogniserError> {
        let scribe = match self.scribe.take() {
            Some(scribe) => scribe,
            None => (self.load)(&self.commands)?,
        };
        Ok(self.scribe.insert(scribe).as_mut())
    }

    /// What was dictated, live or not.
    fn dictated(&mut self, utterance: &Utterance) -> Result<Vec<Hypothesis>, RecogniserError> {
        let said = if self.grammar.is_dictation() {
            self.scribe()?.finish()?
        } else {
            // Free speech knows no names; and it reads better what is free of commands.
            let opening = self.commands.opening(utterance)?;
            let at = opening.as_ref().map_or(0, |opening| opening.at);
            let said = self.scribe()?.read(utterance.samples.get(at..).unwrap_or_default())?;
            said.map(|said| match opening {
                Some(opening) => {
                    Hypothesis { text: format!("{} {}", opening.text, said.text), ..said }
                }
                None => said,
            })
        };
        let grammar = &self.grammar;
        Ok(said.filter(|said| legal::opens(grammar, &said.text)).into_iter().collect())
    }
}

impl<R: Recogniser> Recogniser for Open<R> {
    fn prepare(&mut self, grammar: &Grammar) -> Result<Vec<String>, RecogniserError> {
        self.grammar = grammar.clone();
        if grammar.is_dictation() {
            self.scribe()?;
        }
        self.commands.prepare(grammar)
    }

    fn begin(&mut self) {
        self.commands.begin();
        if let Some(scribe) = &mut self.scribe {
            scribe.begin();
        }
    }

    fn feed(&mut self, samples: &[i16]) -> Result<Option<String>, RecogniserError> {
        if self.grammar.is_dictation() {
            // Commands are looked for in the whole of it, at its end.
            return self.scribe()?.feed(samples);
        }
        self.commands.feed(samples)
    }

    fn finish(&mut self, utterance: &Utterance) -> Result<Vec<Hypothesis>, RecogniserError> {
        let commands = if self.grammar.is_dictation() {
            self.commands.read(utterance)?
        } else {
            self.commands.finish(utterance)?
        };
        if !commands.is_empty() || !self.grammar.is_open() {
            return Ok(commands);
        }
        self.dictated(utterance)
    }

    fn ways(&self, text: &str, grammar: &Grammar) -> Vec<Sound> {
        self.commands.ways(text, grammar)
    }
}
