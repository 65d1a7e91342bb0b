//! The program itself.

use std::process::Command;

fn ahoy_media() -> Command {
    Command::new(env!("CARGO_BIN_EXE_ahoy-media"))
}

#[test]
fn it_tells_its_version() {
    let output = ahoy_media().arg("--version").output().expect("ahoy-media");
    assert!(output.status.success());
    let expected = format!("ahoy-media {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
}

#[test]
fn started_by_hand_it_says_who_starts_it() {
    let output = ahoy_media().output().expect("ahoy-media");
    assert!(!output.status.success());
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("started by ahoyd"), "{told}");
}
