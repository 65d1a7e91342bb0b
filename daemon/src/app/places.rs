//! Where desktops look for calls by themselves: Phosh's lock screen, the search of GNOME and KDE, trays, and
//! the players that media keys go to.
//!
//! Owns: what is shown there, and where a press there goes. Does not own: how (`desktop`), whom a
//! search finds (`search`), what the tray says (`tray`). Invariant: what is shown follows from the snapshot, as what the bus shows
//! does, so that a locked session names nobody here either; a press goes the way of any click.

use std::path::PathBuf;

use ahoy_core::{
    call::CallView,
    engine::Command,
    id::{CallId, Now, ProviderId},
};
use tokio::sync::{mpsc, watch};
use zbus::Connection;

use super::{App, Setup, Waiter, manners::tell, request::Snapshot};
use crate::{
    desktop::{
        media_keys, phosh, search, tray,
        windows::{self, Wish},
    },
    tasks::Tasks,
    worker::find_program,
};

/// Presses that wait; more are no wish any more.
const PRESSES: usize = 8;

/// What somebody wants at one of the places.
#[derive(Debug)]
pub(super) enum Asked {
    /// A press on Phosh's page.
    Page(CallId, phosh::Press),
    /// The desktop's search.
    Search(search::Ask),
    /// A click in the tray.
    Tray(tray::Wish),
    /// A media key.
    Key(media_keys::Press),
}

/// What our connection may be called for them, beside its own name.
pub(super) fn names() -> [String; 3] {
    [phosh::NAME.to_owned(), tray::name(), media_keys::NAME.to_owned()]
}

/// Lets the desktop's search ask. Before the first message comes in: the bus may have started us for
/// a search.
pub(super) async fn serve_search(
    objects: &Connection,
) -> zbus::Result<mpsc::Receiver<search::Ask>> {
    let (asks, searches) = mpsc::channel(search::QUEUE);
    search::serve(objects, asks).await?;
    Ok(searches)
}

/// To the tasks of the places, and back.
pub(super) struct Places {
    page: watch::Sender<phosh::Calls>,
    pressed: mpsc::Receiver<(CallId, phosh::Press)>,
    searches: mpsc::Receiver<search::Ask>,
    tray: watch::Sender<tray::Shown>,
    clicked: mpsc::Receiver<tray::Wish>,
    keys: watch::Sender<Option<media_keys::Shown>>,
    struck: mpsc::Receiver<media_keys::Press>,
    windows: mpsc::Sender<Wish>,
}

impl Places {
    /// Starts the tasks: names are taken on the first connection, objects lie on the second.
    pub(super) fn start(
        (bus, objects): (Connection, Connection),
        searches: mpsc::Receiver<search::Ask>,
        setup: &Setup,
        tasks: &mut Tasks,
    ) -> Self {
        let (page, calls) = watch::channel(phosh::Calls::new());
        let (press, pressed) = mpsc::channel(PRESSES);
        let on_phosh = phosh::Page::new((bus.clone(), objects.clone()), calls, press);
        tasks.spawn("page on Phosh", |token| on_phosh.run(token));
        let (tray, shown) = watch::channel(tray::Shown::default());
        let (click, clicked) = mpsc::channel(PRESSES);
        let in_tray = tray::Tray::new((bus.clone(), objects.clone()), shown, click);
        tasks.spawn("tray", |token| in_tray.run(token));
        let (keys, shown) = watch::channel(None);
        let (strike, struck) = mpsc::channel(PRESSES);
        let on_keys = media_keys::MediaKeys::new((bus.clone(), objects), shown, strike);
        tasks.spawn("media keys", |token| on_keys.run(token));
        let (windows, wishes) = mpsc::channel(PRESSES);
        let program = window_program(setup);
        tasks.spawn("windows", |token| windows::run(bus, program, wishes, token));
        Self { page, pressed, searches, tray, clicked, keys, struck, windows }
    }

    /// What is wanted next.
    pub(super) async fn asked(&mut self) -> Asked {
        tokio::select! {
            Some((call, press)) = self.pressed.recv() => Asked::Page(call, press),
            Some(ask) = self.searches.recv() => Asked::Search(ask),
            Some(wish) = self.clicked.recv() => Asked::Tray(wish),
            Some(press) = self.struck.recv() => Asked::Key(press),
            else => std::future::pending().await,
        }
    }

    /// What there is now.
    pub(super) fn reconcile(&self, view: &Snapshot, in_tray: tray::Shown, has_keys: bool) {
        tell(&self.page, page(view));
        tell(&self.tray, in_tray);
        tell(&self.keys, has_keys.then(|| on_keys(view)).flatten());
    }

    /// Opens the windows.
    pub(super) fn open_windows(&self) {
        self.wish(Wish::Open);
    }

    /// Has a window ready for the call that is about to be.
    pub(super) fn show_call(&self) {
        self.wish(Wish::Call);
    }

    fn wish(&self, wish: Wish) {
        // One that does not fit is one of many.
        let _ = self.windows.try_send(wish);
    }
}

fn window_program(setup: &Setup) -> Option<PathBuf> {
    let path = (setup.variable)("PATH");
    let found = find_program("ahoy-window", setup.own_program.as_deref(), path.as_deref());
    found.inspect_err(|missing| tracing::debug!(%missing, "windows")).ok()
}

/// The calls as Phosh's page shows them.
fn page(view: &Snapshot) -> phosh::Calls {
    let calls = view.calls.iter();
    calls.filter_map(|(id, call)| Some((*id, shown(call, view.named)?))).collect()
}

/// None: the page has no place for it yet.
fn shown(call: &CallView, is_named: bool) -> Option<phosh::Shown> {
    let state = state(call)?;
    let (scheme, value) = &call.remote;
    // A locked session says no number either. An identity is none that anybody knows; where there is
    // nothing, the page says "Unknown" below the name.
    let is_identity = *scheme == ProviderId::built_in().as_str();
    let number = match (is_named, is_identity) {
        (false, _) => String::new(),
        (true, true) => "Ahoy".to_owned(),
        (true, false) => value.clone(),
    };
    Some(phosh::Shown {
        inbound: call.direction == "incoming",
        state,
        is_silent: state == phosh::State::Incoming && call.flags.silenced,
        // Without leave the snapshot has none.
        name: call.display_name.clone(),
        number,
        protocol: scheme.clone(),
        is_encrypted: call.encryption.starts_with("e2e"),
        can_dtmf: call.capabilities.contains(&"dtmf"),
    })
}

fn state(call: &CallView) -> Option<phosh::State> {
    Some(match call.state {
        "ringing" => phosh::State::Incoming,
        "requested" | "dialing" | "remote-ringing" => phosh::State::Dialing,
        "ended" => phosh::State::Disconnected,
        "answering" | "connecting" | "active" if call.flags.held => phosh::State::Held,
        "answering" | "connecting" | "active" => phosh::State::Active,
        // `reported`: it is not known yet whether it may ring.
        _ => return None,
    })
}

/// The call that media keys are for: the one that a headset's button would be for, too.
fn on_keys(view: &Snapshot) -> Option<media_keys::Shown> {
    let known = |id: Option<CallId>| id.and_then(|id| view.calls.get(&id));
    let shown = |call: &CallView, stage| {
        // Without leave the snapshot has no name.
        media_keys::Shown { stage, name: call.display_name.clone() }
    };
    let ringing = known(view.ringing)
        .map(|call| shown(call, media_keys::Stage::Ringing { silenced: call.flags.silenced }));
    let talking = || {
        known(view.active)
            .map(|call| shown(call, media_keys::Stage::Talking { muted: call.flags.muted }))
    };
    ringing.or_else(talking)
}

impl App {
    /// Somebody wants something at one of the places.
    pub(super) async fn asked(&mut self, now: Now, asked: Asked) {
        match asked {
            Asked::Page(call, press) => {
                if let Some(command) = self.pressed_on_page(call, press) {
                    self.carry_out(now, Waiter::Desktop, command).await;
                }
            }
            Asked::Search(ask) => self.searched(now, ask).await,
            Asked::Tray(wish) => self.clicked_in_tray(now, wish).await,
            Asked::Key(press) => match self.struck(press) {
                Some(command) => self.carry_out(now, Waiter::Desktop, command).await,
                None if press == media_keys::Press::Raise => self.places.open_windows(),
                None => {}
            },
        }
    }

    /// What a media key does. What only means to be quiet, as a lock screen's "pause all", neither opens
    /// a microphone nor ends a call; what only means to go on ends none; none: nothing.
    fn struck(&self, press: media_keys::Press) -> Option<Command> {
        use media_keys::Press;
        // One that is being declined does not ring any more, whatever its app says yet.
        match (press, self.service.engine().first_ringing()) {
            (Press::Raise, _) => None,
            (Press::Play | Press::PlayPause, Some(call)) => {
                Some(Command::Answer { call, video: false })
            }
            (Press::Pause, Some(_)) => Some(Command::SilenceRinger),
            (Press::Stop, Some(call)) => Some(Command::Decline(call, None)),
            (Press::Play, None) => self.mute(Some(false)),
            (Press::Pause, None) => self.mute(Some(true)),
            (Press::PlayPause, None) => self.mute(None),
            // Nothing rings, so that it hangs up.
            (Press::Stop, None) => Some(Command::PressPrimary),
        }
    }

    /// None: the call is gone.
    fn pressed_on_page(&self, call: CallId, press: phosh::Press) -> Option<Command> {
        let known = self.service.engine().call(call)?;
        Some(match press {
            phosh::Press::Accept => Command::Answer { call, video: false },
            phosh::Press::HangUp if known.is_ringing() => Command::Decline(call, None),
            phosh::Press::HangUp => Command::HangUp(call),
            phosh::Press::Silence => Command::Silence(call),
            phosh::Press::Digits(digits) => Command::SendDtmf(call, digits),
        })
    }
}
