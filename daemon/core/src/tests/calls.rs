//! Claims about whole calls between two people.

#![expect(clippy::wildcard_enum_match_arm, reason = "a test looks for one command of many")]

use std::time::Duration;

use super::world::{ALICE, BOB, CAROL, World, device};
use crate::{
    call::Outcome,
    engine::{Command, CommandError, Reply},
    media::{DeviceKind, Devices, MediaCommand},
    written::{MAX_WRITTEN, Written},
};

fn ringing() -> (World, crate::id::CallId) {
    let mut world = World::joined();
    let call = world.call(BOB, true);
    assert_eq!(world.state(BOB, call), "remote-ringing");
    assert_eq!(world.state(ALICE, call), "ringing");
    assert!(world.people[BOB].heard_ringback && !world.people[ALICE].heard_ringback);
    (world, call)
}

fn talking() -> (World, crate::id::CallId) {
    let (mut world, call) = ringing();
    let answer = Command::Answer { call, video: true };
    assert_eq!(world.command(ALICE, answer), Some(Ok(Reply::Done)));
    assert_eq!(world.state(ALICE, call), "active");
    assert_eq!(world.state(BOB, call), "active");
    (world, call)
}

#[test]
fn a_call_rings_is_answered_and_ended_by_the_other_side() {
    let (mut world, call) = talking();
    for who in [ALICE, BOB] {
        let started = |one: &MediaCommand| matches!(one, MediaCommand::Start { .. });
        assert_eq!(world.people[who].worker.iter().filter(|one| started(one)).count(), 1);
        assert_eq!(world.people[who].media.len(), 1);
    }
    assert_eq!(world.command(BOB, Command::HangUp(call)), Some(Ok(Reply::Done)));
    assert_eq!(world.reason(BOB, call), "local-hangup");
    assert_eq!(world.reason(ALICE, call), "remote-hangup");
    for who in [ALICE, BOB] {
        assert!(world.people[who].media.is_empty());
        let row = world.people[who].rows.values().next().unwrap();
        assert_eq!(row.outcome, Outcome::Answered);
    }
    world.pass(Duration::from_secs(3));
    assert_eq!(world.state(ALICE, call), "gone");
}

#[test]
fn a_compared_number_shows_in_this_call_and_all_later_ones_until_it_is_taken_back() {
    let (mut world, call) = talking();
    let shown = |world: &World, who: usize, call| {
        world.people[who].service.engine().call(call).unwrap().view().encryption
    };
    assert_eq!(shown(&world, ALICE, call), "e2e");
    assert!(world.people[ALICE].service.built_in().confirm(call, true));
    world.pass(Duration::from_millis(1));
    assert_eq!(shown(&world, ALICE, call), "e2e-verified");
    assert_eq!(shown(&world, BOB, call), "e2e", "each compares for themselves");
    world.command(BOB, Command::HangUp(call));
    assert!(!world.people[ALICE].service.built_in().confirm(call, true), "it is over");
    world.pass(Duration::from_secs(3));
    let call = world.call(BOB, false);
    assert_eq!(shown(&world, ALICE, call), "e2e-verified");
    assert!(world.people[ALICE].service.built_in().confirm(call, false));
    world.pass(Duration::from_millis(1));
    assert_eq!(shown(&world, ALICE, call), "e2e");
}

#[test]
fn no_media_and_no_microphone_before_the_answer() {
    let (world, _) = ringing();
    for person in &world.people {
        assert!(person.media.is_empty());
        assert!(person.worker.is_empty());
    }
}

#[test]
fn declining_is_told_to_the_caller() {
    let (mut world, call) = ringing();
    assert_eq!(world.command(ALICE, Command::Decline(call, None)), Some(Ok(Reply::Done)));
    assert_eq!(world.reason(ALICE, call), "declined");
    assert_eq!(world.reason(BOB, call), "declined");
    assert!(world.people[ALICE].missed.is_empty());
}

#[test]
fn a_long_message_arrives_whole_before_the_refusal_and_sealed() {
    let (mut world, call) = ringing();
    let before = world.people[ALICE].frames.len();
    let why = Written::new("platypus ".repeat(MAX_WRITTEN / 9), true).unwrap();
    let declined = world.command(ALICE, Command::Decline(call, Some(why.clone())));
    assert_eq!(declined, Some(Ok(Reply::Done)));
    assert_eq!(world.reason(BOB, call), "declined");
    let heard: String = world.people[BOB].texts.iter().map(Written::text).collect();
    assert_eq!(heard, why.text());
    let frames = &world.people[ALICE].frames[before..];
    let clear = |frame: &Vec<u8>| frame.windows(8).any(|part| part == b"platypus");
    assert!(frames.len() >= 3 && !frames.iter().any(clear), "two of text, one of refusal");
}

#[test]
fn giving_up_makes_a_missed_call() {
    let (mut world, call) = ringing();
    assert_eq!(world.command(BOB, Command::HangUp(call)), Some(Ok(Reply::Done)));
    assert_eq!(world.reason(ALICE, call), "cancelled");
    assert_eq!(world.people[ALICE].missed, [call]);
}

#[test]
fn a_ring_that_nobody_answers_ends_on_both_sides() {
    let (mut world, call) = ringing();
    let until_capped = Duration::from_millis(60_500);
    world.pass(until_capped);
    assert_eq!(world.reason(ALICE, call), "unanswered");
    assert_eq!(world.reason(BOB, call), "unanswered");
    assert_eq!(world.people[ALICE].missed, [call]);
}

#[test]
fn an_unreachable_contact_fails_with_a_reason_for_people() {
    let mut world = World::joined();
    world.reachable = false;
    let call = world.call(BOB, false);
    assert_eq!(world.state(BOB, call), "dialing");
    world.pass(Duration::from_secs(10));
    let view = world.people[BOB].service.engine().call(call).unwrap().view();
    assert_eq!(view.end_reason.0, "failed");
    assert!(view.end_reason.1.contains("not reachable"));
}

#[test]
fn the_death_of_the_caller_ends_the_ring_at_once() {
    let (mut world, call) = ringing();
    world.kill(BOB);
    assert_eq!(world.reason(ALICE, call), "cancelled");
    assert!(world.people[ALICE].service.engine().attention().unanswered.is_empty());
}

#[test]
fn the_death_of_the_other_side_in_a_call_ends_it_within_thirty_seconds() {
    let (mut world, call) = talking();
    world.kill(BOB);
    assert_eq!(world.state(ALICE, call), "active");
    world.pass(Duration::from_secs(5));
    assert!(world.people[ALICE].service.engine().call(call).unwrap().flags().reconnecting);
    world.pass(Duration::from_secs(6));
    assert_eq!(world.reason(ALICE, call), "failed");
}

#[test]
fn a_gap_in_media_reconnects_without_ending_the_call() {
    let (mut world, call) = talking();
    world.media_flows = false;
    world.pass(Duration::from_secs(20));
    assert!(world.people[ALICE].service.engine().call(call).unwrap().flags().reconnecting);
    world.media_flows = true;
    world.pass(Duration::from_secs(1));
    let flags = world.people[ALICE].service.engine().call(call).unwrap().flags();
    assert!(!flags.reconnecting);
    assert_eq!(world.state(BOB, call), "active");
}

#[test]
fn a_long_call_rekeys_and_goes_on() {
    let (mut world, call) = talking();
    world.pass(Duration::from_secs(400));
    assert_eq!(world.state(ALICE, call), "active");
    assert_eq!(world.state(BOB, call), "active");
    world.command(ALICE, Command::HangUp(call));
    assert_eq!(world.reason(BOB, call), "remote-hangup");
}

#[test]
fn a_replayed_offer_rings_nobody() {
    let (mut world, call) = ringing();
    let offer = world.people[BOB]
        .frames
        .iter()
        .rfind(|frame| frame[1] == 1)
        .expect("an offer was sent")
        .clone();
    world.command(ALICE, Command::Decline(call, None));
    world.pass(Duration::from_secs(3));
    world.inject(ALICE, &offer);
    assert!(world.people[ALICE].service.engine().ringing().is_none());
    assert_eq!(world.people[ALICE].rows.len(), 1);
}

#[test]
fn strangers_and_garbage_ring_nobody_and_disturb_no_call() {
    let (mut world, call) = talking();
    world.inject(ALICE, b"");
    world.inject(ALICE, &[1, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 9, 9]);
    world.inject(ALICE, &[0xFF; 5000]);
    world.inject(ALICE, &[1, 3, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3]);
    world.inject(ALICE, &[1, 2, 1, 1, 1]);
    assert_eq!(world.state(ALICE, call), "active");
    assert_eq!(world.people[ALICE].service.engine().calls().count(), 1);
}

#[test]
fn a_blocked_contact_does_not_ring() {
    let mut world = World::joined();
    let bob = world.people[BOB].service.built_in().identity();
    world.people[ALICE].service.built_in().update_peer(bob, |peer| peer.blocked = true);
    let call = world.call(BOB, false);
    world.pass(Duration::from_secs(12));
    assert!(world.people[ALICE].rows.is_empty());
    assert_eq!(world.reason(BOB, call), "gone");
    assert_eq!(world.people[BOB].rows.values().next().unwrap().outcome, Outcome::Failed);
}

#[test]
fn turning_the_camera_on_shows_on_the_other_side() {
    let mut world = World::joined();
    let call = world.call(BOB, false);
    world.command(ALICE, Command::Answer { call, video: false });
    assert!(!world.people[BOB].service.engine().call(call).unwrap().flags().remote_video);
    world.command(ALICE, Command::SetVideo(call, true));
    assert!(world.people[BOB].service.engine().call(call).unwrap().flags().remote_video);
}

#[test]
fn muting_twice_at_once_is_refused_and_muting_reaches_the_worker() {
    let (mut world, call) = talking();
    assert_eq!(world.command(BOB, Command::SetMuted(call, true)), Some(Ok(Reply::Done)));
    let muted = |one: &MediaCommand| matches!(one, MediaCommand::SetMuted { muted: true, .. });
    assert!(world.people[BOB].worker.iter().any(muted));
    let error = world.command(BOB, Command::SetScreenShare(call, true));
    assert_eq!(error, Some(Err(CommandError::NotSupported)));
}

/// The devices that the worker was told to use last.
fn devices(world: &World, who: usize) -> Devices {
    let told = world.people[who].worker.iter().rev().find_map(|one| match one {
        MediaCommand::Start { plan, .. } => Some(plan.devices.clone()),
        MediaCommand::SetDevices { devices, .. } => Some(devices.clone()),
        _ => None,
    });
    told.unwrap()
}

#[test]
fn a_call_is_heard_where_the_user_says_until_that_device_goes() {
    let (mut world, call) = talking();
    let speaker = |name| device(DeviceKind::Speaker, name);
    let all = vec![speaker("speaker"), speaker("headset")];
    world.people[BOB].service.built_in().handle_devices(all.clone());
    world.run();
    let set = Command::SetEndpoint(call, "headset".into());
    assert_eq!(world.command(BOB, set), Some(Ok(Reply::Done)));
    assert_eq!(devices(&world, BOB).speaker.as_deref(), Some("headset"));
    let missing = world.command(BOB, Command::SetEndpoint(call, "nothing".into()));
    assert!(matches!(missing, Some(Err(CommandError::ProviderFailed(_)))), "{missing:?}");
    let endpoint =
        |world: &World| world.people[BOB].service.engine().call(call).unwrap().view().endpoint;
    // PipeWire that is gone for a moment takes no choice away.
    world.people[BOB].service.built_in().handle_devices(vec![]);
    world.run();
    assert_eq!(endpoint(&world), "headset");
    world.people[BOB].service.built_in().handle_devices(all[..1].to_vec());
    world.run();
    assert_eq!((devices(&world, BOB).speaker, endpoint(&world)), (None, String::new()));
    // The settings change for all calls.
    let mut preferences = world.people[BOB].service.built_in().preferences().clone();
    preferences.devices.speaker = Some("speaker".into());
    world.people[BOB].service.built_in().set_preferences(preferences);
    world.run();
    assert_eq!(devices(&world, BOB).speaker.as_deref(), Some("speaker"));
}

#[test]
fn cameras_are_taken_in_turn_while_one_is_on() {
    let (mut world, call) = talking();
    let all = ["front", "back"].map(|name| device(DeviceKind::Camera, name));
    world.people[BOB].service.built_in().handle_devices(all.to_vec());
    world.command(BOB, Command::SetVideo(call, false));
    let off = world.command(BOB, Command::SwitchCamera(call, String::new()));
    assert_eq!(off, Some(Err(CommandError::InvalidState)));
    world.command(BOB, Command::SetVideo(call, true));
    for camera in ["back", "front"] {
        let switched = world.command(BOB, Command::SwitchCamera(call, String::new()));
        assert_eq!(switched, Some(Ok(Reply::Done)));
        assert_eq!(devices(&world, BOB).camera.as_deref(), Some(camera));
    }
    world.people[BOB].service.built_in().handle_devices(all[..1].to_vec());
    let alone = world.command(BOB, Command::SwitchCamera(call, String::new()));
    let why = CommandError::ProviderFailed("there is no other camera".into());
    assert_eq!(alone, Some(Err(why)));
}

#[test]
fn digits_and_local_silence_reach_the_worker_and_a_held_call_sends_no_digits() {
    let (mut world, call) = talking();
    world.command(BOB, Command::SetLocalSilence(call, true));
    let silent = |one: &MediaCommand| matches!(one, MediaCommand::SetSilent { silent: true, .. });
    assert!(world.people[BOB].worker.iter().any(silent));
    assert_eq!(world.command(BOB, Command::SendDtmf(call, "12".into())), Some(Ok(Reply::Done)));
    let last = world.people[BOB].worker.last();
    assert!(matches!(last, Some(MediaCommand::PlayDtmf { tones, .. }) if tones == "12"));
    world.command(BOB, Command::SetHeld(call, true));
    let held = world.command(BOB, Command::SendDtmf(call, "1".into()));
    assert!(matches!(held, Some(Err(CommandError::ProviderFailed(_)))), "{held:?}");
}

#[test]
fn a_long_text_arrives_whole_and_one_who_floods_is_refused_while_the_call_goes_on() {
    let (mut world, call) = talking();
    let long = Written::new("ü".repeat(MAX_WRITTEN / 2), true).unwrap();
    let sent = world.command(BOB, Command::SendText(call, long.clone()));
    assert_eq!(sent, Some(Ok(Reply::Done)));
    let heard: String = world.people[ALICE].texts.iter().map(Written::text).collect();
    assert_eq!(heard, long.text());
    let short = || Written::new("x".to_owned(), true).unwrap();
    let refused = (0..100).find_map(|_| {
        let sent = world.command(BOB, Command::SendText(call, short()));
        sent.filter(|sent| *sent != Ok(Reply::Done))
    });
    assert!(matches!(refused, Some(Err(CommandError::ProviderFailed(_)))), "{refused:?}");
    assert_eq!(world.command(BOB, Command::SetMuted(call, true)), Some(Ok(Reply::Done)));
    world.pass(Duration::from_secs(1));
    let sent = world.command(BOB, Command::SendText(call, short()));
    assert_eq!(sent, Some(Ok(Reply::Done)), "a moment later");
    assert_eq!([world.state(ALICE, call), world.state(BOB, call)], ["active"; 2]);
}

#[test]
fn holding_reaches_the_worker_and_the_other_side() {
    let (mut world, call) = talking();
    for held in [true, false] {
        assert_eq!(world.command(BOB, Command::SetHeld(call, held)), Some(Ok(Reply::Done)));
        let told = world.people[BOB].worker.last().unwrap();
        assert!(matches!(told, MediaCommand::SetHeld { held: last, .. } if *last == held));
        let flags = world.people[ALICE].service.engine().call(call).unwrap().flags();
        assert_eq!((flags.remote_held, flags.held), (held, false));
    }
}

#[test]
fn the_worker_mixes_what_is_merged_and_nothing_once_a_call_of_it_has_ended() {
    let mut world = World::of_three();
    let mut calls = Vec::new();
    for who in [BOB, CAROL] {
        let start = world.start(ALICE, false, None);
        let Some(Ok(Reply::Call(call))) = world.command(who, start) else { panic!("no call") };
        world.command(ALICE, Command::Answer { call, video: false });
        calls.push(call);
    }
    assert_eq!(world.command(ALICE, Command::Merge(calls[0], calls[1])), Some(Ok(Reply::Done)));
    let mixes = |world: &World| -> Vec<usize> {
        let size = |one: &MediaCommand| match one {
            MediaCommand::SetMix { sessions } => Some(sessions.len()),
            _ => None,
        };
        world.people[ALICE].worker.iter().filter_map(size).collect()
    };
    assert_eq!(mixes(&world), [2]);
    let resumed = |one: &MediaCommand| matches!(one, MediaCommand::SetHeld { held: false, .. });
    assert!(world.people[ALICE].worker.iter().any(resumed), "the held one is heard again");
    assert!(!world.people[BOB].service.engine().call(calls[0]).unwrap().flags().remote_held);
    world.command(BOB, Command::HangUp(calls[0]));
    assert_eq!(mixes(&world), [2, 0]);
    world.command(CAROL, Command::HangUp(calls[1]));
    assert_eq!(mixes(&world), [2, 0]);
}
