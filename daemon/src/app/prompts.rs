//! What the assistant says: on the bus, and aloud where it was spoken to.
//!
//! Owns: when its voice is on, and that nobody listens meanwhile. Does not own: the words (the
//! dialogue), the voice (`desktop::speech`). Invariant: half duplex: while it speaks no microphone
//! is open for commands, so it never hears itself; who presses to talk cuts it short.

use std::time::Duration;

use ahoy_core::id::Now;

use super::{App, request::Event};
use crate::{
    desktop::{
        notify::{Action, Expiry, Key as Shown, Notification, Urgency},
        speech::{Order, Speech, Utterance},
    },
    settings::Key,
};

/// An utterance is over after this at the latest, whatever its voice says.
const LONGEST: Duration = Duration::from_secs(30);

/// What its notification's buttons say ...
const SAY: &str = "say:";
/// ... open the ears ...
const LISTEN: &str = "listen";
/// ... or close them.
const STOP: &str = "stop";

fn voice_key() -> Shown {
    Shown("voice".to_owned())
}

/// Whether a notification is the assistant's.
pub(super) fn is_prompt(key: &Shown) -> bool {
    *key == voice_key()
}

/// As buttons are written.
fn capital(label: &str) -> String {
    let mut letters = label.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The assistant's voice.
pub(super) struct Prompts {
    speech: Speech,
    /// The utterance that is spoken or waits, last of all, and when it is over at the latest.
    speaking: Option<(u64, Duration)>,
    next: u64,
    /// The ears are to open when it is over.
    then_listen: bool,
    /// The screen says that the ears are open, and nothing else.
    ears_shown: bool,
}

impl Prompts {
    pub(super) const fn new(speech: Speech) -> Self {
        Self { speech, speaking: None, next: 0, then_listen: false, ears_shown: false }
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
        if self.talk.is_aloud() {
            self.show_prompt(&text);
            if self.settings.flag(Key::VOICE_SPEAK) {
                self.speak(now, text);
            }
        }
    }

    /// Shows it, with buttons for what can be answered: whoever cannot speak now, presses.
    fn show_prompt(&mut self, text: &str) {
        self.prompts.ears_shown = false;
        let answers = self.talk.answers();
        let mut actions: Vec<Action> = answers
            .iter()
            .map(|(label, words)| Action { id: format!("{SAY}{words}"), label: capital(label) })
            .collect();
        if actions.is_empty() {
            actions.push(Action { id: LISTEN.to_owned(), label: self.talk.prompt("speak", &[]) });
        }
        self.show_voice(text, actions, answers.is_empty());
    }

    /// Shows that the ears are open; a question stays on the screen.
    pub(super) fn show_listening(&mut self) {
        if self.talk.answers().is_empty() && !self.window.is_listening() {
            self.prompts.ears_shown = true;
            let stop = Action { id: STOP.to_owned(), label: self.talk.prompt("stop", &[]) };
            self.show_voice(&self.talk.prompt("listening", &[]), vec![stop], false);
        }
    }

    fn show_voice(&self, text: &str, actions: Vec<Action>, is_over: bool) {
        // A lock screen shows nothing that was said.
        if self.lock.is_locked {
            return;
        }
        let notification = Notification {
            summary: text.to_owned(),
            urgency: Urgency::Normal,
            actions,
            expiry: if is_over { Expiry::Default } else { Expiry::Never },
            silent: true,
            ..Notification::default()
        };
        self.notifier.show(voice_key(), notification);
    }

    /// The ears have closed: what was said meanwhile stays on the screen for its time.
    pub(super) fn hide_listening(&self) {
        if self.prompts.ears_shown {
            self.hide_prompt();
        }
    }

    /// Takes the prompt off the screen.
    pub(super) fn hide_prompt(&self) {
        self.notifier.close(&voice_key());
    }

    /// A button of a prompt was pressed.
    pub(super) async fn prompt_pressed(&mut self, now: Now, action: &str) {
        self.prompts.hush();
        if let Some(words) = action.strip_prefix(SAY) {
            let (calls, recent) = (self.situation(), self.known());
            let effects = self.talk.pressed(now, calls, &recent, words);
            self.tell(Event::Heard(words.to_owned(), true)).await;
            self.voice_effects(now, effects).await;
        } else if action == LISTEN {
            self.listen_on(now).await;
        } else if action == STOP {
            let effects = self.talk.close();
            self.voice_effects(now, effects).await;
            self.hide_prompt();
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
        self.announced(now).await;
    }
}
