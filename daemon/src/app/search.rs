//! People in the desktop's search: whom words mean, and what a choice does.
//!
//! Owns: what is found and in which order. Does not own: the desktops' questions (`desktop/search`),
//! the words of a command (the locale pack). Invariant: a locked session finds nobody and calls
//! nobody; a call is what its title says, and begins by a choice alone.

use ahoy_core::{
    id::Now,
    voice::{Intent, Meaning, Person, normalise},
};
use tokio::sync::oneshot;

use super::{
    App, Waiter,
    request::{Caller, StartWish},
    waking::Wish,
};
use crate::{
    desktop::search::{Ask, Found},
    settings::Key,
    store::{Contact, ContactId, Store, StoreError},
};

/// People that a search shows, each with both ways to call: more nobody looks at.
const PEOPLE: usize = 4;
/// People among whom the best are looked for.
const LOOKED_AT: usize = 200;
/// What ids begin with.
const WAYS: [(&str, bool); 2] = [("voice:", false), ("video:", true)];

/// Whom words mean.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sought {
    /// Nobody.
    Nobody,
    /// These.
    People(Vec<ContactId>, Option<bool>),
    /// Whoever has this in their name; and whether a video call was asked for.
    Named(String, Option<bool>),
}

/// How a call is offered.
#[derive(Clone)]
pub(super) struct Words {
    /// With `{name}` in them: by voice, by video.
    phrases: [String; 2],
    /// What stands first.
    video_first: bool,
}

impl Words {
    /// What a click says that it does.
    pub(super) fn title(&self, name: &str, video: bool) -> String {
        capital(&self.phrases[usize::from(video)].replace("{name}", name))
    }

    fn found(&self, contact: &Contact, video: bool) -> Option<Found> {
        let id = contact.id.as_ref()?;
        let (prefix, _) = WAYS[usize::from(video)];
        let title = self.title(&contact.name, video);
        let icon = if video { "camera-video-symbolic" } else { "call-start-symbolic" };
        Some(Found { id: format!("{prefix}{}", id.0), title, about: about(contact), icon })
    }

    /// By video where that was asked for, else both ways.
    fn ways(&self, contact: &Contact, video: Option<bool>) -> Vec<Found> {
        let ways = match video {
            Some(true) => vec![true],
            Some(false) | None => vec![self.video_first, !self.video_first],
        };
        ways.into_iter().filter_map(|video| self.found(contact, video)).collect()
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The addresses that people know by heart: an identity is none.
fn about(contact: &Contact) -> String {
    let known = contact.handles.iter().filter(|one| one.handle.scheme != "ahoy");
    known.map(|one| one.handle.value.as_str()).collect::<Vec<_>>().join(", ")
}

/// What a chosen id means.
fn chosen(id: &str) -> Option<(&str, bool)> {
    WAYS.iter().find_map(|(prefix, video)| Some((id.strip_prefix(prefix)?, *video)))
}

/// What these words ask for, by what the pack makes of them.
pub(super) fn sought(text: &str, meaning: Meaning, favourites: &[ContactId]) -> Sought {
    let video = |video: bool| video.then_some(true);
    let ids =
        |people: Vec<Person>| people.into_iter().map(|one| ContactId(one.contact.0)).collect();
    match meaning {
        Meaning::Clear(Intent::Call { video: by_video, by: None, .. }, Some(person)) => {
            Sought::People(ids(vec![person]), video(by_video))
        }
        Meaning::Ambiguous(Intent::Call { video: by_video, by: None, .. }, people) => {
            Sought::People(ids(people), video(by_video))
        }
        // The beginning of a name, most often.
        Meaning::UnknownName(Intent::Call { name, video: by_video, by: None }) => {
            named(&name, video(by_video))
        }
        Meaning::Clear(Intent::CallFavourite(place), _) => {
            let one = place.checked_sub(1).and_then(|place| favourites.get(place));
            Sought::People(one.into_iter().cloned().collect(), None)
        }
        Meaning::NotForUs => named(text, None),
        // Other commands; and by which address somebody is called is not for a choice to leave out.
        Meaning::Clear(..) | Meaning::Ambiguous(..) | Meaning::UnknownName(_) => Sought::Nobody,
    }
}

/// One letter is in nearly every name; one syllable of other scripts is not.
fn named(text: &str, video: Option<bool>) -> Sought {
    let text = text.trim();
    if text.len() < 2 { Sought::Nobody } else { Sought::Named(text.to_owned(), video) }
}

/// The best of those that were sought.
fn best(db: &Store, sought: &Sought) -> Result<Vec<Contact>, StoreError> {
    let mut found = match sought {
        Sought::Nobody => Vec::new(),
        Sought::People(ids, _) => {
            let found = ids.iter().filter_map(|id| db.contact(id).transpose());
            found.collect::<Result<Vec<_>, _>>()?
        }
        Sought::Named(name, _) => db.search_contacts(name, LOOKED_AT)?,
    };
    found.retain(|contact| !contact.handles.is_empty());
    if let Sought::Named(name, _) = sought {
        let name = normalise(name);
        found.sort_by_key(|contact| (!begins(contact, &name), !contact.favourite));
    }
    found.truncate(PEOPLE);
    Ok(found)
}

/// Whether a word of somebody's names begins so.
fn begins(contact: &Contact, with: &str) -> bool {
    let names = std::iter::once(&contact.name).chain(&contact.aliases);
    names.into_iter().any(|name| {
        let name = normalise(name);
        name.starts_with(with) || name.contains(&format!(" {with}"))
    })
}

impl App {
    /// A desktop's search asks.
    pub(super) async fn searched(&mut self, now: Now, ask: Ask) {
        if self.lock.is_locked {
            // An answer that is dropped is an empty one.
            return tracing::debug!("a locked session finds nobody");
        }
        match ask {
            Ask::Search(text, answer) => self.search(&text, answer).await,
            Ask::Describe(ids, answer) => self.describe(ids, answer).await,
            Ask::Choose(id) => {
                if let Some((contact, video)) = chosen(&id) {
                    self.call_chosen(now, contact, video).await;
                }
            }
            Ask::Open => self.places.open_windows(),
        }
    }

    pub(super) fn call_words(&self) -> Words {
        let phrases = [false, true].map(|video| self.talk.call_phrase(video));
        Words { phrases, video_first: self.settings.text(Key::DEFAULT_MEDIA) == "video" }
    }

    async fn search(&self, text: &str, answer: oneshot::Sender<Vec<Found>>) {
        let favourites = self.recent.favourites.iter();
        let favourites: Vec<ContactId> =
            favourites.map(|(id, _, _)| ContactId(id.0.clone())).collect();
        let sought = sought(text, self.talk.meaning(text), &favourites);
        let video = match &sought {
            Sought::People(_, video) | Sought::Named(_, video) => *video,
            // Nothing is looked up for it.
            Sought::Nobody => return,
        };
        let (store, words) = (self.store.clone(), self.call_words());
        self.jobs
            .add(async move {
                let found = store.run(move |db| best(db, &sought)).await;
                let _ = answer.send(told(found, |contact| words.ways(contact, video)));
            })
            .await;
    }

    async fn describe(&self, ids: Vec<String>, answer: oneshot::Sender<Vec<Found>>) {
        let (store, words) = (self.store.clone(), self.call_words());
        self.jobs
            .add(async move {
                let found = store.run(move |db| described(db, &ids)).await;
                let _ = answer.send(told(found, |(contact, video)| {
                    words.found(contact, *video).into_iter().collect()
                }));
            })
            .await;
    }

    /// Somebody chose a person: that is the click without which nobody is called.
    pub(super) async fn call_chosen(&mut self, now: Now, contact: &str, video: bool) {
        if self.lock.is_locked {
            return tracing::info!("nobody is called by a click on a locked session");
        }
        let contact_id = contact.to_owned();
        let wish = StartWish { contact_id, video: Some(video), ..StartWish::default() };
        // Of no connection: the daemon's own.
        let from = Caller::Host(String::new());
        self.places.show_call();
        match self.parse_start(wish.clone(), from.clone()).await {
            Ok(command) => match self.to_wake(&command).await {
                Some(app) => {
                    // What becomes of it is seen by the call, or its absence.
                    let (answer, _) = oneshot::channel();
                    self.wake(now, app, Wish::Start(wish, from, answer)).await;
                }
                None => self.carry_out(now, Waiter::Desktop, command).await,
            },
            Err(fault) => self.tell_waiter(Waiter::Desktop, Err(fault)).await,
        }
    }
}

/// Those that are still there.
fn described(db: &Store, ids: &[String]) -> Result<Vec<(Contact, bool)>, StoreError> {
    let mut found = Vec::new();
    for id in ids.iter().take(2 * PEOPLE) {
        let Some((contact, video)) = chosen(id) else { continue };
        if let Some(contact) = db.contact(&ContactId(contact.to_owned()))? {
            found.push((contact, video));
        }
    }
    Ok(found)
}

fn told<T>(found: Result<Vec<T>, StoreError>, one: impl Fn(&T) -> Vec<Found>) -> Vec<Found> {
    let found = found.inspect_err(|error| tracing::warn!(%error, "a search of the desktop"));
    found.unwrap_or_default().iter().flat_map(one).collect()
}
