//! Claims about reports, the filter's say in them, and the log.

use super::*;
use crate::filter::{DoNotDisturb, Pattern, Policy, Refusal, Unknown};

fn call(id: u8) -> CallId {
    CallId([id; 16])
}

fn rings(id: u8) -> Report {
    Report::Incoming { new: new_call(call(id)), expires_at: 0 }
}

fn stranger(id: u8) -> Report {
    let party = Party { source: NameSource::None, name: String::new(), ..party() };
    Report::Incoming { new: NewCall { party, ..new_call(call(id)) }, expires_at: 0 }
}

fn bench() -> Bench {
    let mut bench = Bench::new();
    bench.register("a");
    bench.register("b");
    bench
}

#[test]
fn a_report_says_how_the_user_learns_of_the_call() {
    let mut bench = bench();
    let incoming = |id, disposition| Ok(Reported::Incoming { call: call(id), disposition });
    assert_eq!(bench.tell("a", rings(1)).0, incoming(1, Disposition::Ring));
    let (reported, out) = bench.tell("b", rings(2));
    assert_eq!(reported, incoming(2, Disposition::Waiting));
    let beeps = |one: &&Output| matches!(one, Output::Cue(Tone::Waiting));
    assert_eq!(out.iter().filter(beeps).count(), 1);
    bench.engine.change_filter(bench.now, |filter| {
        filter.set_do_not_disturb(DoNotDisturb::On, 0);
    });
    let (reported, out) = bench.tell("b", rings(3));
    assert_eq!(reported, incoming(3, Disposition::Silent));
    assert_eq!(out.iter().filter(beeps).count(), 0);
    assert_eq!(bench.engine.attention().ring, Some(call(1)));
}

#[test]
fn a_provider_moves_only_its_own_calls() {
    let mut bench = bench();
    bench.tell("a", rings(1)).0.unwrap();
    let update = || Report::Update { call: call(1), update: Update::default() };
    for report in [
        progress(call(1), Progress::Active),
        ended(call(1), EndReason::Cancelled),
        update(),
        progress(call(9), Progress::Active),
    ] {
        assert_eq!(bench.tell("b", report).0, Err(CommandError::UnknownCall));
    }
    assert_eq!(bench.tell("c", update()).0, Err(CommandError::UnknownProvider));
    assert_eq!(bench.state(call(1)), "ringing");
}

#[test]
fn a_step_that_the_diagram_does_not_have_is_refused() {
    let mut bench = bench();
    bench.tell("a", rings(1)).0.unwrap();
    let (reported, out) = bench.tell("a", progress(call(1), Progress::Dialing));
    assert_eq!((reported, out), (Err(CommandError::InvalidState), vec![]));
    bench.tell("a", ended(call(1), EndReason::Cancelled)).0.unwrap();
    let again = bench.tell("a", ended(call(1), EndReason::Cancelled)).0;
    assert_eq!(again, Err(CommandError::InvalidState));
    let update = Report::Update { call: call(1), update: Update::default() };
    assert_eq!(bench.tell("a", update).0, Err(CommandError::InvalidState));
}

#[test]
fn a_call_placed_in_the_apps_window_is_dialing() {
    let mut bench = bench();
    let (reported, _) = bench.tell("a", Report::Outgoing(new_call(call(1))));
    assert_eq!(reported, Ok(Reported::Call(call(1))));
    assert_eq!(bench.state(call(1)), "dialing");
    assert_eq!(bench.tell("a", rings(1)).0, Err(CommandError::UuidExists));
    bench.tell("a", progress(call(1), Progress::RemoteRinging)).0.unwrap();
    assert!(bench.engine.attention().ringback);
}

#[test]
fn times_of_an_app_are_neither_in_the_future_nor_before_the_call() {
    for (at, since) in
        [(0, 5_000_000), (u64::MAX, 5_000_000), (1, 1_000_000), (2_000_000, 2_000_000)]
    {
        let mut bench = bench();
        bench.tell("a", Report::Outgoing(new_call(call(1)))).0.unwrap();
        bench.pass(Duration::from_secs(4));
        let report = Report::Progress { call: call(1), progress: Progress::Active, at };
        bench.tell("a", report).0.unwrap();
        assert_eq!(bench.engine.call(call(1)).unwrap().view().connected_at, since);
        let text = String::new();
        let reason = EndReason::RemoteHangup;
        let report = Report::Ended { call: call(1), reason, text, at: 1 };
        bench.tell("a", report).0.unwrap();
        assert_eq!(bench.engine.call(call(1)).unwrap().view().ended_at, since);
    }
}

#[test]
fn reasons_that_are_the_daemons_to_say_are_refused() {
    let mut bench = bench();
    bench.tell("a", rings(1)).0.unwrap();
    for reason in [EndReason::LocalHangup, EndReason::Blocked, EndReason::ProviderGone] {
        let error = bench.tell("a", ended(call(1), reason)).0.unwrap_err();
        assert!(error.to_string().starts_with("reason:"), "{error}");
    }
    assert_eq!(bench.state(call(1)), "ringing");
}

#[test]
fn what_is_done_in_the_apps_window_shows() {
    let mut bench = bench();
    bench.tell("a", stranger(1)).0.unwrap();
    let hold = || Update { held: Some(true), ..Update::default() };
    let early = bench.tell("a", Report::Update { call: call(1), update: hold() }).0;
    assert_eq!(early, Err(CommandError::InvalidState), "nothing is held before it is on");
    let (_, answering) = bench.command(Command::Answer { call: call(1), video: false });
    let serial = performs(&answering)[0].0;
    let (reported, out) = bench.tell("a", progress(call(1), Progress::Active));
    assert_eq!((reported, bench.state(call(1))), (Ok(Reported::Done), "active"));
    assert_eq!(results(&out), [("answer", "done")]);
    assert_eq!(bench.perform(serial, Ok(())), []);
    let name = Some("Bob".to_owned());
    let update = Update { name, muted: Some(true), ..hold() };
    bench.tell("a", Report::Update { call: call(1), update }).0.unwrap();
    let view = bench.engine.call(call(1)).unwrap().view();
    assert_eq!((view.display_name.as_str(), view.name_source), ("Bob", "provider"));
    assert!(view.flags.muted && view.flags.held);
    let bad = Update { name: Some("a\nb".into()), ..Update::default() };
    let error = bench.tell("a", Report::Update { call: call(1), update: bad }).0.unwrap_err();
    assert!(error.to_string().starts_with("name"), "{error}");
}

#[test]
fn a_name_of_the_address_book_is_not_the_apps_to_change() {
    let mut bench = bench();
    bench.tell("a", rings(1)).0.unwrap();
    let party = Party { contact: Some(ContactId("x".into())), ..party() };
    let new = NewCall { party, ..new_call(call(2)) };
    bench.tell("a", Report::Incoming { new, expires_at: 0 }).0.unwrap();
    let update = Update { name: Some("Mallory".into()), ..Update::default() };
    bench.tell("a", Report::Update { call: call(2), update }).0.unwrap();
    assert_eq!(bench.engine.call(call(2)).unwrap().party().name, "Alice");
}

#[test]
fn a_blocked_caller_makes_no_call_and_no_row() {
    let mut bench = bench();
    bench.engine.change_filter(bench.now, |filter| {
        let pattern = Pattern::new("ahoy", "ab*").unwrap();
        filter.blocked_mut().block(pattern, "spam").unwrap();
    });
    let (reported, out) = bench.tell("a", rings(1));
    assert_eq!((reported, out), (Err(CommandError::FilteredBlocked), vec![]));
    let marks = Marks { blocked: true, ..Marks::default() };
    let party = Party { handle: Handle::new("ahoy", "xyz").unwrap(), marks, ..party() };
    let new = NewCall { party, ..new_call(call(1)) };
    let (reported, out) = bench.tell("a", Report::Incoming { new, expires_at: 0 });
    assert_eq!((reported, out), (Err(CommandError::FilteredBlocked), vec![]));
}

#[test]
fn do_not_disturb_refuses_where_the_policy_says_so() {
    let mut bench = bench();
    let policy = Policy { do_not_disturb: Refusal::Reject, ..Policy::default() };
    bench.engine.change_filter(bench.now, |filter| {
        filter.set_policy(policy);
        filter.set_do_not_disturb(DoNotDisturb::On, 0);
    });
    let (reported, out) = bench.tell("a", rings(1));
    assert_eq!((reported, out), (Err(CommandError::FilteredDoNotDisturb), vec![]));
}

#[test]
fn a_silent_call_has_a_row_and_can_be_answered() {
    let mut bench = bench();
    let policy = Policy { unknown: Unknown::Silent, ..Policy::default() };
    bench.engine.change_filter(bench.now, |filter| filter.set_policy(policy));
    let (_, out) = bench.tell("a", stranger(1));
    assert!(out.iter().any(|one| matches!(one, Output::Log(_))));
    assert!(bench.flags(call(1)).silenced && bench.engine.attention().ring.is_none());
    bench.done(Command::Answer { call: call(1), video: false });
}

#[test]
fn a_call_that_is_blocked_while_it_is_on_ends_as_blocked() {
    let mut bench = bench();
    let one = bench.active_of("a", 1, &[]);
    bench.engine.change_filter(bench.now, |filter| {
        filter.blocked_mut().block(Pattern::new("ahoy", "abc").unwrap(), "").unwrap();
    });
    let out = bench.drain();
    assert_eq!(performs(&out)[0].2, Action::End(EndReason::Blocked));
    bench.perform(performs(&out)[0].0, Ok(()));
    assert_eq!(bench.reason(one), "blocked");
}

#[test]
fn directories_name_callers_who_are_no_contacts() {
    let mut bench = bench();
    bench.engine.change_filter(bench.now, |filter| {
        let mut reader = crate::filter::DirectoryReader::default();
        reader.feed(b"tel,+491,Bakery,0\ntel,+492,,1\n");
        filter.set_directory("test", reader.finish().directory).unwrap();
    });
    let tel = |value: &str, id| {
        let handle = Handle::new("tel", value).unwrap();
        let party = Party { handle, source: NameSource::Provider, name: "Cake".into(), ..party() };
        Report::Incoming { new: NewCall { party, ..new_call(call(id)) }, expires_at: 0 }
    };
    bench.tell("a", tel("+491", 1)).0.unwrap();
    let view = bench.engine.call(call(1)).unwrap().view();
    assert_eq!((view.display_name.as_str(), view.name_source), ("Bakery", "directory"));
    assert_eq!(bench.tell("a", tel("+492", 2)).0, Err(CommandError::FilteredBlocked));
}

#[test]
fn calls_leave_no_row_where_provider_or_call_asks_for_none() {
    let mut bench = bench();
    let silent = Registration { log: false, ..registration("c") };
    bench.engine.register(bench.now, silent).unwrap();
    let row = |out: &[Output]| out.iter().any(|one| matches!(one, Output::Log(_)));
    assert!(!row(&bench.tell("c", rings(1)).1));
    let new = NewCall { log: false, ..new_call(call(2)) };
    assert!(!row(&bench.tell("a", Report::Outgoing(new)).1));
    assert!(!row(&bench.tell("a", ended(call(2), EndReason::Failed)).1));
    assert!(row(&bench.tell("a", rings(3)).1));
}

/// Makes a call and ends it.
type End = fn(&mut Bench) -> CallId;

#[test]
fn every_end_reason_is_reached_and_the_log_says_what_became_of_the_call() {
    let ends: [(EndReason, End); 11] = [
        (EndReason::LocalHangup, |bench| {
            let call = bench.active_of("a", 1, &[]);
            bench.done(Command::HangUp(call));
            call
        }),
        (EndReason::RemoteHangup, |bench| {
            let call = bench.active_of("a", 1, &[]);
            bench.tell("a", ended(call, EndReason::RemoteHangup)).0.unwrap();
            call
        }),
        (EndReason::Declined, |bench| {
            let call = bench.incoming_of("a", 1, &[]);
            bench.done(Command::Decline(call, None));
            call
        }),
        (EndReason::Unanswered, |bench| {
            let call = bench.incoming_of("a", 1, &[]);
            let out = bench.pass(RING_CAP);
            bench.perform(performs(&out)[0].0, Ok(()));
            call
        }),
        (EndReason::Cancelled, |bench| {
            bench.tell("a", Report::Outgoing(new_call(call(1)))).0.unwrap();
            bench.done(Command::HangUp(call(1)));
            call(1)
        }),
        (EndReason::Busy, |bench| {
            bench.tell("a", Report::Outgoing(new_call(call(1)))).0.unwrap();
            bench.tell("a", ended(call(1), EndReason::Busy)).0.unwrap();
            call(1)
        }),
        (EndReason::AnsweredElsewhere, |bench| {
            let call = bench.incoming_of("a", 1, &[]);
            bench.tell("a", ended(call, EndReason::AnsweredElsewhere)).0.unwrap();
            call
        }),
        (EndReason::DeclinedElsewhere, |bench| {
            let call = bench.incoming_of("a", 1, &[]);
            bench.tell("a", ended(call, EndReason::DeclinedElsewhere)).0.unwrap();
            call
        }),
        (EndReason::Blocked, |bench| {
            let call = bench.incoming_of("a", 1, &[]);
            bench.engine.change_filter(bench.now, |filter| {
                filter.blocked_mut().block(Pattern::new("ahoy", "*").unwrap(), "").unwrap();
            });
            let out = bench.drain();
            bench.perform(performs(&out)[0].0, Ok(()));
            call
        }),
        (EndReason::Failed, |bench| {
            let call = bench.incoming_of("a", 1, &[]);
            let (_, out) = bench.command(Command::Answer { call, video: false });
            bench.perform(performs(&out)[0].0, failed("no media"));
            call
        }),
        (EndReason::ProviderGone, |bench| {
            let call = bench.incoming_of("a", 1, &[]);
            bench.engine.unregister(bench.now, &"a".parse().unwrap()).unwrap();
            call
        }),
    ];
    let reached: Vec<EndReason> = ends.iter().map(|(reason, _)| *reason).collect();
    assert_eq!(reached, EndReason::ALL);
    for (reason, end) in ends {
        let mut bench = bench();
        let call = end(&mut bench);
        assert_eq!(bench.reason(call), reason.as_str());
        let row = bench.engine.call(call).unwrap().log_row();
        assert_eq!(row.end_reason, reason.as_str());
        assert_ne!(row.outcome, Outcome::Ongoing);
    }
}

#[test]
fn whom_the_user_called_in_the_app_or_here_may_call_back() {
    let mut bench = bench();
    let called_within = Duration::from_secs(3600);
    let policy = Policy { unknown: Unknown::Reject, called_within, ..Policy::default() };
    bench.engine.change_filter(bench.now, |filter| filter.set_policy(policy));
    let them = |value: &str| Party {
        handle: Handle::new("a", value).unwrap(),
        source: NameSource::None,
        ..party()
    };
    let calls = |id, value: &str| {
        let new = NewCall { party: them(value), ..new_call(call(id)) };
        Report::Incoming { new, expires_at: 0 }
    };
    assert_eq!(bench.tell("a", calls(1, "x")).0, Err(CommandError::FilteredBlocked));
    let new = NewCall { party: them("x"), ..new_call(call(2)) };
    bench.tell("a", Report::Outgoing(new)).0.unwrap();
    bench.tell("a", ended(call(2), EndReason::Busy)).0.unwrap();
    bench.command(start(None, them("y"), false));
    assert!(bench.tell("a", calls(1, "x")).0.is_ok(), "a refused id was never used");
    assert!(bench.tell("a", calls(3, "y")).0.is_ok());
    bench.pass(called_within);
    assert_eq!(bench.tell("a", calls(4, "x")).0, Err(CommandError::FilteredBlocked));
}

#[test]
fn a_call_that_is_started_can_do_what_its_provider_registered() {
    let mut bench = Bench::new();
    let video = Registration { video: true, hold: false, ..registration("v") };
    bench.engine.register(bench.now, video).unwrap();
    bench.register("a");
    for (scheme, pictures, can) in [("v", true, Capability::Video), ("a", false, Capability::Hold)]
    {
        let them = Party { handle: Handle::new(scheme, "x").unwrap(), ..party() };
        let (_, out) = bench.command(start(None, them, true));
        let (_, call, action) = performs(&out)[0].clone();
        let Action::Start { video, name, .. } = action else { panic!("{action:?}") };
        assert_eq!((video, name.as_str()), (pictures, "Alice"));
        let known = bench.engine.call(call).unwrap();
        assert_eq!((known.flags().video, known.capabilities()), (pictures, &[can].into()));
        bench.tell(scheme, ended(call, EndReason::Busy)).0.unwrap();
    }
}
