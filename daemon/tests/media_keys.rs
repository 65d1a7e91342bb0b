//! Media keys in calls, as the desktops send them: to a player.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

mod common;

use std::{collections::HashMap, time::Duration};

use common::{
    Daemon, QUIET, bus,
    caller::Calling,
    calls::{PATIENCE, ROOT, proxy, until},
    connect,
    saver::Saver,
};
use tokio::time::Instant;
use zbus::{
    Connection, OwnedObjectPath, OwnedVariant, Proxy, fdo::DBusProxy, interface,
    proxy::CacheProperties,
};

const NAME: &str = "org.mpris.MediaPlayer2.ahoy";
const PATH: &str = "/org/mpris/MediaPlayer2";
const KEYS: &str = "[headset]\nmedia-keys = true\n";

async fn at(controller: &Connection, interface: &'static str) -> Proxy<'static> {
    zbus::proxy::Builder::<Proxy<'static>>::new(controller)
        .destination(NAME)
        .path(PATH)
        .interface(interface)
        .cache_properties(CacheProperties::No)
        .build()
        .await
        .unwrap()
}

async fn player(controller: &Connection) -> Proxy<'static> {
    at(controller, "org.mpris.MediaPlayer2.Player").await
}

/// Waits until the player is there, or is not.
async fn there(controller: &Connection, wanted: bool) {
    let names = DBusProxy::new(controller).await.unwrap();
    let deadline = Instant::now() + PATIENCE;
    while names.name_has_owner(NAME.try_into().unwrap()).await.unwrap() != wanted {
        assert!(Instant::now() < deadline, "a player: {wanted}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until it says that it plays, or rests.
async fn status(player: &Proxy<'static>, wanted: &str) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let now: String = player.get_property("PlaybackStatus").await.unwrap();
        if now == wanted {
            return;
        }
        assert!(Instant::now() < deadline, "{wanted}, not {now}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn about(player: &Proxy<'static>) -> (String, Vec<String>) {
    let mut about: HashMap<String, OwnedVariant> = player.get_property("Metadata").await.unwrap();
    assert!(about.contains_key("mpris:trackid"), "clients want one: {about:?}");
    let title = about.remove("xesam:title").unwrap();
    let artist = about.remove("xesam:artist").map(|names| names.try_into().unwrap());
    (title.try_into().unwrap(), artist.unwrap_or_default())
}

async fn press(player: &Proxy<'static>, key: &str) {
    player.call::<_, _, ()>(key, &()).await.unwrap();
}

async fn rings(app: &Calling) -> OwnedObjectPath {
    app.rings("tel", "+49301").await.unwrap().0
}

#[tokio::test]
async fn one_key_answers_and_mutes_two_presses_hang_up_and_between_calls_there_is_no_player() {
    let Some(bus) = bus() else { return };
    bus.configure(&[QUIET, KEYS].concat());
    let daemon = Daemon::on(bus);
    let controller = connect(&daemon).await;
    let app = Calling::register(&daemon).await;
    there(&controller, false).await;
    let call = rings(&app).await;
    there(&controller, true).await;
    let player = player(&controller).await;
    status(&player, "Playing").await;
    let named = || vec!["Said by the app".to_owned()];
    assert_eq!(about(&player).await, ("Incoming call".to_owned(), named()));
    press(&player, "PlayPause").await;
    until(&controller, call.as_str(), "State", "active").await;
    assert_eq!(about(&player).await, ("Call".to_owned(), named()));
    press(&player, "PlayPause").await;
    until(&controller, call.as_str(), "Muted", "true").await;
    status(&player, "Paused").await;
    press(&player, "Play").await;
    until(&controller, call.as_str(), "Muted", "false").await;
    status(&player, "Playing").await;
    press(&player, "Next").await;
    until(&controller, call.as_str(), "EndReason", "local-hangup").await;
    there(&controller, false).await;
}

#[tokio::test]
async fn what_pauses_all_players_neither_opens_a_microphone_nor_ends_a_call() {
    let Some(bus) = bus() else { return };
    bus.configure(&[QUIET, KEYS].concat());
    let daemon = Daemon::on(bus);
    let controller = connect(&daemon).await;
    let app = Calling::register(&daemon).await;
    let call = rings(&app).await;
    there(&controller, true).await;
    let player = player(&controller).await;
    press(&player, "Pause").await;
    status(&player, "Paused").await;
    until(&controller, call.as_str(), "State", "ringing").await;
    press(&player, "Play").await;
    until(&controller, call.as_str(), "State", "active").await;
    press(&player, "Pause").await;
    until(&controller, call.as_str(), "Muted", "true").await;
    press(&player, "Pause").await;
    until(&controller, call.as_str(), "State", "active").await;
    press(&player, "Stop").await;
    until(&controller, call.as_str(), "EndReason", "local-hangup").await;
    let call = rings(&app).await;
    there(&controller, true).await;
    press(&player, "Stop").await;
    until(&controller, call.as_str(), "EndReason", "declined").await;
}

/// An app that takes its time to end a call.
struct Slow;

#[interface(name = "org.ahoycall.Calls1.ProviderApp")]
impl Slow {
    async fn perform(
        &self,
        _serial: u32,
        _txn: String,
        action: String,
        _call: OwnedObjectPath,
        _args: HashMap<String, OwnedVariant>,
    ) {
        if action == "end" {
            std::future::pending::<()>().await;
        }
    }
    fn timed_out(&self, _serial: u32) {}
    fn audio_activated(&self, _options: HashMap<String, OwnedVariant>) {}
    fn audio_deactivated(&self) {}
}

#[tokio::test]
async fn while_another_call_is_being_declined_the_key_is_for_the_one_that_is_on() {
    let Some(bus) = bus() else { return };
    bus.configure(&[QUIET, KEYS].concat());
    let daemon = Daemon::on(bus);
    let controller = connect(&daemon).await;
    let app = Calling::register_as(&daemon, Slow).await;
    let first = rings(&app).await;
    there(&controller, true).await;
    let player = player(&controller).await;
    press(&player, "PlayPause").await;
    until(&controller, first.as_str(), "State", "active").await;
    let second = rings(&app).await;
    until(&controller, second.as_str(), "State", "ringing").await;
    press(&player, "Stop").await;
    until(&controller, second.as_str(), "PendingAction", "end").await;
    press(&player, "PlayPause").await;
    until(&controller, first.as_str(), "Muted", "true").await;
    until(&controller, first.as_str(), "State", "active").await;
}

#[tokio::test]
async fn a_locked_session_names_nobody_to_the_panel_of_players() {
    let Some(bus) = bus() else { return };
    bus.configure(&[QUIET, KEYS].concat());
    let saver = Saver::on(&bus.address).await;
    let daemon = Daemon::on(bus);
    let controller = connect(&daemon).await;
    let app = Calling::register(&daemon).await;
    saver.lock(true, &controller).await;
    let call = rings(&app).await;
    there(&controller, true).await;
    let player = player(&controller).await;
    assert_eq!(about(&player).await, ("Incoming call".to_owned(), Vec::new()));
    press(&player, "PlayPause").await;
    until(&controller, call.as_str(), "State", "active").await;
    assert_eq!(about(&player).await, ("Call".to_owned(), Vec::new()));
}

#[tokio::test]
async fn nobody_asked_for_it_there_is_none_and_the_setting_counts_in_the_middle_of_a_call() {
    let Some(bus) = bus() else { return };
    bus.configure(QUIET);
    let daemon = Daemon::on(bus);
    let controller = connect(&daemon).await;
    let app = Calling::register(&daemon).await;
    let call = rings(&app).await;
    until(&controller, call.as_str(), "State", "ringing").await;
    there(&controller, false).await;
    let settings = proxy(&controller, ROOT, "Settings").await;
    let set = async |on: bool| {
        let value = zbus::Variant::from(on);
        settings.call::<_, _, ()>("Set", &("headset.media-keys", value)).await.unwrap();
    };
    set(true).await;
    there(&controller, true).await;
    let root = at(&controller, "org.mpris.MediaPlayer2").await;
    assert_eq!(root.get_property::<String>("DesktopEntry").await.unwrap(), "org.ahoycall.Ahoy");
    set(false).await;
    there(&controller, false).await;
}
