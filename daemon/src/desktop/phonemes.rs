//! How a synthesizer would say the names that no dictionary has: asked of espeak-ng, beside the calls.
//!
//! Owns: the child that is asked, what it said before, and which words the dictionary lacks. Does not
//! own: the phones of English (core), or whose names they are. Invariant: nobody waits for it: what is
//! known so far is told, and a program that is missing or slow costs one warning and leaves the
//! spelling rules alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{self, BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use ahoy_core::voice::from_ipa;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    process::Command,
    sync::{mpsc, watch},
    task::spawn_blocking,
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

/// Words asked about in one run of the program; a thousand take about a second.
const BATCH: usize = 250;
/// A run that takes longer is ended.
const LONGEST: Duration = Duration::from_secs(10);
/// Words that are remembered: the names of the largest book, and half as many that went.
const MOST_WORDS: usize = 6_000;
/// Letters of a word; longer ones are not asked about.
const LONGEST_WORD: usize = 40;
/// What is read of one run.
const MOST_OUTPUT: u64 = 256 * 1024;

/// Words to phones.
pub type Guesses = BTreeMap<String, String>;

/// What is asked about.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// The words of all names.
    pub words: Vec<String>,
    /// Whether whoever hears them has the dictionary and needs the words alone that it lacks.
    pub beside_dictionary: bool,
}

/// The app's end.
pub struct Phonemes {
    wanted: watch::Sender<Names>,
    /// All that is known of the words asked about last.
    pub found: mpsc::Receiver<Guesses>,
}

/// The task's end.
pub struct PhonemesTask {
    wanted: watch::Receiver<Names>,
    found: mpsc::Sender<Guesses>,
    program: PathBuf,
    dictionary: PathBuf,
    known: BTreeMap<String, Option<String>>,
    /// Whether what is known is what a dictionary lacks.
    beside_dictionary: bool,
    warned: bool,
}

impl Phonemes {
    /// Both ends. `program` is asked about words that the dictionary, one word a line, has not.
    #[must_use]
    pub fn new(program: PathBuf, dictionary: PathBuf) -> (Self, PhonemesTask) {
        let (ask, wanted) = watch::channel(Names::default());
        // One: the task waits until the app has taken what was found before.
        let (tell, found) = mpsc::channel(1);
        let known = BTreeMap::new();
        let (beside_dictionary, warned) = (false, false);
        let task = PhonemesTask {
            wanted,
            found: tell,
            program,
            dictionary,
            known,
            beside_dictionary,
            warned,
        };
        (Self { wanted: ask, found }, task)
    }

    /// Asks about these words instead of those before.
    pub fn ask(&self, names: Names) {
        self.wanted.send_replace(names);
    }
}

impl PhonemesTask {
    /// Asks and tells until `token` is cancelled.
    pub async fn run(mut self, token: CancellationToken) {
        loop {
            let changed = tokio::select! {
                () = token.cancelled() => return,
                changed = self.wanted.changed() => changed,
            };
            if changed.is_err() {
                return;
            }
            let names = self.wanted.borrow_and_update().clone();
            tokio::select! {
                () = token.cancelled() => return,
                () = self.find(&names) => {}
            }
        }
    }

    async fn find(&mut self, names: &Names) {
        let words = &names.words;
        let before = std::mem::replace(&mut self.beside_dictionary, names.beside_dictionary);
        if before != names.beside_dictionary {
            self.known.clear();
        }
        if self.known.len() > MOST_WORDS {
            self.known.retain(|word, _| words.contains(word));
        }
        let is_new = |word: &&String| {
            word.chars().count() <= LONGEST_WORD && !self.known.contains_key(*word)
        };
        let new: BTreeSet<String> = words.iter().filter(is_new).take(MOST_WORDS).cloned().collect();
        let lacked = if names.beside_dictionary {
            let dictionary = self.dictionary.clone();
            spawn_blocking(move || lacked(&dictionary, new)).await.unwrap_or_default()
        } else {
            new.into_iter().collect()
        };
        for (voice, of_voice) in by_voice(&lacked) {
            for batch in of_voice.chunks(BATCH) {
                match ask(&self.program, voice, batch).await {
                    Ok(said) => self.known.extend(said),
                    Err(error) => return self.fail(&error),
                }
            }
        }
        let found = words.iter().filter_map(|word| {
            let phones = self.known.get(word)?.clone()?;
            Some((word.clone(), phones))
        });
        let found: Guesses = found.collect();
        debug!(words = words.len(), guessed = found.len(), "sounds of names");
        // The app ends after its tasks are told to.
        let _ = self.found.send(found).await;
    }

    fn fail(&mut self, error: &io::Error) {
        if !std::mem::replace(&mut self.warned, true) {
            warn!(%error, "names are heard as they are spelled only: is espeak-ng installed?");
        }
    }
}

/// The words that the dictionary has not; all of them where it cannot be read.
fn lacked(dictionary: &Path, mut words: BTreeSet<String>) -> Vec<String> {
    if words.is_empty() {
        return Vec::new();
    }
    if let Ok(file) = File::open(dictionary) {
        for line in BufReader::new(file).split(b'\n').map_while(Result::ok) {
            let word = line.split(|byte| *byte == b' ').next().unwrap_or_default();
            if let Ok(word) = std::str::from_utf8(word) {
                words.remove(word);
            }
        }
    }
    words.into_iter().collect()
}

/// A language's voice where the script tells it, else English: whoever speaks to us speaks that.
fn voice(word: &str) -> &'static str {
    let voice = word.chars().find_map(|c| {
        Some(match c {
            '\u{370}'..='\u{3ff}' => "el",
            '\u{400}'..='\u{52f}' => "ru",
            '\u{590}'..='\u{5ff}' => "he",
            '\u{600}'..='\u{6ff}' => "ar",
            '\u{900}'..='\u{97f}' => "hi",
            '\u{3040}'..='\u{30ff}' => "ja",
            '\u{4e00}'..='\u{9fff}' => "cmn",
            '\u{1100}'..='\u{11ff}' | '\u{ac00}'..='\u{d7af}' => "ko",
            _ => return None,
        })
    });
    voice.unwrap_or("en-us")
}

fn by_voice(words: &[String]) -> BTreeMap<&'static str, Vec<String>> {
    let mut voices: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
    for word in words {
        voices.entry(voice(word)).or_default().push(word.clone());
    }
    voices
}

/// One run of the program: a word a line, and a line for each. Names travel by a pipe: whoever is on
/// this machine may read arguments.
async fn ask(
    program: &Path,
    voice: &str,
    words: &[String],
) -> io::Result<Vec<(String, Option<String>)>> {
    let mut child = Command::new(program)
        .args(["-q", "--ipa", "-v", voice])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let input = words.join("\n") + "\n";
    let (Some(mut pipe), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(io::ErrorKind::BrokenPipe.into());
    };
    let mut text = Vec::new();
    let mut output = output.take(MOST_OUTPUT);
    let talk = async {
        let write = async {
            // One that ends early has said what it will.
            let _ = pipe.write_all(input.as_bytes()).await;
            drop(pipe);
            Ok(())
        };
        tokio::try_join!(write, output.read_to_end(&mut text))
    };
    timeout(LONGEST, talk).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    // Where it made two lines of a word, nobody knows whose they are.
    let sure = lines.len() == words.len();
    let said = words.iter().enumerate().map(|(at, word)| {
        // It spells what it cannot read, in English.
        let read = |line: &&&str| sure && (voice == "en-us" || !line.contains("(en"));
        let sound = lines.get(at).filter(read).map(|line| from_ipa(line));
        let sound = sound.filter(|sound| !sound.is_empty());
        (word.clone(), sound.map(|sound| sound.to_string()))
    });
    Ok(said.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[tokio::test]
    async fn espeak_says_names_that_the_dictionary_lacks_each_in_its_script() {
        if std::process::Command::new("espeak-ng").arg("--version").output().is_err() {
            println!("SKIPPED: not installed: espeak-ng");
            return;
        }
        let dictionary = std::env::temp_dir().join(format!("ahoy-dict-{}", std::process::id()));
        std::fs::write(&dictionary, "alice AE L AH S\nbob B AA B\n").expect("a dictionary");
        let (mut phonemes, task) = Phonemes::new("espeak-ng".into(), dictionary.clone());
        let token = CancellationToken::new();
        let running = tokio::spawn(task.run(token.clone()));
        for beside_dictionary in [true, false, true] {
            phonemes
                .ask(Names { words: words("alice saoirse 지우 игорь"), beside_dictionary });
            let found = timeout(LONGEST, phonemes.found.recv()).await.expect("in time");
            let found = found.expect("it runs");
            let names: Vec<&str> = found.keys().map(String::as_str).collect();
            let lacked = ["saoirse", "игорь", "지우"];
            assert_eq!(names[usize::from(!beside_dictionary)..], lacked, "{beside_dictionary}");
            assert_eq!(found["saoirse"], "S ER SH AH");
            assert_eq!(found["지우"], "CH IY UW");
        }
        let _ = std::fs::remove_file(&dictionary);
        token.cancel();
        running.await.expect("it ends");
    }

    #[tokio::test]
    async fn a_program_that_is_missing_leaves_the_spelling_alone() {
        let error = ask(Path::new("/nonexistent/espeak-ng"), "en-us", &words("kim")).await;
        assert_eq!(error.expect_err("it is missing").kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_word_is_asked_of_the_voice_of_its_script() {
        for (word, of) in [("jürgen", "en-us"), ("игорь", "ru"), ("さくら", "ja"), ("小明", "cmn")]
        {
            assert_eq!(voice(word), of);
        }
    }
}
