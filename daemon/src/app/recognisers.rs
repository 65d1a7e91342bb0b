//! Which recogniser, and which model, for the language that is spoken.
//!
//! Owns: the choice among those that are installed. Does not own: what is listened to. Invariant: what
//! is chosen is there; where nothing is, the answer says what to install.

use std::{
    fs,
    path::{Path, PathBuf},
};

use ahoy_core::voice::Engine;
use tokio::sync::watch;

use super::{
    request::{Fault, FaultKind},
    talk::Wish,
};

/// Where Debian puts the English model of PocketSphinx.
pub(super) const POCKETSPHINX_EN: &str = "/usr/share/pocketsphinx/model/en-us";

fn language(wish: &Wish) -> &str {
    wish.locale.split(['-', '_']).next().unwrap_or("en")
}

/// What Vosk needs of memory for each byte of its model's files (measured: 521 MB for the 253 MB of the
/// Korean model; what is above twice that comes out of [`KEPT_FREE`]).
const VOSK_NEEDS: u64 = 2;
/// Left to everything else, bytes: the recogniser never makes the machine throw out a call.
const KEPT_FREE: u64 = 256 << 20;

/// What the machine has to give to a recogniser.
#[derive(Clone, Debug)]
pub(super) struct Room {
    /// Bytes that were free before its process began; `None`: not known.
    memory: Option<u64>,
    /// Whether the user wants power to be saved, now.
    saves_power: watch::Receiver<bool>,
}

impl Room {
    pub(super) const fn new(saves_power: watch::Receiver<bool>) -> Self {
        Self { memory: None, saves_power }
    }

    /// Looks how much memory is free: when a process begins, before it has taken its part.
    pub(super) fn look(&mut self) {
        self.memory = fs::read_to_string("/proc/meminfo").ok().as_deref().and_then(free_memory);
    }
}

/// What the kernel says can be had without swapping (proc_meminfo(5), `MemAvailable`), in bytes.
fn free_memory(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// What there is for a language.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Installed {
    /// Vosk with a model, and the bytes of its files.
    vosk: Option<u64>,
    pocketsphinx: bool,
}

impl Installed {
    /// `size`: of a model that is there. Whether one is there is asked at every event of a call, so not
    /// everybody measures.
    fn find(
        wish: &Wish,
        models: &Path,
        engines: &[Engine],
        size: impl FnOnce(&Path) -> u64,
    ) -> Self {
        let model = models.join(language(wish));
        let vosk = (engines.contains(&Engine::Vosk) && model.is_dir()).then(|| size(&model));
        let pocketsphinx = language(wish) == "en"
            && Path::new(POCKETSPHINX_EN).is_dir()
            && engines.contains(&Engine::PocketSphinx);
        Self { vosk, pocketsphinx }
    }
}

/// Bytes of all files of a model. Its directories are two deep.
fn size(directory: &Path) -> u64 {
    let mut pending = vec![(directory.to_owned(), 0)];
    let mut bytes = 0;
    while let Some((directory, depth)) = pending.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let Ok(about) = entry.metadata() else { continue };
            if about.is_dir() && depth < 4 {
                pending.push((entry.path(), depth + 1));
            } else if about.is_file() {
                bytes += about.len();
            }
        }
    }
    bytes
}

/// What stands against every recogniser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Against {
    NotInstalled,
    /// Bytes that it needs, and that are free.
    Memory {
        needs: u64,
        free: u64,
    },
}

/// Vosk when it is there, has room and no power is to be saved, else PocketSphinx; what the user named, in
/// any case.
fn pick(
    wish: &str,
    there: Installed,
    memory: Option<u64>,
    saves_power: bool,
) -> Result<Engine, Against> {
    match (wish, there.vosk) {
        ("vosk", Some(_)) => return Ok(Engine::Vosk),
        ("pocketsphinx", _) if there.pocketsphinx => return Ok(Engine::PocketSphinx),
        ("auto", Some(_)) if there.pocketsphinx && saves_power => return Ok(Engine::PocketSphinx),
        ("auto", Some(files)) => {
            let needs = files.saturating_mul(VOSK_NEEDS).saturating_add(KEPT_FREE);
            match memory.filter(|free| *free < needs) {
                None => return Ok(Engine::Vosk),
                Some(_) if there.pocketsphinx => return Ok(Engine::PocketSphinx),
                Some(free) => return Err(Against::Memory { needs, free }),
            }
        }
        ("auto", None) if there.pocketsphinx => return Ok(Engine::PocketSphinx),
        _ => {}
    }
    Err(Against::NotInstalled)
}

/// The recogniser and the directory of its model.
pub(super) fn choose(
    wish: &Wish,
    models: &Path,
    engines: &[Engine],
    room: &Room,
) -> Result<(Engine, PathBuf), Fault> {
    let there = Installed::find(wish, models, engines, size);
    match pick(&wish.engine, there, room.memory, *room.saves_power.borrow()) {
        Ok(Engine::Vosk) => Ok((Engine::Vosk, models.join(language(wish)))),
        Ok(Engine::PocketSphinx) => Ok((Engine::PocketSphinx, POCKETSPHINX_EN.into())),
        Err(Against::NotInstalled) => {
            Err(Fault::new(FaultKind::NotSupported, missing(language(wish), models)))
        }
        Err(Against::Memory { needs, free }) => {
            let [needs, free] = [needs, free].map(|bytes| bytes >> 20);
            let why = format!(
                "the recogniser would leave too little memory: {needs} MiB should be free, and {free} \
                 are: close something, or take it all the same (ahoyctl settings set voice.engine vosk)"
            );
            Err(Fault::new(FaultKind::LimitReached, why))
        }
    }
}

/// Whether there is a model to choose, as far as files tell: the libraries are the worker's.
pub(super) fn is_installed(wish: &Wish, models: &Path) -> bool {
    let both = [Engine::Vosk, Engine::PocketSphinx];
    // Without a bound on memory its size is no matter.
    let there = Installed::find(wish, models, &both, |_| 0);
    pick(&wish.engine, there, None, false).is_ok()
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

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: Installed = Installed { vosk: Some(100 << 20), pocketsphinx: true };
    const VOSK: Installed = Installed { pocketsphinx: false, ..BOTH };
    const MUCH: Option<u64> = Some(4 << 30);
    const LITTLE: Option<u64> = Some(300 << 20);

    #[test]
    fn vosk_is_taken_where_it_has_room_and_no_power_is_saved() {
        assert_eq!(pick("auto", BOTH, MUCH, false), Ok(Engine::Vosk));
        assert_eq!(pick("auto", BOTH, None, false), Ok(Engine::Vosk), "unknown is no reason");
        assert_eq!(pick("auto", BOTH, LITTLE, false), Ok(Engine::PocketSphinx));
        assert_eq!(pick("auto", BOTH, MUCH, true), Ok(Engine::PocketSphinx));
    }

    #[test]
    fn where_there_is_no_other_power_is_spent_but_memory_is_not() {
        assert_eq!(pick("auto", VOSK, MUCH, true), Ok(Engine::Vosk));
        let against = Against::Memory { needs: (200 << 20) + KEPT_FREE, free: 300 << 20 };
        assert_eq!(pick("auto", VOSK, LITTLE, false), Err(against));
    }

    #[test]
    fn what_the_user_named_is_taken_in_any_case() {
        assert_eq!(pick("vosk", BOTH, LITTLE, true), Ok(Engine::Vosk));
        assert_eq!(pick("pocketsphinx", BOTH, MUCH, false), Ok(Engine::PocketSphinx));
        assert_eq!(pick("pocketsphinx", VOSK, MUCH, false), Err(Against::NotInstalled));
        let none = Installed::default();
        assert_eq!(pick("vosk", none, MUCH, false), Err(Against::NotInstalled));
        assert_eq!(pick("auto", none, MUCH, false), Err(Against::NotInstalled));
    }

    #[test]
    fn free_memory_is_what_the_kernel_says_can_be_had() {
        let meminfo = "MemTotal:       16316412 kB\nMemFree: 1 kB\nMemAvailable:    1024 kB\n";
        assert_eq!(free_memory(meminfo), Some(1 << 20));
        for strange in ["", "MemAvailable:", "MemAvailable: much kB", "MemAvailable: 1 MB"] {
            assert_eq!(free_memory(strange), None, "{strange}");
        }
    }

    #[test]
    fn a_model_is_as_big_as_its_files() {
        let model = tempfile::tempdir().expect("a directory");
        fs::create_dir_all(model.path().join("graph/phones")).expect("made");
        for (file, bytes) in [("am.mdl", 1000), ("graph/phones/words.int", 24)] {
            fs::write(model.path().join(file), vec![0; bytes]).expect("written");
        }
        assert_eq!(size(model.path()), 1024);
    }
}
