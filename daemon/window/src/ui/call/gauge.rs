//! How well the call goes, in the title.
//!
//! Owns: the icon and the figures behind it. Does not own: the grades (`quality`). Invariant: nothing is shown
//! before something was measured.

use std::cell::RefCell;

use adw::prelude::*;

use super::super::parts::{self, Shared};
use crate::quality::Quality;

/// The icon.
pub(crate) struct Gauge {
    pub(crate) button: gtk::MenuButton,
    figures: gtk::Grid,
    shown: RefCell<Quality>,
    shared: Shared,
}

impl Gauge {
    pub(crate) fn new(shared: &Shared) -> Self {
        let figures = gtk::Grid::builder().row_spacing(3).column_spacing(18).build();
        let popover = gtk::Popover::builder().child(&figures).build();
        let button = gtk::MenuButton::builder().popover(&popover).visible(false).build();
        button.add_css_class("flat");
        Self { button, figures, shown: RefCell::default(), shared: shared.clone() }
    }

    /// Shows what was measured.
    pub(crate) fn show(&self, quality: &Quality) {
        if *self.shown.borrow() == *quality {
            return;
        }
        self.shown.replace(quality.clone());
        let grade = quality.grade();
        self.button.set_visible(grade.is_some());
        let Some(grade) = grade else { return };
        let words = &self.shared.words;
        self.button.set_icon_name(grade.icon());
        parts::name(&self.button, &words.say(grade.message()));
        while let Some(figure) = self.figures.first_child() {
            self.figures.remove(&figure);
        }
        for (row, (name, value)) in (0..).zip(quality.lines(words)) {
            let name = gtk::Label::builder().label(name).xalign(0.0).css_classes(["dim-label"]);
            let value = gtk::Label::builder().label(value).xalign(1.0).css_classes(["numeric"]);
            self.figures.attach(&name.build(), 0, row, 1, 1);
            self.figures.attach(&value.build(), 1, row, 1, 1);
        }
    }
}
