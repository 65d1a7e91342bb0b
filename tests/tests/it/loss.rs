//! What is lost when something dies in a call.
//!
//! Owns: crashes and ends of daemons and workers. Invariant: the survivor is judged by what its
//! user hears and sees on the bus.

use std::time::{Duration, Instant};

use ahoy_trial::{
    PATIENCE, Person, Setup,
    bus::word,
    need::Need,
    sound::{Recording, ear, speak},
    until, wave,
};

use crate::scene::{Two, on_stage, outcome, silence};

const HERTZ: f32 = 700.0;
/// What a crash of the media worker may cost.
const COST: Duration = Duration::from_millis(1500);

/// The longest time without the tone between its first and its last moment.
fn gap(samples: &[f32]) -> Duration {
    let window = wave::RATE / 50;
    let heard: Vec<bool> =
        samples.chunks_exact(window).map(|it| wave::share(it, HERTZ) > 0.5).collect();
    let runs = heard.split(|heard| *heard);
    let runs: Vec<usize> = runs.map(<[bool]>::len).collect();
    // The first and the last run are before and after the tone.
    let inner = runs.get(1..runs.len().saturating_sub(1)).unwrap_or_default();
    Duration::from_millis(20) * u32::try_from(inner.iter().copied().max().unwrap_or(0)).unwrap_or(0)
}

/// Kills one side's worker while a tone goes to Bob; how long he does not hear it.
fn crash(two: &Two<'_>, victim: &Person<'_>) -> Duration {
    let stage = two.bob.stage();
    let recording = Recording::start(stage, &[&ear(&two.bob)]).expect("his speaker");
    let _voice = speak(&two.alice, &wave::tone(HERTZ, 60)).expect("her voice");
    let tone = |milliseconds| wave::share(&recording.latest(0, milliseconds), HERTZ) > 0.7;
    until("the tone", || tone(300).then_some(())).expect("heard before");
    let before = victim.process("ahoy-media");
    victim.kill_worker("ahoy-media").expect("killed");
    let killed = Instant::now();
    until("the tone again", || {
        let now = victim.process("ahoy-media");
        (now.is_some() && now != before && killed.elapsed() > COST && tone(300)).then_some(())
    })
    .expect("heard after");
    gap(&recording.finish().expect("a recording").concat())
}

#[test]
fn a_crash_of_the_media_worker_costs_under_a_second_and_a_half_of_sound_and_no_call() {
    on_stage(&[Need::Media], |stage| {
        let two = Two::meet(stage, Setup::VOICE);
        let (outgoing, incoming) = two.talk(false);
        for victim in [&two.alice, &two.bob] {
            let gap = crash(&two, victim);
            assert!(gap > Duration::ZERO, "it was killed");
            assert!(gap < COST, "{}'s worker: {gap:?} without sound", victim.name);
        }
        two.are_active(&outgoing, &incoming);
        two.hear_each_other();
    });
}

#[test]
fn a_daemon_that_is_told_to_end_hangs_up_within_a_second() {
    on_stage(&[Need::Media], |stage| {
        let mut two = Two::meet(stage, Setup::VOICE);
        let (outgoing, _) = two.talk(false);
        let (seen, told) = (two.bob.bus.seen(), Instant::now());
        let status = two.alice.terminate().expect("it ends");
        let (at, why) = two.bob.ended(seen, &outgoing, PATIENCE).expect("the other side ends");
        assert_eq!(why, "remote-hangup");
        assert!(at - told < Duration::from_secs(1), "{:?}", at - told);
        assert!(status.success(), "{status}");
        two.alice.restart().expect("it comes back");
        assert_eq!(outcome(&two.alice), "answered");
        assert_eq!(outcome(&two.bob), "answered");
    });
}

#[test]
fn a_daemon_that_crashes_in_a_call_ends_it_for_the_other_and_closes_its_row_when_it_is_back() {
    on_stage(&[Need::Media], |stage| {
        let mut two = Two::meet(stage, Setup::VOICE);
        let (outgoing, _) = two.talk(false);
        // A log that has not heard of the answer yet cannot tell of it after a crash.
        until("the answer in her log", || {
            let row = two.alice.recents().ok()?.into_iter().next()?;
            (u64::try_from(row.get("connected-at")?).ok()? != 0).then_some(())
        })
        .expect("it is written down");
        let (seen, killed) = (two.bob.bus.seen(), Instant::now());
        two.alice.kill9();
        let limit = Duration::from_secs(30);
        let (at, why) = two.bob.ended(seen, &outgoing, limit).expect("the other side ends");
        assert!(at - killed < limit, "{:?}", at - killed);
        assert_eq!(why, "failed");
        two.alice.restart().expect("it comes back");
        let row = two.alice.recents().expect("a log").into_iter().next().expect("a row");
        // It was active and did not end as calls do.
        assert_eq!(word(&row, "outcome"), "failed");
        assert_eq!(outcome(&two.bob), "answered");
        silence(stage);
        let (outgoing, incoming) = two.talk(false);
        two.are_active(&outgoing, &incoming);
    });
}

#[test]
fn a_caller_who_crashes_while_it_rings_leaves_nothing_ringing() {
    on_stage(&[Need::Media, Need::Notify], |stage| {
        let mut two = Two::meet(stage, Setup { camera: None, ..Setup::ALL });
        let (_, incoming) = two.ring(false);
        let desk = two.alice.notifications.as_ref().expect("dunst");
        desk.until_shown(1).expect("a notification");
        until("tones", || stage.node("ahoy-tone")).expect("it rings");
        let (seen, killed) = (two.alice.bus.seen(), Instant::now());
        two.bob.kill9();
        let (at, _) = two.alice.ended(seen, &incoming, PATIENCE).expect("the ring ends");
        assert!(at - killed < Duration::from_secs(2), "{:?}", at - killed);
        silence(stage);
        assert_eq!(two.alice.current("RingingCall"), None);
        assert_eq!(outcome(&two.alice), "missed");
        until("the ring's notification among the closed", || {
            desk.history().ok()?.contains("Incoming").then_some(())
        })
        .expect("closed");
    });
}

#[test]
fn a_called_daemon_that_crashes_while_it_rings_is_silent_and_ends_the_callers_call() {
    on_stage(&[Need::Media], |stage| {
        let mut two = Two::meet(stage, Setup::VOICE);
        let (outgoing, _) = two.ring(false);
        until("tones", || stage.node("ahoy-tone")).expect("it rings");
        let seen = two.bob.bus.seen();
        two.alice.kill9();
        two.bob.ended(seen, &outgoing, Duration::from_secs(30)).expect("the caller's call ends");
        silence(stage);
        two.alice.restart().expect("it comes back");
        assert_eq!(two.alice.current("RingingCall"), None);
        assert_eq!(outcome(&two.alice), "missed");
    });
}
