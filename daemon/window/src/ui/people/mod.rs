//! The main window: favourites, people, and calls that were.
//!
//! Owns: the lists, the search, and the ways to all other windows. Does not own: what is in them. Invariant: what
//! was missed counts as seen once the list of it was to be seen, and not before.

mod list;
mod rows;
mod sides;

use std::{cell::RefCell, rc::Rc};

use adw::prelude::*;
use gtk::glib;

use self::{list::List, sides::Sides};
use super::{
    accessible, add,
    parts::{self, Shared},
    settings,
    voice_bar::{self, VoiceBar},
    welcome,
};
use crate::{
    memory::Memory,
    people::Person,
    service::{Service, Wish},
    state::State,
    words::Words,
};

/// Pixels on the first day: a phone's.
const SIZE: (i32, i32) = (420, 640);

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
    sides: Sides,
    search: gtk::SearchEntry,
    voice: VoiceBar,
    /// What was shown last: how often the book and the log had changed.
    seen: RefCell<Option<(u64, u64)>>,
    unseen: std::cell::Cell<u32>,
}

impl PeopleWindow {
    pub(crate) fn open(app: &adw::Application, words: &Rc<Words>, service: &Service) -> Self {
        let shared = Shared::new(words, service);
        let search = gtk::SearchEntry::builder().hexpand(true).build();
        search.set_placeholder_text(Some(&words.say("search-people")));
        accessible::label(&search, &words.say("search-people"));
        let people = List::new("system-users-symbolic");
        let recents = List::new("document-open-recent-symbolic");
        let page = gtk::Box::new(gtk::Orientation::Vertical, 0);
        let clamp = adw::Clamp::builder().child(&search).maximum_size(560).margin_top(12);
        page.append(&clamp.margin_start(12).margin_end(12).build());
        page.append(&people.stack);
        let sides = Sides::new(words, &page, &recents.stack);
        let voice = VoiceBar::new(&shared);
        let status = adw::StatusPage::builder().vexpand(true).build();
        let stack = gtk::Stack::new();
        stack.add_named(&sides.all, Some("lists"));
        stack.add_named(&status, Some("status"));
        let window = frame(app, &shared, &stack, &voice);
        let (seen, unseen) = Default::default();
        let inner = Rc::new(Inner {
            shared,
            window: window.clone(),
            stack,
            status,
            people,
            recents,
            sides,
            search,
            voice,
            seen,
            unseen,
        });
        inner.listen();
        Self { window, inner }
    }

    /// Shows what has changed.
    pub(crate) fn show(&self, state: &State) {
        self.inner.show(state);
    }

    /// Asks how to call somebody of the address book.
    pub(crate) fn ask_how(&self, id: String) {
        self.inner.clone().ask_how(id);
    }

    pub(crate) fn present(&self) {
        self.window.present();
    }

    /// Its window, for those above it.
    pub(crate) fn window(&self) -> &gtk::Window {
        self.window.upcast_ref()
    }
}

/// The window around the lists.
fn frame(
    app: &adw::Application,
    shared: &Shared,
    stack: &gtk::Stack,
    voice: &VoiceBar,
) -> adw::ApplicationWindow {
    let header = adw::HeaderBar::new();
    let all = gtk::Box::new(gtk::Orientation::Vertical, 0);
    all.append(&header);
    all.append(stack);
    all.append(&voice.bar);
    shared.toasts.set_child(Some(&all));
    let memory = Memory::of_user();
    let size = |key, first| memory.number(key).unwrap_or(first);
    let window = adw::ApplicationWindow::builder()
        .application(app)
        .title("Ahoy")
        .default_width(size("people-width", SIZE.0))
        .default_height(size("people-height", SIZE.1))
        .width_request(340)
        .content(&shared.toasts)
        .hide_on_close(true)
        .build();
    window.connect_hide(move |window| {
        let (wide, high) = window.default_size();
        memory.keep(&[("people-width", wide), ("people-height", high)]);
    });
    let add = gtk::Button::from_icon_name("list-add-symbolic");
    parts::name(&add, &shared.words.say("add-somebody"));
    let (own, above) = (shared.clone(), window.clone());
    add.connect_clicked(move |_| add::Add::open(&above, &own));
    header.pack_start(&add);
    header.pack_end(&menu(app, shared, &window));
    header.pack_end(&voice_bar::button(shared));
    window
}

/// What is seldom needed.
fn menu(
    app: &adw::Application,
    shared: &Shared,
    window: &adw::ApplicationWindow,
) -> gtk::MenuButton {
    let column = gtk::Box::new(gtk::Orientation::Vertical, 0);
    let popover = gtk::Popover::builder().child(&column).build();
    let entry = |message: &str, press: Box<dyn Fn()>| {
        let text = gtk::Label::builder().label(shared.words.say(message)).xalign(0.0).build();
        let button = gtk::Button::builder().child(&text).css_classes(["flat"]).build();
        accessible::label(&button, &shared.words.say(message));
        let popover = popover.downgrade();
        button.connect_clicked(move |_| {
            if let Some(popover) = popover.upgrade() {
                popover.popdown();
            }
            press();
        });
        column.append(&button);
    };
    let (own, above) = (shared.clone(), window.clone());
    entry("settings", Box::new(move || settings::open(&above, &own)));
    let (own, above, app) = (shared.clone(), window.clone(), app.clone());
    entry("welcome", Box::new(move || welcome::open(Some(above.upcast_ref()), &app, &own)));
    let button = gtk::MenuButton::builder().icon_name("open-menu-symbolic").popover(&popover);
    let button = button.build();
    parts::name(&button, &shared.words.say("menu"));
    button
}

impl Inner {
    fn listen(self: &Rc<Self>) {
        let own = self.clone();
        self.search.connect_search_changed(move |_| own.clone().load_people());
        let own = self.clone();
        self.sides.leaflet.connect_visible_child_notify(move |_| own.look());
        let own = self.clone();
        self.sides.leaflet.connect_folded_notify(move |_| own.look());
        let own = self.clone();
        self.window.connect_is_active_notify(move |_| own.look());
    }

    /// Missed calls that are to be seen are not new any more.
    fn look(&self) {
        if self.unseen.get() > 0 && self.window.is_active() && self.sides.shows_recents() {
            self.shared.ask_quietly(Wish::MarkSeen);
        }
    }

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
        self.voice.show(&state.voice);
        self.sides.show_missed(words, state.unseen);
        self.unseen.set(state.unseen);
        let now = why.is_none().then_some((state.people, state.log));
        let before = self.seen.replace(now);
        let Some((people, log)) = now else { return };
        if before.is_none_or(|before| before.0 != people) {
            self.clone().load_people();
        }
        if before.is_none_or(|before| before.1 != log) {
            self.clone().load_recents();
        }
        self.look();
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

    fn ask_how(self: Rc<Self>, id: String) {
        glib::spawn_future_local(async move {
            let found = self.shared.service.everybody(move |person| person.id == id).await;
            let found = found.map(|all| all.into_iter().next());
            match found {
                Ok(Some(Person { name, handle: Some(handle), .. })) => self.choose(&name, &handle),
                Ok(_) => self.shared.tell(&self.shared.words.say("nobody-found")),
                Err(why) => self.shared.complain(&why),
            }
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
}
