//! A list of rows, and what stands in its place while it has none.
//!
//! Owns: the widgets. Does not own: the rows. Invariant: it is never an empty space.

use adw::prelude::*;
use gtk::glib;

/// A list that may be empty, and then says so.
pub(super) struct List {
    pub(super) stack: gtk::Stack,
    rows: gtk::ListBox,
    empty: adw::StatusPage,
}

impl List {
    pub(super) fn new(icon: &str) -> Self {
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
    pub(super) fn fill(&self, rows: Vec<adw::ActionRow>, (title, hint): (&str, &str)) {
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
