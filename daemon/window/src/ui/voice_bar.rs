//! Talking to Ahoy: what is heard and asked, as text, with the answers to press.
//!
//! Owns: the bar. Does not own: understanding (the call service). Invariant: it says that the microphone is open
//! as long as it is, and has a button that closes it.

use std::cell::RefCell;

use adw::prelude::*;

use super::parts::{self, Shared};
use crate::{service::Wish, state::Voice};

/// The bar, at the foot of a window.
pub(crate) struct VoiceBar {
    pub(crate) bar: gtk::Revealer,
    prompt: gtk::Label,
    heard: gtk::Label,
    choices: gtk::Box,
    stop: gtk::Button,
    shown: RefCell<Option<Voice>>,
    shared: Shared,
}

impl VoiceBar {
    pub(crate) fn new(shared: &Shared) -> Self {
        let label = |class| {
            let label = gtk::Label::builder().wrap(true).justify(gtk::Justification::Center);
            label.css_classes([class]).visible(false).build()
        };
        let (prompt, heard) = (label("heading"), label("dim-label"));
        let choices = gtk::Box::new(gtk::Orientation::Horizontal, 6);
        choices.set_halign(gtk::Align::Center);
        let stop = gtk::Button::with_label(&shared.words.say("stop-listening"));
        stop.set_halign(gtk::Align::Center);
        let asked = shared.clone();
        stop.connect_clicked(move |_| asked.ask(Wish::StopListening));
        let column = gtk::Box::new(gtk::Orientation::Vertical, 6);
        column.add_css_class("voice");
        for part in [prompt.upcast_ref::<gtk::Widget>(), heard.upcast_ref(), choices.upcast_ref()] {
            column.append(part);
        }
        column.append(&stop);
        let bar = gtk::Revealer::builder().child(&column).build();
        let shared = shared.clone();
        Self { bar, prompt, heard, choices, stop, shown: RefCell::default(), shared }
    }

    /// Shows how far the talk is.
    pub(crate) fn show(&self, voice: &Voice) {
        if self.shown.borrow().as_ref() == Some(voice) {
            return;
        }
        self.shown.replace(Some(voice.clone()));
        let words = &self.shared.words;
        let listening = if voice.listening { words.say("listening") } else { String::new() };
        let prompt = if voice.prompt.is_empty() { &listening } else { &voice.prompt };
        for (label, text) in [(&self.prompt, prompt), (&self.heard, &voice.heard)] {
            label.set_text(text);
            label.set_visible(!text.is_empty());
        }
        while let Some(choice) = self.choices.first_child() {
            self.choices.remove(&choice);
        }
        for choice in &voice.choices {
            let button = gtk::Button::with_label(choice);
            let (shared, text) = (self.shared.clone(), choice.clone());
            button.connect_clicked(move |_| shared.ask(Wish::Listen(Some(text.clone()))));
            self.choices.append(&button);
        }
        self.stop.set_visible(voice.listening);
        self.bar.set_reveal_child(voice.listening);
    }
}

/// The button that begins it.
pub(crate) fn button(shared: &Shared) -> gtk::Button {
    let text = shared.words.say("listen");
    let button = gtk::Button::from_icon_name("audio-input-microphone-symbolic");
    parts::name(&button, &text);
    let shared = shared.clone();
    button.connect_clicked(move |_| shared.ask(Wish::Listen(None)));
    button
}
