//! What the assistant says: on the bus, and aloud where it was spoken to.
//!
//! Owns: when its voice is on, and that nobody listens meanwhile. Does not own: the words (the
//! dialogue), the voice (`desktop::speech`). Invariant: half duplex: while it speaks no microphone
//! is open for commands, so it never hears itself; who presses to talk cuts it short.

use std::time::Duration;

use ahoy_core::id::Now;

use super::{App, request::Event};
use crate::{
    desktop::speech::{Order, Speech, Utterance},
    settings::Key,
};

/// An utterance is over after this at the latest, whatever its voice says.
const LONGEST: Duration = Duration::from_secs(30);

/// The assistant's voice.
pub(super) struct Prompts {
    speech: Speech,
    /// The utterance that is spoken or waits, last of all, and when it is over at the latest.
    speaking: Option<(u64, Duration)>,
    next: u64,
    /// The ears are to open when it is over.
    then_listen: bool,
}

impl Prompts {
    pub(super) const fn new(speech: Speech) -> Self {
        Self { speech, speaking: None, next: 0, then_listen: false }
    }

    /// Whether it speaks, or is about to.
    pub(super) const fn is_speaking(&self) -> bool {
        self.speaking.is_some()
    }

    /// The next utterance that came to its end; never where there is no voice any more.
    pub(super) async fn over(&mut self) -> u64 {
        match self.speech.over.recv().await {
            Some(id) => id,
            None => std::future::pending().await,
        }
    }

    pub(super) fn next_timeout(&self) -> Option<Duration> {
        self.speaking.map(|(_, late)| late)
    }

    fn say(&mut self, now: Now, language: String, text: String) {
        self.next += 1;
        let utterance = Utterance { id: self.next, language, text };
        if self.speech.order(Order::Say(utterance)) {
            self.speaking = Some((self.next, now.mono + LONGEST));
        }
    }

    /// Cuts it short.
    pub(super) fn hush(&mut self) {
        self.then_listen = false;
        if self.speaking.take().is_some() && !self.speech.order(Order::Quiet) {
            tracing::debug!("the voice is behind");
        }
    }
}

impl App {
    /// Says something: shown in any case, spoken to whoever spoke.
    pub(super) async fn prompt(&mut self, now: Now, text: String, choices: Vec<String>) {
        self.tell(Event::Prompt(text.clone(), choices)).await;
        if self.talk.is_aloud() && self.settings.flag(Key::VOICE_SPEAK) {
            self.speak(now, text);
        }
    }

    /// Says something aloud.
    pub(super) fn speak(&mut self, now: Now, text: String) {
        self.prompts.say(now, self.settings.text(Key::VOICE_LOCALE), text);
        if let Some((_, over)) = self.prompts.speaking {
            self.talk.speaking(over);
        }
    }

    /// Opens the ears for the answer: now, or as soon as the question has been spoken.
    pub(super) async fn listen_on(&mut self, now: Now) {
        if self.prompts.is_speaking() {
            self.prompts.then_listen = true;
            return;
        }
        let calls = self.situation();
        if let Err(fault) = self.talk.open(now, calls) {
            self.tell(Event::Prompt(fault.text, Vec::new())).await;
        }
    }

    /// An utterance is over.
    pub(super) async fn spoken(&mut self, now: Now, id: u64) {
        if self.prompts.speaking.is_some_and(|(last, _)| last == id) {
            self.all_spoken(now).await;
        }
    }

    /// The voice says nothing of an utterance that must be over.
    pub(super) async fn speech_timeout(&mut self, now: Now) {
        if self.prompts.speaking.is_some_and(|(_, late)| late <= now.mono) {
            self.all_spoken(now).await;
        }
    }

    async fn all_spoken(&mut self, now: Now) {
        self.prompts.speaking = None;
        self.talk.speaking(now.mono);
        if std::mem::take(&mut self.prompts.then_listen) {
            self.listen_on(now).await;
        }
    }
}
