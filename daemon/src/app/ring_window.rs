//! While it rings: who calls is said aloud, and a word may answer. Both are off unless wanted.
//!
//! Owns: carrying out the ring window's steps. Does not own: its rounds (`ahoy_core::voice`), or
//! what a word does (`voice`). Invariant: a caller's name is spoken only where it may be shown.

use ahoy_core::{
    engine::Attention,
    id::{CallId, Now},
    media::DeviceKind,
    voice::{Hypothesis, WINDOW_MS, WindowStep, WindowWish},
};

use super::{App, request::Event};
use crate::settings::Key;

/// What the names of devices have in them that only their wearer hears.
const HEADSETS: [&str; 6] =
    ["bluez_output.", "headset", "headphone", "earbud", "earphone", "airpods"];

impl App {
    pub(super) fn window_wish(&self) -> WindowWish {
        let announce = match self.settings.text(Key::VOICE_ANNOUNCE).as_str() {
            "on" => true,
            "headset" => self.is_headset(),
            _ => false,
        };
        WindowWish { announce, listen: self.settings.flag(Key::VOICE_RING_WINDOW) }
    }

    /// Whether only the user hears what is said.
    fn is_headset(&self) -> bool {
        let chosen = self.settings.text(Key::SPEAKER);
        let mut speakers = self.media.devices.iter().filter(|one| one.kind == DeviceKind::Speaker);
        // The session's own choice stands first.
        let used = speakers.find(|one| chosen.is_empty() || one.name == chosen);
        used.is_some_and(|one| is_headset(&one.name) || is_headset(&one.label))
    }

    /// Makes voice agree with what rings.
    pub(super) async fn ring_window(&mut self, now: Now, attention: &Attention) {
        let step = self.window.reconcile(now, attention.ring, self.window_wish());
        self.window_step(now, step).await;
    }

    /// What was said of a ring has been spoken.
    pub(super) async fn announced(&mut self, now: Now) {
        let step = self.window.handle_spoken(now, self.window_wish());
        self.window_step(now, step).await;
    }

    async fn window_step(&mut self, now: Now, step: Option<WindowStep>) {
        match step {
            None => {}
            Some(WindowStep::Announce(call)) => self.announce(now, call).await,
            Some(WindowStep::Listen) => {
                let calls = self.situation();
                if let Err(fault) = self.talk.open_for(now, calls, WINDOW_MS) {
                    tracing::warn!(%fault, "nobody listens while it rings");
                    self.window.handle_closed(now);
                }
            }
            Some(WindowStep::Close) => {
                self.prompts.hush();
                self.talk.close_ears();
            }
        }
    }

    async fn announce(&mut self, now: Now, call: CallId) {
        let engine = self.service.engine();
        let name = engine.call(call).map(|call| call.party().name.clone()).unwrap_or_default();
        let shown = self.lock.shown(&self.settings).caller;
        let text = match name.as_str() {
            "" => self.talk.prompt("unknown-caller", &[]),
            _ if !shown => self.talk.prompt("somebody-calling", &[]),
            name => self.talk.prompt("is-calling", &[("name", name)]),
        };
        self.tell(Event::Prompt(text.clone(), Vec::new())).await;
        self.speak(now, text);
    }

    /// The ears have closed. True where they were open by the window, and what was heard means
    /// nothing: people talk while it rings.
    pub(super) fn overheard(&mut self, now: Now, readings: &[Hypothesis]) -> bool {
        let by_window = self.window.is_listening();
        self.window.handle_closed(now);
        by_window && !self.talk.means_something(self.situation(), readings)
    }
}

fn is_headset(name: &str) -> bool {
    let name = name.to_lowercase();
    HEADSETS.iter().any(|part| name.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_headset_is_told_by_its_name() {
        for name in ["bluez_output.AC_12.1", "Jabra Evolve Headset", "alsa_output.usb-Headphones"] {
            assert!(is_headset(name), "{name}");
        }
        assert!(!is_headset("alsa_output.pci-0000_00_1f.3.analog-stereo"));
    }
}
