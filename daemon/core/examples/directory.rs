//! What a directory of a million callers costs: `cargo run --release -p ahoy-core --example directory`.
//!
//! Prints the time to read it, the memory that it and the reading take, and the time of a look-up.
//! `/proc/self/status` says how much memory there is, so this is for Linux.
#![expect(clippy::print_stdout, reason = "it is its purpose")]

use std::{fmt::Write as _, time::Instant};

use ahoy_core::{
    filter::{DirectoryReader, MAX_ENTRIES},
    id::Handle,
};

/// A line of `/proc/self/status`, in KiB.
fn status(name: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.trim_matches([':', ' ', '\t']).trim_end_matches(" kB").trim().parse().unwrap_or(0)
}

/// Address no. `number`, spread over the number space.
fn value(number: u64) -> String {
    format!("+49{:010}", number.wrapping_mul(7_919_777) % 1_000_000_007)
}

/// Pieces as they are read from a file, written one after the other so that the text takes none of
/// the memory that is measured.
fn read(count: u64) -> DirectoryReader {
    let mut reader = DirectoryReader::default();
    let mut piece = String::new();
    for number in 0..count {
        // Writing to a String cannot fail.
        let _ = writeln!(piece, "tel,{},Company no. {number:08},0", value(number));
        if piece.len() >= 64 * 1024 {
            reader.feed(piece.as_bytes());
            piece.clear();
        }
    }
    reader.feed(piece.as_bytes());
    reader
}

fn main() {
    let count = MAX_ENTRIES as u64;
    let mut text = Instant::now();
    let length: usize = (0..count).map(|number| value(number).len()).sum();
    let writing = text.elapsed();
    text = Instant::now();
    let before = status("VmRSS");
    let loaded = read(count).finish();
    let (reading, after, peak) = (text.elapsed(), status("VmRSS"), status("VmHWM"));
    let directory = loaded.directory;
    println!("entries {} bad {} (numbers {length} bytes)", directory.len(), loaded.bad);
    println!("read in {reading:?}, of which writing the numbers {writing:?}");
    println!(
        "size {} bytes; resident +{} KiB, peak +{} KiB",
        directory.size_bytes(),
        after.saturating_sub(before),
        peak.saturating_sub(before)
    );
    let handles: Vec<Handle> = (0..100_000)
        .filter_map(|number| Handle::new("tel", &value(number * 10 + number % 3)).ok())
        .collect();
    let begin = Instant::now();
    let found = handles.iter().filter(|handle| directory.find(handle).is_some()).count();
    let each = begin.elapsed() / u32::try_from(handles.len()).unwrap_or(1);
    println!("found {found} of {}, {each:?} each", handles.len());
}
