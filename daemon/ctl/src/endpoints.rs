//! `endpoints`: where calls are heard, and choosing it.
//!
//! Owns: finding the one that is meant. Does not own: devices (the daemon). Invariant: one that is
//! ambiguous is never taken.

use clap::{Args, Subcommand};
use serde_json::json;
use zbus::OwnedVariant;

use crate::{
    bus::{AUDIO, Bus},
    calls,
    error::{Error, Result},
    out::{Out, clean},
    pick::Fits,
    status::heading,
    value,
};

/// `endpoints …`
#[derive(Debug, Subcommand)]
pub enum EndpointsCommand {
    /// List where calls can be heard
    #[command(after_help = "Examples:\n  ahoyctl endpoints list\n  ahoyctl endpoints list --json")]
    List,
    /// Choose where this and later calls are heard
    Use(Use),
}

/// Which, and for what.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ahoyctl endpoints use headset
  ahoyctl endpoints use auto            let Ahoy choose
  ahoyctl endpoints use speaker --call alice")]
pub struct Use {
    /// Its id, its name or a part of it, its kind, or auto
    pub endpoint: String,
    /// For this call only
    #[arg(long, value_name = "CALL")]
    pub call: Option<String>,
}

struct Endpoint {
    id: String,
    name: String,
    kind: String,
    available: bool,
}

/// Runs a command of the group.
pub async fn run(command: EndpointsCommand, out: &Out) -> Result<()> {
    match command {
        EndpointsCommand::List => list(out).await,
        EndpointsCommand::Use(args) => choose(args, out).await,
    }
}

async fn endpoints(bus: &Bus) -> Result<Vec<Endpoint>> {
    let value: OwnedVariant = bus.property(AUDIO, "Endpoints").await?;
    let rows = value::to_json(&value);
    let read = |row: &serde_json::Value| {
        let text = |at: usize| row[at].as_str().unwrap_or_default().to_owned();
        let available = row[3].as_bool().unwrap_or_default();
        Endpoint { id: text(0), name: text(1), kind: text(2), available }
    };
    Ok(rows.as_array().map(|rows| rows.iter().map(read).collect()).unwrap_or_default())
}

async fn list(out: &Out) -> Result<()> {
    let bus = Bus::connect().await?;
    let all = endpoints(&bus).await?;
    let current = value::to_json(&*bus.property(AUDIO, "Current").await?);
    let rows = all.iter().map(|one| {
        json!({
            "id": one.id, "name": one.name, "kind": one.kind, "available": one.available,
            "current": current == one.id,
        })
    });
    out.data(&json!(rows.collect::<Vec<_>>()))?;
    if all.is_empty() {
        return out.say("There is nothing to hear calls with. Check: ahoyctl doctor");
    }
    let mut table = vec![heading(&["NAME", "KIND", "", "ID"])];
    table.extend(all.iter().map(|one| {
        let mark = match (current == one.id, one.available) {
            (true, _) => "in use",
            (false, true) => "",
            (false, false) => "unplugged",
        };
        vec![clean(&one.name), clean(&one.kind), mark.to_owned(), clean(&one.id)]
    }));
    out.table(&table)
}

/// The one that is meant: by id, else by kind, else by a part of its name.
fn meant(all: Vec<Endpoint>, typed: &str) -> Result<Endpoint> {
    let wanted = typed.to_lowercase();
    let ways: [&dyn Fn(&Endpoint) -> bool; 3] =
        [&|one| one.id == typed, &|one| one.kind == wanted, &|one| {
            one.name.to_lowercase().contains(&wanted)
        }];
    let mut all = all;
    for fits in ways {
        let (mut found, rest): (Vec<_>, Vec<_>) = all.into_iter().partition(|one| fits(one));
        if found.len() > 1 {
            let ids: Vec<&str> = found.iter().map(|one| one.id.as_str()).collect();
            return Err(Error::refused(
                "InvalidArgument",
                format!("{} fit \"{}\": {}", ids.len(), clean(typed), clean(&ids.join(", "))),
                "Name one of them by its id.",
            ));
        }
        if let Some(one) = found.pop() {
            return Ok(one);
        }
        all = rest;
    }
    Err(Error::refused(
        "InvalidArgument",
        format!("there is no \"{}\" to hear calls with", clean(typed)),
        "See: ahoyctl endpoints list",
    ))
}

async fn choose(args: Use, out: &Out) -> Result<()> {
    let bus = Bus::connect().await?;
    let (id, name) = if args.endpoint == "auto" {
        (String::new(), "whatever Ahoy chooses".to_owned())
    } else {
        let one = meant(endpoints(&bus).await?, &args.endpoint)?;
        (one.id, clean(&one.name))
    };
    if args.call.is_some() {
        let body = (id.as_str(),);
        return calls::act(args.call.as_deref(), Fits::On, "SetEndpoint", &body, out, |call| {
            format!("The call with {} is heard with {name}.", call.who())
        })
        .await;
    }
    let () = bus.call(AUDIO, "SetPreferred", &(id.as_str(),)).await?;
    out.both(format!("Calls are heard with {name}."), &json!({"preferred": id}))
}
