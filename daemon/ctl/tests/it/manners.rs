//! How the program behaves whatever the command: no bus, no daemon, closed pipes, bad usage.

use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::harness::{DEADLINE, Dir, Session, bus, command, run};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_bus_the_exit_code_is_three() {
    let dir = Dir::new();
    let mut status = command(&dir.0);
    status.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere/bus").args(["status", "--json"]);
    let run = run(status).await;
    assert_eq!((run.code, &run.error()["name"]), (3, &json!("NoDaemon")));
    assert!(run.error()["next"].as_str().unwrap().contains("DBUS_SESSION_BUS_ADDRESS"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_daemon_every_command_says_how_to_start_it() {
    let (dir, _bus, address) = bus().await;
    let commands: [&[&str]; 8] = [
        &["status"],
        &["watch"],
        &["call", "alice"],
        &["answer"],
        &["recents"],
        &["invite"],
        &["listen"],
        &["settings", "list"],
    ];
    for args in commands {
        let mut ctl = command(&dir.0);
        ctl.env("DBUS_SESSION_BUS_ADDRESS", &address).args(args);
        let run = run(ctl).await;
        assert_eq!(run.code, 3, "{args:?}: {run:?}");
        assert!(run.err.contains("systemctl --user start ahoyd"), "{args:?}: {run:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_usage_is_exit_code_two() {
    let dir = Dir::new();
    for args in [&["call"][..], &["nonsense"], &["camera", "maybe"], &["dtmf", "x"]] {
        let mut ctl = command(&dir.0);
        ctl.args(args);
        assert_eq!(run(ctl).await.code, 2, "{args:?}");
        let mut ctl = command(&dir.0);
        ctl.arg("--json").args(args);
        let run = run(ctl).await;
        assert_eq!((run.code, &run.error()["name"]), (2, &json!("Usage")), "{args:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn help_shows_exit_codes_and_examples_without_a_bus() {
    let dir = Dir::new();
    let mut help = command(&dir.0);
    help.arg("--help");
    let help = run(help).await;
    assert!(help.ok().contains("3  there is no session bus or no ahoyd on it"), "{}", help.out);
    let mut help = command(&dir.0);
    help.args(["help", "watch"]);
    assert!(run(help).await.ok().contains("\"event\":\"daemon-gone\""));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_goes_ends_watch_quietly() {
    let session = Session::new().await;
    let mut watch = session.command(&["watch"]).spawn().unwrap();
    let mut reader = BufReader::new(watch.stdout.take().unwrap());
    let mut line = String::new();
    reader.read_line(&mut line).await.unwrap();
    assert!(line.contains("status"), "{line}");
    drop(reader);
    session.service.incoming("b2", "Bob").await;
    let output = tokio::time::timeout(DEADLINE, watch.wait_with_output()).await.unwrap().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(output.stderr, b"", "nothing is said to nobody");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn colours_are_for_terminals_that_want_them() {
    let session = Session::new().await;
    session.service.active("a1", "Alice").await;
    let on_terminal = async |before: &str, args: &str| {
        let line = format!("{before} {} {args}", env!("CARGO_BIN_EXE_ahoyctl"));
        let mut terminal = tokio::process::Command::new("script");
        terminal
            .args(["-qec", &line, "/dev/null"])
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("SHELL", "/bin/sh")
            .env("TERM", "xterm")
            .env("DBUS_SESSION_BUS_ADDRESS", &session.address)
            .stdin(std::process::Stdio::null());
        run(terminal).await
    };
    assert!(on_terminal("", "status").await.ok().contains("\u{1b}[32mactive\u{1b}[0m"));
    assert!(!on_terminal("NO_COLOR=1", "status").await.ok().contains('\u{1b}'));
    assert!(!on_terminal("", "status --json").await.ok().contains('\u{1b}'));
    assert!(!session.ctl(&["status"]).await.ok().contains('\u{1b}'));
}
