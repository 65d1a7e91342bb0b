//! The story, scene by scene.
//!
//! Owns: what happens in which order, and what must be true of it. Does not own: how it is told.
//! Invariant: nothing is told that was not seen or measured.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use ahoy_trial::{
    Person, Result, Setup, Stage, Trouble,
    bus::{self, word},
    need::Need,
    picture::{self, Rate, Viewer},
    sound::{PROMISE_MS, Recording, ear, mouth_to_ear, speak},
    speech, until, wave,
    wire::Capture,
};
use serde_json::{Value, json};

use crate::report::{Measured, Timeline};

/// What Alice's and Bob's cameras show, RGB.
const COLOURS: [u32; 2] = [0x20_40_a0, 0xa0_40_20];
/// What Alice and Bob hum until they hear each other, Hz.
const HUMS: [f32; 2] = [700.0, 1_100.0];
/// Chirps in each direction.
const CHIRPS: usize = 8;

/// Plays it.
pub(crate) fn play(timeline: &mut Timeline, out: &Path) -> Result<Measured> {
    timeline.doing("starting PipeWire, two buses, two notification servers, two Ahoys");
    let stage = Stage::start()?;
    let alice = Person::start(&stage, "Alice", Setup { camera: Some(COLOURS[0]), ..Setup::ALL })?;
    let bob = Person::start(&stage, "Bob", Setup { camera: Some(COLOURS[1]), ..Setup::ALL })?;
    bob.bus.call::<_, ()>(
        "Settings",
        "Set",
        &("voice.engine", zbus::Variant::from("pocketsphinx")),
    )?;
    let engine: zbus::OwnedVariant = bob.bus.call("Settings", "Get", &("voice.engine",))?;
    timeline.step("started", "Alice and Bob each have an Ahoy on a bus of their own");
    let capture = Need::Capture.missing().map_or_else(
        || Capture::start(&stage, &[alice.port, bob.port]).map_err(|error| error.to_string()),
        Err,
    );

    timeline.doing("Alice invites Bob");
    bob.accept(&alice.invite()?)?;
    timeline.step("paired", "Bob took up Alice's invite: they know each other's keys");

    let asked = call_by_voice(timeline, &alice, &bob)?;
    let (calls, setup) = answer(timeline, &alice, &bob)?;
    let delays = talk(timeline, [&alice, &bob], out)?;
    let rates = look(timeline, [&alice, &bob], &calls, out)?;
    let encryption = agreed(&alice, &bob, &calls)?;
    timeline.step("encrypted", &format!("the bus says {encryption}"));
    let ended = hang_up(timeline, &alice, &bob, &calls)?;
    let wire = wire(timeline, capture)?;
    Ok(Measured {
        engine: bus::text(&engine),
        heard: vec![asked, ended],
        setup,
        mouth_to_ear: delays,
        video: rates,
        encryption,
        wire,
    })
}

fn wrong(why: impl Into<String>) -> Trouble {
    Trouble::Wrong(why.into())
}

fn call_by_voice(timeline: &mut Timeline, alice: &Person<'_>, bob: &Person<'_>) -> Result<String> {
    let ears = Recording::start(alice.stage(), &[&ear(alice)])?;
    timeline.doing("Bob says \"call Alice video\"");
    let seen = bob.bus.seen();
    let heard = speech::command(bob, "call Alice video")?;
    timeline.step("heard", &format!("Bob's Ahoy heard \"{heard}\""));
    if heard != "call alice video" {
        return Err(wrong(format!("Bob said \"call Alice video\", it heard \"{heard}\"")));
    }
    timeline.doing("waiting for the call");
    speech::outcome(bob, seen, "Bob's call", || bob.current("ActiveCall"))?;
    timeline.step("called", "Bob's Ahoy calls Alice with video");
    alice.rings()?;
    timeline.step("ringing", "it rings at Alice");
    let desk = alice.notifications.as_ref().ok_or_else(|| wrong("Alice has no dunst"))?;
    desk.until_shown(1)?;
    timeline.step("notification", "her notification is on the screen");
    until("the ringtone", || (wave::loudness(&ears.latest(0, 100)) > 0.01).then_some(()))?;
    timeline.step("ringtone", "her ringtone is heard");
    Ok(heard)
}

/// Both calls' paths, Alice's first, and how long it took.
fn answer(
    timeline: &mut Timeline,
    alice: &Person<'_>,
    bob: &Person<'_>,
) -> Result<([String; 2], Duration)> {
    let calls = [alice.rings()?, bob.current("ActiveCall").ok_or_else(|| wrong("no call"))?];
    let stage = alice.stage();
    // Both hum from before the answer on, so that the first sound of the call is heard as such.
    let _hums = [speak(alice, &wave::tone(HUMS[0], 60))?, speak(bob, &wave::tone(HUMS[1], 60))?];
    let ears = Recording::start(stage, &[&ear(bob), &ear(alice)])?;
    let desk = alice.notifications.as_ref().ok_or_else(|| wrong("Alice has no dunst"))?;
    let click = Instant::now();
    desk.press("answer-video")?;
    timeline.step_at("answered", "Alice presses \"Answer with video\" on it", click);
    let mut firsts: [[Option<Instant>; 2]; 2] = Default::default();
    until("voice and picture on both sides", || {
        for (side, person) in [bob, alice].into_iter().enumerate() {
            let [voice, shown] = &mut firsts[side];
            let heard = || wave::share(&ears.latest(side, 20), HUMS[side]) > 0.6;
            if voice.is_none() && heard() {
                *voice = Some(Instant::now());
            }
            *shown = shown.or_else(|| person.logged(click, "remote picture"));
        }
        firsts.iter().flatten().all(Option::is_some).then_some(())
    })?;
    let last = firsts.iter().flatten().flatten().max().copied().unwrap_or(click);
    let setup = last - click;
    let what = format!("both hear and see each other, {} ms after the click", setup.as_millis());
    timeline.step_at("connected", &what, last);
    for (person, call) in [alice, bob].into_iter().zip(&calls) {
        person.until_state(call, "active")?;
    }
    desk.until_shown(0)?;
    timeline.step("notification-closed", "her notification is gone");
    Ok((calls, setup))
}

/// The delay from Alice to Bob and back.
fn talk(timeline: &mut Timeline, people: [&Person<'_>; 2], out: &Path) -> Result<[f64; 2]> {
    let [alice, bob] = people;
    let mut measured = [0.0; 2];
    for (at, (from, to)) in [(alice, bob), (bob, alice)].into_iter().enumerate() {
        timeline.doing(&format!("chirps from {} to {}", from.name, to.name));
        let (delays, _) = mouth_to_ear(from, to, CHIRPS)?;
        if delays.len() < CHIRPS * 3 / 4 {
            return Err(wrong(format!("{} of {CHIRPS} chirps reached {}", delays.len(), to.name)));
        }
        measured[at] = wave::median(delays).unwrap_or(f64::NAN);
        let name = ["alice-heard-by-bob", "bob-heard-by-alice"][at];
        let over =
            if measured[at] > PROMISE_MS { ", more than promised: a busy machine?" } else { "" };
        let what =
            format!("{} to {}: {:.1} ms mouth to ear{over}", from.name, to.name, measured[at]);
        timeline.step(name, &what);
    }
    timeline.doing("Alice speaks");
    let words = speech::sentence(alice.stage(), "Hello Bob, how nice to hear and see you.")?;
    let heard = Recording::start(bob.stage(), &[&ear(bob)])?;
    speak(alice, &words)?.finish()?;
    let heard = heard.finish()?.into_iter().next().unwrap_or_default();
    wave::write(&out.join("heard.wav"), &heard)?;
    let (said, got) = (wave::loudness(&words), wave::loudness(&heard));
    if got < said / 4.0 {
        return Err(wrong(format!("Alice's sentence is lost: {got:.4} of {said:.4}")));
    }
    timeline.step("spoken", "Bob hears what Alice says (heard.wav)");
    Ok(measured)
}

/// What Bob sees of Alice, and she of him.
fn look(
    timeline: &mut Timeline,
    people: [&Person<'_>; 2],
    calls: &[String; 2],
    out: &Path,
) -> Result<[Rate; 2]> {
    timeline.doing("looking at both pictures");
    let viewer = |at: usize| people[at].watch(&calls[at], "RemoteVideoNode");
    let (at_alice, at_bob) = (viewer(0)?, viewer(1)?);
    at_alice.first()?;
    at_bob.first()?;
    let rates = measure([&at_bob, &at_alice])?;
    for (viewer, rate, colour, name) in [
        (&at_bob, rates[0], COLOURS[0], "Bob sees Alice"),
        (&at_alice, rates[1], COLOURS[1], "Alice sees Bob"),
    ] {
        if rate.fps < 5.0 || rate.different < 10 {
            return Err(wrong(format!("{name}: {rate:?}")));
        }
        // A corner: the moving square never covers it.
        let [red, green, blue] = viewer.last().pixel(2, 2);
        let [_, wanted @ ..] = colour.to_be_bytes();
        let off = [red, green, blue].iter().zip(wanted).any(|(is, want)| is.abs_diff(want) > 40);
        if off {
            return Err(wrong(format!(
                "{name}, but in {:?} instead of {wanted:?}",
                [red, green, blue]
            )));
        }
        let Rate { fps, width, height, .. } = rate;
        let step = if name.starts_with("Bob") { "alice-seen-by-bob" } else { "bob-seen-by-alice" };
        timeline.step(step, &format!("{name}: {width}x{height}, {fps:.1} pictures a second"));
    }
    let pictures = [("ALICE SEES BOB", &at_alice.last()), ("BOB SEES ALICE", &at_bob.last())];
    picture::write(&out.join("call.png"), &pictures)?;
    Ok(rates)
}

/// Both at the same time, as they are in a call.
fn measure(viewers: [&Viewer; 2]) -> Result<[Rate; 2]> {
    let [one, other] = viewers;
    let time = Duration::from_secs(4);
    let (one, other) = std::thread::scope(|scope| {
        let other = scope.spawn(|| other.measure(time));
        (one.measure(time), other.join())
    });
    let other = other.map_err(|_| wrong("measuring pictures panicked"))?;
    Ok([one?, other?])
}

fn agreed(alice: &Person<'_>, bob: &Person<'_>, calls: &[String; 2]) -> Result<String> {
    let [at_alice, at_bob] = [(alice, &calls[0]), (bob, &calls[1])]
        .map(|(person, call)| person.bus.text(call, "Call", "Encryption"));
    if at_alice != at_bob || !at_bob.starts_with("e2e") {
        return Err(wrong(format!("encryption: \"{at_alice}\" at Alice, \"{at_bob}\" at Bob")));
    }
    Ok(at_bob)
}

fn hang_up(
    timeline: &mut Timeline,
    alice: &Person<'_>,
    bob: &Person<'_>,
    calls: &[String; 2],
) -> Result<String> {
    let seen = [alice.bus.seen(), bob.bus.seen()];
    timeline.doing("Bob says \"hang up\"");
    let heard = speech::command(bob, "hang up")?;
    timeline.step("heard-hang-up", &format!("Bob's Ahoy heard \"{heard}\""));
    let limit = Duration::from_secs(5);
    let (_, why) = bob.ended(seen[1], &calls[1], limit)?;
    let (at, whose) = alice.ended(seen[0], &calls[0], limit)?;
    if why != "local-hangup" || whose != "remote-hangup" {
        return Err(wrong(format!("it ended with {why} at Bob and {whose} at Alice")));
    }
    timeline.step_at("ended", "the call is over on both sides", at);
    for (person, direction) in [(alice, "incoming"), (bob, "outgoing")] {
        until("the log", || {
            let rows = person.recents().ok()?;
            let row = rows.first()?;
            let fits = word(row, "direction") == direction && word(row, "outcome") == "answered";
            fits.then_some(())
        })?;
    }
    timeline.step("logged", "it is in both logs");
    Ok(heard)
}

/// What the capture says; a skip says why.
fn wire(timeline: &mut Timeline, capture: std::result::Result<Capture, String>) -> Result<Value> {
    let capture = match capture {
        Ok(capture) => capture,
        Err(why) => {
            timeline.step("wire", &format!("SKIPPED: packets were not captured: {why}"));
            return Ok(json!({"skipped": why}));
        }
    };
    let packets = capture.finish()?;
    let (all, sealed, clear) = (packets.datagrams.len(), packets.sealed(), packets.clear_rtp());
    let named = packets.say("alice");
    let signals = packets.segments.len();
    if clear > 0 || named || sealed < 1_000 || signals == 0 {
        return Err(wrong(format!(
            "on the wire: {all} datagrams, {sealed} sealed, {clear} RTP in clear; {signals} \
             segments of signalling, names in them: {named}"
        )));
    }
    let what = format!("{all} datagrams captured: {sealed} sealed media, no RTP, no name in clear");
    timeline.step("wire", &what);
    Ok(json!({"datagrams": all, "sealed": sealed, "clear_rtp": clear, "names_in_clear": named}))
}
