//! What a press of a headset's button asks for.
//!
//! Owns: telling a press from a release, and from a headset that only repeats what it was told. Does
//! not own: which call is meant, or whether it may be done (the engine). Invariant: nothing is asked
//! for that the calls there are cannot answer; in doubt nothing is.
//!
//! Headsets differ. Some keep a hook state of their own and change it with the host's ("events are not
//! simple keypresses", Jabra's guide to call control): off the hook at the answer, back on it to hang
//! up. Others pulse up and down at each press (Plantronics P540). Their descriptors say which, but
//! not all truly, so that a state that falls back at once is taken for a pulse from then on.

use std::time::Duration;

use super::{Layout, Manner, Pressed};

/// A headset that is told of a call repeats it within this.
const ECHO: Duration = Duration::from_millis(1500);
/// The same for its mute lamp; a person who presses twice takes longer.
const MUTE_ECHO: Duration = Duration::from_millis(300);
/// A button that is let go within this was pressed, not switched.
const SHORT: Duration = Duration::from_millis(700);
/// Nobody holds a button this long to answer: it is a switch.
const LONG: Duration = Duration::from_secs(2);

/// What the calls are doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Calls {
    /// Nothing.
    #[default]
    Idle,
    /// One wants an answer.
    Ringing,
    /// One is on, or being set up.
    Engaged,
}

/// What headsets need to know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scene {
    /// What the calls are doing.
    pub calls: Calls,
    /// Whether one rings aloud.
    pub ring: bool,
    /// Whether the call that is on is muted.
    pub muted: bool,
    /// Whether a press without a call asks for the assistant.
    pub talk: bool,
}

impl Scene {
    /// Whether the handset of a telephone would be off its hook.
    #[must_use]
    pub const fn off_hook(&self) -> bool {
        matches!(self.calls, Calls::Engaged)
    }
}

/// What a press asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Answer what rings, else hang up what is on.
    Press,
    /// Talk to the assistant.
    Talk,
    /// Close the microphone if it is open, else open it.
    ToggleMute,
    /// Close or open the microphone.
    Mute(bool),
}

/// The hook switch.
struct Hook {
    manner: Manner,
    off: bool,
    /// When it went off.
    since: Duration,
}

/// The buttons of one headset.
pub struct Buttons {
    hook: Option<Hook>,
    mute: Option<(Manner, bool)>,
    play: Option<(Manner, bool)>,
    scene: Scene,
    /// When it was last told that a call is on or over.
    told_hook: Option<Duration>,
    /// When its mute lamp was last changed.
    told_mute: Option<Duration>,
}

impl Buttons {
    /// Of a headset that was just found: nothing is pressed, and it was told nothing.
    #[must_use]
    pub fn new(layout: &Layout) -> Self {
        let hook = |manner| Hook { manner, off: false, since: Duration::ZERO };
        let button = |key: super::Key| (key.manner, false);
        Self {
            hook: layout.hook.map(|key| hook(key.manner)),
            mute: layout.mute.map(button),
            play: layout.play.map(button),
            scene: Scene::default(),
            told_hook: None,
            told_mute: None,
        }
    }

    /// The calls have changed, and the headset is told so now.
    pub fn handle_scene(&mut self, now: Duration, scene: Scene) {
        if scene.off_hook() != self.scene.off_hook() {
            self.told_hook = Some(now);
        }
        if scene.muted != self.scene.muted {
            self.told_mute = Some(now);
        }
        self.scene = scene;
    }

    /// A report came; what it asks for.
    pub fn handle_report(&mut self, now: Duration, report: Pressed) -> Vec<Wish> {
        let hook = report.hook.and_then(|off| self.hook(now, off));
        let mute = report.mute.and_then(|pressed| self.mute(now, pressed));
        let play = report.play.and_then(|pressed| self.play(pressed));
        [hook, mute, play].into_iter().flatten().collect()
    }

    fn hook(&mut self, now: Duration, off: bool) -> Option<Wish> {
        let hook = self.hook.as_mut()?;
        let was = std::mem::replace(&mut hook.off, off);
        match (was, off) {
            (true, true) if hook.manner == Manner::Pulses => self.pressed(now),
            (false, true) => {
                hook.since = now;
                self.pressed(now)
            }
            (true, false) => self.released(now),
            (false, false) | (true, true) => None,
        }
    }

    fn pressed(&self, now: Duration) -> Option<Wish> {
        match self.scene.calls {
            Calls::Idle => self.scene.talk.then_some(Wish::Talk),
            Calls::Ringing => Some(Wish::Press),
            Calls::Engaged => (!is_echo(self.told_hook, now, ECHO)).then_some(Wish::Press),
        }
    }

    fn released(&mut self, now: Duration) -> Option<Wish> {
        let hook = self.hook.as_mut()?;
        let held = now.saturating_sub(hook.since);
        // Told that the call is over, a headset hangs up by itself, however short the call was.
        let by_itself = !self.scene.off_hook() && self.told_hook >= Some(hook.since);
        let pulsed = held < SHORT && self.scene.calls != Calls::Idle && !by_itself;
        if pulsed && hook.manner == Manner::Stays {
            hook.manner = Manner::Returns;
        }
        let hangs_up = match hook.manner {
            Manner::Stays => true,
            Manner::Returns => held >= LONG,
            Manner::Pulses => false,
        };
        (hangs_up && self.scene.off_hook()).then_some(Wish::Press)
    }

    fn mute(&mut self, now: Duration, pressed: bool) -> Option<Wish> {
        let (manner, was) = self.mute.as_mut()?;
        let was = std::mem::replace(was, pressed);
        if !self.scene.off_hook() || is_echo(self.told_mute, now, MUTE_ECHO) {
            return None;
        }
        match manner {
            Manner::Pulses => pressed.then_some(Wish::ToggleMute),
            Manner::Returns => (pressed && !was).then_some(Wish::ToggleMute),
            Manner::Stays => {
                (pressed != was && pressed != self.scene.muted).then_some(Wish::Mute(pressed))
            }
        }
    }

    /// Where there is no hook switch the button of music is all there is. Without a call it is the
    /// player's.
    fn play(&mut self, pressed: bool) -> Option<Wish> {
        let (manner, was) = self.play.as_mut()?;
        let was = std::mem::replace(was, pressed);
        let goes_down = pressed && (!was || *manner == Manner::Pulses);
        let ours = self.hook.is_none() && self.scene.calls != Calls::Idle;
        (goes_down && ours).then_some(Wish::Press)
    }
}

fn is_echo(told: Option<Duration>, now: Duration, within: Duration) -> bool {
    told.is_some_and(|told| now.saturating_sub(told) < within)
}
