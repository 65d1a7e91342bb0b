//! One way to say a word of a name: its phones, or other words that sound like it.
//!
//! Owns: the text form of both, which is kept and sent. Does not own: which recogniser understands which.
//! Invariant: reading what was written gives the same, and whatever is read is bounded.

use std::fmt;

use super::{intent::normalise, phones::Sound};

/// Stands before words; no phone begins so.
const WORDS: char = '=';
/// Words that sound like one; more are a sentence.
pub const MOST_ALIKE: usize = 3;
/// Letters of these words.
const MOST_LETTERS: usize = 48;

/// Whether a way is one of words, by its text.
pub(super) fn is_words(text: &str) -> bool {
    text.starts_with(WORDS)
}

/// A way to say a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// Phones of English, which PocketSphinx hears: "S ER SH AH".
    Phones(Sound),
    /// Words of a recogniser's own, in small letters: "= sir sha".
    Words(String),
}

impl Way {
    /// Reads one; text that is none of both is no phones.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        text.strip_prefix(WORDS).map_or_else(|| Self::Phones(Sound::parse(text)), Self::of_words)
    }

    /// What was heard as free speech; nothing where it is a sentence.
    #[must_use]
    pub fn of_words(text: &str) -> Self {
        let text = normalise(text);
        let fits = text.split(' ').count() <= MOST_ALIKE && text.chars().count() <= MOST_LETTERS;
        Self::Words(if fits { text } else { String::new() })
    }

    /// Its phones, if it has some.
    #[must_use]
    pub fn phones(self) -> Option<Sound> {
        match self {
            Self::Phones(sound) => Some(sound),
            Self::Words(_) => None,
        }
    }

    /// Its words, if it has some.
    #[must_use]
    pub fn words(self) -> Option<String> {
        match self {
            Self::Words(words) => Some(words).filter(|words| !words.is_empty()),
            Self::Phones(_) => None,
        }
    }

    /// How far two are apart: 0 the same, 1 as far as can be.
    #[must_use]
    pub fn distance(&self, other: &Self) -> f64 {
        match (self, other) {
            (Self::Phones(one), Self::Phones(other)) => one.distance(other),
            (Self::Words(one), Self::Words(other)) => {
                1.0 - strsim::normalized_levenshtein(one, other)
            }
            (Self::Phones(_), Self::Words(_)) | (Self::Words(_), Self::Phones(_)) => 1.0,
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Phones(sound) => sound.fmt(f),
            Self::Words(words) => write!(f, "{WORDS} {words}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_words_are_never_taken_for_phones() {
        for way in [
            Way::Phones(Sound::parse("S ER SH AH")),
            Way::of_words("ow er"),
            Way::of_words("서 샤"),
        ] {
            assert_eq!(Way::parse(&way.to_string()), way);
        }
        // Names of phones, too.
        assert_eq!(Way::parse("= ow er").phones(), None);
        assert_eq!(Way::parse("OW ER").words(), None);
    }

    #[test]
    fn a_sentence_is_no_way_to_say_a_word() {
        for text in ["", "how are you doing today", &"a".repeat(500)] {
            assert_eq!(Way::of_words(text).words(), None, "{text}");
        }
    }

    #[test]
    fn words_that_differ_in_a_letter_are_near_and_phones_are_far_from_all_words() {
        let words = Way::of_words("sir sha");
        assert!(words.distance(&Way::of_words("sir shah")) < 0.2);
        assert!(words.distance(&Way::of_words("bumble")) > 0.7);
        assert!(words.distance(&Way::parse("S ER SH AH")) > 0.9);
    }
}
