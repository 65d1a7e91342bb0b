//! Which recogniser, and which model, for the language that is spoken.
//!
//! Owns: the choice among those that are installed. Does not own: what is listened to. Invariant: what
//! is chosen is there; where nothing is, the answer says what to install.

use std::path::{Path, PathBuf};

use ahoy_core::voice::Engine;

use super::{
    request::{Fault, FaultKind},
    talk::Wish,
};

/// Where Debian puts the English model of PocketSphinx.
pub(super) const POCKETSPHINX_EN: &str = "/usr/share/pocketsphinx/model/en-us";

fn language(wish: &Wish) -> &str {
    wish.locale.split(['-', '_']).next().unwrap_or("en")
}

/// Vosk when a model of the language is installed, else PocketSphinx for English.
pub(super) fn choose(
    wish: &Wish,
    models: &Path,
    engines: &[Engine],
) -> Result<(Engine, PathBuf), Fault> {
    let model = models.join(language(wish));
    let vosk = model.is_dir() && engines.contains(&Engine::Vosk);
    let sphinx = language(wish) == "en"
        && Path::new(POCKETSPHINX_EN).is_dir()
        && engines.contains(&Engine::PocketSphinx);
    match wish.engine.as_str() {
        "vosk" | "auto" if vosk => Ok((Engine::Vosk, model)),
        "pocketsphinx" | "auto" if sphinx => Ok((Engine::PocketSphinx, POCKETSPHINX_EN.into())),
        _ => Err(Fault::new(FaultKind::NotSupported, missing(language(wish), models))),
    }
}

/// Whether there is a model to choose, as far as files tell: the libraries are the worker's.
pub(super) fn is_installed(wish: &Wish, models: &Path) -> bool {
    choose(wish, models, &[Engine::Vosk, Engine::PocketSphinx]).is_ok()
}

/// What to install for a language.
pub(super) fn missing(language: &str, models: &Path) -> String {
    if models.join(language).is_dir() {
        return "the Vosk library is not installed: put libvosk.so where contrib/run puts it, or \
                set AHOY_LIBVOSK to its path"
            .to_owned();
    }
    format!(
        "no recogniser for \"{language}\": run `ahoyctl voice install {language}`, or for English \
         install the packages libpocketsphinx3 and pocketsphinx-en-us"
    )
}
