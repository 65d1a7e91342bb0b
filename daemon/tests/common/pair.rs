//! Two people who can call each other, encrypted.

use futures_util::StreamExt as _;
use zbus::{Connection, OwnedObjectPath};

use super::calls::{Options, PATIENCE, ROOT, proxy};

/// Has the one at `there` accept an invite of the one at `here`, and gives the contact's id there.
pub(crate) async fn pair(here: &Connection, there: &Connection) -> String {
    let identity = proxy(here, ROOT, "Identity").await;
    let mut joined = identity.receive_signal("Joined").await.unwrap();
    let link: String = identity.call("Invite", &(Options::new(),)).await.unwrap();
    let accept = (link, Options::from([("name", "Us".into())]));
    let theirs = proxy(there, ROOT, "Identity").await;
    let contact: String = theirs.call("Accept", &accept).await.unwrap();
    tokio::time::timeout(PATIENCE, joined.next()).await.unwrap().unwrap();
    contact
}

/// Calls a contact; gives the caller's call.
pub(crate) async fn call(from: &Connection, contact: &str) -> String {
    let manager = proxy(from, ROOT, "Manager").await;
    let options = Options::from([("contact-id", contact.into())]);
    let handles: Vec<(&str, &str)> = Vec::new();
    let call: OwnedObjectPath = manager.call("StartCall", &("", handles, options)).await.unwrap();
    call.to_string()
}
