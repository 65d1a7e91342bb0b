//! The examples for authors of apps, run as they are against the running daemon.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a failed step fails the test")]

mod common;

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

use common::{Daemon, QUIET, connect, start};

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../contrib/examples").join(name)
}

/// An example that runs, and the lines it prints.
struct Running {
    child: Child,
    lines: Receiver<String>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    fn start(daemon: &Daemon, name: &str, arguments: &[&str]) -> Self {
        let mut child = Command::new("/usr/bin/python3")
            .arg(example(name))
            .args(arguments)
            .env("DBUS_SESSION_BUS_ADDRESS", &daemon.bus.address)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (tell, lines) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let _ = tell.send(line);
            }
        });
        Self { child, lines }
    }

    /// Waits for a line that begins so.
    fn says(&self, begin: &str) {
        loop {
            let line = self.lines.recv_timeout(Duration::from_secs(20)).expect(begin);
            if line.starts_with(begin) {
                return;
            }
        }
    }
}

#[tokio::test]
async fn the_example_of_an_app_is_answered_by_the_example_of_a_controller() {
    let Some(daemon) = start(QUIET) else { return };
    let imports = ["-c", "import dbus, dbus.mainloop.glib, gi.repository.GLib"];
    let able = Command::new("/usr/bin/python3").args(imports).stderr(Stdio::null()).status();
    if !able.is_ok_and(|status| status.success()) {
        println!("SKIPPED: the examples: python3-dbus and python3-gi are not installed");
        return;
    }
    let _there = connect(&daemon).await;
    let controller = Running::start(&daemon, "controller.py", &[]);
    controller.says("waiting");
    let app = Running::start(&daemon, "provider.py", &["+49301234"]);
    app.says("+49301234 comes in: ring");
    app.says("microphone and speaker are ours");
    app.says("answer ");
    controller.says("answered");
    // An app that goes for good ends its calls.
    drop(app);
    controller.says("ended: provider-gone");
}

#[test]
fn the_examples_are_as_short_as_was_promised() {
    for (name, lines) in [("provider.py", 50), ("controller.py", 30)] {
        assert!(fs::read_to_string(example(name)).unwrap().lines().count() <= lines, "{name}");
    }
}
