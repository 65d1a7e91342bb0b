//! What the windows are drawn by.
//!
//! Owns: the choice where GTK's own is a poor one. Does not own: drawing. Invariant: what the user chose (`GSK_RENDERER`)
//! stands.
//!
//! GTK 4.8 draws by GL also where no graphics card does it; then a call takes all cores, and cairo takes a part of one
//! (`tests/bench window`).

use std::{
    env, ffi::OsStr, fs, io, os::unix::process::CommandExt as _, path::Path, process::Command,
};

const CHOICE: &str = "GSK_RENDERER";
/// Cards whose drivers are not in `dri`: of NVIDIA, and of phones.
const OTHERS: [&str; 4] = ["nvidiactl", "mali0", "kgsl-3d0", "pvr_sync"];

/// Begins anew as a program that draws by cairo, if nothing else is chosen and there is no graphics card. Called before
/// anything else: GTK reads the choice of its environment, which only a program at its start has for itself.
pub(crate) fn choose() {
    if env::var_os(CHOICE).is_some() || has_card(Path::new("/dev")) {
        return;
    }
    let again = |program| {
        let mut arguments = env::args_os();
        let name = arguments.next().unwrap_or_default();
        let mut command = Command::new(program);
        command.arg0(name).args(arguments).env(CHOICE, "cairo").exec()
    };
    // Dear, but drawn.
    let error = env::current_exe().map_or_else(|error| error, again);
    tracing::warn!(%error, "the windows are drawn by GL without a graphics card");
}

/// Whether one is among the devices that a directory has.
fn has_card(devices: &Path) -> bool {
    let names = |directory: &Path| -> io::Result<bool> {
        let is_card = |name: &OsStr| name.to_string_lossy().starts_with("renderD");
        Ok(fs::read_dir(directory)?.filter_map(Result::ok).any(|one| is_card(&one.file_name())))
    };
    names(&devices.join("dri")).unwrap_or(false)
        || OTHERS.iter().any(|name| devices.join(name).exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_one_that_draws_not_one_that_only_shows() {
        let devices = env::temp_dir().join(format!("ahoy-cards-{}", std::process::id()));
        let put = |name: &str| {
            let file = devices.join(name);
            fs::create_dir_all(file.parent().expect("a directory")).expect("made");
            fs::write(file, "").expect("written");
        };
        assert!(!has_card(&devices));
        put("dri/card0");
        assert!(!has_card(&devices), "a screen of a virtual machine");
        put("dri/renderD128");
        assert!(has_card(&devices));
        fs::remove_dir_all(devices.join("dri")).expect("removed");
        put("nvidiactl");
        assert!(has_card(&devices));
        fs::remove_dir_all(devices).expect("removed");
    }
}
