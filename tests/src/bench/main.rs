//! Figures of this machine: JSON lines {name, value, unit} on standard output.
//!
//! Owns: what is measured, and beside which peer. Does not own: judgement; a bench is no test.
//! Invariant: every speed stands beside a peer of the same run, so that figures of different
//! machines can be compared as ratios.

mod calls;
mod crypto;
mod hearing;
mod names;
mod process;
mod service;
mod wake;
mod window;
mod worker;

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use ahoy_trial::Result;

use self::hearing::corpus::Noise;

const USAGE: &str = "\
Usage: tests/bench [--quick] [crypto] [calls] [voice] [hearing] [microphone] [names] [book]
                   [wake] [service] [window]
       tests/bench hearing [--noise NAME]... [--phrases N] [--language en|ko]
       tests/bench microphone [--noise NAME]... [--phrases N]
       tests/bench names [--by spelling|phonemes]

Measures on this machine and prints one JSON object a line: {\"name\", \"value\", \"unit\"}.
Names that end in _ratio stand beside a peer measured in the same run.

  crypto   handshakes and sealed packets a second, beside plain Noise and plain ChaCha20-Poly1305
  calls    setting up, mouth to ear beside PipeWire's own delay, memory and CPU of each process
  voice    commands through a virtual microphone, and the time until the call
  hearing  commands in six voices, clean and in babble and music: right, refused, wrong, wrong calls;
           target/bench/hearing.svg shows what was taken for what; the same in Korean, in five voices,
           where AHOY_LIBVOSK names the library of Vosk and AHOY_VOSK_KO a model
    --noise NAME  only this, as often as wanted: clean, babble_20_db, babble_10_db, babble_5_db,
                  music_20_db, music_10_db, music_5_db
    --phrases N   so many phrases of each intent and situation: 2, or 1 with --quick
    --language L  only in English (en) or Korean (ko)
  microphone
           one phrase of each in the same voices and noises through virtual microphones, as long as they
           take to say, and the time from the end of speech; target/bench/microphone.svg
  names    200 names of many origins, all in one book: right, asked, refused, wrong, by the spelling alone
           and with what espeak-ng says of them
    --by WAY      only by the spelling, or only with the phonemes
  book     an address book of 2,000 people until it is listened for
  wake     the wake word: false wakes and commands in ten hours of talk and music from files and in
           another hour through a virtual microphone, commands after the word in six voices and
           noise, CPU and memory while waiting
  service  an action beside the bus alone, many apps and calls, a directory beside a hash map
  window   showing a video call of 360p30, by each of GTK's renderers, beside GStreamer without one

Examples:
  tests/bench
  tests/bench crypto | jq -s .
  tests/bench hearing --noise babble_20_db --phrases 1
";

/// Prints one figure.
fn figure(name: &str, value: f64, unit: &str) {
    let line = serde_json::json!({ "name": name, "value": value, "unit": unit });
    // A reader that went away needs no more figures.
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Where pictures go: beside the directory of the programs, `target/bench`.
fn picture(name: &str) -> PathBuf {
    let own = std::env::current_exe().unwrap_or_default();
    let target = own.ancestors().nth(2).unwrap_or(Path::new("."));
    target.join("bench").join(name)
}

/// Says what is going on, to people.
fn progress(what: &str) {
    let _ = writeln!(std::io::stderr(), "… {what}");
}

const PARTS: [&str; 10] = [
    "crypto",
    "calls",
    "voice",
    "hearing",
    "microphone",
    "names",
    "book",
    "wake",
    "service",
    "window",
];

/// What the command line asks for.
#[derive(Default)]
struct Asked {
    help: bool,
    quick: bool,
    /// Of `hearing` and `microphone`; all if there is none.
    noises: Vec<Noise>,
    phrases: Option<usize>,
    language: Option<String>,
    /// How names are known; both if there is none.
    by: Option<names::Way>,
    /// All if there is none.
    parts: Vec<String>,
}

impl Asked {
    /// Reads it; an error is what cannot be understood.
    fn parse(arguments: impl IntoIterator<Item = String>) -> std::result::Result<Self, String> {
        let mut asked = Self::default();
        let mut arguments = arguments.into_iter();
        while let Some(one) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| one.clone());
            match one.as_str() {
                "--help" | "-h" => asked.help = true,
                "--quick" => asked.quick = true,
                "--noise" => {
                    let name = value()?;
                    asked.noises.push(Noise::named(&name).ok_or(name)?);
                }
                "--phrases" => {
                    let number = value()?;
                    let some = number.parse::<usize>().ok().filter(|phrases| *phrases > 0);
                    asked.phrases = Some(some.ok_or(number)?);
                }
                "--language" => {
                    let name = value()?;
                    let known = ["en", "ko"].contains(&&*name);
                    asked.language = Some(known.then_some(name.clone()).ok_or(name)?);
                }
                "--by" => {
                    let name = value()?;
                    asked.by = Some(names::Way::named(&name).ok_or(name)?);
                }
                part if PARTS.contains(&part) => asked.parts.push(one),
                _ => return Err(one),
            }
        }
        Ok(asked)
    }

    fn hearing(&self) -> hearing::Size<'_> {
        let size = if self.quick { hearing::QUICK } else { hearing::FULL };
        let noises = if self.noises.is_empty() { size.noises } else { &self.noises };
        let (phrases, language) = (self.phrases.unwrap_or(size.phrases), self.language.as_deref());
        hearing::Size { phrases, noises, language, ..size }
    }

    /// What is said in real time is less.
    fn microphone(&self) -> hearing::Size<'_> {
        hearing::Size { phrases: self.phrases.unwrap_or(1), ..self.hearing() }
    }
}

fn main() -> ExitCode {
    let asked = match Asked::parse(std::env::args().skip(1)) {
        Ok(asked) => asked,
        Err(other) => {
            let _ = write!(std::io::stderr(), "bench: what is {other}?\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    if asked.help {
        let printed = write!(std::io::stdout(), "{USAGE}");
        return if printed.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    match run(&asked) {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => {
            let _ = writeln!(std::io::stderr(), "bench: {trouble}");
            ExitCode::FAILURE
        }
    }
}

fn run(asked: &Asked) -> Result<()> {
    let is_wanted =
        |part: &str| asked.parts.is_empty() || asked.parts.iter().any(|one| one == part);
    let mut result = Ok(());
    if is_wanted("crypto") {
        crypto::run();
    }
    if is_wanted("calls") {
        result = result.and(calls::run());
    }
    if is_wanted("voice") {
        result = result.and(calls::voice());
    }
    if is_wanted("hearing") {
        result = result.and(hearing::run(&asked.hearing(), &picture("hearing.svg")));
    }
    if is_wanted("microphone") {
        result = result.and(hearing::live::run(&asked.microphone(), &picture("microphone.svg")));
    }
    if is_wanted("names") {
        let size = if asked.quick { names::QUICK } else { names::FULL };
        result = result.and(names::run(&size, asked.by));
    }
    if is_wanted("book") {
        result = result.and(names::full_book());
    }
    if is_wanted("wake") {
        let size = if asked.quick { wake::QUICK } else { wake::FULL };
        result = result.and(wake::run(&size));
    }
    if is_wanted("service") {
        let size = if asked.quick { service::QUICK } else { service::FULL };
        result = result.and(service::run(&size));
    }
    if is_wanted("window") {
        result = result.and(window::run());
    }
    result
}
