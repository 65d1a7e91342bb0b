//! `favourites`: the people you call most.
//!
//! Owns: the arguments and the numbered list. Does not own: the order (the daemon's). Invariant:
//! the numbers shown are those that voice commands use.

use clap::{Args, Subcommand};
use clap_complete::ArgValueCompleter;
use serde_json::{Value, json};

use crate::{
    bus::{Bus, CONTACTS},
    complete::people,
    contacts,
    error::Result,
    names::{self, entry},
    out::{Out, clean},
    value::{self, Dict},
};

/// `favourites`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ahoyctl favourites
  ahoyctl favourites add alice --video
  ahoyctl favourites remove alice")]
pub struct FavouritesArgs {
    /// Without it: list
    #[command(subcommand)]
    pub command: Option<FavouritesCommand>,
}

/// `favourites …`
#[derive(Debug, Subcommand)]
pub enum FavouritesCommand {
    /// Make somebody a favourite
    #[command(after_help = "Examples:\n  ahoyctl favourites add alice --video")]
    Add(Add),
    /// Make somebody no favourite any more
    #[command(after_help = "Examples:\n  ahoyctl favourites remove alice")]
    Remove(contacts::Named),
}

/// Whom to add.
#[derive(Debug, Args)]
pub struct Add {
    /// The contact's name
    #[arg(add = ArgValueCompleter::new(people))]
    pub name: String,
    /// Call with picture by default
    #[arg(long)]
    pub video: bool,
}

/// Lists or changes the favourites.
pub async fn run(args: FavouritesArgs, out: &Out) -> Result<()> {
    let bus = Bus::connect().await?;
    match args.command {
        None => list(&bus, out).await,
        Some(FavouritesCommand::Add(add)) => set(&bus, &add.name, true, add.video, out).await,
        Some(FavouritesCommand::Remove(named)) => set(&bus, &named.name, false, false, out).await,
    }
}

async fn list(bus: &Bus, out: &Out) -> Result<()> {
    let ids: Vec<String> =
        Vec::<String>::try_from(bus.property(CONTACTS, "Favourites").await?).unwrap_or_default();
    let all = bus.contacts().await?;
    let favourites: Vec<&Dict> = ids
        .iter()
        .filter_map(|id| all.iter().find(|contact| value::text(contact, "id") == id))
        .collect();
    out.data(&Value::Array(favourites.iter().map(|contact| value::object(contact)).collect()))?;
    if favourites.is_empty() {
        return out.say("No favourites. Add one: ahoyctl favourites add NAME");
    }
    for (nr, contact) in favourites.iter().enumerate() {
        let video = if value::flag(contact, "favourite-video") { "  (video)" } else { "" };
        out.say(format!("{:2}  {}{video}", nr + 1, clean(value::text(contact, "name"))))?;
    }
    Ok(())
}

async fn set(bus: &Bus, name: &str, on: bool, video: bool, out: &Out) -> Result<()> {
    let contact = names::contact(bus, name).await?;
    let (id, name) =
        (value::text(&contact, "id").to_owned(), value::text(&contact, "name").to_owned());
    let () = bus.call(CONTACTS, "SetFavourite", &(id.as_str(), on)).await?;
    if on && value::flag(&contact, "favourite-video") != video {
        let change = Dict::from([entry("id", id.as_str())?, entry("favourite-video", video)?]);
        let _: String = bus.call(CONTACTS, "Put", &(change,)).await?;
    }
    let word = if on { "is a favourite now" } else { "is no favourite any more" };
    out.both(
        format!("{} {word}.", clean(&name)),
        &json!({"id": id, "name": name, "favourite": on, "video": video}),
    )
}
