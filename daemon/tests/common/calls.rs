//! Calls as a controller sees them.

use std::{collections::HashMap, time::Duration};

use tokio::time::Instant;
use zbus::{Connection, OwnedVariant, Proxy, Variant, fdo};

use super::NAME;

pub(crate) const ROOT: &str = "/org/ahoycall/Calls1";
/// How long anything may take to happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) type Options<'a> = HashMap<&'a str, Variant<'a>>;

pub(crate) fn word(value: &Variant<'_>) -> String {
    if let Variant::ObjectPath(path) = value {
        return path.to_string();
    }
    <&str>::try_from(value).map_or_else(|_| value.to_string(), str::to_owned)
}

/// An object of the daemon.
pub(crate) async fn proxy(connection: &Connection, path: &str, interface: &str) -> Proxy<'static> {
    proxy_at(connection, NAME, path, interface).await
}

/// The same under another name of its owner.
pub(crate) async fn proxy_at(
    connection: &Connection,
    name: &'static str,
    path: &str,
    interface: &str,
) -> Proxy<'static> {
    let interface = format!("{NAME}.{interface}");
    Proxy::new(connection, name, path.to_owned(), interface).await.unwrap()
}

/// A property of a call, as text; a pair's first part. None: the call is gone.
pub(crate) async fn property(connection: &Connection, path: &str, name: &str) -> Option<String> {
    let properties = fdo::PropertiesProxy::new(connection, NAME, path.to_owned()).await;
    let interface = format!("{NAME}.Call");
    let value = properties.unwrap().get(interface.as_str().try_into().unwrap(), name).await.ok()?;
    Some(match &*value {
        Variant::Structure(fields) => word(&fields.fields()[0]),
        other => word(other),
    })
}

/// Waits until a property of a call is this.
pub(crate) async fn until(connection: &Connection, path: &str, name: &str, wanted: &str) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let now = property(connection, path, name).await;
        if now.as_deref() == Some(wanted) {
            return;
        }
        assert!(Instant::now() < deadline, "{name} is {now:?}, not {wanted}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

pub(crate) async fn control(
    connection: &Connection,
    path: &str,
    method: &str,
    body: bool,
) -> zbus::Result<()> {
    let call = proxy(connection, path, "Call").await;
    if body { call.call(method, &(Options::new(),)).await } else { call.call(method, &()).await }
}

pub(crate) async fn newest_row(connection: &Connection) -> HashMap<String, String> {
    let history = proxy(connection, ROOT, "History").await;
    let asked = (Options::new(), 1u32, "");
    let (rows, _): (Vec<HashMap<String, OwnedVariant>>, String) =
        history.call("Query", &asked).await.unwrap();
    rows[0].iter().map(|(key, value)| (key.clone(), word(value))).collect()
}

/// The last part of an error's name.
pub(crate) fn error_name(error: zbus::Error) -> String {
    let zbus::Error::MethodError(name, ..) = error else { panic!("{error}") };
    name.as_str().rsplit('.').next().unwrap().to_owned()
}
