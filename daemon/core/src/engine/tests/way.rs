//! Claims about arbitration: one call, or one group, is talked in at a time.

use super::*;

const HOLD: [Capability; 1] = [Capability::Hold];
const MERGE: [Capability; 2] = [Capability::Merge, Capability::Hold];

fn two() -> Bench {
    let mut bench = Bench::new();
    bench.register("a");
    bench.register("b");
    bench
}

/// Somebody whom provider "b" calls.
fn dial() -> Command {
    start(None, Party { handle: Handle::new("b", "x").unwrap(), ..party() }, false)
}

fn answer(call: CallId) -> Command {
    Command::Answer { call, video: false }
}

fn added(out: &[Output]) -> CallId {
    let added = |output: &Output| match output {
        Output::Added(call) => Some(*call),
        _ => None,
    };
    out.iter().find_map(added).unwrap()
}

fn audio(out: &[Output]) -> Vec<(&str, bool)> {
    let audio = |output: &'_ Output| match output {
        Output::Audio { provider, active, .. } => {
            Some((if provider.as_str() == "a" { "a" } else { "b" }, *active))
        }
        _ => None,
    };
    out.iter().filter_map(audio).collect()
}

#[test]
fn dialling_beside_a_call_holds_it_first_under_one_transaction() {
    let mut bench = two();
    let one = bench.active_of("a", 1, &HOLD);
    let (id, first) = bench.command(dial());
    let new = added(&first);
    assert_eq!(bench.state(new), "requested", "it is shown at once");
    assert_eq!(performs(&first).len(), 1);
    let (serial, call, action) = performs(&first)[0].clone();
    assert_eq!((call, action), (one, Action::SetHeld(true)));
    assert!(audio(&first).is_empty(), "nobody gets the microphone yet");
    let second = bench.perform(serial, Ok(()));
    let (serial, call, action) = performs(&second)[0].clone();
    assert_eq!((call, action.name()), (new, "start"));
    assert_eq!(txns(&first), txns(&second));
    assert_eq!(audio(&second), [("a", false), ("b", true)]);
    let out = bench.perform(serial, Ok(()));
    assert_eq!(reply(&out, id), Some(Ok(Reply::Call(new))));
    assert!(bench.flags(one).held);
}

#[test]
fn a_hold_that_fails_ends_the_dialled_call_before_its_provider_hears_of_it() {
    for timed_out in [false, true] {
        let mut bench = two();
        let one = bench.active_of("a", 1, &HOLD);
        let (id, out) = bench.command(dial());
        let (new, serial) = (added(&out), performs(&out)[0].0);
        let (out, error) = if timed_out {
            (bench.pass(Duration::from_secs(5)), CommandError::Timeout)
        } else {
            (bench.perform(serial, failed("no")), CommandError::ProviderFailed("no".into()))
        };
        assert_eq!(reply(&out, id), Some(Err(error)));
        assert!(performs(&out).is_empty());
        assert_eq!((bench.state(new), bench.reason(new)), ("ended", "failed"));
        assert!(bench.state(one) == "active" && !bench.flags(one).held);
    }
}

#[test]
fn a_provider_says_nothing_of_a_call_that_it_was_not_asked_to_start_yet() {
    let mut bench = two();
    bench.active_of("a", 1, &HOLD);
    let (_, out) = bench.command(dial());
    let (new, serial) = (added(&out), performs(&out)[0].0);
    let active = Report::Progress { call: new, progress: Progress::Active, at: 0 };
    assert_eq!(bench.tell("b", active).0, Err(CommandError::UnknownCall));
    assert_eq!(bench.state(new), "requested");
    let out = bench.perform(serial, Ok(()));
    assert_eq!(audio(&out), [("a", false), ("b", true)], "it is started as if nothing was said");
}

#[test]
fn dialling_never_hangs_up_and_names_the_call_that_cannot_be_held() {
    let mut bench = two();
    let one = bench.active_of("a", 1, &[]);
    let (id, out) = bench.command(dial());
    let error = reply(&out, id).unwrap().unwrap_err();
    assert_eq!(error, CommandError::InTheWay(one));
    assert!(error.to_string().contains(&one.to_string()), "{error}");
    assert_eq!(out.len(), 1, "nothing has changed: {out:?}");
    assert_eq!(bench.state(one), "active");
}

#[test]
fn dialling_while_another_call_is_dialled_is_refused() {
    let mut bench = two();
    let (_, out) = bench.command(dial());
    let (serial, first, _) = performs(&out)[0].clone();
    let (id, out) = bench.command(dial());
    assert_eq!(reply(&out, id), Some(Err(CommandError::InTheWay(first))));
    bench.perform(serial, Ok(()));
    let (id, out) = bench.command(dial());
    assert_eq!(reply(&out, id), Some(Err(CommandError::InTheWay(first))));
}

#[test]
fn dialling_beside_a_held_call_asks_nobody_else() {
    let mut bench = two();
    let one = bench.active_of("a", 1, &HOLD);
    bench.done(Command::SetHeld(one, true));
    let (_, out) = bench.command(dial());
    assert_eq!(performs(&out)[0].2.name(), "start");
}

#[test]
fn dialling_beside_a_group_holds_all_of_it() {
    let mut bench = two();
    let calls = [1, 2].map(|id| bench.active_of("a", id, &MERGE));
    bench.done(Command::Merge(calls[0], calls[1]));
    let (_, out) = bench.command(dial());
    let held: Vec<CallId> = performs(&out).iter().map(|(_, call, _)| *call).collect();
    assert_eq!(held, calls);
}

#[test]
fn a_dialled_call_that_waits_for_a_hold_is_given_up_without_its_provider() {
    for all in [false, true] {
        let mut bench = two();
        let one = bench.active_of("a", 1, &HOLD);
        let (id, out) = bench.command(dial());
        let (new, hold) = (added(&out), performs(&out)[0].0);
        let end = if all { Command::EndAll } else { Command::HangUp(new) };
        let (end, out) = bench.command(end);
        assert_eq!(reply(&out, id), Some(Err(CommandError::Superseded)));
        assert_eq!(bench.reason(new), "cancelled");
        assert!(performs(&out).iter().all(|(_, call, _)| *call == one));
        if !all {
            assert_eq!(reply(&out, end), Some(Ok(Reply::Done)));
            assert!(performs(&bench.perform(hold, Ok(()))).is_empty());
            assert!(bench.flags(one).held, "what was out takes its course");
        }
    }
}

#[test]
fn hanging_up_what_is_to_be_held_lets_the_dialled_call_go_on() {
    let mut bench = two();
    let one = bench.active_of("a", 1, &HOLD);
    let (id, out) = bench.command(dial());
    let new = added(&out);
    let (_, out) = bench.command(Command::HangUp(one));
    let asked: Vec<(CallId, &str)> =
        performs(&out).iter().map(|(_, call, action)| (*call, action.name())).collect();
    assert_eq!(asked, [(one, "end"), (new, "start")]);
    let out = bench.perform(performs(&out)[1].0, Ok(()));
    assert_eq!(reply(&out, id), Some(Ok(Reply::Call(new))));
}

#[test]
fn calling_someone_who_rings_hangs_up_nobody() {
    let mut bench = two();
    let one = bench.active_of("b", 1, &[]);
    bench.incoming(2);
    let (id, out) = bench.command(start(None, party(), false));
    assert_eq!(reply(&out, id), Some(Err(CommandError::InTheWay(one))));
    assert!(performs(&out).is_empty());
}

/// Both were held, and a held call was never in anybody's way, even while it was being resumed.
#[test]
fn of_two_calls_that_are_resumed_at_once_one_stays_held() {
    let mut bench = two();
    let calls = [1, 2].map(|id| bench.active_of("a", id, &HOLD));
    for call in calls {
        bench.done(Command::SetHeld(call, true));
    }
    bench.command(Command::SetHeld(calls[0], false));
    let (id, out) = bench.command(Command::SetHeld(calls[1], false));
    assert_eq!(reply(&out, id), Some(Err(CommandError::InvalidState)));
    let ringing = bench.incoming_of("b", 3, &[]);
    for command in [answer(ringing), dial()] {
        let (id, out) = bench.command(command);
        assert_eq!(reply(&out, id), Some(Err(CommandError::InvalidState)));
    }
}

/// The first answer waited for a call to end; that one gave way, and the second answer found
/// nothing in its way.
#[test]
fn an_answer_waits_for_another_answer_that_is_on_its_way() {
    let mut bench = two();
    bench.active_of("a", 1, &[]);
    let ringing = [2, 3].map(|id| bench.incoming_of("b", id, &[]));
    bench.command(answer(ringing[0]));
    let (id, out) = bench.command(answer(ringing[1]));
    assert_eq!(reply(&out, id), Some(Err(CommandError::InvalidState)));
    assert_eq!(bench.state(ringing[1]), "ringing");
}

#[test]
fn answering_while_dialling_hangs_up_what_is_dialled() {
    let mut bench = two();
    let (_, out) = bench.command(dial());
    let (serial, dialled, _) = performs(&out)[0].clone();
    bench.perform(serial, Ok(()));
    let rings = bench.incoming_of("a", 1, &[]);
    let (_, out) = bench.command(answer(rings));
    let (serial, call, action) = performs(&out)[0].clone();
    assert_eq!((call, action), (dialled, Action::End(EndReason::Cancelled)));
    let out = bench.perform(serial, Ok(()));
    assert_eq!(performs(&out)[0].1, rings);
}

#[test]
fn who_is_taken_out_of_a_group_is_talked_to_and_the_others_are_held_first() {
    let mut bench = two();
    let [one, two, three] = [1, 2, 3].map(|id| bench.active_of("a", id, &MERGE));
    bench.done(Command::Merge(one, two));
    bench.done(Command::Merge(three, two));
    let (id, out) = bench.command(Command::Split(one));
    let held: Vec<CallId> = performs(&out).iter().map(|(_, call, _)| *call).collect();
    assert_eq!(held, [two, three]);
    bench.perform(performs(&out)[0].0, Ok(()));
    let out = bench.perform(performs(&out)[1].0, Ok(()));
    assert_eq!(performs(&out)[0].2, Action::SetGroup(None));
    let out = bench.perform(performs(&out)[0].0, Ok(()));
    assert_eq!(reply(&out, id), Some(Ok(Reply::Done)));
    assert!(!bench.flags(one).held && bench.flags(two).held && bench.flags(three).held);
}

#[test]
fn who_leaves_a_group_for_another_leaves_it_held() {
    let mut bench = Bench::new();
    let several = Registration { max_groups: 2, ..registration("a") };
    bench.engine.register(bench.now, several).unwrap();
    let [one, two, three, four] = [1, 2, 3, 4].map(|id| bench.active_of("a", id, &MERGE));
    bench.done(Command::Merge(one, two));
    bench.done(Command::SetHeld(three, true));
    bench.done(Command::SetHeld(four, true));
    bench.done(Command::Merge(three, four));
    bench.done(Command::Merge(two, three));
    assert!(bench.flags(one).held, "alone now, and not talked to");
    assert!([two, three, four].iter().all(|call| !bench.flags(*call).held));
}

#[test]
fn a_call_that_another_is_being_joined_to_is_not_held_meanwhile() {
    let mut bench = two();
    let [one, two] = [1, 2].map(|id| bench.active_of("a", id, &MERGE));
    bench.done(Command::SetHeld(one, true));
    bench.command(Command::Merge(one, two));
    let rings = bench.incoming_of("b", 3, &[]);
    for command in [answer(rings), Command::SetHeld(two, true), Command::Merge(two, one)] {
        let (id, out) = bench.command(command);
        assert_eq!(reply(&out, id), Some(Err(CommandError::InvalidState)));
    }
}

#[test]
fn an_answer_that_was_lost_is_not_asked_for_again_beside_another_call() {
    let mut bench = two();
    let lost = bench.incoming_of("a", 1, &[]);
    bench.command(answer(lost));
    bench.engine.provider_lost(bench.now, &"a".parse().unwrap());
    let other = bench.incoming_of("b", 2, &[]);
    bench.done(answer(other));
    bench.register("a");
    let new = NewCall { resume: Some(Resume::Ringing), ..new_call(lost) };
    let (_, out) = bench.tell("a", Report::Incoming { new, expires_at: 0 });
    assert_eq!(performs(&out)[0].2, Action::End(EndReason::LocalHangup));
    assert_eq!(bench.state(other), "active");
}

#[test]
fn everything_has_ended_when_ending_everything_is_answered() {
    let mut bench = two();
    let [one, two] = [bench.active_of("a", 1, &[]), bench.incoming_of("b", 2, &[])];
    let (first, out) = bench.command(Command::HangUp(one));
    let ending = performs(&out)[0].0;
    let (all, out) = bench.command(Command::EndAll);
    assert_eq!(performs(&out).len(), 1, "nobody is asked twice");
    let out = bench.perform(performs(&out)[0].0, Ok(()));
    assert_eq!((reply(&out, all), bench.state(two)), (None, "ended"));
    let out = bench.perform(ending, Ok(()));
    assert_eq!(reply(&out, first), Some(Ok(Reply::Done)));
    assert_eq!(reply(&out, all), Some(Ok(Reply::Done)));
}

#[test]
fn ending_everything_sets_nothing_going_that_waits() {
    let mut bench = two();
    bench.active_of("a", 1, &HOLD);
    let rings = bench.incoming_of("b", 2, &[]);
    let (id, _) = bench.command(answer(rings));
    let (all, mut out) = bench.command(Command::EndAll);
    assert_eq!(reply(&out, id), Some(Err(CommandError::Superseded)));
    assert!(performs(&out).iter().all(|(_, _, action)| action.name() == "end"));
    for (serial, ..) in performs(&out) {
        out = bench.perform(serial, Ok(()));
    }
    assert_eq!(reply(&out, all), Some(Ok(Reply::Done)));
}

#[test]
fn ending_everything_is_answered_at_once_where_nothing_is_on() {
    let mut bench = two();
    let (id, out) = bench.command(Command::EndAll);
    assert_eq!(reply(&out, id), Some(Ok(Reply::Done)));
}

/// State, and what the two buttons do then.
#[test]
fn the_buttons_do_what_a_headset_expects() {
    let ends = |reason| Action::End(reason);
    let press = |bench: &mut Bench, command| {
        let (id, out) = bench.command(command);
        let asked: Vec<(CallId, Action)> =
            performs(&out).into_iter().map(|(_, call, action)| (call, action)).collect();
        (asked, reply(&out, id))
    };
    let refused = (vec![], Some(Err(CommandError::InvalidState)));
    let mut bench = two();
    assert_eq!(press(&mut bench, Command::PressPrimary), refused);
    assert_eq!(press(&mut bench, Command::PressSecondary), refused);

    // A call is on, another waits: the waiting one is meant.
    let on = bench.active_of("a", 1, &HOLD);
    let waits = bench.incoming_of("b", 2, &[]);
    let (asked, _) = press(&mut bench, Command::PressPrimary);
    assert_eq!(asked, [(on, Action::SetHeld(true))]);
    let (asked, _) = press(&mut bench, Command::PressSecondary);
    assert_eq!(asked, [(waits, ends(EndReason::Declined))], "even while it is to be answered");
    // It is being declined: the call that is on is meant again.
    assert_eq!(press(&mut bench, Command::PressSecondary), refused);
    let (asked, _) = press(&mut bench, Command::PressPrimary);
    assert_eq!(asked, [(on, ends(EndReason::LocalHangup))]);
}

#[test]
fn the_primary_button_hangs_up_what_is_dialled_rather_than_what_is_held() {
    let mut bench = two();
    bench.active_of("a", 1, &HOLD);
    bench.done(dial());
    let dialled = bench.engine.active().unwrap().id();
    let (_, out) = bench.command(Command::PressPrimary);
    assert_eq!(performs(&out)[0].1, dialled);
    assert_eq!(performs(&out)[0].2, Action::End(EndReason::Cancelled));
}

#[test]
fn the_primary_button_hangs_up_all_of_a_group_and_nothing_that_is_held() {
    let mut bench = two();
    let [one, two, held] = [1, 2, 3].map(|id| bench.active_of("a", id, &MERGE));
    bench.done(Command::SetHeld(held, true));
    bench.done(Command::Merge(one, two));
    let (id, out) = bench.command(Command::PressPrimary);
    let asked = performs(&out);
    assert_eq!(asked.iter().map(|(_, call, _)| *call).collect::<Vec<_>>(), [one, two]);
    bench.perform(asked[0].0, Ok(()));
    let out = bench.perform(asked[1].0, Ok(()));
    assert_eq!(reply(&out, id), Some(Ok(Reply::Done)));
    assert_eq!(bench.engine.active().map(Call::id), Some(held));
}

#[test]
fn the_primary_button_answers_what_can_be_answered() {
    let mut bench = two();
    bench.incoming_of("a", 1, &[]);
    let second = bench.incoming_of("b", 2, &[]);
    bench.engine.provider_lost(bench.now, &"a".parse().unwrap());
    let (_, out) = bench.command(Command::PressPrimary);
    assert_eq!(performs(&out)[0].1, second);
}
