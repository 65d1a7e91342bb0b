//! Teaching a name by voice: each word of it is heard until two times agree.
//!
//! Owns: which word is asked for, whether what was heard agrees, when it is given up. Does not own:
//! the microphone, the words said back, or where it is kept. Invariant: it ends: each word is asked
//! for at most four times, and nothing is kept that was heard once only.

use super::{intent::normalise, way::Way};
use crate::id::ContactId;

/// How often a word is asked for.
const MOST_ASKED: u8 = 4;
/// Words of a name that are taught.
const MOST_WORDS: usize = 6;
/// Hearings of a word that are compared.
const MOST_HEARD: usize = 3;
/// Two that are farther apart are not the same word. A word in three synthetic voices, with and
/// without noise, differed by 0 to 0.56, mostly less than 0.25; other words always by more (the
/// tests of `ahoy-voice` print both). Of words that is one letter of three.
const AGREE: f64 = 0.35;
/// Fewer phones than this are a cough.
const LEAST_PHONES: usize = 2;
/// Fewer letters are what noise is taken for: of English, and of scripts such as Korean's, whose signs
/// are whole syllables.
const LEAST_LETTERS: usize = 4;
const LEAST_SIGNS: usize = 2;

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lesson {
    /// Say this (a prompt of the pack, and the word it is about), then listen.
    Ask(&'static str, String),
    /// The word was learnt, said in these ways; then whatever follows: another `Ask`, or nothing.
    Learnt {
        /// Which, as grammars have it.
        word: String,
        /// How, each heard once.
        ways: Vec<String>,
        /// The next word to ask for.
        next: Option<String>,
    },
    /// It was not heard twice alike; the rest is not asked for.
    GivenUp(String),
}

/// One lesson.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Teaching {
    contact: ContactId,
    /// Still to be learnt; the first is being asked for. Never empty.
    words: Vec<String>,
    heard: Vec<Way>,
    asked: u8,
}

impl Teaching {
    /// A lesson about a name, and its first step; `None`: nothing of the name can be said.
    #[must_use]
    pub fn begin(contact: ContactId, name: &str) -> Option<(Self, Lesson)> {
        let name = normalise(name);
        let mut words: Vec<String> = Vec::new();
        for word in name.split(' ').filter(|word| word.chars().any(char::is_alphabetic)) {
            if words.len() < MOST_WORDS && !words.iter().any(|known| known == word) {
                words.push(word.to_owned());
            }
        }
        let first = words.first()?.clone();
        let lesson = Self { contact, words, heard: Vec::new(), asked: 1 };
        Some((lesson, Lesson::Ask("teach-word", first)))
    }

    /// Whose name it is.
    #[must_use]
    pub const fn contact(&self) -> &ContactId {
        &self.contact
    }

    /// It was heard so. After `GivenUp`, and `Learnt` with nothing next, the lesson is over.
    pub fn handle_heard(&mut self, way: Way) -> Lesson {
        if !is_word(&way) {
            return self.ask("teach-again");
        }
        self.heard.push(way);
        match self.agreed() {
            Some(ways) => self.learnt(ways),
            None if self.heard.len() >= MOST_HEARD => Lesson::GivenUp(self.word()),
            None if self.heard.len() == 1 => self.ask("teach-again"),
            None => self.ask("teach-differ"),
        }
    }

    /// Nothing was heard.
    pub fn handle_nothing(&mut self) -> Lesson {
        self.ask("teach-again")
    }

    fn word(&self) -> String {
        self.words.first().cloned().unwrap_or_default()
    }

    fn ask(&mut self, prompt: &'static str) -> Lesson {
        if self.asked >= MOST_ASKED {
            return Lesson::GivenUp(self.word());
        }
        self.asked += 1;
        Lesson::Ask(prompt, self.word())
    }

    /// The two that are nearest to each other, if near enough.
    fn agreed(&self) -> Option<Vec<String>> {
        let pairs = self.heard.iter().enumerate().flat_map(|(at, one)| {
            self.heard.iter().skip(at + 1).map(move |other| (one, other, one.distance(other)))
        });
        let (one, other, apart) = pairs.min_by(|a, b| a.2.total_cmp(&b.2))?;
        let mut ways = vec![one.to_string(), other.to_string()];
        ways.dedup();
        (apart <= AGREE).then_some(ways)
    }

    fn learnt(&mut self, ways: Vec<String>) -> Lesson {
        let word = self.words.remove(0);
        self.heard.clear();
        self.asked = 1;
        Lesson::Learnt { word, ways, next: self.words.first().cloned() }
    }
}

/// More than a cough.
fn is_word(way: &Way) -> bool {
    match way {
        Way::Phones(sound) => {
            let phones = sound.phones();
            phones.len() >= LEAST_PHONES && phones.iter().any(|phone| phone.is_vowel())
        }
        Way::Words(words) => {
            let letters = words.chars().filter(|c| c.is_alphanumeric()).count();
            letters >= if words.is_ascii() { LEAST_LETTERS } else { LEAST_SIGNS }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::voice::Sound;

    fn begin(name: &str) -> Teaching {
        Teaching::begin(ContactId("1".into()), name).unwrap().0
    }

    fn sound(text: &str) -> Way {
        Way::Phones(Sound::parse(text))
    }

    #[test]
    fn a_word_heard_twice_alike_is_learnt_and_the_next_one_asked_for() {
        let (mut lesson, first) = Teaching::begin(ContactId("1".into()), "Saoirse  Nolan").unwrap();
        assert_eq!(first, Lesson::Ask("teach-word", "saoirse".into()));
        let again = lesson.handle_heard(sound("S IH R SH AH"));
        assert_eq!(again, Lesson::Ask("teach-again", "saoirse".into()));
        let learnt = lesson.handle_heard(sound("S ER SH AH"));
        let ways = vec!["S IH R SH AH".to_owned(), "S ER SH AH".to_owned()];
        let next = Some("nolan".to_owned());
        assert_eq!(learnt, Lesson::Learnt { word: "saoirse".into(), ways, next });
        lesson.handle_heard(sound("N OW L AH N"));
        let learnt = lesson.handle_heard(sound("N OW L AH N"));
        let ways = vec!["N OW L AH N".to_owned()];
        assert_eq!(learnt, Lesson::Learnt { word: "nolan".into(), ways, next: None });
    }

    #[test]
    fn of_three_the_two_that_agree_count_and_three_that_differ_are_given_up() {
        let other = "B AH M B UW L AH";
        let mut lesson = begin("saoirse");
        lesson.handle_heard(sound("S ER SH AH"));
        let differ = lesson.handle_heard(sound(other));
        assert_eq!(differ, Lesson::Ask("teach-differ", "saoirse".into()));
        assert!(matches!(lesson.handle_heard(sound("S ER SH IH")), Lesson::Learnt { .. }));
        let mut lesson = begin("saoirse");
        for (said, over) in [("S ER SH AH", false), (other, false), ("K AE T OW K", true)] {
            let given_up = lesson.handle_heard(sound(said)) == Lesson::GivenUp("saoirse".into());
            assert_eq!(given_up, over, "{said}");
        }
    }

    #[test]
    fn words_are_learnt_as_phones_are_and_a_sentence_is_asked_about_again() {
        let mut lesson = begin("saoirse");
        assert!(matches!(lesson.handle_heard(Way::of_words("sir sha")), Lesson::Ask(..)));
        let again = lesson.handle_heard(Way::of_words("what did you just say to me"));
        assert_eq!(again, Lesson::Ask("teach-again", "saoirse".into()));
        let noise = lesson.handle_heard(Way::of_words("huh"));
        assert_eq!(noise, Lesson::Ask("teach-again", "saoirse".into()));
        let learnt = lesson.handle_heard(Way::of_words("sir shah"));
        let ways = vec!["= sir sha".to_owned(), "= sir shah".to_owned()];
        assert_eq!(learnt, Lesson::Learnt { word: "saoirse".into(), ways, next: None });
    }

    #[test]
    fn coughs_and_silence_are_asked_about_a_few_times_only() {
        let mut lesson = begin("kim");
        for step in 1..MOST_ASKED {
            let next = if step == 1 {
                lesson.handle_heard(sound("T K S"))
            } else {
                lesson.handle_nothing()
            };
            assert_eq!(next, Lesson::Ask("teach-again", "kim".into()));
        }
        assert_eq!(lesson.handle_nothing(), Lesson::GivenUp("kim".into()));
    }

    #[test]
    fn a_name_without_letters_cannot_be_taught_and_a_long_one_is_cut() {
        assert!(Teaching::begin(ContactId("1".into()), "🙏 112").is_none());
        assert_eq!(begin("a b c d e f g h b").words.len(), MOST_WORDS);
    }
}
