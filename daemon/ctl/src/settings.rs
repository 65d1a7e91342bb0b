//! `settings`: the same keys as the config file, through the daemon.
//!
//! Owns: reading what was typed in the type the key has. Does not own: keys and their meaning.
//! Invariant: a key that the daemon does not list is never set.

use clap::{Args, Subcommand};
use serde_json::json;
use zbus::{OwnedVariant, Variant};

use crate::{
    bus::{Bus, SETTINGS},
    error::{Error, Result},
    out::{Out, clean},
    value::{self, Dict},
};

/// `settings …`
#[derive(Debug, Subcommand)]
pub enum SettingsCommand {
    /// Print one value
    #[command(after_help = "Examples:\n  ahoyctl settings get history.keep-days")]
    Get(Key),
    /// Change one value
    Set(Set),
    /// List all keys with their values
    #[command(after_help = "Examples:\n  ahoyctl settings list\n  ahoyctl settings list --json")]
    List,
}

/// Which.
#[derive(Debug, Args)]
pub struct Key {
    /// The key, as in `ahoyctl settings list`
    pub key: String,
}

/// Which and to what.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ahoyctl settings set history.keep-days 90
  ahoyctl settings set voice.wake-word on

A value is read in the type the key has now: on/off, a number, text, or a list as a,b,c.")]
pub struct Set {
    /// The key, as in `ahoyctl settings list`
    pub key: String,
    /// The new value
    #[arg(allow_hyphen_values = true)]
    pub value: String,
}

/// Runs a command of the group.
pub async fn run(command: SettingsCommand, out: &Out) -> Result<()> {
    let bus = Bus::connect().await?;
    let all: Dict = bus.call(SETTINGS, "List", &()).await?;
    match command {
        SettingsCommand::List => {
            out.data(&value::object(&all))?;
            for (key, now) in &all {
                out.say(format!("{} = {}", clean(key), shown(now)))?;
            }
            Ok(())
        }
        SettingsCommand::Get(Key { key }) => {
            known(&all, &key)?;
            let now: OwnedVariant = bus.call(SETTINGS, "Get", &(key.as_str(),)).await?;
            out.both(shown(&now), &json!({"key": key, "value": value::to_json(&now)}))
        }
        SettingsCommand::Set(Set { key, value }) => {
            let wanted = value::parse_like(known(&all, &key)?, &value)?;
            let json = value::to_json(&wanted);
            let () = bus.call(SETTINGS, "Set", &(key.as_str(), &wanted)).await?;
            out.both(
                format!("{} = {}", clean(&key), shown(&wanted)),
                &json!({"key": key, "value": json}),
            )
        }
    }
}

fn known<'d>(all: &'d Dict, key: &str) -> Result<&'d OwnedVariant> {
    all.get(key).ok_or_else(|| {
        let near = all
            .keys()
            .filter(|k| k.contains(key) || k.rsplit('.').next() == key.rsplit('.').next())
            .take(3)
            .cloned()
            .collect::<Vec<_>>();
        let next = if near.is_empty() {
            "See all keys: ahoyctl settings list".to_owned()
        } else {
            format!("Did you mean: {}?", clean(&near.join(", ")))
        };
        Error::refused("InvalidArgument", format!("there is no setting \"{}\"", clean(key)), next)
    })
}

fn shown(value: &Variant<'_>) -> String {
    match value::to_json(value) {
        serde_json::Value::String(text) => clean(&text),
        serde_json::Value::Bool(on) => (if on { "on" } else { "off" }).into(),
        serde_json::Value::Array(items) => items
            .iter()
            .map(|item| item.as_str().map_or_else(|| item.to_string(), clean))
            .collect::<Vec<_>>()
            .join(","),
        other @ (serde_json::Value::Null
        | serde_json::Value::Number(_)
        | serde_json::Value::Object(_)) => other.to_string(),
    }
}
