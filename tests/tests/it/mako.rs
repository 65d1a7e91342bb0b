//! Calls as mako shows them, on a real compositor of wlroots' kind.
//!
//! Owns: what it shows and what its buttons do. Does not own: the notification itself (`ringing` has
//! that, with dunst). Invariant: what is shown is asked of mako, and pressed through it.

use std::{collections::HashMap, fs, path::Path};

use ahoy_trial::{PATIENCE, Person, Setup, Stage, need::Need, process::Running, until};
use zbus::OwnedVariant;

use crate::scene::{Two, on_stage};

const NEEDS: [Need; 2] = [Need::Media, Need::Mako];
const MAKO: (&str, &str, &str) =
    ("org.freedesktop.Notifications", "/fr/emersion/Mako", "fr.emersion.Mako");

/// Whoever reads it by mako's eyes.
struct Mako<'a> {
    person: &'a Person<'a>,
    running: Running,
}

/// A notification on the screen.
struct Shown {
    id: u32,
    summary: String,
    actions: String,
}

impl<'a> Mako<'a> {
    fn start(person: &'a Person<'a>) -> Self {
        let runtime = person.private("wayland").expect("a directory");
        let configuration = person.path("mako.conf");
        fs::write(&configuration, "actions=1\n").expect("a configuration");
        let mut command = person.command(Path::new("phoc"));
        command
            .args(["-E", &format!("mako -c {}", configuration.display())])
            .env("XDG_RUNTIME_DIR", runtime)
            // Without a screen it has no keyboard, and crashes.
            .env("WLR_BACKENDS", "x11")
            .env("DISPLAY", person.stage().display().expect("a screen"))
            .env("WLR_RENDERER", "pixman")
            .env("GSETTINGS_BACKEND", "memory");
        let running = Running::start("phoc", &mut command).expect("phoc");
        let mako = Self { person, running };
        until("mako", || mako.list()).expect("it starts");
        mako
    }

    fn list(&self) -> Option<Vec<Shown>> {
        let list: Vec<HashMap<String, OwnedVariant>> =
            self.person.bus.ask(MAKO, "ListNotifications", &()).ok()?;
        let one = |entry: &HashMap<String, OwnedVariant>| {
            let said = |key: &str| entry.get(key).map(|value| format!("{value:?}"));
            Shown {
                id: entry.get("id").and_then(|id| u32::try_from(&**id).ok()).unwrap_or(0),
                summary: said("summary").unwrap_or_default(),
                actions: said("actions").unwrap_or_default(),
            }
        };
        Some(list.iter().map(one).collect())
    }

    /// Waits until it shows one and nothing else.
    fn shows(&self, word: &str, action: &str) -> Shown {
        until(&format!("{word} on the screen"), || {
            let mut list = self.list()?;
            let one = list.pop().filter(|_| list.is_empty())?;
            (one.summary.contains(word) && one.actions.contains(action)).then_some(one)
        })
        .expect("shown")
    }

    fn press(&self, one: &Shown, action: &str) {
        self.person.bus.ask::<_, ()>(MAKO, "InvokeAction", &(one.id, action)).expect("pressed");
    }

    fn shows_nothing(&self) {
        until("an empty screen", || self.list()?.is_empty().then_some(())).expect("empty");
    }
}

fn on_mako(play: impl FnOnce(&Stage, Two<'_>)) {
    on_stage(&NEEDS, |stage| play(stage, Two::meet(stage, Setup::VOICE)));
}

#[test]
fn a_call_is_answered_on_mako_and_a_missed_one_called_back() {
    on_mako(|_, two| {
        let mako = Mako::start(&two.alice);
        let (outgoing, incoming) = two.ring(false);
        let ring = mako.shows("Bob", "answer");
        assert!(ring.actions.contains("decline"), "{}", ring.actions);
        mako.press(&ring, "answer");
        two.are_active(&outgoing, &incoming);
        mako.shows_nothing();
        let seen = two.alice.bus.seen();
        two.bob.hang_up(&outgoing).expect("hung up");
        two.alice.ended(seen, &incoming, PATIENCE).expect("it ends");

        let (outgoing, incoming) = two.ring(false);
        mako.shows("Bob", "answer");
        let seen = two.alice.bus.seen();
        two.bob.hang_up(&outgoing).expect("given up");
        two.alice.ended(seen, &incoming, PATIENCE).expect("the ring ends");
        let missed = mako.shows("", "call-back");
        mako.press(&missed, "call-back");
        two.bob.rings().expect("he is called back");
        mako.shows_nothing();
    });
}

#[test]
fn a_mako_that_crashes_while_it_rings_shows_the_call_again() {
    on_mako(|_, two| {
        let mut first = Mako::start(&two.alice);
        let (outgoing, _) = two.ring(false);
        first.shows("Bob", "answer");
        first.running.kill9();
        drop(first);
        let again = Mako::start(&two.alice);
        let ring = again.shows("Bob", "decline");
        let seen = two.bob.bus.seen();
        again.press(&ring, "decline");
        let (_, why) = two.bob.ended(seen, &outgoing, PATIENCE).expect("it ends");
        assert_eq!(why, "declined");
        again.shows_nothing();
    });
}
