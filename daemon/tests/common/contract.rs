//! The contract, `dbus/*.xml`, and what a daemon serves of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use zbus::{Connection, Proxy};

use super::NAME;

/// Each member with its signature, e.g. `method Query a{sv}us -> aa{sv}s`.
pub(crate) type Members = BTreeMap<String, BTreeSet<String>>;

fn members(xml: &str) -> Members {
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
    let document = roxmltree::Document::parse_with_options(xml, options).unwrap();
    let interfaces = document.descendants().filter(|node| node.has_tag_name("interface"));
    interfaces
        .map(|interface| {
            let name = interface.attribute("name").unwrap().to_owned();
            let members = interface.children().filter(roxmltree::Node::is_element);
            (name, members.filter_map(member).collect())
        })
        .collect()
}

fn member(node: roxmltree::Node<'_, '_>) -> Option<String> {
    let name = node.attribute("name")?;
    let types = |wanted: &str| -> String {
        let of =
            |arg: &roxmltree::Node<'_, '_>| arg.attribute("direction").unwrap_or("in") == wanted;
        let args = node.children().filter(|child| child.has_tag_name("arg"));
        args.filter(of).filter_map(|arg| arg.attribute("type")).collect()
    };
    Some(match node.tag_name().name() {
        "method" => format!("method {name} {} -> {}", types("in"), types("out")),
        "signal" => format!("signal {name} {}{}", types("in"), types("out")),
        "property" => {
            let (kind, access) = (node.attribute("type")?, node.attribute("access")?);
            format!("property {name} {kind} {access}")
        }
        _ => return None,
    })
}

pub(crate) fn contract() -> Members {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../dbus");
    let mut all = Members::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "xml") {
            all.extend(members(&std::fs::read_to_string(path).unwrap()));
        }
    }
    all
}

pub(crate) async fn introspect(connection: &Connection, path: &str) -> Members {
    let proxy =
        Proxy::new(connection, NAME, path, "org.freedesktop.DBus.Introspectable").await.unwrap();
    let xml: String = proxy.call("Introspect", &()).await.unwrap();
    members(&xml)
}
