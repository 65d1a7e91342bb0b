//! `provider list` and `provider default`.
//!
//! Owns: the two lists. Does not own: the choice of an app for a call (the daemon). Invariant: what
//! is shown is one reading of the bus.

use clap::Args;
use serde_json::json;

use crate::{
    bus::{Bus, MANAGER, Objects, ROOT},
    error::{Error, Result},
    out::{Out, clean},
    pick,
    status::heading,
    value::{self, Dict},
};

/// `provider default`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ahoyctl provider default
  ahoyctl provider default tel

An app for one call is named with: ahoyctl call NUMBER --provider ID")]
pub struct DefaultArgs {
    /// The kind of address, such as tel or sip; all without it
    pub scheme: Option<String>,
}

/// A registered app.
struct Provider {
    path: String,
    id: String,
    props: Dict,
    calls: usize,
}

fn providers(objects: Objects) -> Vec<Provider> {
    let prefix = format!("{ROOT}/provider/");
    let mut found: Vec<Provider> = Vec::new();
    for (path, interfaces) in &objects {
        let Some(escaped) = path.as_str().strip_prefix(&prefix) else { continue };
        let props = interfaces.get("org.ahoycall.Calls1.Provider");
        let copy = |props: &Dict| {
            let entries = props.iter();
            entries
                .filter_map(|(key, value)| Some((key.clone(), value.try_clone().ok()?)))
                .collect()
        };
        found.push(Provider {
            path: path.to_string(),
            id: super::unescape(escaped),
            props: props.map(copy).unwrap_or_default(),
            calls: 0,
        });
    }
    found.sort_by(|a, b| a.id.cmp(&b.id));
    for call in pick::calls(objects).iter().filter(|call| call.is_on()) {
        let owner = value::object(&call.props)["Provider"].clone();
        if let Some(one) = found.iter_mut().find(|one| owner == json!(one.path)) {
            one.calls += 1;
        }
    }
    found
}

/// Lists the apps.
pub async fn list(out: &Out) -> Result<()> {
    let bus = Bus::connect().await?;
    let found = providers(bus.objects().await?);
    let rows = found.iter().map(|one| {
        let mut row = value::object(&one.props);
        row["id"] = json!(one.id);
        row["path"] = json!(one.path);
        row["calls"] = json!(one.calls);
        row
    });
    out.data(&json!(rows.collect::<Vec<_>>()))?;
    if found.is_empty() {
        return out.say("No calling app is registered. Start one; check: ahoyctl doctor");
    }
    let mut table = vec![heading(&["APP", "CALLS"])];
    table.extend(found.iter().map(|one| vec![clean(&one.id), one.calls.to_string()]));
    out.table(&table)
}

/// Shows the defaults.
pub async fn default(args: DefaultArgs, out: &Out) -> Result<()> {
    let bus = Bus::connect().await?;
    let shown = value::to_json(&*bus.property(MANAGER, "DefaultProviders").await?);
    let Some(scheme) = args.scheme else {
        out.data(&shown)?;
        let defaults = shown.as_object().cloned().unwrap_or_default();
        if defaults.is_empty() {
            return out.say("No defaults: each kind of address is called by the only app for it.");
        }
        let mut table = vec![heading(&["ADDRESSES", "APP"])];
        let name = |id: &serde_json::Value| clean(id.as_str().unwrap_or_default());
        table.extend(defaults.iter().map(|(scheme, id)| vec![clean(scheme), name(id)]));
        return out.table(&table);
    };
    let id = shown[&scheme].as_str().ok_or_else(|| {
        Error::refused(
            "NoProviderForScheme",
            format!("no app is set for {}: addresses", clean(&scheme)),
            "The only app for them is taken; see the apps: ahoyctl provider list",
        )
    })?;
    out.both(clean(id), &json!({"scheme": scheme, "provider": id}))
}
