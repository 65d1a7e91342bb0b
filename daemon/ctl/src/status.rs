//! `status`: what is going on, once or followed.
//!
//! Owns: the table. Does not own: the stream of single events (watch). Invariant: what is shown is
//! one reading of the bus, never pieced together from signals, so it cannot drift.

use clap::Args;
use serde_json::{Value, json};

use crate::{
    bus::{Bus, MANAGER},
    error::Result,
    out::{Out, Tone, clean},
    pick::{self, Call},
    time,
    value::{self, Dict},
};

/// `status`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ahoyctl status
  ahoyctl status --follow
  ahoyctl status --json | jq -r .manager.State

With --json --follow: one object per line, {\"manager\": {…}, \"calls\": […], \"providers\": […]},
whenever something changes.")]
pub struct StatusArgs {
    /// Keep showing, until Ctrl-C
    #[arg(long, short)]
    pub follow: bool,
}

struct Snapshot {
    manager: Dict,
    calls: Vec<Call>,
    providers: Vec<(String, Dict)>,
}

/// Shows the status.
pub async fn run(args: StatusArgs, out: &Out) -> Result<()> {
    let bus = Bus::connect().await?;
    if !args.follow {
        return show(&read(&bus).await?, out);
    }
    let mut signals = bus.signals().await?;
    let mut last = Value::Null;
    loop {
        let snapshot = read(&bus).await?;
        let json = snapshot.json();
        let lasting = without_quality(json);
        if lasting != last {
            if !last.is_null() {
                out.say("")?;
            }
            show(&snapshot, out)?;
            last = lasting;
        }
        signals.next().await?;
        // A burst is one change to a reader.
        while signals.queued().await.is_some() {}
    }
}

/// What is worth showing anew: not a figure that is another one every second.
fn without_quality(mut json: Value) -> Value {
    for call in json["calls"].as_array_mut().into_iter().flatten() {
        call["Quality"] = Value::Null;
    }
    json
}

async fn read(bus: &Bus) -> Result<Snapshot> {
    let manager = bus.properties_of(MANAGER).await?;
    let mut objects = bus.objects().await?;
    let mut providers = Vec::new();
    for (path, interfaces) in &mut objects {
        if let Some(props) = interfaces.remove("org.ahoycall.Calls1.Provider") {
            providers.push((path.to_string(), props));
        }
    }
    Ok(Snapshot { manager, calls: pick::calls(objects), providers })
}

impl Snapshot {
    fn json(&self) -> Value {
        let providers: Vec<Value> = self
            .providers
            .iter()
            .map(|(path, props)| {
                let mut object = value::object(props);
                object["path"] = json!(path);
                object
            })
            .collect();
        json!({
            "manager": value::object(&self.manager),
            "calls": self.calls.iter().map(Call::json).collect::<Vec<_>>(),
            "providers": providers,
        })
    }
}

fn show(snapshot: &Snapshot, out: &Out) -> Result<()> {
    out.data(&snapshot.json())?;
    let manager = &snapshot.manager;
    let (state, tone) = match value::text(manager, "State") {
        "ringing" => ("ringing", Tone::Warn),
        "in-call" => ("in a call", Tone::Good),
        "idle" => ("no call", Tone::Dim),
        other => (other, Tone::Strong),
    };
    let mut line = out.paint(tone, clean(state));
    match value::text(manager, "DoNotDisturb") {
        "" | "off" => {}
        mode => line.push_str(&format!(" · do not disturb: {}", clean(mode))),
    }
    if value::flag(manager, "SessionLocked") {
        line.push_str(" · screen locked");
    }
    out.say(line)?;
    if snapshot.calls.is_empty() {
        return Ok(());
    }
    let mut rows = vec![heading(&["WHO", "STATE", "TIME", "ENCRYPTION", "MEDIA", "FLAGS", "ID"])];
    rows.extend(snapshot.calls.iter().map(|call| row(call, out)));
    out.table(&rows)
}

/// A table's first row.
pub fn heading(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn row(call: &Call, out: &Out) -> Vec<String> {
    let props = &call.props;
    let connected = value::number(props, "ConnectedAt");
    let until = match value::number(props, "EndedAt") {
        0 => time::now_us(),
        ended => ended,
    };
    let length = if connected == 0 { String::new() } else { time::length(connected, until) };
    let state = match call.state() {
        "active" => out.paint(Tone::Good, "active"),
        "ringing" | "reported" => out.paint(Tone::Warn, clean(call.state())),
        "ended" => out.paint(Tone::Dim, format!("ended ({})", end_reason(props))),
        other => clean(other),
    };
    let arrow = if value::text(props, "Direction") == "incoming" { "←" } else { "→" };
    vec![
        format!("{arrow} {}", call.who()),
        state,
        length,
        clean(value::text(props, "Encryption")),
        media(props),
        flags(props),
        clean(value::text(props, "Id")).chars().take(8).collect(),
    ]
}

fn end_reason(props: &Dict) -> String {
    let (reason, text) = value::pair(props, "EndReason");
    if text.is_empty() { clean(&reason) } else { clean(&format!("{reason}: {text}")) }
}

/// How good the call is, in short: rates, loss, way there and back.
fn media(props: &Dict) -> String {
    let quality = props.get("Quality").map_or(Value::Null, |value| value::to_json(value));
    let number = |key: &str| quality[key].as_u64();
    let mut parts = Vec::new();
    if let (Some(inward), Some(outward)) = (number("bitrate-in"), number("bitrate-out")) {
        parts.push(format!("↓{} ↑{} kbit/s", inward / 1000, outward / 1000));
    }
    if let Some(loss) = quality["loss"].as_f64() {
        parts.push(format!("{:.1} % lost", loss * 100.0));
    }
    if let Some(time) = number("round-trip") {
        parts.push(format!("{time} ms"));
    }
    parts.join(", ")
}

fn flags(props: &Dict) -> String {
    let names = [
        ("HasVideo", "video"),
        ("RemoteVideo", "sees them"),
        ("Muted", "muted"),
        ("Held", "on hold"),
        ("RemoteHeld", "held by them"),
        ("Silenced", "silent"),
        ("Waiting", "waiting"),
        ("Reconnecting", "reconnecting"),
    ];
    let set: Vec<&str> =
        names.iter().filter(|(key, _)| value::flag(props, key)).map(|(_, name)| *name).collect();
    set.join(", ")
}
