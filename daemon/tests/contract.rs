//! The running daemon against the contract: `dbus/*.xml` is the source of truth, and introspection
//! must give the same members with the same signatures. Needs `dbus-daemon` and nothing else.

mod common;

use std::collections::BTreeMap;

use common::{
    NAME, QUIET, ahoyd, connect,
    contract::{contract, introspect},
    start,
};
use zbus::Proxy;

const ROOT: &str = "/org/ahoycall/Calls1";
/// Interfaces of the contract that no call has yet, that apps serve, or whose objects
/// come with apps (`provider`).
const NOT_SERVED_HERE: [&str; 5] = [
    "org.ahoycall.Calls1.Call.Captions",
    "org.ahoycall.Calls1.Call.Participants",
    "org.ahoycall.Calls1.Call.Text",
    "org.ahoycall.Calls1.Group",
    "org.ahoycall.Calls1.ProviderApp",
];

#[tokio::test]
async fn the_daemon_serves_exactly_the_contract() {
    let Some(daemon) = start(QUIET) else { return };
    let connection = connect(&daemon).await;
    let manager = Proxy::new(&connection, NAME, ROOT, "org.ahoycall.Calls1.Manager").await.unwrap();
    // A call that cannot be made has an object all the same, for two seconds.
    let mut options = BTreeMap::<&str, zbus::Variant<'_>>::new();
    options.insert("uuid", "6ba7b810-9dad-11d1-80b4-00c04fd430c8".into());
    let handles = vec![("ahoy", "nobody")];
    let body = ("", handles, options);
    let refused = manager.call_method("StartCall", &body).await;
    let error = refused.unwrap_err().to_string();
    assert!(error.contains("ProviderFailed"), "{error}");
    // Whoever answers has put everything of its start onto the bus.
    let mut served = introspect(&connection, ROOT).await;
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
