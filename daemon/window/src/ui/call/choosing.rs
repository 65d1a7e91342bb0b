//! Microphones and cameras to choose from, in the menu of a call.
//!
//! Owns: the list, looked at anew each time the menu opens. Does not own: where a call is heard (`more`), or
//! calls of other apps, which have devices of their own. Invariant: where there is one of a kind, there is
//! nothing to choose and nothing is shown.

use std::{cell::RefCell, rc::Rc};

use adw::prelude::*;
use ahoy_client::value;
use gtk::{gio, glib};

use super::super::{accessible, parts::Shared};
use crate::{
    devices::{self, Device, Kind},
    service::{Plain, Wish},
    state::Call,
    words::Words,
};

/// The list.
#[derive(Clone)]
pub(super) struct Choosing {
    pub(super) column: gtk::Box,
    /// The camera of this call, where it is not as set.
    camera: Rc<RefCell<Option<Camera>>>,
    shared: Shared,
    path: Rc<str>,
}

/// Which camera a call has taken.
#[derive(Clone)]
enum Camera {
    Chosen(String),
    /// The next one, whichever that was.
    Next,
}

impl Choosing {
    pub(super) fn new(shared: &Shared, path: &str) -> Self {
        let column = gtk::Box::new(gtk::Orientation::Vertical, 0);
        Self { column, camera: Rc::default(), shared: shared.clone(), path: path.into() }
    }

    /// Shows what there is now.
    pub(super) fn look(&self, call: &Call) {
        if !call.ours {
            return self.clear();
        }
        let (own, has_camera) = (self.clone(), call.camera);
        glib::spawn_future_local(async move {
            let devices = gio::spawn_blocking(devices::look).await;
            // Without PipeWire there is nothing to choose from.
            let devices = devices.ok().and_then(Result::ok).unwrap_or_default();
            let settings = own.shared.service.settings().await.unwrap_or_default();
            let set = |key| value::text(&settings, key).to_owned();
            own.clear();
            let microphone = set("audio.microphone");
            own.list("audio-microphone", (Kind::Microphone, &devices), Some(&microphone));
            if has_camera {
                let camera = match own.camera.borrow().clone() {
                    Some(Camera::Chosen(node)) => Some(node),
                    Some(Camera::Next) => None,
                    None => Some(set("video.camera")),
                };
                own.list("video-camera", (Kind::Camera, &devices), camera.as_deref());
            }
        });
    }

    fn clear(&self) {
        while let Some(row) = self.column.first_child() {
            self.column.remove(&row);
        }
    }

    /// The next camera was taken.
    pub(super) fn switched(&self) {
        self.camera.replace(Some(Camera::Next));
    }

    /// `now`: its node; empty is the first, which the session manager takes; none: that is not known.
    fn list(&self, title: &str, (kind, devices): (Kind, &[Device]), now: Option<&str>) {
        let devices = || devices.iter().filter(|device| device.kind == kind);
        if devices().count() < 2 {
            return;
        }
        self.column.append(&heading(&self.shared.words.say(title)));
        for (at, device) in devices().enumerate() {
            let is_now = now.is_some_and(|now| device.node == now || (now.is_empty() && at == 0));
            let row = choice(&self.shared.words, &device.label, is_now);
            let (own, node) = (self.clone(), device.node.clone());
            row.connect_clicked(move |row| {
                own.choose(kind, &node);
                close(row);
            });
            self.column.append(&row);
        }
    }

    fn choose(&self, kind: Kind, node: &str) {
        let (own, node) = (self.clone(), node.to_owned());
        glib::spawn_future_local(async move {
            let service = &own.shared.service;
            let done = match kind {
                Kind::Camera => {
                    let wish = Wish::SwitchCamera(own.path.to_string(), node.clone());
                    service.ask(wish).await
                }
                Kind::Microphone | Kind::Speaker => {
                    service.set("audio.microphone", Plain::Text(node.clone())).await
                }
            };
            match done {
                Ok(()) if kind == Kind::Camera => {
                    own.camera.replace(Some(Camera::Chosen(node)));
                }
                Ok(()) => {}
                Err(why) => own.shared.complain(&why),
            }
        });
    }
}

/// What stands above choices.
pub(super) fn heading(text: &str) -> gtk::Label {
    let title = gtk::Label::builder().label(text).xalign(0.0).css_classes(["heading"]);
    title.margin_top(6).build()
}

/// One of several, marked where it is the one in use. No check button: a screen reader cannot press those
/// (GTK 4.8).
pub(super) fn choice(words: &Words, text: &str, is_now: bool) -> gtk::Button {
    let content = gtk::Box::new(gtk::Orientation::Horizontal, 6);
    let mark = gtk::Image::from_icon_name("object-select-symbolic");
    mark.set_opacity(if is_now { 1.0 } else { 0.0 });
    content.append(&mark);
    content.append(&gtk::Label::builder().label(text).xalign(0.0).build());
    let button = gtk::Button::builder().child(&content).css_classes(["flat"]).build();
    let name = if is_now { words.with("in-use", &[("name", text)]) } else { text.to_owned() };
    accessible::label(&button, &name);
    button
}

/// Closes the menu that a row is in.
pub(super) fn close(row: &gtk::Button) {
    if let Some(menu) = row.ancestor(gtk::Popover::static_type()).and_downcast::<gtk::Popover>() {
        menu.popdown();
    }
}
