//! The service of these tests speaks the contract: what it offers is what the XML under `dbus/` says.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    harness::Session,
    service::{Call, ROOT, Verification},
};

/// Interface -> its members with their types.
type Members = BTreeMap<String, BTreeSet<String>>;

/// The value of an attribute in a tag's text.
fn attribute<'t>(tag: &'t str, name: &str) -> &'t str {
    let start = format!("{name}=\"");
    let Some(at) = tag.find(&start) else { return "" };
    tag[at + start.len()..].split('"').next().unwrap_or_default()
}

/// Reads introspection XML: enough of XML for what two known writers write.
fn members(xml: &str) -> Members {
    let mut text = String::new();
    for part in xml.split("<!--") {
        text.push_str(part.split_once("-->").map_or(part, |(_, after)| after));
    }
    let mut all = Members::new();
    let (mut interface, mut member) = (String::new(), String::new());
    for tag in text.split('<').map(|tag| tag.split('>').next().unwrap_or_default()) {
        let kind = tag.split([' ', '/', '\n']).next().unwrap_or_default();
        let name = attribute(tag, "name");
        match kind {
            "interface" => interface = name.to_owned(),
            "method" | "signal" => member = format!("{kind} {name}"),
            "arg" => {
                let way = if attribute(tag, "direction") == "out" { "->" } else { "" };
                member.push_str(&format!(" {way}{}", attribute(tag, "type")));
            }
            "property" => member = format!("property {name} {}", attribute(tag, "type")),
            _ => {}
        }
        let ends = tag.starts_with("/method")
            || tag.starts_with("/signal")
            || (matches!(kind, "method" | "signal") && tag.ends_with('/'))
            || kind == "property";
        if ends {
            all.entry(interface.clone()).or_default().insert(std::mem::take(&mut member));
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_these_tests_talk_to_offers_only_what_the_contract_has() {
    let contract = concat!(env!("CARGO_MANIFEST_DIR"), "/../../dbus");
    let mut official = Members::new();
    for file in std::fs::read_dir(contract).unwrap().flatten() {
        if file.path().extension().is_some_and(|e| e == "xml") {
            official.append(&mut members(&std::fs::read_to_string(file.path()).unwrap()));
        }
    }
    assert!(official.len() > 10, "the contract was read: {:?}", official.keys());
    let session = Session::new().await;
    let world = &session.service.world;
    let call = session.service.add_call(Call::new(world, "a1", "A", "incoming", "ringing")).await;
    let server = session.service.connection.object_server();
    server.at(call.as_str(), Verification(std::sync::Arc::clone(world))).await.unwrap();
    let paths = [ROOT.to_owned(), call];
    let mut compared = 0;
    for path in paths {
        let xml: String = session
            .service
            .connection
            .call_method(
                Some("org.ahoycall.Calls1"),
                path.as_str(),
                Some("org.freedesktop.DBus.Introspectable"),
                "Introspect",
                &(),
            )
            .await
            .unwrap()
            .body()
            .deserialize()
            .unwrap();
        for (interface, ours) in members(&xml) {
            if let Some(theirs) = official.get(&interface) {
                let foreign: Vec<&String> = ours.difference(theirs).collect();
                assert!(foreign.is_empty(), "{interface} has not: {foreign:?}, but {theirs:?}");
                compared += ours.len();
            }
        }
    }
    assert!(compared > 60, "only {compared} members were compared");
}
