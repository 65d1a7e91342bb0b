//! Calls that ring, and every way a ring ends without an answer.
//!
//! Owns: notification, ringtone and log around a ring. Invariant: what is on the screen is asked of
//! dunst, never of us.

use std::time::Instant;

use ahoy_trial::{PATIENCE, Setup, bus::word, desk::Notifications, need::Need, until};

use crate::scene::{Two, on_stage, outcome, silence};

const SCREEN: Setup = Setup { camera: None, ..Setup::ALL };
const NEEDS: [Need; 2] = [Need::Media, Need::Notify];

#[test]
fn a_call_declined_on_its_notification_ends_as_declined_for_the_caller() {
    on_stage(&NEEDS, |stage| {
        let two = Two::meet(stage, SCREEN);
        let (outgoing, _) = two.ring(false);
        let desk = two.alice.notifications.as_ref().expect("dunst");
        desk.until_shown(1).expect("a notification");
        let seen = two.bob.bus.seen();
        desk.press("decline").expect("pressed");
        let (_, why) = two.bob.ended(seen, &outgoing, PATIENCE).expect("it ends");
        assert_eq!(why, "declined");
        desk.until_shown(0).expect("the notification goes, and none of a missed call comes");
        assert_eq!(outcome(&two.alice), "declined");
        silence(stage);
    });
}

#[test]
fn a_caller_who_gives_up_leaves_silence_and_a_missed_call_that_calls_back() {
    on_stage(&NEEDS, |stage| {
        let two = Two::meet(stage, SCREEN);
        let (outgoing, incoming) = two.ring(false);
        let desk = two.alice.notifications.as_ref().expect("dunst");
        desk.until_shown(1).expect("a notification");
        let seen = two.alice.bus.seen();
        two.bob.hang_up(&outgoing).expect("given up");
        two.alice.ended(seen, &incoming, PATIENCE).expect("the ring ends");
        two.alice
            .bus
            .signal(seen, "CallMissed", |it| (it.member == "CallMissed").then_some(()))
            .expect("told");
        until("only the missed call on the screen", || {
            let closed = desk.history().ok()?.contains("Incoming");
            (closed && desk.shown() == 1).then_some(())
        })
        .expect("the ring's notification goes, that of the missed call comes");
        silence(stage);
        assert_eq!(outcome(&two.alice), "missed");
        let row = two.alice.recents().expect("a log").into_iter().next().expect("a row");
        assert_eq!(word(&row, "contact-id"), two.bob_id);
        assert_eq!(outcome(&two.bob), "cancelled");
        desk.press("call-back").expect("pressed");
        let back = two.bob.rings().expect("he is called back");
        assert_eq!(two.bob.bus.text(&back, "Call", "DisplayName"), "Alice");
        desk.until_shown(0).expect("the missed call is seen");
    });
}

#[test]
fn a_notification_server_that_crashes_while_it_rings_shows_the_call_again() {
    on_stage(&NEEDS, |stage| {
        let mut two = Two::meet(stage, SCREEN);
        let (outgoing, incoming) = two.ring(false);
        let session = two.alice.command(std::path::Path::new("dunst"));
        let address = session.get_envs().find(|(key, _)| *key == "DBUS_SESSION_BUS_ADDRESS");
        let address = address.and_then(|(_, value)| value?.to_str()).expect("her bus").to_owned();
        let mut first = two.alice.notifications.take().expect("dunst");
        first.until_shown(1).expect("a notification");
        first.kill9();
        let directory = two.alice.path("");
        let again = Notifications::start(stage, &directory, &address, &two.alice.bus);
        let again = again.expect("dunst again");
        again.until_shown(1).expect("shown again");
        again.press("answer").expect("pressed");
        two.are_active(&outgoing, &incoming);
        again.until_shown(0).expect("the notification goes");
    });
}

#[test]
fn without_a_notification_server_a_call_rings_and_is_answered_on_the_bus() {
    on_stage(&[Need::Media], |stage| {
        let two = Two::meet(stage, Setup::VOICE);
        let (outgoing, incoming) = two.ring(false);
        until("the ringtone", || stage.node("ahoy-tone")).expect("it rings");
        two.alice.answer(&incoming, false).expect("answered");
        two.are_active(&outgoing, &incoming);
        let log = two.alice.log();
        let lines = log.iter().filter(|line| line.contains("no notification server answers"));
        assert_eq!(lines.count(), 1, "one clear line: {log:#?}");
    });
}

#[test]
fn a_silenced_ring_is_silent_and_can_still_be_answered() {
    on_stage(&NEEDS, |stage| {
        let two = Two::meet(stage, SCREEN);
        let (outgoing, incoming) = two.ring(false);
        until("two tones", || {
            let nodes = stage.nodes();
            (nodes.iter().filter(|node| node.name == "ahoy-tone").count() == 2).then_some(())
        })
        .expect("ringtone and ringback");
        two.alice.bus.on_call(&incoming, "Silence", &()).expect("silenced");
        until("one tone", || {
            let nodes = stage.nodes();
            (nodes.iter().filter(|node| node.name == "ahoy-tone").count() == 1).then_some(())
        })
        .expect("only his ringback");
        let desk = two.alice.notifications.as_ref().expect("dunst");
        desk.until_shown(1).expect("the notification stays");
        desk.press("answer").expect("pressed");
        two.are_active(&outgoing, &incoming);
        let row = two.bob.recents().expect("a log").into_iter().next().expect("a row");
        assert_eq!(word(&row, "contact-id"), two.alice_id);
    });
}

#[test]
fn while_dunst_is_paused_calls_are_silent_and_those_of_favourites_ring() {
    on_stage(&NEEDS, |stage| {
        let two = Two::meet(stage, SCREEN);
        let desk = two.alice.notifications.as_ref().expect("dunst");
        // Or he would ring the second time, as favourites do.
        two.alice.ahoyctl(&["settings", "set", "filter.repeated", "false"]).expect("set");
        let start = Instant::now();
        desk.pause(true).expect("paused");
        until("her Ahoy to hear of it", || two.alice.logged(start, "quiet=true")).expect("heard");
        let is_silent = || {
            let (outgoing, incoming) = two.ring(false);
            let silent = two.alice.bus.property(&incoming, "Call", "Silenced").expect("a flag");
            let seen = two.alice.bus.seen();
            two.bob.hang_up(&outgoing).expect("given up");
            two.alice.ended(seen, &incoming, PATIENCE).expect("the ring ends");
            bool::try_from(&*silent).expect("a flag")
        };
        assert!(is_silent(), "he is nobody's favourite");
        two.alice.ahoyctl(&["favourites", "add", "Bob"]).expect("a favourite");
        assert!(!is_silent(), "she hears him");
        desk.pause(false).expect("not paused");
        silence(stage);
    });
}
