//! Picture-in-picture above all windows, on real compositors that have a layer for it, and on X11.
//!
//! Owns: where it is seen, and what a pointer does with it. Does not own: picture-in-picture as a window (`window`,
//! `gnome`). Invariant: what is seen is read off the compositor's screen.

use std::{fs, path::Path, process::Command};

use ahoy_trial::{
    Person, Setup, Stage, need::Need, pointer::Pointer, process::Running, until, window::Windows,
};

use crate::{
    kwin,
    scene::{Two, on_stage},
};

const NEEDS: [Need; 3] = [Need::Media, Need::Window, Need::Layers];
/// What Bob's camera sees.
const BOB: [u8; 3] = [0xa0, 0x40, 0x20];
/// A window that fills the screen, in a colour of its own.
const FULL: &str = "
import gi
gi.require_version('Gtk', '4.0')
from gi.repository import Gtk, Gdk
style = Gtk.CssProvider()
style.load_from_data(b'window { background: rgb(0, 160, 0); }')
app = Gtk.Application(application_id='org.example.Film')
def show(app):
    Gtk.StyleContext.add_provider_for_display(Gdk.Display.get_default(), style, 600)
    window = Gtk.ApplicationWindow(application=app)
    window.fullscreen()
    window.present()
app.connect('activate', show)
app.run([])
";
const GREEN: [u8; 3] = [0, 160, 0];
/// Tenths: a square that moves is before Bob.
const WHOLE: usize = 9;

/// What arranges windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manager {
    /// On X11.
    Openbox,
    /// Of Phosh, by wlroots.
    Phoc,
    /// By wlroots, too.
    Sway,
    /// Of KDE Plasma.
    Kwin,
}

impl Manager {
    fn command(self, person: &Person<'_>, display: &str) -> Command {
        match self {
            Self::Openbox => person.command(Path::new("openbox")),
            Self::Phoc => person.command(Path::new("phoc")),
            Self::Sway => {
                let config = person.path("sway.conf");
                fs::write(&config, "output * bg #000000 solid_color\n").expect("its settings");
                // It runs for nobody who could become root.
                let mut command = person.command(Path::new("unshare"));
                command.args(["--user", "--map-user=1000", "sway", "--config"]).arg(config);
                command
            }
            Self::Kwin => {
                let mut command = person.command(&kwin::program(person));
                command.args(["--x11-display", display, "--width", "1024", "--height", "768"]);
                command.args(["--socket", "wayland-kwin"]);
                command
            }
        }
    }
}

/// A desktop on the stage's screen, or in a window on it.
struct Desktop {
    _manager: Running,
    /// What its windows are told.
    session: Vec<(&'static str, String)>,
}

impl Desktop {
    fn start(person: &Person<'_>, manager: Manager) -> Self {
        let runtime = person.private("wayland").expect("a directory");
        let display = person.stage().display().expect("a screen");
        let mut command = manager.command(person, &display);
        command
            .env("XDG_RUNTIME_DIR", &runtime)
            .env("WLR_BACKENDS", "x11")
            .env("DISPLAY", &display)
            // Drawn without a GPU.
            .env("WLR_RENDERER", "pixman")
            .env("KWIN_COMPOSE", "Q")
            .env("GSETTINGS_BACKEND", "memory");
        let name = command.get_program().to_string_lossy().into_owned();
        let running = Running::start(&name, &mut command).expect("a desktop");
        if manager == Manager::Openbox {
            let session = vec![("GDK_BACKEND", "x11".to_owned()), ("DISPLAY", display)];
            return Self { _manager: running, session };
        }
        let socket = until("its socket", || {
            let names = fs::read_dir(&runtime).ok()?.filter_map(Result::ok);
            let mut names = names.filter_map(|entry| entry.file_name().into_string().ok());
            names.find(|name| name.starts_with("wayland-") && !name.ends_with(".lock"))
        })
        .expect("it starts");
        let session = vec![
            ("GDK_BACKEND", "wayland".to_owned()),
            ("WAYLAND_DISPLAY", socket),
            ("XDG_RUNTIME_DIR", runtime.display().to_string()),
        ];
        Self { _manager: running, session }
    }

    fn session(&self) -> Vec<(&str, &str)> {
        self.session.iter().map(|(name, value)| (*name, value.as_str())).collect()
    }
}

/// What locks the session, and has.
struct Locker;

#[zbus::interface(name = "org.freedesktop.ScreenSaver")]
impl Locker {
    fn get_active(&self) -> bool {
        true
    }
}

/// Takes the picture from one place to another as a hand does: what it holds comes along, or it would not go on.
fn drag(stage: &Stage, pointer: &Pointer, from: (usize, usize), to: (usize, usize)) {
    let before = stage.seen(BOB, WHOLE);
    pointer.go(from).expect("there");
    pointer.button(true).expect("pressed");
    pointer.go(((from.0 * 9 + to.0) / 10, (from.1 * 9 + to.1) / 10)).expect("a little");
    let comes = || stage.seen(BOB, WHOLE).filter(|now| Some(*now) != before);
    until("it coming along", comes).expect("held");
    pointer.go(to).expect("the rest");
    pointer.button(false).expect("let go of");
}

#[test]
fn above_a_film_in_phoc_a_picture_in_picture_is_dragged_resized_and_leads_back() {
    is_above_a_film(&NEEDS, Manager::Phoc);
}

#[test]
fn above_a_film_in_sway_a_picture_in_picture_is_dragged_resized_and_leads_back() {
    is_above_a_film(&NEEDS, Manager::Sway);
}

#[test]
fn above_a_film_in_kwin_a_picture_in_picture_is_dragged_resized_and_leads_back() {
    is_above_a_film(&[&NEEDS[..], &[Need::Kwin]].concat(), Manager::Kwin);
}

#[test]
fn above_a_film_on_x11_a_picture_in_picture_is_dragged_resized_leads_back_and_is_locked_away() {
    let needs = [Need::Media, Need::Window, Need::Manager, Need::Layers];
    is_above_a_film(&needs, Manager::Openbox);
}

fn is_above_a_film(needs: &[Need], manager: Manager) {
    on_stage(needs, |stage| {
        let two = Two::meet(stage, Setup { notifications: false, ..Setup::ALL });
        let desktop = Desktop::start(&two.alice, manager);
        let windows =
            Windows::open(&two.alice, &["--background"], &desktop.session()).expect("windows");
        let (outgoing, _) = two.talk(true);
        windows.until("image", "Picture of Bob").expect("him");
        windows.press("Picture-in-picture").expect("put aside");
        let mut film = two.alice.command(Path::new("/usr/bin/python3"));
        film.args(["-c", FULL]).env("GSK_RENDERER", "cairo").envs(desktop.session());
        let _film = Running::start("python3", &mut film).expect("a film");
        let is_large = |at: &(usize, usize, usize, usize)| at.2 - at.0 > 600 && at.3 - at.1 > 400;
        until("the film", || stage.seen(GREEN, WHOLE).filter(is_large))
            .expect("it fills the screen");
        let at = until("the picture above it", || stage.seen(BOB, WHOLE)).unwrap_or_else(|error| {
            stage.photograph("layer-late.png").expect("a picture");
            panic!("{error}; the windows: {}", windows.said())
        });
        stage.photograph("picture-above-a-film.png").expect("a picture");
        let middle = |at: (usize, usize, usize, usize)| (at.0.midpoint(at.2), at.1.midpoint(at.3));
        let (x, y) = middle(at);
        let pointer = Pointer::of(stage).expect("a pointer");
        drag(stage, &pointer, (x, y), (x - 200, y - 150));
        let moved = until("it where it was dragged", || {
            let now = stage.seen(BOB, WHOLE)?;
            let is_there = now.0.abs_diff(at.0 - 200) < 3 && now.1.abs_diff(at.1 - 150) < 3;
            is_there.then_some(now)
        })
        .expect("moved");
        drag(stage, &pointer, (moved.0 + 12, moved.1 + 12), (moved.0 - 88, moved.1 - 88));
        let larger = until("it larger", || {
            let now = stage.seen(BOB, WHOLE)?;
            let stays = now.2.abs_diff(moved.2) < 3 && now.3.abs_diff(moved.3) < 3;
            (stays && now.2 - now.0 > moved.2 - moved.0 + 80).then_some(now)
        })
        .expect("resized by its corner");
        pointer.go(middle(larger)).expect("there");
        pointer.double_click().expect("clicked");
        windows.press("Picture-in-picture").expect("the call is back");
        until("it where it was first", || stage.seen(BOB, WHOLE).filter(|now| *now == at))
            .expect("put aside again");
        // No key reaches a layer: whoever opens Ahoy has the call back.
        let _again = Windows::open_again(&two.alice, &desktop.session()).expect("opened");
        windows.press("Picture-in-picture").expect("the call is back");
        if manager == Manager::Openbox {
            until("it where it was first", || stage.seen(BOB, WHOLE).filter(|now| *now == at))
                .expect("put aside again");
            // The end of its connection is no end of the windows.
            pointer.kill("Ahoy picture-in-picture").expect("killed");
            windows.press("Picture-in-picture").expect("the call is back");
            until("it where it was first", || stage.seen(BOB, WHOLE).filter(|now| *now == at))
                .expect("put aside again");
            let bus = &two.alice.bus;
            bus.be("org.freedesktop.ScreenSaver", "/org/freedesktop/ScreenSaver", Locker)
                .expect("locked");
            until("it gone", || (stage.seen(BOB, WHOLE) != Some(at)).then_some(()))
                .expect("hidden");
        }
        two.bob.hang_up(&outgoing).expect("hung up");
    });
}
