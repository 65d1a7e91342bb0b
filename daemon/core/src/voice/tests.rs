//! Claims about words, names and the dialogue.

#![expect(clippy::wildcard_enum_match_arm, reason = "a test panics on whatever it did not expect")]

use std::time::Duration;

use proptest::prelude::*;

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
    dialogue.handle_text(at(0), calls, (&book(), &History::default()), (text, 1.0))
}

fn calls(contact: &str, video: bool) -> Effect {
    Effect::Call { contact: ContactId(contact.into()), video, by: None }
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
    assert_eq!(effects, [Effect::Say("Calling Bob, video.".into(), vec![]), Effect::Listen]);
    assert_eq!(dialogue.handle_timeout(at(1999)), []);
    assert_eq!(dialogue.handle_timeout(at(2000)), [calls("3", true)]);
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
fn the_countdown_begins_when_the_prompt_has_been_spoken() {
    let mut dialogue = dialogue();
    hear(&mut dialogue, Situation::Idle, "call bob");
    dialogue.handle_speaking(at(30_000).mono);
    assert_eq!(dialogue.handle_timeout(at(9000)), [], "it is still being spoken");
    dialogue.handle_speaking(at(9000).mono);
    assert_eq!(dialogue.handle_timeout(at(10_999)), []);
    assert_eq!(dialogue.handle_timeout(at(11_000)), [calls("3", false)]);
}

#[test]
fn who_speaks_in_the_countdown_is_waited_for_and_asked_where_they_are_not_understood() {
    let mut dialogue = dialogue();
    hear(&mut dialogue, Situation::Idle, "call bob");
    dialogue.handle_partial(at(1900));
    assert_eq!(dialogue.handle_timeout(at(2000)), [], "they may object");
    let book = book();
    assert_eq!(said(&dialogue.handle_nothing(&book)), "Call Bob? Yes or no?");
    assert_eq!(dialogue.handle_timeout(at(60_000)), [], "nobody is called without a yes");
    assert_eq!(hear(&mut dialogue, Situation::Idle, "yes"), [calls("3", false)]);
}

#[test]
fn what_is_open_can_be_answered_by_a_button_as_by_words() {
    let labels = |dialogue: &Dialogue| {
        let answers = dialogue.answers();
        answers.into_iter().map(|(label, _)| label).collect::<Vec<_>>()
    };
    let mut dialogue = dialogue();
    assert_eq!(dialogue.answers(), []);
    hear(&mut dialogue, Situation::Idle, "call alice");
    assert_eq!(labels(&dialogue), ["Alice Smith", "Alice Brown"]);
    let second = dialogue.answers()[1].1.clone();
    assert_eq!(said(&hear(&mut dialogue, Situation::Idle, &second)), "Calling Alice Brown.");
    assert_eq!(labels(&dialogue), ["cancel"]);
    hear(&mut dialogue, Situation::Idle, "cancel");
    hear(&mut dialogue, Situation::Idle, "dial 0 3 0 1 2 3");
    assert_eq!(labels(&dialogue), ["yes", "no"]);
}

#[test]
fn what_was_heard_doubtfully_opens_no_microphone_or_camera_and_ends_no_call() {
    let heard = |calls, text: &str, score| {
        let history = History::default();
        dialogue().handle_text(at(0), calls, (&book(), &history), (text, score))
    };
    for text in ["camera on", "unmute", "hang up", "share my screen"] {
        assert_eq!(said(&heard(Situation::InCall, text, SURE - 0.01)), "Sorry?", "{text}");
        assert!(!matches!(heard(Situation::InCall, text, SURE)[0], Effect::Say(..)), "{text}");
    }
    for text in ["answer", "decline"] {
        assert_eq!(said(&heard(Situation::Ringing, text, SURE - 0.01)), "Sorry?", "{text}");
    }
    assert_eq!(heard(Situation::InCall, "mute", SURE - 0.01), [Effect::SetMuted(true)]);
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
    assert_eq!(dialogue.handle_timeout(at(2000)), [calls("2", true)]);
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
    dialogue.handle_text(at(0), Situation::Idle, (&twins, &history), ("call bob", 1.0));
    let again = dialogue.handle_text(at(0), Situation::Idle, (&twins, &history), ("bob", 1.0));
    assert_eq!(said(&again), "Sorry?");
    let second = dialogue.handle_text(at(0), Situation::Idle, (&twins, &history), ("second", 1.0));
    assert_eq!(said(&second), "Calling Bob.");
    assert_eq!(dialogue.handle_timeout(at(2000)), [calls("2", false)]);
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
    let who =
        dialogue.handle_text(at(0), Situation::Idle, (&book(), &history), ("who called", 1.0));
    assert_eq!(said(&who), "Bob, Zoë called.");
    let redial = dialogue.handle_text(at(0), Situation::Idle, (&book(), &history), ("redial", 1.0));
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

/// Something that is said for a phrase: `pick` chooses among the entries of a list.
fn spoken(grammar: &Grammar, phrase: &Phrase, pick: usize) -> String {
    let word = |piece: &Piece| match piece {
        Piece::Word(word) => word.clone(),
        Piece::Rest => "so long".to_owned(),
        Piece::Slot(slot) if slot == "name" => "bob".to_owned(),
        Piece::Slot(slot) if slot == "other" => "mum".to_owned(),
        Piece::Slot(slot) => {
            let entries = &grammar.slots[slot];
            entries[pick % entries.len()].clone()
        }
        Piece::Several(slot, _) => {
            let entries = &grammar.slots[slot];
            (0..7)
                .map(|at| entries[(pick + at) % entries.len()].clone())
                .collect::<Vec<_>>()
                .join(" ")
        }
    };
    phrase.0.iter().map(word).collect::<Vec<_>>().join(" ")
}

#[test]
fn every_phrase_of_every_pack_means_its_own_intent() {
    for locale in ["en", "ko"] {
        let pack = Pack::built_in(locale).unwrap();
        for situation in Situation::ALL {
            let grammar = pack.grammar(situation, &book());
            for utterance in pack.legal(situation) {
                for (phrase, pick) in
                    utterance.phrases.iter().flat_map(|one| (0..12).map(move |pick| (one, pick)))
                {
                    let text = spoken(&grammar, phrase, pick);
                    match pack.interpret(situation, &book(), &text) {
                        Meaning::Clear(intent, _) => {
                            assert_eq!(intent.kind(), utterance.kind, "{locale}: \"{text}\"");
                        }
                        other => panic!("{locale}: \"{text}\" means {other:?}"),
                    }
                }
            }
        }
        assert_eq!(pack.clashes(), [], "{locale}");
        assert_eq!(pack.lacks(), [], "{locale}: every command can be said");
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
        ("say = [\"redial\"", "say = [\"redial {name}\""),
        ("\"[ahoy] dial {digits}\"", "\"[ahoy] dial\""),
        ("zero = \"0\"", "zero = \"null\""),
        ("\"at home\" =", "\"At Home\" ="),
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

fn hears(history: &History, dialogue: &mut Dialogue, calls: Situation, text: &str) -> Vec<Effect> {
    dialogue.handle_text(at(0), calls, (&book(), history), (text, 1.0))
}

#[test]
fn a_person_is_called_by_the_address_that_was_said() {
    for (text, by) in [
        ("call bob at work", By::Label("work".into())),
        ("call my bob on the mobile", By::Label("mobile".into())),
        ("phone bob on sip", By::Scheme("sip".into())),
    ] {
        let mut dialogue = dialogue();
        hear(&mut dialogue, Situation::Idle, text);
        let call = Effect::Call { contact: ContactId("3".into()), video: false, by: Some(by) };
        assert_eq!(dialogue.handle_timeout(at(2000)), [call], "{text}");
    }
}

#[test]
fn a_number_is_read_back_and_dialled_after_a_yes_only() {
    let mut dialogue = dialogue();
    let effects = hear(&mut dialogue, Situation::Idle, "call oh three oh one two three");
    assert_eq!(said(&effects), "Call 0 3 0 1 2 3? Yes or no?");
    assert_eq!(dialogue.handle_timeout(at(600_000)), [], "silence is no yes");
    let number = Handle::new("tel", "030123").unwrap();
    let yes = hear(&mut dialogue, Situation::Idle, "yes");
    assert_eq!(yes, [Effect::CallHandle(number, false)]);
    hear(&mut dialogue, Situation::Idle, "call oh three oh one two three");
    assert_eq!(said(&hear(&mut dialogue, Situation::Idle, "no")), "Cancelled.");
    assert!(!dialogue.is_open());
}

#[test]
fn whoever_was_heard_doubtfully_is_called_after_a_yes_only() {
    let (book, history) = (book(), History::default());
    let mut dialogue = dialogue();
    let mut hears = |text: &str, score| {
        dialogue.handle_text(at(0), Situation::Idle, (&book, &history), (text, score))
    };
    let asked = hears("video call bob", SURE - 0.01);
    assert_eq!(said(&asked), "Call Bob? Yes or no?");
    assert_eq!(hears("yes", 0.9), [calls("3", true)]);
    assert_eq!(said(&hears("call bob", SURE)), "Calling Bob.");
    assert_eq!(dialogue.handle_timeout(at(2000)), [calls("3", false)]);
}

#[test]
fn who_is_named_instead_is_called_in_the_same_way() {
    let mut dialogue = dialogue();
    hear(&mut dialogue, Situation::Idle, "video call alice");
    assert_eq!(said(&hear(&mut dialogue, Situation::Idle, "no, Bob")), "Calling Bob, video.");
    assert_eq!(
        said(&hear(&mut dialogue, Situation::Idle, "I mean Zoë")),
        "Calling Zoë O'Neil, video."
    );
    assert_eq!(dialogue.handle_timeout(at(2000)), [calls("4", true)]);
    hear(&mut dialogue, Situation::Idle, "call alice");
    assert_eq!(said(&hear(&mut dialogue, Situation::Idle, "call bob")), "Calling Bob.", "anew");
    let unknown = hear(&mut dialogue, Situation::Idle, "no charlie");
    assert_eq!(said(&unknown), "I know nobody called charlie.");
    assert_eq!(dialogue.handle_timeout(at(600_000)), [], "nor is the first one called");
}

#[test]
fn favourites_are_listed_and_called_by_their_place() {
    let favourites = vec![(ContactId("3".into()), "Bob".to_owned(), true)];
    let history = History { favourites, ..History::default() };
    let mut dialogue = dialogue();
    let listed = hears(&history, &mut dialogue, Situation::Idle, "favourites");
    assert_eq!(said(&listed), "Your favourites: Bob.");
    let none = hears(&history, &mut dialogue, Situation::Idle, "call favourite two");
    assert_eq!(said(&none), "There is no favourite number 2.");
    hears(&history, &mut dialogue, Situation::Idle, "call favourite one");
    assert_eq!(dialogue.handle_timeout(at(2000)), [calls("3", true)]);
}

#[test]
fn commands_of_a_call_do_what_they_say() {
    for (text, effect) in [
        ("press one two hash", Effect::PressDigits("12#".into())),
        ("hold", Effect::Hold),
        ("resume the call", Effect::Resume),
        ("swap calls", Effect::Resume),
        ("switch camera", Effect::SwitchCamera),
        ("share my screen", Effect::ShareScreen(true)),
    ] {
        assert_eq!(hear(&mut dialogue(), Situation::InCall, text), [effect], "{text}");
    }
    let quiet = hear(&mut dialogue(), Situation::Idle, "do not disturb for half an hour");
    assert_eq!(quiet[0], Effect::DoNotDisturb(Some(30)));
    assert_eq!(said(&quiet[1..]), "Do not disturb, for 30 minutes.");
    let off = hear(&mut dialogue(), Situation::Idle, "do not disturb off");
    assert_eq!(off[0], Effect::Disturb);
}

#[test]
fn what_cannot_be_done_is_said_and_not_pretended() {
    for (calls, text) in [
        (Situation::Idle, "call bob and mum"),
        (Situation::Idle, "send a message to bob"),
        (Situation::InCall, "louder"),
        (Situation::InCall, "picture in picture"),
    ] {
        let effects = hear(&mut dialogue(), calls, text);
        assert!(matches!(&effects[..], [Effect::Say(..)]), "{text}: {effects:?}");
    }
}

#[test]
fn what_was_said_is_said_again_and_a_question_is_asked_again() {
    let mut dialogue = dialogue();
    assert_eq!(
        said(&hear(&mut dialogue, Situation::Idle, "what did you say")),
        "I have not said anything yet."
    );
    let question = hear(&mut dialogue, Situation::Idle, "call alice");
    assert_eq!(hear(&mut dialogue, Situation::Idle, "say that again"), question);
    assert!(dialogue.is_open());
}

/// Whatever is said, in whatever situation: what may come of it.
fn places_a_call(effects: &[Effect]) -> bool {
    effects.iter().any(|one| matches!(one, Effect::Call { .. } | Effect::CallHandle(..)))
}

fn words() -> impl Strategy<Value = String> {
    let pack = Pack::built_in("en").unwrap();
    let mut all: std::collections::BTreeSet<String> =
        ["alice", "smith", "charlie", "112", "nine one one", "police"].map(str::to_owned).into();
    for situation in Situation::ALL {
        let grammar = pack.grammar(situation, &book());
        all.extend(grammar.slots.into_values().flatten());
        let pieces = grammar.phrases.into_iter().flat_map(|phrase| phrase.0);
        all.extend(pieces.filter_map(|piece| match piece {
            Piece::Word(word) => Some(word),
            Piece::Slot(_) | Piece::Several(..) | Piece::Rest => None,
        }));
    }
    let all: Vec<String> = all.into_iter().collect();
    proptest::collection::vec(proptest::sample::select(all), 0..7).prop_map(|words| words.join(" "))
}

#[test]
fn how_somebody_is_called_is_said_in_the_fewest_words_and_means_that() {
    for locale in ["en", "ko"] {
        let pack = Pack::built_in(locale).unwrap();
        for video in [false, true] {
            let phrase = pack.call_phrase(video).unwrap().replace("{name}", "Bob");
            let meaning = pack.interpret(Situation::Idle, &book(), &phrase);
            let Meaning::Clear(Intent::Call { video: means, by: None, .. }, Some(who)) = meaning
            else {
                panic!("{phrase}: {meaning:?}")
            };
            assert_eq!((means, who.name.as_str()), (video, "Bob"), "{phrase}");
        }
    }
    let english = Pack::built_in("en").unwrap();
    assert_eq!(english.call_phrase(true).as_deref(), Some("call {name} video"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// No sentence calls at once: each call has a countdown that can be cancelled, or a yes.
    #[test]
    fn no_first_sentence_places_a_call_and_what_counts_down_was_named(
        text in words(), situation in 0_usize..Situation::ALL.len(),
    ) {
        let mut dialogue = dialogue();
        let effects = hear(&mut dialogue, Situation::ALL[situation], &text);
        prop_assert!(!places_a_call(&effects), "{text}");
        for effect in dialogue.handle_timeout(at(2000)) {
            let Effect::Call { contact, .. } = effect else { panic!("{text}: {effect:?}") };
            let named: Vec<&str> = ["bob", "mum", "alice smith", "alice brown", "smith", "brown", "zoë", "o'neil"]
                .into_iter().filter(|name| text.contains(name)).collect();
            prop_assert!(!named.is_empty(), "{text} calls {contact:?}");
        }
    }

    /// Short numbers of any spelling are never dialled, whatever is said after.
    #[test]
    fn no_short_number_is_ever_dialled(
        digits in "[0-9*#+]{0,1}[0-9]{1,3}", spell in any::<bool>(), then in words(),
    ) {
        const WORDS: [&str; 10] =
            ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
        let word = |c: char| match c.to_digit(10) {
            Some(digit) if spell => WORDS[digit as usize].to_owned(),
            _ => match c { '*' => "star".to_owned(), '#' => "hash".to_owned(), '+' => "plus".to_owned(), digit => digit.to_string() },
        };
        let said: Vec<String> = digits.chars().map(word).collect();
        let mut dialogue = dialogue();
        for text in [format!("call {}", said.join(" ")), "yes".to_owned(), then, "yes".to_owned()] {
            let effects = hear(&mut dialogue, Situation::Idle, &text);
            let late = dialogue.handle_timeout(at(600_000));
            for effect in effects.into_iter().chain(late) {
                if let Effect::CallHandle(handle, _) = effect {
                    prop_assert!(!is_short_number(&handle), "{handle:?}");
                }
            }
        }
    }

    /// Any text at all is read without harm, and is only for us where it is a command.
    #[test]
    fn any_text_is_read(text in "\\PC{0,80}", situation in 0_usize..Situation::ALL.len()) {
        hear(&mut dialogue(), Situation::ALL[situation], &text);
    }
}
