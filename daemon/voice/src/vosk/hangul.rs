//! How Korean letters spell the sounds of a foreign name.
//!
//! Owns: the phones of English as syllables of Hangul, by the rules for loanwords (외래어 표기법, tables
//! and chapter 3.1). Does not own: where the phones come from, or which words a model has. Invariant:
//! what comes out is syllables only, and at most four for each phone.

use ahoy_core::voice::{Phone, Sound};

/// Letters at the start of a syllable, in the order of Unicode (The Unicode Standard, 3.12).
const ONSETS: &str = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ";
const VOWELS: &str = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ";
/// Letters below a syllable; none comes before them.
const CODAS: &str = "ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ";
/// The first syllable of Unicode.
const FIRST: u32 = 0xac00;
/// Where nothing is said before the vowel.
const SILENT: char = 'ㅇ';
/// The vowel that a consonant stands on which no other follows.
const WEAK: char = 'ㅡ';

/// Vowels of English: one letter or two, each with a syllable of its own, and whether a stop after it
/// is short.
const SPOKEN: &[(&str, &str, bool)] = &[
    ("AA", "ㅏ", true),
    ("AE", "ㅐ", true),
    ("AH", "ㅓ", true),
    ("AO", "ㅗ", false),
    ("AW", "ㅏㅜ", false),
    ("AY", "ㅏㅣ", false),
    ("EH", "ㅔ", true),
    ("ER", "ㅓ", false),
    ("EY", "ㅔㅣ", false),
    ("IH", "ㅣ", true),
    ("IY", "ㅣ", false),
    ("OW", "ㅗ", false),
    ("OY", "ㅗㅣ", false),
    ("UH", "ㅜ", true),
    ("UW", "ㅜ", false),
];

/// Consonants before a vowel.
const BEFORE: &[(&str, char)] = &[
    ("B", 'ㅂ'),
    ("CH", 'ㅊ'),
    ("D", 'ㄷ'),
    ("DH", 'ㄷ'),
    ("F", 'ㅍ'),
    ("G", 'ㄱ'),
    ("HH", 'ㅎ'),
    ("JH", 'ㅈ'),
    ("K", 'ㅋ'),
    ("L", 'ㄹ'),
    ("M", 'ㅁ'),
    ("N", 'ㄴ'),
    ("NG", SILENT),
    ("P", 'ㅍ'),
    ("R", 'ㄹ'),
    ("S", 'ㅅ'),
    ("SH", 'ㅅ'),
    ("T", 'ㅌ'),
    ("TH", 'ㅅ'),
    ("V", 'ㅂ'),
    ("Z", 'ㅈ'),
    ("ZH", 'ㅈ'),
];

/// Consonants below a vowel.
const BELOW: &[(&str, char)] = &[("L", 'ㄹ'), ("M", 'ㅁ'), ("N", 'ㄴ'), ("NG", 'ㅇ')];
/// Stops below a short vowel.
const STOPS: &[(&str, char)] = &[("K", 'ㄱ'), ("P", 'ㅂ'), ("T", 'ㅅ')];

/// A vowel with Y before it, and with W.
const GLIDES: &[(char, char, &str)] = &[
    ('ㅏ', 'ㅑ', "ㅘ"),
    ('ㅐ', 'ㅒ', "ㅙ"),
    ('ㅓ', 'ㅕ', "ㅝ"),
    ('ㅔ', 'ㅖ', "ㅞ"),
    ('ㅗ', 'ㅛ', "ㅝ"),
    ('ㅜ', 'ㅠ', "ㅜ"),
    ('ㅣ', 'ㅣ', "ㅟ"),
];

#[derive(Clone, Copy)]
struct Syllable {
    onset: char,
    vowel: char,
    coda: Option<char>,
}

/// The ways to spell a name of these letters that sounds so: by ear alone, and with the vowels that it
/// is written with, as many are known by them ("Maria").
pub(super) fn spellings(letters: &str, sound: &Sound) -> Vec<String> {
    let heard = spell(sound, &[]);
    let vowels = sound.phones().iter().filter(|phone| phone.is_vowel()).count();
    let read = written(letters, vowels).map(|written| spell(sound, &written));
    let mut all: Vec<String> = [read, Some(heard)].into_iter().flatten().collect();
    all.dedup();
    all.retain(|text| !text.is_empty());
    all
}

/// The letter of each vowel that is said, where as many are written, each alone or in a group.
fn written(letters: &str, vowels: usize) -> Option<Vec<char>> {
    let is_vowel = |c: char| "aeiouy".contains(c);
    let single: Vec<char> = letters.chars().filter(|c| is_vowel(*c)).collect();
    let groups = letters.split(|c| !is_vowel(c)).filter_map(|group| group.chars().next());
    let groups: Vec<char> = groups.collect();
    [single, groups].into_iter().find(|written| written.len() == vowels && vowels > 0)
}

/// The syllables of a sound; `written`: the letter of each of its vowels, or nothing.
fn spell(sound: &Sound, written: &[char]) -> String {
    let mut speller = Speller { phones: sound.phones(), written, ..Speller::default() };
    while speller.at < speller.phones.len() {
        speller.step();
    }
    speller.syllables.iter().filter_map(|one| one.composed()).collect()
}

#[derive(Default)]
struct Speller<'a> {
    phones: &'a [Phone],
    written: &'a [char],
    at: usize,
    vowels: usize,
    syllables: Vec<Syllable>,
}

impl Speller<'_> {
    fn name(&self, at: usize) -> &'static str {
        self.phones.get(at).map_or("", |phone| phone.as_str())
    }

    fn is_vowel(&self, at: usize) -> bool {
        self.phones.get(at).is_some_and(|phone| phone.is_vowel())
    }

    /// One consonant, or a vowel with what stands before it.
    fn step(&mut self) {
        let (phone, next) = (self.name(self.at), self.name(self.at + 1));
        let glides = |name: &str| matches!(name, "Y" | "W");
        if self.is_vowel(self.at) {
            return self.vowel(SILENT, "", 1);
        }
        if glides(phone) {
            return if self.is_vowel(self.at + 1) {
                self.vowel(SILENT, phone, 2)
            } else {
                self.at += 1;
            };
        }
        // Y goes with every consonant before it, W with those that the tongue's back makes.
        let joins = next == "Y" || next == "W" && matches!(phone, "K" | "G" | "HH");
        if self.is_vowel(self.at + 1) {
            self.onset(phone, "", 2);
        } else if joins && self.is_vowel(self.at + 2) {
            self.onset(phone, next, 3);
        } else {
            self.alone(phone);
        }
    }

    /// A consonant, what glides behind it, and a vowel.
    fn onset(&mut self, phone: &str, glide: &'static str, taken: usize) {
        let below = BELOW.iter().find(|(name, _)| *name == phone && matches!(phone, "L" | "NG"));
        if let (Some(last), Some((_, coda))) = (self.syllables.last_mut(), below)
            && last.coda.is_none()
        {
            // Both of them: "앨리스".
            last.coda = Some(*coda);
        }
        let glide = if phone == "SH" { "Y" } else { glide };
        let onset = BEFORE.iter().find(|(name, _)| *name == phone).map_or(SILENT, |(_, c)| *c);
        if glide == "Y" && matches!(phone, "D" | "L" | "N" | "T") && self.name(self.at + 2) == "AH"
        {
            // A syllable more: "윌리엄".
            self.push(onset, 'ㅣ');
            return self.vowel(SILENT, "", taken);
        }
        self.vowel(onset, glide, taken);
    }

    fn vowel(&mut self, onset: char, glide: &str, taken: usize) {
        self.at += taken;
        let phone = self.name(self.at - 1);
        let spoken = SPOKEN.iter().find(|(name, ..)| *name == phone).map_or("ㅓ", |(_, c, _)| c);
        let written = self.as_written(phone);
        let vowels = written.into_iter().chain(spoken.chars().filter(|_| written.is_none()));
        let mut onset = Some(onset);
        let syllables = vowels.map(|vowel| {
            let first = onset.take();
            // What glides, glides into the first.
            let vowel = if first.is_some() { glided(vowel, glide) } else { vowel };
            Syllable { onset: first.unwrap_or(SILENT), vowel, coda: None }
        });
        let syllables: Vec<Syllable> = syllables.collect();
        self.syllables.extend(syllables);
        self.vowels += 1;
        // The R in it belongs to the next vowel, too.
        if phone == "ER" && self.is_vowel(self.at) {
            self.onset("R", "", 1);
        }
    }

    /// What a weak vowel, or an open one that is written with an "o", is known by.
    fn as_written(&self, phone: &str) -> Option<char> {
        let letter = self.written.get(self.vowels);
        match (phone, letter) {
            ("AA" | "AH", Some('o')) => Some('ㅗ'),
            ("AH", Some('a')) => Some('ㅏ'),
            ("AH", Some('e')) => Some('ㅔ'),
            ("AH", Some('i' | 'y')) => Some('ㅣ'),
            ("AH", None) if self.at >= self.phones.len() => Some('ㅏ'),
            _ => None,
        }
    }

    /// A consonant that no vowel follows.
    fn alone(&mut self, phone: &str) {
        let before = self.at.checked_sub(1).map_or("", |at| self.name(at));
        let after_vowel = self.at > 0 && self.is_vowel(self.at - 1);
        let next = self.name(self.at + 1);
        let is_short = SPOKEN.iter().any(|(name, _, short)| *short && *name == before);
        let stopped = is_short && !matches!(next, "L" | "R" | "M" | "N" | "S");
        self.at += 1;
        let coda = BELOW.iter().chain(STOPS.iter().filter(|_| stopped));
        let coda = coda.into_iter().find(|(name, _)| *name == phone).map(|(_, coda)| *coda);
        if let (Some(coda), Some(last)) = (coda, self.syllables.last_mut())
            && last.coda.is_none()
        {
            last.coda = Some(coda);
            return;
        }
        match (phone, next) {
            ("R", _) if after_vowel => {
                if matches!(before, "EH" | "IH" | "UH" | "AY" | "AW") {
                    self.push(SILENT, 'ㅓ');
                }
            }
            ("T", "S") => {
                self.at += 1;
                self.push('ㅊ', WEAK);
            }
            ("SH", "") => self.push('ㅅ', 'ㅣ'),
            ("SH", _) => self.push('ㅅ', 'ㅠ'),
            ("CH", _) => self.push('ㅊ', 'ㅣ'),
            ("JH" | "ZH", _) => self.push('ㅈ', 'ㅣ'),
            _ => {
                let onset = BEFORE.iter().find(|(name, _)| *name == phone);
                self.push(onset.map_or(SILENT, |(_, onset)| *onset), WEAK);
            }
        }
    }

    fn push(&mut self, onset: char, vowel: char) {
        self.syllables.push(Syllable { onset, vowel, coda: None });
    }
}

fn glided(vowel: char, glide: &str) -> char {
    let found = GLIDES.iter().find(|(plain, ..)| *plain == vowel);
    match (glide, found) {
        ("Y", Some((_, y, _))) => *y,
        ("W", Some((.., w))) => w.chars().next().unwrap_or(vowel),
        _ => vowel,
    }
}

impl Syllable {
    fn composed(self) -> Option<char> {
        let place = |letters: &str, letter| letters.chars().position(|one| one == letter);
        let onset = place(ONSETS, self.onset)?;
        let vowel = place(VOWELS, self.vowel)?;
        let coda = match self.coda {
            Some(coda) => place(CODAS, coda)? + 1,
            None => 0,
        };
        let codas = CODAS.chars().count() + 1;
        let number = (onset * VOWELS.chars().count() + vowel) * codas + coda;
        char::from_u32(FIRST + u32::try_from(number).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelled(name: &str, phones: &str) -> Vec<String> {
        spellings(name, &Sound::parse(phones))
    }

    #[test]
    fn names_are_spelled_as_koreans_write_them() {
        for (name, phones, hangul) in [
            ("alice", "AE L IH S", "앨리스"),
            ("emma", "EH M AH", "에마"),
            ("david", "D EY V IH D", "데이비드"),
            ("john", "JH AA N", "존"),
            ("peter", "P IY T ER", "피터"),
            ("maria", "M ER IY AH", "머리아"),
            ("laura", "L AO R AH", "로라"),
            ("thomas", "T AA M AH S", "토마스"),
            ("robert", "R AA B ER T", "로버트"),
            ("jack", "JH AE K", "잭"),
            ("clare", "K L EH R", "클레어"),
            ("george", "JH AO R JH", "조지"),
            ("charles", "CH AA R L Z", "찰즈"),
            ("william", "W IH L Y AH M", "윌리엄"),
            ("queen", "K W IY N", "퀸"),
            ("sean", "SH AO N", "숀"),
            ("fitz", "F IH T S", "피츠"),
            ("yuri", "Y UH R IY", "유리"),
            ("igor", "IY G AO R", "이고"),
            ("helen", "HH EH L AH N", "헬렌"),
        ] {
            let all = spelled(name, phones);
            assert!(all.iter().any(|one| one == hangul), "{name}: {all:?}");
        }
    }

    #[test]
    fn whatever_is_said_comes_out_as_syllables_and_not_too_many() {
        let all: Vec<&str> = SPOKEN
            .iter()
            .map(|one| one.0)
            .chain(BEFORE.iter().map(|one| one.0))
            .chain(["Y", "W"])
            .collect();
        for first in &all {
            for second in &all {
                for third in &all {
                    let sound = Sound::parse(&format!("{first} {second} {third}"));
                    let text = spell(&sound, &[]);
                    assert!(text.chars().all(|c| ('\u{ac00}'..='\u{d7a3}').contains(&c)), "{text}");
                    assert!(text.chars().count() <= 4 * 3, "{first} {second} {third}: {text}");
                }
            }
        }
        assert!(spelled("", "").is_empty());
    }
}
