//! Claims about where keys rest: against gnome-keyring, and against a Secret Service of our own
//! that can be locked, dismiss its prompts and lie.

mod service;

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, Command, Stdio},
    time::Instant,
};

use zbus::{Connection, connection::Builder};

use super::*;
use service::{Mood, Service};

const NAME: &str = "org.freedesktop.secrets";
const LIMIT: Duration = Duration::from_secs(20);
/// For prompts that nobody answers.
const SHORT: Duration = Duration::from_millis(300);

/// A child that is killed with the value.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A bus on which nothing can be started, and a person's data directory.
struct Place {
    address: String,
    bus: Connection,
    directory: tempfile::TempDir,
    _process: Killed,
}

impl Place {
    async fn new() -> Option<Self> {
        let directory = tempfile::tempdir().expect("directory");
        let configuration = directory.path().join("bus.conf");
        let text = format!(
            "<busconfig><type>session</type><listen>unix:tmpdir={}</listen>\
             <policy context=\"default\"><allow send_destination=\"*\" eavesdrop=\"true\"/>\
             <allow eavesdrop=\"true\"/><allow own=\"*\"/></policy></busconfig>",
            directory.path().display()
        );
        fs::write(&configuration, text).expect("write");
        let mut command = Command::new("dbus-daemon");
        command.arg("--config-file").arg(&configuration).args(["--nofork", "--print-address"]);
        let started = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let Ok(mut child) = started else {
            println!("SKIPPED: dbus-daemon is not installed");
            return None;
        };
        let output = child.stdout.take().expect("piped");
        let process = Killed(child);
        let mut address = String::new();
        BufReader::new(output).read_line(&mut address).expect("an address");
        let address = address.trim().to_owned();
        let bus = Builder::address(address.as_str()).build().await.expect("connected");
        Some(Self { address, bus, directory, _process: process })
    }

    fn paths(&self) -> Paths {
        let base = |name: &str| self.directory.path().join(name);
        Paths { config: base("c"), data: base("d"), cache: base("k"), runtime: None }
    }

    async fn open(&self, wish: Wish) -> Result<(Keys, KeyHome), HomeError> {
        self.open_within(wish, LIMIT).await
    }

    async fn open_within(&self, wish: Wish, limit: Duration) -> Result<(Keys, KeyHome), HomeError> {
        KeyHome::open(self.bus.clone(), &self.paths(), wish, limit).await
    }

    /// Why it refuses.
    async fn refused(&self, wish: Wish) -> HomeError {
        let opened = self.open_within(wish, SHORT).await;
        opened.err().expect("refused")
    }

    fn has_file(&self) -> bool {
        self.paths().keys().exists()
    }

    fn has_marker(&self) -> bool {
        self.paths().keys_marker().exists()
    }

    /// Starts gnome-keyring, its keyring open or locked, and waits until it owns its name.
    async fn gnome_keyring(&self, open: bool) -> Option<Killed> {
        let mut command = Command::new("gnome-keyring-daemon");
        command.args(["--foreground", "--components=secrets"]);
        if open {
            command.arg("--unlock");
        }
        command.env("DBUS_SESSION_BUS_ADDRESS", &self.address);
        for name in ["HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"] {
            command.env(name, self.directory.path());
        }
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        self.until_owned(false).await;
        let Ok(mut child) = command.spawn() else {
            println!("SKIPPED: gnome-keyring-daemon is not installed (Debian: gnome-keyring)");
            return None;
        };
        // The password ends with the stream.
        child.stdin.take().expect("piped").write_all(b"secret").expect("typed");
        let killed = Killed(child);
        self.until_owned(true).await;
        Some(killed)
    }

    async fn until_owned(&self, wanted: bool) {
        let bus = zbus::fdo::DBusProxy::new(&self.bus).await.expect("the bus");
        let begin = Instant::now();
        let owned = || bus.name_has_owner(NAME.try_into().expect("a name"));
        while owned().await.expect("an answer") != wanted {
            assert!(begin.elapsed() < LIMIT, "the service comes or goes");
        }
    }
}

/// What holds for every Secret Service: there and back, and one person throughout.
async fn there_and_back(place: &Place) {
    let (keys, home) = place.open(Wish::Auto).await.expect("made");
    assert_eq!(home.home(), Home::SecretService);
    assert!(place.has_marker() && !place.has_file());
    // The next start, also with a data directory that lost its marker.
    assert!(place.open(Wish::Auto).await.expect("read").0 == keys);
    fs::remove_file(place.paths().keys_marker()).expect("remove");
    assert!(place.open(Wish::Auto).await.expect("found").0 == keys);
    assert!(place.has_marker());
    let (moved, home) = place.open(Wish::File).await.expect("moved");
    assert!(moved == keys && home.home() == Home::File);
    assert!(place.has_file() && !place.has_marker());
    let secrets = Secrets::connect(&place.bus).await.expect("a session");
    assert!(secrets.items(None).await.expect("items").is_empty(), "no copy stays");
    let (back, home) = place.open(Wish::Auto).await.expect("moved back");
    assert!(back == keys && home.home() == Home::SecretService);
    assert!(place.has_marker() && !place.has_file());

    // Restoring writes where keys live, and the identity that nobody knew is gone.
    let restored = Keys::generate().expect("keys");
    home.replace(&keys, &restored, LIMIT).await.expect("replaced");
    assert!(place.open(Wish::Auto).await.expect("read").0 == restored);
    assert!(!place.has_file());
    let items = secrets.items(None).await.expect("items");
    assert_eq!(items.len(), 1);
    // Taken out of the keyring by hand: told, and no fresh identity in its place.
    secrets.remove(&items[0], LIMIT).await.expect("removed");
    let gone = place.refused(Wish::Auto).await;
    assert!(matches!(gone, HomeError::Gone { .. }), "{gone}");
    assert!(gone.to_string().contains("ahoyctl restore"), "{gone}");
    assert!(!place.has_file());
    assert!(secrets.items(None).await.expect("items").is_empty());
}

#[tokio::test]
async fn keys_go_into_gnome_keyring_and_back_and_stay_one_person() {
    let Some(place) = Place::new().await else { return };
    let Some(_keyring) = place.gnome_keyring(true).await else { return };
    there_and_back(&place).await;
}

#[tokio::test]
async fn a_gnome_keyring_that_stays_locked_is_told_and_gives_the_keys_once_it_is_open() {
    let Some(place) = Place::new().await else { return };
    let Some(keyring) = place.gnome_keyring(true).await else { return };
    let (keys, _) = place.open(Wish::Auto).await.expect("made");
    drop(keyring);
    // Nothing on this bus can show its prompt.
    let keyring = place.gnome_keyring(false).await;
    let refused = place.refused(Wish::Auto).await;
    assert!(matches!(refused, HomeError::Closed(SecretsError::Locked(_))), "{refused}");
    assert!(place.has_marker() && !place.has_file());
    drop(keyring);
    let _keyring = place.gnome_keyring(true).await;
    assert!(place.open(Wish::Auto).await.expect("read").0 == keys);
}

#[tokio::test]
async fn keys_go_into_a_secret_service_and_back_and_stay_one_person() {
    let Some(place) = Place::new().await else { return };
    let _service = Service::start(&place.address).await;
    there_and_back(&place).await;
}

#[tokio::test]
async fn without_a_secret_service_keys_are_in_a_file() {
    let Some(place) = Place::new().await else { return };
    let refused = place.refused(Wish::SecretService).await;
    assert!(matches!(refused, HomeError::Unusable(SecretsError::Absent)), "{refused}");
    assert!(!place.has_file());
    let (keys, home) = place.open(Wish::Auto).await.expect("made");
    assert!(place.has_file() && home.home() == Home::File);
    // Keys that exist are used, whatever is wished.
    assert!(place.open(Wish::SecretService).await.expect("read").0 == keys);
    let restored = Keys::generate().expect("keys");
    home.replace(&keys, &restored, LIMIT).await.expect("replaced");
    assert!(place.open(Wish::Auto).await.expect("read").0 == restored);
}

#[tokio::test]
async fn a_keyring_that_is_gone_or_stays_locked_never_makes_a_second_person() {
    let Some(place) = Place::new().await else { return };
    let service = Service::start(&place.address).await;
    let (keys, _) = place.open(Wish::Auto).await.expect("made");
    for mood in [Mood::Dismisses, Mood::NeverAnswers] {
        service.lock(mood);
        let refused = place.refused(Wish::Auto).await;
        assert!(matches!(refused, HomeError::Closed(SecretsError::Locked(_))), "{refused}");
        assert!(refused.to_string().contains("unlock your keyring"), "{refused}");
        assert!(place.has_marker() && !place.has_file());
    }
    assert_eq!(service.prompts(), 2);
    assert_eq!(service.dismissed(), 1, "the one that nobody answered is taken away");
    service.lock(Mood::Unlocks);
    assert!(place.open(Wish::Auto).await.expect("unlocked").0 == keys);
    // One that shows nothing of what it has while it is locked.
    service.hide();
    service.lock(Mood::Dismisses);
    let refused = place.refused(Wish::Auto).await;
    assert!(matches!(refused, HomeError::Closed(SecretsError::Locked(_))), "{refused}");
    service.lock(Mood::Unlocks);
    assert!(place.open(Wish::Auto).await.expect("unlocked").0 == keys);
    service.stop().await;
    let refused = place.refused(Wish::Auto).await;
    assert!(matches!(refused, HomeError::Closed(SecretsError::Absent)), "{refused}");
    assert!(place.has_marker() && !place.has_file());
}

#[tokio::test]
async fn nobody_is_asked_for_a_password_that_is_not_needed() {
    let Some(place) = Place::new().await else { return };
    let service = Service::start(&place.address).await;
    service.lock(Mood::Unlocks);
    let (keys, home) = place.open(Wish::Auto).await.expect("made");
    assert_eq!((home.home(), service.prompts()), (Home::File, 0));
    assert!(place.open(Wish::Auto).await.expect("read").0 == keys);
    assert_eq!(service.prompts(), 0);
    // Where the person wants it so, it is worth a question.
    let (moved, home) = place.open(Wish::SecretService).await.expect("moved");
    assert!(moved == keys);
    assert_eq!((home.home(), service.prompts()), (Home::SecretService, 1));
    assert!(!place.has_file());
}

#[tokio::test]
async fn a_file_goes_only_after_what_the_service_keeps_was_compared() {
    let Some(place) = Place::new().await else { return };
    let (keys, _) = place.open(Wish::Auto).await.expect("made");
    let service = Service::start(&place.address).await;
    service.lie(true);
    let (kept, home) = place.open(Wish::SecretService).await.expect("the file is used");
    assert!(kept == keys && home.home() == Home::File);
    assert!(place.has_file() && !place.has_marker());
    service.lie(false);
    place.open(Wish::SecretService).await.expect("moved");
    assert!(!place.has_file());
    service.lie(true);
    let refused = place.refused(Wish::Auto).await;
    assert!(matches!(refused, HomeError::Damaged { .. }), "{refused}");
    assert!(!place.has_file());
}

#[tokio::test]
async fn a_move_that_was_cut_off_goes_on_and_two_people_are_refused() {
    let Some(place) = Place::new().await else { return };
    let service = Service::start(&place.address).await;
    let (keys, _) = place.open(Wish::Auto).await.expect("made");
    // As it was before the file went.
    keys.store(&place.paths().keys()).expect("store");
    let (again, home) = place.open(Wish::Auto).await.expect("goes on");
    assert!(again == keys && home.home() == Home::SecretService);
    assert!(!place.has_file());
    assert_eq!(service.items(), 1);
    // The other way round: the file wins, the service's copy goes.
    keys.store(&place.paths().keys()).expect("store");
    assert!(place.open(Wish::File).await.expect("goes on").0 == keys);
    assert!(!place.has_marker());
    assert_eq!(service.items(), 0);

    let marker = place.paths().keys_marker();
    Marker { identity: "somebody".to_owned() }.store(&marker).expect("store");
    let refused = place.refused(Wish::Auto).await;
    assert!(matches!(refused, HomeError::Two { .. }), "{refused}");
    fs::remove_file(place.paths().keys()).expect("remove");
    fs::remove_file(&marker).expect("remove");
    for person in ["one", "two"] {
        let secrets = Secrets::connect(&place.bus).await.expect("a session");
        let into = secrets.collection().await.expect("a collection");
        secrets.write(&into, person, "x", b"x", LIMIT).await.expect("written");
    }
    let refused = place.refused(Wish::Auto).await;
    assert!(matches!(refused, HomeError::Several(_)), "{refused}");
    assert!(refused.to_string().contains("2 Ahoy identities"), "{refused}");
}
