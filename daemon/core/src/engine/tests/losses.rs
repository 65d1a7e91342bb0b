//! Claims about providers that come and go.

use super::*;

fn id(name: &str) -> ProviderId {
    name.parse().unwrap()
}

fn resumed(call: CallId, resume: Resume) -> NewCall {
    NewCall { resume: Some(resume), ..new_call(call) }
}

fn lose(bench: &mut Bench, name: &str) -> Vec<Output> {
    bench.engine.provider_lost(bench.now, &id(name));
    bench.drain()
}

#[test]
fn an_id_is_taken_until_its_provider_is_gone() {
    let mut bench = Bench::new();
    bench.register("a");
    let again = bench.engine.register(bench.now, registration("a"));
    assert_eq!(again, Err(CommandError::ProviderExists));
    let ours = bench.engine.register(bench.now, registration("ahoy"));
    assert_eq!(ours, Err(CommandError::ProviderExists));
    lose(&mut bench, "a");
    let thief = Registration { app_id: "org.example.Thief".into(), ..registration("a") };
    let stolen = bench.engine.register(bench.now, thief);
    assert_eq!(stolen, Err(CommandError::ProviderExists), "within the grace it is still theirs");
    assert!(bench.pass(GRACE).contains(&Output::ProviderRemoved(id("a"))));
    bench.register("a");
}

#[test]
fn a_registration_is_checked_and_the_error_names_what_is_wrong() {
    let mut bench = Bench::new();
    let mut wrong = |registration: Registration, name: &str| {
        let error = bench.engine.register(bench.now, registration).unwrap_err();
        assert!(matches!(error, CommandError::InvalidArgument(_)), "{error:?}");
        assert!(error.to_string().contains(name), "{error}");
    };
    wrong(Registration { max_calls: 0, ..registration("a") }, "max-calls");
    wrong(Registration { name: "a\nb".into(), ..registration("a") }, "name");
    wrong(Registration { icon: "x".repeat(600), ..registration("a") }, "icon");
    wrong(Registration { schemes: vec!["Tel".into()], ..registration("a") }, "schemes");
    wrong(Registration { schemes: vec!["x".into(); 33], ..registration("a") }, "schemes");
    let app = |id: &str| Registration {
        app_id: "org.example.App".into(),
        verified: true,
        ..registration(id)
    };
    let error = bench.engine.register(bench.now, app("org.example.Apple")).unwrap_err();
    assert!(matches!(error, CommandError::NotAuthorized(_)));
    bench.engine.register(bench.now, app("org.example.App")).unwrap();
    bench.engine.register(bench.now, app("org.example.App.sip")).unwrap();
}

#[test]
fn the_loss_of_a_provider_silences_its_ring_at_once() {
    let mut bench = Bench::new();
    bench.register("a");
    let call = bench.incoming_of("a", 1, &[]);
    assert_eq!(bench.engine.attention().ring, Some(call));
    lose(&mut bench, "a");
    assert_eq!(bench.engine.attention().ring, None);
    assert_eq!(bench.state(call), "ringing", "it may come back");
    let (command, out) = bench.command(Command::Answer { call, video: false });
    assert_eq!(reply(&out, command), Some(Err(CommandError::ProviderGone)));
    let out = bench.pass(GRACE);
    assert_eq!(bench.reason(call), "provider-gone");
    assert!(out.contains(&Output::Missed(call)));
}

#[test]
fn every_action_ends_with_the_loss_of_its_provider() {
    let mut bench = Bench::new();
    bench.register("a");
    let started = Party { handle: Handle::new("a", "x").unwrap(), ..party() };
    let (begin, _) = bench.command(start(None, started, false));
    let held = bench.active_of("a", 1, &[Capability::Hold]);
    let muted = bench.active_of("a", 2, &[Capability::Mute]);
    let ending = bench.active_of("a", 3, &[]);
    let (hold, _) = bench.command(Command::SetHeld(held, true));
    let (mute, _) = bench.command(Command::SetMuted(muted, true));
    let (end, _) = bench.command(Command::HangUp(ending));
    let out = lose(&mut bench, "a");
    assert_eq!(reply(&out, hold), Some(Err(CommandError::ProviderGone)));
    assert_eq!(reply(&out, begin), Some(Err(CommandError::ProviderGone)));
    assert_eq!(reply(&out, mute), Some(Ok(Reply::Done)), "the daemon mutes");
    assert!(bench.flags(muted).muted);
    assert_eq!(reply(&out, end), Some(Ok(Reply::Done)));
    assert_eq!(bench.reason(ending), "local-hangup");
    assert_eq!(results(&out).len(), 4);
}

#[test]
fn a_call_of_a_lost_provider_can_be_hung_up_and_then_stays_ended() {
    let mut bench = Bench::new();
    bench.register("a");
    let call = bench.active_of("a", 1, &[]);
    lose(&mut bench, "a");
    let (command, out) = bench.command(Command::HangUp(call));
    assert_eq!(reply(&out, command), Some(Ok(Reply::Done)));
    assert!(performs(&out).is_empty());
    bench.register("a");
    let new = resumed(call, Resume::Under(Progress::Active, 0));
    let (reported, _) = bench.tell("a", Report::Incoming { new, expires_at: 0 });
    assert_eq!(reported, Err(CommandError::UuidExists));
}

#[test]
fn calls_are_taken_up_again_within_the_grace_and_without_ringing() {
    let mut bench = Bench::new();
    bench.register("a");
    let on = bench.active_of("a", 1, &[Capability::Hold]);
    let rings = bench.incoming_of("a", 2, &[]);
    let forgotten = bench.active_of("a", 3, &[]);
    let since = bench.engine.call(on).unwrap().view().connected_at;
    lose(&mut bench, "a");
    bench.pass(Duration::from_secs(2));
    bench.register("a");
    let new = resumed(on, Resume::Under(Progress::Active, 7));
    let (reported, out) = bench.tell("a", Report::Incoming { new, expires_at: 0 });
    let disposition = Disposition::Silent;
    assert_eq!(reported, Ok(Reported::Incoming { call: on, disposition }));
    assert!(out.iter().any(|one| matches!(one, Output::Audio { active: true, .. })));
    assert_eq!(bench.engine.call(on).unwrap().view().connected_at, since, "since it was first");
    let new = resumed(rings, Resume::Ringing);
    bench.tell("a", Report::Incoming { new, expires_at: 0 }).0.unwrap();
    assert!(bench.flags(rings).silenced && bench.engine.attention().ring.is_none());
    bench.pass(Duration::from_secs(3));
    assert_eq!((bench.state(on), bench.state(rings)), ("active", "ringing"));
    assert_eq!(bench.reason(forgotten), "provider-gone");
    bench.done(Command::SetHeld(on, true));
}

#[test]
fn only_a_call_that_waits_for_its_provider_is_taken_up() {
    let mut bench = Bench::new();
    bench.register("a");
    bench.register("b");
    let call = bench.active_of("a", 1, &[]);
    let report = || {
        let new = resumed(call, Resume::Under(Progress::Active, 0));
        Report::Incoming { new, expires_at: 0 }
    };
    assert_eq!(bench.tell("a", report()).0, Err(CommandError::UuidExists), "it was never lost");
    lose(&mut bench, "a");
    assert_eq!(bench.tell("b", report()).0, Err(CommandError::UuidExists), "it is not theirs");
    assert_eq!(bench.tell("a", report()).0, Err(CommandError::ProviderGone));
    bench.register("a");
    let out = Report::Outgoing(resumed(call, Resume::Under(Progress::Active, 0)));
    assert_eq!(bench.tell("a", out).0, Err(CommandError::UuidExists), "it came in");
    let back = Report::Incoming { new: resumed(call, Resume::Ringing), expires_at: 0 };
    assert_eq!(bench.tell("a", back).0, Err(CommandError::InvalidState), "no step back");
    assert!(bench.tell("a", report()).0.is_ok());
}

#[test]
fn an_answer_that_was_lost_with_the_connection_is_asked_for_again() {
    let mut bench = Bench::new();
    bench.register("a");
    let call = bench.incoming_of("a", 1, &[]);
    bench.command(Command::Answer { call, video: true });
    lose(&mut bench, "a");
    assert_eq!(bench.state(call), "answering");
    bench.register("a");
    let new = resumed(call, Resume::Ringing);
    let (_, out) = bench.tell("a", Report::Incoming { new, expires_at: 0 });
    assert_eq!(performs(&out)[0].2, Action::Answer { video: true });
    bench.perform(performs(&out)[0].0, Ok(()));
    assert_eq!(bench.state(call), "active");
}

#[test]
fn a_daemon_that_was_started_again_takes_calls_in_the_state_they_have() {
    let mut bench = Bench::new();
    bench.register("a");
    let (on, dialing, rings) = (CallId([1; 16]), CallId([2; 16]), CallId([3; 16]));
    let new = resumed(on, Resume::Under(Progress::Active, 400_000));
    let (_, out) = bench.tell("a", Report::Incoming { new, expires_at: 0 });
    let view = bench.engine.call(on).unwrap().view();
    assert_eq!((view.state, view.connected_at), ("active", 400_000));
    let row = out.iter().find_map(|output| match output {
        Output::Log(row) => Some(row.clone()),
        _ => None,
    });
    let row = row.unwrap();
    assert!(row.continued && row.id == on.to_string());
    let new = resumed(dialing, Resume::Under(Progress::Dialing, 0));
    assert_eq!(bench.tell("a", Report::Outgoing(new)).0, Ok(Reported::Call(dialing)));
    let new = resumed(rings, Resume::Ringing);
    bench.tell("a", Report::Incoming { new, expires_at: 0 }).0.unwrap();
    assert_eq!((bench.state(dialing), bench.state(rings)), ("dialing", "ringing"));
    assert!(
        bench.engine.attention().ring.is_none() && bench.engine.attention().unanswered == [rings]
    );
    let wrong = Report::Outgoing(resumed(CallId([4; 16]), Resume::Ringing));
    assert!(matches!(bench.tell("a", wrong).0, Err(CommandError::InvalidArgument(_))));
}

#[test]
fn unregistering_ends_the_calls_at_once() {
    let mut bench = Bench::new();
    bench.register("a");
    let call = bench.active_of("a", 1, &[Capability::Hold]);
    let (hold, _) = bench.command(Command::SetHeld(call, true));
    bench.engine.unregister(bench.now, &id("a")).unwrap();
    let out = bench.drain();
    assert_eq!(reply(&out, hold), Some(Err(CommandError::ProviderGone)));
    assert_eq!(bench.reason(call), "provider-gone");
    assert!(out.contains(&Output::ProviderRemoved(id("a"))));
    let again = bench.engine.unregister(bench.now, &id("a"));
    assert_eq!(again, Err(CommandError::UnknownProvider));
    let new = new_call(CallId([2; 16]));
    let (reported, _) = bench.tell("a", Report::Incoming { new, expires_at: 0 });
    assert_eq!(reported, Err(CommandError::UnknownProvider));
}

#[test]
fn a_lost_provider_is_not_asked_to_call() {
    let mut bench = Bench::new();
    bench.register("a");
    lose(&mut bench, "a");
    let them = Party { handle: Handle::new("a", "x").unwrap(), ..party() };
    let (command, out) = bench.command(start(Some(id("a")), them.clone(), false));
    assert_eq!(reply(&out, command), Some(Err(CommandError::ProviderGone)));
    let (command, out) = bench.command(start(None, them, false));
    let error = CommandError::NoProviderForScheme("a".into());
    assert_eq!(reply(&out, command), Some(Err(error)));
}

#[test]
fn of_two_providers_of_a_scheme_the_users_choice_calls() {
    let mut bench = Bench::new();
    for name in ["a", "b"] {
        let schemes = vec!["tel".to_owned()];
        let registration = Registration { schemes, ..registration(name) };
        bench.engine.register(bench.now, registration).unwrap();
    }
    let them = || Party { handle: Handle::new("tel", "+491").unwrap(), ..party() };
    let (command, out) = bench.command(start(None, them(), false));
    let error = CommandError::NoProviderForScheme("tel".into());
    assert_eq!(reply(&out, command), Some(Err(error)), "nobody guesses");
    bench.engine.set_default_providers([("tel".to_owned(), id("b"))].into());
    let (_, out) = bench.command(start(None, them(), false));
    let call = performs(&out)[0].1;
    assert_eq!(bench.engine.call(call).unwrap().provider(), &id("b"));
}
