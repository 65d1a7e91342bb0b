//! `block`, `unblock`, `blocked` and `filter …`: who does not get through.
//!
//! Owns: reading addresses with a star. Does not own: the judging (the daemon). Invariant: a name
//! stands for all addresses of one contact, never for a guess.

use std::{fs::File, path::PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use clap_complete::ArgValueCompleter;
use serde_json::json;
use zbus::{Fd, Variant};

use crate::{
    bus::{Bus, FILTER},
    calls::Switch,
    complete::people,
    error::{Error, Result},
    names::{self, Handle},
    out::{Out, clean},
    status::heading,
    value::{self, Options},
};

/// `block`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ahoyctl block +4930123456
  ahoyctl block 'tel:+4990*' --why \"sells things\"
  ahoyctl block sip:bob@example.org
  ahoyctl block bob                  all addresses of the contact")]
pub struct BlockArgs {
    /// A number or an address, with * at its end for all that begin so, or a contact's name
    #[arg(value_name = "HANDLE|NAME", add = ArgValueCompleter::new(people))]
    pub who: String,
    /// A note for yourself
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub why: String,
}

/// `unblock`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  ahoyctl unblock 'tel:+4990*'\n  ahoyctl unblock bob")]
pub struct UnblockArgs {
    /// As given to block
    #[arg(value_name = "HANDLE|NAME")]
    pub who: String,
}

/// `blocked`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  ahoyctl blocked\n  ahoyctl blocked --json")]
pub struct BlockedArgs {}

/// `filter …`
#[derive(Debug, Subcommand)]
pub enum FilterCommand {
    /// Set what happens to strangers and during Do Not Disturb
    Policy(Policy),
    /// Add names and known spam from a file, or replace them
    Directory(Directory),
    /// Remove a directory
    #[command(after_help = "Examples:\n  ahoyctl filter forget-directory city")]
    ForgetDirectory(DirectoryId),
}

/// How a stranger's call comes.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Unknown {
    /// It rings
    Ring,
    /// It rings silently
    Silent,
    /// It is refused
    Reject,
}

/// How a call comes during Do Not Disturb.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Disturbing {
    /// It rings silently
    Silent,
    /// It is refused
    Reject,
}

/// `filter policy`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ahoyctl filter policy --unknown silent
  ahoyctl filter policy --do-not-disturb reject --repeated on")]
#[group(required = true, multiple = true)]
pub struct Policy {
    /// Callers who are no contacts and in no directory
    #[arg(long, value_name = "WHAT")]
    pub unknown: Option<Unknown>,
    /// Calls during Do Not Disturb
    #[arg(long, value_name = "WHAT")]
    pub do_not_disturb: Option<Disturbing>,
    /// Whether a second call within 3 minutes rings through Do Not Disturb
    #[arg(long, value_name = "on|off")]
    pub repeated: Option<Switch>,
}

/// `filter directory`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ahoyctl filter directory city numbers.csv

A line of the file is: scheme,value,name,spam (0 or 1).")]
pub struct Directory {
    /// How it is called; an existing one is replaced
    pub id: String,
    /// A CSV file
    pub file: PathBuf,
}

/// Which directory.
#[derive(Debug, Args)]
pub struct DirectoryId {
    /// How it is called
    pub id: String,
}

/// The addresses that are meant, and how they are called.
async fn meant(bus: &Bus, typed: &str) -> Result<(Vec<Handle>, String)> {
    if let Some(handle) = names::handle(typed) {
        let shown = clean(&format!("{}:{}", handle.scheme, handle.value));
        return Ok((vec![handle], shown));
    }
    let contact = names::contact(bus, typed).await?;
    let handles = value::handles(&contact).into_iter();
    let handles: Vec<Handle> = handles.map(|(scheme, value, _)| Handle { scheme, value }).collect();
    let name = clean(value::text(&contact, "name"));
    if handles.is_empty() {
        return Err(Error::refused(
            "UnknownContact",
            format!("{name} has no address or number"),
            "Give the number itself: ahoyctl block +4930123456",
        ));
    }
    Ok((handles, name))
}

fn addresses(handles: &[Handle]) -> serde_json::Value {
    json!(handles.iter().map(|one| json!([one.scheme, one.value])).collect::<Vec<_>>())
}

/// Blocks.
pub async fn block(args: BlockArgs, out: &Out) -> Result<()> {
    let bus = Bus::connect().await?;
    let (handles, shown) = meant(&bus, &args.who).await?;
    for one in &handles {
        let body = (one.scheme.as_str(), one.value.as_str(), args.why.as_str());
        let () = bus.call(FILTER, "Block", &body).await?;
    }
    out.both(format!("Blocked {shown}."), &json!({"blocked": addresses(&handles)}))
}

/// Unblocks.
pub async fn unblock(args: UnblockArgs, out: &Out) -> Result<()> {
    let bus = Bus::connect().await?;
    let (handles, shown) = meant(&bus, &args.who).await?;
    for one in &handles {
        let body = (one.scheme.as_str(), one.value.as_str());
        let () = bus.call(FILTER, "Unblock", &body).await?;
    }
    out.both(format!("{shown} may call again."), &json!({"unblocked": addresses(&handles)}))
}

/// Lists what is blocked.
pub async fn blocked(_args: BlockedArgs, out: &Out) -> Result<()> {
    let bus = Bus::connect().await?;
    let all: Vec<(String, String, String)> = bus.call(FILTER, "List", &()).await?;
    let rows = all
        .iter()
        .map(|(scheme, pattern, why)| json!({"scheme": scheme, "pattern": pattern, "why": why}));
    out.data(&json!(rows.collect::<Vec<_>>()))?;
    if all.is_empty() {
        return out.say("Nobody is blocked.");
    }
    let mut table = vec![heading(&["BLOCKED", "WHY"])];
    table.extend(
        all.iter()
            .map(|(scheme, pattern, why)| vec![clean(&format!("{scheme}:{pattern}")), clean(why)]),
    );
    out.table(&table)
}

/// Runs a command of the group.
pub async fn run(command: FilterCommand, out: &Out) -> Result<()> {
    match command {
        FilterCommand::Policy(args) => policy(args, out).await,
        FilterCommand::Directory(args) => {
            let file = File::open(&args.file).map_err(|error| Error::file(&args.file, &error))?;
            directory(&args.id, &file, format!("Took in {}.", args.file.display()), out).await
        }
        FilterCommand::ForgetDirectory(args) => {
            let nothing = PathBuf::from("/dev/null");
            let file = File::open(&nothing).map_err(|error| Error::file(&nothing, &error))?;
            directory(&args.id, &file, format!("Forgot {}.", clean(&args.id)), out).await
        }
    }
}

async fn policy(args: Policy, out: &Out) -> Result<()> {
    let mut policy = Options::new();
    if let Some(unknown) = args.unknown {
        let word = match unknown {
            Unknown::Ring => "ring",
            Unknown::Silent => "silent",
            Unknown::Reject => "reject",
        };
        policy.insert("unknown", Variant::from(word));
    }
    if let Some(disturbing) = args.do_not_disturb {
        let word = match disturbing {
            Disturbing::Silent => "silent",
            Disturbing::Reject => "reject",
        };
        policy.insert("do-not-disturb", Variant::from(word));
    }
    if let Some(repeated) = args.repeated {
        policy.insert("repeated", Variant::from(repeated == Switch::On));
    }
    let told = policy.iter().map(|(key, value)| ((*key).to_owned(), value::to_json(value)));
    let told = serde_json::Value::Object(told.collect());
    let bus = Bus::connect().await?;
    let () = bus.call(FILTER, "SetPolicy", &(policy,)).await?;
    out.both("The policy is set.", &told)
}

async fn directory(id: &str, file: &File, line: String, out: &Out) -> Result<()> {
    let bus = Bus::connect().await?;
    let () =
        out.wait("reading it", bus.call(FILTER, "AddDirectory", &(id, Fd::from(file)))).await?;
    out.both(line, &json!({"directory": id, "done": true}))
}
