//! Claims about transactions: what is asked for in which order, and what a failure leaves.

use super::*;

/// A on, B ringing, of two providers; A can be held.
fn two(capabilities: &[Capability]) -> (Bench, CallId, CallId) {
    let mut bench = Bench::new();
    bench.register("a");
    bench.register("b");
    let one = bench.active_of("a", 1, capabilities);
    let two = bench.incoming_of("b", 2, &[Capability::Hold]);
    (bench, one, two)
}

fn answer(call: CallId) -> Command {
    Command::Answer { call, video: false }
}

#[test]
fn answering_beside_a_call_holds_it_first_under_one_transaction() {
    let (mut bench, one, two) = two(&[Capability::Hold]);
    let (id, first) = bench.command(answer(two));
    let (serial, call, action) = performs(&first)[0].clone();
    assert_eq!((call, action), (one, Action::SetHeld(true)));
    assert_eq!(bench.state(two), "ringing", "not before the first step");
    let second = bench.perform(serial, Ok(()));
    let (serial, call, action) = performs(&second)[0].clone();
    assert_eq!((call, action), (two, Action::Answer { video: false }));
    assert_eq!(txns(&first), txns(&second));
    assert!(bench.flags(one).held && bench.state(two) == "answering");
    let out = bench.perform(serial, Ok(()));
    assert_eq!(reply(&out, id), Some(Ok(Reply::Done)));
    bench.done(Command::HangUp(two));
    assert!(bench.flags(one).held, "until someone resumes it");
}

#[test]
fn a_first_step_that_fails_leaves_the_second_call_ringing() {
    for timed_out in [false, true] {
        let (mut bench, one, two) = two(&[Capability::Hold]);
        let (id, out) = bench.command(answer(two));
        let serial = performs(&out)[0].0;
        let (out, error) = if timed_out {
            (bench.pass(Duration::from_secs(5)), CommandError::Timeout)
        } else {
            (bench.perform(serial, failed("no")), CommandError::ProviderFailed("no".into()))
        };
        assert_eq!(reply(&out, id), Some(Err(error)));
        assert_eq!((bench.state(one), bench.state(two)), ("active", "ringing"));
        assert!(!bench.flags(one).held && performs(&out).is_empty());
        assert!(bench.engine.attention().unanswered.contains(&two));
    }
}

#[test]
fn whatever_cannot_be_held_is_hung_up_before_the_answer() {
    let (mut bench, one, two) = two(&[]);
    let (_, out) = bench.command(answer(two));
    assert_eq!(performs(&out)[0].2, Action::End(EndReason::LocalHangup));
    let out = bench.perform(performs(&out)[0].0, Ok(()));
    assert_eq!(bench.state(one), "ended");
    assert_eq!(performs(&out)[0].1, two);
}

#[test]
fn an_answer_while_another_step_is_out_is_superseded_and_changes_nothing() {
    let (mut bench, one, two) = two(&[Capability::Hold]);
    bench.command(answer(two));
    let (id, out) = bench.command(answer(two));
    assert_eq!(reply(&out, id), Some(Err(CommandError::Superseded)));
    assert!(performs(&out).is_empty());
    assert_eq!(bench.state(one), "active");
}

#[test]
fn declining_what_is_to_be_answered_comes_first() {
    let (mut bench, one, two) = two(&[Capability::Hold]);
    let (answered, out) = bench.command(answer(two));
    let hold = performs(&out)[0].0;
    let (declined, out) = bench.command(Command::Decline(two, None));
    assert_eq!(reply(&out, answered), Some(Err(CommandError::Superseded)));
    let out = bench.perform(performs(&out)[0].0, Ok(()));
    assert_eq!(reply(&out, declined), Some(Ok(Reply::Done)));
    let out = bench.perform(hold, Ok(()));
    assert!(performs(&out).is_empty() && bench.flags(one).held);
}

#[test]
fn a_caller_who_gives_up_while_the_first_step_is_out_beats_the_answer() {
    let (mut bench, _, two) = two(&[Capability::Hold]);
    let (id, _) = bench.command(answer(two));
    let (_, out) = bench.tell("b", ended(two, EndReason::Cancelled));
    assert_eq!(reply(&out, id), Some(Err(CommandError::InvalidState)));
    assert!(out.contains(&Output::Missed(two)));
}

#[test]
fn a_call_that_ends_while_it_is_to_be_held_is_out_of_the_way() {
    let (mut bench, one, two) = two(&[Capability::Hold]);
    let (id, _) = bench.command(answer(two));
    let (_, out) = bench.tell("a", ended(one, EndReason::RemoteHangup));
    assert_eq!(performs(&out)[0].1, two);
    let out = bench.perform(performs(&out)[0].0, Ok(()));
    assert_eq!(reply(&out, id), Some(Ok(Reply::Done)));
}

#[test]
fn resuming_a_held_call_holds_the_one_that_is_on() {
    let (mut bench, one, two) = two(&[Capability::Hold]);
    bench.done(answer(two));
    let (id, first) = bench.command(Command::SetHeld(one, false));
    let (serial, call, action) = performs(&first)[0].clone();
    assert_eq!((call, action), (two, Action::SetHeld(true)));
    let second = bench.perform(serial, Ok(()));
    let (serial, call, action) = performs(&second)[0].clone();
    assert_eq!((call, action), (one, Action::SetHeld(false)));
    assert_eq!(txns(&first), txns(&second));
    let out = bench.perform(serial, Ok(()));
    assert_eq!(reply(&out, id), Some(Ok(Reply::Done)));
    assert!(!bench.flags(one).held && bench.flags(two).held);
}

#[test]
fn resuming_never_hangs_up_what_cannot_be_held() {
    let (mut bench, one, _) = two(&[Capability::Hold]);
    bench.done(Command::SetHeld(one, true));
    let three = bench.active_of("b", 3, &[]);
    let (id, out) = bench.command(Command::SetHeld(one, false));
    assert_eq!(reply(&out, id), Some(Err(CommandError::NotSupported)));
    assert_eq!(bench.state(three), "active");
}

#[test]
fn a_transaction_ends_within_twenty_seconds() {
    let (mut bench, _, two) = two(&[Capability::Hold]);
    let (id, out) = bench.command(answer(two));
    let hold = performs(&out)[0].0;
    bench.pass(Duration::from_millis(4900));
    bench.perform(hold, Ok(()));
    let out = bench.pass(Duration::from_millis(15_099));
    assert_eq!(reply(&out, id), None);
    let out = bench.pass(Duration::from_millis(1));
    assert_eq!(reply(&out, id), Some(Err(CommandError::Timeout)));
    assert_eq!(bench.reason(two), "failed");
}

#[test]
fn a_hold_that_times_out_keeps_the_state() {
    let (mut bench, one, _) = two(&[Capability::Hold]);
    let (id, out) = bench.command(Command::SetHeld(one, true));
    let serial = performs(&out)[0].0;
    let out = bench.pass(Duration::from_secs(5));
    assert_eq!(reply(&out, id), Some(Err(CommandError::Timeout)));
    assert!(out.contains(&Output::TimedOut("a".parse().unwrap(), serial)));
    assert_eq!(bench.perform(serial, Ok(())), [], "too late");
    assert!(!bench.flags(one).held && bench.state(one) == "active");
}

#[test]
fn every_action_has_the_deadline_of_the_contract() {
    let remote = Handle::new("tel", "1").unwrap();
    let long = [
        Action::Start { remote: remote.clone(), video: false, name: String::new() },
        Action::Answer { video: false },
    ];
    let short = [
        Action::End(EndReason::Declined),
        Action::SetHeld(true),
        Action::SetMuted(true),
        Action::SetGroup(None),
        Action::SetVideo(true),
        Action::SwitchCamera(String::new()),
        Action::SetLocalSilence(true),
        Action::SetEndpoint(String::new()),
        Action::SetScreenShare(true),
        Action::PlayDtmf("1".into()),
        Action::Transfer(remote),
    ];
    assert!(long.iter().all(|action| action.deadline() == Duration::from_secs(20)));
    assert!(short.iter().all(|action| action.deadline() == Duration::from_secs(5)));
    let names: Vec<&str> = long.iter().chain(&short).map(Action::name).collect();
    let contract = "start answer end set-held set-muted set-group set-video switch-camera \
                    set-local-silence set-endpoint set-screen-share play-dtmf transfer";
    assert_eq!(names, contract.split(' ').collect::<Vec<_>>());
}

#[test]
fn muting_without_the_app_is_done_by_the_daemon() {
    let (mut bench, one, _) = two(&[]);
    let (id, out) = bench.command(Command::SetMuted(one, true));
    assert_eq!(reply(&out, id), Some(Ok(Reply::Done)));
    assert!(performs(&out).is_empty() && bench.flags(one).muted);
    assert!(bench.is_shut("a"));
    let update = Update { muted: Some(false), ..Update::default() };
    bench.tell("a", Report::Update { call: one, update }).0.unwrap();
    assert!(bench.flags(one).muted, "an app's word opens nothing");
    bench.command(Command::SetMuted(one, false));
    assert!(!bench.is_shut("a"));
}

#[test]
fn muting_that_neither_the_app_nor_the_daemon_can_do_is_refused_and_not_pretended() {
    for (capabilities, wanted) in [
        (vec![], CommandError::NotSupported),
        (vec![Capability::Mute], CommandError::ProviderFailed("no".into())),
    ] {
        let mut bench = Bench::new();
        let id: ProviderId = "c".parse().unwrap();
        let sandboxed = Registration { can_be_muted: false, ..Registration::new(id) };
        bench.engine.register(bench.now, sandboxed).unwrap();
        let one = bench.active_of("c", 1, &capabilities);
        let (id, mut out) = bench.command(Command::SetMuted(one, true));
        if let Some((serial, ..)) = performs(&out).first() {
            out = bench.perform(*serial, failed("no"));
        }
        assert_eq!(reply(&out, id), Some(Err(wanted)));
        assert!(!bench.flags(one).muted);
        assert!(!bench.is_shut("c"));
    }
}

#[test]
fn muting_that_the_app_does_not_do_is_done_by_the_daemon() {
    for fails in [false, true] {
        let (mut bench, one, _) = two(&[Capability::Mute]);
        let (id, out) = bench.command(Command::SetMuted(one, true));
        let serial = performs(&out)[0].0;
        let (out, word) = if fails {
            (bench.perform(serial, failed("no")), "failed")
        } else {
            (bench.pass(Duration::from_secs(5)), "timed-out")
        };
        assert_eq!(reply(&out, id), Some(Ok(Reply::Done)));
        assert_eq!(results(&out), [("set-muted", word)]);
        assert!(bench.is_shut("a"));
        assert!(bench.flags(one).muted);
        bench.done(Command::SetMuted(one, false));
        assert!(!bench.is_shut("a"));
    }
}

#[test]
fn what_the_daemon_muted_is_open_again_once_the_call_is_over() {
    let (mut bench, one, _) = two(&[]);
    bench.command(Command::SetMuted(one, true));
    assert!(bench.is_shut("a"));
    bench.tell("a", ended(one, EndReason::RemoteHangup)).0.unwrap();
    assert!(!bench.is_shut("a"));
}

#[test]
fn the_microphone_of_an_app_that_says_it_muted_is_shut_too_until_the_app_opens_it() {
    let (mut bench, one, _) = two(&[Capability::Mute]);
    bench.done(Command::SetMuted(one, true));
    assert!(bench.is_shut("a"));
    let update = |muted| Report::Update {
        call: one,
        update: Update { muted: Some(muted), ..Update::default() },
    };
    bench.tell("a", update(false)).0.unwrap();
    assert!(!bench.flags(one).muted && !bench.is_shut("a"), "opened in the app's own window");
    bench.tell("a", update(true)).0.unwrap();
    assert!(bench.flags(one).muted && bench.is_shut("a"));
}

#[test]
fn a_muted_call_leaves_the_microphone_to_another_that_is_talked_in() {
    let (mut bench, one, _) = two(&[Capability::Mute, Capability::Hold]);
    bench.done(Command::SetMuted(one, true));
    bench.done(Command::SetHeld(one, true));
    assert!(bench.is_shut("a"), "a held call wants no microphone");
    let other = bench.active_of("a", 9, &[Capability::Mute, Capability::Hold]);
    assert!(!bench.is_shut("a"));
    bench.done(Command::SetMuted(other, true));
    assert!(bench.is_shut("a"));
}

#[test]
fn one_action_per_call_at_a_time() {
    let (mut bench, one, _) = two(&[Capability::Hold, Capability::Mute]);
    bench.command(Command::SetHeld(one, true));
    for command in [Command::SetMuted(one, true), Command::SetHeld(one, false)] {
        let (id, out) = bench.command(command);
        assert_eq!(reply(&out, id), Some(Err(CommandError::InvalidState)));
    }
    let (id, out) = bench.command(Command::SetLocalSilence(one, true));
    assert_eq!(reply(&out, id), Some(Err(CommandError::InvalidState)));
}

#[test]
fn actions_of_the_contract_do_what_they_say_when_fulfilled() {
    let all = [Capability::Video, Capability::Dtmf, Capability::Transfer, Capability::Hold];
    let (mut bench, one, _) = two(&all);
    bench.done(Command::SetVideo(one, true));
    assert!(bench.flags(one).video);
    bench.done(Command::SwitchCamera(one, "front".into()));
    bench.done(Command::SetVideo(one, false));
    let (id, out) = bench.command(Command::SwitchCamera(one, String::new()));
    assert_eq!(reply(&out, id), Some(Err(CommandError::InvalidState)), "the camera is off");
    bench.done(Command::SetLocalSilence(one, true));
    assert!(bench.flags(one).local_silence);
    bench.done(Command::SendDtmf(one, "1,2#".into()));
    let out = bench.done(Command::Transfer(one, Handle::new("tel", "+491").unwrap()));
    assert_eq!(results(&out), [("transfer", "done")]);
    assert_eq!(bench.reason(one), "local-hangup");
}

#[test]
fn endpoint_and_screen_need_their_capability_and_are_the_apps_to_change() {
    let (mut bench, one, two) = two(&[Capability::Endpoints, Capability::Screen]);
    let (id, out) = bench.command(Command::SetEndpoint(one, "headset".into()));
    let (serial, _, action) = performs(&out)[0].clone();
    assert_eq!(action, Action::SetEndpoint("headset".into()));
    assert_eq!(bench.engine.call(one).unwrap().view().endpoint, "", "not before it is done");
    let out = bench.perform(serial, Ok(()));
    assert_eq!(reply(&out, id), Some(Ok(Reply::Done)));
    assert_eq!(bench.engine.call(one).unwrap().view().endpoint, "headset");
    let out = bench.done(Command::SetScreenShare(one, true));
    assert_eq!(results(&out), [("set-screen-share", "done")]);
    for command in [Command::SetEndpoint(two, "x".into()), Command::SetScreenShare(two, true)] {
        let (id, out) = bench.command(command);
        assert_eq!(reply(&out, id), Some(Err(CommandError::NotSupported)));
    }
}

#[test]
fn everything_ends_in_one_transaction() {
    let (mut bench, one, two) = two(&[]);
    let (id, out) = bench.command(Command::EndAll);
    let ends = performs(&out);
    assert_eq!(txns(&out)[0], txns(&out)[1]);
    assert!(ends.iter().any(|(_, call, action)| {
        (*call, action) == (one, &Action::End(EndReason::LocalHangup))
    }));
    assert!(
        ends.iter().any(|(_, call, action)| {
            (*call, action) == (two, &Action::End(EndReason::Declined))
        })
    );
    bench.perform(ends[0].0, Ok(()));
    let out = bench.perform(ends[1].0, failed("busy"));
    assert_eq!(reply(&out, id), Some(Ok(Reply::Done)));
    assert_eq!((bench.state(one), bench.state(two)), ("ended", "ended"));
}

#[test]
fn a_locked_session_answers_without_camera_and_dials_nobody() {
    let (mut bench, one, two) = two(&[Capability::Video, Capability::Hold, Capability::Merge]);
    bench.engine.set_lock(Lock::Locked { video: false });
    for command in [
        start(None, party(), false),
        Command::SetVideo(one, true),
        Command::SwitchCamera(one, String::new()),
        Command::Merge(one, two),
        Command::Split(one),
        Command::Transfer(one, Handle::unknown()),
        Command::SetScreenShare(one, true),
    ] {
        let (id, out) = bench.command(command);
        assert_eq!(reply(&out, id), Some(Err(CommandError::SessionLocked)));
    }
    bench.done(Command::SetVideo(one, false));
    let (_, out) = bench.command(Command::Answer { call: two, video: true });
    let out = bench.perform(performs(&out)[0].0, Ok(()));
    assert_eq!(performs(&out)[0].2, Action::Answer { video: false });
}

#[test]
fn a_locked_session_answers_with_camera_where_the_user_allows_it() {
    let mut bench = Bench::new();
    let call = bench.incoming(1);
    bench.engine.set_lock(Lock::Locked { video: true });
    let (_, out) = bench.command(Command::Answer { call, video: true });
    assert_eq!(performs(&out)[0].2, Action::Answer { video: true });
}

/// The model found it: the ring's cap came while the first step was out, and only a later call's
/// time-out let it go on, in the same instant.
#[test]
fn a_ring_that_waited_for_a_step_ends_as_soon_as_that_step_has_failed() {
    let mut bench = Bench::new();
    bench.register("a");
    bench.register("b");
    let rings = bench.incoming_of("b", 1, &[]);
    bench.pass(Duration::from_secs(58));
    let held = bench.active_of("a", 2, &[Capability::Hold]);
    let (id, _) = bench.command(answer(rings));
    assert!(performs(&bench.pass(Duration::from_secs(3))).is_empty(), "the answer is on its way");
    let out = bench.pass(Duration::from_secs(2));
    assert_eq!(reply(&out, id), Some(Err(CommandError::Timeout)));
    assert_eq!(performs(&out)[0].2, Action::End(EndReason::Unanswered));
    assert!(bench.engine.next_timeout().unwrap() > bench.now.mono, "nothing stays due");
    assert_eq!(bench.state(held), "active");
}
