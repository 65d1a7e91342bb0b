//! What the person or the script reads: lines, tables, JSON, colours, and a spinner for waits.
//!
//! Owns: stdout, and the choice of colours. Does not own: errors (main prints those). Invariant:
//! with `--json` stdout carries JSON and nothing else; colours and spinners appear on a terminal
//! only, and never with `NO_COLOR`.

use std::{
    fmt::Display,
    future::Future,
    io::{IsTerminal, Write},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;

use crate::error::{Error, Result};

/// Longer than this, and a wait shows that something is going on.
const QUIET: Duration = Duration::from_secs(2);

/// How a piece of text is meant; colours say it again, never alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// A heading.
    Strong,
    /// It works, it is on.
    Good,
    /// Something to look at.
    Warn,
    /// It does not work, it was missed.
    Bad,
    /// Beside the point.
    Dim,
}

/// Where results go.
#[derive(Clone, Copy, Debug)]
pub struct Out {
    /// `--json` was given.
    pub json: bool,
    color: bool,
}

impl Out {
    /// For this process' stdout.
    pub fn new(json: bool) -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty())
            || std::env::var_os("TERM").is_some_and(|v| v == "dumb");
        Self { json, color: !json && !plain && std::io::stdout().is_terminal() }
    }

    /// One line for people; nothing with `--json`.
    pub fn say(&self, line: impl Display) -> Result<()> {
        if self.json { Ok(()) } else { write_line(&line) }
    }

    /// One JSON value on one line; nothing without `--json`.
    pub fn data(&self, value: &Value) -> Result<()> {
        if self.json { write_line(value) } else { Ok(()) }
    }

    /// The same result for both: a sentence for people, a value for scripts.
    pub fn both(&self, line: impl Display, value: &Value) -> Result<()> {
        self.say(line)?;
        self.data(value)
    }

    /// A line for both kinds of reader, for output that is text by nature (JSON lines, a man page).
    pub fn raw(&self, line: impl Display) -> Result<()> {
        write_line(&line)
    }

    /// Text in the colour of its meaning.
    pub fn paint(&self, tone: Tone, text: impl Display) -> String {
        if !self.color {
            return text.to_string();
        }
        let code = match tone {
            Tone::Strong => "1",
            Tone::Good => "32",
            Tone::Warn => "33",
            Tone::Bad => "31",
            Tone::Dim => "2",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    /// A table with aligned columns; the first row is the heading.
    pub fn table(&self, rows: &[Vec<String>]) -> Result<()> {
        let widths = widths(rows);
        for (nr, row) in rows.iter().enumerate() {
            let mut line = String::new();
            for (i, cell) in row.iter().enumerate() {
                let pad = widths[i].saturating_sub(width(cell)) + 2;
                line.push_str(cell);
                line.extend(std::iter::repeat_n(' ', pad));
            }
            let line = line.trim_end();
            if nr == 0 {
                self.say(self.paint(Tone::Strong, line))?;
            } else {
                self.say(line)?;
            }
        }
        Ok(())
    }

    /// Waits for `work`, and from the third second on says what for.
    pub async fn wait<T>(&self, what: &str, work: impl Future<Output = T>) -> T {
        tokio::pin!(work);
        if let Ok(done) = tokio::time::timeout(QUIET, &mut work).await {
            return done;
        }
        let spinner = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        spinner.set_message(what.to_owned());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
            spinner.set_style(style);
        }
        spinner.enable_steady_tick(Duration::from_millis(120));
        let done = work.await;
        spinner.finish_and_clear();
        done
    }
}

fn write_line(line: &dyn Display) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{line}").and_then(|()| stdout.flush()).map_err(|error| {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            Error::OutputClosed
        } else {
            Error::refused("Output", format!("cannot write: {error}"), "Is the disk full?")
        }
    })
}

fn widths(rows: &[Vec<String>]) -> Vec<usize> {
    let mut widths = Vec::new();
    for row in rows {
        for (i, cell) in row.iter().enumerate() {
            if i >= widths.len() {
                widths.push(0);
            }
            widths[i] = widths[i].max(width(cell));
        }
    }
    widths
}

/// Characters a terminal shows: colour codes take no room.
fn width(cell: &str) -> usize {
    let mut in_code = false;
    cell.chars()
        .filter(|&c| {
            let starts = c == '\x1b';
            let shown = !in_code && !starts;
            in_code = starts || (in_code && c != 'm');
            shown
        })
        .count()
}

/// Text from the bus without control characters: a caller's name must not move the cursor.
pub fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_codes_take_no_room_in_a_table() {
        assert_eq!(width("\x1b[31mBob\x1b[0m"), 3);
        assert_eq!(width("Élise"), 5);
    }

    #[test]
    fn a_hostile_name_cannot_move_the_cursor() {
        assert_eq!(clean("Bob\x1b[2J\r"), "Bob\u{fffd}[2J\u{fffd}");
    }
}
