//! People in the desktop's search, asked as GNOME Shell and KRunner ask, in their order.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

mod common;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use common::{
    Daemon, NAME, QUIET, bus,
    caller::Calling,
    calls::{Options, PATIENCE, ROOT, error_name, property, proxy},
    connect,
    sandbox::Sandbox,
    saver::Saver,
    start,
};
use tokio::time::Instant;
use zbus::{
    Connection, OwnedObjectPath, OwnedVariant, Proxy, Variant, connection::Builder, interface,
};

const SHELL: (&str, &str) =
    ("/org/ahoycall/Ahoy/SearchProvider", "org.gnome.Shell.SearchProvider2");
const RUNNER: (&str, &str) = ("/org/ahoycall/Ahoy/Runner", "org.kde.krunner1");
/// Who starts the programs of a session.
const STARTS: &str = "org.freedesktop.systemd1";

type Meta = HashMap<String, OwnedVariant>;

async fn object(
    connection: &Connection,
    (path, of): (&'static str, &'static str),
) -> Proxy<'static> {
    Proxy::new(connection, NAME, path, of).await.unwrap()
}

fn text(meta: &Meta, key: &str) -> String {
    <&str>::try_from(&*meta[key]).unwrap().to_owned()
}

/// Writes a contact with a number; gives its id.
async fn add(connection: &Connection, name: &str, number: &str, aliases: &[&str]) -> String {
    let contacts = proxy(connection, ROOT, "Contacts").await;
    let aliases: Vec<String> = aliases.iter().map(|&one| one.to_owned()).collect();
    let contact = Options::from([
        ("name", Variant::from(name)),
        ("handles", vec![("tel", number, "")].into()),
        ("aliases", aliases.into()),
    ]);
    contacts.call("Put", &(contact,)).await.unwrap()
}

/// What the Shell shows for words that were typed: id, name, description.
async fn shown(shell: &Proxy<'static>, typed: &str) -> Vec<(String, String, String)> {
    let terms: Vec<&str> = typed.split_whitespace().collect();
    let ids: Vec<String> = shell.call("GetInitialResultSet", &(terms,)).await.unwrap();
    if ids.is_empty() {
        return Vec::new();
    }
    let metas: Vec<Meta> = shell.call("GetResultMetas", &(&ids,)).await.unwrap();
    let told: Vec<String> = metas.iter().map(|meta| text(meta, "id")).collect();
    assert_eq!(told, ids, "each result is described, in its order");
    metas
        .iter()
        .map(|meta| (text(meta, "id"), text(meta, "name"), text(meta, "description")))
        .collect()
}

async fn names(shell: &Proxy<'static>, typed: &str) -> Vec<String> {
    shown(shell, typed).await.into_iter().map(|(_, name, _)| name).collect()
}

/// Waits for a call that somebody made from here; its object.
async fn dialled(connection: &Connection) -> OwnedObjectPath {
    let manager = proxy(connection, ROOT, "Manager").await;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let call: OwnedObjectPath = manager.get_property("ActiveCall").await.unwrap();
        if call.as_str() != "/" {
            return call;
        }
        assert!(Instant::now() < deadline, "a call");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The session's systemd: what it was told to start.
#[derive(Clone, Default)]
struct Systemd(Arc<Mutex<Vec<Vec<String>>>>);

#[interface(name = "org.freedesktop.systemd1.Manager")]
impl Systemd {
    fn start_transient_unit(
        &self,
        name: String,
        mode: String,
        properties: Vec<(String, OwnedVariant)>,
        auxiliary: Vec<(String, Vec<(String, OwnedVariant)>)>,
    ) -> OwnedObjectPath {
        assert!(name.starts_with("app-org.ahoycall.Ahoy-") && name.ends_with(".service"), "{name}");
        assert!(mode == "fail" && auxiliary.is_empty());
        let (_, start) = properties.into_iter().find(|(name, _)| name == "ExecStart").unwrap();
        let start: Vec<(String, Vec<String>, bool)> = Variant::from(start).try_into().unwrap();
        self.0.lock().unwrap().push(start.into_iter().next().unwrap().1);
        OwnedObjectPath::default()
    }
}

/// Waits until windows were started so often; with which words last.
async fn windows(systemd: &Systemd, count: usize) -> Vec<String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let all = systemd.0.lock().unwrap().clone();
        if all.len() >= count {
            return all.last().unwrap()[1..].to_vec();
        }
        assert!(Instant::now() < deadline, "windows: {all:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A daemon in whose search path there is an `ahoy-window`, and a systemd that would start it.
async fn with_windows(config: &str) -> Option<(Daemon, Systemd, Connection)> {
    let bus = bus()?;
    bus.configure(config);
    let systemd = Systemd::default();
    let connection = Builder::address(bus.address.as_str())
        .serve_at("/org/freedesktop/systemd1", systemd.clone())
        .name(STARTS)
        .build()
        .await
        .unwrap();
    let programs = bus.home.path().join("bin");
    std::fs::create_dir(&programs).unwrap();
    std::os::unix::fs::symlink("/bin/true", programs.join("ahoy-window")).unwrap();
    let path = format!("{}:/usr/bin:/bin", programs.display());
    let daemon = Daemon::with(bus, |command| {
        command.env("PATH", path);
    });
    Some((daemon, systemd, connection))
}

/// What the files of the desktops say, by which they find the objects.
#[test]
fn the_files_that_are_installed_name_the_objects() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../contrib/desktop");
    let says = |file: &str, key: &str| {
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        line.unwrap_or_else(|| panic!("{file}: {key}")).to_owned()
    };
    let shell = "org.ahoycall.Ahoy.search-provider.ini";
    assert_eq!(says(shell, "BusName"), NAME);
    assert_eq!(says(shell, "ObjectPath"), SHELL.0);
    let entry = says(shell, "DesktopId");
    assert!(folder.join(format!("{entry}.in")).is_file(), "{entry}");
    let runner = "org.ahoycall.Ahoy.krunner.desktop";
    assert_eq!(says(runner, "X-Plasma-DBusRunner-Service"), NAME);
    assert_eq!(says(runner, "X-Plasma-DBusRunner-Path"), RUNNER.0);
}

#[tokio::test]
async fn the_shell_finds_people_by_name_or_command_and_a_choice_calls() {
    let Some((daemon, systemd, _session)) = with_windows(QUIET).await else { return };
    let controller = connect(&daemon).await;
    let _app = Calling::register(&daemon).await;
    add(&controller, "Alice Smith", "+49301", &["mum"]).await;
    add(&controller, "Bob Alison", "+49302", &[]).await;
    let shell = object(&controller, SHELL).await;
    let both = ["Call Alice Smith", "Call Alice Smith video"];
    assert_eq!(names(&shell, "alice").await, both);
    assert_eq!(names(&shell, "call alice").await, both);
    assert_eq!(names(&shell, "Call mum").await, both);
    // As it is typed: whose name begins so stands first.
    let alike = names(&shell, "call ali").await;
    assert_eq!(alike.len(), 4);
    assert_eq!(names(&shell, "call alice video").await, ["Call Alice Smith video"]);
    assert_eq!(shown(&shell, "alice").await[0].2, "+49301");
    for nobody in ["a", "", "redial", "call alice at work", "zebra"] {
        assert_eq!(names(&shell, nobody).await, [""; 0], "{nobody}");
    }
    // The Shell narrows what it has; a word more may be part of the command.
    let before: Vec<String> = shell.call("GetInitialResultSet", &(vec!["call"],)).await.unwrap();
    let terms = vec!["call", "alice", "video"];
    let ids: Vec<String> = shell.call("GetSubsearchResultSet", &(before, &terms)).await.unwrap();
    assert_eq!(ids.len(), 1);

    shell.call::<_, _, ()>("LaunchSearch", &(vec!["alice"], 1u32)).await.unwrap();
    assert_eq!(windows(&systemd, 1).await, [""; 0]);
    shell.call::<_, _, ()>("ActivateResult", &(&ids[0], terms, 1u32)).await.unwrap();
    let call = dialled(&controller).await;
    let property = async |name| property(&controller, call.as_str(), name).await.unwrap();
    assert_eq!(property("DisplayName").await, "Alice Smith");
    assert_eq!(property("Direction").await, "outgoing");
    assert_eq!(windows(&systemd, 2).await, ["--background"]);
}

#[tokio::test]
async fn favourites_come_first_and_are_called_by_their_place() {
    let Some(daemon) = start(QUIET) else { return };
    let controller = connect(&daemon).await;
    add(&controller, "Ann Abel", "+49301", &[]).await;
    let zoe = add(&controller, "Ann Zimmer", "+49302", &[]).await;
    let contacts = proxy(&controller, ROOT, "Contacts").await;
    contacts.call::<_, _, ()>("SetFavourite", &(&zoe, true)).await.unwrap();
    let shell = object(&controller, SHELL).await;
    let deadline = Instant::now() + PATIENCE;
    while names(&shell, "call favourite one").await != ["Call Ann Zimmer", "Call Ann Zimmer video"]
    {
        assert!(Instant::now() < deadline, "the first favourite");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let first = &names(&shell, "ann").await[0];
    assert_eq!(first, "Call Ann Zimmer");
}

#[tokio::test]
async fn it_is_asked_and_answers_in_the_language_of_the_commands() {
    let config = format!("{QUIET}[voice]\nlocale = \"ko-KR\"\n[call]\ndefault-media = \"video\"\n");
    let Some(daemon) = start(&config) else { return };
    let controller = connect(&daemon).await;
    add(&controller, "민수", "+49301", &[]).await;
    let shell = object(&controller, SHELL).await;
    assert_eq!(names(&shell, "민수").await, ["민수 영상 통화", "민수 전화"]);
    assert_eq!(names(&shell, "민수 영상 통화").await, ["민수 영상 통화"]);
}

/// Id, text, icon, category, relevance, properties.
type Match = (String, String, String, i32, f64, Meta);

#[tokio::test]
async fn krunner_finds_the_same_and_runs_it() {
    let Some(daemon) = start(QUIET) else { return };
    let controller = connect(&daemon).await;
    let _app = Calling::register(&daemon).await;
    add(&controller, "Alice", "+49301", &[]).await;
    let runner = object(&controller, RUNNER).await;
    let config: Meta = runner.call("Config", &()).await.unwrap();
    assert_eq!(i32::try_from(&*config["MinLetterCount"]), Ok(2));
    let actions: Vec<(String, String, String)> = runner.call("Actions", &()).await.unwrap();
    assert!(actions.is_empty());
    let found: Vec<Match> = runner.call("Match", &("call alice",)).await.unwrap();
    let titles: Vec<&str> = found.iter().map(|one| one.1.as_str()).collect();
    assert_eq!(titles, ["Call Alice", "Call Alice video"]);
    assert!(found[0].4 > found[1].4, "in their order");
    assert_eq!(text(&found[0].5, "subtext"), "+49301");
    let (shell, id) = (object(&controller, SHELL).await, found[0].0.as_str());
    assert_eq!(shown(&shell, "call alice").await[0].0, id, "the same code");
    runner.call::<_, _, ()>("Run", &(id, "")).await.unwrap();
    let call = dialled(&controller).await;
    assert_eq!(property(&controller, call.as_str(), "DisplayName").await.as_deref(), Some("Alice"));
    runner.call::<_, _, ()>("Teardown", &()).await.unwrap();
}

#[tokio::test]
async fn a_locked_session_finds_describes_and_calls_nobody() {
    let Some(bus) = bus() else { return };
    bus.configure(&format!("{QUIET}[lock]\nshow-caller = true\n"));
    let saver = Saver::on(&bus.address).await;
    let daemon = Daemon::on(bus);
    let controller = connect(&daemon).await;
    let _app = Calling::register(&daemon).await;
    add(&controller, "Alice", "+49301", &[]).await;
    let (shell, runner) = (object(&controller, SHELL).await, object(&controller, RUNNER).await);
    let found = shown(&shell, "alice").await;
    assert_eq!(found.len(), 2);
    saver.lock(true, &controller).await;
    assert_eq!(names(&shell, "alice").await, [""; 0]);
    let ids: Vec<&str> = found.iter().map(|(id, _, _)| id.as_str()).collect();
    let metas: Vec<Meta> = shell.call("GetResultMetas", &(&ids,)).await.unwrap();
    assert!(metas.is_empty(), "{metas:?}");
    let matches: Vec<Match> = runner.call("Match", &("alice",)).await.unwrap();
    assert!(matches.is_empty(), "{matches:?}");
    shell.call::<_, _, ()>("ActivateResult", &(ids[0], vec!["alice"], 1u32)).await.unwrap();
    runner.call::<_, _, ()>("Run", &(ids[0], "")).await.unwrap();
    saver.lock(false, &controller).await;
    // Whatever was to be done before that has been done.
    let manager = proxy(&controller, ROOT, "Manager").await;
    let call: OwnedObjectPath = manager.get_property("ActiveCall").await.unwrap();
    assert_eq!(call.as_str(), "/");
    assert_eq!(names(&shell, "alice").await.len(), 2);
}

#[tokio::test]
async fn an_app_in_a_sandbox_finds_nobody_and_calls_nobody_by_it() {
    let Some(daemon) = start(QUIET) else { return };
    let controller = connect(&daemon).await;
    let _app = Calling::register(&daemon).await;
    let id = add(&controller, "Alice", "+49301", &[]).await;
    let info = "[Application]\nname=org.example.Curious\n";
    let Some(sandbox) = Sandbox::start(&daemon.bus, info, &[NAME]) else { return };
    let curious = Builder::address(sandbox.paced.as_str()).build().await.unwrap();
    let (shell, runner) = (object(&curious, SHELL).await, object(&curious, RUNNER).await);
    let chosen = format!("voice:{id}");
    let mut refused = vec![
        shell.call_method("GetInitialResultSet", &(vec!["alice"],)).await,
        shell.call_method("GetResultMetas", &(vec![chosen.as_str()],)).await,
        shell.call_method("ActivateResult", &(chosen.as_str(), vec!["alice"], 1u32)).await,
        runner.call_method("Match", &("alice",)).await,
        runner.call_method("Run", &(chosen.as_str(), "")).await,
    ];
    for one in refused.drain(..) {
        assert_eq!(error_name(one.unwrap_err()), "NotAuthorized");
    }
    let manager = proxy(&controller, ROOT, "Manager").await;
    let call: OwnedObjectPath = manager.get_property("ActiveCall").await.unwrap();
    assert_eq!(call.as_str(), "/");
}
