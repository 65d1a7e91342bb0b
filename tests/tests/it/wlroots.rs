//! The files for sway, Hyprland, hyprlock and Waybar in `contrib/wlroots`.
//!
//! Owns: that sway takes them, that what they run exists, that a bar says what goes on. Does not own: the
//! programs they are for but sway. Invariant: the calls are real, and each line is read as Waybar reads it.

use std::{
    fs::{self, File},
    os::unix::fs::{PermissionsExt as _, chown},
    path::PathBuf,
    process::{Command, Output},
};

use ahoy_trial::{
    Person, Setup,
    contract::repository,
    need::find,
    person::built,
    process::{Running, output},
    until,
};
use serde_json::Value;

use crate::scene::{Two, on_silent_stage};

/// Whoever owns nothing; sway refuses to be root.
const NOBODY: u32 = 65_534;

fn directory() -> PathBuf {
    repository().join("contrib/wlroots")
}

/// What sway says of a configuration, without a screen.
fn validate(configuration: &str) -> Output {
    let scratch = tempfile::tempdir().expect("a directory");
    let file = scratch.path().join("config");
    fs::write(&file, configuration).expect("written");
    let is_root = rustix::process::geteuid().is_root();
    let mut command = if is_root {
        fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o700)).expect("so");
        for path in [scratch.path(), &file] {
            chown(path, Some(NOBODY), Some(NOBODY)).expect("given away");
        }
        let mut command = Command::new("setpriv");
        let id = NOBODY.to_string();
        command.args(["--reuid", &id, "--regid", &id, "--clear-groups", "sway"]);
        command
    } else {
        Command::new("sway")
    };
    command
        .args(["--validate", "--config"])
        .arg(&file)
        .env("XDG_RUNTIME_DIR", scratch.path())
        .env("HOME", scratch.path())
        .envs([("WLR_BACKENDS", "headless"), ("WLR_RENDERER", "pixman")])
        .current_dir("/");
    command.output().expect("sway")
}

#[test]
fn sway_takes_its_file_and_would_not_take_a_key_that_is_none() {
    if find("sway").is_none() {
        println!("SKIPPED: sway is not installed");
        return;
    }
    let text = fs::read_to_string(directory().join("sway.conf")).expect("sway.conf");
    let taken = validate(&text);
    assert!(taken.status.success(), "{}", String::from_utf8_lossy(&taken.stderr));
    let wrong = validate(&text.replace("XF86Phone", "XF86Telefon"));
    assert!(!wrong.status.success(), "a check that finds nothing proves nothing");
}

/// The commands of one of our programs in a file: the words up to what is none of it.
fn commands(text: &str, program: &str) -> Vec<Vec<String>> {
    let begin = format!("{program} ");
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with(['#', '|']));
    let rests = lines.flat_map(|line| line.split(&begin).skip(1));
    let words = rests.map(|rest| {
        let words = rest.split(['"', '`', '|', ')']).next().unwrap_or_default();
        words.split_whitespace().map(str::to_owned).collect()
    });
    words.filter(|words: &Vec<String>| !words.is_empty()).collect()
}

#[test]
fn every_command_in_the_files_is_one_that_ahoyctl_has() {
    let mut tried = 0;
    for entry in fs::read_dir(directory()).expect("contrib/wlroots").flatten() {
        let name = entry.file_name().display().to_string();
        if name == "README.md" || name == "ahoy-bar" {
            continue;
        }
        let text = fs::read_to_string(entry.path()).expect("a file");
        for words in commands(&text, "ahoyctl") {
            let mut ctl = Command::new(built("ahoyctl").expect("ahoyctl"));
            output(&name, ctl.args(&words).arg("--help")).expect("a command");
            tried += 1;
        }
        for words in commands(&text, "ahoy-bar") {
            let script = fs::read_to_string(directory().join("ahoy-bar")).expect("ahoy-bar");
            let last = words.last().expect("a word");
            assert!(
                script.contains(&format!("{last})")) || script.contains(&format!("{last} |")),
                "{name}: {words:?}"
            );
            tried += 1;
        }
    }
    assert!(tried > 20, "only {tried} commands were found");
}

/// A person's bar, and the lines it printed.
struct Bar {
    file: PathBuf,
    _running: Running,
}

fn bar(person: &Person<'_>) -> Command {
    let mut command = person.command(&directory().join("ahoy-bar"));
    command.env("AHOYCTL", built("ahoyctl").expect("ahoyctl"));
    command
}

impl Bar {
    fn start(person: &Person<'_>) -> Self {
        let file = person.path("bar");
        let lines = File::create(&file).expect("a file");
        let running = Running::start("contrib/wlroots/ahoy-bar", bar(person).stdout(lines))
            .expect("ahoy-bar");
        Self { file, _running: running }
    }

    /// Waits until its newest line is of this kind, and gives its text and tooltip.
    fn shows(&self, alt: &str) -> (String, String) {
        let newest = || {
            let text = fs::read_to_string(&self.file).ok()?;
            let line: Value = serde_json::from_str(text.lines().last()?).ok()?;
            assert_eq!(line["alt"], line["class"]);
            let word = |key: &str| line[key].as_str().map(str::to_owned);
            (line["alt"] == alt).then_some((word("text")?, word("tooltip")?))
        };
        until(&format!("a bar that shows {alt}"), newest).expect("so it shows")
    }
}

fn once(person: &Person<'_>, what: &str) -> String {
    let said = output("ahoy-bar", bar(person).args(["--once", what])).expect("ahoy-bar");
    String::from_utf8_lossy(&said).trim().to_owned()
}

#[test]
fn a_bar_says_who_rings_the_call_that_is_on_and_how_many_were_missed() {
    if find("jq").is_none() {
        println!("SKIPPED: jq is not installed");
        return;
    }
    on_silent_stage(|stage| {
        let mut two = Two::meet(stage, Setup::BARE);
        let seen = Bar::start(&two.alice);
        assert_eq!(seen.shows("idle").0, "");
        assert_eq!(once(&two.alice, "text") + &once(&two.alice, "answer"), "");

        let (outgoing, incoming) = two.ring(false);
        assert_eq!(seen.shows("ringing").0, "Bob");
        let words = ["text", "answer", "end", "mute"].map(|what| once(&two.alice, what));
        assert_eq!(words, ["Rings: Bob", "Answer", "Decline", ""]);
        two.alice.answer(&incoming, false).expect("answered");
        two.are_active(&outgoing, &incoming);
        assert_eq!(seen.shows("call").1, "In a call: Bob");
        output("ahoy-bar", bar(&two.alice).arg("--toggle-mute")).expect("muted");
        seen.shows("muted");
        assert_eq!(once(&two.alice, "mute"), "Unmute");
        output("ahoy-bar", bar(&two.alice).arg("--toggle-mute")).expect("unmuted");
        seen.shows("call");
        two.alice.hang_up(&incoming).expect("ended");
        seen.shows("idle");

        let (outgoing, _) = two.ring(false);
        two.bob.hang_up(&outgoing).expect("given up");
        assert_eq!(seen.shows("missed").0, "1");
        assert_eq!(once(&two.alice, "text"), "", "what was missed is not for a lock");
        two.alice.ahoyctl(&["recents", "--missed", "--seen"]).expect("looked at");
        seen.shows("idle");
        two.alice.ahoyctl(&["dnd", "on"]).expect("set");
        seen.shows("quiet");
        two.alice.kill9();
        assert_eq!(seen.shows("idle").1, "Ahoy does not run");
    });
}

#[test]
fn what_waybar_reads_is_json_with_an_icon_for_everything_a_bar_says() {
    let text = fs::read_to_string(directory().join("waybar.jsonc")).expect("waybar.jsonc");
    let plain: Vec<&str> =
        text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let module: Value = serde_json::from_str(&format!("{{{}}}", plain.join("\n"))).expect("JSON");
    let module = &module["custom/ahoy"];
    let exec = module["exec"].as_str().expect("a program");
    assert!(directory().join(exec).is_file());
    let script = fs::read_to_string(directory().join("ahoy-bar")).expect("ahoy-bar");
    let icons = module["format-icons"].as_object().expect("icons");
    for said in ["ringing", "call", "muted", "held", "missed", "quiet", "idle"] {
        assert!(icons.contains_key(said) && script.contains(&format!("\"{said}\"")), "{said}");
    }
    assert_eq!(icons.len(), 7);
}
