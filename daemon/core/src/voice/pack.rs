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
    intent::{Kind, Situation},
};

/// The slot for a name of the address book.
pub(super) const NAME: &str = "name";

/// Why a pack does not load.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PackError {
    /// Not TOML, or not of a pack's form.
    #[error("locale pack: {0}")]
    Form(String),
    /// A pattern is empty, has an unknown slot or an open bracket.
    #[error("locale pack: the pattern \"{0}\" is not valid")]
    Pattern(String),
    /// A prompt is missing.
    #[error("locale pack: the prompt \"{0}\" is missing")]
    Prompt(&'static str),
    /// No pack of this locale is built in.
    #[error("there is no locale pack \"{0}\"; built in are \"en\" and \"ko\"")]
    Locale(String),
}

/// The prompts every pack has.
const PROMPTS: [&str; 18] = [
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
    "help-idle",
    "help-ringing",
    "help-in-call",
    "help-question",
    "or",
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPack {
    locale: String,
    utterance: Vec<RawUtterance>,
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
        let mut utterances = Vec::with_capacity(raw.utterance.len());
        for one in raw.utterance {
            let mut phrases = Vec::new();
            for pattern in &one.say {
                phrases.extend(expand(pattern)?);
            }
            utterances.push(Utterance { kind: one.intent, when: one.when, phrases });
        }
        Ok(Self { locale: raw.locale, utterances, prompts: raw.prompts })
    }

    /// Its language.
    #[must_use]
    pub fn locale(&self) -> &str {
        &self.locale
    }

    /// All that may be said in a situation.
    #[must_use]
    pub fn grammar(&self, situation: Situation, book: &Book) -> Grammar {
        let phrases = self.legal(situation).flat_map(|one| one.phrases.clone()).collect();
        let names = book.forms().map(str::to_owned).collect();
        Grammar { phrases, slots: [(NAME.to_owned(), names)].into() }
    }

    pub(super) fn legal(&self, situation: Situation) -> impl Iterator<Item = &Utterance> {
        self.utterances.iter().filter(move |one| one.when.contains(&situation))
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

/// The phrases of a pattern: one with and one without each optional word.
fn expand(pattern: &str) -> Result<Vec<Phrase>, PackError> {
    let wrong = || PackError::Pattern(pattern.to_owned());
    let mut phrases = vec![Vec::new()];
    for word in pattern.split_whitespace() {
        let (word, optional) = match word.strip_prefix('[') {
            Some(rest) => (rest.strip_suffix(']').ok_or_else(wrong)?, true),
            None => (word, false),
        };
        let piece = match word.strip_prefix('{') {
            Some(rest) if rest.strip_suffix('}') == Some(NAME) => Piece::Slot(NAME.to_owned()),
            Some(_) => return Err(wrong()),
            None if word.chars().all(char::is_alphanumeric) => Piece::Word(word.to_lowercase()),
            None => return Err(wrong()),
        };
        let without = if optional { phrases.clone() } else { Vec::new() };
        for phrase in &mut phrases {
            phrase.push(piece.clone());
        }
        phrases.extend(without);
        if phrases.len() > 16 {
            return Err(wrong());
        }
    }
    if phrases.iter().any(Vec::is_empty) {
        return Err(wrong());
    }
    Ok(phrases.into_iter().map(Phrase).collect())
}
