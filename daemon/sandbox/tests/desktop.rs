//! What `contrib/desktop` gives a desktop: the entry by which notifications get their name and
//! icon, the icon, what software centres show, the opener of links, which hands them to `ahoyctl open`
//! and does nothing itself, and what a menu's actions are told.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::atomic::{AtomicU32, Ordering},
};

const ID: &str = "org.ahoycall.Ahoy";

fn desktop() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../contrib/desktop")
}

struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("ahoy-desktop-{}-{number}", std::process::id());
        let dir = std::env::temp_dir().join(name);
        fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _left_behind_in_tmp_at_worst = fs::remove_dir_all(&self.0);
    }
}

/// A program in a scratch directory.
fn program(scratch: &Scratch, name: &str, script: &str) -> PathBuf {
    let file = scratch.0.join(name);
    fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    file
}

/// Opens a link with an `ahoyctl` that writes down how it is called; answers that, too.
fn open(link: &[&str]) -> (Output, String) {
    let scratch = Scratch::new();
    let called = scratch.0.join("called");
    let note = format!("printf '[%s]' \"$@\" > '{}'", called.display());
    let ahoyctl = program(&scratch, "ahoyctl", &note);
    // By the shell: a script that was just written may still be "busy" in a neighbouring fork.
    let script = desktop().join("ahoy-open");
    let mut open = Command::new("sh");
    let output = open.arg(script).args(link).env("AHOYCTL", &ahoyctl).output().unwrap();
    (output, fs::read_to_string(called).unwrap_or_default())
}

#[test]
fn the_desktop_entry_is_valid() {
    let scratch = Scratch::new();
    let text = fs::read_to_string(desktop().join(format!("{ID}.desktop.in"))).unwrap();
    let file = scratch.0.join(format!("{ID}.desktop"));
    fs::write(&file, text.replace("@bindir@", "/usr/bin")).unwrap();
    let Ok(output) = Command::new("desktop-file-validate").arg(&file).output() else {
        println!("SKIPPED: desktop-file-validate is not installed (desktop-file-utils)");
        return;
    };
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.is_empty(), "{said}");
}

#[test]
fn entry_icon_and_scheme_agree() {
    let text = fs::read_to_string(desktop().join(format!("{ID}.desktop.in"))).unwrap();
    for line in [
        &format!("Icon={ID}"),
        "MimeType=x-scheme-handler/tel;x-scheme-handler/sip;x-scheme-handler/ahoy;",
    ] {
        assert!(text.lines().any(|l| l == line), "{line}");
    }
    let icon = fs::read_to_string(desktop().join(format!("{ID}.svg"))).unwrap();
    let icon = roxmltree::Document::parse(&icon).unwrap();
    assert!(icon.root_element().has_tag_name(("http://www.w3.org/2000/svg", "svg")));
    let linked = icon.descendants().any(|n| n.attributes().any(|a| a.name() == "href"));
    assert!(!linked, "the icon must not fetch anything");
}

#[test]
fn a_link_is_handed_to_ahoyctl_as_it_is_and_never_as_an_option() {
    let link = "ahoy:abc?name=Bob's \"boat\" $(true)&psk=x#v1.y";
    for link in [link, "tel:+4930123456", "--help", "https://example.org/ahoy:"] {
        let (output, called) = open(&[link]);
        assert!(output.status.success());
        assert_eq!(called, format!("[open][--][{link}]"));
    }
    assert_eq!(open(&[]).1, "[status]");
}

/// The groups of the entry, each with its keys.
fn entry() -> Vec<(String, Vec<(String, String)>)> {
    let text = fs::read_to_string(desktop().join(format!("{ID}.desktop.in"))).unwrap();
    let mut groups: Vec<(String, Vec<(String, String)>)> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[') {
            groups.push((name.trim_end_matches(']').to_owned(), Vec::new()));
        } else if let Some((key, value)) = line.split_once('=') {
            groups.last_mut().unwrap().1.push((key.to_owned(), value.to_owned()));
        }
    }
    groups
}

#[test]
fn each_action_of_the_entry_is_named_in_every_language_and_starts_what_is_installed() {
    let groups = entry();
    let value = |group: usize, key: &str| {
        let found = groups[group].1.iter().find(|(name, _)| name == key);
        found.map(|(_, value)| value.clone()).unwrap_or_else(|| panic!("no {key}"))
    };
    let named: Vec<String> = value(0, "Actions").split_terminator(';').map(str::to_owned).collect();
    let there: Vec<&str> =
        groups[1..].iter().map(|(name, _)| name.strip_prefix("Desktop Action ").unwrap()).collect();
    assert_eq!(named, there);
    assert!(!there.is_empty());
    for group in 1..groups.len() {
        for language in ["", "[de]", "[ko]"] {
            assert!(!value(group, &format!("Name{language}")).is_empty());
        }
        let exec = value(group, "Exec");
        let program = exec.strip_prefix("@bindir@/").unwrap().split(' ').next().unwrap();
        assert!(desktop().join(program).is_file(), "{exec}");
    }
}

/// Runs what a menu's action runs, beside an `ahoyctl` and a `busctl`.
fn tell(ahoyctl: &str, busctl: &str) -> (Output, String) {
    let scratch = Scratch::new();
    let ahoyctl = program(&scratch, "ahoyctl", ahoyctl);
    let called = scratch.0.join("called");
    let note = format!("printf '%s\n' \"$@\" > '{}'\n{busctl}", called.display());
    program(&scratch, "busctl", &note);
    let path = std::env::var("PATH").unwrap();
    let output = Command::new("sh")
        .arg(desktop().join("ahoy-tell"))
        .args(["dnd", "on"])
        .env("AHOYCTL", &ahoyctl)
        .env("PATH", format!("{}:{path}", scratch.0.display()))
        .output()
        .unwrap();
    (output, fs::read_to_string(called).unwrap_or_default())
}

#[test]
fn what_an_action_does_is_said_in_a_notification_and_never_as_markup_or_option() {
    let (output, called) = tell("echo \"--$* <b>&\"; exit 3", "exit 0");
    let lines: Vec<&str> = called.lines().collect();
    assert!(lines.contains(&"--dnd on &lt;b&gt;&amp;"), "{called}");
    let options = lines.iter().position(|line| *line == "--").unwrap();
    assert!(lines[options..].contains(&"Notify"), "{called}");
    assert_eq!(output.status.code(), Some(3), "the code is that of ahoyctl");
    assert!(output.stdout.is_empty());
    let (output, _) = tell("echo done", "exit 1");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "done\n", "without a bus");
}

#[test]
fn what_software_centres_show_is_valid_and_true() {
    let file = desktop().join(format!("{ID}.metainfo.xml"));
    let text = fs::read_to_string(&file).unwrap();
    let xml = roxmltree::Document::parse(&text).unwrap();
    let all = |tag: &'static str| xml.descendants().filter(move |node| node.has_tag_name(tag));
    let docs = desktop().join("../../docs");
    for image in all("image").filter_map(|node| node.text()) {
        let name = image.rsplit('/').next().unwrap();
        assert!(docs.join(name).is_file(), "docs has no {name}");
    }
    let launchable = all("launchable").next().and_then(|node| node.text());
    assert_eq!(launchable, Some(&*format!("{ID}.desktop")));
    let newest = all("release").next().and_then(|node| node.attribute("version"));
    assert_eq!(newest, Some(env!("CARGO_PKG_VERSION")));
    let (_, keys) = &entry()[0];
    let (_, schemes) = keys.iter().find(|(key, _)| key == "MimeType").unwrap();
    let provided: Vec<&str> = all("mediatype").filter_map(|node| node.text()).collect();
    assert_eq!(schemes.split_terminator(';').collect::<Vec<_>>(), provided);

    let validate = ["validate", "--no-net"];
    let Ok(output) = Command::new("appstreamcli").args(validate).arg(&file).output() else {
        println!("SKIPPED: appstreamcli is not installed (appstream)");
        return;
    };
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && !said.contains("W:"), "{said}");
}
