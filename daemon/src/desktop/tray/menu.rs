//! The tray's menu (`com.canonical.dbusmenu`).
//!
//! Owns: numbers of entries, and the layout on the bus. Does not own: which entries there are, or what
//! they do. Invariant: a number means one wish for ever: a click on a menu that is out of date does
//! what the entry said, or nothing.

use std::collections::HashMap;

use ahoy_core::id::CallId;
use tokio::sync::{mpsc, watch};
use zbus::{Connection, Variant, fdo, interface, object_server::SignalEmitter};

/// As the icon says.
pub(super) const PATH: &str = "/org/ahoycall/Ahoy/Menu";
/// The entry that has all others.
const ROOT: i32 = 0;
/// Entries that only stand there are counted below this, wishes from it on.
const FIRST_WISH: i32 = 100;

/// What an entry is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Wish {
    /// Open the windows.
    Open,
    /// Answer this call, with or without video.
    Answer(CallId, bool),
    /// Decline it.
    Decline(CallId),
    /// End it.
    HangUp(CallId),
    /// Close or open the microphone in it.
    Mute(CallId, bool),
    /// Do Not Disturb, or not.
    Quiet(bool),
    /// Call this contact, with or without video.
    Call(String, bool),
}

/// An entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Words that do nothing.
    Note(String),
    /// A line.
    Line,
    /// Does something.
    Button(String, Wish),
    /// Is on or off, and the wish is the other.
    Check(String, bool, Wish),
}

/// Which number each wish has.
#[derive(Debug)]
pub(super) struct Ids {
    of: HashMap<Wish, i32>,
    next: i32,
}

impl Default for Ids {
    fn default() -> Self {
        Self { of: HashMap::new(), next: FIRST_WISH }
    }
}

impl Ids {
    /// Numbers these entries; wishes that are none any more lose theirs.
    fn number(&mut self, entries: &[Entry]) -> Vec<(i32, Entry)> {
        let wishes: Vec<&Wish> = entries.iter().filter_map(Entry::wish).collect();
        self.of.retain(|wish, _| wishes.contains(&wish));
        let mut idle = ROOT;
        let number = |entry: &Entry| {
            let id = match entry.wish() {
                Some(wish) => self.of.get(wish).copied().unwrap_or_else(|| {
                    let id = self.next;
                    self.next += 1;
                    self.of.insert(wish.clone(), id);
                    id
                }),
                None => {
                    idle += 1;
                    idle
                }
            };
            (id, entry.clone())
        };
        entries.iter().map(number).collect()
    }
}

impl Entry {
    const fn wish(&self) -> Option<&Wish> {
        match self {
            Self::Button(_, wish) | Self::Check(_, _, wish) => Some(wish),
            Self::Note(_) | Self::Line => None,
        }
    }

    fn properties(&self) -> Properties {
        let label = |text: &str| ("label", Variant::from(text.replace('_', "__")));
        match self {
            Self::Note(text) => Properties::from([label(text), ("enabled", false.into())]),
            Self::Line => Properties::from([("type", "separator".into())]),
            Self::Button(text, _) => Properties::from([label(text)]),
            Self::Check(text, is_on, _) => Properties::from([
                label(text),
                ("toggle-type", "checkmark".into()),
                ("toggle-state", i32::from(*is_on).into()),
            ]),
        }
    }
}

type Properties = HashMap<&'static str, Variant<'static>>;
/// Id, properties, children.
type Node = (i32, Properties, Vec<Variant<'static>>);

/// The menu as it stands.
#[derive(Clone, Debug, Default)]
pub(super) struct Menu {
    revision: u32,
    entries: Vec<(i32, Entry)>,
}

impl Menu {
    /// Makes it one of these entries. Whether it differs from before.
    pub(super) fn become_of(&mut self, entries: &[Entry], ids: &mut Ids) -> bool {
        let entries = ids.number(entries);
        let differs = entries != self.entries;
        if differs {
            *self = Self { revision: self.revision.wrapping_add(1), entries };
        }
        differs
    }

    pub(super) const fn revision(&self) -> u32 {
        self.revision
    }

    fn properties(&self, id: i32) -> Option<Properties> {
        if id == ROOT {
            return Some(Properties::from([("children-display", "submenu".into())]));
        }
        Some(self.entry(id)?.properties())
    }

    fn entry(&self, id: i32) -> Option<&Entry> {
        self.entries.iter().find(|(known, _)| *known == id).map(|(_, entry)| entry)
    }

    fn node(&self, id: i32, depth: i32, names: &[String]) -> Option<Node> {
        let child = |(id, entry): &(i32, Entry)| {
            let properties = only(entry.properties(), names);
            Variant::from((*id, properties, Vec::<Variant<'static>>::new()))
        };
        let children = if id == ROOT && depth != 0 { self.entries.as_slice() } else { &[] };
        let children = children.iter().map(child).collect();
        Some((id, only(self.properties(id)?, names), children))
    }
}

/// Those that were asked for; no names are all of them.
fn only(mut properties: Properties, names: &[String]) -> Properties {
    properties.retain(|name, _| names.is_empty() || names.iter().any(|one| one == name));
    properties
}

fn unknown(id: i32) -> fdo::Error {
    fdo::Error::InvalidArgs(format!("there is no entry {id}"))
}

/// The object.
pub(super) struct Object {
    menu: watch::Receiver<Menu>,
    pressed: mpsc::Sender<Wish>,
}

impl Object {
    pub(super) const fn new(menu: watch::Receiver<Menu>, pressed: mpsc::Sender<Wish>) -> Self {
        Self { menu, pressed }
    }

    /// Something happened to an entry. Whether there is one.
    fn happened(&self, id: i32, what: &str) -> bool {
        let menu = self.menu.borrow();
        let entry = menu.entry(id);
        if let Some(wish) = entry.and_then(Entry::wish).filter(|_| what == "clicked") {
            // A click that does not fit is one of many.
            let _ = self.pressed.try_send(wish.clone());
        }
        entry.is_some() || id == ROOT
    }
}

/// Tells that the menu is another.
pub(super) async fn tell(objects: &Connection, revision: u32) -> zbus::Result<()> {
    let emitter = SignalEmitter::new(objects, PATH)?;
    Object::layout_updated(&emitter, revision, ROOT).await
}

#[interface(name = "com.canonical.dbusmenu")]
impl Object {
    fn get_layout(
        &self,
        parent_id: i32,
        recursion_depth: i32,
        property_names: Vec<String>,
    ) -> fdo::Result<(u32, Node)> {
        let menu = self.menu.borrow();
        let node = menu.node(parent_id, recursion_depth, &property_names);
        Ok((menu.revision, node.ok_or_else(|| unknown(parent_id))?))
    }

    fn get_group_properties(
        &self,
        ids: Vec<i32>,
        property_names: Vec<String>,
    ) -> Vec<(i32, Properties)> {
        let menu = self.menu.borrow();
        let all = menu.entries.iter().map(|(id, _)| *id);
        let wanted: Vec<i32> = if ids.is_empty() { all.collect() } else { ids };
        let known = wanted.into_iter().filter_map(|id| Some((id, menu.properties(id)?)));
        known.map(|(id, all)| (id, only(all, &property_names))).collect()
    }

    fn get_property(&self, id: i32, name: String) -> fdo::Result<Variant<'static>> {
        let mut all = self.menu.borrow().properties(id).ok_or_else(|| unknown(id))?;
        all.remove(name.as_str()).ok_or_else(|| fdo::Error::InvalidArgs(format!("no {name}")))
    }

    fn event(&self, id: i32, event_id: String, data: Variant<'_>, timestamp: u32) {
        let _ = (data, timestamp);
        self.happened(id, &event_id);
    }

    /// Gives those that there are not.
    fn event_group(&self, events: Vec<(i32, String, Variant<'_>, u32)>) -> Vec<i32> {
        let unknown = events.iter().filter(|(id, what, ..)| !self.happened(*id, what));
        unknown.map(|(id, ..)| *id).collect()
    }

    /// It is always as it should be.
    fn about_to_show(&self, id: i32) -> bool {
        let _ = id;
        false
    }

    fn about_to_show_group(&self, ids: Vec<i32>) -> (Vec<i32>, Vec<i32>) {
        let menu = self.menu.borrow();
        let unknown = ids.into_iter().filter(|id| menu.properties(*id).is_none());
        (Vec::new(), unknown.collect())
    }

    #[zbus(property)]
    fn version(&self) -> u32 {
        3
    }

    #[zbus(property)]
    fn text_direction(&self) -> &'static str {
        "ltr"
    }

    #[zbus(property)]
    fn status(&self) -> &'static str {
        "normal"
    }

    #[zbus(property)]
    fn icon_theme_path(&self) -> Vec<String> {
        Vec::new()
    }

    #[zbus(signal)]
    async fn layout_updated(
        emitter: &SignalEmitter<'_>,
        revision: u32,
        parent: i32,
    ) -> zbus::Result<()>;

    #[zbus(signal)]
    async fn items_properties_updated(
        emitter: &SignalEmitter<'_>,
        updated: Vec<(i32, HashMap<String, Variant<'_>>)>,
        removed: Vec<(i32, Vec<String>)>,
    ) -> zbus::Result<()>;
}
