//! What rows are found by: an inverted index of their letters and properties.
//!
//! Owns: the tokens of a row and of a question, and the SQL function `marks` that the schema's
//! triggers call. Does not own: the tables. Invariant: every row that a question means has all the
//! question's tokens; a few others may have them too, so a reader checks the row itself.
//!
//! SQLite's FTS5 holds the lists and intersects them from their newest end. Its own trigram
//! tokenizer is not enough: it cannot find one or two letters, nor where two properties meet that
//! are common one by one (missed, outgoing). So the tokens are ours: one, two and three letters in
//! a row, and one per property. Each is in hexadecimal, so no text is ever query syntax.

use std::{collections::HashSet, fmt::Write as _};

use rusqlite::{
    Connection,
    functions::{Context, FunctionFlags},
};

/// The longest run of letters that is a token.
const LONGEST: usize = 3;

/// A property that a row can be found by.
#[derive(Clone, Copy)]
pub(super) enum Mark<'a> {
    /// What became of a call.
    Outcome(&'a str),
    /// Who called whom.
    Direction(&'a str),
    /// By which provider.
    Provider(&'a str),
    /// With which contact.
    Contact(&'a str),
    /// With which other side: scheme and value.
    Remote(&'a str, &'a str),
}

impl Mark<'_> {
    /// Starts with a letter that no hexadecimal number has.
    fn write(self, tokens: &mut String) {
        let mut put = |kind: char, parts: &[&str]| {
            tokens.push(kind);
            for part in parts {
                hex(part, tokens);
                // Ends a part: ("a", "bc") is another remote than ("ab", "c").
                tokens.push('x');
            }
            tokens.push(' ');
        };
        match self {
            Self::Outcome(word) => put('o', &[word]),
            Self::Direction(word) => put('i', &[word]),
            Self::Provider(id) => put('p', &[id]),
            Self::Contact(id) => put('k', &[id]),
            Self::Remote(scheme, value) => put('r', &[scheme, value]),
        }
    }
}

fn hex(text: &str, out: &mut String) {
    for byte in text.bytes() {
        // Writing to a String cannot fail.
        let _ = write!(out, "{byte:02x}");
    }
}

/// Where each letter begins, and the end.
fn borders(text: &str) -> Vec<usize> {
    text.char_indices().map(|(at, _)| at).chain([text.len()]).collect()
}

/// The tokens of a row: all runs of letters of its folded text, and its properties.
pub(super) fn of_row(text: &str, marks: &[Mark<'_>]) -> String {
    let borders = borders(text);
    let mut tokens = String::with_capacity(text.len() * 16);
    let mut seen = HashSet::with_capacity(text.len() * LONGEST);
    for length in 1..=LONGEST {
        for run in borders.windows(length + 1) {
            let run = &text[run[0]..run[length]];
            if seen.insert(run) {
                hex(run, &mut tokens);
                tokens.push(' ');
            }
        }
    }
    marks.iter().for_each(|mark| mark.write(&mut tokens));
    tokens
}

/// The question for rows with this folded text and these properties; empty where both are.
pub(super) fn question(text: &str, marks: &[Mark<'_>]) -> String {
    let borders = borders(text);
    let letters = borders.len() - 1;
    let length = letters.min(LONGEST);
    let mut tokens = String::new();
    if length > 0 {
        // Runs side by side, and one at the end: every letter is in one, and each list that need
        // not be read saves its time. The reader's check of the row does the rest.
        let last = letters - length;
        for at in (0..last).step_by(length).chain([last]) {
            hex(&text[borders[at]..borders[at + length]], &mut tokens);
            tokens.push(' ');
        }
    }
    marks.iter().for_each(|mark| mark.write(&mut tokens));
    tokens.truncate(tokens.trim_end().len());
    tokens
}

/// Makes `marks(text)` and `marks(text, outcome, direction, provider, contact, scheme, value)`
/// known to SQL.
pub(super) fn install(db: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        // It reads its arguments and nothing else, so triggers may call it.
        | FunctionFlags::SQLITE_INNOCUOUS;
    let text = |context: &Context<'_>, at| -> rusqlite::Result<String> { context.get(at) };
    db.create_scalar_function("marks", 1, flags, move |context| {
        Ok(of_row(&text(context, 0)?, &[]))
    })?;
    db.create_scalar_function("marks", 7, flags, move |context| {
        let all: [String; 7] = [
            text(context, 0)?,
            text(context, 1)?,
            text(context, 2)?,
            text(context, 3)?,
            text(context, 4)?,
            text(context, 5)?,
            text(context, 6)?,
        ];
        let [search, outcome, direction, provider, contact, scheme, value] = &all;
        let marks = [
            Mark::Outcome(outcome),
            Mark::Direction(direction),
            Mark::Provider(provider),
            Mark::Contact(contact),
            Mark::Remote(scheme, value),
        ];
        Ok(of_row(search, &marks))
    })
}
