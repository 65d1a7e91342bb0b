//! The rules of a telephone, without one.

use std::time::Duration;

use ahoy_core::{
    call::EndReason,
    id::{CallId, Handle, Serial},
    provider::{Action, Capability, Progress},
};

use super::{
    super::world::{Change, News, Order, Output, World as _},
    words::reason,
    *,
};

const KIND: Kind = Kind { id: "modem", name: "Network", icon: "", can: &[Capability::Hold] };
const A: CallId = CallId([1; 16]);
const B: CallId = CallId([2; 16]);
const NOW: Duration = Duration::from_secs(100);

fn ready() -> Cell {
    let mut cell = Cell::new(&KIND);
    assert_eq!(cell.profile(), None, "no telephone yet");
    cell.handle_event(NOW, Event::Gateway("/m".to_owned(), "Telekom\n".to_owned()), A);
    assert_eq!(cell.profile().map(|one| one.name).as_deref(), Some("Telekom"));
    cell
}

fn drain(cell: &mut Cell) -> Vec<Output<Command>> {
    std::iter::from_fn(|| cell.poll_output()).collect()
}

fn seen(cell: &mut Cell, path: &str, state: State, call: CallId) {
    let seen = Seen {
        path: path.to_owned(),
        gateway: "/m".to_owned(),
        state,
        incoming: None,
        number: "+49 30 1234".to_owned(),
        name: String::new(),
        is_old: false,
    };
    cell.handle_event(NOW, Event::Seen(seen), call);
}

fn state(cell: &mut Cell, path: &str, state: State) {
    cell.handle_event(NOW, Event::State(path.to_owned(), state), CallId([9; 16]));
}

fn order(cell: &mut Cell, serial: u32, call: CallId, action: Action) {
    cell.handle_order(NOW, Order { serial: Some(Serial(serial)), call, action });
}

/// The one command that is wanted, and what else came.
fn command(cell: &mut Cell) -> (Command, Vec<Output<Command>>) {
    let (commands, rest): (Vec<_>, Vec<_>) =
        drain(cell).into_iter().partition(|one| matches!(one, Output::Command(_)));
    let [Output::Command(command)] = commands.as_slice() else { panic!("{commands:?}") };
    (command.clone(), rest)
}

fn done(cell: &mut Cell, ticket: Ticket) {
    cell.handle_event(NOW, Event::Replied(ticket, Ok(None)), CallId([9; 16]));
}

fn talking(cell: &mut Cell, path: &str, call: CallId) {
    seen(cell, path, State::Incoming, call);
    state(cell, path, State::Active);
    drain(cell);
}

fn start() -> Action {
    let remote = Handle::new("tel", "+49301234").unwrap();
    Action::Start { remote, video: false, name: String::new() }
}

#[test]
fn an_answer_is_fulfilled_when_the_network_says_that_both_talk() {
    let mut cell = ready();
    seen(&mut cell, "/1", State::Incoming, A);
    let told = drain(&mut cell);
    let [Output::News(News::Incoming(line))] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(line.remote.value(), "+49301234");
    order(&mut cell, 1, A, Action::Answer { video: false });
    let (asked, _) = command(&mut cell);
    assert_eq!(asked.what, What::Answer { line: "/1".to_owned() });
    done(&mut cell, asked.ticket);
    assert_eq!(drain(&mut cell), []);
    state(&mut cell, "/1", State::Active);
    assert_eq!(drain(&mut cell), [Output::Done(Serial(1), Ok(()))]);
}

#[test]
fn holding_before_answering_what_waits_is_one_command_of_the_network() {
    let mut cell = ready();
    talking(&mut cell, "/1", A);
    seen(&mut cell, "/2", State::Waiting, B);
    drain(&mut cell);
    order(&mut cell, 1, A, Action::SetHeld(true));
    // No command: it would take the waiting call.
    assert_eq!(drain(&mut cell), [Output::Done(Serial(1), Ok(()))]);
    order(&mut cell, 2, B, Action::Answer { video: false });
    let (asked, _) = command(&mut cell);
    assert_eq!(asked.what, What::HoldAndAnswer { gateway: "/m".to_owned() });
    done(&mut cell, asked.ticket);
    state(&mut cell, "/1", State::Held);
    state(&mut cell, "/2", State::Active);
    assert_eq!(
        drain(&mut cell),
        [Output::News(News::Changed(A, Change::Held(true))), Output::Done(Serial(2), Ok(())),]
    );
    assert_eq!(cell.next_timeout(), None);
}

#[test]
fn holding_that_no_answer_follows_is_taken_back() {
    let mut cell = ready();
    talking(&mut cell, "/1", A);
    seen(&mut cell, "/2", State::Waiting, B);
    order(&mut cell, 1, A, Action::SetHeld(true));
    drain(&mut cell);
    let due = cell.next_timeout().expect("a time");
    assert!(due <= NOW + Duration::from_secs(1));
    cell.handle_timeout(due);
    assert_eq!(drain(&mut cell), [Output::News(News::Changed(A, Change::Held(false)))]);
    assert_eq!(cell.next_timeout(), None);
}

#[test]
fn no_swap_ever_leaves_while_a_call_waits() {
    for held in [true, false] {
        let mut cell = ready();
        talking(&mut cell, "/1", A);
        if !held {
            state(&mut cell, "/1", State::Held);
        }
        seen(&mut cell, "/2", State::Waiting, B);
        drain(&mut cell);
        order(&mut cell, 1, A, Action::SetHeld(held));
        let out = drain(&mut cell);
        assert!(!out.iter().any(|one| matches!(one, Output::Command(_))), "{out:?}");
    }
}

#[test]
fn what_a_swap_has_done_already_needs_no_second_one() {
    let mut cell = ready();
    talking(&mut cell, "/1", A);
    state(&mut cell, "/1", State::Held);
    talking(&mut cell, "/2", B);
    // The daemon resumes A: it holds B first.
    order(&mut cell, 1, B, Action::SetHeld(true));
    let (asked, _) = command(&mut cell);
    assert_eq!(asked.what, What::Swap { gateway: "/m".to_owned() });
    state(&mut cell, "/2", State::Held);
    state(&mut cell, "/1", State::Active);
    done(&mut cell, asked.ticket);
    drain(&mut cell);
    order(&mut cell, 2, A, Action::SetHeld(false));
    assert_eq!(drain(&mut cell), [Output::Done(Serial(2), Ok(()))]);
}

#[test]
fn a_dialled_call_is_one_whichever_comes_first_its_object_or_the_reply() {
    for object_first in [true, false] {
        let mut cell = ready();
        order(&mut cell, 1, A, start());
        let (asked, _) = command(&mut cell);
        let number = "+49301234".to_owned();
        assert_eq!(asked.what, What::Dial { gateway: "/m".to_owned(), number });
        let reply = Event::Replied(asked.ticket, Ok(Some("/1".to_owned())));
        if object_first {
            seen(&mut cell, "/1", State::Dialing, B);
            cell.handle_event(NOW, reply, B);
        } else {
            cell.handle_event(NOW, reply, B);
            seen(&mut cell, "/1", State::Dialing, B);
        }
        let told = drain(&mut cell);
        let calls = told
            .iter()
            .filter(|one| matches!(one, Output::News(News::Outgoing(_) | News::Incoming(_))));
        assert_eq!(calls.count(), 0, "{told:?}");
        assert!(told.contains(&Output::Done(Serial(1), Ok(()))));
        state(&mut cell, "/1", State::Alerting);
        let rings = Output::News(News::Progress(A, Progress::RemoteRinging));
        assert_eq!(drain(&mut cell), [rings]);
    }
}

#[test]
fn an_end_of_our_own_making_is_told_by_its_reply_alone() {
    let mut cell = ready();
    talking(&mut cell, "/1", A);
    order(&mut cell, 1, A, Action::End(EndReason::LocalHangup));
    let (asked, _) = command(&mut cell);
    cell.handle_event(NOW, Event::Ended("/1".to_owned(), Why::Local), B);
    assert_eq!(drain(&mut cell), []);
    done(&mut cell, asked.ticket);
    assert_eq!(drain(&mut cell), [Output::Done(Serial(1), Ok(()))]);
}

#[test]
fn a_call_that_was_given_up_does_not_go_on_unseen() {
    let mut cell = ready();
    order(&mut cell, 1, A, start());
    let (asked, _) = command(&mut cell);
    cell.handle_given_up(Serial(1));
    cell.handle_event(NOW, Event::Replied(asked.ticket, Ok(Some("/1".to_owned()))), B);
    let (hangs_up, _) = command(&mut cell);
    assert_eq!(hangs_up.what, What::HangUp { line: "/1".to_owned() });
}

#[test]
fn calls_that_were_on_before_are_taken_up_and_those_that_ring_ring() {
    for (now, since_before) in [
        (State::Active, Some("active")),
        (State::Held, Some("active")),
        (State::Incoming, None),
        (State::Waiting, None),
    ] {
        let mut cell = ready();
        seen(&mut cell, "/1", now, A);
        let told = drain(&mut cell);
        let Some(Output::News(News::Incoming(line))) = told.first() else { panic!("{told:?}") };
        assert_eq!(line.since_before, since_before, "{now:?}");
        let held = Output::News(News::Changed(A, Change::Held(true)));
        assert_eq!(told.contains(&held), now == State::Held);
    }
}

#[test]
fn each_end_has_the_reason_that_is_known_and_no_better_one() {
    let failed = || Why::Failed("no network".into());
    for (why, state, wanted) in [
        (Why::Remote, State::Active, EndReason::RemoteHangup),
        (Why::Remote, State::Incoming, EndReason::Cancelled),
        (Why::Remote, State::Alerting, EndReason::Declined),
        (Why::Busy, State::Dialing, EndReason::Busy),
        (Why::Local, State::Waiting, EndReason::Declined),
        (Why::Local, State::Alerting, EndReason::Cancelled),
        (Why::Local, State::Held, EndReason::RemoteHangup),
        (Why::Unknown, State::Incoming, EndReason::Cancelled),
        (Why::Unknown, State::Active, EndReason::RemoteHangup),
        (Why::Unknown, State::Dialing, EndReason::Failed),
        (Why::Elsewhere, State::Incoming, EndReason::AnsweredElsewhere),
        (failed(), State::Active, EndReason::Failed),
    ] {
        let (reason, _) = reason(why.clone(), state);
        assert_eq!(reason, wanted, "{why:?} {state:?}");
        assert!(reason.is_reportable());
    }
}

#[test]
fn a_telephone_that_goes_ends_its_calls_and_the_last_one_ends_the_bridge() {
    let mut cell = ready();
    cell.handle_event(NOW, Event::Gateway("/n".to_owned(), String::new()), B);
    talking(&mut cell, "/1", A);
    cell.handle_event(NOW, Event::GatewayGone("/m".to_owned()), B);
    let told = drain(&mut cell);
    assert!(
        matches!(told.as_slice(), [Output::News(News::Ended(A, EndReason::Failed, _))]),
        "{told:?}"
    );
    cell.handle_event(NOW, Event::GatewayGone("/n".to_owned()), B);
    assert_eq!(cell.profile(), None);
}

#[test]
fn what_a_telephone_cannot_do_is_refused_at_once() {
    let mut cell = ready();
    talking(&mut cell, "/1", A);
    let long = Handle::new("tel", &"1".repeat(100)).unwrap();
    for action in [
        Action::SetMuted(true),
        Action::SetVideo(true),
        Action::PlayDtmf("x".to_owned()),
        Action::Start { remote: long, video: false, name: String::new() },
    ] {
        order(&mut cell, 1, A, action.clone());
        let out = drain(&mut cell);
        assert!(matches!(out.as_slice(), [Output::Done(_, Err(_))]), "{action:?} {out:?}");
    }
}

#[test]
fn a_flood_of_calls_is_bounded() {
    let mut cell = ready();
    for number in 0..200u8 {
        seen(&mut cell, &format!("/{number}"), State::Incoming, CallId([number; 16]));
    }
    assert_eq!(drain(&mut cell).len(), 32);
}
