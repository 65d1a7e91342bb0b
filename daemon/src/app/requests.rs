//! Requests of the bus, each to where it is handled.
//!
//! Owns: starting calls, settings, Do Not Disturb, media events. Does not own: the rest, which has
//! files of its own. Invariant: every request is answered exactly once.

use ahoy_core::{
    engine::Command,
    id::{CallId, Handle, Now},
    media::MediaEvent,
};

use super::{
    App, Waiter,
    callee::Callee,
    request::{Answer, Caller, Dict, Event, Fault, FaultKind, Plain, Request, StartWish},
    talk,
    waking::{Wish, defaults},
};
use crate::{
    link::udp::PathOrder,
    settings::{Key, Settings, SettingsError, Value},
    worker::{Media, WorkerEvent},
};

fn plain(value: Value) -> Plain {
    match value {
        Value::Bool(value) => Plain::Bool(value),
        Value::Number(value) => Plain::Int(value),
        Value::Text(value) => Plain::Text(value),
    }
}

pub(super) fn setting(value: Plain) -> Option<Value> {
    match value {
        Plain::Bool(value) => Some(Value::Bool(value)),
        Plain::Uint(value) => i64::try_from(value).ok().map(Value::Number),
        Plain::Int(value) => Some(Value::Number(value)),
        Plain::Text(value) => Some(Value::Text(value)),
        Plain::Double(_) | Plain::Pair(..) | Plain::Texts(_) | Plain::Triples(_) => None,
    }
}

pub(super) fn settings_fault(error: &SettingsError) -> Fault {
    Fault::argument(error.to_string())
}

/// What the settings say about voice.
pub(super) fn voice_wish(settings: &Settings) -> talk::Wish {
    let microphone = [Key::VOICE_MICROPHONE, Key::MICROPHONE].map(|key| settings.text(key));
    talk::Wish {
        engine: settings.text(Key::VOICE_ENGINE),
        locale: settings.text(Key::VOICE_LOCALE),
        microphone: microphone.into_iter().find(|name| !name.is_empty()),
        word: settings.text(Key::VOICE_WAKE_WORD).trim().to_lowercase(),
    }
}

impl App {
    pub(super) async fn request(&mut self, now: Now, request: Request) {
        if let Err(fault) = self.lock.check(&request, &self.settings) {
            return request.refuse(fault);
        }
        match request {
            Request::Register(registration, peer, ringtone, answer) => {
                self.register(now, *registration, (peer, ringtone), answer);
            }
            Request::ReadRingtone(file, answer) => self.read_ringtone(file, answer),
            Request::Report(id, report, answer) => self.report(now, &id, *report, answer),
            Request::Unregister(id, answer) => self.unregister(now, &id, answer),
            Request::PeerGone(door, name) => self.peer_gone(now, door, &name),
            Request::Performed(serial, result) => self.performed(now, serial, result),
            Request::WakeFailed(app, why) => self.wake_failed(&app, &why).await,
            Request::Confirm(call, matches, answer) => {
                let found = self.service.built_in().confirm(call, matches);
                let fault = || Fault::new(FaultKind::UnknownCall, "there is no such call now");
                let _ = answer.send(found.then_some(()).ok_or_else(fault));
            }
            Request::Start(wish, Caller::App(app), answer) => {
                self.ask_for(now, app, (wish, answer)).await;
            }
            Request::Start(wish, from, answer) => self.start_call(now, wish, from, answer).await,
            Request::DiallerGone(name) => self.senders.forget(name),
            Request::Command(command, answer) => match self.misses(&command) {
                Some(fault) => drop(answer.send(Err(fault))),
                None => self.carry_out(now, Waiter::Command(answer), command).await,
            },
            Request::SetDoNotDisturb(mode, until, answer) => {
                let _ = answer.send(self.set_do_not_disturb(&mode, until).await);
            }
            Request::Doctor(answer) => self.doctor(answer),
            Request::History(filter, limit, cursor, answer) => {
                self.history(filter, limit, cursor, answer).await;
            }
            Request::HistoryRemove(ids, answer) => self.history_remove(ids, answer).await,
            Request::HistoryClear(filter, answer) => self.history_clear(filter, answer).await,
            Request::HistorySeen(ids, answer) => self.history_seen(ids, answer).await,
            Request::ContactSearch(text, limit, answer) => {
                self.contact_search(text, limit, answer).await;
            }
            Request::ContactQuery(text, limit, cursor, answer) => {
                self.contact_query(text, limit, &cursor, answer).await;
            }
            Request::ContactResolve(handle, answer) => self.contact_resolve(handle, answer).await,
            Request::ContactPut(contact, answer) => self.contact_put(contact, answer).await,
            Request::ContactRemove(id, answer) => self.contact_remove(id, answer).await,
            Request::ContactFavourite(id, on, answer) => {
                self.contact_favourite(id, on, answer).await;
            }
            Request::ContactImport(file, format, answer) => {
                self.contact_import(file, format, answer);
            }
            Request::Invite(options, answer) => self.invite(now, options, answer),
            Request::Accept(link, options, answer) => self.accept(now, &link, options, answer),
            Request::Devices(answer) => self.devices(answer),
            Request::Backup(file, passphrase, answer) => {
                self.backup(file, passphrase, answer).await;
            }
            Request::Restore(file, passphrase, answer) => {
                self.restore(file, passphrase, answer).await;
            }
            Request::Listen(text, answer) => self.listen(now, text, answer).await,
            Request::StopListening(answer) => self.stop_listening(now, answer).await,
            Request::Captions(call, on, answer) => self.set_captions(call, on, answer),
            Request::Interpret(text, answer) => self.interpret(&text, answer),
            Request::Teach(contact, word, answer) => self.teach(now, contact, word, answer).await,
            Request::ForgetSounds(contact, answer) => self.forget_sounds(contact, answer).await,
            Request::VoiceDoctor(answer) => self.talk.look_over_names(answer),
            Request::SettingGet(key, answer) => {
                let value = self.settings.get(&key).map(plain);
                let _ = answer.send(value.map_err(|error| settings_fault(&error)));
            }
            Request::SettingSet(key, value, answer) => self.set_setting(key, value, answer).await,
            Request::SettingList(answer) => {
                let all = self.settings.list().into_iter();
                let all = all.map(|(key, value)| (key.name().to_owned(), plain(value)));
                let _ = answer.send(Ok(all.collect()));
            }
            Request::Block(block, answer) => self.block(now, block, answer).await,
            Request::Unblock(block, answer) => self.unblock(now, block, answer).await,
            Request::Blocked(answer) => self.blocked(answer),
            Request::SetPolicy(policy, answer) => self.set_policy(now, policy, answer).await,
            Request::AddDirectory(id, file, answer) => self.add_directory(id, file, answer),
            Request::SetEndpoint(id, answer) => {
                self.set_setting(Key::Speaker.name().to_owned(), Plain::Text(id), answer).await;
            }
        }
    }

    /// What a command names that is not there: devices are no part of the calls.
    fn misses(&self, command: &Command) -> Option<Fault> {
        let Command::SetEndpoint(_, id) = command else { return None };
        let is = |one: &ahoy_core::media::Device| {
            one.kind == ahoy_core::media::DeviceKind::Speaker && one.name == *id
        };
        let there = id.is_empty() || self.media.devices.iter().any(is);
        let why = || format!("id: \"{id}\" is none of Audio.Endpoints");
        (!there).then(|| Fault::argument(why()))
    }

    pub(super) async fn start_call(
        &mut self,
        now: Now,
        wish: StartWish,
        from: Caller,
        answer: Answer<CallId>,
    ) {
        match self.parse_start(wish.clone(), from.clone()).await {
            Ok(command) => match self.to_wake(&command).await {
                Some(app) => self.wake(now, app, Wish::Start(wish, from, answer)).await,
                None => self.carry_out(now, Waiter::Start(answer, from), command).await,
            },
            Err(fault) => drop(answer.send(Err(fault))),
        }
    }

    pub(super) async fn parse_start(
        &mut self,
        wish: StartWish,
        from: Caller,
    ) -> Result<Command, Fault> {
        let argument = |error: ahoy_core::id::TextError| Fault::argument(error.to_string());
        ahoy_core::id::check_text("display-name", &wish.name).map_err(argument)?;
        let provider = match wish.provider.as_str() {
            "" => None,
            id => Some(id.parse().map_err(argument)?),
        };
        let callee = match (wish.handle.0.as_str(), wish.contact_id.as_str()) {
            ("", "") => self.callee_named(provider.as_ref(), &wish.name).await?,
            ("", contact) => self.callee(provider.as_ref(), contact).await?,
            (scheme, _) => Callee {
                handle: Handle::new(scheme, &wish.handle.1).map_err(argument)?,
                name: wish.name,
                contact: wish.contact_id,
            },
        };
        let id = match wish.uuid.as_str() {
            "" => None,
            uuid => Some(uuid.parse().map_err(argument)?),
        };
        let default = self.settings.text(Key::DEFAULT_MEDIA) == "video";
        let video = wish.video.unwrap_or(default);
        let id = self.dialled(&from, &callee.handle, id)?;
        let party = self.party(callee.handle, callee.name, callee.contact);
        Ok(Command::Start { sender: self.senders.id(from), provider, party, video, id })
    }

    /// Until then, µs since the epoch; 0: for good.
    pub(super) async fn set_do_not_disturb(&mut self, mode: &str, until: u64) -> Result<(), Fault> {
        let key = Key::DoNotDisturb.name();
        let set = self.settings.set(key, Value::Text(mode.to_owned()));
        set.map_err(|error| settings_fault(&error))?;
        self.do_not_disturb_until = (until != 0 && mode != "off").then_some(until);
        self.tell_setting(key).await;
        Ok(())
    }

    pub(super) async fn write_setting(&mut self, key: &str, value: &str) {
        match self.settings.set(key, Value::Text(value.to_owned())) {
            Ok(_) => self.tell_setting(key).await,
            Err(error) => tracing::warn!(%error, "settings"),
        }
    }

    pub(super) async fn tell_setting(&self, key: &str) {
        if let Ok(value) = self.settings.get(key) {
            self.tell(Event::Settings(Dict::from([(key.to_owned(), plain(value))]))).await;
        }
    }

    async fn set_setting(&mut self, key: String, value: Plain, answer: Answer<()>) {
        let known = setting(value)
            .ok_or_else(|| Fault::argument(format!("{key}: this type of value is not taken")));
        let set = known.and_then(|value| {
            self.settings.set(&key, value).map_err(|error| settings_fault(&error))
        });
        if set.is_ok() {
            self.apply_settings();
            self.tell_setting(&key).await;
        }
        let _ = answer.send(set.map(|_| ()));
    }

    /// The config file changed under us.
    pub(super) async fn settings_changed(&mut self) {
        match self.settings.reload() {
            Ok(reloaded) => {
                for problem in &reloaded.problems {
                    tracing::warn!(%problem, "config file");
                }
                for key in &reloaded.changed {
                    self.tell_setting(key.name()).await;
                }
                if !reloaded.changed.is_empty() {
                    self.apply_settings();
                }
            }
            Err(error) => tracing::warn!(%error, "config file: the old settings stay"),
        }
    }

    /// Makes changed settings true for whatever comes next.
    fn apply_settings(&mut self) {
        self.bridges.send_replace(super::bridges::wish(&self.settings));
        self.talk.set_wish(voice_wish(&self.settings));
        self.phonemes.ask(self.talk.name_words());
        self.manners.set_keys(self.settings.flag(Key::SHORTCUTS));
        self.service.set_ring_time(super::start::ring_time(&self.settings));
        let chosen = self.settings.text(Key::DEFAULT_PROVIDERS);
        self.service.set_default_providers(defaults(&chosen).collect());
        let devices = super::start::devices(&self.settings);
        let name = super::start::own_name(&self.settings);
        let built_in = self.service.built_in();
        let mut preferences = built_in.preferences().clone();
        (preferences.devices, preferences.name) = (devices, name);
        built_in.set_preferences(preferences);
    }

    pub(super) async fn media_event(&mut self, event: WorkerEvent<Media>) {
        match event {
            WorkerEvent::Started(link) => self.media.started(link),
            WorkerEvent::Event(event) => self.media_said(event).await,
            WorkerEvent::Exited { why, again_in } => {
                if let Some(ringtone) = self.media.exited() {
                    self.ringtones.forget(&ringtone);
                }
                if again_in.is_some() {
                    tracing::warn!(why, "media worker; calls go on and it is started again");
                }
            }
            WorkerEvent::PipeWireMissing { why } => {
                tracing::warn!(why, "no sound and no pictures");
                self.media.missing.insert("pipewire".to_owned(), why);
            }
            WorkerEvent::PipeWireFound => {
                self.media.missing.remove("pipewire");
            }
        }
    }

    async fn media_said(&mut self, event: MediaEvent) {
        match event {
            MediaEvent::Ready { gstreamer, lock, lock_warning } => {
                self.media.version = gstreamer;
                self.locks.insert("ahoy-media", (lock, lock_warning));
            }
            MediaEvent::Devices { devices } => {
                self.service.built_in().handle_devices(devices.clone());
                self.media.devices = devices;
            }
            MediaEvent::Microphones { streams } => self.microphones.found(streams),
            MediaEvent::KeyFrameNeeded { session } => {
                let _ = self.path.send(PathOrder::AskKeyFrame(session)).await;
            }
            MediaEvent::Missing { part, why, .. } => {
                tracing::warn!(?part, why, "media");
                self.media.missing.insert(format!("{part:?}").to_lowercase(), why);
            }
            MediaEvent::Found { part, .. } => {
                tracing::info!(?part, "media is back");
                self.media.missing.remove(&format!("{part:?}").to_lowercase());
            }
            MediaEvent::ToneEnded { .. } => self.media.tone_ended(),
            MediaEvent::VideoShowing { width, height, .. } => {
                tracing::debug!(width, height, "remote picture");
            }
            MediaEvent::AudioPlaying { .. } => tracing::debug!("remote voice"),
            MediaEvent::Started { .. } => {}
            MediaEvent::Stats { session, stats } => {
                let now = self.clock.now();
                self.service.built_in().handle_stats(now, session, stats);
            }
        }
    }
}
