//! Parts that windows share: buttons, a face, a line about a call.
//!
//! Owns: how they look and what they are called. Does not own: what they do. Invariant: a button without
//! words has them for those who hover and those who hear.

use std::rc::Rc;

use adw::prelude::*;

use super::accessible;
use crate::{
    service::{Service, Wish},
    state::{Call, Encryption, Phase, duration},
    words::Words,
};

/// What every window has at hand.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) words: Rc<Words>,
    pub(crate) service: Service,
    /// Where a failure is told.
    pub(crate) toasts: adw::ToastOverlay,
}

impl Shared {
    pub(crate) fn new(words: &Rc<Words>, service: &Service) -> Self {
        Self { words: words.clone(), service: service.clone(), toasts: adw::ToastOverlay::new() }
    }

    /// Asks the service, and says so where it refuses.
    pub(crate) fn ask(&self, wish: Wish) {
        let own = self.clone();
        gtk::glib::spawn_future_local(async move {
            if let Err(why) = own.service.ask(wish).await {
                own.complain(&why);
            }
        });
    }

    /// Asks the service for what will be asked again anyway.
    pub(crate) fn ask_quietly(&self, wish: Wish) {
        let service = self.service.clone();
        gtk::glib::spawn_future_local(async move {
            if let Err(why) = service.ask(wish).await {
                tracing::debug!(why, "not done");
            }
        });
    }

    /// Says that something did not work.
    pub(crate) fn complain(&self, why: &str) {
        self.tell(&self.words.with("failed", &[("why", why)]));
    }

    /// Says something for a moment.
    pub(crate) fn tell(&self, text: &str) {
        self.toasts.add_toast(adw::Toast::new(&gtk::glib::markup_escape_text(text)));
    }
}

/// A column that scrolls below a title, as wide as one reads.
pub(crate) fn page(
    window: &adw::Window,
    column: &impl IsA<gtk::Widget>,
    toasts: &adw::ToastOverlay,
) {
    let clamp = adw::Clamp::builder().child(column).maximum_size(560).build();
    for margin in ["margin-top", "margin-bottom", "margin-start", "margin-end"] {
        clamp.set_property(margin, 12);
    }
    let scrolled = gtk::ScrolledWindow::builder().child(&clamp).vexpand(true);
    let scrolled = scrolled.hscrollbar_policy(gtk::PolicyType::Never).build();
    toasts.set_child(Some(&scrolled));
    let all = gtk::Box::new(gtk::Orientation::Vertical, 0);
    all.append(&adw::HeaderBar::new());
    all.append(toasts);
    window.set_content(Some(&all));
    window.set_width_request(320);
}

/// Gives a widget a name that is shown on hover and read aloud.
pub(crate) fn name(widget: &impl IsA<gtk::Widget>, text: &str) {
    let widget = widget.as_ref();
    widget.set_tooltip_text(Some(text));
    accessible::label(widget, text);
}

/// A round button with a picture.
pub(crate) fn round(icon: &str, text: &str, class: &str) -> gtk::Button {
    let button = gtk::Button::from_icon_name(icon);
    button.add_css_class("circular");
    if !class.is_empty() {
        button.add_css_class(class);
    }
    name(&button, text);
    button
}

/// Shows a file's picture in an avatar, where there is one that can be read.
pub(crate) fn face(size: i32, name: &str, picture: &str) -> adw::Avatar {
    let face = adw::Avatar::new(size, Some(name), true);
    if !picture.is_empty() {
        face.set_custom_image(gtk::gdk::Texture::from_filename(picture).ok().as_ref());
    }
    face
}

/// The name of the other side, or that there is somebody.
pub(crate) fn who(words: &Words, call: &Call) -> String {
    if call.name.is_empty() { words.say("somebody") } else { call.name.clone() }
}

/// What a call is doing, in words.
pub(crate) fn doing(words: &Words, call: &Call, now: u64) -> String {
    match call.phase {
        Phase::Ringing if call.remote_video => words.say("incoming-video"),
        Phase::Ringing => words.say("incoming-voice"),
        Phase::Answering => words.say("connecting"),
        Phase::Calling => words.say("calling"),
        Phase::RingingThere => words.say("ringing-there"),
        Phase::Active if call.reconnecting => words.say("reconnecting"),
        Phase::Active if call.held => words.say("on-hold"),
        Phase::Active if call.held_there => {
            words.with("held-there", &[("name", who(words, call).as_str())])
        }
        Phase::Active => duration(now.saturating_sub(call.since) / 1_000_000),
        Phase::Ended => ending(words, call),
    }
}

fn ending(words: &Words, call: &Call) -> String {
    let (reason, why) = &call.end;
    match reason.as_str() {
        "declined" | "declined-elsewhere" => words.say("ended-declined"),
        "busy" => words.say("ended-busy"),
        "unanswered" => words.say("ended-unanswered"),
        "failed" | "provider-gone" => words.with("ended-failed", &[("why", why.as_str())]),
        _ => words.say("ended"),
    }
}

/// How a call is protected, in words; `None`: not at all.
pub(crate) fn protection(words: &Words, call: &Call) -> Option<String> {
    match call.encryption {
        Encryption::None => None,
        Encryption::Transport => Some(words.say("transport")),
        Encryption::EndToEnd => Some(words.say("encrypted")),
        Encryption::Verified => Some(words.say("verified")),
    }
}

/// µs since the epoch.
pub(crate) fn now() -> u64 {
    u64::try_from(gtk::glib::real_time()).unwrap_or_default()
}
