//! Claims about people who call each other at the same time.

use std::time::Duration;

use super::world::{ALICE, BOB, CAROL, Seeded, World};
use crate::{
    call::Outcome,
    engine::{Command, Reply},
    id::CallId,
    media::MediaCommand,
};

/// Ids that are picked, so that each side is the one that survives in half of the runs.
const LOW: CallId = CallId([0x11; 16]);
const HIGH: CallId = CallId([0x99; 16]);

/// Both have pressed the button and no word has passed.
fn crossing(mut world: World, alice: (CallId, bool), bob: (CallId, bool)) -> World {
    for (who, (id, video)) in [(ALICE, alice), (BOB, bob)] {
        let start = world.start(1 - who, video, Some(id));
        world.press(who, start);
    }
    world
}

/// Whether the camera was opened, at the start or later.
fn filmed(world: &World, who: usize) -> bool {
    world.people[who].worker.iter().any(|command| match command {
        MediaCommand::Start { plan, .. } => plan.video.as_ref().is_some_and(|video| video.send),
        MediaCommand::SetCamera { on, .. } => *on,
        MediaCommand::PipeWire
        | MediaCommand::PlayTone { .. }
        | MediaCommand::PlayRingtone { .. }
        | MediaCommand::StopTone
        | MediaCommand::SetMuted { .. }
        | MediaCommand::SetHeld { .. }
        | MediaCommand::SetDevices { .. }
        | MediaCommand::SetSilent { .. }
        | MediaCommand::PlayDtmf { .. }
        | MediaCommand::ForceKeyFrame { .. }
        | MediaCommand::SetMix { .. }
        | MediaCommand::ShutMicrophones { .. }
        | MediaCommand::Stop { .. } => false,
    })
}

/// One call on each side, on, started by its own user, and nothing beside it.
fn assert_one_call(world: &mut World, alice: (CallId, bool), bob: (CallId, bool)) {
    for (who, (id, video), (_, theirs)) in [(ALICE, alice, bob), (BOB, bob, alice)] {
        assert_eq!(world.state(who, id), "active", "{who}");
        assert!(!world.was_rung(who), "{who}");
        assert_eq!(filmed(world, who), video, "{who} sends what its user asked for");
        let person = &mut world.people[who];
        assert_eq!((person.rows.len(), person.media.len()), (1, 1));
        let call = person.service.engine().call(id).unwrap();
        assert_eq!((call.flags().video, call.flags().remote_video), (video, theirs));
        assert_eq!(call.view().encryption, "e2e");
        let held = person.service.built_in().footprint();
        assert_eq!((held.calls, held.connections, held.dials), (1, 1, 0));
    }
}

/// Neither side has a call or anything of one.
fn assert_nothing_left(world: &mut World) {
    for who in [ALICE, BOB] {
        let person = &mut world.people[who];
        assert_eq!(person.service.engine().calls().count(), 0, "{who}");
        assert!(person.media.is_empty(), "{who}");
        let held = person.service.built_in().footprint();
        assert_eq!((held.calls, held.connections, held.dials), (0, 0, 0), "{who}");
    }
}

/// Every choice of who survives and who asked for pictures.
fn choices() -> Vec<((CallId, bool), (CallId, bool))> {
    let mut choices = Vec::new();
    for (alice, bob) in [(LOW, HIGH), (HIGH, LOW)] {
        for (a, b) in [(false, false), (false, true), (true, false), (true, true)] {
            choices.push(((alice, a), (bob, b)));
        }
    }
    choices
}

#[test]
fn two_who_call_each_other_at_once_are_in_one_call_that_nobody_had_to_answer() {
    for (alice, bob) in choices() {
        let mut world = crossing(World::joined(), alice, bob);
        world.run();
        assert_one_call(&mut world, alice, bob);
        world.command(ALICE, Command::HangUp(alice.0));
        assert_eq!(world.reason(ALICE, alice.0), "local-hangup");
        assert_eq!(world.reason(BOB, bob.0), "remote-hangup");
        for (who, id) in [(ALICE, alice.0), (BOB, bob.0)] {
            let row = &world.people[who].rows[&id.to_string()];
            assert!(!row.incoming && row.outcome == Outcome::Answered);
        }
        world.pass(Duration::from_secs(3));
        assert_nothing_left(&mut world);
    }
}

#[test]
fn of_two_offers_that_are_out_the_higher_id_survives() {
    for (alice, bob) in choices() {
        let mut world = crossing(World::joined(), alice, bob);
        let before = [ALICE, BOB].map(|who| world.people[who].frames.len());
        world.run();
        for (who, id) in [(ALICE, alice.0), (BOB, bob.0)] {
            let said = &world.people[who].frames[before[who]..];
            let kinds = |kind| said.iter().filter(|frame| frame[1] == kind).count();
            assert_eq!(kinds(1), 1, "both offers were out");
            assert_eq!(kinds(2), usize::from(id == LOW), "the lower one's side answers");
            assert!(!world.people[who].heard_ringback, "nothing rings there");
        }
    }
}

#[test]
fn crossing_calls_meet_in_whatever_order_the_network_brings_their_words() {
    let choices = choices();
    for seed in 0..200 {
        let (alice, bob) = choices[seed % choices.len()];
        let mut world = crossing(World::joined(), alice, bob);
        world.order = Some(Seeded(seed as u64));
        world.run();
        println!("seed {seed}");
        assert_one_call(&mut world, alice, bob);
    }
}

#[test]
fn one_who_calls_a_little_later_meets_the_other_call() {
    for delay in 0..12 {
        for (alice, bob) in choices() {
            let mut world = World::joined();
            let start = world.start(BOB, alice.1, Some(alice.0));
            world.press(ALICE, start);
            world.step(delay);
            if world.state(BOB, alice.0) != "gone" {
                // It rings there: calling back is answering, which is another claim.
                continue;
            }
            let start = world.start(ALICE, bob.1, Some(bob.0));
            world.press(BOB, start);
            world.run();
            assert_one_call(&mut world, alice, bob);
        }
    }
}

#[test]
fn calling_someone_who_rings_here_is_answering_them() {
    for (offered, asked) in [(false, false), (true, false), (false, true)] {
        let mut world = World::joined();
        let call = world.call(BOB, offered);
        let start = world.start(BOB, asked, None);
        assert_eq!(world.command(ALICE, start), Some(Ok(Reply::Call(call))));
        assert_eq!((world.state(ALICE, call), world.state(BOB, call)), ("active", "active"));
        assert_eq!(filmed(&world, ALICE), asked);
        for who in [ALICE, BOB] {
            assert_eq!(world.people[who].rows.len(), 1);
        }
    }
}

#[test]
fn even_equal_ids_make_one_call() {
    let (alice, bob) = ((LOW, true), (LOW, false));
    for seed in 0..30 {
        let mut world = crossing(World::joined(), alice, bob);
        world.order = Some(Seeded(seed));
        world.run();
        assert_one_call(&mut world, alice, bob);
    }
}

#[test]
fn an_offer_that_waits_is_taken_up_when_the_own_one_finds_nobody() {
    for (alice, bob) in choices() {
        let mut world = World::of_three();
        // Bob looks for Alice where Carol is.
        let wrong = world.people[CAROL].address;
        let alice_key = world.people[ALICE].service.built_in().identity();
        let bobs = world.people[BOB].service.built_in();
        bobs.update_peer(alice_key, |peer| peer.hints = vec![wrong]);
        let mut world = crossing(world, alice, bob);
        world.run();
        assert_one_call(&mut world, alice, bob);
        assert!(!world.was_rung(CAROL));
    }
}

#[test]
fn crossing_calls_whose_connections_are_cut_at_any_moment_end_and_leave_nothing() {
    for (alice, bob) in choices() {
        for moment in 0..24 {
            let mut world = crossing(World::joined(), alice, bob);
            world.step(moment);
            world.media_flows = false;
            world.cut();
            world.reachable = false;
            world.run();
            world.pass(Duration::from_secs(70));
            assert_nothing_left(&mut world);
            for who in [ALICE, BOB] {
                assert!(!world.was_rung(who), "cut after {moment}");
            }
        }
    }
}

#[test]
fn hanging_up_while_the_offers_cross_ends_the_call_on_both_sides() {
    for (alice, bob) in choices() {
        for moment in 0..24 {
            let mut world = crossing(World::joined(), alice, bob);
            world.step(moment);
            world.press(ALICE, Command::HangUp(alice.0));
            world.run();
            assert_eq!(world.state(ALICE, alice.0), "ended");
            world.pass(Duration::from_secs(80));
            assert_nothing_left(&mut world);
        }
    }
}

#[test]
fn three_who_call_in_a_ring_get_calls_that_ring() {
    for seed in 0..30 {
        let mut world = World::of_three();
        let calls = [(ALICE, BOB, LOW), (BOB, CAROL, HIGH), (CAROL, ALICE, CallId([0x55; 16]))];
        for (who, whom, id) in calls {
            let start = world.start(whom, true, Some(id));
            world.press(who, start);
        }
        world.order = Some(Seeded(seed));
        world.run();
        for (who, whom, id) in calls {
            assert_eq!(
                (world.state(who, id), world.state(whom, id)),
                ("remote-ringing", "ringing")
            );
            assert!(world.people[who].media.is_empty());
        }
    }
}

#[test]
fn a_third_who_calls_one_of_two_who_meet_rings_beside_their_call() {
    for seed in 0..30 {
        let mut world = World::of_three();
        let third = CallId([0x55; 16]);
        for (who, whom, id) in [(ALICE, BOB, LOW), (BOB, ALICE, HIGH), (CAROL, ALICE, third)] {
            let start = world.start(whom, false, Some(id));
            world.press(who, start);
        }
        world.order = Some(Seeded(seed));
        world.run();
        assert_eq!((world.state(ALICE, LOW), world.state(BOB, HIGH)), ("active", "active"));
        assert_eq!(world.state(ALICE, third), "ringing");
        assert!(world.people[ALICE].service.engine().call(third).unwrap().flags().waiting);
        assert!(!world.was_rung(BOB));
    }
}
