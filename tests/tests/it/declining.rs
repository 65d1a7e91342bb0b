//! A call that is declined with a message.
//!
//! Owns: the way of the message from who declines to who called. Invariant: what is on the screen is
//! asked of dunst, what is on the wire of the kernel.

use ahoy_trial::{PATIENCE, Person, Setup, need::Need, until, wire::Capture};

use crate::scene::{Two, on_stage, outcome};

const TEXT: &str = "org.ahoycall.Calls1.Call.Text";
const WHY: &str = "Platypus <b>now</b> & later";

/// What the other side wrote in this call, finished texts only.
fn received(person: &Person<'_>, seen: usize, call: &str) -> Vec<String> {
    let signals = person.bus.signals(seen).into_iter();
    let here = signals.filter(|one| one.member == "Received" && one.path == call);
    let texts = here.filter_map(|one| one.body::<(String, bool)>());
    texts.filter_map(|(text, last)| last.then_some(text)).collect()
}

#[test]
fn who_is_declined_with_a_message_hears_and_sees_it_and_nobody_on_the_wire_does() {
    on_stage(&[Need::Media, Need::Notify, Need::Capture], |stage| {
        let two = Two::meet(stage, Setup { camera: None, ..Setup::ALL });
        let ports = [two.alice.port, two.bob.port];
        let capture = Capture::start(stage, &ports).expect("a capture");
        let (outgoing, incoming) = two.ring(false);
        let early = two.bob.bus.on_object(&outgoing, TEXT, "Send", &("Buy this",));
        assert!(early.expect_err("it rings").to_string().contains("InvalidState"));
        let desk = two.bob.notifications.as_ref().expect("dunst");
        let (seen, at_alice) = (two.bob.bus.seen(), two.alice.bus.seen());
        let said = two.alice.ahoyctl(&["decline", "--message", WHY]).expect("declined");
        assert!(said.contains("with your message"), "{said}");
        let (_, why) = two.bob.ended(seen, &outgoing, PATIENCE).expect("it ends");
        assert_eq!(
            (why.as_str(), received(&two.bob, seen, &outgoing)),
            ("declined", vec![WHY.into()])
        );
        assert_eq!(received(&two.alice, at_alice, &incoming), Vec::<String>::new());
        assert_eq!([outcome(&two.alice), outcome(&two.bob)], ["declined", "declined"]);
        desk.until_shown(1).expect("one notification");
        desk.press("default").expect("pressed");
        desk.until_shown(0).expect("it has been seen");
        let shown = desk.history().expect("what was on the screen");
        let words = ["Alice", "Declined: Platypus", "later"];
        assert!(words.iter().all(|word| shown.contains(word)), "{shown}");
        let packets = capture.finish().expect("packets");
        assert!(!packets.segments.is_empty(), "something went over the wire");
        assert!(!packets.say("platypus"), "it is in clear on the wire");
        for person in [&two.alice, &two.bob] {
            assert!(!person.log().join("\n").contains("Platypus"), "it is in a log");
        }
    });
}

#[test]
fn a_ready_made_reply_is_sent_and_a_call_without_one_declines_as_ever() {
    on_stage(&[Need::Media], |stage| {
        let two = Two::meet(stage, Setup::VOICE);
        let replies = "In a meeting|Later";
        two.alice.ahoyctl(&["settings", "set", "ring.replies", replies]).expect("set");
        for (arguments, wanted) in
            [(&["decline", "--reply", "2"][..], vec!["Later"]), (&["decline"], vec![])]
        {
            let (outgoing, _) = two.ring(false);
            let seen = two.bob.bus.seen();
            two.alice.ahoyctl(arguments).expect("declined");
            let (_, why) = two.bob.ended(seen, &outgoing, PATIENCE).expect("it ends");
            assert_eq!(
                (why.as_str(), received(&two.bob, seen, &outgoing)),
                ("declined", wanted.iter().map(|&one| one.to_owned()).collect())
            );
            until("nothing ringing", || two.alice.current("RingingCall").is_none().then_some(()))
                .expect("over here, too");
        }
    });
}
