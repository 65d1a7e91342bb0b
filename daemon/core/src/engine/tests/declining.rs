//! Claims about declining with a message: what is asked for, and what a failure leaves.

use super::*;
use crate::written::Written;

fn why(text: &str) -> Written {
    Written::new(text.to_owned(), true).unwrap()
}

fn with_message(call: CallId) -> Command {
    Command::Decline(call, Some(why("I am late")))
}

/// One of "a" rings; what was asked for it first.
fn declined() -> (Bench, CallId, CommandId, Vec<Output>) {
    let mut bench = Bench::new();
    bench.register("a");
    let call = bench.incoming_of("a", 1, &[Capability::Text]);
    let (id, out) = bench.command(with_message(call));
    (bench, call, id, out)
}

#[test]
fn a_message_is_sent_and_then_the_call_declined_in_one_transaction() {
    let (mut bench, call, id, first) = declined();
    let (serial, _, action) = performs(&first)[0].clone();
    assert_eq!(action, Action::SendText(why("I am late")));
    assert!(bench.state(call) == "ringing" && bench.engine.attention().ring.is_none());
    let second = bench.perform(serial, Ok(()));
    let (serial, _, action) = performs(&second)[0].clone();
    assert_eq!(action, Action::End(EndReason::Declined));
    assert_eq!((txns(&first), reply(&second, id)), (txns(&second), None));
    let out = bench.perform(serial, Ok(()));
    assert_eq!((reply(&out, id), bench.reason(call)), (Some(Ok(Reply::Done)), "declined"));
    assert!(bench.engine.is_settled());
}

#[test]
fn a_message_that_cannot_be_sent_keeps_no_call_and_is_told() {
    for late in [false, true] {
        let (mut bench, call, id, out) = declined();
        let serial = performs(&out)[0].0;
        let (out, error) = if late {
            (bench.pass(Duration::from_secs(5)), CommandError::Timeout)
        } else {
            (bench.perform(serial, failed("no")), CommandError::ProviderFailed("no".into()))
        };
        let (serial, _, action) = performs(&out)[0].clone();
        assert_eq!((action, reply(&out, id)), (Action::End(EndReason::Declined), None));
        let out = bench.perform(serial, Ok(()));
        assert_eq!((reply(&out, id), bench.reason(call)), (Some(Err(error)), "declined"));
        assert!(bench.engine.is_settled());
    }
}

#[test]
fn an_app_that_goes_while_the_message_is_out_leaves_a_declined_call() {
    let (mut bench, call, id, _) = declined();
    bench.engine.provider_lost(bench.now, &"a".parse().unwrap());
    let out = bench.drain();
    assert_eq!(reply(&out, id), Some(Err(CommandError::ProviderGone)));
    assert_eq!(bench.reason(call), "declined");
    assert!(bench.engine.is_settled());
}

#[test]
fn without_a_way_for_text_a_message_is_refused_and_the_call_rings_on() {
    let mut bench = Bench::new();
    bench.register("a");
    let call = bench.incoming_of("a", 1, &[Capability::Hold]);
    let (id, out) = bench.command(with_message(call));
    assert_eq!(reply(&out, id), Some(Err(CommandError::NotSupported)));
    assert!(performs(&out).is_empty() && bench.engine.attention().ring == Some(call));
}

#[test]
fn a_message_that_is_still_typed_is_refused_by_name() {
    let mut bench = Bench::new();
    let call = bench.incoming_of("ahoy", 1, &[Capability::Text]);
    let typed = Written::new("I am".to_owned(), false).unwrap();
    let (id, out) = bench.command(Command::Decline(call, Some(typed)));
    let refused = reply(&out, id);
    let named = matches!(&refused, Some(Err(CommandError::InvalidArgument(why)))
        if why.starts_with("message"));
    assert!(named && bench.state(call) == "ringing", "{refused:?}");
}

#[test]
fn a_locked_session_declines_and_writes_nothing() {
    let mut bench = Bench::new();
    let call = bench.incoming_of("ahoy", 1, &[Capability::Text]);
    bench.engine.set_lock(Lock::Locked { video: true });
    let (id, out) = bench.command(with_message(call));
    assert_eq!(reply(&out, id), Some(Err(CommandError::SessionLocked)));
    assert_eq!(bench.state(call), "ringing");
    bench.done(Command::Decline(call, None));
}

#[test]
fn declining_at_once_comes_before_a_message_that_is_out() {
    let (mut bench, call, id, _) = declined();
    let (again, out) = bench.command(with_message(call));
    assert_eq!(reply(&out, again), Some(Err(CommandError::InvalidState)), "one is out");
    let (answer, out) = bench.command(Command::Answer { call, video: false });
    assert_eq!(reply(&out, answer), Some(Err(CommandError::Superseded)));
    let (pressed, out) = bench.command(Command::PressSecondary);
    assert_eq!(reply(&out, pressed), Some(Err(CommandError::InvalidState)), "it goes already");
    let (plain, out) = bench.command(Command::Decline(call, None));
    assert_eq!(reply(&out, id), Some(Err(CommandError::Superseded)));
    let out = bench.perform(performs(&out)[0].0, Ok(()));
    assert_eq!((reply(&out, plain), bench.reason(call)), (Some(Ok(Reply::Done)), "declined"));
}

#[test]
fn a_caller_who_gives_up_while_the_message_is_out_was_not_told() {
    let (mut bench, call, id, _) = declined();
    let (_, out) = bench.tell("a", ended(call, EndReason::Cancelled));
    assert_eq!(reply(&out, id), Some(Err(CommandError::InvalidState)));
    assert!(bench.reason(call) == "cancelled" && bench.engine.is_settled());
}

#[test]
fn declining_what_is_to_be_answered_with_a_message_comes_first() {
    let mut bench = Bench::new();
    bench.register("a");
    bench.register("b");
    let one = bench.active_of("a", 1, &[Capability::Hold]);
    let two = bench.incoming_of("b", 2, &[Capability::Text]);
    let (answered, out) = bench.command(Command::Answer { call: two, video: false });
    let hold = performs(&out)[0].0;
    let (id, mut out) = bench.command(with_message(two));
    assert_eq!(reply(&out, answered), Some(Err(CommandError::Superseded)));
    for _ in 0..2 {
        out = bench.perform(performs(&out)[0].0, Ok(()));
    }
    assert_eq!((reply(&out, id), bench.reason(two)), (Some(Ok(Reply::Done)), "declined"));
    let out = bench.perform(hold, Ok(()));
    assert!(performs(&out).is_empty() && bench.state(one) == "active");
}

#[test]
fn who_is_called_may_write_before_the_answer_and_who_calls_may_not() {
    let mut bench = Bench::new();
    bench.register("a");
    let text = |call| Report::Text { call, written: why("In a meeting") };
    let incoming = bench.incoming_of("a", 1, &[Capability::Text]);
    let (refused, out) = bench.tell("a", text(incoming));
    assert_eq!((refused, out), (Err(CommandError::InvalidState), vec![]));
    let outgoing = CallId([2; 16]);
    let new = NewCall { capabilities: [Capability::Text].into(), ..new_call(outgoing) };
    bench.tell("a", Report::Outgoing(new)).0.unwrap();
    for step in [None, Some(Progress::RemoteRinging), Some(Progress::Connecting)] {
        if let Some(step) = step {
            bench.tell("a", progress(outgoing, step)).0.unwrap();
        }
        let (taken, out) = bench.tell("a", text(outgoing));
        assert_eq!(taken, Ok(Reported::Done));
        assert_eq!(out, [Output::Text(outgoing, why("In a meeting"))]);
    }
    bench.tell("a", ended(outgoing, EndReason::Declined)).0.unwrap();
    assert_eq!(bench.tell("a", text(outgoing)).0, Err(CommandError::InvalidState), "it is over");
}
