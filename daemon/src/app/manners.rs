//! What a call asks of the rest of the desktop: players rest, the machine stays awake, what vibrates
//! and shines says that it rings. And the keys and buttons that the user has given us there.
//!
//! Owns: when. Does not own: how (`desktop`). Invariant: all of it follows from the calls there are,
//! after every input; nothing is counted.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use ahoy_core::{
    engine::{Attention, Command},
    headset::{Calls, Scene, Wish},
    id::Now,
};
use tokio::sync::{mpsc, oneshot, watch};

use super::{App, Waiter, request::Request};
use crate::{
    desktop::{
        awake, backlight, feedback, headset, players, quiet,
        shortcuts::{self, Shortcut},
    },
    settings::Key,
    tasks::Tasks,
};

/// Keys that wait; more are no wish any more.
const KEYS: usize = 8;

/// A notification that blinks changes this often: slow enough to be read.
const BLINK: Duration = Duration::from_secs(2);

/// A key or a button that the user pressed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Press {
    /// A key of the desktop.
    Key(Shortcut),
    /// What a headset asks for.
    Headset(Wish),
}

/// What of it the user lets us do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leave {
    /// Pause players.
    players: bool,
    /// Show a ring by light.
    flash: bool,
    /// Read the buttons of headsets.
    headsets: bool,
    /// What headsets are told.
    scene: Scene,
}

/// To the tasks: whether it is wanted now.
pub(super) struct Manners {
    rest: watch::Sender<bool>,
    awake: watch::Sender<bool>,
    keys: watch::Sender<bool>,
    feedback: watch::Sender<feedback::Wanted>,
    light: watch::Sender<bool>,
    headsets: watch::Sender<headset::Wanted>,
    heard: watch::Receiver<headset::State>,
    quiet: watch::Receiver<bool>,
    pressed: mpsc::Receiver<Shortcut>,
    wishes: mpsc::Receiver<Wish>,
    blink: Blink,
}

/// The notification of a ring that blinks.
#[derive(Default)]
struct Blink {
    on: bool,
    /// When it changes; none while nothing blinks.
    next: Option<Duration>,
}

impl Blink {
    fn reconcile(&mut self, now: Duration, wanted: bool) {
        if !wanted {
            *self = Self::default();
        } else if self.next.is_none_or(|next| next <= now) {
            self.on = self.next.is_some() && !self.on;
            self.next = Some(now + BLINK);
        }
    }
}

/// Where headsets are: of this machine, or under a directory with `class` and `dev` as `/sys/class/hidraw`
/// and `/dev` are (`AHOY_HIDRAW`).
pub(super) fn hardware(directory: Option<OsString>) -> headset::System {
    match directory.map(PathBuf::from) {
        Some(under) => headset::System::under(under.join("class"), under.join("dev")),
        None => headset::System::new(),
    }
}

impl Manners {
    /// Starts the tasks. They follow what is shown. `note`: where the keyboard's light keeps one.
    pub(super) fn start(
        bus: &zbus::Connection,
        (system_bus, note): (Option<String>, PathBuf),
        hardware: headset::System,
        tasks: &mut Tasks,
    ) -> Self {
        let (rest, wanted) = watch::channel(false);
        let on = bus.clone();
        tasks.spawn("players", |token| players::run(on, wanted, token));
        let (awake, wanted) = watch::channel(false);
        let (on, system) = (bus.clone(), system_bus.clone());
        tasks.spawn("staying awake", |token| awake::run(on, system, wanted, token));
        let (feedback, wanted) = watch::channel(feedback::Wanted::default());
        let on = bus.clone();
        tasks.spawn("vibration", |token| feedback::run(on, wanted, token));
        let (light, wanted) = watch::channel(false);
        tasks.spawn("keyboard light", |token| backlight::run(system_bus, note, wanted, token));
        let (keys, wanted) = watch::channel(false);
        let (press, pressed) = mpsc::channel(KEYS);
        let on = bus.clone();
        tasks.spawn("keys of the desktop", |token| shortcuts::run(on, wanted, press, token));
        let (headsets, wanted) = watch::channel(headset::Wanted::default());
        let (wish, wishes) = mpsc::channel(KEYS);
        let (state, heard) = watch::channel(headset::State::default());
        tasks.spawn("headsets", |token| headset::run(hardware, wanted, wish, state, token));
        let (told, quiet) = watch::channel(false);
        let on = bus.clone();
        tasks.spawn("the desktop's Do Not Disturb", |token| quiet::run(on, told, token));
        let blink = Blink::default();
        Self { rest, awake, keys, feedback, light, headsets, heard, quiet, pressed, wishes, blink }
    }

    /// Whether the desktop was asked not to disturb.
    pub(super) fn is_quiet(&self) -> bool {
        *self.quiet.borrow()
    }

    /// Whether the user wants keys of the desktop.
    pub(super) fn set_keys(&self, wanted: bool) {
        tell(&self.keys, wanted);
    }

    /// The next key or button that is pressed.
    pub(super) async fn pressed(&mut self) -> Press {
        tokio::select! {
            Some(shortcut) = self.pressed.recv() => Press::Key(shortcut),
            Some(wish) = self.wishes.recv() => Press::Headset(wish),
            else => std::future::pending().await,
        }
    }

    /// The headsets there are.
    pub(super) fn headsets(&self) -> headset::State {
        *self.heard.borrow()
    }

    /// What the calls want now.
    pub(super) fn reconcile(&mut self, now: Duration, wanted: &Attention, leave: Leave) {
        let ring = wanted.ring.is_some();
        tell(&self.rest, leave.players && (ring || wanted.in_call));
        tell(&self.awake, wanted.in_call);
        tell(&self.feedback, feedback::Wanted { ring, flash: ring && leave.flash });
        tell(&self.light, ring && leave.flash);
        tell(&self.headsets, headset::Wanted { on: leave.headsets, scene: leave.scene });
        self.blink.reconcile(now, ring && leave.flash);
    }

    /// Whether the notification of a ring stands out now.
    pub(super) const fn stands_out(&self) -> bool {
        self.blink.on
    }

    /// When that changes by itself.
    pub(super) const fn next_timeout(&self) -> Option<Duration> {
        self.blink.next
    }
}

impl App {
    /// What the user lets calls ask of the desktop.
    pub(super) fn leave(&self, attention: &Attention) -> Leave {
        let engine = self.service.engine();
        let calls = match engine.summary() {
            "in-call" => Calls::Engaged,
            "ringing" => Calls::Ringing,
            _ => Calls::Idle,
        };
        let buttons = self.settings.text(Key::HEADSET_BUTTON);
        let scene = Scene {
            calls,
            ring: attention.ring.is_some(),
            muted: engine.active().is_some_and(|call| call.flags().muted),
            talk: buttons == "on",
        };
        Leave {
            players: self.settings.flag(Key::PAUSE_PLAYERS),
            flash: self.settings.flag(Key::RING_FLASH),
            headsets: buttons != "off",
            scene,
        }
    }

    /// A key or a button was pressed: what any controller may ask for.
    pub(super) async fn pressed(&mut self, now: Now, press: Press) {
        let command = match press {
            Press::Key(Shortcut::Talk) | Press::Headset(Wish::Talk) => {
                return self.talk_pressed(now).await;
            }
            Press::Key(Shortcut::Primary) | Press::Headset(Wish::Press) => Command::PressPrimary,
            Press::Key(Shortcut::Secondary) => Command::PressSecondary,
            Press::Key(Shortcut::Silence) => Command::SilenceRinger,
            Press::Headset(Wish::ToggleMute) => match self.mute(None) {
                Some(command) => command,
                None => return,
            },
            Press::Headset(Wish::Mute(muted)) => match self.mute(Some(muted)) {
                Some(command) => command,
                None => return,
            },
        };
        self.carry_out(now, Waiter::Desktop, command).await;
    }

    async fn talk_pressed(&mut self, now: Now) {
        let (answer, answered) = oneshot::channel();
        self.request(now, Request::Listen(None, answer)).await;
        if let Ok(Err(fault)) = answered.await {
            self.prompt(now, fault.text, Vec::new()).await;
        }
    }

    /// Closes or opens the microphone of the call, or of the conference, that is on; `None`: the other
    /// of what it is.
    pub(super) fn mute(&self, muted: Option<bool>) -> Option<Command> {
        let call = self.service.engine().active()?;
        let muted = muted.unwrap_or(!call.flags().muted);
        Some(match call.group() {
            Some(group) => Command::GroupSetMuted(group, muted),
            None => Command::SetMuted(call.id(), muted),
        })
    }
}

pub(super) fn tell<T: PartialEq>(to: &watch::Sender<T>, wanted: T) {
    to.send_if_modified(|told| {
        let differs = *told != wanted;
        *told = wanted;
        differs
    });
}
