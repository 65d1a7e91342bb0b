//! `dnd`: Do Not Disturb.
//!
//! Owns: reading for how long. Does not own: who rings through (the daemon). Invariant: what is
//! printed is what the daemon was told.

use clap::{Args, ValueEnum};
use serde_json::json;

use crate::{
    bus::{Bus, MANAGER},
    error::Result,
    out::{Out, clean},
    time, value,
};

/// Who rings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// Everybody
    Off,
    /// Nobody
    On,
    /// Favourites, and whoever calls twice
    Favourites,
}

impl Mode {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::On => "on",
            Self::Favourites => "favourites",
        }
    }
}

/// `dnd`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ahoyctl dnd                     is it on?
  ahoyctl dnd on --for 2h
  ahoyctl dnd favourites
  ahoyctl dnd off")]
pub struct DndArgs {
    /// What to set; shows what is set without it
    pub mode: Option<Mode>,
    /// Switch itself off after this time, such as 45m, 2h or 1d
    #[arg(long = "for", value_name = "TIME", requires = "mode")]
    pub time: Option<String>,
}

/// Shows or sets it.
pub async fn run(args: DndArgs, out: &Out) -> Result<()> {
    let until = match &args.time {
        None => 0,
        Some(typed) => {
            let span = u64::try_from(time::span(typed)?.as_micros()).unwrap_or(u64::MAX);
            time::now_us().saturating_add(span)
        }
    };
    let bus = Bus::connect().await?;
    let Some(mode) = args.mode else {
        let shown = value::to_json(&*bus.property(MANAGER, "DoNotDisturb").await?);
        let word = clean(shown.as_str().unwrap_or_default());
        return out.both(format!("Do Not Disturb: {word}"), &json!({"mode": shown}));
    };
    let () = bus.call(MANAGER, "SetDoNotDisturb", &(mode.as_str(), until)).await?;
    let end = if until == 0 { String::new() } else { format!(" until {}", time::local(until)) };
    out.both(
        format!("Do Not Disturb: {}{end}", mode.as_str()),
        &json!({"mode": mode.as_str(), "until": until}),
    )
}
