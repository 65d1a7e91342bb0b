//! Contacts from and to vCard files, versions 3.0 and 4.0.
//!
//! Owns: which properties of a card mean what here. Does not own: the syntax (calcard) or the book.
//! Names, TEL, NICKNAME, NOTE and `ahoy:` handles in IMPP or X-AHOY are taken; PHOTO and the rest
//! are not. Invariant: one bad card never costs a good one; each is named by the line it begins on.

use calcard::{
    Entry,
    vcard::{
        VCard, VCardEntry, VCardParameter, VCardParameterName, VCardParameterValue, VCardProperty,
        VCardValue, VCardVersion,
    },
};

use super::{
    contacts::{Contact, ContactHandle},
    types::Handle,
};

/// Which version to write; both are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CardFormat {
    /// vCard 3.0 (RFC 2426): what most phones take.
    V3,
    /// vCard 4.0 (RFC 6350).
    V4,
}

/// A card that was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadCard {
    /// Line of its `BEGIN:VCARD`, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: String,
}

/// What a file held.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Imported {
    /// Contacts without ids, in the order of the file.
    pub contacts: Vec<Contact>,
    /// Cards that could not be used.
    pub bad: Vec<BadCard>,
}

/// Reads every card of a file.
#[must_use]
pub fn read_cards(file: &str) -> Imported {
    let mut imported = Imported::default();
    for (line, card) in split(file) {
        match card
            .map_err(str::to_owned)
            .and_then(|card| read_card(&card))
        {
            Ok(contact) => imported.contacts.push(contact),
            Err(why) => imported.bad.push(BadCard { line, why }),
        }
    }
    imported
}

/// Writes contacts as one file.
#[must_use]
pub fn write_cards(contacts: &[Contact], format: CardFormat) -> String {
    let version = match format {
        CardFormat::V3 => VCardVersion::V3_0,
        CardFormat::V4 => VCardVersion::V4_0,
    };
    let mut file = String::new();
    for contact in contacts {
        // Writing to a String cannot fail.
        let _ = to_card(contact).write_to(&mut file, version);
    }
    file
}

/// Cuts a file into cards, so that what is broken in one cannot swallow the next.
fn split(file: &str) -> Vec<(usize, Result<String, &'static str>)> {
    let mut cards = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (index, text) in file.lines().enumerate() {
        let text = text.trim_start_matches('\u{feff}');
        let word = text.trim();
        if word.eq_ignore_ascii_case("BEGIN:VCARD")
            && let Some((line, _)) = open.replace((index + 1, String::new()))
        {
            cards.push((line, Err("the card has no END:VCARD")));
        }
        match &mut open {
            Some((_, card)) => {
                card.push_str(text);
                card.push_str("\r\n");
            }
            None if word.is_empty() => {}
            None => cards.push((index + 1, Err("this line is outside any card"))),
        }
        if word.eq_ignore_ascii_case("END:VCARD")
            && let Some((line, card)) = open.take()
        {
            cards.push((line, Ok(card)));
        }
    }
    if let Some((line, _)) = open {
        cards.push((line, Err("the card has no END:VCARD")));
    }
    merge_strays(cards)
}

/// A run of lines outside any card is one thing to report, not one per line.
fn merge_strays(
    cards: Vec<(usize, Result<String, &'static str>)>,
) -> Vec<(usize, Result<String, &'static str>)> {
    let mut merged: Vec<(usize, Result<String, &'static str>)> = Vec::new();
    let mut last_stray = 0;
    for (line, card) in cards {
        let stray = card == Err("this line is outside any card");
        if stray && last_stray + 1 == line && last_stray != 0 {
            last_stray = line;
            continue;
        }
        if stray {
            last_stray = line;
        }
        merged.push((line, card));
    }
    merged
}

fn read_card(text: &str) -> Result<Contact, String> {
    let card = VCard::parse(text).map_err(|entry| why(&entry))?;
    let handles = handles(&card);
    let mut aliases = texts(&card, &VCardProperty::Nickname);
    let name = display_name(&card)
        .or_else(|| (!aliases.is_empty()).then(|| aliases.remove(0)))
        .or_else(|| handles.first().map(|entry| entry.handle.value.clone()))
        .ok_or("the card has neither a name nor an address")?;
    Ok(Contact {
        name,
        aliases,
        handles,
        notes: texts(&card, &VCardProperty::Note).join("\n"),
        ..Contact::default()
    })
}

fn why(entry: &Entry) -> String {
    if let Entry::InvalidLine(line) = entry {
        let start: String = line.trim().chars().take(40).collect();
        format!("`{start}` is not a property")
    } else {
        "this is not a vCard".to_owned()
    }
}

fn display_name(card: &VCard) -> Option<String> {
    let full = texts(card, &VCardProperty::Fn).into_iter().next();
    full.or_else(|| {
        let entry = card.property(&VCardProperty::N)?;
        let parts: Vec<String> = entry.values.iter().flat_map(value_texts).collect();
        // N is family;given;additional;prefix;suffix: people say given, then family.
        let said: Vec<&str> = [1, 2, 0]
            .iter()
            .filter_map(|&index| parts.get(index).map(|part| part.trim()))
            .filter(|part| !part.is_empty())
            .collect();
        (!said.is_empty()).then(|| said.join(" "))
    })
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "calcard's: no other property is an address"
)]
fn handles(card: &VCard) -> Vec<ContactHandle> {
    let mut handles: Vec<ContactHandle> = Vec::new();
    for entry in &card.entries {
        let found = match &entry.name {
            VCardProperty::Tel => first_text(entry).and_then(|text| phone(&text)),
            VCardProperty::Impp => first_text(entry).and_then(|text| address(&text)),
            VCardProperty::Other(name) if name.eq_ignore_ascii_case("X-AHOY") => first_text(entry)
                .and_then(|text| match address(&text) {
                    Some(handle) => Some(handle),
                    None => handle("ahoy", &text),
                }),
            _ => None,
        };
        if let Some(handle) = found
            && !handles.iter().any(|known| known.handle == handle)
        {
            let label = label(entry);
            handles.push(ContactHandle { handle, label });
        }
    }
    handles
}

fn phone(text: &str) -> Option<Handle> {
    let text = text.trim();
    let number = match text.split_at_checked(4) {
        Some((scheme, number)) if scheme.eq_ignore_ascii_case("tel:") => number,
        Some(_) | None => text,
    };
    // RFC 3966 separators mean nothing; an extension after `;` is kept out of the number.
    let digits: String = number
        .split(';')
        .next()
        .unwrap_or_default()
        .chars()
        .filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')' | '/' | '\u{a0}'))
        .collect();
    handle("tel", &digits)
}

fn address(text: &str) -> Option<Handle> {
    let (scheme, value) = text.trim().split_once(':')?;
    let scheme = scheme.to_ascii_lowercase();
    matches!(scheme.as_str(), "ahoy" | "sip" | "sips" | "tel").then_some(())?;
    handle(&scheme, value)
}

fn handle(scheme: &str, value: &str) -> Option<Handle> {
    let value = value.trim();
    (!value.is_empty()).then(|| Handle::new(scheme, value))
}

fn label(entry: &VCardEntry) -> String {
    entry
        .params
        .iter()
        .filter(|param| param.name == VCardParameterName::Type)
        .map(|param| {
            param
                .value
                .as_text()
                .unwrap_or_default()
                .to_ascii_lowercase()
        })
        .map(|word| {
            if word == "cell" {
                "mobile".to_owned()
            } else {
                word
            }
        })
        .find(|word| !matches!(word.as_str(), "" | "voice" | "pref" | "video" | "text"))
        .unwrap_or_default()
}

fn texts(card: &VCard, property: &VCardProperty) -> Vec<String> {
    card.properties(property)
        .flat_map(|entry| entry.values.iter().flat_map(value_texts))
        .map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty())
        .collect()
}

fn first_text(entry: &VCardEntry) -> Option<String> {
    entry.values.iter().flat_map(value_texts).next()
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "calcard's: dates and pictures have no text"
)]
fn value_texts(value: &VCardValue) -> Vec<String> {
    match value {
        VCardValue::Text(text) => vec![text.clone()],
        VCardValue::Component(parts) => parts.clone(),
        VCardValue::Integer(number) => vec![number.to_string()],
        _ => Vec::new(),
    }
}

fn to_card(contact: &Contact) -> VCard {
    let mut entries = vec![
        text(VCardProperty::Fn, &contact.name),
        // 3.0 demands N; the name is not taken apart, because nobody can do that rightly.
        VCardEntry::new(VCardProperty::N).with_values(
            [contact.name.as_str(), "", "", "", ""]
                .map(|part| VCardValue::Text(part.to_owned()))
                .to_vec(),
        ),
    ];
    if !contact.aliases.is_empty() {
        let names = contact
            .aliases
            .iter()
            .cloned()
            .map(VCardValue::Text)
            .collect();
        entries.push(VCardEntry::new(VCardProperty::Nickname).with_values(names));
    }
    for ContactHandle { handle, label } in &contact.handles {
        let uri = format!("{}:{}", handle.scheme, handle.value);
        let entry = if handle.scheme == "tel" {
            text(VCardProperty::Tel, &handle.value)
        } else {
            text(VCardProperty::Impp, &uri)
        };
        entries.push(with_label(entry, label));
    }
    if !contact.notes.is_empty() {
        entries.push(text(VCardProperty::Note, &contact.notes));
    }
    VCard { entries }
}

fn text(property: VCardProperty, value: &str) -> VCardEntry {
    VCardEntry::new(property).with_value(VCardValue::Text(value.to_owned()))
}

fn with_label(entry: VCardEntry, label: &str) -> VCardEntry {
    let word = if label == "mobile" { "cell" } else { label };
    if word.is_empty() {
        return entry;
    }
    entry.with_param(VCardParameter {
        name: VCardParameterName::Type,
        value: VCardParameterValue::Text(word.to_owned()),
    })
}
