//! What the grammar allows, as plain word sequences.
//!
//! Owns: taking unhearable words out of a grammar, and measuring how close a loose hypothesis is to
//! a legal command. Does not own: any recogniser. Invariant: [`closest`] answers only with text
//! that the grammar can produce, word for word.

use std::collections::{BTreeSet, HashMap};

use ahoy_core::voice::{Grammar, Phrase, Piece};

/// Every word of a grammar, once.
pub(crate) fn words(grammar: &Grammar) -> BTreeSet<String> {
    let pieces = grammar.phrases.iter().flat_map(|phrase| &phrase.0);
    let said = pieces.filter_map(|piece| match piece {
        Piece::Word(word) => Some(word),
        Piece::Slot(_) | Piece::Several(..) | Piece::Rest => None,
    });
    said.chain(grammar.slots.values().flatten())
        .flat_map(|text| text.split(' '))
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The grammar without what contains one of these words, and what had to go.
pub(crate) fn without(grammar: &Grammar, deaf_to: &BTreeSet<String>) -> (Grammar, Vec<String>) {
    let hears = |text: &str| text.split(' ').all(|word| !deaf_to.contains(word));
    let mut gone = Vec::new();
    let mut kept = Grammar::default();
    for (slot, entries) in &grammar.slots {
        let (can, cannot): (Vec<_>, Vec<_>) = entries.iter().cloned().partition(|e| hears(e));
        gone.extend(cannot);
        kept.slots.insert(slot.clone(), can);
    }
    for phrase in &grammar.phrases {
        let possible = phrase.0.iter().all(|piece| match piece {
            Piece::Word(word) => hears(word),
            Piece::Rest => true,
            Piece::Slot(slot) | Piece::Several(slot, _) => {
                kept.slots.get(slot).is_some_and(|e| !e.is_empty())
            }
        });
        if possible {
            kept.phrases.push(phrase.clone());
        } else {
            gone.push(readable(phrase));
        }
    }
    (kept, gone)
}

fn readable(phrase: &Phrase) -> String {
    let pieces = phrase.0.iter().map(|piece| match piece {
        Piece::Word(word) => word.clone(),
        Piece::Rest => "…".to_owned(),
        Piece::Slot(slot) => format!("<{slot}>"),
        Piece::Several(slot, _) => format!("<{slot}>+"),
    });
    pieces.collect::<Vec<_>>().join(" ")
}

/// Whether a text is one of the phrases that end in free speech, with at least a word of it.
pub(crate) fn opens(grammar: &Grammar, text: &str) -> bool {
    let said: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
    let mut open = grammar.phrases.iter().filter(|phrase| phrase.is_open());
    open.any(|phrase| begins(grammar, &phrase.0, &said))
}

/// A text as the phrase that it is, for logs: names, numbers and messages are the user's own. Empty if
/// it is none.
pub(crate) fn shape(grammar: &Grammar, text: &str) -> String {
    let said: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
    let mut phrases = grammar.phrases.iter();
    phrases.find(|phrase| begins(grammar, &phrase.0, &said)).map_or_else(String::new, readable)
}

fn begins(grammar: &Grammar, pieces: &[Piece], said: &[&str]) -> bool {
    let Some((piece, after)) = pieces.split_first() else { return said.is_empty() };
    let entries: &[String] = match piece {
        Piece::Rest => return !said.is_empty(),
        Piece::Word(word) => std::slice::from_ref(word),
        Piece::Slot(slot) | Piece::Several(slot, _) => {
            grammar.slots.get(slot).map_or(&[], Vec::as_slice)
        }
    };
    // A name is the front of what was said or it is not, so this looks at each piece once a name.
    entries.iter().any(|entry| {
        let words: Vec<&str> = entry.split(' ').collect();
        let goes_on = |rest: &[&str]| {
            let more = matches!(piece, Piece::Several(..)) && begins(grammar, pieces, rest);
            more || begins(grammar, after, rest)
        };
        said.starts_with(&words) && goes_on(&said[words.len()..])
    })
}

/// A word as a loose recogniser heard it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct HeardWord {
    /// What.
    pub(crate) text: String,
    /// How sure, 0 to 1.
    pub(crate) sure: f64,
}

/// A legal command and how well it explains what was heard.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reading {
    /// The command.
    pub(crate) text: String,
    /// 0 to 1: the words in common, each as sure as it was heard, over all words of either.
    pub(crate) score: f64,
}

/// The legal commands closest to what was heard, best first, at most `limit`.
///
/// A phrase with several slots is expanded slot by slot with the entries that fit best, so the
/// work grows with the sum of the slots, not with their product.
pub(crate) fn closest(grammar: &Grammar, heard: &[HeardWord], limit: usize) -> Vec<Reading> {
    let mut best: HashMap<String, f64> = HashMap::new();
    for phrase in &grammar.phrases {
        for words in expansions(grammar, phrase, heard) {
            let score = agreement(&words, heard);
            let kept = best.entry(words.join(" ")).or_insert(score);
            *kept = kept.max(score);
        }
    }
    let mut readings: Vec<Reading> = best
        .into_iter()
        .filter(|(_, score)| *score > 0.0)
        .map(|(text, score)| Reading { text, score })
        .collect();
    // By text where equal, so that the same sound always gives the same answer.
    readings.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.text.cmp(&b.text)));
    readings.truncate(limit);
    readings
}

/// How many half-built expansions of a phrase are followed.
const BEAM: usize = 16;

fn expansions<'a>(
    grammar: &'a Grammar,
    phrase: &'a Phrase,
    heard: &[HeardWord],
) -> Vec<Vec<&'a str>> {
    let mut built: Vec<Vec<&str>> = vec![Vec::new()];
    for piece in &phrase.0 {
        match piece {
            Piece::Word(word) => {
                for words in &mut built {
                    words.extend(word.split(' '));
                }
            }
            // Not heard word by word.
            Piece::Rest => return Vec::new(),
            // What was heard says which, and how many.
            Piece::Several(slot, least) => {
                let entries = grammar.slots.get(slot).map_or(&[][..], Vec::as_slice);
                let known = |one: &HeardWord| entries.iter().find(|entry| **entry == one.text);
                let said: Vec<&str> = heard.iter().filter_map(known).map(String::as_str).collect();
                if said.is_empty() || said.len() < *least {
                    return Vec::new();
                }
                for words in &mut built {
                    words.extend(&said);
                }
            }
            Piece::Slot(slot) => {
                let entries = grammar.slots.get(slot).map_or(&[][..], Vec::as_slice);
                built = built
                    .iter()
                    .flat_map(|words| {
                        entries.iter().map(move |entry| {
                            let mut words = words.clone();
                            words.extend(entry.split(' '));
                            words
                        })
                    })
                    .collect();
                built.sort_by(|a, b| common(b, heard).total_cmp(&common(a, heard)));
                built.truncate(BEAM);
            }
        }
    }
    built
}

/// Sureness of the longest common subsequence, by weight.
fn common(words: &[&str], heard: &[HeardWord]) -> f64 {
    let mut row = vec![0.0_f64; heard.len() + 1];
    for word in words {
        let mut diagonal = 0.0;
        for (at, said) in heard.iter().enumerate() {
            let above = row[at + 1];
            let matched = if said.text == *word { diagonal + said.sure } else { 0.0 };
            row[at + 1] = above.max(row[at]).max(matched);
            diagonal = above;
        }
    }
    row.last().copied().unwrap_or(0.0)
}

/// Agreement of a command with what was heard: 1 if word for word and sure.
fn agreement(words: &[&str], heard: &[HeardWord]) -> f64 {
    let longer = words.len().max(heard.len());
    if longer == 0 {
        return 0.0;
    }
    common(words, heard) / longer as f64
}

/// A grammar from readable phrases, for tests of this crate.
#[cfg(test)]
pub(crate) fn test_grammar(phrases: &[&str], slots: &[(&str, &[&str])]) -> Grammar {
    let piece = |text: &str| {
        let slot = |end| text.strip_prefix('<').and_then(|text| text.strip_suffix(end));
        match (slot(">"), slot(">+")) {
            (Some(slot), _) => Piece::Slot(slot.into()),
            (None, Some(slot)) => Piece::Several(slot.into(), 1),
            (None, None) if text == "…" => Piece::Rest,
            (None, None) => Piece::Word(text.into()),
        }
    };
    Grammar {
        phrases: phrases.iter().map(|text| Phrase(text.split(' ').map(piece).collect())).collect(),
        slots: slots
            .iter()
            .map(|(slot, entries)| {
                let entries = entries.iter().map(|entry| (*entry).to_owned()).collect();
                ((*slot).to_owned(), entries)
            })
            .collect(),
        ..Grammar::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grammar() -> Grammar {
        test_grammar(
            &["call <name>", "call <name> video", "hang up", "add <name> and <name>"],
            &[("name", &["alice", "alice smith", "bob"])],
        )
    }

    fn heard(text: &str, sure: f64) -> Vec<HeardWord> {
        let words = text.split(' ').map(|text| HeardWord { text: text.into(), sure });
        words.collect()
    }

    #[test]
    fn the_words_of_phrases_and_slots_are_all_found() {
        let words = words(&grammar());
        let expected = ["add", "alice", "and", "bob", "call", "hang", "smith", "up", "video"];
        assert!(words.iter().map(String::as_str).eq(expected), "{words:?}");
    }

    #[test]
    fn what_cannot_be_heard_goes_with_all_that_needs_it() {
        let deaf = BTreeSet::from(["smith".to_owned(), "hang".to_owned()]);
        let (kept, gone) = without(&grammar(), &deaf);
        assert_eq!(kept.slots["name"], ["alice", "bob"]);
        assert_eq!(kept.phrases.len(), 3);
        assert_eq!(gone, ["alice smith", "hang up"]);
        let deaf = BTreeSet::from(["alice".to_owned(), "bob".to_owned()]);
        let (kept, _) = without(&grammar(), &deaf);
        assert_eq!(kept.phrases.len(), 1, "an empty slot makes its phrases impossible");
    }

    #[test]
    fn a_command_heard_word_for_word_is_sure() {
        let found = closest(&grammar(), &heard("call alice smith video", 1.0), 3);
        assert_eq!(found[0].text, "call alice smith video");
        assert!((found[0].score - 1.0).abs() < 1e-9);
        assert!(found[1].score < 0.8, "{found:?}");
    }

    #[test]
    fn inserted_missing_and_doubtful_words_cost() {
        let text = |said: &str| closest(&grammar(), &heard(said, 1.0), 1)[0].clone();
        assert_eq!(text("call the bob").text, "call bob");
        assert!(text("call the bob").score < 0.7);
        assert!(text("alice video").score < 0.7);
        assert!(closest(&grammar(), &heard("call bob", 0.4), 1)[0].score < 0.5);
        assert!(closest(&grammar(), &heard("good morning", 1.0), 1).is_empty());
    }

    #[test]
    fn free_speech_follows_a_beginning_that_is_legal() {
        let names: &[&str] = &["alice", "alice smith"];
        let grammar = test_grammar(&["tell her …", "tell <name> …", "mute"], &[("name", names)]);
        for text in ["tell her so", "tell alice i am late", "tell alice smith i am late"] {
            assert!(opens(&grammar, text), "{text}");
        }
        for text in ["tell her", "tell bob i am late", "so tell her", "mute", "mute now", ""] {
            assert!(!opens(&grammar, text), "{text}");
        }
        assert!(opens(&test_grammar(&["…"], &[]), "anything"));
        assert!(closest(&grammar, &heard("tell her so", 1.0), 1).is_empty(), "it is no command");
    }

    #[test]
    fn the_shape_of_a_text_holds_nothing_of_the_user() {
        let slots: &[(&str, &[&str])] =
            &[("name", &["alice", "alice smith"]), ("digits", &["one", "two"])];
        let phrases =
            ["call <name>", "call <name> video", "press <digits>+", "tell <name> …", "mute"];
        let grammar = test_grammar(&phrases, slots);
        for (text, expected) in [
            ("call alice smith video", "call <name> video"),
            ("press two one two", "press <digits>+"),
            ("tell alice i am late", "tell <name> …"),
            ("mute", "mute"),
            ("call charlie", ""),
        ] {
            assert_eq!(shape(&grammar, text), expected, "{text}");
        }
    }

    #[test]
    fn digits_are_those_that_were_heard() {
        let grammar = test_grammar(&["press <digits>+"], &[("digits", &["one", "two", "three"])]);
        let found = closest(&grammar, &heard("press two one two", 0.9), 2);
        assert_eq!(found[0].text, "press two one two");
        assert!(closest(&grammar, &heard("press", 0.9), 2).is_empty());
    }

    #[test]
    fn two_slots_are_filled_each_with_its_own_name() {
        let found = closest(&grammar(), &heard("add bob and alice smith", 0.9), 2);
        assert_eq!(found[0].text, "add bob and alice smith");
    }
}
