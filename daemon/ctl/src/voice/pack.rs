//! `voice check-pack`: whether a language's file is whole, before anybody speaks it.
//!
//! Owns: what is said about it. Does not own: what a pack is (the core). Invariant: a pack that is
//! called right here is taken by the daemon as it is.

use std::{fs, path::PathBuf};

use ahoy_core::voice::{Book, Pack, Situation};
use clap::Args;
use serde_json::{Value, json};

use crate::{
    error::{Error, Result},
    out::{Out, Tone, clean},
};

/// `voice check-pack`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ahoyctl voice check-pack en.toml
  ahoyctl voice check-pack ~/.local/share/ahoy/packs/fr.toml --json

A pack that is right is used from ~/.local/share/ahoy/packs/LANG.toml once ahoyd is started again.")]
pub struct CheckPack {
    /// The pack, TOML
    pub file: PathBuf,
}

const SITUATIONS: [(Situation, &str); 4] = [
    (Situation::Idle, "idle"),
    (Situation::Ringing, "ringing"),
    (Situation::InCall, "in a call"),
    (Situation::Question, "asked something"),
];

/// Runs it.
pub fn check(args: &CheckPack, out: &Out) -> Result<()> {
    let text = fs::read_to_string(&args.file).map_err(|error| Error::file(&args.file, &error))?;
    let pack = Pack::parse(&text).map_err(|error| {
        let next = "The packs that come with Ahoy, daemon/core/packs, show how it is written.";
        Error::refused("InvalidArgument", clean(&error.to_string()), next)
    })?;
    let name = |situation| {
        let known = SITUATIONS.iter().find(|(one, _)| *one == situation);
        known.map_or("", |(_, name)| *name)
    };
    let clashes = pack.clashes();
    let lacks: Vec<&str> = pack.lacks().into_iter().map(|kind| kind.as_str()).collect();
    let nobody = Book::default();
    let phrases: Vec<(&str, usize)> = SITUATIONS
        .iter()
        .map(|(situation, name)| (*name, pack.grammar(*situation, &nobody).phrases.len()))
        .collect();
    let clash = |(situation, text, [one, other]): &(Situation, String, [_; 2])| -> Value {
        let (one, other): (ahoy_core::voice::Kind, ahoy_core::voice::Kind) = (*one, *other);
        json!({"when": name(*situation), "say": text, "means": [one.as_str(), other.as_str()]})
    };
    out.data(&json!({
        "locale": pack.locale(), "ok": clashes.is_empty(),
        "phrases": phrases.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
        "clashes": clashes.iter().map(clash).collect::<Vec<_>>(), "lacks": lacks,
    }))?;
    for (situation, count) in &phrases {
        out.say(format!("{count:>4} ways to say something when {situation}"))?;
    }
    if !lacks.is_empty() {
        out.say(format!("Nothing is said for: {}.", lacks.join(", ")))?;
    }
    if clashes.is_empty() {
        let good = out.paint(Tone::Good, "right");
        return out.say(format!("The pack \"{}\" is {good}.", clean(pack.locale())));
    }
    let said = clashes.iter().map(|(situation, text, [one, other])| {
        let (one, other) = (one.as_str(), other.as_str());
        format!("\n  {}: \"{}\" is both {one} and {other}", name(*situation), clean(text))
    });
    let cause = format!("some of it has two meanings:{}", said.collect::<String>());
    Err(Error::refused("InvalidArgument", cause, "Leave each of these to one intent."))
}
