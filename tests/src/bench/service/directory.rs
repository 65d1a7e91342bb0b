//! A directory of a million callers, beside a hash map of the same.
//!
//! Owns: the callers and the looks. Does not own: the directory. Invariant: both are made from the
//! same lines, and neither keeps the text that it is made from.

use std::{collections::HashMap, fmt::Write as _, hint::black_box, time::Instant};

use ahoy_core::{filter::DirectoryReader, id::Handle};
use ahoy_trial::{Result, Trouble};

use super::Size;
use crate::{figure, progress};

/// Bytes that are handed over at a time, as from a file.
const PIECE: usize = 64 * 1024;
/// Looks that are timed together.
const LOOKS: u64 = 100_000;

/// Address no. `number`, spread over the number space.
fn value(number: u64) -> String {
    format!("+49{:010}", number.wrapping_mul(7_919_777) % 1_000_000_007)
}

fn name(number: u64) -> String {
    format!("Company no. {number:08}")
}

/// Gives the lines in pieces.
fn lines(count: u64, mut take: impl FnMut(&[u8])) {
    let mut piece = String::new();
    for number in 0..count {
        // Writing to a String cannot fail.
        let _ = writeln!(piece, "tel,{},{},0", value(number), name(number));
        if piece.len() >= PIECE {
            take(piece.as_bytes());
            piece.clear();
        }
    }
    take(piece.as_bytes());
}

/// Memory of this process that is in RAM, KiB.
fn resident() -> Result<f64> {
    let text = std::fs::read_to_string("/proc/self/status").map_err(Trouble::io("status"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    let number = line.trim().trim_end_matches(" kB").parse();
    number.map_err(|_| Trouble::Wrong(format!("VmRSS:{line}")))
}

/// Nanoseconds for one of them.
fn each(looks: &[Handle], mut look: impl FnMut(&Handle) -> bool) -> (f64, usize) {
    let begin = Instant::now();
    let found = looks.iter().filter(|handle| look(black_box(handle))).count();
    (begin.elapsed().as_secs_f64() * 1e9 / looks.len().max(1) as f64, found)
}

pub(super) fn run(size: &Size) -> Result<()> {
    let count = size.callers;
    progress(&format!("a directory of {count} callers"));
    let begin = Instant::now();
    lines(count, |piece| _ = black_box(piece));
    let writing = begin.elapsed();
    let (before, begin) = (resident()?, Instant::now());
    let mut reader = DirectoryReader::default();
    lines(count, |piece| reader.feed(piece));
    let directory = reader.finish().directory;
    let reading = begin.elapsed().saturating_sub(writing);
    let memory = resident()? - before;
    let before = resident()?;
    let map: HashMap<String, String> = (0..count).map(|one| (value(one), name(one))).collect();
    let peer_memory = resident()? - before;
    // Some are there and some are not.
    let looks: Vec<Handle> = (0..LOOKS)
        .filter_map(|one| Handle::new("tel", &value(one * count / LOOKS * 2)).ok())
        .collect();
    let (look, found) = each(&looks, |handle| directory.find(handle).is_some());
    let (peer_look, same) = each(&looks, |handle| map.contains_key(handle.value()));
    if found != same || directory.len() != map.len() {
        return Err(Trouble::Wrong(format!("{found} found, and {same} in the hash map")));
    }
    figure("directory_callers", directory.len() as f64, "1");
    figure("directory_load", reading.as_secs_f64() * 1000.0, "ms");
    figure("directory_memory", memory / 1024.0, "MiB");
    figure("directory_memory_ratio", memory / peer_memory.max(1.0), "1");
    figure("directory_look_up", look, "ns");
    figure("directory_look_up_ratio", look / peer_look, "1");
    Ok(())
}
