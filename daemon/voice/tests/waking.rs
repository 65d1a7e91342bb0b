//! The wake word through a real sound server, and the command after it.
//!
//! Owns: what wakes, what follows, and when there is a capture stream. Invariant: the sound takes the
//! whole way, from a synthetic voice through PipeWire.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::wildcard_enum_match_arm,
    reason = "a test ends where something is not as it should be"
)]

mod common;

use std::path::{Path, PathBuf};

use ahoy_core::voice::{Engine, Grammar, VoiceCommand, VoiceEvent};
use common::{
    ENGLISH, MICROPHONE, Request, Sound, Voice, Worker, commands, english, noise_file, read,
    skipped,
};

/// A voice made from recordings, as the model is.
const VOICE: Voice = Voice::Flite("rms");

/// A worker that waits for a word.
struct Waiting {
    sound: Sound,
    worker: Worker,
    grammar: Grammar,
}

impl Waiting {
    fn start(name: &str, word: &str) -> Self {
        let sound = Sound::start(name);
        let (worker, _) = Worker::start(Path::new(ENGLISH));
        let mut waiting = Self { sound, worker, grammar: commands() };
        waiting.wait(word);
        waiting
    }

    fn wait(&mut self, word: &str) {
        self.worker.wait(&self.sound, word, english(&self.grammar));
        assert_eq!(self.worker.event(), VoiceEvent::Waiting);
        let captures = self.sound.captures();
        assert!(matches!(&captures[..], [one] if one.title == "Ahoy voice commands"));
    }

    /// A file with a sentence; `None` without the synthesizer.
    fn spoken(&self, text: &str) -> Option<PathBuf> {
        let file = self.sound.file(&format!("{}.wav", text.replace(' ', "-")));
        if VOICE.speak(text, &file) {
            return Some(file);
        }
        skipped("flite is not installed");
        None
    }

    fn play(&self, file: &Path) {
        self.sound.play(file);
    }

    /// What is heard after the word, up to twice, as people repeat themselves: sound on a busy
    /// machine stutters. It waits for the word after that, unless something was heard.
    fn hears(&mut self, say: &dyn Fn(&mut Self)) -> Option<String> {
        for _ in 0..2 {
            say(self);
            match self.worker.event() {
                VoiceEvent::Heard { hypotheses, latency_ms } => {
                    assert!((450..4_000).contains(&latency_ms), "{latency_ms} ms");
                    assert!(self.sound.captures().is_empty(), "no capture once it has heard");
                    return Some(hypotheses[0].text.clone());
                }
                VoiceEvent::Waiting => println!("not understood"),
                other => panic!("{other:?}"),
            }
        }
        None
    }

    fn stop(mut self) {
        self.worker.send(&VoiceCommand::Stop, None);
        assert_eq!(self.worker.event(), VoiceEvent::Stopped, "nothing was heard before");
        assert!(self.sound.captures().is_empty());
        assert!(self.worker.leave());
    }
}

#[test]
fn the_word_and_a_command_in_one_breath_are_heard() {
    let mut waiting = Waiting::start("breath", "ahoy");
    let Some(file) = waiting.spoken("ahoy, call alice video") else {
        return;
    };
    let heard = waiting.hears(&|waiting| {
        waiting.play(&file);
        assert_eq!(waiting.worker.event(), VoiceEvent::Woken);
    });
    assert_eq!(heard.as_deref(), Some("call alice video"));
}

#[test]
fn a_command_after_a_pause_is_heard() {
    let mut waiting = Waiting::start("pause", "ahoy");
    let (Some(word), Some(command)) = (waiting.spoken("ahoy"), waiting.spoken("call bob")) else {
        return;
    };
    let heard = waiting.hears(&|waiting| {
        waiting.play(&word);
        assert_eq!(waiting.worker.event(), VoiceEvent::Woken);
        assert_eq!(waiting.sound.captures().len(), 1);
        waiting.play(&command);
    });
    assert_eq!(heard.as_deref(), Some("call bob"));
}

#[test]
fn the_word_alone_does_nothing_and_it_waits_again() {
    let mut waiting = Waiting::start("alone", "ahoy");
    let Some(word) = waiting.spoken("ahoy") else {
        return;
    };
    for _ in 0..2 {
        waiting.play(&word);
        assert_eq!(waiting.worker.event(), VoiceEvent::Woken);
        assert_eq!(waiting.worker.event(), VoiceEvent::Waiting);
        assert_eq!(waiting.sound.captures().len(), 1, "the microphone stays open");
    }
    waiting.stop();
}

#[test]
fn commands_and_talk_without_the_word_are_not_heard() {
    let waiting = Waiting::start("without", "ahoy");
    for text in ["call alice video", "redial", "the weather is nice today", "tell me a story"] {
        let Some(file) = waiting.spoken(text) else {
            return;
        };
        waiting.play(&file);
    }
    // Events come in order: whatever they had caused would be the first.
    waiting.stop();
}

#[test]
fn other_words_after_the_word_are_no_command() {
    let mut waiting = Waiting::start("other", "ahoy");
    let Some(file) = waiting.spoken("ahoy, what time is it in london") else {
        return;
    };
    waiting.play(&file);
    assert_eq!(waiting.worker.event(), VoiceEvent::Woken);
    assert_eq!(waiting.worker.event(), VoiceEvent::Waiting);
    waiting.stop();
}

#[test]
fn stop_closes_the_microphone_at_once() {
    Waiting::start("stop", "ahoy").stop();
}

#[test]
fn another_word_wakes_and_the_first_one_no_longer_does() {
    let mut waiting = Waiting::start("another", "Computer");
    let (Some(ahoy), Some(file)) =
        (waiting.spoken("ahoy, redial"), waiting.spoken("computer, who called"))
    else {
        return;
    };
    waiting.play(&ahoy);
    // This microphone gives no sound while nobody plays any, and a wake word comes after a pause.
    let silence = waiting.sound.file("silence.wav");
    noise_file(&silence, 1_000, 0.0).expect("a file");
    waiting.play(&silence);
    let heard = waiting.hears(&|waiting| {
        waiting.play(&file);
        assert_eq!(waiting.worker.event(), VoiceEvent::Woken);
    });
    assert_eq!(heard.as_deref(), Some("who called"));
}

#[test]
fn a_listen_ends_the_waiting_first_and_waiting_goes_on_after_it() {
    let mut waiting = Waiting::start("turns", "ahoy");
    let grammar = commands();
    waiting.worker.listen(&waiting.sound, Request { timeout_ms: 300, ..english(&grammar) });
    assert_eq!(waiting.worker.event(), VoiceEvent::Stopped);
    let listening = VoiceEvent::Listening { engine: Engine::PocketSphinx };
    assert_eq!(waiting.worker.event(), listening);
    assert_eq!(waiting.sound.captures().len(), 1);
    assert_eq!(waiting.worker.event(), VoiceEvent::Nothing);
    waiting.wait("ahoy");
    waiting.stop();
}

fn failed(event: VoiceEvent) -> String {
    match event {
        VoiceEvent::Failed { why } => why,
        other => panic!("not a failure: {other:?}"),
    }
}

#[test]
fn an_unusable_word_or_model_is_refused_with_words() {
    let sound = Sound::start("unusable");
    let (mut worker, _) = Worker::start(Path::new(ENGLISH));
    let grammar = commands();
    let long = "please wake up my friend";
    for (word, says) in [("bob", "too short"), ("🙏", "how"), ("", "how"), (long, "too long")] {
        worker.wait(&sound, word, english(&grammar));
        let why = failed(worker.event());
        assert!(why.contains(says) && why.contains("Choose"), "{word}: {why}");
        assert!(sound.captures().is_empty());
    }
    worker.wait(&sound, "ahoy", Request { model: "/etc", ..english(&grammar) });
    assert!(failed(worker.event()).contains("not in a folder for voice models"));
    worker.send(&english(&grammar).waiting_for("ahoy"), None);
    assert!(failed(worker.event()).contains("PipeWire"), "each wait needs a socket of its own");
}

#[test]
fn a_microphone_that_vanishes_while_waiting_is_noticed_and_the_next_one_works() {
    let mut waiting = Waiting::start("vanishes", "ahoy");
    waiting.sound.remove_microphone();
    let why = failed(waiting.worker.event());
    assert!(why.contains(MICROPHONE), "{why}");
    assert!(waiting.sound.captures().is_empty());
    waiting.sound.plug_microphone();
    waiting.wait("ahoy");
}

#[test]
fn a_sound_server_that_ends_while_waiting_is_noticed() {
    let mut waiting = Waiting::start("server-gone", "ahoy");
    waiting.sound.end_server();
    let why = failed(waiting.worker.event());
    assert!(why.contains("PipeWire") || why.contains("not available"), "{why}");
}

#[test]
fn waiting_needs_neither_a_dictionary_in_memory_nor_less_of_a_lock() {
    let waiting = Waiting::start("small", "ahoy");
    let of = |file: &str| read(Path::new(&format!("/proc/{}/{file}", waiting.worker.id())));
    let (status, memory) = (of("status"), of("smaps_rollup"));
    for line in ["NoNewPrivs:\t1", "Seccomp:\t2", "CapEff:\t0000000000000000"] {
        assert!(status.contains(line), "{line:?} in {status}");
    }
    let pss = memory.lines().find_map(|line| line.strip_prefix("Pss:")?.split_whitespace().next());
    let Some(kilobytes) = pss.and_then(|text| text.parse::<u32>().ok()) else {
        skipped("another process's memory may not be looked at here");
        return;
    };
    println!("{kilobytes} kB while waiting");
    assert!(kilobytes < 25 * 1024, "{kilobytes} kB");
}
