//! Claims about words, names and the dialogue.

#![expect(clippy::wildcard_enum_match_arm, reason = "a test panics on whatever it did not expect")]

use std::time::Duration;

use super::*;
use crate::id::{ContactId, Handle, Now};

const COUNTDOWN: Duration = Duration::from_secs(2);

fn person(id: &str, name: &str, aliases: &[&str]) -> Person {
    Person {
        contact: ContactId(id.into()),
        name: name.into(),
        aliases: aliases.iter().map(|&alias| alias.into()).collect(),
    }
}

fn book() -> Book {
    Book::new(vec![
        person("1", "Alice Smith", &["mum"]),
        person("2", "Alice Brown", &[]),
        person("3", "Bob", &[]),
        person("4", "Zoë O'Neil", &[]),
    ])
}

fn dialogue() -> Dialogue {
    Dialogue::new(Pack::built_in("en").unwrap(), COUNTDOWN)
}

fn at(ms: u64) -> Now {
    Now { mono: Duration::from_millis(ms), unix_us: 0 }
}

fn hear(dialogue: &mut Dialogue, calls: Situation, text: &str) -> Vec<Effect> {
    dialogue.handle_text(at(0), calls, &book(), &History::default(), text)
}

fn said(effects: &[Effect]) -> &str {
    match effects.first() {
        Some(Effect::Say(text, _)) => text,
        other => panic!("nothing said: {other:?}"),
    }
}

#[test]
fn a_clear_name_is_called_after_the_countdown() {
    let mut dialogue = dialogue();
    let effects = hear(&mut dialogue, Situation::Idle, "Call Bob, video!");
    assert_eq!(effects, [Effect::Say("Calling Bob, video.".into(), vec![])]);
    assert_eq!(dialogue.handle_timeout(at(1999)), []);
    assert_eq!(dialogue.handle_timeout(at(2000)), [Effect::Call(ContactId("3".into()), true)]);
    assert_eq!(dialogue.handle_timeout(at(9000)), [], "once");
}

#[test]
fn cancel_stops_the_countdown() {
    let mut dialogue = dialogue();
    hear(&mut dialogue, Situation::Idle, "call bob");
    assert_eq!(said(&hear(&mut dialogue, Situation::Idle, "cancel")), "Cancelled.");
    assert_eq!(dialogue.handle_timeout(at(9000)), []);
}

#[test]
fn an_ambiguous_name_asks_and_never_guesses() {
    let mut dialogue = dialogue();
    let effects = hear(&mut dialogue, Situation::Idle, "video call alice");
    assert_eq!(said(&effects), "Alice Smith or Alice Brown?");
    assert_eq!(effects.last(), Some(&Effect::Listen));
    assert_eq!(dialogue.handle_timeout(at(60_000)), []);
    assert_eq!(
        said(&hear(&mut dialogue, Situation::Idle, "second")),
        "Calling Alice Brown, video."
    );
    assert_eq!(dialogue.handle_timeout(at(2000)), [Effect::Call(ContactId("2".into()), true)]);
}

#[test]
fn the_full_name_answers_which_one() {
    let mut dialogue = dialogue();
    hear(&mut dialogue, Situation::Idle, "call alice");
    assert_eq!(said(&hear(&mut dialogue, Situation::Idle, "alice smith")), "Calling Alice Smith.");
}

#[test]
fn two_people_of_one_full_name_are_told_apart_by_number_only() {
    let twins = Book::new(vec![person("1", "Bob", &[]), person("2", "Bob", &[])]);
    let mut dialogue = dialogue();
    let history = History::default();
    dialogue.handle_text(at(0), Situation::Idle, &twins, &history, "call bob");
    let again = dialogue.handle_text(at(0), Situation::Idle, &twins, &history, "bob");
    assert_eq!(said(&again), "Sorry?");
    let second = dialogue.handle_text(at(0), Situation::Idle, &twins, &history, "second");
    assert_eq!(said(&second), "Calling Bob.");
    assert_eq!(dialogue.handle_timeout(at(2000)), [Effect::Call(ContactId("2".into()), false)]);
}

#[test]
fn an_unknown_name_is_refused_and_named() {
    let mut dialogue = dialogue();
    let effects = hear(&mut dialogue, Situation::Idle, "call charlie");
    assert_eq!(said(&effects), "I know nobody called charlie.");
    assert_eq!(dialogue.handle_timeout(at(60_000)), []);
}

#[test]
fn emergency_numbers_are_never_dialled() {
    let mut dialogue = dialogue();
    for words in ["call 911", "call 1 1 2", "call emergency"] {
        assert!(said(&hear(&mut dialogue, Situation::Idle, words)).contains("emergency"));
        assert_eq!(dialogue.next_timeout(), None);
    }
}

#[test]
fn commands_are_legal_only_in_their_situation() {
    let mut dialogue = dialogue();
    assert_eq!(hear(&mut dialogue, Situation::Ringing, "answer"), [Effect::Answer(false)]);
    assert_eq!(hear(&mut dialogue, Situation::InCall, "hang up"), [Effect::HangUp]);
    assert_eq!(said(&hear(&mut dialogue, Situation::Idle, "hang up")), "Sorry?");
    assert_eq!(hear(&mut dialogue, Situation::InCall, "mute"), [Effect::SetMuted(true)]);
    assert_eq!(said(&hear(&mut dialogue, Situation::InCall, "call bob")), "Sorry?");
    assert_eq!(hear(&mut dialogue, Situation::Ringing, "stop"), [Effect::Decline]);
    assert_eq!(hear(&mut dialogue, Situation::InCall, "stop"), [Effect::HangUp]);
}

#[test]
fn not_understood_twice_shows_a_list_and_stops_listening() {
    let mut dialogue = dialogue();
    assert!(hear(&mut dialogue, Situation::Idle, "the weather").contains(&Effect::Listen));
    let second = hear(&mut dialogue, Situation::Idle, "is nice");
    assert!(!second.contains(&Effect::Listen));
    assert!(matches!(&second[0], Effect::Say(_, names) if !names.is_empty()));
}

#[test]
fn redial_and_who_called_use_the_log() {
    let mut dialogue = dialogue();
    assert_eq!(
        said(&hear(&mut dialogue, Situation::Idle, "redial")),
        "There is no call to repeat."
    );
    assert_eq!(said(&hear(&mut dialogue, Situation::Idle, "who called")), "Nobody has called.");
    let bob = Handle::new("ahoy", "b").unwrap();
    let history = History {
        last_out: Some((bob.clone(), "Bob".into(), true)),
        missed: vec!["Bob".into(), "Bob".into(), "Zoë".into()],
        ..History::default()
    };
    let who = dialogue.handle_text(at(0), Situation::Idle, &book(), &history, "who called");
    assert_eq!(said(&who), "Bob, Zoë called.");
    let redial = dialogue.handle_text(at(0), Situation::Idle, &book(), &history, "redial");
    assert_eq!(said(&redial), "Calling Bob, video.");
    assert_eq!(dialogue.handle_timeout(at(2000)), [Effect::CallHandle(bob, true)]);
}

#[test]
fn a_grammar_holds_the_legal_phrases_and_every_spoken_name() {
    let pack = Pack::built_in("en").unwrap();
    let idle = pack.grammar(Situation::Idle, &book());
    let names = &idle.slots["name"];
    for form in ["alice", "alice smith", "mum", "bob", "zoë o'neil", "zoë"] {
        assert!(names.iter().any(|name| name == form), "{form}");
    }
    let hang_up = Phrase(vec![Piece::Word("hang".into()), Piece::Word("up".into())]);
    assert!(!idle.phrases.contains(&hang_up));
    assert!(pack.grammar(Situation::InCall, &book()).phrases.contains(&hang_up));
}

#[test]
fn every_phrase_of_every_pack_means_its_own_intent() {
    for locale in ["en", "ko"] {
        let pack = Pack::built_in(locale).unwrap();
        for situation in
            [Situation::Idle, Situation::Ringing, Situation::InCall, Situation::Question]
        {
            for utterance in pack.legal(situation) {
                for phrase in &utterance.phrases {
                    let word = |piece: &Piece| match piece {
                        Piece::Word(word) => word.clone(),
                        Piece::Slot(_) => "bob".to_owned(),
                    };
                    let text = phrase.0.iter().map(word).collect::<Vec<_>>().join(" ");
                    match pack.interpret(situation, &book(), &text) {
                        Meaning::Clear(intent, _) => assert_eq!(intent.kind, utterance.kind),
                        other => panic!("{locale}: \"{text}\" means {other:?}"),
                    }
                }
            }
        }
    }
}

#[test]
fn a_bad_pack_is_refused_and_says_where() {
    let good = include_str!("../../packs/en.toml");
    assert!(Pack::parse(good).is_ok());
    for (from, to) in [
        ("or = \"or\"", ""),
        ("say = [\"redial\"", "say = [\"{nobody}\""),
        ("say = [\"redial\"", "say = [\"\""),
        ("intent = \"redial\"", "intent = \"fly\""),
        ("when = [\"idle\"]", "when = [\"asleep\"]"),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good);
        assert!(Pack::parse(&bad).is_err(), "{to}");
    }
    assert!(matches!(Pack::built_in("xx"), Err(PackError::Locale(_))));
}

/// "İ" in lower case is "i" and a mark; the mark went only in a second pass, so that nobody of such
/// a name could be called.
#[test]
fn a_name_whose_lower_case_is_longer_is_understood() {
    assert_eq!(normalise("İpek"), normalise(&normalise("İpek")));
    let book = Book::new(vec![person("9", "İpek", &[])]);
    let meaning = dialogue().pack().interpret(Situation::Idle, &book, "call İpek");
    assert!(matches!(meaning, Meaning::Clear(_, Some(_))), "{meaning:?}");
}
