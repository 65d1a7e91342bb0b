//! Commands on calls beside each other: swap, merge, split, transfer.
//!
//! Owns: which two calls are meant. Does not own: what becomes of them (the daemon). Invariant: with
//! a call missing nothing is done, and it is said which one.

use clap::Args;
use serde_json::json;
use zbus::ObjectPath;

use crate::{
    bus::{Bus, CALL},
    calls::{self, OneCall},
    error::{Error, Result},
    names,
    out::Out,
    pick::{self, Fits},
    value,
};

/// `swap`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  ahoyctl swap\n  ahoyctl swap bob")]
pub struct SwapArgs {
    /// The call on hold to talk in, where several are
    pub call: Option<String>,
}

/// `merge`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ahoyctl merge               the call on hold joins the one you are talking in
  ahoyctl merge bob
  ahoyctl merge bob --call alice")]
pub struct MergeArgs {
    /// The call that joins; the one on hold without it
    pub other: Option<String>,
    /// The call that it joins; the one you are talking in without it
    #[arg(long, value_name = "CALL")]
    pub call: Option<String>,
}

/// `transfer`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ahoyctl transfer bob
  ahoyctl transfer bob --via work
  ahoyctl transfer tel:+4930123456 --call alice")]
pub struct TransferArgs {
    /// Whom to hand the call to: a contact's name, a number, or an address
    #[arg(value_name = "NAME|HANDLE")]
    pub to: String,
    /// Which call, where several are on
    #[arg(long, value_name = "CALL")]
    pub call: Option<String>,
    /// Which of the contact's addresses: its scheme or its label
    #[arg(long, value_name = "SCHEME|LABEL")]
    pub via: Option<String>,
}

/// Talks in the held call and holds the other one: what resuming does where two are on.
pub async fn swap(args: SwapArgs, out: &Out) -> Result<()> {
    let bus = Bus::connect().await?;
    let held = pick::find(&bus, args.call.as_deref(), Fits::Held).await?;
    let other = pick::find(&bus, None, Fits::On).await?;
    if !value::flag(&held.props, "Held") {
        return Err(nothing_to(&format!("the call with {} is not on hold", held.who())));
    }
    if value::flag(&other.props, "Held") {
        return Err(nothing_to("no other call is on"));
    }
    let () = out
        .wait("waiting for the calling app", bus.call_at(&held.path, CALL, "SetHeld", &(false,)))
        .await?;
    out.both(
        format!("You talk to {}; {} is on hold.", held.who(), other.who()),
        &json!({"done": true, "action": "SetHeld", "call": held.path, "held": other.path}),
    )
}

fn nothing_to(cause: &str) -> Error {
    Error::refused("InvalidState", cause, "See: ahoyctl status; one alone: ahoyctl resume")
}

/// Joins two calls.
pub async fn merge(args: MergeArgs, out: &Out) -> Result<()> {
    let bus = Bus::connect().await?;
    let other = pick::find(&bus, args.other.as_deref(), Fits::Held).await?;
    let call = pick::find(&bus, args.call.as_deref(), Fits::On).await?;
    if call.path == other.path {
        return Err(nothing_to("a call cannot join itself"));
    }
    let with = ObjectPath::try_from(other.path.as_str())?;
    let () = out
        .wait("waiting for the calling app", bus.call_at(&call.path, CALL, "Merge", &with))
        .await?;
    out.both(
        format!("{} and {} are in one call with you.", call.who(), other.who()),
        &json!({"done": true, "action": "Merge", "call": call.path, "other": other.path}),
    )
}

/// Takes a call out of its group.
pub async fn split(args: OneCall, out: &Out) -> Result<()> {
    calls::act(args.call.as_deref(), Fits::On, "Split", &(), out, |call| {
        format!("The call with {} is one of its own again.", call.who())
    })
    .await
}

/// Hands a call over.
pub async fn transfer(args: TransferArgs, out: &Out) -> Result<()> {
    let bus = Bus::connect().await?;
    let callee = names::callee(&bus, &args.to, args.via.as_deref()).await?;
    let handle = callee.handle;
    let body = (handle.scheme.as_str(), handle.value.as_str());
    let shown = if callee.name.is_empty() {
        format!("{}:{}", handle.scheme, handle.value)
    } else {
        callee.name
    };
    calls::act(args.call.as_deref(), Fits::On, "Transfer", &body, out, |call| {
        format!("Handed {} over to {}.", call.who(), crate::out::clean(&shown))
    })
    .await
}
