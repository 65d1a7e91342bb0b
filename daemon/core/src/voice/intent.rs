//! From words to a meaning.
//!
//! Owns: intents, situations, matching a text against the legal phrases. Does not own: what is
//! said back (`dialogue`). Invariant: only a whole phrase that is legal now has a meaning; the rest
//! is not for us.

use serde::Deserialize;

use super::{
    book::{Book, Person},
    grammar::{Phrase, Piece},
    pack::Pack,
};

/// What the user may be answering to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Situation {
    /// No call.
    Idle,
    /// A call rings.
    Ringing,
    /// A call is on.
    InCall,
    /// The assistant has asked something.
    Question,
}

/// An intent's name, as packs spell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the variants are the names that packs use")]
pub enum Kind {
    Call,
    VideoCall,
    Redial,
    CallBack,
    WhoCalled,
    Answer,
    AnswerVideo,
    Decline,
    Silence,
    WhoIsIt,
    HangUp,
    Mute,
    Unmute,
    CameraOn,
    CameraOff,
    Stop,
    Yes,
    No,
    Cancel,
    First,
    Second,
    Third,
    Help,
}

impl Kind {
    /// As on the bus and in packs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::VideoCall => "video-call",
            Self::Redial => "redial",
            Self::CallBack => "call-back",
            Self::WhoCalled => "who-called",
            Self::Answer => "answer",
            Self::AnswerVideo => "answer-video",
            Self::Decline => "decline",
            Self::Silence => "silence",
            Self::WhoIsIt => "who-is-it",
            Self::HangUp => "hang-up",
            Self::Mute => "mute",
            Self::Unmute => "unmute",
            Self::CameraOn => "camera-on",
            Self::CameraOff => "camera-off",
            Self::Stop => "stop",
            Self::Yes => "yes",
            Self::No => "no",
            Self::Cancel => "cancel",
            Self::First => "first",
            Self::Second => "second",
            Self::Third => "third",
            Self::Help => "help",
        }
    }
}

/// What was said: a command, and the name in it if it has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// Which command.
    pub kind: Kind,
    /// The name as it was said; empty where the command takes none.
    pub name: String,
}

/// What a text means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// One thing; where it has a name, exactly one person bears it.
    Clear(Intent, Option<Person>),
    /// Several people bear the name.
    Ambiguous(Intent, Vec<Person>),
    /// Nobody bears the name.
    UnknownName(Intent),
    /// Not a command, or not one that is legal now.
    NotForUs,
}

/// Lower case, single-spaced, without punctuation: how texts are compared.
#[must_use]
pub fn normalise(text: &str) -> String {
    // Lower case first: it may add a mark ("İ" becomes two), which must go in the same pass.
    let keep = |c: char| if c.is_alphanumeric() || c == '\'' { c } else { ' ' };
    let spaced: String = text.to_lowercase().chars().map(keep).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Names have at most this many words.
const MAX_NAME_WORDS: usize = 6;

impl Pack {
    /// What `text` means in a situation.
    #[must_use]
    pub fn interpret(&self, situation: Situation, book: &Book, text: &str) -> Meaning {
        let text = normalise(text);
        let words: Vec<&str> = text.split(' ').collect();
        let mut best: Option<(usize, Meaning)> = None;
        for utterance in self.legal(situation) {
            for phrase in &utterance.phrases {
                let Some(name) = matches(phrase, &words) else { continue };
                let literal = phrase.0.iter().filter(|p| matches!(p, Piece::Word(_))).count();
                let meaning = meaning(Intent { kind: utterance.kind, name }, book);
                let known = !matches!(meaning, Meaning::UnknownName(_));
                // A known name beats an unknown one ("call alice video" is not about a person
                // called "alice video"); then the phrase that explains more of the words wins.
                let rank = literal + if known { 100 } else { 0 };
                if best.as_ref().is_none_or(|(other, _)| rank > *other) {
                    best = Some((rank, meaning));
                }
            }
        }
        best.map_or(Meaning::NotForUs, |(_, meaning)| meaning)
    }
}

fn meaning(intent: Intent, book: &Book) -> Meaning {
    if intent.name.is_empty() {
        return Meaning::Clear(intent, None);
    }
    let mut people: Vec<Person> = book.resolve(&intent.name).into_iter().cloned().collect();
    match people.len() {
        0 => Meaning::UnknownName(intent),
        1 => Meaning::Clear(intent, people.pop()),
        _ => Meaning::Ambiguous(intent, people),
    }
}

/// Whether the words are this phrase; gives the name in it, empty where it has none.
fn matches(phrase: &Phrase, words: &[&str]) -> Option<String> {
    let slot = phrase.0.iter().position(|piece| matches!(piece, Piece::Slot(_)));
    let literal = |pieces: &[Piece], words: &[&str]| {
        pieces.len() == words.len()
            && pieces.iter().zip(words).all(|(piece, word)| match piece {
                Piece::Word(wanted) => wanted == word,
                Piece::Slot(_) => false,
            })
    };
    let Some(slot) = slot else {
        return literal(&phrase.0, words).then(String::new);
    };
    let (before, after) = (&phrase.0[..slot], &phrase.0[slot + 1..]);
    let name_words = words.len().checked_sub(before.len() + after.len())?;
    if !(1..=MAX_NAME_WORDS).contains(&name_words) {
        return None;
    }
    let (head, rest) = words.split_at(before.len());
    let (name, tail) = rest.split_at(name_words);
    (literal(before, head) && literal(after, tail)).then(|| name.join(" "))
}
