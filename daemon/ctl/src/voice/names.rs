//! `voice teach`, `voice forget`, `voice doctor`: the names of the address book as they are said.
//!
//! Owns: showing the lesson and the findings. Does not own: either (the daemon). Invariant: a name that
//! was not learnt whole is a failure for scripts, too.

use clap::Args;
use clap_complete::ArgValueCompleter;
use serde_json::{Value, json};
use zbus::Variant;

use crate::{
    bus::{Bus, VOICE},
    complete::people,
    error::{Error, Result},
    listen::dialogue,
    names::contact,
    out::{Out, Tone, clean},
    value::{self, Dict, Options},
};

/// `voice teach`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ahoyctl voice teach Saoirse
  ahoyctl voice teach \"Saoirse Nolan\" --word saoirse

Say each word when it is asked for, as you say it when you call; two times that agree are kept with
the contact. Press Ctrl-C to stop.")]
pub struct Teach {
    /// Name, alias, id, number or address of a contact
    #[arg(add = ArgValueCompleter::new(people))]
    pub name: String,
    /// Teach only this word of the name, or of an alias
    #[arg(long)]
    pub word: Option<String>,
}

/// `voice forget`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  ahoyctl voice forget Saoirse")]
pub struct Forget {
    /// Name, alias, id, number or address of a contact
    #[arg(add = ArgValueCompleter::new(people))]
    pub name: String,
}

/// `voice doctor`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ahoyctl voice doctor
  ahoyctl voice doctor --json | jq -r '.findings[] | select(.problem == \"unheard\") | .name'

Exit code 1 if there is a name that cannot be heard.")]
pub struct Doctor {}

/// Teaches a name.
pub async fn teach(args: Teach, out: &Out) -> Result<()> {
    let bus = Bus::connect().await?;
    let contact = contact(&bus, &args.name).await?;
    let id = value::text(&contact, "id");
    let word = args.word.as_deref().map(|word| ("word", Variant::from(word)));
    let options: Options<'_> = word.into_iter().collect();
    let taught = dialogue(&bus, "Teach", &(id, options), out).await?;
    let left: Vec<&str> =
        taught.iter().filter(|(_, kept)| !kept).map(|(word, _)| word.as_str()).collect();
    if taught.is_empty() || !left.is_empty() {
        let cause = match left.first() {
            Some(word) => format!("\"{}\" was not heard twice alike", clean(word)),
            None => "nothing was learnt".to_owned(),
        };
        let next = "Try again in a quieter place, or give the contact an alias that is spelled as it \
                    sounds: ahoyctl contacts add NAME --alias WORDS";
        return Err(Error::refused("NotLearnt", cause, next));
    }
    Ok(())
}

/// Forgets what was taught.
pub async fn forget(args: Forget, out: &Out) -> Result<()> {
    let bus = Bus::connect().await?;
    let contact = contact(&bus, &args.name).await?;
    let words: Vec<String> = bus.call(VOICE, "Forget", &(value::text(&contact, "id"),)).await?;
    let said = if words.is_empty() {
        "Nothing had been taught.".to_owned()
    } else {
        format!("Forgot: {}.", clean(&words.join(", ")))
    };
    out.both(said, &json!({"words": words}))
}

/// Lists names that are heard badly.
pub async fn doctor(_args: Doctor, out: &Out) -> Result<()> {
    let bus = Bus::connect().await?;
    let found: Vec<Dict> =
        out.wait("looking over the names", bus.call(VOICE, "Doctor", &())).await?;
    let rows: Vec<Value> = found.iter().map(value::object).collect();
    let unheard = found.iter().filter(|row| value::text(row, "problem") == "unheard").count();
    out.data(&json!({"ok": unheard == 0, "findings": rows}))?;
    for row in &found {
        let text = |key: &str| clean(value::text(row, key));
        let (sign, tone, what) = match value::text(row, "problem") {
            "unheard" => ("✗", Tone::Bad, "cannot be heard".to_owned()),
            "like-command" => {
                ("!", Tone::Warn, format!("sounds like the command \"{}\"", text("other")))
            }
            _ => ("!", Tone::Warn, format!("sounds like {}", text("other"))),
        };
        out.say(format!(
            "{} {}: \"{}\" {what}",
            out.paint(tone, sign),
            text("name"),
            text("said")
        ))?;
        out.say(format!("    {}", text("fix")))?;
    }
    if found.is_empty() {
        out.say(format!(
            "{} every name can be heard, and told from the others",
            out.paint(Tone::Good, "✓")
        ))?;
    }
    if unheard == 0 {
        return Ok(());
    }
    Err(Error::refused(
        "Doctor",
        format!("{unheard} names cannot be heard"),
        "The line below each says what to do.",
    ))
}
