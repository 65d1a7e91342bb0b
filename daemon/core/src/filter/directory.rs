//! Directories of callers: names for addresses that are in no address book, and known spam.
//!
//! Owns: their text format and a compact form in memory. Does not own: files, where a directory
//! comes from. Invariant: whatever the text is, a directory takes at most [`MAX_SIZE`]; a bad line
//! costs nothing but itself.
//!
//! # Format
//! UTF-8 text, CSV (RFC 4180), one address a line, any order, with or without the line that names
//! the columns:
//!
//! ```text
//! scheme,value,name,spam
//! tel,+49 30 123456,"Parcels, Berlin",0
//! sip,win@lottery.example,,1
//! ```
//!
//! An address is normalised as every [`Handle`] is. A name has up to 120 bytes and no control
//! characters, so no field goes over the end of its line: a quote that is not closed spoils one
//! line and not the file. Empty lines are ignored, and of several lines with one address the last
//! one counts.

use std::{
    collections::hash_map::DefaultHasher,
    fmt::Write as _,
    hash::{Hash, Hasher},
};

use csv_core::ReadRecordResult;

use crate::id::Handle;

/// Addresses in one directory.
pub const MAX_ENTRIES: usize = 1_000_000;
/// The memory that one directory may take, bytes: a million numbers with names of 20 bytes fit.
pub const MAX_SIZE: usize = 40_000_000;
/// The longest line that is looked at, bytes.
const MAX_LINE: usize = 512;
const MAX_NAME: usize = 120;
/// The longest number that is kept as one, digits: E.164 has 15.
const MAX_DIGITS: usize = 18;
/// Bad lines that are told one by one; the rest are counted.
const TOLD: usize = 20;
/// Names that are kept in mind while reading: neighbours often share one.
const CACHE: usize = 4096;
const COLUMNS: [&str; 4] = ["scheme", "value", "name", "spam"];

/// Where the name of an address stands in the texts, and in its highest bit whether it is spam.
#[derive(Clone, Copy)]
struct Mark(u32);

impl Mark {
    const SPAM: u32 = 1 << 31;
    /// In place of a name's position.
    const NO_NAME: u32 = Self::SPAM - 1;

    const fn new(name: u32, spam: bool) -> Self {
        Self(if spam { name | Self::SPAM } else { name })
    }

    const fn is_spam(self) -> bool {
        self.0 & Self::SPAM != 0
    }

    const fn name(self) -> u32 {
        self.0 & !Self::SPAM
    }
}

/// A number as eight bytes that sort: whether it has a `+`, then 1 and its digits as a decimal
/// number, so that leading zeros count.
type Key = [u8; 8];
const PLUS: u64 = 1 << 63;

/// A number and its mark; one array each, as a struct would have holes.
type Number = [u8; 12];

/// Any other address, as the position of its text, and its mark.
type Other = [u32; 2];

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
    Some((number | if plus { PLUS } else { 0 }).to_be_bytes())
}

/// The number that a key was made of.
fn number(key: Key) -> String {
    let number = u64::from_be_bytes(key);
    let digits = (number & !PLUS).to_string();
    let digits = digits.get(1..).unwrap_or_default();
    format!("{}{digits}", if number & PLUS == 0 { "" } else { "+" })
}

const fn split(row: Number) -> (Key, Mark) {
    let [a, b, c, d, e, f, g, h, i, j, k, l] = row;
    ([a, b, c, d, e, f, g, h], Mark(u32::from_be_bytes([i, j, k, l])))
}

fn key_of(row: &Number) -> Key {
    split(*row).0
}

/// What a directory says of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Whose it is; empty: not said.
    pub name: &'a str,
    /// Whether it is known for calls that nobody wants.
    pub spam: bool,
}

/// Names and spam by address.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    /// Sorted by key.
    numbers: Vec<Number>,
    /// Sorted by text.
    others: Vec<Other>,
    /// Each text: its length in one byte, then itself.
    texts: Vec<u8>,
}

impl Directory {
    /// What it says of an address.
    #[must_use]
    pub fn find(&self, handle: &Handle) -> Option<Entry<'_>> {
        if let Some(wanted) = number_key(handle) {
            let place = self.numbers.binary_search_by_key(&wanted, key_of).ok()?;
            return Some(self.entry(split(*self.numbers.get(place)?).1));
        }
        let wanted = address(handle);
        let text = |row: &Other| text_at(&self.texts, row[0]).unwrap_or_default();
        let place = self.others.binary_search_by(|row| text(row).cmp(&wanted)).ok()?;
        Some(self.entry(Mark(self.others.get(place)?[1])))
    }

    fn entry(&self, mark: Mark) -> Entry<'_> {
        let name = text_at(&self.texts, mark.name()).unwrap_or_default();
        Entry { name, spam: mark.is_spam() }
    }

    /// The text that it can be read from again, line by line.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        let numbers = self.numbers.iter().map(|row| {
            let (key, mark) = split(*row);
            self.line("tel", &number(key), mark)
        });
        let others = self.others.iter().map(|row| {
            let address = text_at(&self.texts, row[0]).unwrap_or_default();
            let (scheme, value) = address.split_once(':').unwrap_or_default();
            self.line(scheme, value, Mark(row[1]))
        });
        numbers.chain(others)
    }

    fn line(&self, scheme: &str, value: &str, mark: Mark) -> String {
        let Entry { name, spam } = self.entry(mark);
        let mut line = scheme.to_owned();
        for field in [value, name] {
            // Writing to a String cannot fail.
            let _ = if field.contains([',', '"']) {
                write!(line, ",\"{}\"", field.replace('"', "\"\""))
            } else {
                write!(line, ",{field}")
            };
        }
        line.push_str(if spam { ",1\n" } else { ",0\n" });
        line
    }

    /// How many addresses it has.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.numbers.len() + self.others.len()
    }

    /// Whether it has none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The memory that its content takes, bytes.
    #[must_use]
    pub const fn size_bytes(&self) -> usize {
        let rows =
            self.numbers.len() * size_of::<Number>() + self.others.len() * size_of::<Other>();
        size_of::<Self>() + rows + self.texts.len()
    }
}

/// The key of an address that is a number.
fn number_key(handle: &Handle) -> Option<Key> {
    if handle.scheme() == "tel" { key(handle.value()) } else { None }
}

/// An address as one text. No scheme has a colon, so no two addresses have one text.
fn address(handle: &Handle) -> String {
    format!("{}:{}", handle.scheme(), handle.value())
}

fn text_at(texts: &[u8], at: u32) -> Option<&str> {
    let at = usize::try_from(at).ok()?;
    let length = usize::from(*texts.get(at)?);
    std::str::from_utf8(texts.get(at + 1..at + 1 + length)?).ok()
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
    /// Whether it has more than [`MAX_ENTRIES`] or takes more than [`MAX_SIZE`]; the rest is not in
    /// the directory.
    pub is_full: bool,
}

/// Why a line is not in the directory.
enum Left {
    Bad(&'static str),
    Full,
}

/// Reads a directory from pieces of its text, however they are cut.
#[derive(Debug)]
pub struct DirectoryReader {
    directory: Directory,
    csv: csv_core::Reader,
    line: Vec<u8>,
    /// The present line is longer than [`MAX_LINE`].
    too_long: bool,
    number: u64,
    bad: u64,
    bad_lines: Vec<BadLine>,
    is_full: bool,
    /// Where names were written lately, by their hash.
    cache: Vec<u32>,
}

impl Default for DirectoryReader {
    fn default() -> Self {
        Self {
            directory: Directory::default(),
            csv: csv_core::Reader::new(),
            line: Vec::new(),
            too_long: false,
            number: 0,
            bad: 0,
            bad_lines: Vec::new(),
            is_full: false,
            cache: vec![Mark::NO_NAME; CACHE],
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

    /// Whether nothing more fits in: reading on is of no use.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.is_full
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
        let added = if std::mem::take(&mut self.too_long) {
            Err(Left::Bad("it is too long"))
        } else {
            self.add(line)
        };
        match added {
            Ok(()) => {}
            Err(Left::Full) => self.is_full = true,
            Err(Left::Bad(why)) => {
                self.bad += 1;
                if self.bad_lines.len() < TOLD {
                    self.bad_lines.push(BadLine { line: self.number, why });
                }
            }
        }
    }

    fn add(&mut self, line: &[u8]) -> Result<(), Left> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        // Spreadsheets put a byte order mark first.
        let line = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line);
        if line.is_empty() {
            return Ok(());
        }
        let mut text = [0; MAX_LINE];
        let fields = self.fields(line, &mut text).map_err(Left::Bad)?;
        if self.number == 1 && fields == COLUMNS {
            return Ok(());
        }
        let [scheme, value, name, spam] = fields;
        let handle = Handle::new(scheme, value)
            .map_err(|_| Left::Bad("its scheme and value are no address"))?;
        let name = name.trim();
        if name.len() > MAX_NAME || name.chars().any(char::is_control) {
            return Err(Left::Bad("its name is over 120 bytes or has control characters"));
        }
        let spam = match spam.trim() {
            "0" => false,
            "1" => true,
            _ => return Err(Left::Bad("its last field is neither 0 nor 1")),
        };
        if name.is_empty() && !spam {
            return Err(Left::Bad("it says nothing: it has no name and is no spam"));
        }
        self.put(&handle, name, spam)
    }

    /// The fields of a line.
    fn fields<'a>(
        &mut self,
        line: &[u8],
        out: &'a mut [u8; MAX_LINE],
    ) -> Result<[&'a str; 4], &'static str> {
        if line.iter().filter(|byte| **byte == b'"').count() % 2 == 1 {
            return Err("a quote is not closed");
        }
        self.csv.reset();
        let mut ends = [0; COLUMNS.len() + 1];
        let (result, read, written, ended) = self.csv.read_record(line, out, &mut ends);
        let ended = match result {
            // The end of the text ends the record.
            ReadRecordResult::InputEmpty => {
                let (out, ends) = (&mut out[written..], &mut ends[ended..]);
                ended + self.csv.read_record(&[], out, ends).3
            }
            ReadRecordResult::Record if read == line.len() => ended,
            ReadRecordResult::Record | ReadRecordResult::OutputFull | ReadRecordResult::End => {
                return Err("it has a carriage return within");
            }
            ReadRecordResult::OutputEndsFull => ends.len(),
        };
        let (4, [a, b, c, d, _]) = (ended, ends) else {
            return Err("it has not four fields: scheme, value, name, spam");
        };
        let text = std::str::from_utf8(out).map_err(|_| "it is not UTF-8")?;
        let field = |from, to| text.get(from..to).ok_or("it is not UTF-8");
        Ok([field(0, a)?, field(a, b)?, field(b, c)?, field(c, d)?])
    }

    fn put(&mut self, handle: &Handle, name: &str, spam: bool) -> Result<(), Left> {
        let name_at = if name.is_empty() { Mark::NO_NAME } else { self.intern(name)? };
        let mark = Mark::new(name_at, spam);
        if let Some(key) = number_key(handle) {
            self.room(size_of::<Number>())?;
            let mut row = [0; size_of::<Number>()];
            row[..8].copy_from_slice(&key);
            row[8..].copy_from_slice(&mark.0.to_be_bytes());
            self.directory.numbers.push(row);
        } else {
            let address = address(handle);
            if address.len() > usize::from(u8::MAX) {
                return Err(Left::Bad("its scheme and value are over 254 bytes"));
            }
            self.room(size_of::<Other>())?;
            let at = self.write(&address)?;
            self.directory.others.push([at, mark.0]);
        }
        Ok(())
    }

    /// Whether so many bytes more are within the bounds.
    const fn room(&self, bytes: usize) -> Result<(), Left> {
        let full =
            self.directory.len() >= MAX_ENTRIES || self.directory.size_bytes() + bytes > MAX_SIZE;
        if full { Err(Left::Full) } else { Ok(()) }
    }

    /// Writes a name, unless it was written a moment ago.
    fn intern(&mut self, name: &str) -> Result<u32, Left> {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        let place = usize::try_from(hasher.finish() % CACHE as u64).unwrap_or(0);
        if let Some(at) = self.cache.get(place).copied()
            && text_at(&self.directory.texts, at) == Some(name)
        {
            return Ok(at);
        }
        let at = self.write(name)?;
        if let Some(cached) = self.cache.get_mut(place) {
            *cached = at;
        }
        Ok(at)
    }

    /// Writes a text of at most 255 bytes.
    fn write(&mut self, text: &str) -> Result<u32, Left> {
        self.room(1 + text.len())?;
        let length = u8::try_from(text.len()).map_err(|_| Left::Bad("it is too long"))?;
        let texts = &mut self.directory.texts;
        // Far below the bits that a mark has: MAX_SIZE is.
        let at = u32::try_from(texts.len()).map_err(|_| Left::Full)?;
        texts.push(length);
        texts.extend_from_slice(text.as_bytes());
        Ok(at)
    }

    /// The directory, once the text is at its end.
    #[must_use]
    pub fn finish(mut self) -> Loaded {
        if !self.line.is_empty() || self.too_long {
            let line = std::mem::take(&mut self.line);
            self.end_line(&line);
        }
        let Self { mut directory, bad, bad_lines, is_full, .. } = self;
        let Directory { numbers, others, texts } = &mut directory;
        let text = |row: &Other| text_at(texts, row[0]).unwrap_or_default();
        numbers.sort_by_key(key_of);
        others.sort_by(|a, b| text(a).cmp(text(b)));
        keep_last(numbers, |a, b| key_of(a) == key_of(b));
        keep_last(others, |a, b| text(a) == text(b));
        numbers.shrink_to_fit();
        others.shrink_to_fit();
        texts.shrink_to_fit();
        Loaded { directory, bad, bad_lines, is_full }
    }
}

/// Of rows that are alike the last one; the sort kept their order.
fn keep_last<T: Copy>(rows: &mut Vec<T>, alike: impl Fn(&T, &T) -> bool) {
    rows.dedup_by(|next, kept| {
        let same = alike(next, kept);
        if same {
            *kept = *next;
        }
        same
    });
}
