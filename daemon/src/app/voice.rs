//! Voice events and effects: from words to calls.
//!
//! Owns: carrying out what the dialogue decided. Does not own: the dialogue. Invariant: an effect
//! goes the way any controller's wish goes; voice has no way of its own.

use ahoy_core::{
    engine::Command,
    id::{Now, SenderId},
    media::Tone,
    voice::{Effect, VoiceEvent},
};

use super::{
    App, Waiter,
    request::{Answer, Dict, Event, Fault},
};
use crate::{
    settings::Key,
    worker::{Voice, WorkerEvent},
};

impl App {
    pub(super) async fn listen(&mut self, now: Now, text: Option<String>, answer: Answer<()>) {
        let done = match text {
            Some(text) if text.trim().is_empty() => {
                Err(Fault::argument("options: text must not be empty"))
            }
            Some(text) => {
                let (calls, recent) = (self.situation(), self.recent.clone());
                self.tell(Event::Heard(text.clone(), true)).await;
                let effects = self.talk.text(now, calls, &recent, &text);
                self.typed_effects(now, effects).await;
                Ok(())
            }
            None => self.talk.open(now, self.situation()),
        };
        let _ = answer.send(done);
    }

    pub(super) async fn stop_listening(&mut self, now: Now, answer: Answer<()>) {
        let effects = self.talk.close();
        self.voice_effects(now, effects).await;
        let _ = answer.send(Ok(()));
    }

    pub(super) fn interpret(&self, text: &str, answer: Answer<(String, Dict, f64)>) {
        let _ = answer.send(Ok(self.talk.interpret(self.situation(), text)));
    }

    pub(super) async fn voice_event(&mut self, now: Now, event: WorkerEvent<Voice>) {
        match event {
            WorkerEvent::Started(link) => self.talk.started(link),
            WorkerEvent::Event(event) => self.voice_said(now, event).await,
            WorkerEvent::Exited { why, again_in } => {
                if self.talk.exited() {
                    let text = format!("The recogniser stopped: {why}");
                    self.tell(Event::Prompt(text, Vec::new())).await;
                }
                if again_in.is_some() {
                    tracing::warn!(why, "voice worker");
                }
            }
            WorkerEvent::PipeWireMissing { why } => {
                tracing::warn!(why, "no voice commands");
                let effects = self.talk.close();
                self.voice_effects(now, effects).await;
                self.tell(Event::Prompt(why, Vec::new())).await;
            }
            WorkerEvent::PipeWireFound => {}
        }
    }

    async fn voice_said(&mut self, now: Now, event: VoiceEvent) {
        match event {
            VoiceEvent::Ready { engines, lock, lock_warning } => {
                self.locks.insert("ahoy-voice", (lock, lock_warning));
                let calls = self.situation();
                if let Err(fault) = self.talk.ready(engines, calls) {
                    tracing::warn!(%fault, "voice");
                    self.tell(Event::Prompt(fault.text, Vec::new())).await;
                }
            }
            VoiceEvent::Listening { .. } => {
                let device = self.device(Key::SPEAKER);
                self.media.play_once(Tone::Listening, device);
            }
            VoiceEvent::Partial { text } => self.tell(Event::Heard(text, false)).await,
            VoiceEvent::Heard { hypotheses, latency_ms } => {
                self.talk.closed(now);
                let (calls, recent) = (self.situation(), self.recent.clone());
                let (text, effects) = self.talk.heard(now, calls, &recent, &hypotheses);
                tracing::debug!(latency_ms, "heard a command");
                self.refresh();
                self.tell(Event::Heard(text, true)).await;
                self.voice_effects(now, effects).await;
            }
            VoiceEvent::Nothing => {
                self.talk.closed(now);
                let effects = self.talk.nothing();
                self.voice_effects(now, effects).await;
            }
            VoiceEvent::Stopped => self.talk.closed(now),
            VoiceEvent::Failed { why } => {
                self.talk.closed(now);
                tracing::warn!(why, "voice");
                self.tell(Event::Prompt(why, Vec::new())).await;
            }
        }
    }

    /// Effects of typed words: a question is shown, the microphone stays closed.
    async fn typed_effects(&mut self, now: Now, effects: Vec<Effect>) {
        let typed = effects.into_iter().filter(|effect| *effect != Effect::Listen).collect();
        self.voice_effects(now, typed).await;
    }

    pub(super) async fn voice_effects(&mut self, now: Now, effects: Vec<Effect>) {
        for effect in effects {
            self.voice_effect(now, effect).await;
        }
    }

    async fn voice_effect(&mut self, now: Now, effect: Effect) {
        let ringing = self.service.engine().ringing().map(ahoy_core::call::Call::id);
        let active = self.service.engine().active().map(ahoy_core::call::Call::id);
        let command = match effect {
            Effect::Say(text, choices) => return self.tell(Event::Prompt(text, choices)).await,
            Effect::Listen => {
                let calls = self.situation();
                if let Err(fault) = self.talk.open(now, calls) {
                    self.tell(Event::Prompt(fault.text, Vec::new())).await;
                }
                return;
            }
            Effect::Call(contact, video) => {
                return self.call_contact(now, contact.0, video).await;
            }
            Effect::CallHandle(handle, video) => {
                let party = self.party(handle, String::new(), String::new());
                Some(Command::Start {
                    sender: SenderId::OWN,
                    provider: None,
                    party,
                    video,
                    id: None,
                })
            }
            Effect::Answer(video) => ringing.map(|call| Command::Answer { call, video }),
            Effect::Decline => ringing.map(Command::Decline),
            Effect::Silence => ringing.map(Command::Silence),
            Effect::HangUp => active.map(Command::HangUp),
            Effect::SetMuted(muted) => active.map(|call| Command::SetMuted(call, muted)),
            Effect::SetVideo(video) => active.map(|call| Command::SetVideo(call, video)),
        };
        // The call may have ended between the word and the deed.
        let Some(command) = command else { return };
        self.carry_out(now, Waiter::Desktop, command).await;
    }

    /// Calls a person by the first of their handles that a provider takes.
    async fn call_contact(&mut self, now: Now, contact: String, video: bool) {
        match self.callee(None, &contact).await {
            Ok(callee) => {
                let party = self.party(callee.handle, callee.name, callee.contact);
                let command = Command::Start {
                    sender: SenderId::OWN,
                    provider: None,
                    party,
                    video,
                    id: None,
                };
                self.carry_out(now, Waiter::Desktop, command).await;
            }
            Err(fault) => self.tell(Event::Prompt(fault.text, Vec::new())).await,
        }
    }
}
