//! Claims about headsets, on sockets that stand in for devices, on directories as the kernel lays them
//! out, and on a device of the kernel's own making where it has uhid.

#![expect(clippy::unwrap_in_result, reason = "a failed step fails the test")]

use std::{
    io::{self, Read as _, Write as _},
    os::fd::OwnedFd,
    os::unix::net::UnixStream as Plain,
    path::Path,
    sync::{Arc, Mutex},
};

use ahoy_core::headset::{Calls, Layout};
use rustix::net::{AddressFamily, SocketFlags, SocketType};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
    time::timeout,
};

use super::*;

const LIMIT: Duration = Duration::from_secs(20);
/// Report 2: hook switch (stays), mute (pulses); report 3: lamps for hook, mute, ring.
const HEADSET: &[u8] = &[
    0x05, 0x0b, 0x09, 0x05, 0xa1, 0x01, 0x85, 0x02, 0x15, 0x00, 0x25, 0x01, 0x75, 0x01, 0x95, 0x01,
    0x09, 0x20, 0x81, 0x22, 0x09, 0x2f, 0x81, 0x06, 0x95, 0x06, 0x81, 0x01, 0x85, 0x03, 0x05, 0x08,
    0x09, 0x17, 0x09, 0x09, 0x09, 0x18, 0x95, 0x03, 0x91, 0x22, 0x95, 0x05, 0x91, 0x01, 0xc0,
];
const RINGING: Scene = Scene { calls: Calls::Ringing, ring: true, muted: false, talk: true };
const ENGAGED: Scene = Scene { calls: Calls::Engaged, ring: false, muted: false, talk: true };

/// What happens to whoever opens a node.
type Doors = Arc<Mutex<BTreeMap<Node, Option<OwnedFd>>>>;

/// Headsets that the test plugs in.
struct Fake {
    doors: Doors,
    news: Mutex<Option<mpsc::Receiver<()>>>,
}

impl Hardware for Fake {
    fn scan(&self) -> BTreeMap<Node, Layout> {
        let layout = Layout::parse(HEADSET).expect("a headset");
        let doors = self.doors.lock().expect("lock");
        doors.keys().map(|node| (node.clone(), layout.clone())).collect()
    }

    fn open(&self, node: &Node) -> io::Result<OwnedFd> {
        let mut doors = self.doors.lock().expect("lock");
        let door = doors.get_mut(node).and_then(Option::take);
        door.ok_or_else(|| io::ErrorKind::PermissionDenied.into())
    }

    fn changes(&self) -> io::Result<Changes> {
        let news = self.news.lock().expect("lock").take();
        let news = news.ok_or(io::ErrorKind::Unsupported)?;
        Ok(Changes::new(futures_util::stream::unfold(news, async |mut news| {
            news.recv().await.map(|()| ((), news))
        })))
    }
}

struct Bench {
    doors: Doors,
    news: mpsc::Sender<()>,
    wanted: watch::Sender<Wanted>,
    wishes: mpsc::Receiver<Wish>,
    state: watch::Receiver<State>,
    token: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

fn bench(on: bool) -> Bench {
    let doors = Doors::default();
    let (news, heard) = mpsc::channel(8);
    let hardware = Fake { doors: Arc::clone(&doors), news: Mutex::new(Some(heard)) };
    let (wanted, is_wanted) = watch::channel(Wanted { on, scene: Scene::default() });
    let (wish, wishes) = mpsc::channel(8);
    let (told, state) = watch::channel(State::default());
    let token = CancellationToken::new();
    let task = tokio::spawn(run(hardware, is_wanted, wish, told, token.clone()));
    Bench { doors, news, wanted, wishes, state, token, task }
}

impl Bench {
    /// Plugs a headset in; its other end.
    async fn plug(&self, name: &str) -> UnixStream {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let kind = SocketType::SEQPACKET;
        let (ours, theirs) =
            rustix::net::socketpair(AddressFamily::UNIX, kind, flags, None).expect("a pair");
        let node = Node::new(name).expect("a name");
        self.doors.lock().expect("lock").insert(node, Some(theirs));
        self.news.send(()).await.expect("news");
        UnixStream::from_std(Plain::from(ours)).expect("a socket")
    }

    fn scene(&self, scene: Scene) {
        self.wanted.send_modify(|wanted| wanted.scene = scene);
    }

    async fn until(&mut self, wanted: State) {
        let reached = timeout(LIMIT, self.state.wait_for(|state| *state == wanted)).await;
        reached.expect("in time").expect("it runs");
    }

    async fn wish(&mut self) -> Wish {
        timeout(LIMIT, self.wishes.recv()).await.expect("in time").expect("it runs")
    }
}

async fn lamps(headset: &mut UnixStream) -> Vec<u8> {
    let mut report = [0; 64];
    let length = timeout(LIMIT, headset.read(&mut report)).await.expect("in time").expect("read");
    report[..length].to_vec()
}

#[tokio::test]
async fn a_headset_is_told_of_the_call_and_answers_mutes_and_hangs_up() {
    let mut bench = bench(true);
    let mut headset = bench.plug("hidraw0").await;
    bench.until(State { open: 1, denied: 0 }).await;
    bench.scene(RINGING);
    assert_eq!(lamps(&mut headset).await, [3, 0b100]);
    headset.write_all(&[2, 0b01]).await.expect("written");
    assert_eq!(bench.wish().await, Wish::Press);
    bench.scene(ENGAGED);
    assert_eq!(lamps(&mut headset).await, [3, 0b001]);
    headset.write_all(&[2, 0b11]).await.expect("written");
    assert_eq!(bench.wish().await, Wish::ToggleMute);
    bench.scene(Scene { muted: true, ..ENGAGED });
    assert_eq!(lamps(&mut headset).await, [3, 0b011]);
    // A report of something else, and one that is cut off.
    headset.write_all(&[9, 0xff]).await.expect("written");
    headset.write_all(&[2]).await.expect("written");
    bench.scene(Scene::default());
    assert_eq!(lamps(&mut headset).await, [3, 0]);
    assert!(bench.wishes.try_recv().is_err());
}

#[tokio::test]
async fn reports_that_wait_together_are_all_read() {
    let mut bench = bench(true);
    let mut headset = bench.plug("hidraw0").await;
    bench.scene(RINGING);
    assert_eq!(lamps(&mut headset).await, [3, 0b100]);
    for report in [[2, 0b01], [2, 0b00], [2, 0b01]] {
        headset.try_write(&report).expect("written");
    }
    for _ in 0..2 {
        assert_eq!(bench.wish().await, Wish::Press);
    }
}

#[tokio::test]
async fn lamps_are_off_when_it_is_let_go_of_and_it_is_left_alone_where_nobody_wants_buttons() {
    let mut bench = bench(false);
    let mut headset = bench.plug("hidraw0").await;
    bench.wanted.send_modify(|wanted| *wanted = Wanted { on: true, scene: RINGING });
    assert_eq!(lamps(&mut headset).await, [3, 0b100]);
    bench.wanted.send_modify(|wanted| wanted.on = false);
    assert_eq!(lamps(&mut headset).await, [3, 0]);
    assert_eq!(lamps(&mut headset).await, [0; 0], "closed");
    bench.until(State::default()).await;
    bench.token.cancel();
    timeout(LIMIT, bench.task).await.expect("in time").expect("it ended");
}

#[tokio::test]
async fn the_end_of_the_daemon_turns_lamps_off() {
    let mut bench = bench(true);
    let mut headset = bench.plug("hidraw7").await;
    bench.scene(ENGAGED);
    assert_eq!(lamps(&mut headset).await, [3, 0b001]);
    bench.token.cancel();
    assert_eq!(lamps(&mut headset).await, [3, 0]);
    timeout(LIMIT, bench.task).await.expect("in time").expect("it ended");
    bench.wishes.close();
}

#[tokio::test]
async fn headsets_come_and_go_and_one_that_may_not_be_opened_is_counted() {
    let mut bench = bench(true);
    let first = bench.plug("hidraw0").await;
    bench.until(State { open: 1, denied: 0 }).await;
    let closed = Node::new("hidraw1").expect("a name");
    bench.doors.lock().expect("lock").insert(closed.clone(), None);
    let _second = bench.plug("hidraw2").await;
    bench.until(State { open: 2, denied: 1 }).await;
    // Unplugged: its reports end, and its node is gone.
    bench.doors.lock().expect("lock").retain(|node, _| node.to_string() == "hidraw2");
    drop(first);
    bench.until(State { open: 1, denied: 1 }).await;
    bench.news.send(()).await.expect("news");
    bench.until(State { open: 1, denied: 0 }).await;
}

fn put(directory: &Path, name: &str, descriptor: &[u8]) {
    let device = directory.join("class").join(name).join("device");
    std::fs::create_dir_all(&device).expect("a directory");
    std::fs::write(device.join("report_descriptor"), descriptor).expect("a file");
}

#[test]
fn only_devices_with_buttons_of_a_telephone_are_found() {
    let home = tempfile::tempdir().expect("a directory");
    let system = System::under(home.path().join("class"), home.path().join("dev"));
    assert!(system.scan().is_empty(), "no devices at all");
    put(home.path(), "hidraw0", &[0x05, 0x01, 0x09, 0x06, 0xa1, 0x01, 0xc0]);
    put(home.path(), "hidraw1", HEADSET);
    put(home.path(), "hidraw2", &[0x26]);
    put(home.path(), "hidraw3", &[0; 5000]);
    put(home.path(), "event4", HEADSET);
    let found: Vec<String> = system.scan().keys().map(ToString::to_string).collect();
    assert_eq!(found, ["hidraw1"]);
    let error = system.open(&Node::new("hidraw1").expect("a name")).expect_err("no such node");
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
}

#[tokio::test]
async fn a_device_that_comes_is_noticed_and_what_is_no_device_is_not() {
    let home = tempfile::tempdir().expect("a directory");
    let dev = home.path().join("dev");
    std::fs::create_dir(&dev).expect("a directory");
    let system = System::under(home.path().join("class"), dev.clone());
    let mut changes = system.changes().expect("news");
    std::fs::write(dev.join("ttyS0"), []).expect("a file");
    let node = dev.join("hidraw0");
    std::fs::write(&node, []).expect("a file");
    timeout(LIMIT, changes.next()).await.expect("in time");
    std::fs::remove_file(&node).expect("removed");
    timeout(LIMIT, changes.next()).await.expect("in time");
    assert!(System::under(home.path().into(), home.path().join("gone")).changes().is_err());
}

/// A device of the kernel's making (kernel documentation, hid/uhid; linux/uhid.h).
struct Uhid(std::fs::File);

/// Bytes of `struct uhid_event`: its type, then `struct uhid_create2_req`.
const EVENT: usize = 4 + 128 + 64 + 64 + 2 + 2 + 4 * 4 + 4096;

impl Uhid {
    fn create() -> Option<Self> {
        let opened = std::fs::OpenOptions::new().read(true).write(true).open("/dev/uhid");
        let Ok(file) = opened.inspect_err(|error| {
            println!("SKIPPED: /dev/uhid: {error}");
            let required = std::env::var("AHOY_REQUIRE").unwrap_or_default();
            assert!(!required.split(',').any(|word| word == "uhid"), "uhid is required");
        }) else {
            return None;
        };
        let mut event = vec![0; EVENT];
        event[0] = 11; // UHID_CREATE2
        event[4..12].copy_from_slice(b"AhoyTest");
        let length = u16::try_from(HEADSET.len()).expect("short");
        event[260..262].copy_from_slice(&length.to_ne_bytes());
        event[262] = 3; // BUS_USB
        event[280..280 + HEADSET.len()].copy_from_slice(HEADSET);
        let mut uhid = Self(file);
        uhid.0.write_all(&event).expect("a device");
        Some(uhid)
    }

    fn press(&mut self, report: &[u8]) {
        let mut event = vec![0; EVENT];
        event[0] = 12; // UHID_INPUT2
        event[4] = u8::try_from(report.len()).expect("short");
        event[6..6 + report.len()].copy_from_slice(report);
        self.0.write_all(&event).expect("pressed");
    }

    /// The next report that is written to it.
    fn written(&mut self) -> Vec<u8> {
        let mut event = vec![0; EVENT];
        loop {
            let length = self.0.read(&mut event).expect("an event");
            assert!(length >= 4, "an event");
            // UHID_OUTPUT: 4096 bytes of data, then how many of them count.
            if event[0] == 6 {
                let size = usize::from(u16::from_ne_bytes([event[4100], event[4101]]));
                return event[4..4 + size].to_vec();
            }
        }
    }
}

#[tokio::test]
async fn a_device_of_the_kernel_is_found_read_and_written() {
    let Some(mut uhid) = Uhid::create() else { return };
    let (wanted, is_wanted) = watch::channel(Wanted { on: true, scene: RINGING });
    let (wish, mut wishes) = mpsc::channel(8);
    let (told, mut state) = watch::channel(State::default());
    let token = CancellationToken::new();
    let task = tokio::spawn(run(System::new(), is_wanted, wish, told, token.clone()));
    timeout(LIMIT, state.wait_for(|state| state.open > 0)).await.expect("in time").expect("open");
    let (mut uhid, lamps) = tokio::task::spawn_blocking(move || {
        let lamps = uhid.written();
        (uhid, lamps)
    })
    .await
    .expect("read");
    assert_eq!(lamps, [3, 0b100]);
    uhid.press(&[2, 1]);
    assert_eq!(timeout(LIMIT, wishes.recv()).await.expect("in time"), Some(Wish::Press));
    drop(wanted);
    token.cancel();
    timeout(LIMIT, task).await.expect("in time").expect("it ended");
}
