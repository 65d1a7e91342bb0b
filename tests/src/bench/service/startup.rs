//! Starting with a long log.
//!
//! Owns: the log and the starts. Does not own: how rows are stored. Invariant: the first start,
//! which makes keys and settings, is not measured.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use ahoy::store::{Direction, Handle, HistoryRow, Micros, Outcome, Store};
use ahoy_trial::{
    Result, Stage, Trouble,
    bus::{Dict, Options},
};

use super::{Size, host::Host};
use crate::{figure, progress};

/// Between two calls of the log, µs: 100,000 of them fit in two months.
const APART: i64 = 50_000_000;

fn row(number: u64, now: Micros) -> HistoryRow {
    let started_at = now.0 - (i64::try_from(number).unwrap_or(0) + 1) * APART;
    HistoryRow {
        id: None,
        call: format!("{number:08x}-0000-4000-8000-000000000000"),
        provider: "org.example.Bench".to_owned(),
        app_id: String::new(),
        remote: Handle::new("tel", format!("+49301{:06}", number % 5_000)),
        name: format!("Person {}", number % 5_000),
        contact: None,
        direction: if number.is_multiple_of(2) { Direction::Incoming } else { Direction::Outgoing },
        video: false,
        started_at: Micros(started_at),
        connected_at: Micros(started_at + 1_000_000),
        ended_at: Micros(started_at + 20_000_000),
        outcome: Outcome::Answered,
        end_reason: "remote-hangup".to_owned(),
        seen: true,
    }
}

fn fill(host: &Host<'_>, rows: u64) -> Result<()> {
    let wrong = |error: ahoy::store::StoreError| Trouble::Wrong(error.to_string());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = Micros(i64::try_from(now.as_micros()).unwrap_or(i64::MAX));
    let file = host.person.path("data").join("ahoy/ahoy.db");
    let mut store = Store::open(&file, now).map_err(wrong)?.store;
    // The oldest first, as calls come.
    for number in (0..rows).rev() {
        store.record(&row(number, now)).map_err(wrong)?;
    }
    Ok(())
}

/// From the start of the program to its name on the bus, and to the first page of the log, ms.
fn start(host: &mut Host<'_>, rows: u64) -> Result<(f64, f64)> {
    let since = |begin: Instant, at: Instant| (at - begin).as_secs_f64() * 1000.0;
    let seen = host.person.bus.seen();
    let begin = host.execute()?;
    let bus = &host.person.bus;
    let named = bus.signal(seen, "the name", |signal| {
        let (_, _, owner) = signal.body::<(String, String, String)>()?;
        (signal.member == "NameOwnerChanged" && !owner.is_empty()).then_some(signal.at)
    })?;
    let asked = (Options::new(), 50_u32, "");
    let (page, _): (Vec<Dict>, String) = bus.call("History", "Query", &asked)?;
    let answered = Instant::now();
    if page.len() as u64 != rows.min(50) {
        return Err(Trouble::Wrong(format!("a page of {} rows", page.len())));
    }
    Ok((since(begin, named), since(begin, answered)))
}

pub(super) fn run(stage: &Stage, size: &Size) -> Result<()> {
    progress(&format!("starts with {} calls in the log", size.rows));
    let mut host = Host::prepare(stage, "startup")?;
    start(&mut host, 0)?;
    host.end();
    fill(&host, size.rows)?;
    let (mut named, mut answered) = (Vec::new(), Vec::new());
    for _ in 0..size.starts {
        let (name, page) = start(&mut host, size.rows)?;
        named.push(name);
        answered.push(page);
        host.end();
    }
    for (name, values) in [("start_to_name", named), ("start_to_first_page", answered)] {
        if let Some(value) = ahoy_trial::wave::median(values) {
            figure(name, value, "ms");
        }
    }
    Ok(())
}
