//! What fills the places of a phrase: names, digits, and the lists of a pack.
//!
//! Owns: which slots there are, what their words stand for, and finding them in what was said. Does
//! not own: whose name is whose (`book`). Invariant: what is captured is a whole phrase, word for
//! word; looking for it ends, whatever was said.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::grammar::{Phrase, Piece};

/// Names have at most this many words.
const MAX_NAME_WORDS: usize = 6;
/// Entries of a pack's lists have at most this many words.
pub(super) const MAX_ENTRY_WORDS: usize = 6;
/// Nothing longer is a command, or a message that is dictated.
const MAX_WORDS: usize = 200;
/// Digits of a number (E.164 has 15), with what stands before it.
const MAX_DIGITS: usize = 20;

/// What a word of the phrase itself explains ...
const WORD: usize = 3;
/// ... and one of a list: "call nine one one" is the phrase before it is a number.
const ENTRY: usize = 2;

/// A place in a phrase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Slot {
    /// A name of the address book.
    Name,
    /// One more.
    Other,
    /// Digits, one or more.
    Digits,
    /// A place in a list, from 1.
    Place,
    /// By which address.
    By,
    /// For how long.
    Span,
    /// Words of the user's own.
    Text,
}

impl Slot {
    pub(super) const ALL: [Self; 7] =
        [Self::Name, Self::Other, Self::Digits, Self::Place, Self::By, Self::Span, Self::Text];

    /// As patterns write it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Other => "other",
            Self::Digits => "digits",
            Self::Place => "place",
            Self::By => "by",
            Self::Span => "span",
            Self::Text => "text",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|slot| slot.as_str() == name)
    }

    /// As a part of a phrase, of which at least so many entries are listened for.
    pub(super) fn piece(self, least: usize) -> Piece {
        let name = self.as_str().to_owned();
        match self {
            Self::Digits => Piece::Several(name, least),
            Self::Text => Piece::Rest,
            Self::Name | Self::Other | Self::Place | Self::By | Self::Span => Piece::Slot(name),
        }
    }
}

/// By which of a person's addresses.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// One that the address book marks so: "home", "work", "mobile".
    Label(String),
    /// One of this scheme: "sip", "tel", "ahoy".
    Scheme(String),
}

/// The words of a language.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Words {
    /// Word to the digit it is: 0-9, *, # or +.
    #[serde(default)]
    pub(super) digits: BTreeMap<String, String>,
    /// Word to a place, from 1.
    #[serde(default)]
    pub(super) places: BTreeMap<String, usize>,
    #[serde(default)]
    pub(super) by: BTreeMap<String, By>,
    /// Words to minutes.
    #[serde(default)]
    pub(super) spans: BTreeMap<String, u32>,
    /// Whoever is called so, and is in no address book, is asked for in an emergency.
    #[serde(default)]
    pub(super) emergency: Vec<String>,
    /// Word to how it is written in a text, where not in small letters: "i" to "I".
    #[serde(default)]
    pub(super) written: BTreeMap<String, String>,
}

impl Words {
    /// The entries of a slot that the pack lists itself.
    pub(super) fn entries(&self, slot: Slot) -> Vec<&String> {
        match slot {
            Slot::Digits => self.digits.keys().collect(),
            Slot::Place => self.places.keys().collect(),
            Slot::By => self.by.keys().collect(),
            Slot::Span => self.spans.keys().collect(),
            Slot::Name | Slot::Other | Slot::Text => Vec::new(),
        }
    }

    /// Words that were heard as a text is written.
    pub(super) fn write(&self, text: &str) -> String {
        let word = |word| self.written.get(word).map_or(word, String::as_str);
        let written = text.split(' ').map(word).collect::<Vec<_>>().join(" ");
        let mut letters = written.chars();
        let first = letters.next().map(char::to_uppercase);
        first.map_or_else(String::new, |first| first.chain(letters).collect())
    }

    /// The digits of a word: said, or typed as such.
    fn digit<'a>(&'a self, word: &'a str) -> Option<&'a str> {
        let typed = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
        if typed { Some(word) } else { self.digits.get(word).map(String::as_str) }
    }
}

/// What the places of a phrase were filled with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Captured {
    pub(super) name: String,
    pub(super) other: String,
    pub(super) digits: String,
    pub(super) place: usize,
    pub(super) by: Option<By>,
    pub(super) span: Option<u32>,
    pub(super) text: String,
    /// How much of it stands in the phrase, or in a list: the more, the less is left to a name.
    pub(super) explained: usize,
}

impl Captured {
    /// The entry of a list that these words are.
    fn with(&self, words: &Words, slot: Slot, entry: &str) -> Option<Self> {
        let mut all = self.clone();
        match slot {
            Slot::Place => {
                let typed = || entry.parse().ok().filter(|place| *place > 0);
                all.place = words.places.get(entry).copied().or_else(typed)?;
            }
            Slot::By => all.by = Some(words.by.get(entry)?.clone()),
            Slot::Span => all.span = Some(*words.spans.get(entry)?),
            Slot::Name | Slot::Other | Slot::Digits | Slot::Text => return None,
        }
        all.explained += ENTRY * entry.split(' ').count();
        Some(all)
    }
}

/// Every way in which these words are this phrase. One digit is enough here, however many are listened
/// for: what is typed is to be answered, too.
pub(super) fn capture(phrase: &Phrase, said: &[&str], words: &Words) -> Vec<Captured> {
    let mut found = Vec::new();
    if said.len() <= MAX_WORDS {
        follow(&phrase.0, said, words, &Captured::default(), &mut found);
    }
    found
}

/// Goes on with the pieces that are left. A phrase has few of them, and each takes some words.
fn follow(
    pieces: &[Piece],
    said: &[&str],
    words: &Words,
    so_far: &Captured,
    found: &mut Vec<Captured>,
) {
    let Some((piece, rest)) = pieces.split_first() else {
        if said.is_empty() {
            found.push(so_far.clone());
        }
        return;
    };
    match piece {
        Piece::Word(word) => {
            if let Some((first, left)) = said.split_first()
                && first == word
            {
                let explained = so_far.explained + WORD;
                follow(rest, left, words, &Captured { explained, ..so_far.clone() }, found);
            }
        }
        Piece::Rest => {
            if !said.is_empty() {
                found.push(Captured { text: said.join(" "), ..so_far.clone() });
            }
        }
        Piece::Slot(name) | Piece::Several(name, _) => {
            let Some(slot) = Slot::from_name(name) else { return };
            for (captured, left) in fillings(slot, said, words, so_far) {
                follow(rest, left, words, &captured, found);
            }
        }
    }
}

/// What a slot may take off the front of what was said.
fn fillings<'a>(
    slot: Slot,
    said: &'a [&'a str],
    words: &Words,
    so_far: &Captured,
) -> Vec<(Captured, &'a [&'a str])> {
    let most = match slot {
        Slot::Name | Slot::Other => MAX_NAME_WORDS,
        Slot::Digits => MAX_DIGITS,
        Slot::Place | Slot::By | Slot::Span => MAX_ENTRY_WORDS,
        // Not by pieces: it is all that is left.
        Slot::Text => 0,
    };
    let take = |count: usize| {
        let (head, left) = said.split_at(count);
        let entry = head.join(" ");
        let captured = match slot {
            Slot::Name => Captured { name: entry, ..so_far.clone() },
            Slot::Other => Captured { other: entry, ..so_far.clone() },
            Slot::Digits => {
                let digits: Option<String> = head.iter().map(|word| words.digit(word)).collect();
                let explained = so_far.explained + ENTRY * count;
                Captured { digits: digits?, explained, ..so_far.clone() }
            }
            Slot::Place | Slot::By | Slot::Span | Slot::Text => so_far.with(words, slot, &entry)?,
        };
        Some((captured, left))
    };
    (1..=most.min(said.len())).filter_map(take).collect()
}
