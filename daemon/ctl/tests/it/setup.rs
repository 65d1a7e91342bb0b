//! Settings, backup, restore, identity, completions, manual.

use std::{os::unix::fs::PermissionsExt as _, process::Stdio};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::{
    harness::{DEADLINE, Session, run},
    service::dict,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_setting_is_set_in_its_own_type() {
    let session = Session::new().await;
    session.service.world.lock().unwrap().settings = dict([
        ("history.keep-days", 90u32.into()),
        ("voice.wake-word", false.into()),
        ("ring.players", vec!["a"].into()),
    ]);
    assert_eq!(session.ctl(&["settings", "get", "history.keep-days"]).await.ok(), "90\n");
    session.ctl(&["settings", "set", "history.keep-days", "30"]).await.ok();
    session.ctl(&["settings", "set", "voice.wake-word", "on"]).await.ok();
    session.ctl(&["settings", "set", "ring.players", "x,y"]).await.ok();
    let asked = session.service.asked();
    assert_eq!(asked, ["Set history.keep-days u", "Set voice.wake-word b", "Set ring.players as"]);
    let run = session.ctl(&["settings", "list"]).await;
    assert_eq!(run.ok(), "history.keep-days = 30\nring.players = x,y\nvoice.wake-word = on\n");
    assert_eq!(session.ctl(&["settings", "set", "voice.wake-word", "maybe"]).await.code, 2);
    let run = session.ctl(&["settings", "get", "keep-days"]).await;
    assert_eq!(run.code, 1);
    assert!(run.err.contains("Did you mean: history.keep-days?"), "{run:?}");
    assert!(session.service.asked().is_empty());
}

/// A descriptor on which the child reads the passphrase: its stdin.
fn with_passphrase(session: &Session, args: &[&str], text: &str) -> tokio::process::Command {
    let file = session.dir.0.join("passphrase");
    std::fs::write(&file, text).unwrap();
    let mut command = session.command(args);
    command.stdin(std::fs::File::open(file).unwrap());
    command
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_is_private_whole_and_never_written_over() {
    let session = Session::new().await;
    let file = session.dir.0.join("my.backup");
    let args = ["backup", file.to_str().unwrap(), "--passphrase-fd", "0"];
    run(with_passphrase(&session, &args, "several words\nrest")).await.ok();
    assert_eq!(session.service.asked(), ["Backup \"several words\""]);
    assert_eq!(std::fs::read(&file).unwrap(), b"sealed");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let again = run(with_passphrase(&session, &args, "several words")).await;
    assert_eq!(again.code, 1);
    assert!(again.err.contains("never written over"), "{again:?}");
    let args = ["restore", file.to_str().unwrap(), "--passphrase-fd", "0"];
    let wrong = run(with_passphrase(&session, &args, "wrong\n")).await;
    assert!(wrong.err.contains("the passphrase does not open it"), "{wrong:?}");
    run(with_passphrase(&session, &args, "several words\n")).await.ok();
    assert_eq!(session.service.world.lock().unwrap().backup, b"sealed");
}

/// Reads a terminal's output until `wanted` has come.
async fn until(output: &mut tokio::process::ChildStdout, seen: &mut String, wanted: &str) {
    let mut buffer = [0; 1024];
    while !seen.contains(wanted) {
        let read = tokio::time::timeout(DEADLINE, output.read(&mut buffer)).await.unwrap().unwrap();
        assert!(read > 0, "no {wanted:?} in {seen:?}");
        seen.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_passphrase_is_asked_twice_and_never_shown() {
    let session = Session::new().await;
    let file = session.dir.0.join("tty.backup");
    // util-linux's script gives the program a terminal of its own.
    let line = format!("{} backup {}; stty -a", env!("CARGO_BIN_EXE_ahoyctl"), file.display());
    let mut terminal = tokio::process::Command::new("script")
        .args(["-qec", &line, "/dev/null"])
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("SHELL", "/bin/sh")
        .env("TERM", "xterm")
        .env("DBUS_SESSION_BUS_ADDRESS", &session.address)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("script (Debian: bsdutils) is needed");
    let (mut input, mut output) = (terminal.stdin.take().unwrap(), terminal.stdout.take().unwrap());
    let mut seen = String::new();
    until(&mut output, &mut seen, "Passphrase: ").await;
    input.write_all(b"several words\n").await.unwrap();
    until(&mut output, &mut seen, "Once more: ").await;
    input.write_all(b"several words\n").await.unwrap();
    until(&mut output, &mut seen, "Wrote ").await;
    until(&mut output, &mut seen, "echoke").await;
    assert!(!seen.contains("several"), "{seen}");
    assert!(seen.contains(" echo "), "echo is on again: {seen}");
    assert_eq!(session.service.asked(), ["Backup \"several words\""]);
    assert_eq!(std::fs::read(&file).unwrap(), b"sealed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_backup_leaves_no_file() {
    let session = Session::new().await;
    let file = session.dir.0.join("my.backup");
    let args = ["backup", file.to_str().unwrap(), "--passphrase-fd", "0"];
    assert_eq!(run(with_passphrase(&session, &args, "locked")).await.code, 1);
    assert_eq!(run(with_passphrase(&session, &args, "")).await.code, 2);
    let left = std::fs::read_dir(&session.dir.0).unwrap().flatten();
    assert!(!left.map(|e| e.file_name()).any(|n| n.to_string_lossy().contains("backup")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_identity_names_address_and_devices() {
    let session = Session::new().await;
    let shown = session.ctl(&["identity"]).await;
    assert_eq!(shown.ok(), "ahoy:ybndrfg8\n  device laptop  (this one)\n");
    let json = session.ctl(&["identity", "--json"]).await.json();
    assert_eq!(json["devices"][0]["name"], "laptop");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn completions_and_manual_come_from_the_program() {
    let session = Session::new().await;
    for shell in ["bash", "zsh", "fish"] {
        let run = session.ctl(&["completions", shell]).await;
        assert!(run.ok().contains("COMPLETE"), "{shell}");
    }
    let bash = session.ctl(&["completions", "bash"]).await;
    let script = session.dir.0.join("ahoyctl.bash");
    std::fs::write(&script, bash.ok()).unwrap();
    let check = tokio::process::Command::new("bash").arg("-n").arg(&script).status().await.unwrap();
    assert!(check.success(), "bash reads its own completions");
    let man = session.ctl(&["man"]).await;
    assert!(man.ok().contains(".TH AHOYCTL"), "{}", &man.out[..200]);
    assert!(man.out.contains("Exit codes"));
    let dir = session.dir.0.join("man1");
    let run = session.ctl(&["man", "--out", dir.to_str().unwrap(), "--json"]).await;
    assert!(run.json()["files"].as_array().unwrap().len() > 25);
    let page = std::fs::read_to_string(dir.join("ahoyctl-contacts-add.1")).unwrap();
    assert!(page.contains("ahoyctl contacts add"), "{page}");
}

/// What bash completes the last of these words to, by the script that we print.
async fn completed(session: &Session, words: &[&str]) -> Vec<String> {
    let script = session.dir.0.join("ahoyctl.bash");
    std::fs::write(&script, session.ctl(&["completions", "bash"]).await.ok()).unwrap();
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_ahoyctl"));
    let path = format!("{}:/usr/bin:/bin", program.parent().unwrap().display());
    let text = "source \"$0\"; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); \
                _clap_complete_ahoyctl ahoyctl \"${!#}\" \"\"; printf '%s\\n' \"${COMPREPLY[@]}\"";
    let mut bash = tokio::process::Command::new("bash");
    bash.env_clear()
        .env("PATH", path)
        .env("HOME", &session.dir.0)
        .env("DBUS_SESSION_BUS_ADDRESS", &session.address)
        .args(["--norc", "-c", text])
        .arg(&script)
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let done = run(bash).await;
    done.out.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bash_completes_commands_and_the_names_of_contacts() {
    let session = Session::new().await;
    for name in ["Alice Smith", "Alina", "Bob", "Al $(touch boo)", "김 하은"] {
        session.ctl(&["contacts", "add", name, "+49301"]).await.ok();
    }
    assert_eq!(completed(&session, &["ahoyctl", "swi"]).await, ["switch-camera"]);
    assert_eq!(completed(&session, &["ahoyctl", "call", "al"]).await, ["Alice\\ Smith", "Alina"]);
    assert_eq!(completed(&session, &["ahoyctl", "call", "Alice\\ S"]).await, ["Alice\\ Smith"]);
    assert_eq!(completed(&session, &["ahoyctl", "favourites", "add", "B"]).await, ["Bob"]);
    assert_eq!(completed(&session, &["ahoyctl", "contacts", "show", "김"]).await, ["김\\ 하은"]);
    assert!(completed(&session, &["ahoyctl", "call", "nobody"]).await.is_empty());
    // Without a daemon there are no names, and nothing is started for them.
    let mut alone = Session::new().await;
    alone.address = "unix:path=/nonexistent".to_owned();
    assert!(completed(&alone, &["ahoyctl", "call", "al"]).await.is_empty());
}
