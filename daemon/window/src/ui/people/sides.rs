//! People and recents: beside each other where there is room, else one at a time with a choice below.
//!
//! Owns: that. Does not own: the lists. Invariant: what is not shown can be reached by one press.

use adw::prelude::*;

use super::super::parts;
use crate::words::Words;

/// Pixels that each side wants at least.
const LEAST: i32 = 320;

/// Both sides.
pub(super) struct Sides {
    pub(super) all: gtk::Box,
    pub(super) leaflet: adw::Leaflet,
    recents: gtk::Widget,
    recents_tab: gtk::ToggleButton,
}

impl Sides {
    pub(super) fn new(
        words: &Words,
        people: &impl IsA<gtk::Widget>,
        recents: &impl IsA<gtk::Widget>,
    ) -> Self {
        let (people, recents) = (people.clone().upcast(), recents.clone().upcast());
        let leaflet = adw::Leaflet::builder().vexpand(true).homogeneous(true).build();
        for side in [&people, &recents] {
            let side: &gtk::Widget = side;
            side.set_size_request(LEAST, -1);
            side.set_hexpand(true);
            leaflet.append(side);
        }
        let people_tab = tab("system-users-symbolic", &words.say("people"));
        let recents_tab = tab("document-open-recent-symbolic", &words.say("recents"));
        recents_tab.set_group(Some(&people_tab));
        people_tab.set_active(true);
        let tabs = gtk::Box::new(gtk::Orientation::Horizontal, 6);
        tabs.add_css_class("tabs");
        tabs.set_homogeneous(true);
        for (tab, side) in [(&people_tab, &people), (&recents_tab, &recents)] {
            let (leaflet, side) = (leaflet.downgrade(), side.clone());
            tab.connect_toggled(move |tab| {
                if let Some(leaflet) = leaflet.upgrade().filter(|_| tab.is_active()) {
                    leaflet.set_visible_child(&side);
                }
            });
            tabs.append(tab);
        }
        let bar = gtk::Revealer::builder().child(&tabs).build();
        leaflet.bind_property("folded", &bar, "reveal-child").sync_create().build();
        let all = gtk::Box::new(gtk::Orientation::Vertical, 0);
        all.append(&leaflet);
        all.append(&bar);
        Self { all, leaflet, recents, recents_tab }
    }

    /// Whether the recents are to be seen.
    pub(super) fn shows_recents(&self) -> bool {
        !self.leaflet.is_folded() || self.leaflet.visible_child().as_ref() == Some(&self.recents)
    }

    /// Shows how many calls were missed.
    pub(super) fn show_missed(&self, words: &Words, count: u32) {
        let text = match count {
            0 => words.say("recents"),
            _ => words.with("missed", &[("count", &count.to_string())]),
        };
        if let Some(content) = self.recents_tab.child().and_downcast::<adw::ButtonContent>() {
            content.set_label(&text);
        }
        parts::name(&self.recents_tab, &text);
        if count > 0 {
            self.recents_tab.add_css_class("news");
        } else {
            self.recents_tab.remove_css_class("news");
        }
    }
}

fn tab(icon: &str, text: &str) -> gtk::ToggleButton {
    let content = adw::ButtonContent::builder().icon_name(icon).label(text);
    let content = content.halign(gtk::Align::Center).build();
    let tab = gtk::ToggleButton::builder().child(&content).css_classes(["flat"]).build();
    parts::name(&tab, text);
    tab
}
