//! Languages, and who hears them.
//!
//! Owns: the recogniser of each, its voices, the names and what is no command in it. Does not own: commands
//! (the locale packs), models. Invariant: a language whose model is not there is none.

use std::{env, path::Path};

use ahoy_core::voice::Engine;

use super::corpus::{VOICES, Voice};

pub(crate) const MODEL: &str = "/usr/share/pocketsphinx/model/en-us";

/// What is said that is no command: whatever comes of it is too much.
const OTHER: [&str; 10] = [
    "the weather is nice today",
    "i think we should go to the market",
    "please turn on the kitchen light",
    "he said that he would come later",
    "my name is charlie and i live here",
    "play some music in the living room",
    "we had dinner with friends yesterday",
    "good morning everyone",
    "tell me a story about a dragon",
    "the report is due on friday",
];

/// Names of many origins, as an address book has them.
pub(super) const NAMES: [&str; 24] = [
    "Alice Smith",
    "Bob Brown",
    "Carol Jones",
    "David Miller",
    "Emma Wilson",
    "Frank Taylor",
    "Grace Kelly",
    "Henry Ford",
    "Isabel Garcia",
    "John Murphy",
    "Karen Lopez",
    "Laura Martin",
    "Maria Rossi",
    "Nina Simone",
    "Oliver Twist",
    "Peter Parker",
    "Rachel Green",
    "Susan Clark",
    "Thomas Mann",
    "Victor Hugo",
    "Walter White",
    "Yuki Tanaka",
    "Siobhan Kelly",
    "Pierre Dubois",
];

/// The same in Korean.
const KOREAN_OTHER: [&str; 10] = [
    "안녕하세요 반갑습니다",
    "오늘 날씨가 좋네요",
    "커피 마시고 싶어요",
    "비가 와요",
    "어제 친구들과 저녁을 먹었어요",
    "그 책은 정말 재미있어요",
    "내일 아침에 시장에 갈 거예요",
    "고양이가 창문 옆에서 자고 있어요",
    "버스가 아직 안 왔어요",
    "노래를 틀어 주세요",
];

/// Names as a Korean address book has them.
pub(super) const KOREAN_NAMES: [&str; 12] = [
    "엄마",
    "아빠",
    "영희",
    "철수",
    "민수",
    "지영",
    "김하은",
    "박지훈",
    "이서연",
    "최도윤",
    "정수빈",
    "강민준",
];

/// Voices made by formants: no other is packaged.
const KOREAN_VOICES: [Voice; 5] = [
    ("ko", &["espeak-ng", "-v", "ko", "-s", "130"], false),
    ("ko_f2", &["espeak-ng", "-v", "ko+f2", "-s", "130"], false),
    ("ko_f4", &["espeak-ng", "-v", "ko+f4", "-s", "140"], false),
    ("ko_m3", &["espeak-ng", "-v", "ko+m3", "-s", "130"], false),
    ("ko_m7", &["espeak-ng", "-v", "ko+m7", "-s", "130"], false),
];

/// One language.
pub(super) struct Tongue {
    pub(super) language: &'static str,
    pub(super) engine: Engine,
    pub(super) model: String,
    pub(super) others: &'static [&'static str],
    /// Words of the model that are said as one with the word before.
    joined: &'static [&'static str],
    pub(super) voices: &'static [Voice],
}

impl Tongue {
    /// By PocketSphinx.
    pub(super) fn english() -> Self {
        Self {
            language: "en",
            engine: Engine::PocketSphinx,
            model: MODEL.to_owned(),
            others: &OTHER,
            joined: &[],
            voices: &VOICES,
        }
    }

    /// A sentence of the model's words as people write it, for a voice to read.
    pub(super) fn written(&self, text: &str) -> String {
        let mut written = String::new();
        for word in text.split(' ') {
            if !written.is_empty() && !self.joined.contains(&word) {
                written.push(' ');
            }
            written.push_str(word);
        }
        written
    }

    /// By Vosk, where its library and a model are there.
    pub(super) fn korean() -> Option<Self> {
        let there = |name: &str| env::var(name).ok().filter(|path| Path::new(path).exists());
        there("AHOY_LIBVOSK")?;
        Some(Self {
            language: "ko",
            engine: Engine::Vosk,
            model: there("AHOY_VOSK_KO")?,
            others: &KOREAN_OTHER,
            joined: &["에게", "한테", "하고", "에", "해", "했어", "번"],
            voices: &KOREAN_VOICES,
        })
    }
}
