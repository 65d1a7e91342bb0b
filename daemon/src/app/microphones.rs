//! The microphones of calling apps, where the daemon keeps them shut.
//!
//! Owns: which capture stream belongs to which app. Does not own: whose are shut (the engine says),
//! nor doing it (the media worker). Invariant: what is shut follows from the calls and the streams
//! there are, after every input; a stream that no app can be told of is left alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use ahoy_core::{id::ProviderId, media::CaptureStream};

/// Parents that are looked at, and streams.
const GENERATIONS: usize = 16;
const STREAMS: usize = 64;

/// By what an app's streams are known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Owner {
    /// Its process; none where that is only its proxy's.
    process: Option<u32>,
    /// Its systemd unit, where it has one of its own.
    unit: Option<String>,
    /// Its proven application id; may be empty.
    app: String,
}

/// Where a stream comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Origin {
    /// Its process and that one's parents.
    line: Vec<u32>,
    unit: Option<String>,
    app: String,
}

impl Owner {
    /// An app of this process; `app`: what its sandbox is called, empty for a program of the host.
    pub(super) fn of(process: u32, app: &str) -> Self {
        // The process that a sandboxed app is known by is its proxy's.
        let process = app.is_empty().then_some(process);
        Self { process, unit: process.and_then(unit), app: app.to_owned() }
    }

    fn has(&self, stream: &Origin) -> bool {
        let same_app = !self.app.is_empty() && self.app == stream.app;
        let same_unit = self.unit.is_some() && self.unit == stream.unit;
        same_app || same_unit || self.process.is_some_and(|own| stream.line.contains(&own))
    }
}

/// Which streams there are, and whose.
pub(super) struct Microphones {
    /// Where PipeWire listens.
    pipewire: Option<PathBuf>,
    owners: BTreeMap<ProviderId, Owner>,
    streams: Vec<(u32, Origin)>,
    shut: Vec<u32>,
}

impl Microphones {
    pub(super) const fn new(pipewire: Option<PathBuf>) -> Self {
        Self { pipewire, owners: BTreeMap::new(), streams: Vec::new(), shut: Vec::new() }
    }

    /// An app is there; whether its microphone can be shut from here.
    pub(super) fn registered(&mut self, id: &ProviderId, owner: Option<Owner>) -> bool {
        let able = owner.is_some() && self.pipewire.as_ref().is_some_and(|socket| socket.exists());
        if let Some(owner) = owner {
            self.owners.insert(id.clone(), owner);
        }
        able
    }

    /// An app is gone for good.
    pub(super) fn forget(&mut self, id: &ProviderId) {
        self.owners.remove(id);
    }

    /// The streams of now.
    pub(super) fn found(&mut self, mut streams: Vec<CaptureStream>) {
        if streams.len() > STREAMS {
            tracing::warn!(streams = streams.len(), "more microphones are open than are looked at");
            streams.truncate(STREAMS);
        }
        self.streams = streams.into_iter().map(|stream| (stream.node, origin(stream))).collect();
    }

    /// What is to be shut now; none where that has not changed.
    pub(super) fn reconcile(&mut self, wanted: &BTreeSet<ProviderId>) -> Option<Vec<u32>> {
        let owners: Vec<&Owner> = wanted.iter().filter_map(|id| self.owners.get(id)).collect();
        let is_theirs = |origin: &Origin| owners.iter().any(|owner| owner.has(origin));
        let streams = self.streams.iter().filter(|(_, origin)| is_theirs(origin));
        let shut: Vec<u32> = streams.map(|(node, _)| *node).collect();
        (shut != self.shut).then(|| {
            self.shut.clone_from(&shut);
            shut
        })
    }
}

fn origin(stream: CaptureStream) -> Origin {
    let CaptureStream { process, app, .. } = stream;
    let unit = process.and_then(unit);
    let in_unit = unit.as_deref().and_then(flatpak).map(str::to_owned);
    let app = if app.is_empty() { in_unit.unwrap_or_default() } else { app };
    Origin { line: process.map(line).unwrap_or_default(), unit, app }
}

/// A process and its parents (proc_pid_stat(5), field 4).
fn line(process: u32) -> Vec<u32> {
    let parent = |pid: &u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name may hold spaces and brackets; what follows its last bracket does not.
        let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
        (parent > 1).then_some(parent)
    };
    std::iter::successors(Some(process), parent).take(GENERATIONS).collect()
}

/// The unit that a desktop gave an app for itself (systemd's "Desktop Environment Integration":
/// `app-….scope` or `app-….service`); others are shared with strangers.
fn unit(process: u32) -> Option<String> {
    let groups = fs::read_to_string(format!("/proc/{process}/cgroup")).ok()?;
    let path = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    own_unit(path).map(str::to_owned)
}

fn own_unit(path: &str) -> Option<&str> {
    let is_own = |part: &&str| {
        part.starts_with("app-") && (part.ends_with(".scope") || part.ends_with(".service"))
    };
    path.split('/').rfind(is_own)
}

/// The application in a unit's name, as Flatpak gives it: `app-flatpak-<id>-<number>.scope`.
fn flatpak(unit: &str) -> Option<&str> {
    let rest = unit.strip_prefix("app-flatpak-")?.strip_suffix(".scope")?;
    Some(rest.rsplit_once('-')?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(process: Option<u32>, unit: Option<&str>, app: &str) -> Owner {
        Owner { process, unit: unit.map(str::to_owned), app: app.to_owned() }
    }

    fn from(line: &[u32], unit: Option<&str>, app: &str) -> Origin {
        Origin { line: line.to_vec(), unit: unit.map(str::to_owned), app: app.to_owned() }
    }

    #[test]
    fn a_stream_is_an_app_s_by_process_unit_or_sandbox_and_not_by_being_nobody_s() {
        let app = known(Some(7), Some("app-foo-7.scope"), "");
        assert!(app.has(&from(&[7], None, "")));
        assert!(app.has(&from(&[9, 8, 7], None, "")), "a child's");
        assert!(app.has(&from(&[20], Some("app-foo-7.scope"), "")));
        assert!(!app.has(&from(&[20, 3], Some("app-bar-3.scope"), "")));
        assert!(!known(Some(7), None, "").has(&Origin::default()));
        let boxed = known(None, None, "org.foo.App");
        assert!(boxed.has(&from(&[20], None, "org.foo.App")));
        assert!(!boxed.has(&from(&[20], None, "")));
    }

    #[test]
    fn units_of_apps_are_told_from_those_that_all_share() {
        let path = "/user.slice/user-1000.slice/user@1000.service/app.slice";
        let own = |rest: &str| own_unit(&format!("{path}/{rest}")).map(str::to_owned);
        assert_eq!(
            own("app-org.gnome.Calls-12.scope").as_deref(),
            Some("app-org.gnome.Calls-12.scope")
        );
        assert_eq!(own("app-foo.service/child").as_deref(), Some("app-foo.service"));
        assert_eq!(own("dbus.service"), None);
        assert_eq!(own_unit("/user.slice/user-1000.slice/session-2.scope"), None);
        assert_eq!(flatpak("app-flatpak-org.foo.My-App-4711.scope"), Some("org.foo.My-App"));
        assert_eq!(flatpak("app-gnome-org.foo.App-4711.scope"), None);
    }

    #[test]
    fn our_own_line_begins_with_us_and_leads_to_our_parent() {
        let own = line(std::process::id());
        assert_eq!(own[0], std::process::id());
        let parent = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get());
        assert_eq!(own.get(1).copied(), parent.map(|pid| u32::try_from(pid).unwrap()));
        assert!(line(u32::MAX).len() == 1);
    }

    #[test]
    fn only_changes_are_told() {
        let id: ProviderId = "org.foo.App".parse().unwrap();
        let mut microphones = Microphones::new(None);
        microphones.owners.insert(id.clone(), known(Some(7), None, ""));
        microphones.streams = vec![(40, from(&[7], None, "")), (41, from(&[8], None, ""))];
        let wanted = BTreeSet::from([id.clone()]);
        assert_eq!(microphones.reconcile(&BTreeSet::new()), None);
        assert_eq!(microphones.reconcile(&wanted), Some(vec![40]));
        assert_eq!(microphones.reconcile(&wanted), None);
        microphones.streams.push((42, from(&[9, 7], None, "")));
        assert_eq!(microphones.reconcile(&wanted), Some(vec![40, 42]));
        microphones.forget(&id);
        assert_eq!(microphones.reconcile(&wanted), Some(vec![]));
    }
}
