//! Bridges: calls of other programs in the running daemon, with the real program where it runs
//! without hardware.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a failed step fails the test"
)]

#[path = "../common/mod.rs"]
mod common;

mod baresip;
mod mock;
mod modem;
mod phone;
mod sip;
mod together;

use std::collections::HashMap;

use tokio::time::{Duration, Instant};
use zbus::{Connection, OwnedObjectPath, OwnedVariant, Variant, fdo};

use common::{
    NAME,
    calls::{Options, PATIENCE, ROOT, property, proxy, word},
};

type Call = HashMap<String, OwnedVariant>;

/// Waits for a call that is on and fits, and gives its path.
async fn call_that(controller: &Connection, fits: impl Fn(&Call) -> bool) -> String {
    let objects = fdo::ObjectManagerProxy::new(controller, NAME, ROOT).await.unwrap();
    let interface = format!("{NAME}.Call");
    let deadline = Instant::now() + PATIENCE;
    loop {
        let all = objects.get_managed_objects().await.unwrap();
        for (path, interfaces) in &all {
            let Some(call) = interfaces.get(interface.as_str()) else { continue };
            let call: Call = call
                .iter()
                .map(|(name, value)| (name.to_string(), value.try_clone().unwrap()))
                .collect();
            if word(&call["State"]) != "ended" && fits(&call) {
                return path.to_string();
            }
        }
        assert!(Instant::now() < deadline, "no such call");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits for a call that is on with somebody of this name or address.
async fn call_with(controller: &Connection, who: &str) -> String {
    let with = |call: &Call| word(&call["DisplayName"]) == who || remote(&call["Remote"]).1 == who;
    call_that(controller, with).await
}

/// Waits for a call of this provider that rings.
async fn rings_from(controller: &Connection, provider: &str) -> String {
    let path = format!("{ROOT}/provider/{provider}");
    let is = |call: &Call| word(&call["Provider"]) == path && word(&call["State"]) == "ringing";
    call_that(controller, is).await
}

fn remote(value: &OwnedVariant) -> (String, String) {
    value.try_clone().unwrap().try_into().unwrap()
}

/// Waits until a provider is there, or until it is gone.
async fn provider(controller: &Connection, id: &str, there: bool) {
    let objects = fdo::ObjectManagerProxy::new(controller, NAME, ROOT).await.unwrap();
    let path = format!("{ROOT}/provider/{id}");
    let deadline = Instant::now() + PATIENCE;
    loop {
        let all = objects.get_managed_objects().await.unwrap();
        if all.keys().any(|one| one.as_str() == path) == there {
            return;
        }
        assert!(Instant::now() < deadline, "provider {id}: there is to be {there}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Dials as a controller does.
async fn dial(controller: &Connection, scheme: &str, value: &str) -> zbus::Result<String> {
    let manager = proxy(controller, ROOT, "Manager").await;
    let wish = ("", vec![(scheme, value)], Options::new());
    let call: OwnedObjectPath = manager.call("StartCall", &wish).await?;
    Ok(call.to_string())
}

/// Calls a method of a call.
async fn on<B>(controller: &Connection, call: &str, method: &str, body: &B) -> zbus::Result<()>
where
    B: serde::Serialize + zbus::zvariant::DynamicType,
{
    proxy(controller, call, "Call").await.call(method, body).await
}

async fn answer(controller: &Connection, call: &str) {
    on(controller, call, "Answer", &(Options::new(),)).await.unwrap();
    assert_eq!(property(controller, call, "State").await.as_deref(), Some("active"));
}

async fn hang_up(controller: &Connection, call: &str) {
    on(controller, call, "HangUp", &(Options::new(),)).await.unwrap();
}

/// The log, newest first: whose call, with whom, what became of it.
async fn log(controller: &Connection) -> Vec<(String, String, String)> {
    let history = proxy(controller, ROOT, "History").await;
    let asked = (Options::new(), 50u32, "");
    let (rows, _): (Vec<HashMap<String, OwnedVariant>>, String) =
        history.call("Query", &asked).await.unwrap();
    let row = |row: &HashMap<String, OwnedVariant>| {
        (word(&row["provider"]), remote(&row["remote"]).1, word(&row["outcome"]))
    };
    rows.iter().map(row).collect()
}

async fn set(controller: &Connection, key: &str, value: Variant<'_>) {
    let settings = proxy(controller, ROOT, "Settings").await;
    settings.call::<_, _, ()>("Set", &(key, value)).await.unwrap();
}
