//! Writing in an encrypted call.
//!
//! Owns: that it arrives, letter by letter where it is typed, and is nowhere else.

use ahoy_trial::{Person, Setup, bus::Signal, need::Need, until};

use crate::scene::{Two, on_stage};

const TEXT: &str = "org.ahoycall.Calls1.Call.Text";

fn writes(person: &Person<'_>, call: &str, method: &str, text: &str) {
    person.bus.on_object(call, TEXT, method, &(text,)).expect(method);
}

fn received(signals: Vec<Signal>, call: &str) -> Vec<(String, bool)> {
    let here = signals.into_iter().filter(|one| one.member == "Received" && one.path == call);
    here.filter_map(|one| one.body()).collect()
}

#[test]
fn what_is_typed_and_sent_reaches_the_other_side_and_no_log() {
    on_stage(&[Need::Media], |stage| {
        let two = Two::meet(stage, Setup::VOICE);
        let (outgoing, incoming) = two.ring(false);
        let early = two.bob.bus.on_object(&outgoing, TEXT, "Send", &("too early",));
        assert!(early.expect_err("it is not on").to_string().contains("InvalidState"));
        two.alice.answer(&incoming, false).expect("answered");
        two.are_active(&outgoing, &incoming);
        let (at_alice, at_bob) = (two.alice.bus.seen(), two.bob.bus.seen());
        for typed in ["P", "Pl", "Pla"] {
            writes(&two.bob, &outgoing, "Type", typed);
        }
        writes(&two.bob, &outgoing, "Send", "Platypus 🙏");
        writes(&two.alice, &incoming, "Send", "Echidna");
        let wanted = [("P", false), ("Pl", false), ("Pla", false), ("Platypus 🙏", true)];
        let wanted = wanted.map(|(text, last)| (text.to_owned(), last));
        let arrives = |person: &Person<'_>, seen: usize, call: &str, wanted: &[(String, bool)]| {
            until("the text", || (received(person.bus.signals(seen), call) == wanted).then_some(()))
        };
        arrives(&two.alice, at_alice, &incoming, &wanted).expect("letter by letter");
        arrives(&two.bob, at_bob, &outgoing, &[("Echidna".to_owned(), true)]).expect("and back");
        let wrong = two.bob.bus.on_object(&outgoing, TEXT, "Send", &("\u{1b}[2J",));
        assert!(wrong.expect_err("a terminal's command").to_string().contains("InvalidArgument"));
        for person in [&two.alice, &two.bob] {
            let log = person.log().join("\n");
            assert!(!log.contains("Platypus") && !log.contains("Echidna"), "it is in the log");
        }
        two.bob.hang_up(&outgoing).expect("hung up");
    });
}
