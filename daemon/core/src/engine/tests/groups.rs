//! Claims about groups.

use super::*;

const MERGE: [Capability; 2] = [Capability::Merge, Capability::Hold];

/// Three calls of one provider: two held, one on.
fn three() -> (Bench, [CallId; 3]) {
    let mut bench = Bench::new();
    bench.register("a");
    let calls = [1, 2, 3].map(|id| bench.active_of("a", id, &MERGE));
    for call in &calls[1..] {
        bench.done(Command::SetHeld(*call, true));
    }
    (bench, calls)
}

fn only_group(bench: &Bench) -> GroupView {
    let groups: Vec<GroupView> = bench.engine.groups().collect();
    assert_eq!(groups.len(), 1);
    groups[0].clone()
}

#[test]
fn merging_makes_a_group_once_the_provider_has_done_it() {
    let (mut bench, [one, two, _]) = three();
    let (id, out) = bench.command(Command::Merge(one, two));
    assert_eq!(performs(&out)[0].2, Action::SetGroup(Some(two)));
    assert_eq!(bench.engine.groups().count(), 0);
    let out = bench.perform(performs(&out)[0].0, Ok(()));
    assert_eq!(reply(&out, id), Some(Ok(Reply::Done)));
    let group = only_group(&bench);
    assert_eq!(group.calls, [one, two]);
    assert!(out.contains(&Output::GroupAdded(group.id)));
    assert!(!bench.flags(two).held, "they are talked to together");
    assert_eq!(bench.engine.call(one).unwrap().view().group, Some(group.id));
}

#[test]
fn a_third_call_joins_and_a_group_of_one_dissolves() {
    let (mut bench, [one, two, three]) = three();
    bench.done(Command::Merge(one, two));
    let group = only_group(&bench);
    let out = bench.done(Command::Merge(three, one));
    assert!(out.contains(&Output::GroupChanged(group.id)));
    assert_eq!(only_group(&bench).calls, [one, two, three]);
    let out = bench.done(Command::Split(two));
    assert!(out.contains(&Output::GroupChanged(group.id)));
    let (_, out) = bench.tell("a", ended(one, EndReason::RemoteHangup));
    assert!(out.contains(&Output::GroupRemoved(group.id)));
    assert_eq!(bench.engine.call(three).unwrap().group(), None);
    assert_eq!(bench.engine.groups().count(), 0);
}

#[test]
fn a_failed_merge_changes_nothing() {
    let (mut bench, [one, two, _]) = three();
    let (id, out) = bench.command(Command::Merge(one, two));
    let out = bench.perform(performs(&out)[0].0, failed("no mixer"));
    assert_eq!(reply(&out, id), Some(Err(CommandError::ProviderFailed("no mixer".into()))));
    assert!(bench.flags(two).held && bench.engine.groups().count() == 0);
}

#[test]
fn merging_needs_two_calls_of_one_provider_that_can() {
    let (mut bench, [one, two, _]) = three();
    bench.register("b");
    let other = bench.active_of("b", 7, &MERGE);
    let without = bench.active_of("a", 8, &[]);
    let mut refused = |command| {
        let (id, out) = bench.command(command);
        assert!(performs(&out).is_empty());
        reply(&out, id).unwrap().unwrap_err()
    };
    assert_eq!(refused(Command::Merge(one, other)), CommandError::NotSupported);
    assert_eq!(refused(Command::Merge(one, without)), CommandError::NotSupported);
    assert!(matches!(refused(Command::Merge(one, one)), CommandError::InvalidArgument(_)));
    assert_eq!(refused(Command::Merge(one, CallId([99; 16]))), CommandError::UnknownCall);
    assert_eq!(refused(Command::Split(two)), CommandError::InvalidState);
    assert_eq!(refused(Command::GroupHangUp(crate::id::GroupId(5))), CommandError::InvalidState);
}

#[test]
fn a_provider_has_no_more_groups_than_it_said() {
    let (mut bench, [one, two, three]) = three();
    let four = bench.active_of("a", 4, &MERGE);
    bench.done(Command::Merge(one, two));
    let (id, out) = bench.command(Command::Merge(three, four));
    assert!(matches!(reply(&out, id), Some(Err(CommandError::LimitReached(_)))));
}

#[test]
fn a_group_is_held_muted_and_ended_in_one_transaction_each() {
    let (mut bench, [one, two, three]) = three();
    bench.done(Command::Merge(one, two));
    let group = only_group(&bench).id;
    let all = |bench: &mut Bench, command: Command| {
        let (id, out) = bench.command(command);
        let asked = performs(&out);
        assert_eq!(asked.len(), 2);
        assert_eq!(txns(&out)[0], txns(&out)[1]);
        assert_eq!(reply(&bench.perform(asked[0].0, Ok(())), id), None);
        assert_eq!(reply(&bench.perform(asked[1].0, Ok(())), id), Some(Ok(Reply::Done)));
    };
    all(&mut bench, Command::GroupSetHeld(group, true));
    assert!(bench.flags(one).held && bench.flags(two).held);
    bench.done(Command::SetHeld(three, false));
    let (_, out) = bench.command(Command::GroupSetHeld(group, false));
    assert_eq!(performs(&out)[0].1, three, "what is on is held first");
    let out = bench.perform(performs(&out)[0].0, Ok(()));
    for (serial, ..) in performs(&out) {
        bench.perform(serial, Ok(()));
    }
    assert!(!bench.flags(one).held && !bench.flags(two).held);
    bench.done(Command::GroupSetMuted(group, true));
    assert!(bench.flags(one).muted && bench.flags(two).muted);
    all(&mut bench, Command::GroupHangUp(group));
    assert_eq!((bench.reason(one), bench.reason(two)), ("local-hangup", "local-hangup"));
    assert_eq!(bench.engine.groups().count(), 0);
}

#[test]
fn answering_beside_a_group_holds_all_of_it() {
    let (mut bench, [one, two, three]) = three();
    bench.done(Command::Merge(one, two));
    let four = bench.incoming_of("a", 4, &[]);
    let (_, out) = bench.command(Command::Answer { call: four, video: false });
    let held: Vec<CallId> = performs(&out).iter().map(|(_, call, _)| *call).collect();
    assert_eq!(held, [one, two]);
    assert!(bench.flags(three).held);
}

#[test]
fn a_number_is_not_used_again_while_its_group_is_shown() {
    let (mut bench, [one, two, three]) = three();
    bench.done(Command::Merge(one, two));
    let first = only_group(&bench).id;
    bench.done(Command::Split(one));
    bench.done(Command::Merge(two, three));
    assert_ne!(only_group(&bench).id, first);
}
