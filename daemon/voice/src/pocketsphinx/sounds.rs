//! Pronunciations that come from outside: used beside those of dictionary and rules, and forgotten.
//!
//! Owns: what was added to the dictionary for them. Does not own: who taught or guessed them. Invariant: what comes from outside is parsed: only phones of the model and
//! only words of the grammar get into the dictionary.

use std::{collections::BTreeSet, ffi::CString};

use ahoy_core::voice::{Grammar, MOST_WAYS, Sound, Way};

use super::{PocketSphinx, add_phones, ffi::Decoder};
use crate::{legal, network, recogniser::RecogniserError, spelling};

/// Fewer phones would be heard everywhere.
const LEAST_PHONES: usize = 2;
/// Variants of a word in the dictionary that are looked at.
const MOST_VARIANTS: u8 = 9;

/// The ways of a word that a grammar brings, as far as they can be used.
pub(super) fn usable(grammar: &Grammar, word: &str) -> Vec<Sound> {
    let ways = grammar.sounds.get(word).map_or(&[][..], Vec::as_slice);
    let sounds = ways.iter().filter_map(|way| Way::parse(way).phones()).take(MOST_WAYS);
    sounds.filter(|sound| sound.phones().len() >= LEAST_PHONES).collect()
}

impl PocketSphinx {
    /// Adds the ways that the grammar brings; what could not be said before can be then.
    pub(super) fn learn_sounds(&mut self, grammar: &Grammar, deaf_to: &mut BTreeSet<String>) {
        for word in legal::words(grammar).iter().filter(|word| network::is_token(word)) {
            for sound in usable(grammar, word) {
                if self.learn_sound(word, &sound) {
                    deaf_to.remove(word);
                }
            }
        }
    }

    fn learn_sound(&mut self, word: &str, sound: &Sound) -> bool {
        let added = self.added.entry(word.to_owned()).or_default();
        if added.contains(sound) {
            return true;
        }
        added.push(sound.clone());
        let phones = sound.to_string();
        let known = self.variants(word).contains(sound);
        let (Ok(name), Ok(phones)) = (CString::new(word), CString::new(phones)) else {
            return false;
        };
        if known {
            return true;
        }
        if self.decoder.phones(&name).is_none() {
            return self.decoder.add_word(&name, &phones);
        }
        self.learn_second(word, &phones);
        true
    }

    /// Whether it still knows a way of one of these words that nobody brings any more.
    pub(super) fn knows_too_much(&self, grammar: &Grammar) -> bool {
        let words = legal::words(grammar);
        self.added.iter().filter(|(word, _)| words.contains(*word)).any(|(word, ways)| {
            let usable = usable(grammar, word);
            ways.iter().any(|way| !usable.contains(way))
        })
    }

    /// Reads the dictionary anew: words cannot be taken out of it.
    pub(super) fn forget(&mut self) -> Result<(), RecogniserError> {
        let broken = RecogniserError::Engine("it could not be loaded again");
        let decoder = Decoder::new(&self.files.acoustic, &self.files.dictionary);
        self.decoder = decoder.ok_or(broken)?;
        let broken = RecogniserError::Engine("it lost its phones");
        self.phone_grammar = add_phones(&mut self.decoder).ok_or(broken)?;
        self.relaxed.clear();
        self.added.clear();
        Ok(())
    }

    /// The ways in which the dictionary has a word.
    pub(super) fn variants(&self, word: &str) -> Vec<Sound> {
        let named = |name: String| {
            let phones = self.decoder.phones(&CString::new(name).ok()?)?;
            Some(Sound::parse(&phones))
        };
        let others = (2..=MOST_VARIANTS).map_while(|number| named(format!("{word}({number})")));
        let first = named(word.to_owned());
        let first = first.or_else(|| Some(Sound::parse(&spelling::pronounce(word)?)));
        first.into_iter().chain(others).collect()
    }
}
