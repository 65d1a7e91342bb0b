//! Checks of voice recognition: library, models, the wake word's model.
//!
//! Owns: these checks. Invariant: nothing here is needed for calls, so nothing here is "missing".

use std::path::PathBuf;

use super::{Check, data_home};
use crate::voice::models::{self, Health};

pub(super) fn checks() -> Vec<Check> {
    vec![library(), vosk_models(), pocketsphinx(), speech()]
}

/// What prompts are spoken by.
fn speech() -> Check {
    let name = "spoken prompts";
    let socket = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let socket = socket.map(|run| run.join("speech-dispatcher/speechd.sock"));
    if socket.is_some_and(|socket| std::os::unix::net::UnixStream::connect(socket).is_ok()) {
        return Check::ok(name, "speech-dispatcher");
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    if std::env::split_paths(&path).any(|dir| dir.join("espeak-ng").is_file()) {
        return Check::ok(name, "espeak-ng");
    }
    Check::warn(
        name,
        "neither speech-dispatcher runs nor is espeak-ng installed: prompts are shown only",
        "sudo apt install espeak-ng",
    )
}

fn library() -> Check {
    match find_library() {
        Some(path) => Check::ok("Vosk library", path.display().to_string()),
        None => Check::warn(
            "Vosk library",
            "libvosk.so not found: English commands only, through PocketSphinx",
            "contrib/run fetches it (from the vosk 0.3.45 wheel)",
        ),
    }
}

/// Where the worker looks, in its order; the last is wherever the system's loader looks.
fn find_library() -> Option<PathBuf> {
    let arch = std::env::consts::ARCH;
    let given = std::env::var_os("AHOY_LIBVOSK").map(PathBuf::from);
    let own = data_home().map(|data| data.join("ahoy/lib/libvosk.so"));
    let path = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    let system = [
        "/usr/local/lib".to_owned(),
        format!("/usr/lib/{arch}-linux-gnu"),
        "/usr/lib64".to_owned(),
        "/usr/lib".to_owned(),
    ];
    given
        .into_iter()
        .chain(own)
        .chain([PathBuf::from("/usr/lib/ahoy/libvosk.so")])
        .chain(std::env::split_paths(&path).map(|dir| dir.join("libvosk.so")))
        .chain(system.into_iter().map(|dir| PathBuf::from(dir).join("libvosk.so")))
        .find(|file| file.is_absolute() && file.is_file())
}

fn vosk_models() -> Check {
    let name = "voice models";
    let Ok(directory) = models::directory() else {
        return Check::warn(name, "there is no home directory", "Set HOME.");
    };
    let installed = models::installed(&directory);
    if installed.is_empty() {
        return Check::warn(
            name,
            "no Vosk model: English commands only, through PocketSphinx",
            "ahoyctl voice install en",
        );
    }
    let broken: Vec<&String> = installed
        .iter()
        .filter(|lang| matches!(models::health(&directory.join(lang)), Health::Broken(_)))
        .collect();
    match broken.first() {
        None => Check::ok(name, installed.join(", ")),
        Some(first) => Check::warn(
            name,
            format!(
                "damaged: {}",
                broken.iter().map(|b| b.as_str()).collect::<Vec<_>>().join(", ")
            ),
            format!("ahoyctl voice install {first}"),
        ),
    }
}

fn pocketsphinx() -> Check {
    let name = "PocketSphinx model";
    let dirs = ["/usr/share/pocketsphinx/model/en-us", "/usr/local/share/pocketsphinx/model/en-us"];
    let found = dirs.iter().map(PathBuf::from).find(|dir| {
        // The acoustic model lies one deeper in Debian's package.
        dir.join("en-us/mdef").is_file() || dir.join("mdef").is_file()
    });
    match found {
        Some(dir) => Check::ok(name, dir.display().to_string()),
        None => Check::warn(
            name,
            "not found: no wake word, and no English commands without a Vosk model",
            "sudo apt install pocketsphinx-en-us",
        ),
    }
}
