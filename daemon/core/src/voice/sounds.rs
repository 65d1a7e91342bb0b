//! What is known of how the names of the address book are said, beside spelling.
//!
//! Owns: taught and guessed pronunciations by word, and which of them travel with a grammar. Does not
//! own: who taught or guessed them, or how a recogniser uses them. Invariant: what travels is bounded
//! in words' ways and in bytes, and taught ways go before guessed ones.

use std::collections::BTreeMap;

use super::{grammar::Grammar, way::is_words};

/// Ways to say one word, of each kind: what one recogniser learnt takes no room of what another did.
pub const MOST_WAYS: usize = 4;
/// A grammar and its sounds fit into one message (`worker::MAX_MESSAGE`) with room for the rest.
const ROOM: usize = 112 * 1024;
/// What a text takes beside its bytes, as JSON.
const AROUND: usize = 6;

/// Words and the ways they are said, each as [`Way`](super::Way) writes it ("K IH M", "= kim").
pub type Ways = BTreeMap<String, Vec<String>>;

/// Taught and guessed pronunciations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sounds {
    taught: Ways,
    guessed: BTreeMap<String, String>,
}

impl Sounds {
    /// What people taught, instead of what they taught before.
    pub fn set_taught(&mut self, taught: Ways) {
        self.taught = taught;
    }

    /// Somebody taught a word just now.
    pub fn add_taught(&mut self, word: &str, ways: &[String]) {
        let known = self.taught.entry(word.to_owned()).or_default();
        keep(known, ways);
    }

    /// What a synthesizer would say, instead of what it said before; whether that is something else.
    pub fn set_guessed(&mut self, guessed: BTreeMap<String, String>) -> bool {
        let changed = self.guessed != guessed;
        self.guessed = guessed;
        changed
    }

    /// The ways of the names in a grammar, as many as there is room for.
    #[must_use]
    pub fn of(&self, grammar: &Grammar) -> Ways {
        let entries = || grammar.slots.values().flatten();
        let texts: usize = entries().map(|entry| entry.len() + AROUND).sum();
        let mut room = ROOM.saturating_sub(texts);
        let mut ways = Ways::new();
        let mut add = |word: &str, phones: &String| {
            let cost = word.len() + phones.len() + 2 * AROUND;
            let alike = |way: &&String| is_words(way) == is_words(phones);
            let of_word = ways.get(word).map_or(0, |ways| ways.iter().filter(alike).count());
            let known = ways.get(word).is_some_and(|ways: &Vec<String>| ways.contains(phones));
            if cost <= room && of_word < MOST_WAYS && !known {
                room -= cost;
                ways.entry(word.to_owned()).or_default().push(phones.clone());
            }
        };
        let words = || entries().flat_map(|entry| entry.split(' '));
        for word in words() {
            self.taught.get(word).into_iter().flatten().for_each(|phones| add(word, phones));
        }
        for word in words() {
            self.guessed.get(word).into_iter().for_each(|phones| add(word, phones));
        }
        ways
    }
}

/// Adds ways to those of a word; the newest of each kind stay.
pub fn keep(known: &mut Vec<String>, ways: &[String]) {
    known.retain(|one| !ways.contains(one));
    known.extend(ways.iter().take(MOST_WAYS).cloned());
    for kind in [false, true] {
        let alike = |way: &String| is_words(way) == kind;
        let mut surplus = known.iter().filter(|way| alike(way)).count().saturating_sub(MOST_WAYS);
        known.retain(|way| {
            let goes = surplus > 0 && alike(way);
            surplus -= usize::from(goes);
            !goes
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grammar(names: Vec<String>) -> Grammar {
        Grammar { slots: BTreeMap::from([("name".to_owned(), names)]), ..Grammar::default() }
    }

    #[test]
    fn taught_ways_go_first_and_words_that_are_not_asked_for_stay() {
        let mut sounds = Sounds::default();
        sounds.set_taught(Ways::from([
            ("saoirse".into(), vec!["S IH R SH AH".into(), "S ER SH AH".into()]),
            ("nobody".into(), vec!["N".into()]),
        ]));
        sounds.set_guessed(
            [("saoirse", "S EY R S"), ("nolan", "N OW L AH N")]
                .map(|(word, phones)| (word.to_owned(), phones.to_owned()))
                .into(),
        );
        let ways = sounds.of(&grammar(vec!["saoirse nolan".into(), "saoirse".into()]));
        assert_eq!(ways["saoirse"], ["S IH R SH AH", "S ER SH AH", "S EY R S"]);
        assert_eq!(ways["nolan"], ["N OW L AH N"]);
        assert_eq!(ways.len(), 2);
    }

    #[test]
    fn of_what_is_taught_the_newest_ways_stay() {
        let ways = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let mut known = ways("a b c");
        keep(&mut known, &ways("b d e"));
        assert_eq!(known, ways("c b d e"));
        let mut known = vec!["= of another".to_owned()];
        keep(&mut known, &ways("a b c d e f"));
        assert_eq!(
            known.first().map(String::as_str),
            Some("= of another"),
            "each has its own room"
        );
        known.remove(0);
        assert_eq!(known.len(), MOST_WAYS);
    }

    #[test]
    fn what_travels_fits_into_a_message_however_large_the_book_is() {
        let words: Vec<String> = (0..8_000).map(|at| format!("name{at}")).collect();
        let mut sounds = Sounds::default();
        let long = "SH ".repeat(16);
        sounds.set_guessed(words.iter().map(|word| (word.clone(), long.clone())).collect());
        sounds.set_taught(words.iter().map(|word| (word.clone(), vec!["K".into(); 9])).collect());
        let mut grammar = grammar(words);
        grammar.sounds = sounds.of(&grammar);
        let json = serde_json::to_string(&grammar).unwrap();
        assert!(json.len() <= crate::worker::MAX_MESSAGE - 8 * 1024, "{}", json.len());
        assert!(grammar.sounds.values().all(|ways| ways.len() <= MOST_WAYS));
    }
}
