//! A grammar of commands as a network of states with a word on each way, as PocketSphinx takes it.
//!
//! Owns: the network. Does not own: which words a recogniser can hear ([`crate::legal`] has taken the
//! others out). Invariant: exactly the texts of the grammar lead from [`START`] to [`END`], and only a
//! word that is one token gets in.
//!
//! What goes on in the same ways is one state. So a book of names stands in it once for each way in which
//! commands go on after a name, not once for each command; and no way is without a word but those few
//! from a command's words to a book, or to the end. The time that PocketSphinx takes for a grammar grows
//! with the states times the words.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use ahoy_core::voice::{Grammar, Phrase, Piece};

/// A phrase that wants more entries in a row wants this many.
const MOST_SEVERAL: usize = 16;
/// Where every text begins.
const START: usize = 0;
/// Where every text ends.
const END: usize = 1;

/// States, numbered from [`START`], and the ways between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Network {
    states: usize,
    ways: Vec<Way>,
}

/// From one state to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Way {
    from: usize,
    to: usize,
    /// `None`: without saying anything.
    word: Option<String>,
}

/// Compiles a grammar; `None` if nothing in it can be said.
pub(crate) fn compile(grammar: &Grammar) -> Option<Network> {
    build(grammar, |phrase| !phrase.is_open(), &[])
}

/// Compiles the phrases that end in free speech, with any of these words in its place; `None` if there
/// is none.
pub(crate) fn compile_openings(grammar: &Grammar, words: &[String]) -> Option<Network> {
    // What is dictated from the first word on has no beginning.
    build(grammar, |phrase| phrase.is_open() && phrase.0.len() > 1, words)
}

/// These words in any order, one or more.
pub(crate) fn any_of(words: &[String]) -> Network {
    let way = |from| words.iter().map(move |word| Way { from, to: END, word: Some(word.clone()) });
    Network { states: 2, ways: way(START).chain(way(END)).collect() }
}

/// Whether a word is one token of a network's text.
pub(crate) fn is_token(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || matches!(c, '\'' | '-' | '.'))
}

impl Network {
    /// In the text format of sphinxbase (`fsg_model.h`). Every way is as likely as any other.
    pub(crate) fn text(&self, name: &str) -> String {
        let mut text = format!("FSG_BEGIN {name}\nN {}\nS {START}\nF {END}\n", self.states);
        for Way { from, to, word } in &self.ways {
            let word = word.as_deref().unwrap_or_default();
            // Text takes all that is written.
            let _ = writeln!(text, "T {from} {to} 1 {word}");
        }
        text.push_str("FSG_END\n");
        text
    }
}

/// What stands in a slot.
type Entries<'g> = BTreeSet<Vec<&'g str>>;

fn build(grammar: &Grammar, wanted: impl Fn(&Phrase) -> bool, rest: &[String]) -> Option<Network> {
    let mut lists: BTreeMap<List<'_>, Entries<'_>> = BTreeMap::new();
    for (slot, texts) in &grammar.slots {
        lists.insert(List::Slot(slot), entries(texts));
    }
    lists.insert(List::Rest, entries(rest));
    let is_empty = |list| lists.get(&list).is_none_or(BTreeSet::is_empty);
    let wanted = grammar.phrases.iter().filter(|phrase| wanted(phrase));
    let steps = wanted.filter_map(|phrase| steps(phrase, is_empty));
    let phrases: Vec<Vec<Step<'_>>> = steps.collect();
    if phrases.is_empty() {
        return None;
    }
    let start = phrases.iter().map(Vec::as_slice).collect();
    let mut builder = Builder::new(&lists);
    builder.state(Key::Phrases(start));
    Some(builder.build())
}

fn entries(texts: &[String]) -> Entries<'_> {
    let words = texts.iter().map(|text| text.split(' ').collect::<Vec<_>>());
    words.filter(|words| words.iter().all(|word| is_token(word))).collect()
}

/// What fills a place of a phrase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum List<'g> {
    Slot(&'g str),
    Rest,
}

/// A part of a phrase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step<'g> {
    Word(&'g str),
    One(List<'g>),
    /// One or more.
    More(List<'g>),
}

/// The steps of a phrase; `None` if it cannot be said.
fn steps<'g>(phrase: &'g Phrase, is_empty: impl Fn(List<'g>) -> bool) -> Option<Vec<Step<'g>>> {
    let mut steps = Vec::new();
    for piece in &phrase.0 {
        let list = match piece {
            Piece::Word(words) => {
                steps.extend(words.split(' ').map(Step::Word));
                continue;
            }
            Piece::Slot(slot) | Piece::Several(slot, _) => List::Slot(slot),
            Piece::Rest => List::Rest,
        };
        if is_empty(list) {
            return None;
        }
        match piece {
            Piece::Several(_, least) => {
                let before = (*least).clamp(1, MOST_SEVERAL) - 1;
                steps.extend(std::iter::repeat_n(Step::One(list), before));
                steps.push(Step::More(list));
            }
            Piece::Rest => steps.push(Step::More(list)),
            Piece::Word(_) | Piece::Slot(_) => steps.push(Step::One(list)),
        }
    }
    let sayable = |step: &Step<'_>| !matches!(step, Step::Word(word) if !is_token(word));
    (!steps.is_empty() && steps.iter().all(sayable)).then_some(steps)
}

/// What is still to be said of each of some phrases.
type Tails<'p, 'g> = BTreeSet<&'p [Step<'g>]>;

/// What a state is: all that may come after it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key<'p, 'g> {
    Phrases(Tails<'p, 'g>),
    /// The rest of an entry, and the state after it.
    Entries(BTreeSet<&'p [&'g str]>, usize),
}

struct Builder<'p, 'g> {
    lists: &'p BTreeMap<List<'g>, Entries<'g>>,
    states: BTreeMap<Key<'p, 'g>, usize>,
    /// States whose ways are still to be made.
    open: Vec<(usize, Key<'p, 'g>)>,
    ways: Vec<Way>,
}

impl<'p, 'g> Builder<'p, 'g> {
    fn new(lists: &'p BTreeMap<List<'g>, Entries<'g>>) -> Self {
        Self { lists, states: BTreeMap::new(), open: Vec::new(), ways: Vec::new() }
    }

    fn build(mut self) -> Network {
        while let Some((from, key)) = self.open.pop() {
            match key {
                Key::Phrases(tails) => self.phrases(from, &tails),
                Key::Entries(rests, to) => self.spread(from, rests.into_iter(), to),
            }
        }
        // The end has no key.
        Network { states: self.states.len() + 1, ways: self.ways }
    }

    /// The state with this after it, made where it is new.
    fn state(&mut self, key: Key<'p, 'g>) -> usize {
        if matches!(&key, Key::Phrases(tails) if tails.iter().all(|tail| tail.is_empty())) {
            return END;
        }
        if let Some(known) = self.states.get(&key) {
            return *known;
        }
        let number = if self.states.is_empty() { START } else { self.states.len() + 1 };
        self.states.insert(key.clone(), number);
        self.open.push((number, key));
        number
    }

    fn way(&mut self, from: usize, to: usize, word: Option<&str>) {
        self.ways.push(Way { from, to, word: word.map(str::to_owned) });
    }

    /// The ways of a state within phrases.
    fn phrases(&mut self, from: usize, tails: &Tails<'p, 'g>) {
        let mut words: BTreeMap<&'g str, Tails<'p, 'g>> = BTreeMap::new();
        let mut lists: BTreeMap<List<'g>, Tails<'p, 'g>> = BTreeMap::new();
        for tail in tails {
            match tail.first() {
                None => self.way(from, END, None),
                Some(Step::Word(word)) => {
                    words.entry(word).or_default().insert(&tail[1..]);
                }
                Some(Step::One(list) | Step::More(list)) => {
                    lists.entry(*list).or_default().insert(tail);
                }
            }
        }
        for (word, tails) in words {
            let to = self.state(Key::Phrases(tails));
            self.way(from, to, Some(word));
        }
        for (list, before) in lists {
            if before == *tails {
                let to = self.state(Key::Phrases(after(&before)));
                let entries = self.lists.get(&list).into_iter().flatten();
                self.spread(from, entries.map(Vec::as_slice), to);
            } else {
                // A state of its own, that others lead to as well.
                let to = self.state(Key::Phrases(before));
                self.way(from, to, None);
            }
        }
    }

    /// The ways into entries that all lead to one state.
    fn spread(&mut self, from: usize, entries: impl Iterator<Item = &'p [&'g str]>, to: usize) {
        let mut words: BTreeMap<&'g str, BTreeSet<&'p [&'g str]>> = BTreeMap::new();
        for entry in entries {
            if let [word, rest @ ..] = entry {
                words.entry(word).or_default().insert(rest);
            }
        }
        for (word, mut rests) in words {
            if rests.remove(&[][..]) {
                self.way(from, to, Some(word));
            }
            if !rests.is_empty() {
                let inner = self.state(Key::Entries(rests, to));
                self.way(from, inner, Some(word));
            }
        }
    }
}

/// What comes after an entry of the list that these begin with.
fn after<'p, 'g>(tails: &Tails<'p, 'g>) -> Tails<'p, 'g> {
    let mut after = Tails::new();
    for tail in tails {
        if let [first, rest @ ..] = *tail {
            after.insert(rest);
            if matches!(first, Step::More(_)) {
                after.insert(tail);
            }
        }
    }
    after
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::legal::test_grammar;

    fn network(phrases: &[&str], slots: &[(&str, &[&str])]) -> Network {
        compile(&test_grammar(phrases, slots)).expect("something can be said")
    }

    /// Whether a text leads from the start to the end.
    fn says(network: &Network, text: &str) -> bool {
        let silently = |mut at: BTreeSet<usize>| {
            for way in network.ways.iter().filter(|way| way.word.is_none()) {
                if at.contains(&way.from) {
                    at.insert(way.to);
                }
            }
            at
        };
        let mut at = silently(BTreeSet::from([START]));
        for word in text.split(' ') {
            let ways = network.ways.iter();
            let ways =
                ways.filter(|way| way.word.as_deref() == Some(word) && at.contains(&way.from));
            at = silently(ways.map(|way| way.to).collect());
        }
        at.contains(&END)
    }

    fn is_said(network: &Network, texts: &[&str]) {
        for text in texts {
            assert!(says(network, text), "{text}: {network:?}");
        }
    }

    fn is_not_said(network: &Network, texts: &[&str]) {
        for text in texts {
            assert!(!says(network, text), "{text}: {network:?}");
        }
    }

    #[test]
    fn what_the_grammar_says_leads_to_the_end_and_nothing_else() {
        let network = network(
            &["call <name> video", "call <name>", "call back", "call <name> and <name>", "mute"],
            &[("name", &["alice", "alice smith", "bob smith", "back"])],
        );
        is_said(&network, &["call alice", "call alice smith video", "call back", "mute"]);
        is_said(&network, &["call back video", "call bob smith and alice"]);
        is_not_said(&network, &["", "call", "call bob", "call smith", "call video", "back"]);
        is_not_said(&network, &["call alice and", "mute mute", "call alice video video"]);
    }

    #[test]
    fn no_way_without_a_word_follows_another() {
        // The library then has nothing to work out about them.
        let slots: [(&str, &[&str]); 2] = [("name", &["alice"]), ("by", &["at home"])];
        let network = network(&["call <name>", "call <name> <by>", "call back"], &slots);
        let silent = || network.ways.iter().filter(|way| way.word.is_none());
        assert!(silent().count() > 0, "{network:?}");
        for way in silent() {
            assert!(silent().all(|next| next.from != way.to), "{network:?}");
        }
    }

    #[test]
    fn commands_that_go_on_alike_share_the_names() {
        let names: Vec<String> = (0..100).map(|at| format!("name{at} smith")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let one = network(&["call <name>", "call back"], &[("name", &names)]);
        let phrases =
            ["call <name>", "call back", "phone <name>", "please call <name>", "call my <name>"];
        let many = network(&phrases, &[("name", &names)]);
        let more = many.ways.len() - one.ways.len();
        assert!(more < 10, "{more}");
        is_said(&many, &["please call name7 smith", "phone name99 smith", "call back"]);
        is_not_said(&many, &["please call back", "phone back", "phone name7"]);
    }

    #[test]
    fn free_speech_stands_in_the_network_of_beginnings_only() {
        let grammar = test_grammar(&["…", "tell <name> …", "mute"], &[("name", &["alice"])]);
        let commands = compile(&grammar).expect("mute");
        is_said(&commands, &["mute"]);
        is_not_said(&commands, &["tell alice", "tell alice a"]);
        let openings = compile_openings(&grammar, &["a".into(), "b".into()]).expect("tell");
        is_said(&openings, &["tell alice a", "tell alice b a b"]);
        is_not_said(&openings, &["tell alice", "mute", "a"]);
        assert_eq!(compile_openings(&test_grammar(&["…", "mute"], &[]), &["a".into()]), None);
    }

    #[test]
    fn digits_are_as_many_as_are_wanted_or_more() {
        let grammar = test_grammar(&["press <digits>+"], &[("digits", &["one", "two"])]);
        let network = compile(&grammar).expect("a grammar");
        is_said(&network, &["press one", "press two one two"]);
        is_not_said(&network, &["press"]);
        let several = Piece::Several("digits".into(), 3);
        let phrase = Phrase(vec![Piece::Word("call".into()), several]);
        let network = compile(&Grammar { phrases: vec![phrase], ..grammar }).expect("a grammar");
        is_said(&network, &["call one two one", "call one one one one one"]);
        is_not_said(&network, &["call one two"]);
    }

    #[test]
    fn words_in_any_order_are_one_or_more() {
        let network = any_of(&["a".into(), "b".into()]);
        is_said(&network, &["a", "b a a b"]);
        is_not_said(&network, &["", "c"]);
    }

    #[test]
    fn nothing_that_can_be_said_is_no_network() {
        assert_eq!(compile(&test_grammar(&[], &[("name", &["alice"])])), None);
        assert_eq!(compile(&test_grammar(&["call <name>"], &[("name", &[])])), None);
    }

    #[test]
    fn its_text_is_what_sphinxbase_reads() {
        let text = network(&["call back", "call"], &[]).text("commands");
        let expected = "FSG_BEGIN commands\nN 3\nS 0\nF 1\n\
                        T 0 2 1 call\nT 2 1 1 \nT 2 1 1 back\nFSG_END\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_name_cannot_change_the_network() {
        let names = ["bob", "eve\nFSG_END", "o'neil", "#", "a | b", "T 0 1 1 x"];
        let network = network(&["call <name>"], &[("name", &names)]);
        is_said(&network, &["call bob", "call o'neil", "call T 0 1 1 x"]);
        let text = network.text("commands");
        assert_eq!(text.matches("FSG_END").count(), 1, "{text}");
        assert!(!text.contains('#') && !text.contains('|'), "{text}");
        let ways = text.lines().filter(|line| line.starts_with("T ")).count();
        assert_eq!(ways, 8, "{text}");
    }
}
