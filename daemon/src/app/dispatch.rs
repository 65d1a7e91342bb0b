//! After every input: what the core wants done, in order, and what is shown.
//!
//! Owns: draining the service and refreshing the snapshot, notifications and tones. Does not own:
//! decisions. Invariant: a call's object is on the bus before its notification and its ringtone.

use std::sync::Arc;

use ahoy_core::{
    builtin,
    call::{Call, CallView, Direction, LogRow},
    engine::{self, CommandError, CommandId, Reply},
    id::{CallId, Now},
    media::MediaCommand,
    service::Output,
};
use tokio::sync::oneshot;

use super::{
    App, MISSED, Missed, Waiter, desk,
    grants::{self, Grants},
    prompts::is_prompt,
    refusals::Refusals,
    request::{Event, Fault, Snapshot},
};
use crate::{
    link::{lan::ConnectionId, udp::PathOrder},
    settings::Key,
};

impl App {
    /// Drains the core, then makes everything that is shown agree with it.
    pub(super) async fn settle(&mut self) {
        loop {
            let now = self.clock.now();
            let Some(output) = self.service.poll_output(now) else { break };
            match output {
                Output::Engine(output) => self.engine_output(output).await,
                Output::BuiltIn(output) => self.built_in_output(output).await,
            }
        }
        self.refresh();
        let has_keys = self.settings.flag(Key::HEADSET_MEDIA_KEYS);
        self.places.reconcile(&self.view.borrow(), self.in_tray(), has_keys);
        let attention = self.service.engine().attention();
        let shown = self.lock.shown(&self.settings);
        let leave = self.leave(&attention);
        self.manners.reconcile(self.clock.now().mono, &attention, leave);
        let out = attention.ring.filter(|_| self.manners.stands_out());
        self.desk.reconcile(self.service.engine(), &attention, (shown, out), &self.notifier);
        self.refusals.reconcile(self.service.engine(), shown, &self.notifier);
        if let Some(nodes) = self.microphones.reconcile(&attention.shut) {
            tracing::debug!(streams = nodes.len(), "microphones of apps that are shut");
            self.media.command(MediaCommand::ShutMicrophones { nodes });
        }
        let now = self.clock.now();
        self.ring_window(now, &attention).await;
        let (calls, may) = (self.situation(), !self.prompts.is_speaking());
        self.talk.reconcile_wait(now, calls, may);
        self.reconcile_captions(now).await;
        let sound = self.sound(&attention);
        self.media.set_sound(sound);
        let now = now.mono;
        // A worker that starts while it rings has its media up by the time of the answer.
        let calls_want = attention.in_call || !attention.unanswered.is_empty();
        let wanted = self.media.is_wanted(calls_want, now);
        self.media_worker.set_wanted(wanted);
        self.voice_worker.set_wanted(self.talk.is_wanted(now));
    }

    pub(super) fn device(&self, key: crate::settings::Text) -> Option<String> {
        let name = self.settings.text(key);
        (!name.is_empty()).then_some(name)
    }

    /// Puts the present state where the bus reads it.
    pub(super) fn refresh(&mut self) {
        let providers = self.provider_views();
        let engine = self.service.engine();
        self.diallers.retain(|call, _| engine.call(*call).is_some());
        let (shown, named) = {
            let view = self.view.borrow();
            (view.calls.clone(), view.named)
        };
        let names = self.lock.shown(&self.settings).caller;
        let view = |call: &Call| {
            let same = shown.get(&call.id());
            let same = same.filter(|_| named == names && !self.changed.contains(&call.id()));
            same.cloned().unwrap_or_else(|| Arc::new(named_or_not(call.view(), names)))
        };
        let snapshot = Snapshot {
            calls: engine.calls().map(|call| (call.id(), view(call))).collect(),
            diallers: self.diallers.clone(),
            providers,
            groups: engine.groups().map(|group| (group.id, group.calls)).collect(),
            state: engine.summary(),
            ringing: engine.ringing().map(Call::id),
            active: engine.active().map(Call::id),
            do_not_disturb: self.settings.text(Key::DO_NOT_DISTURB),
            address: String::new(),
            favourites: self.favourites.clone(),
            unseen: self.unseen,
            locked: self.lock.is_locked,
            named: names,
            listening: self.talk.is_going_on() || self.prompts.is_speaking(),
            captions: self.can_caption(),
            endpoints: self.endpoints(),
            endpoint: self.settings.text(Key::SPEAKER),
            default_providers: self.default_providers(),
        };
        let address = format!("ahoy:{}", self.service.built_in().identity());
        let snapshot = Snapshot { address, ..snapshot };
        self.changed.clear();
        self.view.send_if_modified(|shown| {
            let differs = *shown != snapshot;
            if differs {
                *shown = snapshot;
            }
            differs
        });
    }

    /// The devices that calls can be heard on; the one that is preferred also while it is away.
    fn endpoints(&self) -> Vec<(String, String, String, bool)> {
        use ahoy_core::media::DeviceKind;
        let speakers = self.media.devices.iter().filter(|one| one.kind == DeviceKind::Speaker);
        let entry = |name: &str, label: &str, there: bool| {
            // As PipeWire calls what is on the other end of a radio.
            let kind = if name.starts_with("bluez_output.") { "bluetooth" } else { "speaker" };
            (name.to_owned(), label.to_owned(), kind.to_owned(), there)
        };
        let mut all: Vec<_> = speakers.map(|one| entry(&one.name, &one.label, true)).collect();
        let preferred = self.settings.text(Key::SPEAKER);
        if !preferred.is_empty() && all.iter().all(|(name, ..)| *name != preferred) {
            all.push(entry(&preferred, &preferred, false));
        }
        all
    }

    async fn engine_output(&mut self, output: engine::Output) {
        match output {
            engine::Output::Reply(id, result) => self.reply(id, result).await,
            engine::Output::Added(call) => self.added(call).await,
            engine::Output::Removed(call) => self.tell(Event::Removed(call)).await,
            engine::Output::Changed(call) => _ = self.changed.insert(call),
            engine::Output::ActionFinished { serial, call, action, result, error } => {
                self.tell(Event::ActionFinished(serial.0, call, action, result, error)).await;
            }
            engine::Output::Log(row) => self.log_row(row).await,
            engine::Output::Missed(call) => self.missed(call).await,
            engine::Output::Text(call, written) => {
                if let Some(known) = self.service.engine().call(call) {
                    self.refusals.heard(known, &written);
                }
                self.tell(Event::Text(call, written)).await;
            }
            engine::Output::Cue(tone) => {
                let device = self.device(Key::SPEAKER);
                self.media.play_once(tone, device);
            }
            engine::Output::Perform { provider, serial, txn, call, action } => {
                self.perform(&provider, serial, txn, call, action).await;
            }
            engine::Output::TimedOut(provider, serial) => {
                self.tell_app(&provider, |peer| Event::TimedOut(peer, serial)).await;
            }
            engine::Output::Audio { provider, active, .. } => {
                let endpoint = active.then(|| self.settings.text(Key::SPEAKER));
                self.tell_app(&provider, |peer| Event::Audio(peer, endpoint)).await;
            }
            engine::Output::ProviderAdded(id) => {
                self.apps.changed();
                self.refresh();
                self.tell_and_wait(Event::ProviderAdded(id)).await;
            }
            engine::Output::ProviderRemoved(id) => {
                self.microphones.forget(&id);
                self.apps.changed();
                self.tell(Event::ProviderRemoved(id)).await;
            }
            engine::Output::GroupAdded(id) => {
                self.refresh();
                self.tell_and_wait(Event::GroupAdded(id)).await;
            }
            engine::Output::GroupRemoved(id) => self.tell(Event::GroupRemoved(id)).await,
            // What the groups have is a property, told with all others.
            engine::Output::GroupChanged(_) => {}
        }
    }

    /// The object first: whoever hears the ring must find the call.
    /// Tells an event and waits until it is on the bus.
    async fn tell_and_wait(&self, event: Event) {
        let (done, shown) = oneshot::channel();
        if self.told.send((event, Some(done))).await.is_ok() {
            let _ = shown.await;
        }
    }

    async fn added(&mut self, call: CallId) {
        self.refresh();
        self.tell_and_wait(Event::Added(call)).await;
        let Some(known) = self.service.engine().call(call) else { return };
        let direction = known.direction();
        tracing::info!(%call, direction = direction.as_str(), "call");
        if direction == Direction::Incoming {
            self.recent.ringing = known.party().name.clone();
        }
    }

    async fn reply(&mut self, id: CommandId, result: Result<Reply, CommandError>) {
        match self.waiters.remove(&id) {
            Some(Waiter::Voice(done)) => {
                let said = match result {
                    Ok(_) => self.talk.prompt(done, &[]),
                    Err(error) => error.to_string(),
                };
                let now = self.clock.now();
                self.prompt(now, said, Vec::new()).await;
            }
            Some(waiter) => self.tell_waiter(waiter, result.map_err(Fault::from)).await,
            None => {}
        }
    }

    /// Tells who waits for a command what became of it.
    pub(super) async fn tell_waiter(&self, waiter: Waiter, result: Result<Reply, Fault>) {
        // Nobody waits any more where an answer is not taken: the command was carried out.
        match waiter {
            Waiter::Start(answer, from) => {
                let started = result.and_then(|reply| match reply {
                    Reply::Call(call) => Ok(call),
                    Reply::Done => Err(Fault::from(CommandError::InvalidState)),
                });
                let started = started.map_err(|fault| grants::as_told(&from, fault));
                let _ = answer.send(started);
            }
            Waiter::Command(answer) => {
                let _ = answer.send(result);
            }
            Waiter::Desktop | Waiter::Voice(_) => {
                if let Err(error) = result {
                    tracing::info!(%error, "a click or a voice command was refused");
                    self.tell(Event::Prompt(error.to_string(), Vec::new())).await;
                }
            }
        }
    }

    async fn missed(&mut self, call: CallId) {
        let Some(known) = self.service.engine().call(call) else { return };
        self.desk.missed(known, self.lock.shown(&self.settings), &self.notifier);
        let party = known.party().clone();
        let video = known.flags().remote_video;
        self.missed.push_back(Missed {
            call,
            row: String::new(),
            provider: known.provider().clone(),
            handle: party.handle,
            name: party.name.clone(),
            video,
        });
        if self.missed.len() > MISSED
            && let Some(oldest) = self.missed.pop_front()
        {
            self.desk.forget_missed(oldest.call, &self.notifier);
        }
        self.recent.missed.insert(0, party.name);
        self.recent.missed.truncate(10);
        self.missed_row(call).await;
    }

    async fn log_row(&mut self, row: LogRow) {
        if let Ok(handle) = ahoy_core::id::Handle::new(&row.remote.0, &row.remote.1) {
            let last = Some((handle, row.name.clone(), row.video));
            if row.incoming {
                self.recent.last_in = last;
            } else {
                self.recent.last_out = last;
            }
        }
        self.record(row).await;
    }

    async fn built_in_output(&mut self, output: builtin::Output) {
        match output {
            builtin::Output::Dial(dial, address) => {
                let id = self.lan.connect(address);
                self.dials.insert(id, dial);
            }
            builtin::Output::Send(conn, frame) => {
                if let Err(error) = self.lan.send(ConnectionId(conn.0), frame) {
                    tracing::debug!(%error, "signalling");
                }
            }
            builtin::Output::Close(conn) => {
                self.closing.insert(ConnectionId(conn.0));
                self.lan.close(ConnectionId(conn.0));
            }
            builtin::Output::Media(order) => {
                // Bounded; the path only ever waits for the kernel.
                let _ = self.path.send(PathOrder::Media(order)).await;
            }
            builtin::Output::Worker(command) => self.media.command(command),
            builtin::Output::SavePeer(peer) => self.save_peer(*peer).await,
            builtin::Output::SaveInvite(invite) => self.save_invite(*invite).await,
            builtin::Output::Seen(call, _) => self.save_seen(call).await,
            builtin::Output::Joined(contact) => self.tell(Event::Joined(contact.0)).await,
            builtin::Output::JoinFailed(contact, error) => {
                tracing::info!(%error, "an accepted invite is void");
                let text = error.to_string();
                self.tell(Event::Prompt(text, Vec::new())).await;
                self.tell(Event::Contacts(vec![contact.0])).await;
            }
            builtin::Output::Announce(tags) => {
                if let Some((mdns, port)) = &mut self.mdns
                    && let Err(error) = mdns.publish(*port, &tags)
                {
                    tracing::warn!(%error, "mdns");
                }
            }
            builtin::Output::Performed(..) | builtin::Output::Report(_) => {
                tracing::error!("the service let an inner output out");
            }
        }
    }

    /// A click on a notification.
    pub(super) async fn notify_event(
        &mut self,
        now: Now,
        event: crate::desktop::notify::NotifyEvent,
    ) {
        use crate::desktop::notify::NotifyEvent;
        match event {
            NotifyEvent::Server(server) => {
                tracing::info!(server = server.name, "notifications");
                self.server = Some(server);
            }
            // The adapter has said why.
            NotifyEvent::Missing { .. } => self.server = None,
            NotifyEvent::Closed { key, .. } if Grants::is_question(&key) => {
                self.unanswered(now, &key)
            }
            NotifyEvent::Action { key, action, .. } if Grants::is_question(&key) => {
                self.answered(now, &key, &action).await;
            }
            NotifyEvent::Closed { key, .. } if is_prompt(&key) => {}
            NotifyEvent::Action { key, action, .. } if is_prompt(&key) => {
                self.prompt_pressed(now, &action).await;
            }
            NotifyEvent::Closed { key, .. } | NotifyEvent::Action { key, .. }
                if Refusals::is_one(&key) =>
            {
                self.refusals.seen(&key, &self.notifier);
            }
            NotifyEvent::Closed { key, .. } => self.desk.closed(&key, &self.notifier),
            NotifyEvent::Action { key, action, .. } => {
                match self.desk.click(&key, &action, &self.notifier) {
                    Some(desk::Click::Command(command)) => {
                        self.carry_out(now, Waiter::Desktop, command).await;
                    }
                    Some(desk::Click::CallBack(call)) => self.call_back(now, call).await,
                    Some(desk::Click::Seen(call)) => self.seen_missed(call).await,
                    None => {}
                }
            }
        }
    }
}

/// A call as it may be shown: whoever stands before a locked machine need not be told who calls.
fn named_or_not(mut view: CallView, named: bool) -> CallView {
    if !named {
        view.display_name.clear();
    }
    view
}
