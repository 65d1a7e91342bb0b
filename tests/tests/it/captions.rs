//! Captions of the other side, and messages that are dictated.
//!
//! Owns: that what is said far away is read here, that it comes from the call and from no microphone,
//! and that what was dictated arrives. Does not own: how well free speech is understood.

use ahoy_trial::{Person, Setup, Stage, bus::Signal, need::Need, sound::speak, speech, until};

use crate::scene::{Two, captures, on_stage};

const NEEDS: [Need; 2] = [Need::Media, Need::Voice];
const CAPTIONS: &str = "org.ahoycall.Calls1.Call.Captions";
const SAID: &str = "I will call you back in ten minutes";

fn captioned(signals: Vec<Signal>, call: &str) -> Vec<(String, bool)> {
    let here = signals.into_iter().filter(|one| one.member == "Caption" && one.path == call);
    here.filter_map(|one| one.body()).collect()
}

/// Says it into a person's microphone until the other side has read most of it: free speech of a
/// synthetic voice on a busy machine.
fn is_read(stage: &Stage, from: &Person<'_>, to: &Person<'_>, call: &str) -> Vec<(String, bool)> {
    let samples = speech::sentence(stage, SAID).expect("a voice");
    let seen = to.bus.seen();
    let right = |text: &str| text.split(' ').filter(|word| SAID.contains(word)).count() >= 5;
    for _ in 0..3 {
        let before = captioned(to.bus.signals(seen), call).iter().filter(|one| one.1).count();
        let _voice = speak(from, &samples).expect("a voice");
        let read = until("a sentence", || {
            let read = captioned(to.bus.signals(seen), call);
            (read.iter().filter(|one| one.1).count() > before).then_some(read)
        });
        match read {
            Ok(read) if read.iter().any(|(text, last)| *last && right(text)) => return read,
            Ok(_) | Err(_) => {}
        }
    }
    panic!("read as {:?}", captioned(to.bus.signals(seen), call));
}

#[test]
fn what_the_other_side_says_is_read_while_captions_are_on_and_never_else() {
    on_stage(&NEEDS, |stage| {
        let two = Two::meet(stage, Setup::VOICE);
        let (outgoing, incoming) = two.talk(false);
        assert!(stage.node("ahoy-captions").is_none(), "nobody asked for any");
        let set = |on: bool| two.alice.bus.on_object(&incoming, CAPTIONS, "SetEnabled", &(on,));
        set(true).expect("on");
        until("the captions' ears", || stage.node("ahoy-captions")).expect("they listen");
        let microphones = captures(stage, "microphone");
        let read = is_read(stage, &two.bob, &two.alice, &incoming);
        assert!(read.iter().any(|(_, last)| !last), "as it is said: {read:?}");
        assert!(captioned(two.bob.bus.signals(0), &outgoing).is_empty(), "Bob has none");
        assert_eq!(captures(stage, "microphone"), microphones, "no microphone more");
        for person in [&two.alice, &two.bob] {
            assert!(!person.log().join("\n").contains("minutes"), "it is in a log");
        }
        set(false).expect("off");
        until("no ears", || stage.node("ahoy-captions").is_none().then_some(())).expect("gone");
        two.bob.hang_up(&outgoing).expect("hung up");
    });
}

#[test]
fn whoever_wants_captions_in_every_call_has_them_from_the_start_and_none_after_it() {
    on_stage(&NEEDS, |stage| {
        let two = Two::meet(stage, Setup::VOICE);
        let on = ("call.captions", zbus::Variant::from(true));
        two.alice.bus.call::<_, ()>("Settings", "Set", &on).expect("a setting");
        let (outgoing, incoming) = two.talk(false);
        is_read(stage, &two.bob, &two.alice, &incoming);
        two.bob.hang_up(&outgoing).expect("hung up");
        until("no ears", || stage.node("ahoy-captions").is_none().then_some(())).expect("gone");
    });
}

#[test]
fn a_call_is_declined_with_words_that_were_dictated() {
    on_stage(&NEEDS, |stage| {
        let two = Two::meet(stage, Setup::VOICE);
        let (outgoing, incoming) = two.ring(false);
        let seen = two.bob.bus.seen();
        let heard = speech::command(&two.alice, "tell him to wait for me").expect("understood");
        let dictated = heard.strip_prefix("tell him ").unwrap_or_else(|| panic!("{heard}"));
        // Free speech may be misheard a little, which is why it is read back, and sent after a yes.
        let draft = until("the question", || {
            let said = two.alice.bus.signals(0).into_iter().rfind(|one| one.member == "Prompt")?;
            let (text, _): (String, Vec<String>) = said.body()?;
            Some(text.strip_prefix("To Bob: ")?.strip_suffix(". Send it?")?.to_owned())
        })
        .expect("it is read back");
        assert_eq!(draft.to_lowercase(), dictated);
        let yes = speech::sentence(stage, "yes").expect("a voice");
        let agreed = (0..3)
            .any(|_| matches!(speech::say(&two.alice, &yes), Ok(Some(heard)) if heard == "yes"));
        assert!(agreed, "yes was not understood");
        two.alice.until_state(&incoming, "ended").expect("declined");
        until("the message", || {
            let texts = two.bob.bus.signals(seen).into_iter();
            let mut here = texts.filter(|one| one.member == "Received" && one.path == outgoing);
            here.find_map(|one| one.body::<(String, bool)>())
        })
        .map(|got| assert_eq!(got, (draft, true)))
        .expect("it arrives");
    });
}
