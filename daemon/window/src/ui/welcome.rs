//! The first page: does it hear me, does it see me, how does it ring, does it understand me.
//!
//! Owns: the tests and what they say. Does not own: devices (the settings choose them), or that it is shown first
//! (`app`). Invariant: nothing is opened before its button was pressed, and all is closed with the window.

use std::{cell::RefCell, rc::Rc};

use adw::prelude::*;
use ahoy_client::value;
use gtk::{gio, glib};

use super::{
    accessible, pane,
    parts::{self, Shared},
};
use crate::{
    devices::{self, Kind},
    echo::{self, Heard},
    service::Wish,
    video::Viewer,
};

/// Below this of the loudest that can be, a microphone gave no voice: the noise of most is far lower, and
/// a voice at arm's length far higher.
const SILENCE: f64 = 0.01;

/// The window.
struct Welcome {
    window: adw::Window,
    level: gtk::LevelBar,
    heard: gtk::Label,
    picture: pane::Pane,
    seen: gtk::Label,
    looking: RefCell<Option<Viewer>>,
    rung: gtk::Label,
    understood: gtk::Label,
    shared: Shared,
}

/// Opens it; `above`: where it was asked for.
pub(crate) fn open(above: Option<&gtk::Window>, app: &adw::Application, shared: &Shared) {
    let shared = Shared::new(&shared.words, &shared.service);
    let window = adw::Window::builder().application(app).default_width(420).default_height(680);
    let window = window.title(shared.words.say("welcome")).build();
    window.set_transient_for(above);
    let picture = pane::Pane::new(true, true);
    picture.set_size_request(240, 135);
    picture.set_halign(gtk::Align::Center);
    picture.set_visible(false);
    accessible::label(&picture, &shared.words.say("picture-of-you"));
    let level = gtk::LevelBar::new();
    level.set_visible(false);
    let own = Rc::new(Welcome {
        window,
        level,
        heard: result(),
        picture,
        seen: result(),
        looking: RefCell::default(),
        rung: result(),
        understood: result(),
        shared,
    });
    own.fill();
    own.window.present();
}

impl Welcome {
    fn fill(self: &Rc<Self>) {
        let column = gtk::Box::new(gtk::Orientation::Vertical, 12);
        let hint = gtk::Label::builder().label(self.shared.words.say("welcome-hint")).wrap(true);
        column.append(&hint.xalign(0.0).build());
        let test = |name: &str, parts: &[&gtk::Widget], press: fn(Rc<Self>)| {
            let own = self.clone();
            column.append(&self.test(name, parts, move || press(own.clone())));
        };
        test("hear-yourself", &[self.level.upcast_ref(), self.heard.upcast_ref()], Self::hear);
        test("see-yourself", &[self.picture.upcast_ref(), self.seen.upcast_ref()], Self::see);
        test("ring-me", &[self.rung.upcast_ref()], Self::ring);
        test("talk-to-ahoy", &[self.understood.upcast_ref()], Self::talk);
        parts::page(&self.window, &column, &self.shared.toasts);
        let own = Rc::downgrade(self);
        self.window.connect_close_request(move |_| {
            // The camera goes dark with the window.
            drop(own.upgrade().and_then(|own| own.looking.take()));
            glib::Propagation::Proceed
        });
    }

    /// A test: what it is, its button, and what comes of it.
    fn test(&self, name: &str, below: &[&gtk::Widget], press: impl Fn() + 'static) -> gtk::Box {
        let words = &self.shared.words;
        let row = adw::ActionRow::builder().title(words.say(name)).title_lines(2);
        let row = row.subtitle(words.say(&format!("{name}-hint"))).subtitle_lines(4).build();
        let button = gtk::Button::with_label(&words.say(&format!("{name}-go")));
        button.set_valign(gtk::Align::Center);
        button.connect_clicked(move |_| press());
        row.add_suffix(&button);
        let list = gtk::ListBox::builder().selection_mode(gtk::SelectionMode::None).build();
        list.add_css_class("boxed-list");
        list.append(&row);
        let all = gtk::Box::new(gtk::Orientation::Vertical, 6);
        all.append(&list);
        below.iter().for_each(|part| all.append(*part));
        all
    }

    /// The device that the settings name; "" is the session's default.
    async fn chosen(&self, key: &str) -> String {
        let settings = self.shared.service.settings().await.unwrap_or_default();
        value::text(&settings, key).to_owned()
    }

    fn hear(self: Rc<Self>) {
        glib::spawn_future_local(async move {
            let (microphone, speaker) =
                (self.chosen("audio.microphone").await, self.chosen("audio.speaker").await);
            let words = &self.shared.words;
            let Ok(mut told) = echo::start(&microphone, &speaker) else { return };
            self.level.set_visible(true);
            let mut last = Heard::default();
            while told.changed().await.is_ok() {
                last = *told.borrow_and_update();
                match last {
                    Heard::Opening => {}
                    Heard::Listening(level) => {
                        say(&self.heard, &words.say("speak-now"));
                        self.level.set_value(level);
                    }
                    Heard::Playing => say(&self.heard, &words.say("that-is-you")),
                    Heard::Over(_) => break,
                }
            }
            self.level.set_visible(false);
            let result = match last {
                Heard::Over(level) if level > SILENCE => "heard-you",
                Heard::Over(_) => "heard-nothing",
                Heard::Opening | Heard::Listening(_) => "no-microphone",
                Heard::Playing => "no-speaker",
            };
            say(&self.heard, &words.say(result));
        });
    }

    fn see(self: Rc<Self>) {
        if self.looking.take().is_some() {
            return self.picture.set_visible(false);
        }
        glib::spawn_future_local(async move {
            let chosen = self.chosen("video.camera").await;
            let found = gio::spawn_blocking(devices::look).await.ok().and_then(Result::ok);
            let mut cameras = found.unwrap_or_default().into_iter();
            let camera = cameras.find(|device| {
                device.kind == Kind::Camera && (chosen.is_empty() || device.node == chosen)
            });
            let words = &self.shared.words;
            let Some(camera) = camera else { return say(&self.seen, &words.say("no-camera")) };
            let Ok((viewer, mut frames)) = Viewer::of_camera(&camera.node) else { return };
            self.looking.replace(Some(viewer));
            let mut is_seen = false;
            while frames.changed().await.is_ok() {
                let frame = frames.borrow_and_update().clone();
                let picture = frame.as_deref().and_then(pane::Picture::new);
                self.picture.show_picture(picture.as_ref());
                if !std::mem::replace(&mut is_seen, true) {
                    self.picture.set_visible(true);
                    say(&self.seen, &words.with("seen-by", &[("name", &camera.label)]));
                }
            }
            self.picture.set_visible(false);
            if !is_seen {
                say(&self.seen, &words.say("no-picture"));
            }
        });
    }

    fn ring(self: Rc<Self>) {
        glib::spawn_future_local(async move {
            let words = &self.shared.words;
            say(&self.rung, &words.say("ringing-now"));
            match self.shared.service.ring_me(words.say("test-call")).await {
                Ok(()) => say(&self.rung, &words.say("rung")),
                Err(why) => say(&self.rung, &words.with("failed", &[("why", &why)])),
            }
        });
    }

    fn talk(self: Rc<Self>) {
        glib::spawn_future_local(async move {
            let words = &self.shared.words;
            let mut state = self.shared.service.state();
            if let Err(why) = self.shared.service.ask(Wish::Listen(None)).await {
                return say(&self.understood, &words.with("failed", &[("why", &why)]));
            }
            say(&self.understood, &words.say("listening"));
            while state.changed().await.is_ok() {
                let voice = state.borrow_and_update().voice.clone();
                if !voice.listening {
                    break;
                }
                if !voice.heard.is_empty() {
                    say(&self.understood, &words.with("understood", &[("text", &voice.heard)]));
                }
            }
        });
    }
}

fn result() -> gtk::Label {
    let label = gtk::Label::builder().wrap(true).xalign(0.0).visible(false);
    label.css_classes(["dim-label"]).build()
}

fn say(label: &gtk::Label, text: &str) {
    label.set_visible(true);
    label.set_text(text);
}
