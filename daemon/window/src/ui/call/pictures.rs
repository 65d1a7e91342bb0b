//! The pictures of a call: the large one and the small one, and which is which.
//!
//! Owns: looking at the nodes of the call. Does not own: the widgets' places. Invariant: a node is looked at
//! while the call names it, and not longer; only one's own picture is mirrored.

use std::{
    cell::{Cell, OnceCell, RefCell},
    rc::{Rc, Weak},
    sync::Arc,
};

use adw::prelude::*;
use gtk::glib;

use super::super::{
    accessible,
    pane::{Pane, Picture},
    parts,
    self_view::{self, SelfView},
};
use crate::{
    state::Call,
    video::{Frame, Frames, Viewer},
    words::Words,
};

/// A node that is looked at.
struct Source {
    node: String,
    _viewer: Viewer,
    newest: Newest,
}

/// A picture of a node, made once for each place where it is shown, however often it is drawn.
struct Taken {
    frame: Arc<Frame>,
    /// Nothing was drawn since it came.
    waits: Cell<bool>,
    large: OnceCell<Option<Picture>>,
    small: OnceCell<Option<Picture>>,
}

impl Taken {
    fn new(frame: Arc<Frame>) -> Self {
        let (large, small) = Default::default();
        Self { frame, waits: Cell::new(true), large, small }
    }

    fn large(&self) -> Option<Picture> {
        self.waits.set(false);
        self.large.get_or_init(|| Picture::new(&self.frame)).clone()
    }

    /// For a place so many pixels wide.
    fn small(&self, wide: i32) -> Option<Picture> {
        self.waits.set(false);
        let make = || Picture::small(&self.frame, usize::try_from(wide).ok()?);
        self.small.get_or_init(make).clone()
    }
}

/// The newest one.
type Newest = Rc<RefCell<Option<Rc<Taken>>>>;

/// Both.
pub(crate) struct Pictures {
    pub(crate) large: Pane,
    /// What the large one shows, in a small window.
    pub(crate) aside: Pane,
    pub(crate) small: SelfView,
    remote: RefCell<Option<Source>>,
    own: RefCell<Option<Source>>,
    swapped: Cell<bool>,
    hidden: Cell<bool>,
}

impl Pictures {
    pub(crate) fn new() -> Self {
        let large = Pane::new(false, false);
        large.add_css_class("large");
        let aside = Pane::new(false, true);
        let (remote, own, swapped, hidden) = Default::default();
        Self { large, aside, small: SelfView::new(), remote, own, swapped, hidden }
    }

    /// Looks at the nodes that the call has now.
    pub(crate) fn show(self: &Rc<Self>, call: &Call, words: &Words) {
        self.follow(&self.remote, &call.remote_node);
        self.follow(&self.own, &call.self_node);
        let (them, me) = (
            words.with("picture-of", &[("name", parts::who(words, call).as_str())]),
            words.say("picture-of-you"),
        );
        let (large, small) = if self.swapped.get() { (&me, &them) } else { (&them, &me) };
        accessible::label(&self.large, large);
        accessible::label(&self.aside, large);
        accessible::label(&self.small.pane, small);
        self.draw();
    }

    /// Looks at nothing any more.
    pub(crate) fn stop(&self) {
        self.remote.replace(None);
        self.own.replace(None);
    }

    /// The other way round.
    pub(crate) fn swap(&self) {
        self.swapped.set(!self.swapped.get());
        self.draw();
    }

    /// Hides or shows the small one.
    pub(crate) fn toggle_small(&self) -> bool {
        self.hidden.set(!self.hidden.get());
        self.draw();
        true
    }

    /// Whether there is one that is large.
    pub(crate) fn has_picture(&self) -> bool {
        self.large.has_picture()
    }

    fn follow(self: &Rc<Self>, source: &RefCell<Option<Source>>, node: &str) {
        if source.borrow().as_ref().map_or("", |source| source.node.as_str()) == node {
            return;
        }
        source.replace(None);
        if node.is_empty() {
            return;
        }
        let (viewer, frames) = match Viewer::start(node) {
            Ok(started) => started,
            Err(error) => return tracing::warn!(%error, "the picture of a call"),
        };
        let newest = Rc::new(RefCell::new(None));
        let node = node.to_owned();
        source.replace(Some(Source { node, _viewer: viewer, newest: newest.clone() }));
        glib::spawn_future_local(take(Rc::downgrade(self), frames, newest));
    }

    /// Without the other side's picture one's own is no reason to be large.
    fn is_swapped(&self) -> bool {
        let is_there = |source| newest(source).is_some();
        self.swapped.get() && is_there(&self.remote) && is_there(&self.own)
    }

    fn draw(&self) {
        let swapped = self.is_swapped();
        let (remote, own) = (newest(&self.remote), newest(&self.own));
        let (large, small) = if swapped { (own, remote) } else { (remote, own) };
        self.large.set_mirrored(swapped);
        self.small.pane.set_mirrored(!swapped);
        self.aside.set_mirrored(swapped);
        let large = large.and_then(|taken| taken.large());
        let wide = self_view::SIDE * self.small.pane.scale_factor();
        let small = small.filter(|_| !self.hidden.get()).and_then(|taken| taken.small(wide));
        self.large.show_picture(large.as_ref());
        self.aside.show_picture(large.as_ref());
        self.small.pane.show_picture(small.as_ref());
        self.small.pane.set_visible(small.is_some());
    }

    /// A picture of this source came. Drawing once for both halves what a call's window costs (measured): the small one
    /// waits for the large one, unless that does not come.
    fn came(&self, newest: &Newest, taken: Option<Rc<Taken>>) {
        let before = newest.replace(taken);
        let large = if self.is_swapped() { &self.own } else { &self.remote };
        let is_due = large.borrow().as_ref().is_none_or(|large| {
            Rc::ptr_eq(&large.newest, newest) || large.newest.borrow().is_none()
        });
        if is_due || before.is_none_or(|before| before.waits.get()) || newest.borrow().is_none() {
            self.draw();
        }
    }
}

fn newest(source: &RefCell<Option<Source>>) -> Option<Rc<Taken>> {
    source.borrow().as_ref().and_then(|source| source.newest.borrow().clone())
}

/// Takes pictures as they come, until the node is not looked at any more.
async fn take(pictures: Weak<Pictures>, mut frames: Frames, newest: Newest) {
    while frames.changed().await.is_ok() {
        let frame = frames.borrow_and_update().clone();
        let Some(pictures) = pictures.upgrade() else { return };
        pictures.came(&newest, frame.map(|frame| Rc::new(Taken::new(frame))));
    }
    if let Some(pictures) = pictures.upgrade() {
        pictures.came(&newest, None);
    }
}
