//! Voice commands as the app uses them: the worker, the dialogue, the book of spoken names.
//!
//! Owns: when to listen and with what, which recogniser and model. Does not own: the process, or
//! what an effect does. Invariant: the wake word is waited for exactly while it is wanted and nothing
//! else is listened to.

mod lessons;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use ahoy_core::{
    id::Now,
    voice::{
        Book, Dialogue, Effect, Engine, Grammar, History, Hypothesis, Intent, Meaning, Pack,
        Person, Situation, VoiceCommand, Ways,
    },
};

use super::{
    ears::{Ears, Purpose},
    lock,
    recognisers::{self, POCKETSPHINX_EN, Room},
    request::{Dict, Fault, FaultKind, Plain},
};
use crate::worker::{Link, Voice};
use lessons::Lessons;

/// The wait before a call that was asked for by voice (design/voice.md).
pub(super) const COUNTDOWN: Duration = Duration::from_secs(2);
/// Listening gives up after this long without a word, ms.
const LISTEN_MS: u32 = 8000;
/// A wait for the wake word that failed is tried again after this.
const AGAIN: Duration = Duration::from_secs(60);
/// The recogniser's process stays this long after its last use: its model's memory goes back.
const LINGER: Duration = Duration::from_secs(60);
/// Bytes of a locale pack that are read.
const MAX_PACK: u64 = 256 * 1024;
/// The dictionary of the English model of PocketSphinx.
pub(super) const DICTIONARY: &str = "/usr/share/pocketsphinx/model/en-us/cmudict-en-us.dict";

/// What the settings say about voice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wish {
    /// `auto`, `pocketsphinx` or `vosk`.
    pub(super) engine: String,
    /// A language tag.
    pub(super) locale: String,
    /// PipeWire node name.
    pub(super) microphone: Option<String>,
    /// To be woken by; empty: by nothing.
    pub(super) word: String,
}

/// The voice side of the app.
pub(super) struct Talk {
    link: Option<Link<Voice>>,
    engines: Vec<Engine>,
    dialogue: Dialogue,
    book: Book,
    lessons: Lessons,
    wish: Wish,
    models: PathBuf,
    packs: PathBuf,
    room: Room,
    /// To be listened to as soon as the worker runs.
    pending: bool,
    ears: Ears,
    /// What the wait for the wake word was begun with, and when one that failed is tried again.
    wait: Option<(Situation, String)>,
    wait_again: Option<Duration>,
    /// How long the ears stay open without a word, ms.
    timeout_ms: u32,
    /// The session is locked: few words count.
    locked: bool,
    /// It was spoken to last, not typed to.
    aloud: bool,
    used: Option<Duration>,
}

impl Talk {
    pub(super) fn new(wish: Wish, models: PathBuf, packs: PathBuf, room: Room) -> Self {
        let dialogue = Dialogue::new(pack(&wish.locale, &packs), COUNTDOWN);
        Self {
            link: None,
            engines: Vec::new(),
            dialogue,
            book: Book::default(),
            lessons: Lessons::default(),
            wish,
            models,
            packs,
            room,
            pending: false,
            ears: Ears::default(),
            wait: None,
            wait_again: None,
            timeout_ms: LISTEN_MS,
            locked: false,
            aloud: false,
            used: None,
        }
    }

    /// Settings changed.
    pub(super) fn set_wish(&mut self, wish: Wish) {
        if wish.locale != self.wish.locale {
            self.dialogue = Dialogue::new(pack(&wish.locale, &self.packs), COUNTDOWN);
        }
        if wish != self.wish {
            self.wait = None;
        }
        self.wish = wish;
    }

    /// The address book, and how its names are said as far as that was taught.
    pub(super) fn set_book(&mut self, people: Vec<Person>, taught: Ways) {
        self.book = Book::new(people);
        self.lessons.set_taught(taught);
        self.wait = None;
    }

    /// The session is locked or open again. A question from before the lock is dropped.
    pub(super) fn set_locked(&mut self, locked: bool) -> Vec<Effect> {
        self.locked = locked;
        if locked { self.close() } else { Vec::new() }
    }

    /// Something to say in the language that is spoken.
    pub(super) fn prompt(&self, name: &str, places: &[(&str, &str)]) -> String {
        self.dialogue.pack().prompt(name, places)
    }

    pub(super) fn is_listening(&self) -> bool {
        self.ears.is_listening() || self.pending
    }

    fn is_asked(&self) -> bool {
        self.pending || self.ears.purpose() == Some(Purpose::Command)
    }

    /// Whether the dialogue goes on: ears open, a question asked, or a countdown running.
    pub(super) fn is_going_on(&self) -> bool {
        self.is_listening() || self.dialogue.is_open() || self.lessons.is_on()
    }

    /// The worker runs. What it listens for is sent once it has said what it can.
    pub(super) fn started(&mut self, link: Link<Voice>) {
        self.link = Some(link);
    }

    /// The worker says which recognisers it has.
    pub(super) fn ready(&mut self, engines: Vec<Engine>, calls: Situation) -> Result<(), Fault> {
        self.engines = engines;
        self.room.look();
        self.look_over();
        if std::mem::take(&mut self.pending) { self.listen(calls) } else { Ok(()) }
    }

    /// The worker is gone. True when it was listening, which is then over.
    pub(super) fn exited(&mut self) -> bool {
        self.link = None;
        self.engines.clear();
        self.lessons.end();
        self.lessons.give_up("the recogniser stopped");
        let was = self.is_listening();
        (self.pending, self.ears, self.wait) = (false, Ears::Closed, None);
        was
    }

    /// Opens the ears: at once when the worker runs, else as soon as it does.
    pub(super) fn open(&mut self, now: Now, calls: Situation) -> Result<(), Fault> {
        self.open_for(now, calls, LISTEN_MS)
    }

    /// Opens the ears for so many milliseconds.
    pub(super) fn open_for(
        &mut self,
        now: Now,
        calls: Situation,
        timeout_ms: u32,
    ) -> Result<(), Fault> {
        self.timeout_ms = timeout_ms;
        if self.is_asked() {
            return Err(Fault::new(FaultKind::InvalidState, "already listening"));
        }
        (self.used, self.aloud) = (Some(now.mono), true);
        if self.link.is_none() || self.engines.is_empty() {
            self.pending = true;
            return Ok(());
        }
        self.listen(calls)
    }

    fn listen(&mut self, calls: Situation) -> Result<(), Fault> {
        if self.lessons.is_on() {
            return self.learn();
        }
        let (engine, model) = self.choose()?;
        let grammar = self.grammar(calls);
        let Some(link) = &self.link else { return Ok(()) };
        let command = VoiceCommand::Listen {
            engine,
            model: model.display().to_string(),
            grammar,
            microphone: self.wish.microphone.clone(),
            timeout_ms: self.timeout_ms,
        };
        let sent = link.send(VoiceCommand::PipeWire).and_then(|()| link.send(command));
        sent.map_err(|error| Fault::new(FaultKind::InvalidState, error.to_string()))?;
        self.ears.handle_sent(Purpose::Command);
        self.wait = None;
        Ok(())
    }

    fn grammar(&self, calls: Situation) -> Grammar {
        let situation = self.dialogue.situation(calls);
        self.lessons.with_sounds(self.dialogue.pack().grammar(situation, &self.book))
    }

    fn choose(&self) -> Result<(Engine, PathBuf), Fault> {
        recognisers::choose(&self.wish, &self.models, &self.engines, &self.room)
    }

    /// What the settings say, and where models are.
    pub(super) fn wish(&self) -> (&Wish, &Path) {
        (&self.wish, &self.models)
    }

    /// What can be pressed in answer to what is open: label and words.
    pub(super) fn answers(&self) -> Vec<(String, String)> {
        self.dialogue.answers()
    }

    /// Words that were pressed: who speaks may press, too.
    pub(super) fn pressed(
        &mut self,
        now: Now,
        calls: Situation,
        history: &History,
        words: &str,
    ) -> Vec<Effect> {
        self.close_ears();
        self.words(now, calls, history, (words, 1.0))
    }

    /// Whether it was spoken to last, not typed to.
    pub(super) const fn is_aloud(&self) -> bool {
        self.aloud
    }

    /// What it says is being spoken until then, at the latest.
    pub(super) const fn speaking(&mut self, over: Duration) {
        self.dialogue.handle_speaking(over);
    }

    /// Somebody begins to speak.
    pub(super) fn partial(&mut self, now: Now) {
        self.dialogue.handle_partial(now);
    }

    /// Closes the ears, and whatever question is open.
    pub(super) fn close(&mut self) -> Vec<Effect> {
        self.close_ears();
        self.lessons.end();
        self.dialogue.cancel()
    }

    /// Closes the ears.
    pub(super) fn close_ears(&mut self) {
        if self.ears.is_listening() {
            self.stop();
        }
        self.pending = false;
    }

    fn stop(&mut self) {
        if self.ears.purpose().is_some()
            && let Some(link) = &self.link
            && let Err(error) = link.send(VoiceCommand::Stop)
        {
            tracing::debug!(%error, "voice worker");
        }
        self.ears.handle_stop();
        self.wait = None;
    }

    /// Waits for the wake word where it is wanted and may be, and for what counts now.
    pub(super) fn reconcile_wait(&mut self, now: Now, calls: Situation, may: bool) {
        self.wait_again.take_if(|again| *again <= now.mono);
        let wanted = may && !self.wish.word.is_empty() && !self.is_going_on();
        if !wanted {
            if self.ears.purpose() == Some(Purpose::Wake) && !self.ears.is_listening() {
                self.stop();
            }
            return;
        }
        let same = self.wait.as_ref().is_some_and(|(then, word)| {
            *then == calls && *word == self.wish.word && self.ears.purpose().is_some()
        });
        if same || self.wait_again.is_some() || self.engines.is_empty() {
            return;
        }
        if let Err(fault) = self.wait_for_word(calls) {
            tracing::warn!(%fault, "the wake word is not waited for");
            self.wait_again = Some(now.mono + AGAIN);
        }
    }

    fn wait_for_word(&mut self, calls: Situation) -> Result<(), Fault> {
        let (engine, model) = self.choose()?;
        let Some(link) = &self.link else { return Ok(()) };
        let command = VoiceCommand::Wait {
            word: self.wish.word.clone(),
            wake_model: POCKETSPHINX_EN.to_owned(),
            engine,
            model: model.display().to_string(),
            grammar: self.grammar(calls),
            microphone: self.wish.microphone.clone(),
        };
        let sent = link.send(VoiceCommand::PipeWire).and_then(|()| link.send(command));
        sent.map_err(|error| Fault::new(FaultKind::InvalidState, error.to_string()))?;
        self.ears.handle_sent(Purpose::Wake);
        self.wait = Some((calls, self.wish.word.clone()));
        self.wait_again = None;
        Ok(())
    }

    /// The worker says that the microphone is open: for a command, or for the wake word.
    pub(super) fn opened(&mut self, of: Purpose, woken: bool) {
        self.ears.handle_open(of, woken);
        self.aloud |= woken;
    }

    /// It says that it stopped.
    pub(super) fn stopped(&mut self, now: Now) -> bool {
        self.used = Some(now.mono);
        self.ears.handle_stopped()
    }

    /// The worker says that it is over by itself, the microphone closed. False where that was an
    /// order which another has replaced.
    pub(super) fn closed(&mut self, now: Now) -> bool {
        self.used = Some(now.mono);
        self.wait = None;
        self.ears.handle_over(false).is_some()
    }

    /// The worker says that it cannot. What it could not do, where that counts.
    pub(super) fn failed(&mut self, now: Now) -> Option<Purpose> {
        let what = self.ears.handle_over(true);
        self.lessons.end();
        self.wait = None;
        if what == Some(Purpose::Wake) {
            self.wait_again = Some(now.mono + AGAIN);
        }
        what
    }

    /// Whether one of these readings is a command now.
    pub(super) fn means_something(&self, calls: Situation, readings: &[Hypothesis]) -> bool {
        readings.iter().any(|one| self.means(self.dialogue.situation(calls), one))
    }

    fn means(&self, situation: Situation, one: &Hypothesis) -> bool {
        let meaning = self.dialogue.pack().interpret(situation, &self.book, &one.text);
        meaning != Meaning::NotForUs
    }

    /// Readings came, best first: the first that means something counts.
    pub(super) fn heard(
        &mut self,
        now: Now,
        calls: Situation,
        history: &History,
        readings: &[Hypothesis],
    ) -> (String, Vec<Effect>) {
        self.aloud = true;
        let situation = self.dialogue.situation(calls);
        let best = readings.iter().find(|one| self.means(situation, one)).or(readings.first());
        let (text, score) = best.map_or((String::new(), 0.0), |one| (one.text.clone(), one.score));
        let effects = self.words(now, calls, history, (&text, score));
        (text, effects)
    }

    /// Words from a keyboard.
    pub(super) fn text(
        &mut self,
        now: Now,
        calls: Situation,
        history: &History,
        text: &str,
    ) -> Vec<Effect> {
        self.aloud = false;
        self.words(now, calls, history, (text, 1.0))
    }

    fn words(
        &mut self,
        now: Now,
        calls: Situation,
        history: &History,
        (text, score): (&str, f64),
    ) -> Vec<Effect> {
        if self.locked && !self.may_be_said(calls, text) {
            // Not by the dialogue: its answers name contacts and callers.
            return vec![Effect::Say(lock::WHY.to_owned(), Vec::new())];
        }
        self.dialogue.handle_text(now, calls, (&self.book, history), (text, score))
    }

    /// Whether words mean something that is done while the session is locked.
    fn may_be_said(&self, calls: Situation, text: &str) -> bool {
        match self.dialogue.pack().interpret(calls, &self.book, text) {
            Meaning::Clear(intent, None) => lock::may_be_said(intent.kind()),
            Meaning::Clear(_, Some(_))
            | Meaning::Ambiguous(..)
            | Meaning::UnknownName(_)
            | Meaning::NotForUs => false,
        }
    }

    pub(super) fn nothing(&mut self) -> Vec<Effect> {
        if let Some(effects) = self.nothing_sounded() {
            return effects;
        }
        if self.locked {
            // What it says of nothing ends with names of contacts.
            return Vec::new();
        }
        self.dialogue.handle_nothing(&self.book)
    }

    pub(super) fn timeout(&mut self, now: Now) -> Vec<Effect> {
        self.dialogue.handle_timeout(now)
    }

    pub(super) fn next_timeout(&self) -> Option<Duration> {
        let used = self.used.filter(|_| self.wish.word.is_empty());
        let idle = self.link.as_ref().and(used).map(|used| used + LINGER);
        // Due only while it is still to be tried again.
        let again = self.wait_again.filter(|_| self.ears.purpose().is_none());
        [self.dialogue.next_timeout(), idle, again].into_iter().flatten().min()
    }

    /// Whether the worker should run.
    pub(super) fn is_wanted(&self, now: Duration) -> bool {
        let waits = !self.wish.word.is_empty();
        waits
            || self.is_listening()
            || self.lessons.is_wanted()
            || self.used.is_some_and(|used| now < used + LINGER)
    }

    /// What words mean that are typed where there is no call to talk about.
    pub(super) fn meaning(&self, text: &str) -> Meaning {
        self.dialogue.pack().interpret(Situation::Idle, &self.book, text)
    }

    /// How somebody is called in the language of the commands, with `{name}` for whom.
    pub(super) fn call_phrase(&self, video: bool) -> String {
        let phrase = self.dialogue.pack().call_phrase(video);
        phrase.unwrap_or_else(|| "{name}".to_owned())
    }

    /// What a sentence would mean now: intent, slots, score.
    pub(super) fn interpret(&self, calls: Situation, text: &str) -> (String, Dict, f64) {
        let situation = self.dialogue.situation(calls);
        let named = |intent: &Intent| (intent.kind().as_str().to_owned(), intent.name().to_owned());
        let (kind, name, people, score) =
            match self.dialogue.pack().interpret(situation, &self.book, text) {
                Meaning::Clear(intent, person) => {
                    let (kind, name) = named(&intent);
                    (kind, name, person.into_iter().collect(), 1.0)
                }
                Meaning::Ambiguous(intent, people) => {
                    let (kind, name) = named(&intent);
                    (kind, name, people, 0.5)
                }
                Meaning::UnknownName(intent) => {
                    let (kind, name) = named(&intent);
                    (kind, name, Vec::new(), 0.0)
                }
                Meaning::NotForUs => ("none".to_owned(), String::new(), Vec::new(), 0.0),
            };
        let mut slots = Dict::new();
        if !name.is_empty() {
            slots.insert("name".to_owned(), Plain::Text(name));
            slots.insert("video".to_owned(), Plain::Bool(kind == "video-call"));
        }
        match people.as_slice() {
            [] => {}
            [one] => {
                slots.insert("contact-id".to_owned(), Plain::Text(one.contact.0.clone()));
            }
            several => {
                let names = several.iter().map(|person| person.name.clone()).collect();
                slots.insert("choices".to_owned(), Plain::Texts(names));
            }
        }
        (kind, slots, score)
    }
}

/// The user's own pack of a language, else the built-in one, else English.
fn pack(locale: &str, packs: &Path) -> Pack {
    let own = own_pack(locale, packs).and_then(|read| {
        read.inspect_err(|why| tracing::warn!(why, "voice commands are those that are built in"))
            .ok()
    });
    own.or_else(|| {
        let built_in = Pack::built_in(locale);
        built_in.inspect_err(|error| tracing::warn!(%error, "voice commands are in English")).ok()
    })
    .or_else(|| Pack::built_in("en").ok())
    .unwrap_or_else(|| unreachable!("the built-in English pack is checked by a test"))
}

/// `None`: there is none.
fn own_pack(locale: &str, packs: &Path) -> Option<Result<Pack, String>> {
    let language = locale
        .split(['-', '_', '.'])
        .next()
        .filter(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric()))?;
    let path = packs.join(format!("{language}.toml"));
    let wrong = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let file = match std::fs::File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => return Some(Err(wrong(&error))),
    };
    let mut text = String::new();
    let read = std::io::Read::read_to_string(&mut std::io::Read::take(file, MAX_PACK), &mut text);
    Some(match read {
        Ok(_) => Pack::parse(&text).map_err(|error| wrong(&error)),
        Err(error) => Err(wrong(&error)),
    })
}
