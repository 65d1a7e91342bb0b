//! Text beside the voice: what may be written in a call.
//!
//! Owns: the form of a text and its limits. Does not own: who may write when (the engine), or how it
//! travels. Invariant: at most [`MAX_WRITTEN`] bytes, and no control character but a line's end, so
//! that no text does anything to the terminal or window that shows it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::TextError;

/// Bytes of a text (`.Call.Text` of the interface XML).
pub const MAX_WRITTEN: usize = 4096;

/// Something written in a call.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    text: String,
    last: bool,
}

/// Neither log nor test shows what people write.
impl fmt::Debug for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes, {}", self.text.len(), if self.last { "sent" } else { "typed" })
    }
}

impl Written {
    /// What was sent (`last`), or all that is typed of it so far; that may also be nothing.
    ///
    /// # Errors
    /// [`TextError`] says what is wrong with it.
    pub fn new(text: String, last: bool) -> Result<Self, TextError> {
        let written = Self { text, last };
        written.check()?;
        Ok(written)
    }

    /// Whether it has the form: one that a peer sent may not.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn check(&self) -> Result<(), TextError> {
        let what = "text";
        if self.text.len() > MAX_WRITTEN {
            return Err(TextError::Long { what, length: self.text.len(), most: MAX_WRITTEN });
        }
        if self.text.is_empty() && self.last {
            return Err(TextError::Form { what, why: "something must be written" });
        }
        if self.text.chars().any(|c| c.is_control() && c != '\n') {
            let why = "no control characters but line ends are allowed";
            return Err(TextError::Form { what, why });
        }
        Ok(())
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it was sent; else it replaces what was typed before.
    #[must_use]
    pub const fn is_last(&self) -> bool {
        self.last
    }

    /// On one line of at most `most` characters, for where there is little room. Nothing of it turns
    /// the direction of what stands beside it round.
    #[must_use]
    pub fn line(&self, most: usize) -> String {
        let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        let breaks = |c: char| c.is_whitespace() || c.is_control();
        let shown = self.text.chars().filter(|c| !turns(*c));
        let mut line: String =
            shown.map(|c| if breaks(c) { ' ' } else { c }).take(most + 1).collect();
        if let Some((cut, _)) = line.char_indices().nth(most) {
            let keep = line.char_indices().nth(most.saturating_sub(1)).map_or(cut, |(at, _)| at);
            line.truncate(keep);
            line.push('…');
        }
        line
    }

    /// In pieces of at most `bytes` (8 or more), at the ends of characters; what is typed is its end.
    #[must_use]
    pub fn pieces(&self, bytes: usize) -> Vec<Self> {
        let (mut pieces, mut rest) = (Vec::new(), self.text.as_str());
        while rest.len() > bytes {
            let (piece, left) = rest.split_at(rest.floor_char_boundary(bytes));
            pieces.push(Self { text: piece.to_owned(), last: true });
            rest = left;
        }
        if self.last {
            pieces.push(Self { text: rest.to_owned(), last: true });
            return pieces;
        }
        // Of what is still typed only its end moves.
        let from = self.text.ceil_char_boundary(self.text.len().saturating_sub(bytes));
        vec![Self { text: self.text.split_at(from).1.to_owned(), last: false }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(text: &str) -> Written {
        Written::new(text.to_owned(), true).unwrap()
    }

    #[test]
    fn what_is_empty_long_or_commands_a_terminal_is_refused_by_name() {
        for (text, last) in [("", true), ("\u{1b}[2J", true), ("a\u{7}", false), ("a\r\nb", true)] {
            let error = Written::new(text.to_owned(), last).unwrap_err();
            assert!(error.to_string().contains("text"), "{error}");
        }
        assert!(Written::new("x".repeat(MAX_WRITTEN + 1), true).is_err());
        assert!(Written::new(String::new(), false).is_ok(), "what was typed is deleted again");
        assert_eq!(sent("I am late.\nSorry! 🙏").text(), "I am late.\nSorry! 🙏");
    }

    #[test]
    fn pieces_make_the_whole_and_cut_no_character() {
        let text = "ü🙏a".repeat(300);
        let pieces = sent(&text).pieces(100);
        assert!(pieces.iter().all(|one| one.text().len() <= 100 && one.is_last()));
        assert_eq!(pieces.iter().map(Written::text).collect::<String>(), text);
        let typed = Written::new(text.clone(), false).unwrap().pieces(100);
        assert!(typed.len() == 1 && !typed[0].is_last() && text.ends_with(typed[0].text()));
        assert_eq!(sent("short").pieces(100), [sent("short")]);
    }

    #[test]
    fn a_line_is_one_line_short_and_turns_nothing_around() {
        assert_eq!(sent("I am late.\nSorry! 🙏").line(40), "I am late. Sorry! 🙏");
        assert_eq!(sent("a\u{202e}b\u{2066}c\u{2028}d").line(40), "abc d");
        assert_eq!(sent("🙏🙏🙏🙏").line(4), "🙏🙏🙏🙏");
        assert_eq!(sent("🙏🙏🙏🙏🙏").line(4), "🙏🙏🙏…");
        assert_eq!(sent(&"x".repeat(MAX_WRITTEN)).line(200).chars().count(), 200);
    }

    #[test]
    fn what_people_write_is_not_in_a_debug_text() {
        assert_eq!(format!("{:?}", sent("secret")), "6 bytes, sent");
    }
}
