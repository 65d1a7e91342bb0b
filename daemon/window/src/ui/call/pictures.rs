//! The pictures of a call: the large one and the small one, and which is which.
//!
//! Owns: looking at the nodes of the call. Does not own: the widgets' places. Invariant: a node is looked at
//! while the call names it, and not longer; only one's own picture is mirrored.

use std::{
    cell::{Cell, RefCell},
    rc::{Rc, Weak},
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
    video::{Frames, Viewer},
    words::Words,
};

/// A node that is looked at.
struct Source {
    node: String,
    _viewer: Viewer,
    newest: Newest,
}

/// The newest picture of a node, as it is and for the small place. Made once, however often it is drawn.
type Newest = Rc<RefCell<Option<[Picture; 2]>>>;

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

    fn draw(&self) {
        let newest = |source: &RefCell<Option<Source>>| {
            source.borrow().as_ref().and_then(|source| source.newest.borrow().clone())
        };
        let (remote, own) = (newest(&self.remote), newest(&self.own));
        let is_there = (remote.is_some(), own.is_some());
        // Without the other side's picture one's own is no reason to be large.
        let swapped = self.swapped.get() && is_there == (true, true);
        let (large, small) = if swapped { (own, remote) } else { (remote, own) };
        self.large.set_mirrored(swapped);
        self.small.pane.set_mirrored(!swapped);
        self.aside.set_mirrored(swapped);
        let large = large.map(|[large, _]| large);
        let small = small.map(|[_, small]| small);
        self.large.show_picture(large.as_ref());
        self.aside.show_picture(large.as_ref());
        self.small.pane.show_picture(small.as_ref());
        self.small.pane.set_visible(small.is_some() && !self.hidden.get());
    }
}

/// Takes pictures as they come, until the node is not looked at any more.
async fn take(pictures: Weak<Pictures>, mut frames: Frames, newest: Newest) {
    while frames.changed().await.is_ok() {
        let frame = frames.borrow_and_update().clone();
        let Some(pictures) = pictures.upgrade() else { return };
        let wide = self_view::SIDE * pictures.small.pane.scale_factor();
        let both = frame.as_deref().and_then(|frame| {
            let small = Picture::small(frame, usize::try_from(wide).ok()?)?;
            Some([Picture::new(frame)?, small])
        });
        newest.replace(both);
        pictures.draw();
    }
    newest.replace(None);
    if let Some(pictures) = pictures.upgrade() {
        pictures.draw();
    }
}
