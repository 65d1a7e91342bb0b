//! Which headsets there are.
//!
//! Owns: where the kernel shows devices, opening them, noticing that they come. Does not own: what a
//! descriptor means. Invariant: what is read of the kernel is bounded.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fmt, fs,
    io::{self, Read as _},
    os::fd::OwnedFd,
    path::PathBuf,
};

use ahoy_core::headset::{Layout, MAX_DESCRIPTOR};
use futures_util::{StreamExt as _, stream::BoxStream};
use inotify::{Inotify, WatchMask};
use rustix::fs::{Mode, OFlags};

/// Devices that are looked at.
const MOST: usize = 64;
const PREFIX: &str = "hidraw";
/// Room for a burst of events in /dev.
const BUFFER: usize = 4096;

/// The name of a device, such as `hidraw3`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Node(String);

impl Node {
    /// `None`: that is the name of something else.
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        let number = name.strip_prefix(PREFIX)?;
        let is = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        is.then(|| Self(name.to_owned()))
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Says that devices came or went, or that who may open them changed.
pub struct Changes(BoxStream<'static, ()>);

impl Changes {
    /// From any source of such news.
    #[must_use]
    pub fn new(news: impl futures_util::Stream<Item = ()> + Send + 'static) -> Self {
        Self(news.boxed())
    }

    /// The next; never once there is no more news.
    pub(super) async fn next(&mut self) {
        if self.0.next().await.is_none() {
            std::future::pending().await
        }
    }
}

/// Where headsets are.
pub trait Hardware: Send + Sync + 'static {
    /// Those that are there, and what they have.
    fn scan(&self) -> BTreeMap<Node, Layout>;
    /// A descriptor of one, to read its reports from and to write reports to; each read and write is
    /// one report.
    ///
    /// # Errors
    /// It may not be opened, or has gone.
    fn open(&self, node: &Node) -> io::Result<OwnedFd>;
    /// News of them.
    ///
    /// # Errors
    /// There is none.
    fn changes(&self) -> io::Result<Changes>;
}

/// The devices of this machine.
#[derive(Clone, Debug)]
pub struct System {
    classes: PathBuf,
    devices: PathBuf,
}

impl System {
    /// Where the kernel and udev put them.
    #[must_use]
    pub fn new() -> Self {
        Self::under(PathBuf::from("/sys/class/hidraw"), PathBuf::from("/dev"))
    }

    /// In directories laid out as those are.
    #[must_use]
    pub const fn under(classes: PathBuf, devices: PathBuf) -> Self {
        Self { classes, devices }
    }

    fn layout(&self, node: &Node) -> Option<Layout> {
        let path = self.classes.join(&node.0).join("device/report_descriptor");
        let mut descriptor = Vec::new();
        // One more than may be: what is longer is told by the parser.
        let limit = u64::try_from(MAX_DESCRIPTOR).unwrap_or(u64::MAX).saturating_add(1);
        let read =
            fs::File::open(path).and_then(|file| file.take(limit).read_to_end(&mut descriptor));
        if let Err(error) = read {
            tracing::debug!(%node, %error, "a descriptor");
            return None;
        }
        let layout = Layout::parse(&descriptor);
        layout.inspect_err(|why| tracing::debug!(%node, %why, "no headset")).ok()
    }
}

impl Default for System {
    fn default() -> Self {
        Self::new()
    }
}

impl Hardware for System {
    fn scan(&self) -> BTreeMap<Node, Layout> {
        let entries = fs::read_dir(&self.classes).into_iter().flatten().flatten().take(MOST);
        let nodes = entries.filter_map(|entry| Node::new(entry.file_name().to_str()?));
        nodes.filter_map(|node| Some((node.clone(), self.layout(&node)?))).collect()
    }

    fn open(&self, node: &Node) -> io::Result<OwnedFd> {
        let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
        Ok(rustix::fs::open(self.devices.join(&node.0), flags, Mode::empty())?)
    }

    fn changes(&self) -> io::Result<Changes> {
        let inotify = Inotify::init()?;
        // ATTRIB: udev lets the user in after the device has come.
        let mask = WatchMask::CREATE | WatchMask::DELETE | WatchMask::ATTRIB;
        inotify.watches().add(&self.devices, mask)?;
        let events = inotify.into_event_stream([0; BUFFER])?;
        Ok(Changes::new(events.filter_map(|event| {
            let name = event.ok().map(|event| event.name);
            // No name: the queue ran over, and anything may have changed.
            let ours = name.is_some_and(|name| name.as_deref().is_none_or(is_ours));
            std::future::ready(ours.then_some(()))
        })))
    }
}

fn is_ours(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| name.starts_with(PREFIX))
}
