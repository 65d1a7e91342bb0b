//! From words to a meaning.
//!
//! Owns: intents, situations, matching a text against the legal phrases. Does not own: what is
//! said back (`dialogue`). Invariant: only a whole phrase that is legal now has a meaning; the rest
//! is not for us.

use serde::Deserialize;

use super::{
    book::{Book, Person},
    pack::Pack,
    slots::{By, Captured, Slot, capture},
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
    /// A message is dictated.
    Message,
    /// A message has been read back, and waits for a yes.
    Draft,
}

impl Situation {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Idle, Self::Ringing, Self::InCall, Self::Question, Self::Message, Self::Draft];
}

/// A command that needs nothing beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the variants are the names that packs use")]
pub enum Bare {
    GroupCall,
    Redial,
    CallBack,
    WhoCalled,
    Favourites,
    Disturb,
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
    SwitchCamera,
    Hold,
    Resume,
    Swap,
    ShareScreen,
    StopSharing,
    Speaker,
    Louder,
    PictureInPicture,
    Captions,
    CaptionsOff,
    Stop,
    Yes,
    No,
    Cancel,
    First,
    Second,
    Third,
    Again,
    Repeat,
    Help,
    Emergency,
}

impl Bare {
    /// All of them, as packs spell them.
    pub const ALL: [(Self, &'static str); 38] = [
        (Self::GroupCall, "group-call"),
        (Self::Redial, "redial"),
        (Self::CallBack, "call-back"),
        (Self::WhoCalled, "who-called"),
        (Self::Favourites, "favourites"),
        (Self::Disturb, "disturb"),
        (Self::Answer, "answer"),
        (Self::AnswerVideo, "answer-video"),
        (Self::Decline, "decline"),
        (Self::Silence, "silence"),
        (Self::WhoIsIt, "who-is-it"),
        (Self::HangUp, "hang-up"),
        (Self::Mute, "mute"),
        (Self::Unmute, "unmute"),
        (Self::CameraOn, "camera-on"),
        (Self::CameraOff, "camera-off"),
        (Self::SwitchCamera, "switch-camera"),
        (Self::Hold, "hold"),
        (Self::Resume, "resume"),
        (Self::Swap, "swap"),
        (Self::ShareScreen, "share-screen"),
        (Self::StopSharing, "stop-sharing"),
        (Self::Speaker, "speaker"),
        (Self::Louder, "louder"),
        (Self::PictureInPicture, "picture-in-picture"),
        (Self::Captions, "captions"),
        (Self::CaptionsOff, "captions-off"),
        (Self::Stop, "stop"),
        (Self::Yes, "yes"),
        (Self::No, "no"),
        (Self::Cancel, "cancel"),
        (Self::First, "first"),
        (Self::Second, "second"),
        (Self::Third, "third"),
        (Self::Again, "again"),
        (Self::Repeat, "repeat"),
        (Self::Help, "help"),
        (Self::Emergency, "emergency"),
    ];

    /// As on the bus and in packs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL.into_iter().find(|(one, _)| *one == self).map_or("", |(_, name)| name)
    }
}

/// An intent's name, as packs spell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
#[allow(missing_docs, reason = "the variants are the names that packs use")]
pub enum Kind {
    Call,
    VideoCall,
    CallNumber,
    CallFavourite,
    Instead,
    PressDigits,
    DoNotDisturb,
    SendMessage,
    Dictate,
    /// One that has no place to fill.
    Bare(Bare),
}

impl Kind {
    /// Those that have something in them, as packs spell them.
    const FILLED: [(Self, &'static str); 9] = [
        (Self::Call, "call"),
        (Self::VideoCall, "video-call"),
        (Self::CallNumber, "call-number"),
        (Self::CallFavourite, "call-favourite"),
        (Self::Instead, "instead"),
        (Self::PressDigits, "press-digits"),
        (Self::DoNotDisturb, "do-not-disturb"),
        (Self::SendMessage, "send-message"),
        (Self::Dictate, "dictate"),
    ];

    /// All of them, as packs spell them.
    pub fn all() -> impl Iterator<Item = (Self, &'static str)> {
        let bare = Bare::ALL.into_iter().map(|(one, name)| (Self::Bare(one), name));
        Self::FILLED.into_iter().chain(bare)
    }

    /// As on the bus and in packs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::all().find(|(one, _)| *one == self).map_or("", |(_, name)| name)
    }

    /// How many digits are listened for at least. Shorter numbers are never called: what is that short
    /// sounds like any word ("dial two" like "help").
    pub(super) const fn least_digits(self) -> usize {
        if matches!(self, Self::CallNumber) { 4 } else { 1 }
    }

    /// The places that every phrase for it has, and those that it may have beside them.
    pub(super) const fn slots(self) -> (&'static [Slot], &'static [Slot]) {
        match self {
            Self::Call | Self::VideoCall => (&[Slot::Name], &[Slot::By]),
            Self::CallNumber | Self::PressDigits => (&[Slot::Digits], &[]),
            Self::CallFavourite => (&[Slot::Place], &[]),
            Self::Instead => (&[Slot::Name], &[]),
            Self::DoNotDisturb => (&[], &[Slot::Span]),
            Self::SendMessage => (&[], &[Slot::Name, Slot::Text]),
            Self::Dictate => (&[Slot::Text], &[]),
            // Whom it is about makes no difference: neither can be done.
            Self::Bare(Bare::GroupCall) => (&[], &[Slot::Name, Slot::Other]),
            Self::Bare(_) => (&[], &[]),
        }
    }
}

impl TryFrom<String> for Kind {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let known = Self::all().find(|(_, known)| *known == name).map(|(kind, _)| kind);
        known.ok_or_else(|| format!("no intent is called \"{name}\""))
    }
}

/// What was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Intent {
    /// A command that needs nothing beside it.
    Bare(Bare),
    /// Call somebody of the address book.
    Call {
        /// As it was said.
        name: String,
        /// Whether with pictures.
        video: bool,
        /// By which of their addresses, if it was said.
        by: Option<By>,
    },
    /// Call this number: 0-9, *, # and +.
    CallNumber(String),
    /// Call the favourite at this place, from 1.
    CallFavourite(usize),
    /// Somebody else than was asked about.
    Instead(String),
    /// Send digits into the call: 0-9, * and #.
    PressDigits(String),
    /// Let nobody ring, for so many minutes or for good.
    DoNotDisturb(Option<u32>),
    /// Write to who calls, or who is talked to.
    SendMessage {
        /// To whom, as it was said; empty: whoever it is.
        name: String,
        /// What, in small letters; empty: to be asked for.
        text: String,
    },
    /// The text of a message, in small letters.
    Dictate(String),
}

impl Intent {
    /// What kind it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Bare(bare) => Kind::Bare(*bare),
            Self::Call { video: true, .. } => Kind::VideoCall,
            Self::Call { video: false, .. } => Kind::Call,
            Self::CallNumber(_) => Kind::CallNumber,
            Self::CallFavourite(_) => Kind::CallFavourite,
            Self::Instead(_) => Kind::Instead,
            Self::PressDigits(_) => Kind::PressDigits,
            Self::DoNotDisturb(_) => Kind::DoNotDisturb,
            Self::SendMessage { .. } => Kind::SendMessage,
            Self::Dictate(_) => Kind::Dictate,
        }
    }

    /// The name in it that must be one of the address book; empty where there is none.
    #[must_use]
    pub const fn name(&self) -> &str {
        match self {
            Self::Call { name, .. } | Self::Instead(name) | Self::SendMessage { name, .. } => {
                name.as_str()
            }
            Self::Bare(_)
            | Self::CallNumber(_)
            | Self::CallFavourite(_)
            | Self::PressDigits(_)
            | Self::DoNotDisturb(_)
            | Self::Dictate(_) => "",
        }
    }

    fn of(kind: Kind, found: Captured) -> Self {
        match kind {
            Kind::Call | Kind::VideoCall => {
                Self::Call { name: found.name, video: kind == Kind::VideoCall, by: found.by }
            }
            Kind::CallNumber => Self::CallNumber(found.digits),
            Kind::CallFavourite => Self::CallFavourite(found.place),
            Kind::Instead => Self::Instead(found.name),
            Kind::PressDigits => Self::PressDigits(found.digits),
            Kind::DoNotDisturb => Self::DoNotDisturb(found.span),
            Kind::SendMessage => Self::SendMessage { name: found.name, text: found.text },
            Kind::Dictate => Self::Dictate(found.text),
            Kind::Bare(bare) => Self::Bare(bare),
        }
    }
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

impl Pack {
    /// What `text` means in a situation.
    #[must_use]
    pub fn interpret(&self, situation: Situation, book: &Book, text: &str) -> Meaning {
        let text = normalise(text);
        let words: Vec<&str> = text.split(' ').collect();
        let mut best: Option<(usize, Meaning)> = None;
        for utterance in self.legal(situation) {
            for phrase in &utterance.phrases {
                for found in capture(phrase, &words, self.words()) {
                    let explained = found.explained;
                    let meaning = meaning(Intent::of(utterance.kind, found), book);
                    let known = !matches!(meaning, Meaning::UnknownName(_));
                    // A known name beats an unknown one ("call alice video" is not about a person
                    // called "alice video"); then what explains more of the words wins.
                    let rank = explained + if known { 100 } else { 0 };
                    if best.as_ref().is_none_or(|(other, _)| rank > *other) {
                        best = Some((rank, meaning));
                    }
                }
            }
        }
        best.map_or(Meaning::NotForUs, |(_, meaning)| meaning)
    }
}

fn meaning(intent: Intent, book: &Book) -> Meaning {
    if intent.name().is_empty() {
        return Meaning::Clear(intent, None);
    }
    let mut people: Vec<Person> = book.resolve(intent.name()).into_iter().cloned().collect();
    match people.len() {
        0 => Meaning::UnknownName(intent),
        1 => Meaning::Clear(intent, people.pop()),
        _ => Meaning::Ambiguous(intent, people),
    }
}
