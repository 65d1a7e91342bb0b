//! Media keys in a call, as playerctl presses them, between those of a player of music.
//!
//! Owns: what a press does to a call, and what a call does to the music. Does not own: the interface
//! (`ahoyd`'s own tests). Invariant: keys are pressed by playerctl, never on the bus.

use std::{path::Path, sync::Mutex};

use ahoy_trial::{Person, Setup, need::Need, process::output, until};
use zbus::interface;

use crate::scene::{Two, on_stage, outcome};

const NEEDS: [Need; 2] = [Need::Media, Need::Keys];

/// Music that plays until it is told not to.
struct Music(Mutex<&'static str>);

#[interface(name = "org.mpris.MediaPlayer2.Player")]
impl Music {
    fn play(&self) {
        *self.0.lock().expect("a status") = "Playing";
    }

    fn pause(&self) {
        *self.0.lock().expect("a status") = "Paused";
    }

    #[zbus(property)]
    fn playback_status(&self) -> &'static str {
        *self.0.lock().expect("a status")
    }
}

/// What playerctl prints.
fn playerctl(person: &Person<'_>, arguments: &[&str]) -> Option<String> {
    let mut command = person.command(Path::new("playerctl"));
    let said = output("playerctl", command.args(arguments)).ok()?;
    Some(String::from_utf8(said).expect("text").trim().to_owned())
}

#[test]
fn keys_of_players_answer_mute_and_hang_up_and_the_music_has_them_back_afterwards() {
    on_stage(&NEEDS, |stage| {
        let two = Two::meet(stage, Setup { notifications: false, ..Setup::VOICE });
        let alice = &two.alice;
        let press = |key: &str| playerctl(alice, &["-p", "ahoy", key]).expect("pressed");
        let until_music = |wanted: &str| {
            let status = || playerctl(alice, &["-p", "music", "status"]);
            until(wanted, || (status().as_deref() == Some(wanted)).then_some(())).expect("music");
        };
        let music = Music(Mutex::new("Playing"));
        let place = ("org.mpris.MediaPlayer2.music", "/org/mpris/MediaPlayer2");
        alice.bus.be(place.0, place.1, music).expect("a player of music");
        until_music("Playing");
        alice.ahoyctl(&["settings", "set", "headset.media-keys", "true"]).expect("set");
        let players = || playerctl(alice, &["-l"]).expect("a list");
        assert_eq!(players(), "music", "it is no player while nobody calls");
        let (outgoing, incoming) = two.ring(false);
        until_music("Paused");
        until("what rings", || {
            let about = playerctl(alice, &["-p", "ahoy", "metadata"])?;
            (about.contains("Incoming call") && about.contains("Bob")).then_some(())
        })
        .expect("told");
        press("play-pause");
        two.are_active(&outgoing, &incoming);
        let until_muted = |wanted: bool| {
            let muted = || alice.bus.property(&incoming, "Call", "Muted").ok();
            let is = || muted().and_then(|value| bool::try_from(&*value).ok()) == Some(wanted);
            until("the microphone", || is().then_some(())).expect("it follows");
        };
        press("play-pause");
        until_muted(true);
        let status = || playerctl(alice, &["-p", "ahoy", "status"]);
        until("a rest", || (status().as_deref() == Some("Paused")).then_some(())).expect("told");
        press("play");
        until_muted(false);
        // What a lock screen does when the lid is closed.
        playerctl(alice, &["-a", "pause"]).expect("pressed");
        until_muted(true);
        alice.until_state(&incoming, "active").expect("it goes on");
        press("next");
        assert_eq!(outcome(alice), "answered");
        until("no player any more", || (players() == "music").then_some(())).expect("so");
    });
}
