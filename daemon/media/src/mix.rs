//! Several calls as one: what one side says, the others hear, too.
//!
//! Owns: adding voices, and digits, for one call's way out. Does not own: which calls are one ([`crate::worker`]),
//! or what is heard here (every call plays by itself). Invariant: a voice is never sent back to
//! whoever it came from, and one that stalls adds silence, never delay.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use ahoy_core::media::SessionId;

use crate::{dtmf::Digits, playout::Playout, sound::Sound as _};

/// Voice of another call that waits before it is added, ms: its packets come as they come, ours
/// leave at the pace of our microphone.
const WAIT_MS: u32 = 20;

/// The other voices for one call's way out.
#[derive(Default)]
pub(crate) struct Mixer {
    voices: BTreeMap<SessionId, Playout>,
    digits: Digits,
    room: Vec<i16>,
}

impl Mixer {
    /// From now on these calls are heard in this one, and no others.
    pub(crate) fn hear(&mut self, others: &[SessionId]) {
        self.voices.retain(|id, _| others.contains(id));
        for id in others {
            self.voices.entry(*id).or_insert_with(|| Playout::new(WAIT_MS));
        }
    }

    /// Whether there is nothing to add: no other call and no digit.
    pub(crate) fn is_empty(&self) -> bool {
        self.voices.is_empty() && self.digits.is_over()
    }

    /// Sends these digits behind those that are still being sent.
    pub(crate) fn dial(&mut self, tones: &str) {
        self.digits.add(tones);
    }

    /// Voice of another call.
    pub(crate) fn push(&mut self, from: SessionId, samples: &[i16]) {
        if let Some(voice) = self.voices.get_mut(&from) {
            voice.push(samples.iter().copied());
        }
    }

    /// Adds the others to what is about to be sent; too loud is cut off, as a microphone would.
    pub(crate) fn add_to(&mut self, own: &mut [i16]) {
        for voice in self.voices.values_mut() {
            self.room.resize(own.len(), 0);
            voice.pull(&mut self.room);
            for (sample, other) in own.iter_mut().zip(&self.room) {
                *sample = sample.saturating_add(*other);
            }
        }
        self.digits.add_to(own);
    }
}

/// A mixer that the threads of several calls reach; locked for a copy and no longer.
pub(crate) type SharedMixer = Arc<Mutex<Mixer>>;

#[cfg(test)]
mod tests {
    use super::*;

    const B: SessionId = SessionId(2);
    const C: SessionId = SessionId(3);

    fn sent(mixer: &mut Mixer, own: i16) -> Vec<i16> {
        let mut samples = vec![own; 480];
        mixer.add_to(&mut samples);
        samples
    }

    #[test]
    fn the_others_are_added_to_ones_own_voice() {
        let mut mixer = Mixer::default();
        mixer.hear(&[B, C]);
        for _ in 0..4 {
            mixer.push(B, &[100; 480]);
            mixer.push(C, &[20; 480]);
        }
        assert_eq!(sent(&mut mixer, 3), vec![123; 480]);
    }

    #[test]
    fn who_is_not_in_it_is_not_heard() {
        let mut mixer = Mixer::default();
        mixer.hear(&[B]);
        mixer.push(C, &[20; 4800]);
        assert_eq!(sent(&mut mixer, 3), vec![3; 480]);
        mixer.push(B, &[20; 4800]);
        mixer.hear(&[]);
        assert!(mixer.is_empty());
        assert_eq!(sent(&mut mixer, 3), vec![3; 480]);
    }

    #[test]
    fn too_loud_together_is_cut_off_and_does_not_wrap() {
        let mut mixer = Mixer::default();
        mixer.hear(&[B]);
        mixer.push(B, &[i16::MAX; 4800]);
        assert_eq!(sent(&mut mixer, 1000), vec![i16::MAX; 480]);
    }

    #[test]
    fn one_that_stalls_adds_silence_and_one_that_floods_no_delay() {
        let mut mixer = Mixer::default();
        mixer.hear(&[B]);
        assert_eq!(sent(&mut mixer, 7), vec![7; 480]);
        for _ in 0..1_000 {
            mixer.push(B, &[1; 480]);
        }
        assert!(mixer.voices[&B].waiting_ms() <= 250);
    }
}
