//! The settings that people look for.
//!
//! Owns: which there are, in what order, and their rows. Does not own: values (the call service's), or the keys that
//! only `ahoyctl settings` shows. Invariant: a row shows what the service says; where it refuses a change, the
//! row goes back.

use std::{cell::Cell, rc::Rc};

use adw::prelude::*;
use ahoy_client::value::{self, Dict};
use gtk::{gio, glib};

use super::parts::Shared;
use crate::{
    devices::{self, Device, Kind},
    service::Plain,
};

/// What a row lets people choose.
#[derive(Clone, Copy)]
enum Choice {
    Flag,
    /// Words of the setting; each has a message of its own, "key-word".
    Words(&'static [&'static str]),
    Device(Kind),
    /// Free words.
    Text,
}

/// Title of a group, and the settings in it; the message of one is its name with "-" for ".".
const GROUPS: &[(&str, &[(&str, Choice)])] = &[
    (
        "settings-ringing",
        &[
            ("do-not-disturb", Choice::Words(&["off", "favourites", "on"])),
            ("filter.desktop", Choice::Words(&["off", "favourites", "on"])),
            ("filter.repeated", Choice::Flag),
            ("filter.unknown", Choice::Words(&["ring", "silent", "reject"])),
            ("audio.ringer", Choice::Device(Kind::Speaker)),
            ("ring.flash", Choice::Flag),
            ("voice.announce", Choice::Words(&["off", "headset", "on"])),
        ],
    ),
    (
        "settings-calls",
        &[
            ("audio.microphone", Choice::Device(Kind::Microphone)),
            ("audio.speaker", Choice::Device(Kind::Speaker)),
            ("video.camera", Choice::Device(Kind::Camera)),
            ("call.captions", Choice::Flag),
            ("call.pause-players", Choice::Flag),
            ("headset.media-keys", Choice::Flag),
            ("menu.favourites", Choice::Flag),
            ("lan.name", Choice::Text),
        ],
    ),
    ("settings-lock", &[("lock.show-caller", Choice::Flag), ("lock.camera", Choice::Flag)]),
    (
        "settings-voice",
        &[
            ("voice.wake-word", Choice::Text),
            ("voice.ring-window", Choice::Flag),
            ("voice.speak", Choice::Flag),
            ("shortcuts.global", Choice::Flag),
        ],
    ),
];

/// Shows a value in its row.
type Show = Box<dyn Fn(&Dict)>;

/// Opens them above another window.
pub(crate) fn open(above: &impl IsA<gtk::Window>, shared: &Shared) {
    let window = adw::PreferencesWindow::builder().transient_for(above).modal(true);
    let window = window.search_enabled(false).title(shared.words.say("settings")).build();
    let shared = shared.clone();
    glib::spawn_future_local(async move {
        let devices = gio::spawn_blocking(devices::look).await;
        // Without PipeWire there are no devices to choose from, and the rest is as it was.
        let devices = devices.ok().and_then(Result::ok).unwrap_or_default();
        let rows = Rc::new(fill(&window, &shared, &devices));
        window.present();
        follow(window.downgrade(), shared, rows).await;
    });
}

/// Keeps the rows true as long as there is the window.
async fn follow(
    window: glib::WeakRef<adw::PreferencesWindow>,
    shared: Shared,
    rows: Rc<Vec<Show>>,
) {
    let mut state = shared.service.state();
    loop {
        let before = state.borrow_and_update().settings;
        match shared.service.settings().await {
            Ok(values) => rows.iter().for_each(|show| show(&values)),
            Err(why) => shared.complain(&why),
        }
        let changed = state.wait_for(|state| state.settings != before).await.is_ok();
        if !changed || window.upgrade().is_none_or(|window| !window.is_visible()) {
            return;
        }
    }
}

fn fill(window: &adw::PreferencesWindow, shared: &Shared, devices: &[Device]) -> Vec<Show> {
    let page = adw::PreferencesPage::new();
    let mut rows = Vec::new();
    for (title, settings) in GROUPS {
        let group = adw::PreferencesGroup::builder().title(shared.words.say(title)).build();
        for (key, choice) in *settings {
            let setting = Setting::new(shared, key);
            rows.push(match choice {
                Choice::Flag => flag(&group, setting),
                Choice::Words(words) => {
                    let say = |word: &&str| setting.say(word);
                    let texts = words.iter().map(say).collect();
                    let values = words.iter().map(|word| (*word).to_owned()).collect();
                    list(&group, setting, values, texts)
                }
                Choice::Device(kind) => {
                    let fits = devices.iter().filter(|device| device.kind == *kind);
                    let (mut values, mut texts) = (vec![String::new()], Vec::new());
                    texts.push(shared.words.say("device-default"));
                    for device in fits {
                        values.push(device.node.clone());
                        texts.push(device.label.clone());
                    }
                    list(&group, setting, values, texts)
                }
                Choice::Text => text(&group, setting),
            });
        }
        page.add(&group);
    }
    window.add(&page);
    rows
}

/// One of them, with what its row needs.
#[derive(Clone)]
struct Setting {
    key: &'static str,
    /// The row is being shown a value: what changes in it is nobody's wish.
    quiet: Rc<Cell<bool>>,
    shared: Shared,
}

impl Setting {
    fn new(shared: &Shared, key: &'static str) -> Self {
        Self { key, quiet: Rc::default(), shared: shared.clone() }
    }

    fn title(&self) -> String {
        self.shared.words.say(&self.key.replace('.', "-"))
    }

    fn say(&self, word: &str) -> String {
        self.shared.words.say(&format!("{}-{word}", self.key.replace('.', "-")))
    }

    /// Asks for a change; a refusal is told, and `undo` done.
    fn set(&self, value: Plain, undo: impl Fn() + 'static) {
        if self.quiet.get() {
            return;
        }
        let own = self.clone();
        glib::spawn_future_local(async move {
            if let Err(why) = own.shared.service.set(own.key, value).await {
                own.shared.complain(&why);
                own.quietly(undo);
            }
        });
    }

    fn quietly(&self, show: impl FnOnce()) {
        self.quiet.set(true);
        show();
        self.quiet.set(false);
    }
}

fn flag(group: &adw::PreferencesGroup, setting: Setting) -> Show {
    let switch = gtk::Switch::builder().valign(gtk::Align::Center).build();
    let row = adw::ActionRow::builder().title(setting.title()).title_lines(3).build();
    row.add_suffix(&switch);
    row.set_activatable_widget(Some(&switch));
    group.add(&row);
    let own = setting.clone();
    switch.connect_active_notify(move |switch| {
        let (on, switch) = (switch.is_active(), switch.clone());
        own.set(Plain::Flag(on), move || switch.set_active(!on));
    });
    Box::new(move |values| {
        setting.quietly(|| switch.set_active(value::flag(values, setting.key)));
    })
}

fn list(
    group: &adw::PreferencesGroup,
    setting: Setting,
    values: Vec<String>,
    texts: Vec<String>,
) -> Show {
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let model = gtk::StringList::new(&texts);
    let row = adw::ComboRow::builder().title(setting.title()).title_lines(3).model(&model).build();
    group.add(&row);
    let values = Rc::new(std::cell::RefCell::new(values));
    let last = Rc::new(Cell::new(0));
    let (own, known, shown) = (setting.clone(), values.clone(), last.clone());
    row.connect_selected_notify(move |row| {
        let chosen = row.selected();
        let value = known.borrow().get(chosen as usize).cloned().unwrap_or_default();
        let (row, before) = (row.clone(), shown.get());
        own.set(Plain::Text(value), move || row.set_selected(before));
    });
    Box::new(move |told| {
        let value = value::text(told, setting.key);
        let known = values.borrow().iter().position(|one| one == value);
        let place = known.unwrap_or_else(|| {
            // A device that is not there now, or a word of a newer service.
            values.borrow_mut().push(value.to_owned());
            model.append(value);
            values.borrow().len() - 1
        });
        let place = u32::try_from(place).unwrap_or(0);
        last.set(place);
        setting.quietly(|| row.set_selected(place));
    })
}

fn text(group: &adw::PreferencesGroup, setting: Setting) -> Show {
    let row = adw::EntryRow::builder().title(setting.title()).show_apply_button(true).build();
    group.add(&row);
    let before: Rc<std::cell::RefCell<String>> = Rc::default();
    let (own, shown) = (setting.clone(), before.clone());
    row.connect_apply(move |row| {
        let (text, row, before) = (row.text().trim().to_owned(), row.clone(), shown.clone());
        own.set(Plain::Text(text), move || row.set_text(&before.borrow()));
    });
    Box::new(move |values| {
        let value = value::text(values, setting.key);
        before.replace(value.to_owned());
        setting.quietly(|| row.set_text(value));
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Words;

    #[test]
    fn every_setting_and_each_of_its_words_is_said() {
        for language in ["en", "ko"] {
            let words = Words::new([language]);
            let is_said = |message: &str| assert_ne!(words.say(message), message, "{language}");
            for (title, settings) in GROUPS {
                is_said(title);
                for (key, choice) in *settings {
                    let name = key.replace('.', "-");
                    is_said(&name);
                    if let Choice::Words(all) = choice {
                        all.iter().for_each(|word| is_said(&format!("{name}-{word}")));
                    }
                }
            }
        }
    }
}
