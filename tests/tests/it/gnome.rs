//! The extension in a real GNOME Shell: calls on its lock screen, picture-in-picture above.
//!
//! Owns: what stands on the lock and when it goes, what a press does to the call, which windows stay
//! above. Does not own: the Shell and how it is pressed (`ahoy_trial::shell`). Invariant: whether a
//! press worked is asked of the daemon, whether something is seen is asked of the Shell.

use std::{
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use ahoy_trial::{
    PATIENCE, Person, Setup, Stage,
    contract::repository,
    need::{Need, find},
    process::{Running, output},
    shell::{EXTENSION, Shell, assemble},
    until,
    window::Windows,
};

use crate::scene::{Buses, Two, on_silent_stage_with, on_stage, with_desktop};

const NEEDS: [Need; 2] = [Need::Gnome, Need::Mock];
const NOTIFIES: &str = "org.freedesktop.Notifications";
/// Code for who has the keyboard.
const FOCUS: &str = "global.stage.get_key_focus()";

/// Two people, and one's desktop. Alice has it.
struct Scene<'a> {
    // In this order: who is on a bus ends before it.
    shell: Shell,
    two: Two<'a>,
    _buses: Buses,
}

impl<'a> Scene<'a> {
    fn open(stage: &'a Stage, setup: Setup) -> Self {
        let (alice, buses) = with_desktop(stage, setup);
        let bob = Person::start(stage, "Bob", setup).expect("Bob");
        let two = Two::introduce(alice, bob);
        let shell = Shell::start(&two.alice).expect("a Shell");
        Self { shell, two, _buses: buses }
    }

    fn set(&self, key: &str, value: bool) {
        let value = zbus::Variant::from(value);
        self.two.alice.bus.call::<_, ()>("Settings", "Set", &(key, value)).expect("a setting");
    }

    /// Locks, until her Ahoy knows it.
    fn lock(&self) {
        self.shell.lock().expect("locked");
        self.knows(true);
    }

    fn knows(&self, locked: bool) {
        let alice = &self.two.alice;
        let says = || {
            let value =
                alice.bus.property(ahoy_trial::bus::ROOT, "Manager", "SessionLocked").ok()?;
            (bool::try_from(&*value).ok()? == locked).then_some(())
        };
        until("her Ahoy to know the lock", says).expect("it knows");
    }

    /// Bob calls until it is seen on her lock: his call and hers.
    fn ring(&self, video: bool) -> (String, String) {
        let calls = self.two.ring(video);
        self.shell.shows("answer").expect("seen");
        calls
    }

    /// A flag of her call.
    fn until_flag(&self, call: &str, name: &str, wanted: bool) {
        let is = || {
            let value = self.two.alice.bus.property(call, "Call", name).ok()?;
            (bool::try_from(&*value).ok()? == wanted).then_some(())
        };
        until(&format!("{name} to be {wanted}"), is).expect("so it is");
    }
}

fn on_desktop(play: impl FnOnce(&Scene<'_>)) {
    on_silent_stage_with(&NEEDS, |stage| play(&Scene::open(stage, Setup::BARE)));
}

#[test]
fn a_call_is_answered_muted_and_ended_on_the_lock_and_nobody_is_named_there() {
    on_desktop(|scene| {
        let (shell, two) = (&scene.shell, &scene.two);
        scene.lock();
        let (outgoing, incoming) = scene.ring(true);
        shell.picture("gnome-lock-unnamed").expect("a picture");
        let words = shell.words();
        let has = |word: &str| words.iter().any(|one| one == word);
        assert!(has("Answer") && has("Decline"), "{words:?}");
        assert!(!has("Answer with video"), "the camera stays off on a lock: {words:?}");
        assert!(!words.iter().any(|one| one.contains("Bob")), "{words:?}");

        shell.click("answer").expect("pressed");
        two.are_active(&outgoing, &incoming);
        shell.shows("mute").expect("a call that is on");
        shell.picture("gnome-lock-call").expect("a picture");
        assert!(shell.words().iter().any(|one| one == "Call"), "{:?}", shell.words());
        shell.touch("mute").expect("pressed");
        scene.until_flag(&incoming, "Muted", true);
        shell.shows("unmute").expect("seen");
        shell.touch("unmute").expect("pressed");
        scene.until_flag(&incoming, "Muted", false);

        let seen = two.bob.bus.seen();
        shell.click("hang-up").expect("pressed");
        let (_, why) = two.bob.ended(seen, &outgoing, PATIENCE).expect("it ends");
        assert_eq!(why, "remote-hangup");
        shell.shows_none().expect("the lock is empty again");
        let log = fs::read_to_string(two.alice.path("shell.log")).expect("its log");
        assert!(!log.contains("Bob"), "{log}");
    });
}

#[test]
fn who_may_be_named_is_named_on_the_lock_and_all_buttons_are_reached_by_keys() {
    on_desktop(|scene| {
        let (shell, two) = (&scene.shell, &scene.two);
        scene.set("lock.show-caller", true);
        scene.set("lock.camera", true);
        scene.lock();
        shell.evaluate(&format!("global.before = {FOCUS}; null")).expect("a focus");
        let (outgoing, incoming) = scene.ring(true);
        shell.shows("answer-video").expect("a call with pictures");
        let first = two.alice.bus.text(&incoming, "Call", "DisplayName");
        assert_eq!(first, "Bob");
        let words = shell.words();
        assert!(words.iter().any(|one| one.starts_with("Bob, Incoming video call")), "{words:?}");
        // Whoever types a password when it begins to ring does not answer by it.
        shell
            .until("the keyboard where it was", &format!("global.before === {FOCUS}"))
            .expect("so");

        for button in ["answer", "answer-video", "decline"] {
            shell.key("Tab", &format!("{FOCUS}?.name === 'ahoy-{button}'")).expect("reached");
        }
        shell.key("Escape", &format!("!place().contains({FOCUS})")).expect("back");
        shell.key("Tab", &format!("{FOCUS}?.name === 'ahoy-answer'")).expect("there again");
        shell.key("Right", &format!("{FOCUS}?.name === 'ahoy-answer-video'")).expect("beside it");
        shell.picture("gnome-lock").expect("a picture");
        shell.key("Right", &format!("{FOCUS}?.name === 'ahoy-decline'")).expect("beside it");
        let seen = two.bob.bus.seen();
        shell.key("Return", "!place().mapped").expect("pressed");
        let (_, why) = two.bob.ended(seen, &outgoing, PATIENCE).expect("it ends");
        assert_eq!(why, "declined");
        shell.until("the keyboard with the clock again", &format!("{FOCUS} !== null")).expect("so");

        let (outgoing, incoming) = scene.ring(true);
        shell.click("answer-video").expect("pressed");
        two.are_active(&outgoing, &incoming);
        scene.until_flag(&incoming, "HasVideo", true);
    });
}

#[test]
fn every_end_of_a_ring_takes_it_off_the_lock_and_an_open_session_never_has_it() {
    on_silent_stage_with(&NEEDS, |stage| {
        let mut scene = Scene::open(stage, Setup::BARE);
        scene.two.ring(false);
        assert!(scene.shell.words().is_empty(), "open: that is for the notification");
        scene.lock();
        // It gets dark, as whoever locks wants it; the ring is there when a key lights it again.
        scene.shell.until("the ring on the lock", "place()?.mapped").expect("seen");
        scene.shell.unlock().expect("unlocked");
        scene.shell.shows_none().expect("unlocked: it is gone though it rings");
        scene.knows(false);
        let ringing = scene.two.alice.rings().expect("it rings");
        scene.two.alice.hang_up(&ringing).expect("ended");

        scene.lock();
        let (outgoing, _) = scene.ring(false);
        scene.two.bob.hang_up(&outgoing).expect("given up");
        scene.shell.shows_none().expect("the caller gave up");

        scene.ring(false);
        scene.two.alice.kill9();
        scene.shell.shows_none().expect("the service is gone");
        scene.two.alice.restart().expect("again");
        scene.knows(true);
        scene.ring(false);
        let off = format!("Main.extensionManager.disableExtension('{EXTENSION}')");
        scene.shell.evaluate(&off).expect("disabled");
        scene.shell.until("nothing left", "!place()").expect("disabled");
    });
}

#[test]
fn a_call_that_waits_stands_before_the_one_that_is_on_and_neither_is_named_unasked() {
    on_desktop(|scene| {
        let present = |rules: &str, language: &str| {
            let code = format!(
                "const {{present, words}} = Main.extensionManager.lookup('{EXTENSION}').imports; \
                 const call = more => ({{name: 'Ann', address: '+49301', ...more}}); \
                 present.present([ \
                     call({{path: '/on', state: 'active', connectedAt: 5e6}}), \
                     call({{path: '/held', state: 'active', isHeld: true}}), \
                     call({{path: '/rings', state: 'ringing', isIncoming: true, isWaiting: true, \
                           offersVideo: true}}), \
                 ], {rules}, words.wordsFor(['{language}'])).map(one => [one.path, one.title, one.buttons.map(button => button.id)])"
            );
            scene.shell.evaluate(&code).expect("sheets")
        };
        let unnamed = serde_json::json!([
            ["/rings", "Incoming call", ["answer", "decline"]],
            ["/on", "Call", ["mute", "hang-up"]],
        ]);
        assert_eq!(present("{caller: false, camera: false}", "en_GB"), unnamed);
        let german = serde_json::json!([
            ["/rings", "Eingehender Anruf", ["answer", "decline"]],
            ["/on", "Anruf", ["mute", "hang-up"]],
        ]);
        assert_eq!(present("{caller: false, camera: false}", "de_AT"), german);
        let named = serde_json::json!([
            ["/rings", "Ann", ["answer", "answer-video", "decline"]],
            ["/on", "Ann", ["mute", "hang-up"]],
        ]);
        assert_eq!(present("{caller: true, camera: true}", "ko_KR"), named);
    });
}

/// What a piece of JavaScript about the words says, without a Shell.
fn of_words(code: &str) -> serde_json::Value {
    let source = repository().join("contrib/gnome-shell/src");
    let script = format!(
        "imports.searchPath.unshift('{}'); print(JSON.stringify({code}))",
        source.display()
    );
    let printed = output("gjs", Command::new("gjs").args(["-c", &script])).expect("gjs");
    serde_json::from_slice(&printed).expect("JSON")
}

#[test]
fn every_language_has_every_word_and_the_first_wanted_one_that_is_there_is_taken() {
    if find("gjs").is_none() {
        println!("SKIPPED: gjs is not installed");
        return;
    }
    let languages = of_words("imports.words.LANGUAGES");
    let languages = languages.as_object().expect("languages");
    assert!(["en", "de", "ko"].iter().all(|one| languages.contains_key(*one)));
    // Where a word is: its keys, so that none is missing and none too many.
    fn places(value: &serde_json::Value, at: &str, all: &mut Vec<String>) {
        match value.as_object() {
            Some(inner) => {
                inner.iter().for_each(|(key, one)| places(one, &format!("{at}/{key}"), all))
            }
            None => {
                assert!(
                    value.as_str().is_some_and(|word| !word.trim().is_empty()),
                    "{at} is empty"
                );
                all.push(at.to_owned());
            }
        }
    }
    let of = |language: &str| {
        let mut all = Vec::new();
        places(&languages[language], "", &mut all);
        all.sort();
        all
    };
    for language in languages.keys() {
        assert_eq!(of(language), of("en"), "{language}");
    }
    for (names, decline) in [
        ("['de_AT.UTF-8', 'de_AT', 'de', 'C']", "Ablehnen"),
        ("['ko_KR@x', 'ko', 'C']", "거절"),
        ("['fr_FR.UTF-8', 'fr', 'de', 'C']", "Ablehnen"),
        ("['en_GB', 'en', 'de', 'C']", "Decline"),
        ("['toString', 'C']", "Decline"),
        ("[]", "Decline"),
    ] {
        let code = format!("imports.words.wordsFor({names}).buttons.decline.label");
        assert_eq!(of_words(&code), decline, "{names}");
    }
}

/// A window of an application whose title is what it reads.
const WINDOW: &str = "
import sys, gi
gi.require_version('Gtk', '4.0')
from gi.repository import GLib, Gtk
app = Gtk.Application(application_id=sys.argv[1])
def read(source, condition):
    window.set_title(source.readline().strip())
    return True
def show(app):
    global window
    window = Gtk.ApplicationWindow(application=app, title=sys.argv[2])
    window.present()
    GLib.io_add_watch(sys.stdin, GLib.IO_IN, read)
app.connect('activate', show)
app.run([])
";

struct Window<'a> {
    shell: &'a Shell,
    running: Running,
    app: &'static str,
}

impl<'a> Window<'a> {
    fn open(scene: &'a Scene<'_>, app: &'static str, title: &str) -> Self {
        let python = "/usr/bin/python3";
        let mut command = scene.shell.command(&scene.two.alice, python);
        command.args(["-c", WINDOW, app, title]).stdin(Stdio::piped());
        let running = Running::start(python, &mut command).expect("a window");
        Self { shell: &scene.shell, running, app }
    }

    fn rename(&mut self, title: &str) {
        let input = self.running.child().stdin.as_mut().expect("a pipe");
        writeln!(input, "{title}").expect("told");
    }

    /// Waits until it has a title and stays in sight, or does not.
    fn until(&self, title: &str, kept: bool) {
        let code = format!(
            "global.get_window_actors().map(one => one.meta_window).some(one => \
             one.get_wm_class() === '{}' && one.get_title() === '{title}' && \
             one.is_above() === {kept} && one.is_on_all_workspaces() === {kept})",
            self.app
        );
        self.shell.until(&format!("{title}, kept: {kept}"), &code).expect("so it is");
    }
}

#[test]
fn a_picture_in_picture_stays_above_and_on_all_workspaces_while_it_is_one() {
    const PICTURE: &str = "Ahoy picture-in-picture";
    const OURS: &str = "org.ahoycall.Ahoy";
    on_desktop(|scene| {
        let mut ours = Window::open(scene, OURS, "Ahoy");
        ours.until("Ahoy", false);
        ours.rename(PICTURE);
        ours.until(PICTURE, true);
        ours.rename("Ahoy");
        ours.until("Ahoy", false);
        // The title alone is anybody's.
        let other = Window::open(scene, "org.example.Other", PICTURE);
        other.until(PICTURE, false);
        ours.rename(&format!("{PICTURE}: Bob"));
        ours.until("Ahoy picture-in-picture: Bob", true);
        let off = format!("Main.extensionManager.disableExtension('{EXTENSION}')");
        scene.shell.evaluate(&off).expect("disabled");
        ours.until("Ahoy picture-in-picture: Bob", false);
    });
}

#[test]
fn a_call_that_is_put_aside_is_a_window_which_the_extension_keeps_above_and_it_leads_back() {
    on_stage(&[Need::Gnome, Need::Mock, Need::Media, Need::Window], |stage| {
        let setup = Setup { notifications: false, ..Setup::ALL };
        let Scene { shell, two, .. } = &Scene::open(stage, setup);
        let session = shell.session();
        let session: Vec<(&str, &str)> =
            session.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let windows = Windows::open(&two.alice, &["--background"], &session).expect("windows");
        let (outgoing, _) = two.talk(true);
        windows.press("Picture-in-picture").expect("put aside");
        let is_kept = "global.get_window_actors().map(one => one.meta_window).some(one => \
             one.get_title() === 'Ahoy picture-in-picture' && \
             one.is_above() && one.is_on_all_workspaces())";
        shell.until("it above all", is_kept).expect("kept");
        windows.press("Back to the call").expect("pressed");
        windows.until("button", "Picture-in-picture").expect("it is back");
        shell.until("nothing small", &format!("!({is_kept})")).expect("it is hidden");
        two.bob.hang_up(&outgoing).expect("hung up");
    });
}

/// What is put together for a version of the Shell.
fn metadata(version: &str) -> serde_json::Value {
    let directory = tempfile::tempdir().expect("a directory");
    assemble(version, directory.path()).expect("put together");
    let file = directory.path().join(EXTENSION).join("metadata.json");
    let text = fs::read_to_string(file).expect("metadata.json");
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn only_versions_that_were_run_or_read_are_named() {
    let (legacy, newer) = (metadata("43"), metadata("48"));
    assert_eq!(legacy["shell-version"], serde_json::json!(["43"]));
    assert_eq!(newer["shell-version"], serde_json::json!(["48", "50"]));
    assert_eq!(legacy["session-modes"], serde_json::json!(["user", "unlock-dialog"]));
    let directory = tempfile::tempdir().expect("a directory");
    assemble("44", directory.path()).expect_err("44 was neither run nor read");
}

/// Takes away what the Shell says of sessions of root. It says it once, and goes on with the next
/// notification only if it was shown whole.
fn unwarned(shell: &Shell) {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    shell.until("its warning", "Main.messageTray._notificationState === 2").expect("shown");
    let all = "Main.messageTray.getSources().flatMap(one => one.notifications)";
    shell.evaluate(&format!("{all}.forEach(one => one.destroy()); null")).expect("taken away");
    let none = format!("Main.messageTray._notificationState === 0 && {all}.length === 0");
    shell.until("nothing on the screen", &none).expect("empty");
}

/// Code for a button of the banner that is shown, once it stands still.
fn on_banner(label: &str) -> String {
    format!(
        "(Main.messageTray._banner && Main.messageTray._notificationState === 2 ? \
         all(Main.messageTray._banner).find(one => one.label === '{label}' && one.mapped) : null)"
    )
}

/// Code for the titles of all notifications.
const TITLES: &str = "Main.messageTray.getSources().flatMap(one => one.notifications)\
                      .map(one => `${one.title}: ${one.bannerBodyText ?? ''}`)";

#[test]
fn calls_are_answered_declined_and_called_back_on_the_notifications_of_the_shell() {
    on_desktop(|scene| {
        let (shell, two) = (&scene.shell, &scene.two);
        // Where the bus starts services, it starts this one: it takes notifications for the Shell.
        let mut server = two.alice.command(Path::new("/usr/bin/gjs"));
        server.arg("/usr/share/gnome-shell/org.gnome.Shell.Notifications");
        let _server = Running::start("gjs", &mut server).expect("gjs");
        let information = || {
            let to = (NOTIFIES, "/org/freedesktop/Notifications", NOTIFIES);
            two.alice.bus.ask::<_, (String, String, String, String)>(
                to,
                "GetServerInformation",
                &(),
            )
        };
        until("the Shell's notifications", || information().ok()).expect("a server");
        unwarned(shell);
        let shows = |label: &str| {
            let code = format!("!!{}", on_banner(label));
            shell.until(&format!("{label} on a banner"), &code).expect("shown");
        };
        let press = |label: &str| {
            let button = on_banner(label);
            shows(label);
            shell.picture(&format!("gnome-banner-{}", label.to_lowercase())).expect("a picture");
            shell.click_on(&button).expect("pressed");
        };
        let gone = || {
            let none = format!("{TITLES}.every(one => !one.includes('Incoming'))");
            shell.until("no ring on the screen", &none).expect("gone");
        };
        let (outgoing, incoming) = two.ring(false);
        press("Answer");
        two.are_active(&outgoing, &incoming);
        gone();
        let seen = two.alice.bus.seen();
        two.bob.hang_up(&outgoing).expect("hung up");
        two.alice.ended(seen, &incoming, PATIENCE).expect("it ends");

        let (outgoing, _) = two.ring(false);
        let seen = two.bob.bus.seen();
        press("Decline");
        let (_, why) = two.bob.ended(seen, &outgoing, PATIENCE).expect("it ends");
        assert_eq!(why, "declined");
        gone();

        let (outgoing, incoming) = two.ring(false);
        shows("Answer");
        let seen = two.alice.bus.seen();
        two.bob.hang_up(&outgoing).expect("given up");
        two.alice.ended(seen, &incoming, PATIENCE).expect("the ring ends");
        // A missed call disturbs nobody: its buttons are behind the pointer, so by the Shell's own code.
        let back = "Main.messageTray.getSources().flatMap(one => one.notifications)\
                    .flatMap(one => one.actions).find(one => one.label === 'Call back')";
        shell.until("a missed call", &format!("!!{back}")).expect("shown");
        shell.evaluate(&format!("{back}.callback(); null")).expect("pressed");
        two.bob.rings().expect("he is called back");
    });
}
