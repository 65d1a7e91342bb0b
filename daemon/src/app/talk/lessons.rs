//! What a voice is beside commands: names that are taught, and which names are heard badly.
//!
//! Owns: the lesson that is on, the sounds that go with every grammar, who waits for a look at the
//! address book. Does not own: what a lesson does next (core), or where it is kept (the store).
//! Invariant: whoever asked gets an answer, also where the worker is gone.

use std::collections::{BTreeMap, BTreeSet};

use ahoy_core::{
    id::ContactId,
    voice::{
        Alike, Effect, Grammar, Lesson, Problem, Situation, Sounds, Teaching, VoiceCommand, Way,
        Ways,
    },
};

use super::{LISTEN_MS, Talk};
use crate::{
    app::{
        ears::Purpose,
        recognisers,
        request::{Answer, Dict, Fault, FaultKind, Plain},
    },
    desktop::phonemes::Names,
};

/// So many may wait for a look at the address book.
const MOST_ASKED: usize = 8;

/// Teaching and looking over.
#[derive(Default)]
pub(super) struct Lessons {
    teaching: Option<Teaching>,
    sounds: Sounds,
    asked: Vec<Answer<Vec<Dict>>>,
    /// The worker was asked.
    looking: bool,
}

impl Lessons {
    pub(super) fn set_taught(&mut self, taught: Ways) {
        self.sounds.set_taught(taught);
    }

    pub(super) const fn is_on(&self) -> bool {
        self.teaching.is_some()
    }

    /// Whether the worker should run for it.
    pub(super) const fn is_wanted(&self) -> bool {
        self.is_on() || !self.asked.is_empty()
    }

    pub(super) fn end(&mut self) {
        self.teaching = None;
    }

    /// A grammar with the sounds of its names.
    pub(super) fn with_sounds(&self, mut grammar: Grammar) -> Grammar {
        grammar.sounds = self.sounds.of(&grammar);
        grammar
    }

    /// Nobody will look over what was asked about.
    pub(super) fn give_up(&mut self, why: &str) {
        self.looking = false;
        for answer in self.asked.drain(..) {
            let _ = answer.send(Err(Fault::new(FaultKind::NotSupported, why)));
        }
    }
}

impl Talk {
    /// The words of all names, to be asked how they sound. English hears what its dictionary has;
    /// other languages need the sound of each foreign name.
    pub(in crate::app) fn name_words(&self) -> Names {
        let language = self.wish.locale.split(['-', '_']).next();
        let is_own = |word: &&str| {
            language == Some("ko") && word.starts_with(|c| matches!(c, '\u{ac00}'..='\u{d7a3}'))
        };
        let words = self.book.forms().flat_map(|form| form.split(' ')).filter(|word| !is_own(word));
        let words: BTreeSet<String> = words.map(str::to_owned).collect();
        let beside_dictionary = language == Some("en");
        Names { words: words.into_iter().collect(), beside_dictionary }
    }

    /// How words sound that no dictionary has; counts from the next time that it listens.
    pub(in crate::app) fn set_guessed(&mut self, guessed: BTreeMap<String, String>) {
        if self.lessons.sounds.set_guessed(guessed) {
            self.wait = None;
        }
    }

    /// Begins a lesson about a name.
    pub(in crate::app) fn teach(
        &mut self,
        contact: ContactId,
        name: &str,
    ) -> Result<Vec<Effect>, Fault> {
        if self.is_going_on() {
            return Err(Fault::new(FaultKind::InvalidState, "something is being asked or heard"));
        }
        self.teachable()?;
        let nothing = || Fault::argument(format!("\"{name}\" has no word that can be said"));
        let (teaching, first) = Teaching::begin(contact, name).ok_or_else(nothing)?;
        self.lessons.teaching = Some(teaching);
        self.aloud = true;
        Ok(self.lesson(first).1)
    }

    /// Whether there is a recogniser to teach, as far as can be told where it does not run yet.
    fn teachable(&self) -> Result<(), Fault> {
        if !self.engines.is_empty() {
            return self.choose().map(drop);
        }
        let (wish, models) = self.wish();
        if recognisers::is_installed(wish, models) {
            return Ok(());
        }
        let language = wish.locale.split(['-', '_']).next().unwrap_or("en");
        Err(Fault::new(FaultKind::NotSupported, recognisers::missing(language, models)))
    }

    /// Opens the ears for a word, whatever it is, as the recogniser of commands hears it.
    pub(super) fn learn(&mut self) -> Result<(), Fault> {
        let Some(link) = &self.link else { return Ok(()) };
        let sent = self.choose().and_then(|(engine, model)| {
            let command = VoiceCommand::Learn {
                engine,
                model: model.display().to_string(),
                microphone: self.wish.microphone.clone(),
                timeout_ms: LISTEN_MS,
            };
            let sent = link.send(VoiceCommand::PipeWire).and_then(|()| link.send(command));
            sent.map_err(|error| Fault::new(FaultKind::InvalidState, error.to_string()))
        });
        if let Err(fault) = sent {
            self.lessons.end();
            return Err(fault);
        }
        self.ears.handle_sent(Purpose::Command);
        self.wait = None;
        Ok(())
    }

    /// The word was heard: whose it is and what was learnt of it or given up, if that is over; and
    /// what is said.
    pub(in crate::app) fn sounded(&mut self, way: &str) -> (Option<Taught>, Vec<Effect>) {
        let Some(teaching) = &mut self.lessons.teaching else { return (None, Vec::new()) };
        let lesson = teaching.handle_heard(Way::parse(way));
        self.lesson(lesson)
    }

    /// Nothing was heard; `None`: no lesson is on.
    pub(super) fn nothing_sounded(&mut self) -> Option<Vec<Effect>> {
        let lesson = self.lessons.teaching.as_mut()?.handle_nothing();
        // What was given up is said; nothing is there to be kept.
        Some(self.lesson(lesson).1)
    }

    fn lesson(&mut self, lesson: Lesson) -> (Option<Taught>, Vec<Effect>) {
        let Some(teaching) = &self.lessons.teaching else { return (None, Vec::new()) };
        let contact = teaching.contact().clone();
        let say = |prompt: &str, word: &str| {
            Effect::Say(self.prompt(prompt, &[("name", word)]), Vec::new())
        };
        match lesson {
            Lesson::Ask(prompt, word) => (None, vec![say(prompt, &word), Effect::Listen]),
            Lesson::Learnt { word, ways, next } => {
                let effects = match &next {
                    Some(next) => vec![say("teach-word", next), Effect::Listen],
                    None => vec![say("teach-done", &word)],
                };
                self.lessons.sounds.add_taught(&word, &ways);
                if next.is_none() {
                    self.lessons.end();
                }
                (Some(Taught { contact, word, ways }), effects)
            }
            Lesson::GivenUp(word) => {
                let effects = vec![say("teach-failed", &word)];
                self.lessons.end();
                (Some(Taught { contact, word, ways: Vec::new() }), effects)
            }
        }
    }

    /// Which names are heard badly: answered once the worker has looked.
    pub(in crate::app) fn look_over_names(&mut self, answer: Answer<Vec<Dict>>) {
        let refuse = |kind, why: &str| Fault::new(kind, why);
        let fault = if self.is_going_on() {
            Some(refuse(FaultKind::InvalidState, "something is being asked or heard"))
        } else if self.lessons.asked.len() >= MOST_ASKED {
            Some(refuse(FaultKind::LimitReached, "others wait for the same"))
        } else {
            None
        };
        if let Some(fault) = fault {
            return drop(answer.send(Err(fault)));
        }
        self.lessons.asked.push(answer);
        self.look_over();
    }

    /// Asks the worker, where it runs and has not been asked.
    pub(super) fn look_over(&mut self) {
        if self.lessons.asked.is_empty() || self.lessons.looking || self.engines.is_empty() {
            return;
        }
        let sent = self.choose().and_then(|(engine, model)| {
            let model = model.display().to_string();
            let command = VoiceCommand::Inspect { engine, model, grammar: self.everything() };
            let link = self.link.as_ref();
            let link = link.ok_or_else(|| Fault::new(FaultKind::InvalidState, "no recogniser"))?;
            let sent = link.send(command);
            sent.map_err(|error| Fault::new(FaultKind::InvalidState, error.to_string()))
        });
        match sent {
            Ok(()) => self.lessons.looking = true,
            Err(fault) => self.lessons.give_up(&fault.text),
        }
    }

    /// All that may be said in any situation.
    fn everything(&self) -> Grammar {
        let mut all = Grammar::default();
        for situation in Situation::ALL {
            let one = self.dialogue.pack().grammar(situation, &self.book);
            let new = one.phrases.into_iter().filter(|phrase| !all.phrases.contains(phrase));
            let new: Vec<_> = new.collect();
            all.phrases.extend(new);
            all.slots.extend(one.slots);
        }
        self.lessons.with_sounds(all)
    }

    /// The worker has looked.
    pub(in crate::app) fn looked_over(&mut self, deaf: &[String], alike: &[Alike], why: &str) {
        if !why.is_empty() {
            return self.lessons.give_up(why);
        }
        let teachable = self.teachable().is_ok();
        let found = self.book.findings(deaf, alike);
        let rows: Vec<Dict> = found
            .into_iter()
            .map(|one| {
                let (problem, other, fix) = described(&one.problem, &one.person.name, teachable);
                let text = Plain::Text;
                BTreeMap::from([
                    ("contact-id".to_owned(), text(one.person.contact.0)),
                    ("name".to_owned(), text(one.person.name)),
                    ("said".to_owned(), text(one.said)),
                    ("problem".to_owned(), text(problem.to_owned())),
                    ("other".to_owned(), text(other)),
                    ("fix".to_owned(), text(fix)),
                ])
            })
            .collect();
        self.lessons.looking = false;
        for answer in self.lessons.asked.drain(..) {
            let _ = answer.send(Ok(rows.clone()));
        }
    }
}

/// What a lesson came to; no ways: the word was given up.
pub(in crate::app) struct Taught {
    pub(in crate::app) contact: ContactId,
    pub(in crate::app) word: String,
    pub(in crate::app) ways: Vec<String>,
}

/// What is wrong in one word, with whom, and what to do.
fn described(problem: &Problem, name: &str, teachable: bool) -> (&'static str, String, String) {
    let alias = format!("ahoyctl contacts add \"{name}\" --alias WORDS");
    let teach = format!("ahoyctl voice teach \"{name}\"");
    match problem {
        Problem::Unheard if teachable => ("unheard", String::new(), teach),
        Problem::Unheard => ("unheard", String::new(), alias),
        Problem::Name(other) => ("like-name", other.name.clone(), alias),
        Problem::Command(text) => ("like-command", text.clone(), alias),
    }
}
