//! What is written and read in a call: text of both sides, captions of the other's voice.
//!
//! Owns: which lines there are, their bounds, and the order in which one's own go out. Does not own: showing
//! them. Invariant: a peer that writes without end makes nothing here grow past [`LINES`]; a line that was told
//! is there until then; of one's own, one at a time is out, in the order in which they were written.

use std::collections::VecDeque;

/// Lines that are kept; more nobody scrolls back to in a call.
const LINES: usize = 500;
/// Characters of one line: what the call service lets through, or a sentence of captions.
const LONGEST: usize = 4096;
/// Characters of captions that are shown at once: two lines, as subtitles have them.
const SHOWN: usize = 84;

/// What the other side has written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Written {
    lines: VecDeque<String>,
    /// How many there were before those.
    before: usize,
    /// What they are typing now.
    pub(crate) typing: String,
}

impl Written {
    /// Takes in what arrived.
    pub(crate) fn hear(&mut self, text: &str, is_final: bool) {
        let text: String = text.chars().take(LONGEST).collect();
        if !is_final {
            self.typing = text;
            return;
        }
        self.typing.clear();
        self.lines.push_back(text);
        if self.lines.len() > LINES {
            self.lines.pop_front();
            self.before += 1;
        }
    }

    /// How many lines there ever were.
    pub(crate) fn count(&self) -> usize {
        self.before + self.lines.len()
    }

    /// The lines after so many.
    pub(crate) fn after(&self, count: usize) -> impl Iterator<Item = &str> {
        self.lines.iter().skip(count.saturating_sub(self.before)).map(String::as_str)
    }
}

/// A piece of what one writes oneself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// All that is typed so far.
    Typed(String),
    Line(String),
}

/// What one has written and the call service has not heard yet. It does one thing at a time with a call and
/// refuses a second, so that a line right behind a letter would be lost.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    lines: VecDeque<String>,
    typed: Option<String>,
    is_out: bool,
}

impl Outgoing {
    /// The letters so far; those before them nobody needs to see any more.
    pub(crate) fn typed(&mut self, text: String) {
        self.typed = Some(text);
    }

    /// A whole line. What was typed before has become it.
    pub(crate) fn line(&mut self, text: String) {
        self.typed = None;
        self.lines.push_back(text);
    }

    /// What goes out now; nothing while something is, until it is [`done`](Self::done).
    pub(crate) fn next(&mut self) -> Option<Piece> {
        if self.is_out {
            return None;
        }
        let line = self.lines.pop_front().map(Piece::Line);
        let next = line.or_else(|| self.typed.take().map(Piece::Typed));
        self.is_out = next.is_some();
        next
    }

    /// What was out has been taken, or refused.
    pub(crate) fn done(&mut self) {
        self.is_out = false;
    }
}

/// What the other side says, as it is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Captions {
    said: String,
    now: String,
}

impl Captions {
    /// Takes in what was understood; what goes on replaces itself.
    pub(crate) fn hear(&mut self, text: &str, is_final: bool) {
        let text: String = text.chars().take(LONGEST).collect();
        if is_final {
            self.said = text;
            self.now.clear();
        } else {
            self.now = text;
        }
    }

    /// The end of it, as long as two lines, cut between words.
    pub(crate) fn shown(&self) -> String {
        let all = [self.said.as_str(), self.now.as_str()].join(" ");
        let all = all.trim();
        let too_much = all.chars().count().saturating_sub(SHOWN);
        if too_much == 0 {
            return all.to_owned();
        }
        let end = all.char_indices().nth(too_much).map_or(all, |(at, _)| &all[at..]);
        // Scripts without spaces are cut where they are.
        end.split_once(' ').map_or(end, |(_, rest)| rest).to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_there_until_it_is_a_line() {
        let mut written = Written::default();
        written.hear("Pla", false);
        assert_eq!((written.typing.as_str(), written.count()), ("Pla", 0));
        written.hear("Platypus", true);
        assert_eq!((written.typing.as_str(), written.count()), ("", 1));
        assert_eq!(written.after(0).collect::<Vec<_>>(), ["Platypus"]);
    }

    #[test]
    fn who_writes_without_end_fills_no_memory_and_no_line_is_shown_twice() {
        let mut written = Written::default();
        for number in 0..LINES + 100 {
            written.hear(&number.to_string(), true);
        }
        assert_eq!((written.lines.len(), written.count()), (LINES, LINES + 100));
        assert_eq!(written.after(LINES + 98).collect::<Vec<_>>(), ["598", "599"]);
        assert_eq!(written.after(0).count(), LINES);
        written.hear(&"x".repeat(100_000), false);
        assert_eq!(written.typing.len(), LONGEST);
    }

    #[test]
    fn one_thing_is_out_at_a_time_and_a_line_takes_the_place_of_its_letters() {
        let mut outgoing = Outgoing::default();
        assert_eq!(outgoing.next(), None);
        outgoing.typed("E".to_owned());
        assert_eq!(outgoing.next(), Some(Piece::Typed("E".to_owned())));
        for text in ["Ec", "Ech", ""] {
            outgoing.typed(text.to_owned());
        }
        outgoing.line("Echidna".to_owned());
        outgoing.line("Platypus".to_owned());
        outgoing.typed("K".to_owned());
        assert_eq!(outgoing.next(), None, "the first letter is still out");
        let mut rest = Vec::new();
        outgoing.done();
        while let Some(piece) = outgoing.next() {
            rest.push(piece);
            outgoing.done();
        }
        let line = |text: &str| Piece::Line(text.to_owned());
        assert_eq!(rest, [line("Echidna"), line("Platypus"), Piece::Typed("K".to_owned())]);
    }

    #[test]
    fn captions_show_the_end_of_what_was_said() {
        let mut captions = Captions::default();
        captions.hear("hello", false);
        assert_eq!(captions.shown(), "hello");
        captions.hear("hello there", true);
        captions.hear("how are", false);
        assert_eq!(captions.shown(), "hello there how are");
        let long = "word ".repeat(60);
        captions.hear(&long, true);
        let shown = captions.shown();
        assert!(shown.chars().count() <= SHOWN && shown.starts_with("word"), "{shown}");
        captions.hear(&"글".repeat(300), true);
        assert_eq!(captions.shown().chars().count(), SHOWN);
    }
}
