//! The dialogue: what the assistant does and says back.
//!
//! Owns: the question that is open, the countdown before a call, how often it did not understand.
//! Does not own: the recogniser, or carrying out an effect. Invariant: a call is placed only for a
//! clear meaning, after its countdown; anything less asks or refuses.

mod message;

use std::time::Duration;

use super::{
    book::{Book, Person},
    effect::{Effect, History, is_short_number},
    intent::{Bare, Intent, Meaning, Situation, normalise},
    pack::Pack,
    slots::By,
};
use crate::id::{ContactId, Handle, Now};

/// A recogniser's score from which on it is taken at its word where somebody is to be called. In
/// `tests/bench hearing` wrong names were believed with scores up to 0.77, right ones mostly have more
/// than 0.95.
pub const SURE: f64 = 0.8;
/// How long the words of who begins to speak before a call may take to go on.
const OBJECTION: Duration = Duration::from_millis(1500);
/// A question offers at most this many people (design/voice.md).
const MAX_CHOICES: usize = 3;

/// How somebody is to be called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Wish {
    video: bool,
    by: Option<By>,
}

/// What is to be called.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Target {
    Person(ContactId, Wish),
    Handle(Handle, bool),
}

impl Target {
    fn wish(&self) -> Wish {
        match self {
            Self::Person(_, wish) => wish.clone(),
            Self::Handle(_, video) => Wish { video: *video, by: None },
        }
    }

    fn call(self) -> Effect {
        match self {
            Self::Person(contact, Wish { video, by }) => Effect::Call { contact, video, by },
            Self::Handle(handle, video) => Effect::CallHandle(handle, video),
        }
    }
}

/// Where the dialogue stands.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    /// Nothing is open.
    Closed,
    /// Several people fit: which one?
    Choosing { people: Vec<Person>, wish: Wish },
    /// Calls when "yes" is said, and not before.
    Confirming(Target),
    /// A message is being dictated to somebody of this name.
    Dictating(String),
    /// It was read back, and goes when "yes" is said.
    Drafted { name: String, text: String },
    /// Calls when the time comes, unless cancelled.
    Countdown { target: Target, name: String, at: Duration },
}

/// The assistant's side of one conversation.
#[derive(Clone, Debug)]
pub struct Dialogue {
    pack: Pack,
    stage: Stage,
    failures: u8,
    countdown: Duration,
    /// What was said last, for "repeat".
    said: Option<Effect>,
}

impl Dialogue {
    /// A dialogue in a language, with the wait before a call.
    #[must_use]
    pub const fn new(pack: Pack, countdown: Duration) -> Self {
        Self { pack, stage: Stage::Closed, failures: 0, countdown, said: None }
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
            Stage::Choosing { .. } | Stage::Confirming(_) | Stage::Countdown { .. } => {
                Situation::Question
            }
            Stage::Dictating(_) => Situation::Message,
            Stage::Drafted { .. } => Situation::Draft,
            Stage::Closed => calls,
        }
    }

    /// Whether a question or a countdown is open.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        !matches!(self.stage, Stage::Closed)
    }

    /// What can be answered to what is open, for who would rather press than speak: what stands on
    /// the button, and the words that it stands for.
    #[must_use]
    pub fn answers(&self) -> Vec<(String, String)> {
        let word = |bare| self.pack.word(bare);
        let plain = |bare| word(bare).map(|word| (word.clone(), word));
        match &self.stage {
            Stage::Closed => Vec::new(),
            Stage::Confirming(_) => [Bare::Yes, Bare::No].into_iter().filter_map(plain).collect(),
            Stage::Countdown { .. } | Stage::Dictating(_) => {
                plain(Bare::Cancel).into_iter().collect()
            }
            Stage::Drafted { .. } => {
                [Bare::Yes, Bare::Again, Bare::Cancel].into_iter().filter_map(plain).collect()
            }
            Stage::Choosing { people, .. } => {
                let names = people.iter().map(|person| person.name.clone());
                let places = [Bare::First, Bare::Second, Bare::Third].into_iter();
                names.zip(places).filter_map(|(name, at)| Some((name, word(at)?))).collect()
            }
        }
    }

    /// When [`Self::handle_timeout`] is due.
    #[must_use]
    pub const fn next_timeout(&self) -> Option<Duration> {
        match self.stage {
            Stage::Countdown { at, .. } => Some(at),
            Stage::Closed
            | Stage::Choosing { .. }
            | Stage::Confirming(_)
            | Stage::Dictating(_)
            | Stage::Drafted { .. } => None,
        }
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Now) -> Vec<Effect> {
        match std::mem::replace(&mut self.stage, Stage::Closed) {
            Stage::Countdown { target, at, .. } if at <= now.mono => vec![target.call()],
            other @ (Stage::Countdown { .. }
            | Stage::Confirming(_)
            | Stage::Choosing { .. }
            | Stage::Dictating(_)
            | Stage::Drafted { .. }
            | Stage::Closed) => {
                self.stage = other;
                Vec::new()
            }
        }
    }

    /// What was said last is being spoken until `over` at the latest: the wait before a call begins
    /// behind it. Nobody can object to what they have not heard yet.
    pub const fn handle_speaking(&mut self, over: Duration) {
        if let Stage::Countdown { at, .. } = &mut self.stage {
            *at = over.saturating_add(self.countdown);
        }
    }

    /// Somebody is speaking: the call waits for what they say.
    pub fn handle_partial(&mut self, now: Now) {
        if let Stage::Countdown { at, .. } = &mut self.stage {
            *at = (*at).max(now.mono + OBJECTION);
        }
    }

    /// Drops whatever is open: a key was pressed, or listening was stopped.
    pub fn cancel(&mut self) -> Vec<Effect> {
        self.failures = 0;
        match std::mem::replace(&mut self.stage, Stage::Closed) {
            Stage::Closed => Vec::new(),
            Stage::Choosing { .. } | Stage::Confirming(_) | Stage::Countdown { .. } => {
                vec![self.say("cancelled", &[])]
            }
            Stage::Dictating(_) | Stage::Drafted { .. } => vec![self.say("message-dropped", &[])],
        }
    }

    /// Nothing usable was heard.
    pub fn handle_nothing(&mut self, book: &Book) -> Vec<Effect> {
        if let Stage::Countdown { .. } = self.stage {
            // It may have been an objection.
            return self.doubt(Vec::new());
        }
        self.failures += 1;
        if self.failures < 2 {
            return vec![self.say("not-understood", &[]), Effect::Listen];
        }
        if let Stage::Dictating(_) | Stage::Drafted { .. } = self.stage {
            return self.cancel();
        }
        self.failures = 0;
        self.stage = Stage::Closed;
        let names = book.forms().take(10).map(str::to_owned).collect();
        vec![Effect::Say(self.pack.prompt("given-up", &[]), names)]
    }

    /// Words were typed, or heard with this score. Who was heard doubtfully is called after a yes only;
    /// what opens microphone, camera or screen, or ends a call, is not done.
    pub fn handle_text(
        &mut self,
        now: Now,
        calls: Situation,
        (book, history): (&Book, &History),
        (text, score): (&str, f64),
    ) -> Vec<Effect> {
        let before = self.stage.clone();
        let mut effects = self.answer(now, calls, book, history, text);
        if score < SURE {
            if let Stage::Countdown { .. } = self.stage {
                effects = self.doubt(effects);
            } else if effects.iter().any(Effect::needs_certainty) {
                // Said again, it is heard again: sooner than a camera that nobody asked for.
                self.stage = before;
                effects = self.handle_nothing(book);
            }
        }
        // What is repeated is what was last said of substance.
        let said = effects.iter().find(|effect| matches!(effect, Effect::Say(..)));
        self.said = said.cloned().or_else(|| self.said.take());
        effects
    }

    /// Asks before it counts down.
    fn doubt(&mut self, said: Vec<Effect>) -> Vec<Effect> {
        match std::mem::replace(&mut self.stage, Stage::Closed) {
            Stage::Countdown { target, name, .. } => {
                self.stage = Stage::Confirming(target);
                vec![self.say("confirm-call", &[("name", &name)]), Effect::Listen]
            }
            other @ (Stage::Closed
            | Stage::Choosing { .. }
            | Stage::Confirming(_)
            | Stage::Dictating(_)
            | Stage::Drafted { .. }) => {
                self.stage = other;
                said
            }
        }
    }

    fn answer(
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
            Meaning::Clear(Intent::SendMessage { text, .. }, person) => {
                self.message(history, person.as_slice(), &text)
            }
            Meaning::Ambiguous(Intent::SendMessage { text, .. }, people) => {
                self.message(history, &people, &text)
            }
            Meaning::Clear(Intent::Dictate(text), _) => self.draft(&text),
            Meaning::Clear(intent, Some(person)) => {
                let wish = self.wish(&intent);
                self.count_down_to(now, &person, wish)
            }
            Meaning::Clear(intent, None) => self.carry_out(now, situation, history, intent),
            Meaning::Ambiguous(intent, people) => {
                let wish = self.wish(&intent);
                self.ask(wish, people)
            }
            Meaning::UnknownName(intent) => {
                self.stage = Stage::Closed;
                vec![self.refuse(&intent)]
            }
            Meaning::NotForUs => self.handle_nothing(book),
        }
    }

    /// How somebody who was named is to be called: who is named instead of another, as that one.
    fn wish(&self, intent: &Intent) -> Wish {
        match (intent, &self.stage) {
            (Intent::Call { video, by, .. }, _) => Wish { video: *video, by: by.clone() },
            (_, Stage::Choosing { wish, .. }) => wish.clone(),
            (_, Stage::Confirming(target) | Stage::Countdown { target, .. }) => target.wish(),
            (_, Stage::Closed | Stage::Dictating(_) | Stage::Drafted { .. }) => Wish::default(),
        }
    }

    fn say(&self, prompt: &str, places: &[(&str, &str)]) -> Effect {
        Effect::Say(self.pack.prompt(prompt, places), Vec::new())
    }

    fn refuse(&self, intent: &Intent) -> Effect {
        let name = intent.name();
        if self.pack.is_emergency(name) {
            return self.say("no-emergency", &[]);
        }
        self.say("unknown-name", &[("name", name)])
    }

    fn ask(&mut self, wish: Wish, mut people: Vec<Person>) -> Vec<Effect> {
        people.truncate(MAX_CHOICES);
        let names: Vec<String> = people.iter().map(|person| person.name.clone()).collect();
        let or = format!(" {} ", self.pack.prompt("or", &[]));
        let question = self.pack.prompt("which", &[("names", &names.join(&or))]);
        self.stage = Stage::Choosing { people, wish };
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
        let Stage::Choosing { people, wish } = &self.stage else { return Vec::new() };
        match people.get(index).cloned() {
            Some(person) => {
                let wish = wish.clone();
                self.count_down_to(now, &person, wish)
            }
            None => vec![self.say("not-understood", &[]), Effect::Listen],
        }
    }

    fn count_down_to(&mut self, now: Now, person: &Person, wish: Wish) -> Vec<Effect> {
        let target = Target::Person(person.contact.clone(), wish);
        self.count_down(now, target, &person.name)
    }

    fn count_down(&mut self, now: Now, target: Target, name: &str) -> Vec<Effect> {
        let prompt = if target.wish().video { "calling-video" } else { "calling" };
        let at = now.mono + self.countdown;
        self.stage = Stage::Countdown { target, name: name.to_owned(), at };
        // For "cancel", and for "no, Bob".
        vec![self.say(prompt, &[("name", name)]), Effect::Listen]
    }

    fn carry_out(
        &mut self,
        now: Now,
        situation: Situation,
        history: &History,
        intent: Intent,
    ) -> Vec<Effect> {
        match intent {
            Intent::Bare(bare) => self.act(now, situation, history, bare),
            Intent::CallNumber(number) => self.confirm(&number),
            Intent::CallFavourite(place) => self.call_favourite(now, history, place),
            Intent::PressDigits(digits) => vec![Effect::PressDigits(digits)],
            Intent::DoNotDisturb(minutes) => {
                let said = match minutes {
                    Some(minutes) => self.say("quiet-until", &[("minutes", &minutes.to_string())]),
                    None => self.say("quiet", &[]),
                };
                vec![Effect::DoNotDisturb(minutes), said]
            }
            // A name is resolved to a person, or to nobody, before it comes here; so are messages.
            Intent::Call { .. }
            | Intent::Instead(_)
            | Intent::SendMessage { .. }
            | Intent::Dictate(_) => Vec::new(),
        }
    }

    fn act(
        &mut self,
        now: Now,
        situation: Situation,
        history: &History,
        bare: Bare,
    ) -> Vec<Effect> {
        match bare {
            Bare::Answer => vec![Effect::Answer(false)],
            Bare::AnswerVideo => vec![Effect::Answer(true)],
            Bare::Decline => vec![Effect::Decline],
            Bare::Silence => vec![Effect::Silence],
            Bare::HangUp => vec![Effect::HangUp],
            Bare::Mute => vec![Effect::SetMuted(true)],
            Bare::Unmute => vec![Effect::SetMuted(false)],
            Bare::CameraOn => vec![Effect::SetVideo(true)],
            Bare::CameraOff => vec![Effect::SetVideo(false)],
            Bare::SwitchCamera => vec![Effect::SwitchCamera],
            Bare::Hold => vec![Effect::Hold],
            // Of two calls the one that is held is talked in next, whichever way it is said.
            Bare::Resume | Bare::Swap => vec![Effect::Resume],
            Bare::ShareScreen => vec![Effect::ShareScreen(true)],
            Bare::StopSharing => vec![Effect::ShareScreen(false)],
            Bare::Stop => match situation {
                Situation::Ringing => vec![Effect::Decline],
                Situation::InCall => vec![Effect::HangUp],
                Situation::Idle | Situation::Question | Situation::Message | Situation::Draft => {
                    self.cancel()
                }
            },
            Bare::Redial => self.redial(now, history.last_out.clone()),
            Bare::CallBack => self.redial(now, history.last_in.clone()),
            Bare::Yes => self.confirmed(),
            Bare::No | Bare::Cancel => self.cancel(),
            Bare::First => self.choose(now, 0),
            Bare::Second => self.choose(now, 1),
            Bare::Third => self.choose(now, 2),
            Bare::Again => self.dictate_again(),
            Bare::Repeat => self.repeat(),
            Bare::Help => vec![self.help(situation), Effect::Listen],
            Bare::Disturb => vec![Effect::Disturb, self.say("not-quiet", &[])],
            Bare::WhoCalled => vec![self.who_called(&history.missed)],
            Bare::Favourites => vec![self.favourites(history)],
            Bare::WhoIsIt if history.ringing.is_empty() => vec![self.say("unknown-caller", &[])],
            Bare::WhoIsIt => vec![self.say("is-calling", &[("name", &history.ringing)])],
            Bare::GroupCall => vec![self.say("no-group-calls", &[])],
            Bare::Emergency => vec![self.say("no-emergency", &[])],
            Bare::Captions => vec![Effect::Captions(true)],
            Bare::CaptionsOff => vec![Effect::Captions(false)],
            Bare::Speaker | Bare::Louder | Bare::PictureInPicture => {
                vec![self.say("cannot", &[])]
            }
        }
    }

    /// "Yes": what was asked about, or what is counted down to, at once.
    fn confirmed(&mut self) -> Vec<Effect> {
        match std::mem::replace(&mut self.stage, Stage::Closed) {
            Stage::Confirming(target) | Stage::Countdown { target, .. } => vec![target.call()],
            // "Which one?" is not answered by it.
            Stage::Drafted { text, .. } => {
                vec![Effect::SendMessage(text)]
            }
            asked @ (Stage::Choosing { .. } | Stage::Dictating(_)) => {
                self.stage = asked;
                vec![self.say("not-understood", &[]), Effect::Listen]
            }
            Stage::Closed => Vec::new(),
        }
    }

    /// A number is read back digit by digit, and dialled when that is right.
    fn confirm(&mut self, number: &str) -> Vec<Effect> {
        let Ok(handle) = Handle::new("tel", number) else {
            return vec![self.say("not-understood", &[]), Effect::Listen];
        };
        if is_short_number(&handle) {
            return vec![self.say("no-emergency", &[])];
        }
        let read: Vec<String> = number.chars().map(String::from).collect();
        self.stage = Stage::Confirming(Target::Handle(handle, false));
        vec![self.say("confirm-number", &[("number", &read.join(" "))]), Effect::Listen]
    }

    fn call_favourite(&mut self, now: Now, history: &History, place: usize) -> Vec<Effect> {
        let favourite = place.checked_sub(1).and_then(|at| history.favourites.get(at));
        let Some((contact, name, video)) = favourite else {
            let place = place.to_string();
            return vec![self.say("no-such-favourite", &[("place", &place)])];
        };
        let target = Target::Person(contact.clone(), Wish { video: *video, by: None });
        self.count_down(now, target, name)
    }

    fn favourites(&self, history: &History) -> Effect {
        let names: Vec<String> =
            history.favourites.iter().map(|(_, name, _)| name.clone()).collect();
        if names.is_empty() {
            return self.say("no-favourites", &[]);
        }
        let heard = names.iter().take(MAX_CHOICES).cloned().collect::<Vec<_>>().join(", ");
        Effect::Say(self.pack.prompt("favourites", &[("names", &heard)]), names)
    }

    fn repeat(&self) -> Vec<Effect> {
        let again = self.said.clone().unwrap_or_else(|| self.say("nothing-said", &[]));
        // Whoever could not hear a question wants to answer it.
        let listen = self.is_open().then_some(Effect::Listen);
        [again].into_iter().chain(listen).collect()
    }

    fn help(&self, situation: Situation) -> Effect {
        let prompt = match situation {
            Situation::Idle => "help-idle",
            Situation::Ringing => "help-ringing",
            Situation::InCall => "help-in-call",
            Situation::Question => "help-question",
            Situation::Message => "help-message",
            Situation::Draft => "help-draft",
        };
        self.say(prompt, &[])
    }

    fn redial(&mut self, now: Now, last: Option<(Handle, String, bool)>) -> Vec<Effect> {
        match last {
            Some((handle, ..)) if is_short_number(&handle) => {
                vec![self.say("no-emergency", &[])]
            }
            Some((handle, name, video)) => {
                self.count_down(now, Target::Handle(handle, video), &name)
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
