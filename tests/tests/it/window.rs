//! Ahoy's windows, with real calls.
//!
//! Owns: what a person sees and presses. Invariant: every button is found by its name, as a screen reader
//! finds it; every picture is one of the screen.

use std::time::Duration;

use ahoy_trial::{Setup, bus::ROOT, need::Need, until, window::Windows};

use crate::scene::{Two, on_stage};

const DARK: [(&str, &str); 1] = [("ADW_DEBUG_COLOR_SCHEME", "prefer-dark")];

#[test]
fn a_video_call_is_answered_seen_muted_and_ended_in_its_windows() {
    on_stage(&[Need::Media, Need::Window], |stage| {
        let two = Two::meet(stage, Setup { notifications: false, ..Setup::ALL });
        let windows = Windows::open(&two.alice, &["--background"], &[]).expect("windows");
        let (outgoing, incoming) = two.ring(true);
        windows.until("label", "Bob").expect("who rings");
        stage.photograph("incoming.png").expect("a picture");
        windows.press("Answer with video").expect("answered");
        two.are_active(&outgoing, &incoming);
        windows.until("image", "Picture of Bob").expect("him");
        until("no question any more", || windows.find("button", "Answer").is_none().then_some(()))
            .expect("it goes");
        windows.press("Mute").expect("muted");
        windows.until("button", "Unmute").expect("it shows");
        let muted = two.alice.bus.property(&incoming, "Call", "Muted").expect("a property");
        assert!(bool::try_from(muted).is_ok_and(|muted| muted));
        stage.photograph("call.png").expect("a picture");
        windows.press("Picture-in-picture").expect("put aside");
        windows.until("window", "Ahoy picture-in-picture").expect("a small window");
        until("nothing large", || windows.find("button", "Unmute").is_none().then_some(()))
            .expect("it is hidden");
        stage.photograph("picture-in-picture.png").expect("a picture");
        windows.press("Back to the call").expect("pressed");
        windows.until("button", "Unmute").expect("it is back");
        until("nothing small", || {
            windows.find("window", "Ahoy picture-in-picture").is_none().then_some(())
        })
        .expect("it is hidden");
        let seen = two.alice.bus.seen();
        windows.press("Hang up").expect("pressed");
        let (_, why) = two.alice.ended(seen, &incoming, Duration::from_secs(5)).expect("it ends");
        assert_eq!(why, "local-hangup");
        until("no window any more", || windows.find("button", "Hang up").is_none().then_some(()))
            .expect("it goes");
    });
}

#[test]
fn somebody_is_called_from_the_main_window_once_it_was_asked_how() {
    on_stage(&[Need::Media, Need::Window], |stage| {
        let two = Two::meet(stage, Setup::VOICE);
        let windows = Windows::open(&two.alice, &[], &DARK).expect("windows");
        windows.until("label", "Bob").expect("in the list");
        windows.press("Add to favourites").expect("a star");
        windows.until("button", "Remove from favourites").expect("it shows");
        stage.photograph("people.png").expect("a picture");
        windows.press("Call Bob").expect("pressed");
        windows.until("label", "Call Bob").expect("how");
        assert_eq!(two.alice.bus.text(ROOT, "Manager", "State"), "idle", "nobody is called yet");
        windows.press("Voice call").expect("pressed");
        let incoming = two.bob.rings().expect("it rings there");
        windows.until("label", "Ringing …").expect("it shows");
        stage.photograph("calling.png").expect("a picture");
        two.bob.answer(&incoming, false).expect("answered");
        windows.press("Hang up").expect("ended");
        until("the end", || {
            let state = two.alice.bus.text(ROOT, "Manager", "State");
            (state == "idle").then_some(())
        })
        .expect("it ends");
    });
}
