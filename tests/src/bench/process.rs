//! What a process costs: memory and CPU from /proc.
//!
//! Owns: reading. Does not own: processes. Invariant: CPU is counted over all threads.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use ahoy_trial::Person;

use crate::figure;

/// Ticks of `utime` and `stime` in a second: USER_HZ, fixed at 100 on Linux.
const TICKS: f64 = 100.0;

/// Proportional set size, MB.
pub(crate) fn pss(process: u32) -> Option<f64> {
    let rollup = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).ok()?;
    let line = rollup.lines().find(|line| line.starts_with("Pss:"))?;
    let kilobytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes / 1024.0)
}

/// Seconds of CPU so far.
pub(crate) fn cpu(process: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name may have spaces; it ends with the last parenthesis.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: f64 = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
    Some(ticks / TICKS)
}

/// Memory and CPU of a person's processes over a time.
pub(crate) fn cost(person: &Person<'_>, what: &str, time: Duration) {
    let names = ["ahoyd", "ahoy-media"];
    let processes = names.map(|name| (name, person.process(name)));
    let before = processes.map(|(_, id)| id.and_then(cpu));
    let start = Instant::now();
    thread::sleep(time);
    for ((name, id), before) in processes.into_iter().zip(before) {
        if let (Some(id), Some(before)) = (id, before)
            && let Some(after) = cpu(id)
        {
            let share = (after - before) / start.elapsed().as_secs_f64() * 100.0;
            figure(&format!("{what}_cpu_{name}"), share, "% of a core");
        }
        if let Some(memory) = id.and_then(pss) {
            figure(&format!("{what}_pss_{name}"), memory, "MB");
        }
    }
}
