//! What `contrib/run` does to a home and a session.
//!
//! Owns: that all of it is listed and goes again, and nothing else with it; when the windows come and go.
//! Does not own: what a session does with the rest (`links`, `unit`), what the files say (`daemon/sandbox/tests`). Invariant: the programs
//! are those of this build, the home is a directory of the test's.

use std::{collections::BTreeSet, fs, os::unix::fs::PermissionsExt as _, path::Path};

use ahoy_trial::{
    Result,
    contract::repository,
    person::built,
    process::{output, program},
    systemd::Manager,
    until,
};

use crate::scene::turn;

/// Runs a piece of shell as `contrib/run` would, with the functions it has.
pub(crate) fn in_home(home: &Path, script: &str) -> Result<String> {
    let programs = built("ahoyd")?;
    let mut bash = program("bash");
    let begin = "set -euo pipefail; . contrib/lib.sh; . contrib/home.sh; use_prefix ~/.local";
    bash.args(["-c", &format!("{begin}; {script}")])
        .current_dir(repository())
        .env("HOME", home)
        .env_remove("XDG_DATA_HOME")
        .env("built", programs.parent().unwrap_or(home))
        .env("made", home.join("made"))
        // A Vosk library that lies in the real one is not of this test.
        .env("CARGO_TARGET_DIR", home.join("made"));
    let printed = output("contrib/home.sh", &mut bash)?;
    Ok(String::from_utf8_lossy(&printed).into_owned())
}

/// All files and directories below, relative to it.
pub(crate) fn below(directory: &Path) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    let mut open = vec![directory.to_owned()];
    while let Some(one) = open.pop() {
        for entry in fs::read_dir(&one).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = path.strip_prefix(directory).expect("below it").display().to_string();
            all.insert(name);
            if path.is_dir() {
                open.push(path);
            }
        }
    }
    all
}

/// A home in which another app is installed.
fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().expect("a directory");
    let other = home.path().join(".local/share/applications");
    fs::create_dir_all(&other).expect("a directory");
    fs::write(other.join("other.desktop"), "[Desktop Entry]\n").expect("another app");
    home
}

const REMOVE: &str = "remove_files; remove_directories; rm -rf \"$made\"";

#[test]
fn what_is_installed_into_a_home_is_listed_and_goes_again_and_nothing_else_does() {
    let home = home();
    let before = below(home.path());
    in_home(home.path(), "install_files 43; rm -rf \"$made\"").expect("installed");
    let once = below(home.path());
    for file in [
        "bin/ahoyd",
        "bin/ahoy-tell",
        "libexec/ahoy/ahoy-media",
        "share/systemd/user/ahoy-window.service",
        "share/metainfo/org.ahoycall.Ahoy.metainfo.xml",
        "share/gnome-shell/extensions/ahoy@ahoycall.org/metadata.json",
        "share/man/man1/ahoyctl.1",
    ] {
        assert!(once.contains(&format!(".local/{file}")), "{file} is missing");
    }
    let unit = home.path().join(".local/share/systemd/user/ahoy-window.service");
    let exec = format!("ExecStart={}/.local/bin/ahoy-window --background", home.path().display());
    assert!(fs::read_to_string(unit).expect("the unit").lines().any(|line| line == exec));
    in_home(home.path(), "install_files 43; rm -rf \"$made\"").expect("installed again");
    assert_eq!(below(home.path()), once, "run twice, the same");
    // Another Shell, for which there is no extension: the old one must not stay.
    in_home(home.path(), "install_files; rm -rf \"$made\"").expect("installed again");
    let extension = |name: &String| name.contains("gnome-shell/extensions/") && name.contains('.');
    let left = below(home.path());
    let left: Vec<&String> = left.iter().filter(|name| extension(name)).collect();
    assert!(left.iter().all(|name| name.ends_with("ahoycall.org")), "{left:?}");
    in_home(home.path(), REMOVE).expect("taken away");
    assert_eq!(below(home.path()), before);
}

#[test]
fn an_installation_that_was_interrupted_leaves_nothing_that_cannot_be_taken_away() {
    let home = home();
    let before = below(home.path());
    let cut = "stop() { [ \"$5\" != ahoyd.service ] && put \"$@\"; }; \
               mkdir -p \"$data/ahoy\"; make_files 43; each_file stop";
    in_home(home.path(), cut).expect_err("interrupted");
    assert!(home.path().join(".local/bin/ahoyd").is_file(), "some of it was there");
    in_home(home.path(), REMOVE).expect("taken away");
    assert_eq!(below(home.path()), before);
}

/// A desktop's own target, as sway-session.target or gnome-session's; the standard one is started by no hand.
const SESSION: &str = "[Unit]\nBindsTo=graphical-session.target\n";

#[test]
fn the_windows_come_with_a_session_that_has_a_screen_and_go_with_it() {
    let _turn = turn();
    let manager = match Manager::private() {
        Ok(manager) => manager,
        Err(why) => {
            println!("SKIPPED: the windows' unit in a real systemd: {why}");
            return;
        }
    };
    let systemctl = |words: &[&str]| {
        let words = [&["--user"], words].concat();
        manager.run("systemctl", &words).expect("systemctl")
    };
    let shows = |property: &str| systemctl(&["show", "ahoy-window", "--value", "-p", property]);
    let is = |state: &str| {
        let there = || (shows("ActiveState") == state).then_some(());
        until(&format!("windows that are {state}"), there).expect("so they are");
    };
    let units = manager.dir.join(".config/systemd/user");
    let unit = repository().join("systemd/ahoy-window.service.in");
    let unit = fs::read_to_string(unit).expect("the unit");
    // This is about the unit: anything that stays does.
    let unit = unit.replace("@bindir@/ahoy-window --background", "/bin/sleep infinity");
    fs::create_dir_all(&units).expect("a directory");
    fs::write(units.join("ahoy-window.service"), unit).expect("written");
    fs::write(units.join("desktop.target"), SESSION).expect("written");
    systemctl(&["daemon-reload"]);
    systemctl(&["unset-environment", "WAYLAND_DISPLAY", "DISPLAY"]);
    systemctl(&["enable", "ahoy-window"]);

    systemctl(&["start", "desktop.target"]);
    assert_eq!(shows("ConditionResult"), "no", "without a screen");
    is("inactive");
    systemctl(&["stop", "desktop.target"]);

    systemctl(&["set-environment", "WAYLAND_DISPLAY=wayland-1"]);
    systemctl(&["start", "desktop.target"]);
    is("active");
    let first = shows("MainPID");
    systemctl(&["kill", "-s", "SEGV", "ahoy-window"]);
    let back = || {
        let pid = shows("MainPID");
        (pid != "0" && pid != first && shows("ActiveState") == "active").then_some(())
    };
    until("windows after a crash", back).expect("they are back");
    systemctl(&["stop", "desktop.target"]);
    is("inactive");
}

/// `contrib/run` in a session of its own; what was built is there, so that cargo has nothing to do.
fn run(manager: &Manager, words: &str) -> Result<String> {
    let repository = repository().display().to_string();
    let script = format!(
        "cd {repository} && CARGO_TARGET_DIR=~/target WAYLAND_DISPLAY=wayland-1 \
         PATH=~/stub:$PATH bash contrib/run --no-packages {words}"
    );
    manager.run("bash", &["-c", &script])
}

/// What `run` finds: a toolchain that builds nothing, the programs, settings that keep to this machine.
fn prepare(home: &Path) {
    let programs = built("ahoyd").expect("ahoyd");
    let programs = programs.parent().expect("a directory");
    for directory in ["stub", "target/voice/vosk", ".config/ahoy"] {
        fs::create_dir_all(home.join(directory)).expect("a directory");
    }
    let release = home.join("target/release");
    std::os::unix::fs::symlink(programs, release).expect("a link");
    // systemctl says "offline" of every systemd where none booted the machine.
    let systemctl =
        "case $* in *is-system-running) echo running ;; *) exec /usr/bin/systemctl \"$@\" ;; esac";
    for (name, does) in
        [("cargo", "exit"), ("rustc", "echo rustc 99.0.0"), ("systemctl", systemctl)]
    {
        let stub = home.join("stub").join(name);
        fs::write(&stub, format!("#!/bin/sh\n{does}\n")).expect("written");
        fs::set_permissions(&stub, fs::Permissions::from_mode(0o755)).expect("so");
    }
    // There already, so that none is fetched.
    fs::write(home.join("target/voice/vosk/libvosk.so"), "none").expect("written");
    let settings = "[link]\nlisten = \"127.0.0.1:0\"\nmdns = false\n";
    fs::write(home.join(".config/ahoy/config.toml"), settings).expect("written");
}

#[test]
fn contrib_run_installs_into_a_session_starts_the_service_and_takes_all_of_it_away() {
    let _turn = turn();
    let manager = match Manager::private() {
        Ok(manager) => manager,
        Err(why) => {
            println!("SKIPPED: contrib/run in a session: {why}");
            return;
        }
    };
    let home = manager.dir.as_path();
    prepare(home);
    let files = || -> BTreeSet<String> {
        let ours = |name: &String| name.starts_with(".local/") && home.join(name).is_file();
        below(home).into_iter().filter(ours).collect()
    };
    let said = run(&manager, "").expect("installed");
    assert!(said.contains("Ahoy is running."), "{said}");
    let state = |unit: &str, what: &str| {
        let words = ["--user", "show", unit, "--value", "-p", what];
        manager.run("systemctl", &words).expect("systemctl")
    };
    assert_eq!(state("ahoyd", "ActiveState"), "active");
    for unit in ["ahoyd", "ahoy-window"] {
        assert_eq!(state(unit, "UnitFileState"), "enabled", "{unit}");
    }
    let first = state("ahoyd", "MainPID");
    let once = files();
    run(&manager, "").expect("installed again");
    assert_ne!(state("ahoyd", "MainPID"), first, "the new version runs");
    let keys = |name: &String| name.starts_with(".local/share/ahoy/");
    let installed = |all: &BTreeSet<String>| -> BTreeSet<String> {
        all.iter().filter(|name| !keys(name)).cloned().collect()
    };
    assert_eq!(installed(&files()), installed(&once));

    run(&manager, "--uninstall").expect("taken away");
    assert_eq!(state("ahoyd", "LoadState"), "not-found");
    let left = files();
    assert!(!left.is_empty() && left.iter().all(keys), "contacts and keys alone stay: {left:?}");
    let shipped = ["libvosk.so", "71-ahoy-headset.rules", "installed-files"];
    let is_shipped = |name: &String| shipped.iter().any(|one| name.ends_with(one));
    assert!(!left.iter().any(is_shipped), "{left:?}");
    let links = below(&home.join(".config/systemd"));
    assert!(!links.iter().any(|name| name.contains("ahoy")), "{links:?}");
    run(&manager, "--uninstall --purge").expect("purged");
    assert_eq!(files(), BTreeSet::new());
}
