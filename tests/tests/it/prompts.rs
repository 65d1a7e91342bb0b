//! What the assistant says aloud, on a real speech-dispatcher and by espeak-ng.
//!
//! Owns: that it is heard, and that nobody listens meanwhile. Does not own: the words.

use ahoy_trial::{
    Person, Result, Setup, Stage,
    bus::Options,
    need::Need,
    process::Running,
    sound::{Recording, ear, speak},
    speech, until, wave,
};

use crate::scene::{Two, on_stage};

const NEEDS: [Need; 3] = [Need::Media, Need::Voice, Need::Speech];
/// What is louder than this is speech.
const HEARD: f32 = 0.01;

/// A speech-dispatcher in a person's session.
fn dispatcher(person: &Person<'_>) -> Result<Running> {
    let mut command = person.command("speech-dispatcher".as_ref());
    let running = Running::start("speech-dispatcher", command.args(["-s", "-t", "0"]))?;
    let socket = person.path("run/speech-dispatcher/speechd.sock");
    until("speech-dispatcher", || std::os::unix::net::UnixStream::connect(&socket).ok())?;
    Ok(running)
}

fn speaks_aloud(person: &Person<'_>) {
    let on = ("voice.speak", zbus::Variant::from(true));
    person.bus.call::<_, ()>("Settings", "Set", &on).expect("a setting");
}

fn ears_are_open(stage: &Stage) -> bool {
    stage.node("ahoy-voice").is_some()
}

/// Waits until the assistant is heard, and says whether the microphone was open then.
fn heard(stage: &Stage, ears: &Recording) -> bool {
    // The cue that it listens is over long before a sentence is.
    until("speech", || {
        let loud = wave::loudness(&ears.latest(0, 300)) > HEARD;
        loud.then_some(())
    })
    .expect("it speaks");
    ears_are_open(stage)
}

/// What Bob is told after the first `seen` signals.
fn prompts(two: &Two<'_>, seen: usize) -> Vec<String> {
    let signals = two.bob.bus.signals(seen).into_iter().filter(|one| one.member == "Prompt");
    signals.filter_map(|one| one.body::<(String, Vec<String>)>()).map(|(text, _)| text).collect()
}

/// The prompt for a call is heard, nobody listens meanwhile, and "cancel" is understood after it.
fn is_spoken_and_cancelled(two: &Two<'_>, stage: &Stage) {
    let ears = Recording::start(stage, &[&ear(&two.bob)]).expect("a recording");
    let seen = two.bob.bus.seen();
    assert_eq!(speech::command(&two.bob, "call alice").expect("understood"), "call alice");
    assert!(!heard(stage, &ears), "it hears itself");
    let cancel = speech::sentence(stage, "cancel").expect("a voice");
    let heard = speech::say(&two.bob, &cancel).expect("it listens once it has spoken");
    assert_eq!(heard.as_deref(), Some("cancel"));
    until("the last word", || {
        prompts(two, seen).last().filter(|text| *text == "Cancelled.").cloned()
    })
    .unwrap_or_else(|late| panic!("{late}: {:?}", prompts(two, seen)));
    assert_eq!(prompts(two, seen), ["Calling Alice.", "Cancelled."], "shown, too");
    assert!(two.bob.recents().expect("a log").is_empty(), "nobody was called");
}

#[test]
fn a_prompt_is_spoken_by_speech_dispatcher_and_cancelled_by_voice_once_it_is_over() {
    on_stage(&NEEDS, |stage| {
        stage.start_pulse().expect("PulseAudio");
        let two = Two::meet(stage, Setup::VOICE);
        let _dispatcher = dispatcher(&two.bob).expect("speech-dispatcher");
        speaks_aloud(&two.bob);
        is_spoken_and_cancelled(&two, stage);
    });
}

#[test]
fn without_speech_dispatcher_espeak_ng_speaks() {
    on_stage(&NEEDS, |stage| {
        stage.start_pulse().expect("PulseAudio");
        let two = Two::meet(stage, Setup::VOICE);
        speaks_aloud(&two.bob);
        is_spoken_and_cancelled(&two, stage);
    });
}

#[test]
fn who_presses_to_talk_cuts_a_prompt_short_and_is_heard() {
    on_stage(&NEEDS, |stage| {
        stage.start_pulse().expect("PulseAudio");
        let bob = Person::start(stage, "Bob", Setup::VOICE).expect("Bob");
        let _dispatcher = dispatcher(&bob).expect("speech-dispatcher");
        speaks_aloud(&bob);
        let ears = Recording::start(stage, &[&ear(&bob)]).expect("a recording");
        assert_eq!(speech::command(&bob, "help").expect("understood"), "help");
        assert!(!heard(stage, &ears), "it hears itself");
        bob.bus.call::<_, ()>("Voice", "Listen", &(Options::new(),)).expect("at once");
        until("open ears", || ears_are_open(stage).then_some(())).expect("it listens");
        until("silence", || (wave::loudness(&ears.latest(0, 300)) < HEARD).then_some(()))
            .expect("it is quiet");
        let who = speech::sentence(stage, "who called").expect("a voice");
        let _playing = speak(&bob, &who).expect("spoken");
        let seen = bob.bus.seen();
        bob.bus
            .signal(seen, "an answer", |one| {
                let (text, _): (String, Vec<String>) =
                    if one.member == "Prompt" { one.body()? } else { return None };
                (text == "Nobody has called.").then_some(())
            })
            .expect("it hears the command");
    });
}

#[test]
fn the_wait_before_a_call_is_on_the_screen_and_its_button_cancels() {
    on_stage(&[Need::Media, Need::Voice, Need::Notify], |stage| {
        let two = Two::meet(stage, Setup { camera: None, ..Setup::ALL });
        let desk = two.bob.notifications.as_ref().expect("dunst");
        assert_eq!(speech::command(&two.bob, "call alice").expect("understood"), "call alice");
        desk.until_shown(1).expect("the prompt");
        until("\"Cancelled.\"", || {
            desk.press("say:cancel").ok()?;
            (prompts(&two, 0).last()? == "Cancelled.").then_some(())
        })
        .expect("pressed");
        assert!(two.bob.recents().expect("a log").is_empty(), "nobody was called");
        // What is pressed must be on the screen by then.
        let pressed = |action: &str, wanted: bool| {
            until(action, || {
                desk.press(action).ok()?;
                (ears_are_open(stage) == wanted).then_some(())
            })
            .expect("it does as it says");
        };
        pressed("listen", true);
        pressed("stop", false);
        desk.until_shown(0).expect("nothing is left on the screen");
    });
}

#[test]
fn typed_words_are_answered_in_writing_only() {
    on_stage(&NEEDS, |stage| {
        stage.start_pulse().expect("PulseAudio");
        let bob = Person::start(stage, "Bob", Setup::VOICE).expect("Bob");
        let _dispatcher = dispatcher(&bob).expect("speech-dispatcher");
        speaks_aloud(&bob);
        let seen = bob.bus.seen();
        let options = Options::from([("text", "help".into())]);
        bob.bus.call::<_, ()>("Voice", "Listen", &(options,)).expect("understood");
        bob.bus
            .signal(seen, "the prompt", |one| (one.member == "Prompt").then_some(()))
            .expect("it is shown");
        let clients = bob.path("run/speech-dispatcher/log/speech-dispatcher.log");
        let log = std::fs::read_to_string(clients).unwrap_or_default();
        assert!(!log.contains("ahoy:voice"), "nothing is sent to speech-dispatcher: {log}");
    });
}
