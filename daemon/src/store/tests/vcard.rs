//! vCards from phones and address books.

use crate::store::{CardFormat, Contact, ContactHandle, Handle, read_cards, write_cards};

const PHONE: &str = "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Example;Alice;;;\r\nFN:Alice Example\r\n\
    NICKNAME:Ali,Mum\r\nTEL;TYPE=CELL:+49 (30) 123-456\r\nTEL;type=HOME;type=VOICE:030 99\r\n\
    PHOTO;ENCODING=b;TYPE=JPEG:AAAA\r\nX-AHOY:ybndrfg8\r\nNOTE:likes\\, tea\\nand cake\r\n\
    END:VCARD\r\n";

const MODERN: &str = "BEGIN:VCARD\nVERSION:4.0\nFN:Bob Ünal\nTEL;VALUE=uri;PREF=1;TYPE=\"voice,\
    work\":tel:+1-555-555-5555;ext=1\nIMPP:ahoy:jkmcpqxo\nIMPP:xmpp:bob@example.org\nEND:VCARD\n";

fn handle(scheme: &str, value: &str, label: &str) -> ContactHandle {
    ContactHandle {
        handle: Handle::new(scheme, value),
        label: label.to_owned(),
    }
}

#[test]
fn version_3_from_a_phone_is_read() {
    let read = read_cards(PHONE);
    assert!(read.bad.is_empty(), "{:?}", read.bad);
    let [alice] = &read.contacts[..] else {
        panic!("{read:?}")
    };
    assert_eq!(alice.name, "Alice Example");
    assert_eq!(alice.aliases, ["Ali", "Mum"]);
    assert_eq!(alice.notes, "likes, tea\nand cake");
    assert_eq!(
        alice.handles,
        [
            handle("tel", "+4930123456", "mobile"),
            handle("tel", "03099", "home"),
            handle("ahoy", "ybndrfg8", ""),
        ]
    );
    assert_eq!((alice.id.clone(), alice.photo.as_str()), (None, ""));
}

#[test]
fn version_4_from_an_address_book_is_read() {
    let read = read_cards(MODERN);
    let [bob] = &read.contacts[..] else {
        panic!("{read:?}")
    };
    assert_eq!(bob.name, "Bob Ünal");
    assert_eq!(
        bob.handles,
        [
            handle("tel", "+15555555555", "work"),
            handle("ahoy", "jkmcpqxo", "")
        ]
    );
}

#[test]
fn bad_cards_are_named_by_line_and_cost_no_good_one() {
    let file = format!(
        "garbage\nmore garbage\n{PHONE}BEGIN:VCARD\r\nVERSION:3.0\r\nNOTE:nobody\r\nEND:VCARD\r\n\
         BEGIN:VCARD\r\nFN:Torn\r\n{MODERN}BEGIN:VCARD\nFN:Cut off\n"
    );
    let read = read_cards(&file);
    let names: Vec<_> = read
        .contacts
        .iter()
        .map(|contact| contact.name.as_str())
        .collect();
    assert_eq!(names, ["Alice Example", "Bob Ünal"]);
    let lines: Vec<_> = read.bad.iter().map(|bad| bad.line).collect();
    assert_eq!(lines, [1, 14, 18, 27], "{:?}", read.bad);
    assert!(
        read.bad[1].why.contains("neither a name nor an address"),
        "{:?}",
        read.bad[1]
    );
}

#[test]
fn a_card_without_fn_is_named_by_n_then_nickname_then_address() {
    let name = |body: &str| {
        let file = format!("BEGIN:VCARD\nVERSION:3.0\n{body}\nEND:VCARD\n");
        read_cards(&file)
            .contacts
            .first()
            .map(|contact| contact.name.clone())
    };
    assert_eq!(name("N:Example;Carol;;;").as_deref(), Some("Carol Example"));
    assert_eq!(name("N:Example\nNICKNAME:Caz").as_deref(), Some("Example"));
    assert_eq!(name("NICKNAME:Caz").as_deref(), Some("Caz"));
    assert_eq!(name("TEL:112").as_deref(), Some("112"));
    assert_eq!(name("NOTE:x"), None);
}

#[test]
fn folded_lines_and_foreign_properties_are_understood() {
    let file = "BEGIN:VCARD\nVERSION:3.0\nFN:Al\n ice\nitem1.TEL:1\nitem1.X-ABLabel:x\nEND:VCARD\n";
    let read = read_cards(file);
    assert_eq!(read.contacts[0].name, "Alice");
    assert_eq!(read.contacts[0].handles, [handle("tel", "1", "")]);
}

#[test]
fn what_is_written_in_either_version_is_read_back_the_same() {
    let contact = Contact {
        name: "Dora; von, \"Ä\"\\".to_owned(),
        aliases: vec!["D, jr".to_owned(), "Do".to_owned()],
        handles: vec![
            handle("tel", "+4930123456", "mobile"),
            handle("ahoy", "ybndrfg8", "work"),
            handle("sip", "dora@example.org", ""),
        ],
        notes: "a\nb; c, d".repeat(20),
        ..Contact::default()
    };
    for format in [CardFormat::V3, CardFormat::V4] {
        let file = write_cards(std::slice::from_ref(&contact), format);
        let version = if format == CardFormat::V3 {
            "VERSION:3.0"
        } else {
            "VERSION:4.0"
        };
        assert!(file.contains(version));
        let read = read_cards(&file);
        assert!(read.bad.is_empty(), "{:?}", read.bad);
        assert_eq!(read.contacts, std::slice::from_ref(&contact), "{file}");
    }
}
