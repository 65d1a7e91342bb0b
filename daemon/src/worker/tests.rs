//! Claims about workers, with real processes, a real PipeWire, and real signals.
//!
//! Owns: the fake worker's orders. Does not own: what the real workers do. Invariant: every wait
//! has a deadline, and every process a test starts is gone when it ends.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::wildcard_enum_match_arm,
    reason = "a test of its own: what is not as expected fails it, and a skip is told"
)]

use std::{
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use ahoy::worker::{
    Link, LinkError, Protocol, RtpPacket, Worker, WorkerConfig, WorkerEvent, WorkerHandle,
};
use ahoy_core::{
    media::SessionId,
    worker::{MAX_RTP, Stream},
};
use rustix::{
    event::{PollFd, PollFlags, poll},
    process::{Pid, PidfdFlags, pidfd_open},
};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const FAKE: &str = env!("CARGO_BIN_EXE_ahoy-fake-worker");
const DEADLINE: Duration = Duration::from_secs(20);

/// The fake worker's words; `KEEPS` as in [`Protocol::KEEPS_PIPEWIRE`].
#[derive(Debug)]
struct Fake<const KEEPS: bool>;

impl<const KEEPS: bool> Protocol for Fake<KEEPS> {
    type Command = Value;
    type Event = Value;
    const PROGRAM: &'static str = "ahoy-fake-worker";
    const KEEPS_PIPEWIRE: bool = KEEPS;

    fn pipewire() -> Value {
        json!({"do": "pipewire"})
    }

    fn is_pipewire(command: &Value) -> bool {
        command["do"] == "pipewire"
    }
}

struct Fixture<const KEEPS: bool> {
    handle: WorkerHandle<Fake<KEEPS>>,
    token: CancellationToken,
    run: JoinHandle<()>,
}

impl<const KEEPS: bool> Fixture<KEEPS> {
    fn new(program: &str, pipewire: &Path) -> Self {
        let (worker, handle) = Worker::new(WorkerConfig {
            program: PathBuf::from(program),
            args: Vec::new(),
            pipewire: pipewire.to_owned(),
            pipewire_sockets: 3,
        });
        let token = CancellationToken::new();
        let run = tokio::spawn(worker.run(token.clone()));
        handle.set_wanted(true);
        Self { handle, token, run }
    }

    async fn next(&mut self) -> WorkerEvent<Fake<KEEPS>> {
        let event = tokio::time::timeout(DEADLINE, self.handle.events.recv()).await;
        event.expect("an event in time").expect("the worker's task runs")
    }

    async fn started(&mut self) -> Link<Fake<KEEPS>> {
        match self.next().await {
            WorkerEvent::Started(link) => link,
            other => panic!("not started: {other:?}"),
        }
    }

    async fn event(&mut self, name: &str) -> Value {
        match self.next().await {
            WorkerEvent::Event(event) if event["event"] == name => event,
            other => panic!("not {name}: {other:?}"),
        }
    }

    async fn exited(&mut self) -> (String, Option<Duration>) {
        loop {
            if let WorkerEvent::Exited { why, again_in } = self.next().await {
                return (why, again_in);
            }
        }
    }

    /// A worker that is up, the link to it, and its process.
    async fn up(&mut self) -> (Link<Fake<KEEPS>>, Process) {
        let link = self.started().await;
        self.event("ready").await;
        link.send(json!({"do": "describe"})).expect("sent");
        let described = self.event("described").await;
        let process = Process::of(described["pid"].as_i64().expect("a pid"));
        (link, process)
    }

    async fn end(self) {
        self.token.cancel();
        tokio::time::timeout(DEADLINE, self.run).await.expect("in time").expect("no panic");
    }
}

fn without_pipewire() -> Fixture<false> {
    Fixture::new(FAKE, Path::new("/nonexistent"))
}

/// A process by something that cannot come to mean another one.
struct Process(OwnedFd);

impl Process {
    fn of(pid: i64) -> Self {
        let pid = Pid::from_raw(i32::try_from(pid).expect("a pid")).expect("a pid");
        Self(pidfd_open(pid, PidfdFlags::empty()).expect("it lives"))
    }

    async fn gone(self) {
        let wait = move || {
            let mut watched = [PollFd::new(&self.0, PollFlags::IN)];
            let deadline = DEADLINE.try_into().expect("it fits");
            poll(&mut watched, Some(&deadline)).expect("watched")
        };
        let exited = tokio::task::spawn_blocking(wait).await.expect("waited");
        assert_eq!(exited, 1, "it is gone in time");
    }
}

#[tokio::test]
async fn commands_events_and_rtp_go_both_ways() {
    let mut fixture = without_pipewire();
    let (link, _) = fixture.up().await;
    link.send(json!({"do": "say", "text": "ahoy"})).expect("sent");
    assert_eq!(fixture.event("echo").await["of"]["text"], "ahoy");
    let packet =
        RtpPacket { session: SessionId(7), stream: Stream::Video, packet: vec![0x80; MAX_RTP] };
    fixture.handle.to_worker.push(packet.clone());
    let back = tokio::time::timeout(DEADLINE, fixture.handle.from_worker.pop()).await;
    assert_eq!(back.expect("in time"), packet);
    fixture.end().await;
}

#[tokio::test]
async fn a_worker_gets_four_descriptors_and_nothing_of_the_bus_or_the_build() {
    let mut fixture = without_pipewire();
    let link = fixture.started().await;
    fixture.event("ready").await;
    link.send(json!({"do": "describe"})).expect("sent");
    let described = fixture.event("described").await;
    assert_eq!(described["fds"], json!([0, 1, 2, 3]));
    let own: Vec<String> =
        std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned()).collect();
    assert!(own.iter().any(|name| name.starts_with("CARGO")), "there is something to leave out");
    for name in described["env"].as_array().expect("a list") {
        let name = name.as_str().expect("a name");
        let left_out = ["CARGO", "DBUS", "XDG_RUNTIME", "SSH", "WAYLAND", "DISPLAY", "AHOY"];
        // Where the recogniser's library lies, and how much to log: all it may know of us.
        let known = ["AHOY_LIBVOSK", "AHOY_LOG"].contains(&name);
        assert!(known || !left_out.iter().any(|one| name.starts_with(one)), "{name}");
    }
    fixture.end().await;
}

#[tokio::test]
async fn a_worker_that_dies_is_started_again_within_a_second_on_a_new_link() {
    let mut fixture = without_pipewire();
    let (link, _) = fixture.up().await;
    link.send(json!({"do": "abort"})).expect("sent");
    let (why, again_in) = fixture.exited().await;
    let died = Instant::now();
    assert!(why.contains("signal 6"), "{why}");
    assert!(again_in.is_some());
    let (fresh, _) = fixture.up().await;
    assert!(died.elapsed() < Duration::from_secs(1), "{:?}", died.elapsed());
    assert_eq!(link.send(json!({"do": "x"})), Err(LinkError::Gone));
    fresh.send(json!({"do": "exit"})).expect("sent");
    let (why, second) = fixture.exited().await;
    assert!(why.contains("exited with 3"), "{why}");
    assert!(second > again_in, "it waits longer each time: {second:?}");
    fixture.end().await;
}

#[tokio::test]
async fn a_worker_that_is_not_wanted_ends_and_comes_back_when_it_is() {
    let mut fixture = without_pipewire();
    let (_, process) = fixture.up().await;
    fixture.handle.set_wanted(false);
    assert_eq!(fixture.exited().await.1, None);
    process.gone().await;
    fixture.handle.set_wanted(true);
    fixture.up().await;
    fixture.end().await;
}

#[tokio::test]
async fn the_child_is_gone_when_the_task_is_cancelled_or_dropped() {
    for drop_it in [false, true] {
        let mut fixture = without_pipewire();
        let (link, process) = fixture.up().await;
        // It hangs, so a closed socket alone does not end it.
        link.send(json!({"do": "hang"})).expect("sent");
        if drop_it {
            fixture.run.abort();
        } else {
            fixture.end().await;
        }
        process.gone().await;
    }
}

#[tokio::test]
async fn a_worker_that_hangs_is_killed_and_replaced() {
    let mut fixture = without_pipewire();
    let (link, process) = fixture.up().await;
    link.send(json!({"do": "hang"})).expect("sent");
    let large = "x".repeat(100_000);
    let mut full = false;
    while !full {
        full = link.send(json!({"do": "say", "text": large})).is_err();
        tokio::task::yield_now().await;
    }
    let (why, again_in) = fixture.exited().await;
    assert!(why.contains("has not answered") && again_in.is_some(), "{why}");
    process.gone().await;
    fixture.up().await;
    fixture.end().await;
}

#[tokio::test]
async fn a_worker_that_floods_is_ended_and_its_garbage_is_not() {
    let mut fixture = without_pipewire();
    let (link, _) = fixture.up().await;
    link.send(json!({"do": "garbage"})).expect("sent");
    link.send(json!({"do": "say"})).expect("sent");
    fixture.event("echo").await;
    link.send(json!({"do": "flood"})).expect("sent");
    // Nobody takes events until the end of the run closes the link.
    let closed = async {
        while link.send(json!({"do": "x"})) != Err(LinkError::Gone) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, closed).await.expect("ended in time");
    let (why, _) = fixture.exited().await;
    assert!(why.contains("256 events"), "{why}");
    fixture.end().await;
}

#[tokio::test]
async fn a_program_that_is_not_there_is_told_and_tried_again_more_and_more_rarely() {
    let mut fixture = Fixture::<false>::new("/nonexistent/worker", Path::new("/nonexistent"));
    let (why, first) = fixture.exited().await;
    assert!(why.contains("/nonexistent/worker"), "{why}");
    let (_, second) = fixture.exited().await;
    assert!(second > first);
    fixture.end().await;
}

#[tokio::test]
async fn a_worker_does_not_outlive_a_parent_that_is_killed() {
    let mut parent =
        Command::new(FAKE).args(["parent", FAKE]).stdout(Stdio::piped()).spawn().expect("started");
    let mut line = String::new();
    let mut output = std::io::BufReader::new(parent.stdout.take().expect("piped"));
    std::io::BufRead::read_line(&mut output, &mut line).expect("a line");
    let worker = Process::of(line.trim().parse().expect("a pid"));
    parent.kill().expect("killed");
    parent.wait().expect("waited");
    worker.gone().await;
}

/// A PipeWire of the test's own, killed with the value.
struct PipeWire(Child);

impl PipeWire {
    /// Starts it and waits for its socket. `None`: it is not installed.
    async fn start(directory: &Path) -> Option<Self> {
        let started = Command::new("pipewire")
            .env("XDG_RUNTIME_DIR", directory)
            .env("PIPEWIRE_RUNTIME_DIR", directory)
            .env_remove("DBUS_SESSION_BUS_ADDRESS")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(child) = started else {
            println!("SKIPPED: `pipewire` is not installed");
            return None;
        };
        let socket = directory.join("pipewire-0");
        let begin = Instant::now();
        while tokio::net::UnixStream::connect(&socket).await.is_err() {
            assert!(begin.elapsed() < DEADLINE, "PipeWire listens");
            tokio::task::yield_now().await;
        }
        Some(Self(child))
    }
}

impl Drop for PipeWire {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn pipewire_sockets_are_handed_over_at_the_start_and_after_its_restart() {
    let directory = tempfile::tempdir().expect("directory");
    let Some(first) = PipeWire::start(directory.path()).await else {
        return;
    };
    let mut fixture = Fixture::<true>::new(FAKE, &directory.path().join("pipewire-0"));
    fixture.started().await;
    fixture.event("ready").await;
    assert_eq!(fixture.event("pipewire").await["connected"], 3);
    drop(first);
    let WorkerEvent::PipeWireMissing { why } = fixture.next().await else {
        panic!("its end is told");
    };
    assert!(why.contains("pipewire-0") && why.contains("systemctl"), "{why}");
    let second = PipeWire::start(directory.path()).await;
    // Told once, however often it was tried in between; then handed over again.
    let next = [fixture.next().await, fixture.next().await];
    assert!(
        next.iter().any(|event| matches!(event, WorkerEvent::PipeWireFound))
            && next.iter().any(|event| matches!(
                event,
                WorkerEvent::Event(event) if event["connected"] == 3
            )),
        "{next:?}"
    );
    fixture.end().await;
    drop(second);
}

#[tokio::test]
async fn a_worker_that_asks_per_command_gets_sockets_with_it_or_the_reason_why_not() {
    let directory = tempfile::tempdir().expect("directory");
    let mut fixture = Fixture::<false>::new(FAKE, &directory.path().join("pipewire-0"));
    let link = fixture.started().await;
    fixture.event("ready").await;
    link.send(json!({"do": "pipewire"})).expect("sent");
    assert!(matches!(fixture.next().await, WorkerEvent::PipeWireMissing { .. }));
    if let Some(_pipewire) = PipeWire::start(directory.path()).await {
        link.send(json!({"do": "pipewire"})).expect("sent");
        assert_eq!(fixture.event("pipewire").await["connected"], 3);
    }
    fixture.end().await;
}
