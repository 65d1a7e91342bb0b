//! The dialogue: what the assistant does and says back.
//!
//! Owns: the question that is open, the countdown before a call, how often it did not understand.
//! Does not own: the recogniser, or carrying out an effect. Invariant: a call is placed only for a
//! clear meaning, after its countdown; anything less asks or refuses.

use std::time::Duration;

use super::{
    book::{Book, Person},
    intent::{Intent, Kind, Meaning, Situation, normalise},
    pack::Pack,
};
use crate::id::{ContactId, Handle, Now};

/// A question offers at most this many people (design/voice.md).
const MAX_CHOICES: usize = 3;
/// Digits that are never dialled by voice, of the largest regions.
const EMERGENCY: [&str; 6] = ["112", "911", "999", "110", "119", "000"];

/// What the outside is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Say this, and show it with these choices.
    Say(String, Vec<String>),
    /// Listen again: a question is open.
    Listen,
    /// Call this person.
    Call(ContactId, bool),
    /// Call this handle: a redial or call-back.
    CallHandle(Handle, bool),
    /// Answer what rings.
    Answer(bool),
    /// Decline what rings.
    Decline,
    /// Silence what rings.
    Silence,
    /// Hang up what is on.
    HangUp,
    /// Close or open the microphone.
    SetMuted(bool),
    /// Open or close the camera.
    SetVideo(bool),
}

/// What the log says, for "redial" and "who called".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// The last call the user made: handle, name, video.
    pub last_out: Option<(Handle, String, bool)>,
    /// The last call that came: handle, name, video.
    pub last_in: Option<(Handle, String, bool)>,
    /// Who called and was missed, newest first.
    pub missed: Vec<String>,
    /// Who rings now; empty: not known.
    pub ringing: String,
}

/// What is to be called when the countdown ends.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Target {
    Person(ContactId, bool),
    Handle(Handle, bool),
}

/// Where the dialogue stands.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    /// Nothing is open.
    Closed,
    /// Several people fit: which one?
    Choosing { people: Vec<Person>, video: bool },
    /// Calls when the time comes, unless cancelled.
    Countdown { target: Target, at: Duration },
}

/// The assistant's side of one conversation.
#[derive(Clone, Debug)]
pub struct Dialogue {
    pack: Pack,
    stage: Stage,
    failures: u8,
    countdown: Duration,
}

impl Dialogue {
    /// A dialogue in a language, with the wait before a call.
    #[must_use]
    pub const fn new(pack: Pack, countdown: Duration) -> Self {
        Self { pack, stage: Stage::Closed, failures: 0, countdown }
    }

    /// The language.
    #[must_use]
    pub const fn pack(&self) -> &Pack {
        &self.pack
    }

    /// The situation that words are heard in, given the calls' own.
    #[must_use]
    pub const fn situation(&self, calls: Situation) -> Situation {
        match self.stage {
            Stage::Choosing { .. } | Stage::Countdown { .. } => Situation::Question,
            Stage::Closed => calls,
        }
    }

    /// Whether a question or a countdown is open.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        !matches!(self.stage, Stage::Closed)
    }

    /// When [`Self::handle_timeout`] is due.
    #[must_use]
    pub const fn next_timeout(&self) -> Option<Duration> {
        match self.stage {
            Stage::Countdown { at, .. } => Some(at),
            Stage::Closed | Stage::Choosing { .. } => None,
        }
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Now) -> Vec<Effect> {
        match std::mem::replace(&mut self.stage, Stage::Closed) {
            Stage::Countdown { target, at } if at <= now.mono => match target {
                Target::Person(contact, video) => vec![Effect::Call(contact, video)],
                Target::Handle(handle, video) => vec![Effect::CallHandle(handle, video)],
            },
            other @ (Stage::Countdown { .. } | Stage::Choosing { .. } | Stage::Closed) => {
                self.stage = other;
                Vec::new()
            }
        }
    }

    /// Drops whatever is open: a key was pressed, or listening was stopped.
    pub fn cancel(&mut self) -> Vec<Effect> {
        self.failures = 0;
        match std::mem::replace(&mut self.stage, Stage::Closed) {
            Stage::Closed => Vec::new(),
            Stage::Choosing { .. } | Stage::Countdown { .. } => vec![self.say("cancelled", &[])],
        }
    }

    /// Nothing usable was heard.
    pub fn handle_nothing(&mut self, book: &Book) -> Vec<Effect> {
        self.failures += 1;
        if self.failures < 2 {
            return vec![self.say("not-understood", &[]), Effect::Listen];
        }
        self.failures = 0;
        self.stage = Stage::Closed;
        let names = book.forms().take(10).map(str::to_owned).collect();
        vec![Effect::Say(self.pack.prompt("given-up", &[]), names)]
    }

    /// Words were heard.
    pub fn handle_text(
        &mut self,
        now: Now,
        calls: Situation,
        book: &Book,
        history: &History,
        text: &str,
    ) -> Vec<Effect> {
        if let Some(chosen) = self.choice(text) {
            self.failures = 0;
            return self.choose(now, chosen);
        }
        let situation = self.situation(calls);
        let meaning = self.pack.interpret(situation, book, text);
        if !matches!(meaning, Meaning::NotForUs) {
            self.failures = 0;
        }
        match meaning {
            Meaning::Clear(intent, Some(person)) => {
                self.count_down_to(now, &person, intent.kind == Kind::VideoCall)
            }
            Meaning::Clear(intent, None) => self.act(now, situation, history, intent.kind),
            Meaning::Ambiguous(intent, people) => self.ask(&intent, people),
            Meaning::UnknownName(intent) => vec![self.refuse(&intent)],
            Meaning::NotForUs => self.handle_nothing(book),
        }
    }

    fn say(&self, prompt: &str, places: &[(&str, &str)]) -> Effect {
        Effect::Say(self.pack.prompt(prompt, places), Vec::new())
    }

    fn refuse(&self, intent: &Intent) -> Effect {
        let digits: String = intent.name.split(' ').collect();
        if EMERGENCY.contains(&digits.as_str()) || intent.name == "emergency" {
            return self.say("no-emergency", &[]);
        }
        self.say("unknown-name", &[("name", &intent.name)])
    }

    fn ask(&mut self, intent: &Intent, mut people: Vec<Person>) -> Vec<Effect> {
        people.truncate(MAX_CHOICES);
        let names: Vec<String> = people.iter().map(|person| person.name.clone()).collect();
        let or = format!(" {} ", self.pack.prompt("or", &[]));
        let question = self.pack.prompt("which", &[("names", &names.join(&or))]);
        let video = intent.kind == Kind::VideoCall;
        self.stage = Stage::Choosing { people, video };
        vec![Effect::Say(question, names), Effect::Listen]
    }

    /// A full name said as the answer to "which one?".
    fn choice(&self, text: &str) -> Option<usize> {
        let Stage::Choosing { people, .. } = &self.stage else { return None };
        let said = normalise(text);
        let fits = |person: &Person| normalise(&person.name) == said;
        let first = people.iter().position(fits)?;
        // Two people of the same full name: only a number tells them apart.
        (people.iter().filter(|person| fits(person)).count() == 1).then_some(first)
    }

    fn choose(&mut self, now: Now, index: usize) -> Vec<Effect> {
        let Stage::Choosing { people, video } = &self.stage else { return Vec::new() };
        let video = *video;
        match people.get(index).cloned() {
            Some(person) => self.count_down_to(now, &person, video),
            None => vec![self.say("not-understood", &[]), Effect::Listen],
        }
    }

    fn count_down_to(&mut self, now: Now, person: &Person, video: bool) -> Vec<Effect> {
        let target = Target::Person(person.contact.clone(), video);
        self.count_down(now, target, &person.name, video)
    }

    fn count_down(&mut self, now: Now, target: Target, name: &str, video: bool) -> Vec<Effect> {
        self.stage = Stage::Countdown { target, at: now.mono + self.countdown };
        let prompt = if video { "calling-video" } else { "calling" };
        vec![self.say(prompt, &[("name", name)])]
    }

    fn act(
        &mut self,
        now: Now,
        situation: Situation,
        history: &History,
        kind: Kind,
    ) -> Vec<Effect> {
        match kind {
            Kind::Answer => vec![Effect::Answer(false)],
            Kind::AnswerVideo => vec![Effect::Answer(true)],
            Kind::Decline => vec![Effect::Decline],
            Kind::Silence => vec![Effect::Silence],
            Kind::HangUp => vec![Effect::HangUp],
            Kind::Mute => vec![Effect::SetMuted(true)],
            Kind::Unmute => vec![Effect::SetMuted(false)],
            Kind::CameraOn => vec![Effect::SetVideo(true)],
            Kind::CameraOff => vec![Effect::SetVideo(false)],
            Kind::Stop => match situation {
                Situation::Ringing => vec![Effect::Decline],
                Situation::InCall => vec![Effect::HangUp],
                Situation::Idle | Situation::Question => self.cancel(),
            },
            Kind::Redial => self.repeat(now, history.last_out.clone()),
            Kind::CallBack => self.repeat(now, history.last_in.clone()),
            Kind::WhoCalled => vec![self.who_called(&history.missed)],
            Kind::WhoIsIt if history.ringing.is_empty() => vec![self.say("unknown-caller", &[])],
            Kind::WhoIsIt => vec![self.say("is-calling", &[("name", &history.ringing)])],
            Kind::Yes => self.handle_timeout_now(),
            Kind::No | Kind::Cancel => self.cancel(),
            Kind::First => self.choose(now, 0),
            Kind::Second => self.choose(now, 1),
            Kind::Third => self.choose(now, 2),
            Kind::Help => vec![self.help(situation), Effect::Listen],
            // A call without a name is not a whole phrase of any pack.
            Kind::Call | Kind::VideoCall => Vec::new(),
        }
    }

    /// "Yes" while counting down: no need to wait.
    fn handle_timeout_now(&mut self) -> Vec<Effect> {
        self.handle_timeout(Now { mono: Duration::MAX, unix_us: 0 })
    }

    fn help(&self, situation: Situation) -> Effect {
        let prompt = match situation {
            Situation::Idle => "help-idle",
            Situation::Ringing => "help-ringing",
            Situation::InCall => "help-in-call",
            Situation::Question => "help-question",
        };
        self.say(prompt, &[])
    }

    fn repeat(&mut self, now: Now, last: Option<(Handle, String, bool)>) -> Vec<Effect> {
        match last {
            Some((handle, name, video)) => {
                self.count_down(now, Target::Handle(handle, video), &name, video)
            }
            None => vec![self.say("no-last-call", &[])],
        }
    }

    fn who_called(&self, missed: &[String]) -> Effect {
        if missed.is_empty() {
            return self.say("nobody-called", &[]);
        }
        let mut names: Vec<String> = Vec::new();
        for name in missed {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        names.truncate(MAX_CHOICES);
        Effect::Say(self.pack.prompt("who-called", &[("names", &names.join(", "))]), names)
    }
}
