//! Who sends a message: a program of the host, or a sandboxed app and which.
//!
//! Owns: from a unique name to an application id (design/dbus.md, "Identity of callers"). Does not
//! own: what either may do. Invariant: what cannot be told for sure is an error, never "host": a
//! sandbox that hides its root must not gain by it.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Read as _},
    os::fd::{AsFd as _, AsRawFd as _, OwnedFd},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rustix::fs::{Mode, OFlags, open, openat};
use tokio::sync::Semaphore;
use zbus::{Connection, OwnedVariant, Variant, names::UniqueName};

/// A program on the bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Not sandboxed: it has all the rights of the user (SECURITY.md).
    Host,
    /// In a sandbox of this application id.
    Sandboxed(String),
}

/// A program, and its process as the system counts it: of a sandboxed one that is its proxy's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identified {
    /// Which program.
    pub caller: Caller,
    /// Its process.
    pub process: u32,
    /// Whether what is broadcast under one of our names may come to it.
    pub hears: bool,
}

/// Why it cannot be told who calls.
#[derive(Debug, thiserror::Error)]
pub enum CallerError {
    /// The bus does not say, or the caller has gone.
    #[error("the bus does not say who calls: {0}")]
    Bus(String),
    /// Its files cannot be seen.
    #[error("the caller hides its root: {0}")]
    Root(io::Error),
    /// It ended, and its number may be another's by now.
    #[error("the caller is gone")]
    Gone,
    /// The file that names its application is not one.
    #[error("the caller's .flatpak-info names no application")]
    Info,
    /// Looking takes too long: the caller's root may be a file system of its own making.
    #[error("the caller's root does not answer")]
    Slow,
}

/// A .flatpak-info is about 1 KB.
const LARGEST_INFO: u64 = 64 * 1024;
/// A look at another's root takes microseconds; one that hangs is given up.
const PATIENCE: Duration = Duration::from_secs(2);
/// Looks at once. One that hangs keeps its place: more of them would fill the pool of threads.
const LOOKS: usize = 8;
/// Names remembered; a bus gives none twice. Past it all are asked for anew.
const REMEMBERED: usize = 1024;

/// Tells who calls.
#[derive(Clone)]
pub struct Callers {
    /// What the controllers' connection is called. A proxy that lets broadcasts of one of its names
    /// through lets all that it broadcasts through.
    names: Arc<[String]>,
    known: Arc<Mutex<HashMap<String, Identified>>>,
    looks: Arc<Semaphore>,
}

impl Default for Callers {
    fn default() -> Self {
        Self::new([])
    }
}

impl Callers {
    /// For a connection that has these names beside the controllers'.
    #[must_use]
    pub fn new<const N: usize>(others: [String; N]) -> Self {
        let names = std::iter::once(super::NAME.to_owned()).chain(others).collect();
        Self { names, known: Arc::default(), looks: Arc::new(Semaphore::new(LOOKS)) }
    }

    /// Who has this name.
    ///
    /// # Errors
    /// [`CallerError`]: then nothing may be allowed.
    pub async fn identify(
        &self,
        connection: &Connection,
        name: &UniqueName<'_>,
    ) -> Result<Identified, CallerError> {
        if let Some(known) = self.lock().get(name.as_str()) {
            return Ok(known.clone());
        }
        let process = process(connection, name).await?;
        let pid = process.pid;
        let (looks, names) = (self.looks.clone(), self.names.clone());
        let look = async move {
            let place = looks.acquire_owned().await.map_err(|_| CallerError::Slow)?;
            let look = tokio::task::spawn_blocking(move || {
                let caller = look(&process, &names);
                drop(place);
                caller
            });
            look.await.map_err(|_| CallerError::Slow)?
        };
        let looked = tokio::time::timeout(PATIENCE, look).await;
        let (caller, hears) = looked.map_err(|_| CallerError::Slow)??;
        let identified = Identified { caller, process: pid, hears };
        let mut known = self.lock();
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(name.as_str().to_owned(), identified.clone());
        Ok(identified)
    }

    /// Who has this name, where that is known already.
    #[must_use]
    pub fn known(&self, name: &str) -> Option<Identified> {
        self.lock().get(name).cloned()
    }

    /// Nobody has this name any more.
    pub fn forget(&self, name: &str) {
        self.lock().remove(name);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Identified>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A process, held so that its number cannot become another's unnoticed.
struct Process {
    pid: u32,
    /// From buses that give one; while it is open and the process lives, the number is its own.
    held: Option<OwnedFd>,
}

async fn process(connection: &Connection, name: &UniqueName<'_>) -> Result<Process, CallerError> {
    let reply = connection
        .call_method(
            Some("org.freedesktop.DBus"),
            "/org/freedesktop/DBus",
            Some("org.freedesktop.DBus"),
            "GetConnectionCredentials",
            &(name.as_str(),),
        )
        .await
        .map_err(|error| CallerError::Bus(error.to_string()))?;
    let mut all: HashMap<String, OwnedVariant> =
        reply.body().deserialize().map_err(|error| CallerError::Bus(error.to_string()))?;
    let held = all.remove("ProcessFD").map(Variant::from);
    if let Some(Variant::Fd(held)) = held
        && let Ok(held) = OwnedFd::try_from(held)
    {
        return Ok(Process { pid: pid_of(&held).ok_or(CallerError::Gone)?, held: Some(held) });
    }
    let pid = all.remove("ProcessID").and_then(|pid| u32::try_from(pid).ok());
    let pid = pid.ok_or_else(|| CallerError::Bus("no ProcessID".to_owned()))?;
    Ok(Process { pid, held: None })
}

/// The number behind a pidfd; none once the process has ended.
fn pid_of(held: &OwnedFd) -> Option<u32> {
    let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", held.as_raw_fd())).ok()?;
    let line = info.lines().find_map(|line| line.strip_prefix("Pid:"))?;
    line.trim().parse().ok().filter(|pid| *pid > 0)
}

/// When a process started, in ticks since boot (proc_pid_stat(5), field 22): with its number it
/// names a process for good.
fn started(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold spaces and brackets; what follows its last bracket does not.
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

/// Looks for the file that every Flatpak has at its root, and nothing outside can put there.
fn look(process: &Process, names: &[String]) -> Result<(Caller, bool), CallerError> {
    let before = started(process.pid).ok_or(CallerError::Gone)?;
    let path = format!("/proc/{}/root", process.pid);
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = open(path, flags, Mode::empty()).map_err(|error| CallerError::Root(error.into()))?;
    let info = openat(
        root.as_fd(),
        ".flatpak-info",
        OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC,
        Mode::empty(),
    );
    let caller = match info {
        Ok(file) => read(File::from(file), names)?,
        Err(rustix::io::Errno::NOENT) => (Caller::Host, true),
        Err(error) => return Err(CallerError::Root(error.into())),
    };
    let same = match &process.held {
        Some(held) => pid_of(held) == Some(process.pid),
        None => started(process.pid) == Some(before),
    };
    if same { Ok(caller) } else { Err(CallerError::Gone) }
}

fn read(file: File, names: &[String]) -> Result<(Caller, bool), CallerError> {
    let regular = file.metadata().is_ok_and(|data| data.is_file());
    let mut text = String::new();
    let read = file.take(LARGEST_INFO).read_to_string(&mut text);
    if !regular || read.is_err() {
        return Err(CallerError::Info);
    }
    let name = application(&text).ok_or(CallerError::Info)?;
    let hears = names.iter().any(|name| hears(&text, name));
    Ok((Caller::Sandboxed(name), hears))
}

/// The lines of a group of a key file, as keys and values.
fn group<'a>(text: &'a str, name: &str) -> Option<impl Iterator<Item = (&'a str, &'a str)>> {
    let mut lines = text.lines().map(str::trim);
    lines.find(|line| {
        line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) == Some(name)
    })?;
    let lines = lines.take_while(|line| !line.starts_with('['));
    Some(
        lines
            .filter_map(|line| line.split_once('='))
            .map(|(key, value)| (key.trim(), value.trim())),
    )
}

/// Whether a sandbox lets broadcasts of this name through (flatpak-metadata(5): "talk" and "own" do,
/// and a name may end in ".*"). One that does not say which names it lets through may.
fn hears(text: &str, name: &str) -> bool {
    let whole_bus = group(text, "Context").is_some_and(|mut lines| {
        lines.any(|(key, value)| {
            key == "sockets" && value.split(';').any(|one| one == "session-bus")
        })
    });
    let Some(mut policy) = group(text, "Session Bus Policy") else { return true };
    let fits = |pattern: &str| match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => pattern == name,
    };
    whole_bus || policy.any(|(key, value)| fits(key) && matches!(value, "talk" | "own"))
}

/// The name in the group `Application` of a key file (flatpak-metadata(5)).
fn application(text: &str) -> Option<String> {
    let (_, name) = group(text, "Application")?.find(|(key, _)| *key == "name")?;
    is_application_id(name).then(|| name.to_owned())
}

/// Whether this is an application id as a bus name is one (D-Bus specification, "Bus names").
fn is_application_id(name: &str) -> bool {
    name.len() <= 255 && zbus::names::WellKnownName::try_from(name).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_application_is_named_in_its_group_alone() {
        let text = "[Instance]\nname=org.other.App\n[Application]\nname = org.foo.App\nruntime=x\n";
        assert_eq!(application(text).as_deref(), Some("org.foo.App"));
        assert_eq!(application("[Application]\nruntime=x\n[Context]\nname=org.foo.App\n"), None);
        assert_eq!(application("name=org.foo.App\n"), None);
    }

    #[test]
    fn what_is_no_application_id_is_none() {
        for name in ["", "..", "org", "org.foo.App\u{1}", "../../etc", ":1.5", &"a.".repeat(200)] {
            assert_eq!(application(&format!("[Application]\nname={name}\n")), None, "{name:?}");
        }
    }

    #[test]
    fn a_sandbox_hears_what_its_policy_lets_through() {
        let hears = |policy: &str| {
            let text = format!("[Application]\nname=org.foo.App\n{policy}");
            hears(&text, "org.ahoycall.Calls1")
        };
        assert!(hears(""), "it does not say");
        assert!(hears("[Session Bus Policy]\norg.ahoycall.Calls1=talk\n"));
        assert!(hears("[Session Bus Policy]\norg.ahoycall.*=own\n"));
        assert!(hears("[Context]\nsockets=x11;session-bus;\n[Session Bus Policy]\n"));
        assert!(!hears("[Session Bus Policy]\norg.ahoycall.Provider1=talk\n"));
        assert!(!hears("[Session Bus Policy]\norg.ahoycall.Calls1=none\n[X]\norg.*=talk\n"));
    }

    #[test]
    fn our_own_start_is_known_and_stays() {
        let own = std::process::id();
        assert!(started(own).is_some());
        assert_eq!(started(own), started(own));
    }

    #[test]
    fn a_process_that_is_gone_is_nobody() {
        let mut child = std::process::Command::new("true").spawn().expect("true");
        child.wait().expect("its end");
        let looked = look(&Process { pid: child.id(), held: None }, &[]);
        assert!(matches!(looked, Err(CallerError::Gone)), "{looked:?}");
    }
}
