//! The address book of the running daemon: more people than one answer holds.

mod common;

use std::{
    collections::{BTreeSet, HashMap},
    fmt::Write as _,
    fs::{self, File},
    os::fd::AsFd as _,
};

use common::{NAME, QUIET, connect, start};
use zbus::{Fd, OwnedVariant, Proxy};

type Contact = HashMap<String, OwnedVariant>;

#[tokio::test]
async fn everybody_comes_page_by_page() {
    let Some(daemon) = start(QUIET) else { return };
    let connection = connect(&daemon).await;
    let interface = "org.ahoycall.Calls1.Contacts";
    let contacts = Proxy::new(&connection, NAME, "/org/ahoycall/Calls1", interface).await.unwrap();
    let mut cards = String::new();
    for number in 0..1200 {
        let card = format!("BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Person {number}\r\nEND:VCARD\r\n");
        cards.write_str(&card).unwrap();
    }
    let path = daemon.bus.home.path().join("people.vcf");
    fs::write(&path, cards).unwrap();
    let file = File::open(&path).unwrap();
    let counts: HashMap<String, u32> =
        contacts.call("Import", &(Fd::from(file.as_fd()), "vcard")).await.unwrap();
    assert_eq!(counts["imported"], 1200);

    let (mut names, mut cursor, mut pages) = (BTreeSet::new(), String::new(), Vec::new());
    loop {
        let (page, next): (Vec<Contact>, String) =
            contacts.call("Query", &("", 500u32, cursor.as_str())).await.unwrap();
        pages.push(page.len());
        names.extend(page.into_iter().map(|mut contact| {
            assert!(contact.contains_key("pending"));
            String::try_from(contact.remove("name").unwrap()).unwrap()
        }));
        if next.is_empty() {
            break;
        }
        cursor = next;
    }
    assert_eq!(pages, [500, 500, 200]);
    assert_eq!(names.len(), 1200);
    let refused = contacts.call_method("Query", &("", 10u32, "no cursor")).await;
    let Err(zbus::Error::MethodError(error, ..)) = refused else { panic!("{refused:?}") };
    assert_eq!(error.as_str(), "org.ahoycall.Calls1.Error.InvalidArgument");
}

#[tokio::test]
async fn a_file_that_never_ends_keeps_nobody_from_the_book() {
    let Some(daemon) = start(QUIET) else { return };
    let connection = connect(&daemon).await;
    let interface = "org.ahoycall.Calls1.Contacts";
    let contacts = Proxy::new(&connection, NAME, "/org/ahoycall/Calls1", interface).await.unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    let body = (Fd::from(reader.as_fd()), "vcard");
    let import = contacts.call::<_, _, HashMap<String, u32>>("Import", &body);
    let mut import = std::pin::pin!(import);
    let others = async {
        for number in 0..20 {
            let contact = HashMap::from([("name", zbus::Variant::from(format!("P{number}")))]);
            contacts.call::<_, _, String>("Put", &(contact,)).await.unwrap();
        }
    };
    tokio::select! {
        early = &mut import => panic!("nobody has filled the pipe: {early:?}"),
        () = others => {}
    }
    drop(writer);
    assert_eq!(import.await.unwrap()["imported"], 0);
}
