//! What every provider does, whoever it is: the same claims on an app that answers as the contract
//! says and on the built-in provider with a person at the other end.

use std::time::Duration;

use super::{
    scripted::Scripted,
    world::{ALICE, BOB, CAROL, World, device},
};
use crate::{
    call::{Flags, Outcome},
    engine::{Command, CommandError, Engine, GRACE, Reply},
    id::{CallId, Handle, Serial},
    media::DeviceKind,
    provider::Action,
    written::Written,
};

/// A provider under test, and those at the other end of its calls.
pub(super) trait Rig {
    fn engine(&self) -> &Engine;
    /// A command, and what the controller hears once nothing moves any more.
    fn command(&mut self, command: Command) -> Option<Result<Reply, CommandError>>;
    fn pass(&mut self, time: Duration);
    /// Somebody calls; `who` of two.
    fn is_called(&mut self, who: usize) -> CallId;
    /// The user calls somebody.
    fn calls(&mut self, who: usize) -> CallId;
    fn other_answers(&mut self, call: CallId);
    /// They end it, whatever it is doing.
    fn other_ends(&mut self, call: CallId);
    fn other_holds(&mut self, call: CallId, held: bool);
    /// They write.
    fn other_writes(&mut self, call: CallId, written: Written);
    /// They write all the same, whatever their own side says to it.
    fn other_forces(&mut self, call: CallId, written: Written);
    /// They decline and say why.
    fn other_declines(&mut self, call: CallId, why: Written);
    /// What reached them of what the user wrote in this call.
    fn told(&self, call: CallId) -> Vec<String>;
    /// What the user was shown of that.
    fn texts(&self) -> Vec<Written>;
    /// Calls can be heard there.
    fn has_endpoint(&mut self, name: &str);

    fn state(&self, call: CallId) -> &'static str {
        self.engine().call(call).map_or("gone", |call| call.state().as_str())
    }

    fn flags(&self, call: CallId) -> Flags {
        self.engine().call(call).map(crate::call::Call::flags).unwrap()
    }

    fn reason(&self, call: CallId) -> &'static str {
        self.engine().call(call).map_or("gone", |call| call.view().end_reason.0)
    }

    fn outcome(&self, call: CallId) -> Outcome {
        self.engine().call(call).unwrap().log_row().outcome
    }

    fn done(&mut self, command: Command) {
        assert_eq!(self.command(command), Some(Ok(Reply::Done)));
    }

    /// A call that is on.
    fn talks(&mut self, who: usize) -> CallId {
        let call = self.is_called(who);
        self.done(Command::Answer { call, video: false });
        call
    }
}

/// The built-in provider of Alice; Bob and Carol at the other ends.
struct BuiltIn(World);

const OTHERS: [usize; 2] = [BOB, CAROL];

impl BuiltIn {
    fn other(&self, call: CallId) -> usize {
        let has = |who: &&usize| self.0.state(**who, call) != "gone";
        *OTHERS.iter().find(has).unwrap()
    }

    fn other_does(&mut self, call: CallId, command: Command) {
        let who = self.other(call);
        assert_eq!(self.0.command(who, command), Some(Ok(Reply::Done)));
    }
}

impl Rig for BuiltIn {
    fn engine(&self) -> &Engine {
        self.0.people[ALICE].service.engine()
    }

    fn command(&mut self, command: Command) -> Option<Result<Reply, CommandError>> {
        self.0.command(ALICE, command)
    }

    fn pass(&mut self, time: Duration) {
        self.0.pass(time);
    }

    fn is_called(&mut self, who: usize) -> CallId {
        let command = self.0.start(ALICE, false, None);
        match self.0.command(OTHERS[who], command) {
            Some(Ok(Reply::Call(call))) => call,
            other => panic!("{other:?}"),
        }
    }

    fn calls(&mut self, who: usize) -> CallId {
        let command = self.0.start(OTHERS[who], false, None);
        match self.0.command(ALICE, command) {
            Some(Ok(Reply::Call(call))) => call,
            other => panic!("{other:?}"),
        }
    }

    fn other_answers(&mut self, call: CallId) {
        self.other_does(call, Command::Answer { call, video: false });
    }

    fn other_ends(&mut self, call: CallId) {
        self.other_does(call, Command::HangUp(call));
    }

    fn other_holds(&mut self, call: CallId, held: bool) {
        self.other_does(call, Command::SetHeld(call, held));
    }

    fn other_writes(&mut self, call: CallId, written: Written) {
        self.other_does(call, Command::SendText(call, written));
    }

    fn other_forces(&mut self, call: CallId, written: Written) {
        let who = self.other(call);
        let text = Action::SendText(written);
        let now = self.0.now;
        let built_in = self.0.people[who].service.built_in();
        // Past their engine, which has not asked for it.
        built_in.handle_perform(now, Serial(u32::MAX), call, text);
        self.0.run();
    }

    fn other_declines(&mut self, call: CallId, why: Written) {
        self.other_does(call, Command::Decline(call, Some(why)));
    }

    fn told(&self, call: CallId) -> Vec<String> {
        let texts = &self.0.people[self.other(call)].texts;
        texts.iter().map(|one| one.text().to_owned()).collect()
    }

    fn texts(&self) -> Vec<Written> {
        self.0.people[ALICE].texts.clone()
    }

    fn has_endpoint(&mut self, name: &str) {
        let devices = vec![device(DeviceKind::Speaker, name)];
        self.0.people[ALICE].service.built_in().handle_devices(devices);
    }
}

macro_rules! conform {
    ($($claim:ident),* $(,)?) => {
        mod an_app {
            $(#[test]
            fn $claim() {
                super::$claim(&mut super::Scripted::new());
            })*
        }

        mod the_built_in_provider {
            $(#[test]
            fn $claim() {
                super::$claim(&mut super::BuiltIn(super::World::of_three()));
            })*
        }
    };
}

conform!(
    a_call_comes_in_is_answered_and_ended_there,
    a_call_goes_out_is_answered_and_ended_here,
    declining_ends_it_as_declined,
    a_message_goes_before_the_refusal,
    a_callee_may_say_why_they_decline,
    a_caller_who_only_rings_writes_nothing,
    giving_up_before_the_answer_is_cancelled,
    a_caller_who_gives_up_leaves_a_missed_call,
    a_callee_who_declines_ends_it_as_declined,
    a_ring_ends_by_its_cap,
    holding_and_resuming_show_when_done,
    the_other_side_holding_is_shown,
    muting_shows_when_done,
    not_hearing_the_other_side_here_shows_when_done,
    a_call_is_heard_where_the_user_says,
    digits_are_sent_and_what_is_none_is_refused,
    what_is_written_and_typed_reaches_both_sides_in_its_order,
    nothing_is_written_in_a_call_that_is_not_on,
    answering_a_second_call_holds_the_first_and_resuming_swaps_them,
    dialling_a_second_call_holds_the_first,
    one_button_hangs_up_what_is_dialled_and_then_what_is_held,
    who_is_taken_out_of_a_group_is_talked_to_alone,
    two_calls_are_talked_to_together_and_apart_again,
    a_group_ends_together,
    what_a_call_cannot_do_is_refused_at_once,
    nothing_is_left_when_all_has_ended,
);

fn a_call_comes_in_is_answered_and_ended_there(rig: &mut impl Rig) {
    let call = rig.is_called(0);
    assert_eq!(rig.state(call), "ringing");
    assert_eq!(rig.engine().attention().ring, Some(call));
    rig.done(Command::Answer { call, video: false });
    assert_eq!(rig.state(call), "active");
    rig.other_ends(call);
    assert_eq!((rig.reason(call), rig.outcome(call)), ("remote-hangup", Outcome::Answered));
}

fn a_call_goes_out_is_answered_and_ended_here(rig: &mut impl Rig) {
    let call = rig.calls(0);
    assert_eq!(rig.state(call), "remote-ringing");
    assert!(rig.engine().attention().ringback);
    rig.other_answers(call);
    assert_eq!(rig.state(call), "active");
    rig.done(Command::HangUp(call));
    assert_eq!((rig.reason(call), rig.outcome(call)), ("local-hangup", Outcome::Answered));
}

fn declining_ends_it_as_declined(rig: &mut impl Rig) {
    let call = rig.is_called(0);
    rig.done(Command::Decline(call, None));
    assert_eq!((rig.reason(call), rig.outcome(call)), ("declined", Outcome::Declined));
}

fn a_message_goes_before_the_refusal(rig: &mut impl Rig) {
    let call = rig.is_called(0);
    rig.done(Command::Decline(call, Some(written("I am late.\nSorry! 🙏", true))));
    assert_eq!((rig.reason(call), rig.outcome(call)), ("declined", Outcome::Declined));
    assert_eq!(rig.told(call), ["I am late.\nSorry! 🙏"]);
    let again = rig.command(Command::Decline(call, Some(written("x", true))));
    assert_eq!(again, Some(Err(CommandError::InvalidState)), "it is over");
}

fn a_callee_may_say_why_they_decline(rig: &mut impl Rig) {
    let call = rig.calls(0);
    let why = written("In a meeting", true);
    rig.other_declines(call, why.clone());
    assert_eq!((rig.reason(call), rig.outcome(call)), ("declined", Outcome::Declined));
    assert_eq!(rig.texts(), [why]);
}

fn a_caller_who_only_rings_writes_nothing(rig: &mut impl Rig) {
    let call = rig.is_called(0);
    rig.other_forces(call, written("Buy this", true));
    assert_eq!((rig.texts(), rig.state(call)), (vec![], "ringing"));
    rig.done(Command::Answer { call, video: false });
    let wanted = written("Hello", true);
    rig.other_writes(call, wanted.clone());
    assert_eq!(rig.texts(), [wanted], "the call is as it was");
}

fn giving_up_before_the_answer_is_cancelled(rig: &mut impl Rig) {
    let call = rig.calls(0);
    rig.done(Command::HangUp(call));
    assert_eq!((rig.reason(call), rig.outcome(call)), ("cancelled", Outcome::Cancelled));
}

fn a_caller_who_gives_up_leaves_a_missed_call(rig: &mut impl Rig) {
    let call = rig.is_called(0);
    rig.other_ends(call);
    assert_eq!((rig.reason(call), rig.outcome(call)), ("cancelled", Outcome::Missed));
}

fn a_callee_who_declines_ends_it_as_declined(rig: &mut impl Rig) {
    let call = rig.calls(0);
    rig.other_ends(call);
    assert_eq!((rig.reason(call), rig.outcome(call)), ("declined", Outcome::Declined));
}

fn a_ring_ends_by_its_cap(rig: &mut impl Rig) {
    let call = rig.is_called(0);
    rig.pass(Duration::from_millis(60_500));
    assert_eq!((rig.reason(call), rig.outcome(call)), ("unanswered", Outcome::Missed));
    assert!(rig.engine().attention().unanswered.is_empty());
}

fn holding_and_resuming_show_when_done(rig: &mut impl Rig) {
    let call = rig.talks(0);
    rig.done(Command::SetHeld(call, true));
    assert!(rig.flags(call).held);
    rig.pass(Duration::from_secs(60));
    assert_eq!(rig.state(call), "active", "a held call lasts");
    rig.done(Command::SetHeld(call, false));
    assert!(!rig.flags(call).held);
}

fn the_other_side_holding_is_shown(rig: &mut impl Rig) {
    let call = rig.talks(0);
    rig.other_holds(call, true);
    assert!(rig.flags(call).remote_held && !rig.flags(call).held);
    rig.other_holds(call, false);
    assert!(!rig.flags(call).remote_held);
}

fn muting_shows_when_done(rig: &mut impl Rig) {
    let call = rig.talks(0);
    rig.done(Command::SetMuted(call, true));
    assert!(rig.flags(call).muted);
    rig.done(Command::SetMuted(call, false));
    assert!(!rig.flags(call).muted);
}

fn not_hearing_the_other_side_here_shows_when_done(rig: &mut impl Rig) {
    let call = rig.talks(0);
    for silent in [true, false] {
        rig.done(Command::SetLocalSilence(call, silent));
        assert_eq!(rig.flags(call).local_silence, silent);
    }
}

fn a_call_is_heard_where_the_user_says(rig: &mut impl Rig) {
    rig.has_endpoint("headset");
    let call = rig.talks(0);
    for endpoint in ["headset", ""] {
        rig.done(Command::SetEndpoint(call, endpoint.to_owned()));
        assert_eq!(rig.engine().call(call).unwrap().view().endpoint, endpoint);
    }
}

fn digits_are_sent_and_what_is_none_is_refused(rig: &mut impl Rig) {
    let call = rig.talks(0);
    rig.done(Command::SendDtmf(call, "0,*#9A".into()));
    let wrong = rig.command(Command::SendDtmf(call, "1x".into()));
    assert!(matches!(wrong, Some(Err(CommandError::InvalidArgument(_)))), "{wrong:?}");
}

fn written(text: &str, last: bool) -> Written {
    Written::new(text.to_owned(), last).unwrap()
}

fn what_is_written_and_typed_reaches_both_sides_in_its_order(rig: &mut impl Rig) {
    let call = rig.talks(0);
    let typed = [written("He", false), written("Hello", false), written("Hello 👋", true)];
    for one in &typed {
        rig.other_writes(call, one.clone());
        rig.done(Command::SendText(call, one.clone()));
    }
    assert_eq!(rig.texts(), typed);
}

fn nothing_is_written_in_a_call_that_is_not_on(rig: &mut impl Rig) {
    let call = rig.is_called(0);
    let early = rig.command(Command::SendText(call, written("x", true)));
    assert_eq!(early, Some(Err(CommandError::InvalidState)));
    rig.done(Command::Decline(call, None));
    let late = rig.command(Command::SendText(call, written("x", true)));
    let dialled = rig.calls(1);
    let rings = rig.command(Command::SendText(dialled, written("x", true)));
    assert_eq!(rings, Some(Err(CommandError::InvalidState)));
    assert_eq!(late, Some(Err(CommandError::InvalidState)));
    assert_eq!(rig.texts(), []);
}

fn answering_a_second_call_holds_the_first_and_resuming_swaps_them(rig: &mut impl Rig) {
    let first = rig.talks(0);
    let second = rig.is_called(1);
    assert!(rig.flags(second).waiting && rig.engine().attention().ring.is_none());
    rig.done(Command::Answer { call: second, video: false });
    assert!(rig.flags(first).held && !rig.flags(second).held);
    rig.done(Command::SetHeld(first, false));
    assert!(!rig.flags(first).held && rig.flags(second).held);
    rig.other_ends(first);
    assert!(rig.flags(second).held, "until someone resumes it");
}

fn dialling_a_second_call_holds_the_first(rig: &mut impl Rig) {
    let first = rig.talks(0);
    let second = rig.calls(1);
    assert!(rig.flags(first).held && rig.state(second) == "remote-ringing");
    rig.other_answers(second);
    assert_eq!(rig.engine().talking().map(crate::call::Call::id), Some(second));
    rig.done(Command::SetHeld(first, false));
    assert!(!rig.flags(first).held && rig.flags(second).held);
}

fn one_button_hangs_up_what_is_dialled_and_then_what_is_held(rig: &mut impl Rig) {
    let first = rig.talks(0);
    let second = rig.calls(1);
    rig.done(Command::PressPrimary);
    assert_eq!((rig.reason(second), rig.state(first)), ("cancelled", "active"));
    assert!(rig.flags(first).held, "until someone resumes it");
    rig.done(Command::PressPrimary);
    assert_eq!(rig.reason(first), "local-hangup");
}

fn who_is_taken_out_of_a_group_is_talked_to_alone(rig: &mut impl Rig) {
    let (first, second) = (rig.talks(0), rig.talks(1));
    rig.done(Command::Merge(second, first));
    rig.done(Command::Split(first));
    assert!(!rig.flags(first).held && rig.flags(second).held);
    assert_eq!(rig.engine().groups().count(), 0);
}

fn two_calls_are_talked_to_together_and_apart_again(rig: &mut impl Rig) {
    let (first, second) = (rig.talks(0), rig.talks(1));
    rig.done(Command::Merge(second, first));
    let groups: Vec<_> = rig.engine().groups().collect();
    assert_eq!(groups.len(), 1);
    assert_eq!(groups[0].calls.len(), 2);
    assert!(!rig.flags(first).held && !rig.flags(second).held);
    rig.done(Command::Split(first));
    assert_eq!(rig.engine().groups().count(), 0);
    rig.done(Command::Merge(first, second));
    rig.other_ends(second);
    assert_eq!(rig.engine().groups().count(), 0);
    assert_eq!(rig.state(first), "active");
}

fn a_group_ends_together(rig: &mut impl Rig) {
    let (first, second) = (rig.talks(0), rig.talks(1));
    rig.done(Command::Merge(second, first));
    let group = rig.engine().call(first).unwrap().group().unwrap();
    rig.done(Command::GroupSetHeld(group, true));
    assert!(rig.flags(first).held && rig.flags(second).held);
    rig.done(Command::GroupSetMuted(group, true));
    rig.done(Command::GroupHangUp(group));
    assert_eq!((rig.reason(first), rig.reason(second)), ("local-hangup", "local-hangup"));
}

fn what_a_call_cannot_do_is_refused_at_once(rig: &mut impl Rig) {
    let call = rig.talks(0);
    let remote = Handle::new("tel", "+491").unwrap();
    for command in [Command::SetScreenShare(call, true), Command::Transfer(call, remote)] {
        assert_eq!(rig.command(command), Some(Err(CommandError::NotSupported)));
    }
    let again = rig.command(Command::Answer { call, video: false });
    assert_eq!(again, Some(Err(CommandError::InvalidState)));
}

fn nothing_is_left_when_all_has_ended(rig: &mut impl Rig) {
    let (first, second) = (rig.talks(0), rig.is_called(1));
    rig.done(Command::EndAll);
    assert_eq!((rig.reason(first), rig.reason(second)), ("local-hangup", "declined"));
    rig.pass(GRACE);
    assert_eq!(rig.engine().calls().count(), 0);
    let provider = rig.engine().providers().next().unwrap().id.clone();
    assert!(!rig.engine().has_audio(&provider));
    assert_eq!(rig.engine().next_timeout(), None);
}
