//! Calls on the lock screen of KWin, as KDE Plasma has it.
//!
//! Owns: what is seen there, and what is pressed. Does not own: what a locked session may do (`ahoyd`'s own
//! tests). Invariant: KWin locks by itself and says so itself, and what is seen is read off its screen.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use ahoy_trial::{
    Person, Setup, Stage,
    bus::ROOT,
    need::{Need, find},
    person::built,
    pointer::Pointer,
    process::Running,
    until,
    window::Windows,
    within,
};

use crate::scene::{Two, on_stage, red_button};

const NEEDS: [Need; 3] = [Need::Media, Need::Window, Need::Kwin];
const SAVER: (&str, &str, &str) =
    ("org.freedesktop.ScreenSaver", "/ScreenSaver", "org.freedesktop.ScreenSaver");
const SOCKET: &str = "kwin";
/// Longer than it takes to be seen where it may be.
const HIDDEN: Duration = Duration::from_secs(3);
const ENTRY: &str = include_str!("../../../contrib/desktop/org.ahoycall.Ahoy.Lock.desktop.in");

/// KWin without the capability that the installed one has, and that not every machine gives.
pub(crate) fn program(person: &Person<'_>) -> PathBuf {
    let program = person.path("kwin_wayland");
    fs::copy(find("kwin_wayland").expect("KWin"), &program).expect("a copy");
    program
}

/// KWin, locked, in a window on the stage's screen.
fn locked(person: &Person<'_>) -> Running {
    let runtime = person.private("wayland").expect("a directory");
    let mut command = person.command(&program(person));
    command
        .args(["--x11-display", &person.stage().display().expect("a screen")])
        .args(["--width", "480", "--height", "640", "--lockscreen", "--socket", SOCKET])
        .env("XDG_RUNTIME_DIR", runtime)
        // Drawn without a GPU.
        .env("KWIN_COMPOSE", "Q")
        .env("QT_LOGGING_RULES", "kwin_core.debug=true")
        .stderr(fs::File::create(person.path("kwin.log")).expect("a log"));
    let running = Running::start("kwin_wayland", &mut command).expect("KWin");
    until("KWin to be locked", || {
        person.bus.ask::<_, bool>(SAVER, "GetActive", &()).ok()?.then_some(())
    })
    .expect("it locks");
    running
}

/// The windows as KWin shows them.
fn windows(person: &Person<'_>) -> Windows {
    let runtime = person.path("wayland").display().to_string();
    let session =
        [("GDK_BACKEND", "wayland"), ("WAYLAND_DISPLAY", SOCKET), ("XDG_RUNTIME_DIR", &runtime)];
    Windows::open(person, &["--background"], &session).expect("windows")
}

/// Has an entry of the desktop name the program that asks.
fn install(person: &Person<'_>) {
    let program = built("ahoy-window").expect("the windows");
    let directory = program.parent().map(Path::to_owned).expect("a directory");
    let entries = person.path("data/applications");
    fs::create_dir_all(&entries).expect("a directory");
    let entry = ENTRY.replace("@bindir@", &directory.display().to_string());
    fs::write(entries.join("org.ahoycall.Ahoy.Lock.desktop"), entry).expect("installed");
}

/// Whether anything light is on the screen: the lock screen is dark, a window of ours is not.
fn is_light(stage: &Stage) -> bool {
    let (rgb, _, _) = stage.look().expect("the screen");
    let light = rgb.chunks_exact(3).filter(|pixel| pixel.iter().all(|one| *one > 200)).count();
    light > 10_000
}

#[test]
fn who_rings_is_seen_above_the_lock_screen_of_kwin_answered_and_ended_there() {
    on_stage(&NEEDS, |stage| {
        let two = Two::meet(stage, Setup::VOICE);
        install(&two.alice);
        let _kwin = locked(&two.alice);
        until("her Ahoy to know", || {
            let locked = two.alice.bus.property(ROOT, "Manager", "SessionLocked").ok()?;
            bool::try_from(&*locked).ok()?.then_some(())
        })
        .expect("it is told");
        let windows = windows(&two.alice);
        assert!(!is_light(stage), "nothing is seen yet");
        let (outgoing, incoming) = two.ring(false);
        windows.until("button", "Answer").expect("a window");
        until("it on the screen", || is_light(stage).then_some(())).unwrap_or_else(|error| {
            let log = fs::read_to_string(two.alice.path("kwin.log")).unwrap_or_default();
            panic!("{error}; KWin: {log}; the windows: {}", windows.said())
        });
        windows.until("label", "Somebody").expect("no name and no address");
        stage.photograph("kwin-locked.png").expect("a picture");
        windows.press("Answer").expect("answered");
        two.are_active(&outgoing, &incoming);
        let locked = two.alice.bus.ask::<_, bool>(SAVER, "GetActive", &()).expect("an answer");
        assert!(locked, "the session stays locked");
        let end = until("the red button to end it", || red_button(stage)).expect("it is seen");
        stage.photograph("kwin-locked-call.png").expect("a picture");
        let seen = two.alice.bus.seen();
        let pointer = Pointer::of(stage).expect("a pointer");
        pointer.go(end).expect("there");
        pointer.click().expect("pressed");
        let (_, why) = two.alice.ended(seen, &incoming, Duration::from_secs(5)).expect("it ends");
        assert_eq!(why, "local-hangup");
        until("nothing on the lock", || (!is_light(stage)).then_some(())).expect("it goes");
    });
}

#[test]
fn without_an_entry_that_names_it_kwin_keeps_the_window_behind_its_lock_screen() {
    on_stage(&NEEDS, |stage| {
        let two = Two::meet(stage, Setup::VOICE);
        let _kwin = locked(&two.alice);
        let windows = windows(&two.alice);
        let (outgoing, incoming) = two.ring(false);
        windows.until("button", "Answer").expect("a window");
        let seen = within(HIDDEN, "it on the screen", || is_light(stage).then_some(()));
        assert!(seen.is_err(), "nothing is seen of it while it rings");
        windows.press("Answer").expect("pressed by its name");
        two.are_active(&outgoing, &incoming);
    });
}
