//! The international phonetic alphabet in the phones of English.
//!
//! Owns: the nearest English phone of each sign. Does not own: who wrote the signs (espeak-ng).
//! Invariant: total: any text gives phones or nothing, in one pass; a sign that is no sound is passed
//! over.

use super::phones::{MOST_PHONES, Phone, Sound};

/// Two signs that are one sound.
#[rustfmt::skip]
const PAIRS: &[(&str, &str)] = &[
    ("tʃ", "CH"), ("dʒ", "JH"), ("tɕ", "CH"), ("dʑ", "JH"), ("tʂ", "CH"), ("dʐ", "JH"),
    ("ts", "T S"), ("dz", "D Z"), ("aɪ", "AY"), ("aʊ", "AW"), ("eɪ", "EY"), ("oʊ", "OW"),
    ("əʊ", "OW"), ("ɔɪ", "OY"), ("ɑɪ", "AY"), ("ɛɪ", "EY"), ("œy", "OY"), ("ɔy", "OY"),
    ("ɪə", "IH R"), ("eə", "EH R"), ("ʊə", "UH R"), ("iə", "IY AH"), ("aj", "AY"), ("ej", "EY"),
    ("oj", "OY"), ("ɔj", "OY"), ("aw", "AW"), ("ow", "OW"),
];

/// One sign.
#[rustfmt::skip]
const SIGNS: &[(char, &str)] = &[
    // Vowels, front to back.
    ('i', "IY"), ('y', "IY"), ('ɪ', "IH"), ('ʏ', "IH"), ('ᵻ', "IH"), ('ɨ', "IH"), ('ʉ', "UW"),
    ('e', "EY"), ('ø', "ER"), ('ɘ', "AH"), ('ɵ', "OW"), ('ɛ', "EH"), ('œ', "ER"), ('æ', "AE"),
    ('a', "AA"), ('ɶ', "AE"), ('ə', "AH"), ('ɐ', "AH"), ('ɜ', "ER"), ('ɚ', "ER"), ('ɝ', "ER"),
    ('ʌ', "AH"), ('ɑ', "AA"), ('ɒ', "AA"), ('ɔ', "AO"), ('o', "OW"), ('ɤ', "AH"), ('ʊ', "UH"),
    ('u', "UW"), ('ɯ', "UH"),
    // Stops.
    ('p', "P"), ('b', "B"), ('t', "T"), ('d', "D"), ('ʈ', "T"), ('ɖ', "D"), ('c', "K"), ('ɟ', "JH"),
    ('k', "K"), ('g', "G"), ('ɡ', "G"), ('q', "K"), ('ɢ', "G"), ('ɓ', "B"), ('ɗ', "D"), ('ɠ', "G"),
    // Fricatives.
    ('f', "F"), ('v', "V"), ('ɸ', "F"), ('β', "V"), ('θ', "TH"), ('ð', "DH"), ('s', "S"), ('z', "Z"),
    ('ʃ', "SH"), ('ʒ', "ZH"), ('ʂ', "SH"), ('ʐ', "ZH"), ('ɕ', "SH"), ('ʑ', "ZH"), ('ç', "HH"),
    ('ʝ', "Y"), ('x', "K"), ('ɣ', "G"), ('χ', "HH"), ('ʁ', "R"), ('ħ', "HH"), ('ʕ', "AA"),
    ('h', "HH"), ('ɦ', "HH"), ('ɬ', "L"),
    // Nasals, liquids, glides.
    ('m', "M"), ('n', "N"), ('ɱ', "M"), ('ɲ', "N Y"), ('ɳ', "N"), ('ŋ', "NG"), ('ɴ', "NG"),
    ('l', "L"), ('ɫ', "L"), ('ɭ', "L"), ('ʎ', "L Y"), ('r', "R"), ('ɹ', "R"), ('ɾ', "D"), ('ɽ', "R"),
    ('ʀ', "R"), ('ɻ', "R"), ('j', "Y"), ('w', "W"), ('ʋ', "V"), ('ɥ', "W"), ('ʍ', "W"),
];

/// The phones of a word in IPA, as near as English comes; empty where nothing is said. Marks of
/// stress, length and tone, and what stands in brackets (a change of language), are passed over.
#[must_use]
pub fn from_ipa(text: &str) -> Sound {
    let mut phones: Vec<Phone> = Vec::new();
    let mut bracket = false;
    let signs = text.chars().take(8 * MOST_PHONES).filter(|c| match c {
        '(' => {
            bracket = true;
            false
        }
        ')' => {
            bracket = false;
            false
        }
        c => !bracket && sign(*c).is_some(),
    });
    let plain: String = signs.collect();
    let mut rest = plain.as_str();
    while let Some(first) = rest.chars().next() {
        let pair = PAIRS.iter().find(|(signs, _)| rest.starts_with(signs));
        let (taken, said) = match pair {
            Some((signs, said)) => (signs.len(), *said),
            None => (first.len_utf8(), sign(first).unwrap_or_default()),
        };
        for phone in said.split(' ').filter_map(Phone::named) {
            // A long sound is one sound.
            if phones.last() != Some(&phone) {
                phones.push(phone);
            }
        }
        rest = &rest[taken..];
    }
    phones.into_iter().collect()
}

fn sign(c: char) -> Option<&'static str> {
    SIGNS.iter().find(|(sign, _)| *sign == c).map(|(_, said)| *said)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(ipa: &str) -> String {
        from_ipa(ipa).to_string()
    }

    #[test]
    fn english_keeps_its_phones() {
        assert_eq!(said("ˈælɪs"), "AE L IH S");
        assert_eq!(said("sˈɜːʃə nˈɑːlæn"), "S ER SH AH N AA L AE N");
        assert_eq!(said("dʒˈeɪn"), "JH EY N");
        assert_eq!(said("tʃˈɑːɹlz"), "CH AA R L Z");
    }

    #[test]
    fn sounds_of_other_languages_become_the_nearest_of_english() {
        for (language, ipa, phones) in [
            ("German", "jˈyɾɡən ʃˈɛːfɜ", "Y IY D G AH N SH EH F ER"),
            ("French", "fʁɑ̃swˈa", "F R AA S W AA"),
            ("Polish", "kʃˈɨʂtɔf", "K SH IH SH T AO F"),
            ("Korean", "tɕˈiu", "CH IY UW"),
            ("Japanese", "sakɯɾa", "S AA K UH D AA"),
            ("Arabic", "ħˈasan", "HH AA S AA N"),
            ("Spanish", "xoakˈin pˈeɲa", "K OW AA K IY N P EY N Y AA"),
            ("Hindi", "ʋɪkɾəm", "V IH K D AH M"),
            ("Russian", "ˈiɡərʲ", "IY G AH R"),
        ] {
            assert_eq!(said(ipa), phones, "{language}");
        }
    }

    #[test]
    fn what_is_no_sound_is_nothing_and_a_change_of_language_is_not_said() {
        assert_eq!(said("(ko)tɕˈiu(en-us)"), "CH IY UW");
        assert_eq!(said("🙏 123 ˈˌː"), "");
        assert_eq!(said("((((("), "");
        assert!(from_ipa(&"tʃa".repeat(100_000)).phones().len() <= MOST_PHONES);
    }

    #[test]
    fn every_entry_names_phones() {
        for said in PAIRS.iter().map(|pair| pair.1).chain(SIGNS.iter().map(|sign| sign.1)) {
            assert!(said.split(' ').all(|phone| Phone::named(phone).is_some()), "{said}");
        }
    }
}
