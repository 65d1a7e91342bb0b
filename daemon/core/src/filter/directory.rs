//! Directories of callers: names for numbers that are in no address book, and numbers to block.
//!
//! Owns: their text format and a compact form in memory. Does not own: files, where a directory
//! comes from. Invariant: a million numbers with labels of 20 bytes take less than 40 MB; a bad
//! line costs nothing but itself.
//!
//! # Format
//! UTF-8 text, one number a line, any order:
//!
//! ```text
//! +4930123456<TAB>Paketdienst Berlin
//! +4989654321<TAB>!block
//! ```
//!
//! A number is what `tel` handles are: digits, at most 18, with or without a `+` before them;
//! spaces, brackets and hyphens in it are ignored. A label has 1 to 120 bytes and no control
//! characters. Empty lines are ignored, a line ends with LF or CR LF, and of several lines with one
//! number the last one counts.

use std::{
    collections::hash_map::DefaultHasher,
    hash::{Hash, Hasher},
};

use crate::id::Handle;

/// Numbers in one directory.
pub const MAX_ENTRIES: usize = 1_000_000;
/// The longest line that is looked at, bytes.
const MAX_LINE: usize = 512;
const MAX_LABEL: usize = 120;
/// The longest number, digits: E.164 has 15.
const MAX_DIGITS: usize = 18;
/// Bad lines that are told one by one; the rest are counted.
const TOLD: usize = 20;
/// In place of a label.
const BLOCK: u32 = u32::MAX;
/// Labels that are kept in mind while reading: neighbours often share one.
const CACHE: usize = 4096;

/// A number as eight bytes that sort: whether it has a `+`, then 1 and its digits as a decimal
/// number, so that leading zeros count.
type Key = [u8; 8];

/// A number, and where its label stands; one array each, as a struct would have holes.
type Row = [u8; 12];

fn key(value: &str) -> Option<Key> {
    let (plus, digits) = match value.strip_prefix('+') {
        Some(digits) => (true, digits),
        None => (false, value),
    };
    if digits.is_empty() || digits.len() > MAX_DIGITS {
        return None;
    }
    let mut number = 1_u64;
    for digit in digits.bytes() {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        number = number * 10 + digit;
    }
    Some((number | u64::from(plus) << 63).to_be_bytes())
}

const fn split(row: Row) -> (Key, u32) {
    let [a, b, c, d, e, f, g, h, i, j, k, l] = row;
    ([a, b, c, d, e, f, g, h], u32::from_be_bytes([i, j, k, l]))
}

fn key_of(row: &Row) -> Key {
    split(*row).0
}

/// What a directory says of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry<'a> {
    /// It is this one's.
    Label(&'a str),
    /// It is one to block.
    Block,
}

/// Names and blocks by number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directory {
    /// Sorted.
    rows: Vec<Row>,
    /// Each label: its length in one byte, then its text.
    labels: Vec<u8>,
}

impl Directory {
    /// What it says of an address; only `tel` addresses are in directories.
    #[must_use]
    pub fn find(&self, handle: &Handle) -> Option<Entry<'_>> {
        if handle.scheme() != "tel" {
            return None;
        }
        let wanted = key(handle.value())?;
        let place = self.rows.binary_search_by_key(&wanted, key_of).ok()?;
        let (_, label) = split(*self.rows.get(place)?);
        if label == BLOCK { Some(Entry::Block) } else { self.label(label).map(Entry::Label) }
    }

    fn label(&self, at: u32) -> Option<&str> {
        label_at(&self.labels, at)
    }

    /// How many numbers it has.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether it has none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The memory it takes, bytes.
    #[must_use]
    pub const fn size_bytes(&self) -> usize {
        size_of::<Self>() + self.rows.capacity() * size_of::<Row>() + self.labels.capacity()
    }
}

fn label_at(labels: &[u8], at: u32) -> Option<&str> {
    let at = usize::try_from(at).ok()?;
    let length = usize::from(*labels.get(at)?);
    std::str::from_utf8(labels.get(at + 1..at + 1 + length)?).ok()
}

/// A line that was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadLine {
    /// Which, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub why: &'static str,
}

/// What a text came to.
#[derive(Debug)]
pub struct Loaded {
    /// The directory.
    pub directory: Directory,
    /// How many lines were left out.
    pub bad: u64,
    /// The first of them.
    pub bad_lines: Vec<BadLine>,
}

/// Reads a directory from pieces of its text, however they are cut.
#[derive(Debug)]
pub struct DirectoryReader {
    directory: Directory,
    line: Vec<u8>,
    /// The present line is longer than [`MAX_LINE`].
    too_long: bool,
    number: u64,
    bad: u64,
    bad_lines: Vec<BadLine>,
    /// Where labels were written lately, by their hash.
    cache: Vec<u32>,
}

impl Default for DirectoryReader {
    fn default() -> Self {
        Self {
            directory: Directory::default(),
            line: Vec::new(),
            too_long: false,
            number: 0,
            bad: 0,
            bad_lines: Vec::new(),
            cache: vec![BLOCK; CACHE],
        }
    }
}

impl DirectoryReader {
    /// Takes the next piece.
    pub fn feed(&mut self, mut piece: &[u8]) {
        while let Some(end) = piece.iter().position(|byte| *byte == b'\n') {
            let (head, rest) = piece.split_at(end);
            piece = rest.get(1..).unwrap_or_default();
            if self.line.is_empty() && !self.too_long && head.len() <= MAX_LINE {
                // Most lines lie whole in one piece.
                self.end_line(head);
            } else {
                self.gather(head);
                let line = std::mem::take(&mut self.line);
                self.end_line(&line);
            }
        }
        self.gather(piece);
    }

    fn gather(&mut self, part: &[u8]) {
        self.too_long |= self.line.len() + part.len() > MAX_LINE;
        if self.too_long {
            self.line.clear();
        } else {
            self.line.extend_from_slice(part);
        }
    }

    fn end_line(&mut self, line: &[u8]) {
        self.number += 1;
        let parsed =
            if std::mem::take(&mut self.too_long) { Err("it is too long") } else { self.add(line) };
        if let Err(why) = parsed {
            self.bad += 1;
            if self.bad_lines.len() < TOLD {
                self.bad_lines.push(BadLine { line: self.number, why });
            }
        }
    }

    fn add(&mut self, line: &[u8]) -> Result<(), &'static str> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            return Ok(());
        }
        let text = std::str::from_utf8(line).map_err(|_| "it is not UTF-8")?;
        let (number, label) = text.split_once('\t').ok_or("it has no tab")?;
        let plain = |c: &char| !matches!(c, ' ' | '(' | ')' | '-' | '.' | '/');
        let number: String = number.chars().filter(plain).collect();
        let key = key(&number).ok_or("its number is not 1 to 18 digits, with or without a +")?;
        if self.directory.rows.len() >= MAX_ENTRIES {
            return Err("the directory is full");
        }
        let label = self.intern(label.trim())?;
        let mut row = [0; 12];
        row[..8].copy_from_slice(&key);
        row[8..].copy_from_slice(&label.to_be_bytes());
        self.directory.rows.push(row);
        Ok(())
    }

    /// Writes a label, unless it was written a moment ago.
    fn intern(&mut self, label: &str) -> Result<u32, &'static str> {
        if label == "!block" {
            return Ok(BLOCK);
        }
        if label.is_empty() || label.len() > MAX_LABEL || label.chars().any(char::is_control) {
            return Err("its label is not 1 to 120 bytes without control characters");
        }
        let mut hasher = DefaultHasher::new();
        label.hash(&mut hasher);
        let place = usize::try_from(hasher.finish() % CACHE as u64).unwrap_or(0);
        let labels = &mut self.directory.labels;
        if let Some(at) = self.cache.get(place).copied()
            && label_at(labels, at) == Some(label)
        {
            return Ok(at);
        }
        let at = u32::try_from(labels.len()).map_err(|_| "the directory is full")?;
        labels.push(u8::try_from(label.len()).map_err(|_| "its label is too long")?);
        labels.extend_from_slice(label.as_bytes());
        if let Some(cached) = self.cache.get_mut(place) {
            *cached = at;
        }
        Ok(at)
    }

    /// The directory, once the text is at its end.
    #[must_use]
    pub fn finish(mut self) -> Loaded {
        if !self.line.is_empty() || self.too_long {
            let line = std::mem::take(&mut self.line);
            self.end_line(&line);
        }
        let Self { mut directory, bad, bad_lines, .. } = self;
        directory.rows.sort_by_key(key_of);
        // The sort keeps the order of equal numbers, and the last of them counts.
        directory.rows.dedup_by(|next, kept| {
            let same = key_of(next) == key_of(kept);
            if same {
                *kept = *next;
            }
            same
        });
        directory.rows.shrink_to_fit();
        directory.labels.shrink_to_fit();
        Loaded { directory, bad, bad_lines }
    }
}
