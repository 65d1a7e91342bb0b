//! Claims about the config file.

use std::{fs, time::Duration};

use super::{Key, Problem, Rule, Settings, SettingsError, Value};

const FILE: &str = "# mine\n[history]\n  keep-days = 30   # a month\n\n[audio]\nmicrophone = \"usb\"\n\
    [new]\nthing = 1\n";

fn with(text: &str) -> (tempfile::TempDir, Settings, Vec<Problem>) {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("config.toml");
    fs::write(&path, text).expect("write");
    let (settings, problems) = Settings::load(&path).expect("load");
    (directory, settings, problems)
}

#[test]
fn every_default_passes_its_own_rule_and_every_key_has_its_kind() {
    for &key in Key::ALL {
        assert_eq!(key.rule().check(&key.rule().default()), Ok(()), "{}", key.name());
        assert!(!key.doc().is_empty());
        assert_eq!(Key::from_name(key.name()), Some(key));
    }
    for flag in [Key::MDNS, Key::LOCK_CAMERA, Key::LOCK_SHOW_CALLER] {
        assert!(matches!(flag.0.rule(), Rule::Bool { .. }));
    }
    for number in [Key::RING_TIMEOUT, Key::KEEP_DAYS] {
        assert!(matches!(number.0.rule(), Rule::Number { .. }));
    }
    for text in [Key::DO_NOT_DISTURB, Key::LISTEN, Key::LAN_NAME, Key::CAMERA] {
        assert!(matches!(text.0.rule(), Rule::Choice { .. } | Rule::Text { .. }));
    }
}

#[test]
fn a_missing_file_means_defaults_and_set_begins_one() {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("config.toml");
    let (mut settings, problems) = Settings::load(&path).expect("load");
    assert!(problems.is_empty());
    assert_eq!(settings.number(Key::RING_TIMEOUT), 60);
    assert!(settings.flag(Key::MDNS));
    assert_eq!(settings.listen().port(), 24690);
    settings.set("link.mdns", Value::Bool(false)).expect("set");
    settings.set("do-not-disturb", Value::Text("favourites".into())).expect("set");
    let (again, problems) = Settings::load(&path).expect("load");
    assert!(problems.is_empty());
    assert!(!again.flag(Key::MDNS));
    assert_eq!(again.text(Key::DO_NOT_DISTURB), "favourites");
}

#[test]
fn comments_order_and_unknown_keys_survive_a_set() {
    let (_directory, mut settings, problems) = with(FILE);
    assert_eq!(problems, [Problem::UnknownKey("new.thing".into())]);
    assert_eq!(settings.number(Key::KEEP_DAYS), 30);
    settings.set("history.keep-days", Value::Number(7)).expect("set");
    settings.set("audio.speaker", Value::Text("hdmi".into())).expect("set");
    let text = fs::read_to_string(settings.path()).expect("read");
    let expected =
        FILE.replace("= 30 ", "= 7 ").replace("\"usb\"\n", "\"usb\"\nspeaker = \"hdmi\"\n");
    assert_eq!(text, expected);
}

#[test]
fn a_bad_value_is_refused_naming_the_key_and_what_is_allowed() {
    let (_directory, mut settings, _) = with(FILE);
    for (key, value, allowed) in [
        ("history.keep-days", Value::Number(-1), "from 0 to 36500"),
        ("history.keep-days", Value::Text("30".into()), "whole number"),
        ("ring.timeout-s", Value::Number(61), "from 5 to 60"),
        ("call.default-media", Value::Text("smell".into()), "one of voice, video"),
        ("link.listen", Value::Text("70000".into()), "a port"),
        ("link.listen", Value::Text("localhost:1".into()), "a port"),
        ("link.mdns", Value::Number(1), "true or false"),
        ("voice.locale", Value::Text("English".into()), "language tag"),
        ("lan.name", Value::Text("a\nb".into()), "one line"),
        ("audio.speaker", Value::Text("x".repeat(300)), "256"),
        ("ring.replies", Value::Text("Later| ".into()), "up to 9 texts"),
        ("ring.replies", Value::Text("x|".repeat(9) + "x"), "up to 9 texts"),
        ("ring.replies", Value::Text("x".repeat(201)), "200 characters"),
    ] {
        let error = settings.set(key, value).expect_err(key);
        let text = error.to_string();
        assert!(text.contains(key) && text.contains(allowed), "{text}");
    }
    let unknown = settings.set("audio.volume", Value::Number(1)).expect_err("unknown");
    assert!(matches!(unknown, SettingsError::UnknownKey { .. }));
    assert!(settings.get("nothing").is_err());
    assert_eq!(fs::read_to_string(settings.path()).expect("read"), FILE);
}

#[test]
fn addresses_to_listen_on_are_understood_in_each_form() {
    let (_directory, mut settings, _) = with("");
    for (text, meant) in
        [("0", "[::]:0"), ("127.0.0.1:5", "127.0.0.1:5"), ("[::1]:24690", "[::1]:24690")]
    {
        settings.set("link.listen", Value::Text(text.into())).expect("set");
        assert_eq!(settings.listen().to_string(), meant);
    }
}

#[test]
fn baresip_is_looked_for_on_this_machine_only() {
    let (_dir, mut settings, _) = with("");
    assert_eq!(settings.baresip(), None);
    for bad in ["4444", "192.168.1.5:4444", "0.0.0.0:4444", "127.0.0.1:0", "localhost:4444"] {
        settings.set("bridge.sip", Value::Text(bad.to_owned())).unwrap_err();
    }
    for good in ["127.0.0.1:4444", "[::1]:4444"] {
        settings.set("bridge.sip", Value::Text(good.to_owned())).unwrap();
        assert_eq!(settings.baresip(), good.parse().ok());
    }
}

#[test]
fn a_bad_value_in_the_file_keeps_the_last_good_one() {
    let (_directory, mut settings, _) = with("[history]\nkeep-days = 30\n[ring]\ntimeout-s = 20\n");
    fs::write(settings.path(), "[history]\nkeep-days = \"x\"\n[ring]\ntimeout-s = 25\n")
        .expect("w");
    let reloaded = settings.reload().expect("reload");
    assert_eq!(reloaded.changed, [Key::RingTimeout]);
    let [Problem::BadValue { key, .. }] = &reloaded.problems[..] else { panic!("{reloaded:?}") };
    assert_eq!(*key, "history.keep-days");
    assert_eq!(settings.number(Key::KEEP_DAYS), 30);
    fs::write(settings.path(), "").expect("write");
    let reloaded = settings.reload().expect("reload");
    assert_eq!(reloaded.changed, [Key::RingTimeout, Key::KeepDays]);
}

#[test]
fn a_file_that_is_not_toml_is_named_with_its_line_and_changes_nothing() {
    let (_directory, mut settings, _) = with("[history]\nkeep-days = 30\n");
    fs::write(settings.path(), "[history]\nkeep-days = = 1\n").expect("write");
    let error = settings.reload().expect_err("refused");
    let text = error.to_string();
    assert!(text.contains("line 2") && text.contains("config.toml"), "{text}");
    assert_eq!(settings.number(Key::KEEP_DAYS), 30);
    settings.set("link.mdns", Value::Bool(false)).expect_err("nothing is written over it");
    assert!(settings.flag(Key::MDNS));
}

#[test]
fn a_linked_file_stays_a_link() {
    let directory = tempfile::tempdir().expect("directory");
    let real = directory.path().join("dotfiles.toml");
    let link = directory.path().join("config.toml");
    fs::write(&real, "").expect("write");
    std::os::unix::fs::symlink(&real, &link).expect("link");
    let (mut settings, _) = Settings::load(&link).expect("load");
    settings.set("link.mdns", Value::Bool(false)).expect("set");
    assert!(fs::symlink_metadata(&link).expect("metadata").is_symlink());
    assert!(fs::read_to_string(&real).expect("read").contains("mdns = false"));
}

#[tokio::test]
async fn the_watch_tells_of_writes_renames_and_removal_but_not_of_other_files() {
    let (directory, mut settings, _) = with("");
    let mut watch = settings.watch().expect("watch");
    let other = directory.path().join("other.toml");
    fs::write(&other, "x = 1").expect("write");
    fs::write(settings.path(), "[ring]\ntimeout-s = 11\n").expect("write");
    let deadline = Duration::from_secs(10);
    tokio::time::timeout(deadline, watch.changed()).await.expect("in time").expect("event");
    assert_eq!(settings.reload().expect("reload").changed, [Key::RingTimeout]);
    fs::write(&other, "[ring]\ntimeout-s = 12\n").expect("write");
    fs::rename(&other, settings.path()).expect("rename");
    tokio::time::timeout(deadline, watch.changed()).await.expect("in time").expect("event");
    assert_eq!(settings.reload().expect("reload").changed, [Key::RingTimeout]);
    fs::remove_file(settings.path()).expect("remove");
    tokio::time::timeout(deadline, watch.changed()).await.expect("in time").expect("event");
    assert_eq!(settings.reload().expect("reload").changed, [Key::RingTimeout]);
}
