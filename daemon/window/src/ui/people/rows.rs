//! One row for one person, or one call that was.
//!
//! Owns: what is in it, and asking voice or video. Does not own: which rows there are. Invariant: a row calls
//! nobody before it was asked how.

use std::rc::Rc;

use adw::prelude::*;
use gtk::glib;

use super::{super::parts, Inner};
use crate::{
    people::{Person, Recent},
    service::Wish,
};

impl Inner {
    pub(super) fn person(self: &Rc<Self>, person: Person) -> adw::ActionRow {
        let row = row(&person.name);
        row.add_prefix(&parts::face(40, &person.name, &person.picture));
        let (icon, message) = if person.favourite {
            ("starred-symbolic", "remove-favourite")
        } else {
            ("non-starred-symbolic", "add-favourite")
        };
        let star = parts::round(icon, &self.shared.words.say(message), "flat");
        star.set_valign(gtk::Align::Center);
        let shared = self.shared.clone();
        let wish = Wish::SetFavourite(person.id.clone(), !person.favourite);
        star.connect_clicked(move |_| shared.ask(wish.clone()));
        row.add_suffix(&star);
        self.calls(&row, &person.name, person.handle);
        row
    }

    pub(super) fn recent(self: &Rc<Self>, recent: Recent) -> adw::ActionRow {
        let words = &self.shared.words;
        let row = row(&recent.name);
        let way = if recent.outgoing { "way-outgoing" } else { "way-incoming" };
        let outcome = words.say(&format!("outcome-{}", recent.outcome));
        let when = glib::DateTime::from_unix_local((recent.at / 1_000_000).try_into().unwrap_or(0));
        let when = when.and_then(|when| when.format("%x %H:%M")).unwrap_or_default();
        row.set_subtitle(&glib::markup_escape_text(&format!("{outcome} · {when}")));
        let icon = if recent.outgoing { "go-up-symbolic" } else { "go-down-symbolic" };
        let icon = gtk::Image::from_icon_name(icon);
        parts::name(&icon, &words.say(way));
        row.add_prefix(&icon);
        if recent.is_missed() {
            row.add_css_class("missed");
        }
        if recent.video {
            let camera = gtk::Image::from_icon_name("camera-web-symbolic");
            parts::name(&camera, &words.say("call-video"));
            row.add_suffix(&camera);
        }
        self.calls(&row, &recent.name, recent.handle);
        row
    }

    /// Has a row call, once it was asked how.
    fn calls(self: &Rc<Self>, row: &adw::ActionRow, name: &str, handle: Option<(String, String)>) {
        let Some(handle) = handle else { return };
        // A row has no action for a screen reader (GTK 4.8); a button has.
        let text = self.shared.words.with("call-somebody", &[("name", name)]);
        let call = parts::round("call-start-symbolic", &text, "flat");
        call.set_valign(gtk::Align::Center);
        row.add_suffix(&call);
        // Not by set_activatable_widget: the button would be called by both its name and the row's.
        row.set_activatable(true);
        let own = self.clone();
        let (name, to) = (name.to_owned(), handle.clone());
        call.connect_clicked(move |_| own.choose(&name, &to));
        let (own, name) = (self.clone(), row.title());
        row.connect_activated(move |_| own.choose(&name, &handle));
    }

    pub(super) fn choose(&self, name: &str, handle: &(String, String)) {
        let words = &self.shared.words;
        let heading = words.with("call-somebody", &[("name", name)]);
        let dialog = adw::MessageDialog::new(Some(&self.window), Some(&heading), None);
        dialog.add_response("cancel", &words.say("cancel"));
        dialog.add_response("voice", &words.say("call-voice"));
        dialog.add_response("video", &words.say("call-video"));
        dialog.set_response_appearance("voice", adw::ResponseAppearance::Suggested);
        dialog.set_default_response(Some("voice"));
        dialog.set_close_response("cancel");
        let (shared, handle) = (self.shared.clone(), handle.clone());
        dialog.connect_response(None, move |_, response| {
            if response != "cancel" {
                let (handle, video) = (handle.clone(), response == "video");
                shared.ask(Wish::Start { handle, video });
            }
        });
        dialog.present();
    }
}

fn row(name: &str) -> adw::ActionRow {
    let row = adw::ActionRow::new();
    row.set_use_markup(false);
    row.set_title(name);
    row.set_title_lines(1);
    row
}
