//! `.Voice`: listening for a command, and what was heard and said.
//!
//! Owns: its methods, property and signals on the bus. Does not own: the dialogue. Invariant: none
//! of its own beyond translation.

use std::collections::HashMap;

use zbus::{Variant, interface, object_server::SignalEmitter};

use super::{
    Properties,
    error::{Error, Result},
    value::{BusDict, from_bus, to_bus},
};
use crate::app::request::{Front, Plain, Request, Snapshot};

/// The object.
pub(super) struct Voice {
    front: Front,
}

impl Voice {
    pub(super) fn new(front: &Front) -> Self {
        Self { front: front.clone() }
    }
}

/// The properties that change, by name.
pub(super) fn properties(view: &Snapshot) -> Properties {
    Properties::from([("Listening", view.listening.into())])
}

#[interface(name = "org.ahoycall.Calls1.Voice", introspection_docs = false)]
impl Voice {
    async fn listen(&self, options: BusDict) -> Result<()> {
        let text = match from_bus(options)?.remove("text") {
            None => None,
            Some(Plain::Text(text)) => Some(text),
            Some(_) => {
                return Err(Error::InvalidArgument("options: text must be a string".to_owned()));
            }
        };
        Ok(self.front.ask(|answer| Request::Listen(text, answer)).await?)
    }

    async fn stop(&self) -> Result<()> {
        Ok(self.front.ask(Request::StopListening).await?)
    }

    #[zbus(out_args("intent", "slots", "score"))]
    async fn interpret(
        &self,
        text: String,
    ) -> Result<(String, HashMap<String, Variant<'static>>, f64)> {
        let (intent, slots, score) =
            self.front.ask(|answer| Request::Interpret(text, answer)).await?;
        Ok((intent, to_bus(slots), score))
    }

    async fn teach(&self, contact_id: String, options: BusDict) -> Result<()> {
        let word = match from_bus(options)?.remove("word") {
            None => None,
            Some(Plain::Text(word)) => Some(word),
            Some(_) => {
                return Err(Error::InvalidArgument("options: word must be a string".to_owned()));
            }
        };
        Ok(self.front.ask(|answer| Request::Teach(contact_id, word, answer)).await?)
    }

    #[zbus(out_args("words"))]
    async fn forget(&self, contact_id: String) -> Result<Vec<String>> {
        Ok(self.front.ask(|answer| Request::ForgetSounds(contact_id, answer)).await?)
    }

    #[zbus(out_args("findings"))]
    async fn doctor(&self) -> Result<Vec<HashMap<String, Variant<'static>>>> {
        let findings = self.front.ask(Request::VoiceDoctor).await?;
        Ok(findings.into_iter().map(to_bus).collect())
    }

    #[zbus(property)]
    fn listening(&self) -> bool {
        self.front.view.borrow().listening
    }

    #[zbus(signal)]
    pub(super) async fn heard(
        emitter: &SignalEmitter<'_>,
        text: &str,
        r#final: bool,
    ) -> zbus::Result<()>;

    #[zbus(signal)]
    pub(super) async fn prompt(
        emitter: &SignalEmitter<'_>,
        text: &str,
        choices: Vec<String>,
    ) -> zbus::Result<()>;

    #[zbus(signal)]
    pub(super) async fn taught(
        emitter: &SignalEmitter<'_>,
        contact_id: &str,
        word: &str,
        kept: bool,
    ) -> zbus::Result<()>;
}
