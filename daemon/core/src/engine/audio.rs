//! Who may use microphone and speaker.
//!
//! Owns: telling providers so. Does not own: devices, endpoints. Invariant: after every input a
//! provider has audio exactly while it has a call that is on and not held, or one that it is asked
//! to start, answer or resume. Derived from the calls each time, never counted.

use std::collections::BTreeMap;

use super::{Engine, Output};
use crate::{
    call::Call,
    id::{CallId, ProviderId},
};

impl Engine {
    /// Whether a call's provider needs microphone and speaker for it.
    fn wants_audio(&self, call: &Call) -> bool {
        !call.is_orphan() && call.is_open() && !self.is_unheard_of(call)
    }

    /// Says what has changed: first who lets go, then who takes.
    pub(super) fn focus_audio(&mut self) {
        let mut wanted: BTreeMap<&ProviderId, &Call> = BTreeMap::new();
        for call in self.calls.values().filter(|call| self.wants_audio(call)) {
            let first = wanted.entry(&call.owner.provider).or_insert(call);
            // Of several the one that something is done about now, else the oldest.
            if (call.pending.is_none(), call.created_at)
                < (first.pending.is_none(), first.created_at)
            {
                *first = call;
            }
        }
        let mut changes: Vec<(bool, ProviderId, CallId)> = Vec::new();
        for (id, provider) in &mut self.providers {
            match (provider.audio, wanted.get(id)) {
                (Some(had), None) => {
                    provider.audio = None;
                    changes.push((false, id.clone(), had));
                }
                (None, Some(call)) => {
                    provider.audio = Some(call.id);
                    changes.push((true, id.clone(), call.id));
                }
                (Some(_), Some(_)) | (None, None) => {}
            }
        }
        changes.sort_by_key(|(active, ..)| *active);
        for (active, provider, call) in changes {
            self.emit(Output::Audio { provider, active, call });
        }
    }

    /// Whether a provider has microphone and speaker.
    #[must_use]
    pub fn has_audio(&self, provider: &ProviderId) -> bool {
        self.providers.get(provider).is_some_and(|known| known.audio.is_some())
    }
}
