//! What `contrib/desktop` gives a desktop: the entry by which notifications get their name and
//! icon, the icon, and the opener of links, which hands them to `ahoyctl open` and does nothing itself.
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

/// Opens a link with an `ahoyctl` that writes down how it is called; answers that, too.
fn open(link: &[&str]) -> (Output, String) {
    let scratch = Scratch::new();
    let (ahoyctl, called) = (scratch.0.join("ahoyctl"), scratch.0.join("called"));
    fs::write(&ahoyctl, format!("#!/bin/sh\nprintf '[%s]' \"$@\" > '{}'\n", called.display()))
        .unwrap();
    fs::set_permissions(&ahoyctl, fs::Permissions::from_mode(0o755)).unwrap();
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
