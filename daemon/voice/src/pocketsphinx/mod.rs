//! The recogniser for English that needs no download: PocketSphinx with a strict grammar.
//!
//! Owns: the model's files, words missing from the dictionary, and when to disbelieve a match. Does
//! not own: the C interface (`ffi`). Invariant: a strict grammar matches anything, so no match
//! leaves here that has not won against a grammar of bare phones.

mod dictation;
mod ffi;
mod judge;
mod keyword;
mod opening;
mod phone_ear;
mod sounds;

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::{CStr, CString},
    fs,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use ahoy_core::voice::{Grammar, Hypothesis, Sound};

use crate::{
    endpoint::Utterance,
    legal, network,
    partial::Partial,
    recogniser::{Opening, Recogniser, RecogniserError},
    spelling,
};

pub(crate) use self::dictation::Dictation;
use self::ffi::Decoder;
pub(crate) use self::{
    keyword::{Keyword, KeywordError},
    phone_ear::PhoneEar,
};

const COMMANDS: &CStr = c"commands";
const PHONES: &CStr = c"phones";

/// Every phone of the model as a word of its own: the competitor of the commands.
const PHONE_WORDS: &str = "AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P \
                           R S SH T TH UH UW V W Y Z";

/// A loaded English model.
pub(crate) struct PocketSphinx {
    decoder: Decoder,
    phone_grammar: String,
    /// Words that were given a second way to be said.
    relaxed: BTreeSet<String>,
    /// Ways of words that came with a grammar.
    added: BTreeMap<String, Vec<Sound>>,
    files: ModelFiles,
    /// What was prepared last, as far as it can be heard.
    grammar: Grammar,
    /// The beginnings of phrases that end in free speech, as a grammar.
    openings: Option<String>,
    /// An utterance is being decoded as it is spoken.
    live: bool,
    partial: Partial,
}

impl PocketSphinx {
    /// Loads the model in a directory: an acoustic model in a folder of it, and a dictionary.
    pub(crate) fn load(model: &Path) -> Result<Self, RecogniserError> {
        let unusable = |why: &str| RecogniserError::Model {
            dir: model.display().to_string(),
            why: why.to_owned(),
        };
        let files = ModelFiles::find(model).map_err(unusable)?;
        let mut decoder = Decoder::new(&files.acoustic, &files.dictionary)
            .ok_or_else(|| unusable("PocketSphinx cannot read it"))?;
        let phone_grammar = add_phones(&mut decoder)
            .ok_or_else(|| unusable("its phones are not those of English"))?;
        Ok(Self {
            decoder,
            phone_grammar,
            relaxed: BTreeSet::new(),
            added: BTreeMap::new(),
            files,
            grammar: Grammar::default(),
            openings: None,
            live: false,
            partial: Partial::default(),
        })
    }

    /// Gives words missing from the dictionary a pronunciation; answers with those it cannot.
    fn learn(&mut self, grammar: &Grammar) -> BTreeSet<String> {
        let words = legal::words(grammar).into_iter();
        words.filter(|word| !self.learn_word(word)).collect()
    }

    fn learn_word(&mut self, word: &str) -> bool {
        let Ok(name) = CString::new(word) else {
            return false;
        };
        if !network::is_token(word) {
            return false;
        }
        let known = self.decoder.phones(&name);
        let phones = known.clone().or_else(|| spelling::pronounce(word));
        let added = known.is_some()
            || phones
                .clone()
                .and_then(|phones| CString::new(phones).ok())
                .is_some_and(|phones| self.decoder.add_word(&name, &phones));
        let relaxed = phones.and_then(|phones| spelling::relaxed(&phones));
        if let Some(relaxed) = relaxed.and_then(|phones| CString::new(phones).ok())
            && self.relaxed.insert(word.to_owned())
        {
            self.learn_second(word, &relaxed);
        }
        added
    }

    /// Another way to say a word, beside what the dictionary has.
    fn learn_second(&mut self, word: &str, phones: &CStr) {
        let free = |number: &u8| {
            let name = CString::new(format!("{word}({number})")).ok()?;
            self.decoder.phones(&name).is_none().then_some(name)
        };
        if let Some(name) = (2..9).find_map(|number| free(&number)) {
            self.decoder.add_word(&name, phones);
        }
    }

    fn decode_whole(&mut self, search: &CStr, samples: &[i16]) -> Option<ffi::Path> {
        let done =
            self.decoder.start(search) && self.decoder.process(samples, true) && self.decoder.end();
        done.then(|| self.decoder.path())
    }

    fn end_live(&mut self) {
        if std::mem::take(&mut self.live) {
            self.decoder.end();
        }
        self.partial = Partial::default();
    }
}

impl Recogniser for PocketSphinx {
    fn prepare(&mut self, grammar: &Grammar) -> Result<Vec<String>, RecogniserError> {
        self.end_live();
        if self.knows_too_much(grammar) {
            self.forget()?;
        }
        let mut deaf_to = self.learn(grammar);
        self.learn_sounds(grammar, &mut deaf_to);
        let (hearable, gone) = legal::without(grammar, &deaf_to);
        let openings = network::compile_openings(&hearable, &phone_words());
        self.openings = openings.map(|network| network.text("openings"));
        let commands = network::compile(&hearable).ok_or(RecogniserError::NothingHearable)?;
        // The phones again, too: a search is built for the dictionary of its time.
        let set = self.decoder.set_grammar(COMMANDS, &commands.text("commands"))
            && self.decoder.set_grammar(PHONES, &self.phone_grammar);
        self.grammar = hearable;
        if set { Ok(gone) } else { Err(RecogniserError::Engine("it refuses the grammar")) }
    }

    fn begin(&mut self) {
        self.end_live();
    }

    fn feed(&mut self, samples: &[i16]) -> Result<Option<String>, RecogniserError> {
        if !self.live {
            self.live = self.decoder.start(COMMANDS);
        }
        if !self.live || !self.decoder.process(samples, false) {
            return Err(RecogniserError::Engine("it takes no sound"));
        }
        Ok(self.partial.hear(samples.len(), || self.decoder.hypothesis().0))
    }

    fn finish(&mut self, utterance: &Utterance) -> Result<Vec<Hypothesis>, RecogniserError> {
        // Decoded again from the start: cepstral means over the whole of a short utterance are
        // worth more than those guessed while it began (measured: 49 of 54 against 43).
        self.end_live();
        let stopped = RecogniserError::Engine("it could not decode the utterance");
        let (Some(commands), Some(phones)) = (
            self.decode_whole(COMMANDS, &utterance.samples),
            self.decode_whole(PHONES, &utterance.samples),
        ) else {
            return Err(stopped);
        };
        let verdict = judge::judge(&commands, &phones, utterance.voiced);
        let shape = legal::shape(&self.grammar, commands.text.as_deref().unwrap_or_default());
        tracing::debug!(?verdict, shape, "decoded");
        let text = commands.text.filter(|_| verdict.believed());
        Ok(text.map(|text| Hypothesis { text, score: verdict.score() }).into_iter().collect())
    }

    fn opening(&mut self, utterance: &Utterance) -> Result<Option<Opening>, RecogniserError> {
        self.end_live();
        self.find_opening(utterance)
    }

    fn ways(&self, text: &str, _grammar: &Grammar) -> Vec<Sound> {
        spelling::ways(text, |word| self.variants(word))
    }
}

/// A word that the dictionary says in more than one way ("the(2)"), without that number.
fn base(word: &str) -> &str {
    word.split('(').next().unwrap_or(word)
}

/// The words that are phones, in their order.
fn phone_words() -> Vec<String> {
    let phones = PHONE_WORDS.split_whitespace();
    phones.map(|phone| format!("{}{}", opening::PHONE, phone.to_lowercase())).collect()
}

/// Makes every phone a word; the grammar of them in any order.
fn add_phones(decoder: &mut Decoder) -> Option<String> {
    let words = phone_words();
    for (word, phone) in words.iter().zip(PHONE_WORDS.split_whitespace()) {
        let (name, phone) = (CString::new(word.as_str()).ok()?, CString::new(phone).ok()?);
        if !decoder.add_word(&name, &phone) {
            return None;
        }
    }
    Some(network::any_of(&words).text("phones"))
}

/// The files of a model.
struct ModelFiles {
    acoustic: CString,
    dictionary: CString,
    /// Which words follow which; commands need none.
    language: Option<CString>,
    /// Which phones follow which, where the model says that.
    phone_order: Option<CString>,
}

impl ModelFiles {
    fn find(model: &Path) -> Result<Self, &'static str> {
        let entries = fs::read_dir(model).map_err(|_| "there is no such folder")?;
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.push(model.to_owned());
        paths.sort();
        let acoustic = paths.iter().find(|path| path.join("mdef").is_file());
        let dictionary = paths
            .iter()
            .find(|path| path.extension().is_some_and(|e| e == "dict") && path.is_file());
        let language = paths.iter().find(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.ends_with(".lm.bin") && !name.contains("phone") && path.is_file()
        });
        let is_order = |path: &&PathBuf| path.to_string_lossy().ends_with("-phone.lm.bin");
        let phone_order = paths.iter().find(is_order);
        let c_path = |path: &PathBuf| CString::new(path.as_os_str().as_bytes()).ok();
        Ok(Self {
            acoustic: acoustic
                .and_then(c_path)
                .ok_or("it has no acoustic model (a folder with \"mdef\")")?,
            dictionary: dictionary
                .and_then(c_path)
                .ok_or("it has no dictionary (a file \"*.dict\")")?,
            language: language.and_then(c_path),
            phone_order: phone_order.and_then(c_path),
        })
    }
}

#[cfg(test)]
mod tests;
