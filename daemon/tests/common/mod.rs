//! A daemon of its own on a bus of its own, with its files in a directory that vanishes.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::unwrap_in_result,
    clippy::print_stdout,
    clippy::wildcard_enum_match_arm,
    reason = "shared by test programs; a failed step fails the test"
)]

pub(crate) mod caller;
pub(crate) mod calls;
pub(crate) mod contract;
pub(crate) mod pair;
pub(crate) mod sandbox;
pub(crate) mod saver;

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use zbus::{Connection, connection::Builder};

pub(crate) const NAME: &str = "org.ahoycall.Calls1";

/// A bus that ends with the test.
pub(crate) struct Bus {
    process: Child,
    pub(crate) address: String,
    pub(crate) home: tempfile::TempDir,
}

impl Drop for Bus {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A bus and a directory; `None` where there is no `dbus-daemon`.
pub(crate) fn bus() -> Option<Bus> {
    let home = tempfile::tempdir().unwrap();
    // What the test puts into a directory can be started on it, and nothing else: no Secret Service
    // of the machine, with a person's real keyring.
    let configuration = home.path().join("bus.conf");
    std::fs::create_dir(home.path().join("services")).unwrap();
    let text = format!(
        "<busconfig><type>session</type><listen>unix:tmpdir={0}</listen>\
         <servicedir>{0}/services</servicedir>\
         <policy context=\"default\"><allow send_destination=\"*\" eavesdrop=\"true\"/>\
         <allow eavesdrop=\"true\"/><allow own=\"*\"/></policy>\
         <limit name=\"max_replies_per_connection\">50000</limit></busconfig>",
        home.path().display()
    );
    std::fs::write(&configuration, text).unwrap();
    let process = Command::new("dbus-daemon")
        .arg("--config-file")
        .arg(&configuration)
        .args(["--nofork", "--print-address"])
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut process) = process else {
        println!("SKIPPED: dbus-daemon is not installed");
        assert!(std::env::var_os("AHOY_REQUIRE").is_none(), "dbus-daemon is required");
        return None;
    };
    let mut address = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut address).unwrap();
    Some(Bus { process, address: address.trim().to_owned(), home })
}

impl Bus {
    /// Writes the config file.
    pub(crate) fn configure(&self, config: &str) {
        let settings = self.home.path().join("config/ahoy");
        std::fs::create_dir_all(&settings).unwrap();
        std::fs::write(settings.join("config.toml"), config).unwrap();
    }

    /// Runs a daemon that is expected to refuse; gives what it said.
    pub(crate) fn refused(&self) -> String {
        self.refused_with(1)
    }

    /// The same with another exit code.
    pub(crate) fn refused_with(&self, code: i32) -> String {
        let output = ahoyd(self.home.path(), &self.address).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{said}");
        said
    }
}

pub(crate) struct Daemon {
    ahoyd: Child,
    pub(crate) bus: Bus,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.ahoyd.kill();
        let _ = self.ahoyd.wait();
    }
}

impl Daemon {
    /// Starts on a bus.
    pub(crate) fn on(bus: Bus) -> Self {
        let ahoyd = ahoyd(bus.home.path(), &bus.address).spawn().unwrap();
        Self { ahoyd, bus }
    }

    /// Starts on a bus, beside a system bus of the test's own.
    pub(crate) fn with_system(bus: Bus, system: &str) -> Self {
        let mut command = ahoyd(bus.home.path(), &bus.address);
        let ahoyd = command.env("DBUS_SYSTEM_BUS_ADDRESS", system).spawn().unwrap();
        Self { ahoyd, bus }
    }

    /// Starts on a bus, with whatever else it is to be told.
    pub(crate) fn with(bus: Bus, tell: impl FnOnce(&mut Command)) -> Self {
        let mut command = ahoyd(bus.home.path(), &bus.address);
        tell(&mut command);
        let ahoyd = command.spawn().unwrap();
        Self { ahoyd, bus }
    }

    /// Ends it and starts it again, with the same files.
    pub(crate) fn restart(&mut self) {
        self.end();
        self.ahoyd = ahoyd(self.bus.home.path(), &self.bus.address).spawn().unwrap();
    }

    fn ask_to_end(&self) {
        let id = rustix::process::Pid::from_raw(self.ahoyd.id().try_into().unwrap()).unwrap();
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    }

    /// Kills it and starts it again, with the same files.
    pub(crate) fn crash(&mut self) {
        self.ahoyd.kill().unwrap();
        self.ahoyd.wait().unwrap();
        self.ahoyd = ahoyd(self.bus.home.path(), &self.bus.address).spawn().unwrap();
    }

    /// The same, beside a system bus of the test's own.
    pub(crate) fn crash_with_system(&mut self, system: &str) {
        self.ahoyd.kill().unwrap();
        self.ahoyd.wait().unwrap();
        let mut command = ahoyd(self.bus.home.path(), &self.bus.address);
        self.ahoyd = command.env("DBUS_SYSTEM_BUS_ADDRESS", system).spawn().unwrap();
    }

    /// Ends the daemon; the bus and the files stay.
    pub(crate) fn end(&mut self) {
        self.ask_to_end();
        assert!(self.ahoyd.wait().unwrap().success());
    }

    /// The memory that it has in RAM, KiB.
    pub(crate) fn memory(&self) -> u64 {
        let status = format!("/proc/{}/status", self.ahoyd.id());
        let status = std::fs::read_to_string(status).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Waits until it writes these words to its log; gives what it wrote until then.
    pub(crate) fn until_said(mut self, words: &str) -> String {
        self.until_logged(words)
    }

    /// The same of one that runs on. Once for each daemon: its log is read no further.
    pub(crate) fn until_logged(&mut self, words: &str) -> String {
        let lines = BufReader::new(self.ahoyd.stderr.take().unwrap()).lines();
        let (line, said) = std::sync::mpsc::channel();
        // Ends with the daemon, which ends with this value.
        std::thread::spawn(move || lines.map_while(Result::ok).all(|one| line.send(one).is_ok()));
        let (mut all, deadline) = (String::new(), Instant::now() + Duration::from_secs(20));
        while !all.contains(words) {
            let left = deadline.saturating_duration_since(Instant::now());
            all += &said.recv_timeout(left).unwrap_or_else(|_| panic!("{words}, not {all}"));
            all.push('\n');
        }
        all
    }

    /// Ends the bus under it; how it ended itself, and what it wrote to its log.
    pub(crate) fn without_bus(mut self) -> (std::process::ExitStatus, String) {
        self.bus.process.kill().unwrap();
        let stderr = self.ahoyd.stderr.take().unwrap();
        let log = std::thread::spawn(move || std::io::read_to_string(stderr).unwrap());
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(status) = self.ahoyd.try_wait().unwrap() {
                return (status, log.join().unwrap());
            }
            assert!(Instant::now() < deadline, "it runs without a bus");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Asks it to end and gives what it wrote to its log.
    pub(crate) fn log(mut self) -> String {
        self.ask_to_end();
        let mut said = String::new();
        let mut stderr = self.ahoyd.stderr.take().unwrap();
        std::io::Read::read_to_string(&mut stderr, &mut said).unwrap();
        assert!(self.ahoyd.wait().unwrap().success(), "{said}");
        said
    }
}

pub(crate) fn start(config: &str) -> Option<Daemon> {
    let bus = bus()?;
    bus.configure(config);
    Some(Daemon::on(bus))
}

pub(crate) fn ahoyd(home: &Path, address: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ahoyd"));
    command
        .env("DBUS_SESSION_BUS_ADDRESS", address)
        // The lock of the session that the tests run in is none of their business.
        .env("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus")
        .env("HOME", home)
        .env("XDG_CONFIG_HOME", home.join("config"))
        .env("XDG_DATA_HOME", home.join("data"))
        .env("XDG_CACHE_HOME", home.join("cache"))
        .env_remove("XDG_RUNTIME_DIR")
        .env_remove("JOURNAL_STREAM")
        .stderr(Stdio::piped());
    command
}

pub(crate) const QUIET: &str = "[link]\nlisten = \"127.0.0.1:0\"\nmdns = false\n";

/// Connects once the daemon has its name.
pub(crate) async fn connect(daemon: &Daemon) -> Connection {
    let connection = Builder::address(daemon.bus.address.as_str()).build().await.unwrap();
    let bus = zbus::fdo::DBusProxy::new(&connection).await.unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while !bus.name_has_owner(NAME.try_into().unwrap()).await.unwrap() {
        assert!(Instant::now() < deadline, "ahoyd took its name");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    connection
}
