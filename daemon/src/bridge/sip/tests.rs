//! The rules of baresip, without baresip.

use std::time::Duration;

use ahoy_core::{
    call::EndReason,
    id::{CallId, Handle, Serial},
    provider::{Action, Progress},
};

use super::{
    super::world::{Change, News, Order, Output, World as _},
    rules::Sip,
    words::{CallEvent, Command, Kind, Said},
};

const ACCOUNT: &str = "sip:alice@127.0.0.1";
const A: CallId = CallId([1; 16]);
const B: CallId = CallId([2; 16]);
const NOW: Duration = Duration::ZERO;

/// A connected baresip that has said its account.
fn ready() -> Sip {
    let mut sip = Sip::new();
    assert_eq!(sip.profile(), None, "nothing to call with yet");
    answer(&mut sip, "reginfo", &format!("> {ACCOUNT}  OK"));
    assert_eq!(sip.profile().map(|one| one.id), Some("sip"));
    sip
}

fn drain(sip: &mut Sip) -> Vec<Output<Command>> {
    std::iter::from_fn(|| sip.poll_output()).collect()
}

/// The last command is to be this; it is answered with this text.
fn answer(sip: &mut Sip, wanted: &str, printed: &str) {
    let mut commands = drain(sip).into_iter().filter_map(|output| match output {
        Output::Command(command) => Some(command),
        Output::News(_) | Output::Done(..) => None,
    });
    let last = commands.next_back().expect(wanted);
    assert_eq!(last.name, wanted);
    let said = Said::Answer { token: last.token, ok: true, text: printed.to_owned() };
    sip.handle_event(NOW, said, CallId([9; 16]));
}

fn event(sip: &mut Sip, kind: Kind, id: &str, incoming: bool, fresh: CallId) {
    let event = CallEvent {
        kind,
        id: id.to_owned(),
        account: ACCOUNT.to_owned(),
        incoming,
        peer: "sip:bob@example.org;transport=udp".to_owned(),
        name: "Bob\u{202e}".to_owned(),
        detail: String::new(),
    };
    sip.handle_event(NOW, Said::Call(event), fresh);
}

fn closed(sip: &mut Sip, id: &str, incoming: bool, detail: &str) {
    let event = CallEvent {
        kind: Kind::Closed,
        id: id.to_owned(),
        account: ACCOUNT.to_owned(),
        incoming,
        peer: String::new(),
        name: String::new(),
        detail: detail.to_owned(),
    };
    sip.handle_event(NOW, Said::Call(event), CallId([9; 16]));
}

fn order(sip: &mut Sip, serial: u32, call: CallId, action: Action) {
    sip.handle_order(NOW, Order { serial: Some(Serial(serial)), call, action });
}

/// An incoming call that was answered.
fn talking(sip: &mut Sip, id: &str, call: CallId) {
    event(sip, Kind::Incoming, id, true, call);
    event(sip, Kind::Established, id, true, call);
    drain(sip);
}

fn carries_out(sip: &mut Sip, command: &str, printed: &str) {
    answer(sip, "callfind", "setting current call: x\n");
    answer(sip, command, printed);
}

#[test]
fn a_call_comes_in_checked_and_its_answer_is_fulfilled_only_when_both_talk() {
    let mut sip = ready();
    event(&mut sip, Kind::Incoming, "a", true, A);
    let told = drain(&mut sip);
    let [Output::News(News::Incoming(line))] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((line.remote.value(), line.name.as_str()), ("bob@example.org", "Bob"));
    order(&mut sip, 1, A, Action::Answer { video: false });
    carries_out(&mut sip, "accept", "");
    assert_eq!(drain(&mut sip), [], "not yet");
    event(&mut sip, Kind::Established, "a", true, B);
    assert_eq!(drain(&mut sip), [Output::Done(Serial(1), Ok(()))]);
}

#[test]
fn nothing_is_done_to_a_call_that_baresip_does_not_find() {
    let mut sip = ready();
    talking(&mut sip, "a", A);
    for (serial, action, done) in
        [(1, Action::SetHeld(true), false), (2, Action::End(EndReason::LocalHangup), true)]
    {
        order(&mut sip, serial, A, action);
        // As 1.0.0 says it: with "ok".
        answer(&mut sip, "callfind", "call not found (id=a)\n");
        let out = drain(&mut sip);
        assert!(
            matches!(out.as_slice(), [Output::Done(Serial(of), result)]
                if *of == serial && result.is_ok() == done),
            "{out:?}"
        );
    }
}

#[test]
fn wishes_go_one_after_another() {
    let mut sip = ready();
    talking(&mut sip, "a", A);
    talking(&mut sip, "b", B);
    order(&mut sip, 1, A, Action::SetHeld(true));
    order(&mut sip, 2, B, Action::SetHeld(false));
    carries_out(&mut sip, "hold", "");
    carries_out(&mut sip, "resume", "");
    assert_eq!(drain(&mut sip), [Output::Done(Serial(2), Ok(()))]);
}

#[test]
fn a_dialled_call_is_known_by_whatever_names_it_first() {
    let to = || Action::Start {
        remote: Handle::new("sip", "bob@example.org").unwrap(),
        video: false,
        name: String::new(),
    };
    let capable = |out: &Output<Command>| {
        matches!(out, Output::News(News::Changed(A, Change::Capabilities(_))))
    };
    // By the answer.
    let mut sip = ready();
    order(&mut sip, 1, A, to());
    answer(&mut sip, "dial", "");
    answer(&mut sip, "callstat", "af=AF_INET id=x\n");
    assert!(
        matches!(drain(&mut sip).as_slice(), [first, Output::Done(Serial(1), Ok(()))] if capable(first))
    );
    // By an event that overtakes it, and by the end of a call that was refused at once.
    for refused in [false, true] {
        let mut sip = ready();
        order(&mut sip, 1, A, to());
        answer(&mut sip, "dial", "");
        let asked = drain(&mut sip);
        if refused {
            closed(&mut sip, "x", false, "404 Not Found");
        } else {
            event(&mut sip, Kind::Ringing, "x", false, B);
        }
        let told = drain(&mut sip);
        let last = told.last().unwrap();
        let ended = Output::News(News::Ended(A, EndReason::Failed, "404 Not Found".into()));
        let rings = Output::News(News::Progress(A, Progress::RemoteRinging));
        assert_eq!(*last, if refused { ended } else { rings });
        assert_eq!(asked.len(), 1);
    }
}

#[test]
fn a_call_placed_in_baresip_s_own_window_is_told_as_one() {
    let mut sip = ready();
    event(&mut sip, Kind::Ringing, "x", false, A);
    let told = drain(&mut sip);
    assert!(
        matches!(told.as_slice(), [
            Output::News(News::Outgoing(line)),
            Output::News(News::Progress(A, Progress::RemoteRinging)),
        ] if line.since_before.is_none()),
        "{told:?}"
    );
}

#[test]
fn what_the_user_holds_is_held_again_when_baresip_resumes_it() {
    let mut sip = ready();
    talking(&mut sip, "a", A);
    order(&mut sip, 1, A, Action::SetHeld(true));
    carries_out(&mut sip, "hold", "");
    talking(&mut sip, "b", B);
    closed(&mut sip, "b", true, "Connection reset by peer");
    carries_out(&mut sip, "hold", "");
    // Not any more once the user has resumed it.
    order(&mut sip, 2, A, Action::SetHeld(false));
    carries_out(&mut sip, "resume", "");
    drain(&mut sip);
    talking(&mut sip, "b", B);
    closed(&mut sip, "b", true, "Connection reset by peer");
    let out = drain(&mut sip);
    assert!(!out.iter().any(|one| matches!(one, Output::Command(_))), "{out:?}");
}

#[test]
fn muting_believes_what_baresip_says_and_toggles_at_most_twice() {
    for (said, wanted, done) in [
        (vec!["call muted"], true, true),
        (vec!["call un-muted", "call muted"], true, true),
        (vec!["call un-muted", "call un-muted"], true, false),
        (vec!["call muted", "call un-muted"], false, true),
    ] {
        let mut sip = ready();
        talking(&mut sip, "a", A);
        order(&mut sip, 1, A, Action::SetMuted(wanted));
        answer(&mut sip, "callfind", "setting current call: x\n");
        for one in &said {
            answer(&mut sip, "mute", one);
        }
        let out = drain(&mut sip);
        assert!(
            matches!(out.as_slice(), [Output::Done(_, result)] if result.is_ok() == done),
            "{said:?} {out:?}"
        );
    }
}

#[test]
fn an_end_of_our_own_making_is_told_by_its_answer_alone() {
    let mut sip = ready();
    talking(&mut sip, "a", A);
    order(&mut sip, 1, A, Action::End(EndReason::LocalHangup));
    answer(&mut sip, "callfind", "setting current call: a\n");
    let hangup = drain(&mut sip);
    let [Output::Command(command)] = hangup.as_slice() else { panic!("{hangup:?}") };
    closed(&mut sip, "a", true, "Connection reset by user");
    assert_eq!(drain(&mut sip), []);
    let answer = Said::Answer { token: command.token, ok: true, text: String::new() };
    sip.handle_event(NOW, answer, B);
    assert_eq!(drain(&mut sip), [Output::Done(Serial(1), Ok(()))]);
}

#[test]
fn a_call_whose_answer_was_given_up_does_not_go_on_unseen() {
    let mut sip = ready();
    event(&mut sip, Kind::Incoming, "a", true, A);
    order(&mut sip, 1, A, Action::Answer { video: false });
    carries_out(&mut sip, "accept", "");
    sip.handle_given_up(Serial(1));
    carries_out(&mut sip, "hangup", "");
    assert_eq!(drain(&mut sip), []);
}

#[test]
fn what_baresip_cannot_do_is_refused_at_once_and_asks_it_nothing() {
    let mut sip = ready();
    talking(&mut sip, "a", A);
    let evil = Handle::new("sip", "bob@x <sip:eve@x>").unwrap();
    for action in [
        Action::SetVideo(true),
        Action::SetGroup(Some(B)),
        Action::PlayDtmf("1\n".to_owned()),
        Action::Start { remote: evil, video: false, name: String::new() },
        Action::Start {
            remote: Handle::new("tel", "110").unwrap(),
            video: false,
            name: String::new(),
        },
    ] {
        order(&mut sip, 1, A, action.clone());
        let out = drain(&mut sip);
        assert!(matches!(out.as_slice(), [Output::Done(_, Err(_))]), "{action:?} {out:?}");
    }
}

#[test]
fn a_flood_of_calls_and_wishes_is_bounded() {
    let mut sip = ready();
    for number in 0..200u8 {
        event(&mut sip, Kind::Incoming, &number.to_string(), true, CallId([number; 16]));
    }
    let calls = drain(&mut sip);
    assert_eq!(calls.len(), 32);
    for serial in 0..1000 {
        order(&mut sip, serial, CallId([0; 16]), Action::SetHeld(true));
    }
    let out = drain(&mut sip);
    let refused = out.iter().filter(|one| matches!(one, Output::Done(_, Err(_)))).count();
    assert_eq!(refused, 1000 - 64);
}

#[test]
fn a_baresip_without_an_account_is_asked_again_and_what_came_meanwhile_is_told_then() {
    let mut sip = Sip::new();
    answer(&mut sip, "reginfo", "--- User Agents (0) ---\n");
    assert_eq!(sip.profile(), None);
    event(&mut sip, Kind::Incoming, "a", true, A);
    assert_eq!(drain(&mut sip), [], "nobody to tell it to");
    let due = sip.next_timeout().expect("a time");
    sip.handle_timeout(due);
    answer(&mut sip, "reginfo", &format!("> {ACCOUNT}"));
    assert!(sip.profile().is_some() && sip.next_timeout().is_none());
    assert!(matches!(drain(&mut sip).as_slice(), [Output::News(News::Incoming(_))]));
}
