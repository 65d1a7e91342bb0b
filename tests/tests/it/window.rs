//! Ahoy's windows, with real calls.
//!
//! Owns: what a person sees and presses. Invariant: every button is found by its name, as a screen reader
//! finds it; every picture is one of the screen.

use std::{fs::File, path::Path, time::Duration};

use ahoy_trial::{
    Person, Setup,
    bus::{ROOT, Signal},
    need::Need,
    person::built,
    picture::Viewer,
    pointer::Pointer,
    process::{Running, output},
    sound::speak,
    until, wave,
    window::Windows,
    within,
};

use crate::scene::{Two, hears, on_stage, red_button};

const TEXT: &str = "org.ahoycall.Calls1.Call.Text";
/// Longer than buttons stay that nobody uses.
const STAYS: Duration = Duration::from_secs(6);
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
        until("nothing large", || windows.find("button", "Unmute").is_none().then_some(()))
            .expect("it is hidden");
        stage.photograph("picture-in-picture.png").expect("a picture");
        let _again = Windows::open_again(&two.alice, &[]).expect("opened");
        windows.until("button", "Unmute").expect("it is back");
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

#[test]
fn a_favourite_is_in_the_menu_of_the_desktop_and_is_called_from_there_once_it_was_asked_how() {
    on_stage(&[Need::Media, Need::Window, Need::Links], |stage| {
        let two = Two::meet(stage, Setup::VOICE);
        let installed = include_str!("../../../contrib/desktop/org.ahoycall.Ahoy.desktop.in");
        let menu = two.alice.path("data/applications");
        std::fs::create_dir_all(&menu).expect("a directory");
        let entry = menu.join("org.ahoycall.Ahoy.desktop");
        std::fs::write(&entry, installed.replace("@bindir@", "/usr/bin")).expect("installed");
        let windows = Windows::open(&two.alice, &["--background"], &DARK).expect("windows");
        two.alice.ahoyctl(&["favourites", "add", "Bob"]).expect("a favourite");
        let line = until("Bob in the menu", || {
            let text = std::fs::read_to_string(&entry).ok()?;
            let (_, action) = text.split_once("[Desktop Action favourite-1]\nName=Bob\nExec=")?;
            action.lines().next().map(str::to_owned)
        });
        let line = line.expect("an action");
        let mut check = stage.command("desktop-file-validate");
        output("desktop-file-validate", check.arg(&entry)).expect("menus read it");
        let mut chosen = two.alice.command(Path::new("sh"));
        chosen.env("DISPLAY", stage.display().expect("a screen")).args(["-c", &line]);
        output("the action", &mut chosen).expect("it tells the windows that are open");
        windows.until("label", "Call Bob").expect("how");
        assert_eq!(two.alice.bus.text(ROOT, "Manager", "State"), "idle", "nobody is called yet");
        windows.press("Voice call").expect("pressed");
        two.bob.rings().expect("it rings there");
        two.alice.ahoyctl(&["favourites", "remove", "Bob"]).expect("none any more");
        until("no Bob in the menu", || {
            let text = std::fs::read_to_string(&entry).ok()?;
            (!text.contains("Bob") && text.contains("Actions=call;")).then_some(())
        })
        .expect("gone");
    });
}

#[test]
fn another_microphone_and_camera_are_chosen_in_the_menu_of_the_call() {
    on_stage(&[Need::Media, Need::Window], |stage| {
        let two = Two::meet(stage, Setup { notifications: false, ..Setup::ALL });
        let windows = Windows::open(&two.alice, &["--background"], &[]).expect("windows");
        let (outgoing, _) = two.talk(true);
        windows.until("image", "Picture of Bob").expect("him");
        // All devices are on one stage: his are hers to choose.
        windows.press("More").expect("a menu");
        windows.until("button", &two.bob.device("microphone")).expect("a choice");
        stage.photograph("call-menu.png").expect("a picture");
        windows.press(&two.bob.device("microphone")).expect("chosen");
        hears(&two.bob, &two.bob, 800.0);
        windows.press("More").expect("the menu again");
        windows.press(&two.bob.device("camera")).expect("chosen");
        let node = two.bob.bus.text(&outgoing, "Call", "RemoteVideoNode");
        let seen = Viewer::start(stage, &node).expect("her picture");
        seen.first().expect("a picture");
        until("the colour of his camera", || {
            let pixel = seen.last().pixel(40, 40).map(i16::from);
            let near = |(one, other): (i16, i16)| (one - other).abs() < 30;
            pixel.into_iter().zip([0xa0, 0x40, 0x20]).all(near).then_some(())
        })
        .expect("he sees what his own camera sees");
        two.bob.hang_up(&outgoing).expect("hung up");
    });
}

#[test]
fn what_is_written_and_said_is_read_and_answered_in_the_window_of_the_call() {
    on_stage(&[Need::Media, Need::Voice, Need::Window], |stage| {
        let two = Two::meet(stage, Setup { notifications: false, ..Setup::ALL });
        let windows = Windows::open(&two.alice, &["--background"], &[]).expect("windows");
        let (outgoing, incoming) = two.talk(false);
        let bob = |method: &str, text: &str| {
            two.bob.bus.on_object(&outgoing, TEXT, method, &(text,)).expect("it goes");
        };
        windows.until("button", "Text").expect("the window of the call");
        let hidden = windows.find("text box", "Write something");
        assert!(hidden.is_none(), "what is closed is not read to anybody");
        windows.press("Text").expect("opened");
        bob("Type", "Platy");
        windows.until("label", "Platy").expect("as it is typed");
        bob("Send", "Platypus <b>");
        windows.until("label", "Platypus <b>").expect("as it was written");
        windows.write("Write something", "Echidna").expect("typed");
        let heard = |text: &str, last: bool| {
            until("it arrives", || {
                let told = two.bob.bus.signals(0).into_iter();
                let mut texts = told.filter(|one| one.member == "Received");
                texts.find(|one| one.body() == Some((text.to_owned(), last))).map(drop)
            })
        };
        // Of what was lost: whether it is still in the field, and what came instead.
        let late = || {
            let told = two.bob.bus.signals(0).into_iter();
            let told: Vec<_> = told.filter(|one| one.member == "Received").collect();
            let came: Vec<Option<(String, bool)>> = told.iter().map(Signal::body).collect();
            let field = windows.read("Write something");
            format!("in the field {field:?}, came {came:?}, windows said {:?}", windows.said())
        };
        heard("Echidna", false).expect("as it is typed");
        windows.press("Send").expect("sent");
        heard("Echidna", true).unwrap_or_else(|error| panic!("{error}: {}", late()));
        windows.until("label", "Echidna").expect("one's own");
        // A line on the heels of its last letter is no less heard.
        windows.write("Write something", "Koala").expect("typed");
        windows.press("Send").expect("sent");
        heard("Koala", true).unwrap_or_else(|error| panic!("{error}: {}", late()));
        stage.photograph("text.png").expect("a picture");
        windows.press("More").expect("a menu");
        windows.press("Captions on").expect("on");
        until("ears", || stage.node("ahoy-captions")).expect("they listen");
        windows.press("Close the text").expect("closed");
        bob("Send", "Are you there?");
        windows.until("label", "Are you there?").expect("told for a moment");
        two.bob.hang_up(&outgoing).expect("hung up");
        let _ = incoming;
    });
}

#[test]
fn the_safety_number_is_compared_in_the_window_and_what_was_measured_is_shown() {
    on_stage(&[Need::Media, Need::Window], |stage| {
        let two = Two::meet(stage, Setup { notifications: false, ..Setup::ALL });
        let windows = Windows::open(&two.alice, &["--background"], &[]).expect("windows");
        let (outgoing, incoming) = two.talk(false);
        windows.until("button", "Good connection").expect("it was measured");
        windows.press("Safety number").expect("asked");
        let number = two.alice.bus.property(&incoming, "Call.Verification", "SafetyNumber");
        let number = String::try_from(number.expect("a number")).expect("text");
        let digits: Vec<char> = number.chars().collect();
        let groups: Vec<String> = digits.chunks(5).map(|group| group.iter().collect()).collect();
        let rows: Vec<String> = groups.chunks(4).map(|row| row.join("  ")).collect();
        windows.until("label", &rows.join("\n")).expect("the number of the call");
        stage.photograph("safety-number.png").expect("a picture");
        windows.press("They are the same").expect("answered");
        until("the answer counts", || {
            (two.alice.bus.text(&incoming, "Call", "Encryption") == "e2e-verified").then_some(())
        })
        .expect("verified");
        two.bob.hang_up(&outgoing).expect("hung up");
    });
}

#[test]
fn on_the_first_day_one_hears_and_sees_oneself_and_is_rung_and_nothing_of_it_is_left() {
    on_stage(&[Need::Media, Need::Window], |stage| {
        let setup = Setup { notifications: false, ..Setup::ALL };
        let alice = Person::start(stage, "Alice", setup).expect("Alice");
        Windows::remember(&alice, "welcomed=false").expect("a first day");
        let windows = Windows::open(&alice, &[], &[]).expect("windows");
        windows.until("label", "Hear yourself").expect("the first page");
        let voice = speak(&alice, &wave::tone(440.0, 20)).expect("a voice");
        windows.press("Record").expect("pressed");
        windows.until("label", "That is you").expect("played back");
        windows.until("label", "Microphone and speaker work.").expect("heard");
        drop(voice);
        windows.press("Look").expect("pressed");
        windows.until("image", "Picture of you").expect("seen");
        stage.photograph("welcome.png").expect("a picture");
        windows.press("Ring").expect("pressed");
        let ringing = alice.rings().expect("it rings");
        windows.press("Answer").expect("answered");
        alice.until_state(&ringing, "active").expect("active");
        windows.press("Hang up").expect("ended");
        windows.until("label", "That was it.").expect("over");
        assert!(alice.recents().expect("a log").is_empty(), "nobody called");
        until("no stream", || stage.node("ahoy-window-test").is_none().then_some(())).expect("so");
    });
}

#[test]
fn a_camera_that_gives_jpeg_only_shows_oneself_on_the_first_page() {
    on_stage(&[Need::Media, Need::Window], |stage| {
        let setup = Setup { notifications: false, camera: None, ..Setup::ALL };
        let alice = Person::start(stage, "Alice", setup).expect("Alice");
        let mut camera = stage.command("gst-launch-1.0");
        let caps = "video/x-raw,width=640,height=480,framerate=15/1";
        let node = "stream-properties=p,media.class=Video/Source,node.name=alice.camera";
        camera.args(["-q", "videotestsrc", "pattern=red", "is-live=true", "!", caps]);
        camera.args(["!", "jpegenc", "!", "pipewiresink", "mode=provide", node]);
        let _camera = Running::start("gst-launch-1.0", &mut camera).expect("a camera");
        until("the camera", || stage.node("alice.camera")).expect("it is there");
        Windows::remember(&alice, "welcomed=false").expect("a first day");
        let windows = Windows::open(&alice, &[], &[]).expect("windows");
        windows.press("Look").expect("pressed");
        windows.until("image", "Picture of you").expect("seen");
        stage.photograph("welcome-jpeg.png").expect("a picture");
    });
}

#[test]
fn two_people_meet_by_the_code_on_the_screen_of_one_and_settings_are_changed_by_hand() {
    on_stage(&[Need::Media, Need::Window], |stage| {
        let setup = Setup { notifications: false, ..Setup::VOICE };
        let alice = Person::start(stage, "Alice", setup).expect("Alice");
        let bob = Person::start(stage, "Bob", setup).expect("Bob");
        Windows::remember(&alice, "welcomed=true\npeople-width=900\npeople-height=600")
            .expect("so");
        let windows = Windows::open(&alice, &[], &DARK).expect("windows");
        windows.press("Add somebody").expect("pressed");
        windows.press("Make an invite").expect("pressed");
        windows.until("image", "Code of the invite").expect("a code");
        let link = until("a code that can be read", || {
            let picture = stage.photograph("invite.png").ok()?;
            let mut reader = stage.command(built("ahoy-window").ok()?.to_str()?);
            reader.arg("--read-code").stdin(File::open(picture).ok()?);
            let read = output("ahoy-window", &mut reader).ok()?;
            String::from_utf8(read).ok().filter(|text| text.starts_with("ahoy:"))
        })
        .expect("the picture of the screen");
        bob.accept(&link).expect("a link");
        windows.press("Close").expect("closed");
        until("it goes", || windows.find("button", "Make an invite").is_none().then_some(()))
            .expect("closed");
        windows.until("label", "Bob").expect("he is in the list");
        stage.photograph("people-wide.png").expect("a picture");
        windows.press("Menu").expect("a menu");
        windows.press("Settings").expect("opened");
        windows.press_a("switch", "Show who calls").expect("switched");
        until("it counts", || {
            let value =
                alice.bus.call::<_, zbus::OwnedVariant>("Settings", "Get", &("lock.show-caller",));
            value.ok().and_then(|value| bool::try_from(value).ok()).filter(|on| *on)
        })
        .expect("set");
        stage.photograph("settings.png").expect("a picture");
    });
}

#[test]
fn the_buttons_of_a_call_recede_while_nobody_does_anything_and_are_there_again_at_once() {
    on_stage(&[Need::Media, Need::Window], |stage| {
        let two = Two::meet(stage, Setup { notifications: false, ..Setup::ALL });
        let windows = Windows::open(&two.alice, &["--background"], &[]).expect("windows");
        let (_, incoming) = two.talk(true);
        windows.until("image", "Picture of Bob").expect("him");
        let red = || red_button(stage);
        let gone = |why| until(why, || red().is_none().then_some(())).expect(why);
        let (x, y) = until("the red button", red).expect("seen at first");
        gone("nothing but Bob");
        let pointer = Pointer::of(stage).expect("a pointer");
        pointer.go((x, y)).expect("there");
        until("the red button again", red).expect("seen");
        windows.press("Mute").expect("muted");
        windows.until("button", "Unmute").expect("it shows");
        let stays = within(STAYS, "the red button gone", || red().is_none().then_some(()));
        assert!(stays.is_err(), "who is muted is told of it all the time");
        windows.press("Unmute").expect("unmuted");
        gone("nothing but Bob again");
        let seen = two.alice.bus.seen();
        pointer.go((x + 4, y)).expect("there");
        until("the red button again", red).expect("seen");
        // Where it is: what was only just seen is not pressed by the same move.
        pointer.go((x, y)).expect("there");
        pointer.click().expect("pressed");
        let (_, why) = two.alice.ended(seen, &incoming, Duration::from_secs(5)).expect("it ends");
        assert_eq!(why, "local-hangup");
    });
}
