//! Calls on the lock screen of a real Phosh, read and pressed as by a screen reader.
//!
//! Owns: what stands on its call page and what a press there does. Does not own: the page's protocol
//! (`daemon/tests/phosh.rs` has that). Invariant: whether a press worked is asked of the daemon.

use std::{
    fs::{self, File},
    path::Path,
};

use ahoy_trial::{
    PATIENCE, Person, Setup, Stage,
    atspi::{Atspi, Widget},
    bus::ROOT,
    need::Need,
    process::Running,
    until,
};

use crate::scene::{Buses, Two, on_silent_stage_with, with_desktop};

const PHOSH: &str = "/usr/libexec/phosh";
const SAVER: (&str, &str, &str) =
    ("org.gnome.ScreenSaver", "/org/gnome/ScreenSaver", "org.gnome.ScreenSaver");

/// Two people, and one's phone. Alice has it.
struct Scene<'a> {
    // In this order: who is on a bus ends before it.
    _phosh: Running,
    atspi: Atspi,
    two: Two<'a>,
    stage: &'a Stage,
    _buses: Buses,
}

impl<'a> Scene<'a> {
    fn open(stage: &'a Stage) -> Self {
        let (alice, buses) = with_desktop(stage, Setup::BARE);
        let atspi = Atspi::start(&alice.bus, &mut alice.command(Atspi::program()));
        let atspi = atspi.expect("a screen reader's bus");
        let phosh = start(stage, &alice);
        let bob = Person::start(stage, "Bob", Setup::BARE).expect("Bob");
        let two = Two::introduce(alice, bob);
        Self { _phosh: phosh, atspi, two, stage, _buses: buses }
    }

    /// Locks, until her Ahoy knows it.
    fn lock(&self) {
        let alice = &self.two.alice;
        alice.bus.ask::<_, ()>(SAVER, "Lock", &()).expect("it locks");
        let says = || {
            let value = alice.bus.property(ROOT, "Manager", "SessionLocked").ok()?;
            bool::try_from(&*value).ok()?.then_some(())
        };
        until("her Ahoy to know the lock", says).expect("it knows");
    }

    /// Presses the button on the right of the two at the bottom: to answer while it rings, to hang up
    /// then. In Phosh 0.24 they have no names; found by its place, it is behind that of the keypad.
    fn press(&self) {
        let unnamed = |one: &Widget| one.role == "push button" && one.name.is_empty();
        let button = self.atspi.widgets().into_iter().filter(unnamed).nth(1).expect("a button");
        self.atspi.press(&button).expect("pressed");
    }

    fn names(&self, name: &str) -> bool {
        self.atspi.widgets().iter().any(|one| one.name.contains(name))
    }

    /// Waits until there is no call for Phosh: it turns the page back then, and keeps its words.
    fn is_over(&self) {
        let bus = ("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus");
        let there =
            || self.two.alice.bus.ask::<_, bool>(bus, "NameHasOwner", &("org.gnome.Calls",));
        until("the name to be let go", || (!there().ok()?).then_some(())).expect("it is");
    }

    /// Keeps a picture of a call page, once it is one.
    fn photograph(&self, label: &str, picture: &str) {
        self.atspi.until("label", label).expect("a call page");
        // The page slides in.
        self.stage.photograph(picture).expect("a picture");
    }
}

/// Phosh on a compositor on a virtual screen: without a screen it has no keyboard, and crashes.
fn start(stage: &Stage, person: &Person<'_>) -> Running {
    let runtime = person.private("phosh").expect("a directory");
    let log = File::create(person.path("phosh.log")).expect("phosh.log");
    let mut command = person.command(Path::new("phoc"));
    command
        .args(["-E", &format!("{PHOSH} --unlocked")])
        .env("XDG_RUNTIME_DIR", runtime)
        .env("WLR_BACKENDS", "x11")
        .env("WLR_RENDERER", "pixman")
        .env("DISPLAY", stage.display().expect("a screen"))
        .env("XDG_CURRENT_DESKTOP", "Phosh:GNOME")
        // Settings of the person testing are none of its business.
        .env("GSETTINGS_BACKEND", "memory")
        .env("LANGUAGE", "en")
        .env("G_MESSAGES_DEBUG", "phosh-calls-manager")
        .stdout(log.try_clone().expect("phosh.log"))
        .stderr(log);
    let running = Running::start("phoc", &mut command).expect("phoc");
    let active = || person.bus.ask::<_, bool>(SAVER, "GetActive", &()).ok();
    until("Phosh", active).expect("it starts");
    let ready = || {
        let log = fs::read_to_string(person.path("phosh.log")).ok()?;
        log.contains("Calls manager initialized").then_some(())
    };
    until("Phosh to look for calls", ready).expect("it does");
    running
}

#[test]
fn a_call_is_answered_and_ended_on_the_lock_screen_of_phosh_and_nobody_is_named_there() {
    on_silent_stage_with(&[Need::Phosh, Need::Mock], |stage| {
        let scene = Scene::open(stage);
        scene.lock();
        let (outgoing, incoming) = scene.two.ring(false);
        scene.photograph("Incoming phone call", "phosh-lock-unnamed.png");
        scene.atspi.until("label", "Unknown").expect("somebody");
        assert!(!scene.names("Bob"), "{:?}", scene.atspi.widgets());
        scene.press();
        scene.two.are_active(&outgoing, &incoming);
        scene.photograph("This call is encrypted", "phosh-lock-call.png");
        until("no question any more", || {
            scene.atspi.find("label", "Incoming phone call").is_none().then_some(())
        })
        .expect("it goes");
        let seen = scene.two.bob.bus.seen();
        scene.press();
        let (_, why) = scene.two.bob.ended(seen, &outgoing, PATIENCE).expect("it ends");
        assert_eq!(why, "remote-hangup");
        scene.is_over();
    });
}

#[test]
fn who_may_be_named_is_named_on_the_lock_screen_of_phosh() {
    on_silent_stage_with(&[Need::Phosh, Need::Mock], |stage| {
        let scene = Scene::open(stage);
        let leave = ("lock.show-caller", zbus::Variant::from(true));
        scene.two.alice.bus.call::<_, ()>("Settings", "Set", &leave).expect("a setting");
        scene.lock();
        let (outgoing, _) = scene.two.ring(true);
        scene.photograph("Bob", "phosh-lock-named.png");
        scene.two.bob.hang_up(&outgoing).expect("he gives up");
        scene.is_over();
    });
}
