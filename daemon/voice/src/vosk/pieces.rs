//! Names that the model's lexicon lacks, said as words that it has: as somebody taught them, or syllable by
//! syllable.
//!
//! Owns: which pieces stand for such a word in the run-time grammar, and putting it together again in what
//! was heard. Does not own: how a foreign name is spelled in syllables (`hangul`); in scripts whose letters
//! are none the sound of a part is not the sound of its letters, and only what was taught counts.
//! Invariant: what leaves here is the name, never its pieces, and no pieces stand for two names.

use std::collections::{BTreeMap, BTreeSet};

use ahoy_core::voice::{Grammar, MOST_ALIKE, Phrase, Piece, Way};

use super::hangul;
use crate::{legal, spelling};

/// A name in more pieces than this is heard everywhere.
const MOST_PIECES: usize = MOST_ALIKE;
/// Letters of a word that is cut up; more would take too long to try.
const MOST_LETTERS: usize = 12;
/// Ways to spell one name.
const MOST_WAYS: usize = 3;

/// Words and their pieces.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    /// The pieces with a space between them and around, and the word with a space around.
    known: Vec<(String, String)>,
    /// The same by word, without the spaces around.
    ways: BTreeMap<String, Vec<String>>,
}

impl Pieces {
    /// Cuts up what can be of the words that the model lacks, and takes them out of those.
    pub(super) fn cut(
        grammar: &Grammar,
        deaf_to: &mut BTreeSet<String>,
        knows: impl Fn(&str) -> bool,
    ) -> (Grammar, Self) {
        let (taken, names) = (runs(grammar), name_words(grammar));
        let mut words: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for word in &legal::words(grammar) {
            let is_name = names.contains(word.as_str());
            let spelled =
                if deaf_to.contains(word) { spellings(grammar, word, is_name) } else { Vec::new() };
            let guessed = spelled.iter().filter_map(|text| Some(cut(text, &knows)?.join(" ")));
            let taught = taught(grammar, word, &knows).filter(|_| is_name);
            // Somebody else is called so: they are heard, as they are spelled.
            let mut ways: Vec<String> =
                taught.chain(guessed).filter(|cut| !taken.contains(cut)).collect();
            ways.dedup();
            ways.truncate(MOST_WAYS);
            for way in ways {
                words.entry(way).or_default().push(word.clone());
            }
        }
        // What two sound like would be one of them.
        let alone = |(cut, mut of): (String, Vec<String>)| {
            of.dedup();
            let word = of.pop().filter(|_| of.is_empty())?;
            Some((cut, word))
        };
        let mut known: Vec<(String, String)> = words.into_iter().filter_map(alone).collect();
        // The longest first, so that no other's pieces are found inside.
        known.sort_by_key(|(cut, _)| std::cmp::Reverse(cut.len()));
        let mut ways: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (cut, word) in &known {
            let own = (!deaf_to.contains(word)).then(|| word.clone());
            let ways = ways.entry(word.clone()).or_insert_with(|| own.into_iter().collect());
            ways.push(cut.clone());
        }
        deaf_to.retain(|word| !ways.contains_key(word));
        let known = known.iter().map(|(cut, word)| (spaced(cut), spaced(word))).collect();
        let pieces = Self { known, ways };
        (pieces.apart(grammar), pieces)
    }

    /// The grammar with the pieces in the place of the words.
    fn apart(&self, grammar: &Grammar) -> Grammar {
        let mut grammar = grammar.clone();
        if self.known.is_empty() {
            return grammar;
        }
        for entries in grammar.slots.values_mut() {
            *entries = entries.iter().flat_map(|entry| self.swapped(entry)).collect();
        }
        for piece in grammar.phrases.iter_mut().flat_map(|phrase| &mut phrase.0) {
            if let Piece::Word(word) = piece
                && let Some(cut) = self.swapped(word).into_iter().next()
            {
                *word = cut;
            }
        }
        grammar
    }

    /// The ways of a text, each of its words in its first way, in its second, and so on.
    fn swapped(&self, text: &str) -> Vec<String> {
        let words: Vec<Vec<&str>> = text.split(' ').map(|word| self.ways(word)).collect();
        let most = words.iter().map(Vec::len).max().unwrap_or_default();
        (0..most)
            .map(|at| {
                let nth = words.iter().filter_map(|ways| ways.get(at).or(ways.last()).copied());
                nth.collect::<Vec<_>>().join(" ")
            })
            .collect()
    }

    fn ways<'a>(&'a self, word: &'a str) -> Vec<&'a str> {
        let known = self.ways.get(word);
        known.map_or_else(|| vec![word], |ways| ways.iter().map(String::as_str).collect())
    }

    /// What was heard, with the words in the place of their pieces.
    pub(super) fn together(&self, text: &str) -> String {
        let mut text = spaced(text);
        for (cut, word) in &self.known {
            text = text.replace(cut.as_str(), word);
        }
        text.trim().to_owned()
    }
}

/// All that may be said, name by name and command by command, in runs as long as pieces are.
fn runs(grammar: &Grammar) -> BTreeSet<String> {
    let words = |phrase: &Phrase| -> String {
        let words = phrase.0.iter().map(|piece| match piece {
            Piece::Word(word) => word.as_str(),
            Piece::Slot(_) | Piece::Several(..) | Piece::Rest => "",
        });
        words.collect::<Vec<_>>().join(" ")
    };
    let lines = grammar.slots.values().flatten().cloned().chain(grammar.phrases.iter().map(words));
    let mut runs = BTreeSet::new();
    for line in lines {
        let words: Vec<&str> = line.split(' ').collect();
        let of = |length| words.windows(length).map(|run| run.join(" "));
        runs.extend((1..=MOST_PIECES).flat_map(of));
    }
    runs
}

/// The words of all that fills slots.
fn name_words(grammar: &Grammar) -> BTreeSet<&str> {
    grammar.slots.values().flatten().flat_map(|entry| entry.split(' ')).collect()
}

/// The words that the model hears in the place of one, as somebody said it.
fn taught<'a>(
    grammar: &'a Grammar,
    word: &str,
    knows: &'a impl Fn(&str) -> bool,
) -> impl Iterator<Item = String> + 'a {
    let ways = grammar.sounds.get(word).into_iter().flatten();
    let words = ways.filter_map(|way| Way::parse(way).words());
    words.filter(move |words| words.split(' ').all(knows))
}

/// The ways to spell a word in syllables: itself, or, of a name, what it sounds like.
fn spellings(grammar: &Grammar, word: &str, is_name: bool) -> Vec<String> {
    if word.chars().all(is_syllable) {
        return vec![word.to_owned()];
    }
    // A command is data of a language: that it sounds like something in another makes it none there.
    if !is_name {
        return Vec::new();
    }
    let brought = grammar.sounds.get(word).into_iter().flatten().cloned();
    // Rules know little of names, but they always know something.
    let ruled = spelling::pronounce(word);
    let sounds = brought.chain(ruled).filter_map(|way| Way::parse(&way).phones());
    sounds.flat_map(|sound| hangul::spellings(word, &sound)).collect()
}

const fn is_syllable(c: char) -> bool {
    matches!(c, '\u{ac00}'..='\u{d7a3}')
}

fn spaced(text: &str) -> String {
    format!(" {text} ")
}

/// The fewest known pieces of a spelling, the first as long as can be.
fn cut(text: &str, knows: &impl Fn(&str) -> bool) -> Option<Vec<String>> {
    let letters: Vec<char> = text.chars().collect();
    if letters.len() > MOST_LETTERS {
        return None;
    }
    (1..=MOST_PIECES).find_map(|count| pieces(&letters, count, knows))
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
    fn what_has_no_known_pieces_or_no_sound_stays_unheard() {
        let (_, pieces, deaf) = cut_up(&["박찬", "alice", "하은하은", "🙏"], &LEXICON);
        assert_eq!(deaf.into_iter().collect::<Vec<_>>(), ["alice", "박찬", "하은하은", "🙏"]);
        assert!(pieces.known.is_empty());
    }

    #[test]
    fn a_foreign_name_is_heard_as_it_sounds_in_each_of_its_ways() {
        let mut grammar = test_grammar(&["<name> 에게 전화"], &[("name", &["alice", "maria"])]);
        for (name, sound) in [("alice", "AE L IH S"), ("maria", "M AH R IY AH")] {
            grammar.sounds.insert(name.to_owned(), vec![sound.to_owned()]);
        }
        let mut deaf = BTreeSet::from(["alice".to_owned(), "maria".to_owned()]);
        let lexicon = ["에게", "전화", "앨", "리스", "리", "마리아", "머리", "아"];
        let (grammar, pieces) = Pieces::cut(&grammar, &mut deaf, |word| lexicon.contains(&word));
        assert_eq!(grammar.slots["name"], ["앨 리스", "머리 아", "마리아"]);
        assert!(deaf.is_empty());
        assert_eq!(pieces.together("앨 리스 에게 전화"), "alice 에게 전화");
        assert_eq!(pieces.together("머리 아 에게 전화"), "maria 에게 전화");
    }

    #[test]
    fn what_was_taught_or_guessed_of_a_foreign_name_counts_before_the_rules() {
        let mut grammar = test_grammar(&["<name> 에게 전화"], &[("name", &["saoirse"])]);
        grammar.sounds.insert("saoirse".to_owned(), vec!["S ER SH AH".to_owned()]);
        let mut deaf = BTreeSet::from(["saoirse".to_owned()]);
        let knows = |word: &str| ["에게", "전화", "서", "샤"].contains(&word);
        let (grammar, _) = Pieces::cut(&grammar, &mut deaf, knows);
        assert_eq!(grammar.slots["name"], ["서 샤"]);
    }

    #[test]
    fn a_taught_name_is_heard_as_the_words_that_it_sounded_like_in_any_script() {
        let mut grammar =
            test_grammar(&["call <name>", "mute"], &[("name", &["saoirse", "al", "bo"])]);
        let taught =
            [("saoirse", "= sir sha"), ("al", "= owl"), ("bo", "= mute"), ("mute", "= moo")];
        for (word, way) in taught {
            grammar.sounds.insert(word.to_owned(), vec![way.to_owned(), "= unheard of".into()]);
        }
        let mut deaf = BTreeSet::from(["saoirse".to_owned(), "bo".to_owned()]);
        let lexicon = ["call", "mute", "moo", "al", "sir", "sha", "owl"];
        let (cut, pieces) = Pieces::cut(&grammar, &mut deaf, |word| lexicon.contains(&word));
        // A name that the model knows is heard as it is spelled, too; one that sounds like a command is not.
        assert_eq!(cut.slots["name"], ["sir sha", "al", "owl", "bo"]);
        assert_eq!(deaf, BTreeSet::from(["bo".to_owned()]));
        assert_eq!(pieces.together("call sir sha"), "call saoirse");
        assert_eq!(pieces.together("call owl"), "call al");
        assert_eq!(pieces.together("mute"), "mute");
    }

    #[test]
    fn two_names_of_one_sound_and_one_that_sounds_like_a_command_stay_unheard() {
        let (grammar, pieces, deaf) = cut_up(&["jon", "jonn"], &["에게", "전화", "존"]);
        assert_eq!(grammar.slots["name"], ["jon", "jonn"]);
        assert_eq!((deaf.len(), pieces.known.len()), (2, 0));
        let grammar = test_grammar(&["<name> 에게 전화", "존 전화"], &[("name", &["jon"])]);
        let mut deaf = BTreeSet::from(["jon".to_owned()]);
        let (_, pieces) = Pieces::cut(&grammar, &mut deaf, |word| word == "존");
        assert!(pieces.known.is_empty() && deaf.contains("jon"));
    }

    #[test]
    fn two_who_would_be_heard_as_the_same_are_not_mixed_up() {
        let (grammar, pieces, deaf) = cut_up(&["하은", "하 은"], &LEXICON);
        assert_eq!(grammar.slots["name"], ["하은", "하 은"]);
        assert!(deaf.contains("하은"));
        assert_eq!(pieces.together("하 은 에게 전화"), "하 은 에게 전화");
    }
}
