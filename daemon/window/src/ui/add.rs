//! Becoming each other's contact: one's own invite to show, and another's to take up.
//!
//! Owns: the window with both. Does not own: what an invite holds (the call service), reading codes (`code`).
//! Invariant: an invite is made when it is asked for, and taken up only after its link was seen and a button
//! pressed; the camera is looked at while the window says so.

use std::{
    cell::RefCell,
    path::PathBuf,
    rc::{Rc, Weak},
};

use adw::prelude::*;
use gtk::{gdk, gio, glib};

use super::{
    accessible, pane,
    parts::{self, Shared},
};
use crate::{
    code,
    devices::{self, Kind},
    video::{Frame, Frames, Viewer},
};

/// Pixels of a code at least: a phone reads it from an arm's length.
const SIDE: i32 = 260;

/// The window.
pub(crate) struct Add {
    window: adw::Window,
    code: gtk::Picture,
    mine: gtk::Entry,
    theirs: gtk::Entry,
    name: gtk::Entry,
    preview: pane::Pane,
    scan: gtk::Button,
    looking: RefCell<Option<Viewer>>,
    shared: Shared,
}

impl Add {
    /// Opens it above another window.
    pub(crate) fn open(above: &impl IsA<gtk::Window>, shared: &Shared) {
        let shared = Shared::new(&shared.words, &shared.service);
        let words = &shared.words;
        // As large as it is drawn: modules of uneven size are not read.
        let code = gtk::Picture::builder().can_shrink(false).build();
        code.set_halign(gtk::Align::Center);
        code.set_visible(false);
        accessible::label(&code, &words.say("invite-code"));
        let preview = pane::Pane::new(true, true);
        preview.set_size_request(SIDE, SIDE * 3 / 4);
        preview.set_visible(false);
        accessible::label(&preview, &words.say("picture-of-you"));
        let mine = field(&words.say("invite-link"));
        mine.set_editable(false);
        mine.set_visible(false);
        let theirs = field(&words.say("their-link"));
        let name = field(&words.say("their-name"));
        let scan = gtk::Button::with_label(&words.say("scan-code"));
        let window = adw::Window::builder().modal(true).transient_for(above).default_width(400);
        let window = window.default_height(640).title(words.say("add-somebody")).build();
        let looking = RefCell::default();
        let own =
            Rc::new(Self { window, code, mine, theirs, name, preview, scan, looking, shared });
        own.fill();
        own.window.present();
    }

    fn fill(self: &Rc<Self>) {
        let words = &self.shared.words;
        let column = gtk::Box::new(gtk::Orientation::Vertical, 9);
        let invite = gtk::Button::with_label(&words.say("invite"));
        let copy = gtk::Button::with_label(&words.say("copy-link"));
        copy.set_visible(false);
        self.code.bind_property("visible", &copy, "visible").build();
        self.code.bind_property("visible", &self.mine, "visible").build();
        let accept = gtk::Button::with_label(&words.say("accept"));
        accept.add_css_class("suggested-action");
        let file = gtk::Button::with_label(&words.say("open-picture"));
        let above = [
            title(&words.say("invite-title"), &words.say("invite-hint")).upcast::<gtk::Widget>(),
            invite.clone().upcast(),
            self.code.clone().upcast(),
            self.mine.clone().upcast(),
            copy.clone().upcast(),
            title(&words.say("accept-title"), &words.say("accept-hint")).upcast(),
            self.theirs.clone().upcast(),
            self.name.clone().upcast(),
            accept.clone().upcast(),
            self.scan.clone().upcast(),
            self.preview.clone().upcast(),
            file.clone().upcast(),
        ];
        above.iter().for_each(|part| column.append(part));
        parts::page(&self.window, &column, &self.shared.toasts);
        self.listen([&invite, &copy, &accept, &file]);
    }

    fn listen(self: &Rc<Self>, [invite, copy, accept, file]: [&gtk::Button; 4]) {
        let connect = |button: &gtk::Button, press: fn(Rc<Self>)| {
            let own = self.clone();
            button.connect_clicked(move |_| press(own.clone()));
        };
        connect(invite, Self::invite);
        connect(copy, |own| {
            own.window.clipboard().set_text(&own.mine.text());
            own.shared.tell(&own.shared.words.say("copied"));
        });
        connect(accept, Self::accept);
        connect(&self.scan, Self::scan);
        connect(file, Self::choose_file);
        let own = Rc::downgrade(self);
        self.window.connect_close_request(move |_| {
            // The camera goes dark with the window.
            drop(own.upgrade().and_then(|own| own.looking.take()));
            glib::Propagation::Proceed
        });
    }

    fn invite(self: Rc<Self>) {
        glib::spawn_future_local(async move {
            match self.shared.service.invite().await {
                Ok(link) => {
                    self.code
                        .set_paintable(code::draw(&link).and_then(|drawn| paint(&drawn)).as_ref());
                    self.mine.set_text(&link);
                    self.code.set_visible(true);
                }
                Err(why) => self.shared.complain(&why),
            }
        });
    }

    fn accept(self: Rc<Self>) {
        glib::spawn_future_local(async move {
            let (link, name) = (self.theirs.text(), self.name.text());
            let link = link.trim().to_owned();
            match self.shared.service.accept(link, name.trim().to_owned()).await {
                Ok(()) => {
                    self.theirs.set_text("");
                    self.name.set_text("");
                    self.shared.tell(&self.shared.words.say("accepted"));
                }
                Err(why) => self.shared.complain(&why),
            }
        });
    }

    /// Takes a link that was read; other codes are none of ours.
    fn take(&self, text: &str) -> bool {
        let is_ours = text.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("ahoy:"));
        if is_ours {
            self.theirs.set_text(text);
            self.name.grab_focus();
        }
        is_ours
    }

    fn choose_file(self: Rc<Self>) {
        let words = &self.shared.words;
        let (title, open) = (words.say("open-picture"), words.say("open"));
        let action = gtk::FileChooserAction::Open;
        let chooser = gtk::FileChooserNative::new(
            Some(title.as_str()),
            Some(&self.window),
            action,
            Some(open.as_str()),
            None,
        );
        let pictures = gtk::FileFilter::new();
        ["image/png", "image/jpeg", "image/webp"]
            .iter()
            .for_each(|kind| pictures.add_mime_type(kind));
        chooser.add_filter(&pictures);
        glib::spawn_future_local(async move {
            if chooser.run_future().await != gtk::ResponseType::Accept {
                return;
            }
            if let Some(path) = chooser.file().and_then(|file| file.path()) {
                self.read(path).await;
            }
        });
    }

    async fn read(&self, path: PathBuf) {
        let read = gio::spawn_blocking(move || code::read_file(&path)).await;
        let is_taken = match read {
            Ok(Ok(text)) => self.take(&text),
            Ok(Err(error)) => return self.shared.complain(&error.to_string()),
            Err(_) => false,
        };
        if !is_taken {
            self.shared.tell(&self.shared.words.say("no-invite"));
        }
    }

    /// Looks through the first camera until there is a link, or the button is pressed again.
    fn scan(self: Rc<Self>) {
        if self.looking.take().is_some() {
            return self.looks(false);
        }
        glib::spawn_future_local(async move {
            let found = gio::spawn_blocking(devices::look).await;
            let found = found.ok().and_then(Result::ok).unwrap_or_default();
            let camera = found.into_iter().find(|device| device.kind == Kind::Camera);
            let started = camera.and_then(|camera| Viewer::of_camera(&camera.node).ok());
            let Some((viewer, frames)) = started else {
                return self.shared.tell(&self.shared.words.say("no-camera"));
            };
            self.looking.replace(Some(viewer));
            self.looks(true);
            look_for_a_link(Rc::downgrade(&self), frames).await;
        });
    }

    fn looks(&self, looks: bool) {
        self.preview.set_visible(looks);
        let message = if looks { "scan-stop" } else { "scan-code" };
        self.scan.set_label(&self.shared.words.say(message));
    }
}

/// Reads one picture after the other; those that come meanwhile are left out.
async fn look_for_a_link(own: Weak<Add>, mut frames: Frames) {
    while frames.changed().await.is_ok() {
        let frame = frames.borrow_and_update().clone();
        let (Some(frame), Some(shown)) = (frame, own.upgrade()) else { continue };
        shown.preview.show_picture(pane::Picture::new(&frame).as_ref());
        drop(shown);
        let text = gio::spawn_blocking(move || read_frame(&frame)).await.ok().flatten();
        let Some(own) = own.upgrade() else { return };
        if text.is_some_and(|text| own.take(&text)) {
            own.looking.take();
        }
    }
    if let Some(own) = own.upgrade() {
        own.looking.take();
        own.looks(false);
    }
}

fn read_frame(frame: &Frame) -> Option<String> {
    // Luma of Rec. 601 in 1/256.
    let grey = |pixel: &[u8]| {
        let sum = 29 * u32::from(pixel[0]) + 150 * u32::from(pixel[1]) + 77 * u32::from(pixel[2]);
        u8::try_from(sum >> 8).unwrap_or(u8::MAX)
    };
    let grey: Vec<u8> = frame.pixels.chunks_exact(4).map(grey).collect();
    code::read(frame.width as usize, frame.height as usize, &grey)
}

/// A drawn code as a picture whose modules stay square and sharp.
fn paint(drawn: &code::Drawn) -> Option<gdk::Texture> {
    let scale = (SIDE as usize).div_ceil(drawn.side);
    let side = drawn.side * scale;
    let at = |at: usize| drawn.modules[at / side / scale * drawn.side + at % side / scale];
    let pixels: Vec<u8> = (0..side * side).flat_map(|one| [at(one); 3]).collect();
    let (size, bytes) = (i32::try_from(side).ok()?, glib::Bytes::from_owned(pixels));
    let format = gdk::MemoryFormat::R8g8b8;
    Some(gdk::MemoryTexture::new(size, size, format, &bytes, side * 3).upcast())
}

fn title(text: &str, hint: &str) -> gtk::Box {
    let column = gtk::Box::new(gtk::Orientation::Vertical, 3);
    column.set_margin_top(12);
    for (text, class) in [(text, "heading"), (hint, "dim-label")] {
        let label = gtk::Label::builder().label(text).wrap(true).xalign(0.0);
        column.append(&label.css_classes([class]).build());
    }
    column
}

fn field(name: &str) -> gtk::Entry {
    let entry = gtk::Entry::builder().placeholder_text(name).build();
    accessible::label(&entry, name);
    entry
}
