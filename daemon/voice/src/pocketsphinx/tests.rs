//! Commands and other sentences in several synthetic voices, without a sound server: how many are
//! heard right, refused, and wrong.

use std::{
    env, fs,
    path::PathBuf,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

use ahoy_core::voice::{Lesson, Teaching, Way};

use super::*;
use crate::{
    endpoint::{Endpointer, Heard, RATE},
    legal::test_grammar,
};

const MODEL: &str = "/usr/share/pocketsphinx/model/en-us";

const SPOKEN: [&str; 9] = [
    "call alice video",
    "call bob",
    "answer",
    "decline",
    "hang up",
    "mute",
    "unmute",
    "redial",
    "who called",
];

const OTHER: [&str; 16] = [
    "the weather is nice today",
    "i think we should go to the market",
    "please turn on the kitchen light",
    "what time is it in london",
    "the quick brown fox jumps over the lazy dog",
    "he said that he would come later",
    "open the door",
    "my name is charlie",
    "one two three four five",
    "play some music",
    "we had dinner with friends yesterday",
    "coffee",
    "good morning everyone",
    "banana",
    "tell me a story",
    "the report is due on friday",
];

/// Programs and their arguments before the file and the text.
const VOICES: [&[&str]; 6] = [
    &["flite", "-voice", "rms"],
    &["flite", "-voice", "awb"],
    &["flite", "-voice", "slt"],
    &["flite", "-voice", "kal16"],
    &["espeak-ng", "-v", "en-us+f2", "-s", "140"],
    &["espeak-ng", "-v", "en-us", "-s", "130"],
];

fn commands() -> Grammar {
    let phrases = [
        "call <name>",
        "call <name> video",
        "video call <name>",
        "call <name> on speaker",
        "redial",
        "call back",
        "who called",
        "any missed calls",
        "answer",
        "answer with video",
        "decline",
        "silence",
        "who is it",
        "hang up",
        "mute",
        "unmute",
        "camera on",
        "camera off",
        "switch camera",
        "hold",
        "resume",
        "swap",
        "speaker",
        "louder",
        "quieter",
        "picture in picture",
        "share screen",
        "stop",
        "yes",
        "no",
        "cancel",
        "help",
    ];
    let names: &[&str] = &[
        "alice",
        "alice smith",
        "bob",
        "bob brown",
        "carol",
        "david",
        "emma",
        "frank",
        "grace",
        "henry",
        "siobhan",
        "mom",
        "dad",
        "doctor miller",
        "john",
        "mary",
        "peter",
        "susan",
        "robert",
        "laura",
    ];
    test_grammar(&phrases, &[("name", names)])
}

/// A file that goes when the test ends.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Speech as 16 kHz samples with a second of silence around it; `None` without the program.
fn speak(voice: &[&str], text: &str) -> Option<Vec<i16>> {
    // Tests of one process speak at the same time.
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("ahoy-speech-{}-{number}.wav", std::process::id());
    let file = Scratch(env::temp_dir().join(name));
    let mut command = Command::new(voice[0]);
    command.args(&voice[1..]);
    match voice[0] {
        "flite" => command.args(["-t", text, "-o"]).arg(&file.0),
        _ => command.arg("-w").arg(&file.0).arg(text),
    };
    command.status().ok().filter(std::process::ExitStatus::success)?;
    let bytes = fs::read(&file.0).ok()?;
    let rate = u32::from_le_bytes(*bytes.get(24..)?.first_chunk()?);
    let data: Vec<i16> =
        bytes[44..].as_chunks::<2>().0.iter().map(|b| i16::from_le_bytes(*b)).collect();
    let count = data.len() * RATE as usize / rate as usize;
    let resampled = (0..count).map(|i| {
        let at = i as f64 * f64::from(rate) / f64::from(RATE);
        let (left, part) = (at as usize, at.fract());
        let next = data.get(left + 1).copied().unwrap_or(0);
        (f64::from(data[left]) * (1.0 - part) + f64::from(next) * part) as i16
    });
    let silence = vec![0; RATE as usize / 2];
    Some([silence.clone(), resampled.collect(), silence, vec![0; RATE as usize / 2]].concat())
}

fn add_noise(samples: &mut [i16], amplitude: f64) {
    let mut seed = 0x2545_f491_u32;
    for sample in samples {
        seed ^= seed << 13;
        seed ^= seed >> 17;
        seed ^= seed << 5;
        let noise = (f64::from(seed) / f64::from(u32::MAX) * 2.0 - 1.0) * amplitude;
        *sample = sample.saturating_add(noise as i16);
    }
}

fn utterance(samples: &[i16]) -> Option<Utterance> {
    let mut endpointer = Endpointer::new();
    samples.chunks(320).find_map(|step| match endpointer.feed(step) {
        Heard::Over(utterance) => Some(utterance),
        Heard::Quiet | Heard::Began(_) | Heard::Speaking(_) => None,
    })
}

/// What the worker would report.
fn heard(recogniser: &mut PocketSphinx, samples: &[i16]) -> Option<Hypothesis> {
    let utterance = utterance(samples)?;
    recogniser.finish(&utterance).expect("it decodes").into_iter().next()
}

fn loaded() -> Option<PocketSphinx> {
    let model = Path::new(MODEL);
    if !model.exists() {
        println!("SKIPPED: the English model (pocketsphinx-en-us) is not installed");
        return None;
    }
    let mut recogniser = PocketSphinx::load(model).expect("the model loads");
    let gone = recogniser.prepare(&commands()).expect("the grammar compiles");
    assert_eq!(gone, Vec::<String>::new());
    Some(recogniser)
}

#[derive(Debug, Default)]
struct Count {
    right: usize,
    refused: usize,
    wrong: usize,
}

/// Speaks everything in every voice; answers with the counts for commands and for the rest.
fn count(recogniser: &mut PocketSphinx, noise: f64) -> Option<(Count, Count)> {
    let (mut commands, mut others) = (Count::default(), Count::default());
    for voice in VOICES {
        for (texts, count) in [(&SPOKEN[..], &mut commands), (&OTHER[..], &mut others)] {
            for text in texts {
                let Some(mut samples) = speak(voice, text) else {
                    println!("SKIPPED: {} is not installed", voice[0]);
                    return None;
                };
                add_noise(&mut samples, noise);
                match heard(recogniser, &samples) {
                    None => count.refused += 1,
                    Some(heard) if heard.text == *text => count.right += 1,
                    Some(heard) => {
                        println!("{} said {text:?}, heard {heard:?}", voice.join(" "));
                        count.wrong += 1;
                    }
                }
            }
        }
    }
    println!("noise {noise}: commands {commands:?}, other sentences {others:?}");
    Some((commands, others))
}

#[test]
fn commands_are_heard_and_other_sentences_refused_in_six_voices() {
    let Some(mut recogniser) = loaded() else {
        return;
    };
    // Measured: 44 right and 4 wrong without noise, 46 and 5 at about 34 dB, 43 and 5 at 25 dB
    // (34 and 17 at 14 dB, not claimed). Room for another version of a voice.
    for (noise, least_right, most_wrong) in [(0.0, 42, 6), (100.0, 42, 7)] {
        let Some((commands, others)) = count(&mut recogniser, noise) else {
            return;
        };
        assert!(commands.right >= least_right, "{commands:?}");
        assert!(commands.wrong + others.wrong <= most_wrong, "{commands:?} {others:?}");
    }
}

/// Names as they are written, and as those who bear them say them.
const TAUGHT: [(&str, &str); 3] =
    [("caoimhe", "keeva"), ("tadhg", "tiger"), ("nguyet", "winnette")];

/// A word in a little noise, so that no two times are quite the same.
fn phones(ear: &mut PhoneEar, voice: &[&str], text: &str, noise: f64) -> Option<Sound> {
    let mut samples = speak(voice, text)?;
    add_noise(&mut samples, noise);
    Some(ear.hear(&utterance(&samples)?).expect("it decodes"))
}

/// A lesson in a word, as it is given; what was learnt, nothing where it was given up.
fn taught(ear: &mut PhoneEar, voice: &[&str], (name, said): (&str, &str)) -> Option<Vec<String>> {
    let contact = ahoy_core::id::ContactId(name.to_owned());
    let (mut lesson, _) = Teaching::begin(contact, name)?;
    for noise in [0.0, 10.0, 20.0, 30.0] {
        let sound = phones(ear, voice, said, noise)?;
        println!("{name} {said}: {sound}");
        match lesson.handle_heard(Way::Phones(sound)) {
            Lesson::Learnt { ways, .. } => return Some(ways),
            Lesson::GivenUp(_) => return None,
            Lesson::Ask(..) => {}
        }
    }
    None
}

#[test]
fn a_name_that_is_said_otherwise_than_spelled_is_heard_once_it_was_taught() {
    let Some(mut recogniser) = loaded() else {
        return;
    };
    let mut ear = PhoneEar::load(Path::new(MODEL)).expect("it hears phones");
    let names: Vec<&str> = TAUGHT.iter().map(|(name, _)| *name).collect();
    let commands = test_grammar(&["call <name>", "redial", "mute"], &[("name", &names)]);
    let (mut before, mut after, mut asked) = (0, 0, 0);
    for voice in &VOICES[..2] {
        let mut grammar = commands.clone();
        if speak(voice, "test").is_none() {
            println!("SKIPPED: {} is not installed", voice[0]);
            return;
        }
        for (name, said) in TAUGHT {
            let ways = taught(&mut ear, voice, (name, said));
            println!("{}: {name}: {ways:?}", voice.join(" "));
            grammar.sounds.extend(ways.map(|ways| (name.to_owned(), ways)));
        }
        for (count, grammar) in [(&mut before, &commands), (&mut after, &grammar)] {
            recogniser.prepare(grammar).expect("the grammar compiles");
            for (name, said) in TAUGHT {
                let samples = speak(voice, &format!("call {said}")).expect("it spoke before");
                let found = heard(&mut recogniser, &samples);
                println!("{} call {said}: {found:?}", voice.join(" "));
                *count += usize::from(found.is_some_and(|one| one.text == format!("call {name}")));
            }
        }
        asked += TAUGHT.len();
    }
    println!("{before} of {asked} before, {after} after");
    assert!(after > before && after * 4 >= asked * 3, "{before} and {after} of {asked}");
}

#[test]
fn other_words_do_not_agree() {
    let Ok(mut ear) = PhoneEar::load(Path::new(MODEL)) else {
        println!("SKIPPED: the English model (pocketsphinx-en-us) is not installed");
        return;
    };
    let heard = TAUGHT.map(|(_, said)| phones(&mut ear, VOICES[0], said, 0.0));
    for (at, one) in heard.iter().enumerate() {
        for other in &heard[at + 1..] {
            let (Some(one), Some(other)) = (one, other) else {
                println!("SKIPPED: flite is not installed");
                return;
            };
            let apart = one.distance(other);
            assert!(apart > 0.35, "{one} / {other}: {apart}");
        }
    }
}

#[test]
fn what_is_brought_is_parsed_used_and_forgotten_again() {
    let Some(mut recogniser) = loaded() else {
        return;
    };
    let plain = test_grammar(&["call <name>"], &[("name", &["alice", "bob"])]);
    let mut taught = plain.clone();
    let hostile = vec!["B\nAA".into(), "; rm".into(), String::new(), "K IY V AH XX".into()];
    taught.sounds.insert("alice".into(), hostile);
    taught.sounds.insert("zzyzxq".into(), vec!["B AA B".into()]);
    let ways = |one: &PocketSphinx, text: &str| one.ways(text, &plain);
    let before = ways(&recogniser, "alice");
    assert_eq!(recogniser.prepare(&taught).expect("a grammar"), Vec::<String>::new());
    let brought = ["B AA", "K IY V AH"].map(Sound::parse);
    assert!(brought.iter().all(|way| ways(&recogniser, "alice").contains(way)));
    recogniser.prepare(&taught).expect("the same again");
    recogniser.prepare(&plain).expect("the dictionary is read anew");
    assert_eq!(ways(&recogniser, "alice"), before);
    assert!(recogniser.decoder.phones(c"zzyzxq").is_none());
}
