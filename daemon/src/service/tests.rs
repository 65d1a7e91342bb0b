//! Claims about being a service, with a real process and systemd's side played by the test.
//!
//! Owns: the notify socket. Does not own: the unit files. Invariant: every wait has a deadline.
#![expect(
    clippy::expect_used,
    reason = "a test of its own: what is not as expected fails it"
)]

use std::{
    os::unix::net::UnixDatagram,
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

const FAKE: &str = env!("CARGO_BIN_EXE_ahoy-fake-worker");

/// Listens where systemd would.
fn systemd(directory: &Path) -> UnixDatagram {
    let socket = UnixDatagram::bind(directory.join("notify")).expect("bound");
    socket
        .set_read_timeout(Some(Duration::from_secs(20)))
        .expect("set");
    socket
}

fn service(directory: &Path, filter: &str, watchdog_us: &str) -> Child {
    Command::new(FAKE)
        .args(["service", filter])
        .env("NOTIFY_SOCKET", directory.join("notify"))
        .env("WATCHDOG_USEC", watchdog_us)
        .env_remove("WATCHDOG_PID")
        .env_remove("JOURNAL_STREAM")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("started")
}

fn told(socket: &UnixDatagram) -> String {
    let mut buffer = [0; 512];
    let length = socket.recv(&mut buffer).expect("told in time");
    String::from_utf8_lossy(&buffer[..length]).trim().to_owned()
}

/// Lets the service end, as a closed standard input tells it to.
fn end(mut service: Child) -> Output {
    drop(service.stdin.take());
    service.wait_with_output().expect("ended")
}

#[test]
fn systemd_is_told_ready_then_signs_of_life_then_stopping() {
    let directory = tempfile::tempdir().expect("directory");
    let systemd = systemd(directory.path());
    let service = service(directory.path(), "info", "20000");
    assert_eq!(told(&systemd), "READY=1");
    for _ in 0..3 {
        assert_eq!(told(&systemd), "WATCHDOG=1");
    }
    assert!(end(service).status.success());
    let mut last = told(&systemd);
    while last == "WATCHDOG=1" {
        last = told(&systemd);
    }
    assert_eq!(last, "STOPPING=1");
}

#[test]
fn names_stand_in_the_log_only_where_debug_is_on() {
    let directory = tempfile::tempdir().expect("directory");
    let systemd = systemd(directory.path());
    for (filter, shown) in [("", false), ("info", false), ("debug", true)] {
        let service = service(directory.path(), filter, "60000000");
        told(&systemd);
        let log = String::from_utf8(end(service).stderr).expect("text");
        assert!(log.contains("INFO") && log.contains("a call from"), "{log}");
        assert_eq!(log.contains("Alice"), shown, "{filter}: {log}");
        assert_eq!(log.contains("[redacted]"), !shown, "{filter}: {log}");
        while told(&systemd) != "STOPPING=1" {}
    }
}
