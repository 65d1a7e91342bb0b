//! `identity`: your address and devices, and the safety number of a call.
//!
//! Owns: printing. Does not own: keys. Invariant: a safety number is shown only as the daemon
//! gives it, in groups of five as both sides read it aloud.

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::{
    bus::{Bus, IDENTITY},
    error::{Error, Result},
    out::{Out, clean},
    pick::{self, Call, Fits},
    value::{self, Dict},
};

const VERIFICATION: &str = "org.ahoycall.Calls1.Call.Verification";

/// `identity`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ahoyctl identity
  ahoyctl identity --call alice                    show the safety number of the call
  ahoyctl identity --call alice --confirm yes      both sides read the same number")]
pub struct IdentityArgs {
    /// Show the safety number of this call; without a value, of the call that is on
    #[arg(long, value_name = "CALL", num_args = 0..=1, default_missing_value = "")]
    pub call: Option<String>,
    /// Say whether the numbers were the same on both sides
    #[arg(long, requires = "call")]
    pub confirm: Option<Answer>,
}

/// Yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Answer {
    /// The same
    Yes,
    /// Not the same
    No,
}

/// Shows the identity, or a call's safety number.
pub async fn run(args: IdentityArgs, out: &Out) -> Result<()> {
    let bus = Bus::connect().await?;
    match args.call {
        None => mine(&bus, out).await,
        Some(typed) => {
            let typed = (!typed.is_empty()).then_some(typed.as_str());
            let call = pick::find(&bus, typed, Fits::Any).await?;
            verification(&bus, &call, args.confirm, out).await
        }
    }
}

async fn mine(bus: &Bus, out: &Out) -> Result<()> {
    let address = bus.property(IDENTITY, "Address").await?;
    let address = <&str>::try_from(&address).map(clean).unwrap_or_default();
    let devices: Vec<Dict> = bus.call(IDENTITY, "Devices", &()).await?;
    let rows: Vec<Value> = devices.iter().map(value::object).collect();
    out.data(&json!({"address": address, "devices": rows}))?;
    out.say(&address)?;
    for device in &devices {
        let this = if value::flag(device, "this") { "  (this one)" } else { "" };
        out.say(format!("  device {}{this}", pick::who(device, "name", "id")))?;
    }
    Ok(())
}

async fn verification(bus: &Bus, call: &Call, confirm: Option<Answer>, out: &Out) -> Result<()> {
    if !call.interfaces.iter().any(|i| i == VERIFICATION) {
        return Err(Error::refused(
            "NotSupported",
            format!("the call with {} has no safety number", call.who()),
            "Only end-to-end encrypted calls have one, once they are connected.",
        ));
    }
    if let Some(answer) = confirm {
        let same = answer == Answer::Yes;
        let () = bus.call_at(&call.path, VERIFICATION, "Confirm", &(same,)).await?;
        let word = if same { "verified" } else { "blocked, as the numbers differ" };
        return out.both(
            format!("{} is {word}.", call.who()),
            &json!({"call": call.path, "verified": same}),
        );
    }
    let props = bus.properties(&call.path, VERIFICATION).await?;
    let number = value::text(&props, "SafetyNumber");
    out.data(&json!({"call": call.path, "safety_number": number}))?;
    out.say(format!("Safety number with {}:", call.who()))?;
    for line in groups(number).chunks(4) {
        out.say(format!("  {}", line.join(" ")))?;
    }
    out.say("Read it to each other. The same: ahoyctl identity --call --confirm yes")
}

fn groups(number: &str) -> Vec<String> {
    let digits: Vec<char> = number.chars().filter(|c| !c.is_whitespace()).collect();
    digits.chunks(5).map(|five| clean(&five.iter().collect::<String>())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixty_digits_are_twelve_groups() {
        let number: String = "0123456789".repeat(6);
        assert_eq!(groups(&number).len(), 12);
        assert_eq!(groups("01234 56789"), ["01234", "56789"]);
    }
}
