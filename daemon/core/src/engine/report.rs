//! What providers report, and what the engine makes of it.
//!
//! Owns: new incoming calls, progress, changes, ends. Does not own: filters outside the engine.
//! Invariant: a provider moves only its own calls.

use std::{collections::BTreeSet, time::Duration};

use super::{CommandError, Engine, MAX_CALLS, Output};
use crate::{
    call::{Call, Direction, EndReason, Flags, Nodes, Party, State, Step},
    id::{CallId, Now, ProviderId},
    media::{Quality, Tone},
    provider::{Action, Capability, Encryption, Progress, Report, Update},
};

impl Engine {
    pub(super) fn report(&mut self, now: Now, provider: &ProviderId, report: Report) {
        match report {
            Report::Incoming { call, party, video, capabilities, encryption, expires_at } => {
                let call = self.incoming_call(
                    now,
                    provider,
                    call,
                    party,
                    video,
                    capabilities,
                    encryption,
                    expires_at,
                );
                self.incoming(now, call);
            }
            Report::Progress { call, progress } => self.progress(now, provider, call, progress),
            Report::Update { call, update } => self.update(provider, call, update),
            Report::Ended { call, reason, text } => {
                if self.owns(provider, call) {
                    let at = now.unix_us;
                    let ended = self.advance(now, call, Step::End { reason, text, at });
                    if ended {
                        self.retire(call);
                    }
                }
            }
        }
    }

    fn owns(&self, provider: &ProviderId, call: CallId) -> bool {
        self.calls.get(&call).is_some_and(|known| known.provider == *provider)
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of one report")]
    fn incoming_call(
        &self,
        now: Now,
        provider: &ProviderId,
        id: CallId,
        party: Party,
        video: bool,
        capabilities: BTreeSet<Capability>,
        encryption: Encryption,
        expires_at: u64,
    ) -> Call {
        let left = Duration::from_micros(expires_at.saturating_sub(now.unix_us));
        let ring = if expires_at == 0 { self.ring_time } else { left.min(self.ring_time) };
        Call {
            id,
            provider: provider.clone(),
            direction: Direction::Incoming,
            party,
            state: State::Reported,
            flags: Flags { remote_video: video, ..Flags::default() },
            capabilities,
            encryption,
            created_at: now.unix_us,
            pending: None,
            nodes: Nodes::default(),
            quality: Quality::default(),
            logged: self.providers.get(provider).is_some_and(|known| known.log),
            ring_until: now.mono + ring,
            remove_at: Duration::MAX,
        }
    }

    fn incoming(&mut self, now: Now, call: Call) {
        let id = call.id;
        let refused = if self.used.contains(&id) {
            Some(CommandError::UuidExists)
        } else if self.calls.values().filter(|call| !call.state.is_ended()).count() >= MAX_CALLS {
            Some(CommandError::LimitReached)
        } else {
            None
        };
        if let Some(error) = refused {
            self.emit(Output::Refused(call.provider, id, error));
            return;
        }
        let over = call.ring_until <= now.mono;
        let alone = self.active().is_none() && self.ringing().is_none();
        self.add(call);
        if over {
            // Too late to ring: a missed row and nothing else.
            let (reason, text) = (EndReason::Unanswered, String::new());
            self.advance(now, id, Step::End { reason, text, at: now.unix_us });
            return;
        }
        if !alone {
            self.flag(id, |flags| flags.waiting = true);
            self.emit(Output::Cue(Tone::Waiting));
        }
        self.advance(now, id, Step::Ring);
    }

    fn progress(&mut self, now: Now, provider: &ProviderId, id: CallId, progress: Progress) {
        if !self.owns(provider, id) {
            return;
        }
        let step = match progress {
            Progress::Dialing => Step::Dialing,
            Progress::RemoteRinging => Step::RemoteRinging,
            Progress::Connecting => Step::Connecting,
            Progress::Active => Step::Active(now.unix_us),
        };
        let answered = matches!(progress, Progress::Active);
        if self.advance(now, id, step) && answered {
            // Answered in the app itself, or there while our answer was out: either way it is done.
            let out = self.calls.get(&id).and_then(|call| call.pending.as_ref());
            if let Some(pending) = out
                && matches!(pending.action, Action::Answer { .. })
            {
                let serial = pending.serial;
                self.performed(now, serial, Ok(()));
            }
        }
    }

    fn update(&mut self, provider: &ProviderId, id: CallId, update: Update) {
        if !self.owns(provider, id) {
            return;
        }
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        let before = call.clone();
        let flags = &mut call.flags;
        flags.remote_held = update.remote_held.unwrap_or(flags.remote_held);
        flags.remote_video = update.remote_video.unwrap_or(flags.remote_video);
        flags.video = update.video.unwrap_or(flags.video);
        flags.reconnecting = update.reconnecting.unwrap_or(flags.reconnecting);
        call.encryption = update.encryption.unwrap_or(call.encryption);
        if let Some(nodes) = update.nodes {
            call.nodes = nodes;
        }
        if let Some(capabilities) = update.capabilities {
            call.capabilities = capabilities;
        }
        if let Some(quality) = update.quality {
            call.quality = quality;
        }
        if *call != before {
            self.emit(Output::Changed(id));
        }
    }
}
