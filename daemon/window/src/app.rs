//! Which windows there are.
//!
//! Owns: opening and closing them as the calls come and go. Does not own: what they look like. Invariant:
//! the window that asks is there while a call rings and not longer, and the window of a call while there
//! is one, however either began or ended.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use gtk::glib;
use tokio::sync::watch;

use crate::{
    memory::Memory,
    menu_entry,
    service::Service,
    state::State,
    ui::{CallWindow, Incoming, OnLock, PeopleWindow, Shared, welcome},
    words::Words,
};

/// As the desktop file has it.
pub(crate) const ID: &str = "org.ahoycall.Ahoy";
const STYLE: &str = include_str!("style.css");
/// A shown duration is never wrong for longer.
const TICK: Duration = Duration::from_millis(500);

/// All of them.
pub(crate) struct Windows {
    app: adw::Application,
    words: Rc<Words>,
    service: Service,
    state: RefCell<State>,
    incoming: RefCell<Option<Incoming>>,
    call: RefCell<Option<CallWindow>>,
    on_lock: RefCell<Option<OnLock>>,
    people: RefCell<Option<PeopleWindow>>,
    ticking: Cell<bool>,
}

impl Windows {
    /// Follows the service from now on.
    pub(crate) fn start(app: &adw::Application, service: Service) -> Rc<Self> {
        let languages = glib::language_names();
        let words = Rc::new(Words::new(languages.iter().map(|name| name.as_str())));
        style();
        let (app, now) = (app.clone(), RefCell::default());
        let (incoming, call, on_lock, people, ticking) = Default::default();
        let own = Rc::new(Self {
            app,
            words,
            service,
            state: now,
            incoming,
            call,
            on_lock,
            people,
            ticking,
        });
        glib::spawn_future_local(own.clone().follow(own.service.state()));
        glib::spawn_future_local(Self::keep_menu(own.service.clone()));
        own
    }

    /// Shows people and recents, and the call that is on above them.
    pub(crate) fn show(&self) {
        let open = || PeopleWindow::open(&self.app, &self.words, &self.service);
        let mut people = self.people.borrow_mut();
        let people = people.get_or_insert_with(open);
        people.show(&self.state.borrow());
        people.present();
        self.welcome(people);
        if let Some(call) = self.call.borrow().as_ref() {
            call.present();
        }
    }

    /// The same, and asks how to call somebody, once there is an address book to look in.
    pub(crate) fn ask_how(self: &Rc<Self>, id: String) {
        self.show();
        let own = self.clone();
        glib::spawn_future_local(async move {
            let mut state = own.service.state();
            let open = |state: &State| state.there && !state.locked;
            if state.wait_for(open).await.is_ok()
                && let Some(people) = own.people.borrow().as_ref()
            {
                people.ask_how(id);
            }
        });
    }

    /// On the first day, what there is to try.
    fn welcome(&self, people: &PeopleWindow) {
        let memory = Memory::of_user();
        if !memory.flag("welcomed") {
            memory.keep_flags(&[("welcomed", true)]);
            let shared = Shared::new(&self.words, &self.service);
            welcome::open(Some(people.window()), &self.app, &shared);
        }
    }

    /// Keeps the entry in the desktop's menu true, as far as it can be known.
    async fn keep_menu(service: Service) {
        let mut told = service.state();
        let mut seen = None;
        // Before an upgrade takes the file away: its name would be another then.
        let program = std::env::current_exe().unwrap_or_else(|_| "ahoy-window".into());
        loop {
            let now = told.wait_for(|state| {
                let now = (state.people, state.settings);
                state.there && !state.locked && seen != Some(now)
            });
            let Ok(now) = now.await.map(|state| (state.people, state.settings)) else { return };
            seen = Some(now);
            if let Err(why) = menu_entry::keep(&service, &program).await {
                tracing::warn!(why, "favourites are not in the desktop's menu");
            }
        }
    }

    async fn follow(self: Rc<Self>, mut told: watch::Receiver<State>) {
        while told.changed().await.is_ok() {
            let now = told.borrow_and_update().clone();
            self.state.replace(now);
            self.reconcile();
        }
    }

    fn reconcile(self: &Rc<Self>) {
        let state = self.state.borrow();
        self.ask_about(&state);
        self.show_call(&state);
        self.show_on_lock(&state);
        if let Some(people) = self.people.borrow().as_ref() {
            people.show(&state);
        }
        drop(state);
        self.tick();
    }

    fn ask_about(&self, state: &State) {
        let mut window = self.incoming.borrow_mut();
        let ringing = state.ringing();
        if window.as_ref().is_some_and(|open| ringing.is_none_or(|(path, _)| path != open.path)) {
            window.take();
        }
        let Some((path, call)) = ringing else { return };
        match window.as_ref() {
            Some(open) => open.show(call, state.locked),
            None => {
                let with = (&self.words, &self.service);
                let call = (call, state.locked);
                window.replace(Incoming::open(&self.app, with, path, call));
            }
        }
    }

    fn show_call(&self, state: &State) {
        let mut window = self.call.borrow_mut();
        let shown = state.shown().or_else(|| {
            // Says for the moments that the call is still there how it ended.
            let (path, call) = state.calls.get_key_value(&window.as_ref()?.path)?;
            CallWindow::keeps(call).then_some((path.as_str(), call))
        });
        if window.as_ref().is_some_and(|open| shown.is_none_or(|(path, _)| path != open.path)) {
            window.take();
        }
        let Some((path, call)) = shown else { return };
        match window.as_ref() {
            Some(open) => open.show(call),
            None => {
                let with = (&self.words, &self.service);
                window.replace(CallWindow::open(&self.app, with, path, call));
            }
        }
        if let Some(open) = window.as_ref() {
            open.show_endpoints(&state.endpoints);
            open.show_locked(state.locked);
        }
    }

    /// Above a lock screen that shows windows, while the session is locked.
    fn show_on_lock(&self, state: &State) {
        let mut window = self.on_lock.borrow_mut();
        let shown = state.shown().filter(|_| state.locked);
        if window.as_ref().is_some_and(|open| shown.is_none_or(|(path, _)| path != open.path)) {
            window.take();
        }
        let Some((path, call)) = shown else { return };
        match window.as_ref() {
            Some(open) => open.show(call),
            None if OnLock::is_seen() => {
                let with = (&self.words, &self.service);
                window.replace(OnLock::open(&self.app, with, path, call));
            }
            None => {}
        }
    }

    /// Keeps the duration true while there is a call.
    fn tick(self: &Rc<Self>) {
        if self.call.borrow().is_none() || self.ticking.replace(true) {
            return;
        }
        let own = Rc::downgrade(self);
        glib::timeout_add_local(TICK, move || {
            let Some(own) = own.upgrade() else { return glib::ControlFlow::Break };
            let window = own.call.borrow();
            let Some(window) = window.as_ref() else {
                own.ticking.set(false);
                return glib::ControlFlow::Break;
            };
            if let Some(call) = own.state.borrow().calls.get(&window.path) {
                window.tick(call);
            }
            own.show_on_lock(&own.state.borrow());
            glib::ControlFlow::Continue
        });
    }
}

fn style() {
    let Some(display) = gtk::gdk::Display::default() else { return };
    let provider = gtk::CssProvider::new();
    provider.load_from_data(STYLE);
    let priority = gtk::STYLE_PROVIDER_PRIORITY_APPLICATION;
    gtk::style_context_add_provider_for_display(&display, &provider, priority);
}
