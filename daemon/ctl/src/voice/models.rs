//! The voice models we know, as data, and where installed ones lie.
//!
//! Owns: official addresses, sizes, checksums; the directory. Does not own: fetching or unpacking.
//! Invariant: a model is fetched without being asked for its checksum only if ours was computed
//! from the official file.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// A model as its makers publish it.
#[derive(Clone, Copy, Debug)]
pub struct Model {
    /// Language, as the locale says it.
    pub lang: &'static str,
    /// The language in English.
    pub language: &'static str,
    /// The archive's name without `.zip`.
    pub name: &'static str,
    /// Size and SHA-256 of the archive, where somebody of ours has computed them.
    pub pinned: Option<Pin>,
}

/// What the archive must be.
#[derive(Clone, Copy, Debug)]
pub struct Pin {
    /// Bytes.
    pub size: u64,
    /// In hex.
    pub sha256: &'static str,
}

/// Where the makers publish all models.
const OFFICIAL: &str = "https://alphacephei.com/vosk/models/";

const fn known(lang: &'static str, language: &'static str, name: &'static str) -> Model {
    Model { lang, language, name, pinned: None }
}

/// The small models: dynamic graphs, which take a grammar at run time; large ones mostly do not.
pub const KNOWN: &[Model] = &[
    Model {
        lang: "en",
        language: "English",
        name: "vosk-model-small-en-us-0.15",
        pinned: Some(Pin {
            size: 41_205_931,
            sha256: "30f26242c4eb449f948e42cb302dd7a686cb29a3423a8367f99ff41780942498",
        }),
    },
    known("de", "German", "vosk-model-small-de-0.15"),
    known("es", "Spanish", "vosk-model-small-es-0.42"),
    known("fr", "French", "vosk-model-small-fr-0.22"),
    known("hi", "Hindi", "vosk-model-small-hi-0.22"),
    known("it", "Italian", "vosk-model-small-it-0.22"),
    known("ja", "Japanese", "vosk-model-small-ja-0.22"),
    known("ko", "Korean", "vosk-model-small-ko-0.22"),
    known("nl", "Dutch", "vosk-model-small-nl-0.22"),
    known("pt", "Portuguese", "vosk-model-small-pt-0.3"),
    known("ru", "Russian", "vosk-model-small-ru-0.22"),
    known("tr", "Turkish", "vosk-model-small-tr-0.3"),
];

impl Model {
    /// The official address.
    pub fn url(&self) -> String {
        format!("{OFFICIAL}{}.zip", self.name)
    }
}

/// The model for a language.
pub fn find(lang: &str) -> Option<&'static Model> {
    KNOWN.iter().find(|model| model.lang == lang)
}

/// Checks what becomes a directory's name.
pub fn check_lang(lang: &str) -> Result<()> {
    let fine = (2..=16).contains(&lang.len())
        && lang.starts_with(|c: char| c.is_ascii_lowercase())
        && lang.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if fine {
        return Ok(());
    }
    let all: Vec<&str> = KNOWN.iter().map(|model| model.lang).collect();
    Err(Error::usage(
        format!("\"{}\" is not a language", crate::out::clean(lang)),
        format!("Write it as in a locale: {}.", all.join(", ")),
    ))
}

/// `$XDG_DATA_HOME/ahoy/vosk`: where `ahoyd` looks for models, one directory per language.
pub fn directory() -> Result<PathBuf> {
    crate::doctor::data_home().map(|data| data.join("ahoy/vosk")).ok_or_else(|| {
        Error::refused("File", "there is no home directory", "Set HOME or XDG_DATA_HOME.")
    })
}

/// What every Vosk model has; a directory without one of these cannot be loaded.
pub const NEEDED: &[&str] = &["am/final.mdl", "conf/mfcc.conf"];

/// What a look at an installed model finds.
#[derive(Debug, PartialEq, Eq)]
pub enum Health {
    /// Complete, and takes a grammar at run time.
    Good,
    /// Complete, but its graph is fixed: commands are recognised as free text only.
    Static,
    /// This is missing.
    Broken(String),
}

/// Looks at an installed model.
pub fn health(dir: &Path) -> Health {
    if let Some(missing) = NEEDED.iter().find(|file| !is_filled(&dir.join(file))) {
        return Health::Broken((*missing).to_owned());
    }
    // A newer layout has `graph/`; the oldest small models keep the same files at the top.
    let has = |file: &str| is_filled(&dir.join("graph").join(file)) || is_filled(&dir.join(file));
    if has("Gr.fst") && (has("HCLr.fst") || has("HCLr")) {
        Health::Good
    } else if has("HCLG.fst") {
        Health::Static
    } else {
        Health::Broken("graph/HCLr.fst and graph/Gr.fst".into())
    }
}

fn is_filled(file: &Path) -> bool {
    file.metadata().is_ok_and(|meta| meta.is_file() && meta.len() > 0)
}

/// Installed languages, in order.
pub fn installed(directory: &Path) -> Vec<String> {
    let mut langs: Vec<String> = std::fs::read_dir(directory)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.path().is_dir())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| check_lang(name).is_ok())
        .collect();
    langs.sort();
    langs
}

/// Bytes on disk.
pub fn size(dir: &Path) -> u64 {
    std::fs::read_dir(dir)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => size(&entry.path()),
            Ok(meta) => meta.len(),
            Err(_) => 0,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_english_model_is_pinned_as_published() {
        let english = find("en").unwrap();
        assert_eq!(
            english.url(),
            "https://alphacephei.com/vosk/models/vosk-model-small-en-us-0.15.zip"
        );
        let pin = english.pinned.unwrap();
        assert_eq!((pin.size, pin.sha256.len()), (41_205_931, 64));
    }

    #[test]
    fn a_language_cannot_leave_the_directory() {
        for bad in ["", "e", "..", "../x", "en/us", ".en", "EN", "-en"] {
            assert!(check_lang(bad).is_err(), "{bad}");
        }
        for good in KNOWN.iter().map(|m| m.lang).chain(["en-us", "pt_BR"]) {
            check_lang(good).unwrap();
        }
    }
}
