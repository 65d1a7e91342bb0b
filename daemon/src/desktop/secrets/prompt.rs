//! A prompt of the Secret Service: the person types a password, dismisses it, or is not there.
//!
//! Owns: showing it and waiting for its end. Does not own: what it is for. Invariant: a prompt that
//! is not waited for any more is taken away.

use std::time::Duration;

use futures_util::StreamExt as _;
use zbus::{Connection, MatchRule, MessageStream, OwnedObjectPath, OwnedVariant, message::Type};

use super::SecretsError;
use crate::bus::Remote;

const PROMPT: &str = "org.freedesktop.Secret.Prompt";

/// Shows a prompt and gives what it ended with.
pub(super) async fn show(
    bus: &Connection,
    owner: &str,
    prompt: &OwnedObjectPath,
    limit: Duration,
) -> Result<OwnedVariant, SecretsError> {
    let rule = MatchRule::builder()
        .msg_type(Type::Signal)
        .sender(owner)
        .path(prompt.clone())
        .interface(PROMPT)
        .member("Completed")
        .build()?;
    // Subscribed before it is shown, so that a quick answer is not lost.
    let mut signals = MessageStream::for_match_rule(rule, bus, None).await?;
    // No window of ours for it to stand before.
    let prompt = Remote::new(bus, owner, prompt.as_str(), PROMPT);
    prompt.call("Prompt", &("",)).await?;
    match tokio::time::timeout(limit, completed(&mut signals, owner)).await {
        Ok(Some((false, result))) => Ok(result),
        Ok(Some((true, _))) => Err(SecretsError::Locked("dismissed")),
        Ok(None) => Err(SecretsError::Absent),
        Err(_) => {
            // It may have ended this moment.
            let _ = prompt.call("Dismiss", &()).await;
            Err(SecretsError::Locked("not answered in time"))
        }
    }
}

async fn completed(signals: &mut MessageStream, owner: &str) -> Option<(bool, OwnedVariant)> {
    while let Some(Ok(signal)) = signals.next().await {
        // Any client can send us a signal; only the service's own counts.
        if signal.header().sender().is_some_and(|sender| sender.as_str() == owner)
            && let Ok(completed) = signal.body().deserialize()
        {
            return Some(completed);
        }
    }
    None
}
