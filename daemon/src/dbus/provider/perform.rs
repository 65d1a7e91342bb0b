//! Asking apps: Perform, and what is told beside it.
//!
//! Owns: the messages to `.ProviderApp`, waiting for their answers. Does not own: deadlines (core):
//! an answer that comes too late is ignored there. Invariant: messages leave in the order in which
//! they were wanted; an app that does not answer holds nothing up.

use std::{collections::HashMap, time::Duration};

use ahoy_core::{
    engine::PerformError,
    id::{CallId, ProviderId, Serial, TxnId},
    provider::Action,
};
use tokio::{sync::mpsc, task::JoinSet};
use zbus::{Connection, Message, Variant, message::Flags};

use super::super::call_path;
use crate::{
    app::request::{Peer, Request},
    bus::{is_absence, owner, start, words},
};

const APP: &str = "org.ahoycall.Calls1.ProviderApp";
/// Longer than any deadline of the core, so that none is cut short here.
const GIVE_UP: Duration = Duration::from_secs(25);
type Arguments = HashMap<&'static str, Variant<'static>>;

fn arguments(action: &Action) -> Arguments {
    let pair = |scheme: &str, value: &str| Variant::from((scheme.to_owned(), value.to_owned()));
    let entries: Vec<(&'static str, Variant<'static>)> = match action {
        Action::Start { remote, video, name } => vec![
            ("remote", pair(remote.scheme(), remote.value())),
            ("video", (*video).into()),
            ("display-name", name.clone().into()),
        ],
        Action::Answer { video } | Action::SetVideo(video) => vec![("video", (*video).into())],
        Action::End(reason) => vec![("reason", reason.as_str().into())],
        Action::SetHeld(held) => vec![("held", (*held).into())],
        Action::SetMuted(muted) => vec![("muted", (*muted).into())],
        Action::SetGroup(None) => Vec::new(),
        Action::SetGroup(Some(other)) => {
            vec![("with", zbus::ObjectPath::from(call_path(*other)).into())]
        }
        Action::SwitchCamera(id) | Action::SetEndpoint(id) => vec![("id", id.clone().into())],
        Action::SetLocalSilence(silent) => vec![("silent", (*silent).into())],
        Action::SetScreenShare(shared) => vec![("shared", (*shared).into())],
        Action::SendText(written) => {
            vec![("text", written.text().to_owned().into()), ("final", written.is_last().into())]
        }
        Action::PlayDtmf(tones) => vec![("tones", tones.clone().into())],
        Action::Transfer(to) => vec![("remote", pair(to.scheme(), to.value()))],
    };
    entries.into_iter().collect()
}

/// One request for an action.
pub(in crate::dbus) struct Wanted {
    pub(in crate::dbus) peer: Peer,
    pub(in crate::dbus) serial: Serial,
    pub(in crate::dbus) txn: TxnId,
    pub(in crate::dbus) call: CallId,
    pub(in crate::dbus) action: Action,
}

/// All requests that are out. The core lets one be out for each call, so they are bounded.
pub(in crate::dbus) struct Performs {
    requests: mpsc::Sender<Request>,
    waiting: JoinSet<()>,
}

impl Performs {
    pub(in crate::dbus) fn new(requests: mpsc::Sender<Request>) -> Self {
        Self { requests, waiting: JoinSet::new() }
    }

    /// Sends a request; its answer goes to the app when it comes.
    pub(in crate::dbus) async fn perform(&mut self, connection: &Connection, wanted: Wanted) {
        while self.waiting.try_join_next().is_some() {}
        let (connection, requests) = (connection.clone(), self.requests.clone());
        let serial = wanted.serial;
        let mut asking = Box::pin(async move {
            if let Some(result) = ask(&connection, wanted).await {
                // Refused only at the end of everything.
                let _ = requests.send(Request::Performed(serial, result)).await;
            }
        });
        // The first step sends it, so that what is wanted next cannot overtake it.
        if futures_util::poll!(&mut asking).is_pending() {
            self.waiting.spawn(asking);
        }
    }

    /// Has the bus start an app; that it cannot is told when it says so.
    pub(in crate::dbus) fn wake(&mut self, connection: &Connection, app: ProviderId, name: String) {
        let (connection, requests) = (connection.clone(), self.requests.clone());
        self.waiting.spawn(async move {
            if let Err(error) = start(&connection, &name).await {
                let _ = requests.send(Request::WakeFailed(app, words(&error))).await;
            }
        });
    }

    /// Tells an app something that has no answer.
    pub(in crate::dbus) async fn tell<B>(
        connection: &Connection,
        peer: &Peer,
        member: &'static str,
        body: &B,
    ) where
        B: serde::Serialize + zbus::DynamicType + Sync,
    {
        if let Err(error) = send(connection, peer, member, body).await {
            tracing::debug!(%error, member, "an app was not told");
        }
    }
}

async fn send<B>(
    connection: &Connection,
    peer: &Peer,
    member: &'static str,
    body: &B,
) -> zbus::Result<()>
where
    B: serde::Serialize + zbus::DynamicType + Sync,
{
    let message = Message::method_call(peer.object.as_str(), member)
        .destination(peer.name.as_str())
        .interface(APP)
        .with_flags(Flags::NO_REPLY_EXPECTED)
        .build(body)?;
    connection.send(&message).await
}

/// The answer; none where nobody is there to give one.
async fn ask(connection: &Connection, wanted: Wanted) -> Option<Result<(), PerformError>> {
    let Wanted { peer, serial, txn, call, action } = wanted;
    let path = call_path(call);
    let body = (serial.0, txn.to_string(), action.name(), path.as_ref(), arguments(&action));
    let asked = connection.call_method(
        Some(peer.name.as_str()),
        peer.object.as_str(),
        Some(APP),
        "Perform",
        &body,
    );
    match tokio::time::timeout(GIVE_UP, asked).await {
        Ok(Ok(_)) => Some(Ok(())),
        // An app may also pass on what somebody else told it, so the bus is asked who is there. The
        // loss itself is told another way, and says more: whether the app comes back.
        Ok(Err(error)) if is_absence(&error) && owner(connection, &peer.name).await.is_none() => {
            None
        }
        Ok(Err(error)) => Some(Err(PerformError(words(&error)))),
        Err(_) => None,
    }
}
