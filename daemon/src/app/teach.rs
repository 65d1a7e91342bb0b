//! The requests about spoken names: teach one, forget one, look all of them over.
//!
//! Owns: keeping what was taught with its contact. Does not own: the lesson or the look (`talk`), or
//! storage. Invariant: what was taught is used at once and kept by the next write of its contact.

use ahoy_core::{
    id::{ContactId, Now},
    voice::{Situation, Ways, keep},
};

use super::{
    App,
    request::{Answer, Event, Fault, FaultKind},
    store_fault,
};
use crate::store::{self, Contact};

/// What was taught, of all contacts.
pub(super) fn taught(contacts: &[Contact]) -> Ways {
    let mut all = Ways::new();
    for (word, ways) in contacts.iter().flat_map(|contact| &contact.sounds) {
        keep(all.entry(word.clone()).or_default(), ways);
    }
    all
}

impl App {
    pub(super) async fn teach(
        &mut self,
        now: Now,
        contact: String,
        word: Option<String>,
        answer: Answer<()>,
    ) {
        let begun = self.begin_lesson(contact, word).await;
        // Listening is true before whoever asked looks.
        self.refresh();
        match begun {
            Ok(effects) => {
                let _ = answer.send(Ok(()));
                self.voice_effects(now, effects).await;
            }
            Err(fault) => drop(answer.send(Err(fault))),
        }
    }

    async fn begin_lesson(
        &mut self,
        contact: String,
        word: Option<String>,
    ) -> Result<Vec<ahoy_core::voice::Effect>, Fault> {
        if self.situation() != Situation::Idle {
            return Err(Fault::new(FaultKind::InvalidState, "a call rings or is on"));
        }
        let known = self.contact_of(&contact).await?;
        let word = match word {
            None => known.name,
            Some(word) => {
                let names = std::iter::once(&known.name).chain(&known.aliases);
                let is_part = |name: &String| {
                    name.to_lowercase().split_whitespace().any(|part| part == word.to_lowercase())
                };
                let other = || Fault::argument(format!("word: \"{word}\" is in none of the names"));
                names.into_iter().any(is_part).then_some(()).ok_or_else(other)?;
                word
            }
        };
        self.prompts.hush();
        self.talk.teach(ContactId(contact), &word)
    }

    /// A word was heard.
    pub(super) async fn name_sounded(&mut self, now: Now, way: &str) {
        let (taught, effects) = self.talk.sounded(way);
        if let Some(taught) = taught {
            let kept = !taught.ways.is_empty();
            let (contact, word) = (taught.contact.0, taught.word);
            self.tell(Event::Taught(contact.clone(), word.clone(), kept)).await;
            if kept {
                self.keep_sounds(contact, word, taught.ways).await;
            }
        }
        self.voice_effects(now, effects).await;
    }

    async fn keep_sounds(&mut self, id: String, word: String, ways: Vec<String>) {
        self.change_book(None, move |db| {
            let fault = |error| store_fault(&error);
            // A contact that went meanwhile takes its sounds along.
            if let Some(mut contact) = db.contact(&store::ContactId(id.clone())).map_err(fault)? {
                keep(contact.sounds.entry(word).or_default(), &ways);
                db.put_contact(&contact).map_err(fault)?;
            }
            Ok(((), vec![id]))
        })
        .await;
    }

    pub(super) async fn forget_sounds(&mut self, id: String, answer: Answer<Vec<String>>) {
        self.change_book(Some(answer), move |db| {
            let fault = |error| store_fault(&error);
            let unknown = || Fault::new(FaultKind::UnknownContact, "contact-id: no such contact");
            let found = db.contact(&store::ContactId(id.clone())).map_err(fault)?;
            let mut contact = found.ok_or_else(unknown)?;
            let words = std::mem::take(&mut contact.sounds).into_keys().collect();
            db.put_contact(&contact).map_err(fault)?;
            Ok((words, vec![id]))
        })
        .await;
    }
}
