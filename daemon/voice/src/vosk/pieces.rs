//! Names that the model's lexicon lacks, said as words that it has: syllable by syllable.
//!
//! Owns: cutting such a word up for the run-time grammar, and putting it together again in what was
//! heard. Does not own: scripts whose letters are not syllables: there the sound of a part is not the
//! sound of its letters. Invariant: what leaves here is the name, never its pieces.

use std::collections::BTreeSet;

use ahoy_core::voice::{Grammar, Piece};

use crate::legal;

/// A name in more pieces than this is heard everywhere.
const MOST_PIECES: usize = 3;
/// Letters of a word that is cut up; more would take too long to try.
const MOST_LETTERS: usize = 12;

/// Words and their pieces.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    /// The pieces with a space between them and around, and the word with a space around.
    known: Vec<(String, String)>,
}

impl Pieces {
    /// Cuts up what can be of the words that the model lacks, and takes them out of those.
    pub(super) fn cut(
        grammar: &Grammar,
        deaf_to: &mut BTreeSet<String>,
        knows: impl Fn(&str) -> bool,
    ) -> (Grammar, Self) {
        let mut pieces = Self::default();
        let entries: Vec<String> =
            grammar.slots.values().flatten().map(|entry| spaced(entry)).collect();
        for word in legal::words(grammar).intersection(&deaf_to.clone()) {
            let Some(cut) = cut(word, &knows) else { continue };
            let cut = spaced(&cut.join(" "));
            // Somebody else is called so: they are heard, as they are spelled.
            if !entries.iter().any(|entry| entry.contains(&cut)) {
                deaf_to.remove(word);
                pieces.known.push((cut, spaced(word)));
            }
        }
        // The longest first, so that no other's pieces are found inside.
        pieces.known.sort_by_key(|(cut, _)| std::cmp::Reverse(cut.len()));
        (pieces.apart(grammar), pieces)
    }

    /// The grammar with the pieces in the place of the words.
    fn apart(&self, grammar: &Grammar) -> Grammar {
        let mut grammar = grammar.clone();
        if self.known.is_empty() {
            return grammar;
        }
        let swap = |text: &mut String| *text = self.swap(text, |(cut, word)| (word, cut));
        grammar.slots.values_mut().flatten().for_each(swap);
        for piece in grammar.phrases.iter_mut().flat_map(|phrase| &mut phrase.0) {
            if let Piece::Word(word) = piece {
                swap(word);
            }
        }
        grammar
    }

    /// What was heard, with the words in the place of their pieces.
    pub(super) fn together(&self, text: &str) -> String {
        self.swap(text, |(cut, word)| (cut, word))
    }

    fn swap<'a>(
        &'a self,
        text: &str,
        of: impl Fn(&'a (String, String)) -> (&'a String, &'a String),
    ) -> String {
        let mut text = spaced(text);
        for (from, to) in self.known.iter().map(of) {
            text = text.replace(from.as_str(), to);
        }
        text.trim().to_owned()
    }
}

fn spaced(text: &str) -> String {
    format!(" {text} ")
}

/// The fewest known pieces of a word, the first as long as can be.
fn cut(word: &str, knows: &impl Fn(&str) -> bool) -> Option<Vec<String>> {
    let letters: Vec<char> = word.chars().collect();
    let is_syllable = |c: &char| ('\u{ac00}'..='\u{d7a3}').contains(c);
    if letters.len() > MOST_LETTERS || !letters.iter().all(is_syllable) {
        return None;
    }
    (2..=MOST_PIECES).find_map(|count| pieces(&letters, count, knows))
}

fn pieces(letters: &[char], count: usize, knows: &impl Fn(&str) -> bool) -> Option<Vec<String>> {
    let whole: String = letters.iter().collect();
    if count == 1 {
        return knows(&whole).then(|| vec![whole]);
    }
    (1..letters.len()).rev().find_map(|at| {
        let (first, rest) = letters.split_at(at);
        let first: String = first.iter().collect();
        let mut all = knows(&first).then(|| vec![first])?;
        all.extend(pieces(rest, count - 1, knows)?);
        Some(all)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::legal::test_grammar;

    fn cut_up(names: &[&str], lexicon: &[&str]) -> (Grammar, Pieces, BTreeSet<String>) {
        let grammar = test_grammar(&["<name> 에게 전화"], &[("name", names)]);
        let knows = |word: &str| lexicon.contains(&word);
        let mut deaf: BTreeSet<String> =
            legal::words(&grammar).into_iter().filter(|word| !knows(word)).collect();
        let (cut, pieces) = Pieces::cut(&grammar, &mut deaf, knows);
        (cut, pieces, deaf)
    }

    const LEXICON: [&str; 8] = ["에게", "전화", "김", "하", "은", "이고", "르", "민수"];

    #[test]
    fn a_name_that_is_lacked_is_heard_in_pieces_and_told_as_it_is() {
        let (grammar, pieces, deaf) = cut_up(&["하은", "김 하은", "이고르", "민수"], &LEXICON);
        assert_eq!(grammar.slots["name"], ["하 은", "김 하 은", "이고 르", "민수"]);
        assert!(deaf.is_empty());
        assert_eq!(pieces.together("김 하 은 에게 전화"), "김 하은 에게 전화");
        assert_eq!(pieces.together("이고 르 에게 전화"), "이고르 에게 전화");
        assert_eq!(pieces.together("민수 에게 전화"), "민수 에게 전화");
    }

    #[test]
    fn what_has_no_known_pieces_or_other_letters_stays_unheard() {
        let (_, pieces, deaf) = cut_up(&["박찬", "alice", "하은하은"], &LEXICON);
        assert_eq!(deaf.into_iter().collect::<Vec<_>>(), ["alice", "박찬", "하은하은"]);
        assert!(pieces.known.is_empty());
    }

    #[test]
    fn two_who_would_be_heard_as_the_same_are_not_mixed_up() {
        let (grammar, pieces, deaf) = cut_up(&["하은", "하 은"], &LEXICON);
        assert_eq!(grammar.slots["name"], ["하은", "하 은"]);
        assert!(deaf.contains("하은"));
        assert_eq!(pieces.together("하 은 에게 전화"), "하 은 에게 전화");
    }
}
