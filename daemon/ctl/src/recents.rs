//! `recents`: the latest calls.
//!
//! Owns: the query and the table. Does not own: the log (the daemon alone writes it). Invariant:
//! newest first, and never more rows than asked for.

use clap::Args;
use serde_json::Value;
use zbus::Variant;

use crate::{
    bus::{Bus, HISTORY},
    error::Result,
    names,
    out::{Out, Tone, clean},
    pick,
    status::heading,
    time,
    value::{self, Dict, Options},
};

/// Rows of one answer; the contract's own limit.
const PAGE: u32 = 500;

/// `recents`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ahoyctl recents
  ahoyctl recents --missed --seen
  ahoyctl recents --since yesterday --limit 100
  ahoyctl recents --with alice --json")]
pub struct RecentsArgs {
    /// Missed calls only
    #[arg(long)]
    pub missed: bool,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
    /// Not older than this: 2h, 7d, today, yesterday, 2026-11-01
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Calls with this contact only
    #[arg(long, value_name = "NAME")]
    pub with: Option<String>,
    /// Calls in which this text occurs
    #[arg(long, value_name = "TEXT")]
    pub text: Option<String>,
    /// Mark those shown as seen
    #[arg(long)]
    pub seen: bool,
}

/// Lists the latest calls.
pub async fn run(args: RecentsArgs, out: &Out) -> Result<()> {
    let after = args.since.as_deref().map(time::since).transpose()?;
    let bus = Bus::connect().await?;
    let contact = match &args.with {
        Some(name) => Some(names::contact(&bus, name).await?),
        None => None,
    };
    let mut filter = Options::new();
    if args.missed {
        filter.insert("outcome", Variant::from("missed"));
    }
    if let Some(after) = after {
        filter.insert("after", Variant::from(after));
    }
    if let Some(contact) = &contact {
        filter.insert("contact-id", Variant::from(value::text(contact, "id")));
    }
    if let Some(text) = &args.text {
        filter.insert("text", Variant::from(text.as_str()));
    }
    let rows = fetch(&bus, &filter, args.limit).await?;
    show(&rows, out)?;
    if args.seen && !rows.is_empty() {
        let ids: Vec<&str> = rows.iter().map(|row| value::text(row, "id")).collect();
        let () = bus.call(HISTORY, "MarkSeen", &(ids,)).await?;
    }
    Ok(())
}

async fn fetch(bus: &Bus, filter: &Options<'_>, limit: u32) -> Result<Vec<Dict>> {
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut rows: Vec<Dict> = Vec::new();
    let mut cursor = String::new();
    while rows.len() < wanted {
        let page = u32::try_from(wanted - rows.len()).unwrap_or(PAGE).min(PAGE);
        let (more, next): (Vec<Dict>, String) =
            bus.call(HISTORY, "Query", &(filter, page, cursor.as_str())).await?;
        let end = more.is_empty() || next.is_empty() || next == cursor;
        rows.extend(more);
        if end {
            break;
        }
        cursor = next;
    }
    rows.truncate(wanted);
    Ok(rows)
}

fn show(rows: &[Dict], out: &Out) -> Result<()> {
    out.data(&Value::Array(rows.iter().map(value::object).collect()))?;
    if rows.is_empty() {
        return out.say("No calls.");
    }
    let mut table = vec![heading(&["WHEN", "WHO", "WHAT", "LENGTH", ""])];
    table.extend(rows.iter().map(|row| line(row, out)));
    out.table(&table)
}

fn line(row: &Dict, out: &Out) -> Vec<String> {
    let outcome = value::text(row, "outcome");
    let what = match (outcome, value::text(row, "direction")) {
        ("missed", _) => out.paint(Tone::Bad, "missed"),
        ("ongoing", _) => out.paint(Tone::Good, "on now"),
        ("answered", "incoming") => "← in".to_owned(),
        ("answered", _) => "→ out".to_owned(),
        (other, "outgoing") => format!("→ {}", clean(other)),
        (other, _) => format!("← {}", clean(other)),
    };
    let (from, to) = (value::number(row, "connected-at"), value::number(row, "ended-at"));
    let length = if from == 0 || to == 0 { String::new() } else { time::length(from, to) };
    let mut notes = Vec::new();
    if value::flag(row, "video") {
        notes.push("video");
    }
    if outcome == "missed" && !value::flag(row, "seen") {
        notes.push("new");
    }
    vec![
        time::local(value::number(row, "started-at")),
        pick::who(row, "name", "remote"),
        what,
        length,
        notes.join(", "),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::entry;

    #[test]
    fn a_missed_unseen_call_says_so() {
        let row = Dict::from([
            entry("outcome", "missed").unwrap(),
            entry("name", "Bob").unwrap(),
            entry("seen", false).unwrap(),
            entry("video", true).unwrap(),
        ]);
        let cells = line(&row, &Out::new(true));
        assert_eq!(&cells[1..], ["Bob", "missed", "", "video, new"]);
    }
}
