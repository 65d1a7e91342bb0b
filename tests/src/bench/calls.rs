//! Whole calls: how fast they come about, how long sound is under way, what they cost.
//!
//! Owns: the scenes. Does not own: the stage. Invariant: PipeWire's own delay is measured in the same
//! run, on the same devices.

use std::time::{Duration, Instant};

use ahoy_trial::{
    Person, Result, Setup, Stage, Trouble,
    sound::{self, Playing, Recording},
    speech, until, wave,
};

use crate::{
    figure,
    process::{cost, pss},
    progress,
};

/// Calls that are set up for a median: past ten in a short time a contact is not listened to.
const CALLS: usize = 8;
/// Chirps in each direction.
const CHIRPS: usize = 12;
/// CPU is counted over this time.
const COUNTED: Duration = Duration::from_secs(10);
/// The wait that the assistant gives before it calls (design/voice.md).
const COUNTDOWN_MS: f64 = 2000.0;

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn median(name: &str, values: Vec<f64>) {
    if let Some(value) = wave::median(values) {
        figure(name, value, "ms");
    }
}

/// When a line of a person's log came, at the latest after the usual patience.
fn logged(person: &Person<'_>, since: Instant, text: &str) -> Result<Instant> {
    until(text, || person.logged(since, text))
}

pub(crate) fn run() -> Result<()> {
    let stage = Stage::start()?;
    progress("two people");
    let alice = Person::start(&stage, "Alice", Setup { notifications: false, ..Setup::ALL })?;
    let setup = Setup { notifications: false, camera: Some(0xa0_40_20), ..Setup::ALL };
    let bob = Person::start(&stage, "Bob", setup)?;
    let contact = bob.accept(&alice.invite()?)?;
    if let Some(memory) = alice.process("ahoyd").and_then(pss) {
        figure("idle_pss_ahoyd", memory, "MB");
    }
    set_up(&alice, &bob, &contact)?;
    progress("mouth to ear");
    let call = talk(&alice, &bob, &contact, false)?;
    let (there, _) = sound::mouth_to_ear(&bob, &alice, CHIRPS)?;
    let (back, _) = sound::mouth_to_ear(&alice, &bob, CHIRPS)?;
    let floor = floor(&stage, &alice)?;
    let ours = wave::median(there.iter().chain(&back).copied().collect());
    median("mouth_to_ear_there", there);
    median("mouth_to_ear_back", back);
    if let (Some(ours), Some(floor)) = (ours, wave::median(floor)) {
        figure("pipewire_delay", floor, "ms");
        figure("mouth_to_ear_ratio", ours / floor, "times PipeWire alone");
    }
    progress("cost of an audio call");
    cost(&alice, "audio_call", COUNTED);
    bob.hang_up(&call)?;
    until("the end", || alice.current("ActiveCall").is_none().then_some(()))?;
    progress("cost of a video call");
    let call = talk(&alice, &bob, &contact, true)?;
    cost(&alice, "video_call_360p30", COUNTED);
    bob.hang_up(&call)
}

/// A call that both are in.
fn talk(alice: &Person<'_>, bob: &Person<'_>, contact: &str, video: bool) -> Result<String> {
    let call = bob.call(contact, video)?;
    let ringing = alice.rings()?;
    alice.answer(&ringing, video)?;
    bob.until_state(&call, "active")?;
    Ok(call)
}

/// From StartCall to the other side's bus, and from Answer to the first decoded voice and picture.
fn set_up(alice: &Person<'_>, bob: &Person<'_>, contact: &str) -> Result<()> {
    let (mut reported, mut voice, mut picture) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..CALLS {
        progress(&format!("call {} of {CALLS}", round + 1));
        let seen = alice.bus.seen();
        let start = Instant::now();
        let call = bob.call(contact, true)?;
        let appeared = alice.bus.signal(seen, "the call", |signal| {
            (signal.member == "InterfacesAdded").then_some(signal.at)
        })?;
        reported.push(milliseconds(appeared - start));
        let ringing = alice.rings()?;
        let answered = Instant::now();
        alice.answer(&ringing, true)?;
        voice.push(milliseconds(logged(bob, answered, "remote voice")? - answered));
        picture.push(milliseconds(logged(bob, answered, "remote picture")? - answered));
        bob.hang_up(&call)?;
        until("the end", || alice.current("ActiveCall").is_none().then_some(()))?;
        until("the end", || bob.current("ActiveCall").is_none().then_some(()))?;
    }
    median("start_call_to_reported", reported);
    median("answer_to_first_voice", voice);
    median("answer_to_first_picture", picture);
    Ok(())
}

/// The peer: a player linked to the same speaker with nothing in between.
fn floor(stage: &Stage, alice: &Person<'_>) -> Result<Vec<f64>> {
    let playing = Playing::start(stage, &wave::chirps(CHIRPS))?;
    let ear = sound::ear(alice);
    let recording = Recording::start(stage, &[playing.port.as_str(), ear.as_str()])?;
    let speaker = format!("{}:playback_MONO", alice.device("speaker"));
    sound::link(stage, &playing.port, &speaker)?;
    playing.finish()?;
    let channels = recording.finish()?;
    match channels.as_slice() {
        [sent, heard] => Ok(wave::delays(sent, heard)),
        _ => Err(Trouble::Wrong("a recording without two channels".to_owned())),
    }
}

/// From the end of speech to the call, the assistant's countdown taken off.
pub(crate) fn voice() -> Result<()> {
    let stage = Stage::start()?;
    let alice = Person::start(&stage, "Alice", Setup::VOICE)?;
    let bob = Person::start(&stage, "Bob", Setup::VOICE)?;
    bob.accept(&alice.invite()?)?;
    let spoken = speech::sentence(&stage, "call alice")?;
    let mut delays = Vec::new();
    for round in 0..CALLS {
        progress(&format!("command {} of {CALLS}", round + 1));
        let seen = bob.bus.seen();
        bob.bus.call::<_, ()>("Voice", "Listen", &(ahoy_trial::bus::Options::new(),))?;
        until("listening", || stage.nodes().iter().any(is_ear).then_some(()))?;
        let playing = sound::speak(&bob, &spoken)?;
        playing.finish()?;
        // The sentence ends with a second of silence of its own.
        let silent = Instant::now().checked_sub(Duration::from_secs(1));
        let called = bob.bus.signal(seen, "the call", |signal| {
            (signal.member == "InterfacesAdded").then_some(signal.at)
        });
        if let (Ok(called), Some(silent)) = (called, silent) {
            delays.push(milliseconds(called.saturating_duration_since(silent)) - COUNTDOWN_MS);
        }
        if let Some(call) = bob.current("ActiveCall") {
            bob.hang_up(&call)?;
        }
        until("the end", || bob.current("ActiveCall").is_none().then_some(()))?;
    }
    figure("commands_understood", delays.len() as f64, &format!("of {CALLS}"));
    median("end_of_speech_to_start_call", delays);
    Ok(())
}

fn is_ear(node: &ahoy_trial::stage::Node) -> bool {
    node.class == "Stream/Input/Audio" && node.name == "ahoy-voice"
}
