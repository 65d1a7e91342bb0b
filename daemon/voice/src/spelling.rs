//! How an English speaker would say a word that is in no dictionary.
//!
//! Owns: letters to the phones of the CMU dictionary, by rule; a name in another script is said as
//! its transliteration. Does not own: the dictionary, or other languages. Invariant: an answer holds
//! only phones of the CMU set, separated by spaces.

use ahoy_core::voice::{MOST_WAYS, Sound};
use any_ascii::any_ascii_char;

/// Words of commands that are missing from the dictionary and that the rules get wrong.
const UNLISTED: &[(&str, &str)] = &[
    ("unmute", "AH N M Y UW T"),
    ("favourite", "F EY V ER IH T"),
    ("favourites", "F EY V ER IH T S"),
];

/// Letters at the start of a word.
const START: &[(&str, &str)] = &[
    ("kn", "N"),
    ("wr", "R"),
    ("ps", "S"),
    ("gn", "N"),
    ("wh", "W"),
    ("x", "Z"),
    ("mc", "M AH K"),
    ("mac", "M AE K"),
];

/// Letters at the end of a word.
const END: &[(&str, &str)] = &[
    ("tion", "SH AH N"),
    ("sion", "ZH AH N"),
    ("ous", "AH S"),
    ("ough", "OW"),
    ("eigh", "EY"),
    ("igh", "AY"),
    ("mb", "M"),
    ("ey", "IY"),
    ("ie", "IY"),
    ("ia", "IY AH"),
    ("le", "AH L"),
    ("es", "IH Z"),
    ("y", "IY"),
    ("o", "OW"),
    ("a", "AH"),
    ("i", "IY"),
    ("er", "ER"),
    ("e", ""),
];

/// Letters anywhere; where several fit, the longest.
const ANYWHERE: &[(&str, &str)] = &[
    ("tch", "CH"),
    ("sch", "SH"),
    ("dge", "JH"),
    ("igh", "AY"),
    ("eau", "OW"),
    ("augh", "AO"),
    ("ch", "CH"),
    ("sh", "SH"),
    ("th", "TH"),
    ("ph", "F"),
    ("gh", "G"),
    ("ck", "K"),
    ("qu", "K W"),
    ("ng", "NG"),
    ("zh", "ZH"),
    ("bh", "V"),
    ("dh", "D"),
    ("kh", "K"),
    ("ts", "T S"),
    ("ee", "IY"),
    ("ea", "IY"),
    ("ei", "EY"),
    ("ai", "EY"),
    ("ay", "EY"),
    ("oo", "UW"),
    ("ou", "AW"),
    ("ow", "OW"),
    ("oi", "OY"),
    ("oy", "OY"),
    ("oa", "OW"),
    ("au", "AO"),
    ("aw", "AO"),
    ("ew", "Y UW"),
    ("ie", "IY"),
    ("ue", "UW"),
    ("ui", "UW IY"),
    ("ar", "AA R"),
    ("er", "ER"),
    ("ir", "ER"),
    ("or", "AO R"),
    ("ur", "ER"),
    ("ce", "S EH"),
    ("ci", "S IH"),
    ("cy", "S IY"),
    ("ge", "JH EH"),
    ("gi", "JH IH"),
    ("gy", "JH IY"),
    ("aa", "AA"),
    ("a", "AE"),
    ("b", "B"),
    ("c", "K"),
    ("d", "D"),
    ("e", "EH"),
    ("f", "F"),
    ("g", "G"),
    ("h", "HH"),
    ("i", "IH"),
    ("j", "JH"),
    ("k", "K"),
    ("l", "L"),
    ("m", "M"),
    ("n", "N"),
    ("o", "AA"),
    ("p", "P"),
    ("q", "K"),
    ("r", "R"),
    ("s", "S"),
    ("t", "T"),
    ("u", "AH"),
    ("v", "V"),
    ("w", "W"),
    ("x", "K S"),
    ("y", "Y"),
    ("z", "Z"),
];

/// The pronunciation of a word, or `None` if it has letters that English cannot spell.
pub(crate) fn pronounce(word: &str) -> Option<String> {
    if let Some((_, phones)) = UNLISTED.iter().find(|(unlisted, _)| *unlisted == word) {
        return Some((*phones).to_owned());
    }
    let letters = plain(word)?;
    let phones = by_rule(&letters);
    (!phones.is_empty()).then(|| phones.join(" "))
}

fn by_rule(letters: &str) -> Vec<&'static str> {
    let mut phones: Vec<&str> = Vec::new();
    let mut rest = letters;
    while let Some(first) = rest.chars().next() {
        let at_start = rest.len() == letters.len();
        let (taken, said) = longest(START, |part| at_start && rest.starts_with(part))
            .or_else(|| longest(END, |part| rest == part && rest.len() < letters.len()))
            .or_else(|| long_vowel(rest))
            .or_else(|| longest(ANYWHERE, |part| rest.starts_with(part)))
            .unwrap_or((first.len_utf8(), ""));
        for phone in said.split_whitespace() {
            // Doubled letters are said once.
            if phones.last() != Some(&phone) {
                phones.push(phone);
            }
        }
        rest = &rest[taken..];
    }
    phones
}

fn longest(
    table: &'static [(&'static str, &'static str)],
    fits: impl Fn(&str) -> bool,
) -> Option<(usize, &'static str)> {
    let fitting = table.iter().filter(|(part, _)| fits(part));
    let found = fitting.max_by_key(|(part, _)| part.len())?;
    Some((found.0.len(), found.1))
}

/// A vowel, one consonant and a last "e" ("mute", "jane"): the vowel says its name.
fn long_vowel(rest: &str) -> Option<(usize, &'static str)> {
    let &[vowel, consonant, b'e'] = rest.as_bytes() else {
        return None;
    };
    if b"aeiouyrwx".contains(&consonant) {
        return None;
    }
    let said = match vowel {
        b'a' => "EY",
        b'e' => "IY",
        b'i' | b'y' => "AY",
        b'o' => "OW",
        b'u' => "UW",
        _ => return None,
    };
    Some((1, said))
}

/// Only the letters a to z: accents taken off, apostrophes and the like dropped.
fn plain(word: &str) -> Option<String> {
    let mut letters = String::new();
    for c in word.chars() {
        match c {
            'a'..='z' => letters.push(c),
            '\'' | '-' | '.' => {}
            _ => match unaccented(c) {
                Some(latin) => letters.push_str(latin),
                None => letters.push_str(&transliterated(c)?),
            },
        }
    }
    (!letters.is_empty()).then_some(letters)
}

fn unaccented(c: char) -> Option<&'static str> {
    Some(match c {
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'ā' | 'ă' | 'ą' => "a",
        'å' | 'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' | 'ō' | 'ő' => "o",
        'æ' | 'è' | 'é' | 'ê' | 'ë' | 'ē' | 'ė' | 'ę' | 'ě' | 'œ' => "e",
        'ì' | 'í' | 'î' | 'ï' | 'ī' | 'į' | 'ı' => "i",
        'ù' | 'ú' | 'û' | 'ü' | 'ū' | 'ů' | 'ű' | 'ų' => "u",
        'ý' | 'ÿ' => "y",
        'ç' | 'ś' | 'ß' => "s",
        'ć' | 'č' => "ch",
        'š' | 'ş' | 'ș' => "sh",
        'ž' | 'ź' | 'ż' => "zh",
        'ñ' | 'ń' | 'ň' => "ny",
        'ł' | 'ľ' | 'ĺ' => "l",
        'đ' | 'ď' | 'ð' => "d",
        'ţ' | 'ț' | 'ť' => "t",
        'þ' => "th",
        'ř' => "r",
        'ğ' => "",
        _ => return None,
    })
}

/// A letter of another script in those of English, as near as letters come.
fn transliterated(c: char) -> Option<String> {
    let latin = c.is_alphabetic().then(|| any_ascii_char(c).to_ascii_lowercase())?;
    let plain: String = latin.chars().filter(char::is_ascii_lowercase).collect();
    // A sign that is only heard in others, such as the soft sign of Russian, is no letter.
    Some(plain)
}

/// The ways in which a text is said, given those of each word; at most [`MOST_WAYS`], none where a word
/// has none. Where several words have several ways, their first ones go together, and so on.
pub(crate) fn ways(text: &str, of_word: impl Fn(&str) -> Vec<Sound>) -> Vec<Sound> {
    let words: Vec<Vec<Sound>> = text.split(' ').map(of_word).collect();
    if words.iter().any(Vec::is_empty) {
        return Vec::new();
    }
    let most = words.iter().map(Vec::len).max().unwrap_or_default().min(MOST_WAYS);
    let nth = |ways: &[Sound], at: usize| ways.get(at.min(ways.len() - 1)).cloned();
    (0..most)
        .map(|at| {
            let parts = words.iter().filter_map(|ways| nth(ways, at));
            parts.flat_map(|sound| sound.phones().to_vec()).collect()
        })
        .collect()
}

/// The phones of a word as many say it: no syllable of its own before a last L ("redial", "vowel").
pub(crate) fn relaxed(phones: &str) -> Option<String> {
    let before = phones.strip_suffix(" AH L")?;
    let last = before.rsplit(' ').next()?;
    let vowel = last.starts_with(['A', 'E', 'I', 'O', 'U']);
    vowel.then(|| format!("{before} L"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(word: &str) -> String {
        pronounce(word).unwrap_or_default()
    }

    #[test]
    fn command_words_outside_the_dictionary_are_said_right() {
        assert_eq!(said("unmute"), "AH N M Y UW T");
    }

    #[test]
    fn names_follow_the_common_rules() {
        assert_eq!(said("kim"), "K IH M");
        assert_eq!(said("knut"), "N AH T");
        assert_eq!(said("jane"), "JH EY N");
        assert_eq!(said("philip"), "F IH L IH P");
        assert_eq!(said("bobby"), "B AA B IY");
        assert_eq!(said("ahoy"), "AE HH OY");
    }

    #[test]
    fn accents_are_taken_off() {
        assert_eq!(said("zoé"), said("zoe"));
        assert_eq!(said("šimon"), said("shimon"));
        assert_eq!(said("o'neil"), said("oneil"));
    }

    #[test]
    fn names_in_other_scripts_are_said_as_they_are_transliterated() {
        for (name, latin) in [
            ("александр", "aleksandr"),
            ("игорь", "igor"),
            ("ελενη", "eleni"),
            ("지우", "jiu"),
            ("さくら", "sakura"),
            ("林", "lin"),
        ] {
            assert_eq!(said(name), said(latin), "{name}");
        }
    }

    #[test]
    fn what_nobody_can_say_has_no_pronunciation() {
        assert_eq!(pronounce("🙏"), None);
        assert_eq!(pronounce(""), None);
        assert_eq!(pronounce("'"), None);
    }

    #[test]
    fn only_phones_of_the_dictionary_come_out() {
        const PHONES: &str = "AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW \
                              OY P R S SH T TH UH UW V W Y Z ZH";
        let known: Vec<&str> = PHONES.split_whitespace().collect();
        for (_, phones) in START.iter().chain(END).chain(ANYWHERE).chain(UNLISTED) {
            assert!(phones.split_whitespace().all(|p| known.contains(&p)), "{phones}");
        }
    }

    #[test]
    fn a_last_l_after_a_vowel_needs_no_syllable() {
        assert_eq!(relaxed("R IY D AY AH L").as_deref(), Some("R IY D AY L"));
        assert_eq!(relaxed("T EY B AH L"), None);
        assert_eq!(relaxed("K AO L"), None);
    }
}
