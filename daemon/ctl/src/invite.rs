//! `invite` and `accept`: becoming each other's contact.
//!
//! Owns: the QR code in the terminal. Does not own: what an invite holds (the daemon). Invariant:
//! the link is printed on a line of its own, so that it can be copied or piped.

use clap::Args;
use qrcode::{EcLevel, QrCode};
use serde_json::json;
use zbus::Variant;

use crate::{
    bus::{Bus, IDENTITY},
    error::{Error, Result},
    out::{Out, clean},
    time,
    value::Options,
};

/// `invite`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ahoyctl invite
  ahoyctl invite --name Alice --expires 1d
  ahoyctl invite --no-qr | wl-copy

Whoever has the link can become your contact: send it over a way you trust.")]
pub struct InviteArgs {
    /// Your name, as the other person shall see it
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// How long it can be used: 45m, 12h, 7d
    #[arg(long, value_name = "SPAN", default_value = "7d")]
    pub expires: String,
    /// For several people: whoever has the link until it expires can ring you
    #[arg(long)]
    pub several: bool,
    /// Print the link only
    #[arg(long)]
    pub no_qr: bool,
}

/// `accept`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  ahoyctl accept 'ahoy:…'\n  ahoyctl accept 'ahoy:…' --name Bob"
)]
pub struct AcceptArgs {
    /// The ahoy: link of the invite
    pub link: String,
    /// The name you keep the person under
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
}

/// Makes an invite.
pub async fn invite(args: InviteArgs, out: &Out) -> Result<()> {
    let span = time::span(&args.expires)?;
    let until = time::now_us().saturating_add(u64::try_from(span.as_micros()).unwrap_or(u64::MAX));
    let mut options = Options::from([
        ("expires-at", Variant::from(until)),
        ("single-use", Variant::from(!args.several)),
    ]);
    if let Some(name) = &args.name {
        options.insert("name", Variant::from(name.as_str()));
    }
    let bus = Bus::connect().await?;
    let uri: String = bus.call(IDENTITY, "Invite", &(options,)).await?;
    let uri = clean(&uri);
    out.data(&json!({"uri": uri, "expires_at": until, "single_use": !args.several}))?;
    if out.json {
        return Ok(());
    }
    if !args.no_qr {
        match qr(&uri) {
            Some(picture) => out.say(picture)?,
            None => out.say("(The link is too long for a QR code.)")?,
        }
    }
    out.say(&uri)?;
    if !args.no_qr {
        let uses = if args.several { "by several people" } else { "once" };
        out.say(format!("Can be used {uses} until {}.", time::local(until)))?;
    }
    Ok(())
}

/// Takes up an invite.
pub async fn accept(args: AcceptArgs, out: &Out) -> Result<()> {
    let link = args.link.trim();
    if !link.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("ahoy:")) {
        return Err(Error::usage(
            "that is not an invite",
            "An invite begins with ahoy: ; put it in quotes, as shells read some of its signs.",
        ));
    }
    let mut options = Options::new();
    if let Some(name) = &args.name {
        options.insert("name", Variant::from(name.as_str()));
    }
    let bus = Bus::connect().await?;
    let id: String =
        out.wait("reaching the other side", bus.call(IDENTITY, "Accept", &(link, options))).await?;
    out.both(
        "Accepted. Until the other side has been reached the contact is pending; see: ahoyctl \
         contacts list",
        &json!({"contact_id": id}),
    )
}

/// Light modules as blocks, two rows to a line: a terminal is dark, and readers want dark on light.
fn qr(text: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let (side, dark) = (code.width(), code.to_colors());
    // The quiet zone of four modules (ISO 18004) is light like the paper.
    let light = |x: usize, y: usize| {
        let inside = (4..side + 4).contains(&x) && (4..side + 4).contains(&y);
        !(inside && dark[(y - 4) * side + (x - 4)] == qrcode::Color::Dark)
    };
    let whole = side + 8;
    let line = |y: usize| {
        (0..whole)
            .map(|x| match (light(x, y), y + 1 < whole && light(x, y + 1)) {
                (true, true) => '█',
                (true, false) => '▀',
                (false, true) => '▄',
                (false, false) => ' ',
            })
            .collect::<String>()
    };
    Some((0..whole).step_by(2).map(line).collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_qr_code_shows_the_finder_pattern_in_half_blocks() {
        let picture = qr("ahoy:test").unwrap();
        let lines: Vec<&str> = picture.lines().collect();
        // Version 1 is 21 modules, with the quiet zone 29, two to a line.
        assert_eq!((lines.len(), lines[0].chars().count()), (15, 29));
        assert!(lines[0].chars().all(|c| c == '█'), "the quiet zone is light");
        assert!(lines[2].starts_with("████ ▄▄▄▄▄ █"), "{}", lines[2]);
    }

    #[test]
    fn an_invite_of_real_size_fits_and_a_book_does_not() {
        assert!(qr(&"x".repeat(500)).is_some_and(|p| p.lines().count() < 50));
        assert!(qr(&"x".repeat(5000)).is_none());
    }
}
