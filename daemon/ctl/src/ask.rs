//! A question as a notification, for programs that a desktop starts without a terminal.
//!
//! Owns: the words of `org.freedesktop.Notifications` that it takes. Does not own: what is asked.
//! Invariant: only a click on a choice is a yes; closing, time-out and the server's end are a no.

use std::{collections::BTreeMap, pin::Pin, time::Duration};

use futures_core::Stream as _;
use zbus::{Connection, MatchRule, Message, MessageStream, Variant, message};

use crate::{
    bus::{self, Bus},
    error::{Error, Result},
};

const NAME: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";
/// A person who clicked on a link is there; one who went away asked for nothing.
const PATIENCE: Duration = Duration::from_secs(120);
/// A server that takes longer hangs.
const DEADLINE: Duration = Duration::from_secs(5);
/// "Critical": servers keep it on the screen until it is answered.
const URGENT: u8 = 2;

/// What is asked.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) title: String,
    pub(crate) text: String,
    /// Key and label.
    pub(crate) choices: Vec<(&'static str, &'static str)>,
}

/// What was said.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// The key of a choice.
    Chosen(&'static str),
    /// Closed, or too late.
    Nothing,
}

/// A notification server whose notifications have buttons.
#[derive(Debug)]
pub(crate) struct Desk {
    connection: Connection,
    markup: bool,
}

impl Desk {
    /// The session's server; None where there is none, or one without buttons.
    pub(crate) async fn find(bus: &Bus) -> Option<Self> {
        let connection = bus.connection().clone();
        let asked = connection.call_method(Some(NAME), PATH, Some(NAME), "GetCapabilities", &());
        let reply = tokio::time::timeout(DEADLINE, asked).await.ok()?.ok()?;
        let can: Vec<String> = reply.body().deserialize().ok()?;
        let has = |what: &str| can.iter().any(|one| one == what);
        has("actions").then(|| Self { markup: has("body-markup"), connection })
    }

    /// Shows it; gives its number and the unique name of the server that shows it.
    async fn show(&self, question: &Question, urgency: u8) -> Result<(u32, String)> {
        let mut actions: Vec<&str> = Vec::new();
        for (key, label) in &question.choices {
            actions.extend([key, label]);
        }
        let hints = BTreeMap::from([
            ("urgency", Variant::from(urgency)),
            ("desktop-entry", Variant::from("org.ahoycall.Ahoy")),
        ]);
        let text = if self.markup { escaped(&question.text) } else { question.text.clone() };
        // -1: the server's own time; it is closed by us anyway.
        let body = (
            "Ahoy",
            0u32,
            "org.ahoycall.Ahoy",
            question.title.as_str(),
            text,
            actions,
            hints,
            -1i32,
        );
        let asked = self.connection.call_method(Some(NAME), PATH, Some(NAME), "Notify", &body);
        let reply = tokio::time::timeout(DEADLINE, asked).await.map_err(|_| hangs())??;
        let server = reply.header().sender().map(ToString::to_string).unwrap_or_default();
        Ok((reply.body().deserialize()?, server))
    }

    /// Says something that needs no answer. Where that fails there is nobody to tell.
    pub(crate) async fn tell(&self, title: &str, text: &str) {
        let said = Question { title: title.to_owned(), text: text.to_owned(), choices: Vec::new() };
        drop(self.show(&said, 1).await);
    }

    /// Asks, and waits for a click.
    pub(crate) async fn ask(&self, question: &Question) -> Result<Asked> {
        // Listens before anything is shown, so that no click is lost. With the name in the rule the
        // bus holds back broadcasts of others; what is sent to us alone, the sender's name tells.
        let rule = MatchRule::builder()
            .msg_type(message::Type::Signal)
            .sender(NAME)
            .path(PATH)
            .interface(NAME)
            .build()?;
        let mut signals = MessageStream::for_match_rule(rule, &self.connection, None).await?;
        let (id, server) = self.show(question, URGENT).await?;
        let said = answer(&mut signals, (id, &server), question);
        let said = tokio::time::timeout(PATIENCE, said).await;
        let said = said.unwrap_or(Asked::Nothing);
        self.close(id).await;
        Ok(said)
    }

    /// One that is closed already is an error at some servers, and what was wanted.
    async fn close(&self, id: u32) {
        let body = (id,);
        let close =
            self.connection.call_method(Some(NAME), PATH, Some(NAME), "CloseNotification", &body);
        drop(tokio::time::timeout(DEADLINE, close).await);
    }
}

async fn answer(
    signals: &mut MessageStream,
    (id, server): (u32, &str),
    question: &Question,
) -> Asked {
    loop {
        let next = std::future::poll_fn(|cx| Pin::new(&mut *signals).poll_next(cx)).await;
        let Some(Ok(signal)) = next else { return Asked::Nothing };
        let by_server = signal.header().sender().is_some_and(|sender| sender.as_str() == server);
        if let Some(said) =
            Some(()).filter(|()| by_server).and_then(|()| meaning(&signal, id, question))
        {
            return said;
        }
    }
}

/// What a signal says about this notification, if anything.
fn meaning(signal: &Message, id: u32, question: &Question) -> Option<Asked> {
    let body = signal.body();
    match bus::named(signal).member.as_str() {
        "ActionInvoked" => {
            let (of, key): (u32, String) = body.deserialize().ok()?;
            let chosen = question.choices.iter().find(|(known, _)| *known == key);
            chosen.filter(|_| of == id).map(|(key, _)| Asked::Chosen(key))
        }
        "NotificationClosed" => {
            let (of, _): (u32, u32) = body.deserialize().ok()?;
            (of == id).then_some(Asked::Nothing)
        }
        _ => None,
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn hangs() -> Error {
    Error::refused(
        "NoReply",
        "the notification server does not answer",
        "Open the link in a terminal: ahoyctl open LINK",
    )
}
