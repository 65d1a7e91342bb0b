//! `contacts`: people you call.
//!
//! Owns: the arguments, the tables, adding to one that is there. Does not own: the store (the
//! daemon), the vCard text (vcard). Invariant: changing a contact sends the changed keys only, so
//! that nothing another program keeps there is lost; removing needs the whole name.

use std::{fs::File, io::Write as _, path::PathBuf};

use clap::{Args, Subcommand};
use clap_complete::ArgValueCompleter;
use serde_json::{Value, json};
use zbus::Fd;

use crate::{
    bus::{Bus, CONTACTS, MOST_CONTACTS},
    complete::people,
    error::{Error, Result},
    names::{self, entry},
    out::{Out, clean},
    status::heading,
    value::{self, Dict},
    vcard,
};

/// `contacts …`
#[derive(Debug, Subcommand)]
pub enum ContactsCommand {
    /// List all
    #[command(after_help = "Examples:\n  ahoyctl contacts list\n  ahoyctl contacts list --json")]
    List,
    /// Search by name, alias, number or address
    #[command(after_help = "Examples:\n  ahoyctl contacts search ali")]
    Search(Search),
    /// Show one with all details
    #[command(after_help = "Examples:\n  ahoyctl contacts show alice")]
    Show(Named),
    /// Add a person, or a number to a person who is there
    Add(Add),
    /// Remove a person; the whole name or the id is needed
    #[command(after_help = "Examples:\n  ahoyctl contacts remove \"Alice Smith\"")]
    Remove(Named),
    /// Read contacts from a vCard file
    #[command(after_help = "Examples:\n  ahoyctl contacts import people.vcf")]
    Import(Import),
    /// Write all contacts as vCards
    #[command(after_help = "\
Examples:
  ahoyctl contacts export > people.vcf
  ahoyctl contacts export people.vcf")]
    Export(Export),
}

/// What to search.
#[derive(Debug, Args)]
pub struct Search {
    /// Part of a name, number or address
    pub text: String,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_CONTACTS)))]
    pub limit: u32,
}

/// Whom.
#[derive(Debug, Args)]
pub struct Named {
    /// Name, alias, id, number or address
    #[arg(add = ArgValueCompleter::new(people))]
    pub name: String,
}

/// Whom to add.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ahoyctl contacts add \"Alice Smith\" tel:+4930123456
  ahoyctl contacts add Bob home=+4930111 work=sip:bob@example.org --alias Bobby
To exchange encrypted addresses use: ahoyctl invite")]
pub struct Add {
    /// The person's name
    pub name: String,
    /// Numbers and addresses, each as [LABEL=]HANDLE
    #[arg(value_name = "[LABEL=]HANDLE")]
    pub handles: Vec<String>,
    /// Another name, as you say it
    #[arg(long, value_name = "NAME")]
    pub alias: Vec<String>,
    /// Keep a note
    #[arg(long, value_name = "TEXT")]
    pub notes: Option<String>,
}

/// From where.
#[derive(Debug, Args)]
pub struct Import {
    /// A vCard file (.vcf)
    pub file: PathBuf,
}

/// To where.
#[derive(Debug, Args)]
pub struct Export {
    /// The file to write; the screen without it
    pub file: Option<PathBuf>,
}

/// Runs a command of the group.
pub async fn run(command: ContactsCommand, out: &Out) -> Result<()> {
    match command {
        ContactsCommand::List => list(&Bus::connect().await?.contacts().await?, out),
        ContactsCommand::Search(args) => {
            let bus = Bus::connect().await?;
            let found: Vec<Dict> =
                bus.call(CONTACTS, "Search", &(args.text.as_str(), args.limit)).await?;
            list(&found, out)
        }
        ContactsCommand::Show(args) => {
            show(&names::contact(&Bus::connect().await?, &args.name).await?, out)
        }
        ContactsCommand::Add(args) => add(args, out).await,
        ContactsCommand::Remove(args) => remove(&args.name, out).await,
        ContactsCommand::Import(args) => import(&args.file, out).await,
        ContactsCommand::Export(args) => export(args.file, out).await,
    }
}

fn list(contacts: &[Dict], out: &Out) -> Result<()> {
    out.data(&Value::Array(contacts.iter().map(value::object).collect()))?;
    if contacts.is_empty() {
        return out.say("No contacts. Add one: ahoyctl contacts add NAME HANDLE");
    }
    let mut rows = vec![heading(&["NAME", "REACHED BY", "", "ALSO CALLED"])];
    rows.extend(contacts.iter().map(|contact| {
        vec![
            clean(value::text(contact, "name")),
            reached_by(contact).join(", "),
            marks(contact),
            clean(&value::list(contact, "aliases").join(", ")),
        ]
    }));
    out.table(&rows)
}

fn reached_by(contact: &Dict) -> Vec<String> {
    value::handles(contact)
        .into_iter()
        .map(|(scheme, value, label)| {
            // An encrypted address is 52 letters that nobody reads; its beginning tells it apart.
            let value = if scheme == "ahoy" && value.chars().count() > 12 {
                value.chars().take(8).chain(['…']).collect()
            } else {
                value
            };
            let label = if label.is_empty() { String::new() } else { format!(" ({label})") };
            clean(&format!("{scheme}:{value}{label}"))
        })
        .collect()
}

fn marks(contact: &Dict) -> String {
    let marks = [
        ("favourite", "★"),
        ("favourite-video", "video"),
        ("pending", "pending"),
        ("muted", "muted"),
        ("blocked", "blocked"),
    ];
    let set: Vec<&str> =
        marks.iter().filter(|(key, _)| value::flag(contact, key)).map(|(_, m)| *m).collect();
    set.join(" ")
}

fn show(contact: &Dict, out: &Out) -> Result<()> {
    out.data(&value::object(contact))?;
    out.say(clean(value::text(contact, "name")))?;
    for (scheme, value, label) in value::handles(contact) {
        let label = if label.is_empty() { String::new() } else { format!("  ({label})") };
        out.say(clean(&format!("  {scheme}:{value}{label}")))?;
    }
    for (key, shown) in [("aliases", "also called"), ("notes", "notes"), ("id", "id")] {
        let text = match key {
            "aliases" => value::list(contact, key).join(", "),
            _ => value::text(contact, key).to_owned(),
        };
        if !text.is_empty() {
            out.say(format!("  {shown}: {}", clean(&text)))?;
        }
    }
    match marks(contact) {
        marks if marks.is_empty() => Ok(()),
        marks => out.say(format!("  {marks}")),
    }
}

/// Reads `[LABEL=]HANDLE`.
fn labelled(typed: &str) -> Result<(String, String, String)> {
    let (label, rest) = match typed.split_once('=') {
        // `=` may stand in an address (sip:bob@host;transport=tcp) after its colon, never in a label.
        Some((label, rest)) if !label.contains([':', '@', ';']) => (label, rest),
        Some(_) | None => ("", typed),
    };
    let handle = names::handle(rest).ok_or_else(|| {
        Error::usage(
            format!("\"{}\" is not a number or an address", clean(typed)),
            "Write +4930123456, sip:bob@example.org or ahoy:KEY, with a label as home=+4930123456.",
        )
    })?;
    Ok((handle.scheme, handle.value, label.to_owned()))
}

async fn add(args: Add, out: &Out) -> Result<()> {
    let fresh = args.handles.iter().map(|h| labelled(h)).collect::<Result<Vec<_>>>()?;
    let bus = Bus::connect().await?;
    let found: Vec<Dict> = bus.call(CONTACTS, "Search", &(args.name.as_str(), 50u32)).await?;
    let there = found
        .into_iter()
        .find(|c| value::text(c, "name").to_lowercase() == args.name.to_lowercase());
    let is_new = there.is_none();
    let there = there.unwrap_or_default();
    let mut handles = value::handles(&there);
    for (scheme, value, label) in fresh {
        handles.retain(|(s, v, _)| (s, v) != (&scheme, &value));
        handles.push((scheme, value, label));
    }
    let mut aliases = value::list(&there, "aliases");
    for alias in args.alias {
        if !aliases.contains(&alias) {
            aliases.push(alias);
        }
    }
    let mut contact = Dict::from([entry("handles", handles)?, entry("aliases", aliases)?]);
    let (key, value) =
        if is_new { ("name", args.name.as_str()) } else { ("id", value::text(&there, "id")) };
    contact.extend([entry(key, value)?]);
    if let Some(notes) = &args.notes {
        contact.extend([entry("notes", notes.as_str())?]);
    }
    let id: String = bus.call(CONTACTS, "Put", &(contact,)).await?;
    let name = clean(&args.name);
    let line = if is_new { format!("Added {name}.") } else { format!("Changed {name}.") };
    out.both(line, &json!({"id": id, "name": args.name, "added": is_new}))
}

async fn remove(typed: &str, out: &Out) -> Result<()> {
    let bus = Bus::connect().await?;
    let contact = names::contact(&bus, typed).await?;
    let (id, name) = (value::text(&contact, "id"), value::text(&contact, "name"));
    let whole = id == typed
        || name.to_lowercase() == typed.to_lowercase()
        || names::handle(typed).is_some();
    if !whole {
        return Err(Error::refused(
            "UnknownContact",
            format!("nobody is called exactly \"{}\"", clean(typed)),
            format!("If you mean {0}: ahoyctl contacts remove \"{0}\"", clean(name)),
        ));
    }
    let () = bus.call(CONTACTS, "Remove", &(id,)).await?;
    out.both(format!("Removed {}.", clean(name)), &json!({"id": id, "name": name, "removed": true}))
}

async fn import(file: &PathBuf, out: &Out) -> Result<()> {
    let opened = File::open(file).map_err(|e| Error::file(file, &e))?;
    let bus = Bus::connect().await?;
    let counts: std::collections::BTreeMap<String, u32> =
        out.wait("importing", bus.call(CONTACTS, "Import", &(Fd::from(&opened), "vcard"))).await?;
    let shown: Vec<String> =
        counts.iter().map(|(what, n)| format!("{n} {}", clean(what))).collect();
    out.both(format!("Imported: {}.", shown.join(", ")), &json!(counts))
}

async fn export(file: Option<PathBuf>, out: &Out) -> Result<()> {
    let contacts = Bus::connect().await?.contacts().await?;
    let cards: String = contacts.iter().map(vcard::card).collect();
    let Some(file) = file else {
        if out.json {
            return out.data(&json!({"vcard": cards, "count": contacts.len()}));
        }
        return out.raw(cards.trim_end());
    };
    let write = || {
        let mut target = File::create_new(&file)?;
        target.write_all(cards.as_bytes())?;
        target.sync_all()
    };
    write().map_err(|e| Error::file(&file, &e))?;
    let count = contacts.len();
    out.both(
        format!("Wrote {count} contacts to {}.", file.display()),
        &json!({"count": count, "file": file}),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_stand_before_the_handle() {
        let of = |s: &str, v: &str, l: &str| (s.to_owned(), v.to_owned(), l.to_owned());
        assert_eq!(labelled("home=+49 30 1").unwrap(), of("tel", "+49301", "home"));
        assert_eq!(
            labelled("sip:bob@h;transport=tcp").unwrap(),
            of("sip", "bob@h;transport=tcp", "")
        );
        assert_eq!(labelled("home").unwrap_err().exit_code(), 2);
    }
}
