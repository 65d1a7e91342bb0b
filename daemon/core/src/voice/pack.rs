//! Locale packs: utterance patterns and prompts, as TOML.
//!
//! Owns: parsing and checking a pack, its grammar for a situation, its prompts. Does not own:
//! what an intent does. Invariant: a pack that loads has every prompt, and no pattern of it is
//! empty or names an unknown intent, situation or slot.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{
    book::Book,
    grammar::{Grammar, Phrase, Piece},
    intent::{Bare, Kind, Situation, normalise},
    slots::{MAX_ENTRY_WORDS, Slot, Words},
};

/// Phrases that one pattern may stand for.
const MAX_PHRASES: usize = 32;

/// Why a pack does not load.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PackError {
    /// Not TOML, or not of a pack's form.
    #[error("locale pack: {0}")]
    Form(String),
    /// A pattern is empty, or has an unknown slot or an open bracket.
    #[error("locale pack: the pattern \"{0}\" is not valid")]
    Pattern(String),
    /// A pattern lacks a place that its intent needs, or has one that it has no use for.
    #[error("locale pack: the pattern \"{0}\" of \"{1}\" must have {{{2}}}, and no other place")]
    Slots(String, &'static str, &'static str),
    /// A word list is not as it is compared, or its list is needed and empty.
    #[error("locale pack: the word \"{0}\" is not valid: lower case, at most six words")]
    Word(String),
    /// A digit is none.
    #[error("locale pack: the digit \"{0}\" is none of 0-9, *, # and +")]
    Digit(String),
    /// A prompt is missing.
    #[error("locale pack: the prompt \"{0}\" is missing")]
    Prompt(&'static str),
    /// No pack of this locale is built in.
    #[error("there is no locale pack \"{0}\"; built in are \"en\" and \"ko\"")]
    Locale(String),
}

/// The prompts every pack has.
const PROMPTS: [&str; 49] = [
    "calling",
    "calling-video",
    "which",
    "unknown-name",
    "not-understood",
    "given-up",
    "cancelled",
    "nobody-called",
    "who-called",
    "no-last-call",
    "is-calling",
    "unknown-caller",
    "no-emergency",
    "confirm-number",
    "confirm-call",
    "no-favourites",
    "favourites",
    "no-such-favourite",
    "no-group-calls",
    "no-messages",
    "no-messages-to",
    "what-message",
    "confirm-message",
    "message-sent",
    "message-unsent",
    "message-dropped",
    "dictated",
    "help-message",
    "help-draft",
    "cannot",
    "no-address",
    "quiet-until",
    "quiet",
    "not-quiet",
    "nothing-said",
    "help-idle",
    "help-ringing",
    "help-in-call",
    "help-question",
    "somebody-calling",
    "listening",
    "speak",
    "stop",
    "or",
    "teach-word",
    "teach-again",
    "teach-differ",
    "teach-done",
    "teach-failed",
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPack {
    locale: String,
    utterance: Vec<RawUtterance>,
    #[serde(default)]
    words: Words,
    prompts: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawUtterance {
    intent: Kind,
    when: Vec<Situation>,
    say: Vec<String>,
}

/// One thing that can be said, with all its ways.
#[derive(Clone, Debug)]
pub(super) struct Utterance {
    pub(super) kind: Kind,
    pub(super) when: Vec<Situation>,
    pub(super) phrases: Vec<Phrase>,
}

/// A language.
#[derive(Clone, Debug)]
pub struct Pack {
    locale: String,
    utterances: Vec<Utterance>,
    words: Words,
    prompts: BTreeMap<String, String>,
}

impl Pack {
    /// A built-in pack by its language, e.g. `en` or `en-GB`.
    ///
    /// # Errors
    /// [`PackError::Locale`] where there is none.
    pub fn built_in(locale: &str) -> Result<Self, PackError> {
        match locale.split(['-', '_', '.']).next() {
            Some("en" | "C" | "POSIX") => Self::parse(include_str!("../../packs/en.toml")),
            Some("ko") => Self::parse(include_str!("../../packs/ko.toml")),
            Some(_) | None => Err(PackError::Locale(locale.to_owned())),
        }
    }

    /// Parses and checks a pack.
    ///
    /// # Errors
    /// [`PackError`] names what is wrong.
    pub fn parse(toml: &str) -> Result<Self, PackError> {
        let raw: RawPack = toml::from_str(toml).map_err(|e| PackError::Form(e.to_string()))?;
        if let Some(missing) = PROMPTS.into_iter().find(|name| !raw.prompts.contains_key(*name)) {
            return Err(PackError::Prompt(missing));
        }
        check_words(&raw.words)?;
        let mut utterances = Vec::with_capacity(raw.utterance.len());
        for one in raw.utterance {
            let mut phrases = Vec::new();
            for pattern in &one.say {
                for phrase in expand(pattern, one.intent.least_digits())? {
                    check_slots(one.intent, pattern, &phrase)?;
                    phrases.push(phrase);
                }
            }
            utterances.push(Utterance { kind: one.intent, when: one.when, phrases });
        }
        Ok(Self { locale: raw.locale, utterances, words: raw.words, prompts: raw.prompts })
    }

    /// Its language.
    #[must_use]
    pub fn locale(&self) -> &str {
        &self.locale
    }

    /// All that may be said in a situation.
    #[must_use]
    pub fn grammar(&self, situation: Situation, book: &Book) -> Grammar {
        let phrases: Vec<Phrase> =
            self.legal(situation).flat_map(|one| one.phrases.clone()).collect();
        let entries = |slot: Slot| -> Vec<String> {
            match slot {
                Slot::Name | Slot::Other => book.forms().map(str::to_owned).collect(),
                Slot::Digits | Slot::Place | Slot::By | Slot::Span | Slot::Text => {
                    self.words.entries(slot).into_iter().cloned().collect()
                }
            }
        };
        // Those that are named, and no others: names are many.
        let named =
            |slot: &Slot| phrases.iter().any(|phrase| slots(phrase).any(|one| one == *slot));
        let listed = |slot: &Slot| *slot != Slot::Text && named(slot);
        let slots = Slot::ALL.into_iter().filter(listed);
        let slots = slots.map(|slot| (slot.as_str().to_owned(), entries(slot))).collect();
        Grammar { phrases, slots, ..Grammar::default() }
    }

    /// Something to say for each phrase of a situation. Places are filled from their lists, another
    /// entry for each `pick`; a phrase whose list is empty has nothing.
    #[must_use]
    pub fn examples(&self, situation: Situation, book: &Book, pick: usize) -> Vec<(Kind, String)> {
        let grammar = self.grammar(situation, book);
        let phrases = self
            .legal(situation)
            .flat_map(|one| one.phrases.iter().map(move |phrase| (one.kind, phrase)));
        let spoken = |(number, (kind, phrase)): (usize, (Kind, &Phrase))| {
            let words = phrase.0.iter().enumerate().map(|(at, piece)| {
                let entry = |slot: &String, more: usize| {
                    let entries = grammar.slots.get(slot).filter(|entries| !entries.is_empty())?;
                    entries.get((pick + 7 * number + 3 * at + more) % entries.len()).cloned()
                };
                match piece {
                    Piece::Word(word) => Some(word.clone()),
                    Piece::Rest => self.prompts.get("dictated").map(|text| normalise(text)),
                    Piece::Slot(slot) => entry(slot, 0),
                    Piece::Several(slot, least) => {
                        let many = (0..least + 2).map(|more| entry(slot, 5 * more));
                        Some(many.collect::<Option<Vec<String>>>()?.join(" "))
                    }
                }
            });
            Some((kind, words.collect::<Option<Vec<String>>>()?.join(" ")))
        };
        phrases.enumerate().filter_map(spoken).collect()
    }

    /// What can be said in two ways of different meaning: (situation, phrase, both intents).
    #[must_use]
    pub fn clashes(&self) -> Vec<(Situation, String, [Kind; 2])> {
        let mut found = Vec::new();
        for situation in Situation::ALL {
            let mut known: BTreeMap<String, Kind> = BTreeMap::new();
            for one in self.legal(situation) {
                for phrase in &one.phrases {
                    let text = readable(phrase);
                    match known.insert(text.clone(), one.kind) {
                        Some(other) if other != one.kind => {
                            found.push((situation, text, [other, one.kind]));
                        }
                        Some(_) | None => {}
                    }
                }
            }
        }
        found
    }

    /// What cannot be said at all in this language.
    #[must_use]
    pub fn lacks(&self) -> Vec<Kind> {
        let has = |kind: &Kind| self.utterances.iter().any(|one| one.kind == *kind);
        Kind::all().map(|(kind, _)| kind).filter(|kind| !has(kind)).collect()
    }

    /// Whether somebody of this name is asked for in an emergency.
    pub(super) fn is_emergency(&self, name: &str) -> bool {
        self.words.emergency.iter().any(|word| word == name)
    }

    pub(super) const fn words(&self) -> &Words {
        &self.words
    }

    pub(super) fn legal(&self, situation: Situation) -> impl Iterator<Item = &Utterance> {
        self.utterances.iter().filter(move |one| one.when.contains(&situation))
    }

    /// The words of an intent that has no places, as the pack says them first.
    pub(super) fn word(&self, kind: Bare) -> Option<String> {
        let one = self.utterances.iter().find(|one| one.kind == Kind::Bare(kind))?;
        one.phrases.first().map(readable)
    }

    /// How somebody is called, in the fewest words, with `{name}` for whom.
    #[must_use]
    pub fn call_phrase(&self, video: bool) -> Option<String> {
        let kind = if video { Kind::VideoCall } else { Kind::Call };
        let all = self.utterances.iter().filter(|one| one.kind == kind);
        let phrases = all.flat_map(|one| &one.phrases);
        let bare = phrases.filter(|phrase| slots(phrase).eq([Slot::Name]));
        bare.min_by_key(|phrase| phrase.0.len()).map(readable)
    }

    /// A prompt with its places filled in.
    #[must_use]
    pub fn prompt(&self, name: &str, places: &[(&str, &str)]) -> String {
        let mut text = self.prompts.get(name).cloned().unwrap_or_default();
        for (place, value) in places {
            text = text.replace(&format!("{{{place}}}"), value);
        }
        text
    }
}

/// The slots of a phrase.
fn slots(phrase: &Phrase) -> impl Iterator<Item = Slot> {
    phrase.0.iter().filter_map(|piece| match piece {
        Piece::Word(_) => None,
        Piece::Rest => Some(Slot::Text),
        Piece::Slot(name) | Piece::Several(name, _) => Slot::from_name(name),
    })
}

/// A phrase as patterns write it.
fn readable(phrase: &Phrase) -> String {
    let pieces = phrase.0.iter().map(|piece| match piece {
        Piece::Word(word) => word.clone(),
        Piece::Rest => format!("{{{}}}", Slot::Text.as_str()),
        Piece::Slot(name) | Piece::Several(name, _) => format!("{{{name}}}"),
    });
    pieces.collect::<Vec<_>>().join(" ")
}

/// Each place of a phrase is one that its intent has, once, and none that it needs is missing.
fn check_slots(kind: Kind, pattern: &str, phrase: &Phrase) -> Result<(), PackError> {
    let (needed, possible) = kind.slots();
    let all: Vec<Slot> = slots(phrase).collect();
    let missing = needed.iter().find(|slot| !all.contains(slot));
    let legal = |slot: &&Slot| needed.contains(slot) || possible.contains(slot);
    let once = |slot: &&Slot| all.iter().filter(|other| other == slot).count() == 1;
    let odd = all.iter().find(|slot| !legal(slot) || !once(slot));
    match missing.or(odd) {
        Some(slot) => Err(PackError::Slots(pattern.to_owned(), kind.as_str(), slot.as_str())),
        None => Ok(()),
    }
}

fn check_words(words: &Words) -> Result<(), PackError> {
    let lists = Slot::ALL.into_iter().flat_map(|slot| words.entries(slot));
    for word in lists.chain(&words.emergency) {
        let count = word.split(' ').count();
        if normalise(word) != *word || word.is_empty() || count > MAX_ENTRY_WORDS {
            return Err(PackError::Word(word.clone()));
        }
    }
    let is_digit = |text: &str| {
        let mut signs = text.chars();
        let one = |c: char| c.is_ascii_digit() || matches!(c, '*' | '#' | '+');
        signs.next().is_some_and(one) && signs.next().is_none()
    };
    match words.digits.iter().find(|(word, digit)| !is_digit(digit) || word.contains(' ')) {
        Some((_, digit)) => Err(PackError::Digit(digit.clone())),
        None => Ok(()),
    }
}

/// The phrases of a pattern: one with and one without each optional word.
fn expand(pattern: &str, least: usize) -> Result<Vec<Phrase>, PackError> {
    let wrong = || PackError::Pattern(pattern.to_owned());
    let mut phrases = vec![Vec::new()];
    for word in pattern.split_whitespace() {
        let (word, optional) = match word.strip_prefix('[') {
            Some(rest) => (rest.strip_suffix(']').ok_or_else(wrong)?, true),
            None => (word, false),
        };
        let piece = match word.strip_prefix('{') {
            Some(rest) => {
                let slot = rest.strip_suffix('}').and_then(Slot::from_name);
                slot.ok_or_else(wrong)?.piece(least)
            }
            None if word.chars().all(|c| c.is_alphanumeric() || c == '\'') => {
                Piece::Word(word.to_lowercase())
            }
            None => return Err(wrong()),
        };
        let without = if optional { phrases.clone() } else { Vec::new() };
        for phrase in &mut phrases {
            phrase.push(piece.clone());
        }
        phrases.extend(without);
        if phrases.len() > MAX_PHRASES {
            return Err(wrong());
        }
    }
    // What is said in one's own words has no end but the utterance's.
    let goes_on = |phrase: &Vec<Piece>| phrase.iter().rev().skip(1).any(|one| *one == Piece::Rest);
    if phrases.iter().any(|phrase| phrase.is_empty() || goes_on(phrase)) {
        return Err(wrong());
    }
    Ok(phrases.into_iter().map(Phrase).collect())
}
