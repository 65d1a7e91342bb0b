//! The running daemon against the contract: `dbus/*.xml` is the source of truth, and introspection
//! must give the same members with the same signatures. Needs `dbus-daemon` and nothing else.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

mod common;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use common::{NAME, QUIET, ahoyd, connect, start};
use zbus::{Connection, Proxy};

const ROOT: &str = "/org/ahoycall/Calls1";
/// Interfaces of the contract that no call has yet, that come with filters, or that apps serve.
const NOT_SERVED_HERE: [&str; 5] = [
    "org.ahoycall.Calls1.Call.Captions",
    "org.ahoycall.Calls1.Call.Participants",
    "org.ahoycall.Calls1.Call.Text",
    "org.ahoycall.Calls1.Filter",
    "org.ahoycall.Calls1.ProviderApp",
];

/// Each member with its signature, e.g. `method Query a{sv}us -> aa{sv}s`.
type Members = BTreeMap<String, BTreeSet<String>>;

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

fn contract() -> Members {
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

async fn introspect(connection: &Connection, path: &str) -> Members {
    let proxy =
        Proxy::new(connection, NAME, path, "org.freedesktop.DBus.Introspectable").await.unwrap();
    let xml: String = proxy.call("Introspect", &()).await.unwrap();
    members(&xml)
}

#[tokio::test]
async fn the_daemon_serves_exactly_the_contract() {
    let Some(daemon) = start(QUIET) else { return };
    let connection = connect(&daemon).await;
    let mut served = introspect(&connection, ROOT).await;
    let manager = Proxy::new(&connection, NAME, ROOT, "org.ahoycall.Calls1.Manager").await.unwrap();
    // A call that cannot be made has an object all the same, for two seconds.
    let mut options = BTreeMap::<&str, zbus::Variant<'_>>::new();
    options.insert("uuid", "6ba7b810-9dad-11d1-80b4-00c04fd430c8".into());
    let handles = vec![("ahoy", "nobody")];
    let body = ("", handles, options);
    let refused = manager.call_method("StartCall", &body).await;
    let error = refused.unwrap_err().to_string();
    assert!(error.contains("ProviderFailed"), "{error}");
    let call = format!("{ROOT}/call/6ba7b810_9dad_11d1_80b4_00c04fd430c8");
    served.extend(introspect(&connection, &call).await);
    served.retain(|name, _| name.starts_with("org.ahoycall."));
    let mut wanted = contract();
    for name in NOT_SERVED_HERE {
        assert!(wanted.remove(name).is_some(), "{name} is in the contract");
        assert!(!served.contains_key(name), "{name} is served now: take it off the list");
    }
    for (name, members) in &wanted {
        let found = served.get(name).unwrap_or_else(|| panic!("{name} is not served"));
        assert_eq!(found, members, "{name}");
    }
    assert_eq!(served.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>());
}

#[tokio::test]
async fn a_second_daemon_on_the_bus_refuses_and_says_what_to_do() {
    let Some(daemon) = start(QUIET) else { return };
    let _connection = connect(&daemon).await;
    let home = tempfile::tempdir().unwrap();
    let second = ahoyd(home.path(), &daemon.bus.address).output().unwrap();
    assert!(!second.status.success());
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(said.contains("another ahoyd serves this session"), "{said}");
    assert!(!home.path().join("data/ahoy/keys").exists(), "it has touched nothing");
}

#[tokio::test]
async fn wrong_arguments_get_errors_of_the_contract_that_name_them() {
    let Some(daemon) = start(QUIET) else { return };
    let connection = connect(&daemon).await;
    let error = |interface: &'static str, method: &'static str, body: Vec<&'static str>| {
        let connection = connection.clone();
        async move {
            let interface = format!("org.ahoycall.Calls1.{interface}");
            let proxy = Proxy::new(&connection, NAME, ROOT, interface).await.unwrap();
            let reply = match body.as_slice() {
                [] => proxy.call_method(method, &()).await,
                [one] => proxy.call_method(method, &(one,)).await,
                [one, two, ..] => proxy.call_method(method, &(one, two)).await,
            };
            reply.unwrap_err().to_string()
        }
    };
    let text = error("Settings", "Get", vec!["no.such.key"]).await;
    assert!(text.contains("InvalidArgument") && text.contains("no.such.key"), "{text}");
    let text = error("Contacts", "Remove", vec!["nobody"]).await;
    assert!(text.contains("UnknownContact"), "{text}");
    let text = error("Manager", "PressSecondary", vec![]).await;
    assert!(text.contains("InvalidState"), "{text}");
    let options = BTreeMap::<&str, zbus::Variant<'_>>::new();
    let identity =
        Proxy::new(&connection, NAME, ROOT, "org.ahoycall.Calls1.Identity").await.unwrap();
    for link in ["", "ahoy:", "ahoy:abc#v1.xyz", "https://example.org"] {
        let refused = identity.call_method("Accept", &(link, &options)).await.unwrap_err();
        let text = refused.to_string();
        assert!(text.contains("InvalidArgument") && text.contains("invite"), "{text}");
    }
}
