//! `watch`: everything that happens, one JSON object per line.
//!
//! Owns: the shape of the events (documented in `--help`, which is their contract). Does not own:
//! snapshots (status). Invariant: a call is announced exactly once before anything else about it.

use std::collections::BTreeSet;

use clap::Args;
use serde_json::{Value, json};
use zbus::{Message, OwnedObjectPath};

use crate::{
    bus::{self, Bus, CALL, MANAGER, Signals},
    error::{Error, Result},
    out::Out,
    pick,
    value::{self, Dict},
};

/// `watch`
#[derive(Debug, Args)]
#[command(after_help = "\
One object per line, flushed at once; `event` says what it is:
  {\"event\":\"status\",\"manager\":{…}}                     first line: the manager's properties
  {\"event\":\"call-added\",\"path\":P,\"call\":{…}}           a call appears (or was there at the start)
  {\"event\":\"call-changed\",\"path\":P,\"changed\":{…}}      properties of a call, only the changed ones
  {\"event\":\"call-removed\",\"path\":P}                    the call object has gone
  {\"event\":\"provider-added\"|\"provider-removed\",\"path\":P}
  {\"event\":\"manager-changed\",\"changed\":{…}}            state, ringing call, do not disturb, …
  {\"event\":\"missed\",\"history_id\":S}
  {\"event\":\"action\",\"serial\":N,\"call\":P,\"action\":S,\"result\":S,\"error\":S}
  {\"event\":\"text\",\"path\":P,\"text\":S,\"final\":B}         the other side of a call writes
  {\"event\":\"caption\",\"path\":P,\"text\":S,\"final\":B}      what the other side says, as text
  {\"event\":\"heard\",\"text\":S,\"final\":B}                 what the voice engine understands
  {\"event\":\"prompt\",\"text\":S,\"choices\":[S…]}           what Ahoy says or asks
  {\"event\":\"voice-changed\",\"changed\":{…}}              Listening
  {\"event\":\"history-changed\"|\"contacts-changed\"|\"settings-changed\",\"args\":[…]}
  {\"event\":\"daemon-gone\"}                              last line; the exit code is 3

Examples:
  ahoyctl watch | jq -c 'select(.event == \"missed\")'
  ahoyctl watch --only call-added,call-changed")]
pub struct WatchArgs {
    /// Show these events only
    #[arg(long, value_name = "EVENT,…", value_delimiter = ',')]
    pub only: Vec<String>,
}

/// Follows until the daemon goes, the reader goes, or Ctrl-C.
pub async fn run(args: WatchArgs, out: &Out) -> Result<()> {
    let bus = Bus::connect().await?;
    let mut follower = Follower { out, only: args.only, known: BTreeSet::new() };
    let mut signals = bus.signals().await?;
    let done = follow(&bus, &mut signals, &mut follower).await;
    if matches!(done, Err(Error::NoDaemon { .. })) {
        follower.print(json!({"event": "daemon-gone"}))?;
    }
    done
}

async fn follow(bus: &Bus, signals: &mut Signals, follower: &mut Follower<'_>) -> Result<()> {
    let manager = bus.properties_of(MANAGER).await?;
    follower.print(json!({"event": "status", "manager": value::object(&manager)}))?;
    // Signals that came meanwhile are queued: `known` keeps a call from being announced twice.
    for call in pick::calls(bus.objects().await?) {
        follower.known.insert(call.path.clone());
        follower.print(json!({"event": "call-added", "path": call.path, "call": call.json()}))?;
    }
    loop {
        let message = signals.next().await?;
        if let Some(event) = follower.event(&message) {
            follower.print(event)?;
        }
    }
}

struct Follower<'o> {
    out: &'o Out,
    only: Vec<String>,
    known: BTreeSet<String>,
}

impl Follower<'_> {
    fn print(&self, event: Value) -> Result<()> {
        let name = event["event"].as_str().unwrap_or_default();
        if self.only.is_empty() || self.only.iter().any(|o| o == name) {
            self.out.raw(event)?;
        }
        Ok(())
    }

    /// The line for a signal. A signal of another shape than the contract's is left out: a newer
    /// daemon must not end a script.
    fn event(&mut self, message: &Message) -> Option<Value> {
        let named = bus::named(message);
        let body = message.body();
        let short = named.interface.strip_prefix("org.ahoycall.Calls1.").unwrap_or_default();
        match (short, named.member.as_str()) {
            ("", "InterfacesAdded") => {
                let (path, interfaces) = body
                    .deserialize::<(OwnedObjectPath, std::collections::BTreeMap<String, Dict>)>()
                    .ok()?;
                self.added(path.to_string(), &interfaces)
            }
            ("", "InterfacesRemoved") => {
                let (path, interfaces) =
                    body.deserialize::<(OwnedObjectPath, Vec<String>)>().ok()?;
                self.removed(path.to_string(), &interfaces)
            }
            ("", "PropertiesChanged") => {
                let (interface, changed, _) =
                    body.deserialize::<(String, Dict, Vec<String>)>().ok()?;
                self.changed(named.path, &interface, &changed)
            }
            ("Manager", "CallMissed") => {
                let id: String = body.deserialize().ok()?;
                Some(json!({"event": "missed", "history_id": id}))
            }
            ("Manager", "ActionFinished") => {
                let (serial, call, action, result, error) =
                    body.deserialize::<(u32, OwnedObjectPath, String, String, String)>().ok()?;
                Some(json!({
                    "event": "action", "serial": serial, "call": call.as_str(),
                    "action": action, "result": result, "error": error,
                }))
            }
            ("Call.Text", "Received") => {
                let (text, is_final) = body.deserialize::<(String, bool)>().ok()?;
                Some(json!({"event": "text", "path": named.path, "text": text, "final": is_final}))
            }
            ("Call.Captions", "Caption") => {
                let (text, is_final) = body.deserialize::<(String, bool)>().ok()?;
                Some(
                    json!({"event": "caption", "path": named.path, "text": text, "final": is_final}),
                )
            }
            ("Voice", "Heard") => {
                let (text, is_final) = body.deserialize::<(String, bool)>().ok()?;
                Some(json!({"event": "heard", "text": text, "final": is_final}))
            }
            ("Voice", "Prompt") => {
                let (text, choices) = body.deserialize::<(String, Vec<String>)>().ok()?;
                Some(json!({"event": "prompt", "text": text, "choices": choices}))
            }
            ("Voice", "Taught") => {
                let (id, word, kept) = body.deserialize::<(String, String, bool)>().ok()?;
                Some(json!({"event": "taught", "contact_id": id, "word": word, "kept": kept}))
            }
            ("History", "Changed") => {
                let args = body.deserialize::<(Vec<String>, Vec<String>, Vec<String>)>().ok()?;
                Some(json!({"event": "history-changed", "args": args}))
            }
            ("Contacts", "Changed") => {
                let ids: Vec<String> = body.deserialize().ok()?;
                Some(json!({"event": "contacts-changed", "args": [ids]}))
            }
            ("Settings", "Changed") => {
                let changed: Dict = body.deserialize().ok()?;
                Some(json!({"event": "settings-changed", "args": [value::object(&changed)]}))
            }
            _ => None,
        }
    }

    fn added(
        &mut self,
        path: String,
        interfaces: &std::collections::BTreeMap<String, Dict>,
    ) -> Option<Value> {
        if let Some(props) = interfaces.get(CALL) {
            let fresh = self.known.insert(path.clone());
            let mut call = value::object(props);
            call["path"] = json!(path);
            call["interfaces"] = json!(
                interfaces
                    .keys()
                    .filter(|i| *i != CALL && i.starts_with(bus::NAME))
                    .collect::<Vec<_>>()
            );
            return fresh.then(|| json!({"event": "call-added", "path": path, "call": call}));
        }
        interfaces
            .contains_key("org.ahoycall.Calls1.Provider")
            .then(|| json!({"event": "provider-added", "path": path}))
    }

    fn removed(&mut self, path: String, interfaces: &[String]) -> Option<Value> {
        if interfaces.iter().any(|i| i == CALL) {
            // Unknown means that it went before our first look at the calls; nobody heard of it.
            return self
                .known
                .remove(&path)
                .then(|| json!({"event": "call-removed", "path": path}));
        }
        interfaces
            .iter()
            .any(|i| i == "org.ahoycall.Calls1.Provider")
            .then(|| json!({"event": "provider-removed", "path": path}))
    }

    fn changed(&self, path: String, interface: &str, changed: &Dict) -> Option<Value> {
        let changed = value::object(changed);
        let short = interface.strip_prefix("org.ahoycall.Calls1.")?;
        if pick::is_call_path(&path) {
            return self
                .known
                .contains(&path)
                .then(|| json!({"event": "call-changed", "path": path, "changed": changed}));
        }
        let event = match short {
            "Manager" => "manager-changed",
            "Voice" => "voice-changed",
            _ => return None,
        };
        Some(json!({"event": event, "changed": changed}))
    }
}
