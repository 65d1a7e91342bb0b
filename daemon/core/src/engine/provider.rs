//! Providers: who is registered, and what becomes of their calls when they go.
//!
//! Owns: registrations, the loss of a connection and the time to come back. Does not own: how a
//! caller's identity is found out. Invariant: only who registered an id, with the same app
//! identity, gets it back within the grace; a provider's calls outlive it no longer than that.

use std::time::Duration;

use super::{CommandError, Engine, GRACE, Output, action::Ending};
use crate::{
    budget::Budget,
    call::{Call, EndReason, Owner},
    id::{CallId, Now, ProviderId, check_text},
    provider::Capability,
};

/// Providers that may be registered at once: some more than the 200 that are to have no trouble.
pub const MAX_PROVIDERS: usize = 256;
/// Calls that one provider may have on at once (design/dbus.md, "max-calls").
pub const MAX_CALLS_PER_PROVIDER: usize = 16;
/// Schemes that one provider may name; nobody calls more than a few.
const MAX_SCHEMES: usize = 32;
/// New calls at once, and how often one more (design/dbus.md: 20 a second, burst 50).
const NEW_CALLS: u32 = 50;
const NEW_CALL_EVERY: Duration = Duration::from_millis(50);

/// A full budget of new calls.
pub(super) const fn new_calls(now: Duration) -> Budget {
    Budget::new(NEW_CALLS, NEW_CALL_EVERY, now)
}

/// What a provider says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// Its id.
    pub id: ProviderId,
    /// How it is called; may be empty.
    pub name: String,
    /// Its icon's name; may be empty.
    pub icon: String,
    /// Application id; empty for a program of the host.
    pub app_id: String,
    /// Whether a sandbox proves that id.
    pub verified: bool,
    /// The schemes it calls, lower case.
    pub schemes: Vec<String>,
    /// Calls it may have on at once; at most [`MAX_CALLS_PER_PROVIDER`].
    pub max_calls: usize,
    /// Groups it may have at once.
    pub max_groups: usize,
    /// Whether it can carry pictures.
    pub video: bool,
    /// Whether it can hold; calls that the daemon starts can be held from the start then.
    pub hold: bool,
    /// Whether its calls go into the log.
    pub log: bool,
    /// Whether the daemon can close its microphone from outside, where the app does not.
    pub can_be_muted: bool,
}

impl Registration {
    /// A provider that says nothing beyond its id: the defaults of the bus contract.
    #[must_use]
    pub const fn new(id: ProviderId) -> Self {
        Self {
            id,
            name: String::new(),
            icon: String::new(),
            app_id: String::new(),
            verified: false,
            schemes: Vec::new(),
            max_calls: MAX_CALLS_PER_PROVIDER,
            max_groups: 1,
            video: false,
            hold: false,
            log: true,
            can_be_muted: true,
        }
    }

    fn check(&self) -> Result<(), CommandError> {
        check_text("name", &self.name)?;
        check_text("icon", &self.icon)?;
        check_text("app_id", &self.app_id)?;
        let wrong = |why: &str| Err(CommandError::InvalidArgument(why.to_owned()));
        if self.max_calls == 0 {
            return wrong("max-calls: at least 1 is expected");
        }
        if self.schemes.len() > MAX_SCHEMES {
            return wrong("schemes: at most 32 are expected");
        }
        let first = |scheme: &str| scheme.starts_with(|c: char| c.is_ascii_lowercase());
        let legal =
            |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '+' | '.' | '-');
        if !self.schemes.iter().all(|one| first(one) && one.len() <= 64 && one.chars().all(legal)) {
            return wrong("schemes: each is to be one of RFC 3986 in lower case, such as \"tel\"");
        }
        let id = self.id.as_str();
        let rest = id.strip_prefix(&self.app_id);
        let own = self.id == ProviderId::built_in();
        if self.verified
            && !own
            && !rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        {
            let why = "provider_id: a sandboxed app's is its application id, or begins with it and \
                       a dot";
            return Err(CommandError::NotAuthorized(why.to_owned()));
        }
        Ok(())
    }

    fn is_same_app(&self, other: &Self) -> bool {
        (&self.app_id, self.verified) == (&other.app_id, other.verified)
    }
}

/// Whether a provider's connection is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presence {
    Here,
    /// Gone; it may register again until then.
    Lost {
        until: Duration,
    },
}

/// What the engine knows of a provider.
pub(super) struct Provider {
    pub(super) registration: Registration,
    presence: Presence,
    /// The call for which it has microphone and speaker.
    pub(super) audio: Option<CallId>,
    /// New calls that it may still report.
    pub(super) budget: Budget,
}

impl Provider {
    pub(super) fn owner(&self) -> Owner {
        Owner {
            provider: self.registration.id.clone(),
            app_id: self.registration.app_id.clone(),
            verified: self.registration.verified,
        }
    }

    /// What a call can do before anything is said about it.
    pub(super) fn first_capabilities(&self) -> impl Iterator<Item = Capability> {
        let hold = self.registration.hold.then_some(Capability::Hold);
        hold.into_iter().chain(self.registration.video.then_some(Capability::Video))
    }

    pub(super) const fn is_here(&self) -> bool {
        matches!(self.presence, Presence::Here)
    }

    /// When it goes for good.
    pub(super) const fn gone_at(&self) -> Option<Duration> {
        match self.presence {
            Presence::Here => None,
            Presence::Lost { until } => Some(until),
        }
    }
}

impl Engine {
    /// A provider registers, or one whose connection was lost comes back; then it has what is left
    /// of the grace to take its calls up again (`Report::Incoming` and `Report::Outgoing` with
    /// `resume`).
    ///
    /// # Errors
    /// [`CommandError::ProviderExists`], [`CommandError::LimitReached`],
    /// [`CommandError::NotAuthorized`] where a sandboxed app takes an id that is not its own, and
    /// [`CommandError::InvalidArgument`].
    pub fn register(
        &mut self,
        now: Now,
        mut registration: Registration,
    ) -> Result<(), CommandError> {
        registration.check()?;
        registration.max_calls = registration.max_calls.min(MAX_CALLS_PER_PROVIDER);
        registration.max_groups = registration.max_groups.min(MAX_CALLS_PER_PROVIDER / 2);
        if let Some(known) = self.providers.get_mut(&registration.id) {
            if known.is_here() || !known.registration.is_same_app(&registration) {
                return Err(CommandError::ProviderExists);
            }
            known.registration = registration;
            known.presence = Presence::Here;
            return Ok(());
        }
        if self.providers.len() >= MAX_PROVIDERS {
            return Err(CommandError::LimitReached("providers"));
        }
        let id = registration.id.clone();
        let budget = new_calls(now.mono);
        let provider = Provider { registration, presence: Presence::Here, audio: None, budget };
        self.providers.insert(id.clone(), provider);
        self.emit(Output::ProviderAdded(id));
        Ok(())
    }

    /// A provider goes by itself: its calls end as `provider-gone` at once.
    ///
    /// # Errors
    /// [`CommandError::UnknownProvider`].
    pub fn unregister(&mut self, now: Now, id: &ProviderId) -> Result<(), CommandError> {
        if !self.providers.contains_key(id) {
            return Err(CommandError::UnknownProvider);
        }
        self.provider_lost(now, id);
        self.provider_gone(now, id);
        Ok(())
    }

    /// A provider's connection is gone: nothing of it sounds any more, whatever it was asked for
    /// has ended, and its calls wait for it until the grace is over.
    pub fn provider_lost(&mut self, now: Now, id: &ProviderId) {
        let Some(provider) = self.providers.get_mut(id).filter(|known| known.is_here()) else {
            return;
        };
        let until = now.mono + GRACE;
        provider.presence = Presence::Lost { until };
        for call in self.calls_of(id) {
            if let Some(call) = self.calls.get_mut(&call) {
                call.orphan_until = Some(until);
                call.flags.silenced |= call.is_ringing();
            }
            self.emit(Output::Changed(call));
        }
        self.focus_audio();
        for call in self.calls_of(id) {
            self.end_out(now, call, Ending::Gone);
        }
        self.focus_audio();
    }

    /// Its time to come back is over.
    pub(super) fn provider_gone(&mut self, now: Now, id: &ProviderId) {
        for call in self.calls_of(id) {
            self.end_now(now, call, EndReason::ProviderGone, "");
        }
        self.focus_audio();
        if self.providers.remove(id).is_some() {
            self.emit(Output::ProviderRemoved(id.clone()));
        }
    }

    /// A registered provider; while it may still come back, too.
    #[must_use]
    pub fn provider(&self, id: &ProviderId) -> Option<&Registration> {
        self.providers.get(id).map(|known| &known.registration)
    }

    /// All of them.
    pub fn providers(&self) -> impl Iterator<Item = &Registration> {
        self.providers.values().map(|known| &known.registration)
    }

    /// Its calls that have not ended.
    pub(super) fn calls_of(&self, id: &ProviderId) -> Vec<CallId> {
        self.live().filter(|call| call.owner.provider == *id).map(Call::id).collect()
    }

    /// The provider of a report or a start.
    pub(super) fn here(&self, id: &ProviderId) -> Result<&Provider, CommandError> {
        let known = self.providers.get(id).ok_or(CommandError::UnknownProvider)?;
        if known.is_here() { Ok(known) } else { Err(CommandError::ProviderGone) }
    }

    /// Whether the daemon can close what a call's app captures; a lost app's, too.
    pub(super) fn mutes_here(&self, call: &Call) -> bool {
        let known = self.providers.get(&call.owner.provider);
        known.is_some_and(|known| known.registration.can_be_muted)
    }

    /// Room for one more call of this provider.
    pub(super) fn room_for_call(&self, provider: &Provider) -> Result<(), CommandError> {
        let own = |call: &&Call| call.owner.provider == provider.registration.id;
        if self.live().filter(own).count() >= provider.registration.max_calls {
            return Err(CommandError::LimitReached("calls of this provider (max-calls)"));
        }
        if self.live().count() >= super::MAX_CALLS {
            return Err(CommandError::LimitReached("calls of all providers"));
        }
        Ok(())
    }
}
