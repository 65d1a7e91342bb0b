//! Claims about messages that are dictated.

use std::time::Duration;

use super::super::super::{Book, Effect, History, Other, Pack, Person, Situation};
use super::super::Dialogue;
use crate::id::{ContactId, Now};

fn person(id: &str, name: &str) -> Person {
    Person { contact: ContactId(id.into()), name: name.into(), aliases: Vec::new() }
}

/// A dialogue while Alice calls, or is talked to.
struct Talk {
    dialogue: Dialogue,
    book: Book,
    history: History,
    calls: Situation,
}

impl Talk {
    fn new(calls: Situation, can_read: bool) -> Self {
        let contact = Some(ContactId("1".into()));
        let other = Some(Other { contact, name: "Alice".into(), can_read });
        let pack = Pack::built_in("en").expect("it is built in");
        Self {
            dialogue: Dialogue::new(pack, Duration::from_secs(2)),
            book: Book::new(vec![person("1", "Alice"), person("2", "Bob")]),
            history: History { other, ..History::default() },
            calls,
        }
    }

    fn hear(&mut self, text: &str, score: f64) -> Vec<Effect> {
        let now = Now { mono: Duration::ZERO, unix_us: 0 };
        let known = (&self.book, &self.history);
        self.dialogue.handle_text(now, self.calls, known, (text, score))
    }

    /// What is said first.
    fn said(&mut self, text: &str) -> String {
        match self.hear(text, 1.0).into_iter().next() {
            Some(Effect::Say(said, _)) => said,
            other => format!("{other:?}"),
        }
    }
}

fn message(text: &str) -> Effect {
    Effect::SendMessage(text.to_owned())
}

#[test]
fn a_message_in_one_breath_is_read_back_and_goes_after_a_yes() {
    for calls in [Situation::Ringing, Situation::InCall] {
        for text in ["tell her i'm late", "Tell Alice I'm late"] {
            let mut talk = Talk::new(calls, true);
            assert_eq!(talk.said(text), "To Alice: I'm late. Send it?");
            assert_eq!(talk.dialogue.situation(calls), Situation::Draft);
            assert_eq!(talk.hear("yes", 1.0), [message("I'm late")]);
            assert!(!talk.dialogue.is_open());
        }
    }
}

#[test]
fn a_message_is_asked_for_and_dictated_anew_as_often_as_wanted() {
    let mut talk = Talk::new(Situation::Ringing, true);
    assert_eq!(talk.said("send a message"), "What shall I write?");
    assert_eq!(talk.dialogue.situation(Situation::Ringing), Situation::Message);
    assert_eq!(talk.said("call bob so long"), "To Alice: Call bob so long. Send it?", "no command");
    assert_eq!(talk.said("again"), "What shall I write?");
    assert_eq!(talk.said("i am late"), "To Alice: I am late. Send it?");
    assert_eq!(talk.hear("send it", 1.0), [message("I am late")]);
}

#[test]
fn nothing_is_sent_without_a_sure_yes() {
    let mut talk = Talk::new(Situation::Ringing, true);
    talk.hear("tell her so", 0.5);
    let doubtful = talk.hear("yes", 0.5);
    assert_eq!(doubtful, [Effect::Say("Sorry?".into(), Vec::new()), Effect::Listen]);
    assert_eq!(talk.dialogue.situation(Situation::Ringing), Situation::Draft, "it is still there");
    assert_eq!(talk.hear("yes", 0.9), [message("So")]);
    for refusal in ["no", "cancel", "stop"] {
        talk.hear("tell her so", 1.0);
        assert_eq!(talk.said(refusal), "The message was not sent.");
        assert!(!talk.dialogue.is_open());
    }
    talk.hear("tell her so", 1.0);
    assert_eq!(talk.dialogue.handle_nothing(&talk.book).len(), 2, "it is asked again, once");
    let dropped = talk.dialogue.handle_nothing(&talk.book);
    assert_eq!(dropped, [Effect::Say("The message was not sent.".into(), Vec::new())]);
}

#[test]
fn a_message_goes_only_to_who_is_there_and_can_read_it() {
    let mut talk = Talk::new(Situation::InCall, true);
    assert_eq!(talk.said("tell bob i am late"), "I cannot send a message to Bob now.");
    let mut deaf = Talk::new(Situation::Ringing, false);
    assert_eq!(deaf.said("tell her i am late"), "I cannot send a message to Alice now.");
    let mut idle = Talk::new(Situation::Idle, true);
    idle.history.other = None;
    assert!(idle.said("send a message to bob").starts_with("There is nobody to write to"));
    assert!(!idle.dialogue.is_open());
}

#[test]
fn what_can_be_pressed_is_what_can_be_said() {
    let mut talk = Talk::new(Situation::Ringing, true);
    talk.hear("send a message", 1.0);
    let labels = |talk: &Talk| -> Vec<String> {
        talk.dialogue.answers().into_iter().map(|(label, _)| label).collect()
    };
    assert_eq!(labels(&talk), ["cancel"]);
    talk.hear("so long", 1.0);
    assert_eq!(labels(&talk), ["yes", "again", "cancel"]);
}
