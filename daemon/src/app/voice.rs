//! Voice events and effects: from words to calls.
//!
//! Owns: carrying out what the dialogue decided. Does not own: the dialogue. Invariant: an effect
//! goes the way any controller's wish goes; voice has no way of its own.

use ahoy_core::{
    call::{Call, Party},
    engine::Command,
    id::{Now, SenderId},
    media::Tone,
    voice::{By, Effect, VoiceEvent, is_short_number},
    written::Written,
};

use super::{
    App, Waiter,
    ears::Purpose,
    request::{Answer, Dict, Event, Fault},
};
use crate::{
    settings::Key,
    worker::{Voice, WorkerEvent},
};

/// µs.
const MINUTE: u64 = 60 * 1_000_000;

impl App {
    pub(super) async fn listen(&mut self, now: Now, text: Option<String>, answer: Answer<()>) {
        let done = match text {
            Some(text) if text.trim().is_empty() => {
                Err(Fault::argument("options: text must not be empty"))
            }
            Some(text) => {
                let (calls, recent) = (self.situation(), self.known());
                self.tell(Event::Heard(text.clone(), true)).await;
                let effects = self.talk.text(now, calls, &recent, &text);
                self.typed_effects(now, effects).await;
                Ok(())
            }
            None if self.window.is_listening() => Ok(()),
            None => {
                // Who presses to talk is heard at once, whatever is being said.
                self.prompts.hush();
                self.talk.open(now, self.situation())
            }
        };
        let _ = answer.send(done);
    }

    pub(super) async fn stop_listening(&mut self, now: Now, answer: Answer<()>) {
        self.prompts.hush();
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
                self.window.handle_closed(now);
                if self.talk.exited() {
                    let text = format!("The recogniser stopped: {why}");
                    self.prompt(now, text, Vec::new()).await;
                }
                if again_in.is_some() {
                    tracing::warn!(why, "voice worker");
                }
            }
            WorkerEvent::PipeWireMissing { why } => {
                tracing::warn!(why, "no voice commands");
                self.window.handle_closed(now);
                let effects = self.talk.close();
                self.voice_effects(now, effects).await;
                self.prompt(now, why, Vec::new()).await;
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
                    self.prompt(now, fault.text, Vec::new()).await;
                }
            }
            VoiceEvent::Waiting => {
                self.talk.opened(Purpose::Wake, false);
                self.hide_listening();
            }
            VoiceEvent::Woken => {
                self.talk.opened(Purpose::Wake, true);
                let device = self.device(Key::SPEAKER);
                self.media.play_once(Tone::Listening, device);
                self.show_listening();
            }
            VoiceEvent::Listening { .. } => {
                self.talk.opened(Purpose::Command, false);
                let device = self.device(Key::SPEAKER);
                self.media.play_once(Tone::Listening, device);
                self.show_listening();
            }
            VoiceEvent::Partial { text } => {
                self.talk.partial(now);
                self.tell(Event::Heard(text, false)).await;
            }
            // Of the other process, which writes along.
            VoiceEvent::Said { .. } => tracing::debug!("a caption of the recogniser of commands"),
            VoiceEvent::Heard { hypotheses, latency_ms } => {
                if !self.talk.closed(now) || self.overheard(now, &hypotheses) {
                    return;
                }
                let (calls, recent) = (self.situation(), self.known());
                let (text, effects) = self.talk.heard(now, calls, &recent, &hypotheses);
                tracing::debug!(latency_ms, "heard a command");
                self.refresh();
                self.tell(Event::Heard(text, true)).await;
                self.voice_effects(now, effects).await;
            }
            VoiceEvent::Sounded { way } => {
                if self.talk.closed(now) {
                    self.name_sounded(now, &way).await;
                }
            }
            VoiceEvent::Inspected { deaf, alike, why } => {
                self.talk.looked_over(&deaf, &alike, &why);
            }
            VoiceEvent::Nothing => {
                if !self.talk.closed(now) || self.overheard(now, &[]) {
                    return;
                }
                let effects = self.talk.nothing();
                self.voice_effects(now, effects).await;
            }
            VoiceEvent::Stopped => {
                if self.talk.stopped(now) {
                    self.window.handle_closed(now);
                    self.hide_listening();
                }
            }
            VoiceEvent::Failed { why } => {
                let what = self.talk.failed(now);
                self.window.handle_closed(now);
                tracing::warn!(why, "voice");
                // Nobody asked for anything just now where only the word was waited for.
                if what == Some(Purpose::Command) {
                    self.prompt(now, why, Vec::new()).await;
                }
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
        match effect {
            Effect::Say(text, choices) => self.prompt(now, text, choices).await,
            Effect::Listen => self.listen_on(now).await,
            Effect::Call { contact, video, by } => {
                self.talk.close_ears();
                self.hide_prompt();
                self.call_contact(now, &contact.0, video, by.as_ref()).await;
            }
            Effect::CallHandle(handle, video) => {
                self.talk.close_ears();
                self.hide_prompt();
                let party = self.party(handle, String::new(), String::new());
                self.place(now, party, video).await;
            }
            Effect::DoNotDisturb(minutes) => {
                let until = minutes.map(|minutes| now.unix_us + u64::from(minutes) * MINUTE);
                self.quiet(now, "on", until.unwrap_or(0)).await;
            }
            Effect::Disturb => self.quiet(now, "off", 0).await,
            Effect::Captions(on) => self.say_captions(now, on).await,
            Effect::SendMessage(text) => self.send_message(now, text).await,
            Effect::Answer(_)
            | Effect::Decline
            | Effect::Silence
            | Effect::HangUp
            | Effect::SetMuted(_)
            | Effect::SetVideo(_)
            | Effect::SwitchCamera
            | Effect::Hold
            | Effect::Resume
            | Effect::PressDigits(_)
            | Effect::ShareScreen(_) => {
                // The call may have ended between the word and the deed.
                if let Some(command) = self.spoken_command(&effect) {
                    self.hide_prompt();
                    self.carry_out(now, Waiter::Desktop, command).await;
                }
            }
        }
    }

    /// What is done about the calls that there are.
    fn spoken_command(&self, effect: &Effect) -> Option<Command> {
        let engine = self.service.engine();
        let ringing = || engine.ringing().map(Call::id);
        let active = || engine.active().map(Call::id);
        let held = || engine.calls().find(|call| call.flags().held).map(Call::id);
        Some(match effect {
            Effect::Answer(video) => Command::Answer { call: ringing()?, video: *video },
            Effect::Decline => Command::Decline(ringing()?, None),
            Effect::Silence => Command::Silence(ringing()?),
            Effect::HangUp => Command::HangUp(active()?),
            Effect::SetMuted(muted) => Command::SetMuted(active()?, *muted),
            Effect::SetVideo(video) => Command::SetVideo(active()?, *video),
            Effect::SwitchCamera => Command::SwitchCamera(active()?, String::new()),
            Effect::Hold => Command::SetHeld(active()?, true),
            Effect::Resume => Command::SetHeld(held()?, false),
            Effect::PressDigits(digits) => Command::SendDtmf(active()?, digits.clone()),
            Effect::ShareScreen(on) => Command::SetScreenShare(active()?, *on),
            Effect::Say(..)
            | Effect::Listen
            | Effect::Call { .. }
            | Effect::CallHandle(..)
            | Effect::SendMessage(_)
            | Effect::Captions(_)
            | Effect::DoNotDisturb(_)
            | Effect::Disturb => return None,
        })
    }

    /// Writes to who rings, which declines the call, or to who is talked to.
    async fn send_message(&mut self, now: Now, text: String) {
        self.hide_prompt();
        let engine = self.service.engine();
        let command = Written::new(text, true).ok().and_then(|written| {
            let declined = engine.ringing().map(Call::id);
            let on = engine.active().map(Call::id);
            let decline = declined.map(|call| Command::Decline(call, Some(written.clone())));
            decline.or_else(|| Some(Command::SendText(on?, written)))
        });
        match command {
            Some(command) => self.carry_out(now, Waiter::Voice("message-sent"), command).await,
            None => {
                let text = self.talk.prompt("message-unsent", &[]);
                self.prompt(now, text, Vec::new()).await;
            }
        }
    }

    async fn quiet(&mut self, now: Now, mode: &str, until: u64) {
        if let Err(fault) = self.set_do_not_disturb(mode, until).await {
            self.prompt(now, fault.text, Vec::new()).await;
        }
    }

    /// Calls a person, by the address that was said or by the best.
    async fn call_contact(&mut self, now: Now, contact: &str, video: bool, by: Option<&By>) {
        let callee = match by {
            Some(by) => self.callee_by(contact, by).await,
            None => self.callee(None, contact).await.map(Ok),
        };
        match callee {
            // Emergency services may stand in an address book, too.
            Ok(Ok(callee)) if is_short_number(&callee.handle) => {
                let text = self.talk.prompt("no-emergency", &[]);
                self.prompt(now, text, Vec::new()).await;
            }
            Ok(Ok(callee)) => {
                let party = self.party(callee.handle, callee.name, callee.contact);
                self.place(now, party, video).await;
            }
            Ok(Err(name)) => {
                let text = self.talk.prompt("no-address", &[("name", &name)]);
                self.prompt(now, text, Vec::new()).await;
            }
            Err(fault) => self.prompt(now, fault.text, Vec::new()).await,
        }
    }

    async fn place(&mut self, now: Now, party: Party, video: bool) {
        let sender = SenderId::OWN;
        let command = Command::Start { sender, provider: None, party, video, id: None };
        self.carry_out(now, Waiter::Desktop, command).await;
    }
}
