//! The main window: favourites, people, and calls that were.
//!
//! Owns: the lists, the search, and asking voice or video. Does not own: what is in them. Invariant: a row
//! calls nobody before it was asked how.

use std::{cell::RefCell, rc::Rc};

use adw::prelude::*;
use gtk::glib;

use super::{
    accessible,
    parts::{self, Shared},
};
use crate::{
    people::{Person, Recent},
    service::{Service, Wish},
    state::State,
    words::Words,
};

/// The window.
pub(crate) struct PeopleWindow {
    window: adw::ApplicationWindow,
    inner: Rc<Inner>,
}

struct Inner {
    shared: Shared,
    window: adw::ApplicationWindow,
    /// Lists, or why there are none.
    stack: gtk::Stack,
    status: adw::StatusPage,
    people: List,
    recents: List,
    recents_page: adw::ViewStackPage,
    search: gtk::SearchEntry,
    /// What was shown last: how often the book and the log had changed, and the search.
    seen: RefCell<Option<(u64, u64)>>,
}

/// A list that may be empty, and then says so.
struct List {
    stack: gtk::Stack,
    rows: gtk::ListBox,
    empty: adw::StatusPage,
}

impl List {
    fn new(icon: &str) -> Self {
        let rows = gtk::ListBox::new();
        rows.set_selection_mode(gtk::SelectionMode::None);
        rows.add_css_class("boxed-list");
        rows.set_valign(gtk::Align::Start);
        let clamp = adw::Clamp::builder().child(&rows).maximum_size(560).build();
        for margin in ["margin-top", "margin-bottom", "margin-start", "margin-end"] {
            clamp.set_property(margin, 12);
        }
        let scrolled = gtk::ScrolledWindow::builder().child(&clamp).vexpand(true);
        let scrolled = scrolled.hscrollbar_policy(gtk::PolicyType::Never).build();
        let empty = adw::StatusPage::builder().icon_name(icon).vexpand(true).build();
        let stack = gtk::Stack::new();
        stack.add_named(&scrolled, Some("rows"));
        stack.add_named(&empty, Some("empty"));
        Self { stack, rows, empty }
    }

    /// Shows these rows; none: this title and hint.
    fn fill(&self, rows: Vec<adw::ActionRow>, (title, hint): (&str, &str)) {
        while let Some(row) = self.rows.first_child() {
            self.rows.remove(&row);
        }
        self.empty.set_title(title);
        self.empty.set_description(Some(&glib::markup_escape_text(hint)));
        self.stack.set_visible_child_name(if rows.is_empty() { "empty" } else { "rows" });
        for row in rows {
            self.rows.append(&row);
        }
    }
}

impl PeopleWindow {
    pub(crate) fn open(app: &adw::Application, words: &Rc<Words>, service: &Service) -> Self {
        let shared = Shared::new(words, service);
        let search = gtk::SearchEntry::builder().hexpand(true).build();
        search.set_placeholder_text(Some(&words.say("search-people")));
        accessible::label(&search, &words.say("search-people"));
        let people = List::new("system-users-symbolic");
        let recents = List::new("document-open-recent-symbolic");
        let views = adw::ViewStack::new();
        let page = gtk::Box::new(gtk::Orientation::Vertical, 0);
        let clamp = adw::Clamp::builder().child(&search).maximum_size(560).margin_top(12);
        page.append(&clamp.margin_start(12).margin_end(12).build());
        page.append(&people.stack);
        let tab = |page: &adw::ViewStackPage, icon| page.set_icon_name(Some(icon));
        let people_page = views.add_titled(&page, Some("people"), &words.say("people"));
        tab(&people_page, "system-users-symbolic");
        let title = words.say("recents");
        let recents_page = views.add_titled(&recents.stack, Some("recents"), &title);
        tab(&recents_page, "document-open-recent-symbolic");
        let (window, stack, status) = frame(app, &views, &shared.toasts);
        let seen = RefCell::default();
        let inner = Rc::new(Inner {
            shared,
            window: window.clone(),
            stack,
            status,
            people,
            recents,
            recents_page,
            search,
            seen,
        });
        let own = inner.clone();
        inner.search.connect_search_changed(move |_| own.clone().load_people());
        let own = inner.clone();
        views.connect_visible_child_name_notify(move |views| {
            if views.visible_child_name().as_deref() == Some("recents") {
                own.shared.ask(Wish::MarkSeen);
            }
        });
        Self { window, inner }
    }

    /// Shows what has changed.
    pub(crate) fn show(&self, state: &State) {
        self.inner.show(state);
    }

    pub(crate) fn present(&self) {
        self.window.present();
    }
}

/// The window around the lists: on a phone the choice between them stands below.
fn frame(
    app: &adw::Application,
    views: &adw::ViewStack,
    toasts: &adw::ToastOverlay,
) -> (adw::ApplicationWindow, gtk::Stack, adw::StatusPage) {
    let title = adw::ViewSwitcherTitle::builder().stack(views).title("Ahoy").build();
    let header = adw::HeaderBar::builder().title_widget(&title).build();
    header.set_centering_policy(adw::CenteringPolicy::Strict);
    let bar = adw::ViewSwitcherBar::builder().stack(views).build();
    title.bind_property("title-visible", &bar, "reveal").sync_create().build();
    let lists = gtk::Box::new(gtk::Orientation::Vertical, 0);
    lists.append(views);
    views.set_vexpand(true);
    lists.append(&bar);
    let status = adw::StatusPage::builder().vexpand(true).build();
    let stack = gtk::Stack::new();
    stack.add_named(&lists, Some("lists"));
    stack.add_named(&status, Some("status"));
    let all = gtk::Box::new(gtk::Orientation::Vertical, 0);
    all.append(&header);
    all.append(&stack);
    toasts.set_child(Some(&all));
    let window = adw::ApplicationWindow::builder()
        .application(app)
        .title("Ahoy")
        .default_width(420)
        .default_height(640)
        .width_request(320)
        .content(toasts)
        .hide_on_close(true)
        .build();
    (window, stack, status)
}

impl Inner {
    fn show(self: &Rc<Self>, state: &State) {
        let words = &self.shared.words;
        let why = match (state.there, state.locked) {
            (false, _) => Some(("not-running", "not-running-hint", "network-offline-symbolic")),
            (true, true) => Some(("locked", "locked-hint", "system-lock-screen-symbolic")),
            (true, false) => None,
        };
        if let Some((title, hint, icon)) = why {
            self.status.set_title(&words.say(title));
            let hint = words.say(hint);
            self.status.set_description(Some(&glib::markup_escape_text(&hint)));
            self.status.set_icon_name(Some(icon));
            self.seen.replace(None);
        }
        self.stack.set_visible_child_name(if why.is_some() { "status" } else { "lists" });
        self.recents_page.set_badge_number(state.unseen);
        self.recents_page.set_needs_attention(state.unseen > 0);
        let now = why.is_none().then_some((state.people, state.log));
        let before = self.seen.replace(now);
        let Some((people, log)) = now else { return };
        if before.is_none_or(|before| before.0 != people) {
            self.clone().load_people();
        }
        if before.is_none_or(|before| before.1 != log) {
            self.clone().load_recents();
        }
    }

    fn load_people(self: Rc<Self>) {
        glib::spawn_future_local(async move {
            let text = self.search.text().to_string();
            let found = self.shared.service.people(text.clone()).await;
            // An answer to what was typed before is none any more.
            if self.search.text() != text {
                return;
            }
            let mut found = found.unwrap_or_default();
            if text.is_empty() {
                found.sort_by_key(|person| !person.favourite);
            }
            let rows = found.into_iter().map(|person| self.person(person)).collect();
            let words = &self.shared.words;
            let empty = if text.is_empty() {
                (words.say("nobody"), words.say("nobody-hint"))
            } else {
                (words.say("nobody-found"), String::new())
            };
            self.people.fill(rows, (&empty.0, &empty.1));
        });
    }

    fn load_recents(self: Rc<Self>) {
        glib::spawn_future_local(async move {
            let rows = self.shared.service.recents().await.unwrap_or_default();
            let rows = rows.into_iter().map(|recent| self.recent(recent)).collect();
            let words = &self.shared.words;
            let empty = (words.say("no-recents"), words.say("no-recents-hint"));
            self.recents.fill(rows, (&empty.0, &empty.1));
        });
    }

    fn person(self: &Rc<Self>, person: Person) -> adw::ActionRow {
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

    fn recent(self: &Rc<Self>, recent: Recent) -> adw::ActionRow {
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

    fn choose(&self, name: &str, handle: &(String, String)) {
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
