//! A grammar of commands as JSGF, the strict grammar format of PocketSphinx.
//!
//! Owns: the text of the grammar. Does not own: which words a recogniser can hear ([`crate::legal`]
//! has taken the others out). Invariant: the text contains only words from the grammar; a word
//! with a character of JSGF's own never gets in.

use std::fmt::Write as _;

use ahoy_core::voice::{Grammar, Phrase, Piece};

/// A phrase that wants more entries in a row wants this many.
const MOST_SEVERAL: usize = 16;

/// Compiles a grammar; `None` if it has no phrase.
pub(crate) fn compile(grammar: &Grammar) -> Option<String> {
    rules_and_phrases(grammar, |phrase| !phrase.is_open(), "")
}

/// Compiles the phrases that end in free speech, with any of these words in its place; `None` if there
/// is none.
pub(crate) fn compile_openings(grammar: &Grammar, words: &[String]) -> Option<String> {
    let rest = format!("<rest> = {};\n", words.join(" | "));
    // What is dictated from the first word on has no beginning.
    rules_and_phrases(grammar, |phrase| phrase.is_open() && phrase.0.len() > 1, &rest)
}

fn rules_and_phrases(
    grammar: &Grammar,
    wanted: impl Fn(&Phrase) -> bool,
    rest: &str,
) -> Option<String> {
    let rules: Vec<&str> = grammar.slots.keys().map(String::as_str).collect();
    let phrases: Vec<String> = grammar
        .phrases
        .iter()
        .filter(|phrase| wanted(phrase))
        .filter_map(|phrase| phrase_text(phrase, &rules))
        .collect();
    if phrases.is_empty() {
        return None;
    }
    let mut text = String::from("#JSGF V1.0;\ngrammar ahoy;\n");
    for (number, entries) in grammar.slots.values().enumerate() {
        let entries: Vec<&str> = entries
            .iter()
            .map(String::as_str)
            .filter(|entry| !entry.is_empty() && entry.split(' ').all(is_token))
            .collect();
        if !entries.is_empty() {
            // Numbered: a slot's own name could hold anything.
            let _ = writeln!(text, "<slot{number}> = {};", entries.join(" | "));
        }
    }
    text.push_str(rest);
    let _ = writeln!(text, "public <command> = {};", phrases.join(" | "));
    Some(text)
}

/// Whether a word is one token of JSGF.
pub(crate) fn is_token(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || matches!(c, '\'' | '-' | '.'))
}

fn phrase_text(phrase: &Phrase, rules: &[&str]) -> Option<String> {
    let mut words = Vec::new();
    for piece in &phrase.0 {
        words.push(match piece {
            Piece::Word(word) if word.split(' ').all(is_token) => word.clone(),
            Piece::Word(_) => return None,
            Piece::Rest => "<rest>+".to_owned(),
            Piece::Slot(slot) => {
                let number = rules.iter().position(|rule| rule == slot)?;
                format!("<slot{number}>")
            }
            Piece::Several(slot, least) => {
                let number = rules.iter().position(|rule| rule == slot)?;
                let before = format!("<slot{number}> ").repeat((*least).clamp(1, MOST_SEVERAL) - 1);
                format!("{before}<slot{number}>+")
            }
        });
    }
    (!words.is_empty()).then(|| words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::legal::test_grammar;

    #[test]
    fn free_speech_stands_in_the_grammar_of_beginnings_only() {
        let grammar = test_grammar(&["…", "tell <name> …", "mute"], &[("name", &["alice"])]);
        let commands = compile(&grammar).unwrap_or_default();
        assert!(commands.ends_with("public <command> = mute;\n"), "{commands}");
        let openings = compile_openings(&grammar, &["a".into(), "b".into()]).unwrap_or_default();
        let expected = "<rest> = a | b;\npublic <command> = tell <slot0> <rest>+;\n";
        assert!(openings.ends_with(expected), "{openings}");
        assert_eq!(compile_openings(&test_grammar(&["…", "mute"], &[]), &[]), None);
    }

    #[test]
    fn phrases_and_slots_become_rules() {
        let grammar =
            test_grammar(&["call <name> video", "hang up"], &[("name", &["alice", "alice smith"])]);
        assert_eq!(
            compile(&grammar).as_deref(),
            Some(
                "#JSGF V1.0;\ngrammar ahoy;\n<slot0> = alice | alice smith;\n\
                 public <command> = call <slot0> video | hang up;\n"
            )
        );
    }

    #[test]
    fn digits_are_one_or_more() {
        let grammar = test_grammar(&["press <digits>+"], &[("digits", &["one", "two"])]);
        let text = compile(&grammar).expect("a grammar");
        assert!(text.contains("<slot0> = one | two;") && text.contains("= press <slot0>+;"));
        let several = Piece::Several("digits".into(), 3);
        let phrase = Phrase(vec![Piece::Word("call".into()), several]);
        let text = compile(&Grammar { phrases: vec![phrase], ..grammar }).expect("a grammar");
        assert!(text.contains("= call <slot0> <slot0> <slot0>+;"), "{text}");
    }

    #[test]
    fn no_phrase_is_no_grammar() {
        assert_eq!(compile(&test_grammar(&[], &[("name", &["alice"])])), None);
    }

    #[test]
    fn a_name_cannot_change_the_grammar() {
        let grammar = test_grammar(
            &["call <name>"],
            &[("name", &["bob", "eve; public <x> = hang up", "o'neil", "<name>", "a | b"])],
        );
        let text = compile(&grammar).expect("a grammar");
        assert!(text.contains("<slot0> = bob | o'neil;"), "{text}");
        assert_eq!(text.matches("public").count(), 1);
    }
}
