//! Messages: to whom, what, and the yes before they go.
//!
//! Owns: dictation and its reading back. Does not own: how a message travels. Invariant: nothing is
//! sent that was not read back and agreed to.

use super::{
    super::{
        book::Person,
        effect::{Effect, History, Other},
    },
    Dialogue, Stage,
};

impl Dialogue {
    /// Writes to the other side, if that is one of these people, or nobody was named.
    pub(super) fn message(
        &mut self,
        history: &History,
        people: &[Person],
        text: &str,
    ) -> Vec<Effect> {
        let Some(Other { contact, name, can_read }) = &history.other else {
            return vec![self.say("no-messages", &[])];
        };
        let is_meant = |person: &Person| Some(&person.contact) == contact.as_ref();
        if !*can_read || !(people.is_empty() || people.iter().any(is_meant)) {
            let meant = people.first().map_or(name, |person| &person.name);
            return vec![self.say("no-messages-to", &[("name", meant)])];
        }
        self.stage = Stage::Dictating(name.clone());
        if text.is_empty() { self.dictate_again() } else { self.draft(text) }
    }

    /// Asks for the text, of a message that is dictated or dictated anew.
    pub(super) fn dictate_again(&mut self) -> Vec<Effect> {
        let (Stage::Dictating(name) | Stage::Drafted { name, .. }) = &self.stage else {
            return Vec::new();
        };
        self.stage = Stage::Dictating(name.clone());
        vec![self.say("what-message", &[]), Effect::Listen]
    }

    /// Reads back what was dictated: what is misheard is not to reach anybody.
    pub(super) fn draft(&mut self, text: &str) -> Vec<Effect> {
        let Stage::Dictating(name) = &self.stage else { return Vec::new() };
        let (name, text) = (name.clone(), self.pack.words().write(text));
        let question = self.say("confirm-message", &[("name", &name), ("text", &text)]);
        self.stage = Stage::Drafted { name, text };
        vec![question, Effect::Listen]
    }
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
