//! The example in Rust is a page, and a right app: in the deep suite, and through the real service.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::mpsc::channel,
    time::Duration,
};

const EXAMPLE: &str = env!("CARGO_BIN_EXE_example-provider");

/// A program of the workspace, beside the example.
fn program(name: &str) -> PathBuf {
    let path = Path::new(EXAMPLE).with_file_name(name);
    assert!(path.exists(), "{} is not built: cargo build -p ahoy -p ahoyctl", path.display());
    path
}

/// Whether a bus can be started and waited for here.
fn able() -> bool {
    let there = |name: &str| Command::new(name).arg("--help").output().is_ok();
    if there("dbus-daemon") && there("gdbus") {
        return true;
    }
    println!("SKIPPED: dbus-daemon or gdbus is not installed");
    assert!(std::env::var_os("AHOY_REQUIRE").is_none(), "dbus-daemon and gdbus are required");
    false
}

/// Ends what it started.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    /// Waits for a line of its output that has this in it, and gives the line.
    fn says(&mut self, wanted: &'static str) -> String {
        let output = BufReader::new(self.0.stdout.take().unwrap());
        let (tell, heard) = channel();
        std::thread::spawn(move || {
            // Reads on, so that the program is never held up by a full pipe.
            for line in output.lines().map_while(Result::ok) {
                if line.contains(wanted) {
                    let _ = tell.send(line);
                }
            }
        });
        heard.recv_timeout(Duration::from_secs(20)).unwrap_or_else(|_| panic!("no {wanted}"))
    }
}

/// A bus on which nothing can be activated.
fn bus(home: &Path) -> (Running, String) {
    let configuration = home.join("bus.conf");
    let text = format!(
        "<busconfig><type>session</type><listen>unix:tmpdir={}</listen>\
         <policy context=\"default\"><allow send_destination=\"*\" eavesdrop=\"true\"/>\
         <allow eavesdrop=\"true\"/><allow own=\"*\"/></policy></busconfig>",
        home.display()
    );
    std::fs::write(&configuration, text).unwrap();
    let mut daemon = Command::new("dbus-daemon");
    daemon.arg("--config-file").arg(&configuration).args(["--nofork", "--print-address"]);
    let mut running = Running(daemon.stdout(Stdio::piped()).spawn().unwrap());
    let address = running.says("unix:");
    (running, address)
}

fn check(address: Option<&str>, arguments: &[&str]) -> Output {
    let mut check = Command::new(program("ahoyctl"));
    check.args(["provider", "check"]).args(arguments);
    check.envs(address.map(|address| ("DBUS_SESSION_BUS_ADDRESS", address)));
    check.output().unwrap()
}

fn passed(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

#[test]
fn the_example_is_as_short_as_was_promised() {
    let is_code = |line: &&str| !line.trim().is_empty() && !line.trim().starts_with("//");
    let source = include_str!("../src/main.rs");
    let lines = source.lines().filter(is_code).count();
    assert!(lines <= 50, "{lines}");
}

#[test]
fn the_example_breaks_nothing() {
    if !able() {
        return;
    }
    let text = passed(&check(None, &["--", EXAMPLE, "+49301", "+49302"]));
    assert!(text.contains(" 0 broken") && text.contains(" 0 not tried"), "{text}");
}

#[test]
fn through_the_real_service_it_is_called_held_and_ended() {
    if !able() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let (_bus, address) = bus(home.path());
    let settings = home.path().join("config/ahoy");
    std::fs::create_dir_all(&settings).unwrap();
    let quiet = "[link]\nlisten = \"127.0.0.1:0\"\nmdns = false\n";
    std::fs::write(settings.join("config.toml"), quiet).unwrap();
    let mut ahoyd = Command::new(program("ahoyd"));
    ahoyd
        .env("DBUS_SESSION_BUS_ADDRESS", &address)
        .env("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus")
        .env("HOME", home.path())
        .env("XDG_CONFIG_HOME", home.path().join("config"))
        .env("XDG_DATA_HOME", home.path().join("data"))
        .env("XDG_CACHE_HOME", home.path().join("cache"))
        .env_remove("XDG_RUNTIME_DIR")
        .env_remove("JOURNAL_STREAM")
        .stderr(Stdio::null());
    let _ahoyd = Running(ahoyd.spawn().unwrap());
    let mut wait = Command::new("gdbus");
    wait.args(["wait", "--session", "--timeout", "20", "org.ahoycall.Provider1"]);
    assert!(wait.env("DBUS_SESSION_BUS_ADDRESS", &address).status().unwrap().success());
    let mut example = Command::new(EXAMPLE);
    example.arg("+49301").env("DBUS_SESSION_BUS_ADDRESS", &address);
    let mut example = Running(example.stdout(Stdio::piped()).spawn().unwrap());
    assert_eq!(example.says("comes in"), "comes in: ring");
    let look = |more: &[&str]| {
        let mut arguments = vec!["org.example.Rust"];
        arguments.extend(more);
        passed(&check(Some(&address), &arguments))
    };
    let text = look(&[]);
    assert!(text.contains("1 ok, 0 broken"), "nothing is dialled unless asked for: {text}");
    let text = look(&["--remote", "tel:+12025550123"]);
    for point in ["registers", "start", "start-goes-on", "hold", "again", "end", "stays"] {
        let line = |line: &str| line.starts_with("ok") && line.contains(&format!(" {point} "));
        assert!(text.lines().any(line), "{point}: {text}");
    }
    let gone = check(Some(&address), &["org.example.Nobody"]);
    assert!(!gone.status.success());
    assert!(String::from_utf8_lossy(&gone.stdout).contains("nobody has the name"));
}
