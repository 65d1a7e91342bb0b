//! Connections of apps that end.
//!
//! Owns: listening for it on one connection. Does not own: what becomes of their calls (core).
//! Invariant: only names that registered are told of; one that goes while it registers is noticed
//! there.

use futures_util::StreamExt as _;
use tokio_util::sync::CancellationToken;
use zbus::{Connection, MatchRule, MessageStream, message::Type};

use crate::app::request::{Door, Front, Request};

/// Runs until `token` is cancelled.
///
/// # Errors
/// The bus does not take the wish to be told.
pub async fn watch(
    connection: Connection,
    door: Door,
    front: Front,
    token: CancellationToken,
) -> zbus::Result<()> {
    let rule = MatchRule::builder()
        .msg_type(Type::Signal)
        .sender("org.freedesktop.DBus")
        .interface("org.freedesktop.DBus")
        .member("NameOwnerChanged")
        // Nobody has it any more.
        .arg(2, "")
        .build()?;
    let mut signals = MessageStream::for_match_rule(rule, &connection, None).await?;
    loop {
        let message = tokio::select! {
            () = token.cancelled() => return Ok(()),
            message = signals.next() => message,
        };
        let Some(message) = message else {
            token.cancelled().await;
            return Ok(());
        };
        let names = message.and_then(|message| message.body().deserialize());
        let Ok((name, ..)): Result<(String, String, String), _> = names else { continue };
        let registered = front.view.borrow().providers.values().any(|provider| {
            provider.peer.as_ref().is_some_and(|peer| peer.door == door && peer.name == name)
        });
        if registered {
            // Refused only at the end of everything.
            let _ = front.requests.send(Request::PeerGone(door, name)).await;
        }
    }
}
