//! Comparing the safety number.
//!
//! Owns: the question. Does not own: what follows from the answer (the call service). Invariant: closing the
//! question answers nothing.

use adw::prelude::*;

use super::super::parts::Shared;
use crate::service::Wish;

/// Digits of a group, and groups beside each other: as people read numbers to each other.
const GROUP: usize = 5;
const IN_A_ROW: usize = 4;

/// Shows the number and asks whether the other side reads the same.
pub(crate) fn compare(window: &adw::Window, shared: &Shared, path: &str, who: &str, number: &str) {
    let words = &shared.words;
    let heading = words.say("safety-number");
    let body = words.with("safety-number-how", &[("name", who)]);
    let dialog = adw::MessageDialog::new(Some(window), Some(&heading), Some(&body));
    let digits = gtk::Label::builder().label(in_rows(number)).selectable(true);
    let digits = digits.css_classes(["digits"]).justify(gtk::Justification::Center).build();
    dialog.set_extra_child(Some(&digits));
    dialog.add_response("later", &words.say("safety-number-later"));
    dialog.add_response("differ", &words.say("safety-number-differs"));
    dialog.add_response("same", &words.say("safety-number-fits"));
    dialog.set_response_appearance("differ", adw::ResponseAppearance::Destructive);
    dialog.set_response_appearance("same", adw::ResponseAppearance::Suggested);
    dialog.set_close_response("later");
    let (shared, path) = (shared.clone(), path.to_owned());
    dialog.connect_response(None, move |_, response| match response {
        "same" => shared.ask(Wish::Confirm(path.clone(), true)),
        "differ" => shared.ask(Wish::Confirm(path.clone(), false)),
        _ => {}
    });
    dialog.present();
}

fn in_rows(number: &str) -> String {
    let digits: Vec<char> = number.chars().filter(char::is_ascii_digit).collect();
    let groups: Vec<String> = digits.chunks(GROUP).map(|group| group.iter().collect()).collect();
    let rows: Vec<String> = groups.chunks(IN_A_ROW).map(|row| row.join("  ")).collect();
    rows.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_stands_in_three_rows() {
        for number in [["12345"; 12].join(" "), "12345".repeat(12)] {
            let rows = in_rows(&number);
            assert_eq!(rows.lines().count(), 3);
            assert_eq!(rows.lines().next(), Some("12345  12345  12345  12345"));
        }
        assert_eq!(in_rows(""), "");
    }
}
