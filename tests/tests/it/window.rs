//! Ahoy's windows, with real calls.
//!
//! Owns: what a person sees and presses. Invariant: every button is found by its name, as a screen reader
//! finds it; every picture is one of the screen.

use std::time::Duration;

use ahoy_trial::{Setup, need::Need, until, window::Windows};

use crate::scene::{Two, on_stage};

#[test]
fn a_video_call_is_answered_seen_muted_and_ended_in_its_windows() {
    on_stage(&[Need::Media, Need::Window], |stage| {
        let two = Two::meet(stage, Setup { notifications: false, ..Setup::ALL });
        let windows = Windows::open(&two.alice, &["--background"], &[]).expect("windows");
        let (outgoing, incoming) = two.ring(true);
        windows.atspi.until("label", "Bob").expect("who rings");
        stage.photograph("incoming.png").expect("a picture");
        windows.press("Answer with video").expect("answered");
        two.are_active(&outgoing, &incoming);
        windows.atspi.until("image", "Picture of Bob").expect("him");
        until("no question any more", || windows.find("button", "Answer").is_none().then_some(()))
            .expect("it goes");
        windows.press("Mute").expect("muted");
        windows.atspi.until("button", "Unmute").expect("it shows");
        let muted = two.alice.bus.property(&incoming, "Call", "Muted").expect("a property");
        assert!(bool::try_from(muted).is_ok_and(|muted| muted));
        stage.photograph("call.png").expect("a picture");
        let seen = two.alice.bus.seen();
        windows.press("Hang up").expect("pressed");
        let (_, why) = two.alice.ended(seen, &incoming, Duration::from_secs(5)).expect("it ends");
        assert_eq!(why, "local-hangup");
        until("no window any more", || windows.find("button", "Hang up").is_none().then_some(()))
            .expect("it goes");
    });
}
