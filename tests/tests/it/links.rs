//! Links on a desktop: from the menu entry to the call, with a real notification server.
//!
//! Owns: installing the entry for one person, opening. Does not own: the call. Invariant: the desktop
//! finds the entry by itself, as it does after `contrib/run`.

use std::{fs, path::Path, process::Stdio};

use ahoy_trial::{
    Person, Setup,
    contract::repository,
    desk::Notifications,
    need::Need,
    person::built,
    process::{Running, output},
    until,
};

use crate::scene::on_stage;

const DESK: Setup = Setup { notifications: true, ..Setup::BARE };
const NEEDS: [Need; 3] = [Need::Media, Need::Notify, Need::Links];
const ID: &str = "org.ahoycall.Ahoy";

/// What `contrib/run` installs of it, and what it tells the desktop.
fn install(person: &Person<'_>) {
    let programs = person.path("bin");
    let entries = person.path("data/applications");
    fs::create_dir_all(&programs).expect("a directory");
    fs::create_dir_all(&entries).expect("a directory");
    let source = repository().join("contrib/desktop");
    let ctl = built("ahoyctl").expect("ahoyctl");
    std::os::unix::fs::symlink(ctl, programs.join("ahoyctl")).expect("ahoyctl");
    fs::copy(source.join("ahoy-open"), programs.join("ahoy-open")).expect("the opener");
    let entry = fs::read_to_string(source.join(format!("{ID}.desktop.in"))).expect("the entry");
    let entry = entry.replace("@bindir@", &programs.display().to_string());
    fs::write(entries.join(format!("{ID}.desktop")), entry).expect("the entry");
    let mut update = person.command(Path::new("update-desktop-database"));
    output("update-desktop-database", update.arg(&entries)).expect("the desktop knows the entry");
}

/// Opens a link as a browser does.
fn open(person: &Person<'_>, link: &str) -> Running {
    let mut gio = person.command(Path::new("gio"));
    Running::start("gio", gio.args(["open", link])).expect("gio")
}

/// An app that calls numbers.
fn phone(person: &Person<'_>) -> Running {
    let mut python = person.command(Path::new("/usr/bin/python3"));
    let example = repository().join("contrib/examples/provider.py");
    let running = Running::start("/usr/bin/python3", python.arg(example).stderr(Stdio::inherit()));
    let running = running.expect("the example of an app");
    let there = || person.ahoyctl(&["provider", "list"]).ok()?.contains("Caller").then_some(());
    until("the app in the list", there).expect("it registers");
    running
}

fn shows(desk: &Notifications, number: u32) {
    desk.until_shown(number).expect("on the screen");
}

#[test]
fn a_telephone_link_asks_on_the_screen_and_calls_after_the_click() {
    on_stage(&NEEDS, |stage| {
        let person = Person::start(stage, "Ann", DESK).expect("Ann");
        install(&person);
        let _phone = phone(&person);
        let desk = person.notifications.as_ref().expect("dunst");
        let _opening = open(&person, "tel:+49-30-123456");
        shows(desk, 1);
        let status = person.ahoyctl(&["status"]).expect("status");
        assert!(status.contains("no call"), "nothing is dialled before the click: {status}");
        desk.press("call").expect("pressed");
        let call = || {
            let status = person.ahoyctl(&["status"]).ok()?;
            (status.contains("tel:+4930123456") && status.contains("active")).then_some(())
        };
        until("the call", call).expect("it is called");
        shows(desk, 0);
        person.ahoyctl(&["hangup"]).expect("ended");
    });
}

#[test]
fn a_code_of_the_network_in_a_link_is_refused_on_the_screen() {
    on_stage(&NEEDS, |stage| {
        let person = Person::start(stage, "Ann", DESK).expect("Ann");
        install(&person);
        let _phone = phone(&person);
        let desk = person.notifications.as_ref().expect("dunst");
        let _opening = open(&person, "tel:*21*+4930123456%23");
        shows(desk, 1);
        let status = person.ahoyctl(&["status"]).expect("status");
        assert!(status.contains("no call"), "{status}");
    });
}
