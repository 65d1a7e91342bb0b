//! Two people who know each other, and what they do in most trials.
//!
//! Owns: taking turns, meeting, calling, hearing. Does not own: claims. Invariant: Bob calls, Alice
//! is called; Alice made the invite and Bob took it up.

use std::sync::{Mutex, MutexGuard, PoisonError};

use ahoy_trial::{
    Person, Setup, Stage,
    bus::{Daemon, word},
    need::{Need, met},
    shell::{SESSION, System},
    sound::{Recording, ear, speak},
    until, wave,
};

static TURN: Mutex<()> = Mutex::new(());

/// Waits for one's turn, and keeps it.
pub(crate) fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Plays on a stage with PipeWire, if the machine has what is needed.
pub(crate) fn on_stage(needs: &[Need], play: impl FnOnce(&Stage)) {
    if met(needs) {
        let _turn = turn();
        play(&Stage::start().expect("a stage"));
    }
}

/// A place on the red button that ends a call, beside its icon; `None`: none is seen. Its colour is libadwaita's.
pub(crate) fn red_button(stage: &Stage) -> Option<(usize, usize)> {
    let (left, top, right, bottom) = stage.seen([0xe0, 0x1b, 0x24], 5)?;
    Some((left.midpoint(right), (top * 4 + bottom) / 5))
}

/// Plays on a stage without PipeWire.
pub(crate) fn on_silent_stage(play: impl FnOnce(&Stage)) {
    on_silent_stage_with(&[Need::Media], play);
}

/// The same with other needs.
pub(crate) fn on_silent_stage_with(needs: &[Need], play: impl FnOnce(&Stage)) {
    if met(needs) {
        let _turn = turn();
        play(&Stage::without_sound().expect("a stage"));
    }
}

/// The two buses of a person with a desktop. They end after whoever is on them: hold them last.
pub(crate) struct Buses {
    _system: System,
    _session: Daemon,
}

/// Alice, in a session of her own that a logind tells of.
pub(crate) fn with_desktop(stage: &Stage, setup: Setup) -> (Person<'_>, Buses) {
    let directory = stage.subdirectory("alice").expect("a directory");
    let system = stage.subdirectory("system").expect("a directory");
    let system = System::start(&system).expect("a system bus");
    let session = Daemon::start(&directory).expect("a session bus");
    let alice = Person::prepare(stage, "Alice", setup, session.address.clone());
    let mut alice = alice.expect("Alice");
    alice.use_session(system.address(), SESSION);
    alice.restart().expect("her Ahoy");
    (alice, Buses { _system: system, _session: session })
}

/// The two.
pub(crate) struct Two<'a> {
    pub(crate) alice: Person<'a>,
    pub(crate) bob: Person<'a>,
    /// Alice among Bob's contacts.
    pub(crate) alice_id: String,
    /// Bob among Alice's.
    pub(crate) bob_id: String,
}

impl<'a> Two<'a> {
    /// Both have the same things, but cameras of different colours.
    pub(crate) fn meet(stage: &'a Stage, setup: Setup) -> Self {
        let other = Setup { camera: setup.camera.map(|_| 0xa0_40_20), ..setup };
        Self::meet_with(stage, setup, other)
    }

    /// Alice and Bob with what each has.
    pub(crate) fn meet_with(stage: &'a Stage, alice: Setup, bob: Setup) -> Self {
        let alice = Person::start(stage, "Alice", alice).expect("Alice");
        let bob = Person::start(stage, "Bob", bob).expect("Bob");
        Self::introduce(alice, bob)
    }

    /// Alice and Bob, who run already.
    pub(crate) fn introduce(alice: Person<'a>, bob: Person<'a>) -> Self {
        let alice_id = bob.accept(&alice.invite().expect("an invite")).expect("they meet");
        let found =
            until("Bob among her contacts", || alice.contacts("Bob").ok()?.into_iter().next());
        let bob_id = word(&found.expect("Bob is a contact"), "id");
        Self { alice, bob, alice_id, bob_id }
    }

    /// Bob calls and it rings at Alice's: his call and hers.
    pub(crate) fn ring(&self, video: bool) -> (String, String) {
        let outgoing = self.bob.call(&self.alice_id, video).expect("a call");
        (outgoing, self.alice.rings().expect("it rings"))
    }

    /// Bob calls, Alice answers on the bus: his call and hers.
    pub(crate) fn talk(&self, video: bool) -> (String, String) {
        let (outgoing, incoming) = self.ring(video);
        self.alice.answer(&incoming, video).expect("answered");
        self.are_active(&outgoing, &incoming);
        (outgoing, incoming)
    }

    /// The call is on, on both sides.
    pub(crate) fn are_active(&self, outgoing: &str, incoming: &str) {
        self.bob.until_state(outgoing, "active").expect("active at Bob's");
        self.alice.until_state(incoming, "active").expect("active at Alice's");
    }

    /// Each hears a tone of the other's.
    pub(crate) fn hear_each_other(&self) {
        hears(&self.alice, &self.bob, 700.0);
        hears(&self.bob, &self.alice, 1_100.0);
    }
}

/// One speaks a tone and the other hears it.
pub(crate) fn hears(from: &Person<'_>, to: &Person<'_>, hertz: f32) {
    let listening = Recording::start(to.stage(), &[&ear(to)]).expect("a speaker");
    let _voice = speak(from, &wave::tone(hertz, 30)).expect("a voice");
    let what = format!("{}'s tone at {}'s speaker", from.name, to.name);
    until(&what, || (wave::share(&listening.latest(0, 60), hertz) > 0.7).then_some(()))
        .expect("it is heard");
}

/// How many capture streams there are on the whole stage.
pub(crate) fn captures(stage: &Stage, what: &str) -> usize {
    let begin = format!("ahoy-{what}-");
    stage.nodes().iter().filter(|node| node.name.starts_with(&begin)).count()
}

/// Nothing rings and no ringback plays any more, anywhere.
pub(crate) fn silence(stage: &Stage) {
    until("no tone playing", || stage.node("ahoy-tone").is_none().then_some(()))
        .expect("nothing rings");
}

/// Waits until the newest row of the log has an outcome other than `ongoing`.
pub(crate) fn outcome(person: &Person<'_>) -> String {
    let what = format!("a closed row in the log of {}", person.name);
    until(&what, || {
        let outcome = word(person.recents().ok()?.first()?, "outcome");
        (outcome != "ongoing").then_some(outcome)
    })
    .expect("in the log")
}
