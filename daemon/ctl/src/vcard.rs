//! Contacts as vCard 4.0 text (RFC 6350).
//!
//! Owns: escaping and folding. Does not own: reading vCards (the daemon imports). Invariant: no
//! value can end its line or begin a property of its own.

use crate::value::{self, Dict};

/// Octets a line may have before it is folded (RFC 6350 section 3.2).
const LINE: usize = 75;

/// One contact.
pub fn card(contact: &Dict) -> String {
    let mut card = String::new();
    let mut line = |text: String| fold(&mut card, &text);
    line("BEGIN:VCARD".into());
    line("VERSION:4.0".into());
    line(format!("FN:{}", escape(value::text(contact, "name"))));
    let aliases: Vec<String> =
        value::list(contact, "aliases").iter().map(|alias| escape(alias)).collect();
    if !aliases.is_empty() {
        line(format!("NICKNAME:{}", aliases.join(",")));
    }
    for (scheme, value, label) in value::handles(contact) {
        let kind =
            if label.is_empty() { String::new() } else { format!(";TYPE={}", param(&label)) };
        // TEL as text and everything else as IMPP, which takes any URI.
        match scheme.as_str() {
            "tel" => line(format!("TEL{kind}:{}", escape(&value))),
            _ => line(format!("IMPP{kind}:{}:{}", uri(&scheme), uri(&value))),
        }
    }
    let notes = value::text(contact, "notes");
    if !notes.is_empty() {
        line(format!("NOTE:{}", escape(notes)));
    }
    line("END:VCARD".into());
    card
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | ',' | ';' => escaped.extend(['\\', c]),
            '\n' => escaped.push_str("\\n"),
            c if c.is_control() => {}
            c => escaped.push(c),
        }
    }
    escaped
}

/// A parameter value: quoted, and the characters that could leave the quotes dropped.
fn param(text: &str) -> String {
    let inner: String = text.chars().filter(|c| !c.is_control() && *c != '"').collect();
    format!("\"{inner}\"")
}

fn uri(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() && !c.is_whitespace()).collect()
}

fn fold(card: &mut String, text: &str) {
    let mut used = 0;
    for c in text.chars() {
        if used + c.len_utf8() > LINE {
            card.push_str("\r\n ");
            used = 1;
        }
        card.push(c);
        used += c.len_utf8();
    }
    card.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::entry;

    #[test]
    fn a_card_holds_the_contact_and_nothing_breaks_out_of_it() {
        let contact = Dict::from([
            entry("name", "Alice; \nEND:VCARD").unwrap(),
            entry("aliases", vec!["Ali, the first"]).unwrap(),
            entry("handles", vec![("tel", "+4930", "home"), ("ahoy", "k\r\nX:1", "")]).unwrap(),
        ]);
        assert_eq!(
            card(&contact),
            "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Alice\\; \\nEND:VCARD\r\nNICKNAME:Ali\\, the first\r\n\
             TEL;TYPE=\"home\":+4930\r\nIMPP:ahoy:kX:1\r\nEND:VCARD\r\n"
        );
    }

    #[test]
    fn long_lines_are_folded_between_characters() {
        let contact = Dict::from([entry("name", "é".repeat(100)).unwrap()]);
        let card = card(&contact);
        assert!(card.split("\r\n").all(|line| line.len() <= LINE));
        assert!(card.replace("\r\n ", "").contains(&"é".repeat(100)));
    }
}
