//! Captions: what the other side says, as text, for who cannot hear it.
//!
//! Owns: which calls are written along with, and telling the recogniser that does. Does not own: the
//! recogniser's process, or commands: another process hears those. Invariant: nothing is listened to
//! but the voice of the call that is talked in, while its captions are on.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use ahoy_core::{
    call::Call,
    id::{CallId, Now},
    voice::{Engine, VoiceCommand, VoiceEvent},
};

use super::{
    App,
    recognisers::{self, Room},
    request::{Answer, Event, Fault, FaultKind},
};
use crate::{
    settings::Key,
    worker::{Link, Voice, WorkerEvent, WorkerHandle},
};

/// A stream that went away is looked for again after this: devices change in a call.
const AGAIN: Duration = Duration::from_secs(1);

/// The captions' side of the app.
pub(super) struct Captions {
    pub(super) worker: WorkerHandle<Voice>,
    link: Option<Link<Voice>>,
    engines: Vec<Engine>,
    room: Room,
    /// What the user wants for a call, where it is not what the settings say.
    chosen: BTreeMap<CallId, bool>,
    /// The call that is written along with, and the stream it is heard in.
    now: Option<(CallId, String)>,
    /// One that failed is tried again then.
    again: Option<Duration>,
    /// The call whose failure was told.
    told: Option<CallId>,
}

impl Captions {
    pub(super) const fn new(worker: WorkerHandle<Voice>, room: Room) -> Self {
        Self {
            worker,
            link: None,
            engines: Vec::new(),
            room,
            chosen: BTreeMap::new(),
            now: None,
            again: None,
            told: None,
        }
    }

    pub(super) const fn next_timeout(&self) -> Option<Duration> {
        self.again
    }

    fn is_on(&self, call: CallId, always: bool) -> bool {
        self.chosen.get(&call).copied().unwrap_or(always)
    }

    /// Has the recogniser hear this and nothing else.
    fn reconcile(
        &mut self,
        now: Now,
        wanted: Option<(CallId, String)>,
        model: impl FnOnce(&[Engine], &Room) -> Result<(Engine, PathBuf), Fault>,
    ) -> Result<(), Fault> {
        self.worker.set_wanted(wanted.is_some());
        let waits = self.again.is_some_and(|again| now.mono < again);
        if self.now == wanted || (waits && wanted.is_some()) || self.engines.is_empty() {
            return Ok(());
        }
        self.again = None;
        let Some(link) = &self.link else { return Ok(()) };
        let sent = match &wanted {
            Some((_, source)) => {
                let (engine, model) = model(&self.engines, &self.room).inspect_err(|_| {
                    self.again = Some(now.mono + AGAIN);
                })?;
                let model = model.display().to_string();
                let caption = VoiceCommand::Caption { engine, model, source: source.clone() };
                link.send(VoiceCommand::PipeWire).and_then(|()| link.send(caption))
            }
            None => link.send(VoiceCommand::Stop),
        };
        self.now = wanted;
        sent.map_err(|error| Fault::new(FaultKind::InvalidState, error.to_string()))
    }
}

impl App {
    /// Turns a call's captions on or off.
    pub(super) fn set_captions(&mut self, call: CallId, on: bool, answer: Answer<()>) {
        let known = self.service.engine().call(call).filter(|call| !call.state().is_ended());
        let done = match known {
            None => Err(Fault::new(FaultKind::UnknownCall, "there is no such call now")),
            Some(_) => {
                self.captions.chosen.insert(call, on);
                Ok(())
            }
        };
        let _ = answer.send(done);
    }

    /// By voice: of the call that is on.
    pub(super) async fn say_captions(&mut self, now: Now, on: bool) {
        let active = self.service.engine().active().map(Call::id);
        if let Some(call) = active.filter(|call| self.captioned(*call).is_some()) {
            self.captions.chosen.insert(call, on);
            self.hide_prompt();
            return;
        }
        let text = self.talk.prompt("cannot", &[]);
        self.prompt(now, text, Vec::new()).await;
    }

    /// The stream of a call's voice, where the daemon carries it and there is a recogniser for it.
    fn captioned(&self, call: CallId) -> Option<String> {
        let source = &self.service.engine().call(call)?.nodes().remote_audio;
        (!source.is_empty() && self.can_caption()).then(|| source.clone())
    }

    /// Whether there is a recogniser, and a call that the daemon carries the sound of: files are looked
    /// for only then, and not at every event of a daemon that waits.
    pub(super) fn can_caption(&self) -> bool {
        let mut calls = self.service.engine().calls();
        let (wish, models) = self.talk.wish();
        calls.any(|call| !call.nodes().remote_audio.is_empty())
            && recognisers::is_installed(wish, models)
    }

    /// Makes what is written along with agree with the calls. A lock screen shows none of it.
    pub(super) async fn reconcile_captions(&mut self, now: Now) {
        let engine = self.service.engine();
        self.captions.chosen.retain(|call, _| engine.call(*call).is_some());
        let always = self.settings.flag(Key::CAPTIONS);
        let talked = engine.active().map(Call::id).filter(|_| !self.lock.is_locked);
        let on = talked.filter(|call| self.captions.is_on(*call, always));
        let wanted = on.and_then(|call| Some((call, self.captioned(call)?)));
        let (wish, models) = self.talk.wish();
        let model =
            |engines: &[Engine], room: &Room| recognisers::choose(wish, models, engines, room);
        if let Err(fault) = self.captions.reconcile(now, wanted, model) {
            self.captions_failed(now, fault.text).await;
        }
    }

    pub(super) async fn captions_event(&mut self, now: Now, event: WorkerEvent<Voice>) {
        match event {
            WorkerEvent::Started(link) => self.captions.link = Some(link),
            WorkerEvent::Event(VoiceEvent::Ready { engines, .. }) => {
                self.captions.engines = engines;
                self.captions.room.look();
            }
            WorkerEvent::Event(VoiceEvent::Partial { text }) => self.caption(text, false).await,
            WorkerEvent::Event(VoiceEvent::Said { text }) => self.caption(text, true).await,
            WorkerEvent::Event(VoiceEvent::Failed { why }) => {
                self.captions.now = None;
                self.captions.again = Some(now.mono + AGAIN);
                self.captions_failed(now, why).await;
            }
            WorkerEvent::Event(_) | WorkerEvent::PipeWireFound => {}
            WorkerEvent::Exited { why, again_in } => {
                self.captions.link = None;
                self.captions.engines.clear();
                if self.captions.now.take().is_some() && again_in.is_some() {
                    self.captions_failed(now, why).await;
                }
            }
            WorkerEvent::PipeWireMissing { why } => self.captions_failed(now, why).await,
        }
    }

    async fn caption(&self, text: String, is_final: bool) {
        if let Some((call, _)) = self.captions.now {
            self.tell(Event::Caption(call, text, is_final)).await;
        }
    }

    /// Says once a call why there are none.
    async fn captions_failed(&mut self, now: Now, why: String) {
        tracing::warn!(why, "captions");
        let call = self.service.engine().active().map(Call::id);
        if call.is_some() && self.captions.told != call {
            self.captions.told = call;
            self.prompt(now, why, Vec::new()).await;
        }
    }
}
